"""The code of a graph: a function's text, and the globals that it needs."""

from __future__ import annotations

import enum
import typing
from collections.abc import Callable
from dataclasses import dataclass
from types import UnionType
from typing import TYPE_CHECKING, Any, NamedTuple

from fnnet.torch.fx.naming import (
    Namespace,
    custom_builtins,
    is_from_torch,
    module_of,
    qualified_name,
    type_name,
)
from fnnet.torch.tensor import Tensor
from fnnet.torch.utils import _pytree as pytree

if TYPE_CHECKING:
    from fnnet.torch.fx.node import Node

__all__ = ["INPLACE", "MAGIC", "REFLECTABLE", "CodeGen", "PythonCode"]

REFLECTABLE = {
    "add": "+", "sub": "-", "mul": "*", "floordiv": "//", "truediv": "/", "div": "/", "mod": "%", "pow": "**",
    "lshift": "<<", "rshift": ">>", "and_": "&", "or_": "|", "xor": "^", "getitem": "[]", "matmul": "@",
}  # fmt: skip
MAGIC = {
    "eq": "==", "ne": "!=", "lt": "<", "gt": ">", "le": "<=", "ge": ">=", "pos": "+", "neg": "-",
    "invert": "~",
} | REFLECTABLE  # fmt: skip
INPLACE = {
    "iadd": "+=", "iand": "&=", "ifloordiv": "//=", "ilshift": "<<=", "imod": "%=", "imul": "*=",
    "imatmul": "@=", "ior": "|=", "ipow": "**=", "irshift": ">>=", "isub": "-=", "itruediv": "/=",
    "ixor": "^=", "setitem": "[]=",
}  # fmt: skip
"""Operators by the name that the module `operator` gives them."""


@dataclass
class PythonCode:
    """The text of a function, its globals, and from its lines to the nodes that they are of."""

    src: str
    globals: dict[str, Any]
    _lineno_map: dict[int, int | None]
    _prologue_start: int


def target_text(base: str, target: str) -> str:
    """A dotted name below `base`, as code."""
    for part in target.split("."):
        base = f"{base}.{part}" if part.isidentifier() else f'getattr({base}, "{part}")'
    return base


class _PyTreeInfo(NamedTuple):
    """How arguments that are containers are taken apart, and the result is put together."""

    orig_args: list[str]
    in_spec: Any
    out_spec: Any


class CodeGen:
    """Writes the code of graphs."""

    def __init__(self) -> None:
        self._body_transformer: Callable[[list[str]], list[str]] | None = None
        self._func_name = "forward"

    def gen_fn_def(self, free_vars: list[str], maybe_return_annotation: str) -> str:
        """The line that begins the function."""
        if not free_vars or free_vars[0] != "self":
            free_vars.insert(0, "self")
        return f"def {self._func_name}({', '.join(free_vars)}){maybe_return_annotation}:"

    def generate_output(self, output_args: Any, *, repr_fn: Callable[[Any], str] = repr) -> str:
        """The line that gives the result."""
        return f"return {repr_fn(output_args)}"

    def process_inputs(self, *args: Any) -> Any:
        """The arguments as the inputs of the graph."""
        return args

    def process_outputs(self, outputs: Any) -> Any:
        """What the graph gave as the function gives it."""
        return outputs

    def additional_globals(self) -> list[tuple[str, Any]]:
        """What else the code names."""
        return []

    def _gen_python_code(
        self, nodes: Any, root_module: str, namespace: Namespace, *, verbose: bool = False, **options: Any
    ) -> PythonCode:
        for name, value in options.items():
            if value:
                raise NotImplementedError(
                    f"fnnet.torch: Graph.python_code({name}={value!r}) is not supported"
                )
        return _Writer(self, nodes, root_module, namespace, verbose).code()


class _Writer:
    """One function that is being written."""

    def __init__(self, codegen: CodeGen, nodes: Any, root: str, namespace: Namespace, verbose: bool) -> None:
        self.codegen, self.nodes, self.root, self.namespace = codegen, nodes, root, namespace
        self.verbose = verbose
        self.globals: dict[str, Any] = {}
        self.inputs: list[str] = []
        self.wrapped: dict[str, None] = {}
        self.returns = ""
        self.last: dict[Node, list[Node]] = {}
        seen: set[Node] = set()
        for node in reversed(nodes):
            for one in node._input_nodes:
                if one not in seen:
                    seen.add(one)
                    self.last.setdefault(node, []).append(one)

    def name_of(self, hint: str, thing: Any) -> str:
        """The name by which the code calls a thing, which becomes one of its globals."""
        if is_from_torch(thing) and thing is not custom_builtins()["device"][1]:
            return qualified_name(thing)
        name = self.namespace.create_name(hint, thing)
        self.globals[name] = thing
        return name

    def type_text(self, thing: Any) -> str:
        """An annotation as code."""
        if thing == ():
            return "()"
        name = type_name(thing)
        if isinstance(thing, UnionType) and "|" in name:
            return "|".join(map(self.type_text, typing.get_args(thing)))
        origin = getattr(thing, "__origin__", None)
        if origin is None:
            return self.name_of(name, thing)
        if type(thing).__name__ == "_GenericAlias":
            origin = {list: list, dict: dict, set: set, frozenset: frozenset, tuple: tuple}.get(
                origin, origin
            )
        shown = self.name_of(type_name(origin), origin)
        args = typing.get_args(thing)
        return f"{shown}[{','.join(map(self.type_text, args))}]" if args else shown

    def text(self, arg: Any) -> str:
        """An argument as code."""
        if isinstance(arg, tuple) and hasattr(arg, "_fields"):
            return f"{self.name_of(qualified_name(type(arg)), type(arg))}{tuple(arg)!r}"
        if isinstance(arg, enum.Enum):
            return f"{self.name_of(type(arg).__name__, type(arg))}.{arg.name}"
        if isinstance(arg, Tensor):
            return f"torch.Tensor(size={list(arg.size())}, dtype={str(arg.dtype).split('.')[-1]})"
        if isinstance(arg, tuple):
            return f"({self.text(arg[0])},)" if len(arg) == 1 else f"({', '.join(map(self.text, arg))})"
        if isinstance(arg, list):
            return f"[{', '.join(map(self.text, arg))}]"
        if isinstance(arg, slice):
            return f"slice({self.text(arg.start)}, {self.text(arg.stop)}, {self.text(arg.step)})"
        return repr(arg)

    def arguments(self, args: Any, kwargs: Any) -> str:
        """Arguments as code."""
        return ", ".join([*map(self.text, args), *(f"{name} = {self.text(v)}" for name, v in kwargs.items())])

    def line(self, node: Node) -> str:
        """The code of one node."""
        name = repr(node)
        typed = "" if node.type is None else f" : {self.type_text(node.type)}"
        left, target = f"{name}{self._shape(node) or typed} = ", node.target
        if node.op == "placeholder":
            default = f" = {self.text(node.args[0])}" if node.args else ""
            self.inputs.append(f"{target}{self._shape(node) or typed}{default}")
            plain = str(target).replace("*", "")
            return f"{name} = {plain}\n" if plain != name else ""
        if node.op == "output":
            self.returns = f" -> {self.type_text(node.type)}" if node.type is not None else ""
            return self.codegen.generate_output(node.args[0], repr_fn=self.text)
        if node.op == "get_attr":
            return left + target_text(self.root, str(target))
        if node.op == "call_module":
            return f"{left}{target_text(self.root, str(target))}({self.arguments(node.args, node.kwargs)})"
        if node.op == "call_method":
            method = target_text(self.text(node.args[0]), str(target))
            return f"{left}{method}({self.arguments(node.args[1:], node.kwargs)})"
        return self._call(node, name, left)

    def _call(self, node: Node, name: str, left: str) -> str:
        target: Any = node.target
        if getattr(target, "__module__", "") == "_operator":
            args = [self.text(one) for one in node.args]
            sign = MAGIC.get(target.__name__)
            if sign is not None:
                if sign == "[]":
                    return f"{left}{args[0]}[{args[1]}]"
                return left + (f"{sign}{args[0]}" if len(args) == 1 else f"{args[0]} {sign} {args[1]}")
            sign = INPLACE.get(target.__name__)
            if sign is not None:
                done = f"{args[0]}[{args[1]}] = {args[2]}" if sign == "[]=" else f"{args[0]} {sign} {args[1]}"
                return f"{done};  {left}{args[0]}"
        shown = self.name_of(qualified_name(target), target)
        if shown == "getattr" and len(node.args) == 2:
            attribute = node.args[1]
            if isinstance(attribute, str) and attribute.isidentifier():
                return left + target_text(self.text(node.args[0]), attribute)
        if node.meta.get("is_wrapped", False):
            self.wrapped.setdefault(shown)
        return f"{left}{shown}({self.arguments(node.args, node.kwargs)})"

    def _shape(self, node: Node) -> str:
        """What `print_readable` tells of a result: its dtype and shape, if a pass noted them."""
        if not self.verbose:
            return ""
        found = node.meta.get("val", node.meta.get("tensor_meta", node.meta.get("example_value")))
        if found is None or not hasattr(found, "dtype") or not hasattr(found, "shape"):
            return ""
        return f': "{_SHORT.get(str(found.dtype), str(found.dtype))}[{", ".join(map(str, found.shape))}]"'

    def _forgotten(self, node: Node) -> str:
        """What ends a node's line: values that are used no more are let go."""
        if node.op == "placeholder":
            return ""
        if node.op == "output":
            return "\n"
        unused = [*self.last.get(node, []), *([] if node.users else [node])]
        return f";  {' = '.join([*map(repr, unused), 'None'])}\n" if unused else "\n"

    def _origin(self, node: Node, before: list[str]) -> str:
        if not self.verbose or node.op in ("placeholder", "output"):
            return ""
        told = "\n# No stacktrace found for following nodes\n"
        if node.stack_trace:
            place, _, code = node.stack_trace.strip().rpartition("\n")
            file, line, function = place.strip().splitlines()[-1].split(", ")
            told = (
                f"\n# File: {file.removeprefix('File ')[1:-1]}:{line.removeprefix('line ')} in "
                f"{function.removeprefix('in ')}, code: {code.strip()}\n"
            )
        if before and before[-1] == told:
            return ""
        before.append(told)
        return told

    def code(self) -> PythonCode:
        """The whole function."""
        for name, (_, thing) in custom_builtins().items():
            self.name_of(name, thing)
        before: list[str] = []
        body: list[str] = []
        owners: list[int] = []
        for number, node in enumerate(self.nodes):
            for part in (self._origin(node, before), self.line(node), self._forgotten(node)):
                if part:
                    body.append(part)
                    owners.append(number)
        if not body:
            body = ["pass\n"]
        wraps = ""
        if self.wrapped:
            wrap = self.name_of("wrap", vars(module_of("torch.fx"))["wrap"])
            wraps = "\n".join(f'{wrap}("{name}")' for name in self.wrapped)
        if self.codegen._body_transformer:
            body, owners = self.codegen._body_transformer(body), []
        for name, thing in self.codegen.additional_globals():
            self.name_of(name, thing)
        head = self.codegen.gen_fn_def(self.inputs, self.returns)
        text = "".join(body).lstrip("\n")
        lines: dict[int, int | None] = {}
        at = head.count("\n") + 1
        for part, owner in zip(body, owners, strict=False):
            lines.setdefault(at, owner)
            at += part.count("\n")
        indented = "\n".join("    " + line for line in text.split("\n"))
        return PythonCode(f"\n{wraps}\n\n{head}\n{indented}", self.globals, lines, wraps.count("\n") + 4)


_SHORT = {
    "torch.bfloat16": "bf16", "torch.float64": "f64", "torch.float32": "f32", "torch.float16": "f16",
    "torch.complex32": "c32", "torch.complex64": "c64", "torch.complex128": "c128", "torch.int8": "i8",
    "torch.int16": "i16", "torch.int32": "i32", "torch.int64": "i64", "torch.bool": "b8", "torch.uint8": "u8",
}  # fmt: skip


class _PyTreeCodeGen(CodeGen):
    """Writes code that takes its arguments apart and puts its result together."""

    def __init__(self, pytree_info: _PyTreeInfo) -> None:
        super().__init__()
        self.pytree_info = pytree_info

    def process_inputs(self, *inputs: Any) -> Any:
        return pytree.tree_leaves(inputs)

    def process_outputs(self, out: Any) -> Any:
        spec = self.pytree_info.out_spec
        if spec is None:
            return out
        return pytree.tree_unflatten(out if isinstance(out, list | tuple) else [out], spec)

    def gen_fn_def(self, free_vars: list[str], maybe_return_annotation: str) -> str:
        names = list(self.pytree_info.orig_args)
        if not names or names[0] != "self":
            names.insert(0, "self")
        head = f"def {self._func_name}({', '.join(names)}){maybe_return_annotation}:"
        if free_vars:
            typed = [one for one in free_vars if ":" in one]
            head += "\n    " + "".join(one + "; " for one in typed) + "\n" if typed else ""
            plain = [one.split(":")[0].split("#")[0] for one in free_vars]
            given = f"fx_pytree.tree_flatten_spec([{', '.join(names[1:])}], self._in_spec)"
            head += f"\n    {', '.join(plain)}, = {given}"
        return head

    def generate_output(self, output_args: Any, *, repr_fn: Callable[[Any], str] = repr) -> str:
        if self.pytree_info is not None and self.pytree_info.out_spec is not None:
            return f"return pytree.tree_unflatten({repr_fn(output_args)}, self._out_spec)"
        return super().generate_output(output_args, repr_fn=repr_fn)

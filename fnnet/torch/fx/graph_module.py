"""torch.fx.GraphModule: a module whose `forward` is the code of a graph."""

from __future__ import annotations

import copy
import itertools
import linecache
import os
import sys
import traceback
from collections.abc import Callable
from typing import Any

import fnnet
from fnnet.torch.fx.codegen import PythonCode, _PyTreeCodeGen
from fnnet.torch.fx.graph import Graph
from fnnet.torch.fx.naming import is_from_torch
from fnnet.torch.fx.node import Node
from fnnet.torch.nn.module import Module
from fnnet.torch.nn.parameter import Parameter
from fnnet.torch.tensor import Tensor

__all__ = ["GraphModule", "reduce_graph_module"]

_FNNET = os.path.dirname(os.path.abspath(fnnet.__file__)) + os.sep
LAYERS = os.path.join(_FNNET, "torch", "nn") + os.sep
_USER_PRESERVED_ATTRIBUTES_KEY = "_user_preserved_attributes"
_numbers = itertools.count()
_LINES: dict[str, list[str]] = {}


def _forward_from_src(src: str, names: dict[str, Any]) -> Callable[..., Any]:
    """The function of a text, whose lines tracebacks show."""
    file = f"<eval_with_key>.{next(_numbers)}"
    _LINES[file] = src.splitlines(keepends=True)
    linecache.cache[file] = (len(src), None, _LINES[file], file)
    scope = dict(names)
    exec(compile(src, file, "exec", dont_inherit=True), scope)
    function: Callable[..., Any] = scope["forward"]
    return function


def _copy_attr(source: Module, into: Module, target: str) -> None:
    """Let a module have what another has under a dotted name."""
    *path, last = target.split(".")
    above: Any = source
    for part in path:
        inner, mine = getattr(above, part), getattr(into, part, None)
        if inner is mine:
            return
        if mine is None:
            mine = Module()
            setattr(into, part, mine)
        above, into = inner, mine
    _put(into, last, getattr(above, last))


def _assign_attr(value: Any, into: Module, target: str) -> None:
    """Put something under a dotted name of a module."""
    *path, last = target.split(".")
    for part in path:
        inner = getattr(into, part, None)
        if inner is None:
            inner = Module()
            setattr(into, part, inner)
        into = inner
    _put(into, last, value)


def _put(module: Module, name: str, value: Any) -> None:
    if isinstance(value, Tensor) and not isinstance(value, Parameter):
        module.register_buffer(name, value)
    else:
        setattr(module, name, value)


class _CodeOnlyModule(Module):
    """The parts of a graph module without its graph."""

    def __init__(self, body: dict[str, Any]) -> None:
        super().__init__()
        self.__dict__ = body


def _import_line(name: str, thing: Any) -> str:
    from fnnet.torch.fx.naming import custom_builtins

    if name in custom_builtins():
        return custom_builtins()[name][0]
    if is_from_torch(thing):
        return "import torch"
    if isinstance(thing, str):  # an annotation
        return f"{name} = {thing!r}"
    return f"from {thing.__module__} import {thing.__qualname__} as {name}"


def reduce_graph_module(body: dict[str, Any], import_block: str) -> Any:
    """A graph module from its parts, its code and the lines that import what the code names."""
    from fnnet.torch.fx._symbolic_trace import Tracer
    from fnnet.torch.fx.naming import custom_builtins

    names = {name: thing for name, (_, thing) in custom_builtins().items()}
    own = [
        line
        for line in import_block.splitlines()
        if line not in {one for one, _ in custom_builtins().values()}
    ]
    forward = _forward_from_src("\n".join(own) + (body.get("_code") or body["code"]), names)

    class Parts(_CodeOnlyModule):
        pass

    Parts.forward = forward  # type: ignore[method-assign]
    tracer_cls = body.get("_tracer_cls") or Tracer

    class KeepModules(tracer_cls):  # type: ignore[misc, valid-type]
        def is_leaf_module(self, m: Module, module_qualified_name: str) -> bool:
            return True

    parts = Parts(body)
    graph = KeepModules().trace(parts)
    graph._tracer_cls = tracer_cls
    made = GraphModule(parts, graph, body.get("_graphmodule_cls_name", "GraphModule"))
    for name, value in body.items():
        if not hasattr(made, name):
            setattr(made, name, value)
    return made


def _call(cls: Any, call: Callable[..., Any] | None, module: Any, args: Any, kwargs: Any) -> Any:
    """Call a graph module; where its code fails, print the line."""
    try:
        if call is not None:
            return call(module, *args, **kwargs)
        return super(cls, module).__call__(*args, **kwargs)
    except Exception as error:
        frames = traceback.extract_tb(error.__traceback__)
        while (
            frames and frames[-1].filename.startswith(_FNNET) and not frames[-1].filename.startswith(LAYERS)
        ):
            frames.pop()  # which in PyTorch is no Python
        where = frames[-1]
        if "eval_with_key" not in where.filename or where.lineno is None or where.line is None:
            raise
        lines = _LINES[where.filename]
        print(
            traceback.format_exc(),
            f"Call using an FX-traced Module, line {where.lineno} of the traced Module's generated forward "
            "function:",
            "".join(lines[where.lineno - 2 : where.lineno]),
            "~" * len(where.line) + "~~~ <--- HERE",
            "\n".join(lines[where.lineno : where.lineno + 2]),
            sep="\n",
            file=sys.stderr,
        )
        raise error.with_traceback(None) from None


def _indented(text: str, spaces: int) -> str:
    first, *rest = text.split("\n")
    return "\n".join([first, *(" " * spaces + line if line.strip() else "" for line in rest)])


class GraphModule(Module):
    """A module made of a graph.

    Args:
        root: the module that has what the graph names, or a dict of it by dotted name.
        graph: the steps.
        class_name: what the module says that it is.
    """

    def __new__(cls, *args: Any, **kwargs: Any) -> Any:
        plain = next(one for one in cls.__mro__ if one.__qualname__.split(".")[-1] != "GraphModuleImpl")

        class GraphModuleImpl(plain):  # type: ignore[misc, valid-type]
            """Has a `forward` of its own."""

        return super().__new__(GraphModuleImpl)

    def __init__(self, root: Any, graph: Graph, class_name: str = "GraphModule") -> None:
        super().__init__()
        type(self).__name__ = class_name
        targets = [str(node.target) for node in graph.nodes if node.op in ("get_attr", "call_module")]
        if isinstance(root, Module):
            if hasattr(root, "training"):
                self.training = root.training
            if isinstance(root, _CodeOnlyModule):
                named = itertools.chain(root.named_children(), root.named_buffers(), root.named_parameters())
                for name, _ in named:
                    _copy_attr(root, self, name)
            for target in targets:
                _copy_attr(root, self, target)
        elif isinstance(root, dict):
            for node in graph.nodes:
                if node.op in ("get_attr", "call_module") and node.target not in root:
                    raise RuntimeError(
                        f"Node {node} referenced target {node.target} but that target was not provided in "
                        "``root``!"
                    )
            for target in sorted(targets, key=lambda name: name.count(".")):
                _assign_attr(root[target], self, target)
        else:
            raise RuntimeError(f"Unsupported type {root} passed for root!")
        self.graph = graph
        tracer = graph._tracer_cls
        self._tracer_cls = tracer if tracer and "<locals>" not in tracer.__qualname__ else None
        self._tracer_extras = graph._tracer_extras or {}
        self.meta: dict[str, Any] = {}
        self._create_node_hooks: list[Any] = []
        self._erase_node_hooks: list[Any] = []

    @property
    def graph(self) -> Graph:
        """The steps. After a change of them, call `recompile`."""
        return self._graph

    @graph.setter
    def graph(self, g: Graph) -> None:
        if not isinstance(g, Graph):
            raise AssertionError(f"Expected a Graph instance, but got {type(g)}")
        self._graph = g
        g.owning_module = self
        self.recompile()

    @property
    def code(self) -> str:
        """The text of `forward`."""
        return self._code

    def recompile(self) -> PythonCode:
        """Make `forward` of the graph as it is now."""
        codegen = self._graph._codegen
        if isinstance(codegen, _PyTreeCodeGen):
            self._in_spec, self._out_spec = codegen.pytree_info.in_spec, codegen.pytree_info.out_spec
        written = self._graph.python_code(root_module="self")
        self._code = written.src
        self._lineno_map, self._prologue_start = written._lineno_map, written._prologue_start
        cls: Any = type(self)
        cls.forward = _forward_from_src(self._code, written.globals | _torch())
        if "_own_call" not in vars(cls):
            cls._own_call = staticmethod(vars(cls).get("__call__"))
        own = cls._own_call

        def call(self: Any, *args: Any, **kwargs: Any) -> Any:
            return _call(cls, own, self, args, kwargs)

        cls.__call__ = call
        for _, part in self.named_children():
            if isinstance(part, GraphModule):
                part.recompile()
        return written

    # Parts -----------------------------------------------------------------------------------------------

    def add_submodule(self, target: str, m: Module) -> bool:
        """Put a module under a dotted name; whether that could be done."""
        *path, last = target.split(".")
        above: Any = self
        for part in path:
            inner = getattr(above, part, None)
            if inner is None:
                inner = Module()
                setattr(above, part, inner)
            if not isinstance(inner, Module):
                return False
            above = inner
        above.add_module(last, m)
        return True

    def delete_submodule(self, target: str) -> bool:
        """Take a part away; whether there was one."""
        *path, last = target.split(".")
        above: Any = self
        for part in path:
            above = getattr(above, part, None)
            if not isinstance(above, Module):
                return False
        if not isinstance(getattr(above, last, None), Module):
            return False
        delattr(above, last)
        return True

    def delete_all_unused_submodules(self) -> None:
        """Take away the parts that no step uses."""
        used: set[str] = {""}
        for node in self.graph.nodes:
            if node.op in ("call_module", "get_attr"):
                parts = str(node.target).split(".")
                used.update(".".join(parts[: place + 1]) for place in range(len(parts)))
                if node.op == "call_module":
                    part = self.get_submodule(str(node.target))
                    used.update(f"{node.target}.{name}" for name, _ in part.named_modules() if name)
        for name in [name for name, _ in self.named_modules() if name not in used]:
            self.delete_submodule(name)

    # Copies ----------------------------------------------------------------------------------------------

    def __reduce__(self) -> Any:
        body = dict(self.__dict__)
        written = self.recompile()
        block = "\n".join(sorted({_import_line(name, thing) for name, thing in written.globals.items()}))
        del body["_graph"]
        return (reduce_graph_module, (body, block))

    def __deepcopy__(self, memo: dict[int, Any]) -> Any:
        made: Any = type(self).__new__(type(self))
        memo[id(self)] = made
        parts = _CodeOnlyModule(copy.deepcopy(self.__dict__, memo))
        GraphModule.__init__(made, parts, parts.__dict__["_graph"])
        for name in ("_state_dict_hooks", "_load_state_dict_pre_hooks", "_load_state_dict_post_hooks"):
            if name in self.__dict__:
                setattr(made, name, copy.deepcopy(self.__dict__[name], memo))
        made.meta = copy.deepcopy(self.meta, memo)
        for name, value in made.meta.get(_USER_PRESERVED_ATTRIBUTES_KEY, {}).items():
            setattr(made, name, value)
        return made

    def __copy__(self) -> Any:
        made = GraphModule(self, self.graph)
        made.meta = self.meta
        return made

    def to_folder(self, folder: Any, module_name: str = "FxModule") -> None:
        """Raises NotImplementedError; `torch.save` the state and keep the code that traces."""
        raise NotImplementedError("fnnet.torch: GraphModule.to_folder is not supported")

    # Texts -----------------------------------------------------------------------------------------------

    def print_readable(
        self,
        print_output: bool = True,
        include_stride: bool = False,
        include_device: bool = False,
        colored: bool = False,
    ) -> str:
        """The code with what passes noted of shapes, as text; printed as well."""
        text = _readable(
            self,
            self._get_name(),
            {"include_stride": include_stride, "include_device": include_device, "colored": colored},
        )
        if print_output:
            print(text)
        return text

    def __str__(self) -> str:
        told = "# To see more debug info, please use `graph_module.print_readable()`"
        return "\n".join([super().__str__(), self._code, told])


def _readable(module: Any, name: str, options: dict[str, Any]) -> str:
    code = module.graph.python_code(root_module="self", verbose=True, **options).src.lstrip("\n")
    parts = [""]
    for inner, part in module.named_children():
        if isinstance(part, GraphModule):
            parts.append(_readable(part, inner, options))
    return _indented(f"class {name}(torch.nn.Module):\n{code}", 4) + _indented("\n".join(parts), 4)


def _torch() -> dict[str, Any]:
    from fnnet.torch.fx.naming import custom_builtins

    return {name: thing for name, (_, thing) in custom_builtins().items()}


def as_node(value: Any) -> Any:
    """The node of a proxy; anything else as it is."""
    from fnnet.torch.fx.proxy import Proxy

    found: Node | Any = value.node if isinstance(value, Proxy) else value
    return found

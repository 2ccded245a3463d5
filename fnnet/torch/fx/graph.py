"""torch.fx.Graph: steps in their order, and how passes change them."""

from __future__ import annotations

import contextlib
import copy
import inspect
from collections.abc import Callable, Iterator
from typing import Any

from fnnet.torch.fx.codegen import CodeGen as CodeGen
from fnnet.torch.fx.codegen import PythonCode as PythonCode
from fnnet.torch.fx.codegen import _PyTreeCodeGen as _PyTreeCodeGen
from fnnet.torch.fx.codegen import _PyTreeInfo as _PyTreeInfo
from fnnet.torch.fx.naming import Namespace, snake_case
from fnnet.torch.fx.node import OPS, Argument, Node, Target, _typename, map_arg
from fnnet.torch.warning import warn

__all__ = ["CodeGen", "Graph", "PythonCode"]


class _Nodes:
    """The nodes of a graph in their order, or backwards. The graph may change while they are gone through."""

    def __init__(self, graph: Graph, direction: str = "_next") -> None:
        self.graph, self.direction = graph, direction

    def __len__(self) -> int:
        return self.graph._len

    def __iter__(self) -> Iterator[Any]:
        root = self.graph._root
        node = getattr(root, self.direction)
        while node is not root:
            if not node._erased:
                yield node
            node = getattr(node, self.direction)

    def __reversed__(self) -> Iterator[Any]:
        return iter(_Nodes(self.graph, "_prev" if self.direction == "_next" else "_next"))


class _InsertPoint:
    """Where new nodes go; as a context, for its duration."""

    def __init__(self, graph: Graph, insert: Callable[[Node], None]) -> None:
        self.graph, self.before = graph, graph._insert
        graph._insert = insert

    def __enter__(self) -> None:
        pass

    def __exit__(self, *error: object) -> None:
        self.graph._insert = self.before


class Graph:
    """The steps of a function or of a module's `forward`.

    Args:
        owning_module: the `GraphModule` that runs it.
        tracer_cls: what it was traced by.
    """

    def __init__(
        self, owning_module: Any = None, tracer_cls: Any = None, tracer_extras: dict[str, Any] | None = None
    ) -> None:
        self._root = Node(self, "", "root", "", (), {})
        self._insert: Callable[[Node], None] = self._root.prepend
        self._len = 0
        self._graph_namespace = Namespace()
        self._owning_module = owning_module
        self._tracer_cls, self._tracer_extras = tracer_cls, tracer_extras
        self._codegen: CodeGen = CodeGen()
        self._co_fields: dict[str, Any] = {}

    @property
    def owning_module(self) -> Any:
        """The module that runs the graph, or None."""
        return self._owning_module

    @owning_module.setter
    def owning_module(self, mod: Any) -> None:
        self._owning_module = mod

    @property
    def nodes(self) -> Any:
        """The nodes in their order; `reversed` gives them backwards."""
        return _Nodes(self)

    def output_node(self) -> Node:
        """The last node, which must be the output."""
        node: Node = next(iter(reversed(self.nodes)))
        if node.op != "output":
            raise AssertionError(f"Expected output node, got op={node.op}")
        return node

    def find_nodes(self, *, op: str, target: Target | None = None, sort: bool = True) -> list[Any]:
        """The nodes of a kind, and of a target if one is given; functions need one."""
        if op == "call_function" and target is None:
            raise AssertionError("target must not be None for call_function op")
        return [node for node in self.nodes if node.op == op and (target is None or node.target == target)]

    # New nodes -------------------------------------------------------------------------------------------

    def create_node(
        self,
        op: str,
        target: Target,
        args: tuple[Argument, ...] | None = None,
        kwargs: dict[str, Argument] | None = None,
        name: str | None = None,
        type_expr: Any = None,
    ) -> Node:
        """A new node at the place of insertion. Its name is made of `name`, or of the target."""
        if op not in OPS:
            raise AssertionError(f"op '{op}' is not in _legal_ops")
        args, kwargs = () if args is None else args, {} if kwargs is None else kwargs
        if not isinstance(args, tuple):
            raise AssertionError(f"args must be a tuple, got {type(args)}")
        if not isinstance(kwargs, dict):
            raise AssertionError(f"kwargs must be a dict, got {type(kwargs)}")
        given = self._graph_namespace.create_name(name or self._target_to_str(target), None)
        node = Node(self, given, op, target, args, kwargs, type_expr)
        self._graph_namespace.associate_name_with_obj(given, node)
        self._insert(node)
        self._len += 1
        for hook in getattr(self._owning_module, "_create_node_hooks", ()):
            hook(node)
        return node

    def _target_to_str(self, target: Any) -> str:
        name: str = target.__name__ if callable(target) else target
        if not callable(target) and name.startswith("__") and name.endswith("__"):
            name = name[2:-2]
        return snake_case(name)

    def placeholder(
        self, name: str, type_expr: Any = None, default_value: Any = inspect.Signature.empty
    ) -> Node:
        """An input, with a default value if there is one."""
        args = () if default_value is inspect.Signature.empty else (default_value,)
        return self.create_node("placeholder", name, args=args, type_expr=type_expr)

    def get_attr(self, qualified_name: str, type_expr: Any = None) -> Node:
        """An attribute of the module, by its dotted name. Warns if the owning module has none of it."""
        if self.owning_module and not self._is_reference(qualified_name):
            warn(
                "Attempted to insert a get_attr Node with no underlying reference in the owning GraphModule! "
                "Call GraphModule.add_submodule to add the necessary submodule, GraphModule.add_parameter to "
                "add the necessary Parameter, or nn.Module.register_buffer to add the necessary buffer"
            )
        return self.create_node("get_attr", qualified_name, type_expr=type_expr)

    def _is_reference(self, name: str) -> bool:
        path, _, last = name.rpartition(".")
        try:
            module = self.owning_module.get_submodule(path)
        except AttributeError:
            return False
        return any(
            last in vars(module)[table] for table in ("_parameters", "_buffers", "_modules")
        ) or hasattr(module, last)

    def call_module(
        self,
        module_name: str,
        args: tuple[Argument, ...] | None = None,
        kwargs: dict[str, Argument] | None = None,
        type_expr: Any = None,
    ) -> Node:
        """A call of a part of the module, by its dotted name. Warns if the owning module has no such part."""
        if self.owning_module and self.owning_module.get_submodule(module_name) is None:
            warn(
                "Attempted to insert a call_module Node with no underlying reference in the owning "
                "GraphModule! Call GraphModule.add_submodule to add the necessary submodule"
            )
        return self.create_node("call_module", module_name, args, kwargs, type_expr=type_expr)

    def call_method(
        self,
        method_name: str,
        args: tuple[Argument, ...] | None = None,
        kwargs: dict[str, Argument] | None = None,
        type_expr: Any = None,
    ) -> Node:
        """A call of a method of the first argument."""
        return self.create_node("call_method", method_name, args, kwargs, type_expr=type_expr)

    def call_function(
        self,
        the_function: Callable[..., Any],
        args: tuple[Argument, ...] | None = None,
        kwargs: dict[str, Argument] | None = None,
        type_expr: Any = None,
        name: str | None = None,
    ) -> Node:
        """A call of a function."""
        return self.create_node("call_function", the_function, args, kwargs, name=name, type_expr=type_expr)

    def output(self, result: Argument, type_expr: Any = None) -> Node:
        """What the graph gives."""
        return self.create_node(op="output", target="output", args=(result,), type_expr=type_expr)

    def node_copy(self, node: Node, arg_transform: Callable[[Node], Argument] = lambda x: x) -> Node:
        """A node of another graph, with its arguments changed to nodes of this one."""
        args, kwargs = map_arg(node.args, arg_transform), map_arg(node.kwargs, arg_transform)
        made = self.create_node(node.op, node.target, args, dict(kwargs), node.name, node.type)
        made.meta = copy.copy(node.meta)
        return made

    def graph_copy(
        self, g: Graph, val_map: dict[Node, Node], return_output_node: bool = False
    ) -> Argument | None:
        """Copy another graph's nodes here, but for its output; what that gave, of this graph's nodes.

        Args:
            g: the other graph.
            val_map: from its nodes to this graph's; nodes that are in it already are not copied.
            return_output_node: give the other graph's output node as well.
        """
        for node in g.nodes:
            if node in val_map:
                continue
            if node.op == "output":
                given = map_arg(node.args[0], lambda one: val_map[one])
                return (given, node) if return_output_node else given
            val_map[node] = self.node_copy(node, lambda one: val_map[one])
        return None

    def __deepcopy__(self, memo: dict[int, Any] | None = None) -> Graph:
        made = Graph(tracer_cls=self._tracer_cls)
        copies: dict[Node, Node] = {}
        given = made.graph_copy(self, val_map=copies, return_output_node=True)
        made._codegen = copy.deepcopy(self._codegen)
        made._co_fields = dict(self._co_fields)
        if isinstance(given, tuple):
            value, old = given
            output = made.output(value, type_expr=getattr(old, "type", None))
            output.meta = copy.copy(old.meta)
        for old, new in copies.items():
            new.meta = copy.copy(old.meta)
        return made

    # Places and removal ----------------------------------------------------------------------------------

    def inserting_before(self, n: Node | None = None) -> _InsertPoint:
        """New nodes go before `n`, or before all. For the duration of a `with`, else until told again."""
        if n is None:
            return self.inserting_after(self._root)
        if n.graph is not self:
            raise AssertionError("Node to insert before is not in graph.")
        return _InsertPoint(self, n.prepend)

    def inserting_after(self, n: Node | None = None) -> _InsertPoint:
        """New nodes go behind `n`, or behind all."""
        if n is None:
            return self.inserting_before(self._root)
        if n.graph is not self:
            raise AssertionError("Node to insert after is not in graph.")
        return _InsertPoint(self, n.append)

    def erase_node(self, to_erase: Node) -> None:
        """Take a node away. Raises RuntimeError if another uses it."""
        if to_erase.users:
            raise RuntimeError(
                f"Tried to erase Node {to_erase} but it still had {len(to_erase.users)} users in the graph: "
                f"{to_erase.users}!"
            )
        if to_erase.graph is not self:
            raise RuntimeError(f"Attempting to remove {to_erase} from wrong graph!")
        if to_erase._erased:
            warn(f"erase_node({to_erase}) on an already erased node")
            return
        for hook in getattr(self._owning_module, "_erase_node_hooks", ()):
            hook(to_erase)
        to_erase._unlink()
        to_erase._erased = True
        self._len -= 1
        to_erase.args, to_erase.kwargs = (), {}

    def eliminate_dead_code(self, is_impure_node: Callable[[Node], bool] | None = None) -> bool:
        """Take away what nobody uses and what does nothing; whether there was any."""
        self.lint()
        changed = False
        for node in reversed(self.nodes):
            stays = is_impure_node(node) if is_impure_node is not None else node.is_impure()
            if not stays and not node.users:
                self.erase_node(node)
                changed = True
        return changed

    # Checks and texts ------------------------------------------------------------------------------------

    def lint(self) -> None:
        """Raise RuntimeError or ValueError where the graph is not well formed."""
        names: set[str] = set()
        values: set[Node] = set()
        for node in self.nodes:
            if node.graph is not self:
                raise RuntimeError(f"Node '{node}' does not belong to this Graph!")
            for arg in node._input_nodes:
                if arg.graph is not self:
                    raise RuntimeError(
                        f"Argument '{arg}' of Node '{node}' does not belong to this Graph, but was used as "
                        "an argument! If you are copying nodes from another graph, make sure to use "
                        f"``arg_transform`` on node_copy() to remap values\n{self}"
                    )
                if arg not in values:
                    raise RuntimeError(
                        f"Argument '{arg}' of Node '{node}' was used before it has been defined! Please "
                        f"check that Nodes in the graph are topologically ordered\n{self}"
                    )
            values.add(node)
            if node.name in names:
                raise RuntimeError(f"Node redefined name {node.name}!")
            names.add(node.name)
        if self.owning_module:
            for node in self.nodes:
                self._check_target(node)

    def _check_target(self, node: Node) -> None:
        right = callable(node.target) if node.op == "call_function" else isinstance(node.target, str)
        if not right:
            wanted = "Callable" if node.op == "call_function" else "str"
            raise ValueError(
                f"Node {node} target {node.target} has type {_typename(node.target)} but a {wanted} is "
                "expected"
            )
        if node.op not in ("get_attr", "call_module"):
            return
        parts = str(node.target).split(".")
        found = self.owning_module
        for place, part in enumerate(parts):
            inner, above = getattr(found, part, None), ".".join(parts[:place])
            if inner is None:
                raise RuntimeError(
                    f"Node {node} target {node.target} references nonexistent attribute {part} of {above}"
                )
            if node.op == "call_module" and not hasattr(inner, "_modules"):
                raise RuntimeError(
                    f"Node {node} target {node.target} {part} of {above} does not reference an nn.Module"
                )
            found = inner

    def __str__(self) -> str:
        inputs: list[str] = []
        lines = [node.format_node(inputs) for node in self.nodes]
        head = f"graph({', '.join(inputs)}):"
        return head + "".join(f"\n    {line}" for line in lines if line)

    def print_tabular(self) -> None:
        """Print the nodes as a table; the package `tabulate` lays it out."""
        try:
            from tabulate import tabulate
        except ImportError:
            print(
                "`print_tabular` relies on the library `tabulate`, which could not be found on this machine. "
                "Run `pip install tabulate` to install the library."
            )
            raise
        rows = [[node.op, node.name, node.target, node.args, node.kwargs] for node in self.nodes]
        print(tabulate(rows, headers=["opcode", "name", "target", "args", "kwargs"]))

    def python_code(self, root_module: str, *, verbose: bool = False, **options: Any) -> PythonCode:
        """The graph as the code of a function. `root_module` is what it calls the module ("self")."""
        namespace = Namespace()

        def shown(node: Node) -> str:
            return namespace.create_name(node.name, node)

        before = {node: node._repr_fn for node in self.nodes}
        try:
            for node in before:
                node._repr_fn = shown
            return self._codegen._gen_python_code(
                self.nodes, root_module, namespace, verbose=verbose, **options
            )
        finally:
            for node, function in before.items():
                node._repr_fn = function

    def process_inputs(self, *args: Any) -> Any:
        """The arguments as the inputs of the graph."""
        return self._codegen.process_inputs(*args)

    def process_outputs(self, out: Any) -> Any:
        """What the graph gave as the function gives it."""
        return self._codegen.process_outputs(out)

    def set_codegen(self, codegen: CodeGen) -> None:
        """Let something else write the code."""
        self._codegen = codegen

    def on_generate_code(self, make_transformer: Callable[[Any], Any]) -> Any:
        """Change the lines of the code: `make_transformer` makes a function of lines of the one before."""
        before = self._codegen._body_transformer
        self._codegen._body_transformer = make_transformer(before)

        @contextlib.contextmanager
        def until() -> Iterator[None]:
            try:
                yield
            finally:
                self._codegen._body_transformer = before

        return until()

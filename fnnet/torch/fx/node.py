"""torch.fx.Node: one step of a graph."""

from __future__ import annotations

import operator
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Any

from fnnet.torch.checks import CHECKS
from fnnet.torch.fx.immutable_collections import immutable_dict, immutable_list
from fnnet.torch.fx.naming import qualified_name, type_name
from fnnet.torch.tensor import Tensor

if TYPE_CHECKING:
    from fnnet.torch.fx.graph import Graph

__all__ = ["Argument", "Node", "Target", "has_side_effect", "map_aggregate", "map_arg"]

Target = Callable[..., Any] | str
Argument = Any

OPS = ("placeholder", "call_method", "call_module", "call_function", "get_attr", "output", "root")
_EFFECTS: set[Any] = {CHECKS["_assert"], CHECKS["_assert_async"], operator.setitem}
_DRAWS = ("rand", "bernoulli", "multinomial", "dropout", "normal", "poisson")


def has_side_effect(fn: Any) -> Any:
    """Mark a function as one whose calls stay though nobody uses their results."""
    _EFFECTS.add(fn)
    return fn


def map_aggregate(a: Any, fn: Callable[[Any], Any]) -> Any:
    """Arguments with `fn` of everything in them that is no tuple, list, dict or slice."""
    if isinstance(a, tuple):
        mapped = [map_aggregate(one, fn) for one in a]
        return type(a)(*mapped) if hasattr(a, "_fields") else tuple(mapped)
    if isinstance(a, list):
        return immutable_list([map_aggregate(one, fn) for one in a])
    if isinstance(a, dict):
        return immutable_dict({name: map_aggregate(one, fn) for name, one in a.items()})
    if isinstance(a, slice):
        return slice(*(map_aggregate(one, fn) for one in (a.start, a.stop, a.step)))
    return fn(a)


def map_arg(a: Any, fn: Callable[[Node], Any]) -> Any:
    """Arguments with `fn` of every node in them. Raises AssertionError if `fn` is no function."""
    if not callable(fn):
        raise AssertionError("torch.fx.map_arg(a, fn): fn must be a callable")
    return map_aggregate(a, lambda one: fn(one) if isinstance(one, Node) else one)


def _typename(thing: Any) -> str:
    if isinstance(thing, Tensor):
        return str(thing.type())
    named = thing if hasattr(thing, "__qualname__") else type(thing)
    home = getattr(named, "__module__", "") or "builtins"
    return str(named.__qualname__ if home == "builtins" else f"{home}.{named.__qualname__}")


def format_arg(arg: Any, most: float = float("inf")) -> str:
    """An argument as graphs print it: nodes with a percent sign."""
    if isinstance(arg, list | tuple):
        items = ", ".join(format_arg(one) for place, one in enumerate(arg) if place < most)
        more = "" if len(arg) < most + 1 else f", ...[total_len={len(arg)}]"
        if isinstance(arg, list):
            return f"[{items}{more}]"
        return f"({items}{',' if len(arg) == 1 else ''}{more})"
    if isinstance(arg, dict):
        return "{" + ", ".join(f"{name}: {format_arg(one)}" for name, one in arg.items()) + "}"
    return f"%{arg}" if isinstance(arg, Node) else str(arg)


class Node:
    """A step of a graph: an input, a call, an attribute of the module, or the output.

    Attributes:
        op: "placeholder", "get_attr", "call_function", "call_method", "call_module" or "output".
        target: the function, or the name of the method, module, attribute or input.
        args, kwargs: the arguments; the default of an input. Nodes stand in them for their results.
        users: the nodes that use this one, as the keys of a dict in their order.
        meta: what passes note of the node.
    """

    def __init__(
        self,
        graph: Graph,
        name: str,
        op: str,
        target: Target,
        args: tuple[Argument, ...],
        kwargs: dict[str, Argument],
        return_type: Any = None,
    ) -> None:
        wanted = "Callable" if op == "call_function" else "str"
        if op not in OPS:
            raise AssertionError(f"op '{op}' is not in _legal_ops")
        if not (callable(target) if op == "call_function" else isinstance(target, str)):
            raise ValueError(
                f"Node [graph = {graph}, name = '{name}'] target {target} has type {_typename(target)} but a "
                f"{wanted} is expected"
            )
        self.graph, self.name, self.op, self.target, self.type = graph, name, op, target, return_type
        self._repr_fn: Callable[[Node], str] | None = None
        self._erased = False
        self._prev = self._next = self
        self._input_nodes: dict[Node, None] = {}
        self.users: dict[Node, None] = {}
        self.meta: dict[str, Any] = {}
        self._set(args, kwargs)

    # Place in the graph ----------------------------------------------------------------------------------

    @property
    def next(self) -> Node:
        """The step after this one."""
        return self._next

    @property
    def prev(self) -> Node:
        """The step before this one."""
        return self._prev

    def _unlink(self) -> None:
        before, after = self._prev, self._next
        before._next, after._prev = after, before

    def prepend(self, x: Node) -> None:
        """Move a node of this graph before this one."""
        if x.graph is not self.graph:
            raise AssertionError("Attempting to move a Node into a different Graph")
        if x is self:
            return
        x._unlink()
        before = self._prev
        before._next, x._prev, x._next, self._prev = x, before, self, x

    def append(self, x: Node) -> None:
        """Move a node of this graph behind this one."""
        self._next.prepend(x)

    def _order(self, other: Node) -> int:
        for place, node in enumerate(self.graph.nodes):
            if node is self:
                mine = place
            if node is other:
                theirs = place
        return mine - theirs

    def __lt__(self, other: Node) -> bool:
        return self._order(other) < 0

    def __gt__(self, other: Node) -> bool:
        return self._order(other) > 0

    def __le__(self, other: Node) -> bool:
        return self is other or self < other

    def __ge__(self, other: Node) -> bool:
        return self is other or self > other

    # Arguments -------------------------------------------------------------------------------------------

    def _set(self, args: Iterable[Any], kwargs: dict[str, Any]) -> None:
        for old in self._input_nodes:
            old.users.pop(self, None)
        self._input_nodes = {}

        def note(node: Node) -> Node:
            self._input_nodes[node] = None
            node.users.setdefault(self)
            return node

        self._args = map_arg(tuple(args), note)
        self._kwargs = map_arg(dict(kwargs), note)

    @property
    def args(self) -> tuple[Argument, ...]:
        """The positional arguments; to change them, assign another tuple."""
        args: tuple[Argument, ...] = self._args
        return args

    @args.setter
    def args(self, a: tuple[Argument, ...]) -> None:
        self._set(a, self._kwargs)

    @property
    def kwargs(self) -> dict[str, Argument]:
        """The arguments by name; to change them, assign another dict."""
        kwargs: dict[str, Argument] = self._kwargs
        return kwargs

    @kwargs.setter
    def kwargs(self, k: dict[str, Argument]) -> None:
        self._set(self._args, k)

    @property
    def all_input_nodes(self) -> list[Node]:
        """The nodes among the arguments, each once."""
        return list(self._input_nodes)

    def update_arg(self, idx: int, arg: Argument) -> None:
        """Put another positional argument in a place."""
        args = list(self.args)
        args[idx] = arg
        self.args = tuple(args)

    def insert_arg(self, idx: int, arg: Argument) -> None:
        """Put a positional argument before the one in a place."""
        if not 0 <= idx <= len(self.args):
            raise AssertionError(f"insert_args index must be between 0 and len(self.args), got {idx}")
        self.args = (*self.args[:idx], arg, *self.args[idx:])

    def update_kwarg(self, key: str, arg: Argument) -> None:
        """Put another argument under a name."""
        self.kwargs = {**self.kwargs, key: arg}

    def replace_input_with(self, old_input: Node, new_input: Node) -> None:
        """Use another node wherever one stands among the arguments."""

        def change(node: Node) -> Node:
            return new_input if node is old_input else node

        self._set(map_arg(self._args, change), map_arg(self._kwargs, change))

    _replace_input_with = replace_input_with

    def replace_all_uses_with(
        self,
        replace_with: Node,
        delete_user_cb: Callable[[Node], bool] | None = None,
        *,
        propagate_meta: bool = False,
    ) -> list[Node]:
        """Use another node wherever this one is used; those changed. `delete_user_cb` chooses among users."""
        if propagate_meta:
            if replace_with.meta:
                raise AssertionError(
                    "Called node.replace_all_uses_with(replace_with, propagate_meta=True), but replace_with "
                    "already has .meta keys"
                )
            replace_with.meta.update(self.meta)
        changed = [user for user in list(self.users) if delete_user_cb is None or delete_user_cb(user)]
        for user in changed:
            user.replace_input_with(self, replace_with)
        return changed

    # Description -----------------------------------------------------------------------------------------

    @property
    def stack_trace(self) -> str | None:
        """Where the program made the node, if that was noted."""
        return self.meta.get("stack_trace")

    @stack_trace.setter
    def stack_trace(self, trace: str | None) -> None:
        self.meta["stack_trace"] = trace

    def _rename(self, candidate: str) -> None:
        if candidate != self.name:
            self.name = self.graph._graph_namespace.create_name(candidate, None)
            self.graph._graph_namespace.rename(self, self.name)

    def is_impure(self, impure_random: bool = True) -> bool:
        """Whether the node stays though nobody uses it: inputs, output, and calls that do something."""
        if self.op in ("placeholder", "output"):
            return True
        if self.op == "call_module":
            owner = self.graph.owning_module
            if owner is None:
                raise AssertionError("self.graph.owning_module not set for purity check")
            return bool(getattr(owner.get_submodule(str(self.target)), "_is_impure", False))
        if self.op != "call_function":
            return False
        name = getattr(self.target, "__name__", "")
        return self.target in _EFFECTS or (impure_random and name.startswith(_DRAWS))

    def __repr__(self) -> str:
        return self._repr_fn(self) if self._repr_fn else self.name

    @staticmethod
    def _pretty_print_target(target: Any) -> str:
        if isinstance(target, str):
            return target
        home, name = getattr(target, "__module__", None), getattr(target, "__name__", None)
        if name is not None and home in ("builtins", "_operator"):
            return f"{'operator' if home == '_operator' else home}.{name}"
        return qualified_name(target)

    def format_node(
        self,
        placeholder_names: list[str] | None = None,
        maybe_return_typename: list[str] | None = None,
        *,
        include_tensor_metadata: bool = False,
    ) -> str | None:
        """The node as a line. With `placeholder_names`, an input adds its name there and gives None."""
        typed = f"{type_name(self.type)} " if self.type is not None else ""
        users = f"[num_users={len(self.users)}]"
        if self.op == "placeholder":
            shown = str(self.target)
            shown += f"{shown}: {type_name(self.type)}" if self.type else ""
            if placeholder_names:
                placeholder_names.append(shown)
                return None
            default = f"(default={self.args[0]})" if self.args else ""
            return f"%{self.name} : {typed}{users} = {self.op}[target={self.target}]{default}"
        target = self._pretty_print_target(self.target)
        if self.op == "get_attr":
            return f"%{self.name} : {typed}{users} = {self.op}[target={target}]"
        if self.op == "output":
            if self.type and maybe_return_typename:
                maybe_return_typename[0] = f" -> {type_name(self.type)}"
            return f"return {self.args[0]}"
        return (
            f"%{self.name} : {typed}{users} = {self.op}[target={target}](args = {format_arg(self.args)}, "
            f"kwargs = {format_arg(self.kwargs)})"
        )

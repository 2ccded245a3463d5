"""torch.utils._pytree: nested containers taken apart into leaves and put together again.

A private module of PyTorch that much code imports. Unlike jax.tree_util, None is a leaf and dictionaries keep
their order.
"""

from __future__ import annotations

import dataclasses
from collections import OrderedDict, defaultdict, deque, namedtuple
from collections.abc import Callable, Iterable
from typing import Any, NamedTuple

from fnnet.torch.spec import Size

__all__ = [
    "LeafSpec", "MappingKey", "PyTree", "SequenceKey", "TreeSpec", "keystr", "register_pytree_node",
    "tree_all",
    "tree_all_only", "tree_any", "tree_any_only", "tree_flatten", "tree_flatten_with_path", "tree_is_leaf",
    "tree_iter", "tree_leaves", "tree_leaves_with_path", "tree_map", "tree_map_", "tree_map_only",
    "tree_map_only_", "tree_map_with_path", "tree_structure", "tree_unflatten",
]  # fmt: skip

PyTree = Any
IsLeaf = Callable[[Any], bool] | None


@dataclasses.dataclass(frozen=True)
class SequenceKey:
    """The step to an element of a sequence."""

    idx: int

    def __str__(self) -> str:
        return f"[{self.idx!r}]"


@dataclasses.dataclass(frozen=True)
class MappingKey:
    """The step to an entry of a mapping."""

    key: Any

    def __str__(self) -> str:
        return f"[{self.key!r}]"


@dataclasses.dataclass(frozen=True)
class GetAttrKey:
    """The step to an attribute."""

    name: str

    def __str__(self) -> str:
        return f".{self.name}"


class NodeDef(NamedTuple):
    """How a container is taken apart and put together."""

    type: type
    flatten_fn: Callable[[Any], tuple[Iterable[Any], Any]]
    unflatten_fn: Callable[[Iterable[Any], Any], Any]
    keys: Callable[[Any], list[Any]] | None


def _mapping(kind: type, make: Callable[[Any, Any], Any], context: Callable[[Any], Any]) -> NodeDef:
    return NodeDef(
        kind, lambda d: (list(d.values()), context(d)), make, lambda d: [MappingKey(key) for key in d]
    )


def _sequence(kind: type, make: Callable[[Any, Any], Any], context: Callable[[Any], Any]) -> NodeDef:
    return NodeDef(
        kind, lambda s: (list(s), context(s)), make, lambda s: [SequenceKey(i) for i in range(len(s))]
    )


def _dict_flatten(d: dict[Any, Any]) -> tuple[list[Any], list[Any]]:
    return list(d.values()), list(d.keys())


def _dict_flatten_with_keys(d: dict[Any, Any]) -> tuple[list[tuple[Any, Any]], list[Any]]:
    return [(MappingKey(key), value) for key, value in d.items()], list(d.keys())


def _dict_unflatten(values: Iterable[Any], context: Any) -> dict[Any, Any]:
    return dict(zip(context, values, strict=True))


_NAMEDTUPLE = NodeDef(
    tuple,
    lambda t: (list(t), type(t)),
    lambda leaves, kind: kind(*leaves),
    lambda t: [GetAttrKey(name) for name in t._fields],
)

SUPPORTED_NODES: dict[type, NodeDef] = {
    node.type: node
    for node in (
        _sequence(tuple, lambda leaves, _: tuple(leaves), lambda _: None),
        _sequence(Size, lambda leaves, _: tuple(leaves), lambda _: None),
        _sequence(list, lambda leaves, _: list(leaves), lambda _: None),
        _sequence(deque, lambda leaves, size: deque(leaves, maxlen=size), lambda d: d.maxlen),
        _mapping(dict, _dict_unflatten, list),
        _mapping(OrderedDict, lambda leaves, keys: OrderedDict(zip(keys, leaves, strict=True)), list),
        _mapping(
            defaultdict,
            lambda leaves, context: defaultdict(context[0], zip(context[1], leaves, strict=True)),
            lambda d: [d.default_factory, list(d)],
        ),
    )
}
"""The containers that are taken apart; whatever else is a leaf."""


def register_pytree_node(
    cls: type,
    flatten_fn: Callable[[Any], tuple[Iterable[Any], Any]],
    unflatten_fn: Callable[[Iterable[Any], Any], Any],
    *,
    serialized_type_name: str | None = None,
    to_dumpable_context: Any = None,
    from_dumpable_context: Any = None,
    flatten_with_keys_fn: Callable[[Any], tuple[list[tuple[Any, Any]], Any]] | None = None,
) -> None:
    """Have containers of a class taken apart. Raises ValueError if the class is registered."""
    if cls in SUPPORTED_NODES:
        raise ValueError(f"{cls} is already registered as pytree node.")
    keys = None
    if flatten_with_keys_fn is not None:
        with_keys = flatten_with_keys_fn
        keys = lambda node: [key for key, _ in with_keys(node)[0]]  # noqa: E731
    SUPPORTED_NODES[cls] = NodeDef(cls, flatten_fn, unflatten_fn, keys)


_register_pytree_node = register_pytree_node


def _node(tree: Any) -> NodeDef | None:
    kind = type(tree)
    found = SUPPORTED_NODES.get(kind)
    if found is None and isinstance(tree, tuple) and hasattr(kind, "_fields"):
        return _NAMEDTUPLE
    return found


def _get_node_type(tree: Any) -> Any:
    node = _node(tree)
    return namedtuple if node is _NAMEDTUPLE else type(tree)


class TreeSpec:
    """What is left of a tree without its leaves."""

    def __init__(self, type: Any, context: Any = None, children_specs: Iterable[TreeSpec] = ()) -> None:
        self.type = type
        self.context = context
        self.children_specs = list(children_specs)
        self.num_children = len(self.children_specs)
        self.num_nodes: int = 1 + sum(one.num_nodes for one in self.children_specs)
        self.num_leaves: int = 1 if type is None else sum(one.num_leaves for one in self.children_specs)

    def is_leaf(self) -> bool:
        """Whether this stands for a leaf."""
        return self.type is None

    def children(self) -> list[TreeSpec]:
        """The specs of the children."""
        return list(self.children_specs)

    def _definition(self) -> NodeDef:
        return SUPPORTED_NODES.get(self.type, _NAMEDTUPLE)

    def flatten_up_to(self, tree: PyTree) -> list[PyTree]:
        """The subtrees of `tree` at this spec's leaves. Raises ValueError where the tree is another."""
        if self.type is None:
            return [tree]
        node = _node(tree)
        kind = None if node is None else type(tree) if node is not _NAMEDTUPLE else self.type
        mapping = (dict, OrderedDict, defaultdict)
        if kind is not self.type and not (kind in mapping and self.type in mapping):
            raise ValueError(f"Node type mismatch; expected {self.type}, but got {type(tree)}.")
        assert node is not None
        children, context = node.flatten_fn(tree)
        children = list(children)
        if len(children) != self.num_children:
            raise ValueError(f"Node arity mismatch; expected {self.num_children}, but got {len(children)}.")
        if self.type in mapping:
            keys = self.context[1] if self.type is defaultdict else self.context
            lacking, extra = set(keys) - set(tree), set(tree) - set(keys)
            if lacking or extra:
                told = f"; missing key(s): {lacking}" if lacking else ""
                told += f"; extra key(s): {extra}" if extra else ""
                raise ValueError(f"Node keys mismatch{told}.")
            children = [tree[key] for key in keys]
        elif context != self.context and self.type is not deque:
            raise ValueError(f"Node context mismatch for custom node type {self.type}.")
        return [
            leaf
            for spec, child in zip(self.children_specs, children, strict=True)
            for leaf in spec.flatten_up_to(child)
        ]

    def unflatten(self, leaves: Iterable[Any]) -> PyTree:
        """The tree with these leaves. Raises ValueError if their number is another."""
        leaves = list(leaves)
        if len(leaves) != self.num_leaves:
            raise ValueError(
                f"treespec.unflatten(leaves): `leaves` has length {len(leaves)} but the spec refers to a "
                f"pytree that holds {self.num_leaves} items ({self})."
            )
        return self._build(iter(leaves))

    def _build(self, leaves: Any) -> PyTree:
        if self.type is None:
            return next(leaves)
        children = [spec._build(leaves) for spec in self.children_specs]
        return self._definition().unflatten_fn(children, self.context)

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, TreeSpec):
            return NotImplemented
        return (self.type, self.context, self.children_specs) == (
            other.type, other.context, other.children_specs,
        )  # fmt: skip

    def __hash__(self) -> int:
        return hash((self.type, repr(self.context), tuple(self.children_specs)))

    def __repr__(self, indent: int = 0) -> str:
        if self.type is None:
            return "*"
        name = "namedtuple" if self._definition() is _NAMEDTUPLE else self.type.__name__
        inner = [one.__repr__(indent + 2) for one in self.children_specs]
        told = inner[0] if inner else ""
        told += "," if len(inner) > 1 else ""
        told += "".join(
            f"\n{' ' * (indent + 2)}{one}{',' if nr < len(inner) - 1 else ''}"
            for nr, one in enumerate(inner[1:], 1)
        )
        return f"TreeSpec({name}, {self.context!r}, [{told}])"


class LeafSpec(TreeSpec):
    """The spec of a leaf."""

    def __init__(self) -> None:
        super().__init__(None)


_LEAF = LeafSpec()


def tree_is_leaf(tree: PyTree, is_leaf: IsLeaf = None) -> bool:
    """Whether the tree is a leaf."""
    return (is_leaf is not None and is_leaf(tree)) or _node(tree) is None


_is_leaf = tree_is_leaf


def tree_iter(tree: PyTree, is_leaf: IsLeaf = None) -> Iterable[Any]:
    """The leaves, one after another."""
    return iter(tree_flatten(tree, is_leaf)[0])


def tree_flatten(tree: PyTree, is_leaf: IsLeaf = None) -> tuple[list[Any], TreeSpec]:
    """The leaves in order, and what is left of the tree."""
    leaves: list[Any] = []

    def walk(node: Any) -> TreeSpec:
        if tree_is_leaf(node, is_leaf):
            leaves.append(node)
            return _LEAF
        definition = _node(node)
        assert definition is not None
        children, context = definition.flatten_fn(node)
        kind = context if definition is _NAMEDTUPLE else definition.type
        return TreeSpec(kind, context, [walk(child) for child in children])

    return leaves, walk(tree)


def tree_unflatten(leaves: Iterable[Any], treespec: TreeSpec) -> PyTree:
    """The tree of these leaves."""
    if not isinstance(treespec, TreeSpec):
        raise TypeError(
            f"Expected `treespec` to be an instance of PyTreeSpec but got item of type {type(treespec)}."
        )
    return treespec.unflatten(leaves)


def tree_leaves(tree: PyTree, is_leaf: IsLeaf = None) -> list[Any]:
    """The leaves in order."""
    return tree_flatten(tree, is_leaf)[0]


def tree_structure(tree: PyTree, is_leaf: IsLeaf = None) -> TreeSpec:
    """The tree without its leaves."""
    return tree_flatten(tree, is_leaf)[1]


def tree_map(func: Callable[..., Any], tree: PyTree, *rests: PyTree, is_leaf: IsLeaf = None) -> PyTree:
    """The tree of what `func` gives for each leaf, with the subtrees of `rests` at its place."""
    leaves, spec = tree_flatten(tree, is_leaf)
    others = [spec.flatten_up_to(rest) for rest in rests]
    return spec.unflatten([func(*one) for one in zip(leaves, *others, strict=True)])


def tree_map_(func: Callable[..., Any], tree: PyTree, *rests: PyTree, is_leaf: IsLeaf = None) -> PyTree:
    """Call `func` for each leaf; the tree as it was."""
    tree_map(func, tree, *rests, is_leaf=is_leaf)
    return tree


def _chosen(kinds: Any) -> Callable[[Any], bool]:
    plain = callable(kinds) and not isinstance(kinds, type)
    return kinds if plain else lambda leaf: isinstance(leaf, kinds)


def tree_map_only(
    type_or_types_or_pred: Any, func: Any = None, tree: PyTree = None, is_leaf: IsLeaf = None
) -> PyTree:
    """`tree_map` for the leaves of some types; the others stay."""
    wanted = _chosen(type_or_types_or_pred)
    return tree_map(lambda leaf: func(leaf) if wanted(leaf) else leaf, tree, is_leaf=is_leaf)


def tree_map_only_(type_or_types_or_pred: Any, func: Any, tree: PyTree, is_leaf: IsLeaf = None) -> PyTree:
    """`tree_map_` for the leaves of some types."""
    tree_map_only(type_or_types_or_pred, func, tree, is_leaf)
    return tree


def tree_all(pred: Callable[[Any], bool], tree: PyTree, is_leaf: IsLeaf = None) -> bool:
    """Whether all leaves satisfy `pred`."""
    return all(map(pred, tree_leaves(tree, is_leaf)))


def tree_any(pred: Callable[[Any], bool], tree: PyTree, is_leaf: IsLeaf = None) -> bool:
    """Whether a leaf satisfies `pred`."""
    return any(map(pred, tree_leaves(tree, is_leaf)))


def tree_all_only(
    type_or_types: Any, pred: Callable[[Any], bool], tree: PyTree, is_leaf: IsLeaf = None
) -> bool:
    """Whether all leaves of some types satisfy `pred`."""
    return all(pred(leaf) for leaf in tree_leaves(tree, is_leaf) if isinstance(leaf, type_or_types))


def tree_any_only(
    type_or_types: Any, pred: Callable[[Any], bool], tree: PyTree, is_leaf: IsLeaf = None
) -> bool:
    """Whether a leaf of some types satisfies `pred`."""
    return any(pred(leaf) for leaf in tree_leaves(tree, is_leaf) if isinstance(leaf, type_or_types))


def tree_leaves_with_path(tree: PyTree, is_leaf: IsLeaf = None) -> list[tuple[tuple[Any, ...], Any]]:
    """The leaves, each after the steps that lead to it."""
    found: list[tuple[tuple[Any, ...], Any]] = []

    def walk(node: Any, path: tuple[Any, ...]) -> None:
        if tree_is_leaf(node, is_leaf):
            found.append((path, node))
            return
        definition = _node(node)
        assert definition is not None
        if definition.keys is None:
            raise ValueError(
                f"Did not find a flatten_with_keys_fn for type: {type(node)}. Please pass a "
                "flatten_with_keys_fn argument to register_pytree_node."
            )
        children = definition.flatten_fn(node)[0]
        for key, child in zip(definition.keys(node), children, strict=True):
            walk(child, (*path, key))

    walk(tree, ())
    return found


def tree_flatten_with_path(
    tree: PyTree, is_leaf: IsLeaf = None
) -> tuple[list[tuple[tuple[Any, ...], Any]], TreeSpec]:
    """The leaves with their paths, and what is left of the tree."""
    return tree_leaves_with_path(tree, is_leaf), tree_structure(tree, is_leaf)


def tree_map_with_path(
    func: Callable[..., Any], tree: PyTree, *rests: PyTree, is_leaf: IsLeaf = None
) -> PyTree:
    """`tree_map` that also passes each leaf's path."""
    found, spec = tree_flatten_with_path(tree, is_leaf)
    others = [spec.flatten_up_to(rest) for rest in rests]
    return spec.unflatten(
        [func(path, leaf, *rest) for (path, leaf), *rest in zip(found, *others, strict=True)]
    )


def keystr(kp: tuple[Any, ...]) -> str:
    """A path as it is written in Python."""
    return "".join(str(key) for key in kp)

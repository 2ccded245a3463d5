"""How a pure function of arrays becomes a function of TensorFlow's: one line for each operation.

`tile = operation("Tile", lambda input, multiples: jnp.tile(input, ints(multiples)))` makes
tf.tile(input, multiples, name=None). Every Tensor among the arguments, however deep in a list, is an input
of the operation; when it runs, arrays stand in their places, and all else is as it was given. Arguments
without a default become arrays of the one dtype that all share, unless they are `STATIC` (sizes, axes) or
`_FREE`.
"""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable, Iterable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from fnnet.tensorflow.errors import InvalidArgumentError, at_node
from fnnet.tensorflow.graph import Graph, Tensor, get_default_graph
from fnnet.tensorflow.infer import Known, of_shape
from fnnet.tensorflow.specs import KERNEL_NAMES, DType, Operators, TensorShape, as_dtype, of_value

STATIC = {"axis", "begin", "bounds", "delta", "depth", "dims", "limit", "multiples", "paddings", "perm"}
STATIC |= {"shape", "size", "start"}
_FREE = {"apart", "condition", "indices", "targets"}  # of a dtype of their own
_LISTS = {"inputs", "values"}
_OTHER_NAMES = {"dim": "axis", "dimension": "axis", "reduction_indices": "axis", "keep_dims": "keepdims"}


def public(names: dict[str, Any]) -> list[str]:
    """`__all__` of a module: what it defines or declares, without what it imports."""
    own = names["__name__"]
    return [n for n, v in names.items() if n[0] != "_" and getattr(v, "__module__", None) == own]


def to_array(value: Any, dtype: DType | None = None) -> np.ndarray:
    """A Python value as an array. Raises TypeError where its kind does not fit the dtype."""
    if value is None:
        raise ValueError("None values not supported.")
    if isinstance(value, TensorShape):
        value = np.asarray(value.as_list(), np.int32)
    if dtype is None:
        return np.array(value, of_value(value).as_numpy_dtype)
    array = np.array(value)
    fits = {"b": dtype.name == "bool", "i": dtype.name != "bool", "f": dtype.is_floating, "U": False}
    if array.size and not hasattr(value, "dtype") and not fits.get(array.dtype.kind, True):
        raise TypeError(f"Expected {dtype.name}, but got {value!r} of type '{type(value).__name__}'.")
    return array.astype(dtype.as_numpy_dtype)


def _input(value: Any, dtype: DType | None = None) -> Any:
    """A Tensor, for a Tensor, a Variable or a list with one in it; an array for anything else."""
    if isinstance(value, Operators):
        tensor = value if isinstance(value, Tensor) else value.value()
        if dtype is not None and tensor.dtype is not dtype:
            both = f"dtype {dtype.name} for Tensor with dtype {tensor.dtype.name}"
            raise ValueError(f"Tensor conversion requested {both}: {tensor!r}")
        return tensor
    inside = [leaf for leaf in jax.tree.leaves(value) if isinstance(leaf, Operators)]
    if not inside:
        return to_array(value, dtype)
    from fnnet.tensorflow.arrays import stack

    return stack([_input(each, dtype or inside[0].dtype) for each in value])


def convert_to_tensor(value: Any, dtype: Any = None, name: str = "Const") -> Tensor:
    """A Tensor as it is, a Variable's value, or a constant. A list with Tensors in it is stacked.

    Raises ValueError for a Tensor of another dtype, TypeError for a value that does not fit `dtype`.
    """
    given = _input(value, None if dtype is None else as_dtype(dtype))
    return given if isinstance(given, Tensor) else constant(given, name=name)


def constant(value: Any, dtype: Any = None, shape: Any = None, name: str = "Const") -> Tensor:
    """A fixed array. With `shape`, a number is repeated."""
    array = to_array(value, None if dtype is None else as_dtype(dtype))
    if shape is not None:
        sizes: Any = TensorShape(shape).as_list()
        array = np.broadcast_to(array.reshape(() if array.size == 1 else sizes), sizes)
    known = Known([array] * 3, array.dtype.type)
    return get_default_graph().create("Const", lambda: array, (), name, known=[known]).outputs[0]


def matching(type: str, named: list[tuple[str, Any]]) -> list[Any]:
    """Tensors and arrays of the dtype of the first Tensor among the arguments, or of the first argument.

    Raises TypeError in TensorFlow's words.
    """
    label, first = next(
        (each for each in named if isinstance(each[1], Operators)), (named or [("", None)])[0]
    )
    dtype = first.dtype if isinstance(first, Operators) else None
    found: list[Any] = []
    for each, value in named:
        try:
            found.append(_input(value, dtype))
        except (TypeError, ValueError):
            kind = "string" if isinstance(value, str) else as_dtype(_input(value).dtype).name
            if dtype is None or kind == dtype.name:
                raise
            both = f"has type {kind} that does not match type {dtype.name} of argument '{label}'."
            raise TypeError(f"Input '{each}' of '{type}' Op {both}") from None
        dtype = dtype or as_dtype(found[0].dtype)
    return found


def operation(
    type: str,
    function: Callable[..., Any],
    arguments: str = "",
    name: str = "",
    *,
    several: bool = False,
    differentiable: bool = True,
    guarded: tuple[str, Callable[..., Any], str] | None = None,
) -> Any:
    """TensorFlow's function of an operation.

    Args:
        arguments: their names, where the function's own are others.
        name: of the operation, if it is not its type; "scope/name" for one in a scope, which a user names.
        several: whether it gives a list.
        guarded: an argument of integers; what is wrong with it, as for `guard`; the words.
    """
    own = [inspect.Parameter(each, inspect.Parameter.POSITIONAL_OR_KEYWORD) for each in arguments.split()]
    own = own or list(inspect.signature(function).parameters.values())
    last = [p for p in own if p.kind is p.KEYWORD_ONLY]
    same = [p.name for p in own if p.default is p.empty and p.name not in STATIC | _FREE]
    named = inspect.Parameter("name", inspect.Parameter.POSITIONAL_OR_KEYWORD, default=None)
    signature = inspect.Signature([*(p for p in own if p not in last), named, *last])

    def declared(*args: Any, **keywords: Any) -> Any:
        keywords = {
            k if k in signature.parameters else _OTHER_NAMES.get(k, k): v for k, v in keywords.items()
        }
        try:
            bound = signature.bind(*args, **keywords)
        except TypeError as error:
            raise TypeError(f"{declared.__name__}() {error}") from None
        bound.apply_defaults()
        graph, given, (outer, _, inner) = get_default_graph(), bound.arguments, (name or type).partition("/")
        label = given.pop("name") or outer
        with (
            graph.name_scope(label) as scope,
            graph.name_scope((inner and (label if inner == outer else inner)) or scope) as scope,
        ):
            flat = [(k, v) for k in same for v in (given[k] if k in _LISTS else [given[k]])]
            found = iter(matching(type, flat))
            given |= {k: [next(found) for _ in given[k]] if k in _LISTS else next(found) for k in same}
            if guarded is not None:
                given[guarded[0]] = guard(given, guarded, call, scope[:-1])
            inputs, static, filled = spread(given)
            op = graph.create(
                type,
                lambda *a: call(function, filled(a)),
                inputs,
                scope,
                static=static,
                differentiable=differentiable,
            )
        return op.outputs if several else op.outputs[0]

    def call(function: Callable[..., Any], given: dict[str, Any]) -> Any:
        return function(
            *(given[p.name] for p in own if p not in last), **{p.name: given[p.name] for p in last}
        )

    declared.__name__ = declared.__qualname__ = name or type
    declared.__module__ = inspect.currentframe().f_back.f_globals["__name__"]  # type: ignore[union-attr]
    declared.__doc__ = f"TensorFlow's {type} {signature}."
    return declared


def spread(given: dict[str, Any]) -> tuple[list[Tensor], list[int], Callable[..., dict[str, Any]]]:
    """The Tensors in arguments, which of them are static, and a function that puts arrays in their places."""
    parts = {k: jax.tree.flatten(v) for k, v in given.items()}
    places = [
        (k, i)
        for k, (leaves, _) in parts.items()
        for i, leaf in enumerate(leaves)
        if isinstance(leaf, Operators)
    ]

    def filled(arrays: Iterable[Any]) -> dict[str, Any]:
        new = dict(zip(places, arrays, strict=True))
        return {
            k: jax.tree.unflatten(tree, [new.get((k, i), leaf) for i, leaf in enumerate(leaves)])
            for k, (leaves, tree) in parts.items()
        }

    return (
        [_input(parts[k][0][i]) for k, i in places],
        [n for n, (k, _) in enumerate(places) if k in STATIC],
        filled,
    )


def guard(given: dict[str, Any], guarded: Any, call: Callable[..., Any], node: str) -> Tensor:
    """A Tensor as it is, in a run that raises InvalidArgumentError if the function `fault` finds something.

    `fault` takes the operation's arguments. It gives booleans, whether each element is at fault, and two
    integers for the words, for each element or for all; the words have also the element's place. A cell keeps
    the first fault, for `Session.run` to see.
    """
    label, fault, words = guarded
    given = given | {label: convert_to_tensor(given[label])}
    inputs, static, filled = spread(given)
    at = inputs.index(given[label])
    if not inputs[at].dtype.is_integer:
        return given[label]

    def check(state: Any, *arrays: Any) -> list[Any]:
        bad, *numbers = call(
            fault, filled([x if i in static else jnp.asarray(x) for i, x in enumerate(arrays)])
        )
        first = jnp.argmax(bad) if bad.size else 0
        numbers = [jnp.ravel(jnp.broadcast_to(n, bad.shape))[first] if bad.size else 0 for n in numbers]
        now = jnp.stack([jnp.asarray(n, np.int64) for n in (jnp.any(bad), first, *numbers)])
        state[op.name] = jnp.where(state[op.name][0] == 0, now, state[op.name])
        return [arrays[at]]

    words = words if given[label].shape.ndims else words.replace("[{0}]", "")
    op = get_default_graph().create("Guard", check, inputs, "Guard", known=[inputs[at].known], static=static)
    op.cells, op.writes, op.words, op.initial = (op,), True, (node, words), lambda: np.zeros(4, np.int64)
    return op.outputs[0]


def placeholder(dtype: Any, shape: Any = None, name: str | None = None) -> Tensor:
    """A tensor whose numbers each run is fed with; None is a size that may differ from run to run."""
    kind, sizes = as_dtype(dtype), TensorShape(shape)

    def not_fed() -> Any:
        what = f"'{op.name}' with dtype {KERNEL_NAMES.get(kind.name, kind.name)}"
        what += f" and shape {sizes.in_brackets()}" if sizes else ""
        raise at_node(InvalidArgumentError, op.name, f"You must feed a value for placeholder tensor {what}")

    known = [of_shape(sizes.sizes, kind.as_numpy_dtype, fed=True)]
    op = get_default_graph().create("Placeholder", not_fed, (), name, known=known)
    return op.outputs[0]


def _of_default_graph(method: Callable[..., Any]) -> Callable[..., Any]:
    return functools.wraps(method)(lambda *args, **named: method(get_default_graph(), *args, **named))


name_scope = _of_default_graph(Graph.name_scope)
control_dependencies = _of_default_graph(Graph.control_dependencies)
get_collection = _of_default_graph(Graph.get_collection)

"""How a pure function of arrays becomes a function of TensorFlow's: one line for each operation.

`tile = operation("Tile", lambda input, multiples: jnp.tile(input, ints(multiples)))` makes
tf.tile(input, multiples, name=None). Every Tensor among the arguments, however deep in a list, is an input
of the operation; when it runs, arrays stand in their places, and all else is as it was given. Arguments
without a default become arrays of the one dtype that all share, unless they are `STATIC` (sizes, axes) or
`FREE`.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax.experimental import checkify

from fnnet.tensorflow.errors import InvalidArgumentError
from fnnet.tensorflow.graph import Tensor, get_default_graph
from fnnet.tensorflow.infer import Known, of_shape
from fnnet.tensorflow.specs import TensorShape, as_dtype, to_array

STATIC = {
    "axis",
    "bounds",
    "delta",
    "depth",
    "dims",
    "limit",
    "multiples",
    "paddings",
    "perm",
    "shape",
    "start",
}
FREE = {"apart", "condition", "ids", "indices"}  # of a dtype of their own
LISTS = {"inputs", "values"}
OTHER_NAMES = {
    "dim": "axis",
    "dimension": "axis",
    "reduction_indices": "axis",
    "squeeze_dims": "axis",
    "keep_dims": "keepdims",
    "filters": "filter",
}


def ints(sizes: Any) -> tuple[int, ...]:
    """Sizes or axes as Python integers: of a number, a list, an array or a TensorShape."""
    return tuple(int(size) for size in (sizes if np.iterable(sizes) else [sizes]))


def _given(value: Any, dtype: np.dtype | None = None) -> Any:
    """A Tensor, for a Tensor, a Variable or a list with one in it; an array for anything else."""
    if isinstance(value, Tensor):
        if dtype is not None and value.dtype != dtype:
            raise TypeError(f"Tensor conversion requested dtype {dtype} for {value!r}")
        return value.readings[0]
    inside = [leaf.dtype for leaf in jax.tree.leaves(value) if isinstance(leaf, Tensor)]
    return stack([_given(each, dtype or inside[0]) for each in value]) if inside else to_array(value, dtype)


def convert_to_tensor(
    value: Any, dtype: Any = None, name: str | None = None, preferred_dtype: Any = None
) -> Tensor:
    """A Tensor as it is, a Variable's value, or a constant. A list with Tensors in it is stacked.

    Raises TypeError for what is not, or does not fit, `dtype`.
    """
    if dtype is None and preferred_dtype is not None and not isinstance(value, Tensor):
        dtype = preferred_dtype
    given = _given(value, None if dtype is None else as_dtype(dtype))
    return given if isinstance(given, Tensor) else constant(given, name=name or "Const")


def constant(
    value: Any, dtype: Any = None, shape: Any = None, name: str = "Const", verify_shape: bool = False
) -> Tensor:
    """A fixed array. With `shape`, the last number is repeated; ValueError for more than it holds."""
    array = to_array(value, None if dtype is None else as_dtype(dtype))
    if shape is not None:
        sizes, size = ints(shape), int(np.prod(ints(shape)))
        if verify_shape and array.shape != sizes:
            raise TypeError(f"Expected Tensor's shape: {sizes}, but got {array.shape}.")
        if array.size > size:
            raise ValueError(f"Too many elements provided. Takes at most {size}, but got {array.size}.")
        last = array.ravel()[-1:]
        array = np.concatenate([array.ravel(), np.repeat(last, size - array.size)]).reshape(sizes)
    known = [Known(array.dtype, [array] * 2)]
    return get_default_graph().create("Const", lambda: array, (), name, known).outputs[0]


def placeholder(dtype: Any, shape: Any = None, name: str | None = None) -> Tensor:
    """A tensor whose numbers each run is fed with; None is a size that may differ from run to run."""
    kind, sizes = as_dtype(dtype), TensorShape(shape)

    def not_fed() -> Any:
        label = {"float32": "float", "float64": "double"}.get(kind.name, kind.name)
        what = f"'{op.name}' with dtype {label}" + f" and shape {sizes.in_brackets()}" * (shape is not None)
        raise InvalidArgumentError(op.name, f"You must feed a value for placeholder tensor {what}")

    known = [of_shape(None if sizes.ndims is None else sizes, kind)]
    op = get_default_graph().create("Placeholder", not_fed, (), name, known)
    op.made_of = frozenset(op.outputs)
    return op.outputs[0]


def matching(type: str, named: list[tuple[str, Any]]) -> list[Any]:
    """Tensors and arrays of the dtype of the first Tensor among the arguments, or of the first argument."""
    label, first = next((each for each in named if isinstance(each[1], Tensor)), (named or [("", 0)])[0])
    dtype, found = _given(first).dtype, []
    for each, value in named:
        try:
            found.append(_given(value, dtype))
        except TypeError:
            both = f"{_given(value).dtype} that does not match type {dtype} of argument '{label}'."
            raise TypeError(f"Input '{each}' of '{type}' Op has type {both}") from None
    return found


def operation(
    type: str, function: Callable[..., Any], arguments: str = "", name: str = "", *, several: bool = False,
    differentiable: bool = True, check: tuple[str, Callable[..., Any], str] | None = None,
) -> Any:  # fmt: skip
    """TensorFlow's function of an operation.

    Args:
        arguments: their names, where the function's own are others.
        name: of the operation, if it is not its type.
        several: whether it gives a list.
        check: an argument, which is checked if it is of integers; a function of all arguments that gives
            booleans, what is at fault, and two integers for the words; the words, in which {0} is the place.
    """
    named = [inspect.Parameter(each, inspect.Parameter.POSITIONAL_OR_KEYWORD) for each in arguments.split()]
    signature = inspect.Signature(named) if named else inspect.signature(function)
    every = list(signature.parameters.values())
    same = [p.name for p in every if p.default is p.empty and p.name not in STATIC | FREE]
    placed = [p for p in every if p.kind is p.POSITIONAL_OR_KEYWORD]  # after these stands `name`
    title = inspect.Parameter("name", (placed or every)[-1].kind, default=None)
    further = [p.replace(kind=title.kind) for p in every[len(placed) :]]
    public = inspect.Signature([*placed, title, *further] if placed else [*every, title])

    def declared(*args: Any, **keywords: Any) -> Any:
        known = {k if k in public.parameters else OTHER_NAMES.get(k, k): v for k, v in keywords.items()}
        bound = public.bind(*args, **known)
        bound.apply_defaults()
        graph, given = get_default_graph(), dict(bound.arguments)
        name = given.pop("name")
        with graph.name_scope(name or label) as scope:
            flat = [(k, v) for k in same for v in (given[k] if k in LISTS else [given[k]])]
            found = iter(matching(type, flat))
            given |= {k: [next(found) for _ in given[k]] if k in LISTS else next(found) for k in same}
            if check is not None:
                given[check[0]] = _given(given[check[0]])
            checks = check is not None and given[check[0]].dtype.kind in "iu"
            paths, tree = jax.tree_util.tree_flatten_with_path(given)
            leaves = [_given(v) if isinstance(v, Tensor) else v for _, v in paths]
            places = [i for i, leaf in enumerate(leaves) if isinstance(leaf, Tensor)]
            static = [n for n, i in enumerate(places) if paths[i][0][0].key in STATIC]

            def compute(*arrays: Any) -> Any:
                filled = dict(enumerate(leaves)) | dict(zip(places, arrays, strict=True))
                call = inspect.BoundArguments(signature, jax.tree.unflatten(tree, filled.values()))
                if check is not None and checks:
                    _check(scope[:-1], check[2], *check[1](*call.args, **call.kwargs))
                return function(*call.args, **call.kwargs)

            options: Any = {"static": static, "differentiable": differentiable, "checks": checks}
            op = graph.create(type, compute, [leaves[i] for i in places], scope, **options)
        return op.outputs if several else op.outputs[0]

    label = declared.__name__ = declared.__qualname__ = name or type
    declared.__module__ = inspect.currentframe().f_back.f_globals["__name__"]  # type: ignore[union-attr]
    declared.__doc__ = f"TensorFlow's {type} {public}."
    return declared


def _check(node: str, words: str, bad: Any, *numbers: Any) -> None:
    """Let the run fail, in these words, if something is `bad`."""
    if bad.size:
        words, at = words if bad.ndim else words.replace("[{0}]", ""), jnp.argmax(bad)
        every = [at, *(jnp.ravel(jnp.broadcast_to(n, bad.shape))[at] for n in numbers)]
        if isinstance(at, jax.core.Tracer):
            text = str(InvalidArgumentError(node, words)).replace("{{", "{{{{").replace("}}", "}}}}")
            checkify.check(~jnp.any(bad), text, *every)
        elif jnp.any(bad):
            raise InvalidArgumentError(node, words.format(*every))


def name_scope(name: str | None, default_name: str | None = None, values: Any = None) -> Any:
    """Names made within start with `name/`, or with the default name if that is None."""
    return get_default_graph().name_scope(default_name if name is None else name)


def control_dependencies(control_inputs: Any) -> Any:
    """What is created within runs after `control_inputs`; None forgets the outer ones."""
    return get_default_graph().control_dependencies(control_inputs)


stack = operation("Pack", lambda values, axis=0: jnp.stack(values, int(axis)), name="stack")

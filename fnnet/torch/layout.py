"""What can be said of an operation's output before it is computed: broadcasting, strides, view steps."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterable, Sequence
from typing import Any

import jax
import numpy as np
from jax.extend.core import ClosedJaxpr, Literal

from fnnet.torch.spec import Spec, contiguous_strides, spec_of


def broadcast_shapes(*shapes: Sequence[int]) -> tuple[int, ...]:
    """The common shape. Raises RuntimeError in PyTorch's words."""
    result: list[int] = []
    for shape in shapes:
        width = max(len(result), len(shape))
        a = [1] * (width - len(result)) + result
        b = [1] * (width - len(shape)) + list(shape)
        for dim, (x, y) in enumerate(zip(a, b, strict=True)):
            if x != y and x != 1 and y != 1:
                raise RuntimeError(
                    f"The size of tensor a ({x}) must match the size of tensor b ({y}) at non-singleton "
                    f"dimension {dim}"
                )
        result = [y if x == 1 else x for x, y in zip(a, b, strict=True)]
    return tuple(result)


def check_broadcast(names: Iterable[str], bound: inspect.BoundArguments, hole: Any) -> None:
    """Raise where elementwise arguments do not fit; arguments that are lists (cat's) broadcast not."""
    shapes = [
        leaf.spec.shape
        for name in bound.arguments
        if name in names and isinstance(leaf := bound.arguments[name], hole) and isinstance(leaf.spec, Spec)
    ]
    if len(shapes) > 1 and "mat2" not in names and "tensors" not in names:
        broadcast_shapes(*shapes)


def shape_error(name: str, specs: Sequence[Spec], error: Exception) -> Exception:
    """PyTorch's kind of error for an error of JAX about shapes or dtypes; any other error as it is."""
    text = str(error)
    if any(word in text for word in ("shape", "dimension", "size", "dtype", "broadcast", "rank")):
        seen = ", ".join(f"{list(spec.shape)} {spec.dtype}" for spec in specs)
        return RuntimeError(f"{name}: shapes or dtypes of the arguments ({seen}) do not fit: {text}")
    return error


def elementwise(inputs: Sequence[Spec], outputs: Sequence[Spec]) -> tuple[Spec, ...]:
    """The outputs of an elementwise operation with the memory order that PyTorch gives them.

    It follows the inputs' where they agree: the order of the first input that has all dimensions and is
    dense.
    """
    if all(spec.contiguous for spec in inputs if spec.shape == outputs[0].shape):
        return tuple(outputs)
    shape = outputs[0].shape
    full = [spec for spec in inputs if spec.shape == shape]
    if not full:
        return tuple(outputs)
    strides = dense_strides(full[0])
    return tuple(
        spec_of(spec.shape, spec.dtype, spec.device, strides) if spec.shape == shape else spec
        for spec in outputs
    )


def dense_strides(spec: Spec) -> tuple[int, ...]:
    """The strides of a dense copy that keeps the memory order (PyTorch's preserve_format)."""
    if spec.contiguous or 0 in spec.strides:
        return contiguous_strides(tuple(spec.shape))
    order = sorted(range(spec.ndim), key=lambda dim: (-spec.strides[dim], dim))
    packed = contiguous_strides(tuple(spec.shape[dim] for dim in order))
    strides = [0] * spec.ndim
    for dim, stride in zip(order, packed, strict=True):
        strides[dim] = stride
    return tuple(strides)


class _Unknown(Exception):
    pass


View = tuple[int, tuple[Any, ...]]
"""Which input an output looks into, and by which steps."""


def views_of(closed: ClosedJaxpr, function: Callable[..., Any], name: str) -> list[View]:
    """How the outputs look into the inputs, read off the traced function."""
    try:
        return _walk(closed.jaxpr, [(i, ()) for i in range(len(closed.in_avals))])
    except _Unknown:
        if len(closed.in_avals) != 1:
            raise NotImplementedError(
                f"{name}: a view of one of several inputs that no steps describe"
            ) from None
        aval = closed.in_avals[0]
        places = np.arange(aval.size, dtype=np.int64).reshape(aval.shape)
        with jax.enable_x64(True):
            seen = [np.asarray(out) for out in jax.tree.leaves(function(jax.numpy.asarray(places)))]
        return [(0, _strided(aval.shape, out, name)) for out in seen]


def _walk(jaxpr: Any, known: list[View | None]) -> list[View]:
    table: dict[Any, View | None] = dict(zip(jaxpr.invars, known, strict=False))

    def look(atom: Any) -> View:
        found = None if isinstance(atom, Literal) else table.get(atom)
        if found is None:
            raise _Unknown
        return found

    for eqn in jaxpr.eqns:
        inner = eqn.params.get("jaxpr") if eqn.primitive.name in ("pjit", "jit") else None
        if inner is not None:
            before = [None if isinstance(v, Literal) else table.get(v) for v in eqn.invars]
            results = _walk(inner.jaxpr, before)
            table.update(zip(eqn.outvars, results, strict=True))
            continue
        if not eqn.invars:
            raise _Unknown
        origin, steps = look(eqn.invars[0])
        shape = tuple(eqn.invars[0].aval.shape)
        table.update(zip(eqn.outvars, [(origin, steps + own) for own in _step(eqn, shape)], strict=True))
    return [look(atom) for atom in jaxpr.outvars]


def _step(eqn: Any, shape: tuple[int, ...]) -> list[tuple[Any, ...]]:
    name, params = eqn.primitive.name, eqn.params
    out = tuple(eqn.outvars[0].aval.shape)
    if name == "transpose":
        return [(("transpose", tuple(params["permutation"])),)]
    if (name in ("reshape", "squeeze") and params.get("dimensions") is None) or name == "squeeze":
        return [(("reshape", out),)]
    if name == "broadcast_in_dim":
        return [(("expand", out, tuple(params["broadcast_dimensions"])),)]
    if name == "copy" or (
        name == "convert_element_type" and eqn.invars[0].aval.dtype == eqn.outvars[0].aval.dtype
    ):
        return [()]
    if name == "slice":
        strides = tuple(params["strides"] or [1] * len(shape))
        return [_fixed(shape, tuple(params["start_indices"]), out, strides)]
    if name == "split":
        found, begin = [], 0
        for size in params["sizes"]:
            starts = [0] * len(shape)
            starts[params["axis"]] = begin
            target = list(shape)
            target[params["axis"]] = int(size)
            found.append(_fixed(shape, tuple(starts), tuple(target), (1,) * len(shape)))
            begin += int(size)
        return found
    raise _Unknown


def _fixed(
    shape: tuple[int, ...], starts: tuple[int, ...], sizes: tuple[int, ...], strides: tuple[int, ...]
) -> tuple[Any, ...]:
    """A slice whose starts are part of the structure."""
    return (("fixed", tuple(int(i) for i in starts), sizes, tuple(int(i) for i in strides)),)


def _strided(shape: tuple[int, ...], seen: np.ndarray[Any, Any], name: str) -> tuple[Any, ...]:
    """A view in general, from the place in the input that every element of the output comes from."""
    if seen.size == 0:
        nothing = ("fixed", (0,) * len(shape), (0,) * len(shape), (1,) * len(shape))
        return (nothing, ("reshape", seen.shape))
    start = int(seen.flat[0])
    strides = tuple(
        int(np.take(seen, 1, dim).flat[0]) - start if seen.shape[dim] > 1 else 1 for dim in range(seen.ndim)
    )
    expected = np.int64(start)
    for length, stride in zip(seen.shape, strides, strict=True):
        expected = np.expand_dims(expected, -1) + np.arange(length) * stride
    if not np.array_equal(expected, seen):
        raise NotImplementedError(f"{name}: declared a view, but its result is no strided view of its input")
    return (("fixed_strided", seen.shape, strides, start),)

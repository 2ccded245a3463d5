"""What can be said of an operation's output before it is computed: broadcasting, strides, view steps."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterable, Sequence
from typing import Any

import jax
import numpy as np
from jax.extend.core import ClosedJaxpr, Literal

from fnnet.functional import refusal
from fnnet.functional.refusal import broadcast_shapes as broadcast_shapes
from fnnet.torch.spec import Spec, contiguous_strides, spec_of


def check_broadcast(names: Iterable[str], bound: inspect.BoundArguments, hole: Any) -> None:
    """Raise where elementwise arguments do not fit; arguments that are lists (cat's) broadcast not."""
    shapes = [
        leaf.spec.shape
        for name in bound.arguments
        if name in names and isinstance(leaf := bound.arguments[name], hole) and isinstance(leaf.spec, Spec)
    ]
    if len(shapes) > 1:
        broadcast_shapes(*shapes)


def shape_error(name: str, specs: Sequence[Spec], error: Exception) -> Exception:
    """PyTorch's kind of error for an error of JAX about shapes or dtypes; any other error as it is.

    To be raised `from` its `__cause__`, which is JAX's error where there is one.
    """
    seen = ", ".join(f"{list(spec.shape)} {spec.dtype}" for spec in specs)
    found = refusal.shape_error(name, seen, error)
    if found is not error:
        found.__cause__ = error
    elif hasattr(error, "__notes__"):  # what JAX says of its own frames
        error.__notes__ = [note for note in error.__notes__ if "JAX has removed" not in note]
    return found


def elementwise(inputs: Sequence[Spec], outputs: Sequence[Spec]) -> tuple[Spec, ...]:
    """The outputs of an elementwise operation in the memory order of PyTorch's TensorIterator."""
    shape = outputs[0].shape
    if all(spec.contiguous for spec in inputs) or 0 in shape:
        return tuple(outputs)
    if any(spec.ndim > len(shape) for spec in inputs):
        return tuple(outputs)
    strides = _iterated(inputs, tuple(shape))
    return tuple(
        spec_of(spec.shape, spec.dtype, spec.device, strides) if spec.shape == shape else spec
        for spec in outputs
    )


def _iterated(inputs: Sequence[Spec], shape: tuple[int, ...]) -> tuple[int, ...]:
    """The strides of the output: the inputs' if they are dense and agree, else their order of dimensions."""
    first = inputs[0]
    if all(spec.shape == shape and spec.strides == first.strides for spec in inputs) and is_dense(first):
        return first.strides
    laid = []
    for spec in inputs:
        lead = len(shape) - spec.ndim
        own = zip(spec.shape, spec.strides, shape[lead:], strict=True)
        laid.append([0] * lead + [0 if n == 1 and wide != 1 else stride for n, stride, wide in own])

    def order(one: int, other: int) -> int:
        for strides in laid:
            a, b = strides[one], strides[other]
            if a and b and (a != b or shape[one] > shape[other]):
                return -1 if a < b else 1
        return 0

    fastest = list(range(len(shape)))[::-1]
    for i in range(1, len(shape)):
        moving = i
        for place in range(i - 1, -1, -1):
            found = order(fastest[place], fastest[moving])
            if found < 0:
                break
            if found > 0:
                fastest[place], fastest[moving] = fastest[moving], fastest[place]
                moving = place
    strides, step = [0] * len(shape), 1
    for dim in fastest:
        strides[dim] = step
        step *= shape[dim]
    return tuple(strides)


def is_dense(spec: Spec) -> bool:
    """Whether the elements fill one piece of memory, each once, in whatever order."""
    expected = 1
    for stride, length in sorted(zip(spec.strides, spec.shape, strict=True)):
        if length != 1:
            if stride != expected:
                return False
            expected *= length
    return True


def dense_strides(spec: Spec) -> tuple[int, ...]:
    """The strides of a dense copy that keeps the memory order (PyTorch's preserve_format)."""
    if not spec.numel:
        return contiguous_strides(tuple(spec.shape))
    return spec.strides if is_dense(spec) else _iterated([spec], tuple(spec.shape))


def _part(index: int) -> Callable[[tuple[int, ...]], tuple[Any, ...]]:
    def steps(shape: tuple[int, ...]) -> tuple[Any, ...]:
        ones = (1,) * (len(shape) + 1)
        return (("as_real",), ("fixed", (0,) * len(shape) + (index,), (*shape, 1), ones), ("reshape", shape))

    return steps


_PARTS: dict[str, Callable[[tuple[int, ...]], tuple[Any, ...]]] = {
    "view_as_real": lambda shape: (("as_real",),),
    "view_as_complex": lambda shape: (("as_complex",),),
    "real": _part(0),
    "imag": _part(1),
}
"""The steps of views of complex numbers, which are computed here and lie in memory as they are there."""


class _Unknown(Exception):
    pass


View = tuple[int, tuple[Any, ...]]
"""Which input an output looks into, and by which steps."""


def views_of(closed: ClosedJaxpr, function: Callable[..., Any], name: str) -> list[View]:
    """How the outputs look into the inputs, read off the traced function."""
    if name in _PARTS:
        return [(0, _PARTS[name](tuple(closed.in_avals[0].shape)))]
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


def _keeps_values(old: Any, new: Any) -> bool:
    """Whether a conversion in a view is none, or that of a half type to float32 and back."""
    return old == new or {str(old), str(new)} in ({"float16", "float32"}, {"bfloat16", "float32"})


def _step(eqn: Any, shape: tuple[int, ...]) -> list[tuple[Any, ...]]:
    name, params = eqn.primitive.name, eqn.params
    out = tuple(eqn.outvars[0].aval.shape)
    if name == "transpose":
        return [(("transpose", tuple(params["permutation"])),)]
    if name == "reshape" and params.get("dimensions") is None:
        return [(("reshape", out),)]
    if name == "conj":
        return [(("conj",),)]
    if name == "squeeze":
        return [(("squeeze", tuple(params["dimensions"])),)]
    if name == "broadcast_in_dim":
        return [(("expand", out, tuple(params["broadcast_dimensions"])),)]
    if name == "copy" or (
        name == "convert_element_type" and _keeps_values(eqn.invars[0].aval.dtype, eqn.outvars[0].aval.dtype)
    ):
        return [()]
    if name == "bitcast_convert_type":
        old, new = (np.dtype(one.aval.dtype) for one in (eqn.invars[0], eqn.outvars[0]))
        return [(("bitcast", new, old.itemsize, new.itemsize),)]
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

"""Views: how one tensor looks into the memory of another, read forwards and written backwards.

A view is a sequence of steps, each a tuple that begins with its kind:

    ("transpose", permutation)
    ("reshape", shape)
    ("squeeze", dims)                  dimensions of length one, which go
    ("expand", shape, dims)            dims: where the dimensions of the parent go
    ("slice", dims, sizes, steps)      with one start for each of dims, known only at run time
    ("strided", shape, strides)        into the flattened parent, with one run-time start
    ("fixed", starts, sizes, steps)    a slice of all dimensions with its starts
    ("fixed_strided", shape, strides, start, parts)
                                       parts: of which dimensions, how often, each stride is the sum, if known
    ("bitcast", numpy dtype, bytes of an element before, bytes after)
    ("as_real",), ("as_complex",)      complex numbers as pairs of real ones, and back
    ("conj",)                          conjugates
    ("detach",)                        the same, without its derivative (where JAX differentiates)

Steps are part of a record's structure and starts are not, so that a moving window does not compile again.
`read` composes the steps. `write` puts new values into the place that the steps look at, and returns the
whole.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax

from fnnet.torch.spec import contiguous_strides

Step = tuple[Any, ...]


def starts_of(step: Step) -> int:
    """How many run-time starts a step takes."""
    return len(step[1]) if step[0] == "slice" else 1 if step[0] == "strided" else 0


@jax.custom_jvp
def through(old: Any, new: Any) -> Any:
    """`new` with the derivative of `old`: what a tensor is after a change that autograd did not see."""
    return new


@through.defjvp
def _through_jvp(primals: Any, tangents: Any) -> Any:
    return primals[1], tangents[0]


def _places(step: Step, start: Any) -> Any:
    shape, strides = step[1], step[2]
    places = jnp.asarray(start, np.int64)
    for dim, stride in enumerate(strides):
        places = places + stride * lax.broadcasted_iota(np.int64, shape, dim)
    return jnp.broadcast_to(places, shape)


def _bounds(step: Step) -> tuple[Any, Any, Any]:
    _, starts, sizes, steps = step
    return (
        starts,
        [b + (n - 1) * s + 1 if n else b for b, n, s in zip(starts, sizes, steps, strict=True)],
        steps,
    )


def _window(x: jax.Array, step: Step, starts: Sequence[Any]) -> tuple[list[Any], list[int]]:
    _, dims, sizes, steps = step
    corner: list[Any] = [np.int64(0)] * x.ndim
    lengths = list(x.shape)
    for dim, size, stride, start in zip(dims, sizes, steps, starts, strict=True):
        corner[dim] = lax.convert_element_type(start, np.int64)
        lengths[dim] = (size - 1) * stride + 1 if size else 0
    return corner, lengths


def _read_step(x: Any, step: Step, starts: Sequence[Any]) -> Any:
    kind = step[0]
    if kind == "transpose":
        return lax.transpose(x, step[1])
    if kind == "reshape":
        return lax.reshape(x, step[1])
    if kind == "squeeze":
        return lax.squeeze(x, step[1])
    if kind == "expand":
        return lax.broadcast_in_dim(x, step[1], step[2])
    if kind == "slice":
        corner, lengths = _window(x, step, starts)
        block = lax.dynamic_slice(x, corner, lengths)
        if all(stride == 1 for stride in step[3]):
            return block
        strides = [1] * x.ndim
        for dim, stride in zip(step[1], step[3], strict=True):
            strides[dim] = stride
        return lax.slice(block, [0] * x.ndim, lengths, strides)
    if kind == "strided":
        return x.reshape(-1)[_places(step, starts[0])]
    if kind == "fixed":
        return lax.slice(x, *_bounds(step))
    if kind == "fixed_strided":
        return x.reshape(-1)[_places(step, step[3])]
    if kind == "conj":
        return lax.conj(x)
    if kind == "detach":
        return lax.stop_gradient(x)
    if kind == "as_real":
        return jnp.stack([lax.real(x), lax.imag(x)], -1)
    if kind == "as_complex":
        return lax.complex(x[..., 0], x[..., 1])
    assert kind == "bitcast"
    return _bitcast(x, step[1])


def _bitcast(x: Any, kind: Any) -> Any:
    """The same bytes as another dtype; a truth is a byte, and any byte but 0 is true."""
    if np.dtype(kind).kind == "b":
        return lax.bitcast_convert_type(x, np.uint8) != 0
    return lax.bitcast_convert_type(x.astype(np.uint8) if x.dtype == bool else x, kind)


def _write_step(x: Any, step: Step, starts: Sequence[Any], new: Any) -> Any:
    kind = step[0]
    if kind == "transpose":
        return lax.transpose(new, np.argsort(step[1]))
    if kind in ("reshape", "squeeze"):
        return lax.reshape(new, x.shape)
    assert kind != "expand"
    if kind == "slice":
        corner, lengths = _window(x, step, starts)
        if not all(stride == 1 for stride in step[3]):
            index: list[Any] = [slice(None)] * x.ndim
            for dim, stride in zip(step[1], step[3], strict=True):
                index[dim] = slice(None, None, stride)
            new = lax.dynamic_slice(x, corner, lengths).at[tuple(index)].set(new)
        return lax.dynamic_update_slice(x, new, corner)
    if kind == "fixed":
        return x.at[tuple(map(slice, *_bounds(step)))].set(new)
    if kind in ("strided", "fixed_strided"):
        start = starts[0] if kind == "strided" else step[3]
        return x.reshape(-1).at[_places(step, start)].set(new).reshape(x.shape)
    if kind == "conj":
        return lax.conj(new)
    if kind == "detach":
        return through(x, new)
    if kind in ("as_real", "as_complex"):
        return _read_step(new, ("as_complex" if kind == "as_real" else "as_real",), ())
    assert kind == "bitcast"
    return _bitcast(new, x.dtype)


def _split(steps: Sequence[Step], starts: Sequence[Any]) -> list[tuple[Step, Sequence[Any]]]:
    pairs, begin = [], 0
    for step in steps:
        end = begin + starts_of(step)
        pairs.append((step, starts[begin:end]))
        begin = end
    return pairs


def read(x: Any, steps: Sequence[Step], starts: Sequence[Any]) -> Any:
    """What the view sees of `x`."""
    for step, own in _split(steps, starts):
        x = _read_step(x, step, own)
    return x


def write(x: Any, steps: Sequence[Step], starts: Sequence[Any], new: Any) -> Any:
    """`x` with what the view sees of it replaced by `new`."""
    if not steps:
        return new
    own = starts[: starts_of(steps[0])]
    rest = steps[1:], starts[len(own) :]
    inner = _read_step(x, steps[0], own)
    if steps[0][0] == "expand":
        written = write(jnp.zeros(inner.shape, bool), *rest, jnp.ones(new.shape, bool))
        after = write(inner, *rest, new)
        return _unexpand(x, steps[0], written, after, written & (after != inner))
    return _write_step(x, steps[0], own, write(inner, *rest, new))


def _unexpand(x: Any, step: Step, written: Any, new: Any, changed: Any) -> Any:
    """Of the places that an expanded view has for one element of `x`, the one that was written to, and of
    several one that got another value by that.
    """
    _, shape, dims = step
    if 0 in shape:
        return x
    wide = [d for d in range(len(shape)) if d not in dims or x.shape[dims.index(d)] != shape[d]]
    narrow = [d for d in range(len(shape)) if d not in wide]
    written, new, changed = (
        lax.transpose(one, [*wide, *narrow]).reshape(-1, *[shape[d] for d in narrow])
        for one in (written, new, changed)
    )
    best = jnp.where(changed.any(axis=0), jnp.argmax(changed, axis=0), jnp.argmax(written, axis=0))
    first = jnp.expand_dims(best, 0)
    value = jnp.take_along_axis(new, first, axis=0)[0].reshape(x.shape)
    return jnp.where(written.any(axis=0).reshape(x.shape), value, x)


def reshaped_strides(
    shape: Sequence[int], strides: Sequence[int], new_shape: Sequence[int]
) -> tuple[int, ...] | None:
    """The strides of a reshaped view, or None if the memory does not allow it (PyTorch's computeStride)."""
    numel = int(np.prod(shape, dtype=np.int64))
    if numel == 0:
        return tuple(strides) if tuple(shape) == tuple(new_shape) else contiguous_strides(tuple(new_shape))
    result = [0] * len(new_shape)
    dim = len(new_shape) - 1
    base = strides[-1] if strides else 1
    block = view_block = 1
    for old in reversed(range(len(shape))):
        block *= shape[old]
        if old == 0 or (shape[old - 1] != 1 and strides[old - 1] != block * base):
            while dim >= 0 and (view_block < block or new_shape[dim] == 1):
                result[dim] = view_block * base
                view_block *= new_shape[dim]
                dim -= 1
            if view_block != block:
                return None
            if old > 0:
                base = strides[old - 1]
                block = view_block = 1
    while dim >= 0:  # a 0-d tensor seen with dimensions of length one
        result[dim] = base
        dim -= 1
    return tuple(result)


def marked(steps: Sequence[Step] | None) -> str | None:
    """What PyTorch marks a view with, that shows other numbers than lie in memory: "conj" or "neg"."""
    mark: str | None = None
    steps = steps or ()
    for number, step in enumerate(steps):
        if step[0] == "conj":
            mark = None if mark == "conj" else "conj"
        elif step[0] == "as_real" and mark == "conj" and number + 1 < len(steps):
            after = steps[number + 1]  # the imaginary parts alone, the real parts alone, or both
            if after[0] == "fixed" and after[2][-1] == 1:
                mark = "neg" if after[1][-1] else None
    return mark


def layout(
    steps: Sequence[Step], starts: Sequence[int], shape: Sequence[int], strides: Sequence[int]
) -> tuple[tuple[int, ...], int] | None:
    """Strides of the view and how far its first element lies from that of the parent.

    None if a reshape cannot be a view of this memory.
    """
    shape, strides, offset = list(shape), list(strides), 0
    for step, own in _split(steps, starts):
        kind = step[0]
        if kind == "transpose":
            shape, strides = [shape[dim] for dim in step[1]], [strides[dim] for dim in step[1]]
        elif kind == "reshape":
            found = reshaped_strides(shape, strides, step[1])
            if found is None:
                return None
            shape, strides = list(step[1]), list(found)
        elif kind == "squeeze":
            shape, strides = (
                [one for dim, one in enumerate(all_) if dim not in step[1]] for all_ in (shape, strides)
            )
        elif kind == "expand":
            wide = [0] * len(step[1])
            for dim, target in enumerate(step[2]):
                wide[target] = strides[dim] if shape[dim] == step[1][target] else 0
            # A new dimension of length one has PyTorch's stride of unsqueeze.
            for target in reversed(range(len(wide))):
                if target not in step[2] and step[1][target] == 1:
                    after = target + 1
                    wide[target] = wide[after] * step[1][after] if after < len(wide) else 1
            shape, strides = list(step[1]), wide
        elif kind == "slice":
            for dim, size, stride, start in zip(*step[1:], own, strict=True):
                offset += start * strides[dim]
                shape[dim] = size
                strides[dim] *= stride
        elif kind == "fixed":
            for dim, (start, size, stride) in enumerate(zip(*step[1:], strict=True)):
                offset += start * strides[dim]
                shape[dim] = size
                strides[dim] *= stride
        elif kind == "as_real":
            shape, strides, offset = [*shape, 2], [*(2 * stride for stride in strides), 1], 2 * offset
        elif kind == "as_complex":
            if strides[-1] != 1 or any(stride % 2 for stride in strides[:-1]):
                return None
            shape, strides, offset = shape[:-1], [stride // 2 for stride in strides[:-1]], offset // 2
        elif kind == "bitcast" and step[2] > step[3]:
            count = step[2] // step[3]
            shape, strides, offset = [*shape, count], [*(count * s for s in strides), 1], count * offset
        elif kind == "bitcast" and step[2] < step[3]:
            count = step[3] // step[2]
            if strides[-1] != 1 or any(stride % count for stride in strides[:-1]):
                return None
            shape, strides, offset = shape[:-1], [s // count for s in strides[:-1]], offset // count
        elif kind in ("strided", "fixed_strided"):
            natural = contiguous_strides(tuple(shape))
            offset += _distance(own[0] if kind == "strided" else step[3], natural, strides)
            if kind == "fixed_strided" and len(step) > 4:
                strides = [sum(strides[dim] * count for dim, count in part) for part in step[4]]
            else:
                strides = [_distance(stride, natural, strides) for stride in step[2]]
            shape = list(step[1])
    return tuple(strides), offset


def _distance(places: int, natural: Sequence[int], strides: Sequence[int]) -> int:
    """How far apart in memory elements are that are `places` apart in row-major order."""
    total = 0
    for step, stride in zip(natural, strides, strict=True):
        total += places // step * stride
        places %= step
    return total

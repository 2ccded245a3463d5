"""The order of elements along an axis: the first extreme, the stable order, the first few of it.

What JAX makes of these is slow on a CPU: XLA sorts several operands, and finds an extreme together with its
index, by calling a comparator for each pair. So on a CPU they are said in other words, which give the same
indices (`platform_dependent` leaves other devices what they had). Float32 (1000, 1000) along the last
dimension, two cores, jaxlib 0.10.2, before and after in ms: argmax 6.4 and 1.1, the order of sort 160 and
24, that of topk(10) 160 and 3.2.

NaN is the largest, however it is written; -0.0 and 0.0 are equal; among equals the first comes first.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax

from fnnet.functional.apart import apart
from fnnet.functional.dtypes import index_dtype, is_bool, is_integral

__all__ = ["first_extreme", "leading_order", "order_at", "sorted_values", "stable_order"]

_PARTIAL = 16
"""Of how many elements one at most is asked for where selecting is faster than sorting: at k = 100 of 1000
it takes 18 ms, sorting 24."""

_SEARCHED = 64
"""From how many elements on one of them is searched for, not sorted for: 6 ms instead of 23."""


def first_extreme(input: jax.Array, axis: int | None, kind: str, keepdims: bool = False) -> jax.Array:
    """Where the extreme (`kind` "max" or "min") is, the first in a tie, a NaN before all.

    `axis` None is that of the flattened input. There is an element.
    """
    values = lax.stop_gradient(_ordered_kind(input))
    along = None if axis is None else axis % values.ndim
    return _first_extreme(values, along, kind, keepdims).astype(index_dtype())


def stable_order(input: jax.Array, axis: int, descending: bool = False) -> jax.Array:
    """The indices that sort the input along an axis."""
    values = lax.stop_gradient(_ordered_kind(input))
    return _stable_order(values, axis % values.ndim, descending).astype(index_dtype())


def leading_order(input: jax.Array, k: int, axis: int, descending: bool) -> jax.Array:
    """The first k of `stable_order`."""
    values = lax.stop_gradient(_ordered_kind(input))
    return _leading_order(values, k, axis % values.ndim, descending).astype(index_dtype())


def order_at(input: jax.Array, rank: int | jax.Array, axis: int) -> jax.Array:
    """The element number `rank` of `stable_order`; the axis is kept. A rank is 0-d, or has the axis with size
    1."""
    values = lax.stop_gradient(_ordered_kind(input))
    axis %= values.ndim
    ranks = jnp.broadcast_to(
        jnp.asarray(rank, np.int32), tuple(np.where(np.arange(values.ndim) == axis, 1, values.shape))
    )
    return _order_at(values, ranks, axis).astype(index_dtype())


@partial(jax.jit, static_argnums=1)
def sorted_values(values: jax.Array, axis: int) -> jax.Array:
    """The floating values in order along an axis. Other devices than a CPU sort one operand fast as it is."""
    return _on_cpu(
        lambda x: jnp.take_along_axis(x, stable_order(x, axis), axis), lambda x: jnp.sort(x, axis), values
    )


def _ordered_kind(input: jax.Array) -> jax.Array:
    return input.astype(jnp.uint8) if is_bool(input) else input


# Compiled functions of their own, so that a call outside of jit does not trace the branches each time.
@partial(jax.jit, static_argnums=(1, 2, 3))
def _first_extreme(values: jax.Array, axis: int | None, kind: str, keepdims: bool) -> jax.Array:
    def plain(values: jax.Array) -> jax.Array:
        search = jnp.argmax if kind == "max" else jnp.argmin
        return search(values, axis, keepdims=keepdims).astype(np.int32)

    def in_two(values: jax.Array) -> jax.Array:
        lines, along = (values.reshape(-1), 0) if axis is None else (values, axis)
        extreme = (jnp.max if kind == "max" else jnp.min)(lines, along, keepdims=True)
        found = lines == extreme
        if not is_integral(lines):
            found = jnp.where(jnp.isnan(extreme), jnp.isnan(lines), found)
        places = lax.broadcasted_iota(np.int32, lines.shape, along)
        first = jnp.min(jnp.where(found, places, lines.shape[along] - 1), along, keepdims=keepdims)
        return first.reshape((1,) * values.ndim) if axis is None and keepdims else first

    length = values.size if axis is None else values.shape[axis]
    if length >= 2**31 or jnp.issubdtype(values.dtype, jnp.complexfloating):
        return (jnp.argmax if kind == "max" else jnp.argmin)(values, axis, keepdims=keepdims)
    return _on_cpu(in_two, plain, values)


def _on_cpu(
    here: Callable[[jax.Array], jax.Array], elsewhere: Callable[[jax.Array], jax.Array], values: jax.Array
) -> jax.Array:
    return lax.platform_dependent(values, cpu=here, default=elsewhere)


def _key_bits(dtype: np.dtype) -> int | None:
    """How many bits tell the order of a dtype's values; None where they are more than 32."""
    if jnp.issubdtype(dtype, jnp.integer) or jnp.issubdtype(dtype, jnp.floating):
        bits = dtype.itemsize * 8
        return bits if bits <= 32 else None
    return None


def _key(values: jax.Array, descending: bool) -> jax.Array:
    """Signed integers in the order of the values (or against it), equal where those are."""
    if jnp.issubdtype(values.dtype, jnp.floating):
        bits = lax.bitcast_convert_type(values, np.dtype(f"int{values.dtype.itemsize * 8}"))
        greatest = np.asarray(np.iinfo(bits.dtype).max, bits.dtype)
        key = jnp.where(bits < 0, bits ^ greatest, bits)
        key = jnp.where(values == 0, jnp.zeros_like(key), jnp.where(jnp.isnan(values), greatest, key))
    elif jnp.issubdtype(values.dtype, jnp.unsignedinteger):
        signed = np.dtype(f"int{values.dtype.itemsize * 8}")
        key = lax.bitcast_convert_type(values, signed) ^ np.asarray(np.iinfo(signed).min, signed)
    else:
        key = values
    return ~key if descending else key


@partial(jax.jit, static_argnums=(1, 2))
def _stable_order(values: jax.Array, axis: int, descending: bool) -> jax.Array:
    def plain(values: jax.Array) -> jax.Array:
        return jnp.argsort(values, axis, stable=True, descending=descending).astype(index_dtype())

    length = values.shape[axis]
    bits, places = _key_bits(values.dtype), max(length - 1, 0).bit_length()
    packed = np.dtype(np.int32) if bits is not None and bits + places <= 32 else index_dtype()
    if bits is None or bits + places > packed.itemsize * 8 or values.size == 0:
        return plain(values)

    def in_one(values: jax.Array) -> jax.Array:
        # One operand, whose elements are distinct: XLA has a sort of its own for that.
        key = _key(values, descending).astype(packed) << np.asarray(places, packed)
        ordered = lax.sort(key | lax.broadcasted_iota(packed, values.shape, axis), dimension=axis)
        return (ordered & np.asarray((1 << places) - 1, packed)).astype(index_dtype())

    return _on_cpu(in_one, plain, values)


@partial(jax.jit, static_argnums=2)
def _order_at(values: jax.Array, ranks: jax.Array, axis: int) -> jax.Array:
    length = values.shape[axis]

    def plain(values: jax.Array, ranks: jax.Array) -> jax.Array:
        return jnp.take_along_axis(_stable_order(values, axis, False), ranks, axis).astype(np.int32)

    if length < _SEARCHED or _key_bits(values.dtype) is None:
        return plain(values, ranks)

    def searched(values: jax.Array, ranks: jax.Array) -> jax.Array:
        # Bit by bit, how many are below: no element moves.
        bits, places = values.dtype.itemsize * 8, (length - 1).bit_length()
        key = apart(_key(values, False).astype(np.int32))
        found = jnp.full_like(ranks, -(1 << (bits - 1)))
        at = lax.broadcasted_iota(np.int32, values.shape, axis)

        def counted(chosen: jax.Array) -> jax.Array:
            return jnp.sum(chosen.astype(np.int32), axis, keepdims=True, dtype=np.int32)

        def of_key(i: int, found: jax.Array) -> jax.Array:
            tried = found + lax.shift_left(np.int32(1), np.int32(bits - 1) - jnp.int32(i))
            return jnp.where(counted(key < tried) <= ranks, tried, found)

        found = lax.fori_loop(0, bits, of_key, found)
        left = ranks - counted(key < found)
        same = apart(jnp.where(key == found, at, np.int32(length)))

        def of_place(i: int, place: jax.Array) -> jax.Array:
            tried = place + lax.shift_left(np.int32(1), np.int32(places - 1) - jnp.int32(i))
            return jnp.where(counted(same < tried) <= left, tried, place)

        return lax.fori_loop(0, places, of_place, jnp.zeros_like(ranks))

    return lax.platform_dependent(values, ranks, cpu=searched, default=plain)


@partial(jax.jit, static_argnums=(1, 2, 3))
def _leading_order(values: jax.Array, k: int, axis: int, descending: bool) -> jax.Array:
    length = values.shape[axis]
    sorted_first = lax.slice_in_dim(_stable_order(values, axis, descending), 0, k, axis=axis)
    if k == 0 or k * _PARTIAL > length or values.size == 0 or _key_bits(values.dtype) is None:
        return sorted_first

    def plain(values: jax.Array) -> jax.Array:
        return lax.slice_in_dim(
            jnp.argsort(values, axis, stable=True, descending=descending).astype(np.int32), 0, k, axis=axis
        )

    def selected(values: jax.Array) -> jax.Array:
        # XLA selects float32 by their bits, read as what `_key` makes of them, and takes the first in a tie.
        key = jnp.moveaxis(_key(values, not descending), axis, -1).astype(np.int32)
        bits = jnp.where(key < 0, key ^ np.int32(0x7FFFFFFF), key)
        lines = lax.bitcast_convert_type(bits, np.float32).reshape(-1, length)
        found = lax.top_k(lines, k)[1].reshape(*key.shape[:-1], k)
        return jnp.moveaxis(found, -1, axis).astype(np.int32)

    return _on_cpu(selected, plain, values)

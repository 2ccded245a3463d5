"""The order of elements as it is computed on a CPU, against NumPy's stable sort, for every dtype and tie."""

import contextlib
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import quickly

from fnnet.functional.ordering import first_extreme, leading_order, order_at, stable_order

_NARROW = ["float32", "bfloat16", "float16", "int8", "uint8", "int16", "int32", "uint32", "bool"]
_K = 3


def _drawn(dtype: str, shape: tuple[int, ...]) -> jax.Array:
    """Few distinct values, with the ends of the range, every kind of zero, infinity and NaN."""
    draw = np.random.default_rng(7)
    kind = jnp.dtype(dtype)
    if dtype == "bool":
        return jnp.asarray(draw.random(shape) < 0.5)
    if jnp.issubdtype(kind, jnp.floating):
        values, special = draw.integers(-3, 4, shape).astype(np.float32), [np.nan, np.inf, -np.inf, 0.0, -0.0]
        ends = np.array([*special, -np.float32(np.nan), 1.5, -1.5], np.float32).astype(kind)
    else:
        least, greatest = jnp.iinfo(kind).min, jnp.iinfo(kind).max
        values, ends = draw.integers(max(least, -3), 5, shape), np.array([least, greatest], kind)
    replaced = draw.random(shape) < 0.25
    return jnp.asarray(np.where(replaced, draw.choice(ends, shape), values.astype(kind)))


def _expected(values: np.ndarray[Any, Any], axis: int, descending: bool) -> np.ndarray[Any, Any]:
    """NumPy's order, of values that it knows and that -x does not overflow."""
    if not descending:
        return np.argsort(values, axis, kind="stable")
    turned = np.flip(values, axis)
    return np.flip(values.shape[axis] - 1 - np.argsort(turned, axis, kind="stable"), axis)


@pytest.mark.parametrize(
    ("dtype", "wide"),
    [*((dtype, True) for dtype in [*_NARROW, "float64", "int64"]), ("float32", False), ("float16", False)],
)
def test_orders_are_numpys_stable_ones(dtype: str, wide: bool) -> None:
    with jax.enable_x64(True) if wide else contextlib.nullcontext():
        x = _drawn(dtype, (60, 5))

        @quickly.jit
        def everything(x: jax.Array) -> list[Any]:
            ascending = stable_order(x, 0)
            orders = [(ascending, leading_order(x, _K, 0, False)), (leading_order(x, 60, 0, True),) * 2]
            places = [
                (first_extreme(x, 0, kind), first_extreme(x, None, kind, True)) for kind in ("max", "min")
            ]
            ranks = jnp.arange(5)[None] * 14
            long = jnp.concatenate([x, x[:30]])  # many ties, and more elements than are sorted for one
            searched = [order_at(long, ranks, 0), order_at(long.T, 7, -1), order_at(x, ranks, 0)]
            return [orders, places, leading_order(x, _K, 0, True), searched]

        orders, places, largest, searched = everything(x)
        exact = np.asarray(x).astype(np.float64 if jnp.issubdtype(x.dtype, jnp.floating) else np.int64)
        for descending, (order, leading) in enumerate(orders):
            expected = _expected(exact, 0, bool(descending))
            assert order.dtype == (np.int64 if wide else np.int32)
            np.testing.assert_array_equal(order, expected)
            np.testing.assert_array_equal(leading[:_K], expected[:_K])
        np.testing.assert_array_equal(largest, expected[:_K])
        long, ranks = _expected(np.concatenate([exact, exact[:30]]), 0, False), np.arange(5)[None] * 14
        np.testing.assert_array_equal(searched[0], np.take_along_axis(long, ranks, 0))
        np.testing.assert_array_equal(searched[1], long[7][:, None])
        np.testing.assert_array_equal(searched[2], np.take_along_axis(_expected(exact, 0, False), ranks, 0))
        for search, (along, whole) in zip((np.argmax, np.argmin), places, strict=True):
            np.testing.assert_array_equal(along, search(exact, 0))
            np.testing.assert_array_equal(whole, search(exact, None, keepdims=True))


def test_selection_of_many_lines_is_the_start_of_the_order() -> None:
    lines = _drawn("float32", (2, 3, 70, 2))
    found = jax.vmap(lambda x: leading_order(x, 3, 1, True))(lines)
    np.testing.assert_array_equal(found, _expected(np.asarray(lines), 2, True)[:, :, :3])

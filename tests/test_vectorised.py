"""Sines, arc functions and remainders by float64: exact to the last place, and XLA's where they must be."""

import math
from collections.abc import Callable

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax import lax

from fnnet import functional as F
from fnnet.functional import vectorised

_ALL = {
    "sin": 2**20,
    "cos": 2**20,
    "tan": 2**20,
    "asin": 1,
    "acos": 1,
    "atan": 2**100,
    "atan2": 2**40,
    "rem": 2**9,
}


def _numbers(seed: int, largest: float, count: int = 20000) -> np.ndarray:
    """Both signs, and all sizes from 2**-20 alike."""
    rng = np.random.default_rng(seed)
    sizes = 2 ** rng.uniform(-20, math.log2(largest), count) * 0.999
    return np.where(rng.random(count) < 0.5, sizes, -sizes).astype(np.float32)


def _given(name: str) -> list[np.ndarray]:
    x = _numbers(0, _ALL[name])
    if name in ("sin", "cos", "tan"):  # next to the multiples of a quarter turn
        near = (np.arange(-5000, 5000) * 100 * (np.pi / 2)).astype(np.float32)
        x[: near.size] = np.nextafter(near, np.float32(np.inf))
    x[-2:] = 0.0, -0.0
    return [x, _numbers(1, _ALL[name])[::-1]] if name in ("atan2", "rem") else [x]


@pytest.mark.parametrize("name", _ALL)
def test_values_are_exact_to_the_last_place(name: str) -> None:
    xs = _given(name)
    names = {"asin": "arcsin", "acos": "arccos", "atan": "arctan", "atan2": "arctan2", "rem": "fmod"}
    exact = getattr(np, names.get(name, name))(*[x.astype(np.float64) for x in xs])
    lowered = jax.jit(getattr(vectorised, name)).lower(*xs)
    assert "f64" in lowered.as_text()
    found = np.asarray(lowered.compile()(*xs))
    nearest = exact.astype(np.float32)
    np.testing.assert_array_less(np.abs(found - exact), 0.52 * np.spacing(np.abs(nearest)).astype(np.float64))
    np.testing.assert_array_equal(np.signbit(found), np.signbit(nearest))


@pytest.mark.parametrize("name", ["sin", "tan", "acos", "atan2", "rem"])
def test_what_float64_cannot_reduce_is_left_to_xla(name: str) -> None:
    special = np.array([np.inf, -np.inf, np.nan, 1e30, -3e38, 0.0, -0.0, 1.0, -2.5], np.float32)
    pairs = [one.ravel() for one in np.meshgrid(special, special)]
    xs = [np.resize(one, 2000) for one in (pairs if name in ("atan2", "rem") else pairs[:1])]
    f: Callable[..., jax.Array] = getattr(vectorised, name)
    few = np.concatenate(
        [np.asarray(f(*[jnp.asarray(x[at : at + 500]) for x in xs])) for at in range(0, 2000, 500)]
    )
    np.testing.assert_allclose(f(*map(jnp.asarray, xs)), few, rtol=2e-7, equal_nan=True)


@pytest.mark.parametrize("name", _ALL)
def test_derivatives_and_mapped_calls_are_those_of_jax(name: str) -> None:
    rng = np.random.default_rng(3)
    xs, changes = (
        [jnp.asarray(rng.uniform(-0.95, 0.95, (2, 1100)), jnp.float32) for _ in _given(name)]
        for _ in range(2)
    )
    plain = {"asin": jnp.arcsin, "acos": jnp.arccos, "atan": jnp.arctan, "atan2": jnp.arctan2, "rem": lax.rem}

    @jax.jit
    def both(xs: list[jax.Array], changes: list[jax.Array]) -> list[list[jax.Array]]:
        def of(f: Callable[..., jax.Array]) -> list[jax.Array]:
            def first(*xs: jax.Array) -> tuple[jax.Array, ...]:
                return jax.vjp(f, *xs)[1](changes[0])

            one_for_all = jax.vmap(f, (0, None)[: len(xs)])(xs[0], *[x[0] for x in xs[1:]])
            return jax.tree.leaves([jax.jvp(first, tuple(xs), tuple(changes)), jax.vmap(f)(*xs), one_for_all])

        return [of(getattr(vectorised, name)), of(plain.get(name) or getattr(jnp, name))]

    for seen, expected in zip(*both(xs, changes), strict=True):
        np.testing.assert_allclose(seen, expected, rtol=5e-6, atol=1e-6)


def test_the_operations_use_them() -> None:
    x = jnp.asarray(_numbers(2, 1, 2048))
    for name in ("sin", "cos", "tan", "asin", "acos", "atan", "sinc"):
        assert "vectorised" in str(jax.make_jaxpr(getattr(F, name))(x))
    for name in ("atan2", "fmod", "remainder", "floor_divide"):
        assert "vectorised" in str(jax.make_jaxpr(getattr(F, name))(x, x))
    assert "vectorised" not in str(jax.make_jaxpr(F.sin)(x[:100]))
    y = jnp.asarray([0.7, -0.7], jnp.float32).repeat(1024)
    np.testing.assert_array_equal(F.remainder(x, y), np.remainder(np.asarray(x), np.asarray(y)))

"""float16 and bfloat16: computed and summed in float32 and rounded once, as PyTorch does it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from fnnet import functional as F

RNG = np.random.default_rng(0)
HALVES = (jnp.bfloat16, jnp.float16)


def drawn(*shape: int) -> np.ndarray:
    return RNG.standard_normal(shape).astype(np.float32)


def vector_norm(x: Any) -> Any:
    return F.linalg_vector_norm(x)


WIDE = abs(drawn(300, 4, 5)) + 0.5
SUMMED: dict[str, tuple[Callable[..., Any], np.ndarray, np.ndarray]] = {
    "add": (F.add, WIDE, drawn(4, 5)),
    "sub": (F.sub, WIDE, drawn(1, 5)),
    "mul": (F.mul, WIDE, drawn(4, 1)),
    "div": (F.div, WIDE, abs(drawn(5)) + 1),
    "maximum": (F.maximum, WIDE, drawn(5)),
    "where": (lambda x, y: F.where(jnp.ones((300, 4, 5), bool), y, x), WIDE, drawn(5)),
    "expand": (lambda x, y: x * F.expand(y, (300, 4, 5)), WIDE, drawn(5)),
    "linear": (lambda x, y: F.linear(x, jnp.ones((5, 5), x.dtype), y), WIDE, drawn(5)),
    "conv1d": (lambda x, y: F.conv1d(x, jnp.ones((5, 4, 1), x.dtype), y), WIDE, drawn(5)),
    "layer_norm": (lambda x, y: F.layer_norm(x, (5,), y), WIDE, drawn(5)),
    "rms_norm": (lambda x, y: F.rms_norm(x, (5,), y), WIDE, drawn(5)),
    "prelu": (F.prelu, WIDE, abs(drawn(4))),
    "lerp": (lambda x, y: F.lerp(x, y, 0.3), WIDE, drawn(5)),
}


@pytest.mark.parametrize("name", SUMMED)
def test_gradient_of_what_is_broadcast_is_summed_in_float32(name: str) -> None:
    function, x, y = SUMMED[name]
    for half in HALVES:
        narrow = jnp.asarray(x, half), jnp.asarray(y, half)
        out, pullback = jax.vjp(function, *narrow)
        assert out.dtype == half
        cotangent = jnp.abs(jnp.asarray(drawn(*out.shape), half))  # so that the sum grows
        got = pullback(cotangent)[1]
        wide = (one.astype(jnp.float32) for one in narrow)
        exact = jax.vjp(function, *wide)[1](cotangent.astype(jnp.float32))[1]
        assert got.dtype == half
        ulp = 2.0 ** -float(jnp.finfo(half).nmant)
        np.testing.assert_allclose(np.asarray(got, np.float32), exact, rtol=2 * ulp)


# What PyTorch 2.13 gives on a CPU for bfloat16 and float16.
RECORDED: dict[str, tuple[Callable[..., Any], list[float], list[float], list[float]]] = {
    "vector_norm": (vector_norm, [300.0, 400.0], [500.0], [500.0]),
    "digamma": (F.digamma, [0.109375, -1.2], [-9.5625, 4.78125], [-9.5546875, 4.86328125]),
    "elu": (F.elu, [-0.3, 2.0], [-0.259765625, 2.0], [-0.25927734375, 2.0]),
}


@pytest.mark.parametrize("name", RECORDED)
def test_values_are_rounded_once(name: str) -> None:
    function, given, *wanted = RECORDED[name]
    for half, expected in zip(HALVES, wanted, strict=True):
        got = np.asarray(function(jnp.asarray(given, half)), np.float32).reshape(-1)
        np.testing.assert_allclose(got, np.asarray(expected, np.float32), rtol=2e-4)


def rising(half: Any) -> jax.Array:
    return jnp.asarray((np.arange(3000) * 37 % 101).astype(np.float32) / np.float32(101), half)


def near_one(half: Any) -> jax.Array:
    return jnp.asarray(0.985 + (np.arange(300) * 37 % 101).astype(np.float32) / np.float32(3500), half)


# What PyTorch 2.13 gives on a CPU for `rising` and `near_one`, in bfloat16 and in float16.
TOTALS: dict[str, tuple[Callable[[Any], Any], list[float], list[float]]] = {
    "sum": (lambda half: F.sum(rising(half)), [1488.0], [1485.0]),
    "sum over dim 1": (
        lambda half: F.sum(rising(half).reshape(3, 1000), 1),
        [496.0, 494.0, 496.0],
        [495.25, 494.75, 495.5],
    ),
    "sum over dim 0": (
        lambda half: F.sum(rising(half).reshape(1000, 3), 0),
        [496.0, 494.0, 496.0],
        [495.5, 494.75, 495.25],
    ),
    "nansum": (lambda half: F.nansum(rising(half)), [1488.0], [1485.0]),
    "cumsum": (
        lambda half: F.cumsum(rising(half), 0)[jnp.asarray([99, 999, 2999])],
        [49.25, 496.0, 1488.0],
        [49.375, 495.25, 1485.0],
    ),
    "cumprod": (
        lambda half: F.cumprod(near_one(half), 0)[jnp.asarray([99, 199, 299])],
        [0.921875, 0.85546875, 0.78125],
        [0.92431640625, 0.86328125, 0.79150390625],
    ),
    "avg_pool1d": (
        lambda half: F.avg_pool1d(rising(half)[None, None], 1000),
        [0.494140625, 0.494140625, 0.49609375],
        [0.4951171875, 0.494873046875, 0.495361328125],
    ),
    "adaptive_avg_pool1d": (
        lambda half: F.adaptive_avg_pool1d(rising(half)[None, None], 7),
        [0.494140625, 0.49609375, 0.49609375, 0.49609375, 0.494140625, 0.49609375, 0.49609375],
        [
            0.493896484375,
            0.496826171875,
            0.49560546875,
            0.49609375,
            0.4951171875,
            0.49560546875,
            0.4970703125,
        ],
    ),
}


@pytest.mark.parametrize("name", TOTALS)
def test_many_are_summed_in_float32(name: str) -> None:
    function, *wanted = TOTALS[name]
    for half, expected in zip(HALVES, wanted, strict=True):
        got = function(half)
        assert got.dtype == half
        assert np.asarray(got, np.float32).reshape(-1).tolist() == expected


def test_attention_holds_its_scores_in_float32() -> None:
    query, key, value = (jnp.asarray(drawn(2, 3, 40, 16) * 4, jnp.bfloat16) for _ in range(3))
    got = F.scaled_dot_product_attention(query, key, value, is_causal=True)
    wide = (one.astype(jnp.float32) for one in (query, key, value))
    exact = F.scaled_dot_product_attention(*wide, is_causal=True)
    assert got.dtype == jnp.bfloat16
    # The weights are rounded before the product with the values, and the output after it.
    np.testing.assert_allclose(np.asarray(got, np.float32), exact, rtol=2**-7, atol=2**-6)


def test_wider_argument_decides() -> None:
    weights = jnp.asarray([1.0, 2.0, 1.0])
    assert F.cov(jnp.ones((2, 3), jnp.bfloat16), aweights=weights).dtype == jnp.float32
    assert F.rms_norm(jnp.ones((2, 3), jnp.bfloat16), (3,), weights).dtype == jnp.bfloat16


@pytest.mark.torch
def test_recorded_values_are_pytorchs() -> None:
    torch = pytest.importorskip("torch")
    theirs = {
        "vector_norm": torch.linalg.vector_norm,
        "digamma": torch.digamma,
        "elu": torch.nn.functional.elu,
    }
    for name, (_, given, *wanted) in RECORDED.items():
        for kind, expected in zip((torch.bfloat16, torch.float16), wanted, strict=True):
            got = theirs[name](torch.tensor(given, dtype=kind)).float().reshape(-1).numpy()
            np.testing.assert_allclose(got, expected, rtol=2e-4, err_msg=name)

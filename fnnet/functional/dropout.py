"""Dropout and its kin. Noise is drawn from `key`, as PyTorch draws it: once for each call that needs it."""

from __future__ import annotations

import math
from typing import Any

import jax
import jax.numpy as jnp

from fnnet.functional.dtypes import scalar_name
from fnnet.functional.operation import operation
from fnnet.random.source import as_source

__all__ = [
    "alpha_dropout",
    "dropout",
    "dropout1d",
    "dropout2d",
    "dropout3d",
    "feature_alpha_dropout",
]

_ALPHA = 1.7580993408473766


def _kept(
    name: str, input: jax.Array, shape: tuple[int, ...], p: float, training: bool, key: Any
) -> jax.Array | None:
    """Whether each element is kept; None where there is nothing to draw because all are."""
    if not 0.0 <= p <= 1.0:
        raise ValueError(f"{name}: dropout probability has to be between 0 and 1, but got {p}")
    if not training or p == 0 or input.size == 0:
        return None
    if not jnp.issubdtype(input.dtype, jnp.inexact):
        raise RuntimeError(
            f"{name}: result type Float can't be cast to the desired output type {scalar_name(input.dtype)}"
        )
    if p == 1:
        return jnp.zeros(shape, bool)
    if key is None:
        raise ValueError(f"{name}: it draws noise in training: give key=jax.random.key(...)")
    return as_source(key).bernoulli(shape, 1 - p)


def _scaled(input: jax.Array, kept: jax.Array | None, p: float) -> jax.Array:
    if kept is None:
        return input
    noise = kept.astype(input.dtype)
    # A product, as in PyTorch, and not a choice: a dropped inf or nan gives nan.
    return input * (noise if p == 1 else noise / jnp.asarray(1 - p, input.dtype))


def _alpha_scaled(input: jax.Array, kept: jax.Array | None, p: float) -> jax.Array:
    if kept is None:
        return input
    noise = kept.astype(input.dtype)
    if p == 1:
        return input * noise
    a = 1 / math.sqrt((_ALPHA * _ALPHA * p + 1) * (1 - p))
    shift = (noise + -1) * (_ALPHA * a) + _ALPHA * a * p
    return input * (noise * a) + shift


def _channels(name: str, input: jax.Array) -> tuple[int, ...]:
    """The shape of noise that drops whole channels."""
    if input.ndim < 2:
        raise RuntimeError(f"{name}: Feature dropout requires at least 2 dimensions in the input")
    return (*input.shape[:2], *[1] * (input.ndim - 2))


def _feature_dropout(
    n: int, input: jax.Array, p: float, training: bool, key: Any, batch_optional: bool
) -> jax.Array:
    name = f"dropout{n}d"
    if n == 1 and input.ndim not in (2, 3):
        raise RuntimeError(
            f"{name}: Expected 2D or 3D input, but received a {input.ndim}D input. Note that dropout1d "
            "exists to provide channel-wise dropout on inputs with 1 spatial dimension, a channel dimension, "
            "and an optional batch dimension (i.e. 2D or 3D inputs)."
        )
    if batch_optional and input.ndim != n + 2:
        return _feature_dropout(n, input[None], p, training, key, False)[0]
    return _scaled(input, _kept(name, input, _channels(name, input), p, training, key), p)


@operation("torch", "nn.functional", in_place=True, grad_fn="MulBackward0")
def dropout(input: jax.Array, p: float = 0.5, training: bool = True, *, key: Any = None) -> jax.Array:
    """Zero each element with probability p, and divide the others by 1 - p, in training.

    Raises ValueError for p outside [0, 1], and where noise is needed but no key given.
    """
    return _scaled(input, _kept("dropout", input, input.shape, p, training, key), p)


@operation("nn.functional", in_place=True, grad_fn="MulBackward0")
def dropout1d(input: jax.Array, p: float = 0.5, training: bool = True, *, key: Any = None) -> jax.Array:
    """Zero whole channels of input (N, C, L) or (C, L) with probability p; see dropout."""
    return _feature_dropout(1, input, p, training, key, batch_optional=True)


@operation("nn.functional", in_place=True, grad_fn="MulBackward0")
def dropout2d(input: jax.Array, p: float = 0.5, training: bool = True, *, key: Any = None) -> jax.Array:
    """Zero whole channels of input (N, C, H, W) with probability p; see dropout.

    Input of three dimensions is taken as (N, C, L), as in PyTorch.
    """
    return _feature_dropout(2, input, p, training, key, batch_optional=False)


@operation("nn.functional", in_place=True, grad_fn="MulBackward0")
def dropout3d(input: jax.Array, p: float = 0.5, training: bool = True, *, key: Any = None) -> jax.Array:
    """Zero whole channels of input (N, C, D, H, W) or (C, D, H, W) with probability p; see dropout."""
    return _feature_dropout(3, input, p, training, key, batch_optional=True)


@operation("torch", "nn.functional", in_place=True, grad_fn="AddBackward0")
def alpha_dropout(input: jax.Array, p: float = 0.5, training: bool = False, *, key: Any = None) -> jax.Array:
    """Dropout that keeps mean and variance of SELU's activations (Klambauer et al., 2017); see dropout."""
    return _alpha_scaled(input, _kept("alpha_dropout", input, input.shape, p, training, key), p)


@operation("torch", "nn.functional", in_place=True, grad_fn="AddBackward0")
def feature_alpha_dropout(
    input: jax.Array, p: float = 0.5, training: bool = False, *, key: Any = None
) -> jax.Array:
    """Alpha dropout of whole channels of input (N, C, ...); see alpha_dropout."""
    name = "feature_alpha_dropout"
    shape = _channels(name, input) if training else input.shape
    return _alpha_scaled(input, _kept(name, input, shape, p, training, key), p)

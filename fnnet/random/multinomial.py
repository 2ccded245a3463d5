"""Draws of categories (torch.multinomial)."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from fnnet.random.arguments import torch_name
from fnnet.random.distributions import exponential_flat
from fnnet.random.engine import Engine
from fnnet.random.layout import arrange
from fnnet.random.rounding import FLOATS, float32, float64, is_half

_MAX_CATEGORIES = 2**24


def multinomial_of(
    engine: Engine, probs: np.ndarray, count: int, replacement: bool, strides: Sequence[int] | None
) -> np.ndarray:
    """Indices int64 of shape (count,) or (rows, count).

    One sample, or samples without replacement, are the largest of probs / exponential numbers; more samples
    with replacement are found in the running sum. Ties of half types without replacement may come in another
    order than PyTorch's, whose partial sort is not stable.

    Raises RuntimeError for what is no distribution, or too few categories.
    """
    _check(probs, count, replacement)
    if probs.ndim == 2 and not probs.shape[0]:
        return np.empty((0, count), np.int64)
    if replacement and count > 1:
        rows = [_with_replacement(engine, row, count) for row in np.atleast_2d(probs)]
        return np.array(rows, np.int64).reshape(*probs.shape[:-1], count)
    if not ((probs.max() < np.inf) and (probs.min() >= 0)):
        raise RuntimeError("probability tensor contains either `inf`, `nan` or element < 0")
    wide = probs.astype(float32) if is_half(probs.dtype) else probs
    if (wide.sum(axis=-1) == 0).any():
        raise RuntimeError("invalid multinomial distribution (sum of probabilities <= 0)")
    noise = arrange(exponential_flat(engine, probs.size, 1.0, probs.dtype), probs.shape, strides)
    with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
        scores = probs / noise
    if count == 1:
        return scores.argmax(axis=-1, keepdims=True).astype(np.int64)
    keys = -(scores.astype(float32) if is_half(probs.dtype) else scores)
    return np.argsort(keys, axis=-1, kind="stable")[..., :count].astype(np.int64)


def _with_replacement(engine: Engine, row: np.ndarray, count: int) -> np.ndarray:
    row = row.astype(float32) if is_half(row.dtype) else row
    if not (row >= 0).all():
        what = "encountering probability entry < 0"
        if np.isnan(row).any():
            what = "encountering probability entry = infinity or NaN"
        raise RuntimeError(f"invalid multinomial distribution ({what})")
    if np.isinf(row).any():
        raise RuntimeError(
            "invalid multinomial distribution (encountering probability entry = infinity or NaN)"
        )
    sums = np.add.accumulate(row)
    if not sums[-1] > 0:
        raise RuntimeError("invalid multinomial distribution (sum of probabilities <= 0)")
    sums /= sums[-1]
    sums[-1] = 1
    return np.searchsorted(sums.astype(float64), engine.uniforms53(count), side="left")


def _check(probs: np.ndarray, count: int, replacement: bool) -> None:
    if probs.ndim not in (1, 2):
        raise RuntimeError(f"prob_dist must be 1 or 2 dim, got shape {probs.shape}")
    if probs.dtype not in FLOATS:
        raise RuntimeError(
            f"multinomial only supports floating-point dtypes for input, got: {torch_name(probs.dtype)}"
        )
    if count <= 0:
        raise RuntimeError(f"cannot sample n_sample <= 0 samples: num_samples={count}")
    categories = probs.shape[-1]
    if not replacement and count > categories:
        raise RuntimeError(
            "cannot sample n_sample > prob_dist.size(-1) samples without replacement: "
            f"num_samples={count}, categories {categories}"
        )
    if categories > _MAX_CATEGORIES:
        raise RuntimeError(f"number of categories cannot exceed 2^24, got {categories}")
    if not categories:
        raise RuntimeError(
            "invalid multinomial distribution (sum of probabilities <= 0): no categories, got shape "
            f"{probs.shape}"
        )

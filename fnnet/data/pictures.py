"""Pictures as networks take them: what torchvision's ToTensor and Normalize compute, as pure functions."""

from __future__ import annotations

from collections.abc import Sequence

import jax
import jax.numpy as jnp
import numpy as np


def to_float(pictures: jax.Array) -> jax.Array:
    """Bytes 0 .. 255 as float32 in [0, 1]: ToTensor, for (..., channels, height, width).

    Raises TypeError for another dtype than uint8.
    """
    pictures = jnp.asarray(pictures)
    if pictures.dtype != jnp.uint8:
        raise TypeError(f"to_float: pictures: expected uint8, got {pictures.dtype}")
    # A table: XLA would multiply by 1 / 255, and half of the values differ from PyTorch in the last bit.
    table = np.arange(256, dtype=np.float32) / np.float32(255)
    return jnp.asarray(table)[pictures]


def normalize(
    pictures: jax.Array, mean: Sequence[float] = (0.5,), std: Sequence[float] = (0.5,)
) -> jax.Array:
    """(x - mean) / std, a mean and a std for each channel of (..., channels, height, width), or one for all.

    Raises ValueError for a std of 0, RuntimeError for another number of channels.
    """
    if any(s == 0 for s in std):
        raise ValueError("normalize: std evaluated to zero, leading to division by zero")
    channels = pictures.shape[-3]
    if any(len(values) not in (1, channels) for values in (mean, std)):
        raise RuntimeError(
            f"normalize: {len(mean)} means and {len(std)} stds do not match the size of {channels} channels"
        )
    column = (-1, 1, 1)
    shift = jnp.asarray(mean, pictures.dtype).reshape(column)
    return (pictures - shift) / jnp.asarray(std, pictures.dtype).reshape(column)

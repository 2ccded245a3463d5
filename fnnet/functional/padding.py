"""Padding, in all of torch.nn.functional.pad's modes."""

from __future__ import annotations

from collections.abc import Sequence

import jax
import jax.numpy as jnp
from jax import lax

from fnnet.functional.operation import operation

__all__ = ["pad"]

_MODES = {"constant": "constant", "reflect": "reflect", "replicate": "edge", "circular": "wrap"}


@operation("nn.functional", grad_fn="ConstantPadNdBackward0")
def pad(
    input: jax.Array, pad: Sequence[int], mode: str = "constant", value: float | None = None
) -> jax.Array:
    """Pad with (before, after) of the last dimension, then of the one before it, and so on; negative sizes
    crop.

    `mode` is "constant" (with `value`, 0 unless given), "reflect", "replicate" or "circular"; the latter
    three pad the last 1, 2 or 3 dimensions of an input with batch and channels, or with channels alone.
    Raises RuntimeError for sizes that do not fit, NotImplementedError for an unknown mode or too few
    dimensions.
    """
    sizes = tuple(int(size) for size in pad)
    if mode not in _MODES:
        raise NotImplementedError(f"pad: Unrecognised padding mode {mode}; expected one of {sorted(_MODES)}")
    if len(sizes) % 2:
        raise RuntimeError(f"pad: Padding length must be divisible by 2, got {len(sizes)}: {list(sizes)}")
    if len(sizes) > 2 * input.ndim:
        raise RuntimeError(
            "pad: Padding length should be less than or equal to two times the input dimension but got "
            "padding "
            f"length {len(sizes)} and input of dimension {input.ndim}"
        )
    widths = [(0, 0)] * input.ndim
    for position in range(len(sizes) // 2):
        widths[input.ndim - 1 - position] = (sizes[2 * position], sizes[2 * position + 1])
    for dim, (low, high) in enumerate(widths):
        size = input.shape[dim] + low + high
        if size < 0 or (mode != "constant" and size < 1 and (low or high)):
            raise RuntimeError(
                f"pad: The input size {input.shape[dim]}, plus negative padding {low} and {high}, resulted "
                "in a "
                f"negative or empty output size for dimension {dim}, which is invalid"
            )
    if mode == "constant":
        fill = jnp.asarray(0 if value is None else value, input.dtype)
        return lax.pad(input, fill, [(low, high, 0) for low, high in widths])
    if value is not None and value != 0:
        raise RuntimeError(f"pad: Padding mode '{mode}' doesn't take in value argument")
    n = len(sizes) // 2
    if n > 3 or input.ndim not in (n + 1, n + 2):
        raise NotImplementedError(
            "pad: Only 2D, 3D, 4D, 5D padding with non-constant padding are supported for now: got "
            "padding of "
            f"{n} dimensions of an input of {input.ndim}"
        )
    if n and input.shape[-n - 1] * min(input.shape[-n:]) == 0:
        raise RuntimeError(
            "pad: Expected non-zero sizes of the input's channels and padded dimensions, got "
            f"{list(input.shape)}"
        )
    for dim in range(input.ndim - n, input.ndim):
        low, high = widths[dim]
        limit = {"reflect": input.shape[dim] - 1, "circular": input.shape[dim]}.get(mode)
        if limit is not None and max(low, high) > limit:
            raise RuntimeError(
                f"pad: Padding size should be {'less than' if mode == 'reflect' else 'at most'} the "
                "corresponding "
                f"input dimension, but got: padding ({low}, {high}) at dimension {dim} of input "
                f"{list(input.shape)}"
            )

    def cropped(x: jax.Array) -> jax.Array:
        ends = [size - max(-high, 0) for (_, high), size in zip(widths, x.shape, strict=True)]
        return x[tuple(slice(max(-low, 0), end) for (low, _), end in zip(widths, ends, strict=True))]

    grow = [(max(low, 0), max(high, 0)) for low, high in widths]
    if mode == "circular":
        # What is cropped does not come round again; the other modes do look at it.
        return jnp.pad(cropped(input), grow, mode="wrap")
    return cropped(jnp.pad(input, grow, mode=_MODES[mode]))

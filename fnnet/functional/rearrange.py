"""Moving elements between channels and positions."""

from __future__ import annotations

import jax

from fnnet.functional.operation import operation

__all__ = ["channel_shuffle", "native_channel_shuffle", "pixel_shuffle", "pixel_unshuffle"]


def _check(name: str, input: jax.Array, factor: int) -> None:
    if input.ndim < 3:
        raise RuntimeError(
            f"{name} expects input to have at least 3 dimensions, but got input with {input.ndim} "
            "dimension(s)"
        )
    if factor <= 0:
        raise RuntimeError(f"{name} expects a positive factor, but got {factor}")


@operation("torch", "nn.functional", grad_fn="PixelShuffleBackward0")
def pixel_shuffle(input: jax.Array, upscale_factor: int) -> jax.Array:
    """(..., C r^2, H, W) to (..., C, H r, W r)."""
    _check("pixel_shuffle", input, upscale_factor)
    *batch, channels, height, width = input.shape
    r = upscale_factor
    if channels % (r * r):
        raise RuntimeError(
            "pixel_shuffle expects its input's 'channel' dimension to be divisible by the square of "
            f"upscale_factor, but input.size(-3)={channels} is not divisible by {r * r}"
        )
    n = len(batch)
    x = input.reshape(*batch, channels // (r * r), r, r, height, width)
    x = x.transpose(*range(n), n, n + 3, n + 1, n + 4, n + 2)
    return x.reshape(*batch, channels // (r * r), height * r, width * r)


@operation("torch", "nn.functional", grad_fn="PixelUnshuffleBackward0")
def pixel_unshuffle(input: jax.Array, downscale_factor: int) -> jax.Array:
    """(..., C, H r, W r) to (..., C r^2, H, W)."""
    _check("pixel_unshuffle", input, downscale_factor)
    *batch, channels, height, width = input.shape
    r = downscale_factor
    if height % r or width % r:
        raise RuntimeError(
            "pixel_unshuffle expects height and width to be divisible by downscale_factor, but "
            f"{height}x{width} "
            f"is not divisible by {r}"
        )
    n = len(batch)
    x = input.reshape(*batch, channels, height // r, r, width // r, r)
    x = x.transpose(*range(n), n, n + 2, n + 4, n + 1, n + 3)
    return x.reshape(*batch, channels * r * r, height // r, width // r)


@operation("torch", "nn.functional", grad_fn="ChannelShuffleBackward0")
def channel_shuffle(input: jax.Array, groups: int) -> jax.Array:
    """Channels of (N, C, d...) dealt out: channel g n + i of `groups` groups of n goes to i groups + g."""
    _check("channel_shuffle", input, groups)
    channels = input.shape[1]
    if channels % groups:
        raise RuntimeError(
            f"channel_shuffle: Number of channels must be divisible by groups. Got {channels} channels and "
            f"{groups} groups."
        )
    split = input.reshape(input.shape[0], groups, channels // groups, *input.shape[2:])
    return split.swapaxes(1, 2).reshape(input.shape)


@operation("torch", "nn.functional", grad_fn="NativeChannelShuffleBackward0")
def native_channel_shuffle(input: jax.Array, groups: int) -> jax.Array:
    """The same as channel_shuffle."""
    return channel_shuffle(input, groups)

"""Sliding blocks of pictures as columns, and columns summed back into pictures."""

from __future__ import annotations

import math

import jax
import jax.numpy as jnp
from jax import lax

from fnnet.functional.dimension import canonical_dim
from fnnet.functional.operation import operation
from fnnet.functional.spatial import Sizes, batched, per_dimension

__all__ = ["fold", "unfold"]


def _columns(
    x: jax.Array,
    kernel: tuple[int, ...],
    dilation: tuple[int, ...],
    padding: tuple[int, ...],
    stride: tuple[int, ...],
) -> jax.Array:
    batch, channels = x.shape[:2]
    counts = _counts("unfold", x.shape[2:], kernel, dilation, padding, stride)
    x = jnp.pad(x, [(0, 0), (0, 0), *[(p, p) for p in padding]])
    for axis in range(2):
        d, s, k = dilation[axis], stride[axis], kernel[axis]
        span = (counts[axis] - 1) * s + 1
        taps = [lax.slice_in_dim(x, j * d, j * d + span, s, axis + 2) for j in range(k)]
        x = jnp.stack(taps, axis=-1)
    # (N, C, rows, columns, kernel row, kernel column)
    return x.transpose(0, 1, 4, 5, 2, 3).reshape(batch, channels * math.prod(kernel), math.prod(counts))


def _counts(
    name: str,
    sizes: tuple[int, ...],
    kernel: tuple[int, ...],
    dilation: tuple[int, ...],
    padding: tuple[int, ...],
    stride: tuple[int, ...],
) -> list[int]:
    if min(kernel) <= 0 or min(dilation) <= 0 or min(stride) <= 0 or min(padding) < 0:
        raise RuntimeError(
            f"{name}: kernel size, dilation and stride should be greater than zero and padding "
            "non-negative, got "
            f"{kernel}, {dilation}, {stride}, {padding}"
        )
    counts = [
        (size + 2 * p - d * (k - 1) - 1) // s + 1
        for size, k, d, p, s in zip(sizes, kernel, dilation, padding, stride, strict=True)
    ]
    if min(counts) < 1:
        raise RuntimeError(
            f"{name}: Given input with spatial size {sizes}, kernel_size={kernel}, dilation={dilation}, "
            f"padding={padding}, calculated shape of the array of sliding blocks as {tuple(counts)}, but its "
            "components must be at least one."
        )
    return counts


@operation("nn.functional", grad_fn="Im2ColBackward0")
def unfold(
    input: jax.Array, kernel_size: Sizes, dilation: Sizes = 1, padding: Sizes = 0, stride: Sizes = 1
) -> jax.Array:
    """Sliding blocks of input (N, C, H, W) or (C, H, W) as columns: (N, C kH kW, blocks)."""
    arguments = {"kernel_size": kernel_size, "dilation": dilation, "padding": padding, "stride": stride}
    sizes = [per_dimension("unfold", name, value, 2) for name, value in arguments.items()]
    canonical_dim(max(1, min(input.ndim, 2)), input.ndim)  # PyTorch reads these lengths first
    return batched("unfold", input, 2, lambda x: _columns(x, *sizes))


@operation("nn.functional", grad_fn="Col2ImBackward0")
def fold(
    input: jax.Array,
    output_size: Sizes,
    kernel_size: Sizes,
    dilation: Sizes = 1,
    padding: Sizes = 0,
    stride: Sizes = 1,
) -> jax.Array:
    """Columns (N, C kH kW, blocks) summed into pictures (N, C, H, W) of output_size: the transpose of
    unfold.
    """
    arguments = {"kernel_size": kernel_size, "dilation": dilation, "padding": padding, "stride": stride}
    sizes = [per_dimension("fold", name, value, 2) for name, value in arguments.items()]
    size = per_dimension("fold", "output_size", output_size, 2)
    if input.ndim not in (2, 3):
        raise RuntimeError(
            "fold: Expected 2D (unbatched) or 3D (batched) tensor for input with possibly 0 batch size, "
            "but got: "
            f"{list(input.shape)}"
        )
    if input.shape[-2] % math.prod(sizes[0]):
        raise RuntimeError(
            "fold: Expected size of input's dimension 1 to be divisible by the product of kernel_size, "
            "but got "
            f"input.size(1)={input.shape[-2]} and kernel_size={sizes[0]}."
        )
    blocks = math.prod(_counts("fold", size, *sizes))
    if input.shape[-1] != blocks:
        raise RuntimeError(
            f"fold: Given output_size={size}, kernel_size={sizes[0]}, dilation={sizes[1]}, "
            f"padding={sizes[2]}, "
            f"stride={sizes[3]}, expected size of input's dimension 2 to match the calculated number of "
            "sliding "
            f"blocks {blocks}, but got input.size(2)={input.shape[-1]}."
        )
    channels = input.shape[-2] // math.prod(sizes[0])
    columns = input if input.ndim == 3 else input[None]
    pictures = jax.ShapeDtypeStruct((columns.shape[0], channels, *size), input.dtype)
    (output,) = jax.linear_transpose(lambda x: _columns(x, *sizes), pictures)(columns)
    return output if input.ndim == 3 else output[0]

"""Convolutions (cross-correlations) and transposed convolutions in 1, 2 and 3 dimensions.

Layouts are PyTorch's: input (N, C, d...) or (C, d...), weight (out, in / groups, k...), for the transposed
convolution (in, out / groups, k...).
"""

from __future__ import annotations

from collections.abc import Sequence

import jax
import jax.numpy as jnp
from jax import lax

from fnnet.functional.convolution_products import convolve
from fnnet.functional.half import rounds_once, spread, widened
from fnnet.functional.operation import operation
from fnnet.functional.spatial import Sizes, batched, per_dimension

__all__ = [
    "conv1d",
    "conv2d",
    "conv3d",
    "conv_tbc",
    "conv_transpose1d",
    "conv_transpose2d",
    "conv_transpose3d",
    "same_padding",
]

_LAYOUTS = {1: ("NCH", "OIH", "NCH"), 2: ("NCHW", "OIHW", "NCHW"), 3: ("NCDHW", "OIDHW", "NCDHW")}


def same_padding(kernel_size: Sequence[int], dilation: Sequence[int]) -> list[tuple[int, int]]:
    """Padding (before, after) that keeps the size at stride 1; an odd one is one longer after."""
    totals = [d * (k - 1) for k, d in zip(kernel_size, dilation, strict=True)]
    return [(total // 2, total - total // 2) for total in totals]


def _check(
    name: str,
    input: jax.Array,
    weight: jax.Array,
    bias: jax.Array | None,
    groups: int,
    n: int,
    transposed: bool,
) -> None:
    if weight.ndim != n + 2:
        raise RuntimeError(
            f"{name}: expected weight of {n + 2} dimensions, got weight of size {list(weight.shape)}"
        )
    if input.dtype != weight.dtype or (bias is not None and bias.dtype != weight.dtype):
        kind = "weight" if input.dtype != weight.dtype else "bias"
        other = weight.dtype if kind == "weight" or bias is None else bias.dtype
        raise RuntimeError(f"{name}: Input type ({input.dtype}) and {kind} type ({other}) should be the same")
    if input.ndim not in (n + 1, n + 2):
        raise RuntimeError(
            f"{name}: Expected {n + 1}D (unbatched) or {n + 2}D (batched) input to {name}, but got input "
            "of size: "
            f"{list(input.shape)}"
        )
    if groups <= 0:
        raise RuntimeError(f"{name}: non-positive groups is not supported, got {groups}")
    if weight.shape[0] < groups:
        raise RuntimeError(
            f"{name}: Given groups={groups}, expected weight to be at least {groups} at dimension 0, but got "
            f"weight of size {list(weight.shape)} instead"
        )
    if 0 in weight.shape[2:] or 0 in input.shape[input.ndim - n :]:
        raise RuntimeError(
            f"{name}: Only zero batch or zero channel inputs are supported, but got input shape: "
            f"{list(input.shape)} and weight of size {list(weight.shape)}"
        )
    if weight.shape[0] % groups:
        raise RuntimeError(
            f"{name}: Given groups={groups}, expected weight to be divisible by {groups} at dimension 0, "
            "but got "
            f"weight of size {list(weight.shape)} instead"
        )
    channels = input.shape[-n - 1]
    wanted = weight.shape[0] if transposed else weight.shape[1] * groups
    if channels != wanted:
        raise RuntimeError(
            f"{name}: Given {'transposed=1, ' if transposed else f'groups={groups}, '}weight of size "
            f"{list(weight.shape)}, expected input{list(input.shape)} to have {wanted} channels, but got "
            f"{channels} channels instead"
        )
    out = weight.shape[1] * groups if transposed else weight.shape[0]
    if bias is not None and bias.shape != (out,):
        raise RuntimeError(
            f"{name}: Given weight of size {list(weight.shape)}, expected bias to be 1-dimensional with "
            f"{out} "
            f"elements, but got bias of size {list(bias.shape)} instead"
        )


def _with_bias(output: jax.Array, bias: jax.Array | None, n: int) -> jax.Array:
    return output if bias is None else jnp.add(*spread(output, bias.reshape(-1, *[1] * n)))


def _convolution(
    n: int,
    input: jax.Array,
    weight: jax.Array,
    bias: jax.Array | None,
    stride: Sizes,
    padding: Sizes | str,
    dilation: Sizes,
    groups: int,
) -> jax.Array:
    name = f"conv{n}d"
    _check(name, input, weight, bias, groups, n, transposed=False)
    if bias is not None and rounds_once(input, weight, bias):
        wide = widened(input), widened(weight), widened(bias)
        return _convolution(n, *wide, stride, padding, dilation, groups).astype(input.dtype)
    strides = per_dimension(name, "stride", stride, n)
    dilations = per_dimension(name, "dilation", dilation, n)
    if min(strides) <= 0:
        raise RuntimeError(f"{name}: non-positive stride is not supported, got {stride}")
    if min(dilations) <= 0:
        raise RuntimeError(f"{name}: dilation should be greater than zero, got {dilation}")
    kernel = weight.shape[2:]
    if padding == "valid":
        pads = [(0, 0)] * n
    elif padding == "same":
        if max(strides) != 1:
            raise RuntimeError(f"{name}: padding='same' is not supported for strided convolutions")
        pads = same_padding(kernel, dilations)
    elif isinstance(padding, str):
        raise RuntimeError(f"{name}: Invalid padding string: {padding!r}; expected 'valid' or 'same'")
    else:
        sizes = per_dimension(name, "padding", padding, n)
        if min(sizes) < 0:
            raise RuntimeError(f"{name}: negative padding is not supported, got {padding}")
        pads = [(size, size) for size in sizes]
    for size, (low, high), k, d in zip(input.shape[-n:], pads, kernel, dilations, strict=True):
        if size + low + high < d * (k - 1) + 1:
            padded = " x ".join(str(s + lo + hi) for s, (lo, hi) in zip(input.shape[-n:], pads, strict=True))
            effective = " x ".join(str(dk * (kk - 1) + 1) for kk, dk in zip(kernel, dilations, strict=True))
            raise RuntimeError(
                f"{name}: Calculated padded input size per channel: ({padded}). Kernel size: ({effective}). "
                "Kernel size can't be greater than actual input size"
            )
    return batched(
        name,
        input,
        n,
        lambda x: _with_bias(
            convolve(
                x,
                weight,
                strides,
                pads,
                rhs_dilation=dilations,
                dimension_numbers=_LAYOUTS[n],
                groups=groups,
            ),
            bias,
            n,
        ),
    )


@operation("torch", "nn.functional", grad_fn="ConvolutionBackward0")
def conv1d(
    input: jax.Array,
    weight: jax.Array,
    bias: jax.Array | None = None,
    stride: Sizes = 1,
    padding: Sizes | str = 0,
    dilation: Sizes = 1,
    groups: int = 1,
) -> jax.Array:
    """Cross-correlation of input (N, C, L) or (C, L) with weight (out, C / groups, k).

    `padding` is a size, "valid" or "same" (stride 1 only; an odd total is one longer at the end). Raises
    RuntimeError for shapes, dtypes and sizes that do not fit.
    """
    return _convolution(1, input, weight, bias, stride, padding, dilation, groups)


@operation("torch", "nn.functional", grad_fn="ConvolutionBackward0")
def conv2d(
    input: jax.Array,
    weight: jax.Array,
    bias: jax.Array | None = None,
    stride: Sizes = 1,
    padding: Sizes | str = 0,
    dilation: Sizes = 1,
    groups: int = 1,
) -> jax.Array:
    """Cross-correlation of input (N, C, H, W) or (C, H, W) with weight (out, C / groups, kH, kW); see
    conv1d.
    """
    return _convolution(2, input, weight, bias, stride, padding, dilation, groups)


@operation("torch", "nn.functional", grad_fn="ConvolutionBackward0")
def conv3d(
    input: jax.Array,
    weight: jax.Array,
    bias: jax.Array | None = None,
    stride: Sizes = 1,
    padding: Sizes | str = 0,
    dilation: Sizes = 1,
    groups: int = 1,
) -> jax.Array:
    """Cross-correlation of input (N, C, D, H, W) or (C, D, H, W) with weight (out, C / groups, k...); see
    conv1d.
    """
    return _convolution(3, input, weight, bias, stride, padding, dilation, groups)


@operation("torch", "nn.functional", grad_fn="ConvTbcBackward0")
def conv_tbc(input: jax.Array, weight: jax.Array, bias: jax.Array, pad: int = 0) -> jax.Array:
    """Convolution of input (T, N, C) with weight (k, C, out), output (T', N, out)."""
    output = _convolution(1, input.transpose(1, 2, 0), weight.transpose(2, 1, 0), bias, 1, pad, 1, 1)
    return output.transpose(2, 0, 1)


def _transposed(
    n: int,
    input: jax.Array,
    weight: jax.Array,
    bias: jax.Array | None,
    stride: Sizes,
    padding: Sizes,
    output_padding: Sizes,
    groups: int,
    dilation: Sizes,
) -> jax.Array:
    name = f"conv_transpose{n}d"
    _check(name, input, weight, bias, groups, n, transposed=True)
    if bias is not None and rounds_once(input, weight, bias):
        wide = widened(input), widened(weight), widened(bias)
        return _transposed(n, *wide, stride, padding, output_padding, groups, dilation).astype(input.dtype)
    strides = per_dimension(name, "stride", stride, n)
    pads = per_dimension(name, "padding", padding, n)
    extra = per_dimension(name, "output_padding", output_padding, n)
    dilations = per_dimension(name, "dilation", dilation, n)
    for s, d, e in zip(strides, dilations, extra, strict=True):
        if e >= s and e >= d:
            raise RuntimeError(
                f"{name}: output padding must be smaller than either stride or dilation, but got "
                "output_padding: "
                f"{e} stride: {s} dilation: {d}"
            )
    reach = [d * (k - 1) for k, d in zip(weight.shape[2:], dilations, strict=True)]
    # The gradient of a convolution: stride spreads the input, and the kernel is turned around, with in and
    # out exchanged within each group.
    channels_in, per_group = weight.shape[:2]
    kernel = weight.reshape(groups, channels_in // groups, per_group, *weight.shape[2:])
    kernel = kernel.swapaxes(1, 2).reshape(groups * per_group, channels_in // groups, *weight.shape[2:])
    kernel = lax.rev(kernel, tuple(range(2, n + 2)))
    return batched(
        name,
        input,
        n,
        lambda x: _with_bias(
            convolve(
                x,
                kernel,
                (1,) * n,
                [(r - p, r - p + e) for r, p, e in zip(reach, pads, extra, strict=True)],
                lhs_dilation=strides,
                rhs_dilation=dilations,
                dimension_numbers=_LAYOUTS[n],
                groups=groups,
            ),
            bias,
            n,
        ),
    )


@operation("torch", "nn.functional", grad_fn="ConvolutionBackward0")
def conv_transpose1d(
    input: jax.Array,
    weight: jax.Array,
    bias: jax.Array | None = None,
    stride: Sizes = 1,
    padding: Sizes = 0,
    output_padding: Sizes = 0,
    groups: int = 1,
    dilation: Sizes = 1,
) -> jax.Array:
    """Transposed convolution of input (N, in, L) or (in, L) with weight (in, out / groups, k).

    `padding` crops the output at both ends, `output_padding` lengthens it at the end. Raises RuntimeError for
    shapes, dtypes and sizes that do not fit.
    """
    return _transposed(1, input, weight, bias, stride, padding, output_padding, groups, dilation)


@operation("torch", "nn.functional", grad_fn="ConvolutionBackward0")
def conv_transpose2d(
    input: jax.Array,
    weight: jax.Array,
    bias: jax.Array | None = None,
    stride: Sizes = 1,
    padding: Sizes = 0,
    output_padding: Sizes = 0,
    groups: int = 1,
    dilation: Sizes = 1,
) -> jax.Array:
    """Transposed convolution of input (N, in, H, W) with weight (in, out / groups, k...); see
    conv_transpose1d.
    """
    return _transposed(2, input, weight, bias, stride, padding, output_padding, groups, dilation)


@operation("torch", "nn.functional", grad_fn="ConvolutionBackward0")
def conv_transpose3d(
    input: jax.Array,
    weight: jax.Array,
    bias: jax.Array | None = None,
    stride: Sizes = 1,
    padding: Sizes = 0,
    output_padding: Sizes = 0,
    groups: int = 1,
    dilation: Sizes = 1,
) -> jax.Array:
    """Transposed convolution of input (N, in, D, H, W) with weight (in, out / groups, k...); see
    conv_transpose1d.
    """
    return _transposed(3, input, weight, bias, stride, padding, output_padding, groups, dilation)

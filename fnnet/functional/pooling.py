"""Pooling over windows of fixed size in 1, 2 and 3 dimensions: maxima, averages and power averages.

A maximum is found one dimension after the other, each as a chain of choices between shifted slices: the first
of equal elements wins, as does NaN, in value, index and derivative, as in PyTorch; and on CPUs it is faster,
forward and backward, than XLA's window reduction.
"""

from __future__ import annotations

import math
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax

from fnnet.functional.dimension import canonical_dim
from fnnet.functional.dtypes import to_floating
from fnnet.functional.half import widened
from fnnet.functional.operation import operation
from fnnet.functional.spatial import Sizes, batched, per_dimension

__all__ = [
    "avg_pool1d",
    "avg_pool2d",
    "avg_pool3d",
    "lp_pool1d",
    "lp_pool2d",
    "lp_pool3d",
    "max_pool1d",
    "max_pool2d",
    "max_pool3d",
]


def lowest(dtype: Any) -> Any:
    """The value below all others of a dtype."""
    return -jnp.inf if jnp.issubdtype(dtype, jnp.floating) else jnp.iinfo(dtype).min


def pick_largest(
    values: list[jax.Array], indices: list[jax.Array] | None
) -> tuple[jax.Array, jax.Array | None]:
    """The largest of several arrays, elementwise, and its index; the first of equals, NaN above all.

    Index -1 marks padding, before which any other element goes.
    """
    best, where = values[0], None if indices is None else indices[0]
    for position, value in enumerate(values[1:], start=1):
        better = value > best
        if jnp.issubdtype(value.dtype, jnp.floating):
            better |= jnp.isnan(value)
        if indices is not None and where is not None:
            better |= (where < 0) & (indices[position] >= 0)
            where = jnp.where(better, indices[position], where)
        best = jnp.where(better, value, best)
    return best, where


def flat_positions(spatial: tuple[int, ...]) -> jax.Array:
    """For each position of the spatial dimensions its flat index, shape (1, 1, *spatial)."""
    return jnp.arange(math.prod(spatial)).reshape(1, 1, *spatial)


class _Windows:
    """The checked geometry of a pooling: output sizes, and the padding that lets all windows fit."""

    def __init__(
        self,
        name: str,
        input: jax.Array,
        n: int,
        kernel: Any,
        stride: Any,
        padding: Any,
        dilation: Any,
        ceil: bool,
    ) -> None:
        self.kernel = per_dimension(name, "kernel_size", kernel, n)
        empty = stride is None or (isinstance(stride, list | tuple) and not stride)
        self.stride = self.kernel if empty else per_dimension(name, "stride", stride, n)
        self.padding = per_dimension(name, "padding", padding, n)
        self.dilation = per_dimension(name, "dilation", dilation, n)
        for argument in ("kernel", "stride", "dilation"):
            if min(getattr(self, argument)) <= 0:
                shown = {"kernel": "kernel_size"}.get(argument, argument)
                raise RuntimeError(
                    f"{name}: {shown} should be greater than zero, got {getattr(self, argument)}"
                )
        if input.ndim not in (n + 1, n + 2):
            raise RuntimeError(
                f"{name}: Expected {n + 1}D or {n + 2}D input, but got input of size: {list(input.shape)}"
            )
        if 0 in input.shape[-n - 1 :]:
            raise RuntimeError(
                f"{name}: Expected {n + 1}D or {n + 2}D (batch mode) tensor with optional 0 dim batch size "
                f"for input, but got: {list(input.shape)}"
            )
        self.output: list[int] = []
        self.pads: list[tuple[int, int]] = []
        sizes = input.shape[-n:]
        for size, k, s, p, d in zip(
            sizes, self.kernel, self.stride, self.padding, self.dilation, strict=True
        ):
            reach = d * (k - 1) + 1
            if p < 0 or p > reach // 2:
                raise RuntimeError(
                    f"{name}: pad should be non-negative and at most half of effective kernel size, but got "
                    f"pad={p}, kernel_size={k} and dilation={d}"
                )
            out = (size + 2 * p - reach + (s - 1 if ceil else 0)) // s + 1
            if ceil and (out - 1) * s >= size + p:
                out -= 1
            self.output.append(out)
            self.pads.append((p, max(0, (out - 1) * s + reach - size - p)))
        if min(self.output) < 1:
            got = "x".join(map(str, [input.shape[-n - 1], *sizes]))
            gave = "x".join(map(str, [input.shape[-n - 1], *self.output]))
            raise RuntimeError(
                f"{name}: Given input size: ({got}). Calculated output size: ({gave}). Output size is too "
                "small"
            )

    def taps(self, x: jax.Array, axis: int, fill: Any) -> list[jax.Array]:
        """For each position in a window of spatial dimension `axis`, the elements that stand there."""
        dim = axis + 2
        pads = [(0, 0)] * x.ndim
        pads[dim] = self.pads[axis]
        x = jnp.pad(x, pads, constant_values=fill)
        s, span = self.stride[axis], (self.output[axis] - 1) * self.stride[axis] + 1
        starts = range(0, self.kernel[axis] * self.dilation[axis], self.dilation[axis])
        return [lax.slice_in_dim(x, start, start + span, s, dim) for start in starts]


def _max_pool(
    n: int,
    input: jax.Array,
    kernel_size: Sizes,
    stride: Sizes | None,
    padding: Sizes,
    dilation: Sizes,
    ceil_mode: bool,
    return_indices: bool,
) -> Any:
    name = f"max_pool{n}d"
    windows = _Windows(name, input, n, kernel_size, stride, padding, dilation, ceil_mode)

    def compute(x: jax.Array) -> Any:
        where: jax.Array | None = flat_positions(x.shape[2:]) if return_indices else None
        fill = lowest(x.dtype)
        for axis in reversed(range(n)):
            indices = None if where is None else windows.taps(where, axis, -1)
            x, where = pick_largest(windows.taps(x, axis, fill), indices)
        if where is None:
            return x
        return x, jnp.broadcast_to(where, x.shape)

    return batched(name, input, n, compute)


@operation("torch", "nn.functional", grad_fn="SqueezeBackward1")
def max_pool1d(
    input: jax.Array,
    kernel_size: Sizes,
    stride: Sizes | None = None,
    padding: Sizes = 0,
    dilation: Sizes = 1,
    ceil_mode: bool = False,
    return_indices: bool = False,
) -> Any:
    """Largest element of each window of input (N, C, L) or (C, L); with `return_indices` also where it
    stands.

    The first of equal elements counts, and NaN is above all. Raises RuntimeError for sizes that do not fit.
    """
    return _max_pool(1, input, kernel_size, stride, padding, dilation, ceil_mode, return_indices)


@operation("torch", "nn.functional", grad_fn="MaxPool2DWithIndicesBackward0")
def max_pool2d(
    input: jax.Array,
    kernel_size: Sizes,
    stride: Sizes | None = None,
    padding: Sizes = 0,
    dilation: Sizes = 1,
    ceil_mode: bool = False,
    return_indices: bool = False,
) -> Any:
    """Largest element of each window of input (N, C, H, W) or (C, H, W); see max_pool1d."""
    return _max_pool(2, input, kernel_size, stride, padding, dilation, ceil_mode, return_indices)


@operation("torch", "nn.functional", grad_fn="MaxPool3DWithIndicesBackward0")
def max_pool3d(
    input: jax.Array,
    kernel_size: Sizes,
    stride: Sizes | None = None,
    padding: Sizes = 0,
    dilation: Sizes = 1,
    ceil_mode: bool = False,
    return_indices: bool = False,
) -> Any:
    """Largest element of each window of input (N, C, D, H, W) or (C, D, H, W); see max_pool1d."""
    return _max_pool(3, input, kernel_size, stride, padding, dilation, ceil_mode, return_indices)


def _avg_pool(
    n: int,
    input: jax.Array,
    kernel_size: Sizes,
    stride: Sizes | None,
    padding: Sizes,
    ceil_mode: bool,
    count_include_pad: bool,
    divisor_override: int | None,
) -> jax.Array:
    name = f"avg_pool{n}d"
    if divisor_override == 0:
        raise RuntimeError(f"{name}: divisor must be not zero")
    windows = _Windows(name, input, n, kernel_size, stride, padding, 1, ceil_mode)
    divisor: Any = divisor_override
    if divisor is None:
        # The windows' parts within the input, or within input and padding; static, so computed in NumPy.
        divisor = np.ones(1)
        for size, k, s, p, out in zip(
            input.shape[-n:], windows.kernel, windows.stride, windows.padding, windows.output, strict=True
        ):
            starts = np.arange(out) * s - p
            ends = np.minimum(starts + k, size + p)
            inside = ends - starts if count_include_pad else np.minimum(ends, size) - np.maximum(starts, 0)
            divisor = divisor[..., None] * inside
        divisor = divisor[0]
    sums = batched(
        name,
        widened(input),
        n,
        lambda x: lax.reduce_window(
            x,
            np.zeros((), x.dtype),
            lax.add,
            (1, 1, *windows.kernel),
            (1, 1, *windows.stride),
            [(0, 0), (0, 0), *windows.pads],
        ),
    )
    if jnp.issubdtype(input.dtype, jnp.integer):
        return lax.div(sums, jnp.broadcast_to(jnp.asarray(divisor, sums.dtype), sums.shape))  # towards zero
    return (sums / jnp.asarray(divisor, sums.dtype)).astype(input.dtype)


@operation("torch", "nn.functional", grad_fn="SqueezeBackward1")
def avg_pool1d(
    input: jax.Array,
    kernel_size: Sizes,
    stride: Sizes | None = None,
    padding: Sizes = 0,
    ceil_mode: bool = False,
    count_include_pad: bool = True,
) -> jax.Array:
    """Mean of each window of input (N, C, L) or (C, L); see avg_pool2d."""
    return _avg_pool(1, input, kernel_size, stride, padding, ceil_mode, count_include_pad, None)


@operation("nn.functional", grad_fn="AvgPool2DBackward0")
def avg_pool2d(
    input: jax.Array,
    kernel_size: Sizes,
    stride: Sizes | None = None,
    padding: Sizes = 0,
    ceil_mode: bool = False,
    count_include_pad: bool = True,
    divisor_override: int | None = None,
) -> jax.Array:
    """Mean of each window of input (N, C, H, W) or (C, H, W).

    Padding counts as zeros unless `count_include_pad` is False; `divisor_override` replaces the number of
    elements. Raises RuntimeError for sizes that do not fit.
    """
    return _avg_pool(2, input, kernel_size, stride, padding, ceil_mode, count_include_pad, divisor_override)


@operation("nn.functional", grad_fn="AvgPool3DBackward0")
def avg_pool3d(
    input: jax.Array,
    kernel_size: Sizes,
    stride: Sizes | None = None,
    padding: Sizes = 0,
    ceil_mode: bool = False,
    count_include_pad: bool = True,
    divisor_override: int | None = None,
) -> jax.Array:
    """Mean of each window of input (N, C, D, H, W) or (C, D, H, W); see avg_pool2d."""
    return _avg_pool(3, input, kernel_size, stride, padding, ceil_mode, count_include_pad, divisor_override)


def _lp_pool(
    n: int, input: jax.Array, norm_type: float, kernel_size: Sizes, stride: Sizes | None, ceil_mode: bool
) -> jax.Array:
    count = math.prod(per_dimension(f"lp_pool{n}d", "kernel_size", kernel_size, n))
    if n == 2:
        canonical_dim(-3, input.ndim)
    means = _avg_pool(n, to_floating(input) ** norm_type, kernel_size, stride, 0, ceil_mode, True, None)
    # In PyTorch a relu stands before the root, which keeps the infinite derivative at 0 from going further.
    zero = means == 0
    root = (jnp.where(zero, jnp.ones_like(means), means) * count) ** (1.0 / norm_type)
    return jnp.where(zero, jnp.zeros_like(means) ** (1.0 / norm_type), root)


@operation("nn.functional", grad_fn="PowBackward0")
def lp_pool1d(
    input: jax.Array,
    norm_type: float,
    kernel_size: Sizes,
    stride: Sizes | None = None,
    ceil_mode: bool = False,
) -> jax.Array:
    """(sum of x^p)^(1/p) over each window of input (N, C, L) or (C, L)."""
    return _lp_pool(1, input, norm_type, kernel_size, stride, ceil_mode)


@operation("nn.functional", grad_fn="PowBackward0")
def lp_pool2d(
    input: jax.Array,
    norm_type: float,
    kernel_size: Sizes,
    stride: Sizes | None = None,
    ceil_mode: bool = False,
) -> jax.Array:
    """(sum of x^p)^(1/p) over each window of input (N, C, H, W) or (C, H, W)."""
    return _lp_pool(2, input, norm_type, kernel_size, stride, ceil_mode)


@operation("nn.functional", grad_fn="PowBackward0")
def lp_pool3d(
    input: jax.Array,
    norm_type: float,
    kernel_size: Sizes,
    stride: Sizes | None = None,
    ceil_mode: bool = False,
) -> jax.Array:
    """(sum of x^p)^(1/p) over each window of input (N, C, D, H, W) or (C, D, H, W)."""
    return _lp_pool(3, input, norm_type, kernel_size, stride, ceil_mode)

"""Response normalisation as torch.nn.CrossMapLRN2d computes it, whose window is not local_response_norm's."""

from __future__ import annotations

from functools import partial

import jax
import jax.numpy as jnp
import numpy as np

from fnnet.functional.operation import operation

__all__ = ["cross_map_lrn2d"]


def _neighbours(channels: int, before: int, after: int, lasting: bool) -> np.ndarray:
    """Which channels (columns) count for each channel (rows): so many before and after it.

    `lasting`: PyTorch's sliding sum never drops channel 0 once it has it.
    """
    row, column = np.indices((channels, channels))
    counted = (column >= row - before) & (column <= row + after)
    if lasting:
        counted[before + 1 :, :1] = True
    return counted


def _over_channels(x: jax.Array, counted: np.ndarray) -> jax.Array:
    return jnp.einsum("dc,nchw->ndhw", jnp.asarray(counted, x.dtype), x, precision="highest")


@partial(jax.custom_vjp, nondiff_argnums=(1, 2, 3, 4))
def _cross_map(x: jax.Array, size: int, alpha: float, beta: float, k: float) -> jax.Array:
    return _cross_map_forward(x, size, alpha, beta, k)[0]


def _cross_map_forward(
    x: jax.Array, size: int, alpha: float, beta: float, k: float
) -> tuple[jax.Array, tuple[jax.Array, ...]]:
    reach = int((size - 1) / 2)
    sums = _over_channels(jnp.square(x), _neighbours(x.shape[1], reach, reach, lasting=True))
    scale = sums * (alpha / size) + k
    output = scale**-beta * x
    return output, (x, scale, output)


def _cross_map_backward(
    size: int, alpha: float, beta: float, k: float, saved: tuple[jax.Array, ...], gradient: jax.Array
) -> tuple[jax.Array]:
    x, scale, output = saved
    before = int(size - (size - 1) / 2)
    window = _neighbours(x.shape[1], before, size - 1 - before, lasting=False)
    ratios = _over_channels(gradient * output / scale, window)
    return (scale**-beta * gradient - 2 * alpha * beta / size * x * ratios,)


# PyTorch's derivative of this layer is not that of its value (its window begins one channel earlier).
_cross_map.defvjp(_cross_map_forward, _cross_map_backward)


@operation(grad_fn="CrossMapLRN2dBackward")
def cross_map_lrn2d(
    input: jax.Array, size: int, alpha: float = 1e-4, beta: float = 0.75, k: float = 1
) -> jax.Array:
    """As local_response_norm for input (N, C, H, W), but as torch.nn.CrossMapLRN2d computes it.

    There channel 0 counts for every channel beyond the window, and the derivative is taken over a window one
    channel earlier. Raises ValueError for an input that is not 4-dimensional.
    """
    if input.ndim != 4:
        raise ValueError(f"CrossMapLRN2d: Expected input to be 4D, got {input.ndim}D instead.")
    return _cross_map(input, size, float(alpha), float(beta), float(k))

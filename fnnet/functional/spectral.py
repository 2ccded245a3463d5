"""Short-time Fourier transforms and their windows."""

from __future__ import annotations

import math

import jax
import jax.numpy as jnp
import numpy as np
from jax.typing import DTypeLike

from fnnet.functional.dtypes import canonical, is_integral
from fnnet.functional.operation import operation
from fnnet.functional.padding import pad

__all__ = ["hann_window", "stft"]


@operation("torch")
def hann_window(window_length: int, periodic: bool = True, *, dtype: DTypeLike | None = None) -> jax.Array:
    """1/2 - cos(2 pi n / N) / 2 for n = 0 .. window_length - 1; N is window_length if periodic, else 1 less.

    Raises RuntimeError for a negative length or a dtype that is not floating.
    """
    kind = canonical(np.float32 if dtype is None else dtype)
    if not jnp.issubdtype(kind, jnp.floating):
        raise RuntimeError(f"hann_window expects floating point dtypes, got: {np.dtype(kind).name}")
    if window_length < 0:
        raise RuntimeError(
            f"hann_window requires non-negative window_length, got window_length={window_length}"
        )
    if window_length == 1:
        return jnp.ones((1,), kind)
    over = window_length if periodic else window_length - 1
    # a constant of the program, rounded after each step as PyTorch's is
    angles = np.arange(window_length).astype(np.float64 if kind == np.float64 else np.float32)
    angles *= 2 * math.pi / max(over, 1)
    return jnp.asarray(np.cos(angles) * -0.5 + 0.5, kind)


@operation("torch", "Tensor")
def stft(
    input: jax.Array,
    n_fft: int,
    hop_length: int | None = None,
    win_length: int | None = None,
    window: jax.Array | None = None,
    center: bool = True,
    pad_mode: str = "reflect",
    normalized: bool = False,
    onesided: bool | None = None,
    return_complex: bool | None = None,
) -> jax.Array:
    """The Fourier transforms of the windowed frames of signals (..., length): (..., frequencies, frames).

    A window shorter than `n_fft` stands in its middle; none means ones. With `center`, frame t is centred at
    sample t * hop_length. Raises RuntimeError for sizes and dtypes that do not fit.
    """
    hop = n_fft // 4 if hop_length is None else hop_length
    length = n_fft if win_length is None else win_length
    complex_input = jnp.issubdtype(input.dtype, jnp.complexfloating)
    complex_window = window is not None and jnp.issubdtype(window.dtype, jnp.complexfloating)
    if is_integral(input):
        raise RuntimeError("stft: expected a tensor of floating point or complex values")
    if input.ndim not in (1, 2):
        raise RuntimeError(f"stft: expected a 1D or 2D tensor, but got {input.ndim}D")
    if return_complex is None and not complex_input and not complex_window:
        raise RuntimeError(
            "stft requires the return_complex parameter be given for real inputs, and will further require "
            "that return_complex=True in a future PyTorch release."
        )
    signal = input if input.ndim == 2 else input[None]
    if center:
        half = n_fft // 2
        if pad_mode == "reflect" and half >= signal.shape[1]:
            raise RuntimeError(
                "stft: Argument #4: Padding size should be less than the corresponding input dimension, but "
                f"got: padding ({half}, {half}) at dimension 2 of input {[1, *signal.shape]}"
            )
        signal = pad(signal, (half, half), pad_mode)
    samples = signal.shape[1]
    if n_fft <= 0 or n_fft > samples:
        raise RuntimeError(f"stft: expected 0 < n_fft <= {samples}, but got n_fft={n_fft}")
    if hop <= 0:
        raise RuntimeError(f"stft: expected hop_length > 0, but got hop_length={hop}")
    if length <= 0 or length > n_fft:
        raise RuntimeError(f"stft: expected 0 < win_length <= n_fft, but got win_length={length}")
    if window is not None and window.shape != (length,):
        raise RuntimeError(
            f"stft: expected a 1D window tensor of size equal to win_length={length}, but got window with "
            f"size {list(window.shape)}"
        )
    frames = 1 + (samples - n_fft) // hop
    at = np.arange(frames)[:, None] * hop + np.arange(n_fft)[None, :]
    framed = signal[:, at]
    if window is not None or length < n_fft:
        shape = jnp.ones((length,), input.dtype) if window is None else window
        before = (n_fft - length) // 2
        shape = jnp.pad(shape, (before, n_fft - length - before))
        framed = framed * (shape if complex_window else shape.astype(framed.dtype))
    two_sided = complex_input or complex_window
    if onesided is None:
        onesided = not two_sided
    if onesided and two_sided:
        raise RuntimeError(
            "Cannot have onesided output if window or input is complex; set onesided=False explicitly"
        )
    norm = "ortho" if normalized else None
    spectrum = jnp.fft.rfft(framed, norm=norm) if onesided else jnp.fft.fft(framed, norm=norm)
    spectrum = jnp.swapaxes(spectrum, 1, 2)
    spectrum = spectrum if input.ndim == 2 else spectrum[0]
    if return_complex is False:
        return jnp.stack([spectrum.real, spectrum.imag], axis=-1)
    return spectrum

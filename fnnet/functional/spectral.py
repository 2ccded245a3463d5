"""Short-time Fourier transforms."""

from __future__ import annotations

import jax
import jax.numpy as jnp
import numpy as np

from fnnet.functional.dtypes import concrete, is_complex, is_integral
from fnnet.functional.operation import operation
from fnnet.functional.padding import pad

__all__ = ["istft", "stft"]


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
    align_to_window: bool | None = None,
) -> jax.Array:
    """The Fourier transforms of the windowed frames of signals (..., length): (..., frequencies, frames).

    A window shorter than `n_fft` stands in its middle; none means ones. With `center`, frame t is centred at
    sample t * hop_length; without it, it begins there, or with `align_to_window` its window does. Raises
    RuntimeError for sizes and dtypes that do not fit.
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
    if center and align_to_window is not None:
        raise RuntimeError("stft align_to_window should only be set when center = false")
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
    if align_to_window:
        half = (n_fft - length) // 2
        signal = pad(signal, (half, half))
        samples = samples - length + n_fft
        if samples > signal.shape[1] and (samples - n_fft) % hop == 0:
            raise RuntimeError(
                f"stft: with align_to_window n_fft - win_length must be even here, but is {n_fft - length}"
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


@operation("torch", "Tensor")
def istft(
    input: jax.Array,
    n_fft: int,
    hop_length: int | None = None,
    win_length: int | None = None,
    window: jax.Array | None = None,
    center: bool = True,
    normalized: bool = False,
    onesided: bool | None = None,
    length: int | None = None,
    return_complex: bool = False,
) -> jax.Array:
    """The signals (..., length) of which `stft` gives the input, complex (..., frequencies, frames).

    Frames overlap and are added, weighted by the window, and divided by the sum of its squares (Griffin and
    Lim). Raises RuntimeError for sizes that do not fit.
    """
    hop = n_fft // 4 if hop_length is None else hop_length
    size = n_fft if win_length is None else win_length
    if not is_complex(input):
        raise RuntimeError("istft requires a complex-valued input tensor matching the output from stft")
    if input.ndim not in (2, 3) or not input.size:
        raise RuntimeError(f"istft: expected a tensor with 2 or 3 dimensions, but got {list(input.shape)}")
    half = input.shape[-2] != n_fft if onesided is None else onesided
    if input.shape[-2] != (n_fft // 2 + 1 if half else n_fft):
        raise RuntimeError(
            f"istft: expected the frequency dimension (3rd to the last) of the input tensor to match n_fft "
            f"{n_fft} when onesided={half}, but got {input.shape[-2]}"
        )
    if not 0 < hop <= size or not 0 < size <= n_fft:
        raise RuntimeError(
            f"istft: expected 0 < hop_length <= win_length <= n_fft, got {hop}, {size}, {n_fft}"
        )
    if window is not None and window.shape != (size,):
        raise RuntimeError(f"istft: Invalid window shape: expected ({size},), but got {window.shape}")
    real = np.float64 if input.dtype == np.complex128 else np.float32
    shape = jnp.ones((size,), real) if window is None else window
    before = (n_fft - size) // 2
    shape = jnp.pad(shape, (before, n_fft - size - before))
    spectra = jnp.swapaxes(input if input.ndim == 3 else input[None], 1, 2)
    norm = "ortho" if normalized else None
    if return_complex:
        if half:
            raise RuntimeError("istft: cannot have onesided input if window or input is complex")
        frames = jnp.fft.ifft(spectra, n_fft, norm=norm)
    else:
        frames = jnp.fft.irfft(spectra[..., : n_fft // 2 + 1], n_fft, norm=norm)
    count = frames.shape[1]
    at = np.arange(count)[:, None] * hop + np.arange(n_fft)[None, :]
    whole = n_fft + hop * (count - 1)
    kept = frames * shape.astype(frames.dtype)
    signal = jnp.zeros((frames.shape[0], whole), frames.dtype).at[:, at].add(kept)
    weights = jnp.square(shape)
    envelope = jnp.zeros((whole,), weights.dtype).at[at].add(jnp.broadcast_to(weights, at.shape))
    start = n_fft // 2 if center else 0
    end = start + length if length is not None else whole - (n_fft // 2 if center else 0)
    envelope, signal = envelope[start:end], signal[:, start:end]
    known = concrete(envelope)
    if known is not None and known.size and np.abs(known).min() < 1e-11:
        raise RuntimeError("istft: window overlap add min: less than 1e-11, the window has no inverse")
    signal = signal / envelope.astype(signal.dtype)
    if length is not None and signal.shape[1] < length:
        signal = jnp.pad(signal, ((0, 0), (0, length - signal.shape[1])))
    return signal if input.ndim == 3 else signal[0]

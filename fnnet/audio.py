"""Sound as pictures: spectrograms, mel scales, decibels and cepstra, by torchaudio's formulas and names."""

from __future__ import annotations

import math
import warnings

import jax
import jax.numpy as jnp
import numpy as np
from jax.typing import DTypeLike

from fnnet import functional as F

__all__ = [
    "amplitude_to_DB",
    "create_dct",
    "mel_scale",
    "mel_spectrogram",
    "melscale_fbanks",
    "mfcc",
    "spectrogram",
]


def spectrogram(
    waveform: jax.Array,
    pad: int = 0,
    window: jax.Array | None = None,
    n_fft: int = 400,
    hop_length: int | None = None,
    win_length: int | None = None,
    power: float | None = 2.0,
    normalized: bool | str = False,
    center: bool = True,
    pad_mode: str = "reflect",
    onesided: bool = True,
) -> jax.Array:
    """The frames' spectra of signals (..., time): (..., frequencies, frames).

    The magnitudes to `power`, or the complex spectra if it is None. By default the window is Hann's and the
    hop half of it. `normalized` is True or "window" (by the window's length), or "frame_length". Raises
    RuntimeError as `stft` does, ValueError for another normalisation.
    """
    if normalized not in (True, False, "window", "frame_length"):
        raise ValueError(f"spectrogram: invalid normalized parameter: {normalized!r}")
    length = n_fft if win_length is None else win_length
    shape = F.hann_window(length, dtype=waveform.dtype) if window is None else window
    if pad > 0:
        waveform = F.pad(waveform, (pad, pad), "constant")
    spectra = F.stft(
        waveform.reshape(-1, waveform.shape[-1]),
        n_fft,
        length // 2 if hop_length is None else hop_length,
        length,
        shape,
        center,
        pad_mode,
        normalized == "frame_length",
        onesided,
        return_complex=True,
    )
    spectra = spectra.reshape(*waveform.shape[:-1], *spectra.shape[-2:])
    if normalized in (True, "window"):
        spectra = spectra / jnp.sqrt(jnp.sum(jnp.square(shape))).astype(spectra.dtype)
    if power is None:
        return spectra
    energy = jnp.square(spectra.real) + jnp.square(spectra.imag)
    if power == 2.0:
        return energy
    sound = energy > 0  # in silence the derivative of the root is 0, as torch.abs has it
    root = jnp.sqrt(jnp.where(sound, energy, jnp.ones_like(energy)))
    magnitude = jnp.where(sound, root, energy)
    return magnitude if power == 1.0 else magnitude**power


def _hz_to_mel(hz: float, scale: str) -> float:
    if scale == "htk":
        return 2595.0 * math.log10(1.0 + hz / 700.0)
    if hz < 1000.0:
        return hz / (200.0 / 3)
    return 15.0 + math.log(hz / 1000.0) / (math.log(6.4) / 27.0)


def _mel_to_hz(mels: np.ndarray, scale: str) -> np.ndarray:
    if scale == "htk":
        return 700.0 * (10.0 ** (mels / 2595.0) - 1.0)
    above = np.float32(1000.0) * np.exp(np.float32(math.log(6.4) / 27.0) * (mels - np.float32(15.0)))
    return np.where(mels >= 15.0, above, np.float32(200.0 / 3) * mels)


def _linspace(start: float, end: float, count: int) -> np.ndarray:
    """torch.linspace: from both ends to the middle, in float32."""
    step = np.float32(np.float32(end) - np.float32(start)) / np.float32(max(count - 1, 1))
    i = np.arange(count, dtype=np.float32)
    up, down = np.float32(start) + step * i, np.float32(end) - step * (count - 1 - i)
    return np.where(np.arange(count) < count // 2, up, down).astype(np.float32)


def melscale_fbanks(
    n_freqs: int,
    f_min: float,
    f_max: float,
    n_mels: int,
    sample_rate: int,
    norm: str | None = None,
    mel_scale: str = "htk",
    *,
    dtype: DTypeLike = np.float32,
) -> jax.Array:
    """Triangles that are evenly spaced in mel, as a matrix (n_freqs, n_mels).

    `mel_scale` is "htk" or "slaney"; with `norm` "slaney" each triangle has the same area. Raises ValueError
    for other words; warns of triangles that contain no frequency.
    """
    if norm not in (None, "slaney"):
        raise ValueError('norm must be one of None or "slaney"')
    if mel_scale not in ("htk", "slaney"):
        raise ValueError('mel_scale should be one of "htk" or "slaney".')
    frequencies = _linspace(0, sample_rate // 2, n_freqs)
    points = _mel_to_hz(
        _linspace(_hz_to_mel(f_min, mel_scale), _hz_to_mel(f_max, mel_scale), n_mels + 2), mel_scale
    )
    points = points.astype(np.float32)
    widths = points[1:] - points[:-1]
    slopes = points[None, :] - frequencies[:, None]
    falling, rising = -slopes[:, :-2] / widths[:-1], slopes[:, 2:] / widths[1:]
    banks = np.maximum(np.float32(0), np.minimum(falling, rising))
    if norm == "slaney":
        banks = banks * (np.float32(2.0) / (points[2:] - points[:-2]))[None, :]
    if (banks.max(axis=0, initial=0.0) == 0.0).any():
        warnings.warn(
            "At least one mel filterbank has all zero values. "
            f"The value for `n_mels` ({n_mels}) may be set too high. "
            f"Or, the value for `n_freqs` ({n_freqs}) may be set too low.",
            stacklevel=2,
        )
    return jnp.asarray(banks, dtype)


def mel_scale(
    specgram: jax.Array,
    n_mels: int = 128,
    sample_rate: int = 16000,
    f_min: float = 0.0,
    f_max: float | None = None,
    norm: str | None = None,
    mel_scale: str = "htk",
) -> jax.Array:
    """The energies of a spectrogram (..., freq, time) in mel bands: (..., n_mels, time). As `MelScale`."""
    top = float(sample_rate // 2) if f_max is None else f_max
    if f_min > top:
        raise ValueError(f"Require f_min: {f_min} <= f_max: {top}")
    banks = melscale_fbanks(
        specgram.shape[-2], f_min, top, n_mels, sample_rate, norm, mel_scale, dtype=specgram.dtype
    )
    return jnp.swapaxes(jnp.swapaxes(specgram, -1, -2) @ banks, -1, -2)


def mel_spectrogram(
    waveform: jax.Array,
    sample_rate: int = 16000,
    n_fft: int = 400,
    win_length: int | None = None,
    hop_length: int | None = None,
    f_min: float = 0.0,
    f_max: float | None = None,
    pad: int = 0,
    n_mels: int = 128,
    window: jax.Array | None = None,
    power: float = 2.0,
    normalized: bool | str = False,
    center: bool = True,
    pad_mode: str = "reflect",
    norm: str | None = None,
    mel_scale: str = "htk",
) -> jax.Array:
    """A spectrogram in mel bands: (..., n_mels, frames). As `torchaudio.transforms.MelSpectrogram`."""
    found = spectrogram(
        waveform, pad, window, n_fft, hop_length, win_length, power, normalized, center, pad_mode
    )
    return _mel_scale(found, n_mels, sample_rate, f_min, f_max, norm, mel_scale)


_mel_scale = mel_scale  # the functions above have an argument of that name


def amplitude_to_DB(
    x: jax.Array,
    multiplier: float = 10.0,
    amin: float = 1e-10,
    db_multiplier: float = 0.0,
    top_db: float | None = None,
) -> jax.Array:
    """multiplier * log10(max(x, amin)) - multiplier * db_multiplier, for x (..., [channel,] freq, time).

    `multiplier` is 10 for power, 20 for amplitude. With `top_db`, nothing is further than that below the
    largest number of its sound (of all channels together).
    """
    floor = jnp.asarray(amin, x.dtype)
    # below the floor there is no derivative, at it there is, as torch.clamp has it
    held = jnp.where(x >= floor, x, floor)
    decibels = multiplier * jnp.log10(held) - multiplier * db_multiplier
    if top_db is None:
        return decibels
    channels = x.shape[-3] if x.ndim > 2 else 1
    packed = decibels.reshape(-1, channels, *x.shape[-2:])
    least = F.amax(packed, (-3, -2, -1), True) - top_db
    return F.maximum(packed, jnp.broadcast_to(least, packed.shape)).reshape(x.shape)


def create_dct(n_mfcc: int, n_mels: int, norm: str | None, *, dtype: DTypeLike = np.float32) -> jax.Array:
    """The matrix (n_mels, n_mfcc) of the discrete cosine transform II; `norm` is "ortho" or None."""
    if norm not in (None, "ortho"):
        raise ValueError('norm must be either "ortho" or None')
    angles = math.pi / n_mels * (np.arange(n_mels) + 0.5)[None, :] * np.arange(n_mfcc)[:, None]
    matrix = np.cos(angles)
    if norm is None:
        matrix *= 2.0
    else:
        matrix[0] *= 1.0 / math.sqrt(2.0)
        matrix *= math.sqrt(2.0 / n_mels)
    return jnp.asarray(matrix.T, dtype)


def mfcc(
    waveform: jax.Array,
    sample_rate: int = 16000,
    n_mfcc: int = 40,
    norm: str | None = "ortho",
    log_mels: bool = False,
    n_mels: int = 128,
    n_fft: int = 400,
    win_length: int | None = None,
    hop_length: int | None = None,
    f_min: float = 0.0,
    f_max: float | None = None,
) -> jax.Array:
    """Mel-frequency cepstra (..., n_mfcc, frames): of decibels (80 at most), or of log(mel + 1e-6).

    As `torchaudio.transforms.MFCC`. Raises ValueError for more coefficients than bands.
    """
    if n_mfcc > n_mels:
        raise ValueError("Cannot select more MFCC coefficients than # mel bins")
    bands = mel_spectrogram(waveform, sample_rate, n_fft, win_length, hop_length, f_min, f_max, n_mels=n_mels)
    bands = jnp.log(bands + 1e-6) if log_mels else amplitude_to_DB(bands, top_db=80.0)
    matrix = create_dct(n_mfcc, n_mels, norm, dtype=bands.dtype)
    return jnp.swapaxes(jnp.swapaxes(bands, -1, -2) @ matrix, -1, -2)

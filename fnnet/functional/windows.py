"""Windows (torch.signal.windows, torch.hann_window and its kin) and the frequencies of Fourier transforms."""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax.typing import DTypeLike

from fnnet.functional.dtypes import canonical
from fnnet.functional.operation import operation

__all__ = [
    "bartlett",
    "bartlett_window",
    "blackman",
    "blackman_window",
    "cosine",
    "exponential_window",
    "fft_fftfreq",
    "fft_rfftfreq",
    "gaussian",
    "general_cosine",
    "general_hamming",
    "hamming",
    "hamming_window",
    "hann",
    "hann_window",
    "kaiser",
    "kaiser_window",
    "nuttall",
]

_WINDOWS = "signal.windows"
Points = np.ndarray


def _kind(function: str, length: int, dtype: DTypeLike | None, error: type[Exception]) -> np.dtype:
    kind = canonical(np.float32 if dtype is None else dtype)
    if error is ValueError and kind not in (np.float32, np.float64):  # those of signal.windows
        raise ValueError(f"{function} expects float32 or float64 dtypes, got: {np.dtype(kind).name}")
    if not jnp.issubdtype(kind, jnp.floating):
        raise RuntimeError(f"{function} expects floating point dtypes, got: {np.dtype(kind).name}")
    if length < 0:
        raise error(f"{function} requires non-negative window length, got M={length}")
    return kind


def _over(length: int, sym: bool) -> int:
    return max(length - 1 if sym else length, 1)


def _cosines(length: int, sym: bool, a: Iterable[float]) -> Points:
    """sum_i (-1)^i a_i cos(2 pi i n / N)."""
    turns = np.arange(length) * (2 * math.pi / _over(length, sym))
    if length == 1:
        return np.ones(1)
    return sum(((-1) ** i * one * np.cos(i * turns) for i, one in enumerate(a)), np.zeros(length))


def _triangle(length: int, sym: bool) -> Points:
    return np.ones(1) if length == 1 else 1 - np.abs(2 * np.arange(length) / _over(length, sym) - 1)


def _bell(length: int, sym: bool, beta: float) -> Points:
    if length == 1:
        return np.ones(1)
    along = np.minimum(2 * np.arange(length) / _over(length, sym) - 1, 1)
    return np.i0(beta * np.sqrt(np.maximum(1 - along**2, 0))) / np.i0(beta)


@operation(_WINDOWS)
def bartlett(M: int, *, sym: bool = True, dtype: DTypeLike | None = None) -> jax.Array:
    """1 - |2 n / N - 1|: a triangle; N is M - 1 where symmetric, M where periodic.

    Raises ValueError for a negative length, RuntimeError for a dtype that is not floating; so do the others.
    """
    kind = _kind("bartlett", M, dtype, ValueError)
    return jnp.asarray(_triangle(M, sym), kind)


@operation(_WINDOWS)
def general_cosine(
    M: int, *, a: Iterable[float], sym: bool = True, dtype: DTypeLike | None = None
) -> jax.Array:
    """The sum of (-1)^i a_i cos(2 pi i n / N). Raises TypeError and ValueError for no coefficients."""
    kind = _kind("general_cosine", M, dtype, ValueError)
    if not isinstance(a, Iterable):
        raise TypeError("general_cosine: Coefficients must be a list/tuple")
    coefficients = tuple(a)
    if not coefficients:
        raise ValueError("general_cosine: Coefficients cannot be empty")
    return jnp.asarray(_cosines(M, sym, coefficients), kind)


@operation(_WINDOWS)
def general_hamming(
    M: int, *, alpha: float = 0.54, sym: bool = True, dtype: DTypeLike | None = None
) -> jax.Array:
    """alpha - (1 - alpha) cos(2 pi n / N)."""
    return general_cosine(M, a=(alpha, 1 - alpha), sym=sym, dtype=dtype)


@operation(_WINDOWS)
def hamming(M: int, *, sym: bool = True, dtype: DTypeLike | None = None) -> jax.Array:
    """0.54 - 0.46 cos(2 pi n / N)."""
    return general_hamming(M, sym=sym, dtype=dtype)


@operation(_WINDOWS)
def hann(M: int, *, sym: bool = True, dtype: DTypeLike | None = None) -> jax.Array:
    """1/2 - cos(2 pi n / N) / 2."""
    return general_hamming(M, alpha=0.5, sym=sym, dtype=dtype)


@operation(_WINDOWS)
def blackman(M: int, *, sym: bool = True, dtype: DTypeLike | None = None) -> jax.Array:
    """0.42 - 0.5 cos(2 pi n / N) + 0.08 cos(4 pi n / N)."""
    return general_cosine(M, a=(0.42, 0.5, 0.08), sym=sym, dtype=dtype)


@operation(_WINDOWS)
def nuttall(M: int, *, sym: bool = True, dtype: DTypeLike | None = None) -> jax.Array:
    """Nuttall's minimum 4-term Blackman-Harris window."""
    return general_cosine(M, a=(0.3635819, 0.4891775, 0.1365995, 0.0106411), sym=sym, dtype=dtype)


@operation(_WINDOWS)
def cosine(M: int, *, sym: bool = True, dtype: DTypeLike | None = None) -> jax.Array:
    """sin(pi (n + 1/2) / N), N = M where symmetric, M + 1 where periodic and M above 1."""
    kind = _kind("cosine", M, dtype, ValueError)
    count = M if sym or M <= 1 else M + 1
    return jnp.asarray(np.sin((np.arange(M) + 0.5) * (math.pi / max(count, 1))), kind)


@operation(_WINDOWS, name="exponential_window", spelled="exponential")
def exponential_window(
    M: int,
    *,
    center: float | None = None,
    tau: float = 1.0,
    sym: bool = True,
    dtype: DTypeLike | None = None,
) -> jax.Array:
    """exp(-|n - center| / tau). Raises ValueError for tau <= 0, or a centre of a symmetric window."""
    kind = _kind("exponential", M, dtype, ValueError)
    if tau <= 0:
        raise ValueError(f"exponential: Tau must be positive, got: {tau} instead.")
    if sym and center is not None:
        raise ValueError("exponential: Center must be None for symmetric windows")
    middle = (M - 1 if sym or M == 1 else M) / 2 if center is None else center
    return jnp.asarray(np.exp(-np.abs(np.arange(M) - middle) / tau), kind)


@operation(_WINDOWS)
def gaussian(M: int, *, std: float = 1.0, sym: bool = True, dtype: DTypeLike | None = None) -> jax.Array:
    """exp(-((n - N / 2) / std)^2 / 2). Raises ValueError for std <= 0."""
    kind = _kind("gaussian", M, dtype, ValueError)
    if std <= 0:
        raise ValueError(f"gaussian: Standard deviation must be positive, got: {std} instead.")
    off = np.arange(M) - (M - 1 if sym and M > 1 else M if M > 1 else 0) / 2
    return jnp.asarray(np.exp(-((off / std) ** 2) / 2), kind)


@operation(_WINDOWS)
def kaiser(M: int, *, beta: float = 12.0, sym: bool = True, dtype: DTypeLike | None = None) -> jax.Array:
    """I0(beta sqrt(1 - (2 n / N - 1)^2)) / I0(beta). Raises ValueError for beta < 0."""
    kind = _kind("kaiser", M, dtype, ValueError)
    if beta < 0:
        raise ValueError(f"kaiser: beta must be non-negative, got: {beta} instead.")
    return jnp.asarray(_bell(M, sym, beta), kind)


@operation("torch")
def hann_window(window_length: int, periodic: bool = True, *, dtype: DTypeLike | None = None) -> jax.Array:
    """1/2 - cos(2 pi n / N) / 2 for n = 0 .. window_length - 1; N is window_length if periodic, else 1 less.

    Raises RuntimeError for a negative length or a dtype that is not floating.
    """
    kind = _kind("hann_window", window_length, dtype, RuntimeError)
    if window_length == 1:
        return jnp.ones((1,), kind)
    # a constant of the program, rounded after each step as PyTorch's is
    wide: Any = np.float64 if kind == np.float64 else np.float32
    turns: Any = np.arange(window_length).astype(wide) * wide(
        2 * math.pi / _over(window_length, not periodic)
    )
    return jnp.asarray(np.cos(turns) * -0.5 + 0.5, kind)


@operation("torch")
def hamming_window(
    window_length: int,
    periodic: bool = True,
    alpha: float = 0.54,
    beta: float = 0.46,
    *,
    dtype: DTypeLike | None = None,
) -> jax.Array:
    """Alpha - beta cos(2 pi n / N)."""
    kind = _kind("hamming_window", window_length, dtype, RuntimeError)
    return jnp.asarray(_cosines(window_length, not periodic, (alpha, beta)), kind)


@operation("torch")
def blackman_window(
    window_length: int, periodic: bool = True, *, dtype: DTypeLike | None = None
) -> jax.Array:
    """0.42 - 0.5 cos(2 pi n / N) + 0.08 cos(4 pi n / N)."""
    kind = _kind("blackman_window", window_length, dtype, RuntimeError)
    return jnp.asarray(_cosines(window_length, not periodic, (0.42, 0.5, 0.08)), kind)


@operation("torch")
def bartlett_window(
    window_length: int, periodic: bool = True, *, dtype: DTypeLike | None = None
) -> jax.Array:
    """1 - |2 n / N - 1|: a triangle."""
    kind = _kind("bartlett_window", window_length, dtype, RuntimeError)
    return jnp.asarray(_triangle(window_length, not periodic), kind)


@operation("torch")
def kaiser_window(
    window_length: int, periodic: bool = True, beta: float = 12.0, *, dtype: DTypeLike | None = None
) -> jax.Array:
    """I0(beta sqrt(1 - (2 n / N - 1)^2)) / I0(beta)."""
    kind = _kind("kaiser_window", window_length, dtype, RuntimeError)
    return jnp.asarray(_bell(window_length, not periodic, beta), kind)


@operation("fft", spelled="fftfreq")
def fft_fftfreq(n: int, d: float = 1.0, *, dtype: DTypeLike | None = None) -> jax.Array:
    """The frequencies of fft: 0, 1, ..., then the negative ones, over n d."""
    return jnp.asarray(np.fft.fftfreq(n, d) if n else [], canonical(np.float32 if dtype is None else dtype))


@operation("fft", spelled="rfftfreq")
def fft_rfftfreq(n: int, d: float = 1.0, *, dtype: DTypeLike | None = None) -> jax.Array:
    """The frequencies of rfft: 0, 1, ..., n // 2, over n d."""
    return jnp.asarray(
        np.fft.rfftfreq(n, d) if n else [np.nan], canonical(np.float32 if dtype is None else dtype)
    )

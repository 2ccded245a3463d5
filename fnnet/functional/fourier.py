"""torch.fft: discrete Fourier transforms in one, two and n dimensions, of one definition for each kind."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from fnnet.functional.dimension import canonical_dim, canonical_dims
from fnnet.functional.dtypes import is_complex, scalar_name, to_floating
from fnnet.functional.operation import operation

__all__ = [
    "fft_fft",
    "fft_fft2",
    "fft_fftn",
    "fft_fftshift",
    "fft_hfft",
    "fft_hfft2",
    "fft_hfftn",
    "fft_ifft",
    "fft_ifft2",
    "fft_ifftn",
    "fft_ifftshift",
    "fft_ihfft",
    "fft_ihfft2",
    "fft_ihfftn",
    "fft_irfft",
    "fft_irfft2",
    "fft_irfftn",
    "fft_rfft",
    "fft_rfft2",
    "fft_rfftn",
]

Function = Callable[..., jax.Array]
_OPPOSITE = {None: "forward", "backward": "forward", "forward": "backward", "ortho": "ortho"}


def _as_complex(x: jax.Array) -> jax.Array:
    if is_complex(x):
        return x
    return x.astype(np.complex128 if x.dtype == np.float64 else np.complex64)


# The transforms of n dimensions: of an array, the lengths, the axes and the norm.
_KINDS: dict[str, Function] = {
    "fft": lambda x, s, axes, norm: jnp.fft.fftn(_as_complex(x), s, axes, norm),
    "ifft": lambda x, s, axes, norm: jnp.fft.ifftn(_as_complex(x), s, axes, norm),
    "rfft": lambda x, s, axes, norm: jnp.fft.rfftn(x, s, axes, norm),
    "irfft": lambda x, s, axes, norm: jnp.fft.irfftn(_as_complex(x), s, axes, norm),
    "hfft": lambda x, s, axes, norm: jnp.fft.irfftn(jnp.conj(_as_complex(x)), s, axes, _OPPOSITE[norm]),
    "ihfft": lambda x, s, axes, norm: jnp.conj(jnp.fft.rfftn(x, s, axes, _OPPOSITE[norm])),
}
_DOCS = {
    "fft": "The discrete Fourier transform",
    "ifft": "The inverse discrete Fourier transform",
    "rfft": "The half of the Fourier transform of real input that determines the other",
    "irfft": "The real output whose rfft the input is",
    "hfft": "The real Fourier transform of a Hermitian input of which half is given",
    "ihfft": "The half of the inverse Fourier transform of real input that determines the other",
}
_TO_REAL = ("irfft", "hfft")
_OF_REAL = ("rfft", "ihfft")


def _transform(
    name: str, kind: str, input: jax.Array, s: Sequence[int] | None, axes: tuple[int, ...], norm: str | None
) -> jax.Array:
    if norm not in _OPPOSITE:
        raise RuntimeError(f'{name}: Invalid normalization mode: "{norm}"')
    if kind in _OF_REAL and is_complex(input):
        raise RuntimeError(f"{name} expects a real input tensor, but got {scalar_name(input)}")
    x = to_floating(input)
    if x.dtype.itemsize == 2:
        raise RuntimeError(f"{name}: Unsupported dtype {scalar_name(x)}")
    if not axes:
        if kind in (*_TO_REAL, *_OF_REAL):
            raise RuntimeError(f"{name} must transform at least one axis")
        return _as_complex(x)
    sizes = [-1] * len(axes) if s is None else list(s)
    for i, axis in enumerate(axes):
        given = x.shape[axis]
        last = kind in _TO_REAL and i == len(axes) - 1
        sizes[i] = (2 * (given - 1) if last else given) if sizes[i] == -1 else sizes[i]
        if sizes[i] < 1:
            raise RuntimeError(f"{name}: Invalid number of data points ({sizes[i]}) specified")
    return _KINDS[kind](x, tuple(sizes), axes, norm)


def _dims(
    name: str, input: jax.Array, s: Sequence[int] | int | None, dim: Sequence[int] | int | None
) -> tuple[Sequence[int] | None, tuple[int, ...]]:
    """The lengths, and the axes that they belong to. Raises RuntimeError where they do not fit."""
    lengths = [s] if isinstance(s, int) else s
    if dim is None:
        count = input.ndim if lengths is None else len(lengths)
        if count > input.ndim:
            raise RuntimeError(
                f"{name}: Got shape with {count} values but input tensor only has {input.ndim} dimensions."
            )
        return lengths, tuple(range(input.ndim - count, input.ndim))
    dims = [dim] if isinstance(dim, int) else dim
    axes = tuple(canonical_dim(one, input.ndim) for one in dims)
    if len(set(axes)) < len(axes):
        raise RuntimeError(f"{name}: FFT dims must be unique")
    if lengths is not None and len(lengths) != len(axes):
        raise RuntimeError(
            f"{name}: When given, dim and shape arguments must have the same length, but got {len(axes)} "
            f"and {len(lengths)}"
        )
    return lengths, axes


def _declared(function: Function, name: str, doc: str, kind: str) -> Function:
    function.__name__ = function.__qualname__ = f"fft_{name}"
    function.__doc__ = doc
    node = (
        "FftR2CBackward0"
        if kind in _OF_REAL
        else "FftC2RBackward0"
        if kind in _TO_REAL
        else "FftC2CBackward0"
    )
    return operation("fft", spelled=name, grad_fn=node)(function)


def _family(kind: str) -> tuple[Function, Function, Function]:
    """The transforms of one kind in one, two and n dimensions."""

    def one(input: jax.Array, n: int | None = None, dim: int = -1, norm: str | None = None) -> jax.Array:
        if not input.ndim:
            raise IndexError(f"Dimension specified as {dim} but tensor has no dimensions")
        axis = canonical_dim(dim, input.ndim)
        return _transform(kind, kind, jnp.atleast_1d(input), None if n is None else (n,), (axis,), norm)

    def two(
        input: jax.Array, s: Any = None, dim: Sequence[int] = (-2, -1), norm: str | None = None
    ) -> jax.Array:
        return _transform(kind + "2", kind, input, *_dims(kind + "2", input, s, dim), norm)

    def several(input: jax.Array, s: Any = None, dim: Any = None, norm: str | None = None) -> jax.Array:
        return _transform(kind + "n", kind, input, *_dims(kind + "n", input, s, dim), norm)

    scaled = '; `norm` is "backward", "forward" or "ortho".'
    return (
        _declared(one, kind, f"{_DOCS[kind]} along a dimension, cut or padded to n{scaled}", kind),
        _declared(two, kind + "2", f"{_DOCS[kind]} of two dimensions, cut or padded to `s`{scaled}", kind),
        _declared(several, kind + "n", f"{_DOCS[kind]} of several dimensions, all by default{scaled}", kind),
    )


fft_fft, fft_fft2, fft_fftn = _family("fft")
fft_ifft, fft_ifft2, fft_ifftn = _family("ifft")
fft_rfft, fft_rfft2, fft_rfftn = _family("rfft")
fft_irfft, fft_irfft2, fft_irfftn = _family("irfft")
fft_hfft, fft_hfft2, fft_hfftn = _family("hfft")
fft_ihfft, fft_ihfft2, fft_ihfftn = _family("ihfft")


@operation("fft", spelled="fftshift", grad_fn="RollBackward0")
def fft_fftshift(input: jax.Array, dim: int | Sequence[int] | None = None) -> jax.Array:
    """Roll the zero frequency to the middle of the dimensions, all by default."""
    axes = canonical_dims(dim, input.ndim)
    return jnp.roll(input, [input.shape[axis] // 2 for axis in axes], axes)


@operation("fft", spelled="ifftshift", grad_fn="RollBackward0")
def fft_ifftshift(input: jax.Array, dim: int | Sequence[int] | None = None) -> jax.Array:
    """Undo fftshift."""
    axes = canonical_dims(dim, input.ndim)
    return jnp.roll(input, [(input.shape[axis] + 1) // 2 for axis in axes], axes)

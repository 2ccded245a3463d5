"""Complex numbers made of real ones and taken apart, and numbers taken apart into bits and powers."""

from __future__ import annotations

from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from fnnet.functional.dtypes import is_complex, scalar_name
from fnnet.functional.operation import operation

__all__ = ["complex", "conj_physical", "frexp", "nextafter", "polar", "view_as_complex", "view_as_real"]


class MantissaExponent(NamedTuple):
    """Fractions of magnitude in [1/2, 1), and the powers of 2 that they are multiplied with."""

    mantissa: jax.Array
    exponent: jax.Array


def _require_alike(function: str, first: jax.Array, second: jax.Array) -> None:
    if first.dtype not in (np.float16, np.float32, np.float64) or is_complex(first):
        raise RuntimeError(
            f"Expected both inputs to be Half, Float or Double tensors but got {scalar_name(first)} and "
            f"{scalar_name(second)}"
        )
    if first.dtype != second.dtype:
        raise RuntimeError(
            f"{function}: Expected object of scalar type {scalar_name(first)} but got scalar type "
            f"{scalar_name(second)} for second argument"
        )


@operation("torch", grad_fn="ComplexBackward0")
def complex(real: jax.Array, imag: jax.Array) -> jax.Array:
    """Real + i imag, of two arrays of one floating dtype. Raises RuntimeError for others."""
    _require_alike("complex", real, imag)
    return jax.lax.complex(*jnp.broadcast_arrays(real, imag))


@operation("torch", grad_fn="PolarBackward0")
def polar(abs: jax.Array, angle: jax.Array) -> jax.Array:
    """Abs (cos(angle) + i sin(angle)), of two arrays of one floating dtype."""
    _require_alike("polar", abs, angle)
    return complex(abs * jnp.cos(angle), abs * jnp.sin(angle))


@operation("torch", grad_fn="ViewAsRealBackward0", view=True)
def view_as_real(input: jax.Array) -> jax.Array:
    """The real and imaginary parts along a new last dimension. Raises RuntimeError for real input."""
    if not is_complex(input):
        raise RuntimeError(f"view_as_real is only supported for complex tensors, got {scalar_name(input)}")
    return jnp.stack([jnp.real(input), jnp.imag(input)], -1)


@operation("torch", grad_fn="ViewAsComplexBackward0", view=True)
def view_as_complex(input: jax.Array) -> jax.Array:
    """The complex numbers whose parts lie along the last dimension, of size 2."""
    if is_complex(input) or not jnp.issubdtype(input.dtype, jnp.floating):
        raise RuntimeError(
            f"view_as_complex is only supported for half, float and double tensors, got {scalar_name(input)}"
        )
    if input.ndim == 0 or input.shape[-1] != 2:
        raise RuntimeError("view_as_complex: Tensor must have a last dimension of size 2")
    return jax.lax.complex(input[..., 0], input[..., 1])


@operation("torch", "Tensor", in_place=True, grad_fn="ConjPhysicalBackward0")
def conj_physical(input: jax.Array) -> jax.Array:
    """The complex conjugate."""
    return jnp.conj(input)


@operation("torch", "Tensor")
def frexp(input: jax.Array) -> MantissaExponent:
    """Input = mantissa * 2^exponent. Raises RuntimeError for integers."""
    if not jnp.issubdtype(input.dtype, jnp.floating):
        raise RuntimeError(f"torch.frexp() only supports floating-point dtypes, got {scalar_name(input)}")
    mantissa, exponent = jnp.frexp(input)
    strange = ~jnp.isfinite(input)
    return MantissaExponent(
        jnp.where(strange, input, mantissa), jnp.where(strange, 0, exponent).astype(np.int32)
    )


# JAX has no derivative of it; PyTorch's is 1, and 0 where there is nowhere to go.
@jax.custom_jvp
def _next(x: jax.Array, towards: jax.Array) -> jax.Array:
    return jnp.nextafter(x, towards)


@_next.defjvp
def _next_jvp(
    primals: tuple[jax.Array, jax.Array], tangents: tuple[jax.Array, jax.Array]
) -> tuple[jax.Array, jax.Array]:
    x, towards = primals
    return _next(x, towards), jnp.where(x == towards, jnp.zeros_like(x), tangents[0])


@operation("torch", "Tensor", in_place=True, promote=("input", "other"))
def nextafter(input: jax.Array, other: jax.Array) -> jax.Array:
    """The floating point number after input towards other."""
    if not jnp.issubdtype(input.dtype, jnp.floating):
        raise RuntimeError(f'"nextafter" not implemented for {scalar_name(input)}')
    return _next(*jnp.broadcast_arrays(input, jnp.asarray(other, input.dtype)))

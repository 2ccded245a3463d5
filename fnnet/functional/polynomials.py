"""Orthogonal polynomials (torch.special): three-term recurrences, of one definition."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax

from fnnet.functional.dtypes import to_floating
from fnnet.functional.operation import operation

__all__ = [
    "chebyshev_polynomial_t",
    "chebyshev_polynomial_u",
    "chebyshev_polynomial_v",
    "chebyshev_polynomial_w",
    "hermite_polynomial_h",
    "hermite_polynomial_he",
    "laguerre_polynomial_l",
    "legendre_polynomial_p",
    "shifted_chebyshev_polynomial_t",
    "shifted_chebyshev_polynomial_u",
    "shifted_chebyshev_polynomial_v",
    "shifted_chebyshev_polynomial_w",
]

First = Callable[[jax.Array], jax.Array]
Next = Callable[[Any, jax.Array, jax.Array, jax.Array], jax.Array]
Closed = Callable[[jax.Array, jax.Array], jax.Array]


def _evaluate(x: jax.Array, n: jax.Array, first: First, after: Next, closed: Closed | None) -> jax.Array:
    """The polynomial of degree n of each element: P_0 = 1, P_1 = first, P_(k+1) = after(k, x, P_k, P_(k-1)).

    `closed` is used for high degrees within (-1, 1), where it is exact; so the loop is short.
    """
    degree = jnp.trunc(n)
    direct = jnp.zeros(x.shape, bool) if closed is None else (degree > 8) & (jnp.abs(x) < 1)
    looped = jnp.where(direct, 0, degree)
    most = jnp.max(looped, initial=0).astype(np.int32)
    one, two = jnp.ones_like(x), first(x)

    def step(k: jax.Array, carry: tuple[jax.Array, jax.Array]) -> tuple[jax.Array, jax.Array]:
        before, now = carry
        there = k.astype(x.dtype) < looped
        made = after(k.astype(x.dtype), x, now, before)
        return jnp.where(there, now, before), jnp.where(there, made, now)

    _, found = lax.fori_loop(jnp.int32(1), most, step, (one, two))
    found = jnp.where(degree < 0, 0, jnp.where(degree == 0, 1, found)).astype(x.dtype)
    return found if closed is None else jnp.where(direct, closed(jnp.where(direct, x, 0), degree), found)


def _declared(
    name: str, doc: str, first: First, after: Next, closed: Closed | None = None, shifted: bool = False
) -> Callable[..., jax.Array]:
    def apply(input: jax.Array, n: Any) -> jax.Array:
        x = to_floating(input)
        x, degrees = jnp.broadcast_arrays(x, jnp.asarray(n).astype(x.dtype))
        return _evaluate(2 * x - 1 if shifted else x, degrees, first, after, closed)

    apply.__name__ = apply.__qualname__ = name
    apply.__doc__ = f"The {doc} of degree n, which may differ from element to element; 0 for n < 0."
    return operation("special", promote=("input", "n"), to_float=True)(apply)


def _twice(k: Any, x: jax.Array, now: jax.Array, before: jax.Array) -> jax.Array:
    return 2 * x * now - before


_CHEBYSHEV: dict[str, tuple[str, First, Closed]] = {
    "t": ("first", lambda x: x, lambda x, n: jnp.cos(n * jnp.arccos(x))),
    "u": ("second", lambda x: 2 * x, lambda x, n: jnp.sin((n + 1) * jnp.arccos(x)) / jnp.sin(jnp.arccos(x))),
    "v": (
        "third",
        lambda x: 2 * x - 1,
        lambda x, n: jnp.cos((n + 0.5) * jnp.arccos(x)) / jnp.cos(jnp.arccos(x) / 2),
    ),
    "w": (
        "fourth",
        lambda x: 2 * x + 1,
        lambda x, n: jnp.sin((n + 0.5) * jnp.arccos(x)) / jnp.sin(jnp.arccos(x) / 2),
    ),
}


def _chebyshev(letter: str, shifted: bool = False) -> Callable[..., jax.Array]:
    kind, first, closed = _CHEBYSHEV[letter]
    name = f"{'shifted_' * shifted}chebyshev_polynomial_{letter}"
    doc = f"Chebyshev polynomial of the {kind} kind" + ", of 2 x - 1," * shifted
    return _declared(name, doc, first, _twice, closed, shifted)


chebyshev_polynomial_t = _chebyshev("t")
chebyshev_polynomial_u = _chebyshev("u")
chebyshev_polynomial_v = _chebyshev("v")
chebyshev_polynomial_w = _chebyshev("w")
shifted_chebyshev_polynomial_t = _chebyshev("t", shifted=True)
shifted_chebyshev_polynomial_u = _chebyshev("u", shifted=True)
shifted_chebyshev_polynomial_v = _chebyshev("v", shifted=True)
shifted_chebyshev_polynomial_w = _chebyshev("w", shifted=True)
hermite_polynomial_h = _declared(
    "hermite_polynomial_h",
    "physicist's Hermite polynomial",
    lambda x: 2 * x,
    lambda k, x, now, before: 2 * (x * now - k * before),
)
hermite_polynomial_he = _declared(
    "hermite_polynomial_he",
    "probabilist's Hermite polynomial",
    lambda x: x,
    lambda k, x, now, before: x * now - k * before,
)
laguerre_polynomial_l = _declared(
    "laguerre_polynomial_l",
    "Laguerre polynomial",
    lambda x: 1 - x,
    lambda k, x, now, before: ((2 * k + 1 - x) * now - k * before) / (k + 1),
)
legendre_polynomial_p = _declared(
    "legendre_polynomial_p",
    "Legendre polynomial",
    lambda x: x,
    lambda k, x, now, before: ((2 * k + 1) * x * now - k * before) / (k + 1),
)

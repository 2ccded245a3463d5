"""The float32 Box-Muller transform of `boxmuller.py` as a program of XLA's, for those who draw many normals.

A million normals take 6.5 ms instead of NumPy's 14 (two cores, jaxlib 0.10.2), for it computes beside the
engine that makes the next words; but it takes 0.2 s to compile, so NumPy computes the first of a process.
Both give the same bits: every step is rounded as there. Products of two float32 numbers are exact in float64,
so a fused multiply-add in the machine's code changes nothing.
"""

from __future__ import annotations

import os
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax

from fnnet.random import boxmuller as by

WORDS = 1 << 17
"""How many words the program takes."""
_WORTH = 20_000_000
"""After how many numbers it is compiled: NumPy computes as many in about the time that this takes."""

_OPTIONS: dict[str, str | bool] = {"xla_allow_excess_precision": False}
"""Without it XLA leaves out a conversion to float32 and back."""


class _Program:
    """Counts what is drawn in this process, and holds the program once it is worth it."""

    def __init__(self) -> None:
        self.begin_anew()

    def begin_anew(self) -> None:
        self.drawn = 0
        self.compiled: Any = None
        self.may_be_used = True

    def forked(self) -> None:
        """XLA does not survive a fork."""
        self.begin_anew()
        self.may_be_used = False

    def for_more(self, count: int) -> Any:
        """The program, or None where NumPy is to compute: at first, and for few."""
        self.drawn += count
        if count < WORDS // 2:
            return None
        if self.compiled is None and self.may_be_used and self.drawn > _WORTH:
            self._compile()
        return self.compiled

    def _compile(self) -> None:
        self.may_be_used = False
        if "cpu" not in (jax.config.values.get("jax_platforms") or "cpu"):
            return
        device = jax.local_devices(backend="cpu")[0]
        with jax.enable_x64(True), jax.default_device(device):
            words = jax.ShapeDtypeStruct((WORDS,), np.uint32)
            try:
                self.compiled = jax.jit(_box_muller).lower(words).compile(_OPTIONS)
            except jax.errors.JaxRuntimeError as error:
                if "No such compile option" not in str(error):
                    raise


PROGRAM = _Program()
if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=PROGRAM.forked)


def _wide(x: jax.Array) -> jax.Array:
    return lax.convert_element_type(x, np.dtype(np.float64))


def _narrow(x: jax.Array) -> jax.Array:
    return lax.convert_element_type(x, np.dtype(np.float32))


def _rounded(x: jax.Array) -> jax.Array:
    return _wide(_narrow(x))


def _bits(x: jax.Array) -> jax.Array:
    return lax.bitcast_convert_type(x, np.dtype(np.int32))


def _number(bits: jax.Array) -> jax.Array:
    return lax.bitcast_convert_type(bits, np.dtype(np.float32))


def _box_muller(words: jax.Array) -> jax.Array:
    low = lax.convert_element_type(words & np.uint32(0xFFFFFF), np.dtype(np.int32))
    # The eights that belong together lie apart: two long lines are vectorised.
    lines = lax.optimization_barrier(low.reshape(-1, 2, by.LANES).swapaxes(0, 1).reshape(2, -1))
    radius = lax.optimization_barrier(_radius(lines[0]))
    sine, cosine = _sin_cos(lines[1])
    made = lax.optimization_barrier([cosine * radius, sine * radius])
    return jnp.stack([one.reshape(-1, by.LANES) for one in made], 1).reshape(-1)


def _radius(bits: jax.Array) -> jax.Array:
    x = _narrow(np.int32(1 << 24) - bits)
    pattern = _bits(x) - np.int32(by.SQRT_HALF + (24 << 23))
    exponent = pattern >> 23
    q = _number((pattern & np.int32(0x7FFFFF)) + np.int32(by.SQRT_HALF)) - np.float32(1)
    z = q * q
    wide_q, wide_z = _wide(q), _wide(z)
    y = _rounded(wide_q * by.LOG[0] + by.LOG[1])
    for coefficient in by.LOG[2:]:
        y = _rounded(y * wide_q + coefficient)
    y = _wide(_narrow(y) * q) * wide_z + _wide(_narrow(exponent) * np.float32(by.LN2_LOW))
    q = q + (_narrow(y) - z * np.float32(0.5))
    return jnp.sqrt(_narrow(_wide(exponent) * by.LN2_HIGH + _wide(q)) * np.float32(-2))


def _sin_cos(bits: jax.Array) -> tuple[jax.Array, jax.Array]:
    # Apart, for XLA would multiply the two constants beforehand.
    t = lax.optimization_barrier(_narrow(bits) * np.float32(2.0**-24 * by.TWO_PI))
    quadrant = lax.convert_element_type(t * np.float32(by.FOUR_OVER_PI), np.dtype(np.int32))
    quadrant = (quadrant + 1) >> 1
    w = _wide(quadrant)
    x = _wide(t) + w * (2 * by.MINUS_QUARTER_PI[0])
    for part in by.MINUS_QUARTER_PI[1:]:
        x = _rounded(x + w * (2 * part))
    z = _narrow(x) * _narrow(x)
    wide_z = _wide(z)
    y = _rounded(wide_z * by.COS[0] + by.COS[1])
    y = _wide(_narrow(y * wide_z + by.COS[2]) * z) * wide_z - wide_z * 0.5
    cosine = _narrow(y) + np.float32(1)
    y = _rounded(wide_z * by.SIN[0] + by.SIN[1])
    y = _wide(_narrow(y * wide_z + by.SIN[2]) * z) * x + x
    sine = _narrow(y)
    is_odd = (quadrant & 1) == 1
    sine, cosine = jnp.where(is_odd, cosine, sine), jnp.where(is_odd, sine, cosine)
    sine = _number(_bits(sine) ^ ((quadrant & 2) << 30))
    return sine, _number(_bits(cosine) ^ (((quadrant + 1) & 2) << 30))

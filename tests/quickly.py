"""How XLA compiles a program that runs once: what it costs then is its compilation."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from typing import Any

import jax
import numpy as np


@cache
def older_emitters() -> dict[str, Any]:
    """What asks for the emitters that fnnet.torch asks for; nothing where jaxlib has left them out."""
    asked = {"xla_cpu_use_fusion_emitters": False}
    try:
        jax.jit(jax.numpy.negative, compiler_options=asked)(np.float32(1))
    except jax.errors.JaxRuntimeError as error:
        if "No such compile option" not in str(error):
            raise
        return {}
    return asked


def jit(function: Callable[..., Any]) -> Callable[..., Any]:
    """The function compiled with little optimization, in a third to a half of the time."""
    return jax.jit(function, compiler_options={"xla_backend_optimization_level": 0, **older_emitters()})


def not_quickly(function: Callable[..., Any]) -> Callable[..., Any]:
    """The function compiled at XLA's usual level, whatever XLA_FLAGS say.

    For what compares a number with one computed from it (a maximum, a hue), or takes close numbers apart
    (1 - cos x): at level 0 a logarithm or sum may be computed twice, with different last bits.
    """
    return jax.jit(function, compiler_options={"xla_backend_optimization_level": 3})

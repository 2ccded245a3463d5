"""A value that a CPU computes once, apart from what reads it.

XLA on a CPU computes a value within each loop that reads it; where those read slices of it, or many times,
that is measurably slower. Elsewhere XLA is left as it is.
"""

from __future__ import annotations

from typing import Any

import jax
from jax import lax
from jax.extend.core import Primitive
from jax.interpreters import ad, batching, mlir

__all__ = ["apart"]

apart_p = Primitive("apart")


def apart(x: jax.Array) -> jax.Array:
    """x itself."""
    return apart_p.bind(x)


apart_p.def_impl(lambda x: x)
apart_p.def_abstract_eval(lambda x: x)
ad.deflinear2(apart_p, lambda gradient, x: [apart(gradient)])
batching.defvectorized(apart_p)


def _on_cpu(x: Any) -> Any:
    return lax.optimization_barrier(x)


mlir.register_lowering(apart_p, lambda context, x: [x])
mlir.register_lowering(apart_p, mlir.lower_fun(_on_cpu, multiple_results=False), platform="cpu")

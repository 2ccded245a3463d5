"""Small programs on a CPU compute on one thread, in a client of XLA's own.

XLA divides products and long loops among as many threads as there are cores. A small program that computes
while Python records the next turn of a loop (see `ahead.py`) then waits for parts of it whose thread has no
core, and Python waits for its own: a turn of the tutorial's loop by hand took 440 us so, and 338 on one
thread; a turn of LeNet 1109 and 703 (two cores, jaxlib 0.10.2). The number of threads is a client's, fixed
when it is made, so small programs have a client with one. Arrays go from there to JAX's own client and back
without being copied.
"""

from __future__ import annotations

import math
import os
import threading
from typing import Any

import jax
from jax.extend.core import ClosedJaxpr
from jaxlib import xla_client

from fnnet.torch.devices import CPU, jax_device

_THREADS = "PJRT_NPROC"
"""The environment variable in which XLA looks for how many threads a client shall have."""
_TURN, _CALL = 500_000, 25_000
"""Nanoseconds, in all and for each call, up to which a program counts as small: about twice what Python takes
for a turn of a loop."""
_MULTIPLICATION = 0.025
_ELEMENT = 0.1
_FUNCTION = 2.0
_FROM_MEMORY = 1.0
"""Nanoseconds on one thread, about: for a multiplication in a product, an element of anything else."""
_LONG = 200_000
"""From how many elements on they come from memory, not from the core's cache."""
_FUNCTIONS = frozenset(
    "acos asin atan atan2 cos cosh digamma erf erf_inv erfc exp exp2 expm1 lgamma log log1p logistic pow sin "  # noqa: SIM905
    "sinh sort tan tanh".split()
)
_PARTS = frozenset(("slice", "dynamic_slice", "gather", "split"))
"""They read no more than they make."""


_MAKING = threading.Lock()
_FOUND: list[jax.Device] = []


def one_thread() -> jax.Device:
    """The device of the client with one thread, which is JAX's own if that has one thread as well."""
    if not _FOUND:
        with _MAKING:
            if not _FOUND:
                _FOUND.append(_made())
    return _FOUND[0]


def _made() -> jax.Device:
    own = jax_device(CPU)
    if os.environ.get(_THREADS) == "1" or _cores() == 1:
        return own
    before = os.environ.get(_THREADS)
    os.environ[_THREADS] = "1"
    try:
        client: Any = xla_client.make_cpu_client(asynchronous=_computes_beside())
    finally:
        if before is None:
            del os.environ[_THREADS]
        else:
            os.environ[_THREADS] = before
    device: jax.Device = client.devices()[0]
    return device


def _cores() -> int:
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def _computes_beside() -> bool:
    """Whether JAX is set to compute on the CPU while Python goes on, which it is unless told otherwise."""
    return bool(jax.config.values.get("jax_cpu_enable_async_dispatch", True))


def is_small(closed: ClosedJaxpr, calls: int) -> bool:
    """Whether one thread computes a program hardly longer than Python records its calls."""
    return _work(closed.jaxpr) <= _TURN + _CALL * calls


def _work(jaxpr: Any) -> float:
    """Nanoseconds that one thread takes, about; infinite if it cannot be told."""
    return sum(map(_work_of, jaxpr.eqns))


def _work_of(eqn: Any) -> float:
    name, params = eqn.primitive.name, eqn.params
    if name == "while":
        return math.inf
    if name == "cond":
        return max(_work(branch.jaxpr) for branch in params["branches"])
    inner = [_work(getattr(one, "jaxpr", one)) for one in params.values() if hasattr(one, "eqns")]
    if inner:
        return sum(inner) * params.get("length", 1)
    made = sum(getattr(one.aval, "size", 0) for one in eqn.outvars)
    if name == "dot_general":
        (contracted, _), _ = params["dimension_numbers"]
        return _MULTIPLICATION * made * math.prod(eqn.invars[0].aval.shape[dim] for dim in contracted)
    if name == "conv_general_dilated":
        kernel = eqn.invars[1].aval
        of_one = kernel.size // max(kernel.shape[params["dimension_numbers"].rhs_spec[0]], 1)
        return 2 * _MULTIPLICATION * made * of_one
    size = made if name in _PARTS else max([made, *[getattr(one.aval, "size", 0) for one in eqn.invars]])
    if "window_dimensions" in params:
        size *= math.prod(params["window_dimensions"])
    return size * (_FUNCTION if name in _FUNCTIONS else _FROM_MEMORY if size >= _LONG else _ELEMENT)

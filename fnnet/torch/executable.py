"""How a record becomes an XLA program, and how the program is found again.

The key is the structure of the record: which plans, fed from which slots, and which outputs are still
wanted. A
plan fixes shapes and dtypes, so the structure fixes the program.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import jax
import numpy as np

from fnnet.torch.statistics import COUNTS

if TYPE_CHECKING:
    from fnnet.torch.plan import Plan

CACHE_LIMIT = 2048
_CACHE: dict[Any, Callable[..., Any]] = {}


def _program(calls: list[tuple[int, ...]], alive: list[int], plans: list[Plan]) -> Callable[..., Any]:
    """The recorded calls as one function of the inputs, the floats and the integers."""

    def program(inputs: list[Any], floats: Any, integers: Any) -> list[Any]:
        made: list[Any] = []
        float_index = integer_index = 0
        for call, plan in zip(calls, plans, strict=True):
            arguments = [made[slot] if slot >= 0 else inputs[-1 - slot] for slot in call[1:]]
            for kind in plan.numbers:
                if kind is float:
                    arguments.append(floats[float_index])
                    float_index += 1
                else:
                    arguments.append(integers[integer_index])
                    integer_index += 1
            made.extend(plan.run(*arguments))
        return [made[slot] for slot in alive]

    return program


def executable(
    calls: list[tuple[int, ...]],
    alive: list[int],
    plans: list[Plan],
    inputs: list[Any],
    floats: list[float],
    integers: list[int],
    where: jax.Device,
) -> Callable[..., Any]:
    """The compiled program of a record: from the cache, or compiled now."""
    key = (tuple(calls), tuple(alive))
    found = _CACHE.get(key)
    if found is not None:
        COUNTS.cache_hits += 1
        return found
    started = time.perf_counter()
    with jax.enable_x64(True), jax.default_device(where):
        compiled = (
            jax.jit(_program(calls, alive, plans), keep_unused=True)
            .lower(inputs, np.array(floats, np.float64), np.array(integers, np.int64))
            .compile()
        )

    def run(inputs: list[Any], floats: Any, integers: Any) -> Any:
        started = time.perf_counter()
        with jax.enable_x64(True):
            results = compiled(inputs, floats, integers)
        COUNTS.dispatch_seconds += time.perf_counter() - started
        return results

    if len(_CACHE) >= CACHE_LIMIT:
        del _CACHE[next(iter(_CACHE))]
    _CACHE[key] = run
    COUNTS.compilations += 1
    COUNTS.compile_seconds += time.perf_counter() - started
    return run

"""How a record becomes an XLA program, and how the program is found again.

The key is the structure of the record: which plans, fed from which slots, and which outputs are still wanted.
A plan fixes shapes and dtypes, so the structure fixes the program.
"""

from __future__ import annotations

import contextlib
import time
from array import array
from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING, Any

import jax
import jax.numpy as jnp
import numpy as np

from fnnet.functional.convolution_products import written_out
from fnnet.torch.devices import placed
from fnnet.torch.lowering import is_for_new_emitters, is_to_be_rewritten, rewritten, runs_long
from fnnet.torch.merging import merged, repeats_loops
from fnnet.torch.once import SIGHTINGS, evaluated
from fnnet.torch.one_thread import is_small, one_thread
from fnnet.torch.pieces import LONG, Choice, cut, in_pieces
from fnnet.torch.statistics import COUNTS

if TYPE_CHECKING:
    from fnnet.torch.plan import Plan

CACHE_LIMIT = 2048
_CACHE: dict[Any, Any] = {}
_CHOICE = Choice()
NUMBERS_LIMIT = 512
_NUMBERS: dict[Any, Any] = {}


def _program(calls: list[tuple[int, ...]], alive: list[int], plans: list[Plan]) -> Callable[..., Any]:
    """The recorded calls as one function of the inputs, then the floats and the integers if there are any.

    If there are guards, one more output holds their codes.
    """
    kinds = [kind for plan in plans for kind in plan.numbers]

    def program(*inputs: Any) -> list[Any]:
        arrays = list(inputs)
        integers = iter(arrays.pop() if any(kind is not float for kind in kinds) else ())
        floats = iter(arrays.pop() if float in kinds else ())
        made: list[Any] = []
        codes: list[Any] = []
        for call, plan in zip(calls, plans, strict=True):
            arguments = [made[slot] if slot >= 0 else arrays[-1 - slot] for slot in call[1:]]
            arguments += [next(floats if kind is float else integers) for kind in plan.numbers]
            results = plan.run(*arguments)
            if plan.guard is not None:
                codes.append(plan.guard.code(arguments, results))
            made.extend(results)
        wanted = [made[slot] for slot in alive]
        return [*wanted, jnp.stack(codes)] if codes else wanted

    return program


def _numbers(code: str, numbers: list[Any], where: jax.Device) -> Any:
    """The run-time numbers as an array: NumPy's the first time, and kept on the device when they come again.

    Most loops hand in the same numbers every turn. Kept, they save a copy and the x64 context: 26 of 61 us a
    call of a small program (two busy cores, jaxlib 0.10.2).
    """
    made: Any = array(code, numbers)
    key = (code, made.tobytes(), where)  # bytes tell -0.0 from 0.0
    found = _NUMBERS.get(key)
    if found is not None and type(found) is not np.ndarray:
        return found
    if len(_NUMBERS) >= NUMBERS_LIMIT:
        del _NUMBERS[next(iter(_NUMBERS))]
    plain = np.array(made, np.float64 if code == "d" else np.int64)
    if found is None:
        _NUMBERS[key] = plain
    else:
        _NUMBERS[key] = placed(plain, where)
    return plain


_EMITTERS = "xla_cpu_use_fusion_emitters"
_OPTIONS: dict[str, Any] = {_EMITTERS: False, "xla_allow_excess_precision": False}
"""What XLA is asked for on a CPU; a jaxlib that has left one out is not asked for it again.

The older emitters: the same bits, as fast but for what `is_for_new_emitters` knows, and compiled in half the
time (a step of LeNet in 0.57 s of CPU time instead of 1.15, jaxlib 0.10.2). Products are not asked to stay on
one thread: by `xla_cpu_multi_thread_eigen=False` jaxlib 0.10.2 computes small ones wrongly whose result lies
column by column. Numbers keep no more digits than their dtype has: XLA leaves out a conversion to bfloat16
and back, where PyTorch rounds.
"""


_LEFT_OUT = {"xla_disable_hlo_passes": "constant_folding"}
"""For long running sums: XLA computes those of a constant (the gradient of a sum) while it compiles, a
million in 15 s."""


def _compiled(traced: Any, where: jax.Device) -> Any:
    new_emitters = where.platform == "cpu" and is_for_new_emitters(traced.jaxpr)
    with contextlib.nullcontext() if new_emitters else written_out():
        lowered = traced.lower()
    if where.platform != "cpu":
        return lowered.compile()
    options = dict(_OPTIONS)
    if new_emitters:
        options.pop(_EMITTERS, None)
    if runs_long(traced.jaxpr):
        options.update(_LEFT_OUT)
    while options:
        try:
            return lowered.compile(options)
        except jax.errors.JaxRuntimeError as error:
            unknown = [name for name in options if f"No such compile option: '{name}'" in str(error)]
            if not unknown:
                raise
            for name in unknown:
                del options[name]
                _OPTIONS.pop(name, None)
    return lowered.compile()


def _marked(run: Any, alone: bool, compiled: bool) -> Any:
    run.alone, run.compiled = alone, compiled
    return run


def _note_met(run: Any) -> None:
    """A program is met again for the first time."""
    _CHOICE.unused -= run.unused if run.unused >= LONG else 0
    SIGHTINGS.note_met(run.kind)
    run.unused = 0


def executable(
    calls: list[tuple[int, ...]],
    alive: list[int],
    plans: list[Plan],
    inputs: list[Any],
    floats: list[float],
    integers: list[int],
    where: jax.Device,
    alone: bool = False,
    piece: bool = False,
) -> Any:
    """The compiled program of a record: from the cache, or compiled now; or NumPy's way to compute it.

    `alone` says that the inputs lie with the programs of one thread; the program has an attribute that says
    whether it is one of these, and another whether it was `compiled`.
    """
    key = (tuple(calls), tuple(alive))
    found = _CACHE.get(key)
    if found is not None:
        COUNTS.cache_hits += 1
        if found.unused:
            _note_met(found)
        return found
    if (found := evaluated(calls, alive, plans, key, one_thread() if alone else where, piece)) is not None:
        return _marked(found, alone, compiled=False)
    if len(calls) >= LONG and not piece:
        pieces = cut(calls, alive, plans)
        if len(pieces) > 1 and _CHOICE.cuts(key, pieces, _CACHE):
            whole = in_pieces(pieces, alive, partial(executable, piece=True), where)
            return _marked(whole, alone=False, compiled=False)
    started = time.perf_counter()
    numbers = [np.array(floats, np.float64)] * bool(floats) + [np.array(integers, np.int64)] * bool(integers)
    shapes = [jax.ShapeDtypeStruct(array.shape, array.dtype) for array in inputs]
    with jax.enable_x64(True), jax.default_device(where):
        traced = jax.jit(_program(calls, alive, plans), keep_unused=True).trace(*shapes, *numbers)
    alone = alone and is_small(traced.jaxpr, len(calls))
    if alone:
        where = one_thread()
    with jax.enable_x64(True), jax.default_device(where):
        if repeats_loops(traced.jaxpr):
            traced = jax.jit(merged(traced.jaxpr), keep_unused=True).trace(*shapes, *numbers)
        if where.platform == "cpu" and is_to_be_rewritten(traced.jaxpr):
            traced = jax.jit(rewritten(traced.jaxpr), keep_unused=True).trace(*shapes, *numbers)
        compiled = _compiled(traced, where)

    def run(arrays: list[Any], floats: list[float], integers: list[int]) -> Any:
        started = time.perf_counter()
        numbers = []
        if floats:
            numbers.append(_numbers("d", floats, where))
        if integers:
            numbers.append(_numbers("q", integers, where))
        if any(type(one) is np.ndarray for one in numbers):  # the context matters to NumPy's arrays only
            with jax.enable_x64(True):
                results = compiled(*arrays, *numbers)
        else:
            results = compiled(*arrays, *numbers)
        COUNTS.dispatch_seconds += time.perf_counter() - started
        return results

    if len(_CACHE) >= CACHE_LIMIT:
        del _CACHE[next(iter(_CACHE))]
    _marked(run, alone, compiled=True)
    run.unused = len(calls)  # type: ignore[attr-defined]
    _CHOICE.unused += len(calls) if len(calls) >= LONG else 0
    run.kind = SIGHTINGS.note_compiled(plans)  # type: ignore[attr-defined]
    _CACHE[key] = run
    COUNTS.compilations += 1
    COUNTS.compile_seconds += time.perf_counter() - started
    return run

"""How calls are recorded, and how a record is run.

A `Value` is one immutable array: either computed, or the output of a call that is recorded but not yet run.
`Record.append` notes a call: which plan (an operation with everything but its arrays fixed), which values go
in. `Record.run` compiles what has been noted, or finds it compiled, and runs it as one XLA program. Numbers
that the user may change from call to call (a learning rate, a slice's start) are arguments of the program, so
the program is found again although they changed.
"""

from __future__ import annotations

import os
import sys
import threading
import weakref
from collections import deque
from operator import attrgetter
from typing import TYPE_CHECKING, Any

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax

from fnnet.torch.ahead import AHEAD
from fnnet.torch.devices import CPU, META, device, jax_device, placed
from fnnet.torch.executable import executable
from fnnet.torch.guards import Lost, failure
from fnnet.torch.mode import MODE
from fnnet.torch.one_thread import one_thread
from fnnet.torch.statistics import COUNTS

if TYPE_CHECKING:
    from fnnet.torch.plan import Plan
    from fnnet.torch.spec import Spec

SOFT_LIMIT = 300
HARD_LIMIT = 600
_PHASE = 8
_MOVES = frozenset(("AsStridedBackward0", "CopySlices"))
"""Reads and writes of views, which happen when a value is looked at, whatever the mode is then."""

_NEVER_PENDING = (np.ndarray, np.generic, jax.core.Tracer)

new = object.__new__
_alone = attrgetter("alone")


class Value:
    """One immutable array, computed (`array`) or recorded (`slot` of the record `owner`).

    A value that one number fills is neither: its owner says which number (`fill`), and the array is made only
    if somebody looks at it. If the owner is a plan (`filled`), records that use the value record it anew.
    `bounds` keeps the least and greatest element, once somebody asked (see `bounds.py`). `alone` says that
    the array lies with the programs of one thread.
    """

    __slots__ = ("alone", "array", "bounds", "owner", "slot")

    def __init__(self, array: Any) -> None:
        self.array = array
        self.owner: Any = None
        self.slot = 0
        self.bounds: tuple[int, int] | None = None
        self.alone = False

    def get(self) -> jax.Array:
        """The array, for JAX; what is recorded so far is run if it has to be."""
        array = self._started()
        return placed(array, jax_device(CPU)) if self.alone else array

    def read(self) -> Any:
        """The array, for NumPy: it is computed, and may lie where JAX itself does not look.

        Raises RuntimeError if there was not memory enough for it; NumPy would end the process.
        """
        array = self._started()
        if not isinstance(array, _NEVER_PENDING):
            array.block_until_ready()
        return array

    def _started(self) -> Any:
        if self.array is None:
            with RECORD.lock:
                if self.owner is RECORD.generation:
                    RECORD.run()
            if self.array is None:
                return self._fill()
        return self.array

    def _fill(self) -> Any:
        number = getattr(self.owner, "fill", None)
        if number is None:
            raise RuntimeError("this tensor was recorded in a program that failed, so it has no value")
        aval = self.owner.outputs[0].aval
        array = np.full(aval.shape, number, aval.dtype)
        if RECORD.immediate:
            return array
        self._place(array, self.owner.device)
        return self.array

    def _place(self, array: Any, where: device, may_alias: bool | None = None) -> None:
        self.alone = where is CPU
        self.array = placed(array, one_thread() if self.alone else jax_device(where), may_alias)

    def move(self, alone: bool) -> None:
        """Give the array, which is computed, to the programs of one thread, or to those of all."""
        self.array = placed(self.array, one_thread() if alone else jax_device(CPU))
        self.alone = alone


def placed_value(array: Any, where: device, may_alias: bool | None = None) -> Value:
    """The value of an array of NumPy's, which nobody will write to."""
    value = Value(None)
    value._place(array, where, may_alias)
    return value


def filled(plan: Plan) -> Value:
    """The value of a plan that fills its output with one number."""
    value = Value(None)
    value.owner = plan
    return value


class _Nothing:
    """The owner of the values of tensors on the device `meta`: shapes are all that there is."""

    @property
    def fill(self) -> float:
        raise NotImplementedError("Cannot copy out of meta tensor; no data!")


_NOTHING = _Nothing()


def without_data() -> Value:
    """The value of a tensor on the device `meta`; reading it raises NotImplementedError."""
    value = Value(None)
    value.owner = _NOTHING
    return value


class Known:
    """The owner of a value that one number fills, and another every time: it is no part of the structure."""

    __slots__ = ("device", "fill", "outputs")

    def __init__(self, number: float, spec: Spec) -> None:
        self.fill = number
        self.outputs = (spec,)
        self.device = spec.device


_UNHELD = max(map(sys.getrefcount, [Value(None)]))
"""How many references a value in a list has that nobody else holds."""


class Record:
    """The calls since the last run. Slots >= 0 are outputs of calls in their order, slots < 0 are inputs."""

    def __init__(self) -> None:
        self.device: device = CPU
        self.immediate = 0
        self.lock = threading.RLock()  # libraries load files in threads of their own
        self.running: deque[list[weakref.ref[jax.Array]]] = deque(maxlen=8)
        self._phase: tuple[int, ...] = ()
        self._clear()

    def _clear(self) -> None:
        self.generation = object()
        self.calls: list[tuple[int, ...]] = []
        self.plans: list[Plan] = []
        self.inputs: list[Value] = []
        self.floats: list[float] = []
        self.integers: list[int] = []
        self.outputs: list[Value] = []
        self.filled: dict[int, Plan] = {}

    def append(self, plan: Plan, values: Any, numbers: Any) -> list[Value]:
        """Note one call and return its outputs."""
        if self.immediate:
            return self._execute(plan, values, numbers)
        with self.lock:
            if plan.device is not self.device:
                if plan.device is META:
                    return [without_data() for _ in plan.outputs]
                self.run()
                self.device = plan.device
            generation = self.generation
            call = [plan.number]
            for value in values:
                if value.owner is not generation:
                    if value.array is None and hasattr(value.owner, "run"):
                        self._note_filled(value)
                    else:
                        if value.array is None:
                            value.read()
                        self.inputs.append(value)
                        value.slot = -len(self.inputs)
                    value.owner = generation
                call.append(value.slot)
            outputs = self.outputs
            made: list[Value] = []
            for _ in plan.outputs:
                value = new(Value)
                value.array = value.bounds = None
                value.alone = False
                value.owner = generation
                value.slot = len(outputs)
                outputs.append(value)
                made.append(value)
            if numbers:
                for number in numbers:
                    (self.floats if type(number) is float else self.integers).append(number)
            calls = self.calls
            calls.append(tuple(call))
            self.plans.append(plan)
            if len(calls) > SOFT_LIMIT:
                self._bound()
            return made

    def _note_filled(self, value: Value) -> None:
        """Record what makes a value that one number fills."""
        plan = value.owner
        value.slot = len(self.outputs)
        self.filled[value.slot] = plan
        self.outputs.append(value)
        self.calls.append((plan.number,))
        self.plans.append(plan)

    def _bound(self) -> None:
        """Keep the record short. A loop that never reads a value is cut where it was cut before, so that its
        programs repeat whatever the length of its body."""
        phase = tuple(call[0] for call in self.calls[-_PHASE:])
        if phase == self._phase or len(self.calls) >= HARD_LIMIT:
            self._phase = phase
            self.run()

    def run(self) -> None:
        """Compile (once) and run what is recorded."""
        with self.lock:
            self._run()

    def _run(self) -> None:
        calls = self.calls
        if not calls:
            return
        outputs, filled = self.outputs, self.filled
        alive = [slot for slot, count in enumerate(map(sys.getrefcount, outputs)) if count > _UNHELD]
        if filled:
            alive = [slot for slot in alive if slot not in filled]
            for slot, plan in filled.items():
                outputs[slot].owner = plan
        targets = [outputs[slot] for slot in alive]
        plans, inputs, floats, integers = self.plans, self.inputs, self.floats, self.integers
        where = self.device
        self._clear()
        if not targets and not any(plan.guard is not None for plan in plans):
            return
        COUNTS.records += 1
        COUNTS.operations += len(calls)
        arrays = [value.array for value in inputs]
        alone = where is CPU and all(map(_alone, inputs))
        program = executable(calls, alive, plans, arrays, floats, integers, jax_device(where), alone)
        if not (alone and program.alone):
            alone = program.alone
            for place, value in enumerate(inputs):
                if value.alone is not alone:
                    value.move(alone)
                    arrays[place] = value.array
        results = AHEAD.take(program, arrays, floats, integers)
        taken = results is not None
        if results is None:
            results = program(arrays, floats, integers)
        failed = failure(results.pop(), calls, plans) if len(results) > len(targets) else None
        references = [weakref.ref(array) for array in results]
        self.running.append(references)
        for value, array in zip(targets, results, strict=True):
            value.array = array
            value.alone = alone
        if failed is not None:
            AHEAD.forget()
            error, lost = failed
            for slot, value in zip(alive, targets, strict=True):
                if slot in lost:
                    value.array, value.owner = None, Lost(error)
            raise error
        if alone and program.compiled:
            AHEAD.go_on(program, arrays, floats, integers, references, taken)
        else:
            AHEAD.forget()

    def _execute(self, plan: Plan, values: Any, numbers: Any) -> list[Value]:
        """Compute at once: on tracers, where the program around is what is being recorded.

        64-bit tensors are as wide as JAX is set to there. Results of no_grad are constants to JAX too.
        """
        results = plan.arithmetic()(*[as_wide_as_jax(value.get()) for value in values], *numbers)
        if not MODE.enabled and plan.grad_fn not in _MOVES:
            results = [lax.stop_gradient(array) for array in results]
        return [Value(array) for array in results]


def as_wide_as_jax(array: Any) -> Any:
    """A 64-bit array as one of 32 bits, unless JAX's x64 is on."""
    kind = jax.dtypes.canonicalize_dtype(array.dtype)
    if kind == array.dtype:
        return array
    if isinstance(array, jax.core.Tracer):
        return lax.convert_element_type(array, kind)
    return jnp.asarray(np.asarray(array).astype(kind))


RECORD = Record()


def _begin_in_child() -> None:
    """What another thread held or computed, nobody would release or finish in a forked process."""
    RECORD.lock = threading.RLock()
    RECORD.running.clear()
    AHEAD.forget()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_begin_in_child)


def append(plan: Plan, values: Any, numbers: Any = ()) -> list[Value]:
    """Note one call in the current record."""
    return RECORD.append(plan, values, numbers)


def synchronize() -> None:
    """Run what is recorded, and wait for it."""
    RECORD.run()
    while RECORD.running:
        for one in RECORD.running.pop():
            array = one()
            if array is not None:
                array.block_until_ready()
    AHEAD.wait()

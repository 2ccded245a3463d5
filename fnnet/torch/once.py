"""Records that are evaluated by NumPy instead of compiled: those that are small and hardly come again.

A program whose sizes change every turn (a context that grows by a token), and whatever a program does once,
would wait for XLA each time and use its program never again. Which records are evaluated depends on counts
alone, never on clocks, so that every run of a program computes the same.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import jax
import numpy as np
from jax.extend.core import ClosedJaxpr

from fnnet.evaluation import NoRule, cost, evaluate
from fnnet.optim import RULES
from fnnet.torch.devices import placed
from fnnet.torch.settings import are_deterministic_algorithms_enabled
from fnnet.torch.statistics import COUNTS

if TYPE_CHECKING:
    from fnnet.torch.plan import Plan

Calls = list[tuple[int, ...]]

COMPILING, COMPILING_A_CALL = 20e6, 2e6
"""Nanoseconds that XLA takes for a program, and for each call in it, about."""
FIRST, HARDLY = 0.2, 1.0
"""Up to which part of that a record is evaluated: when it is new, and when records hardly come again."""
UNMET = 6
"""How many programs that were compiled and not met again show that, if they are two thirds of all as well."""
NEAR = 16
"""Within how many records a structure comes again in a loop."""
TURNS = 2
"""How often the structure of a loop is evaluated before it is compiled."""
SIGHTS = 8
"""How often another one is."""
_SEEN_LIMIT = 4096


class Evaluated:
    """What is known of evaluating one plan.

    Attributes:
        cost: nanoseconds, about; None if NumPy cannot, for want of the rule `missing`.
        guard: the arithmetic of its guard, if it has one.
    """

    __slots__ = ("cost", "guard", "missing")

    def __init__(self, plan: Plan) -> None:
        self.guard: ClosedJaxpr | None = None
        self.missing = ""
        self.cost: float | None = None
        try:
            found = cost(plan.jaxpr)
            if plan.guard is not None:
                code = plan.guard.code
                examples = [*[spec.aval for spec in plan.inputs], *[kind(1) for kind in plan.numbers]]
                with jax.enable_x64(True):
                    self.guard = jax.make_jaxpr(code)(examples, [spec.aval for spec in plan.outputs])
                found += cost(self.guard)
            self.cost = found
        except NoRule as missing:
            self.missing = str(missing)


def _of(plan: Plan) -> Evaluated:
    if plan.evaluated is None:
        plan.evaluated = Evaluated(plan)
    return plan.evaluated


def _trains(plan: Plan) -> bool:
    """Whether a plan is a derivative, one that was noted for backward, or an optimizer's step."""
    return bool(plan.kept) or plan.places is not None or plan.grad_fn in RULES or plan.grad_fn == "LBFGS"


class Sightings:
    """When which structure was seen, and so whether it is evaluated.

    What trains is taken for a turn of a loop, and compiled at once: were its first turns evaluated, a second
    training in the same process would give other last digits than the first.

    Attributes:
        paused: whether nothing is evaluated now.
        unmet, met: how many programs were compiled and not met again, and how many were; of training or not.
    """

    def __init__(self) -> None:
        self.now = 0
        self.paused = False
        self.seen: dict[Any, tuple[int, int, int]] = {}
        self.pieces: dict[Any, int] = {}
        self.unmet, self.met = {True: 0, False: 0}, {True: 0, False: 0}

    def note_compiled(self, plans: Sequence[Plan]) -> bool:
        """Count a program that was compiled; whether it trains."""
        trains = any(map(_trains, plans))
        self.unmet[trains] += 1
        return trains

    def note_met(self, trains: bool) -> None:
        """Count a program that is met for the first time after it was compiled."""
        self.unmet[trains] -= 1
        self.met[trains] += 1

    def evaluates(self, key: Any, plans: Sequence[Plan], piece: bool = False) -> bool:
        """Whether the record with this key, which is not compiled, is evaluated now.

        A piece of a long record is, whether it trains or not, until it has been seen `SIGHTS` times: those
        that belong to a step of the sequence are soon, those that belong to its length hardly ever.
        """
        if piece:
            times = self.pieces.get(key, 0)
            if times >= SIGHTS or self._compiles_all() or not self._is_cheap(plans, HARDLY):
                return False
            if len(self.pieces) >= _SEEN_LIMIT:
                del self.pieces[next(iter(self.pieces))]
            self.pieces[key] = times + 1
            return True
        self.now += 1
        times, turns, last = self.seen.pop(key, (0, 0, -NEAR))
        if self.now - last <= NEAR:
            turns += 1
        if turns >= TURNS or times >= SIGHTS:
            self.seen[key] = times, turns, self.now  # the pieces of a long record are compiled, not the whole
            return False
        if self._compiles_all():
            return False
        trains = any(map(_trains, plans))
        hardly = self.unmet[trains] >= max(UNMET, 2 * self.met[trains])
        if trains and not hardly:
            return False
        if not self._is_cheap(plans, HARDLY if hardly else FIRST):
            return False
        if len(self.seen) >= _SEEN_LIMIT:
            del self.seen[next(iter(self.seen))]
        self.seen[key] = times + 1, turns, self.now
        return True

    def _compiles_all(self) -> bool:
        return self.paused or are_deterministic_algorithms_enabled()

    def _is_cheap(self, plans: Sequence[Plan], part: float) -> bool:
        """Whether NumPy has the rules, and takes no more than this part of what compiling takes."""
        limit = part * (COMPILING + COMPILING_A_CALL * len(plans))
        for plan in plans:
            one = _of(plan).cost
            if one is None:
                COUNTS.without_rule += 1
                return False
            limit -= one
        return limit >= 0


SIGHTINGS = Sightings()


@contextmanager
def everything_compiled() -> Iterator[None]:
    """Within it the same record gives the same bits each time."""
    before, SIGHTINGS.paused = SIGHTINGS.paused, True
    try:
        yield
    finally:
        SIGHTINGS.paused = before


def evaluated(
    calls: Calls, alive: list[int], plans: list[Plan], key: Any, where: jax.Device, piece: bool = False
) -> Callable[..., list[Any]] | None:
    """The record as a function like its compiled program, computed by NumPy; None if it is to be compiled."""
    if where.platform != "cpu" or not SIGHTINGS.evaluates(key, plans, piece):
        return None
    COUNTS.evaluations += 1

    def run(arrays: list[Any], floats: list[float], integers: list[int]) -> list[Any]:
        started = time.perf_counter()
        results = _run(calls, alive, plans, arrays, floats, integers)
        arrays_there = list(placed(results, where))
        COUNTS.evaluation_seconds += time.perf_counter() - started
        return arrays_there

    return run


def _run(
    calls: Calls,
    alive: list[int],
    plans: list[Plan],
    arrays: list[Any],
    floats: list[float],
    integers: list[int],
) -> list[Any]:
    first = [0]
    for plan in plans:
        first.append(first[-1] + len(plan.outputs))
    wanted = set(alive)
    needed = []
    for at in reversed(range(len(calls))):
        plan = plans[at]
        if plan.guard is not None or any(slot in wanted for slot in range(first[at], first[at + 1])):
            wanted.update(calls[at][1:])
            needed.append(at)
    numbers_at = []
    left_floats, left_integers = iter(floats), iter(integers)
    for plan in plans:
        numbers_at.append([next(left_floats if kind is float else left_integers) for kind in plan.numbers])
    made: dict[int, Any] = {}
    codes = []
    for at in reversed(needed):
        plan = plans[at]
        arguments = [made[slot] if slot >= 0 else np.asarray(arrays[-1 - slot]) for slot in calls[at][1:]]
        arguments += numbers_at[at]
        given = arguments if plan.places is None else [arguments[place] for place in plan.places]
        results = evaluate(plan.jaxpr, given)
        guard = _of(plan).guard
        if guard is not None:
            codes += evaluate(guard, [*arguments, *results])
        made.update(enumerate(results, first[at]))
    found = [made[slot] for slot in alive]
    return [*found, np.stack(codes)] if codes else found

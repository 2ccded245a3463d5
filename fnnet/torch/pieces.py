"""Long records that hardly ever come again, run as several small programs that do.

A program over sequences of many lengths (a recurrent network step by step, an episode of an environment)
records another structure each turn, made of the same few parts. Compiling each as a whole takes seconds and
is of use once. Such a record is cut after certain operations, whatever stands before, so that equal parts of
different records are equal pieces, which the cache of programs knows.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Any
from zlib import crc32

import numpy as np

if TYPE_CHECKING:
    from fnnet.torch.plan import Plan

Calls = list[tuple[int, ...]]

LONG = 96
"""Calls of a record that is worth cutting."""
UNUSED_LIMIT = 1500
"""Calls of long programs that were compiled and not met again, from which on new long records are cut."""
PATIENCE = 6
"""How often a structure is run in pieces before it is compiled as a whole."""
_SHORTEST, _LONGEST, _ONE_IN = 4, 32, 4
_SEEN_LIMIT = 1024


@dataclass
class Piece:
    """Some calls of a record as a record of their own.

    Attributes:
        calls, wanted, plans: as `executable` takes them.
        inputs: where its inputs stand in the whole: a slot, or -1 - i for an input of the record.
        outputs: the slots of the whole that `wanted` fills.
        last: slots that no later piece reads.
        floats, integers: its part of the run-time numbers.
    """

    calls: Calls
    wanted: list[int]
    plans: list[Plan]
    inputs: list[int]
    outputs: list[int]
    last: list[int]
    floats: slice
    integers: slice

    @property
    def key(self) -> Any:
        """What its program is kept under."""
        return tuple(self.calls), tuple(self.wanted)


class Choice:
    """Whether a new long record is compiled or cut: from what has become of those before."""

    def __init__(self) -> None:
        self.unused = 0
        self.seen: dict[Any, int] = {}

    def cuts(self, key: Any, pieces: list[Piece], known: Any) -> bool:
        """Whether the record with this key is run in pieces now."""
        times = self.seen.get(key, 0)
        if times >= PATIENCE:
            return False
        fresh = {piece.key: len(piece.calls) for piece in pieces if piece.key not in known}
        total = sum(len(piece.calls) for piece in pieces)
        if not times and 2 * sum(fresh.values()) > total and self.unused < UNUSED_LIMIT:
            return False
        if len(self.seen) >= _SEEN_LIMIT:
            del self.seen[next(iter(self.seen))]
        self.seen[key] = times + 1
        return True


@cache
def _ends(name: str) -> bool:
    """Whether a piece ends with an operation of this name: one name in four, the same in every run."""
    return crc32(name.encode()) % _ONE_IN == 0


def _cuts(plans: list[Plan]) -> Iterator[tuple[int, int]]:
    """Beginnings and ends of the pieces."""
    begin = 0
    for end, plan in enumerate(plans, 1):
        length = end - begin
        if length >= _LONGEST or end == len(plans) or (length >= _SHORTEST and _ends(plan.grad_fn)):
            yield begin, end
            begin = end


def cut(calls: Calls, alive: list[int], plans: list[Plan]) -> list[Piece]:
    """The pieces of a record, in order."""
    first = [0]
    for plan in plans:
        first.append(first[-1] + len(plan.outputs))
    used = [-1] * first[-1]
    for at, call in enumerate(calls):
        for slot in call[1:]:
            if slot >= 0:
                used[slot] = at
    for slot in alive:
        used[slot] = len(calls)
    pieces = []
    floats = integers = 0
    for begin, end in _cuts(plans):
        start, stop = first[begin], first[end]
        places: dict[int, int] = {}
        own: Calls = []
        for call in calls[begin:end]:
            slots = [
                slot - start if slot >= start else -1 - places.setdefault(slot, len(places))
                for slot in call[1:]
            ]
            own.append((call[0], *slots))
        outputs = [slot for slot in range(start, stop) if used[slot] >= end]
        here = plans[begin:end]
        kinds = [kind for plan in here for kind in plan.numbers]
        ends = floats + kinds.count(float), integers + len(kinds) - kinds.count(float)
        last = [slot for slot in places if slot >= 0 and used[slot] < end]
        pieces.append(
            Piece(own, [slot - start for slot in outputs], here, list(places), outputs, last,
                  slice(floats, ends[0]), slice(integers, ends[1]))
        )  # fmt: skip
        floats, integers = ends
    return pieces


def in_pieces(
    pieces: list[Piece], alive: list[int], program_of: Callable[..., Any], where: Any
) -> Callable[..., Any]:
    """A function as the program of the whole record, which runs its pieces one after the other."""

    def run(arrays: list[Any], floats: list[float], integers: list[int]) -> list[Any]:
        made: dict[int, Any] = {}
        codes = []
        for piece in pieces:
            given = [made[slot] if slot >= 0 else arrays[-1 - slot] for slot in piece.inputs]
            numbers = floats[piece.floats], integers[piece.integers]
            if piece.wanted or any(plan.guard is not None for plan in piece.plans):
                program = program_of(piece.calls, piece.wanted, piece.plans, given, *numbers, where)
                results = list(program(given, *numbers))
                if len(results) > len(piece.wanted):
                    codes.append(np.asarray(results.pop()))
                made.update(zip(piece.outputs, results, strict=True))
            for slot in piece.last:
                del made[slot]
        wanted = [made[slot] for slot in alive]
        return [*wanted, np.concatenate(codes)] if codes else wanted

    return run

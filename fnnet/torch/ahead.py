"""Programs of a loop are begun before Python has recorded them.

Where a program has followed the same programs several times, fed from their inputs and results in the same
way, it is started as soon as they are, and computes while Python records the turn that asks for it. Its
results are taken if the record turns out to be that program with those very arrays and numbers, and are
dropped otherwise: programs are pure, so nobody can tell but by the clock. Counts decide, never clocks.
"""

from __future__ import annotations

import weakref
from array import array
from collections import deque
from collections.abc import Callable
from operator import is_, sub
from typing import Any

import jax

from fnnet.torch.statistics import COUNTS

Program = Callable[[list[Any], list[float], list[int]], list[Any]]
References = list[weakref.ref[jax.Array]]

SURE = 3
"""How often what is expected has come before it is begun."""
_MOST, _WRONG = 8, 4
"""What that count is at most, and how much is taken from it when something else comes."""
_TURNS = 3
"""How many programs back the inputs of a program may come from, and which decide what is expected."""
_PATIENCE = 16
"""After how many inputs from nowhere in a row a program is looked at one time in so many only."""
_GREATEST = 2**63 - 1
"""What programs take: a sequence of integers may end there."""
_LIMIT = 512
"""For how many sequences of programs it is remembered what followed."""


class _Next:
    """What followed a sequence of programs.

    Attributes:
        places: where each input was: how many programs ago, and which of that program's inputs and results.
        floats, integers: its run-time numbers.
        steps: what the integers grow by: since the last time, or, if `again`, since the same program before.
        odd: what they grew by last.
        seen: how often it came as expected, less what was taken for what did not.
    """

    __slots__ = ("again", "floats", "integers", "odd", "places", "program", "seen", "steps")

    def __init__(self, program: Program, places: list[tuple[int, int]], again: bool) -> None:
        self.program = program
        self.places = places
        self.again = again
        self.floats: list[float] = []
        self.integers: list[int] = []
        self.steps: list[int] = []
        self.odd: list[int] = []
        self.seen = 0

    def expected(self, before: list[int]) -> list[int]:
        """The integers that come next, those of the program before being given."""
        since = before if self.again else self.integers
        return list(map(int.__add__, since, self.steps)) if self.steps else self.integers

    def note(self, floats: list[float], integers: list[int], before: list[int]) -> None:
        """The numbers that came."""
        since = before if self.again else self.integers
        steps = list(map(sub, integers, since)) if len(since) == len(integers) else []
        if not self.steps or steps == self.odd:  # once is where an epoch begins again
            self.steps = steps
        self.odd = steps
        self.floats, self.integers = floats, integers


class Ahead:
    """The programs that were run last, what is expected to follow, and the program that is begun already.

    Attributes:
        latest: the inputs and results of the latest programs, the last first.
        sequence: these programs.
        integers: the run-time integers of the last.
        following: what followed a sequence, or a sequence whose last had these integers.
        key: under which of the two what follows now is looked up.
        strange: how often programs had inputs that were nowhere before: batches that a loader makes, say.
        begun: a program that was started, its inputs and numbers, and its results.
    """

    def __init__(self) -> None:
        self.latest: deque[References] = deque(maxlen=_TURNS)
        self.sequence: tuple[Program, ...] = ()
        self.integers: list[int] = []
        self.key: Any = ()
        self.following: dict[Any, _Next] = {}
        self.strange: dict[Program, int] = {}
        self.begun: tuple[Program, list[Any], array[float], list[int], list[Any]] | None = None

    def forget(self) -> None:
        """What comes next follows on nothing."""
        self.latest.clear()
        self.sequence = ()
        self.begun = None

    def wait(self) -> None:
        """Wait for what is begun: a process may be forked now, and threads are not there afterwards."""
        begun = self.begun
        if begun is not None:
            jax.block_until_ready(begun[-1])

    def take(
        self, program: Program, arrays: list[Any], floats: list[float], integers: list[int]
    ) -> list[Any] | None:
        """The results of this program, if it was begun with these inputs."""
        begun, self.begun = self.begun, None
        if begun is None:
            return None
        if (
            begun[0] is program
            and begun[2].tobytes() == array("d", floats).tobytes()  # which tells -0.0 from 0.0
            and begun[3] == integers
            and all(map(is_, begun[1], arrays))
        ):
            COUNTS.ahead += 1
            return begun[4]
        COUNTS.in_vain += 1
        return None

    def go_on(
        self,
        program: Program,
        arrays: list[Any],
        floats: list[float],
        integers: list[int],
        results: References,
        taken: bool,
    ) -> None:
        """A program was started, or its results were `taken`: begin what is expected to follow it."""
        latest = self.latest
        if latest:
            self._learn(program, arrays, floats, integers, taken)
        latest.appendleft([*map(weakref.ref, arrays), *results])
        self.sequence = sequence = (program, *self.sequence[: _TURNS - 1])
        self.integers = integers
        self.key = key = (sequence, tuple(integers))
        coming = self.following.get(key)
        if coming is None:
            self.key = sequence
            coming = self.following.get(sequence)
        if coming is None or coming.seen < SURE:
            return
        given = [latest[age][index]() for age, index in coming.places]
        if any(one is None for one in given):
            return
        floats, integers = coming.floats, coming.expected(integers)
        if any(abs(one) > _GREATEST for one in integers):
            return
        self.begun = (
            coming.program,
            given,
            array("d", floats),
            integers,
            coming.program(given, floats, integers),
        )

    def _learn(
        self, program: Program, arrays: list[Any], floats: list[float], integers: list[int], taken: bool
    ) -> None:
        key, before = self.key, self.integers
        known = self.following.get(key)
        if known is not None and taken:
            known.seen = min(known.seen + 1, _MOST)
            known.note(floats, integers, before)
            return
        strange = self.strange.pop(program, 0)
        if strange >= _PATIENCE and strange % _PATIENCE:
            self.strange[program] = strange + 1
            return
        places = self._places(arrays)
        if places is None:
            self.strange[program] = strange + 1
            if len(self.strange) > _LIMIT:
                del self.strange[next(iter(self.strange))]
        if known is not None:
            alike = known.program is program and known.places == places
            if alike and known.floats == floats and known.expected(before) == integers:
                known.seen += 1
            else:
                known.seen -= _WRONG
                if key is self.sequence and before:  # the numbers may tell, as at the end of an epoch
                    self._add((key, tuple(before)), program, places, floats, integers)
            if alike:
                known.seen = max(known.seen, 0)
                known.note(floats, integers, before)
            elif known.seen < 0:
                del self.following[key]
                self._add(key, program, places, floats, integers)
        else:
            self._add(key, program, places, floats, integers)

    def _add(
        self,
        key: Any,
        program: Program,
        places: list[tuple[int, int]] | None,
        floats: list[float],
        integers: list[int],
    ) -> None:
        if places is None:
            return
        if len(self.following) >= _LIMIT:
            del self.following[next(iter(self.following))]
        self.following[key] = following = _Next(program, places, self.sequence[0] is program)
        following.note(floats, integers, self.integers)

    def _places(self, arrays: list[Any]) -> list[tuple[int, int]] | None:
        """Where the arrays were among the inputs and results of the latest programs; None if one was not."""
        found: dict[int, tuple[int, int]] = {}
        for age in reversed(range(len(self.latest))):
            for index, reference in enumerate(self.latest[age]):
                found[id(reference())] = age, index
        places = [found.get(id(one)) for one in arrays]
        return None if None in places else places  # type: ignore[return-value]


AHEAD = Ahead()

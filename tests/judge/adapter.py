"""op_db put to fnnet.torch: every way to call an operation, and all that one can see of the result."""

from __future__ import annotations

import re
import warnings
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

from judge.adapter_left_out import ADAPTER, ADAPTER_DIFFERENCES
from judge.operations import every_entry, full_label
from judge.sides import Probe, Seen, Side, differences, look, value_difference, where
from judge.tally import Tally
from judge.variants import VARIANTS

MET: set[str] = set()
"""The known differences that were met."""

READ_AT = 250
"""So many values are read from one program."""


UP_TO_A_PHASE = {
    "linalg.eig": (2, {1}),
    "linalg.eigh": (2, {1}),
    "linalg.svd": (3, {0, 2}),
    "svd": (3, {0, 2}),
}
"""How many results there are, and which of them are vectors that are determined up to a phase alone."""


@dataclass
class _Waiting:
    tally: Tally
    probe: Probe
    entry: Any
    text: str
    mine: Any
    theirs: Any
    absolute: bool


def exclusions() -> dict[str, str]:
    """What is left out, by name, with the reason."""
    return ADAPTER | ADAPTER_DIFFERENCES


def left_out(entry: Any) -> str | None:
    """Why an entry is not put to the adapter; None if it is."""
    for name in (full_label(entry), entry.name, entry.name.partition(".")[0] + ".*"):
        if name in ADAPTER:
            return ADAPTER[name]
    return None


def entries(names: list[str] | None = None) -> Iterator[Any]:
    """The entries in scope; `a..b` names a range in the order of op_db's names."""
    for entry in every_entry():
        if left_out(entry) is None and (not names or any(_means(name, entry) for name in names)):
            yield entry


def _means(name: str, entry: Any) -> bool:
    first, dots, last = name.partition("..")
    if dots:
        return first <= entry.name <= last + "\uffff"
    return name in (entry.name, entry.name.rpartition(".")[2], full_label(entry))


class Sweep:
    """Puts probes to both sides and compares, the values of many at once."""

    def __init__(self, values: bool = True) -> None:
        from fnnet.torch import executable
        from fnnet.torch.record import RECORD

        self.record = RECORD
        executable._OPTIONS["xla_backend_optimization_level"] = 0  # each program runs once
        self.mine = Side("fnnet.torch")
        self.theirs = Side("torch")
        self.waiting: list[_Waiting] = []
        self.values = values

    def put(self, tally: Tally, variant: str, entry: Any, probe: Probe) -> None:
        """Do one probe on both sides and note what differs."""
        tally.total += 1
        text = f"{probe.label}: {where(probe)}"
        theirs = look(self.theirs, probe)
        if self.values and theirs.error is not None:
            self.record.run()  # what may fail shall not take along what waits to be read
        if not self.values:
            self.record._clear()  # what is never read shall not fail in the next probe
        mine = look(self.mine, probe)
        if theirs.error is not None and mine.error is None:
            try:
                self.record.run()  # errors that depend on values come with them
            except Exception as error:
                mine.error = error
        found = list(differences(probe, mine, theirs))
        if not found and theirs.error is None and mine.error is None and probe.values and self.values:
            self._later(tally, entry, probe, text, mine, theirs)
        tally.problems += [f"{text}: {one}" for one in found if not known(entry, probe, one)]

    def _later(self, tally: Tally, entry: Any, probe: Probe, text: str, mine: Seen, theirs: Seen) -> None:
        count, vectors = UP_TO_A_PHASE.get(entry.name, (1, set()))
        for i, (a, b) in enumerate(zip(mine.leaves, theirs.leaves, strict=True)):
            if theirs.properties[i] is not None:
                self.waiting.append(_Waiting(tally, probe, entry, text, a, b, i % count in vectors))
        if len(self.waiting) > READ_AT:
            self.read()

    def read(self) -> None:
        """Read all values that wait."""
        waiting, self.waiting = self.waiting, []
        for one in waiting:
            try:
                found = value_difference(one.mine, one.theirs, one.probe.tolerances, one.absolute)
            except Exception as error:
                found = f"reading: {type(error).__name__}: {error}"[:300]
            if found and not known(one.entry, one.probe, found):
                one.tally.problems.append(f"{one.text}: {found}")


def known(entry: Any, probe: Probe, problem: str) -> bool:
    """Whether the table of known differences has this one: by entry, and by label or property if it says."""
    found = re.match(r"\[\d+\]\.(\w+)", problem)
    property = found.group(1) if found else "values" if problem.startswith("values") else "structure"
    words = (probe.label, probe.label.split()[0], {"contiguous": "strides"}.get(property, property))
    names = (entry.name, full_label(entry), entry.name.partition(".")[0] + ".*", "*")
    keys = [f"{name}: {word}" for name in names for word in words]
    met = [key for key in keys if key in ADAPTER_DIFFERENCES]
    MET.update(met)
    return bool(met)


def agreed(chosen: Iterable[Any]) -> list[str]:
    """What the table of known differences says of these entries, and no probe has met."""
    names = {name for entry in chosen for name in (entry.name, full_label(entry))}
    return [key for key in ADAPTER_DIFFERENCES if key not in MET and key.partition(": ")[0] in names]


def run(chosen: Iterable[Any], variants: list[str], count: int, values: bool = True) -> Iterator[Tally]:
    """A tally of each entry, of these variants, by up to `count` samples; `values` says whether to read."""
    sweep = Sweep(values)
    done: list[Tally] = []
    for entry in chosen:
        tally = Tally(full_label(entry))
        done.append(tally)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            for variant in variants or list(VARIANTS):
                try:
                    for probe in VARIANTS[variant](entry, count):
                        sweep.put(tally, variant, entry, probe)
                except Exception as error:
                    tally.problems.append(
                        f"{variant}: the judge failed: {type(error).__name__}: {error}"[:300]
                    )
        if not sweep.waiting or len(done) >= 40:
            sweep.read()
        if not sweep.waiting:
            yield from finished(done)
            done.clear()
    sweep.read()
    yield from finished(done)


def finished(tallies: list[Tally]) -> Iterator[Tally]:
    """The tallies with what agreed counted."""
    for tally in tallies:
        tally.problems = list(dict.fromkeys(tally.problems))
        bad = {one.split(": ", 1)[0] for one in tally.problems}
        tally.within = max(0, tally.total - max(len(tally.problems), len(bad)))
        yield tally

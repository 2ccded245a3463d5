"""Losses that a loop reads after the step are computed by a program of their own.

A record that `optimizer.step()` ends gives all its results when the last is there, so a loop that reads its
loss after the step would wait for the gradients and the update too. If the losses of such a loop are read
more often than not, the record is run where backward begins: the loss comes early, and the rest is computed
while Python records the next turn. Counts decide, never clocks: a program computes the same in every run.
"""

from __future__ import annotations

from typing import Any

from fnnet.torch.record import RECORD, Value

READS = 4
"""How many more losses of a loop must have been read late than not."""
_LONG = 100
"""From how many calls on a forward pass computes much longer than Python records: nothing is gained."""
_KINDS = 256
"""How many kinds of loops are remembered."""


class Losses:
    """For each kind of forward pass how often its loss was read late, less how often it was not.

    Late is after backward began. Threads may lose a count to one another, no more.
    """

    def __init__(self) -> None:
        self.reads: dict[Any, int] = {}
        self.latest: tuple[Any, Value] | None = None

    def begin(self, value: Value | None) -> None:
        """Backward begins at a loss: run the record now if such losses are read later."""
        latest, self.latest = self.latest, None
        if latest is not None:
            self._count(latest[0], -1)
        calls = RECORD.calls
        if value is None or value.owner is not RECORD.generation or len(calls) > _LONG:
            return
        kind = (len(calls), value.slot, calls[0][0], calls[-1])
        self.latest = kind, value
        if self.reads.get(kind, 0) >= READS:
            RECORD.run()

    def note(self, value: Value) -> None:
        """A value is read."""
        latest = self.latest
        if latest is not None and latest[1] is value:
            self.latest = None
            self._count(latest[0], 1)

    def _count(self, kind: Any, change: int) -> None:
        reads = min(self.reads.pop(kind, 0) + change, 2 * READS)
        if reads > 0:
            self.reads[kind] = reads
            if len(self.reads) > _KINDS:
                self.reads.pop(next(iter(self.reads)), None)


LOSSES = Losses()

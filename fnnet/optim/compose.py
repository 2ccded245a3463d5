"""Schedules made of schedules: one after the other, and several at once (torch.optim.lr_scheduler)."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from typing import Any

from fnnet.optim.schedule import Reals, Schedule


def _check(name: str, schedules: Sequence[Schedule]) -> None:
    if len(schedules) < 1:
        raise ValueError(f"{name} expects at least one scheduler, but got no scheduler.")
    for index, schedule in enumerate(schedules):
        if not isinstance(schedule, Schedule):
            raise TypeError(f"{name}: expected schedules, got {type(schedule).__name__} at index {index}")


def sequential_lr(schedules: Sequence[Schedule], milestones: Sequence[int]) -> Schedule:
    """One schedule after the other: from `milestones[i]` on the next one, counting from 0 again.

    As in PyTorch, a `multiplicative_lr` that is not the first goes on from the rate of the step before.

    Raises:
        ValueError: no schedules, or not one milestone fewer than schedules.
    """
    _check("SequentialLR", schedules)
    if len(milestones) != len(schedules) - 1:
        raise ValueError(
            "Sequential Schedulers expects number of schedulers provided to be one more than the number of "
            f"milestone points, but got {len(schedules)} schedulers and {len(milestones)} milestones"
        )
    if any(b <= a for a, b in pairwise(milestones)):
        raise ValueError(f"SequentialLR: milestones: expected in increasing order, got {list(milestones)}")
    starts = [0, *milestones]

    def closed(t: Any, m: Reals) -> Any:
        value: Any = None
        last: Any = None
        for index, (schedule, start) in enumerate(zip(schedules, starts, strict=True)):
            length = starts[index + 1] - start if index + 1 < len(schedules) else None
            local = m.np.clip(t - start, 0, None if length is None else length - 1)
            here = schedule.resume(last, local, m) if index else schedule.closed(local, m)
            value = here if value is None else m.np.where(t >= start, here, value)
            if length is not None:
                before = m.np.asarray(length - 1)
                last = schedule.resume(last, before, m) if index else schedule.closed(before, m)
        return value

    def advance(t: Any, lr: Any, m: Reals) -> Any:
        value: Any = None
        for schedule, start in zip(schedules, starts, strict=True):
            local = t - start
            onward = schedule.advance(m.np.maximum(local, 1), lr, m)
            here = onward if start == 0 else m.np.where(local == 0, schedule.resume(lr, local * 0, m), onward)
            value = here if value is None else m.np.where(local >= 0, here, value)
        return value

    first = schedules[0]
    return Schedule.of(first.base, schedules, closed=closed, advance=advance, begin=first.begin)


def chained(schedules: Sequence[Schedule]) -> Schedule:
    """Several schedules at once (ChainedScheduler): each in turn changes the rate left by the one before.

    Schedules that multiply give the product of their factors. One that PyTorch computes from the base rate at
    every step (lambda_lr, warm restarts, cyclic, one-cycle) undoes what others did before it, and of those
    after it only the factor of the present step remains. A cosine, or a sequence, in the chain has no closed
    form: the steps from 0 on are then run at each call.

    Raises:
        ValueError: no schedules, or ones that multiply but start from different rates.
    """
    _check("ChainedScheduler", schedules)
    bases = {s.base for s in schedules if s.known and not s.absolute}
    if len(bases) > 1:
        raise ValueError(f"ChainedScheduler: expected schedules of the same initial lr, got {sorted(bases)}")
    first = schedules[0]

    def begin(lr: Any, m: Reals) -> Any:
        for schedule in schedules:
            lr = schedule.begin(lr, m)
        return lr

    def advance(t: Any, lr: Any, m: Reals) -> Any:
        for schedule in schedules:
            lr = schedule.advance(t, lr, m)
        return lr

    if all(s.factor is not None for s in schedules):

        def factor(t: Any, m: Reals) -> Any:
            value: Any = 1.0
            for schedule in schedules:
                assert schedule.factor is not None
                value = value * schedule.factor(t, m)
            return value

        return Schedule.of(first.base, schedules, factor=factor, advance=advance, begin=begin)

    def closed(t: Any, m: Reals) -> Any:
        if any(s.absolute for s in schedules):
            at_zero = m.real(begin(first.base, m))
            return m.np.where(t == 0, at_zero, advance(m.np.maximum(t, 1), at_zero, m))
        return m.loop(1, t + 1, lambda i, lr: advance(i, lr, m), begin(first.base, m))

    return Schedule.of(first.base, schedules, closed=closed, advance=advance, begin=begin)

"""Schedules that go up and down: cosine annealing, with and without restarts, cyclic, one-cycle."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np

from fnnet.optim.schedule import Reals, Schedule

_LAST_STEP = 2**31 - 1


def cosine_annealing_lr(lr: Any, T_max: int, eta_min: Any = 0.0) -> Schedule:
    """Half a cosine from lr down to `eta_min` in `T_max` steps, and up again."""

    def closed(t: Any, m: Reals) -> Any:
        return eta_min + (lr - eta_min) * m.half_cosine(t, T_max)

    def advance(t: Any, rate: Any, m: Reals) -> Any:
        # Where the rate before is eta_min, PyTorch starts afresh from the base.
        turn = m.np.mod(t - 1 - T_max, 2 * T_max) == 0
        before = m.np.where(turn, 1.0, m.half_cosine(t - 1, T_max))
        onward = m.half_cosine(t, T_max) / before * (rate - eta_min) + eta_min
        return m.np.where(turn, rate + (lr - eta_min) * m.half_cosine(T_max - 1, T_max), onward)

    return Schedule(lr, eta_min, closed=closed, advance=advance)


def require_lengths(T_0: int, T_mult: int) -> None:
    """Raise ValueError unless both are positive ints."""
    if T_0 <= 0 or not isinstance(T_0, int):
        raise ValueError(f"Expected positive integer T_0, but got {T_0}")
    if T_mult < 1 or not isinstance(T_mult, int):
        raise ValueError(f"Expected integer T_mult >= 1, but got {T_mult}")


def cosine_annealing_warm_restarts(lr: Any, T_0: int, T_mult: int = 1, eta_min: Any = 0.0) -> Schedule:
    """Half a cosine from lr to `eta_min` in T_0 steps, then again from lr in T_0 * T_mult steps, and so on.

    Raises:
        ValueError: T_0 or T_mult not a positive int.
    """
    require_lengths(T_0, T_mult)
    starts, lengths = [0], [T_0]
    while T_mult > 1 and starts[-1] + lengths[-1] < _LAST_STEP:
        starts.append(starts[-1] + lengths[-1])
        lengths.append(min(lengths[-1] * T_mult, _LAST_STEP))

    def closed(t: Any, m: Reals) -> Any:
        if T_mult == 1:
            now, length = m.np.mod(t, T_0), T_0
        else:
            run = m.passed(t, starts) - 1
            now = t - m.np.asarray(starts, m.np.asarray(t).dtype)[run]
            length = m.real(m.np.asarray(lengths))[run]
        left = m.real(length - m.real(now))
        return eta_min + (lr - eta_min) * m.np.square(m.np.sin(left * (np.pi / 2) / length))

    return Schedule(lr, eta_min, closed=closed)


def cyclic_lr(
    base_lr: Any,
    max_lr: Any,
    step_size_up: float = 2000,
    step_size_down: float | None = None,
    mode: str = "triangular",
    gamma: Any = 1.0,
    scale_fn: Callable[[Any], Any] | None = None,
    scale_mode: str = "cycle",
    cycle_momentum: bool = True,
    base_momentum: Any = 0.8,
    max_momentum: Any = 0.9,
) -> Schedule:
    """Straight up from `base_lr` to `max_lr` and down again, over and over, the height scaled by `mode`.

    `scale_fn` is given the number of the cycle (from 1), or of the step if `scale_mode` is "iterations". The
    momentum, from `max_momentum` down and up again, is the schedule `.momentum` of the result.

    Raises:
        ValueError: an unknown mode without scale_fn.
    """
    if mode not in ("triangular", "triangular2", "exp_range") and scale_fn is None:
        raise ValueError(f"mode is invalid and scale_fn is None: got mode {mode!r}")
    up = float(step_size_up)
    total = up + (up if step_size_down is None else float(step_size_down))
    by_step = scale_mode != "cycle" if scale_fn is not None else mode == "exp_range"

    def height(t: Any, m: Reals) -> Any:
        real = m.real(t)
        now = m.np.mod(real, total)
        share = m.np.where(now <= up, now / up, (total - now) / (total - up))
        if scale_fn is None and mode == "triangular":
            return share
        moment = t if by_step else m.np.floor(real / total) + 1
        if scale_fn is not None:
            return share * m.ask(scale_fn, moment)
        return share * (m.power(gamma, moment) if by_step else m.np.exp2(1 - moment))

    momentum = Schedule(
        max_momentum,
        *(base_momentum, gamma),
        closed=lambda t, m: max_momentum - (max_momentum - base_momentum) * height(t, m),
    )
    return Schedule(
        base_lr,
        *(max_lr, gamma),
        closed=lambda t, m: base_lr + (max_lr - base_lr) * height(t, m),
        momentum=momentum if cycle_momentum else None,
    )


def require_cycle(
    total_steps: int | None,
    epochs: int | None,
    steps_per_epoch: int | None,
    pct_start: float,
    anneal_strategy: str,
) -> int:
    """The steps of one cycle. Raises ValueError for numbers and words that `one_cycle_lr` does not take."""
    if total_steps is not None:
        counts = {"total_steps": total_steps}
    elif epochs is not None and steps_per_epoch is not None:
        counts = {"epochs": epochs, "steps_per_epoch": steps_per_epoch}
    else:
        raise ValueError("You must define either total_steps OR (epochs AND steps_per_epoch)")
    for name, value in counts.items():
        if value <= 0 or not isinstance(value, int):
            raise ValueError(f"Expected positive integer {name}, but got {value}")
    if pct_start < 0 or pct_start > 1 or not isinstance(pct_start, float):
        raise ValueError(f"Expected float between 0 and 1 pct_start, but got {pct_start}")
    if anneal_strategy not in ("cos", "linear"):
        raise ValueError(f"anneal_strategy must be one of 'cos' or 'linear', instead got {anneal_strategy}")
    return math.prod(counts.values())


def one_cycle_lr(
    max_lr: Any,
    total_steps: int | None = None,
    epochs: int | None = None,
    steps_per_epoch: int | None = None,
    pct_start: float = 0.3,
    anneal_strategy: str = "cos",
    cycle_momentum: bool = True,
    base_momentum: Any = 0.85,
    max_momentum: Any = 0.95,
    div_factor: Any = 25.0,
    final_div_factor: Any = 1e4,
    three_phase: bool = False,
) -> Schedule:
    """From max_lr / div_factor up to `max_lr` and down to that / final_div_factor, in `total_steps` steps.

    The momentum that goes with it is the schedule `.momentum` of the result.

    Raises:
        ValueError: sizes that are not positive ints, `pct_start` outside [0, 1], an unknown strategy; and, as
            in PyTorch, a known step beyond `total_steps`. A traced step beyond it gives NaN, as tracing
            cannot raise.
        ZeroDivisionError: `pct_start * total_steps` is 1, so that the first phase has no length.
    """
    total = require_cycle(total_steps, epochs, steps_per_epoch, pct_start, anneal_strategy)
    if pct_start * total == 1:
        raise ZeroDivisionError(
            f"one_cycle_lr: pct_start * total_steps is 1 ({pct_start} * {total}): no first phase"
        )
    first = max_lr / div_factor
    ends = [pct_start * total - 1, total - 1]
    rates = [first, max_lr, first / final_div_factor]
    momenta = [max_momentum, base_momentum, max_momentum]
    if three_phase:
        ends.insert(1, 2 * pct_start * total - 2)
        rates.insert(2, first)
        momenta.append(max_momentum)

    def through(points: list[Any]) -> Callable[[Any, Reals], Any]:
        def closed(t: Any, m: Reals) -> Any:
            if m.exact and np.any(np.asarray(t) > total):
                raise ValueError(f"Tried to step {t} times. The specified number of total steps is {total}")
            value: Any = None
            for index in reversed(range(len(ends))):
                start, end = (ends[index - 1] if index else 0.0), ends[index]
                share = (m.real(t) - start) / ((end - start) or 1.0)
                if anneal_strategy == "cos":
                    back = m.np.square(m.np.sin((1 - share) * (np.pi / 2)))
                    here = points[index + 1] + (points[index] - points[index + 1]) * back
                else:
                    here = (points[index + 1] - points[index]) * share + points[index]
                value = here if value is None else m.np.where(m.real(t) <= end, here, value)
            return value if m.exact else m.np.where(m.real(t) <= total, value, m.np.nan)

        return closed

    hypers = (div_factor, final_div_factor, max_lr)
    momentum = Schedule(max_momentum, base_momentum, closed=through(momenta))
    return Schedule(first, *hypers, closed=through(rates), momentum=momentum if cycle_momentum else None)

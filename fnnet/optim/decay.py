"""Schedules that multiply the learning rate by a factor of the step (torch.optim.lr_scheduler).

Each takes the learning rate that PyTorch's optimizer has when the scheduler is made, then PyTorch's
arguments.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from fnnet.optim.schedule import Reals, Schedule


def step_lr(lr: Any, step_size: int, gamma: Any = 0.1) -> Schedule:
    """Times gamma every `step_size` steps."""
    if step_size < 1:
        raise ValueError(f"step_lr: step_size: expected at least 1, got {step_size}")
    return Schedule(lr, gamma, factor=lambda t, m: m.power(gamma, t // step_size))


def multi_step_lr(lr: Any, milestones: Iterable[int], gamma: Any = 0.1) -> Schedule:
    """Times gamma at each of the milestones; twice at one that is given twice."""
    marks = sorted(milestones)

    return Schedule(lr, gamma, factor=lambda t, m: m.power(gamma, m.passed(t, marks)))


def constant_lr(lr: Any, factor: Any = 1.0 / 3, total_iters: int = 5) -> Schedule:
    """Times `factor` until step `total_iters`; for ever if that is 0.

    Raises:
        ValueError: a factor outside [0, 1].
    """
    if isinstance(factor, int | float) and not 0 <= factor <= 1:
        raise ValueError(f"Constant multiplicative factor expected to be between 0 and 1, got {factor}.")
    return Schedule(
        lr,
        factor,
        factor=lambda t, m: m.np.where((t >= total_iters) & (total_iters > 0), 1.0, m.real(factor)),
    )


def linear_lr(lr: Any, start_factor: Any = 1.0 / 3, end_factor: Any = 1.0, total_iters: int = 5) -> Schedule:
    """Times a factor that goes from `start_factor` straight to `end_factor` in `total_iters` steps.

    Raises:
        ValueError: a start outside (0, 1], an end outside [0, 1].
    """
    if isinstance(start_factor, int | float) and not 0 < start_factor <= 1:
        raise ValueError(
            "Starting multiplicative factor expected to be greater than 0 and less or equal to 1, "
            f"got {start_factor}."
        )
    if isinstance(end_factor, int | float) and not 0 <= end_factor <= 1:
        raise ValueError(f"Ending multiplicative factor expected to be between 0 and 1, got {end_factor}.")

    def factor(t: Any, m: Reals) -> Any:
        return start_factor + (end_factor - start_factor) * m.real(m.np.minimum(t, total_iters)) / total_iters

    return Schedule(lr, start_factor, end_factor, factor=factor)


def exponential_lr(lr: Any, gamma: Any) -> Schedule:
    """Times gamma at every step."""
    return Schedule(lr, gamma, factor=lambda t, m: m.power(gamma, t))


def polynomial_lr(lr: Any, total_iters: int = 5, power: Any = 1.0) -> Schedule:
    """Times (1 - t / total_iters) ** power, 0 from there on."""

    def factor(t: Any, m: Reals) -> Any:
        left = m.real(total_iters - m.np.minimum(t, total_iters)) / total_iters
        return m.np.power(left, m.real(power))

    return Schedule(lr, power, factor=factor)


def lambda_lr(lr: Any, lr_lambda: Callable[[Any], Any]) -> Schedule:
    """Times lr_lambda(t); a traced step asks for a function that JAX can trace."""
    if not callable(lr_lambda):
        raise TypeError(f"lr_lambda should be a function, but got {type(lr_lambda).__name__}")
    return Schedule(lr, closed=lambda t, m: lr * m.ask(lr_lambda, t))


def multiplicative_lr(lr: Any, lr_lambda: Callable[[Any], Any]) -> Schedule:
    """Times lr_lambda(1) * ... * lr_lambda(t): a loop of t turns at each step, as no closed form is known."""
    if not callable(lr_lambda):
        raise TypeError(f"lr_lambda should be a function, but got {type(lr_lambda).__name__}")

    def factor(t: Any, m: Reals) -> Any:
        return m.loop(1, t + 1, lambda i, value: value * m.ask(lr_lambda, i), 1.0)

    def resume(rate: Any, t: Any, m: Reals) -> Any:
        return rate * m.ask(lr_lambda, 0) * factor(t, m)

    return Schedule(lr, factor=factor, advance=lambda t, rate, m: rate * m.ask(lr_lambda, t), resume=resume)

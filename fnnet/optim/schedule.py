"""What a schedule is: a learning rate as a pure function of the number of steps taken.

    lr = exponential_lr(0.1, gamma=0.9)
    lr(3)                    # 0.0729, in double precision
    optimizer = sgd(lr)      # asks lr(0) at the first update, lr(1) at the second ...

`lr(t)` is what torch.optim.lr_scheduler has set after t calls of its `step()`. A Python int or a NumPy array
of steps is computed in double precision by NumPy and agrees with PyTorch's value to about 1e-12; a JAX array,
traced or not, in JAX's default floating dtype. The schedules are closed forms: PyTorch's chainable form
multiplies step by step and gathers rounding errors, and the two differ by these alone.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from fnnet.optim.arithmetic import is_known, power, scalar_dtype


class Reals:
    """The arithmetic of a schedule: NumPy's in double precision for known steps, JAX's for arrays of JAX."""

    def __init__(self, exact: bool) -> None:
        self.exact = exact
        self.np: Any = np if exact else jnp

    def real(self, x: Any) -> Any:
        """X as a floating-point number."""
        return np.asarray(x, np.float64) if self.exact else jnp.asarray(x).astype(scalar_dtype())

    def power(self, base: Any, exponent: Any) -> Any:
        """Base ** exponent, the exponent from a step count."""
        if self.exact:
            return np.power(float(base), self.real(exponent))
        return power(base, self.real(exponent))

    def half_cosine(self, t: Any, period: Any) -> Any:
        """(1 + cos(pi t / period)) / 2, as a sine of what is left to the next zero: exact there, at any t."""
        left = period - self.np.mod(t, 2 * period)
        return self.np.square(self.np.sin(self.real(left) * (math.pi / 2) / period))

    def passed(self, t: Any, marks: Any) -> Any:
        """How many of the marks are at or before t."""
        t = self.np.asarray(t)
        return self.np.sum(t[..., None] >= self.np.asarray(marks, t.dtype), axis=-1)

    def ask(self, function: Callable[[Any], Any], t: Any) -> Any:
        """What a user's function gives for a step; it may mix integers and floats, as it does in PyTorch."""
        with jax.numpy_dtype_promotion("standard"):
            return self.real(function(t))

    def loop(self, start: Any, stop: Any, body: Callable[[Any, Any], Any], value: Any) -> Any:
        """Value after body(t, value) for t from start up to, not including, stop."""
        if not self.exact:
            stop = jnp.asarray(stop)
            begin = jnp.asarray(start).astype(stop.dtype)
            many = jnp.ndim(stop) > 0

            def run(end: Any) -> Any:
                return jax.lax.fori_loop(begin, end, lambda t, v: self.real(body(t, v)), self.real(value))

            return jnp.vectorize(run)(stop) if many else run(stop)
        if np.ndim(stop):
            return np.asarray([self.loop(start, end, body, value) for end in np.ravel(stop)]).reshape(
                np.shape(stop)
            )
        for t in range(int(start), int(stop)):
            value = body(t, value)
        return value


class Schedule:
    """A learning rate as a function of the number of steps taken.

    Attributes:
        base: the learning rate that it starts from.
        closed: (step, arithmetic) -> learning rate.
        factor: (step, arithmetic) -> the multiple of `base`, where PyTorch's chainable form is a product.
        advance: (step, lr, arithmetic) -> PyTorch's chainable form: the rate at a step >= 1 from the rate
            before.
        begin: (lr, arithmetic) -> the rate at step 0, where other schedules left `lr`.
        resume: (lr, step, arithmetic) -> the rate `step` steps after it takes over from another that left
            `lr`.
        absolute: whether PyTorch computes the rate from `base` at each step, whatever other schedules did to
            it.
        momentum: the schedule of the momentum (of the first beta) that goes with it, or None.
    """

    def __init__(
        self,
        base: Any,
        *hypers: Any,
        closed: Callable[[Any, Reals], Any] | None = None,
        factor: Callable[[Any, Reals], Any] | None = None,
        advance: Callable[[Any, Any, Reals], Any] | None = None,
        begin: Callable[[Any, Reals], Any] | None = None,
        resume: Callable[[Any, Any, Reals], Any] | None = None,
        momentum: Schedule | None = None,
    ) -> None:
        self.base = base
        self.factor = factor
        self.closed = closed or self._product
        self.absolute = factor is None and advance is None
        self.advance = advance or (self._multiply if factor else lambda t, lr, m: self.closed(t, m))
        self.begin = begin or self._begin
        self.resume = resume or (lambda lr, t, m: self.closed(t, m))
        self.momentum = momentum
        self.known = all(is_known(x) for x in (base, *hypers) if x is not None)

    @classmethod
    def of(cls, base: Any, parts: Sequence[Schedule], **forms: Any) -> Schedule:
        """A schedule that asks others."""
        schedule = cls(base, **forms)
        schedule.known = all(part.known for part in parts)
        return schedule

    def _begin(self, lr: Any, m: Reals) -> Any:
        if self.factor is not None:
            return lr * self.factor(m.np.asarray(0), m)
        return self.closed(m.np.asarray(0), m) if self.absolute else lr

    def _product(self, t: Any, m: Reals) -> Any:
        assert self.factor is not None
        return self.base * self.factor(t, m)

    def _multiply(self, t: Any, lr: Any, m: Reals) -> Any:
        assert self.factor is not None
        before = self.factor(t - 1, m)
        gone = before == 0
        return lr * m.np.where(gone, 1.0, self.factor(t, m) / m.np.where(gone, 1.0, before))

    def __call__(self, step: Any) -> Any:
        """The learning rate after `step` steps: a float for a Python int, else an array like `step`."""
        if self.known and isinstance(step, int | np.integer | np.ndarray):
            value = self.closed(step, Reals(True))
            return np.broadcast_to(value, step.shape) if isinstance(step, np.ndarray) else float(value)
        m, step = Reals(False), jnp.asarray(step)
        return jnp.broadcast_to(m.real(self.closed(step, m)), step.shape)

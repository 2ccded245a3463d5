"""A training run under way: taken stretch by stretch, recorded, watched and saved."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable
from functools import lru_cache
from typing import Any, cast

import jax
import jax.numpy as jnp
import numpy as np

from fnnet.train import saved
from fnnet.train.arguments import Options, settle_data, settle_key, settle_steps, settle_stops
from fnnet.train.beginning import copied, first_state
from fnnet.train.history import FitResult, History, NonFiniteError
from fnnet.train.orders import Orders
from fnnet.train.program import Loop, Runner, Setup, choose_loop
from fnnet.train.progress import as_report
from fnnet.train.update import State, Step, step

CAPACITY, RECORDS = 1 << 12, 1 << 20
"""Most steps of a stretch, and most losses that it records over all seeds."""

SLICE_SECONDS = 0.25
"""A run is taken in stretches of about this long: so often can it report, save, and be interrupted."""


@lru_cache(maxsize=16)
def _update(loss: Callable[..., Any], optimizer: Any, metrics: tuple[tuple[str, Any], ...]) -> Step:
    return jax.jit(step(loss, optimizer, dict(metrics)), inline=True)


class Course:
    """A run: its arguments settled, then taken stretch by stretch."""

    def __init__(self, options: Options) -> None:
        o = options
        self.began = time.perf_counter()
        self.options = o
        if o.loop not in ("auto", "scan", "step"):
            raise ValueError(f"fit: loop: expected 'auto', 'scan' or 'step', got {o.loop!r}")
        if o.checkpoint_every is not None and o.checkpoint_every < 1:
            raise ValueError(f"fit: checkpoint_every: expected at least 1, got {o.checkpoint_every}")
        self.seeds = o.seeds
        self.report = as_report(o.progress)
        self.plan, self.data, generate = settle_data(
            o.data, o.batch_size, o.shuffle, o.drop_last, o.shared_data
        )
        self.total = settle_steps(o.steps, o.epochs, self.plan)
        rows, per_epoch = (1, 1) if self.plan is None else (self.plan.rows, self.plan.per_epoch)
        self.orders = Orders(o.shuffle, rows, -(-self.total // per_epoch), o.seeds)
        self.key = settle_key(o.key, o.seeds)
        update = _update(o.loss, o.optimizer, tuple(sorted((o.metrics or {}).items())))
        self.setup = Setup(
            update, self.plan, generate, self.orders.kind, o.seeds, o.shared_data, self.orders.shared
        )
        self.state = first_state(o.params, o.optimizer, o.buffers, o.seeds)
        self.loop = o.loop
        self.evaluation = None if o.evaluate is None else self._settle_evaluation(o.evaluate[1])
        self.stops = settle_stops(None if o.evaluate is None else o.evaluate[0])
        self.step = 0
        self.records: list[Any] = []
        self.evaluated_at: list[int] = []
        self.evaluations: list[Any] = []

    def _settle_evaluation(self, what: Any) -> Callable[..., Any]:
        if callable(what):
            function = what
        else:
            held = jax.tree.map(jnp.asarray, what if isinstance(what, tuple) else (what,))

            def function(params: Any, buffers: Any = None) -> Any:
                if buffers is None:
                    return self.options.loss(params, *held)
                return self.options.loss(params, *held, buffers=buffers)[0]

        return jax.jit(function if self.seeds is None else jax.vmap(function))

    def go(self) -> FitResult:
        if self.options.checkpoint is not None and self.options.resume:
            saved.restore(self)
        if self.loop == "auto":
            shuffle, _, _ = self.orders.argument(self.epoch)
            self.loop = choose_loop(self.setup, self.state, self.key, self.data, shuffle)
        # The same for every run, so that another number of steps needs no other program.
        capacity = max(1, min(CAPACITY, RECORDS // (self.seeds or 1)))
        runner = Runner(self.setup, cast(Loop, self.loop), capacity, self.key, self.data)
        taken, seconds, last_saved = 1, SLICE_SECONDS / 8, time.perf_counter()
        before = here = None
        while self.step < self.total:
            shuffle, first_epoch, end_epoch = self.orders.argument(self.epoch)
            wanted = max(1, int(SLICE_SECONDS * taken / seconds))
            stop = min(self.total, self.step + min(wanted, capacity), *self._next_stops(end_epoch))
            if self.options.keep_last_finite:
                before, here = here, (copied(self.state), self.step)
            start, clock = self.step, time.perf_counter()
            self.state, records, reached = runner.advance(self.state, start, stop, shuffle, first_epoch)
            seconds, taken = max(time.perf_counter() - clock, 1e-9), reached - start
            losses = records["loss"].reshape(taken, -1)
            finite = np.isfinite(losses).all(axis=1)
            if not finite.all():
                self._stop_at(start + int(np.argmin(finite)), records, runner, before, here)
            self.records.append(records)
            self.step = reached
            self._evaluate()
            if self.report is not None:
                self.report(self.step, self.total, float(losses[-1].mean()))
            due = self.options.checkpoint_every is not None and self.step % self.options.checkpoint_every == 0
            if self.options.checkpoint is not None and (
                due
                or self.step == self.total
                or (self.options.checkpoint_every is None and time.perf_counter() - last_saved > 30)
            ):
                self._check_params()
                saved.save(self)
                last_saved = time.perf_counter()
        self._check_params()
        return self.result()

    @property
    def epoch(self) -> int:
        """The number of the epoch of the next step."""
        return 0 if self.plan is None else self.step // self.plan.per_epoch

    def _next_stops(self, end_epoch: int | None) -> Iterable[int]:
        if (due := self.stops(self.step)) is not None:
            yield due
        if self.options.checkpoint_every is not None:
            yield self.step - self.step % self.options.checkpoint_every + self.options.checkpoint_every
        if end_epoch is not None and self.plan is not None:
            yield end_epoch * self.plan.per_epoch

    def _evaluate(self) -> None:
        if self.evaluation is None or self.stops(self.step - 1) != self.step:
            return
        state = self.state
        value = (
            self.evaluation(state.params)
            if state.buffers is None
            else self.evaluation(state.params, state.buffers)
        )
        self.evaluated_at.append(self.step)
        self.evaluations.append(jax.device_get(value if isinstance(value, dict) else {"value": value}))

    def _stop_at(self, bad: int, records: Any, runner: Runner, before: Any, here: Any) -> None:
        """Raise for the loss of the step `bad`, with the run up to the last finite one."""
        value = records["loss"][bad - self.step]
        good = max(bad - 1, 0)
        result = None
        if self.options.keep_last_finite:
            kept = here if good >= here[1] else before
            state, at = kept
            if good > at:
                for start, stop in ((at, min(good, self.step)), (max(at, self.step), good)):
                    if stop > start:
                        state = self._again(runner, state, start, stop)
            self.records.append(records)
            self.state, self.step = state, good
            result = self.result()
        where = ""
        if self.seeds is not None:
            where = f" (seeds {np.flatnonzero(~np.isfinite(value)).tolist()})"
            shown = value[~np.isfinite(value)][0]
        else:
            shown = value
        raise NonFiniteError(
            f"fit: the loss of step {bad} is {shown}{where}; training stopped there. "
            "error.result holds the last parameters whose loss was finite",
            bad,
            value if self.seeds is not None else float(value),
            result,
        )

    def _again(self, runner: Runner, state: State, start: int, stop: int) -> State:
        epoch = 0 if self.plan is None else start // self.plan.per_epoch
        shuffle, first_epoch, _ = self.orders.argument(epoch)
        return runner.advance(copied(state), start, stop, shuffle, first_epoch)[0]

    def _check_params(self) -> None:
        for path, leaf in jax.tree_util.tree_leaves_with_path(self.state.params):
            if jnp.issubdtype(leaf.dtype, jnp.inexact) and not bool(_all_finite(leaf)):
                raise NonFiniteError(
                    f"fit: after {self.step} steps the parameter {jax.tree_util.keystr(path)} is not finite, "
                    "though every loss was: the last gradient or update was not",
                    self.step,
                    None,
                    None,
                )

    def join_records(self) -> None:
        """Bring the records of all stretches into one."""
        if len(self.records) > 1:
            self.records = [{n: np.concatenate([r[n] for r in self.records]) for n in self.records[0]}]

    def history(self) -> History:
        """What was recorded up to here."""
        turn = (lambda x: x) if self.seeds is None else lambda x: np.moveaxis(x, 0, 1)
        self.join_records()
        none = {"loss": np.zeros((0,) if self.seeds is None else (0, self.seeds), np.float32)}
        table = {n: turn(x[: self.step]) for n, x in (self.records or [none])[0].items()}
        evaluations = {
            n: turn(np.stack([e[n] for e in self.evaluations])) for n in (self.evaluations or [{}])[0]
        }
        losses = table.pop("loss")
        return History(losses, table, np.asarray(self.evaluated_at, np.int64), evaluations)

    def result(self) -> FitResult:
        """The run up to here."""
        return FitResult(*self.state, self.history(), self.step, time.perf_counter() - self.began, self.loop)


def _all_finite(x: Any) -> Any:
    if x.dtype.kind == "f" and all(d.platform == "cpu" for d in x.devices()) and x.is_fully_addressable:
        return np.isfinite(np.asarray(x)).all()
    return jnp.all(jnp.isfinite(x))

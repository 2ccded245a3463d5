"""The compiled programs behind `fit`: many steps in one executable, or one step an executable.

Both take the same steps on the same rows. "scan" is one XLA loop with run-time bounds, so that any stretch of
the run uses the same executable and the loop stops at the first loss that is not finite. "step" is a Python
loop over a compiled step.

Which is faster depends on one thing. Measured on two CPU cores (jax 0.10.2, milliseconds a step; more in
docs/training.md): within an XLA loop the CPU backend computes its convolutions by its slow generic
path, whether or not the loop is partly unrolled, since the body stays a loop body.

| LeNet on 32x32x3, XLA's convolutions | scan  | scan, unroll=8 | step |
|--------------------------------------|-------|----------------|------|
| batch of 4                           | 2.31  | 2.35           | 1.15 |
| batch of 128                         | 125.9 | 124.2          | 37.5 |

Those that fnnet has computed as products or sums (LeNet's all are) are as fast or faster in the loop: 0.76
and 0.88 with batches of 4, 25.3 and 25.4 with batches of 128, on a busier machine.

Everything else is faster in the loop (a step of the two-layer network costs no dispatch), and on an
accelerator the loop is taken always. Eight steps in a straight line are no faster than "step" (1.31) and
compile twice as long.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import lru_cache, partial
from typing import Any, Literal, TypeAlias

import jax
import jax.numpy as jnp
import numpy as np

from fnnet.functional.convolution_products import is_xlas
from fnnet.functional.jaxprs import equations
from fnnet.train.batches import Batches, epoch_order
from fnnet.train.update import Record, State, Step

Loop: TypeAlias = Literal["scan", "step"]
Shuffle: TypeAlias = Literal["none", "key", "orders"]


@dataclass(frozen=True)
class Setup:
    """What the programs are compiled for, beside the shapes.

    Attributes:
        update: the pure step.
        plan: how the rows are cut; None if `generate` makes the batches.
        generate: the function step -> batch; None if the batches are cut from data.
        shuffle: where an epoch's order comes from: none, a JAX key, or a table of orders made beforehand.
        seeds: how many runs go on at once; None for one run without a leading axis.
        shared_data: whether all seeds see the same data.
        shared_order: whether all seeds see it in the same order.
    """

    update: Step
    plan: Batches | None
    generate: Callable[[Any], Any] | None = None
    shuffle: Shuffle = "none"
    seeds: int | None = None
    shared_data: bool = True
    shared_order: bool = True

    def order(self, shuffle: Any, epoch: Any, first_epoch: Any) -> Any:
        """The order of an epoch, (rows,) or (seeds, rows); None if the rows come in their own."""
        if self.shuffle == "none":
            return None
        if self.shuffle == "orders":
            return jax.lax.dynamic_index_in_dim(shuffle, epoch - first_epoch, keepdims=False)
        assert self.plan is not None
        if self.shared_order:
            return epoch_order(shuffle, epoch, self.plan.rows)
        return jax.vmap(lambda key: epoch_order(key, epoch, self.plan.rows))(shuffle)  # type: ignore[union-attr]

    def step(
        self, state: State, key: Any, data: Any, order: Any, step: Any, position: Any, count: int
    ) -> Any:
        """The step number `step`, on the batch number `position` of its epoch: (state, record)."""
        key = None if key is None else _step_key(key, step, self.seeds)
        data_axis = None if self.shared_data else 0
        batch_axis = data_axis
        if self.generate is not None:
            batch = self.generate(step)
        else:
            assert self.plan is not None
            cut = partial(self.plan.take, position=position, count=count)
            order_axis = None if order is None or self.shared_order else 0
            if data_axis is None and order_axis is None:
                batch = cut(data, order)
            else:
                batch_axis = 0
                batch = jax.vmap(cut, in_axes=(data_axis, order_axis))(data, order)
        batch = batch if isinstance(batch, tuple) else (batch,)
        if self.seeds is None:
            return self.update(state, *batch, key=key)
        many = jax.vmap(
            lambda s, k, b: self.update(s, *b, key=k), in_axes=(0, None if key is None else 0, batch_axis)
        )
        return many(state, key, batch)


def _step_key(key: Any, step: Any, seeds: int | None) -> Any:
    return (
        jax.random.fold_in(key, step)
        if seeds is None
        else jax.vmap(lambda k: jax.random.fold_in(k, step))(key)
    )


@lru_cache(maxsize=16)
def loop_program(setup: Setup, capacity: int) -> Callable[..., Any]:
    """(state, key, data, shuffle, first_epoch, start, stop) -> (state, records, reached), compiled.

    Takes the steps start .. stop - 1 (at most `capacity`) and records each; ends early after a step whose
    loss is not finite. The state is donated.
    """
    plan = setup.plan

    def stretch(
        state: State, key: Any, data: Any, shuffle: Any, first_epoch: Any, start: Any, stop: Any
    ) -> tuple[State, Record, jax.Array]:
        def body(order: Any, base: Any, count: int) -> Callable[[Any], Any]:
            def one(carry: Any) -> Any:
                state, step, _, records = carry
                position = 0 if plan is None else step - base if base is not None else step % plan.full
                state, record = setup.step(state, key, data, order, step, position, count)
                records = jax.tree.map(
                    lambda buffer, x: jax.lax.dynamic_update_index_in_dim(buffer, x, step - start, 0),
                    records,
                    record,
                )
                return state, step + 1, jnp.all(jnp.isfinite(record["loss"])), records

            return one

        def until(bound: Any) -> Callable[[Any], Any]:
            return lambda carry: (carry[1] < bound) & carry[2]

        size = 1 if plan is None else plan.size

        def first() -> Any:
            return setup.step(
                state, key, data, setup.order(shuffle, first_epoch, first_epoch), start, start, size
            )

        _, shapes = jax.eval_shape(first)
        records = jax.tree.map(lambda s: jnp.zeros((capacity, *s.shape), s.dtype), shapes)
        carry = (state, start, jnp.asarray(True), records)
        if plan is None or (setup.shuffle == "none" and not plan.tail):
            state, reached, _, records = jax.lax.while_loop(until(stop), body(None, None, size), carry)
            return state, records, reached

        def epoch(carry: Any) -> Any:
            number = carry[1] // plan.per_epoch
            base = number * plan.per_epoch
            order = setup.order(shuffle, number, first_epoch)
            full_end = base + plan.full
            carry = jax.lax.while_loop(
                until(jnp.minimum(stop, full_end)), body(order, base, plan.size), carry
            )
            if plan.tail:
                due = (carry[1] == full_end) & until(stop)(carry)
                carry = jax.lax.cond(due, body(order, base, plan.tail), lambda carry: carry, carry)
            return carry

        state, reached, _, records = jax.lax.while_loop(until(stop), epoch, carry)
        return state, records, reached

    return jax.jit(stretch, donate_argnums=0)


@lru_cache(maxsize=16)
def step_program(setup: Setup) -> tuple[Callable[..., Any], Callable[..., Any]]:
    """(state, key, data, order, step, position, count) -> (state, record), compiled, and the orders."""
    return (
        jax.jit(setup.step, static_argnums=6, donate_argnums=0),
        jax.jit(setup.order),
    )


class Runner:
    """Takes stretches of steps with one of the two programs."""

    def __init__(self, setup: Setup, loop: Loop, capacity: int, key: Any, data: Any) -> None:
        self.setup = setup
        self.loop = loop
        self.capacity = capacity
        self.key = key
        self.data = data

    def advance(
        self, state: State, start: int, stop: int, shuffle: Any, first_epoch: int
    ) -> tuple[State, Record, int]:
        """Take the steps start .. stop - 1; the state is donated.

        Returns:
            The state, the records (NumPy, leading axis: step), and the step reached: stop, or one past the
            first step whose loss is not finite ("scan"), or stop all the same ("step").
        """
        if self.loop == "scan":
            program = loop_program(self.setup, self.capacity)
            state, records, end = program(
                state, self.key, self.data, shuffle, np.int32(first_epoch), np.int32(start), np.int32(stop)
            )
            reached = int(end)
            return state, jax.tree.map(lambda x: np.array(np.asarray(x)[: reached - start]), records), reached
        kept = []
        for one in self._each(start, stop, shuffle, first_epoch):
            state, record = one(state)
            kept.append(record)
        fetched = jax.device_get(kept)
        return state, jax.tree.map(lambda *x: np.stack(x), *fetched), stop

    def _each(
        self, start: int, stop: int, shuffle: Any, first_epoch: int
    ) -> Iterator[Callable[[State], Any]]:
        take, order_of = step_program(self.setup)
        plan = self.setup.plan
        order, current = None, None
        for step in range(start, stop):
            epoch, position = divmod(step, plan.per_epoch) if plan is not None else (0, 0)
            if self.setup.shuffle != "none" and epoch != current:
                order, current = order_of(shuffle, np.int32(epoch), np.int32(first_epoch)), epoch
            count = 1 if plan is None else plan.size if position < plan.full else plan.tail
            yield lambda state, order=order, step=step, position=position, count=count: take(  # type: ignore[misc]
                state, self.key, self.data, order, np.int32(step), np.int32(position), count
            )


def choose_loop(setup: Setup, state: State, key: Any, data: Any, shuffle: Any) -> Loop:
    """The faster program: "step" for convolutions that XLA computes on a CPU, else "scan"."""
    platforms = {d.platform for leaf in jax.tree.leaves(state) for d in getattr(leaf, "devices", set)()}
    if (platforms or {jax.default_backend()}) != {"cpu"}:
        return "scan"
    size = 1 if setup.plan is None else setup.plan.size

    def once(state: State, key: Any, data: Any, shuffle: Any) -> Any:
        zero = jnp.int32(0)
        return setup.step(state, key, data, setup.order(shuffle, zero, zero), zero, zero, size)

    jaxpr = jax.make_jaxpr(once)(state, key, data, shuffle)
    return "step" if any(map(is_xlas, equations(jaxpr.jaxpr))) else "scan"

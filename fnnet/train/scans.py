"""Epochs and runs as pure functions, to be used inside one's own jit, vmap, grad or shard_map."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp

from fnnet.train.batches import Batches, epoch_order
from fnnet.train.progress import Report, as_report, report_inside
from fnnet.train.update import Record, State, Step


def _batch(batch: Any) -> tuple[Any, ...]:
    return batch if isinstance(batch, tuple) else (batch,)


def run(
    update: Step,
    state: State,
    data: Any,
    steps: int,
    *,
    key: Any = None,
    first: Any = 0,
    unroll: int = 1,
    progress: bool | Report = False,
) -> tuple[State, Record]:
    """Take `steps` steps in one `lax.scan`.

    Args:
        update: as `train.step` gives.
        state: as `train.init` gives.
        data: the batch of every step (a tuple of arrays), or a function of the step's number that gives it.
        steps: how many.
        key: a JAX key; the step number i gets `fold_in(key, i)`.
        first: the number of the first step.
        unroll: of the scan.
        progress: True for a bar, or a function (step, total, loss), called while the compiled program runs.

    Returns:
        The state, and the records with a leading axis of steps.
    """
    report = as_report(progress)

    def one(state: State, i: jax.Array) -> tuple[State, Record]:
        batch = data(i) if callable(data) else data
        state, record = update(state, *_batch(batch), key=None if key is None else jax.random.fold_in(key, i))
        if report is not None:
            report_inside(report, i + 1 - first, steps, record["loss"], max(1, steps // 100))
        return state, record

    return jax.lax.scan(one, state, jnp.arange(steps) + first, unroll=unroll)


def epoch(
    update: Step,
    state: State,
    data: Any,
    batch_size: int,
    *,
    shuffle: Any = None,
    key: Any = None,
    number: Any = 0,
    drop_last: bool = False,
) -> tuple[State, Record]:
    """Take one step for every mini-batch of the data, the smaller last one included.

    Args:
        update: as `train.step` gives.
        state: as `train.init` gives.
        data: a tuple of arrays (rows, ...).
        batch_size: rows of a batch.
        shuffle: None for the rows' own order, a JAX key (the epoch's order is a permutation by
            `fold_in(shuffle, number)`), or the order itself: integers (rows,).
        key: a JAX key; the step number i, counted over epochs, gets `fold_in(key, i)`.
        number: of the epoch, from 0.
        drop_last: leave the smaller last batch out.

    Returns:
        The state, and the records with a leading axis of batches.
    """
    data = _batch(data)
    plan = Batches.of(data, batch_size, drop_last)
    order = shuffle
    if shuffle is not None and (
        jnp.issubdtype(shuffle.dtype, jax.dtypes.prng_key) or shuffle.dtype == jnp.uint32
    ):
        order = epoch_order(shuffle, number, plan.rows)

    def one(count: int) -> Callable[[State, Any], tuple[State, Record]]:
        def take(state: State, i: Any) -> tuple[State, Record]:
            batch = plan.take(data, order, i, count)
            folded = None if key is None else jax.random.fold_in(key, number * plan.per_epoch + i)
            return update(state, *batch, key=folded)

        return take

    state, records = jax.lax.scan(one(plan.size), state, jnp.arange(plan.full))
    if plan.tail:
        state, last = one(plan.tail)(state, jnp.int32(plan.full))
        records = jax.tree.map(lambda many, x: jnp.concatenate([many, x[None]]), records, last)
    return state, records


def evaluate(
    function: Callable[..., Any], params: Any, data: Any, batch_size: int | None = None, **options: Any
) -> Any:
    """The mean over all rows of what `function(params, *batch, **options)` gives as means over batches.

    Pure; goes through the data batch by batch, so that it needs the memory of one. Without `batch_size`,
    everything at once. The function's result is a pytree of means over the rows of its batch, such as a mean
    loss or an accuracy.
    """
    data = _batch(data)
    if batch_size is None:
        return function(params, *data, **options)
    plan = Batches.of(data, batch_size)

    def value(i: Any, count: int) -> Any:
        return function(params, *plan.take(data, None, i, count), **options)

    _, means = jax.lax.scan(lambda _, i: (None, value(i, plan.size)), None, jnp.arange(plan.full))
    total = jax.tree.map(lambda x: jnp.sum(x, axis=0) * (plan.size / plan.rows), means)
    if plan.tail:
        last = value(jnp.int32(plan.full), plan.tail)
        total = jax.tree.map(lambda t, x: t + x * (plan.tail / plan.rows), total, last)
    return total

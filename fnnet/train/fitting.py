"""Whole training runs, compiled: `fit` for one run, `fit_seeds` for many at once."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterable, Mapping
from os import PathLike
from typing import Any, Literal, TypeAlias

import jax
import jax.numpy as jnp
import optax

from fnnet.train.arguments import Options
from fnnet.train.course import Course
from fnnet.train.history import FitResult
from fnnet.train.progress import Report

Evaluate: TypeAlias = tuple[int | Iterable[int], Any]


def fit(
    loss: Callable[..., Any],
    params: Any,
    data: Any,
    *,
    optimizer: optax.GradientTransformation,
    steps: int | None = None,
    epochs: int | None = None,
    batch_size: int | None = None,
    shuffle: Any = None,
    drop_last: bool = False,
    key: Any = None,
    buffers: Any = None,
    metrics: Mapping[str, Callable[..., Any]] | None = None,
    evaluate: Evaluate | None = None,
    progress: bool | Report = False,
    checkpoint: str | PathLike[str] | None = None,
    checkpoint_every: int | None = None,
    resume: bool = True,
    loop: Literal["auto", "scan", "step"] = "auto",
    keep_last_finite: bool = True,
) -> FitResult:
    """Train, compiled.

    Args:
        loss: `loss(params, *batch)` -> 0-d array; called with `key=` if a key is given, and with `buffers=`
            if buffers are given, when it returns (value, new buffers).
        params: a pytree of arrays. It is copied, never consumed.
        data: a tuple of arrays (rows, ...), the batch in full-batch training; or a function of the step's
            number (a traced int32) that gives the batch.
        optimizer: an optax transformation, such as `fnnet.optim.adam(1e-4)`.
        steps, epochs: how long; one of the two.
        batch_size: rows of a mini-batch; None for all rows in every step.
        shuffle: None for the rows' own order; a JAX key; or a `fnnet.random.Generator`, which stands for
            PyTorch's default generator: the order is that of DataLoader(shuffle=True), and the generator
            moves on as there.
        drop_last: leave out the smaller last batch of an epoch.
        key: a JAX key; the step number i gives `fold_in(key, i)` to the loss.
        buffers: running statistics and the like.
        metrics: further scalars to record in every step, called as the loss is, before the update.
        evaluate: (when, what). When: a number n, after each n steps; or the numbers of steps after which.
            What: a traceable function of the parameters (and buffers, if there are) that gives a scalar or a
                dict of scalars; or data, on which the loss is computed.
        progress: True for a bar on stderr, or a function (step, total, loss).
        checkpoint: a file (.safetensors) that keeps the run. If it exists, the run goes on from there, and
            ends in the same numbers as a run that was never interrupted.
        checkpoint_every: steps between two savings; by default every 30 seconds. The end is always saved.
        resume: False to begin anew even if the file exists.
        loop: "scan" (one XLA loop), "step" (a compiled step in a Python loop), or "auto": "step" for
            convolutions that XLA computes itself on a CPU (see docs/training.md), else "scan".
        keep_last_finite: False to save the memory of two copies of the state; `NonFiniteError.result` is then
            None.

    Returns:
        Parameters, optimizer's state, buffers and history.

    Raises:
        NonFiniteError: (a FloatingPointError) at the first loss that is not finite, or parameters that are
            not at the end.
        ValueError, TypeError, RuntimeError: for arguments that do not fit together.

    The compiled program is kept for the next call with the same functions, sizes and options.
    """
    return Course(Options(**locals())).go()


def fit_seeds(
    loss: Callable[..., Any], params: Any, data: Any, *, shared_data: bool = True, **options: Any
) -> FitResult:
    """`fit` for many seeds at once, by vmap over the step.

    Args:
        params: the parameters of all seeds, each leaf with a leading axis, as `jax.vmap(net.init)(keys)`
            gives.
        buffers: likewise, if there are.
        key: a JAX key, split among the seeds, or an array of keys.
        shuffle: None; one key or generator, the same order for all seeds; or an array of keys or a list of
            generators, one a seed.
        shared_data: False if the data has a leading axis of seeds: (seeds, rows, ...).

    All else is as for `fit`, whose keyword arguments it takes; in the result everything has a leading axis
    of seeds.
    """
    leaves = jax.tree.leaves(params)
    counts = {jnp.shape(leaf)[:1] for leaf in leaves}
    if len(counts) != 1 or () in counts:
        raise RuntimeError(
            "fit_seeds: params: expected every leaf with the same leading axis of seeds, "
            f"got shapes {[jnp.shape(leaf) for leaf in leaves]}"
        )
    seeds = counts.pop()[0]
    try:
        given = _FIT.bind(loss, params, data, **options)
    except TypeError as error:
        raise TypeError(f"fit_seeds() {error}") from None
    given.apply_defaults()
    return Course(Options(**given.arguments, seeds=seeds, shared_data=shared_data)).go()


_FIT = inspect.signature(fit)
_SHARED = inspect.signature(fit_seeds).parameters["shared_data"]
fit_seeds.__signature__ = _FIT.replace(parameters=[*_FIT.parameters.values(), _SHARED])  # type: ignore[attr-defined]

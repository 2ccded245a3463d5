"""The arguments of `fit`, checked and brought into one form."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from os import PathLike
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from fnnet.train.batches import Batches
from fnnet.train.orders import is_key
from fnnet.train.progress import Report


@dataclass(frozen=True)
class Options:
    """The arguments as given; see `fit`. `seeds` is None for a single run."""

    loss: Callable[..., Any]
    params: Any
    data: Any
    optimizer: Any
    steps: int | None
    epochs: int | None
    batch_size: int | None
    shuffle: Any
    drop_last: bool
    key: Any
    buffers: Any
    metrics: Mapping[str, Callable[..., Any]] | None
    evaluate: tuple[int | Iterable[int], Any] | None
    progress: bool | Report
    checkpoint: str | PathLike[str] | None
    checkpoint_every: int | None
    resume: bool
    loop: str
    keep_last_finite: bool
    seeds: int | None = None
    shared_data: bool = True


def settle_data(
    data: Any, batch_size: int | None, shuffle: Any, drop_last: bool, shared: bool
) -> tuple[Batches | None, Any, Callable[[Any], Any] | None]:
    """(plan, data, function that makes the batches): two of them, or the last alone."""
    if callable(data):
        if batch_size is not None or shuffle is not None:
            raise ValueError("fit: a function that makes the batches takes neither batch_size nor shuffle")
        return None, None, data
    if shuffle is not None and batch_size is None:
        raise ValueError("fit: shuffle needs batch_size: without one every step sees all rows")
    held = jax.tree.map(jnp.asarray, data if isinstance(data, tuple) else (data,))
    one = held if shared else jax.tree.map(lambda x: jax.ShapeDtypeStruct(x.shape[1:], x.dtype), held)
    return Batches.of(one, batch_size, drop_last), held, None


def settle_steps(steps: int | None, epochs: int | None, plan: Batches | None) -> int:
    """The number of steps of the run."""
    if (steps is None) == (epochs is None):
        raise ValueError(f"fit: expected either steps or epochs, got steps={steps}, epochs={epochs}")
    count = steps if steps is not None else epochs
    name = "steps" if steps is not None else "epochs"
    if isinstance(count, bool) or not isinstance(count, int | np.integer):
        raise TypeError(f"fit: {name}: expected an int, got {type(count).__name__}")
    if count < 0:
        raise ValueError(f"fit: {name}: expected at least 0, got {count}")
    if steps is None:
        if plan is None:
            raise ValueError("fit: a function that makes the batches has no epochs: give steps")
        count = count * plan.per_epoch
    if count >= 2**31 - 1:
        raise ValueError(f"fit: {count} steps are more than int32 counts")
    return int(count)


def settle_key(key: Any, seeds: int | None) -> Any:
    """The key as a typed key; with seeds, one a seed."""
    if key is None:
        return None
    if not is_key(key):
        raise TypeError(f"fit: key: expected a JAX key, got {type(key).__name__}")
    if not jnp.issubdtype(key.dtype, jax.dtypes.prng_key):
        key = jax.random.wrap_key_data(key)
    if seeds is None and key.ndim:
        raise TypeError(f"fit: key: expected one JAX key, got an array of keys of shape {key.shape}")
    if seeds is not None and key.ndim == 0:
        return jax.random.split(key, seeds)
    if seeds is not None and key.shape != (seeds,):
        raise ValueError(f"fit_seeds: key: expected one key or {seeds}, got an array of shape {key.shape}")
    return key


def settle_stops(when: Any) -> Callable[[int], int | None]:
    """The function that gives the first evaluation after a step."""
    if when is None:
        return lambda step: None
    if isinstance(when, int | np.integer):
        if when < 1:
            raise ValueError(f"fit: evaluate: expected every 1 or more steps, got {when}")
        return lambda step: (step // when + 1) * when
    points: Sequence[int] = sorted({int(at) for at in when})
    return lambda step: next((at for at in points if at > step), None)

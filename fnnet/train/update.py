"""One step of training as a pure function of a state and a batch.

    update = train.step(loss, optimizer)
    state = train.init(params, optimizer)
    state, record = jax.jit(update)(state, x, y)     # record["loss"]

A loss is called as `loss(params, *batch)`. With buffers it is called with `buffers=buffers` too and returns
(value, new buffers), as a layer does; with a key, with `key=key`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple, TypeAlias

import jax
import jax.numpy as jnp
import optax

Record: TypeAlias = dict[str, Any]
"""What is kept of a step: {"loss": ..., and each metric by its name}."""


class State(NamedTuple):
    """What a step changes.

    Attributes:
        params: the parameters.
        opt_state: the optimizer's state.
        buffers: running statistics and the like; None where the loss has none.
    """

    params: Any
    opt_state: Any
    buffers: Any = None


Step: TypeAlias = Callable[..., tuple[State, Record]]
"""(state, *batch, key=None) -> (state, record)."""


def strong(tree: Any) -> Any:
    """The same leaves, none of them weakly typed, so that a loop carries the same types all along."""
    return jax.tree.map(lambda x: jax.lax.convert_element_type(x, jnp.result_type(x)), tree)


def init(params: Any, optimizer: optax.GradientTransformation, buffers: Any = None) -> State:
    """The state before the first step."""
    return State(strong(params), strong(optimizer.init(params)), None if buffers is None else strong(buffers))


def _checked_value(value: Any) -> jax.Array:
    if not hasattr(value, "dtype") or value.ndim != 0:
        raise RuntimeError(
            "fit: loss: grad can be implicitly created only for scalar outputs: expected a 0-d array, "
            f"got {'shape ' + str(value.shape) if hasattr(value, 'shape') else type(value).__name__}"
        )
    return value


def step(
    loss: Callable[..., Any],
    optimizer: optax.GradientTransformation,
    metrics: Mapping[str, Callable[..., Any]] | None = None,
) -> Step:
    """The pure function of one step: gradient of the loss, update of the optimizer, new parameters.

    Args:
        loss: see the module.
        optimizer: an optax transformation; it is also told the loss (`value=`) if it listens.
        metrics: further scalars to record, each called as the loss is, with the parameters before the update.

    Returns:
        `update(state, *batch, key=None)` -> (new state, {"loss": ..., **metrics}).

    Raises:
        RuntimeError: when called, if the loss is not a scalar.
        TypeError: when called, if the loss does not return a pair though the state has buffers.
    """
    transform = optax.with_extra_args_support(optimizer)
    watched = dict(metrics or {})
    if "loss" in watched:
        raise ValueError("step: metrics: the name 'loss' is taken by the loss itself")

    def update(state: State, *batch: Any, key: Any = None) -> tuple[State, Record]:
        with_key = {} if key is None else {"key": key}
        options = with_key if state.buffers is None else {**with_key, "buffers": state.buffers}

        def objective(params: Any) -> tuple[jax.Array, Any]:
            result = loss(params, *batch, **options)
            if state.buffers is None:
                if isinstance(result, tuple):
                    raise TypeError(
                        "step: loss: it returned a tuple; give buffers=... if it is (value, buffers)"
                    )
                return _checked_value(result), None
            if not (isinstance(result, tuple) and len(result) == 2):
                raise TypeError("step: loss: with buffers, expected it to return (value, new buffers)")
            return _checked_value(result[0]), result[1]

        (value, buffers), grads = jax.value_and_grad(objective, has_aux=True)(state.params)
        record = {
            "loss": value,
            **{name: metric(state.params, *batch, **options) for name, metric in watched.items()},
        }
        updates, opt_state = transform.update(grads, state.opt_state, state.params, value=value)
        new = State(optax.apply_updates(state.params, updates), opt_state, buffers)
        # An optimizer may give weakly typed or wider numbers back; the state keeps its types.
        new = jax.tree.map(lambda old, x: jax.lax.convert_element_type(x, old.dtype), state, new)
        return new, record

    return update

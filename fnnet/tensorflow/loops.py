"""A while loop through which gradients flow backward.

`jax.lax.while_loop` has no reverse derivative, for XLA cannot keep an unknown number of states. Here the
backward pass runs the loop again, keeps every k-th state (64 at most), and goes through the turns from the
last to the first, each from the kept state before it: n**2 / 128 further turns for a loop of n turns.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

KEPT = 64

Values = Sequence[Any]


@partial(jax.custom_vjp, nondiff_argnums=(0, 1))
def while_loop(goes_on: Callable[..., Any], step: Callable[..., Any], start: Values, known: Values) -> Values:
    """`step(values, known)` repeated while `goes_on(values, known)`; both functions close over no array."""
    return jax.lax.while_loop(lambda v: goes_on(v, known), lambda v: step(v, known), tuple(start))


def _forward(goes_on: Any, step: Any, start: Values, known: Values) -> tuple[Values, tuple[Values, Values]]:
    return while_loop(goes_on, step, start, known), (start, known)


def _is_float(x: Any) -> bool:
    return bool(jnp.issubdtype(x.dtype, jnp.inexact))


def _backward(goes_on: Any, step: Any, kept: tuple[Values, Values], wanted: Values) -> tuple[Any, Any]:
    start, known = tuple(kept[0]), tuple(kept[1])
    smooth = [i for i, x in enumerate(start) if _is_float(x)]
    smooth_known = [i for i, x in enumerate(known) if _is_float(x)]
    one = jnp.ones((), np.int32)

    turns, _ = jax.lax.while_loop(
        lambda c: goes_on(c[1], known), lambda c: (c[0] + one, step(c[1], known)), (one - one, start)
    )
    stride = jnp.maximum(one, (turns + np.int32(KEPT - 1)) // np.int32(KEPT))

    def keep(i: Any, carry: Any) -> Any:
        values, states = carry
        states = jax.lax.cond(
            i % stride == 0,
            lambda s: tuple(
                jax.lax.dynamic_update_index_in_dim(a, v, i // stride, 0)
                for a, v in zip(s, values, strict=True)
            ),
            lambda s: s,
            states,
        )
        return step(values, known), states

    empty = tuple(jnp.zeros((KEPT, *x.shape), x.dtype) for x in start)
    _, states = jax.lax.fori_loop(np.int32(0), turns, keep, (start, empty))

    def back(done: Any, carry: Any) -> Any:
        i = turns - one - done
        grads, known_grads = carry
        values = tuple(jax.lax.dynamic_index_in_dim(s, i // stride, 0, keepdims=False) for s in states)
        values = jax.lax.fori_loop(np.int32(0), i % stride, lambda _, v: step(v, known), values)

        def of_floats(floats: Values, known_floats: Values) -> list[Any]:
            inside, around = list(values), list(known)
            for place, x in zip(smooth, floats, strict=True):
                inside[place] = x
            for place, x in zip(smooth_known, known_floats, strict=True):
                around[place] = x
            results = step(tuple(inside), tuple(around))
            return [results[place] for place in smooth]

        _, pullback = jax.vjp(of_floats, [values[p] for p in smooth], [known[p] for p in smooth_known])
        grads, more = pullback(grads)
        return grads, [a + b for a, b in zip(known_grads, more, strict=True)]

    begin = [wanted[p] for p in smooth], [jnp.zeros_like(known[p]) for p in smooth_known]
    grads, known_grads = jax.lax.fori_loop(np.int32(0), turns, back, begin)
    return _spread(start, smooth, grads), _spread(known, smooth_known, known_grads)


def _spread(values: tuple[Any, ...], places: list[int], grads: Values) -> tuple[Any, ...]:
    full: list[Any] = [np.zeros(x.shape, jax.dtypes.float0) for x in values]
    for place, grad in zip(places, grads, strict=True):
        full[place] = grad
    return tuple(full)


while_loop.defvjp(_forward, _backward)

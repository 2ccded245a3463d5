"""A loop of which nobody knows the number of turns beforehand, with a derivative.

XLA cannot keep the states of all turns. The derivative runs the loop again, keeps every so-manieth state, and
goes back through the turns, each computed from the kept state before it.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax.extend.core import ClosedJaxpr, jaxpr_as_fun

from fnnet.tensorflow.specs import is_float

KEPT = 1 << 28
"""Bytes of states that a derivative keeps; there are 16 to 256 of them."""


def turned(test: Callable[..., Any], turn: Callable[..., list[Any]], start: list[Any]) -> list[Any]:
    """`turn(*state)`, again and again while `test(*state)` holds, from a list of arrays on."""
    (turn, used), (test, seen) = (_apart(function, start) for function in (turn, test))
    moving = [i for i, x in enumerate(start) if is_float(x.dtype)]
    slanted = [i for i, x in enumerate(used) if is_float(x.dtype)]
    count = int(np.clip(KEPT // max(sum(x.nbytes for x in start), 1), 16, 256))

    @jax.custom_vjp
    def loop(start: list[Any], used: list[Any], seen: list[Any]) -> list[Any]:
        return forward(start, used, seen)[0]

    def forward(start: list[Any], used: list[Any], seen: list[Any]) -> Any:
        goes_on = lambda carry: test(seen, carry[1])[0]  # noqa: E731
        step = lambda carry: (carry[0] + 1, turn(used, carry[1]))  # noqa: E731
        turns, end = jax.lax.while_loop(goes_on, step, (jnp.int32(0), start))
        return end, (start, used, seen, turns)

    def backward(kept: Any, slopes: list[Any]) -> Any:
        start, used, _, turns = kept
        stride = jnp.maximum((turns + count - 1) // count, 1)

        def onward(many: Any, state: list[Any]) -> list[Any]:
            return jax.lax.fori_loop(jnp.int32(0), many, lambda _, x: turn(used, x), state)

        def keep(state: list[Any], i: Any) -> Any:
            return onward(jnp.clip(turns - i * stride, 0, stride), state), state

        _, states = jax.lax.scan(keep, start, jnp.arange(count, dtype=jnp.int32))

        def back(i: Any, carry: Any) -> Any:
            at = turns - 1 - i
            state = onward(at % stride, [x[at // stride] for x in states])

            def moved(values: list[Any], held: list[Any]) -> list[Any]:
                results = turn(_with(used, slanted, held), _with(state, moving, values))
                return [results[i] for i in moving]

            _, pull = jax.vjp(moved, [state[i] for i in moving], [used[i] for i in slanted])
            by_state, by_used = pull(carry[0])
            return by_state, [a + b for a, b in zip(carry[1], by_used, strict=True)]

        begin = [slopes[i] for i in moving], [jnp.zeros_like(used[i]) for i in slanted]
        by_state, by_used = jax.lax.fori_loop(jnp.int32(0), turns, back, begin)
        flat = [[_no_slope(x) for x in each] for each in kept[:3]]
        return _with(flat[0], moving, by_state), _with(flat[1], slanted, by_used), flat[2]

    loop.defvjp(forward, backward)
    return loop(start, used, seen)


def _apart(function: Callable[..., Any], start: list[Any]) -> tuple[Callable[..., list[Any]], list[Any]]:
    """A function of (what it closes over, its arguments), and what it closes over."""
    closed = jax.make_jaxpr(function)(*start)

    def of_both(held: list[Any], given: list[Any]) -> list[Any]:
        return list(jaxpr_as_fun(ClosedJaxpr(closed.jaxpr, held))(*given))

    return of_both, [jnp.asarray(x) for x in closed.consts]


def _with(values: list[Any], places: list[int], new: list[Any]) -> list[Any]:
    changed = dict(zip(places, new, strict=True))
    return [changed.get(i, x) for i, x in enumerate(values)]


def _no_slope(x: Any) -> Any:
    return jnp.zeros_like(x) if is_float(x.dtype) else np.zeros(x.shape, jax.dtypes.float0)

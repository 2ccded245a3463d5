"""A while loop through which gradients flow backward.

`jax.lax.while_loop` has no reverse derivative, for XLA cannot keep an unknown number of states. Here the
backward pass runs the loop again, keeps every k-th state (64 at most), and goes through the turns from the
last to the first, each from the kept state before it: n**2 / 128 further turns for a loop of n turns.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax

KEPT = 64


@partial(jax.custom_vjp, nondiff_argnums=(0, 1))
def while_loop(goes_on: Callable[..., Any], step: Callable[..., Any], start: Any, known: Any) -> Any:
    """`step(values, known)` repeated while `goes_on(values, known)`; both functions close over no array."""
    return lax.while_loop(lambda v: goes_on(v, known), lambda v: step(v, known), start)


def _parted(values: Any) -> tuple[list[Any], Callable[[Any], Any]]:
    """The floats of a tree, and a function that puts others in their place."""
    leaves, tree = jax.tree.flatten(values)
    at = [i for i, x in enumerate(leaves) if jnp.issubdtype(x.dtype, jnp.inexact)]

    def put(floats: list[Any]) -> Any:
        new = dict(zip(at, floats, strict=True))
        return jax.tree.unflatten(tree, [new.get(i, x) for i, x in enumerate(leaves)])

    return [leaves[i] for i in at], put


def _whole(values: Any, floats: list[Any]) -> Any:
    """Derivatives by the floats of a tree as derivatives by the tree."""
    nothing = jax.tree.map(lambda x: np.zeros(x.shape, jax.dtypes.float0), values)
    left = iter(floats)
    return jax.tree.map(
        lambda x, n: next(left) if jnp.issubdtype(x.dtype, jnp.inexact) else n, values, nothing
    )


def _backward(goes_on: Any, step: Any, kept: tuple[Any, Any], wanted: Any) -> tuple[Any, Any]:
    (start, known), one = kept, jnp.ones((), np.int32)
    turns, _ = lax.while_loop(
        lambda c: goes_on(c[1], known), lambda c: (c[0] + one, step(c[1], known)), (one - one, start)
    )
    stride = jnp.maximum(one, (turns + np.int32(KEPT - 1)) // np.int32(KEPT))

    def keep(i: Any, carry: Any) -> Any:
        values, states = carry
        at = i // stride
        new = jax.tree.map(lambda s, v: s.at[at].set(jnp.where(i % stride == 0, v, s[at])), states, values)
        return step(values, known), new

    empty = jax.tree.map(lambda x: jnp.zeros((KEPT, *x.shape), x.dtype), start)
    _, states = lax.fori_loop(np.int32(0), turns, keep, (start, empty))

    def back(done: Any, carry: Any) -> Any:
        i = turns - one - done
        values = jax.tree.map(lambda s: s[i // stride], states)
        values = lax.fori_loop(np.int32(0), i % stride, lambda _, v: step(v, known), values)
        (floats, put), (known_floats, put_known) = _parted(values), _parted(known)
        _, pullback = jax.vjp(lambda v, k: _parted(step(put(v), put_known(k)))[0], floats, known_floats)
        grads, more = pullback(carry[0])
        return grads, [a + b for a, b in zip(carry[1], more, strict=True)]

    begin = _parted(wanted)[0], [jnp.zeros_like(x) for x in _parted(known)[0]]
    grads, known_grads = lax.fori_loop(np.int32(0), turns, back, begin)
    return _whole(start, grads), _whole(known, known_grads)


while_loop.defvjp(
    lambda goes_on, step, start, known: (while_loop(goes_on, step, start, known), (start, known)), _backward
)

"""L-BFGS (torch.optim.LBFGS): many evaluations of the loss in one update, compiled as loops.

optimizer = lbfgs(line_search_fn="strong_wolfe")
loss = lambda p: F.mse_loss(net(p, x), y)
value, grads = jax.value_and_grad(loss)(params)
updates, state = optimizer.update(grads, state, params, value=value, value_fn=loss)
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import optax

from fnnet.optim.rule import Hyper, require, rule
from fnnet.optim.wolfe import Point, strong_wolfe


class LBFGSState(NamedTuple):
    """Of all parameters together, as flat vectors of n elements.

    `old_dirs`, `old_stps` (history_size, n) and `ro` hold the last `history` differences of the gradient,
    steps and inverse products, oldest first; PyTorch keeps lists of that length. `step` counts the updates.
    """

    step: jax.Array
    func_evals: jax.Array
    n_iter: jax.Array
    d: jax.Array
    t: jax.Array
    old_dirs: jax.Array
    old_stps: jax.Array
    ro: jax.Array
    history: jax.Array
    H_diag: jax.Array
    prev_flat_grad: jax.Array
    prev_loss: jax.Array


def _flatten(tree: Any, dtype: Any) -> jax.Array:
    def column(x: jax.Array) -> jax.Array:
        parts = jnp.stack([x.real, x.imag], -1) if jnp.iscomplexobj(x) else x
        return parts.reshape(-1).astype(dtype)

    return jnp.concatenate([column(x) for x in jax.tree.leaves(tree)])


def _unflatten(flat: jax.Array, like: Any) -> Any:
    leaves, tree = jax.tree.flatten(like)
    restored, offset = [], 0
    for leaf in leaves:
        if jnp.iscomplexobj(leaf):
            parts = flat[offset : offset + 2 * leaf.size].reshape(*leaf.shape, 2)
            value = jax.lax.complex(parts[..., 0], parts[..., 1])
            offset += 2 * leaf.size
        else:
            value = flat[offset : offset + leaf.size].reshape(leaf.shape)
            offset += leaf.size
        restored.append(value.astype(leaf.dtype))
    return jax.tree.unflatten(tree, restored)


def _dtype_of(params: Any) -> Any:
    leaves = jax.tree.leaves(params)
    if not leaves:
        raise ValueError("lbfgs: optimizer got an empty parameter list")
    with jax.numpy_dtype_promotion("standard"):
        return jnp.finfo(jnp.result_type(*leaves)).dtype


def _remember(s: LBFGSState, y: jax.Array, step: jax.Array) -> LBFGSState:
    """The state with a new pair in its memory, if the curvature is positive."""
    size = s.ro.shape[0]
    ys = jnp.dot(y, step)
    full = s.history == size
    place = jnp.where(full, size - 1, s.history)

    def put(kept: jax.Array, new: jax.Array) -> jax.Array:
        return jnp.where(full, jnp.roll(kept, -1, 0), kept).at[place].set(new)

    def add(_: None) -> LBFGSState:
        return s._replace(
            old_dirs=put(s.old_dirs, y),
            old_stps=put(s.old_stps, step),
            ro=put(s.ro, 1.0 / ys),
            history=place + 1,
            H_diag=ys / jnp.dot(y, y),
        )

    return jax.lax.cond(ys > 1e-10, add, lambda _: s, None)


def _direction(s: LBFGSState, g: jax.Array) -> tuple[jax.Array, jax.Array]:
    """Minus the gradient times the approximate inverse Hessian, by the two loops over the memory, and the
    coefficients that the first of them found."""

    def backward(j: Any, carry: tuple[jax.Array, jax.Array]) -> tuple[jax.Array, jax.Array]:
        q, al = carry
        i = s.history - 1 - j
        a = jnp.dot(s.old_stps[i], q) * s.ro[i]
        return q - a * s.old_dirs[i], al.at[i].set(a)

    def forward(i: Any, r: jax.Array) -> jax.Array:
        return r + (al[i] - jnp.dot(s.old_dirs[i], r) * s.ro[i]) * s.old_stps[i]

    zero = jnp.zeros_like(s.history)
    q, al = jax.lax.fori_loop(zero, s.history, backward, (-g, jnp.zeros_like(s.ro)))
    return jax.lax.fori_loop(zero, s.history, forward, q * s.H_diag), al


class _Run(NamedTuple):
    x: jax.Array
    loss: jax.Array
    g: jax.Array
    turn: jax.Array
    evals: jax.Array
    stop: jax.Array
    state: LBFGSState


@rule(
    "LBFGS",
    "func_evals",
    "n_iter",
    "d",
    "t",
    "old_dirs",
    "old_stps",
    "ro",
    "H_diag",
    "prev_flat_grad",
    "prev_loss",
)
def lbfgs(
    lr: Hyper = 1,
    max_iter: int = 20,
    max_eval: int | None = None,
    tolerance_grad: float = 1e-7,
    tolerance_change: float = 1e-9,
    history_size: int = 100,
    line_search_fn: str | None = None,
) -> optax.GradientTransformationExtraArgs:
    """L-BFGS; one update is one `step(closure)` of PyTorch: up to `max_iter` iterations.

    `update(grads, state, params, value_fn=f, value=f(params))`: `f` is a pure function of the parameters to a
    scalar; without `value` it is evaluated. The memory takes 2 * history_size times the parameters from the
    start.

    Raises:
        ValueError: a negative lr, no parameters, no `value_fn`. RuntimeError: an unknown line search.
    """
    require(lambda v: v >= 0, lr, "Invalid learning rate")
    if line_search_fn not in (None, "strong_wolfe"):
        raise RuntimeError(f"only 'strong_wolfe' is supported, got line_search_fn={line_search_fn!r}")
    most = max_iter * 5 // 4 if max_eval is None else max_eval

    def init(params: Any) -> LBFGSState:
        dtype = _dtype_of(params)
        flat = jnp.zeros_like(_flatten(params, dtype))
        count, scalar = jnp.zeros((), jnp.int32), jnp.zeros((), dtype)
        memory = jnp.zeros((history_size, flat.size), dtype)
        ro = jnp.zeros((history_size,), dtype)
        return LBFGSState(
            count, count, count, flat, scalar, memory, memory, ro, count, scalar + 1, flat, scalar
        )

    def update(
        grads: Any,
        state: LBFGSState,
        params: Any = None,
        *,
        value_fn: Callable[[Any], jax.Array] | None = None,
        value: Any = None,
        **extra: Any,
    ) -> tuple[Any, LBFGSState]:
        if params is None or value_fn is None:
            raise ValueError("lbfgs: update needs more: update(grads, state, params, value_fn=f)")
        dtype = _dtype_of(params)
        rate = lr(state.step) if callable(lr) else lr
        rate = jnp.asarray(rate).astype(dtype).reshape(())

        def at(x: jax.Array) -> tuple[jax.Array, jax.Array]:
            loss, g = jax.value_and_grad(lambda x: value_fn(_unflatten(x, params)))(x)
            return loss.astype(dtype), g

        def search(r: _Run, d: jax.Array, t: jax.Array, slope: jax.Array) -> tuple[Any, ...]:
            def evaluate(t: jax.Array) -> Point:
                loss, g = at(r.x + t * d)
                return Point(t, loss, g, jnp.dot(g, d))

            start = Point(jnp.zeros_like(t), r.loss, r.g, slope)
            best, evals = strong_wolfe(evaluate, t, start, jnp.max(jnp.abs(d)), most - r.evals)
            return r.x + best.t * d, best.f, best.g, best.t, evals

        def fixed(r: _Run, d: jax.Array, t: jax.Array, slope: jax.Array) -> tuple[Any, ...]:
            # In its last iteration PyTorch does not evaluate the loss again.
            x = r.x + t * d
            last = r.turn == max_iter
            loss, g = jax.lax.cond(last, lambda x: (r.loss, r.g), at, x)
            return x, loss, g, t, jnp.where(last, 0, 1)

        def move(r: _Run, d: jax.Array, t: jax.Array, slope: jax.Array) -> _Run:
            method = fixed if line_search_fn is None else search
            x, loss, g, t, evals = method(r, d, t, slope)
            total = r.evals + evals.astype(jnp.int32)
            stop = (
                (total >= most)
                | (jnp.max(jnp.abs(g)) <= tolerance_grad)
                | (jnp.max(jnp.abs(d * t)) <= tolerance_change)
                | (jnp.abs(loss - r.loss) < tolerance_change)
            )
            s = r.state._replace(t=t, func_evals=r.state.func_evals + evals.astype(jnp.int32))
            return _Run(x, loss, g, r.turn, total, stop, s)

        def iterate(r: _Run) -> _Run:
            s = r.state._replace(n_iter=r.state.n_iter + 1)
            first = s.n_iter == 1
            s = jax.lax.cond(
                first,
                lambda s: s._replace(history=jnp.zeros_like(s.history), H_diag=jnp.ones_like(s.H_diag)),
                lambda s: _remember(s, r.g - s.prev_flat_grad, s.d * s.t),
                s,
            )
            d = jnp.where(first, -r.g, _direction(s, r.g)[0])
            t = jnp.where(first, jnp.minimum(1.0, 1.0 / jnp.sum(jnp.abs(r.g))) * rate, rate)
            slope = jnp.dot(r.g, d)
            s = s._replace(d=d, t=t, prev_flat_grad=r.g, prev_loss=r.loss)
            r = r._replace(turn=r.turn + 1, state=s)
            return jax.lax.cond(
                slope > -tolerance_change,
                lambda r: r._replace(stop=jnp.ones((), bool)),
                lambda r: move(r, d, t, slope),
                r,
            )

        x = _flatten(params, dtype)
        g = _flatten(grads, dtype)
        loss = jnp.asarray(value_fn(params) if value is None else value).astype(dtype).reshape(())
        one = jnp.ones((), jnp.int32)
        state = state._replace(step=state.step + 1, func_evals=state.func_evals + 1)
        begin = _Run(x, loss, g, one - 1, one, jnp.max(jnp.abs(g)) <= tolerance_grad, state)
        end = jax.lax.while_loop(lambda r: ~r.stop & (r.turn < max_iter), iterate, begin)
        return jax.tree.map(jnp.subtract, _unflatten(end.x, params), params), end.state

    return optax.GradientTransformationExtraArgs(init, update)

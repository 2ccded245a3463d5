"""The line search of torch.optim.LBFGS: strong Wolfe conditions, by cubic interpolation (after minFunc)."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp

_ARMIJO = 1e-4
_CURVATURE = 0.9
_SMALLEST_BRACKET = 1e-9


class Point(NamedTuple):
    """A point on the line: its step, and there the value, the gradient and the slope along the line."""

    t: jax.Array
    f: jax.Array
    g: jax.Array
    slope: jax.Array


def _larger(a: Any, b: Any) -> Any:
    """Python's max(a, b), which keeps `a` if either is NaN."""
    return jnp.where(b > a, b, a)


def _smaller(a: Any, b: Any) -> Any:
    """Python's min(a, b), which keeps `a` if either is NaN."""
    return jnp.where(b < a, b, a)


def _choose(condition: Any, a: Point, b: Point) -> Point:
    return jax.tree.map(lambda x, y: jnp.where(condition, x, y), a, b)


def cubic_interpolate(a: Point, b: Point, low: Any, high: Any) -> jax.Array:
    """The minimum of the cubic through two points with their slopes, within [low, high]; else the middle."""
    d1 = a.slope + b.slope - 3 * (a.f - b.f) / (a.t - b.t)
    square = d1 * d1 - a.slope * b.slope
    d2 = jnp.sqrt(jnp.where(square >= 0, square, 0.0))
    at_b = b.t - (b.t - a.t) * ((b.slope + d2 - d1) / (b.slope - a.slope + 2 * d2))
    at_a = a.t - (a.t - b.t) * ((a.slope + d2 - d1) / (a.slope - b.slope + 2 * d2))
    lowest = jnp.where(a.t <= b.t, at_b, at_a)
    return jnp.where(square >= 0, _smaller(_larger(lowest, low), high), (low + high) / 2)


class _Bracketing(NamedTuple):
    now: Point
    before: Point
    turns: jax.Array
    found: jax.Array
    done: jax.Array


class _Zoom(NamedTuple):
    ends: tuple[Point, Point]
    low: jax.Array
    stuck: jax.Array
    turns: jax.Array
    done: jax.Array


def strong_wolfe(
    evaluate: Callable[[jax.Array], Point],
    t: jax.Array,
    start: Point,
    d_norm: jax.Array,
    max_turns: jax.Array,
) -> tuple[Point, jax.Array]:
    """A point that satisfies the strong Wolfe conditions, or the best found in `max_turns` evaluations more.

    Args:
        evaluate: step -> the point there.
        t: the first step to try.
        start: the point at step 0.
        d_norm: the largest element of the direction; the search ends when the bracket times it is below 1e-9.
        max_turns: how many evaluations after the first.

    Returns:
        The point, and the number of evaluations.
    """

    def too_high(p: Point) -> jax.Array:
        return p.f > start.f + _ARMIJO * p.t * start.slope

    def flat(p: Point) -> jax.Array:
        return jnp.abs(p.slope) <= -_CURVATURE * start.slope

    def bracketing(s: _Bracketing) -> _Bracketing:
        over = too_high(s.now) | ((s.turns > 1) & (s.now.f >= s.before.f))
        done = ~over & flat(s.now)
        found = over | done | (s.now.slope >= 0)

        def onward(_: None) -> _Bracketing:
            smallest = s.now.t + 0.01 * (s.now.t - s.before.t)
            further = evaluate(cubic_interpolate(s.before, s.now, smallest, s.now.t * 10))
            return _Bracketing(further, s.now, s.turns + 1, found, done)

        return jax.lax.cond(found, lambda _: s._replace(found=found, done=done), onward, None)

    false, none = jnp.zeros((), bool), jnp.zeros((), jnp.int32)
    first = _Bracketing(evaluate(t), start, none, false, false)
    b = jax.lax.while_loop(lambda s: ~s.found & (s.turns < max_turns), bracketing, first)
    left = _choose(b.done, b.now, _choose(b.found, b.before, start))

    def pick(s: _Zoom, low: bool) -> Point:
        return _choose((s.low == 0) == low, s.ends[0], s.ends[1])

    def zoom(s: _Zoom) -> _Zoom:
        a, b = s.ends
        high_t, low_t = _larger(a.t, b.t), _smaller(a.t, b.t)
        t = cubic_interpolate(a, b, jnp.where(a.t <= b.t, a.t, b.t), jnp.where(a.t <= b.t, b.t, a.t))
        # A trial too near an end, a second time or at it, moves a tenth of the bracket away.
        margin = 0.1 * (high_t - low_t)
        near = _smaller(high_t - t, t - low_t) < margin
        move = near & (s.stuck | (t >= high_t) | (t <= low_t))
        away = jnp.where(jnp.abs(t - high_t) < jnp.abs(t - low_t), high_t - margin, low_t + margin)
        new = evaluate(jnp.where(move, away, t))
        low, high = pick(s, True), pick(s, False)
        fails = too_high(new) | (new.f >= low.f)
        done = ~fails & flat(new)
        turns_over = ~fails & ~done & (new.slope * (high.t - low.t) >= 0)
        new_high = _choose(fails, new, _choose(turns_over, low, high))
        new_low = _choose(fails, low, new)
        first_is_low = s.low == 0
        ends = (_choose(first_is_low, new_low, new_high), _choose(first_is_low, new_high, new_low))
        index = jnp.where(fails, jnp.where(ends[0].f <= ends[1].f, 0, 1), s.low)
        return _Zoom(ends, index, near & ~move, s.turns + 1, done)

    def searching(s: _Zoom) -> jax.Array:
        wide = ~(jnp.abs(s.ends[1].t - s.ends[0].t) * d_norm < _SMALLEST_BRACKET)
        return ~s.done & (s.turns < max_turns) & wide

    begin = _Zoom((left, b.now), jnp.where(left.f <= b.now.f, 0, 1), false, b.turns, b.done)
    end = jax.lax.while_loop(searching, zoom, begin)
    return pick(end, True), end.turns + 1

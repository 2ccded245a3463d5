"""The strong Wolfe line search with a loss that is a Python function (compiled: fnnet.optim.wolfe)."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

_ARMIJO = 1e-4
_CURVATURE = 0.9
_SMALLEST_BRACKET = 1e-9


@dataclass
class Point:
    """A step along the line; the loss, gradient and slope there, and the gradient's largest element."""

    t: Any
    f: float
    g: Any
    slope: Any
    largest: Any = math.inf


def cubic_interpolate(a: Point, b: Point, low: Any, high: Any) -> Any:
    """The minimum of the cubic through two points with their slopes, within [low, high]; else the middle."""
    d1 = a.slope + b.slope - 3 * (a.f - b.f) / (a.t - b.t)
    square = d1 * d1 - a.slope * b.slope
    if not square >= 0:
        return (low + high) / 2.0
    d2 = np.sqrt(square)
    if a.t > b.t:
        a, b = b, a
    lowest = b.t - (b.t - a.t) * ((b.slope + d2 - d1) / (b.slope - a.slope + 2 * d2))
    return min(max(lowest, low), high)


def strong_wolfe(
    evaluate: Callable[[Any], Point], t: Any, start: Point, largest: Any, max_turns: int
) -> tuple[Point, int]:
    """A point that satisfies the conditions, or the best found in `max_turns` evaluations after the first.

    Args:
        evaluate: step -> the point there.
        t: the first step to try.
        start: the point at step 0.
        largest: the largest element of the direction.
        max_turns: how many evaluations after the first.

    Returns:
        The point and the number of evaluations.
    """
    with np.errstate(all="ignore"):
        return _search(evaluate, t, start, largest, max_turns)


def _search(
    evaluate: Callable[[Any], Point], t: Any, start: Point, largest: Any, max_turns: int
) -> tuple[Point, int]:
    def too_high(p: Point) -> bool:
        return bool(p.f > start.f + _ARMIJO * p.t * start.slope)

    def flat(p: Point) -> bool:
        return bool(abs(p.slope) <= -_CURVATURE * start.slope)

    now, before = evaluate(t), start
    turns = 0
    ends = None
    while turns < max_turns:
        over = too_high(now) or (turns > 1 and now.f >= before.f)
        if not over and flat(now):
            return now, turns + 1
        if over or now.slope >= 0:
            ends = [before, now]
            break
        nearest = now.t + 0.01 * (now.t - before.t)
        t = cubic_interpolate(before, now, nearest, now.t * 10)
        before, now = now, evaluate(t)
        turns += 1
    if ends is None:
        ends = [start, now]
    low = 0 if ends[0].f <= ends[1].f else 1
    stuck = False
    while turns < max_turns:
        a, b = ends
        if abs(b.t - a.t) * largest < _SMALLEST_BRACKET:
            break
        least, most = min(a.t, b.t), max(a.t, b.t)
        t = cubic_interpolate(a, b, least, most)
        # A trial too near an end, a second time or at it, moves a tenth of the bracket away.
        margin = 0.1 * (most - least)
        near = bool(min(most - t, t - least) < margin)
        if near and (stuck or t >= most or t <= least):
            t = most - margin if abs(t - most) < abs(t - least) else least + margin
            near = False
        stuck = near
        new = evaluate(t)
        turns += 1
        if too_high(new) or new.f >= ends[low].f:
            ends[1 - low] = new
            low = 0 if ends[0].f <= ends[1].f else 1
            continue
        if flat(new):
            return new, turns + 1
        if new.slope * (ends[1 - low].t - ends[low].t) >= 0:
            ends[1 - low] = ends[low]
        ends[low] = new
    return ends[low], turns + 1

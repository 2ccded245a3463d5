"""Convolutions of a spread input, without its zeros, on a CPU.

A transposed convolution of stride s, and the gradient of the input of a strided one, is a convolution of the
input with s - 1 zeros between its elements: in two dimensions three of four products are with zeros at stride
2. The outputs at positions of one remainder by s meet the same part of the kernel, so each of these phases is
a convolution of the input as it is.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable
from typing import Any

import jax.numpy as jnp
from jax import lax

__all__ = ["has_phases", "in_phases"]

_PHASES = 16
"""Up to how many phases are written out."""


def has_phases(params: dict[str, Any]) -> bool:
    """Whether the input is spread, and nothing else in the way."""
    return (
        1 < math.prod(params["lhs_dilation"]) <= _PHASES
        and set(params["window_strides"]) | set(params["rhs_dilation"]) == {1}
        and params["batch_group_count"] == 1
    )


def in_phases(
    x: Any, kernel: Any, params: dict[str, Any], shape: tuple[int, ...], convolution: Callable[..., Any]
) -> Any:
    """The convolution of which `has_phases` holds, by `convolution`; `shape` is that of its result."""
    numbers = params["dimension_numbers"]
    spread = params["lhs_dilation"]
    places = [shape[d] for d in numbers.out_spec[2:]]
    wholes = [-(-size // s) for size, s in zip(places, spread, strict=True)]
    phases: list[Any] = []
    if params["feature_group_count"] == 1 and not any(
        kernel.shape[d] % s for d, s in zip(numbers.rhs_spec[2:], spread, strict=True)
    ):
        phases = _at_once(x, kernel, params, wholes, convolution)
        return _interleaved(phases, spread, numbers.out_spec[2:], shape)
    for remainders in itertools.product(*map(range, spread)):
        part, padding = kernel, []
        for i, (r, s) in enumerate(zip(remainders, spread, strict=True)):
            low = params["padding"][i][0]
            first = (low - r) % s  # the first of the kernel's positions that meet an element
            axis = numbers.rhs_spec[2 + i]
            part = lax.slice_in_dim(part, min(first, part.shape[axis]), None, s, axis)
            before = -((r + first - low) // s)
            after = wholes[i] + part.shape[axis] - 1 - x.shape[numbers.lhs_spec[2 + i]] - before
            padding.append((before, after))
        if part.size:
            changed = {**params, "lhs_dilation": (1,) * len(spread), "padding": tuple(padding)}
            phases.append(convolution(x, part, **changed))
        else:
            full = list(shape)
            for d, whole in zip(numbers.out_spec[2:], wholes, strict=True):
                full[d] = whole
            phases.append(jnp.zeros(full, x.dtype))
    return _interleaved(phases, spread, numbers.out_spec[2:], shape)


def _at_once(
    x: Any, kernel: Any, params: dict[str, Any], wholes: list[int], convolution: Callable[..., Any]
) -> list[Any]:
    """The phases where all parts of the kernel are of one size: parts of one convolution with all of them."""
    numbers, spread = params["dimension_numbers"], params["lhs_dilation"]
    axes, features = numbers.rhs_spec[2:], numbers.rhs_spec[0]
    lows = [low for low, _ in params["padding"]]
    firsts = [[(low - r) % s for r in range(s)] for low, s in zip(lows, spread, strict=True)]
    befores = [
        [-((r + first - low) // s) for r, first in enumerate(own)]
        for own, low, s in zip(firsts, lows, spread, strict=True)
    ]
    parts = []
    for at in itertools.product(*firsts):
        part = kernel
        for first, axis, s in zip(at, axes, spread, strict=True):
            part = lax.slice_in_dim(part, first, None, s, axis)
        parts.append(part)
    before = [max(own) for own in befores]
    lengths = [whole + max(own) - min(own) for whole, own in zip(wholes, befores, strict=True)]
    padding = [
        (b, length + parts[0].shape[axis] - 1 - x.shape[d] - b)
        for b, length, axis, d in zip(before, lengths, axes, numbers.lhs_spec[2:], strict=True)
    ]
    changed = {**params, "lhs_dilation": (1,) * len(spread), "padding": tuple(padding)}
    result = convolution(x, lax.concatenate(parts, features), **changed)
    count = kernel.shape[features]
    phases = []
    for n, own in enumerate(itertools.product(*befores)):
        phase = lax.slice_in_dim(result, n * count, (n + 1) * count, axis=numbers.out_spec[1])
        for d, b, most, whole in zip(numbers.out_spec[2:], own, before, wholes, strict=True):
            phase = lax.slice_in_dim(phase, most - b, most - b + whole, axis=d)
        phases.append(phase)
    return phases


def _interleaved(phases: list[Any], spread: Any, axes: Any, shape: tuple[int, ...]) -> Any:
    """The phases one after the other along each axis, which is cut to its size."""
    for axis, s in reversed(list(zip(axes, spread, strict=True))):
        joined = []
        for begin in range(0, len(phases), s):
            stacked = jnp.stack(phases[begin : begin + s], axis + 1)
            sizes = list(stacked.shape)
            sizes[axis : axis + 2] = [sizes[axis] * s]
            joined.append(lax.slice_in_dim(stacked.reshape(sizes), 0, shape[axis], 1, axis))
        phases = joined
    return phases[0]

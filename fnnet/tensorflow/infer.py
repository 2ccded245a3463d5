"""What an operation will give, told before there are numbers.

A tensor is known in two *worlds*. In each, every unknown size is some number, another one in the other world:
a size that comes out equal in both does not depend on the unknown ones. In each world `jax.eval_shape` tells
what the operation's function gives. Integers made of sizes (`tf.shape(x)[0]`) are computed there, so that a
shape made of them is known as well.
"""

from __future__ import annotations

import itertools
import math
import re
from collections.abc import Callable, Iterator, Sequence
from typing import Any, TypeAlias

import jax
import jax.numpy as jnp
import numpy as np

World: TypeAlias = Any
"""A NumPy array (known integers) or a ShapeDtypeStruct (known shape)."""
Known: TypeAlias = tuple[tuple[World, ...] | None, Any]
"""The worlds of a tensor, None if its rank is unknown; and its dtype."""

SIZES = (27720, 55440)  # divisible by what reshapes divide by, and no size that a program would name
FEW = 4096
_NO_VALUE = (jax.errors.ConcretizationTypeError, jax.errors.TracerArrayConversionError)


def worlds_of(shape: Sequence[int | None] | None, dtype: Any) -> tuple[World, ...] | None:
    """The worlds of a tensor of such a shape, None for unknown rank."""
    if shape is None:
        return None
    return tuple(jax.ShapeDtypeStruct([size if d is None else d for d in shape], dtype) for size in SIZES)


def shape_of(worlds: Sequence[World] | None) -> list[int | None] | None:
    """The sizes that all worlds agree on, None for the others; None for unknown rank."""
    if worlds is None or len({len(np.shape(world)) for world in worlds}) > 1:
        return None
    every = zip(*(np.shape(world) for world in worlds), strict=True)
    return [sizes[0] if len(set(sizes)) == 1 else None for sizes in every]


def without_guesses(text: str) -> str:
    """An error's text with question marks for the sizes that are not known."""
    is_guess = lambda number: number > 0 and number % SIZES[0] == 0  # noqa: E731
    return re.sub(r"\d+", lambda found: "?" if is_guess(int(found[0])) else found[0], text)


def is_known(value: Any) -> bool:
    """Whether these are integers, few enough to be computed with before the program runs."""
    return isinstance(value, np.ndarray | np.generic) and value.dtype.kind in "biu" and value.size <= FEW


def call(function: Callable[..., Any], inputs: Sequence[Any], static: frozenset[int]) -> list[Any]:
    """The results of a pure function, inside a trace: NumPy's if all inputs are known integers, and few."""

    def compute() -> list[Any]:
        results = function(*[v if i in static else jnp.asarray(v) for i, v in enumerate(inputs)])
        return list(results) if isinstance(results, tuple | list) else [results]

    if not inputs or not all(map(is_known, inputs)):
        return compute()
    if any(math.prod(each.shape) > FEW for each in jax.eval_shape(compute)):
        return compute()
    with jax.ensure_compile_time_eval():
        results = compute()
    made = [r if isinstance(r, jax.core.Tracer) else np.asarray(r) for r in results]
    return [known if is_known(known) else r for r, known in zip(results, made, strict=True)]


def _in_world(function: Callable[..., Any], inputs: Sequence[World], static: frozenset[int]) -> list[World]:
    known: dict[int, np.ndarray] = {}

    def traced(*arrays: Any) -> list[Any]:
        given = iter(arrays)
        results = call(function, [v if is_known(v) else next(given) for v in inputs], static)
        known.update({i: r for i, r in enumerate(results) if isinstance(r, np.ndarray)})
        return results

    with jax.enable_x64(True):
        unknown = [jax.ShapeDtypeStruct(np.shape(v), v.dtype) for v in inputs if not is_known(v)]
        shapes = jax.eval_shape(traced, *unknown)
    return [known.get(i, shape) for i, shape in enumerate(shapes)]


def infer(function: Callable[..., Any], inputs: Sequence[Known], static: frozenset[int]) -> list[Known]:
    """What each output will be. Raises what the function raises if no sizes fit."""
    refusal: Exception | None = None
    if all(worlds is not None for worlds, _ in inputs):
        first, second = ([worlds[w] for worlds, _ in inputs if worlds is not None] for w in (0, 1))
        try:
            found = _in_world(function, first, static)
            same = all(a is b for a, b in zip(first, second, strict=True))
            pairs = zip(found, found if same else _in_world(function, second, static), strict=True)
            return [(pair, pair[0].dtype) for pair in pairs]
        except _NO_VALUE:
            pass  # of a shape that the function needs
        except Exception as error:
            refusal = error
    return _by_trial(function, inputs, static, refusal)


def _by_trial(
    function: Callable[..., Any], inputs: Sequence[Known], static: frozenset[int], refusal: Exception | None
) -> list[Known]:
    """Where not every size may be unknown: (?,) + (5,) fits if ? is 5 or 1. What all that fits agrees on."""
    shapes = [shape_of(worlds) for worlds, _ in inputs]
    whole = [tuple(shape) for shape in shapes if shape is not None and None not in shape]
    numbers = [int(n) for worlds, _ in inputs if worlds and is_known(worlds[0]) for n in np.ravel(worlds[0])]
    occurring = {d for shape in shapes for d in shape or () if d} | {n for n in numbers if n > 0} | {1}
    sizes = [*SIZES, *sorted(occurring)]

    def fitting(i: int) -> Iterator[World]:
        (worlds, dtype), shape = inputs[i], shapes[i]
        if worlds is not None and is_known(worlds[0]):
            yield worlds[0]
        elif i in static:
            lengths = itertools.product(*(range(5) if d is None else [d] for d in shape or ()))
            yield from (np.full(each, n, dtype) for each in lengths for n in (*SIZES, 0, 1))
        elif shape is None:
            ranks = dict.fromkeys([(), *whole, *((n,) * r for r in (1, 2, 3, 4) for n in (SIZES[0], 1))])
            yield from (jax.ShapeDtypeStruct(each, dtype) for each in ranks)
        else:
            choices = itertools.product(*(sizes if d is None else [d] for d in shape))
            yield from (jax.ShapeDtypeStruct(each, dtype) for each in choices)

    found: list[list[World]] = []
    for trial in itertools.islice(itertools.product(*map(fitting, range(len(inputs)))), 400):
        try:
            found.append(_in_world(function, trial, static))
        except Exception as error:
            refusal = refusal or error
    if refusal is not None and len({len(each) for each in found}) != 1:
        raise refusal
    outputs = zip(*found, strict=True)
    return [(worlds_of(shape_of(each), each[0].dtype), each[0].dtype) for each in map(list, outputs)]

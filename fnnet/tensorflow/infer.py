"""What an operation will give, told before there are numbers: shapes with unknown sizes.

Each tensor carries two *worlds*. In each every unknown size is some number, another one in the other world;
a size that comes out equal in both does not depend on the unknown ones. Integers that are known in a world
(sizes from `tf.shape`) are computed there, so that a shape made of them is known as well.
"""

from __future__ import annotations

import itertools
import re
from collections.abc import Callable, Sequence
from typing import Any, TypeAlias

import jax
import jax.numpy as jnp
import numpy as np

World: TypeAlias = Any
"""A numpy array (known numbers), a ShapeDtypeStruct (known shape), or an Unknown (known dtype)."""


_NO_VALUE = (jax.errors.ConcretizationTypeError, jax.errors.TracerArrayConversionError)


def without_guesses(text: str) -> str:
    """An error's text with question marks for the sizes that are not known."""
    return re.sub(
        r"\d+", lambda found: "?" if int(found[0]) and int(found[0]) % SIZES[0] == 0 else found[0], text
    )


SIZES = (27720, 55440)  # divisible by what reshapes divide by, and no size that a program would name


class Unknown:
    """An array of unknown rank."""

    def __init__(self, dtype: Any) -> None:
        self.dtype = np.dtype(dtype)


def unknown_sizes(shape: Sequence[int | None] | None, dtype: Any) -> tuple[World, ...]:
    """The worlds of an array whose sizes may be unknown."""
    if shape is None:
        return tuple(Unknown(dtype) for _ in SIZES)
    return tuple(
        jax.ShapeDtypeStruct(tuple(size if dim is None else dim for dim in shape), dtype) for size in SIZES
    )


def common_shape(worlds: Sequence[World]) -> list[int | None] | None:
    """The sizes that all worlds agree on, None for the others; None for unknown rank."""
    if any(isinstance(world, Unknown) for world in worlds) or len({len(world.shape) for world in worlds}) > 1:
        return None
    return [
        sizes[0] if len(set(sizes)) == 1 else None for sizes in zip(*(w.shape for w in worlds), strict=True)
    ]


def is_known(value: Any) -> bool:
    """Whether these are integers, few enough to be computed with before the program runs."""
    return isinstance(value, np.ndarray | np.generic) and value.dtype.kind in "biu" and value.size <= 4096


def call(
    function: Callable[..., Any],
    inputs: Sequence[Any],
    static: frozenset[int],
    pure: bool = True,
    as_they_are: bool = False,
) -> list[Any]:
    """The results of an operation, inside a trace: NumPy's if it is pure and all inputs known integers."""
    known = pure and all(is_known(value) for value in inputs) and bool(inputs)
    given = [value if i in static or as_they_are else jnp.asarray(value) for i, value in enumerate(inputs)]
    if not known:
        results = function(*given)
        return list(results) if isinstance(results, tuple | list) else [results]
    with jax.ensure_compile_time_eval():
        results = function(*[v if i in static else jnp.asarray(v) for i, v in enumerate(inputs)])
    results = list(results) if isinstance(results, tuple | list) else [results]
    return [
        np.asarray(r) if not isinstance(r, jax.core.Tracer) and is_known(np.asarray(r)) else r
        for r in results
    ]


def _in_world(function: Callable[..., Any], inputs: Sequence[World], static: frozenset[int]) -> list[World]:
    known: dict[int, np.ndarray] = {}

    def traced(*arrays: Any) -> list[Any]:
        given = iter(arrays)
        values = [value if is_known(value) else next(given) for value in inputs]
        results = call(function, values, static)
        known.update({i: r for i, r in enumerate(results) if isinstance(r, np.ndarray)})
        return results

    open_inputs = [jax.ShapeDtypeStruct(np.shape(v), v.dtype) for v in inputs if not is_known(v)]
    with jax.enable_x64(True):
        shapes = jax.eval_shape(traced, *open_inputs)
    return [known.get(i, shape) for i, shape in enumerate(shapes)]


def infer(
    function: Callable[..., Any], inputs: Sequence[tuple[World, ...]], static: frozenset[int]
) -> list[tuple[World, ...]]:
    """The worlds of each output. Raises what the function raises if no sizes fit."""
    worlds = [[each[w] for each in inputs] for w in range(len(SIZES))]
    if any(isinstance(value, Unknown) for world in worlds for value in world):
        return _of_unknown_rank(function, worlds[0], static)
    try:
        found = [_in_world(function, world, static) for world in worlds]
    except _NO_VALUE:
        return _data_dependent(function, worlds[0], static)
    except Exception:
        found = _with_fitting_sizes(function, worlds, static)
    return [tuple(each) for each in zip(*found, strict=True)]


def _with_fitting_sizes(
    function: Callable[..., Any], worlds: list[list[World]], static: frozenset[int]
) -> list[list[World]]:
    """Where not every size may be unknown: (?,) + (5,) fits if ? is 5 or 1. Tries the sizes that occur."""
    shapes = [common_shape([a, b]) or [] for a, b in zip(*worlds, strict=True)]
    holes = [(i, d) for i, shape in enumerate(shapes) for d, size in enumerate(shape) if size is None]
    numbers = {int(n) for v in worlds[0] if is_known(v) for n in np.ravel(v) if n > 0}
    sizes = sorted({size for shape in shapes for size in shape if size is not None} | {1} | numbers)
    found, refusal = [], None
    for choice in itertools.islice(itertools.product([*SIZES, *sizes], repeat=len(holes)), 400):
        trial = list(worlds[0])
        for i, shape in enumerate(shapes):
            chosen = {d: size for (j, d), size in zip(holes, choice, strict=True) if j == i}
            if chosen:
                sized = tuple(chosen.get(d, size) for d, size in enumerate(shape))
                trial[i] = jax.ShapeDtypeStruct(sized, trial[i].dtype)
        try:
            found.append(_in_world(function, trial, static))
        except Exception as error:
            refusal = refusal or error
    if not found:
        assert refusal is not None
        raise refusal
    outputs = [
        unknown_sizes(common_shape([each[i] for each in found]), found[0][i].dtype)
        for i in range(len(found[0]))
    ]
    return [list(world) for world in zip(*outputs, strict=True)]


def _of_unknown_rank(
    function: Callable[..., Any], world: list[World], static: frozenset[int]
) -> list[tuple[World, ...]]:
    """Outputs for inputs of unknown rank: what all ranks and sizes that the function accepts agree on."""
    found, refusal = [], None
    known = [tuple(np.shape(v)) for v in world if not isinstance(v, Unknown)]
    sizes = list(dict.fromkeys([SIZES[0], 1, *(size for shape in known for size in shape)]))
    guesses = itertools.chain(
        ((), *known),
        ((size,) * rank for rank in range(1, 5) for size in sizes),
        itertools.product(sizes, repeat=2),
    )
    for guess in itertools.islice(dict.fromkeys(guesses), 100):
        trial = [jax.ShapeDtypeStruct(guess, v.dtype) if isinstance(v, Unknown) else v for v in world]
        try:
            found.append(_in_world(function, trial, static))
        except Exception as error:
            refusal = error
    if not found:
        assert refusal is not None
        raise refusal
    outputs = []
    for i, first in enumerate(found[0]):
        shape: Any = first.shape if all(not each[i].shape for each in found) else None
        outputs.append(unknown_sizes(shape, first.dtype))
    return outputs


def _data_dependent(
    function: Callable[..., Any], world: list[World], static: frozenset[int]
) -> list[tuple[World, ...]]:
    """Outputs whose shape is an input's value: of unknown rank. Their dtype is found with sizes of one."""
    trial = [
        np.ones(value.shape if len(value.shape) < 2 and value.shape != (SIZES[0],) else (), value.dtype)
        if i in static and not is_known(value)
        else value
        for i, value in enumerate(world)
    ]
    return [unknown_sizes(None, each.dtype) for each in _in_world(function, trial, static)]

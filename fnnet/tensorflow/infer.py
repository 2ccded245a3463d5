"""What an operation will give, told before there are numbers.

A tensor is known in two *worlds*. In each, every unknown size is some number, another one in the other world:
a size that comes out equal in both does not depend on them. In a world, `jax.eval_shape` tells what the
operation's function gives. Integers made of sizes (`tf.shape(x)[0]`) are computed there, so that a shape made
of them is known as well.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Iterator, Sequence
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

GUESS = 25200  # divisible by what reshapes divide by
SIZES = (2 * GUESS, 12 * GUESS)


class Known(NamedTuple):
    """A tensor's type and worlds (known integers, or ShapeDtypeStructs; None for unknown rank)."""

    dtype: Any
    worlds: Sequence[Any] | None

    @property
    def shape(self) -> list[int | None] | None:
        """The sizes that the worlds agree on, None for the others; None for unknown rank."""
        if self.worlds is None or len({np.ndim(world) for world in self.worlds}) > 1:
            return None
        every = zip(*map(np.shape, self.worlds), strict=True)
        return [sizes[0] if len(set(sizes)) == 1 else None for sizes in every]

    def without_numbers(self, first: int = 0) -> Known:
        """The same without known integers, and without the axes before `first`."""
        shapes = [np.shape(world)[first:] for world in self.worlds or ()]
        return Known(self.dtype, [jax.ShapeDtypeStruct(s, self.dtype) for s in shapes] or None)


def of_shape(shape: Any, dtype: Any) -> Known:
    """What is known of a tensor of a shape, None for unknown rank."""
    if shape is None:
        return Known(dtype, None)
    worlds = [jax.ShapeDtypeStruct([n if d is None else d for d in shape], dtype) for n in SIZES]
    return Known(dtype, worlds if None in shape else worlds[:1] * 2)


def without_guesses(text: str) -> str:
    """A text with "?" for unknown sizes."""
    return re.sub(r"\d+", lambda n: "?" if int(n[0]) and int(n[0]) % GUESS == 0 else n[0], text)


def is_known(value: Any) -> bool:
    """Whether these are integers, few enough to be computed with before the program runs."""
    return isinstance(value, np.ndarray | np.generic) and value.dtype.kind in "biu" and value.size <= 4096


def call(function: Callable[..., Any], inputs: Sequence[Any], static: Sequence[int]) -> list[Any]:
    """The results of a pure function, inside a trace: NumPy's if all inputs are known integers, and few."""

    def compute() -> list[Any]:
        results = function(*[v if i in static else jnp.asarray(v) for i, v in enumerate(inputs)])
        return list(results) if isinstance(results, tuple | list) else [results]

    few = lambda r: r.dtype.kind in "biu" and math.prod(r.shape) <= 4096  # noqa: E731
    if not all(map(is_known, inputs)) or not all(map(few, jax.eval_shape(compute))):
        return compute()
    with jax.ensure_compile_time_eval():
        return [np.asarray(result) for result in compute()]


def _trials(inputs: Sequence[Known], static: Sequence[int]) -> Iterator[list[Any]]:
    """(?,) + (5,) fits if ? is 5 or 1: what to try for unknown sizes, ranks and integers that are fed."""

    def filled(i: int, size: int, integer: int, rank: int) -> Any:
        (dtype, worlds), known = inputs[i], inputs[i].shape
        if worlds and is_known(worlds[0]):
            return worlds[0]
        shape = [size] * rank if known is None else [size if d is None else d for d in known]
        return np.full(shape, integer, dtype) if i in static else jax.ShapeDtypeStruct(shape, dtype)

    ranks = range(5) if any(known.worlds is None for known in inputs) else range(1)
    for size in (*SIZES, 1, *{d for known in inputs for d in known.shape or () if d}):
        for integer in (size, size // 2) if static else (size,):
            yield from ([filled(i, size, integer, rank) for i in range(len(inputs))] for rank in ranks)


def infer(function: Callable[..., Any], inputs: Sequence[Known], static: Sequence[int]) -> list[Known]:
    """What each output will be. Raises what the function raises, if no unknown size is to blame."""
    refusals: list[Exception] = []

    def attempt(world: Sequence[Any]) -> list[Any]:
        known: dict[int, np.ndarray] = {}

        def traced(*arrays: Any) -> list[Any]:
            given = iter(arrays)
            results = call(function, [v if is_known(v) else next(given) for v in world], static)
            known.update({i: np.asarray(r) for i, r in enumerate(results) if is_known(r)})
            return results

        unknown = [jax.ShapeDtypeStruct(np.shape(v), v.dtype) for v in world if not is_known(v)]
        try:
            with jax.enable_x64(True):
                return [known.get(i, shape) for i, shape in enumerate(jax.eval_shape(traced, *unknown))]
        except Exception as error:
            refusals.append(error)
            return []

    worlds = [known.worlds or (None, None) for known in inputs]
    if all(known.worlds for known in inputs) and all(is_known(worlds[i][0]) for i in static):
        found = [attempt([a for a, _ in worlds])]
        found += found if all(a is b for a, b in worlds) else [attempt([b for _, b in worlds])]
        if not refusals:
            return [Known(pair[0].dtype, pair) for pair in zip(*found, strict=True)]
        if without_guesses(str(refusals[0])) == str(refusals[0]):
            raise refusals[0]
    fitting = list(filter(None, map(attempt, _trials(inputs, static))))
    if not fitting:
        raise refusals[0]
    every = [Known(each[0].dtype, each) for each in zip(*fitting, strict=True)]
    if len(fitting) > 1:
        return [of_shape(known.shape, known.dtype) for known in every]
    return [of_shape([None] * each.ndim, each.dtype) for each in fitting[0]]  # one size tells only the rank

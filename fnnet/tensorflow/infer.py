"""What an operation will give, told before there are numbers.

A tensor is known in three *worlds*. In each, every unknown size and every integer that a run is fed with is
some number, another one in another world: a size that comes out equal in all does not depend on them. In a
world, `jax.eval_shape` tells what the operation's function gives. Integers made of sizes (`tf.shape(x)[0]`)
are computed there, so that a shape made of them is known as well.
"""

from __future__ import annotations

import itertools
import math
import re
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from typing import Any, NamedTuple, TypeAlias

import jax
import jax.numpy as jnp
import numpy as np

from fnnet.tensorflow.errors import GUESS, not_mirrored

SIZES = (2 * GUESS, 4 * GUESS, 4 * GUESS)  # divisible by what reshapes divide by, and no real size
INTEGERS = (2 * GUESS, 4 * GUESS, GUESS)  # a fed integer may be an unknown size (the first two), or another
FEW = 4096
World: TypeAlias = Any
"""A NumPy array (known integers) or a ShapeDtypeStruct (known shape)."""


class Known(NamedTuple):
    """What is known of a tensor: its worlds, None if its rank is unknown, and NumPy's type."""

    worlds: Sequence[World] | None
    dtype: Any

    @property
    def shape(self) -> list[int | None] | None:
        """The sizes that all worlds agree on, None for the others; None for unknown rank."""
        return None if self.worlds is None else agreed(self.worlds)

    def reshaped(self, change: Callable[[tuple[int, ...]], tuple[int, ...]] = tuple) -> Known:
        """The same without numbers, and with the shape changed."""
        if self.worlds is None:
            return self
        shapes = [change(tuple(np.shape(world))) for world in self.worlds]
        return Known([jax.ShapeDtypeStruct(shape, self.dtype) for shape in shapes], self.dtype)


def agreed(worlds: Sequence[World]) -> list[int | None] | None:
    """The sizes that shapes agree on, None for the others; None for shapes of several ranks."""
    if len({np.ndim(world) for world in worlds}) > 1:
        return None
    every = zip(*(np.shape(world) for world in worlds), strict=True)
    return [sizes[0] if len(set(sizes)) == 1 else None for sizes in every]


def of_shape(shape: Sequence[int | None] | None, dtype: Any, fed: bool = False) -> Known:
    """What is known of a tensor of a shape, None for unknown rank; if `fed`, an integer may be a size."""
    if shape is None:
        return Known(None, dtype)
    if fed and dtype in (np.int32, np.int64) and None not in shape and len(shape) < 2:
        return Known([np.full(np.array(shape, int), n, dtype) for n in INTEGERS], dtype)
    worlds = {n: jax.ShapeDtypeStruct([n if d is None else d for d in shape], dtype) for n in SIZES}
    return Known([worlds[n] if None in shape else worlds[SIZES[0]] for n in SIZES], dtype)


def is_known(value: Any) -> bool:
    """Whether these are integers, few enough to be computed with before the program runs."""
    return isinstance(value, np.ndarray | np.generic) and value.dtype.kind in "biu" and value.size <= FEW


def require_known(inputs: Sequence[Any], static: Collection[int]) -> None:
    """Raises NotImplementedError unless the static ones among the inputs are known."""
    if not all(is_known(inputs[i]) for i in static):
        raise not_mirrored("a shape, an axis or a slice that depends on data")


def call(function: Callable[..., Any], inputs: Sequence[Any], static: Collection[int]) -> list[Any]:
    """The results of a pure function, inside a trace: NumPy's if all inputs are known integers, and few."""

    def compute() -> list[Any]:
        results = function(*[v if i in static else jnp.asarray(v) for i, v in enumerate(inputs)])
        return list(results) if isinstance(results, tuple | list) else [results]

    if not all(map(is_known, inputs)):
        return compute()
    if any(math.prod(r.shape) > FEW or r.dtype.kind not in "biu" for r in jax.eval_shape(compute)):
        return compute()
    with jax.ensure_compile_time_eval():
        return [np.asarray(result) for result in compute()]


def _in_world(function: Callable[..., Any], inputs: Sequence[World], static: Collection[int]) -> list[World]:
    require_known(inputs, static)
    known: dict[int, np.ndarray] = {}

    def traced(*arrays: Any) -> list[Any]:
        given = iter(arrays)
        results = call(function, [v if is_known(v) else next(given) for v in inputs], static)
        known.update({i: np.asarray(r) for i, r in enumerate(results) if is_known(r)})
        return results

    with jax.enable_x64(True):
        unknown = [jax.ShapeDtypeStruct(np.shape(v), v.dtype) for v in inputs if not is_known(v)]
        shapes = jax.eval_shape(traced, *unknown)
    return [known.get(i, shape) for i, shape in enumerate(shapes)]


def infer(function: Callable[..., Any], inputs: Sequence[Known], static: Collection[int]) -> list[Known]:
    """What each output will be. Raises what the function raises, if no unknown size is to blame."""
    refusals: list[Exception] = []

    def attempt(world: Sequence[World]) -> list[World] | None:
        try:
            return _in_world(function, world, static)
        except NotImplementedError:
            raise
        except Exception as error:
            refusals.append(error)
            return None

    if all(known.worlds is not None for known in inputs):
        worlds = [[known.worlds[i] for known in inputs if known.worlds] for i in range(len(SIZES))]
        found = [attempt(worlds[0])]
        for before, world in itertools.pairwise(worlds):
            same = all(a is b for a, b in zip(before, world, strict=True))
            found.append(found[-1] if same else attempt(world))
        fitting = [each for each in found if each is not None]
        if fitting:
            return [
                Known(each, each[0].dtype) for each in zip(*(w or fitting[0] for w in found), strict=True)
            ]
        if not any(int(n) and int(n) % GUESS == 0 for n in re.findall(r"\d+", str(refusals[0]))):
            raise refusals[0]
    trials = [each for each in map(attempt, _trials(inputs)) if each is not None]
    if not trials and getattr(refusals[0], "running", None) not in (None, str(refusals[0])):  # a run tells it
        return [Known(None, next(known.dtype for i, known in enumerate(inputs) if i not in static))]
    if len({len(each) for each in trials}) != 1:
        raise refusals[0]
    occurring = {d for known in inputs for d in known.shape or () if d} | {1}
    results = list[Known]()
    for each in zip(*trials, strict=False):
        shape = agreed(each) if all(known.worlds for known in inputs) else None
        sure = None if shape is None else [d if d in occurring else None for d in shape]
        results.append(of_shape(sure, each[0].dtype))
    return results


def _trials(inputs: Sequence[Known]) -> Iterator[list[World]]:
    """(?,) + (5,) fits if ? is 5 or 1: what may be tried for all unknown sizes, and for an unknown rank."""
    shapes = [known.shape for known in inputs]
    sizes = [*{d: 0 for shape in shapes for d in shape or () if d}, 1]
    whole = [(n, (n,) * rank) for rank in range(5) for n in (*SIZES[:1], *sizes)]
    for n, rank in whole if None in shapes else [(n, ()) for n in sizes]:
        filled = [rank if shape is None else tuple(n if d is None else d for d in shape) for shape in shapes]
        yield [
            known.worlds[0]
            if known.worlds and is_known(known.worlds[0])
            else jax.ShapeDtypeStruct(shape, known.dtype)
            for known, shape in zip(inputs, filled, strict=True)
        ]


def made_of(operations: Iterable[Any], fed: Sequence[Any]) -> list[int]:
    """Which fed integers a shape is made of: their numbers are a part of what is compiled."""
    every = list(operations)
    for op in every:
        every += op.inner or ()
    tensors = dict.fromkeys(op.inputs[i] for op in every for i in op.static)
    waiting = list(tensors)
    while waiting:
        op = waiting.pop().op
        inputs = () if op.type in ("Shape", "Size") else op.inputs
        more = dict.fromkeys(t for t in inputs if t not in tensors and not t.dtype.is_floating)
        tensors |= more
        waiting += more
    return [i for i, tensor in enumerate(fed) if tensor in tensors]

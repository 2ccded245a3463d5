"""Numbers drawn before a compiled run, in PyTorch's order, and fed to it.

A generator lives on the host; a compiled program cannot draw from it. But which draws a call makes is known
from its shapes alone: `ahead` traces the call abstractly, draws for as many steps as the run will take, and
returns the numbers as a pytree, of which each step takes its slice as `key=`:

    noise = ahead(lambda key: loss(params, x, y, key=key), g, steps=100)

    def step(params, noise):
        return params - 0.1 * jax.grad(loss)(params, x, y, key=noise), None

    params, _ = jax.lax.scan(step, params, noise)
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax.ad_checkpoint import checkpoint_name
from jax.typing import DTypeLike

from fnnet.random.generator import Generator
from fnnet.random.source import Shape, Source


class Draw(NamedTuple):
    """One draw: the source's method and what it is given.

    Attributes:
        method: "normal", "bernoulli", ...
        shape: of the result.
        parameters: the numbers given to the method.
        dtype: the name of the result's dtype.
        strides: the memory order in which a generator fills the result; None for row-major.
    """

    method: str
    shape: tuple[int, ...]
    parameters: tuple[float, ...]
    dtype: str
    strides: tuple[int, ...] | None = None

    def __str__(self) -> str:
        given = ", ".join([str(self.shape), *map(repr, self.parameters), self.dtype])
        return f"{self.method}({given})"

    def take(self, generator: Generator) -> np.ndarray:
        """The draw's numbers."""
        dtype = jnp.dtype(self.dtype)
        if self.method == "permutation":
            return generator.permutation(self.shape[0]).astype(dtype)
        lying = {} if self.strides is None else {"strides": self.strides}
        return getattr(generator, self.method)(self.shape, *self.parameters, dtype, **lying)

    def ask(self, source: Source) -> jax.Array:
        """The draw's numbers from any source, which knows of no memory order."""
        if self.method == "permutation":
            return source.permutation(self.shape[0])
        if self.method == "bernoulli":
            return source.bernoulli(self.shape, self.parameters[0])
        return getattr(source, self.method)(self.shape, *self.parameters, jnp.dtype(self.dtype))


class Listed:
    """The methods of a source, each as a `Draw` that `_next` answers."""

    def _next(self, draw: Draw) -> jax.Array:
        raise NotImplementedError

    def _ask(self, method: str, shape: Shape, dtype: DTypeLike, *parameters: float) -> jax.Array:
        name = jax.dtypes.canonicalize_dtype(dtype).name
        return self._next(Draw(method, tuple(shape), tuple(parameters), name))

    def uniform(self, shape: Shape, low: float, high: float, dtype: DTypeLike) -> jax.Array:
        return self._ask("uniform", shape, dtype, low, high)

    def normal(self, shape: Shape, mean: float, std: float, dtype: DTypeLike) -> jax.Array:
        return self._ask("normal", shape, dtype, mean, std)

    def truncated_normal(
        self, shape: Shape, mean: float, std: float, low: float, high: float, dtype: DTypeLike
    ) -> jax.Array:
        return self._ask("truncated_normal", shape, dtype, mean, std, low, high)

    def bernoulli(self, shape: Shape, p: float) -> jax.Array:
        return self._ask("bernoulli", shape, np.bool_, p)

    def exponential(self, shape: Shape, rate: float, dtype: DTypeLike) -> jax.Array:
        return self._ask("exponential", shape, dtype, rate)

    def integers(self, shape: Shape, low: int, high: int, dtype: DTypeLike) -> jax.Array:
        return self._ask("integers", shape, dtype, low, high)

    def permutation(self, n: int) -> jax.Array:
        return self._ask("permutation", (n,), np.int64)


class _Recorder(Listed):
    """Notes the draws; its numbers are zeros that are never computed."""

    def __init__(self) -> None:
        self.draws: list[Draw] = []

    def _next(self, draw: Draw) -> jax.Array:
        self.draws.append(draw)
        # the name says afterwards at which level of the program the draw stands
        zeros = jax.lax.full(draw.shape, 0, jnp.dtype(draw.dtype))
        return checkpoint_name(zeros, _mark(len(self.draws) - 1))


class _Replay(Listed):
    """Answers the draws, in order, with numbers drawn before."""

    def __init__(self, drawn: Drawn) -> None:
        self._drawn = drawn
        self._place = 0

    def _next(self, draw: Draw) -> jax.Array:
        place, draws = self._place, self._drawn.draws
        if place == len(draws):
            raise RuntimeError(f"ahead: the call draws {draw}, after all of its {place} draws were used")
        if draw != draws[place]:
            raise RuntimeError(
                f"ahead: draw {place} of the call is {draw}, but {draws[place]} was drawn ahead"
            )
        array = self._drawn.arrays[place]
        if array.shape != draw.shape:
            raise RuntimeError(
                f"ahead: draw {place} is {draw}, but its numbers have shape {array.shape}: give the call one "
                "step's numbers, by scanning over them or by drawn[step]"
            )
        self._place += 1
        return array


@jax.tree_util.register_pytree_node_class
class Drawn:
    """What `ahead` returns: a pytree of numbers that a call takes as `key=`, once.

    Attributes:
        draws: what was drawn for one call.
        arrays: the numbers, one array for each draw; with a leading axis for the steps if there are several.
    """

    def __init__(self, draws: tuple[Draw, ...], arrays: tuple[Any, ...]) -> None:
        self.draws = draws
        self.arrays = arrays

    def tree_flatten(self) -> tuple[tuple[Any, ...], tuple[Draw, ...]]:
        """The arrays; the draws are structure."""
        return self.arrays, self.draws

    @classmethod
    def tree_unflatten(cls, draws: tuple[Draw, ...], arrays: tuple[Any, ...]) -> Drawn:
        """The inverse."""
        return cls(draws, tuple(arrays))

    def __source__(self) -> _Replay:
        return _Replay(self)

    def __getitem__(self, step: Any) -> Drawn:
        """The numbers of one step (or of a slice of the steps)."""
        return Drawn(self.draws, tuple(array[step] for array in self.arrays))

    def __repr__(self) -> str:
        return f"{type(self).__name__}([{', '.join(map(str, self.draws))}], {self.nbytes} bytes)"

    @property
    def nbytes(self) -> int:
        """The memory that the numbers take."""
        return sum(array.nbytes for array in self.arrays)


def list_draws(call: Callable[..., Any], *args: Any, **kwargs: Any) -> tuple[Draw, ...]:
    """The draws that `call(*args, key=source, **kwargs)` makes, in order, found without computing anything.

    Raises:
        RuntimeError: if it draws inside a traced part of its own (scan, jit, cond): such a part is traced
            once, however often it runs.
    """
    recorder = _Recorder()
    # what is no array (a function, a string, a flag) stays out of the trace
    leaves, structure = jax.tree.flatten((args, kwargs))
    is_array = [isinstance(leaf, jax.Array | np.ndarray | jax.ShapeDtypeStruct) for leaf in leaves]

    def traced(arrays: list[Any]) -> None:
        fed = iter(arrays)
        merged = [next(fed) if array else leaf for leaf, array in zip(leaves, is_array, strict=True)]
        positional, named = jax.tree.unflatten(structure, merged)
        call(*positional, key=recorder, **named)

    jaxpr = jax.make_jaxpr(traced)([leaf for leaf, array in zip(leaves, is_array, strict=True) if array])
    outermost = {equation.params.get("name") for equation in jaxpr.eqns}
    for place, draw in enumerate(recorder.draws):
        if _mark(place) not in outermost:
            raise RuntimeError(
                f"ahead: the call draws {draw} inside a part that JAX traces by itself (scan, jit, cond, "
                "checkpoint): how often that part runs is not known; draw outside it"
            )
    return tuple(recorder.draws)


def _mark(place: int) -> str:
    return f"fnnet_draw_{place}"


def ahead(
    call: Callable[..., Any], generator: Generator, *args: Any, steps: int | None = None, **kwargs: Any
) -> Drawn:
    """Draw what `call(*args, key=..., **kwargs)` draws, before it runs.

    Args:
        call: what will run, with `key` as a keyword: a layer, a loss, a whole step.
        generator: where to draw; it ends where PyTorch's stands after the same calls.
        args: arguments of the call, arrays or `jax.ShapeDtypeStruct`s; only their shapes and dtypes count.
        steps: how many calls to draw for; None for one, without a leading axis.
        kwargs: more of the call's arguments (training=True, ...).

    Returns:
        A pytree accepted as `key=`. With `steps`, every array has a leading axis of that length: scan over
        it, or index it.

    Raises:
        TypeError: unless `generator` is a Generator.
        ValueError: for a negative number of steps.
        RuntimeError: if the call draws inside a scan or another traced part of its own.
    """
    if not isinstance(generator, Generator):
        raise TypeError(
            f"ahead: generator: expected a fnnet.random.Generator, got {type(generator).__name__}"
        )
    if steps is not None and steps < 0:
        raise ValueError(f"ahead: steps: expected a number >= 0, got {steps}")
    draws = list_draws(call, *args, **kwargs)
    if steps is None:
        return Drawn(draws, tuple(jnp.asarray(draw.take(generator)) for draw in draws))
    arrays = [np.empty((steps, *draw.shape), jnp.dtype(draw.dtype)) for draw in draws]
    for step in range(steps):
        for draw, array in zip(draws, arrays, strict=True):
            array[step] = draw.take(generator)
    return Drawn(draws, tuple(map(jnp.asarray, arrays)))

"""Operations that draw (dropout, rrelu, ...): their draws become inputs of the plan.

The pure function takes a random source as `key` (`dropout_key`, where `key` means something else). It is
traced once with a source that notes what is drawn, and again with the draws as arguments. At each call they
are drawn on the host from the default generator.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from fnnet.torch.chosen import chosen_source
from fnnet.torch.dtypes import of_numpy
from fnnet.torch.layout import dense_strides
from fnnet.torch.record import Value
from fnnet.torch.spec import Spec, spec_of
from fnnet.torch.tensor import Tensor, wrap

Draw = tuple[str, tuple[Any, ...], dict[str, Any]]

NOISE_LIES_AS_INPUT = frozenset({"dropout", "alpha_dropout"})
"""Operations whose noise PyTorch makes with empty_like, so that it is drawn in the input's memory order."""


def source_of(parameters: Sequence[str]) -> str:
    """Which parameter of a pure function is its random source; "" if it draws nothing."""
    return next((name for name in ("dropout_key", "key") if name in parameters), "")


def lying_as(spec: Spec, draws: list[Draw]) -> list[Draw]:
    """The draws of Booleans, in the memory order of a tensor of their shape."""
    if spec.contiguous:
        return draws
    return [
        ("bernoulli", args, {**kwargs, "strides": dense_strides(spec)})
        if name == "bernoulli" and tuple(args[0]) == tuple(spec.shape)
        else (name, args, kwargs)
        for name, args, kwargs in draws
    ]


class Noting:
    """A source that notes the draws and gives zeros, or the arrays it was given for them."""

    def __init__(self, given: list[Any] | None = None) -> None:
        self.draws: list[Draw] = []
        self._given = given

    def __source__(self) -> Any:
        return self

    def _drawn(self, name: str, args: tuple[Any, ...], kwargs: dict[str, Any], shape: Any, dtype: Any) -> Any:
        self.draws.append((name, args, kwargs))
        if self._given is not None:
            return self._given[len(self.draws) - 1]
        return jnp.zeros(shape, dtype)

    def uniform(self, shape: Any, low: Any, high: Any, dtype: Any) -> Any:
        return self._drawn("uniform", (shape, low, high, dtype), {}, shape, dtype)

    def normal(self, shape: Any, mean: Any, std: Any, dtype: Any) -> Any:
        return self._drawn("normal", (shape, mean, std, dtype), {}, shape, dtype)

    def bernoulli(self, shape: Any, p: Any) -> Any:
        return self._drawn("bernoulli", (shape, p), {}, shape, bool)

    def exponential(self, shape: Any, rate: Any, dtype: Any) -> Any:
        return self._drawn("exponential", (shape, rate, dtype), {}, shape, dtype)

    def integers(self, shape: Any, low: Any, high: Any, dtype: Any) -> Any:
        return self._drawn("integers", (shape, low, high, dtype), {}, shape, dtype)

    def permutation(self, n: int) -> Any:
        return self._drawn("permutation", (n,), {}, (n,), jnp.int64)


def draws_of(function: Callable[[Any], Any]) -> tuple[list[Draw], list[Spec]]:
    """What `function(source)` draws, and the specs of the draws."""
    source = Noting()
    shapes: list[Any] = []

    def run() -> Any:
        return function(source)

    with jax.enable_x64(True):
        jax.eval_shape(run)
        for name, args, kwargs in source.draws:
            shapes.append(jax.eval_shape(lambda n=name, a=args, k=kwargs: getattr(Noting(), n)(*a, **k)))
    return source.draws, [spec_of(one.shape, of_numpy(one.dtype)) for one in shapes]


def draw_now(draws: list[Draw], specs: list[Spec]) -> list[Tensor]:
    """The draws of one call, from the default generator or the source chosen for now."""
    from fnnet.torch.random import default_generator

    chosen = chosen_source()
    if chosen is not None:  # inside a pure function, at JAX's own precision
        return [
            wrap(Value(getattr(chosen, name)(*args)), spec)
            for (name, args, _), spec in zip(draws, specs, strict=True)
        ]
    source = default_generator.__source__()

    def drawn(name: str, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        if kwargs:  # only the generator itself knows of strides
            generator: Any = default_generator
            return jnp.asarray(generator.bernoulli(*args, np.float32, **kwargs) != 0)
        return getattr(source, name)(*args)

    with jax.enable_x64(True):
        return [wrap(Value(drawn(*draw)), spec) for draw, spec in zip(draws, specs, strict=True)]

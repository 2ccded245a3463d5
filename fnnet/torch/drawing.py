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

from fnnet.random.ahead import Draw, Listed
from fnnet.torch.chosen import chosen_source
from fnnet.torch.devices import CPU
from fnnet.torch.dtypes import of_numpy
from fnnet.torch.layout import dense_strides
from fnnet.torch.record import Value, placed_value
from fnnet.torch.spec import Spec, spec_of
from fnnet.torch.tensor import Tensor, wrap

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
        draw._replace(strides=dense_strides(spec))
        if draw.method == "bernoulli" and draw.shape == tuple(spec.shape)
        else draw
        for draw in draws
    ]


class Noting(Listed):
    """A source that notes the draws and gives zeros, or the arrays it was given for them."""

    def __init__(self, given: list[Any] | None = None) -> None:
        self.draws: list[Draw] = []
        self._given = given

    def __source__(self) -> Any:
        return self

    def _next(self, draw: Draw) -> Any:
        self.draws.append(draw)
        if self._given is not None:
            return self._given[len(self.draws) - 1]
        return jnp.zeros(draw.shape, draw.dtype)


def draws_of(function: Callable[[Any], Any]) -> tuple[list[Draw], list[Spec]]:
    """What `function(source)` draws, and the specs of the draws."""
    source = Noting()
    with jax.enable_x64(True):
        jax.eval_shape(lambda: function(source))
    return source.draws, [spec_of(draw.shape, of_numpy(jnp.dtype(draw.dtype))) for draw in source.draws]


def draw_now(draws: list[Draw], specs: list[Spec]) -> list[Tensor]:
    """The draws of one call, from the default generator or the source chosen for now."""
    from fnnet.torch.random import default_generator

    chosen = chosen_source()
    if chosen is not None:  # inside a pure function, at JAX's own precision
        return [wrap(Value(draw.ask(chosen)), spec) for draw, spec in zip(draws, specs, strict=True)]
    return [
        wrap(placed_value(draw.take(default_generator), CPU, may_alias=True), spec)
        for draw, spec in zip(draws, specs, strict=True)
    ]

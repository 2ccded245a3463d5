"""Transformations of `torch.func` in the graph: each outermost call is one node.

Its inputs are the tensors that require grad and that the call has read, arguments or not. Its derivative is
JAX's, of the call done again on tracers in their place; that is such a call itself, so that `create_graph`
gives derivatives of any order.
"""

from __future__ import annotations

import contextlib
import functools
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from fnnet.torch.autograd.function import Function
from fnnet.torch.captured import READING, TRANSFORMS, Reading
from fnnet.torch.chosen import chosen_source
from fnnet.torch.mode import MODE
from fnnet.torch.plan import conjugate
from fnnet.torch.pure import array_of, computing_at_once, flatten, tensor_of
from fnnet.torch.random import default_generator
from fnnet.torch.record import RECORD, Value
from fnnet.torch.tensor import Tensor

__all__ = ["in_graph", "is_replayed"]

_REPLAYS: list[bool] = []


def is_replayed() -> bool:
    """Whether a call is done again for its derivative."""
    return bool(_REPLAYS)


@contextlib.contextmanager
def _reading() -> Iterator[Reading]:
    reading = Reading()
    READING.append(reading)
    try:
        yield reading
    finally:
        READING.remove(reading)


@contextlib.contextmanager
def _instead(tensors: Sequence[Tensor], arrays: Sequence[Any]) -> Iterator[None]:
    """Let the tensors have these arrays as their values."""
    kept = [(one._storage, one._storage.value, one._cache, one._cached_at) for one in tensors]
    try:
        for one, array in zip(tensors, arrays, strict=True):
            if one._steps is None:
                one._storage.value = Value(array)
            else:
                one._cache, one._cached_at = Value(array), one._storage.changes
        yield
    finally:
        for one, (storage, value, cache, at) in zip(tensors, kept, strict=True):
            if one._steps is None:
                storage.value = value
            one._cache, one._cached_at = cache, at


@contextlib.contextmanager
def _drawing_again(state: Any) -> Iterator[None]:
    """Let the default generator draw what it drew from this state on."""
    now = default_generator.get_state()
    default_generator.set_state(state)
    try:
        yield
    finally:
        default_generator.set_state(now)


class _Call:
    """A call that was made: how to do it again, and the tensors of the graph that it read."""

    def __init__(self, again: Callable[[], Any], tensors: Sequence[Tensor], state: Any) -> None:
        self.again, self.tensors, self.state = again, tensors, state

    def pull(self, gradients: Sequence[Tensor | None], needs: Sequence[bool]) -> list[Tensor | None]:
        """Gradients of the tensors, of those that need them, from those of the outputs."""
        wanted = [one for one, need in zip(self.tensors, needs, strict=True) if need]

        def outputs(arrays: list[Any]) -> list[Any]:
            with _instead(wanted, arrays):
                return [array_of(leaf) for leaf in flatten(self.again())[0]]

        with jax.enable_x64(True), computing_at_once(chosen_source()), _drawing_again(self.state):
            TRANSFORMS.append(("reverse", "error"))
            _REPLAYS.append(True)
            try:
                made, pull = jax.vjp(outputs, [array_of(one) for one in wanted])
                cotangents = [_cotangent(*both) for both in zip(gradients, made, strict=True)]
                found = iter([tensor_of(conjugate(one)) for one in pull(cotangents)[0]])
            finally:
                _REPLAYS.pop()
                TRANSFORMS.pop()
        return [next(found) if need else None for need in needs]


def _cotangent(gradient: Tensor | None, array: Any) -> Any:
    """A gradient as JAX has it for this output."""
    if not jnp.issubdtype(array.dtype, jnp.inexact):
        return np.zeros(array.shape, jax.dtypes.float0)
    return jnp.zeros_like(array) if gradient is None else conjugate(array_of(gradient).astype(array.dtype))


class _Transformed(Function):
    """The node of a call. Its outputs are known when it is made."""

    @staticmethod
    def forward(ctx: Any, call: _Call, outputs: list[Tensor], *tensors: Tensor) -> Any:
        ctx.call = call
        ctx.set_materialize_grads(False)
        ctx.mark_non_differentiable(*[one for one in outputs if not one._spec.differentiable])
        return tuple(outputs)

    @staticmethod
    def backward(ctx: Any, *gradients: Any) -> Any:
        needs = ctx.needs_input_grad[2:]
        return None, None, *in_graph(ctx.call.pull)(list(gradients), needs)


def in_graph(function: Callable[..., Any]) -> Callable[..., Any]:
    """A transformed function whose outermost calls leave a node in the graph."""

    @functools.wraps(function)
    def called(*args: Any, **kwargs: Any) -> Any:
        if TRANSFORMS or READING or RECORD.immediate or not MODE.enabled:
            return function(*args, **kwargs)
        state = default_generator.get_state()
        with _reading() as reading:
            made = function(*args, **kwargs)
        tensors = list(reading.tensors.values())
        leaves, rebuild = flatten(made)
        if not tensors or not any(one._spec.differentiable for one in leaves):
            return made
        call = _Call(lambda: function(*args, **kwargs), tensors, state)
        return rebuild(list(_Transformed.apply(call, leaves, *tensors)))

    return called

"""Operations that draw: the noise comes from the default generator, in PyTorch's order, as a recorded input.

Which draws a call makes is found once for its shapes by tracing it (`fnnet.random.ahead`); afterwards a call
costs the drawing and one recorded operation.
"""

from __future__ import annotations

import dataclasses
import inspect
from collections.abc import Callable
from typing import Any

import jax
import numpy as np

from fnnet.functional.operation import Operation
from fnnet.random.ahead import Draw, Drawn, list_draws
from fnnet.torch.call import call, key_of
from fnnet.torch.operation import Op
from fnnet.torch.random import default_generator
from fnnet.torch.tensor import Tensor, from_array

__all__ = ["draws", "random_function"]

_MEMORY_ORDER = frozenset({"dropout", "alpha_dropout"})
"""Operations whose noise is made with empty_like, so that it lies in memory as their input does."""


def draws(declared: Operation) -> bool:
    """Whether an operation draws random numbers."""
    return "key" in inspect.signature(declared.function).parameters


def _with_noise(declared: Operation, wanted: tuple[Draw, ...]) -> Operation:
    """The operation with its noise as first argument."""
    signature = inspect.signature(declared.function)

    def function(noise: tuple[Any, ...], *args: Any, **kwargs: Any) -> Any:
        return declared.function(*args, **kwargs, key=Drawn(wanted, noise) if wanted else None)

    kept = [parameter for name, parameter in signature.parameters.items() if name != "key"]
    noise = inspect.Parameter("noise", inspect.Parameter.POSITIONAL_OR_KEYWORD)
    function.__signature__ = signature.replace(parameters=[noise, *kept])  # type: ignore[attr-defined]
    return dataclasses.replace(declared, function=function)


def random_function(declared: Operation) -> Callable[..., Any]:
    """The function that users call: like the declared one, but drawing from the default generator."""
    probe = Op(declared)
    operations: dict[tuple[Draw, ...], tuple[Op, Op]] = {}
    found: dict[Any, tuple[Draw, ...]] = {}

    def abstract(value: Any) -> Any:
        return value._spec.aval if isinstance(value, Tensor) else value

    def function(*args: Any, inplace: bool = False, **kwargs: Any) -> Any:
        kwargs.pop("key", None)
        key = tuple(key_of(probe, args, kwargs)[0])
        wanted = found.get(key)
        if wanted is None:
            with jax.enable_x64(True):
                named = {name: abstract(value) for name, value in kwargs.items()}
                wanted = found[key] = list_draws(declared.function, *map(abstract, args), **named)
        if wanted not in operations:
            noisy = _with_noise(declared, wanted)
            operations[wanted] = Op(noisy), Op(noisy, in_place=True)
        noise = tuple(from_array(_take(draw, declared.name, args)) for draw in wanted)
        if not inplace:
            return call(operations[wanted][0], (noise, *args), kwargs)
        if not args:
            args = (kwargs.pop("input"),)
        result = call(operations[wanted][0], (noise, *args), kwargs)
        return args[0].copy_(result)

    function.__name__ = function.__qualname__ = declared.name
    function.__doc__ = declared.function.__doc__
    return function


def _take(draw: Draw, name: str, args: tuple[Any, ...]) -> np.ndarray[Any, Any]:
    generator = default_generator.stream
    if name in _MEMORY_ORDER and args and tuple(args[0].shape) == draw.shape and not args[0].is_contiguous():
        return generator.bernoulli(
            draw.shape, draw.parameters[0], np.dtype(draw.dtype), strides=args[0].stride()
        )
    return draw.take(generator)

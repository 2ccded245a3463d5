"""torch.nn.init: the initialisers of `fnnet.init`, filling tensors in place from PyTorch's own streams."""

from __future__ import annotations

import inspect as _inspect
import warnings as _warnings
from collections.abc import Callable as _Callable
from typing import Any as _Any

import jax as _jax

from fnnet import init as _init
from fnnet.init import calculate_gain as calculate_gain
from fnnet.torch.devices import META as _META
from fnnet.torch.drawing import Noting as _Noting
from fnnet.torch.dtypes import of_numpy as _of_numpy
from fnnet.torch.mode import no_grad as _no_grad
from fnnet.torch.random import default_generator as _default_generator
from fnnet.torch.tensor import Tensor as _Tensor
from fnnet.torch.tensor import from_array as _from_array

_DRAWING = (
    "uniform", "normal", "trunc_normal", "xavier_uniform", "xavier_normal", "kaiming_uniform",
    "kaiming_normal", "orthogonal", "sparse",
)  # fmt: skip
_FIXED = ("constant", "zeros", "ones", "eye", "dirac")


class _Order:
    """Draws in the memory order of the tensor that is filled, as PyTorch's `tensor.uniform_()` does."""

    def __init__(self, generator: _Any, tensor: _Tensor, name: str) -> None:
        self._generator, self._spec = generator, tensor._spec
        self._lies = not tensor._spec.contiguous and name != "orthogonal"  # which fills a matrix of its own

    def __source__(self) -> _Any:
        return self

    def __getattr__(self, name: str) -> _Any:
        drawing = getattr(self._generator, "randperm" if name == "permutation" else name)

        def draw(shape: _Any, *arguments: _Any) -> _Any:
            if name == "permutation":
                return _jax.numpy.asarray(drawing(shape))
            spec = self._spec
            lies = self._lies and tuple(shape) == tuple(spec.shape)
            return _jax.numpy.asarray(
                drawing(tuple(shape), *arguments, **({"strides": spec.strides} if lies else {}))
            )

        return draw


def _filler(name: str, drawing: bool) -> _Callable[..., _Tensor]:
    make = getattr(_init, name)
    options = [p for p in _inspect.signature(make).parameters.values() if p.name not in ("shape", "dtype")]
    tensor = _inspect.Parameter("tensor", _inspect.Parameter.POSITIONAL_OR_KEYWORD, annotation=_Tensor)
    own = _inspect.Parameter("generator", _inspect.Parameter.POSITIONAL_OR_KEYWORD, default=None)
    taken = [tensor, *options[1:], own] if drawing else [tensor, *options]
    signature = _inspect.Signature(taken, return_annotation=_Tensor)

    def fill(*args: _Any, **kwargs: _Any) -> _Tensor:
        try:
            bound = signature.bind(*args, **kwargs)
        except TypeError as error:
            raise TypeError(f"{name}_() {error}") from None
        target = bound.arguments.pop("tensor")
        generator = bound.arguments.pop("generator", None)
        shape, dtype = tuple(target.shape), target.dtype.numpy
        source = (_Order(generator or _default_generator, target, name),) if drawing else ()
        if 0 in shape and name.startswith("kaiming"):
            _warnings.warn("Initializing zero-element tensors is a no-op", stacklevel=2)
            return target
        if target.device is _META:
            with _jax.enable_x64(True):  # nothing is drawn, but the arguments are checked
                noting = (_Noting(),) if drawing else ()
                _jax.eval_shape(lambda: make(*noting, shape, **bound.arguments, dtype=dtype))
            return target
        with _jax.enable_x64(True):
            values = make(*source, shape, **bound.arguments, dtype=dtype)
        with _no_grad():
            made = _from_array(values)
            assert made.dtype is _of_numpy(dtype)
            return target.copy_(made)

    fill.__name__ = fill.__qualname__ = name + "_"
    fill.__doc__ = f"Fill `tensor` in place. {make.__doc__}"
    fill.__signature__ = signature  # type: ignore[attr-defined]
    return fill


for _name in _DRAWING + _FIXED:
    globals()[_name + "_"] = _filler(_name, _name in _DRAWING)


def _calculate_fan_in_and_fan_out(tensor: _Tensor) -> tuple[int, int]:
    return _init.fan_in_and_fan_out(tuple(tensor.shape))


def _calculate_correct_fan(tensor: _Tensor, mode: str) -> int:
    modes = ["fan_in", "fan_out"]
    if mode.lower() not in modes:
        raise ValueError(f"Mode {mode.lower()} not supported, please use one of {modes}")
    return _calculate_fan_in_and_fan_out(tensor)[modes.index(mode.lower())]


def _deprecated(name: str) -> _Callable[..., _Tensor]:
    def old(*args: _Any, **kwargs: _Any) -> _Tensor:
        _warnings.warn(
            f"`nn.init.{name}` is now deprecated in favor of `nn.init.{name}_`.", FutureWarning, stacklevel=2
        )
        return globals()[name + "_"](*args, **kwargs)

    old.__name__ = old.__qualname__ = name
    return old


for _name in (*_DRAWING, *_FIXED):
    if _name not in ("trunc_normal", "zeros", "ones"):
        globals()[_name] = _deprecated(_name)


def __getattr__(name: str) -> _Any:
    raise AttributeError(f"module 'torch.nn.init' has no attribute '{name}' in fnnet (fnnet.torch.nn.init)")

"""torch.nn.functional, derived from the declarations in `fnnet.functional`."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from fnnet.functional.operation import OPERATIONS as _DECLARED
from fnnet.torch.declare import OPS as _OPS
from fnnet.torch.declare import function_of as _function_of
from fnnet.torch.declare import in_place_of as _in_place_of
from fnnet.torch.declare import with_inplace_flag as _with_inplace_flag
from fnnet.torch.mode import no_grad as _no_grad
from fnnet.torch.nn.noise import draws as _draws
from fnnet.torch.nn.noise import random_function as _random_function
from fnnet.torch.tensor import Tensor as _Tensor

OPERATIONS: dict[str, Callable[..., Any]] = {}
"""By declared name: what a call of the operation does when it is given tensors."""


def _derive() -> None:
    for name, declared in _DECLARED.items():
        if _draws(declared):
            function = _random_function(declared)
        elif declared.in_place:
            function = _with_inplace_flag(_function_of(_OPS[name]), _in_place_of(_OPS[name]))
        else:
            function = _function_of(_OPS[name])
        OPERATIONS[name] = function
        if "nn.functional" in declared.spellings:
            for spelling in (declared.spelled or name, *declared.aliases):
                globals()[spelling] = function
                if declared.in_place:
                    globals()[spelling + "_"] = _changing(function)


def _changing(function: Callable[..., Any]) -> Callable[..., Any]:
    def changing(*args: Any, **kwargs: Any) -> Any:
        return function(*args, **kwargs, inplace=True)

    changing.__name__ = function.__name__ + "_"
    return changing


_derive()


def batch_norm(
    input: _Tensor,
    running_mean: _Tensor | None,
    running_var: _Tensor | None,
    weight: _Tensor | None = None,
    bias: _Tensor | None = None,
    training: bool = False,
    momentum: float = 0.1,
    eps: float = 1e-5,
) -> _Tensor:
    """Batch normalisation; in training it moves the running statistics in place."""
    output = OPERATIONS["batch_norm"](input, running_mean, running_var, weight, bias, training, eps=eps)
    if training:
        _move(OPERATIONS["batch_norm_statistics"], input, running_mean, running_var, momentum)
    return output


def instance_norm(
    input: _Tensor,
    running_mean: _Tensor | None = None,
    running_var: _Tensor | None = None,
    weight: _Tensor | None = None,
    bias: _Tensor | None = None,
    use_input_stats: bool = True,
    momentum: float = 0.1,
    eps: float = 1e-5,
) -> _Tensor:
    """Instance normalisation; with input statistics it moves the running ones, if given, in place."""
    output = OPERATIONS["instance_norm"](
        input, running_mean, running_var, weight, bias, use_input_stats, eps=eps
    )
    if use_input_stats:
        _move(OPERATIONS["instance_norm_statistics"], input, running_mean, running_var, momentum)
    return output


def _move(statistics: Callable[..., Any], input: _Tensor, mean: Any, var: Any, momentum: float) -> None:
    if mean is None or var is None:
        return
    with _no_grad():
        new_mean, new_var = statistics(input, mean, var, momentum)
        mean.copy_(new_mean)
        var.copy_(new_var)

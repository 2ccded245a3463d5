"""torch.nn.grad: the gradients of convolutions by their input and by their weight."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from fnnet.torch.autograd import grad as _grad
from fnnet.torch.creation import zeros
from fnnet.torch.mode import enable_grad
from fnnet.torch.nn.functional import OPERATIONS
from fnnet.torch.tensor import Tensor

__all__ = [f"conv{n}d_{what}" for n in (1, 2, 3) for what in ("input", "weight")]


def _by_input(dimensions: int) -> Callable[..., Tensor]:
    convolve: Any = OPERATIONS[f"conv{dimensions}d"]

    def gradient(
        input_size: Sequence[int],
        weight: Tensor,
        grad_output: Tensor,
        stride: Any = 1,
        padding: Any = 0,
        dilation: Any = 1,
        groups: int = 1,
    ) -> Tensor:
        with enable_grad():
            input = zeros(*input_size, dtype=grad_output.dtype, device=grad_output.device, requires_grad=True)
            output = convolve(input, weight.detach(), None, stride, padding, dilation, groups)
        return _grad(output, input, grad_output)[0]

    gradient.__name__ = gradient.__qualname__ = f"conv{dimensions}d_input"
    gradient.__doc__ = f"The gradient of conv{dimensions}d by an input of that size."
    return gradient


def _by_weight(dimensions: int) -> Callable[..., Tensor]:
    convolve: Any = OPERATIONS[f"conv{dimensions}d"]

    def gradient(
        input: Tensor,
        weight_size: Sequence[int],
        grad_output: Tensor,
        stride: Any = 1,
        padding: Any = 0,
        dilation: Any = 1,
        groups: int = 1,
    ) -> Tensor:
        with enable_grad():
            place = {"dtype": grad_output.dtype, "device": grad_output.device}
            weight = zeros(*weight_size, requires_grad=True, **place)
            output = convolve(input.detach(), weight, None, stride, padding, dilation, groups)
        return _grad(output, weight, grad_output)[0]

    gradient.__name__ = gradient.__qualname__ = f"conv{dimensions}d_weight"
    gradient.__doc__ = f"The gradient of conv{dimensions}d by a weight of that size."
    return gradient


for _n in (1, 2, 3):
    globals()[f"conv{_n}d_input"] = _by_input(_n)
    globals()[f"conv{_n}d_weight"] = _by_weight(_n)

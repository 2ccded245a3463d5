"""Gradients kept within bounds."""

from __future__ import annotations

import warnings
from collections.abc import Iterable
from typing import Any

from fnnet.torch.call import call
from fnnet.torch.creation import tensor
from fnnet.torch.declare import OPS
from fnnet.torch.mode import no_grad
from fnnet.torch.sparse_layouts.tensors import refusal
from fnnet.torch.spec import Spec
from fnnet.torch.tensor import Tensor

__all__ = ["clip_grad_norm", "clip_grad_norm_", "clip_grad_value_", "clip_grads_with_norm_", "get_total_norm"]

Parameters = Tensor | Iterable[Tensor]


def _listed(parameters: Parameters) -> list[Tensor]:
    return [parameters] if isinstance(parameters, Tensor) else list(parameters)


def _gradients(parameters: Parameters) -> list[Tensor]:
    return [parameter.grad for parameter in _listed(parameters) if parameter.grad is not None]


@no_grad()
def get_total_norm(
    tensors: Parameters,
    norm_type: float = 2.0,
    error_if_nonfinite: bool = False,
    foreach: bool | None = None,
) -> Tensor:
    """The norm of all tensors together, as of one vector."""
    listed = _listed(tensors)
    if not listed:
        return tensor(0.0)
    for one in listed:
        if type(one._spec) is not Spec:
            raise refusal("linalg_vector_norm", one)
    norms = [_norm(one, float(norm_type)) for one in listed]
    total = _norm(call(OPS["stack"], ([norm.to(norms[0].device) for norm in norms],), {}), float(norm_type))
    if error_if_nonfinite and not bool(total.isfinite()):
        raise RuntimeError(
            f"The total norm of order {float(norm_type)} for gradients from `parameters` is non-finite, so "
            "it cannot be clipped. To disable this error and scale the gradients by the non-finite norm "
            "anyway, set `error_if_nonfinite=False`"
        )
    return total


def _norm(one: Tensor, order: float) -> Tensor:
    return one.norm(order)


@no_grad()
def clip_grads_with_norm_(
    parameters: Parameters, max_norm: float, total_norm: Tensor, foreach: bool | None = None
) -> None:
    """Scale the gradients by max_norm / total_norm where that is below 1."""
    gradients = _gradients(parameters)
    if not gradients:
        return
    factor: Any = total_norm + 1e-6  # type: ignore[operator]
    factor = (float(max_norm) / factor).clamp(max=1.0)
    for gradient in gradients:
        gradient.mul_(factor.to(gradient.device))


def clip_grad_norm_(
    parameters: Parameters,
    max_norm: float,
    norm_type: float = 2.0,
    error_if_nonfinite: bool = False,
    foreach: bool | None = None,
) -> Tensor:
    """Scale the gradients in place so that their total norm is at most `max_norm`. Gives the norm before."""
    listed = _listed(parameters)
    total = get_total_norm(_gradients(listed), norm_type, error_if_nonfinite, foreach)
    clip_grads_with_norm_(listed, max_norm, total, foreach)
    return total


def clip_grad_norm(
    parameters: Parameters,
    max_norm: float,
    norm_type: float = 2.0,
    error_if_nonfinite: bool = False,
    foreach: bool | None = None,
) -> Tensor:
    """clip_grad_norm_ under its old name."""
    warnings.warn(
        "`torch.nn.utils.clip_grad_norm` is now deprecated in favor of `torch.nn.utils.clip_grad_norm_`.",
        FutureWarning,
        stacklevel=2,
    )
    return clip_grad_norm_(parameters, max_norm, norm_type, error_if_nonfinite, foreach)


@no_grad()
def clip_grad_value_(parameters: Parameters, clip_value: float, foreach: bool | None = None) -> None:
    """Clip every element of the gradients, in place, to [-clip_value, clip_value]."""
    bound: Any = float(clip_value)
    for gradient in _gradients(parameters):
        gradient.clamp_(-bound, bound)

"""torch.autograd.forward_ad: tangents beside tensors.

A dual tensor is `primal + level * tangent`, where the level is a leaf that holds 0, so that every operation
notes how its result depends on the level. The tangent of a result is its derivative by the level; it is taken
by going backward twice, for what goes backward once is linear in the gradient that it starts from. A gradient
computed within a level has a tangent only if it was computed with `create_graph=True`.
"""

from __future__ import annotations

from types import TracebackType
from typing import Any, NamedTuple

from fnnet.torch.autograd.backward import grad
from fnnet.torch.creation import zeros, zeros_like
from fnnet.torch.mode import enable_grad
from fnnet.torch.tensor import Tensor

__all__ = [
    "UnpackedDualTensor",
    "dual_level",
    "enter_dual_level",
    "exit_dual_level",
    "make_dual",
    "unpack_dual",
]

_LEVELS: list[Any] = []


class UnpackedDualTensor(NamedTuple):
    """What `unpack_dual` gives: the value, and its tangent or None."""

    primal: Tensor
    tangent: Tensor | None


def enter_dual_level() -> int:
    """Enter a level of forward differentiation. Raises RuntimeError within another."""
    if _LEVELS:
        raise RuntimeError(
            "Nested forward mode AD is not supported at the moment. Please exit the current level first."
        )
    _LEVELS.append({})
    return 0


def exit_dual_level(*, level: int | None = None) -> None:
    """Leave the level: tensors lose their tangents."""
    if not _LEVELS:
        raise RuntimeError("Dual level must be a positive number: no level of forward AD is active.")
    _LEVELS.pop()


class dual_level:
    """A level of forward differentiation, as a context."""

    def __enter__(self) -> int:
        return enter_dual_level()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        exit_dual_level()


def _leaf(tensor: Tensor) -> Tensor:
    """The level's leaf of the tensor's dtype and device."""
    key = (tensor.dtype, tensor.device)
    if key not in _LEVELS[-1]:
        _LEVELS[-1][key] = zeros((), dtype=tensor.dtype, device=tensor.device, requires_grad=True)
    found: Tensor = _LEVELS[-1][key]
    return found


def make_dual(tensor: Tensor, tangent: Tensor, *, level: Any = None) -> Tensor:
    """The tensor with a tangent of its shape and dtype.

    Raises RuntimeError outside of a level and for a tangent of another shape, ValueError for tensors that are
    not of a floating dtype.
    """
    if not _LEVELS:
        raise RuntimeError(
            "Trying to create a dual Tensor for forward AD but no level exists, make sure to "
            "enter_dual_level() first."
        )
    for name, one in (("primal", tensor), ("tangent", tangent)):
        if not one._spec.differentiable:
            raise ValueError(f"Expected {name} to be floating point or complex, but got: {one.dtype}")
    if tensor.shape != tangent.shape:
        raise RuntimeError(
            "Trying to set a forward gradient that has a different size than that of the original Tensor, "
            f"this is not supported. Tensor is of size {list(tensor.shape)} while the given forward gradient "
            f"is of size {list(tangent.shape)}."
        )
    with enable_grad():
        step: Any = _leaf(tensor)
        made: Tensor = step * tangent + tensor
    return made


def unpack_dual(tensor: Tensor, *, level: int | None = None) -> UnpackedDualTensor:
    """The value and the tangent of a tensor; the tangent is None if nothing with a tangent led to it."""
    if not _LEVELS or not tensor.requires_grad:
        return UnpackedDualTensor(tensor, None)
    with enable_grad():
        start = zeros_like(tensor, requires_grad=True)
        tangent: Tensor | None = None
        for leaf in _LEVELS[-1].values():
            (back,) = grad(tensor, leaf, start, retain_graph=True, create_graph=True, allow_unused=True)
            if back is None:
                continue
            (found,) = grad(back, start, retain_graph=True, create_graph=True, allow_unused=True)
            if found is not None:
                tangent = found if tangent is None else tangent + found
    return UnpackedDualTensor(tensor.detach(), None if tangent is None else tangent.detach())

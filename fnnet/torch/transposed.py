"""`x.T`, `x.mT`, `x.H` and `x.mH`: transposition as an attribute."""

from __future__ import annotations

from fnnet.torch.tensor import Tensor
from fnnet.torch.warning import warn


def _reversed(self: Tensor) -> Tensor:
    if not _is_scalar(self, "T") and self.ndim != 2:
        warn(
            "The use of `x.T` on tensors of dimension other than 2 to reverse their shape is deprecated and "
            "it will throw an error in a future release. Consider `x.mT` to transpose batches of matrices or "
            "`x.permute(*torch.arange(x.ndim - 1, -1, -1))` to reverse the dimensions of a tensor."
        )
    return self.permute(tuple(range(self.ndim - 1, -1, -1)))


def _is_scalar(self: Tensor, name: str) -> bool:
    """Whether the transposition of a 0-d tensor was asked for, which is the tensor itself."""
    if self.ndim == 0:
        warn(
            f"Tensor.{name} is deprecated on 0-D tensors. Consider using x.conj()."
            if name in ("H", "mH")
            else f"Tensor.{name} is deprecated on 0-D tensors. This function is the identity in these cases."
        )
    return self.ndim == 0


def _check_matrices(self: Tensor, name: str) -> None:
    if self.ndim < 2:
        raise RuntimeError(
            f"tensor.{name} is only supported on matrices or batches of matrices. Got {self.ndim}-D tensor."
        )


def _matrices(self: Tensor) -> Tensor:
    if _is_scalar(self, "mT"):
        return self
    _check_matrices(self, "mT")
    return self.transpose(-2, -1)


def _conjugated(self: Tensor, name: str) -> Tensor:
    if not _is_scalar(self, name):
        _check_matrices(self, name)
        self = self.transpose(-2, -1)
    return self.conj() if self.dtype.is_complex else self


def _adjoints(self: Tensor) -> Tensor:
    return _conjugated(self, "mH")


def _adjoint(self: Tensor) -> Tensor:
    if self.ndim not in (0, 2):
        raise RuntimeError(f"tensor.H is only supported on matrices (2-D tensors). Got {self.ndim}-D tensor.")
    return _conjugated(self, "H")


for _name, _function, _doc in (
    ("T", _reversed, "The dimensions in reverse order."),
    ("mT", _matrices, "Each matrix transposed."),
    ("mH", _adjoints, "Each matrix transposed and conjugated."),
    ("H", _adjoint, "A matrix transposed and conjugated."),
):
    setattr(Tensor, _name, property(_function, doc=_doc))

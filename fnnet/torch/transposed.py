"""`x.T`, `x.mT`, `x.H` and `x.mH`: transposition as an attribute."""

from __future__ import annotations

import warnings

from fnnet.torch.tensor import Tensor


def _reversed(self: Tensor) -> Tensor:
    if self.ndim == 0:
        warnings.warn(
            "Tensor.T is deprecated on 0-D tensors. This function is the identity in these cases.",
            stacklevel=2,
        )
    elif self.ndim != 2:
        warnings.warn(
            "The use of `x.T` on tensors of dimension other than 2 to reverse their shape is deprecated and "
            "it will throw an error in a future release. Consider `x.mT` to transpose batches of matrices or "
            "`x.permute(*torch.arange(x.ndim - 1, -1, -1))` to reverse the dimensions of a tensor.",
            stacklevel=2,
        )
    return self.permute(tuple(range(self.ndim - 1, -1, -1)))


def _matrices(self: Tensor) -> Tensor:
    if self.ndim < 2:
        raise RuntimeError(
            f"tensor.mT is only supported on matrices or batches of matrices. Got {self.ndim}-D tensor."
        )
    return self.transpose(-2, -1)


def _adjoints(self: Tensor) -> Tensor:
    if self.ndim < 2:
        raise RuntimeError(
            f"tensor.mH is only supported on matrices or batches of matrices. Got {self.ndim}-D tensor."
        )
    turned = self.transpose(-2, -1)
    return turned.conj() if self.dtype.is_complex else turned


def _adjoint(self: Tensor) -> Tensor:
    if self.ndim != 2:
        raise RuntimeError(f"tensor.H is only supported on matrices (2-D tensors). Got {self.ndim}-D tensor.")
    return _adjoints(self)


for _name, _function, _doc in (
    ("T", _reversed, "The dimensions in reverse order."),
    ("mT", _matrices, "Each matrix transposed."),
    ("mH", _adjoints, "Each matrix transposed and conjugated."),
    ("H", _adjoint, "A matrix transposed and conjugated."),
):
    setattr(Tensor, _name, property(_function, doc=_doc))

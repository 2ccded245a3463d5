"""torch.sparse: refused by name. Tensors here are strided; gradients of embeddings are dense."""

from __future__ import annotations

from typing import Any

from fnnet.torch.missing import missing, refusals

_NAMES = "mm addmm sampled_addmm softmax log_softmax sum spdiags spsolve as_sparse_gradcheck"
globals().update(refusals("torch.sparse", _NAMES, "fnnet has no sparse tensors"))
__all__ = _NAMES.split()


def __getattr__(name: str) -> Any:
    raise missing("torch.sparse", name)

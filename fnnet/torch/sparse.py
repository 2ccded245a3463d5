"""torch.sparse: refused by name. Tensors here are strided; gradients of embeddings are dense."""

from __future__ import annotations

from typing import Any

from fnnet.torch.missing import missing, refusal

_NONE = "fnnet has no sparse tensors"
__all__ = [
    "addmm",
    "as_sparse_gradcheck",
    "log_softmax",
    "mm",
    "sampled_addmm",
    "softmax",
    "spdiags",
    "spsolve",
    "sum",
]

mm, addmm, sampled_addmm, softmax, log_softmax, sum, spdiags, spsolve, as_sparse_gradcheck = (
    refusal(f"torch.sparse.{name}", _NONE)
    for name in (
        "mm", "addmm", "sampled_addmm", "softmax", "log_softmax", "sum", "spdiags", "spsolve",
        "as_sparse_gradcheck",
    )
)  # fmt: skip


def __getattr__(name: str) -> Any:
    raise missing("torch.sparse", name)

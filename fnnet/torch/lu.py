"""torch.lu and Tensor.lu, the old spelling of torch.linalg.lu_factor."""

from __future__ import annotations

import warnings
from typing import Any

from fnnet.torch.attach import method
from fnnet.torch.declare import NAMESPACES
from fnnet.torch.return_types import type_of
from fnnet.torch.tensor import Tensor

_DEPRECATED = (
    "torch.lu is deprecated in favor of torch.linalg.lu_factor / torch.linalg.lu_factor_ex and will be "
    "removed in a future PyTorch release."
)


@method
def lu(self: Tensor, pivot: bool = True, get_infos: bool = False) -> Any:
    """The LU factors and pivots of square matrices, and whether they were found if `get_infos`."""
    warnings.warn(_DEPRECATED, UserWarning, stacklevel=2)
    factored, pivots, infos = NAMESPACES["linalg"]["lu_factor_ex"](self, pivot=pivot)
    if not get_infos:
        return factored, pivots
    return type_of("_lu_with_info", ("LU", "pivots", "info"))(factored, pivots, infos)

"""torch.return_types: named tuples of operations that return several tensors, with PyTorch's text."""

from __future__ import annotations

from collections import namedtuple
from typing import Any

import jax

_TYPES: dict[tuple[str, tuple[str, ...]], Any] = {}
_FIELDS = {
    "aminmax": "min max", "frexp": "mantissa exponent", "geqrf": "a tau", "histogram": "hist bin_edges",
    "histogramdd": "hist bin_edges", "linalg_cholesky_ex": "L info", "linalg_eig": "eigenvalues eigenvectors",
    "linalg_eigh": "eigenvalues eigenvectors", "linalg_inv_ex": "inverse info",
    "linalg_ldl_factor": "LD pivots", "linalg_ldl_factor_ex": "LD pivots info",
    "linalg_lstsq": "solution residuals rank singular_values", "linalg_lu": "P L U",
    "linalg_lu_factor": "LU pivots", "linalg_lu_factor_ex": "LU pivots info", "linalg_qr": "Q R",
    "linalg_slogdet": "sign logabsdet", "linalg_solve_ex": "result info", "linalg_svd": "U S Vh",
    "lu_unpack": "P L U", "qr": "Q R", "slogdet": "sign logabsdet", "svd": "U S V",
    "triangular_solve": "solution cloned_coefficient",
    **dict.fromkeys(
        ("cummax", "cummin", "kthvalue", "max", "median", "min", "mode", "nanmedian", "sort", "topk"),
        "values indices",
    ),
}  # fmt: skip
"""The fields of PyTorch's types."""


def type_of(name: str, fields: tuple[str, ...]) -> Any:
    """The named tuple of an operation."""
    found = _TYPES.get((name, fields))
    if found is None:
        make: Any = namedtuple
        plain: Any = make(name, fields)

        def text(self: Any) -> str:
            shown = ",\n".join(f"{field}={value!r}" for field, value in zip(fields, self, strict=True))
            return f"torch.return_types.{name}(\n{shown})"

        found = type(name, (plain,), {"__repr__": text, "__slots__": (), "__module__": __name__})
        _TYPES[name, fields] = found
    return found


def renamed(name: str, tree: Any) -> Any:
    """The structure `tree` with the named tuple of this operation in place of the function's own."""
    if tree is None or not tree.num_leaves:
        return tree
    filled = tree.unflatten(range(tree.num_leaves))
    fields = getattr(filled, "_fields", None)
    if fields is None or any(not isinstance(one, int | tuple) for one in filled):
        return tree
    return jax.tree.structure(type_of(name, fields)(*filled))


def __getattr__(name: str) -> Any:
    fields = _FIELDS.get(name.removesuffix("_out"))
    if fields is None:
        raise AttributeError(f"module 'torch.return_types' has no attribute '{name}'")
    return type_of(name, tuple(fields.split()))

"""The named tuples that operations with several results return, as torch.return_types names them."""

from __future__ import annotations

from typing import NamedTuple

import jax


class ValuesIndices(NamedTuple):
    """Values along a dimension, and where they were found (max, min, sort, topk, median, ...)."""

    values: jax.Array
    indices: jax.Array


class MinMax(NamedTuple):
    """The smallest and the largest values."""

    min: jax.Array
    max: jax.Array


class Decomposition(NamedTuple):
    """Q, with orthonormal columns, and R, upper triangular."""

    Q: jax.Array
    R: jax.Array


class SingularValues(NamedTuple):
    """U, the singular values in descending order, and V transposed and conjugated."""

    U: jax.Array
    S: jax.Array
    Vh: jax.Array


class SingularValuesV(NamedTuple):
    """U, the singular values in descending order, and V, as torch.svd gives them."""

    U: jax.Array
    S: jax.Array
    V: jax.Array


class Eigen(NamedTuple):
    """Eigenvalues in ascending order and the eigenvectors as columns."""

    eigenvalues: jax.Array
    eigenvectors: jax.Array


class SignLogDeterminant(NamedTuple):
    """The sign of a determinant and the logarithm of its absolute value."""

    sign: jax.Array
    logabsdet: jax.Array

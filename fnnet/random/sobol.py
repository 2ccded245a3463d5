"""Sobol sequences as PyTorch makes them: direction numbers of Joe and Kuo (2008), Gray code, scrambling.

An engine's state is an array of 30 direction numbers for each dimension. The numbers that begin each
dimension are recorded from PyTorch in `sobol.json`, with its primitive polynomial.
"""

from __future__ import annotations

import json
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np

__all__ = ["BITS", "DIMENSIONS", "directions", "following", "scrambled"]

BITS = 30
DIMENSIONS = 1111
"""Those of polynomials up to degree 13."""

Array = np.ndarray[Any, Any]


@cache
def _recorded() -> list[list[int]]:
    """For each dimension but the first its polynomial, and its first numbers in one integer."""
    rows: list[list[int]] = json.loads(Path(__file__).with_name("sobol.json").read_text("utf-8"))
    return rows


def _first_numbers(packed: int, degree: int) -> list[int]:
    """The odd numbers m_j < 2^(j+1), of each of which `packed` holds the upper j bits."""
    found = []
    for j in range(degree):
        found.append(2 * (packed & ((1 << j) - 1)) + 1)
        packed >>= j
    return found


def _row(polynomial: int, packed: int) -> list[int]:
    degree = polynomial.bit_length() - 1
    row = _first_numbers(packed, degree)
    for j in range(degree, BITS):
        new = row[j - degree]
        for k in range(degree):
            if polynomial >> (degree - 1 - k) & 1:
                new ^= row[j - k - 1] << (k + 1)
        row.append(new)
    return row


def directions(dimension: int) -> Array:
    """The direction numbers (dimension, 30) of the sequence. Raises NotImplementedError beyond 1111."""
    if dimension > DIMENSIONS:
        raise NotImplementedError(f"sobol: {dimension} dimensions; fnnet has the numbers of {DIMENSIONS}")
    rows = [[1] * BITS, *(_row(*one) for one in _recorded()[: dimension - 1])]
    return np.array(rows, np.int64) << np.arange(BITS - 1, -1, -1, dtype=np.int64)


def following(point: Array, n: int, state: Array, generated: int) -> Array:
    """The n points (n, dimension) after `point`, as integers below 2^30; `generated` of them came before."""
    counts = np.arange(generated, generated + n, dtype=np.int64)
    places = np.log2(~counts & (counts + 1)).astype(np.int64)  # of the rightmost zero
    steps = np.concatenate([point[None], state.T[places]])
    return np.bitwise_xor.accumulate(steps, axis=0)[1:]


def scrambled(state: Array, matrices: Array) -> Array:
    """The direction numbers multiplied, bit by bit, by lower triangular matrices (dimension, 30, 30).

    Ones are taken for their diagonals.
    """
    matrices = matrices | np.eye(BITS, dtype=np.int64)
    shifts = np.arange(BITS - 1, -1, -1, dtype=np.int64)
    bits = state[:, :, None] >> shifts & 1  # the highest first
    products = np.einsum("dpk,djk->djp", matrices, bits) & 1
    return np.asarray((products << shifts).sum(-1))

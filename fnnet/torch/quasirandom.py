"""torch.quasirandom: points of Sobol sequences."""

from __future__ import annotations

from typing import Any

import numpy as np

from fnnet.random import sobol
from fnnet.torch.creation import as_dtype
from fnnet.torch.dtypes import get_default_dtype
from fnnet.torch.random import Generator, default_generator
from fnnet.torch.tensor import Tensor, from_array

__all__ = ["SobolEngine"]


class SobolEngine:
    """Points of a Sobol sequence in [0, 1)^dimension, with `scramble` those of Owen's and Matousek's kind.

    Raises ValueError for a dimension that PyTorch does not have, NotImplementedError for one above 1111.
    """

    MAXBIT = sobol.BITS
    MAXDIM = 21201

    def __init__(self, dimension: int, scramble: bool = False, seed: int | None = None) -> None:
        if not 1 <= dimension <= self.MAXDIM:
            raise ValueError(f"Supported range of dimensionality for SobolEngine is [1, {self.MAXDIM}]")
        self.seed, self.scramble, self.dimension = seed, scramble, dimension
        self._state = sobol.directions(dimension)
        self._shift = np.zeros(dimension, np.int64)
        if scramble:
            self._scramble()
        self._quasi = self._shift
        self.num_generated = 0

    def _scramble(self) -> None:
        generator = default_generator if self.seed is None else Generator()
        if self.seed is not None:
            generator.manual_seed(self.seed)

        def bits(*shape: int) -> Any:
            return np.asarray(generator.random(shape, 0, 2, dtype=np.int64))

        self._shift = bits(self.dimension, self.MAXBIT) @ (1 << np.arange(self.MAXBIT, dtype=np.int64))
        self._state = sobol.scrambled(self._state, np.tril(bits(self.dimension, self.MAXBIT, self.MAXBIT)))

    @property
    def sobolstate(self) -> Tensor:
        """The direction numbers."""
        return from_array(self._state)

    @property
    def shift(self) -> Tensor:
        """The point before the first, times 2^30."""
        return from_array(self._shift)

    @property
    def quasi(self) -> Tensor:
        """The last point, times 2^30."""
        return from_array(self._quasi)

    def _advance(self, n: int) -> Any:
        """The next n points, as integers."""
        first = self.num_generated == 0
        points = sobol.following(self._quasi, n - first, self._state, max(self.num_generated - 1, 0))
        if first:
            points = np.concatenate([self._shift[None], points])
        self.num_generated += n
        self._quasi = points[-1] if len(points) else self._quasi
        return points

    def draw(self, n: int = 1, out: Tensor | None = None, dtype: Any = None) -> Tensor:
        """The next n points, (n, dimension)."""
        kind = as_dtype(dtype) or get_default_dtype()
        points = self._advance(n) / np.float64(2**self.MAXBIT)
        made = from_array(points.astype(np.float32)).to(kind) if kind.itemsize < 8 else from_array(points)
        if out is not None:
            return out.resize_as_(made).copy_(made)
        return made

    def draw_base2(self, m: int, out: Tensor | None = None, dtype: Any = None) -> Tensor:
        """The next 2^m points. Raises ValueError if all points together are no power of 2."""
        n = 2**m
        total = self.num_generated + n
        if total & (total - 1):
            raise ValueError(
                "The balance properties of Sobol' points require n to be a power of 2. "
                f"{self.num_generated} points have been previously generated, then: "
                f"n={self.num_generated}+2**{m}={total}. If you still want to do this, please use "
                "'SobolEngine.draw()' instead."
            )
        return self.draw(n, out, dtype)

    def reset(self) -> SobolEngine:
        """Begin anew."""
        self._quasi, self.num_generated = self._shift, 0
        return self

    def fast_forward(self, n: int) -> SobolEngine:
        """Go on by n points."""
        self._advance(n)
        return self

    def __repr__(self) -> str:
        told = [f"dimension={self.dimension}"]
        if self.scramble:
            told.append("scramble=True")
        if self.seed is not None:
            told.append(f"seed={self.seed}")
        return f"{type(self).__name__}({', '.join(told)})"

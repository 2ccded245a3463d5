"""Tables whose rows are looked up."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import jax
from jax.typing import DTypeLike

from fnnet import functional as F
from fnnet import init
from fnnet.layers.layer import Layer, Params, Scope
from fnnet.random.source import Source

__all__ = ["Embedding", "EmbeddingBag"]


class _Table(Layer):
    num_embeddings: int
    embedding_dim: int
    padding_idx: int | None

    def __post_init__(self) -> None:
        if self.padding_idx is not None:
            if not -self.num_embeddings <= self.padding_idx < self.num_embeddings:
                raise AssertionError(
                    f"{type(self).__name__}: Padding_idx must be within num_embeddings: got "
                    f"{self.padding_idx} "
                    f"of {self.num_embeddings}"
                )
            object.__setattr__(self, "padding_idx", self.padding_idx % self.num_embeddings)

    @classmethod
    def from_pretrained(cls, embeddings: jax.Array, **options: Any) -> tuple[Layer, Params]:
        """The layer of a table that is there (rows, columns), and its parameters.

        `options` are the constructor's. Raises AssertionError for a table that is not 2-dimensional.
        """
        if embeddings.ndim != 2:
            raise AssertionError("Embeddings parameter is expected to be 2-dimensional")
        made: Any = cls
        return made(*embeddings.shape, **options), {"weight": embeddings}

    def own_parameters(self, source: Source, dtype: DTypeLike) -> Params:
        weight = init.normal(source, (self.num_embeddings, self.embedding_dim), dtype=dtype)
        return {"weight": weight if self.padding_idx is None else weight.at[self.padding_idx].set(0)}


@dataclass(frozen=True, repr=False)
class Embedding(_Table):
    """Rows of a table at integers (...): (..., embedding_dim), as torch.nn.Embedding.

    `max_norm` shortens the rows in the output; the weight, an argument, stays (PyTorch changes it).
    """

    num_embeddings: int
    embedding_dim: int
    padding_idx: int | None = None
    max_norm: float | None = None
    norm_type: float = 2.0
    scale_grad_by_freq: bool = False
    sparse: bool = False

    def forward(self, scope: Scope, /, input: jax.Array) -> jax.Array:
        return F.embedding(
            input,
            scope["weight"],
            self.padding_idx,
            self.max_norm,
            self.norm_type,
            self.scale_grad_by_freq,
            self.sparse,
        )

    def extra_repr(self) -> str:
        text = f"{self.num_embeddings}, {self.embedding_dim}"
        for name, quiet in (
            ("padding_idx", None),
            ("max_norm", None),
            ("norm_type", 2),
            ("scale_grad_by_freq", False),
            ("sparse", False),
        ):
            if getattr(self, name) != quiet:
                text += f", {name}={getattr(self, name)}"
        return text


@dataclass(frozen=True, repr=False)
class EmbeddingBag(_Table):
    """Sums, means or maxima of bags of rows, as torch.nn.EmbeddingBag; `max_norm` as in Embedding."""

    num_embeddings: int
    embedding_dim: int
    max_norm: float | None = None
    norm_type: float = 2.0
    scale_grad_by_freq: bool = False
    mode: str = "mean"
    sparse: bool = False
    include_last_offset: bool = False
    padding_idx: int | None = None

    def forward(
        self,
        scope: Scope,
        /,
        input: jax.Array,
        offsets: jax.Array | None = None,
        per_sample_weights: jax.Array | None = None,
    ) -> jax.Array:
        return F.embedding_bag(
            input,
            scope["weight"],
            offsets,
            self.max_norm,
            self.norm_type,
            self.scale_grad_by_freq,
            self.mode,
            self.sparse,
            per_sample_weights,
            self.include_last_offset,
            self.padding_idx,
        )

    def extra_repr(self) -> str:
        text = f"{self.num_embeddings}, {self.embedding_dim}"
        for name, quiet in (("max_norm", None), ("norm_type", 2), ("scale_grad_by_freq", False)):
            if getattr(self, name) != quiet:
                text += f", {name}={getattr(self, name)!r}"
        text += f", mode={self.mode!r}"
        return text if self.padding_idx is None else text + f", padding_idx={self.padding_idx}"

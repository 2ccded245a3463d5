"""Multi-head attention."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import jax
import jax.numpy as jnp
from jax.typing import DTypeLike

from fnnet import functional as F
from fnnet import init
from fnnet.layers.layer import Layer, Params, Scope
from fnnet.layers.linear import Linear
from fnnet.random.source import Source

__all__ = ["MultiheadAttention"]


class NonDynamicallyQuantizableLinear(Linear):
    """The linear layer by which attention puts out, under the name that PyTorch prints."""


@dataclass(frozen=True, repr=False)
class MultiheadAttention(Layer):
    """Attention in several heads, as torch.nn.MultiheadAttention.

    Called with query (L, N, E), key (S, N, kdim) and value (S, N, vdim), batch first if so asked, or without
    N; gives the output and the weights (None without need_weights). In boolean masks True takes no part.
    """

    embed_dim: int
    num_heads: int
    dropout: float = 0.0
    bias: bool = True
    add_bias_kv: bool = False
    add_zero_attn: bool = False
    kdim: int | None = None
    vdim: int | None = None
    batch_first: bool = False

    def __post_init__(self) -> None:
        if self.embed_dim <= 0 or self.num_heads <= 0:
            raise ValueError(
                "MultiheadAttention: embed_dim and num_heads must be greater than 0, got "
                f"embed_dim={self.embed_dim} and num_heads={self.num_heads} instead"
            )
        if self.embed_dim % self.num_heads:
            raise AssertionError("MultiheadAttention: embed_dim must be divisible by num_heads")

    @property
    def _one_projection(self) -> bool:
        return {self.kdim, self.vdim} <= {None, self.embed_dim}

    def children(self) -> dict[str, Layer]:
        return {"out_proj": NonDynamicallyQuantizableLinear(self.embed_dim, self.embed_dim, self.bias)}

    def draw(self, source: Source, dtype: DTypeLike) -> Params:
        e = self.embed_dim
        # PyTorch's order: the output projection first, whose drawn bias is then set to zero.
        out_proj = self.children()["out_proj"].draw(source, dtype)
        params: Params = {}
        if self._one_projection:
            params["in_proj_weight"] = init.xavier_uniform(source, (3 * e, e), dtype=dtype)
        else:
            sizes = {"q": e, "k": self.kdim or e, "v": self.vdim or e}
            for name, size in sizes.items():
                params[f"{name}_proj_weight"] = init.xavier_uniform(source, (e, size), dtype=dtype)
        if self.bias:
            params["in_proj_bias"] = jnp.zeros((3 * e,), dtype)
            out_proj["bias"] = jnp.zeros((e,), dtype)
        if self.add_bias_kv:
            for name in ("bias_k", "bias_v"):
                params[name] = init.xavier_normal(source, (1, 1, e), dtype=dtype)
        return {**params, "out_proj": out_proj}

    def forward(
        self,
        scope: Scope,
        /,
        query: jax.Array,
        key: jax.Array,
        value: jax.Array,
        key_padding_mask: jax.Array | None = None,
        need_weights: bool = True,
        attn_mask: jax.Array | None = None,
        average_attn_weights: bool = True,
        is_causal: bool = False,
    ) -> tuple[jax.Array, jax.Array | None]:
        if query.ndim not in (2, 3):
            raise AssertionError(
                "MultiheadAttention: query should be unbatched 2D or batched 3D tensor but received "
                f"{query.ndim}-D query tensor"
            )
        swap = self.batch_first and query.ndim == 3
        if swap:
            query, key, value = (x.swapaxes(0, 1) for x in (query, key, value))
        weights: dict[str, Any] = {}
        if not self._one_projection:
            weights = {f"{name}_proj_weight": scope[f"{name}_proj_weight"] for name in "qkv"}
        output, attention = F.multi_head_attention_forward(
            query,
            key,
            value,
            self.embed_dim,
            self.num_heads,
            scope["in_proj_weight"] if self._one_projection else None,
            scope["in_proj_bias"] if self.bias else None,
            scope["bias_k"] if self.add_bias_kv else None,
            scope["bias_v"] if self.add_bias_kv else None,
            self.add_zero_attn,
            self.dropout,
            scope["out_proj"]["weight"],
            scope["out_proj"]["bias"] if self.bias else None,
            scope.training,
            key_padding_mask,
            need_weights,
            attn_mask,
            use_separate_proj_weight=not self._one_projection,
            **weights,
            average_attn_weights=average_attn_weights,
            is_causal=is_causal,
            dropout_key=scope.source if scope.training and self.dropout > 0 else None,
        )
        return (output.swapaxes(0, 1) if swap else output), attention

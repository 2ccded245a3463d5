"""Transformers (Vaswani et al., 2017): encoder and decoder layers, stacks of them, and both together."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
from jax.typing import DTypeLike

from fnnet import functional as F
from fnnet import init
from fnnet.layers.attention import MultiheadAttention
from fnnet.layers.container import ModuleList
from fnnet.layers.dropout import Dropout
from fnnet.layers.layer import Layer, Params, Scope
from fnnet.layers.linear import Linear
from fnnet.layers.normalization import LayerNorm
from fnnet.random.source import Source

__all__ = [
    "Transformer",
    "TransformerDecoder",
    "TransformerDecoderLayer",
    "TransformerEncoder",
    "TransformerEncoderLayer",
]

Activation = str | Callable[[jax.Array], jax.Array]


def _activation(activation: Activation) -> Callable[[jax.Array], jax.Array]:
    if not isinstance(activation, str):
        return activation
    if activation not in ("relu", "gelu"):
        raise RuntimeError(f"activation should be relu/gelu, not {activation}")
    return F.relu if activation == "relu" else F.gelu


@dataclass(frozen=True, repr=False)
class _TransformerLayer(Layer):
    """What encoder and decoder layers share; parts stand in PyTorch's order."""

    d_model: int
    nhead: int
    dim_feedforward: int = 2048
    dropout: float = 0.1
    activation: Activation = F.relu
    layer_norm_eps: float = 1e-5
    batch_first: bool = False
    norm_first: bool = False
    bias: bool = True

    def __post_init__(self) -> None:
        _activation(self.activation)

    def _attention(self) -> MultiheadAttention:
        return MultiheadAttention(
            self.d_model, self.nhead, self.dropout, self.bias, batch_first=self.batch_first
        )

    def _feedforward_parts(self) -> dict[str, Layer]:
        return {
            "linear1": Linear(self.d_model, self.dim_feedforward, self.bias),
            "dropout": Dropout(self.dropout),
            "linear2": Linear(self.dim_feedforward, self.d_model, self.bias),
        }

    def _norms_and_dropouts(self, count: int) -> dict[str, Layer]:
        norm = LayerNorm(self.d_model, self.layer_norm_eps, bias=self.bias)
        norms: dict[str, Layer] = {f"norm{i}": norm for i in range(1, count + 1)}
        return norms | {f"dropout{i}": Dropout(self.dropout) for i in range(1, count + 1)}

    def _part(self, scope: Scope, name: str, *inputs: Any, **options: Any) -> Any:
        return self.children()[name](scope[name], *inputs, **options)

    def _feedforward(self, scope: Scope, x: jax.Array, last: str) -> jax.Array:
        hidden = _activation(self.activation)(self._part(scope, "linear1", x))
        output = self._part(scope, "linear2", self._part(scope, "dropout", hidden))
        return self._part(scope, last, output)

    def _with_residuals(
        self, scope: Scope, x: jax.Array, blocks: list[Callable[[jax.Array], jax.Array]]
    ) -> jax.Array:
        """x through blocks, each with a residual and a norm, before or after it."""
        for position, block in enumerate(blocks, start=1):
            norm = f"norm{position}"
            if self.norm_first:
                x = x + block(self._part(scope, norm, x))
            else:
                x = self._part(scope, norm, x + block(x))
        return x


class TransformerEncoderLayer(_TransformerLayer):
    """Self-attention and a feed-forward network, as torch.nn.TransformerEncoderLayer."""

    def children(self) -> dict[str, Layer]:
        return {"self_attn": self._attention(), **self._feedforward_parts(), **self._norms_and_dropouts(2)}

    def forward(
        self,
        scope: Scope,
        /,
        src: jax.Array,
        src_mask: jax.Array | None = None,
        src_key_padding_mask: jax.Array | None = None,
        is_causal: bool = False,
    ) -> jax.Array:
        def attend(x: jax.Array) -> jax.Array:
            output, _ = self._part(
                scope, "self_attn", x, x, x, src_key_padding_mask, False, src_mask, is_causal=is_causal
            )
            return self._part(scope, "dropout1", output)

        return self._with_residuals(scope, src, [attend, lambda x: self._feedforward(scope, x, "dropout2")])


class TransformerDecoderLayer(_TransformerLayer):
    """Self-attention, attention to a memory, and a feed-forward network, as
    torch.nn.TransformerDecoderLayer.
    """

    def children(self) -> dict[str, Layer]:
        attention = {"self_attn": self._attention(), "multihead_attn": self._attention()}
        return {**attention, **self._feedforward_parts(), **self._norms_and_dropouts(3)}

    def forward(
        self,
        scope: Scope,
        /,
        tgt: jax.Array,
        memory: jax.Array,
        tgt_mask: jax.Array | None = None,
        memory_mask: jax.Array | None = None,
        tgt_key_padding_mask: jax.Array | None = None,
        memory_key_padding_mask: jax.Array | None = None,
        tgt_is_causal: bool = False,
        memory_is_causal: bool = False,
    ) -> jax.Array:
        def attend(x: jax.Array) -> jax.Array:
            output, _ = self._part(
                scope, "self_attn", x, x, x, tgt_key_padding_mask, False, tgt_mask, is_causal=tgt_is_causal
            )
            return self._part(scope, "dropout1", output)

        def recall(x: jax.Array) -> jax.Array:
            masks = memory_key_padding_mask, False, memory_mask
            output, _ = self._part(
                scope, "multihead_attn", x, memory, memory, *masks, is_causal=memory_is_causal
            )
            return self._part(scope, "dropout2", output)

        blocks = [attend, recall, lambda x: self._feedforward(scope, x, "dropout3")]
        return self._with_residuals(scope, tgt, blocks)


def _copy(tree: Params) -> Params:
    """The same arrays anew, in the same order (jax.tree.map would sort the names)."""
    return {
        name: _copy(value) if isinstance(value, dict) else jnp.copy(value) for name, value in tree.items()
    }


def in_turn(
    layers: Iterable[Callable[..., Any]],
    norm: Callable[..., Any] | None,
    x: Any,
    *inputs: Any,
    **options: Any,
) -> Any:
    """x through layers, each of which is given the further inputs, and through a norm behind them."""
    for layer in layers:
        x = layer(x, *inputs, **options)
    return x if norm is None else norm(x)


class _Stack(Layer):
    """num_layers copies of a layer, which start equal: PyTorch copies the first, and draws no more."""

    def __init__(self, layer: Layer, num_layers: int, norm: Layer | None) -> None:
        self.layers = ModuleList(layer for _ in range(num_layers))
        self.num_layers = num_layers
        self._norm = norm

    def children(self) -> dict[str, Layer]:
        parts: dict[str, Layer] = {"layers": self.layers}
        return parts if self._norm is None else {**parts, "norm": self._norm}

    def _put(self, name: str, part: Layer) -> None:
        super()._put("_norm" if name == "norm" else name, part)

    def draw(self, source: Source, dtype: DTypeLike) -> Params:
        drawn = self.layers[0].draw(source, dtype) if self.num_layers else {}
        params: Params = {"layers": {str(i): _copy(drawn) for i in range(self.num_layers)}}
        if self._norm is not None:
            params["norm"] = self._norm.draw(source, dtype)
        return params

    def _through(self, scope: Scope, x: jax.Array, *inputs: Any, **options: Any) -> jax.Array:
        scopes = scope["layers"]
        layers = (partial(layer, scopes[name]) for name, layer in self.layers.children().items())
        norm = None if self._norm is None else partial(self._norm, scope["norm"])
        return in_turn(layers, norm, x, *inputs, **options)


class TransformerEncoder(_Stack):
    """A stack of encoder layers, as torch.nn.TransformerEncoder.

    `enable_nested_tensor` and `mask_check` have no effect.
    """

    def __init__(
        self,
        encoder_layer: Layer,
        num_layers: int,
        norm: Layer | None = None,
        enable_nested_tensor: bool = True,
        mask_check: bool = True,
    ) -> None:
        super().__init__(encoder_layer, num_layers, norm)

    def forward(
        self,
        scope: Scope,
        /,
        src: jax.Array,
        mask: jax.Array | None = None,
        src_key_padding_mask: jax.Array | None = None,
        is_causal: bool | None = None,
    ) -> jax.Array:
        causal = bool(is_causal) and mask is not None
        return self._through(scope, src, mask, src_key_padding_mask, is_causal=causal)


class TransformerDecoder(_Stack):
    """A stack of decoder layers, as torch.nn.TransformerDecoder."""

    def __init__(self, decoder_layer: Layer, num_layers: int, norm: Layer | None = None) -> None:
        super().__init__(decoder_layer, num_layers, norm)

    def forward(
        self,
        scope: Scope,
        /,
        tgt: jax.Array,
        memory: jax.Array,
        tgt_mask: jax.Array | None = None,
        memory_mask: jax.Array | None = None,
        tgt_key_padding_mask: jax.Array | None = None,
        memory_key_padding_mask: jax.Array | None = None,
        tgt_is_causal: bool | None = None,
        memory_is_causal: bool = False,
    ) -> jax.Array:
        masks = tgt_mask, memory_mask, tgt_key_padding_mask, memory_key_padding_mask
        causal = bool(tgt_is_causal) and tgt_mask is not None
        return self._through(
            scope, tgt, memory, *masks, tgt_is_causal=causal, memory_is_causal=memory_is_causal
        )


class Transformer(Layer):
    """Encoder and decoder together, as torch.nn.Transformer.

    All matrices are drawn again in the end (xavier_uniform), as PyTorch does it.
    """

    def __init__(
        self,
        d_model: int = 512,
        nhead: int = 8,
        num_encoder_layers: int = 6,
        num_decoder_layers: int = 6,
        dim_feedforward: int = 2048,
        dropout: float = 0.1,
        activation: Activation = F.relu,
        custom_encoder: Layer | None = None,
        custom_decoder: Layer | None = None,
        layer_norm_eps: float = 1e-5,
        batch_first: bool = False,
        norm_first: bool = False,
        bias: bool = True,
    ) -> None:
        options = (d_model, nhead, dim_feedforward, dropout, activation, layer_norm_eps)
        modes = (batch_first, norm_first, bias)
        norm = LayerNorm(d_model, layer_norm_eps, bias=bias)
        self.encoder = custom_encoder or TransformerEncoder(
            TransformerEncoderLayer(*options, *modes), num_encoder_layers, norm
        )
        self.decoder = custom_decoder or TransformerDecoder(
            TransformerDecoderLayer(*options, *modes), num_decoder_layers, norm
        )
        self.d_model = d_model
        self.nhead = nhead
        self.batch_first = batch_first

    def draw(self, source: Source, dtype: DTypeLike) -> Params:
        def again(tree: Params) -> Params:
            return {
                name: again(value)
                if isinstance(value, dict)
                else init.xavier_uniform(source, value.shape, dtype=dtype)
                if value.ndim > 1
                else value
                for name, value in tree.items()
            }

        return again(super().draw(source, dtype))

    def forward(
        self,
        scope: Scope,
        /,
        src: jax.Array,
        tgt: jax.Array,
        src_mask: jax.Array | None = None,
        tgt_mask: jax.Array | None = None,
        memory_mask: jax.Array | None = None,
        src_key_padding_mask: jax.Array | None = None,
        tgt_key_padding_mask: jax.Array | None = None,
        memory_key_padding_mask: jax.Array | None = None,
        src_is_causal: bool | None = None,
        tgt_is_causal: bool | None = None,
        memory_is_causal: bool = False,
    ) -> jax.Array:
        if src.shape[-1] != self.d_model or tgt.shape[-1] != self.d_model:
            raise RuntimeError(
                "Transformer: the feature number of src and tgt must be equal to d_model "
                f"({self.d_model}), got {src.shape[-1]} and {tgt.shape[-1]}"
            )
        memory = self.encoder(scope["encoder"], src, src_mask, src_key_padding_mask, src_is_causal)
        masks = tgt_mask, memory_mask, tgt_key_padding_mask, memory_key_padding_mask
        return self.decoder(scope["decoder"], tgt, memory, *masks, tgt_is_causal, memory_is_causal)

    @staticmethod
    def generate_square_subsequent_mask(sz: int, dtype: DTypeLike = jnp.float32) -> jax.Array:
        """A float mask (sz, sz): -inf above the diagonal, 0 elsewhere."""
        return jnp.where(jnp.tril(jnp.ones((sz, sz), bool)), 0.0, -jnp.inf).astype(dtype)

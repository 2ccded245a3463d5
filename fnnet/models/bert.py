"""BERT (Devlin et al., 2018) with its pooler and head for masked tokens, by the transformers library's names.

net, params = models.load_bert("folder/with/a/checkpoint")
states, pooled = net(params, ids, attention_mask)
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from os import PathLike
from typing import Any

import jax
import jax.numpy as jnp
from jax.typing import DTypeLike

from fnnet import functional as F
from fnnet import init
from fnnet.layers import Dropout, Layer, LayerNorm, Linear, ModuleList
from fnnet.layers.layer import Params
from fnnet.models.gpt import ACTIVATIONS, Table, attend
from fnnet.models.loading import load_state_dict
from fnnet.models.pretrained import read_config, read_weights
from fnnet.random.source import Source

__all__ = ["Bert", "BertConfig", "BertForMaskedLM", "load_bert"]


@dataclass(frozen=True)
class BertConfig:
    """Sizes and rates of a network, by the names and defaults of the transformers library's BertConfig."""

    vocab_size: int = 30522
    hidden_size: int = 768
    num_hidden_layers: int = 12
    num_attention_heads: int = 12
    intermediate_size: int = 3072
    hidden_act: str = "gelu"
    hidden_dropout_prob: float = 0.1
    attention_probs_dropout_prob: float = 0.1
    max_position_embeddings: int = 512
    type_vocab_size: int = 2
    initializer_range: float = 0.02
    layer_norm_eps: float = 1e-12
    pad_token_id: int | None = 0
    tie_word_embeddings: bool = True

    def __post_init__(self) -> None:
        if self.hidden_size % self.num_attention_heads:
            raise ValueError(
                "BertConfig: hidden_size must be divisible by num_attention_heads, got "
                f"{self.hidden_size} and {self.num_attention_heads}"
            )
        if self.hidden_act not in ACTIVATIONS:
            raise ValueError(
                f"BertConfig: hidden_act: expected one of {sorted(ACTIVATIONS)}, got {self.hidden_act!r}"
            )


class _Dense(Linear):
    """A linear layer that begins normal, with a bias of zeros."""

    def own_parameters(self, source: Source, dtype: DTypeLike) -> Params:
        weight = init.normal(source, (self.out_features, self.in_features), std=0.02, dtype=dtype)
        return {"weight": weight, "bias": jnp.zeros((self.out_features,), dtype)}


class _Parts(Layer):
    """Layers by name, which the layer that holds them calls."""

    def __init__(self, parts: Mapping[str, Layer]) -> None:
        self._parts = dict(parts)

    def children(self) -> dict[str, Layer]:
        return self._parts

    def part(self, p: Any, name: str, *inputs: Any) -> Any:
        """The output of a part."""
        return self._parts[name](p[name], *inputs)


class _Added(_Parts):
    """norm(dropout(dense(x)) + input)."""

    def __init__(self, config: BertConfig, width: int) -> None:
        parts: dict[str, Layer] = {
            "dense": _Dense(width, config.hidden_size),
            "LayerNorm": LayerNorm(config.hidden_size, config.layer_norm_eps),
            "dropout": Dropout(config.hidden_dropout_prob),
        }
        super().__init__(parts)

    def forward(self, p: Any, /, x: jax.Array, input: jax.Array) -> jax.Array:
        x = self.part(p, "dropout", self.part(p, "dense", x))
        return self.part(p, "LayerNorm", x + input)


class _SelfAttention(_Parts):
    def __init__(self, config: BertConfig) -> None:
        width = config.hidden_size
        super().__init__({name: _Dense(width, width) for name in ("query", "key", "value")})
        self.heads = config.num_attention_heads
        self.rate = config.attention_probs_dropout_prob

    def forward(self, p: Any, /, x: jax.Array, mask: jax.Array | None) -> jax.Array:
        count, length, width = x.shape
        shape = (count, length, self.heads, width // self.heads)
        q, k, v = (
            self.part(p, name, x).reshape(shape).transpose(0, 2, 1, 3) for name in ("query", "key", "value")
        )
        return attend(p, q, k, v, mask, self.rate, (width // self.heads) ** -0.5)


class _Layer(_Parts):
    def __init__(self, config: BertConfig) -> None:
        attention = {"self": _SelfAttention(config), "output": _Added(config, config.hidden_size)}
        parts: dict[str, Layer] = {
            "attention": _Parts(attention),
            "intermediate": _Parts({"dense": _Dense(config.hidden_size, config.intermediate_size)}),
            "output": _Added(config, config.intermediate_size),
        }
        super().__init__(parts)
        self.activation = config.hidden_act

    def forward(self, p: Any, /, x: jax.Array, mask: jax.Array | None) -> jax.Array:
        attention: Any = self._parts["attention"]
        inner: Any = self._parts["intermediate"]
        context = attention.part(p["attention"], "self", x, mask)
        x = attention.part(p["attention"], "output", context, x)
        hidden = ACTIVATIONS[self.activation](inner.part(p["intermediate"], "dense", x))
        return self.part(p, "output", hidden, x)


class _Embeddings(_Parts):
    def __init__(self, config: BertConfig) -> None:
        width, std = config.hidden_size, config.initializer_range
        parts: dict[str, Layer] = {
            "word_embeddings": Table(config.vocab_size, width, std, config.pad_token_id),
            "position_embeddings": Table(config.max_position_embeddings, width, std),
            "token_type_embeddings": Table(config.type_vocab_size, width, std),
            "LayerNorm": LayerNorm(width, config.layer_norm_eps),
            "dropout": Dropout(config.hidden_dropout_prob),
        }
        super().__init__(parts)

    def forward(self, p: Any, /, ids: jax.Array, types: jax.Array) -> jax.Array:
        positions = jnp.arange(ids.shape[1], dtype=jnp.int32)
        x = self.part(p, "word_embeddings", ids) + self.part(p, "token_type_embeddings", types)
        x = x + self.part(p, "position_embeddings", positions)
        return self.part(p, "dropout", self.part(p, "LayerNorm", x))


class Bert(_Parts):
    """Token numbers -> (hidden states (N, L, hidden_size), pooled (N, hidden_size) or None).

    The parameters have the names of the transformers library's BertModel.
    """

    def __init__(self, config: BertConfig, add_pooling_layer: bool = True) -> None:
        layers = ModuleList(_Layer(config) for _ in range(config.num_hidden_layers))
        parts: dict[str, Layer] = {"embeddings": _Embeddings(config), "encoder": _Parts({"layer": layers})}
        if add_pooling_layer:
            parts["pooler"] = _Parts({"dense": _Dense(config.hidden_size, config.hidden_size)})
        super().__init__(parts)
        self.config = config

    def forward(
        self,
        p: Any,
        /,
        input_ids: jax.Array,
        attention_mask: jax.Array | None = None,
        token_type_ids: jax.Array | None = None,
    ) -> tuple[jax.Array, jax.Array | None]:
        """Hidden states and pooled output.

        Args:
            p: the parameters.
            input_ids: (N, L) token numbers.
            attention_mask: (N, L), 0 or False for padding.
            token_type_ids: (N, L), which of the sentences a token belongs to; zeros unless given.

        Raises RuntimeError for ids of another shape, or more of them than there are positions.
        """
        if input_ids.ndim != 2 or input_ids.shape[1] > self.config.max_position_embeddings:
            raise RuntimeError(
                f"Bert: input_ids: expected a shape (batch, at most {self.config.max_position_embeddings}), "
                f"got {tuple(input_ids.shape)}"
            )
        types = jnp.zeros_like(input_ids) if token_type_ids is None else token_type_ids
        mask = None if attention_mask is None else attention_mask.astype(bool)[:, None, None, :]
        x = self.part(p, "embeddings", input_ids, types)
        layers = self._parts["encoder"].children()["layer"]
        scopes = p["encoder"]["layer"]
        for name, layer in layers.children().items():
            x = layer(scopes[name], x, mask)
        if "pooler" not in self._parts:
            return x, None
        pooler: Any = self._parts["pooler"]
        return x, F.tanh(pooler.part(p["pooler"], "dense", x[:, 0]))


class _Predictions(_Parts):
    def __init__(self, config: BertConfig) -> None:
        transform = {
            "dense": _Dense(config.hidden_size, config.hidden_size),
            "LayerNorm": LayerNorm(config.hidden_size, config.layer_norm_eps),
        }
        super().__init__({"transform": _Parts(transform)})
        self.config = config

    def own_parameters(self, source: Source, dtype: DTypeLike) -> Params:
        return {"bias": jnp.zeros((self.config.vocab_size,), dtype)}

    def forward(self, p: Any, /, x: jax.Array, weight: jax.Array) -> jax.Array:
        transform: Any = self._parts["transform"]
        hidden = ACTIVATIONS[self.config.hidden_act](transform.part(p["transform"], "dense", x))
        return F.linear(transform.part(p["transform"], "LayerNorm", hidden), weight, p["bias"])


class BertForMaskedLM(_Parts):
    """Token numbers -> logits (N, L, vocab_size), whose weight is that of the tokens' embedding.

    The parameters have the names of the transformers library's BertForMaskedLM, less the shared ones.
    """

    def __init__(self, config: BertConfig) -> None:
        if not config.tie_word_embeddings:
            raise ValueError("BertForMaskedLM: tie_word_embeddings=False is not supported")
        heads: dict[str, Layer] = {"predictions": _Predictions(config)}
        super().__init__({"bert": Bert(config, add_pooling_layer=False), "cls": _Parts(heads)})
        self.config = config

    def forward(
        self,
        p: Any,
        /,
        input_ids: jax.Array,
        attention_mask: jax.Array | None = None,
        token_type_ids: jax.Array | None = None,
    ) -> jax.Array:
        """Logits; arguments as for `Bert`."""
        states, _ = self.part(p, "bert", input_ids, attention_mask, token_type_ids)
        weight = p["bert"]["embeddings"]["word_embeddings"]["weight"]
        head: Any = self._parts["cls"]
        return head.part(p["cls"], "predictions", states, weight)


def load_bert(
    folder: str | PathLike[str], masked_lm: bool = False, dtype: DTypeLike = jnp.float32
) -> tuple[Any, Params]:
    """The network and the parameters of a folder with a BERT checkpoint of the transformers library.

    Args:
        folder: with config.json and model.safetensors or pytorch_model.bin.
        masked_lm: whether to give BertForMaskedLM, or Bert (with a pooler if the file has one).
        dtype: of the parameters.

    Raises:
        ValueError: for another kind of model. RuntimeError: for tensors that do not fit the configuration.
    """
    supported = {"is_decoder": False, "add_cross_attention": False, "position_embedding_type": "absolute"}
    config = read_config(folder, BertConfig, "bert", supported)
    state = {
        name.replace("LayerNorm.gamma", "LayerNorm.weight").replace("LayerNorm.beta", "LayerNorm.bias"): value
        for name, value in read_weights(folder).items()
        if not name.endswith("embeddings.position_ids")
    }
    pooled = any("pooler." in name for name in state)
    net: Layer = BertForMaskedLM(config) if masked_lm else Bert(config, add_pooling_layer=pooled)

    def rename(name: str) -> str | None:
        if masked_lm:
            other = name.startswith(("bert.pooler.", "cls.seq_relationship.", "cls.predictions.decoder."))
            return None if other else name
        if name.startswith(("cls.", "classifier.", "qa_outputs.")):
            return None
        return name.removeprefix("bert.")

    params, _ = load_state_dict(net, state, rename, dtype)
    return net, params

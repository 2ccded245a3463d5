"""GPT-2 (Radford et al., 2019): a decoder with a cache, by the names of the transformers library.

net, params = models.load_gpt("folder/with/a/checkpoint")
logits = net(params, ids)                                    # (N, L) -> (N, L, vocab_size)
text = models.generate(net, params, ids, max_new_tokens=50)  # fnnet.models.generation
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable
from dataclasses import dataclass
from os import PathLike
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
from jax.typing import DTypeLike

from fnnet import functional as F
from fnnet import init
from fnnet.layers import Dropout, Layer, LayerNorm, ModuleList
from fnnet.layers.layer import Params
from fnnet.models.loading import load_state_dict
from fnnet.models.pretrained import read_config, read_weights
from fnnet.random.source import Source

__all__ = ["GPT", "Cache", "GPTConfig", "load_gpt"]


def _gelu_tanh(x: jax.Array) -> jax.Array:
    return F.gelu(x, approximate="tanh")


ACTIVATIONS: dict[str, Callable[[jax.Array], jax.Array]] = {
    "gelu_new": _gelu_tanh,
    "gelu_pytorch_tanh": _gelu_tanh,
    "gelu": F.gelu,
    "relu": F.relu,
    "silu": F.silu,
    "swish": F.silu,
    "tanh": F.tanh,
}
"""The transformers library's names of activations."""


@dataclass(frozen=True)
class GPTConfig:
    """Sizes and rates of a network, by the names and defaults of the transformers library's GPT2Config."""

    vocab_size: int = 50257
    n_positions: int = 1024
    n_embd: int = 768
    n_layer: int = 12
    n_head: int = 12
    n_inner: int | None = None
    activation_function: str = "gelu_new"
    resid_pdrop: float = 0.1
    embd_pdrop: float = 0.1
    attn_pdrop: float = 0.1
    layer_norm_epsilon: float = 1e-5
    initializer_range: float = 0.02
    scale_attn_weights: bool = True
    scale_attn_by_inverse_layer_idx: bool = False
    tie_word_embeddings: bool = True
    eos_token_id: int | None = None

    def __post_init__(self) -> None:
        if self.n_embd % self.n_head:
            raise ValueError(
                f"GPTConfig: n_embd must be divisible by n_head, got {self.n_embd} and {self.n_head}"
            )
        if self.activation_function not in ACTIVATIONS:
            raise ValueError(
                f"GPTConfig: activation_function: expected one of {sorted(ACTIVATIONS)}, "
                f"got {self.activation_function!r}"
            )


class Cache(NamedTuple):
    """Keys and values of the positions so far, in arrays of a fixed length S.

    Attributes:
        keys, values: one array (N, heads, S, width of a head) for each layer.
        valid: (N, S) booleans, False for padding and for what is not filled yet.
        length: how many places are filled, an int32 array ().
    """

    keys: tuple[jax.Array, ...]
    values: tuple[jax.Array, ...]
    valid: jax.Array
    length: jax.Array


@dataclass(frozen=True, repr=False)
class Conv1D(Layer):
    """y = x W + b with a weight (in, out): what GPT-2's files hold in place of linear layers."""

    nf: int
    nx: int
    std: float = 0.02

    def own_parameters(self, source: Source, dtype: DTypeLike) -> Params:
        weight = init.normal(source, (self.nx, self.nf), std=self.std, dtype=dtype)
        return {"weight": weight, "bias": jnp.zeros((self.nf,), dtype)}

    def forward(self, p: Any, /, x: jax.Array) -> jax.Array:
        return jnp.matmul(x, p["weight"]) + p["bias"]

    def extra_repr(self) -> str:
        return f"nf={self.nf}, nx={self.nx}"


@dataclass(frozen=True, repr=False)
class Table(Layer):
    """Rows of a table that begins normal with a given deviation."""

    rows: int
    width: int
    std: float = 0.02
    padding_idx: int | None = None

    def own_parameters(self, source: Source, dtype: DTypeLike) -> Params:
        weight = init.normal(source, (self.rows, self.width), std=self.std, dtype=dtype)
        return {"weight": weight if self.padding_idx is None else weight.at[self.padding_idx].set(0)}

    def forward(self, p: Any, /, indices: jax.Array) -> jax.Array:
        return F.embedding(indices, p["weight"], self.padding_idx)

    def extra_repr(self) -> str:
        return f"{self.rows}, {self.width}"


def attend(
    p: Any, q: jax.Array, k: jax.Array, v: jax.Array, mask: jax.Array | None, rate: float, scale: float
) -> jax.Array:
    """(N, heads, L, D), twice (N, heads, S, D) and a mask -> (N, L, heads * D)."""
    draws = p.training and rate > 0
    key = p.source if draws else None
    context = F.scaled_dot_product_attention(
        q, k, v, mask, rate if draws else 0.0, scale=scale, dropout_key=key
    )
    return context.transpose(0, 2, 1, 3).reshape(q.shape[0], q.shape[2], -1)


class _Attention(Layer):
    def __init__(self, config: GPTConfig, index: int) -> None:
        width = config.n_embd
        self.heads = config.n_head
        self.rate = config.attn_pdrop
        self.scale = (width // self.heads) ** -0.5 if config.scale_attn_weights else 1.0
        if config.scale_attn_by_inverse_layer_idx:
            self.scale /= index + 1
        std = config.initializer_range
        self.c_attn = Conv1D(3 * width, width, std)
        self.c_proj = Conv1D(width, width, std / math.sqrt(2 * config.n_layer))
        self.resid_dropout = Dropout(config.resid_pdrop)

    def forward(
        self, p: Any, /, x: jax.Array, mask: jax.Array, past: tuple[jax.Array, jax.Array, jax.Array] | None
    ) -> tuple[jax.Array, jax.Array, jax.Array]:
        """The output, and all keys and values: those of x, written into the past ones from a place on."""
        count, length, width = x.shape
        joined = self.c_attn(p["c_attn"], x).reshape(count, length, 3, self.heads, width // self.heads)
        q, k, v = joined.transpose(2, 0, 3, 1, 4)
        if past is not None:
            keys, values, place = past
            k = jax.lax.dynamic_update_slice_in_dim(keys, k.astype(keys.dtype), place, 2)
            v = jax.lax.dynamic_update_slice_in_dim(values, v.astype(values.dtype), place, 2)
        context = attend(p, q, k, v, mask, self.rate, self.scale)
        output = self.c_proj(p["c_proj"], context)
        return self.resid_dropout(p["resid_dropout"], output), k, v


class _MLP(Layer):
    def __init__(self, config: GPTConfig) -> None:
        inner, std = config.n_inner or 4 * config.n_embd, config.initializer_range
        self.c_fc = Conv1D(inner, config.n_embd, std)
        self.c_proj = Conv1D(config.n_embd, inner, std / math.sqrt(2 * config.n_layer))
        self.dropout = Dropout(config.resid_pdrop)
        self.activation = config.activation_function

    def forward(self, p: Any, /, x: jax.Array) -> jax.Array:
        hidden = ACTIVATIONS[self.activation](self.c_fc(p["c_fc"], x))
        return self.dropout(p["dropout"], self.c_proj(p["c_proj"], hidden))


class _Block(Layer):
    def __init__(self, config: GPTConfig, index: int) -> None:
        self.ln_1 = LayerNorm(config.n_embd, config.layer_norm_epsilon)
        self.attn = _Attention(config, index)
        self.ln_2 = LayerNorm(config.n_embd, config.layer_norm_epsilon)
        self.mlp = _MLP(config)

    def forward(self, p: Any, /, x: jax.Array, mask: jax.Array, past: Any) -> Any:
        attended, k, v = self.attn(p["attn"], self.ln_1(p["ln_1"], x), mask, past)
        x = attended + x
        return x + self.mlp(p["mlp"], self.ln_2(p["ln_2"], x)), k, v


class _Transformer(Layer):
    def __init__(self, config: GPTConfig) -> None:
        std = config.initializer_range
        self.wte = Table(config.vocab_size, config.n_embd, std)
        self.wpe = Table(config.n_positions, config.n_embd, std)
        self.drop = Dropout(config.embd_pdrop)
        self.h = ModuleList(_Block(config, index) for index in range(config.n_layer))
        self.ln_f = LayerNorm(config.n_embd, config.layer_norm_epsilon)

    def forward(self, p: Any, /, ids: jax.Array, filled: Cache) -> tuple[jax.Array, Cache]:
        """Hidden states, and the cache with the new keys and values. `filled.valid` counts the new ids in."""
        length, size = ids.shape[1], filled.valid.shape[1]
        place = filled.length
        counts = jnp.cumsum(filled.valid, axis=1, dtype=jnp.int32) - 1
        positions = jnp.maximum(jax.lax.dynamic_slice_in_dim(counts, place, length, 1), 0)
        causal = jnp.arange(size) <= place + jnp.arange(length)[:, None]
        mask = (causal & filled.valid[:, None])[:, None]
        x = self.drop(p["drop"], self.wte(p["wte"], ids) + self.wpe(p["wpe"], positions))
        keys, values = [], []
        for index, (name, block) in enumerate(self.h.children().items()):
            past = (filled.keys[index], filled.values[index], place) if filled.keys else None
            x, k, v = block(p["h"][name], x, mask, past)
            keys.append(k)
            values.append(v)
        cache = Cache(tuple(keys), tuple(values), filled.valid, place + length)
        return self.ln_f(p["ln_f"], x), cache


class GPT(Layer):
    """Logits of the next token at every position: (N, L) integers -> (N, L, vocab_size).

    The parameters have the names of the transformers library's GPT2LMHeadModel. Two networks of equal
    configurations are equal, and may be static arguments of `jax.jit`.
    """

    def __init__(self, config: GPTConfig) -> None:
        self.config = config
        self.transformer = _Transformer(config)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, GPT) and type(self) is type(other) and self.config == other.config

    def __hash__(self) -> int:
        return hash((type(self), self.config))

    def own_parameters(self, source: Source, dtype: DTypeLike) -> Params:
        if self.config.tie_word_embeddings:
            return {}
        shape = (self.config.vocab_size, self.config.n_embd)
        weight = init.normal(source, shape, std=self.config.initializer_range, dtype=dtype)
        return {"lm_head": {"weight": weight}}

    def init_cache(self, batch: int, size: int, dtype: DTypeLike = jnp.float32) -> Cache:
        """An empty cache for `size` positions. Raises ValueError for more than the network knows."""
        config = self.config
        shape = (batch, config.n_head, size, config.n_embd // config.n_head)
        layers = range(config.n_layer)
        return Cache(
            tuple(jnp.zeros(shape, dtype) for _ in layers),
            tuple(jnp.zeros(shape, dtype) for _ in layers),
            jnp.zeros((batch, size), bool),
            jnp.zeros((), jnp.int32),
        )

    def forward(
        self,
        p: Any,
        /,
        ids: jax.Array,
        attention_mask: jax.Array | None = None,
        cache: Cache | None = None,
        last_only: bool = False,
    ) -> Any:
        """Logits; with a cache, the pair of logits and the cache that holds these positions too.

        Args:
            p: the parameters.
            ids: (N, L) token numbers.
            attention_mask: (N, L), 0 or False for padding, which stands on the left; positions count the
                rest.
            cache: of the positions before, as `init_cache` gives or a call returned; the new ones must fit.
            last_only: whether to give the last position's logits alone, (N, 1, vocab_size).

        Raises RuntimeError for ids of another shape, or more of them than there are positions or places.
        """
        if ids.ndim != 2:
            raise RuntimeError(f"GPT: ids: expected a shape (batch, length), got {tuple(ids.shape)}")
        room = self.config.n_positions if cache is None else cache.valid.shape[1]
        if ids.shape[1] > room:
            raise RuntimeError(f"GPT: ids: {ids.shape[1]} positions, there is room for {room}")
        new = jnp.ones(ids.shape, bool) if attention_mask is None else attention_mask.astype(bool)
        if cache is None:
            before = Cache((), (), new, jnp.zeros((), jnp.int32))
        else:
            valid = jax.lax.dynamic_update_slice_in_dim(cache.valid, new, cache.length, 1)
            before = cache._replace(valid=valid)
        x, after = self.transformer(p["transformer"], ids, before)
        x = x[:, -1:] if last_only else x
        tied = self.config.tie_word_embeddings
        weight = p["transformer"]["wte"]["weight"] if tied else p["lm_head"]["weight"]
        logits = F.linear(x, weight)
        return logits if cache is None else (logits, after)

    def extra_repr(self) -> str:
        return str(self.config)


_NO_PARAMETER = re.compile(r".*\.attn\.(bias|masked_bias)")


def load_gpt(folder: str | PathLike[str], dtype: DTypeLike = jnp.float32) -> tuple[GPT, Params]:
    """The network and the parameters of a folder with a GPT-2 checkpoint of the transformers library.

    Reads config.json and model.safetensors or pytorch_model.bin, of GPT2Model or GPT2LMHeadModel.

    Raises:
        ValueError: for another kind of model. RuntimeError: for tensors that do not fit the configuration.
    """
    config = read_config(folder, GPTConfig, "gpt2", {"add_cross_attention": False})
    net = GPT(config)

    def rename(name: str) -> str | None:
        if _NO_PARAMETER.fullmatch(name) or (name == "lm_head.weight" and config.tie_word_embeddings):
            return None
        return name if name.startswith(("transformer.", "lm_head.")) else "transformer." + name

    params, _ = load_state_dict(net, read_weights(folder), rename, dtype)
    return net, params

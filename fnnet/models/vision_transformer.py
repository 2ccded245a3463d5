"""Vision transformers (Dosovitskiy et al., 2020), as torchvision has them."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
from jax.typing import DTypeLike

from fnnet import functional as F
from fnnet import init
from fnnet.layers import (
    GELU,
    BatchNorm2d,
    Conv2d,
    Dropout,
    Layer,
    LayerNorm,
    Linear,
    MultiheadAttention,
    ReLU,
    Sequential,
    Tanh,
)
from fnnet.layers.layer import Params
from fnnet.models.blocks import MLP, Conv2dNormActivation
from fnnet.random.source import Source

__all__ = [
    "VARIANTS",
    "ConvStemConfig",
    "Encoder",
    "EncoderBlock",
    "MLPBlock",
    "VisionTransformer",
    "current_name",
    "vision_transformer",
]

_Norm = Callable[..., Layer]
_NORM: _Norm = partial(LayerNorm, eps=1e-6)


class ConvStemConfig(NamedTuple):
    """One convolution of a stem that stands in place of the cutting into patches."""

    out_channels: int
    kernel_size: int
    stride: int
    norm_layer: Callable[..., Layer] = BatchNorm2d
    activation_layer: Callable[..., Layer] = ReLU


class MLPBlock(MLP):
    """Two linear layers with GELU between them."""

    def __init__(self, in_dim: int, mlp_dim: int, dropout: float) -> None:
        super().__init__(in_dim, [mlp_dim, in_dim], activation_layer=GELU, dropout=dropout)

    def draw(self, source: Source, dtype: DTypeLike) -> Params:
        drawn = super().draw(source, dtype)
        return {
            name: {
                "weight": init.xavier_uniform(source, own["weight"].shape, dtype=dtype),
                "bias": init.normal(source, own["bias"].shape, std=1e-6, dtype=dtype),
            }
            for name, own in drawn.items()
        }


class EncoderBlock(Layer):
    """Self-attention and a perceptron, each behind a norm and added to its input: (N, S, E) -> the same."""

    def __init__(
        self,
        num_heads: int,
        hidden_dim: int,
        mlp_dim: int,
        dropout: float,
        attention_dropout: float,
        norm_layer: _Norm = _NORM,
    ) -> None:
        self.num_heads = num_heads
        self.ln_1 = norm_layer(hidden_dim)
        self.self_attention = MultiheadAttention(hidden_dim, num_heads, attention_dropout, batch_first=True)
        self.dropout = Dropout(dropout)
        self.ln_2 = norm_layer(hidden_dim)
        self.mlp = MLPBlock(hidden_dim, mlp_dim, dropout)

    def forward(self, p: Any, /, input: jax.Array) -> jax.Array:
        _three_dimensional(input)
        x = self.ln_1(p["ln_1"], input)
        x, _ = self.self_attention(p["self_attention"], x, x, x, need_weights=False)
        # PyTorch draws the noise in the order of memory, where the output of attention lies position first.
        x = F.transpose(self.dropout(p["dropout"], F.transpose(x, 0, 1)), 0, 1) + input
        return x + self.mlp(p["mlp"], self.ln_2(p["ln_2"], x))


class Encoder(Layer):
    """Positions added, blocks in turn, a norm: (N, seq_length, hidden_dim) -> the same."""

    def __init__(
        self,
        seq_length: int,
        num_layers: int,
        num_heads: int,
        hidden_dim: int,
        mlp_dim: int,
        dropout: float,
        attention_dropout: float,
        norm_layer: _Norm = _NORM,
    ) -> None:
        self._shape = (1, seq_length, hidden_dim)
        self.dropout = Dropout(dropout)
        options = (num_heads, hidden_dim, mlp_dim, dropout, attention_dropout, norm_layer)
        self.layers = Sequential({f"encoder_layer_{i}": EncoderBlock(*options) for i in range(num_layers)})
        self.ln = norm_layer(hidden_dim)

    def own_parameters(self, source: Source, dtype: DTypeLike) -> Params:
        return {"pos_embedding": init.normal(source, self._shape, std=0.02, dtype=dtype)}

    def forward(self, p: Any, /, input: jax.Array) -> jax.Array:
        _three_dimensional(input)
        x = self.dropout(p["dropout"], input + p["pos_embedding"])
        return self.ln(p["ln"], self.layers(p["layers"], x))


def _three_dimensional(input: jax.Array) -> None:
    if input.ndim != 3:
        raise AssertionError(f"Expected (batch_size, seq_length, hidden_dim) got {input.shape}")


class VisionTransformer(Layer):
    """Patches and a class token through an encoder; a head on the token: (N, 3, H, W) -> (N, num_classes).

    Args:
        image_size, patch_size: the first is a multiple of the second.
        num_layers, num_heads, hidden_dim, mlp_dim: of the encoder.
        dropout, attention_dropout: rates.
        num_classes: outputs.
        representation_size: of a hidden layer in the head, which has none unless given.
        norm_layer: makes a norm of a width; LayerNorm(eps=1e-6) unless given.
        conv_stem_configs: convolutions in place of the cutting into patches.
    """

    def __init__(
        self,
        image_size: int,
        patch_size: int,
        num_layers: int,
        num_heads: int,
        hidden_dim: int,
        mlp_dim: int,
        dropout: float = 0.0,
        attention_dropout: float = 0.0,
        num_classes: int = 1000,
        representation_size: int | None = None,
        norm_layer: _Norm = _NORM,
        conv_stem_configs: Sequence[ConvStemConfig] | None = None,
    ) -> None:
        if image_size % patch_size:
            raise AssertionError("Input shape indivisible by patch size!")
        self.image_size = image_size
        self.patch_size = patch_size
        self.hidden_dim = hidden_dim
        self.mlp_dim = mlp_dim
        self.attention_dropout = attention_dropout
        self.dropout = dropout
        self.num_classes = num_classes
        self.representation_size = representation_size
        self.norm_layer = norm_layer
        self.conv_proj: Layer = (
            Conv2d(3, hidden_dim, patch_size, patch_size)
            if conv_stem_configs is None
            else _stem(conv_stem_configs, hidden_dim)
        )
        self.seq_length = (image_size // patch_size) ** 2 + 1
        rates = (dropout, attention_dropout)
        self.encoder = Encoder(
            self.seq_length, num_layers, num_heads, hidden_dim, mlp_dim, *rates, norm_layer
        )
        if representation_size is None:
            self.heads = Sequential({"head": Linear(hidden_dim, num_classes)})
        else:
            before = {"pre_logits": Linear(hidden_dim, representation_size), "act": Tanh()}
            self.heads = Sequential({**before, "head": Linear(representation_size, num_classes)})

    def own_parameters(self, source: Source, dtype: DTypeLike) -> Params:
        return {"class_token": jnp.zeros((1, 1, self.hidden_dim), dtype)}

    def draw(self, source: Source, dtype: DTypeLike) -> Params:
        params = super().draw(source, dtype)

        def begun(own: Params, std: float, rule: Callable[..., jax.Array]) -> Params:
            weight = rule(source, own["weight"].shape, std=std, dtype=dtype)
            return {"weight": weight, "bias": jnp.zeros_like(own["bias"])}

        projection, heads = params["conv_proj"], params["heads"]
        if isinstance(self.conv_proj, Conv2d):
            fan_in = math.prod(projection["weight"].shape[1:])
            params["conv_proj"] = begun(projection, math.sqrt(1 / fan_in), init.trunc_normal)
        else:
            std = math.sqrt(2.0 / self.hidden_dim)
            projection["conv_last"] = begun(projection["conv_last"], std, init.normal)
        if "pre_logits" in heads:
            heads["pre_logits"] = begun(
                heads["pre_logits"], math.sqrt(1 / self.hidden_dim), init.trunc_normal
            )
        heads["head"] = {name: jnp.zeros_like(value) for name, value in heads["head"].items()}
        return params

    def patches(self, p: Any, /, x: jax.Array) -> jax.Array:
        """(N, 3, image_size, image_size) -> (N, patches, hidden_dim)."""
        count, _, height, width = x.shape
        for what, size in (("height", height), ("width", width)):
            if size != self.image_size:
                raise AssertionError(f"Wrong image {what}! Expected {self.image_size} but got {size}!")
        x = self.conv_proj(p["conv_proj"], x)
        return F.permute(x.reshape(count, self.hidden_dim, -1), (0, 2, 1))

    def forward(self, p: Any, /, x: jax.Array) -> jax.Array:
        x = self.patches(p, x)
        x = F.cat([F.expand(p["class_token"], (x.shape[0], -1, -1)), x], 1)
        return self.heads(p["heads"], self.encoder(p["encoder"], x)[:, 0])


def _stem(configs: Sequence[ConvStemConfig], hidden_dim: int) -> Sequential:
    channels = 3
    parts: dict[str, Layer] = {}
    for i, config in enumerate(configs):
        parts[f"conv_bn_relu_{i}"] = Conv2dNormActivation(
            channels,
            config.out_channels,
            config.kernel_size,
            config.stride,
            norm_layer=config.norm_layer,
            activation_layer=config.activation_layer,
        )
        channels = config.out_channels
    return Sequential({**parts, "conv_last": Conv2d(channels, hidden_dim, 1)})


VARIANTS: dict[str, tuple[int, int, int, int, int]] = {
    "vit_b_16": (16, 12, 12, 768, 3072),
    "vit_b_32": (32, 12, 12, 768, 3072),
    "vit_l_16": (16, 24, 16, 1024, 4096),
    "vit_l_32": (32, 24, 16, 1024, 4096),
    "vit_h_14": (14, 32, 16, 1280, 5120),
}
"""patch_size, num_layers, num_heads, hidden_dim and mlp_dim, by torchvision's names."""


def vision_transformer(name: str, image_size: int = 224, **options: Any) -> VisionTransformer:
    """The network of a name in `VARIANTS`. Raises ValueError for another."""
    if name not in VARIANTS:
        raise ValueError(f"vision_transformer: name: expected one of {sorted(VARIANTS)}, got {name!r}")
    return VisionTransformer(image_size, *VARIANTS[name], **options)


_FORMER = re.compile(r"(.*mlp\.)linear_([12])(\.\w+)")


def current_name(name: str) -> str:
    """What a name in the published files, which are older than the present names, is called now."""
    former = _FORMER.fullmatch(name)
    return name if former is None else f"{former[1]}{3 * (int(former[2]) - 1)}{former[3]}"

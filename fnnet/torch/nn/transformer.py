"""Stacks of transformer layers, which are modules that users bring, and the whole Transformer."""

from __future__ import annotations

import copy
from typing import Any

from fnnet import layers
from fnnet.layers.transformer import in_turn
from fnnet.torch.creation import full
from fnnet.torch.nn import init
from fnnet.torch.nn.container import ModuleList
from fnnet.torch.nn.derive import CLASSES, module_class
from fnnet.torch.nn.functional import OPERATIONS
from fnnet.torch.nn.module import Module
from fnnet.torch.tensor import Tensor

__all__ = ["Transformer", "TransformerDecoder", "TransformerEncoder"]


class _Stack(Module):
    """Copies of a layer one after another, and a norm behind them."""

    def __init__(self, layer: Module, num_layers: int, norm: Module | None) -> None:
        super().__init__()
        self.layers = ModuleList([copy.deepcopy(layer) for _ in range(num_layers)])
        self.num_layers = num_layers
        self.norm = norm

    def _through(self, scope: None, x: Tensor, *inputs: Any, **options: Any) -> Tensor:
        return in_turn(self.layers, self.norm, x, *inputs, **options)


class TransformerEncoder(_Stack):
    """A stack of copies of an encoder layer. `enable_nested_tensor` and `mask_check` have no effect."""

    def __init__(
        self,
        encoder_layer: Module,
        num_layers: int,
        norm: Module | None = None,
        enable_nested_tensor: bool = True,
        mask_check: bool = True,
    ) -> None:
        super().__init__(encoder_layer, num_layers, norm)
        self.enable_nested_tensor = enable_nested_tensor
        self.mask_check = mask_check

    def forward(
        self,
        src: Tensor,
        mask: Tensor | None = None,
        src_key_padding_mask: Tensor | None = None,
        is_causal: bool | None = None,
    ) -> Tensor:
        """src through the layers; the masks go to each."""
        forward: Any = layers.TransformerEncoder.forward
        return forward(self, None, src, mask, src_key_padding_mask, is_causal)


class TransformerDecoder(_Stack):
    """A stack of copies of a decoder layer."""

    def __init__(self, decoder_layer: Module, num_layers: int, norm: Module | None = None) -> None:
        super().__init__(decoder_layer, num_layers, norm)

    def forward(
        self,
        tgt: Tensor,
        memory: Tensor,
        tgt_mask: Tensor | None = None,
        memory_mask: Tensor | None = None,
        tgt_key_padding_mask: Tensor | None = None,
        memory_key_padding_mask: Tensor | None = None,
        tgt_is_causal: bool | None = None,
        memory_is_causal: bool = False,
    ) -> Tensor:
        """tgt through the layers, each of which attends to memory; the masks go to each."""
        masks = tgt_mask, memory_mask, tgt_key_padding_mask, memory_key_padding_mask
        forward: Any = layers.TransformerDecoder.forward
        return forward(self, None, tgt, memory, *masks, tgt_is_causal, memory_is_causal)


class Transformer(Module):
    """Encoder and decoder together; all matrices are drawn again in the end (xavier_uniform)."""

    def __init__(
        self,
        d_model: int = 512,
        nhead: int = 8,
        num_encoder_layers: int = 6,
        num_decoder_layers: int = 6,
        dim_feedforward: int = 2048,
        dropout: float = 0.1,
        activation: Any = OPERATIONS["relu"],
        custom_encoder: Any = None,
        custom_decoder: Any = None,
        layer_norm_eps: float = 1e-5,
        batch_first: bool = False,
        norm_first: bool = False,
        bias: bool = True,
        device: Any = None,
        dtype: Any = None,
    ) -> None:
        super().__init__()
        options = (d_model, nhead, dim_feedforward, dropout, activation, layer_norm_eps)
        place = {"device": device, "dtype": dtype}

        def stack(kind: Any, layer: Any, count: int) -> Module:
            inner = module_class(layer)(*options, batch_first, norm_first, bias, **place)
            norm = module_class(layers.LayerNorm)(d_model, layer_norm_eps, bias=bias, **place)
            return kind(inner, count, norm)

        self.encoder = custom_encoder or stack(
            TransformerEncoder, layers.TransformerEncoderLayer, num_encoder_layers
        )
        self.decoder = custom_decoder or stack(
            TransformerDecoder, layers.TransformerDecoderLayer, num_decoder_layers
        )
        for parameter in self.parameters():
            if parameter.dim() > 1:
                init.xavier_uniform_(parameter)
        self.d_model = d_model
        self.nhead = nhead
        self.batch_first = batch_first

    def forward(
        self,
        src: Tensor,
        tgt: Tensor,
        src_mask: Tensor | None = None,
        tgt_mask: Tensor | None = None,
        memory_mask: Tensor | None = None,
        src_key_padding_mask: Tensor | None = None,
        tgt_key_padding_mask: Tensor | None = None,
        memory_key_padding_mask: Tensor | None = None,
        src_is_causal: bool | None = None,
        tgt_is_causal: bool | None = None,
        memory_is_causal: bool = False,
    ) -> Tensor:
        """The decoder's output for tgt, with the encoder's of src as memory."""
        batch = 0 if self.batch_first else 1
        if src.dim() == 3 and src.size(batch) != tgt.size(batch):
            raise RuntimeError("the batch number of src and tgt must be equal")
        if src.size(-1) != self.d_model or tgt.size(-1) != self.d_model:
            raise RuntimeError("the feature number of src and tgt must be equal to d_model")
        memory = self.encoder(
            src, mask=src_mask, src_key_padding_mask=src_key_padding_mask, is_causal=src_is_causal
        )
        masks = tgt_mask, memory_mask, tgt_key_padding_mask, memory_key_padding_mask
        return self.decoder(
            tgt, memory, *masks, tgt_is_causal=tgt_is_causal, memory_is_causal=memory_is_causal
        )

    @staticmethod
    def generate_square_subsequent_mask(sz: int, device: Any = None, dtype: Any = None) -> Tensor:
        """A float mask (sz, sz): -inf above the diagonal, 0 elsewhere."""
        return full((sz, sz), float("-inf"), dtype=dtype, device=device).triu(1)


CLASSES[layers.TransformerEncoder] = TransformerEncoder
CLASSES[layers.TransformerDecoder] = TransformerDecoder
CLASSES[layers.Transformer] = Transformer

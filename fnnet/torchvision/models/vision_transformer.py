"""Vision transformers as modules, derived from `fnnet.models.vision_transformer`."""

from __future__ import annotations

from functools import partial
from typing import Any

from fnnet.models import vision_transformer as _layers
from fnnet.torch.nn.derive import ModuleScope, module_class
from fnnet.torch.nn.module import Module
from fnnet.torchvision.models._api import builder
from fnnet.torchvision.models.published import enumeration
from fnnet.torchvision.ops.misc import MLP as MLP

MLPBlock = module_class(_layers.MLPBlock, __name__)
EncoderBlock = module_class(_layers.EncoderBlock, __name__)
Encoder = module_class(_layers.Encoder, __name__)
VisionTransformer = module_class(_layers.VisionTransformer, __name__)
ConvStemConfig = _layers.ConvStemConfig

__all__ = ["VisionTransformer"]


def _load_from_state_dict(
    self: Any, state_dict: dict[str, Any], prefix: str, local_metadata: dict[str, Any], *rest: Any
) -> None:
    """Load a block, whose state may have the names that torchvision gave before version 0.14."""
    if (local_metadata.get("version") or 1) < 2:
        for name in [name for name in state_dict if name.startswith(prefix)]:
            current = _layers.current_name(name)
            if current != name:
                state_dict[current] = state_dict.pop(name)
    Module._load_from_state_dict(self, state_dict, prefix, local_metadata, *rest)


def _process_input(self: Any, x: Any) -> Any:
    """Pictures as patches: (N, 3, H, W) -> (N, patches, hidden_dim)."""
    return self._layer.patches(ModuleScope(self), x)


MLPBlock._version = 2
MLPBlock._load_from_state_dict = _load_from_state_dict
VisionTransformer._process_input = _process_input


def _make(variant: tuple[int, ...], image_size: int = 224, **kwargs: Any) -> Module:
    return VisionTransformer(image_size, *variant, **kwargs)


for _name, _variant in _layers.VARIANTS.items():
    _weights = enumeration(_name)
    globals()[_name] = builder(_name, _weights, partial(_make, _variant), __name__, image_size=True)
    globals()[_weights.__name__] = _weights
    __all__ += [_name, _weights.__name__]

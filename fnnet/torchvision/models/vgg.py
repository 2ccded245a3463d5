"""VGG as modules, derived from `fnnet.models.vgg`."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import Any

from fnnet.models import vgg as _layers
from fnnet.torch.nn.derive import as_module, module_class
from fnnet.torch.nn.module import Module
from fnnet.torchvision.models._api import builder
from fnnet.torchvision.models.published import enumeration

module_class(_layers._Classified, __name__)
VGG = module_class(_layers.VGG, __name__)
cfgs = _layers.STAGES

__all__ = ["VGG"]
_UNTRAINED = {"init_weights": False}


def make_layers(cfg: Sequence[int | str], batch_norm: bool = False) -> Module:
    """The features of a list of channels, with "M" where the picture is halved."""
    return as_module(_layers.make_layers(cfg, batch_norm))


def _make(letter: str, batch_norm: bool, **kwargs: Any) -> Module:
    return VGG(make_layers(cfgs[letter], batch_norm), **kwargs)


for _name, _variant in _layers.VARIANTS.items():
    _weights = enumeration(_name)
    globals()[_name] = builder(_name, _weights, partial(_make, *_variant), __name__, trained=_UNTRAINED)
    globals()[_weights.__name__] = _weights
    __all__ += [_name, _weights.__name__]

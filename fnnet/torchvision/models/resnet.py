"""Residual networks as modules, derived from `fnnet.models.resnet`."""

from __future__ import annotations

from functools import partial

from fnnet.models import resnet as _layers
from fnnet.torch.nn.derive import module_class
from fnnet.torchvision.models._api import builder
from fnnet.torchvision.models.published import enumeration

BasicBlock = module_class(_layers.BasicBlock, __name__)
Bottleneck = module_class(_layers.Bottleneck, __name__)
ResNet = module_class(_layers.ResNet, __name__)
BasicBlock.expansion, Bottleneck.expansion = _layers.BasicBlock.expansion, _layers.Bottleneck.expansion
ResNet._forward_impl = ResNet.forward

__all__ = ["BasicBlock", "Bottleneck", "ResNet"]

for _name, (_block, _depths, _widths) in _layers.VARIANTS.items():
    _weights = enumeration(_name)
    _make = partial(ResNet, module_class(_block), list(_depths))
    globals()[_name] = builder(_name, _weights, _make, __name__, fixed=_widths)
    globals()[_weights.__name__] = _weights
    __all__ += [_name, _weights.__name__]

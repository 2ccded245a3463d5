"""DenseNet as modules, derived from `fnnet.models.densenet`."""

from __future__ import annotations

from functools import partial

from fnnet.models import densenet as _layers
from fnnet.torch.nn.derive import module_class
from fnnet.torchvision.models._api import builder
from fnnet.torchvision.models.published import enumeration

_DenseLayer = module_class(_layers._DenseLayer, __name__)
_DenseBlock = module_class(_layers._DenseBlock, __name__)
_Transition = module_class(_layers._Transition, __name__)
DenseNet = module_class(_layers.DenseNet, __name__)
_DenseBlock._version = 2

__all__ = ["DenseNet"]

for _name, _sizes in _layers.VARIANTS.items():
    _weights = enumeration(_name)
    _make = partial(DenseNet, *_sizes)
    globals()[_name] = builder(_name, _weights, _make, __name__, rename=_layers.current_name)
    globals()[_weights.__name__] = _weights
    __all__ += [_name, _weights.__name__]

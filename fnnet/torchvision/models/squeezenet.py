"""SqueezeNet as modules, derived from `fnnet.models.squeezenet`."""

from __future__ import annotations

from functools import partial

from fnnet.models import squeezenet as _layers
from fnnet.torch.nn.derive import module_class
from fnnet.torchvision.models._api import builder
from fnnet.torchvision.models.published import enumeration

Fire = module_class(_layers.Fire, __name__)
SqueezeNet = module_class(_layers.SqueezeNet, __name__)
SqueezeNet1_0_Weights = enumeration("squeezenet1_0")
SqueezeNet1_1_Weights = enumeration("squeezenet1_1")
squeezenet1_0 = builder("squeezenet1_0", SqueezeNet1_0_Weights, partial(SqueezeNet, "1_0"), __name__)
squeezenet1_1 = builder("squeezenet1_1", SqueezeNet1_1_Weights, partial(SqueezeNet, "1_1"), __name__)

__all__ = ["SqueezeNet", "SqueezeNet1_0_Weights", "SqueezeNet1_1_Weights", "squeezenet1_0", "squeezenet1_1"]

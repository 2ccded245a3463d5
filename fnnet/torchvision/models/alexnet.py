"""AlexNet as a module, derived from `fnnet.models.vgg`."""

from __future__ import annotations

from fnnet.models import vgg as _layers
from fnnet.torch.nn.derive import module_class
from fnnet.torchvision.models._api import builder
from fnnet.torchvision.models.published import enumeration

AlexNet = module_class(_layers.AlexNet, __name__)
AlexNet_Weights = enumeration("alexnet")
alexnet = builder("alexnet", AlexNet_Weights, AlexNet, __name__)

__all__ = ["AlexNet", "AlexNet_Weights", "alexnet"]

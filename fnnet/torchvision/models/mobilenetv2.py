"""MobileNetV2 as modules, derived from `fnnet.models.mobilenetv2`."""

from __future__ import annotations

from fnnet.models import mobilenetv2 as _layers
from fnnet.torch.nn.derive import module_class
from fnnet.torchvision.models._api import builder
from fnnet.torchvision.models.published import enumeration
from fnnet.torchvision.ops.misc import Conv2dNormActivation as Conv2dNormActivation

InvertedResidual = module_class(_layers.InvertedResidual, __name__)
MobileNetV2 = module_class(_layers.MobileNetV2, __name__)
MobileNetV2._forward_impl = MobileNetV2.forward
MobileNet_V2_Weights = enumeration("mobilenet_v2")
mobilenet_v2 = builder("mobilenet_v2", MobileNet_V2_Weights, MobileNetV2, __name__)

__all__ = ["MobileNetV2", "MobileNet_V2_Weights", "mobilenet_v2"]

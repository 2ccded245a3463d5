"""MobileNets under the name that torchvision gives their module."""

from fnnet.torchvision.models.mobilenetv2 import MobileNet_V2_Weights as MobileNet_V2_Weights
from fnnet.torchvision.models.mobilenetv2 import MobileNetV2 as MobileNetV2
from fnnet.torchvision.models.mobilenetv2 import mobilenet_v2 as mobilenet_v2

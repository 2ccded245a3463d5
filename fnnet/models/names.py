"""The networks for pictures by torchvision's names."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

from fnnet.layers import Layer
from fnnet.models import densenet, resnet, vgg, vision_transformer
from fnnet.models.mobilenetv2 import MobileNetV2
from fnnet.models.squeezenet import SqueezeNet

__all__ = ["NAMES", "named"]

_FAMILIES: dict[str, Callable[..., Layer]] = {
    **{name: partial(resnet.resnet, name) for name in resnet.VARIANTS},
    **{name: partial(vgg.vgg, name) for name in vgg.VARIANTS},
    **{name: partial(densenet.densenet, name) for name in densenet.VARIANTS},
    **{name: partial(vision_transformer.vision_transformer, name) for name in vision_transformer.VARIANTS},
    "alexnet": vgg.AlexNet,
    "mobilenet_v2": MobileNetV2,
    "squeezenet1_0": partial(SqueezeNet, "1_0"),
    "squeezenet1_1": partial(SqueezeNet, "1_1"),
}
NAMES = tuple(sorted(_FAMILIES))
"""The names that `named` knows."""


def named(name: str, **options: Any) -> Layer:
    """The network of a name, such as "resnet18"; options such as num_classes=10 go to its class.

    Raises ValueError for a name that is not in `NAMES`.
    """
    if name not in _FAMILIES:
        raise ValueError(f"models.named: name: expected one of {', '.join(NAMES)}; got {name!r}")
    return _FAMILIES[name](**options)

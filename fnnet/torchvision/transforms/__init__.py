"""torchvision.transforms: what is done to pictures before a network sees them."""

from fnnet.torchvision.transforms import functional as functional
from fnnet.torchvision.transforms import transforms as transforms
from fnnet.torchvision.transforms.autoaugment import AugMix as AugMix
from fnnet.torchvision.transforms.autoaugment import AutoAugment as AutoAugment
from fnnet.torchvision.transforms.autoaugment import AutoAugmentPolicy as AutoAugmentPolicy
from fnnet.torchvision.transforms.autoaugment import RandAugment as RandAugment
from fnnet.torchvision.transforms.autoaugment import TrivialAugmentWide as TrivialAugmentWide
from fnnet.torchvision.transforms.transforms import *  # noqa: F403


def __getattr__(name: str) -> object:
    """`transforms.v2` is imported when it is named."""
    if name == "v2":
        from importlib import import_module

        return import_module(f"{__name__}.v2")
    raise AttributeError(f"module 'torchvision.transforms' has no attribute '{name}' in fnnet")

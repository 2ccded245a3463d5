"""Automatic augmentation: AutoAugment, RandAugment, TrivialAugment, AugMix."""

from __future__ import annotations

import math
from collections.abc import Callable
from enum import Enum
from typing import Any

import numpy as np

from fnnet.data.raster import drawing, pillow, policies
from fnnet.torch import nn
from fnnet.torch.random import default_generator
from fnnet.torch.tensor import Tensor
from fnnet.torchvision.transforms import functional as F
from fnnet.torchvision.transforms.computing import array_of, tensor_of
from fnnet.torchvision.transforms.interpolation import InterpolationMode

Change = Callable[[Any, float, Any, Any], Any]


def _sheared(image: Any, shear: list[float], mode: Any, fill: Any, functional: Any) -> Any:
    degrees = [math.degrees(math.atan(one)) for one in shear]
    return functional.affine(image, 0.0, [0, 0], 1.0, degrees, mode, fill, [0, 0])


def _moved(image: Any, by: list[int], mode: Any, fill: Any, functional: Any) -> Any:
    return functional.affine(image, 0.0, by, 1.0, [0.0, 0.0], mode, fill)


def changed(image: Any, name: str, strength: float, mode: Any, fill: Any, functional: Any = F) -> Any:
    """The picture with one change of that strength. Raises ValueError for an unknown change."""
    f = functional
    changes: dict[str, Callable[[], Any]] = {
        "ShearX": lambda: _sheared(image, [strength, 0.0], mode, fill, f),
        "ShearY": lambda: _sheared(image, [0.0, strength], mode, fill, f),
        "TranslateX": lambda: _moved(image, [int(strength), 0], mode, fill, f),
        "TranslateY": lambda: _moved(image, [0, int(strength)], mode, fill, f),
        "Rotate": lambda: f.rotate(image, strength, interpolation=mode, fill=fill),
        "Brightness": lambda: f.adjust_brightness(image, 1.0 + strength),
        "Color": lambda: f.adjust_saturation(image, 1.0 + strength),
        "Contrast": lambda: f.adjust_contrast(image, 1.0 + strength),
        "Sharpness": lambda: f.adjust_sharpness(image, 1.0 + strength),
        "Posterize": lambda: f.posterize(image, int(strength)),
        "Solarize": lambda: f.solarize(image, strength),
        "AutoContrast": lambda: f.autocontrast(image),
        "Equalize": lambda: f.equalize(image),
        "Invert": lambda: f.invert(image),
        "Identity": lambda: image,
    }
    if name not in changes:
        raise ValueError(f"The provided operator {name} is not recognized.")
    return changes[name]()


def mixed(image: Tensor, alpha: float, width: int, depth: int, change: Callable[[Tensor], Tensor]) -> Tensor:
    """AugMix: the picture and `width` chains of changes, with weights drawn from Dirichlet distributions.

    A chain is `depth` changes long; 1 to 3, drawn, if that is not positive.
    """
    pixels = array_of(image)
    pixels = pixels.reshape((1,) * max(4 - pixels.ndim, 0) + pixels.shape)
    batch = tensor_of(pixels)
    shape = (pixels.shape[0],) + (1,) * (pixels.ndim - 1)

    def shares(count: int) -> Any:
        return default_generator.dirichlet(np.full((shape[0], count), alpha, np.float32))

    kept = shares(2)
    weights = shares(width) * kept[:, 1:]
    mix = kept[:, 0].reshape(shape) * pixels.astype(np.float32)
    for i in range(width):
        made = batch
        for _ in range(depth if depth > 0 else drawing.whole(default_generator, 1, 4)):
            made = change(made)
        mix = mix + weights[:, i].reshape(shape) * array_of(made).astype(np.float32)
    return tensor_of(mix.reshape(image.shape).astype(image.dtype.numpy))


class AutoAugmentPolicy(Enum):
    """The dataset that a policy was learned on."""

    IMAGENET = "imagenet"
    CIFAR10 = "cifar10"
    SVHN = "svhn"


class _Automatic(nn.Module):
    """What the four have in common."""

    _space = ""

    def __init__(self, interpolation: Any, fill: Any) -> None:
        super().__init__()
        self.interpolation = interpolation
        self.fill = fill

    def _fill(self, img: Any) -> Any:
        if not isinstance(img, Tensor) or self.fill is None:
            return self.fill
        if isinstance(self.fill, int | float):
            return [float(self.fill)] * F.get_dimensions(img)[0]
        return [float(one) for one in self.fill]

    def _drawn(
        self, img: Any, space: dict[str, policies.Strength], fill: Any, level: Callable[[int], int]
    ) -> Any:
        """One of the changes, at the level that `level` says of how many there are."""
        name = list(space)[drawing.whole(default_generator, 0, len(space))]
        levels, signed = space[name]
        strength = 0.0 if levels is None else float(levels[level(len(levels))])
        if signed and drawing.whole(default_generator, 0, 2):
            strength *= -1.0
        return changed(img, name, strength, self.interpolation, fill)


class AutoAugment(_Automatic):
    """A pair of changes that was learned on a dataset, drawn from 25."""

    def __init__(
        self,
        policy: AutoAugmentPolicy = AutoAugmentPolicy.IMAGENET,
        interpolation: Any = InterpolationMode.NEAREST,
        fill: Any = None,
    ) -> None:
        super().__init__(interpolation, fill)
        if not isinstance(policy, AutoAugmentPolicy):
            raise ValueError(f"The provided policy {policy} is not recognized.")
        self.policy = policy
        self.policies = policies.policies(policy.value)

    @staticmethod
    def get_params(transform_num: int) -> tuple[int, Tensor, Tensor]:
        which = drawing.whole(default_generator, 0, transform_num)
        probabilities = tensor_of(default_generator.uniform((2,), 0.0, 1.0))
        return which, probabilities, tensor_of(default_generator.random((2,), 0, 2))

    def forward(self, img: Any) -> Any:
        fill = self._fill(img)
        _, height, width = F.get_dimensions(img)
        which, *drawn = self.get_params(len(self.policies))
        probabilities, signs = (array_of(one) for one in drawn)
        space = policies.space("auto", 10, height, width)
        for i, (name, p, level) in enumerate(self.policies[which]):
            if probabilities[i] > np.float32(p):
                continue
            levels, signed = space[name]
            strength = 0.0 if level is None or levels is None else float(levels[level])
            if signed and signs[i] == 0:
                strength *= -1.0
            img = changed(img, name, strength, self.interpolation, fill)
        return img

    def __repr__(self) -> str:
        return f"{self.__class__.__name__}(policy={self.policy}, fill={self.fill})"


class RandAugment(_Automatic):
    """Some random changes, all of one strength."""

    def __init__(
        self,
        num_ops: int = 2,
        magnitude: int = 9,
        num_magnitude_bins: int = 31,
        interpolation: Any = InterpolationMode.NEAREST,
        fill: Any = None,
    ) -> None:
        super().__init__(interpolation, fill)
        self.num_ops = num_ops
        self.magnitude = magnitude
        self.num_magnitude_bins = num_magnitude_bins

    def forward(self, img: Any) -> Any:
        fill = self._fill(img)
        _, height, width = F.get_dimensions(img)
        space = policies.space("rand", self.num_magnitude_bins, height, width)
        for _ in range(self.num_ops):
            img = self._drawn(img, space, fill, lambda _: self.magnitude)
        return img

    def __repr__(self) -> str:
        return (
            f"{self.__class__.__name__}(num_ops={self.num_ops}, magnitude={self.magnitude}, "
            f"num_magnitude_bins={self.num_magnitude_bins}, interpolation={self.interpolation}, "
            f"fill={self.fill})"
        )


class TrivialAugmentWide(_Automatic):
    """One random change of random strength."""

    def __init__(
        self,
        num_magnitude_bins: int = 31,
        interpolation: Any = InterpolationMode.NEAREST,
        fill: Any = None,
    ) -> None:
        super().__init__(interpolation, fill)
        self.num_magnitude_bins = num_magnitude_bins

    def forward(self, img: Any) -> Any:
        _, height, width = F.get_dimensions(img)
        space = policies.space("trivial", self.num_magnitude_bins, height, width)
        return self._drawn(img, space, self._fill(img), lambda n: drawing.whole(default_generator, 0, n))

    def __repr__(self) -> str:
        return (
            f"{self.__class__.__name__}(num_magnitude_bins={self.num_magnitude_bins}, "
            f"interpolation={self.interpolation}, fill={self.fill})"
        )


class AugMix(_Automatic):
    """A mixture of the picture and of several chains of random changes."""

    def __init__(
        self,
        severity: int = 3,
        mixture_width: int = 3,
        chain_depth: int = -1,
        alpha: float = 1.0,
        all_ops: bool = True,
        interpolation: Any = InterpolationMode.BILINEAR,
        fill: Any = None,
    ) -> None:
        super().__init__(interpolation, fill)
        if not 1 <= severity <= 10:
            raise ValueError(f"The severity must be between [1, 10]. Got {severity} instead.")
        self.severity = severity
        self.mixture_width = mixture_width
        self.chain_depth = chain_depth
        self.alpha = alpha
        self.all_ops = all_ops

    def _level(self, _: int) -> int:
        return drawing.whole(default_generator, 0, self.severity)

    def forward(self, orig_img: Any) -> Any:
        fill = self._fill(orig_img)
        _, height, width = F.get_dimensions(orig_img)
        img = orig_img if isinstance(orig_img, Tensor) else F.pil_to_tensor(orig_img)
        space = policies.space("augmix", 10, height, width, self.all_ops)

        def change(made: Tensor) -> Tensor:
            return self._drawn(made, space, fill, self._level)

        result = mixed(img, self.alpha, self.mixture_width, self.chain_depth, change)
        return F.to_pil_image(result) if pillow.is_picture(orig_img) else result

    def __repr__(self) -> str:
        return (
            f"{self.__class__.__name__}(severity={self.severity}, mixture_width={self.mixture_width}, "
            f"chain_depth={self.chain_depth}, alpha={self.alpha}, all_ops={self.all_ops}, "
            f"interpolation={self.interpolation}, fill={self.fill})"
        )

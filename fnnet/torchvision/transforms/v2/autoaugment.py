"""v2's automatic augmentation, which draws in another order than v1's."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from fnnet.data.raster import drawing, pillow, policies
from fnnet.data.raster.frame import bound_of
from fnnet.torch.random import default_generator
from fnnet.torch.tensor import Tensor
from fnnet.torchvision import tv_tensors
from fnnet.torchvision.transforms.autoaugment import AutoAugmentPolicy, changed, mixed
from fnnet.torchvision.transforms.v2 import functional as F
from fnnet.torchvision.transforms.v2.transform import Transform, fill_of, leaves, replanted, setup_fill


class _Automatic(Transform):
    """What the four have in common: the one picture in the inputs is changed."""

    def __init__(self, *, interpolation: Any = "nearest", fill: Any = None) -> None:
        super().__init__()
        self.interpolation = interpolation
        self.fill = fill
        self._fill = setup_fill(fill)

    def augment(self, image: Any, height: int, width: int) -> Any:
        """The changed picture."""
        raise NotImplementedError

    def forward(self, *inputs: Any) -> Any:
        tree = inputs if len(inputs) > 1 else inputs[0]
        flat = list(leaves(tree))
        found = [i for i, need in enumerate(self._needs_transform_list(flat)) if need]
        if not found:
            raise TypeError("Found no image in the sample.")
        if len(found) > 1:
            raise TypeError(
                "Auto augment transformations are only properly defined for a single image or video, "
                f"but found {len(found)}."
            )
        flat[found[0]] = self.augment(flat[found[0]], *F.get_size(flat[found[0]]))
        return replanted(tree, iter(flat))

    def _change(self, image: Any, name: str, strength: policies.Strength, level: Callable[[], int]) -> Any:
        amount = 0.0
        if strength.levels is not None:
            amount = float(strength.levels[level()])
            if strength.signed and drawing.chance(default_generator) <= 0.5:
                amount *= -1
        if name == "Solarize":
            amount *= bound_of(image.dtype.numpy) if isinstance(image, Tensor) else 255.0
        return changed(image, name, amount, self.interpolation, fill_of(self._fill, image), F)

    def _drawn(self, image: Any, space: dict[str, policies.Strength], level: Callable[[], int]) -> Any:
        name = list(space)[drawing.whole(default_generator, 0, len(space))]
        return self._change(image, name, space[name], level)


class AutoAugment(_Automatic):
    """A pair of changes that was learned on a dataset, drawn from 25."""

    def __init__(
        self,
        policy: AutoAugmentPolicy = AutoAugmentPolicy.IMAGENET,
        interpolation: Any = "nearest",
        fill: Any = None,
    ) -> None:
        super().__init__(interpolation=interpolation, fill=fill)
        if not isinstance(policy, AutoAugmentPolicy):
            raise ValueError(f"The provided policy {policy} is not recognized.")
        self.policy = policy
        self._policies = policies.policies(policy.value)

    def augment(self, image: Any, height: int, width: int) -> Any:
        space = policies.space("auto", 10, height, width, edition=2)
        for name, p, level in self._policies[drawing.whole(default_generator, 0, len(self._policies))]:
            if np.float32(drawing.chance(default_generator)) <= np.float32(p):
                at = 0 if level is None else level
                image = self._change(image, name, space[name], lambda at=at: at)  # type: ignore[misc]
        return image


class RandAugment(_Automatic):
    """Some random changes, all of one strength."""

    def __init__(
        self,
        num_ops: int = 2,
        magnitude: int = 9,
        num_magnitude_bins: int = 31,
        interpolation: Any = "nearest",
        fill: Any = None,
    ) -> None:
        super().__init__(interpolation=interpolation, fill=fill)
        if not isinstance(num_ops, int) or num_ops < 0:
            raise ValueError(f"num_ops should be a non-negative integer, but got {num_ops} instead.")
        self.num_ops = num_ops
        self.magnitude = magnitude
        self.num_magnitude_bins = num_magnitude_bins

    def augment(self, image: Any, height: int, width: int) -> Any:
        space = policies.space("rand", self.num_magnitude_bins, height, width, edition=2)
        for _ in range(self.num_ops):
            image = self._drawn(image, space, lambda: self.magnitude)
        return image


class TrivialAugmentWide(_Automatic):
    """One random change of random strength."""

    def __init__(
        self, num_magnitude_bins: int = 31, interpolation: Any = "nearest", fill: Any = None
    ) -> None:
        super().__init__(interpolation=interpolation, fill=fill)
        self.num_magnitude_bins = num_magnitude_bins

    def augment(self, image: Any, height: int, width: int) -> Any:
        bins = self.num_magnitude_bins
        space = policies.space("trivial", bins, height, width, edition=2)
        return self._drawn(image, space, lambda: drawing.whole(default_generator, 0, bins))


class AugMix(_Automatic):
    """A mixture of the picture and of several chains of random changes."""

    def __init__(
        self,
        severity: int = 3,
        mixture_width: int = 3,
        chain_depth: int = -1,
        alpha: float = 1.0,
        all_ops: bool = True,
        interpolation: Any = "bilinear",
        fill: Any = None,
    ) -> None:
        super().__init__(interpolation=interpolation, fill=fill)
        if not 1 <= severity <= 10:
            raise ValueError(f"The severity must be between [1, 10]. Got {severity} instead.")
        self.severity = severity
        self.mixture_width = mixture_width
        self.chain_depth = chain_depth
        self.alpha = alpha
        self.all_ops = all_ops

    def augment(self, image: Any, height: int, width: int) -> Any:
        tensor = image if isinstance(image, Tensor) else F.pil_to_tensor(image)
        space = policies.space("augmix", 10, height, width, self.all_ops, edition=2)

        def change(made: Tensor) -> Tensor:
            return self._drawn(made, space, lambda: drawing.whole(default_generator, 0, self.severity))

        result = mixed(tensor, self.alpha, self.mixture_width, self.chain_depth, change)
        if pillow.is_picture(image):
            return F.to_pil_image(result)
        return tv_tensors.wrap(result, like=image) if isinstance(image, tv_tensors.TVTensor) else result

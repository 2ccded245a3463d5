"""v2's transforms made of others."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from fnnet.data.raster import drawing
from fnnet.torch.random import default_generator
from fnnet.torchvision.transforms.v2.transform import Transform


def _check(transforms: Any) -> None:
    if not isinstance(transforms, Sequence) and not hasattr(transforms, "__iter__"):
        raise TypeError("Argument transforms should be a sequence of callables")
    if not len(transforms):
        raise ValueError("Pass at least one transform")


class _Listed(Transform):
    def __init__(self, transforms: Sequence[Callable[..., Any]]) -> None:
        super().__init__()
        _check(transforms)
        self.transforms = transforms

    def _chain(self, inputs: tuple[Any, ...], transforms: Any) -> Any:
        several = len(inputs) > 1
        for transform in transforms:
            made = transform(*inputs)
            inputs = made if several else (made,)
        return inputs if several else inputs[0]


class Compose(_Listed):
    """One transform after the other."""

    def forward(self, *inputs: Any) -> Any:
        return self._chain(inputs, self.transforms)

    def extra_repr(self) -> str:
        return "\n".join(f"    {one}" for one in self.transforms)


class RandomApply(_Listed):
    """All of the transforms, with a probability."""

    def __init__(self, transforms: Any, p: float = 0.5) -> None:
        super().__init__(transforms)
        if not 0.0 <= p <= 1.0:
            raise ValueError("`p` should be a floating point value in the interval [0.0, 1.0].")
        self.p = p

    def forward(self, *inputs: Any) -> Any:
        happens = drawing.happens(default_generator, self.p)
        return self._chain(inputs, self.transforms if happens else [])

    def extra_repr(self) -> str:
        return "\n".join(f"    {one}" for one in self.transforms)


class RandomChoice(_Listed):
    """One of the transforms."""

    def __init__(self, transforms: Sequence[Callable[..., Any]], p: list[float] | None = None) -> None:
        super().__init__(transforms)
        if p is None:
            p = [1.0] * len(transforms)
        elif len(p) != len(transforms):
            raise ValueError(
                f"Length of p doesn't match the number of transforms: {len(p)} != {len(transforms)}"
            )
        self.p = [one / sum(p) for one in p]

    def forward(self, *inputs: Any) -> Any:
        which = int(default_generator.multinomial(np.asarray(self.p, np.float32), 1)[0])
        return self.transforms[which](*inputs)


class RandomOrder(_Listed):
    """All of the transforms in a random order."""

    def forward(self, *inputs: Any) -> Any:
        order = drawing.order(default_generator, len(self.transforms))
        return self._chain(inputs, [self.transforms[i] for i in order])

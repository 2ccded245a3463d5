"""Transforms of batches that mix each picture, and its label, with the one before."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np

from fnnet.data.raster import drawing, pillow
from fnnet.torch.random import default_generator
from fnnet.torch.tensor import Tensor
from fnnet.torchvision.transforms.computing import array_of, tensor_of
from fnnet.torchvision.transforms.v2 import functional as F
from fnnet.torchvision.transforms.v2.transform import Transform, has_any, leaves, query_size, replanted


def labels_of(inputs: Any) -> Any:
    """The labels of a batch: the second of a pair, or what a dict has under a name with "label"."""
    if isinstance(inputs, tuple | list):
        inputs = inputs[1]
    if F.is_pure_tensor(inputs):
        return inputs
    if not isinstance(inputs, dict):
        raise ValueError(
            "When using the default labels_getter, the input passed to forward must be a dictionary or a "
            f"two-tuple whose second item is a dictionary or a tensor, but got {inputs} instead."
        )
    exact = [key for key in inputs if key.lower() == "labels"]
    close = exact or [key for key in inputs if "label" in key.lower()]
    if not close:
        raise ValueError(
            "Could not infer where the labels are in the sample. Try passing a callable as the labels_getter "
            "parameter?If there are no labels in the sample by design, pass labels_getter=None."
        )
    return inputs[close[0]]


class _Mixed(Transform):
    def __init__(
        self,
        *,
        alpha: float = 1.0,
        num_classes: int | None = None,
        labels_getter: Callable[[Any], Any] | str = "default",
    ) -> None:
        super().__init__()
        self.alpha = float(alpha)
        self.num_classes = num_classes
        self._labels_getter = labels_of if isinstance(labels_getter, str) else labels_getter

    def _share(self) -> float:
        """One number of the Beta distribution of (alpha, alpha)."""
        return float(default_generator.dirichlet(np.full(2, self.alpha, np.float32))[0])

    def forward(self, *inputs: Any) -> Any:
        tree = inputs if len(inputs) > 1 else inputs[0]
        flat = list(leaves(tree))
        needs = self._needs_transform_list(flat)
        if has_any(flat, pillow.is_picture):
            raise ValueError(
                f"{type(self).__name__}() does not support PIL images, bounding boxes, keypoints and masks."
            )
        labels = self._labels_getter(tree)
        if not isinstance(labels, Tensor):
            raise ValueError(f"The labels must be a tensor, but got {type(labels)} instead.")
        if labels.ndim not in (1, 2):
            raise ValueError(
                "labels should be index based with shape (batch_size,) or probability based with shape "
                f"(batch_size, num_classes), but got a tensor of shape {labels.shape} instead."
            )
        if labels.ndim == 2 and self.num_classes is not None and labels.shape[-1] != self.num_classes:
            raise ValueError(
                "When passing 2D labels, the number of elements in last dimension must match num_classes: "
                f"{labels.shape[-1]} != {self.num_classes}. You can Leave num_classes to None."
            )
        if labels.ndim == 1 and self.num_classes is None:
            raise ValueError("num_classes must be passed if the labels are index-based (1D)")
        params = self.make_params([one for one, need in zip(flat, needs, strict=True) if need])
        made = []
        for one, need in zip(flat, needs, strict=True):
            if one is labels:
                made.append(self._label(one, params["share"]))
            else:
                made.append(self._picture(one, labels.shape[0], params) if need else one)
        return replanted(tree, iter(made))

    def _label(self, label: Tensor, share: float) -> Tensor:
        values = array_of(label)
        if values.ndim == 1:
            values = np.eye(self.num_classes or 0, dtype=np.float32)[values]
        values = values if values.dtype.kind == "f" else values.astype(np.float32)
        kind = values.dtype.type
        return tensor_of(np.roll(values, 1, 0) * kind(1.0 - share) + values * kind(share))

    def _picture(self, inpt: Tensor, count: int, params: dict[str, Any]) -> Any:
        if inpt.ndim != 4:
            raise ValueError(f"Expected a batched input with 4 dims, but got {inpt.ndim} dimensions instead.")
        if inpt.shape[0] != count:
            raise ValueError(
                "The batch size of the image or video does not match the batch size of the labels: "
                f"{inpt.shape[0]} != {count}."
            )
        return self.transform(inpt, params)


class MixUp(_Mixed):
    """Each picture of a batch mixed with the one before, and the labels likewise."""

    def make_params(self, flat_inputs: list[Any]) -> dict[str, Any]:
        return {"share": self._share()}

    def transform(self, inpt: Any, params: dict[str, Any]) -> Any:
        share = params["share"]
        return inpt.roll(1, 0).mul_(1.0 - share).add_(inpt.mul(share))


class CutMix(_Mixed):
    """A rectangle of each picture of a batch replaced by that of the one before; labels by the areas."""

    def make_params(self, flat_inputs: list[Any]) -> dict[str, Any]:
        share = self._share()
        height, width = query_size(flat_inputs)
        x, y = drawing.whole(default_generator, 0, width), drawing.whole(default_generator, 0, height)
        half = 0.5 * math.sqrt(1.0 - share)
        across, down = int(half * width), int(half * height)
        left, right = max(x - across, 0), min(x + across, width)
        top, bottom = max(y - down, 0), min(y + down, height)
        kept = float(1.0 - (right - left) * (bottom - top) / (width * height))
        return {"box": (left, top, right, bottom), "share": kept}

    def transform(self, inpt: Any, params: dict[str, Any]) -> Any:
        left, top, right, bottom = params["box"]
        made = inpt.clone()
        made[..., top:bottom, left:right] = inpt.roll(1, 0)[..., top:bottom, left:right]
        return made

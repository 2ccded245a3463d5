"""What v2's transforms are: they take any structure, and change the pictures in it, all in the same way."""

from __future__ import annotations

import enum
from collections.abc import Callable, Iterator
from typing import Any, ClassVar

from fnnet.data.raster import drawing, pillow
from fnnet.torch import nn
from fnnet.torch.random import default_generator
from fnnet.torch.tensor import Tensor
from fnnet.torchvision import tv_tensors
from fnnet.torchvision.transforms.v2 import functional as F

Kind = type | Callable[[Any], bool]


def leaves(tree: Any) -> Iterator[Any]:
    """What is in lists, tuples and dicts, in order."""
    if isinstance(tree, dict):
        tree = tree.values()
    elif not isinstance(tree, list | tuple):
        yield tree
        return
    for branch in tree:
        yield from leaves(branch)


def replanted(tree: Any, new: Iterator[Any]) -> Any:
    """The same structure with other leaves."""
    if isinstance(tree, dict):
        made = {key: replanted(branch, new) for key, branch in tree.items()}
        return made if type(tree) is dict else type(tree)(made)
    if isinstance(tree, tuple) and hasattr(tree, "_fields"):
        return type(tree)(*(replanted(branch, new) for branch in tree))
    if isinstance(tree, list | tuple):
        return type(tree)(replanted(branch, new) for branch in tree)
    return next(new)


def check_type(given: Any, kinds: tuple[Kind, ...]) -> bool:
    """Whether it is of one of the types, or one of the predicates holds."""
    return any(isinstance(given, kind) if isinstance(kind, type) else kind(given) for kind in kinds)


def has_any(flat: list[Any], *kinds: Kind) -> bool:
    """Whether one of them is of one of the kinds."""
    return any(check_type(one, kinds) for one in flat)


def query_chw(flat: list[Any]) -> tuple[int, int, int]:
    """(channels, height, width) of the pictures. TypeError if there is none, ValueError if they differ."""
    sizes = {tuple(F.get_dimensions(one)) for one in flat if check_type(one, (Tensor, pillow.is_picture))}
    if not sizes:
        raise TypeError("No image or video was found in the sample")
    if len(sizes) > 1:
        raise ValueError(f"Found multiple CxHxW dimensions in the sample: {sorted(sizes)}")
    c, h, w = sizes.pop()
    return c, h, w


def query_size(flat: list[Any]) -> tuple[int, int]:
    """(height, width) of the pictures."""
    sizes = {tuple(F.get_size(one)) for one in flat if check_type(one, (Tensor, pillow.is_picture))}
    if not sizes:
        raise TypeError("No image, video, mask, bounding box of keypoint was found in the sample")
    if len(sizes) > 1:
        raise ValueError(f"Found multiple HxW dimensions in the sample: {sorted(sizes)}")
    h, w = sizes.pop()
    return h, w


class Transform(nn.Module):
    """The base: `make_params` draws once for all inputs, `transform` changes one of them.

    A plain tensor is changed only if there is no PIL image or tv_tensors.Image, and then only the first one.
    """

    _transformed_types: ClassVar[tuple[Kind, ...]] = (Tensor, pillow.is_picture)

    def check_inputs(self, flat_inputs: list[Any]) -> None:
        """Raises for inputs that the transform does not take."""

    def make_params(self, flat_inputs: list[Any]) -> dict[str, Any]:
        """What is drawn for one call."""
        return {}

    def transform(self, inpt: Any, params: dict[str, Any]) -> Any:
        """One input, changed."""
        raise NotImplementedError

    def forward(self, *inputs: Any) -> Any:
        tree = inputs if len(inputs) > 1 else inputs[0]
        flat = list(leaves(tree))
        self.check_inputs(flat)
        return self._transformed(tree, flat)

    def _transformed(self, tree: Any, flat: list[Any]) -> Any:
        needs = self._needs_transform_list(flat)
        params = self.make_params([one for one, need in zip(flat, needs, strict=True) if need])
        made = [self.transform(one, params) if need else one for one, need in zip(flat, needs, strict=True)]
        return replanted(tree, iter(made))

    def _needs_transform_list(self, flat_inputs: list[Any]) -> list[bool]:
        plain = not has_any(flat_inputs, tv_tensors.Image, pillow.is_picture)
        needs = []
        for one in flat_inputs:
            need = check_type(one, self._transformed_types)
            if need and F.is_pure_tensor(one):
                need, plain = plain, False
            needs.append(need)
        return needs

    def extra_repr(self) -> str:
        shown = (bool, int, float, str, tuple, list, enum.Enum)
        return ", ".join(
            f"{name}={value}"
            for name, value in self.__dict__.items()
            if not name.startswith("_") and name != "training" and isinstance(value, shown)
        )


class ByChance(Transform):
    """The base of transforms that happen with probability p."""

    def __init__(self, p: float = 0.5) -> None:
        if not 0.0 <= p <= 1.0:
            raise ValueError("`p` should be a floating point value in the interval [0.0, 1.0].")
        super().__init__()
        self.p = p

    def forward(self, *inputs: Any) -> Any:
        tree = inputs if len(inputs) > 1 else inputs[0]
        flat = list(leaves(tree))
        self.check_inputs(flat)
        if not drawing.happens(default_generator, self.p):
            return tree
        return self._transformed(tree, flat)


def setup_fill(fill: Any) -> Any:
    """A fill, or fills by type of input, with numbers as floats."""
    if isinstance(fill, dict):
        return {kind: setup_fill(one)["others"] for kind, one in fill.items()}
    if fill is not None and not isinstance(fill, int | float | tuple | list):
        raise TypeError("Got inappropriate fill arg, only Numbers, tuples, lists and dicts are allowed.")
    return {"others": fill if fill is None or isinstance(fill, int | float) else [float(v) for v in fill]}


def fill_of(fills: dict[Any, Any], inpt: Any) -> Any:
    """The fill for this input."""
    return fills.get(type(inpt), fills.get("others"))

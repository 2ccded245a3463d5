"""What datasets of pictures have in common."""

from __future__ import annotations

import os
from collections.abc import Callable
from os import PathLike
from typing import Any

from fnnet.torch.utils.data import Dataset

Root = str | PathLike[str]
Change = Callable[..., Any] | None


def _described(head: str, transform: Any) -> list[str]:
    first, *rest = repr(transform).splitlines()
    return [head + first, *(" " * len(head) + line for line in rest)]


class StandardTransform:
    """One transform of the picture, and one of the label."""

    def __init__(self, transform: Change = None, target_transform: Change = None) -> None:
        self.transform = transform
        self.target_transform = target_transform

    def __call__(self, input: Any, target: Any) -> tuple[Any, Any]:
        if self.transform is not None:
            input = self.transform(input)
        if self.target_transform is not None:
            target = self.target_transform(target)
        return input, target

    def __repr__(self) -> str:
        lines = [self.__class__.__name__]
        if self.transform is not None:
            lines += _described("Transform: ", self.transform)
        if self.target_transform is not None:
            lines += _described("Target transform: ", self.target_transform)
        return "\n".join(lines)


class VisionDataset(Dataset[Any]):
    """The base: a root, and transforms of pictures and labels; subclasses say what an item is, and how many.

    Raises ValueError for `transforms` beside one of the two others.
    """

    _repr_indent = 4

    def __init__(
        self,
        root: Root | None = None,
        transforms: Change = None,
        transform: Change = None,
        target_transform: Change = None,
    ) -> None:
        self.root: Any = os.path.expanduser(root) if isinstance(root, str) else root
        separate = transform is not None or target_transform is not None
        if transforms is not None and separate:
            raise ValueError("Only transforms or transform/target_transform can be passed as argument")
        self.transform = transform
        self.target_transform = target_transform
        self.transforms = StandardTransform(transform, target_transform) if separate else transforms

    def changed(self, picture: Any, target: Any) -> tuple[Any, Any]:
        """The picture and its label after their transforms."""
        if self.transform is not None:
            picture = self.transform(picture)
        if self.target_transform is not None:
            target = self.target_transform(target)
        return picture, target

    def __getitem__(self, index: int) -> Any:
        raise NotImplementedError

    def __len__(self) -> int:
        raise NotImplementedError

    def __repr__(self) -> str:
        body = [f"Number of datapoints: {len(self)}"]
        if self.root is not None:
            body.append(f"Root location: {self.root}")
        body += self.extra_repr().splitlines()
        if getattr(self, "transforms", None) is not None:
            body += [repr(self.transforms)]
        return "\n".join(
            [f"Dataset {self.__class__.__name__}", *(" " * self._repr_indent + one for one in body)]
        )

    def _format_transform_repr(self, transform: Callable[..., Any], head: str) -> list[str]:
        return _described(head, transform)

    def extra_repr(self) -> str:
        return ""


def split_of(train: bool) -> str:
    """The line of a repr that says which part it is."""
    return f"Split: {'Train' if train is True else 'Test'}"

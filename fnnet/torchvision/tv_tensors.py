"""torchvision.tv_tensors: tensors that say what they are. Here: Image."""

from __future__ import annotations

from typing import Any

from fnnet.data.raster import pillow
from fnnet.torch.creation import as_tensor
from fnnet.torch.tensor import Tensor, alias


class TVTensor(Tensor):
    """The base. Operations on one give plain tensors."""


class Image(TVTensor):
    """A picture, or a batch of them: (..., channels, height, width)."""

    def __new__(
        cls, data: Any, *, dtype: Any = None, device: Any = None, requires_grad: bool | None = None
    ) -> Any:
        if pillow.is_picture(data):
            from fnnet.torchvision.transforms.functional import pil_to_tensor

            data = pil_to_tensor(data)
        tensor = as_tensor(data, dtype=dtype, device=device)
        if tensor.ndim < 2:
            raise ValueError(
                f"Tensor must be at least 2-dimensional, but got {tensor.ndim}-dimensional tensor."
            )
        if tensor.ndim == 2:
            tensor = tensor.unsqueeze(0)
        made = marked(tensor, cls)
        needs = data.requires_grad if requires_grad is None and isinstance(data, Tensor) else requires_grad
        return made.requires_grad_(bool(needs)) if needs else made

    def __init__(self, data: Any, **options: Any) -> None:
        pass

    def __repr__(self, *, tensor_contents: Any = None) -> str:
        text = repr(self.as_subclass(Tensor))
        return "Image" + text.removeprefix("tensor").removesuffix(")") + ", )"

    def as_subclass(self, kind: Any) -> Any:
        """The same memory as a plain tensor, or as another subclass."""
        return marked(self, kind)


def marked(tensor: Tensor, kind: Any) -> Any:
    """The same memory as a tensor of this class."""
    made = alias(tensor)
    made.__class__ = kind
    return made


def wrap(wrappee: Tensor, *, like: Any, **kwargs: Any) -> Any:
    """A tensor as the class of `like`."""
    return marked(wrappee, type(like))

"""torch.utils.dlpack: tensors to and from other libraries."""

from typing import Any

from fnnet.torch.interchange import from_dlpack as from_dlpack
from fnnet.torch.tensor import Tensor


def to_dlpack(tensor: Tensor) -> Any:
    """A DLPack capsule of the tensor's value, for libraries that still take capsules."""
    return tensor.__dlpack__()

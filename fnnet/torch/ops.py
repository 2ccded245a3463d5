"""torch.ops: operations that a program defined by torch.library. PyTorch's own have no second names here."""

from typing import Any

from fnnet.torch.library import Namespace


def __getattr__(name: str) -> Any:
    if name.startswith("__"):
        raise AttributeError(f"module 'torch.ops' has no attribute '{name}'")
    return globals().setdefault(name, Namespace(name))


def load_library(path: Any) -> None:
    """Raises NotImplementedError: compiled code of PyTorch cannot be called."""
    raise NotImplementedError(f"fnnet.torch: torch.ops.load_library({str(path)!r}) is not supported")

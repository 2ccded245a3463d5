"""torch.utils._python_dispatch by name: no class takes over the operations of a tensor."""

from typing import Any

from fnnet.torch.missing import refusal

TorchDispatchMode = refusal(
    "torch.utils._python_dispatch.TorchDispatchMode", "operations of fnnet are not dispatched"
)


def is_traceable_wrapper_subclass(t: Any) -> bool:
    """False: no tensor wraps others."""
    return False

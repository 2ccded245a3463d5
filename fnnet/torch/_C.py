"""torch._C: the few of its names that programs use."""

from fnnet.torch.guards import _LinAlgError as _LinAlgError
from fnnet.torch.random import Generator as Generator


def _log_api_usage_once(event: str) -> None:
    """Nothing is counted."""

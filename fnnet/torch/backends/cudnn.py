"""torch.backends.cudnn: XLA chooses its algorithms by itself, so the switches are kept and have no effect."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator

from fnnet.torch.devices import cuda_devices

enabled = True
benchmark = False
deterministic = False
allow_tf32 = True
benchmark_limit = 10


def is_available() -> bool:
    """Whether JAX has a GPU here."""
    return bool(cuda_devices())


def version() -> int | None:
    """None: which library XLA uses is not told."""
    return None


@contextlib.contextmanager
def flags(
    enabled: bool = False,
    benchmark: bool = False,
    benchmark_limit: int = 10,
    deterministic: bool = False,
    allow_tf32: bool = True,
) -> Iterator[None]:
    """The switches as given, inside of a `with` block."""
    given = {
        "enabled": enabled,
        "benchmark": benchmark,
        "benchmark_limit": benchmark_limit,
        "deterministic": deterministic,
        "allow_tf32": allow_tf32,
    }
    before = {name: globals()[name] for name in given}
    globals().update(given)
    try:
        yield
    finally:
        globals().update(before)

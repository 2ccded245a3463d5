"""Names that programs of TensorFlow 1 call and that have nothing to do here."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

__all__ = ["ConfigProto", "GPUOptions", "disable_eager_execution", "disable_v2_behavior", "logging"]


def disable_v2_behavior() -> None:
    """Nothing: graphs and sessions are all there is."""


def disable_eager_execution() -> None:
    """Nothing: graphs and sessions are all there is."""


class ConfigProto(SimpleNamespace):
    """Options of a session. They are kept and not used."""

    def __init__(self, **options: Any) -> None:
        super().__init__(**({"gpu_options": GPUOptions()} | options))


class GPUOptions(SimpleNamespace):
    """Options of a GPU. They are kept and not used."""


logging = SimpleNamespace(
    DEBUG=10, INFO=20, WARN=30, ERROR=40, FATAL=50, set_verbosity=lambda level: None, info=lambda *_: None
)

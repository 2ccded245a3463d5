"""Implementations of flash attention that others register; fnnet's own choice needs none of them."""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Any

__all__ = [
    "activate_flash_attention_impl",
    "current_flash_attention_impl",
    "list_flash_attention_impls",
    "register_flash_attention_impl",
    "restore_flash_attention_impl",
]

_LOG = logging.getLogger(__name__)
_REGISTERED: dict[str, Callable[[], Any]] = {}
_ACTIVE: list[tuple[str, Any]] = []


def register_flash_attention_impl(impl: str, *, register_fn: Callable[[], Any]) -> None:
    """Keep the function that activates an implementation; it may return a handle that has `remove`."""
    _REGISTERED[impl] = register_fn


def activate_flash_attention_impl(impl: str) -> None:
    """Call what was registered under this name. Raises ValueError for a name that was not."""
    restore_flash_attention_impl(_raise_warn=False)
    if impl not in _REGISTERED:
        raise ValueError(
            f"Unknown flash attention impl '{impl}'. "
            f"Available implementations: {list_flash_attention_impls()}"
        )
    handle = _REGISTERED[impl]()
    if handle is not None:
        _ACTIVE.append((impl, handle))


def list_flash_attention_impls() -> list[str]:
    """The names that are registered."""
    return sorted(_REGISTERED)


def current_flash_attention_impl() -> str | None:
    """The name of the active implementation; None for the usual one."""
    return _ACTIVE[-1][0] if _ACTIVE else None


def restore_flash_attention_impl(_raise_warn: bool = True) -> None:
    """Go back to the usual implementation."""
    if _ACTIVE:
        _ACTIVE.pop()[1].remove()
    elif _raise_warn:
        _LOG.warning("Trying to restore default FA2 impl when no custom impl was activated")

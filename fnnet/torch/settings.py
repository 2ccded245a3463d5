"""Settings of PyTorch. What JAX has no counterpart of is kept and given back, and changes nothing else."""

from __future__ import annotations

import builtins
import os
from typing import Any

import jax

_PRECISIONS = {"highest": None, "high": "tensorfloat32", "medium": "bfloat16"}
_kept: dict[str, Any] = {
    "threads": len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1,
    "interop": os.cpu_count() or 1,
    "deterministic": False,
    "warn_only": False,
    "precision": "highest",
}


def _count(name: str, value: Any) -> int:
    if not isinstance(value, int) or isinstance(value, bool):
        raise TypeError(f"{name} expects an int, but got {type(value).__name__}")
    if value <= 0:
        raise RuntimeError(f"{name} expects a positive integer")
    return value


def set_num_threads(int: int) -> None:
    """Keeps the number. XLA chooses its threads when the process starts; set NPROC before that."""
    if not isinstance(int, builtins.int):
        raise RuntimeError(f"set_num_threads expects an int, but got {type(int).__name__}")
    _kept["threads"] = _count("set_num_threads", int)


def get_num_threads() -> int:
    """The number kept, at first that of the processors of this process."""
    return int(_kept["threads"])


def set_num_interop_threads(int: int) -> None:
    """Keeps the number, as `set_num_threads` does."""
    _kept["interop"] = _count("set_num_interop_threads", int)


def get_num_interop_threads() -> int:
    """The number kept."""
    return int(_kept["interop"])


def use_deterministic_algorithms(mode: bool, *, warn_only: bool = False) -> None:
    """Keeps the mode. With it every record is compiled, and none evaluated by NumPy (see `once.py`).

    XLA is deterministic on the CPU; for GPUs set XLA_FLAGS=--xla_gpu_deterministic_ops=true.
    """
    _kept["deterministic"], _kept["warn_only"] = bool(mode), bool(warn_only)


def are_deterministic_algorithms_enabled() -> bool:
    """Whether deterministic algorithms were asked for."""
    return bool(_kept["deterministic"])


def is_deterministic_algorithms_warn_only_enabled() -> bool:
    """Whether only warnings were asked for."""
    return bool(_kept["deterministic"] and _kept["warn_only"])


def set_deterministic_debug_mode(debug_mode: Any) -> None:
    """0 or "default", 1 or "warn", 2 or "error"."""
    modes = {"default": 0, "warn": 1, "error": 2}
    number = modes.get(debug_mode, debug_mode)
    if number not in (0, 1, 2):
        raise RuntimeError(f"invalid value of debug_mode, expected 0, 1, or 2, but got {debug_mode}")
    use_deterministic_algorithms(number > 0, warn_only=number == 1)


def get_deterministic_debug_mode() -> int:
    """0, 1 or 2, as set."""
    return 0 if not _kept["deterministic"] else 1 if _kept["warn_only"] else 2


def set_float32_matmul_precision(precision: str) -> None:
    """Precision of float32 products on GPUs: "highest", "high" (TensorFloat32) or "medium" (bfloat16).

    This is JAX's setting `jax_default_matmul_precision`, for what is compiled from then on.
    """
    if precision not in _PRECISIONS:
        raise RuntimeError(f"expected one of `highest`, `high`, or `medium`, but got {precision}")
    _kept["precision"] = precision
    jax.config.update("jax_default_matmul_precision", _PRECISIONS[precision])


def get_float32_matmul_precision() -> str:
    """The precision as set."""
    return str(_kept["precision"])


def set_flush_denormal(mode: bool) -> bool:
    """Returns False: it cannot be set."""
    return False

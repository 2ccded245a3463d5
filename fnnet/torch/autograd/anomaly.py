"""Anomaly detection: backward is watched for NaN, node by node."""

from __future__ import annotations

import os
import traceback
import warnings
from pathlib import Path
from typing import Any

import numpy as np

from fnnet.torch.mode import MODE
from fnnet.torch.warning import warn

_OWN = str(Path(__file__).parents[2]) + os.sep

_check_nan = True


class set_detect_anomaly:
    """Switches the mode at once; as a context manager, back at the end."""

    def __init__(self, mode: bool, check_nan: bool = True) -> None:
        global _check_nan
        self._before = MODE.anomaly, _check_nan
        MODE.anomaly, _check_nan = bool(mode), check_nan

    def __enter__(self) -> None:
        pass

    def __exit__(self, *error: object) -> None:
        global _check_nan
        MODE.anomaly, _check_nan = self._before


class detect_anomaly(set_detect_anomaly):
    """Inside of the `with` block a backward that yields NaN raises RuntimeError and names its function."""

    def __init__(self, check_nan: bool = True) -> None:
        self._before = MODE.anomaly, _check_nan
        self._wanted = check_nan
        warnings.warn(
            "Anomaly Detection has been enabled. This mode will increase the runtime and should only be "
            "enabled "
            "for debugging.",
            stacklevel=2,
        )

    def __enter__(self) -> None:
        global _check_nan
        self._before = MODE.anomaly, _check_nan
        MODE.anomaly, _check_nan = True, self._wanted


def is_anomaly_enabled() -> bool:
    """Whether the mode is on."""
    return MODE.anomaly


def is_anomaly_check_nan_enabled() -> bool:
    """Whether NaN is looked for."""
    return _check_nan


def note_call(node: Any) -> None:
    """Keep the lines of the program that led to a node, as `metadata["traceback_"]`."""
    lines = [frame for frame in traceback.extract_stack() if not frame.filename.startswith((_OWN, "<frozen"))]
    node.metadata["traceback_"] = traceback.format_list(lines)


class watched:
    """If the backward of a node fails inside, say which call made the node."""

    def __init__(self, node: Any) -> None:
        self.node = node

    def __enter__(self) -> None:
        pass

    def __exit__(self, kind: Any, *error: object) -> None:
        if kind is None:
            return
        lines = self.node.metadata.get("traceback_")
        told = (
            f"Traceback of forward call that caused the error:\n{''.join(lines)}"
            if lines
            else "No forward pass information available. Enable detect anomaly during forward pass for more "
            "information."
        )
        warn(f"Error detected in {self.node.name().removeprefix('torch::autograd::')}. {told}")


def check(node: Any, results: Any) -> None:
    """Raise RuntimeError if a gradient that a node gave holds NaN."""
    if not _check_nan:
        return
    for position, result in enumerate(results):
        if result is None:
            continue
        value = result if hasattr(result, "get") else result._value()
        array = np.asarray(value.read())
        if (
            array.dtype.kind not in "biu"
            and np.isnan(array.astype(complex) if array.dtype.kind == "c" else array.astype(np.float64)).any()
        ):
            name = node.name().removeprefix("torch::autograd::")
            raise RuntimeError(f"Function '{name}' returned nan values in its {position}th output.")

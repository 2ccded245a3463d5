"""The error of a file that is not what it says."""

from __future__ import annotations

import os
from os import PathLike


class RefusedFileError(ValueError):
    """A file was refused: one line that names the file, the entry if there is one, and the reason."""

    def __init__(self, path: str | PathLike[str], reason: str, entry: str | None = None) -> None:
        where = os.fspath(path) if entry is None else f"{os.fspath(path)}: {_short(entry)}"
        super().__init__(f"{where}: {reason}")
        self.path = path
        self.entry = entry
        self.reason = reason


class RefusedPickleError(RefusedFileError):
    """It is a file of that format, but what its pickle says is refused."""


def _short(entry: str) -> str:
    shown = repr(entry)
    return shown if len(shown) <= 200 else shown[:200] + "..."

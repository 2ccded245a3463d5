"""Where files of trained weights lie, and how they get there: torch.hub's folder, or a path of the user's."""

from __future__ import annotations

import hashlib
import os
import re
from os import PathLike
from pathlib import Path
from typing import Any
from urllib.parse import urlparse

from fnnet.data.fetch import DownloadError, fetch
from fnnet.torch.serialization import load

_HASH = re.compile(r"-([a-f0-9]{8,})\.")
"""The beginning of the SHA-256 in a published file's name."""


def hub_dir() -> Path:
    """torch.hub's folder: $TORCH_HOME/hub, or torch/hub in $XDG_CACHE_HOME (~/.cache)."""
    cache = os.environ.get("XDG_CACHE_HOME", "~/.cache")
    home = os.environ.get("TORCH_HOME", os.path.join(cache, "torch"))
    return Path(home).expanduser() / "hub"


def _sha256(path: Path) -> str:
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def load_state_dict_from_url(
    url: str,
    model_dir: str | PathLike[str] | None = None,
    map_location: Any = None,
    progress: bool = True,
    check_hash: bool = False,
    file_name: str | None = None,
    weights_only: bool = True,
) -> dict[str, Any]:
    """The state_dict of an address, from torch.hub's folder, where it is downloaded to if it is not there.

    Args:
        url: of the file; its name may hold the beginning of its SHA-256 (resnet18-f37072fd.pth).
        model_dir: the folder, `hub/checkpoints` unless given.
        map_location: as for torch.load.
        progress: whether a download shows how far it is.
        check_hash: whether to compare the SHA-256 of what is downloaded.
        file_name: in the folder; the one in the address unless given.
        weights_only: accepted; nothing in a file is ever executed.

    Raises:
        RuntimeError: if the file is not there and cannot be downloaded (the message says what to put
            where), or what is downloaded has another SHA-256 (it is removed).
    """
    folder = Path(hub_dir() / "checkpoints" if model_dir is None else model_dir)
    name = file_name or os.path.basename(urlparse(url).path)
    path = folder / name
    if not path.is_file():
        try:
            fetch(url, path, progress=progress)
        except DownloadError as error:
            raise DownloadError(f"weights {name}: {error} The folder follows $TORCH_HOME.") from None
        expected = _HASH.search(name)
        if check_hash and expected is not None:
            seen = _sha256(path)
            if not seen.startswith(expected[1]):
                path.unlink()
                raise RuntimeError(f'invalid hash value (expected "{expected[1]}", got "{seen}")')
    return load(path, map_location=map_location)

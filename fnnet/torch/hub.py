"""torch.hub by name: nothing is downloaded here, and no code of others is run."""

import builtins as _builtins
import os as _os
import re as _re
from urllib.parse import urlparse as urlparse  # programs take it from here

from fnnet.torch.missing import refusal

_dir: _builtins.list[str] = []

load = refusal("torch.hub.load", "nothing is downloaded; fnnet.models has models, torch.load reads files")
list = refusal("torch.hub.list", "nothing is downloaded")
help = refusal("torch.hub.help", "nothing is downloaded")
load_state_dict_from_url = refusal("torch.hub.load_state_dict_from_url", "download the file, then torch.load")
download_url_to_file = refusal("torch.hub.download_url_to_file", "nothing is downloaded")

try:
    from tqdm import tqdm as tqdm  # programs take it from here
except ImportError:
    tqdm = refusal("torch.hub.tqdm", "tqdm is not installed")

HASH_REGEX = _re.compile(r"-([a-f0-9]*)\.")


def _get_torch_home() -> str:
    return _os.path.expanduser(
        _os.getenv("TORCH_HOME", _os.path.join(_os.getenv("XDG_CACHE_HOME", "~/.cache"), "torch"))
    )


def get_dir() -> str:
    """The folder where files that were downloaded with PyTorch lie."""
    return _dir[0] if _dir else _os.path.join(_get_torch_home(), "hub")


def set_dir(d: str) -> None:
    """Says where downloaded files lie."""
    _dir[:] = [_os.path.expanduser(d)]

"""Which format a file is in: seen from its content when it is read, said by its name when it is written."""

from __future__ import annotations

from os import PathLike
from typing import Any

from fnnet.checkpoint import pt, tree


def is_safetensors(start: bytes) -> bool:
    """Whether a file that begins so is a safetensors file: the length of the header, and the header's brace.

    In no zip archive can the ninth byte, its method of compression, be a brace.
    """
    return start[8:9] == b"{"


def load(path: str | PathLike[str], verify: bool = False) -> Any:
    """What a `.pt`, `.pth` or `.safetensors` file holds; its format is seen from its content.

    Of a safetensors file: nested dicts, for whose levels the names are parted at their dots. Of a file of
    `torch.save`: what was saved, in plain containers, see `fnnet.checkpoint.pt.read`; a state_dict's names
    have dots, and `nested` makes a tree of parameters of it. Arrays are memory-mapped and read-only.

    Args:
        path: of the file.
        verify: compare the checksums of the tensors' bytes, which reads all of them. A `.pt` of the zip
            format has them, other formats have none.

    Raises:
        RefusedFileError: (a ValueError) for a file that is neither, or not well-formed.
        OSError: for a file that cannot be opened.
    """
    with open(path, "rb") as file:
        start = file.read(9)
    return tree.load(path) if is_safetensors(start) else pt.read(path, verify=verify)

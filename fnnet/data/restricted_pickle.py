"""The pickle streams of CIFAR-10's python version: plain values, and arrays of uint8.

The names that NumPy's own pickles use for an array are recognised as words; nothing is imported or called.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from os import PathLike
from typing import Any, ClassVar

import numpy as np

from fnnet.checkpoint.pickle_stream import Machine, Name, Refusal, Vocabulary
from fnnet.checkpoint.refused import RefusedFileError

LARGEST = 256 * 1024 * 1024
"""Of a stream, in bytes; CIFAR-100's training pictures have 155 MB."""

_RECONSTRUCT = "numpy._reconstruct"
_NDARRAY = "numpy.ndarray"
_DTYPE = "numpy.dtype"
_ENCODE = "_codecs.encode"


class _Array:
    """An array of uint8: first only announced, then with its shape and bytes."""

    def __init__(self) -> None:
        self.value: np.ndarray | None = None


class _Bytes8:
    """The dtype uint8."""


class _Arrays(Vocabulary):
    """What NumPy's pickles of arrays of uint8 need."""

    longest = LARGEST

    names: ClassVar[Mapping[tuple[str, str], str]] = {
        ("numpy.core.multiarray", "_reconstruct"): _RECONSTRUCT,
        ("numpy._core.multiarray", "_reconstruct"): _RECONSTRUCT,
        ("numpy", "ndarray"): _NDARRAY,
        ("numpy", "dtype"): _DTYPE,
        ("_codecs", "encode"): _ENCODE,
    }

    def call(self, word: str, arguments: tuple[Any, ...]) -> Any:
        """An announced array, its dtype, or bytes that were written as text."""
        if word == _RECONSTRUCT and len(arguments) == 3 and isinstance(arguments[0], Name):
            if arguments[0].word == _NDARRAY and arguments[1] == (0,) and arguments[2] in (b"b", "b"):
                return _Array()
        elif word == _DTYPE and len(arguments) == 3 and arguments[0] in ("u1", b"u1"):
            return _Bytes8()
        elif (
            word == _ENCODE and len(arguments) == 2 and type(arguments[0]) is str and arguments[1] == "latin1"
        ):
            self.spend(len(arguments[0]))
            try:
                return arguments[0].encode("latin1")
            except UnicodeEncodeError:
                raise Refusal("text that stands for bytes has other characters") from None
        raise Refusal("a call that is no part of an array of uint8")

    def build(self, built: Any, state: Any) -> Any:
        """The array with its shape and bytes."""
        if isinstance(built, _Bytes8) and isinstance(state, tuple):
            return built
        if not (isinstance(built, _Array) and isinstance(state, tuple) and len(state) == 5):
            raise Refusal("a state that is not an array's")
        _, shape, dtype, fortran, data = state
        sizes = isinstance(shape, tuple) and all(type(n) is int and n >= 0 for n in shape)
        if not (sizes and len(shape) <= 4 and isinstance(dtype, _Bytes8) and not fortran):
            raise Refusal("an array is not of uint8 in C order")
        if not isinstance(data, bytes) or len(data) != math.prod(shape):
            raise Refusal("an array has other bytes than its shape says")
        built.value = np.frombuffer(data, np.uint8).reshape(shape)
        return built


def read_table(path: str | PathLike[str], stream: bytes) -> dict[str, Any]:
    """The dict that the stream of the file `path` holds; its keys as text.

    Values are plain, or arrays of uint8. Raises RefusedFileError for anything else.
    """
    try:
        table = Machine(stream, _Arrays()).run()
    except Refusal as refusal:
        raise RefusedFileError(path, str(refusal)) from None
    if not isinstance(table, dict):
        raise RefusedFileError(path, f"it holds a {type(table).__name__}, expected a dict")
    plain = {}
    for key, value in table.items():
        name = key.decode("latin1") if isinstance(key, bytes) else str(key)
        plain[name] = value.value if isinstance(value, _Array) else value
    return plain

"""The safetensors format: named arrays and a few strings, memory-mapped; nothing in it can be executed.

A file is: the length of the header (8 bytes, little endian), the header (JSON), the arrays' bytes. The reader
    takes
only files that keep to every rule of the format (https://github.com/huggingface/safetensors), and looks
at no byte of an array before the header has been checked against the size of the file.
"""

from __future__ import annotations

import json
import math
import os
from collections.abc import Callable, Iterable, Mapping
from os import PathLike
from typing import Any

import ml_dtypes
import numpy as np

from fnnet.checkpoint.atomic import atomically
from fnnet.checkpoint.refused import RefusedFileError

MAX_HEADER = 100_000_000
MAX_DIMENSIONS = 64

DTYPES: dict[str, np.dtype[Any]] = {
    "BOOL": np.dtype(np.bool_),
    "U8": np.dtype("u1"),
    "I8": np.dtype("i1"),
    "F8_E4M3": np.dtype(ml_dtypes.float8_e4m3fn),
    "F8_E5M2": np.dtype(ml_dtypes.float8_e5m2),
    "I16": np.dtype("<i2"),
    "U16": np.dtype("<u2"),
    "F16": np.dtype("<f2"),
    "BF16": np.dtype(ml_dtypes.bfloat16),
    "I32": np.dtype("<i4"),
    "U32": np.dtype("<u4"),
    "F32": np.dtype("<f4"),
    "C64": np.dtype("<c8"),
    "F64": np.dtype("<f8"),
    "I64": np.dtype("<i8"),
    "U64": np.dtype("<u8"),
}
"""The format's names of dtypes, smaller ones first."""

_NAMES = {dtype: name for name, dtype in DTYPES.items()}


def read(path: str | PathLike[str]) -> tuple[dict[str, np.ndarray], dict[str, str]]:
    """The arrays by name, and the strings of `__metadata__`.

    The arrays are read-only views of the memory-mapped file: their bytes are read when they are used.

    Raises:
        RefusedFileError: (a ValueError) for a file that breaks a rule of the format.
        OSError: for a file that cannot be opened.
    """
    size = os.path.getsize(path)
    with open(path, "rb") as file:
        start, header = _read_header(path, file.read, size)
    metadata = _check_metadata(path, header.pop("__metadata__", {}))
    entries = {name: _check_entry(path, name, entry) for name, entry in header.items()}
    end = 0
    for name, (_, _, begin, stop) in sorted(entries.items(), key=lambda item: item[1][2:]):
        if begin != end:
            raise RefusedFileError(
                path, f"its bytes begin at {begin}, expected {end}: a hole or an overlap", name
            )
        end = stop
    if start + end != size:
        raise RefusedFileError(path, f"{size} bytes, expected {start + end} by the header")
    held = np.memmap(path, np.uint8, mode="r") if end else np.zeros(start, np.uint8)
    arrays = {}
    for name, (dtype, shape, begin, stop) in entries.items():
        part = np.asarray(held[start + begin : start + stop])
        if dtype == np.bool_ and part.size and part.max() > 1:
            raise RefusedFileError(path, "a BOOL byte is neither 0 nor 1", name)
        arrays[name] = part.view(dtype).reshape(shape)
    return arrays, metadata


def _read_header(
    path: str | PathLike[str], take: Callable[[int], bytes], size: int
) -> tuple[int, dict[str, Any]]:
    prefix = take(8)
    if len(prefix) < 8:
        raise RefusedFileError(path, f"{size} bytes: too small for a safetensors file")
    length = int.from_bytes(prefix, "little")
    if length > MAX_HEADER:
        raise RefusedFileError(path, f"a header of {length} bytes: more than the format's {MAX_HEADER}")
    if 8 + length > size:
        raise RefusedFileError(path, f"a header of {length} bytes in a file of {size}")
    text = take(length)
    if not text.startswith(b"{"):
        raise RefusedFileError(path, "the header does not begin with '{'")

    def unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        table = dict(pairs)
        if len(table) < len(pairs):
            raise RefusedFileError(path, "a key stands twice in the header")
        return table

    def no_number(token: str) -> Any:
        raise RefusedFileError(path, f"the header has the number {token[:40]}; only integers are expected")

    try:
        header = json.loads(
            text.decode("utf-8"), object_pairs_hook=unique, parse_float=no_number, parse_constant=no_number
        )
    except RefusedFileError:
        raise
    except (ValueError, RecursionError) as error:
        raise RefusedFileError(path, f"the header is not JSON: {str(error)[:100]}") from None
    return 8 + length, header


def _check_metadata(path: str | PathLike[str], metadata: Any) -> dict[str, str]:
    if not isinstance(metadata, dict) or not all(isinstance(value, str) for value in metadata.values()):
        raise RefusedFileError(path, "expected strings by name", "__metadata__")
    return metadata


def _is_count(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and 0 <= value < 1 << 63


def _check_entry(
    path: str | PathLike[str], name: str, entry: Any
) -> tuple[np.dtype[Any], tuple[int, ...], int, int]:
    def refuse(reason: str) -> RefusedFileError:
        return RefusedFileError(path, reason, name)

    if not isinstance(entry, dict) or set(entry) != {"dtype", "shape", "data_offsets"}:
        raise refuse("expected exactly dtype, shape and data_offsets")
    dtype = DTYPES.get(entry["dtype"]) if isinstance(entry["dtype"], str) else None
    if dtype is None:
        raise refuse(f"unknown dtype {str(entry['dtype'])[:40]!r}")
    shape, offsets = entry["shape"], entry["data_offsets"]
    if not isinstance(shape, list) or not all(map(_is_count, shape)):
        raise refuse("shape: expected a list of sizes")
    if len(shape) > MAX_DIMENSIONS:
        raise refuse(f"{len(shape)} dimensions: more than {MAX_DIMENSIONS}")
    if not isinstance(offsets, list) or len(offsets) != 2 or not all(map(_is_count, offsets)):
        raise refuse("data_offsets: expected two offsets")
    begin, end = offsets
    wanted = math.prod(shape) * dtype.itemsize
    if end - begin != wanted:
        raise refuse(
            f"{end - begin} bytes, expected {wanted} for {entry['dtype']} of shape {str(shape)[:100]}"
        )
    return dtype, tuple(shape), begin, end


def dtype_name(dtype: Any) -> str | None:
    """The format's name of a dtype, None if it has none."""
    return _NAMES.get(np.dtype(dtype).newbyteorder("<"))


def write(
    path: str | PathLike[str], arrays: Mapping[str, Any], metadata: Mapping[str, str] | None = None
) -> None:
    """Write arrays by name and strings, atomically.

    Larger dtypes come first, so that every array is aligned. Raises TypeError for a dtype that the format
    does not have and for metadata that is not strings, ValueError for an array named "__metadata__".
    """
    strings = dict(metadata or {})
    if not all(isinstance(key, str) and isinstance(value, str) for key, value in strings.items()):
        raise TypeError("safetensors: metadata: expected strings by name")
    if "__metadata__" in arrays:
        raise ValueError("safetensors: an array cannot have the name '__metadata__'")
    for name, array in arrays.items():
        if dtype_name(array.dtype) is None:
            raise TypeError(f"safetensors: {name!r}: the format has no dtype {array.dtype}")
    ordered = sorted(arrays, key=lambda name: (-np.dtype(arrays[name].dtype).itemsize, name))
    header: dict[str, Any] = {"__metadata__": strings} if strings else {}
    offset = 0
    for name in ordered:
        array = arrays[name]
        end = offset + math.prod(array.shape) * np.dtype(array.dtype).itemsize
        header[name] = {
            "dtype": dtype_name(array.dtype),
            "shape": list(array.shape),
            "data_offsets": [offset, end],
        }
        offset = end
    text = json.dumps(header, separators=(",", ":"), ensure_ascii=False).encode()
    text += b" " * (-len(text) % 8)
    if len(text) > MAX_HEADER:
        raise ValueError(f"safetensors: a header of {len(text)} bytes: more than the format's {MAX_HEADER}")
    with atomically(path) as file:
        file.write(len(text).to_bytes(8, "little"))
        file.write(text)
        for chunk in _chunks(arrays[name] for name in ordered):
            file.write(chunk)


def _chunks(arrays: Iterable[Any]) -> Iterable[memoryview]:
    for array in arrays:
        held = np.asarray(array)
        little = held.astype(held.dtype.newbyteorder("<"), order="C", copy=False)
        yield np.ascontiguousarray(little).reshape(-1).view(np.uint8).data

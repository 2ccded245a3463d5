"""PyTorch's checkpoints, written without PyTorch: files that `torch.load(weights_only=True)` reads.

Only what the reader takes can be written. An array that stands in several places is one storage in the file.
"""

from __future__ import annotations

import struct
import zipfile
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from os import PathLike
from typing import Any, BinaryIO

import numpy as np

from fnnet.checkpoint.atomic import atomically
from fnnet.checkpoint.pickle_stream import MAX_DEPTH
from fnnet.checkpoint.stored import DTYPES, STORAGES, torch_name

_STORAGE_OF = {dtype: storage for storage, dtype in STORAGES.items()}
_FOLDER = "archive"
_ALIGNMENT = 64


@dataclass(frozen=True, eq=False)
class Placed:
    """An array and how it is to be written.

    Attributes:
        owner: what stands for the storage; equal for all that share it (by identity).
        data: the whole storage's elements, in one dimension.
        parameter: whether it is a parameter.
    """

    owner: Any
    data: Callable[[], np.ndarray[Any, Any]]
    dtype: str
    count: int
    offset: int
    shape: tuple[int, ...]
    strides: tuple[int, ...]
    requires_grad: bool = False
    parameter: bool = False
    location: str = "cpu"


@dataclass(frozen=True)
class Global:
    """A name to be written as such, called with arguments if there are any, given a state if there is one.

    Attributes:
        new: whether an object of the class is made, rather than the name called.
    """

    module: str
    name: str
    arguments: tuple[Any, ...] | None = None
    state: Any = None
    new: bool = False


def save_pt(path: str | PathLike[str], value: Any) -> None:
    """Write a value to a `.pt` file, atomically.

    Args:
        path: of the file; what was there stays whole until the new one is.
        value: NumPy and JAX arrays in dicts, lists and tuples, with numbers, strings, bytes, None.

    Raises:
        TypeError: for anything else, and for dtypes that PyTorch does not have.
        ValueError: for a value that contains itself or is nested too deeply.
    """
    writer = Writer(place_array)
    pickled = writer.pickle(value)
    with atomically(path) as file:
        writer.write(file, pickled)


def place_array(leaf: Any) -> Placed | Global | None:
    """How a NumPy or JAX array is written; None if it is neither."""
    if isinstance(leaf, np.dtype) and torch_name(leaf) is not None:
        return Global("torch", str(torch_name(leaf)))
    if not (isinstance(leaf, np.ndarray | np.generic) or type(leaf).__module__.startswith("jax")):
        return None
    name = torch_name(leaf.dtype) if isinstance(getattr(leaf, "dtype", None), np.dtype) else None
    if name is None:
        raise TypeError(f"PyTorch has no dtype {getattr(leaf, 'dtype', type(leaf).__name__)}")
    shape = tuple(leaf.shape)
    strides, step = [], 1
    for length in reversed(shape):
        strides.append(step)
        step *= max(length, 1)

    def data() -> np.ndarray[Any, Any]:
        held = np.asarray(leaf)
        return np.ascontiguousarray(held.astype(DTYPES[name], copy=False)).reshape(-1)

    return Placed(_memory(leaf), data, name, int(np.prod(shape)), 0, shape, tuple(reversed(strides)))


def _memory(leaf: Any) -> Any:
    """What stands for the memory of an array: arrays that are the same view of it are one storage."""
    if isinstance(leaf, np.ndarray) and leaf.size:
        place = leaf.__array_interface__
        return (place["data"][0], leaf.shape, leaf.strides, leaf.dtype.str, leaf.dtype.name)
    return ("object", id(leaf))


class Writer:
    """A pickle of the second protocol, and the storages that it names."""

    def __init__(self, place: Callable[[Any], Placed | Global | None]) -> None:
        self.place = place
        self.out: list[bytes] = []
        self.storages: dict[Any, tuple[str, Placed]] = {}
        self.kept: list[Any] = []
        self.memo: dict[int, int] = {}

    def pickle(self, value: Any) -> bytes:
        """The stream; `storages` is filled on the way."""
        self.out = [b"\x80\x02"]
        self._put(value, 0)
        self.out.append(b".")
        return b"".join(self.out)

    def write(self, file: BinaryIO, pickled: bytes) -> None:
        """The archive of the stream and its storages."""
        with zipfile.ZipFile(file, "w", zipfile.ZIP_STORED) as archive:
            self._entry(archive, "data.pkl", [pickled])
            self._entry(archive, "byteorder", [b"little"])
            for key, placed in self.storages.values():
                data = placed.data()
                if data.size != placed.count:
                    raise ValueError(
                        f"checkpoint: a storage of {data.size} elements, expected {placed.count}"
                    )
                self._entry(archive, f"data/{key}", [data.view(np.uint8).data])
            self._entry(archive, "version", [b"3\n"])

    def _entry(self, archive: zipfile.ZipFile, name: str, chunks: list[Any]) -> None:
        info = zipfile.ZipInfo(f"{_FOLDER}/{name}")
        size = sum(len(chunk) for chunk in chunks)
        wide = size >= 1 << 31
        place = archive.start_dir + 30 + len(info.filename) + (20 if wide else 0)
        padding = -(place + 4) % _ALIGNMENT
        info.extra = struct.pack("<2sH", b"FB", padding) + b"Z" * padding
        with archive.open(info, "w", force_zip64=wide) as entry:
            for chunk in chunks:
                entry.write(chunk)

    def _put(self, value: Any, depth: int) -> None:
        if depth > MAX_DEPTH:
            raise ValueError(f"checkpoint: nested more than {MAX_DEPTH} deep, or a container in itself")
        if id(value) in self.memo:
            self.out.append(b"j" + struct.pack("<I", self.memo[id(value)]))
            return
        found = value if isinstance(value, Global) else self.place(value)
        if isinstance(found, Placed):
            self._tensor(found)
            self._remember(value)
        elif isinstance(found, Global):
            self._global(found, value, depth)
        elif isinstance(value, dict):
            self._dict(value, depth)
        elif type(value) is list:
            self.out.append(b"](")
            for item in value:
                self._put(item, depth + 1)
            self.out.append(b"e")
        elif isinstance(value, tuple):
            self._tuple(tuple(value), depth)
        else:
            self._plain(value, depth)

    def _global(self, found: Global, value: Any, depth: int) -> None:
        self._name(found.module, found.name)
        if found.arguments is not None:
            self._tuple(found.arguments, depth)
            self.out.append(b"\x81" if found.new else b"R")
        if found.new:
            self._remember(value)
        if found.state is not None:
            self._put(found.state, depth + 1)
            self.out.append(b"b")

    def _remember(self, value: Any) -> None:
        """Let a further mention of the same object be that object."""
        self.kept.append(value)
        self.memo[id(value)] = len(self.memo)
        self.out.append(b"r" + struct.pack("<I", self.memo[id(value)]))

    def _tuple(self, items: tuple[Any, ...], depth: int) -> None:
        self.out.append(b"(")
        for item in items:
            self._put(item, depth + 1)
        self.out.append(b"t")

    def _dict(self, table: dict[Any, Any], depth: int) -> None:
        ordered = isinstance(table, OrderedDict)
        if ordered:
            self._name("collections", "OrderedDict")
        self.out.append(b")R(" if ordered else b"}(")
        for key, item in table.items():
            self._put(key, depth + 1)
            self._put(item, depth + 1)
        self.out.append(b"u")
        metadata = getattr(table, "_metadata", None)
        if ordered and metadata is not None:
            self._put({"_metadata": metadata}, depth + 1)
            self.out.append(b"b")

    def _plain(self, value: Any, depth: int) -> None:
        if value is None or value is True or value is False:
            self.out.append({None: b"N", True: b"\x88", False: b"\x89"}[value])
        elif type(value) is int:
            self._integer(value)
        elif type(value) is float:
            self.out.append(b"G" + struct.pack(">d", value))
        elif type(value) is str:
            text = value.encode("utf-8", "surrogatepass")
            self.out.append(b"X" + struct.pack("<I", len(text)) + text)
        elif type(value) in (complex, bytes, bytearray, set):
            name, arguments = {
                complex: lambda: ("complex", (value.real, value.imag)),
                bytes: lambda: ("encode", (value.decode("latin1"), "latin1")),
                bytearray: lambda: ("bytearray", (bytes(value),)),
                set: lambda: ("set", (sorted(value, key=repr),)),
            }[type(value)]()
            self._name("_codecs" if name == "encode" else "__builtin__", name)
            self._tuple(arguments, depth)
            self.out.append(b"R")
        else:
            raise TypeError(f"checkpoint: cannot write a {type(value).__module__}.{type(value).__qualname__}")

    def _integer(self, value: int) -> None:
        if -(1 << 31) <= value < 1 << 31:
            self.out.append(b"J" + struct.pack("<i", value))
            return
        size = value.bit_length() // 8 + 1
        if size > 255:
            raise TypeError("checkpoint: an integer of more than 255 bytes")
        self.out.append(b"\x8a" + bytes([size]) + value.to_bytes(size, "little", signed=True))

    def _name(self, module: str, name: str) -> None:
        self.out.append(f"c{module}\n{name}\n".encode())

    def _tensor(self, placed: Placed) -> None:
        if placed.owner not in self.storages:
            self.storages[placed.owner] = (str(len(self.storages)), placed)
        key, first = self.storages[placed.owner]
        if (first.dtype, first.count) != (placed.dtype, placed.count):
            raise TypeError("checkpoint: arrays of different dtypes in one storage")
        if placed.parameter:
            self._name("torch._utils", "_rebuild_parameter")
            self.out.append(b"(")
        typed = _STORAGE_OF.get(placed.dtype)
        self._name("torch._utils", "_rebuild_tensor_v2" if typed else "_rebuild_tensor_v3")
        self.out.append(b"((")
        self._plain("storage", 0)
        self._name("torch" if typed else "torch.storage", typed or "UntypedStorage")
        self._plain(key, 0)
        self._plain(placed.location, 0)
        self._integer(placed.count * (1 if typed else DTYPES[placed.dtype].itemsize))
        self.out.append(b"tQ")
        self._integer(placed.offset)
        self._tuple(placed.shape, 0)
        self._tuple(placed.strides, 0)
        self._plain(placed.requires_grad, 0)
        self._hooks()
        if not typed:
            self._name("torch", placed.dtype)
        self.out.append(b"tR")
        if placed.parameter:
            self._plain(placed.requires_grad, 0)
            self._hooks()
            self.out.append(b"tR")

    def _hooks(self) -> None:
        self._name("collections", "OrderedDict")
        self.out.append(b")R")

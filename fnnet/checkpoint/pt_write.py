"""PyTorch's checkpoints, written without PyTorch: files that `torch.load` reads, of both of its formats.

Only what the reader takes can be written: each pickle is read again before a byte of a file is. An array that
stands in several places is one storage in the file.
"""

from __future__ import annotations

import codecs
import io
import pickle
import struct
import zipfile
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from os import PathLike
from typing import Any, BinaryIO

import numpy as np

from fnnet.checkpoint.atomic import atomically
from fnnet.checkpoint.pt import MAGIC, PROTOCOL, readable
from fnnet.checkpoint.stored import DTYPES, STORAGES, torch_name

_STORAGE_OF = {dtype: storage for storage, dtype in STORAGES.items()}
_FOLDER = "archive"
_ALIGNMENT = 64

_PLAIN = frozenset(
    (
        type(None),
        bool,
        int,
        float,
        complex,
        str,
        bytes,
        bytearray,
        list,
        tuple,
        dict,
        set,
        frozenset,
        OrderedDict,
    )
)


_CALLED = (OrderedDict, complex, bytes, bytearray, set, frozenset, codecs.encode)
"""What the pickles of plain values call."""


class Name:
    """A global name as a file has it, whether or not this program has such a thing. Made by `named`."""

    __slots__ = ("module", "name")

    def __init__(self, module: str, name: str) -> None:
        self.module = module
        self.name = name

    def __call__(self, *arguments: Any) -> Any:
        """Nothing: pickle asks of a function that it can be called."""
        raise TypeError(f"checkpoint: {self.module}.{self.name} is a name")


@cache
def named(module: str, name: str) -> Name:
    """The name, one object for all that mention it."""
    return Name(module, name)


@dataclass(frozen=True, eq=False)
class Stored:
    """A storage to be written.

    Attributes:
        owner: what stands for the memory; the same object (or an equal one) for all that share it.
        data: the whole storage, in one dimension.
        dtype: PyTorch's name of its elements' dtype.
        count: how many elements there are.
    """

    owner: Any
    data: Callable[[], np.ndarray[Any, Any]]
    dtype: str
    count: int
    location: str = "cpu"

    @property
    def typed(self) -> bool:
        """Whether a file says the dtype with the storage; else the tensor says it."""
        return self.dtype in _STORAGE_OF

    @property
    def width(self) -> int:
        """How many bytes a file counts as an element."""
        return DTYPES[self.dtype].itemsize if self.typed else 1

    @property
    def size(self) -> int:
        """How many bytes there are."""
        return self.count * DTYPES[self.dtype].itemsize


def tensor(
    stored: Stored,
    offset: int,
    shape: tuple[int, ...],
    strides: tuple[int, ...],
    requires_grad: bool = False,
    marks: dict[str, bool] | None = None,
) -> tuple[Any, ...]:
    """What pickle calls a reduction: how a tensor is made again."""
    version = "_rebuild_tensor_v2" if stored.typed else "_rebuild_tensor_v3"
    dtype = () if stored.typed else (named("torch", stored.dtype),)
    arguments = (stored, offset, shape, strides, requires_grad, OrderedDict(), *dtype)
    return named("torch._utils", version), (*arguments, marks) if marks else arguments


def save_pt(path: str | PathLike[str], value: Any) -> None:
    """Write a value to a `.pt` file, atomically.

    Args:
        path: of the file; what was there stays whole until the new one is.
        value: NumPy and JAX arrays in dicts, lists and tuples, with numbers, strings, bytes, None.

    Raises:
        TypeError: for anything else, and for dtypes that PyTorch does not have.
        ValueError: for a value that contains itself or is nested too deeply.
    """
    writer = Writer(_reduced)
    pickled = writer.pickle(value)
    refused = readable(pickled)
    if refused is not None:
        raise ValueError(f"checkpoint: {refused}")
    with atomically(path) as file:
        writer.write(file, pickled)


def _reduced(leaf: Any) -> Any:
    """How a NumPy or JAX array is written."""
    if isinstance(leaf, np.dtype) and torch_name(leaf) is not None:
        return named("torch", str(torch_name(leaf)))
    if any(leaf is one for one in _CALLED):
        return NotImplemented
    if not (isinstance(leaf, np.ndarray | np.generic) or type(leaf).__module__.startswith("jax")):
        raise TypeError(f"checkpoint: cannot write a {type(leaf).__module__}.{type(leaf).__qualname__}")
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

    stored = Stored(_memory(leaf), data, name, int(np.prod(shape)))
    return tensor(stored, 0, shape, tuple(reversed(strides)))


def _memory(leaf: Any) -> Any:
    """What stands for the memory of an array: arrays that are the same view of it are one storage."""
    if isinstance(leaf, np.ndarray) and leaf.size:
        place = leaf.__array_interface__
        return (place["data"][0], leaf.shape, leaf.strides, leaf.dtype.str, leaf.dtype.name)
    return ("object", id(leaf))


_Base: Any = vars(pickle)["_Pickler"]  # the one in Python, whose steps can be replaced


_ATOMS: dict[type, Any] = {
    int: _Base.save_long,
    float: _Base.save_float,
    bool: _Base.save_bool,
    type(None): _Base.save_none,
}


class _Pickler(_Base):
    """Python's, with names that this program need not have, and storages outside of the stream."""

    def __init__(self, file: BinaryIO, protocol: int, writer: Writer) -> None:
        super().__init__(file, protocol)
        self.writer = writer

    def save(self, obj: Any, save_persistent_id: bool = True) -> None:
        atom = _ATOMS.get(type(obj))
        if atom is not None:  # the most there are of, and nothing to ask about them
            atom(self, obj)
        elif type(obj) is Stored:
            self.save(self.writer.identity(obj), False)
            self.write(pickle.BINPERSID)
        else:
            super().save(obj, save_persistent_id)

    def reducer_override(self, obj: Any) -> Any:
        kind = type(obj)
        if kind in _PLAIN:
            return NotImplemented
        if kind is Name:
            return obj.name
        found = self.writer.reduce(obj)
        return found.name if type(found) is Name else found

    def save_global(self, obj: Any, name: Any = None) -> None:
        found = obj if type(obj) is Name else self.writer.reduce(obj)
        if type(found) is not Name:
            super().save_global(obj, name)
            return
        if self.proto >= 4:
            self.save(found.module)
            self.save(found.name)
            self.write(pickle.STACK_GLOBAL)
        else:
            self.write(b"c" + f"{found.module}\n{found.name}\n".encode())
        self.memoize(obj)


class Writer:
    """A pickle, and the storages that it names.

    Args:
        reduce: gives for an object other than plain ones its reduction, a `Name`, or NotImplemented if pickle
            shall do what it does; it raises TypeError for what cannot be written.
        protocol: of the pickle.
        older: whether the older format is written, a sequence of pickles.
    """

    def __init__(self, reduce: Callable[[Any], Any], protocol: int = 2, older: bool = False) -> None:
        self.reduce = reduce
        self.protocol = protocol
        self.older = older
        self.storages: dict[Any, tuple[str, Stored]] = {}

    def identity(self, stored: Stored) -> tuple[Any, ...]:
        """The persistent id of a storage.

        Raises RuntimeError where one memory is seen as two dtypes, which PyTorch's files cannot say.
        """
        if stored.owner not in self.storages:
            self.storages[stored.owner] = (str(len(self.storages)), stored)
        key, first = self.storages[stored.owner]
        if (first.dtype, first.count) != (stored.dtype, stored.count):
            raise RuntimeError(
                "Cannot save multiple tensors or storages that view the same data as different types"
            )
        kind = named("torch", _STORAGE_OF[stored.dtype]) if stored.typed else _UNTYPED
        found = ("storage", kind, key, stored.location, stored.size // stored.width)
        return (*found, None) if self.older else found

    def pickle(self, value: Any) -> bytes:
        """The stream; `storages` is filled on the way."""
        held = io.BytesIO()
        _Pickler(held, self.protocol, self).dump(value)
        return held.getvalue()

    def write(self, file: BinaryIO, pickled: bytes) -> None:
        """The file of the stream and its storages."""
        if self.older:
            self._write_sequence(file, pickled)
            return
        with zipfile.ZipFile(_from_here(file), "w", zipfile.ZIP_STORED) as archive:
            self._entry(archive, "data.pkl", [pickled])
            self._entry(archive, "byteorder", [b"little"])
            for key, stored in self.storages.values():
                self._entry(archive, f"data/{key}", [_bytes(stored)])
            self._entry(archive, "version", [b"3\n"])

    def _write_sequence(self, file: BinaryIO, pickled: bytes) -> None:
        sizes = {"short": 2, "int": 4, "long": 4}
        system = {"protocol_version": PROTOCOL, "little_endian": True, "type_sizes": sizes}
        for part in (MAGIC, PROTOCOL, system):
            file.write(pickle.dumps(part, self.protocol))
        file.write(pickled)
        ordered = sorted(self.storages.values(), key=lambda one: one[0])
        file.write(pickle.dumps([key for key, _ in ordered], self.protocol))
        for _, stored in ordered:
            file.write(struct.pack("<q", stored.size // stored.width))
            file.write(_bytes(stored))

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


class _Here:
    """A file whose places are counted from where it was: an archive may begin within a file."""

    def __init__(self, file: Any, begin: int) -> None:
        self.file = file
        self.begin = begin
        self.write = file.write

    def tell(self) -> int:
        return int(self.file.tell()) - self.begin

    def seek(self, place: int, whence: int = 0) -> int:
        return int(self.file.seek(place + (self.begin if whence == 0 else 0), whence)) - self.begin

    def flush(self) -> None:
        if hasattr(self.file, "flush"):
            self.file.flush()


def _from_here(file: Any) -> Any:
    try:
        begin = file.tell()
        file.seek(begin)
    except (AttributeError, OSError):  # a pipe, say
        return file
    return _Here(file, begin) if begin else file


_UNTYPED = named("torch.storage", "UntypedStorage")


def _bytes(stored: Stored) -> memoryview:
    data = stored.data()
    if data.nbytes != stored.size:
        raise ValueError(f"checkpoint: a storage of {data.nbytes} bytes, expected {stored.size}")
    return data.view(np.uint8).data

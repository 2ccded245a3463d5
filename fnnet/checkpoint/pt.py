"""PyTorch's checkpoints (`.pt`, `.pth`), read without PyTorch and without executing anything in them.

Both formats of `torch.save` are read: the zip archive, and the older sequence of pickles. Tensors become
views of the memory-mapped file, so that reading takes no memory beside it; several tensors of a
storage share it.
"""

from __future__ import annotations

import os
from os import PathLike
from typing import Any

import numpy as np

from fnnet.checkpoint.archive import Archive, Bytes
from fnnet.checkpoint.pickle_stream import MAX_STREAM, Machine, Refusal, check_tree
from fnnet.checkpoint.pt_vocabulary import Torch
from fnnet.checkpoint.refused import RefusedFileError, RefusedPickleError
from fnnet.checkpoint.stored import DTYPES, Arrays, Storage, Structure, View

MAGIC = 0x1950A86A20F9469CFC6C
"""The number whose pickle begins a file of the older format."""
PROTOCOL = 1001
_START = b"\x8a\n" + MAGIC.to_bytes(10, "little")
_ORDERS = {b"little": False, b"big": True}


def read(path: str | PathLike[str], make: Arrays | None = None, verify: bool = False) -> Any:
    """What `torch.save` wrote, in plain containers.

    Dicts (and OrderedDicts) are dicts, a torch.Size is a tuple, a torch.dtype is a NumPy dtype, a
    torch.device is a string; tensors and parameters are NumPy arrays, views of the memory-mapped
    file, read-only.

    Args:
        path: of the file.
        make: what else tensors and containers become.
        verify: compare the checksums of the tensors' bytes, too, which reads all of them. Only the zip format
            has them.

    Raises:
        RefusedFileError: (a ValueError) for a file that holds anything else, or contradicts itself.
        OSError: for a file that cannot be opened.
    """
    return read_bytes(path, mapped(path), make, verify)


def mapped(path: str | PathLike[str]) -> Bytes:
    """The bytes of a file, memory-mapped."""
    if not os.path.getsize(path):
        return np.zeros(0, np.uint8)
    return np.asarray(np.memmap(path, np.uint8, mode="r"))


def read_bytes(
    path: str | PathLike[str], data: Bytes, make: Arrays | None = None, verify: bool = False
) -> Any:
    """What the bytes of a file hold; as `read`."""
    value, end = read_first(path, data, make, verify)
    if end != data.size:
        raise RefusedFileError(path, f"{data.size - end} bytes are left after the end")
    return value


def read_first(
    path: str | PathLike[str], data: Bytes, make: Arrays | None = None, verify: bool = False
) -> tuple[Any, int]:
    """The same, and where the file ends in these bytes: files of the older format may follow one another."""
    make = make or Arrays()
    start = data[:32].tobytes()
    if start.startswith(b"PK\3\4"):
        return _read_zip(path, data, make, verify), data.size
    if start.startswith(b"\x80") and _START in start:
        return _read_sequence(path, data, make)
    if data[257:262].tobytes() == b"ustar":
        raise RefusedFileError(path, "the tar format of PyTorch before 0.1.10, which is not read")
    raise RefusedPickleError(path, "not a file of torch.save: neither a zip archive nor its older format")


def _read_zip(path: str | PathLike[str], data: Bytes, make: Arrays, verify: bool) -> Any:
    archive = Archive(path, data)
    folders = {name.split("/")[0] for name in archive.entries if name.endswith("/data.pkl")}
    if len(folders) != 1:
        raise RefusedFileError(path, f"{len(folders)} entries named data.pkl in a folder, expected one")
    folder = folders.pop()
    if f"{folder}/constants.pkl" in archive.entries:
        raise RefusedFileError(path, "a TorchScript program; only files of torch.save are read", folder)
    version = archive.read(f"{folder}/version", 16).tobytes().strip()
    if not (version.isdigit() and 1 <= int(version) <= 10):
        raise RefusedFileError(path, f"version {version!r}, expected 1 to 10", f"{folder}/version")
    big = False
    if f"{folder}/byteorder" in archive.entries:
        order = archive.read(f"{folder}/byteorder", 16).tobytes()
        if order not in _ORDERS:
            raise RefusedFileError(path, f"{order!r} is no order of bytes", f"{folder}/byteorder")
        big = _ORDERS[order]
    storages: dict[str, Storage] = {}

    def find(key: str, location: str, dtype: str | None, count: int, view: Any) -> View:
        if view is not None:
            raise Refusal("a view of a storage, which this format does not have")
        entry = f"{folder}/data/{key}"
        size = count * (DTYPES[dtype].itemsize if dtype else 1)
        if key not in storages:
            storages[key] = Storage(key, location, size, archive.read(entry, checked=verify), big)
        held = storages[key].data
        if held is None or held.size != size:
            raise RefusedFileError(path, f"{0 if held is None else held.size} bytes, expected {size}", entry)
        return View(storages[key], dtype, 0, size)

    pickled = archive.read(f"{folder}/data.pkl", MAX_STREAM).tobytes()
    try:
        return _interpret(pickled, Torch(find, make))[0]
    except Refusal as refusal:
        raise RefusedPickleError(path, str(refusal), f"{folder}/data.pkl") from None


def readable(pickled: bytes, make: Arrays | None = None) -> str | None:
    """Why a pickle that is to be written could not be read again; None if it can be."""

    def find(key: str, location: str, dtype: str | None, count: int, view: Any) -> View:
        size = count * (DTYPES[dtype].itemsize if dtype else 1)
        return View(Storage(key, location, size, None), dtype, 0, size)

    try:
        _interpret(pickled, Torch(find, make or Structure()))
    except Refusal as refusal:
        return str(refusal)
    return None


def _interpret(stream: bytes, torch: Torch, at: int = 0, whole: bool = True) -> tuple[Any, int]:
    machine = Machine(stream, torch, at)
    value = machine.run(whole)
    check_tree(value, torch.is_leaf)
    return value, machine.at


def _read_sequence(path: str | PathLike[str], data: Bytes, make: Arrays) -> tuple[Any, int]:
    """The older format: pickles of a magic number, a version, the system, the value and the storages' keys.

    The storages' bytes follow, so that the value is read twice: for the sizes of its storages, and for good.
    """
    stream = data[:MAX_STREAM].tobytes()
    found: dict[str, Storage] = {}
    widths: dict[str, int] = {}

    def find(key: str, location: str, dtype: str | None, count: int, view: Any) -> View:
        width = DTYPES[dtype].itemsize if dtype else 1
        storage = found.setdefault(key, Storage(key, location, count * width, None))
        if storage.size != count * width or widths.setdefault(key, width) != width:
            raise Refusal(f"storage {key[:40]!a} with two sizes")
        if view is None:
            return View(storage, dtype, 0, storage.size)
        numbers = view[1:] if type(view) is tuple and len(view) == 3 else ()
        if not numbers or not all(type(number) is int and 0 <= number < 1 << 60 for number in numbers):
            raise Refusal(f"storage {key[:40]!a} seen in an unknown way")
        begin, size = (number * width for number in numbers)
        if begin + size > storage.size:
            raise Refusal(f"a view beyond the end of storage {key[:40]!a}")
        return View(storage, dtype, begin, size)

    try:
        magic, at = _interpret(stream, Torch(find, Structure()), whole=False)
        version, at = _interpret(stream, Torch(find, Structure()), at, whole=False)
        if (type(magic), magic, type(version), version) != (int, MAGIC, int, PROTOCOL):
            raise Refusal("a protocol other than 1001")
        _, at = _interpret(stream, Torch(find, Structure()), at, whole=False)
        begin = at
        _, at = _interpret(stream, Torch(find, make.structure()), begin, whole=False)
        keys, at = _interpret(stream, Torch(find, Structure()), at, whole=False)
        if type(keys) is not list or not all(type(key) is str for key in keys):
            raise Refusal("no list of the storages' keys")
        if len(set(keys)) != len(keys) or set(keys) != set(found):
            raise Refusal("other storages than the value has")
        for key in keys:
            at = _take_storage(path, data, at, found[key], widths[key])
        return _interpret(stream, Torch(find, make), begin, whole=False)[0], at
    except Refusal as refusal:
        raise RefusedPickleError(path, str(refusal)) from None


def _take_storage(path: str | PathLike[str], data: Bytes, at: int, storage: Storage, width: int) -> int:
    count = int.from_bytes(data[at : at + 8].tobytes(), "little", signed=True)
    end = at + 8 + storage.size
    if count * width != storage.size:
        raise RefusedFileError(path, f"{count} elements, expected {storage.size // width}", storage.key)
    if end > data.size:
        raise RefusedFileError(
            path, f"truncated: {storage.size} bytes are to follow at {at + 8}", storage.key
        )
    storage.data = data[at + 8 : end]
    return end

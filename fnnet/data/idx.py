"""IDX files, the format of MNIST and its relatives; and those datasets from their files."""

from __future__ import annotations

import gzip
import math
import os
import zlib
from os import PathLike
from typing import Any

import numpy as np

from fnnet.checkpoint.refused import RefusedFileError

DTYPES = {8: ">u1", 9: ">i1", 11: ">i2", 12: ">i4", 13: ">f4", 14: ">f8"}
LARGEST = 4 << 30
"""Bytes that the numbers of a file may have."""


def read_idx(path: str | PathLike[str], dims: int | None = None) -> np.ndarray:
    """The array of an IDX file, in this machine's byte order; a name that ends in .gz is decompressed.

    Args:
        path: the file.
        dims: how many dimensions it must have; None for any.

    Raises:
        RefusedFileError: (a ValueError) if it is no IDX file, or has other bytes than its sizes say. No more
            memory is taken than the file fills.
    """
    path = os.fspath(path)
    try:
        with gzip.open(path, "rb") if path.endswith(".gz") else open(path, "rb") as file:
            return _read(path, file, dims)
    except (EOFError, gzip.BadGzipFile, zlib.error) as error:
        raise RefusedFileError(path, f"damaged: {error}") from None


def _read(path: str, file: Any, dims: int | None) -> np.ndarray:
    magic = file.read(4)
    if len(magic) != 4 or magic[:2] != b"\0\0" or magic[2] not in DTYPES or not 1 <= magic[3] <= 3:
        raise RefusedFileError(path, f"not an IDX file: it begins with {magic!r}")
    if dims is not None and magic[3] != dims:
        raise RefusedFileError(path, f"expected {dims} dimensions, got {magic[3]}")
    sizes = file.read(4 * magic[3])
    if len(sizes) != 4 * magic[3]:
        raise RefusedFileError(path, "it ends within its sizes")
    shape = tuple(np.frombuffer(sizes, ">u4").tolist())
    dtype = np.dtype(DTYPES[magic[2]])
    wanted = math.prod(shape) * dtype.itemsize
    if wanted > LARGEST:
        raise RefusedFileError(path, f"sizes {shape} are {wanted} bytes, more than the {LARGEST} allowed")
    parts, have = [], 0
    while have <= wanted and (chunk := file.read(min(1 << 24, wanted + 1 - have))):
        parts.append(chunk)
        have += len(chunk)
    if have != wanted:
        seen = "more" if have > wanted else str(have)
        raise RefusedFileError(path, f"sizes {shape} are {wanted} bytes, but {seen} follow")
    return np.frombuffer(b"".join(parts), dtype).reshape(shape).astype(dtype.newbyteorder("="))


def mnist(root: str | PathLike[str], train: bool = True) -> tuple[np.ndarray, np.ndarray]:
    """The pictures and labels of MNIST, or of a dataset with files of the same names (Fashion-MNIST, KMNIST).

    Args:
        root: the folder that holds `train-images-idx3-ubyte` and the other three, as they are or with .gz.
        train: the training pictures, or the test pictures.

    Returns:
        Pictures, uint8 (rows, height, width), and labels, int32 (rows,).

    Raises:
        FileNotFoundError: if a file is not there; the message says what belongs where.
        RefusedFileError: (a ValueError) for a file that is not what it says.
    """
    arrays = []
    for stem, dims in (("images-idx3-ubyte", 3), ("labels-idx1-ubyte", 1)):
        plain = os.path.join(os.fspath(root), f"{'train' if train else 't10k'}-{stem}")
        found = next((path for path in (plain, plain + ".gz") if os.path.isfile(path)), None)
        if found is None:
            raise FileNotFoundError(
                f"mnist: no {os.path.basename(plain)} in {os.fspath(root)!r}. Get that file with .gz from "
                "https://ossci-datasets.s3.amazonaws.com/mnist/ and put it there"
            )
        array = read_idx(found, dims)
        if array.dtype != np.uint8:
            raise RefusedFileError(found, f"expected uint8, got {array.dtype}")
        arrays.append(array)
    pictures, labels = arrays
    if len(pictures) != len(labels):
        raise RefusedFileError(os.fspath(root), f"{len(pictures)} pictures but {len(labels)} labels")
    return pictures, labels.astype(np.int32)

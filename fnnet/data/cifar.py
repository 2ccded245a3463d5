"""CIFAR-10 and CIFAR-100 from their own files: the python version, and CIFAR-10's binary version.

The files are those of https://www.cs.toronto.edu/~kriz/cifar.html. Nothing is downloaded, and nothing in the
files is executed.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from os import PathLike
from typing import TypeAlias

import numpy as np

from fnnet.checkpoint.refused import RefusedFileError
from fnnet.data.restricted_pickle import LARGEST, read_table

CLASSES = ("plane", "car", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck")

PIXELS = 3 * 32 * 32
ROWS = 10_000
PYTHON_FOLDER, BINARY_FOLDER = "cifar-10-batches-py", "cifar-10-batches-bin"
_Read: TypeAlias = Callable[[str, int], tuple[np.ndarray, np.ndarray]]

_TRAIN = [f"data_batch_{i}" for i in range(1, 6)]


def cifar10(
    root: str | PathLike[str], train: bool = True, rows_per_file: int = ROWS
) -> tuple[np.ndarray, np.ndarray]:
    """The pictures and labels of CIFAR-10.

    Args:
        root: the folder that holds `cifar-10-batches-py` or `cifar-10-batches-bin` (the unpacked archives),
            or one of the two itself.
        train: the 50,000 training pictures, or the 10,000 test pictures.
        rows_per_file: pictures in each file; another number is an error.

    Returns:
        Pictures, uint8 (rows, 3, 32, 32), and labels, int32 (rows,), the numbers of `CLASSES`.

    Raises:
        FileNotFoundError: if the files are not there; the message says what belongs where.
        RefusedFileError: (a ValueError) for a file that is not one of CIFAR-10's.
    """
    names, read = _find(os.fspath(root), train)
    parts = [read(name, rows_per_file) for name in names]
    pictures = np.concatenate([pictures for pictures, _ in parts])
    return pictures, np.concatenate([labels for _, labels in parts])


def has_cifar10(root: str | PathLike[str]) -> bool:
    """Whether `cifar10` would find its files."""
    try:
        for train in (True, False):
            _find(os.fspath(root), train)
    except FileNotFoundError:
        return False
    return True


def _find(root: str, train: bool) -> tuple[list[str], _Read]:
    versions: tuple[tuple[str, list[str], str, _Read], ...] = (
        (PYTHON_FOLDER, _TRAIN if train else ["test_batch"], "", read_python_batch),
        (BINARY_FOLDER, _TRAIN if train else ["test_batch"], ".bin", read_binary_batch),
    )
    missing = ""
    for folder, stems, suffix, read in versions:
        for place in (os.path.join(root, folder), root):
            paths = [os.path.join(place, stem + suffix) for stem in stems]
            there = [path for path in paths if os.path.isfile(path)]
            if len(there) == len(paths):
                return paths, read
            if there:
                missing = f" Of {place}, {len(paths) - len(there)} of {len(paths)} files are missing."
    raise FileNotFoundError(
        f"cifar10: no CIFAR-10 in {root!r}.{missing} Get cifar-10-python.tar.gz or cifar-10-binary.tar.gz "
        f"from https://www.cs.toronto.edu/~kriz/cifar.html and unpack it there, so that "
        f"{os.path.join(root, PYTHON_FOLDER, 'data_batch_1')} or "
        f"{os.path.join(root, BINARY_FOLDER, 'data_batch_1.bin')} exists"
    )


def _read(path: str | PathLike[str]) -> bytes:
    size = os.path.getsize(path)
    if size > LARGEST:
        raise RefusedFileError(path, f"{size} bytes: larger than any of CIFAR-10's files")
    with open(path, "rb") as file:
        return file.read(LARGEST + 1)


def read_rows(path: str | PathLike[str], label_key: str | None = None) -> tuple[np.ndarray, list[int]]:
    """Any file of the python versions: rows of uint8 (rows, 3072), and the label of each.

    `label_key` names the entry of the labels ("labels", "fine_labels", "coarse_labels"); without it, "labels"
    if there is such an entry, else "fine_labels".
    """
    table = read_table(path, _read(path))
    data = table.get("data")
    if not isinstance(data, np.ndarray) or data.ndim != 2 or data.shape[1] != PIXELS:
        seen = data.shape if isinstance(data, np.ndarray) else type(data).__name__
        raise RefusedFileError(path, f"expected uint8 of shape (rows, {PIXELS}), got {seen}", "data")
    key = label_key or ("labels" if "labels" in table else "fine_labels")
    labels = table.get(key)
    if not isinstance(labels, list) or len(labels) != len(data) or any(type(n) is not int for n in labels):
        raise RefusedFileError(path, f"expected a list of {len(data)} integers", key)
    return data, labels


def read_names(path: str | PathLike[str], key: str) -> list[str]:
    """The names of the classes, from batches.meta (key "label_names") or meta ("fine_label_names")."""
    names = read_table(path, _read(path)).get(key)
    if not isinstance(names, list) or not all(isinstance(name, str | bytes) for name in names):
        raise RefusedFileError(path, "expected a list of names", key)
    return [name.decode("latin1") if isinstance(name, bytes) else name for name in names]


def cifar100(
    root: str | PathLike[str], train: bool = True, coarse: bool = False
) -> tuple[np.ndarray, np.ndarray]:
    """The pictures and labels of CIFAR-100: 50,000 to train with, or 10,000 to test with.

    Args:
        root: the folder that holds `cifar-100-python` (the unpacked archive), or that folder itself.
        train: which of the two.
        coarse: labels of the 20 superclasses in place of the 100 classes.

    Returns:
        Pictures, uint8 (rows, 3, 32, 32), and labels, int32 (rows,).

    Raises:
        FileNotFoundError: if the file is not there; the message says what belongs where.
        RefusedFileError: (a ValueError) for a file that is not one of CIFAR-100's.
    """
    root, name = os.fspath(root), "train" if train else "test"
    places = [os.path.join(root, "cifar-100-python", name), os.path.join(root, name)]
    path = next((place for place in places if os.path.isfile(place)), None)
    if path is None:
        raise FileNotFoundError(
            f"cifar100: no CIFAR-100 in {root!r}. Get cifar-100-python.tar.gz from "
            f"https://www.cs.toronto.edu/~kriz/cifar.html and unpack it there, so that {places[0]} exists"
        )
    data, labels = read_rows(path, "coarse_labels" if coarse else "fine_labels")
    return data.reshape(-1, 3, 32, 32), _checked_labels(path, labels, 20 if coarse else 100)


def read_python_batch(path: str | PathLike[str], rows: int = ROWS) -> tuple[np.ndarray, np.ndarray]:
    """One file of the python version (data_batch_1, ..., test_batch): pictures and labels."""
    data, labels = read_rows(path, "labels")
    if len(data) != rows:
        raise RefusedFileError(path, f"expected uint8 of shape {(rows, PIXELS)}, got {data.shape}", "data")
    return data.reshape(rows, 3, 32, 32), _checked_labels(path, labels)


def read_binary_batch(path: str | PathLike[str], rows: int = ROWS) -> tuple[np.ndarray, np.ndarray]:
    """One file of the binary version (data_batch_1.bin, ...): each row a label byte and 3072 colour bytes."""
    wanted = rows * (1 + PIXELS)
    if os.path.getsize(path) != wanted:
        raise RefusedFileError(path, f"{os.path.getsize(path)} bytes, expected {wanted} for {rows} pictures")
    table = np.frombuffer(_read(path), np.uint8).reshape(rows, 1 + PIXELS)
    return table[:, 1:].reshape(rows, 3, 32, 32), _checked_labels(path, table[:, 0])


def _checked_labels(path: str | PathLike[str], labels: object, classes: int = len(CLASSES)) -> np.ndarray:
    try:
        held = np.asarray(labels, np.int32)
    except OverflowError:
        held = np.full(1, -1, np.int32)
    if held.size and not (held.min() >= 0 and held.max() < classes):
        raise RefusedFileError(path, f"a label is not one of 0 .. {classes - 1}", "labels")
    return held

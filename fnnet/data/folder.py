"""Folders of files as a dataset: one folder for each class."""

from __future__ import annotations

import os
from collections.abc import Callable
from os import PathLike

EXTENSIONS = (".jpg", ".jpeg", ".png", ".ppm", ".bmp", ".pgm", ".tif", ".tiff", ".webp")
"""How the names of pictures end."""


def has_extension(name: str, extensions: str | tuple[str, ...] = EXTENSIONS) -> bool:
    """Whether the name ends in one of the extensions, in any case of letters."""
    return name.lower().endswith(extensions if isinstance(extensions, str) else tuple(extensions))


def class_folders(folder: str | PathLike[str]) -> tuple[list[str], dict[str, int]]:
    """The names of the folders in a folder, sorted, and the number of each.

    Raises FileNotFoundError if there are none.
    """
    names = sorted(entry.name for entry in os.scandir(folder) if entry.is_dir())
    if not names:
        raise FileNotFoundError(f"Couldn't find any class folder in {folder}.")
    return names, {name: number for number, name in enumerate(names)}


def class_files(
    folder: str | PathLike[str],
    numbers: dict[str, int] | None = None,
    extensions: str | tuple[str, ...] | None = None,
    is_valid: Callable[[str], bool] | None = None,
    allow_empty: bool = False,
) -> list[tuple[str, int]]:
    """The files below each class's folder, sorted, each with the class's number: what ImageFolder reads.

    Args:
        folder: holds a folder for each class.
        numbers: the number of each class; without it, `class_folders` gives them.
        extensions: how the names of files must end, or
        is_valid: what says of a path whether it counts; one of the two.
        allow_empty: whether a class may have no files.

    Raises:
        ValueError: for empty `numbers`, or if not exactly one of `extensions` and `is_valid` is given.
        FileNotFoundError: for classes without files.
    """
    folder = os.path.expanduser(folder)
    if numbers is None:
        numbers = class_folders(folder)[1]
    elif not numbers:
        raise ValueError("'class_to_index' must have at least one entry to collect any samples.")
    if (extensions is None) == (is_valid is None):
        raise ValueError("Both extensions and is_valid_file cannot be None or not None at the same time")
    found: list[tuple[str, int]] = []
    empty = []
    for name in sorted(numbers):
        before = len(found)
        for place, _, files in sorted(os.walk(os.path.join(folder, name), followlinks=True)):
            for file in sorted(files):
                path = os.path.join(place, file)
                if is_valid(path) if is_valid is not None else has_extension(path, extensions or ()):
                    found.append((path, numbers[name]))
        if len(found) == before:
            empty.append(name)
    if empty and not allow_empty:
        message = f"Found no valid file for the classes {', '.join(sorted(empty))}. "
        if extensions is not None:
            listed = extensions if isinstance(extensions, str) else ", ".join(extensions)
            message += f"Supported extensions are: {listed}"
        raise FileNotFoundError(message)
    return found

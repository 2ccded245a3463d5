"""torchvision.datasets.utils: files fetched, checked, unpacked."""

from __future__ import annotations

import os
from os import PathLike
from typing import Any

from fnnet.data import fetch, unpack

Path = str | PathLike[str]


def calculate_md5(fpath: Path, chunk_size: int = 1024 * 1024) -> str:
    """The MD5 checksum of a file."""
    return fetch.md5_of(fpath)


def check_md5(fpath: Path, md5: str, **kwargs: Any) -> bool:
    """Whether the file has this checksum."""
    return md5 == fetch.md5_of(fpath)


def check_integrity(fpath: Path, md5: str | None = None) -> bool:
    """Whether the file is there and has this checksum, if one is given."""
    return fetch.is_intact(fpath, md5)


def download_url(
    url: str, root: Path, filename: Path | None = None, md5: str | None = None, max_redirect_hops: int = 3
) -> None:
    """Fetch a file into a folder, unless it is there. Raises URLError if it cannot be had."""
    fetch.fetch(url, os.path.join(os.path.expanduser(root), filename or os.path.basename(url)), md5)


def extract_archive(from_path: Path, to_path: Path | None = None, remove_finished: bool = False) -> Any:
    """Unpack an archive, or a compressed file, into a folder; returns the folder, or the file."""
    folder = os.path.dirname(from_path) if to_path is None else os.fspath(to_path)
    suffix, kind, _ = unpack.kind_of(from_path)
    unpack.unpack(from_path, folder)
    if remove_finished:
        os.remove(from_path)
    if kind is None:
        return os.path.join(folder, os.path.basename(from_path).removesuffix(suffix))
    return folder


def download_and_extract_archive(
    url: str,
    download_root: Path,
    extract_root: Path | None = None,
    filename: Path | None = None,
    md5: str | None = None,
    remove_finished: bool = False,
) -> None:
    """Fetch an archive into a folder and unpack it there, or in another."""
    root = os.path.expanduser(download_root)
    filename = filename or os.path.basename(url)
    download_url(url, root, filename, md5)
    extract_archive(os.path.join(root, filename), extract_root or root, remove_finished)


def list_dir(root: Path, prefix: bool = False) -> list[str]:
    """The folders in a folder, with their paths if `prefix`."""
    root = os.path.expanduser(root)
    found = [name for name in os.listdir(root) if os.path.isdir(os.path.join(root, name))]
    return [os.path.join(root, name) for name in found] if prefix else found


def list_files(root: Path, suffix: str | tuple[str, ...], prefix: bool = False) -> list[str]:
    """The files in a folder whose names end so, with their paths if `prefix`."""
    root = os.path.expanduser(root)
    found = [
        name
        for name in os.listdir(root)
        if name.endswith(suffix) and os.path.isfile(os.path.join(root, name))
    ]
    return [os.path.join(root, name) for name in found] if prefix else found


def verify_str_arg(
    value: Any, arg: str | None = None, valid_values: Any = None, custom_msg: str | None = None
) -> Any:
    """The value, if it is one of the strings. Raises ValueError."""
    if not isinstance(value, str):
        of = f" for argument {arg}" if arg is not None else ""
        raise ValueError(f"Expected type str{of}, but got type {type(value)}.")
    if valid_values is not None and value not in valid_values:
        listed = "'" + "', '".join(str(one) for one in valid_values) + "'"
        raise ValueError(
            custom_msg or f"Unknown value '{value}' for argument {arg}. Valid values are {{{listed}}}."
        )
    return value

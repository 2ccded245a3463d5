"""Archives unpacked with care: nothing leaves the folder or grows without bound; no links, no devices."""

from __future__ import annotations

import bz2
import errno
import gzip
import lzma
import os
import stat
import tarfile
import zipfile
import zlib
from collections.abc import Callable, Iterator
from os import PathLike
from typing import IO, Any

from fnnet.checkpoint.atomic import atomically
from fnnet.checkpoint.refused import RefusedFileError

CHUNK = 1 << 20
LARGEST = 64 << 30
"""Bytes that an archive may unpack to unless the caller knows better."""

OPENERS: dict[str, Callable[..., Any]] = {".gz": gzip.open, ".bz2": bz2.open, ".xz": lzma.open}
_TARS = {".tgz": ".gz", ".tbz": ".bz2", ".tbz2": ".bz2"}
_NAMES = (errno.ENAMETOOLONG, errno.ENOTDIR, errno.EISDIR, errno.EEXIST, errno.EILSEQ)
"""Errors that the names in an archive are to blame for. (bz2's of a broken file has no number at all.)"""

_BEYOND = (NotImplementedError, RuntimeError)
"""What zipfile raises for encrypted files, and for methods that it does not know."""

_BROKEN = (tarfile.TarError, zipfile.BadZipFile, EOFError, lzma.LZMAError, zlib.error, gzip.BadGzipFile)


def kind_of(path: str | PathLike[str]) -> tuple[str, str | None, str | None]:
    """By its name: the suffix, whether it is a ".tar" or ".zip" (or None), and how it is compressed.

    Raises RuntimeError, in torchvision's words, for a name that says neither.
    """
    stem, suffix = os.path.splitext(os.fspath(path))
    if not suffix:
        raise RuntimeError(
            f"File '{os.fspath(path)}' has no suffixes that could be used to detect the archive type and "
            "compression."
        )
    if suffix in _TARS:
        return suffix, ".tar", _TARS[suffix]
    if suffix in (".tar", ".zip"):
        return suffix, suffix, None
    if suffix in OPENERS:
        inner = os.path.splitext(stem)[1]
        return (inner + suffix, inner, suffix) if inner in (".tar", ".zip") else (suffix, None, suffix)
    known = sorted({*_TARS, ".tar", ".zip", *OPENERS})
    raise RuntimeError(f"Unknown compression or archive type: '{suffix}'.\nKnown suffixes are: '{known}'.")


def unpack(archive: str | PathLike[str], folder: str | PathLike[str], largest: int = LARGEST) -> None:
    """Unpack a tar or zip archive into a folder, or a compressed file to one of its name without the suffix.

    Raises RefusedFileError (a ValueError) for an entry whose place is outside the folder, that is a link or a
    device, for an archive that is damaged, encrypted or names impossible files, or for more than `largest`
    bytes.
    """
    archive, folder = os.fspath(archive), os.fspath(folder)
    suffix, kind, compression = kind_of(archive)
    os.makedirs(folder, exist_ok=True)
    left = largest
    try:
        if kind is None:
            name = os.path.basename(archive).removesuffix(suffix)
            with OPENERS[suffix](archive, "rb") as source:
                _write(archive, source, os.path.join(folder, name), left)
            return
        for name, is_folder, source in (_tar if kind == ".tar" else _zip)(archive, compression):
            place = _place(archive, folder, name)
            if is_folder:
                os.makedirs(place, exist_ok=True)
                continue
            if os.path.isdir(place):
                raise RefusedFileError(archive, "a folder of that name is there", name)
            os.makedirs(os.path.dirname(place), exist_ok=True)
            with source:
                left -= _write(archive, source, place, left)
    except _BROKEN as error:
        raise RefusedFileError(archive, f"damaged: {error}") from None
    except _BEYOND as error:
        raise RefusedFileError(archive, f"cannot be unpacked: {error}") from None
    except OSError as error:
        if error.errno is not None and error.errno not in _NAMES:
            raise
        raise RefusedFileError(archive, f"damaged: {error}") from None


def _place(archive: str, folder: str, name: str) -> str:
    parts = name.replace("\\", "/").split("/")
    if name.startswith(("/", "\\")) or ".." in parts or ":" in parts[0] or "\0" in name:
        raise RefusedFileError(archive, "its place would be outside the folder", name)
    place = os.path.join(folder, *[part for part in parts if part not in ("", ".")])
    top = os.path.realpath(folder)
    if os.path.commonpath([top, os.path.realpath(place)]) != top:
        raise RefusedFileError(archive, "a link leads its place outside the folder", name)
    return place


def _write(archive: str, source: IO[bytes], place: str, left: int) -> int:
    written = 0
    with atomically(place) as file:
        while chunk := source.read(CHUNK):
            written += len(chunk)
            if written > left:
                raise RefusedFileError(archive, "unpacks to more bytes than are allowed")
            file.write(chunk)
    return written


def _tar(archive: str, compression: str | None) -> Iterator[tuple[str, bool, Any]]:
    how: Any = f"r:{compression[1:]}" if compression else "r:"
    with tarfile.open(archive, how) as tar:
        for member in tar:
            if not (member.isfile() or member.isdir()):
                raise RefusedFileError(archive, "neither a file nor a folder", member.name)
            yield member.name, member.isdir(), None if member.isdir() else tar.extractfile(member)


def _zip(archive: str, compression: str | None) -> Iterator[tuple[str, bool, Any]]:
    with zipfile.ZipFile(archive) as opened:
        for member in opened.infolist():
            mode = member.external_attr >> 16
            if mode and stat.S_IFMT(mode) not in (0, stat.S_IFREG, stat.S_IFDIR):
                raise RefusedFileError(archive, "neither a file nor a folder", member.filename)
            yield member.filename, member.is_dir(), None if member.is_dir() else opened.open(member)

"""Files from the network: fetched, taken up again where they broke off, checked, then put in place."""

from __future__ import annotations

import contextlib
import hashlib
import os
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Sequence
from http.client import HTTPException
from os import PathLike
from typing import Any

CHUNK = 1 << 16
LARGEST = 16 << 30
"""Bytes that a download may have unless the caller knows better."""

PATIENCE = 30.0
"""Seconds to wait for a server that says nothing."""


class DownloadError(urllib.error.URLError, RuntimeError):
    """A file could not be fetched; the message says what to put where by hand."""

    def __str__(self) -> str:
        return str(self.reason)


def md5_of(path: str | PathLike[str]) -> str:
    """The MD5 checksum of a file, in hexadecimal digits."""
    digest = hashlib.md5(usedforsecurity=False)
    with open(path, "rb") as file:
        while chunk := file.read(1 << 20):
            digest.update(chunk)
    return digest.hexdigest()


def is_intact(path: str | PathLike[str], md5: str | None = None) -> bool:
    """Whether the file is there and has this checksum, if one is given."""
    return os.path.isfile(path) and (md5 is None or md5_of(path) == md5)


def fetch(
    urls: str | Sequence[str],
    path: str | PathLike[str],
    md5: str | None = None,
    progress: bool = True,
    largest: int = LARGEST,
) -> None:
    """Fetch a file, from the first of the addresses that gives it, unless it is there already.

    What has come is kept in `path + ".part"`, and another call asks for the rest only. The file is in its
    place when it is whole and has the checksum.

    Raises:
        ValueError: for an address that is neither http nor https.
        DownloadError: (a URLError and a RuntimeError) if no address gives the right file.
    """
    path = os.fspath(path)
    if is_intact(path, md5):
        return
    addresses = [urls] if isinstance(urls, str) else list(urls)
    os.makedirs(os.path.dirname(os.path.abspath(path)), exist_ok=True)
    failures = []
    for address in addresses:
        if not address.startswith(("http://", "https://")):
            raise ValueError(f"fetch: url: expected http:// or https://, got {address!r}")
        try:
            _fetch_one(address, path, md5, progress, largest)
            return
        except (OSError, HTTPException, DownloadError) as error:
            reason = error.reason if isinstance(error, urllib.error.URLError) else error
            failures.append(f"{address}: {reason}")
    advice = f"To go on without a network, get the file elsewhere and save it as {path}"
    checksum = f" (MD5 {md5})" if md5 else ""
    raise DownloadError("cannot download " + "; ".join(failures) + f". {advice}{checksum}.")


def _fetch_one(address: str, path: str, md5: str | None, progress: bool, largest: int) -> None:
    part = path + ".part"
    have = os.path.getsize(part) if os.path.isfile(part) else 0
    headers = {"User-Agent": "fnnet"}
    if have:
        headers["Range"] = f"bytes={have}-"
    try:
        answer = urllib.request.urlopen(urllib.request.Request(address, headers=headers), timeout=PATIENCE)
    except urllib.error.HTTPError as error:
        error.close()
        if not (have and error.code == 416):
            raise
        os.unlink(part)  # longer than the file: not a beginning of it
        _fetch_one(address, path, md5, progress, largest)
        return
    with answer:
        began = answer.headers.get("Content-Range", f"bytes {have}-")
        if have and answer.status == 206 and not began.startswith(f"bytes {have}-"):  # not what was asked for
            os.unlink(part)
            _fetch_one(address, path, md5, progress, largest)
            return
        have = have if answer.status == 206 else 0
        length = answer.headers.get("Content-Length")
        total = have + int(length) if length and length.isdigit() else None
        if total is not None and total > largest:
            raise DownloadError(f"{total} bytes are more than the {largest} that this file may have")
        _copy(answer, part, have, total, largest, os.path.basename(path) if progress else None)
    size = os.path.getsize(part)
    if total is not None and size < total:
        raise DownloadError(
            f"the connection ended after {size} of {total} bytes; the next try takes up there"
        )
    if md5 is not None and md5_of(part) != md5:
        os.unlink(part)
        if have:  # what was there before was no beginning of it
            _fetch_one(address, path, md5, progress, largest)
            return
        raise DownloadError(f"File not found or corrupted. Its checksum is not {md5}")
    os.replace(part, path)


def _copy(answer: Any, part: str, have: int, total: int | None, largest: int, name: str | None) -> None:
    shown = _Bar(name, total)
    with open(part, "ab" if have else "wb") as file:
        while chunk := answer.read(CHUNK):
            have += len(chunk)
            if have > largest:
                file.close()
                os.unlink(part)
                raise DownloadError(f"more than the {largest} bytes that this file may have")
            file.write(chunk)
            shown.at(have)
        file.flush()
        os.fsync(file.fileno())
    shown.end(have)


class _Bar:
    """How far a download is: one line on stderr, renewed where that is a terminal."""

    def __init__(self, name: str | None, total: int | None) -> None:
        self.name, self.total, self.last = name, total, 0.0
        self.live = name is not None and sys.stderr is not None and sys.stderr.isatty()

    def _line(self, have: int) -> str:
        if not self.total:
            return f"{self.name}: {have / 1e6:.1f} MB"
        filled = 30 * have // self.total
        bar = "#" * filled + "." * (30 - filled)
        return f"{self.name}: [{bar}] {have / 1e6:.1f} of {self.total / 1e6:.1f} MB"

    def at(self, have: int) -> None:
        """So many bytes have come."""
        if self.live and time.monotonic() - self.last > 0.1:
            self.last = time.monotonic()
            print("\r" + self._line(have), end="", file=sys.stderr, flush=True)

    def end(self, have: int) -> None:
        """No more will come."""
        if self.name is not None and sys.stderr is not None:
            with contextlib.suppress(OSError):
                print(("\r" if self.live else "") + self._line(have), file=sys.stderr, flush=True)

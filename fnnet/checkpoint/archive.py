"""Zip archives, read strictly: what is in one is known, and known to fit, before a byte of it is used.

Only archives that every reader would understand alike are taken: no encryption, no second entry of a name, no
way out of the archive's folder, no overlaps, nothing behind the directory. Entries that are stored as they
are, as PyTorch stores all of its, are views of the file's bytes.
"""

from __future__ import annotations

import struct
import zlib
from dataclasses import dataclass
from os import PathLike
from typing import Any

import numpy as np

from fnnet.checkpoint.refused import RefusedFileError

MAX_ENTRIES = 1_000_000
MAX_RATIO = 100
SMALL = 1 << 20
"""Bytes, of one entry and of all together, that may have been compressed to any ratio."""

_STORED, _DEFLATED = 0, 8
_ENCRYPTED = 0x0001 | 0x0040 | 0x2000
_WIDE, _WIDE_16 = 0xFFFFFFFF, 0xFFFF
Bytes = np.ndarray[Any, np.dtype[np.uint8]]


@dataclass(frozen=True)
class Entry:
    """What the directory says of an entry."""

    name: str
    method: int
    check: int
    packed: int
    size: int
    header: int


class Archive:
    """The entries of a zip archive by name.

    Args:
        path: for messages.
        data: the file's bytes, memory-mapped for instance.

    Raises:
        RefusedFileError: for an archive that breaks a rule.
    """

    def __init__(self, path: str | PathLike[str], data: Bytes) -> None:
        self.path = path
        self.data = data
        self.entries: dict[str, Entry] = {}
        begin, size, count = self._end_record()
        for entry in self._directory(self._bytes(begin, size), count):
            if entry.name in self.entries:
                raise self.refused("a second entry of this name", entry.name)
            self.entries[entry.name] = entry
        self._places = self._check_places(begin)

    def refused(self, reason: str, entry: str | None = None) -> RefusedFileError:
        """The error to raise."""
        return RefusedFileError(self.path, reason, entry)

    def _bytes(self, begin: int, size: int) -> bytes:
        if not (begin >= 0 and size >= 0 and begin + size <= self.data.size):
            raise self.refused(
                f"{size} bytes at {begin} of a file of {self.data.size}: truncated or not a zip"
            )
        return self.data[begin : begin + size].tobytes()

    def _end_record(self) -> tuple[int, int, int]:
        at = self.data.size - 22
        end = self._bytes(at, 22)
        if end[:4] != b"PK\5\6":
            raise self.refused("no zip directory at the end of the file: truncated, or something follows it")
        disk, first, here, count, size, begin, comment = struct.unpack("<HHHHIIH", end[4:])
        if disk or first or here != count or comment:
            raise self.refused("a zip in several parts or with a comment")
        wide = at >= 20 and self._bytes(at - 20, 4) == b"PK\6\7"
        if wide:
            _, _, at, parts = struct.unpack("<IIQI", self._bytes(at - 20, 20))
            record = self._bytes(at, 56)
            if record[:4] != b"PK\6\6" or parts > 1:
                raise self.refused("a zip64 directory that is not where it is said to be")
            disk, first, here, count_64, size_64, begin_64 = struct.unpack("<IIQQQQ", record[16:])
            narrow = (count, size, begin)
            count, size, begin = count_64, size_64, begin_64
            fits = zip(narrow, (count, size, begin), (_WIDE_16, _WIDE, _WIDE), strict=True)
            if (
                at + 76 != self.data.size - 22
                or disk
                or first
                or here != count
                or any(old not in (new, most) for old, new, most in fits)
            ):
                raise self.refused("a zip64 directory that contradicts itself")
        if begin + size != at:
            raise self.refused("the zip directory does not end where the file does")
        if count > MAX_ENTRIES or size < 46 * count:
            raise self.refused(f"{count} entries in a zip directory of {size} bytes")
        return begin, size, count

    def _directory(self, directory: bytes, count: int) -> list[Entry]:
        entries, at = [], 0
        for _ in range(count):
            head = directory[at : at + 46]
            if len(head) < 46 or head[:4] != b"PK\1\2":
                raise self.refused("the zip directory is damaged")
            flags, method = struct.unpack_from("<HH", head, 8)
            check, packed, size, name_size, extra_size, note_size, disk = struct.unpack_from(
                "<IIIHHHH", head, 16
            )
            (header,) = struct.unpack_from("<I", head, 42)
            name_bytes = directory[at + 46 : at + 46 + name_size]
            extra = directory[at + 46 + name_size : at + 46 + name_size + extra_size]
            at += 46 + name_size + extra_size + note_size
            if at > len(directory):
                raise self.refused("the zip directory is damaged")
            name = self._name(name_bytes)
            if flags & _ENCRYPTED:
                raise self.refused("encrypted", name)
            if method not in (_STORED, _DEFLATED):
                raise self.refused(f"compression method {method}", name)
            size, packed, header, disk = self._wide(name, extra, (size, packed, header, disk))
            if disk:
                raise self.refused("on another disk", name)
            if method == _STORED and size != packed:
                raise self.refused(f"stored {size} bytes as {packed}", name)
            if size > max(SMALL, packed * MAX_RATIO):
                raise self.refused(f"{packed} bytes that would become {size}: an absurd ratio", name)
            entries.append(Entry(name, method, check, packed, size, header))
        packed_sizes = [(entry.packed, entry.size) for entry in entries if entry.method == _DEFLATED]
        packed, size = (sum(sizes) for sizes in zip((0, 0), *packed_sizes, strict=True))
        if size > SMALL + packed * MAX_RATIO:
            raise self.refused(f"{packed} bytes that would become {size}: an absurd ratio")
        if at != len(directory):
            raise self.refused("the zip directory is longer than its entries")
        return entries

    def _name(self, given: bytes) -> str:
        try:
            name = given.decode("utf-8")
        except UnicodeDecodeError:
            raise self.refused(f"the name {given[:60]!r} is not UTF-8") from None
        parts = name.split("/")
        if (
            name.startswith("/")
            or "\\" in name
            or "\0" in name
            or {"..", "."} & set(parts)
            or "" in parts[:-1]
        ):
            raise self.refused("a name that leads elsewhere", name)
        if not name or ":" in parts[0]:
            raise self.refused("a name that leads elsewhere", name)
        return name

    def _wide(self, name: str, extra: bytes, fields: tuple[int, int, int, int]) -> list[int]:
        """Size, packed size, place and disk, taken from the zip64 field where they do not fit."""
        most = (_WIDE, _WIDE, _WIDE, _WIDE_16)
        found, at = list(fields), 0
        while at + 4 <= len(extra):
            kind, length = struct.unpack_from("<HH", extra, at)
            part = extra[at + 4 : at + 4 + length]
            at += 4 + length
            if kind != 1:
                continue
            for i, form in enumerate("QQQI"):
                if fields[i] == most[i] and found[i] == fields[i]:
                    if len(part) < struct.calcsize(form):
                        raise self.refused("a zip64 size is missing", name)
                    (found[i],) = struct.unpack_from("<" + form, part)
                    part = part[struct.calcsize(form) :]
        return found

    def _check_places(self, end: int) -> dict[str, int]:
        """Where every entry's bytes begin; entries, headers included, must not overlap."""
        places: dict[str, int] = {}
        before = 0
        for entry in sorted(self.entries.values(), key=lambda entry: entry.header):
            head = self._bytes(entry.header, 30)
            flags, method = struct.unpack_from("<HH", head, 6)
            name_size, extra_size = struct.unpack_from("<HH", head, 26)
            if head[:4] != b"PK\3\4" or method != entry.method or flags & _ENCRYPTED:
                raise self.refused("its header contradicts the directory", entry.name)
            if self._bytes(entry.header + 30, name_size) != entry.name.encode():
                raise self.refused("its header has another name than the directory", entry.name)
            begin = entry.header + 30 + name_size + extra_size
            if entry.header < before:
                raise self.refused("it overlaps another entry", entry.name)
            if begin + entry.packed > end:
                raise self.refused(f"{entry.packed} bytes at {begin} reach into the directory", entry.name)
            places[entry.name] = begin
            before = begin + entry.packed
        return places

    def read(self, name: str, most: int | None = None, checked: bool = True) -> Bytes:
        """The bytes of an entry: a view of the file if it is stored, a copy if it is compressed.

        Args:
            name: of the entry.
            most: more bytes than this are refused.
            checked: whether its checksum is compared, which reads all of it; compressed entries always are.
        """
        entry = self.entries.get(name)
        if entry is None:
            raise self.refused("missing", name)
        if most is not None and entry.size > most:
            raise self.refused(f"{entry.size} bytes: more than {most}", name)
        begin = self._places[name]
        held = self.data[begin : begin + entry.packed]
        if entry.method == _DEFLATED:
            unpacker = zlib.decompressobj(-15)
            try:
                unpacked = unpacker.decompress(held.tobytes(), entry.size + 1)
            except zlib.error as error:
                raise self.refused(f"not to be decompressed: {error}", name) from None
            if len(unpacked) != entry.size or not unpacker.eof:
                raise self.refused(f"it does not become the {entry.size} bytes that it announces", name)
            held, checked = np.frombuffer(unpacked, np.uint8), True
        if checked and zlib.crc32(held.data) != entry.check:
            raise self.refused("its checksum is wrong", name)
        return held

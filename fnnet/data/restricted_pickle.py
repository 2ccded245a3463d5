"""The pickle streams of CIFAR-10's python version, read by a fixed set of opcodes that can execute nothing.

What a stream can build here: dicts, lists, tuples, numbers, strings, bytes, None, booleans, and arrays of
    uint8. The
names that NumPy's own pickles use for an array are recognised as words; nothing is imported or called.
"""

from __future__ import annotations

import math
import struct
from collections.abc import Callable
from os import PathLike
from typing import Any

import numpy as np

from fnnet.checkpoint.refused import RefusedFileError

_RECONSTRUCT = "numpy._reconstruct"
_NDARRAY = "numpy.ndarray"
_DTYPE = "numpy.dtype"
_ENCODE = "_codecs.encode"

_NAMES = {
    ("numpy.core.multiarray", "_reconstruct"): _RECONSTRUCT,
    ("numpy._core.multiarray", "_reconstruct"): _RECONSTRUCT,
    ("numpy", "ndarray"): _NDARRAY,
    ("numpy", "dtype"): _DTYPE,
    ("_codecs", "encode"): _ENCODE,
}


class _Name:
    """A global name that the stream mentioned; a word, not the thing."""

    def __init__(self, word: str) -> None:
        self.word = word


class _Array:
    """An array of uint8: first only announced, then with its shape and bytes."""

    def __init__(self) -> None:
        self.value: np.ndarray | None = None


class _Bytes8:
    """The dtype uint8."""


class _Refusal(Exception):
    """Why the stream is refused."""


_MARK = object()


class _Machine:
    """A stack, a memo, and the opcodes."""

    def __init__(self, stream: bytes) -> None:
        self.stream = stream
        self.at = 0
        self.stack: list[Any] = []
        self.memo: dict[int, Any] = {}

    def take(self, count: int) -> bytes:
        if count > len(self.stream) - self.at:
            raise _Refusal(f"{count} bytes are announced at {self.at}, {len(self.stream) - self.at} are left")
        part = self.stream[self.at : self.at + count]
        self.at += count
        return part

    def number(self, form: str) -> int:
        return int(struct.unpack(form, self.take(struct.calcsize(form)))[0])

    def line(self) -> str:
        end = self.stream.find(b"\n", self.at, self.at + 200)
        if end < 0:
            raise _Refusal(f"a line at {self.at} does not end")
        text = self.take(end + 1 - self.at)[:-1]
        return text.decode("latin1")

    def pop(self) -> Any:
        if not self.stack or self.stack[-1] is _MARK:
            raise _Refusal(f"nothing is left on the stack at {self.at}")
        return self.stack.pop()

    def pop_to_mark(self) -> list[Any]:
        items: list[Any] = []
        while self.stack:
            item = self.stack.pop()
            if item is _MARK:
                return items[::-1]
            items.append(item)
        raise _Refusal(f"no mark on the stack at {self.at}")

    def top(self, kind: type) -> Any:
        if not self.stack or not isinstance(self.stack[-1], kind):
            raise _Refusal(f"no {kind.__name__} on the stack at {self.at}")
        return self.stack[-1]

    def remember(self, index: int) -> None:
        item = self.pop()
        self.stack.append(item)
        self.memo[index] = item

    def recall(self, index: int) -> None:
        if index not in self.memo:
            raise _Refusal(f"memo {index} is asked for before it is set")
        self.stack.append(self.memo[index])

    def name(self, module: Any, attribute: Any) -> None:
        word = (
            _NAMES.get((module, attribute))
            if isinstance(module, str) and isinstance(attribute, str)
            else None
        )
        if word is None:
            raise _Refusal(f"it names {str(module)[:40]}.{str(attribute)[:40]}, which no such file needs")
        self.stack.append(_Name(word))

    def set_items(self, items: list[Any]) -> None:
        table = self.top(dict)
        if len(items) % 2:
            raise _Refusal("a dict has a key without a value")
        for key, value in zip(items[::2], items[1::2], strict=True):
            if not isinstance(key, str | bytes | int):
                raise _Refusal(f"a dict has a key of type {type(key).__name__}")
            table[key] = value

    def reduce(self) -> None:
        arguments, called = self.pop(), self.pop()
        word = called.word if isinstance(called, _Name) else None
        values = arguments if isinstance(arguments, tuple) else ()
        if word == _RECONSTRUCT and len(values) == 3 and isinstance(values[0], _Name):
            if values[0].word == _NDARRAY and values[1] == (0,) and values[2] in (b"b", "b"):
                self.stack.append(_Array())
                return
        elif word == _DTYPE and len(values) == 3 and values[0] in ("u1", b"u1"):
            self.stack.append(_Bytes8())
            return
        elif word == _ENCODE and len(values) == 2 and isinstance(values[0], str) and values[1] == "latin1":
            try:
                self.stack.append(values[0].encode("latin1"))
            except UnicodeEncodeError:
                raise _Refusal("text that stands for bytes has other characters") from None
            return
        raise _Refusal(f"a call at {self.at} that is no part of an array of uint8")

    def build(self) -> None:
        state, built = self.pop(), self.pop()
        if isinstance(built, _Bytes8) and isinstance(state, tuple):
            self.stack.append(built)
            return
        if not (isinstance(built, _Array) and isinstance(state, tuple) and len(state) == 5):
            raise _Refusal(f"a state at {self.at} that is not an array's")
        _, shape, dtype, fortran, data = state
        sizes = isinstance(shape, tuple) and all(type(n) is int and n >= 0 for n in shape)
        if not (sizes and len(shape) <= 4 and isinstance(dtype, _Bytes8) and not fortran):
            raise _Refusal("an array is not of uint8 in C order")
        if not isinstance(data, bytes) or len(data) != math.prod(shape):
            raise _Refusal("an array has other bytes than its shape says")
        built.value = np.frombuffer(data, np.uint8).reshape(shape)
        self.stack.append(built)

    def run(self) -> Any:
        while True:
            code = self.take(1)
            if code == b".":
                result = self.pop()
                if self.stack or self.at != len(self.stream):
                    raise _Refusal("something is left after the end")
                return result
            operation = _OPCODES.get(code)
            if operation is None:
                raise _Refusal(f"opcode {code!r} at {self.at - 1}, which no such file needs")
            operation(self)


def _push(value: Callable[[_Machine], Any]) -> Callable[[_Machine], None]:
    return lambda m: m.stack.append(value(m))


def _text(form: str) -> Callable[[_Machine], None]:
    def read(m: _Machine) -> str:
        try:
            return m.take(m.number(form)).decode("utf-8", "surrogatepass")
        except UnicodeDecodeError:
            raise _Refusal(f"text at {m.at} is not UTF-8") from None

    return _push(read)


def _bytes(form: str) -> Callable[[_Machine], None]:
    def read(m: _Machine) -> bytes:
        count = m.number(form)
        if count < 0:
            raise _Refusal(f"a negative length at {m.at}")
        return m.take(count)

    return _push(read)


def _tuple(count: int) -> Callable[[_Machine], None]:
    return lambda m: m.stack.append(tuple([m.pop() for _ in range(count)][::-1]))


def _long(m: _Machine) -> int:
    return int.from_bytes(m.take(min(m.number("<B"), 9)), "little", signed=True)


def _protocol(m: _Machine) -> None:
    if not 2 <= m.number("<B") <= 5:
        raise _Refusal("a pickle protocol other than 2 to 5")


def _skip_frame(m: _Machine) -> None:
    m.take(8)


def _stack_global(m: _Machine) -> None:
    attribute, module = m.pop(), m.pop()
    m.name(module, attribute)


def _global(m: _Machine) -> None:
    module = m.line()
    m.name(module, m.line())


def _set_item(m: _Machine) -> None:
    value, key = m.pop(), m.pop()
    m.set_items([key, value])


def _append(m: _Machine) -> None:
    item = m.pop()
    m.top(list).append(item)


def _extend(m: _Machine) -> None:
    items = m.pop_to_mark()
    m.top(list).extend(items)


_OPCODES: dict[bytes, Callable[[_Machine], None]] = {
    b"\x80": _protocol,
    b"\x95": _skip_frame,
    b"(": lambda m: m.stack.append(_MARK),
    b"}": _push(lambda m: {}),
    b"]": _push(lambda m: []),
    b")": _push(lambda m: ()),
    b"N": _push(lambda m: None),
    b"\x88": _push(lambda m: True),
    b"\x89": _push(lambda m: False),
    b"J": _push(lambda m: m.number("<i")),
    b"K": _push(lambda m: m.number("<B")),
    b"M": _push(lambda m: m.number("<H")),
    b"\x8a": _push(_long),
    b"U": _bytes("<B"),
    b"T": _bytes("<i"),
    b"C": _bytes("<B"),
    b"B": _bytes("<I"),
    b"\x8e": _bytes("<Q"),
    b"X": _text("<I"),
    b"\x8c": _text("<B"),
    b"t": _push(lambda m: tuple(m.pop_to_mark())),
    b"\x85": _tuple(1),
    b"\x86": _tuple(2),
    b"\x87": _tuple(3),
    b"q": lambda m: m.remember(m.number("<B")),
    b"r": lambda m: m.remember(m.number("<I")),
    b"\x94": lambda m: m.remember(len(m.memo)),
    b"h": lambda m: m.recall(m.number("<B")),
    b"j": lambda m: m.recall(m.number("<I")),
    b"a": _append,
    b"e": _extend,
    b"s": _set_item,
    b"u": lambda m: m.set_items(m.pop_to_mark()),
    b"c": _global,
    b"\x93": _stack_global,
    b"R": lambda m: m.reduce(),
    b"b": lambda m: m.build(),
}


def read_table(path: str | PathLike[str], stream: bytes) -> dict[str, Any]:
    """The dict that the stream of the file `path` holds; its keys as text.

    Values are plain, or arrays of uint8. Raises RefusedFileError for anything else.
    """
    try:
        table = _Machine(stream).run()
    except _Refusal as refusal:
        raise RefusedFileError(path, str(refusal)) from None
    if not isinstance(table, dict):
        raise RefusedFileError(path, f"it holds a {type(table).__name__}, expected a dict")
    plain = {}
    for key, value in table.items():
        name = key.decode("latin1") if isinstance(key, bytes) else str(key)
        plain[name] = value.value if isinstance(value, _Array) else value
    return plain

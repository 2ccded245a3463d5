"""Pickle streams, read by a fixed set of opcodes that can execute nothing.

A `Machine` builds dicts, lists, tuples, sets, numbers, strings, bytes, None and booleans. What the names in a
stream stand for, and what becomes of a call with them, is said by a `Vocabulary`: a name is a word to be
looked up there, and nothing is ever imported. The formats that use pickle (PyTorch's checkpoints, CIFAR-10's
files) differ in their vocabularies alone.
"""

from __future__ import annotations

import struct
from collections import Counter, OrderedDict, defaultdict, deque
from collections.abc import Callable, Iterable, Mapping
from typing import Any, ClassVar

MAX_STREAM = 64 * 1024 * 1024
"""Bytes of one stream; what a file says beside its arrays is far smaller."""
MAX_OPERATIONS = 20_000_000
MAX_DEPTH = 200
MAX_LINE = 200
MAX_TUPLE_KEYS = 1000
"""Tuples as keys: few, since their hashes can be made to collide."""


class Refusal(Exception):
    """Why a stream is refused; the reader adds which file and which entry."""


class Name:
    """A global name that the stream mentioned; a word, not the thing."""

    __slots__ = ("word",)

    def __init__(self, word: str) -> None:
        self.word = word


class Vocabulary:
    """The names that a format uses, and what is built with them. The base class knows none."""

    names: ClassVar[Mapping[tuple[str, str], str]] = {}
    needs = "which no such file needs"
    longest = MAX_STREAM
    budget = 0

    def spend(self, amount: int) -> None:
        """Count what a call copies: one long string may be mentioned many times at a few bytes each.

        A machine sets the budget by the length of its stream.
        """
        self.budget -= amount
        if self.budget < 0:
            raise Refusal("its calls copy far more than the stream holds")

    def name(self, module: str, attribute: str) -> Any:
        """What a global name stands for."""
        word = self.names.get((module, attribute))
        if word is None:
            raise Refusal(f"it names {f'{module[:80]}.{attribute[:80]}'!a}, {self.needs}")
        return Name(word)

    def call(self, word: str, arguments: tuple[Any, ...]) -> Any:
        """The result of a call."""
        raise Refusal(f"a call of {word}, {self.needs}")

    def apply(self, thing: Any, arguments: tuple[Any, ...]) -> Any:
        """The result of a call of what `name` gave other than a word."""
        raise Refusal("a call of something that is no name")

    def new(self, kind: Any, arguments: tuple[Any, ...]) -> Any:
        """An object of a class."""
        raise Refusal(f"an object, {self.needs}")

    def build(self, built: Any, state: Any) -> Any:
        """An object that has been given its state."""
        raise Refusal(f"a state for a {type(built).__name__}, {self.needs}")

    def persistent(self, given: Any) -> Any:
        """What a persistent id stands for."""
        raise Refusal(f"a persistent id, {self.needs}")


_MARK = object()
_DICTS = (dict, OrderedDict, Counter, defaultdict)
_LISTS = (list, deque)


class Machine:
    """A stack, a memo, and the opcodes."""

    def __init__(self, stream: bytes, vocabulary: Vocabulary, at: int = 0) -> None:
        if len(stream) > vocabulary.longest:
            raise Refusal(f"a pickle of {len(stream)} bytes: more than {vocabulary.longest}")
        self.stream = stream
        self.vocabulary = vocabulary
        vocabulary.budget = 4 * len(stream) + 1000
        self.at = at
        self.stack: list[Any] = []
        self.memo: dict[int, Any] = {}
        self.tuple_keys = 0

    def take(self, count: int) -> bytes:
        if not 0 <= count <= len(self.stream) - self.at:
            raise Refusal(f"{count} bytes are announced at {self.at}, {len(self.stream) - self.at} are left")
        part = self.stream[self.at : self.at + count]
        self.at += count
        return part

    def number(self, form: str) -> int:
        return int(struct.unpack(form, self.take(struct.calcsize(form)))[0])

    def line(self) -> str:
        end = self.stream.find(b"\n", self.at, self.at + MAX_LINE)
        if end < 0:
            raise Refusal(f"a line at {self.at} does not end")
        text = self.take(end + 1 - self.at)[:-1]
        return text.decode("latin1")

    def pop(self) -> Any:
        if not self.stack or self.stack[-1] is _MARK:
            raise Refusal(f"nothing is left on the stack at {self.at}")
        return self.stack.pop()

    def pop_to_mark(self) -> list[Any]:
        items: list[Any] = []
        while self.stack:
            item = self.stack.pop()
            if item is _MARK:
                return items[::-1]
            items.append(item)
        raise Refusal(f"no mark on the stack at {self.at}")

    def top(self, *kinds: type) -> Any:
        if not self.stack or type(self.stack[-1]) not in kinds:
            raise Refusal(f"no {kinds[0].__name__} on the stack at {self.at}")
        return self.stack[-1]

    def remember(self, index: int) -> None:
        item = self.pop()
        self.stack.append(item)
        self.memo[index] = item

    def recall(self, index: int) -> None:
        if index not in self.memo:
            raise Refusal(f"memo {index} is asked for before it is set")
        self.stack.append(self.memo[index])

    def name(self, module: Any, attribute: Any) -> None:
        if not (isinstance(module, str) and isinstance(attribute, str)):
            raise Refusal(f"a name at {self.at} that is no text")
        self.stack.append(self.vocabulary.name(module, attribute))

    def key(self, key: Any) -> Any:
        """A key, if hashing and comparing it is cheap whoever chose it."""
        if type(key) is tuple and len(key) <= 8:
            self.tuple_keys += 1
            if self.tuple_keys > MAX_TUPLE_KEYS:
                raise Refusal(f"more than {MAX_TUPLE_KEYS} tuples as keys")
            parts: Iterable[Any] = key
        else:
            parts = (key,)
        check_keys(parts)
        return key

    def set_items(self, items: list[Any]) -> None:
        table = self.top(*_DICTS)
        if len(items) % 2:
            raise Refusal("a dict has a key without a value")
        for key, value in zip(items[::2], items[1::2], strict=True):
            table[self.key(key)] = value

    def add_items(self, items: list[Any]) -> None:
        held = self.top(set)
        held.update([self.key(item) for item in items])

    def reduce(self) -> None:
        arguments, called = self.pop(), self.pop()
        if type(arguments) is not tuple:
            raise Refusal(f"a call at {self.at} with arguments that are none")
        if isinstance(called, Name):
            self.stack.append(self.vocabulary.call(called.word, arguments))
        else:
            self.stack.append(self.vocabulary.apply(called, arguments))

    def new(self) -> None:
        arguments, kind = self.pop(), self.pop()
        if type(arguments) is not tuple:
            raise Refusal(f"an object at {self.at} of arguments that are none")
        self.stack.append(self.vocabulary.new(kind, arguments))

    def build(self) -> None:
        state, built = self.pop(), self.pop()
        self.stack.append(self.vocabulary.build(built, state))

    def run(self, whole: bool = True) -> Any:
        """The value of the stream, which must end there if `whole`; `at` is behind it afterwards."""
        for _ in range(MAX_OPERATIONS):
            code = self.take(1)
            if code == b".":
                result = self.pop()
                if self.stack or (whole and self.at != len(self.stream)):
                    raise Refusal("something is left after the end")
                return result
            operation = _OPCODES.get(code)
            if operation is None:
                raise Refusal(f"opcode {code!r} at {self.at - 1}, {self.vocabulary.needs}")
            operation(self)
        raise Refusal(f"more than {MAX_OPERATIONS} operations")


def check_keys(keys: Iterable[Any]) -> None:
    """Refuse keys that are not plain, or are integers so long that many of them could share a hash."""
    for key in keys:
        if not (key is None or type(key) in (str, bytes, bool, float, int)):
            raise Refusal(f"a key of type {type(key).__name__}")
        if type(key) is int and not -(1 << 63) <= key < 1 << 64:
            raise Refusal("a key that is an integer of more than 64 bits")


def check_members(keys: list[Any]) -> None:
    """Refuse as `check_keys` does, but let some be short tuples of what it takes."""
    tuples = [key for key in keys if type(key) is tuple]
    if len(tuples) > MAX_TUPLE_KEYS or any(len(one) > 8 for one in tuples):
        raise Refusal(f"more than {MAX_TUPLE_KEYS} tuples, or longer ones than of 8, as keys")
    check_keys(part for key in keys for part in (key if type(key) is tuple else (key,)))


def check_tree(root: Any, is_leaf: Callable[[Any], bool]) -> int:
    """Refuse a value that contains itself, is nested too deeply, or is too large when written out.

    Containers may be shared, so that a few bytes can stand for a tree that nobody can walk to its end.
    Returns how many values were looked at.
    """
    looked = 0
    known: dict[int, tuple[int, int]] = {}  # leaves and depth below a container
    opened: set[int] = set()
    pending: list[tuple[Any, bool]] = [(root, False)]
    while pending:
        node, done = pending.pop()
        looked += 1
        children = _children(node)
        if children is None:
            if not is_leaf(node):
                raise Refusal(f"a {type(node).__name__} that is no value by itself")
            continue
        if done:
            opened.discard(id(node))
            below = [known[id(child)] for child in children if id(child) in known]
            count = 1 + len(children) - len(below) + sum(size for size, _ in below)
            depth = 1 + max((depth for _, depth in below), default=0)
            if depth > MAX_DEPTH:
                raise Refusal(f"nested more than {MAX_DEPTH} deep")
            if count > MAX_OPERATIONS:
                raise Refusal("containers shared so often that they would be too large written out")
            known[id(node)] = (count, depth)
        elif id(node) in opened:
            raise Refusal("a container that contains itself")
        elif id(node) not in known:
            opened.add(id(node))
            if len(opened) > MAX_DEPTH:
                raise Refusal(f"nested more than {MAX_DEPTH} deep")
            pending.append((node, True))
            pending.extend((child, False) for child in children)
    return looked


def _children(node: Any) -> list[Any] | None:
    if isinstance(node, dict):
        return list(node.values())
    return list(node) if isinstance(node, list | tuple | deque) else None


def _push(value: Callable[[Machine], Any]) -> Callable[[Machine], None]:
    return lambda m: m.stack.append(value(m))


def _text(form: str) -> Callable[[Machine], None]:
    def read(m: Machine) -> str:
        try:
            return m.take(m.number(form)).decode("utf-8", "surrogatepass")
        except UnicodeDecodeError:
            raise Refusal(f"text at {m.at} is not UTF-8") from None

    return _push(read)


def _bytes(form: str) -> Callable[[Machine], None]:
    return _push(lambda m: m.take(m.number(form)))


def _tuple(count: int) -> Callable[[Machine], None]:
    return lambda m: m.stack.append(tuple([m.pop() for _ in range(count)][::-1]))


def _long(m: Machine) -> int:
    return int.from_bytes(m.take(m.number("<B")), "little", signed=True)


def _float(m: Machine) -> float:
    return float(struct.unpack(">d", m.take(8))[0])


def _protocol(m: Machine) -> None:
    if not 2 <= m.number("<B") <= 5:
        raise Refusal("a pickle protocol other than 2 to 5")


def _skip_frame(m: Machine) -> None:
    m.take(8)


def _stack_global(m: Machine) -> None:
    attribute, module = m.pop(), m.pop()
    m.name(module, attribute)


def _global(m: Machine) -> None:
    module = m.line()
    m.name(module, m.line())


def _set_item(m: Machine) -> None:
    value, key = m.pop(), m.pop()
    m.set_items([key, value])


def _append(m: Machine) -> None:
    item = m.pop()
    m.top(*_LISTS).append(item)


def _extend(m: Machine) -> None:
    items = m.pop_to_mark()
    m.top(*_LISTS).extend(items)


_OPCODES: dict[bytes, Callable[[Machine], None]] = {
    b"\x80": _protocol,
    b"\x95": _skip_frame,
    b"(": lambda m: m.stack.append(_MARK),
    b"}": _push(lambda m: {}),
    b"]": _push(lambda m: []),
    b")": _push(lambda m: ()),
    b"\x8f": _push(lambda m: set()),
    b"N": _push(lambda m: None),
    b"\x88": _push(lambda m: True),
    b"\x89": _push(lambda m: False),
    b"J": _push(lambda m: m.number("<i")),
    b"K": _push(lambda m: m.number("<B")),
    b"M": _push(lambda m: m.number("<H")),
    b"\x8a": _push(_long),
    b"\x8b": _push(lambda m: int.from_bytes(m.take(m.number("<i")), "little", signed=True)),
    b"G": _push(_float),
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
    b"\x90": lambda m: m.add_items(m.pop_to_mark()),
    b"c": _global,
    b"\x93": _stack_global,
    b"R": lambda m: m.reduce(),
    b"\x81": lambda m: m.new(),
    b"b": lambda m: m.build(),
    b"Q": lambda m: m.stack.append(m.vocabulary.persistent(m.pop())),
}

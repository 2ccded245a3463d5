"""Values of the standard library that a pickle may hold beside containers, made of checked arguments.

Each is only a value: making one opens, imports and runs nothing, and takes no more memory than its arguments.
"""

from __future__ import annotations

import collections
import datetime
import decimal
import fractions
import pathlib
from collections.abc import Callable
from typing import Any

from fnnet.checkpoint.pickle_stream import Refusal

_MOST_DIGITS = 1000


def _integers(arguments: tuple[Any, ...]) -> bool:
    return all(type(one) is int and abs(one) < 1 << 63 for one in arguments)


def _deque(arguments: tuple[Any, ...]) -> Any:
    if len(arguments) > 2 or (arguments and not (type(arguments[0]) in (list, tuple) and not arguments[0])):
        raise ValueError
    most = arguments[1] if len(arguments) == 2 else None
    if not (most is None or (_integers((most,)) and most >= 0)):
        raise ValueError
    return collections.deque(maxlen=most)


def _defaultdict(arguments: tuple[Any, ...]) -> Any:
    known = (None, *TYPES.values())
    if len(arguments) > 1 or not all(any(given is one for one in known) for given in arguments):
        raise ValueError
    return collections.defaultdict(*arguments)


def _range(arguments: tuple[Any, ...]) -> range:
    if not (len(arguments) in (1, 2, 3) and _integers(arguments)):
        raise ValueError
    return range(*arguments)


def _slice(arguments: tuple[Any, ...]) -> slice:
    if not (len(arguments) == 3 and all(one is None or _integers((one,)) for one in arguments)):
        raise ValueError
    return slice(*arguments)


def _time(kind: Any) -> Callable[[tuple[Any, ...]], Any]:
    def make(arguments: tuple[Any, ...]) -> Any:
        state, *zone = arguments
        if type(state) is not bytes or len(state) > 10:
            raise ValueError
        if len(zone) > 1 or not all(type(one) is datetime.timezone for one in zone):
            raise ValueError
        return kind(state, *zone)

    return make


def _timedelta(arguments: tuple[Any, ...]) -> Any:
    if not (len(arguments) <= 3 and _integers(arguments)):
        raise ValueError
    return datetime.timedelta(*arguments)


def _timezone(arguments: tuple[Any, ...]) -> Any:
    offset, *name = arguments
    if type(offset) is not datetime.timedelta or not all(type(one) is str for one in name):
        raise ValueError
    return datetime.timezone(offset, *name)


def _digits(kind: Any) -> Callable[[tuple[Any, ...]], Any]:
    def make(arguments: tuple[Any, ...]) -> Any:
        if kind is fractions.Fraction and len(arguments) == 2 and _integers(arguments):
            return kind(*arguments)
        (text,) = arguments
        if type(text) is not str or len(text) > _MOST_DIGITS:
            raise ValueError
        if kind is fractions.Fraction and not text.removeprefix("-").replace("/", "", 1).isdigit():
            raise ValueError  # 1e999999999 would be as long as it says
        return kind(text)

    return make


def _path(kind: Any) -> Callable[[tuple[Any, ...]], Any]:
    def make(arguments: tuple[Any, ...]) -> Any:
        if not all(type(part) is str for part in arguments):
            raise ValueError
        return kind(*arguments)

    return make


TYPES: dict[tuple[str, str], Any] = {
    **{
        (module, kind.__name__): kind
        for module in ("builtins", "__builtin__")
        for kind in (bool, int, float, complex, str, bytes, list, tuple, dict, set, frozenset)
    },
    ("collections", "OrderedDict"): collections.OrderedDict,
    ("__builtin__", "unicode"): str,
    ("__builtin__", "long"): int,
}
"""Types that a defaultdict may call for a key that it lacks; anywhere else they are only named."""

SINGLE: dict[tuple[str, str], Any] = {
    (module, name): value
    for module in ("builtins", "__builtin__")
    for name, value in (("Ellipsis", ...), ("NotImplemented", NotImplemented))
}

_MADE: dict[tuple[str, str], Callable[[tuple[Any, ...]], Any]] = {
    ("collections", "deque"): _deque,
    ("collections", "defaultdict"): _defaultdict,
    ("builtins", "range"): _range,
    ("__builtin__", "xrange"): _range,
    ("builtins", "slice"): _slice,
    ("__builtin__", "slice"): _slice,
    ("datetime", "datetime"): _time(datetime.datetime),
    ("datetime", "date"): _time(datetime.date),
    ("datetime", "time"): _time(datetime.time),
    ("datetime", "timedelta"): _timedelta,
    ("datetime", "timezone"): _timezone,
    ("decimal", "Decimal"): _digits(decimal.Decimal),
    ("fractions", "Fraction"): _digits(fractions.Fraction),
    **{
        (module, kind.__name__): _path(kind)
        for module in ("pathlib", "pathlib._local")
        for kind in (pathlib.PurePosixPath, pathlib.PureWindowsPath, type(pathlib.Path()))
    },
}
"""What is made, and how, by the name that pickles have for its type."""


def is_made(module: str, name: str) -> bool:
    """Whether a call of this name makes such a value."""
    return (module, name) in _MADE


def made(module: str, name: str, arguments: tuple[Any, ...]) -> Any:
    """The value. Raises Refusal for arguments with which no pickle of such a value calls."""
    try:
        return _MADE[module, name](arguments)
    except (ValueError, TypeError, OverflowError, ArithmeticError):
        raise Refusal(f"a {module}.{name} that is not described as such values are") from None

"""torch.torch_version: the version as a text that compares as versions do."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from typing import Any

__all__ = ["TorchVersion"]

_FORM = re.compile(
    r"v?(?:(?P<epoch>\d+)!)?(?P<release>\d+(?:\.\d+)*)"
    r"(?:[-_.]?(?P<pre>alpha|a|beta|b|preview|pre|c|rc)[-_.]?(?P<pre_number>\d*))?"
    r"(?P<post>(?:-(?P<post_short>\d+))|(?:[-_.]?(?:post|rev|r)[-_.]?(?P<post_number>\d*)))?"
    r"(?P<dev>[-_.]?dev[-_.]?(?P<dev_number>\d*))?"
    r"(?:\+(?P<local>[a-z0-9]+(?:[-_.][a-z0-9]+)*))?",
    re.IGNORECASE,
)
"""How versions are written (PEP 440)."""
_BEFORE = {"alpha": "a", "beta": "b", "preview": "rc", "pre": "rc", "c": "rc"}
_LAST = (1,)
"""Comes after every number."""


def _order(text: str) -> tuple[Any, ...] | None:
    """What versions are compared by (PEP 440); None if the text is no version."""
    found = _FORM.fullmatch(text.strip())
    if found is None:
        return None
    release = [int(part) for part in found["release"].split(".")]
    while release and release[-1] == 0:
        release.pop()
    develops, follows = found["dev"] is not None, found["post"] is not None
    if found["pre"] is not None:
        name = found["pre"].lower()
        before: tuple[Any, ...] = (0, _BEFORE.get(name, name), int(found["pre_number"] or 0))
    else:  # 1.0.dev1 comes before 1.0a1, and 1.0.post1 after 1.0
        before = (-1,) if develops and not follows else _LAST
    after = int(found["post_short"] or found["post_number"] or 0) if follows else -1
    dev: tuple[Any, ...] = (0, int(found["dev_number"] or 0)) if develops else _LAST
    parts = re.split(r"[-_.]", found["local"].lower()) if found["local"] else []
    local = [(1, int(part), "") if part.isdigit() else (0, 0, part) for part in parts]
    return (int(found["epoch"] or 0), release, before, after, dev, bool(parts), local)


def _text(other: Any) -> str | None:
    """A version, a text or the numbers of one, as a text; None for anything else."""
    if isinstance(other, str):
        return other
    if isinstance(other, Iterable):
        return ".".join(map(str, other))
    return str(other) if hasattr(other, "release") else None  # a Version of the package packaging


def _comparison(name: str) -> Callable[[Any, Any], Any]:
    def compare(self: Any, other: Any) -> Any:
        text = _text(other)
        mine, theirs = _order(str(self)), None if text is None else _order(text)
        if mine is None or theirs is None:
            return getattr(str, name)(self, other)
        return getattr(tuple, name)(mine, theirs)

    compare.__name__ = name
    return compare


class TorchVersion(str):
    """A text that compares with versions, texts and sequences of numbers: `torch.__version__ >= (2, 1)`.

    What is no version is compared as text.
    """

    __slots__ = ()

    __lt__ = _comparison("__lt__")
    __le__ = _comparison("__le__")
    __eq__ = _comparison("__eq__")
    __ge__ = _comparison("__ge__")
    __gt__ = _comparison("__gt__")
    __hash__ = str.__hash__

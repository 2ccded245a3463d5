"""A source of draws chosen for a while, in place of the default generator.

Inside a pure function there is no hidden state to draw from: noise comes from the JAX key (or what else
`fnnet.random.as_source` takes) that the function was given, and without one drawing is an error.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from typing import Any

import jax
import numpy as np

from fnnet.torch.captured import TRANSFORMS

_SOURCES: list[Any] = []


class Refusing:
    """A source that raises the given error whatever is drawn."""

    def __init__(self, message: str) -> None:
        self._message = message

    def __getattr__(self, name: str) -> Any:
        raise RuntimeError(self._message)


@contextlib.contextmanager
def drawing_from(source: Any) -> Iterator[None]:
    """Let every draw without a generator of its own come from `source`; None is the default generator."""
    _SOURCES.append(source)
    try:
        yield
    finally:
        _SOURCES.pop()


def chosen_source() -> Any:
    """The source chosen now, or None if draws come from the default generator."""
    return _SOURCES[-1] if _SOURCES else None


def source_for(generator: Any, *arrays: Any) -> Any:
    """The source for a draw that depends on arrays of which one is not known yet; None if all are known.

    Raises RuntimeError where all examples of a vmap should draw the same by numbers of their own.
    """
    if not any(isinstance(one, jax.core.Tracer) for one in arrays):
        return None
    if generator is not None or not _SOURCES:
        raise RuntimeError("inside a pure function draws come from the key that it was given")
    if TRANSFORMS and TRANSFORMS[-1] == ("vmap", "same"):
        raise RuntimeError(
            "Vmap does not currently support same randomness with a batched tensor input. Please file an "
            "issue with functorch"
        )
    return _SOURCES[-1]


def fill_from(
    source: Any, method: str, shape: tuple[int, ...], arguments: tuple[Any, ...], dtype: Any
) -> Any:
    """The draw of a tensor's fill (`uniform`, `normal`, `random`, ...) from a source.

    Raises NotImplementedError for a distribution that sources do not have.
    """
    kind = jax.dtypes.canonicalize_dtype(dtype)
    given = list(arguments)
    if method in ("uniform", "normal"):  # the bounds, or the mean and the deviation
        first, second = given + [0.0, 1.0][len(given) :]
        return getattr(source, method)(shape, first, second, kind)
    if method == "exponential":
        return source.exponential(shape, arguments[0] if arguments else 1.0, kind)
    if method == "bernoulli" and not isinstance(arguments[0], np.ndarray):
        return source.bernoulli(shape, arguments[0]).astype(kind)
    if method == "random" and len(arguments) == 2:
        return source.integers(shape, *arguments, kind)
    raise NotImplementedError(f"fnnet.torch: drawing by '{method}' inside a pure function")

"""torch.autograd.profiler: parts of a program are labelled for JAX's profiler; PyTorch's own is refused."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

import jax

from fnnet.torch.missing import refusals

__all__ = ["record_function"]

_NAMES = "profile emit_nvtx emit_itt EventList FunctionEvent load_nvprof"
globals().update(
    refusals("torch.autograd.profiler", _NAMES, "use jax.profiler.trace and fnnet.torch.stats()")
)


class record_function:
    """A label for what runs within: a context, or a decorator. `jax.profiler.trace` shows it.

    What is recorded within is computed when somebody looks, which may be later.
    """

    def __init__(self, name: str, args: str | None = None) -> None:
        self.name, self.args = name, args
        self._open: list[Any] = []

    def __enter__(self) -> record_function:
        label = jax.profiler.TraceAnnotation(self.name)
        label.__enter__()
        self._open.append(label)
        return self

    def __exit__(self, *error: Any) -> None:
        self._open.pop().__exit__(*error)

    def __call__(self, function: Callable[..., Any]) -> Callable[..., Any]:
        @functools.wraps(function)
        def labelled(*args: Any, **kwargs: Any) -> Any:
            with record_function(self.name, self.args):
                return function(*args, **kwargs)

        return labelled

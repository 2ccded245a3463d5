"""torch.compile: the module or function in PyTorch's wrapping.

Everything is compiled anyway: a program is what was recorded.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

from fnnet.torch import nn


class OptimizedModule(nn.Module):
    """What `torch.compile(module)` returns: the module, as `_orig_mod`, and its attributes."""

    def __init__(self, module: Any) -> None:
        super().__init__()
        self._orig_mod = module

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        return self._modules["_orig_mod"](*args, **kwargs)

    def forward(self, *args: Any, **kwargs: Any) -> Any:
        return self._modules["_orig_mod"](*args, **kwargs)

    def train(self, mode: bool = True) -> Any:
        self._modules["_orig_mod"].train(mode)
        self.training = mode
        return self

    def __getattr__(self, name: str) -> Any:
        if name == "_orig_mod":
            return self._modules["_orig_mod"]
        return getattr(self._modules["_orig_mod"], name)


def compile(
    model: Any = None,
    *,
    fullgraph: bool = False,
    dynamic: bool | None = None,
    backend: Any = "inductor",
    mode: str | None = None,
    options: dict[str, Any] | None = None,
    disable: bool = False,
) -> Any:
    """The module or function, wrapped as PyTorch wraps it; without one, a decorator.

    The recorder compiles every program, so the arguments change nothing. Raises RuntimeError for mode and
    options together, or a model that cannot be called.
    """
    if mode is not None and options is not None:
        raise RuntimeError(
            "Either mode or options can be specified, but both can't be specified at the same time."
        )
    if model is None:
        return functools.partial(
            compile, fullgraph=fullgraph, dynamic=dynamic, backend=backend, mode=mode, options=options,
            disable=disable,
        )  # fmt: skip
    if not callable(model):
        raise RuntimeError(f"torch.compile: expected a module or a function, got {type(model).__name__}")
    if disable:
        return model
    if isinstance(model, nn.Module):
        return OptimizedModule(model)
    return wrapped(model)


def wrapped(function: Callable[..., Any]) -> Callable[..., Any]:
    """A function of the same name and meaning."""

    @functools.wraps(function)
    def compiled(*args: Any, **kwargs: Any) -> Any:
        return function(*args, **kwargs)

    compiled._torchdynamo_orig_callable = function  # type: ignore[attr-defined]
    return compiled

"""torch.compiler by name: everything is compiled, and nothing has to be said about it."""

from typing import Any


def _same(function: Any = None, *args: Any, **kwargs: Any) -> Any:
    """The function as it is, or a decorator that leaves it so."""
    return function if callable(function) else lambda decorated: decorated


disable = allow_in_graph = substitute_in_graph = assume_constant_result = nonstrict_trace = _same


def is_compiling() -> bool:
    """False."""
    return False


is_dynamo_compiling = is_exporting = is_compiling


def reset() -> None:
    """There is nothing to reset."""


def cudagraph_mark_step_begin() -> None:
    """There is nothing to mark."""


def list_backends(exclude_tags: Any = ()) -> list[str]:
    """The compilers: XLA."""
    return ["openxla"]

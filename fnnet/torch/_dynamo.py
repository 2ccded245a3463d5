"""torch._dynamo, as far as programs name it: everything is recorded, and nothing has to be said about it."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

from fnnet.torch.compiler import allow_in_graph as allow_in_graph
from fnnet.torch.compiler import assume_constant_result as assume_constant_result
from fnnet.torch.compiler import disable as disable
from fnnet.torch.compiler import is_compiling as is_compiling
from fnnet.torch.compiler import reset as reset
from fnnet.torch.compiler import substitute_in_graph as substitute_in_graph
from fnnet.torch.missing import refusal
from fnnet.torch.places import spell

config = SimpleNamespace(
    suppress_errors=False, cache_size_limit=8, recompile_limit=8, verbose=False, optimize_ddp=True,
    capture_scalar_outputs=False, automatic_dynamic_shapes=True,
)  # fmt: skip
"""Settings of PyTorch's compiler, kept and without effect."""


def optimize(*args: Any, **kwargs: Any) -> Any:
    """A decorator that leaves a function or a module as it is; `torch.compile` is its newer form."""
    return lambda decorated: decorated


optimize_assert = optimize


def graph_break(*args: Any, **kwargs: Any) -> None:
    """There is nothing to break."""


def mark_dynamic(t: Any, index: Any = None, **kwargs: Any) -> None:
    """Each size is compiled for, and no address is."""


mark_static = mark_static_address = mark_unbacked = maybe_mark_dynamic = mark_dynamic


class TransformGetItemToIndex:
    """A context that changes nothing: indices of `torch.func.vmap` are tensors here, not numbers."""

    def __enter__(self) -> None:
        pass

    def __exit__(self, *error: object) -> None:
        pass


__path__: list[str] = []  # what makes this module a package to the import system
spell(f"{__name__}._trace_wrapped_higher_order_op", TransformGetItemToIndex=TransformGetItemToIndex)
OptimizedModule = refusal("torch._dynamo.eval_frame.OptimizedModule")
spell(f"{__name__}.eval_frame", OptimizedModule=OptimizedModule)

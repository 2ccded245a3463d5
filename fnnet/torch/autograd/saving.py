"""Hooks on what the graph saves for backward, and edges by name: what torch.autograd.graph offers.

A node saves the inputs that its derivative reads. Where PyTorch saves an output instead (`exp`), the hooks
see the input here.
"""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Callable, Iterator, Sequence
from typing import Any, NamedTuple

from fnnet.torch.autograd.graph import SAVING, Node, edge_of
from fnnet.torch.autograd.hooks import RemovableHandle
from fnnet.torch.mode import _Context
from fnnet.torch.spec import Spec
from fnnet.torch.tensor import Tensor

__all__ = [
    "GradientEdge",
    "allow_mutation_on_saved_tensors",
    "disable_saved_tensors_hooks",
    "get_gradient_edge",
    "increment_version",
    "register_multi_grad_hook",
    "save_on_cpu",
    "saved_tensors_hooks",
]

_forbidden: list[str] = []


class saved_tensors_hooks:
    """Within the block, `pack_hook(tensor)` is kept in place of each saved tensor.

    Backward gets it back from `unpack_hook(packed)`, which must return a tensor of the same shape and dtype.
    """

    def __init__(self, pack_hook: Callable[[Tensor], Any], unpack_hook: Callable[[Any], Tensor]) -> None:
        self.pack_hook, self.unpack_hook = pack_hook, unpack_hook

    def __enter__(self) -> None:
        if _forbidden:
            raise RuntimeError(_forbidden[-1])
        SAVING.append((self.pack_hook, self.unpack_hook))

    def __exit__(self, *error: object) -> None:
        SAVING.pop()


class save_on_cpu(saved_tensors_hooks):
    """Within the block, saved tensors are kept on the CPU and go back to their device for backward."""

    def __init__(self, pin_memory: bool = False, device_type: str = "cuda") -> None:
        super().__init__(lambda tensor: (tensor.device, tensor.cpu()), lambda kept: kept[1].to(kept[0]))


class _AllowMutationOnSavedContext:
    """What `allow_mutation_on_saved_tensors` gives. Saved values are never changed here, so it keeps none."""

    def __init__(self) -> None:
        self.active = True
        self.cloned: dict[Any, Any] = {}
        self.original: dict[Any, Any] = {}

    def clear(self) -> None:
        """Forget what was kept."""


@contextlib.contextmanager
def allow_mutation_on_saved_tensors() -> Iterator[_AllowMutationOnSavedContext]:
    """Within the block, tensors that were saved for backward may be changed: backward has them as they were.

    Backward must be within the block too, else it raises AssertionError. Raises RuntimeError within another.
    """
    if any(hasattr(context, "active") for context, _ in SAVING):
        raise RuntimeError("allow_mutation_on_saved_tensors contexts cannot be nested")
    context = _AllowMutationOnSavedContext()
    entry = (context, lambda kept: kept)
    SAVING.append(entry)
    try:
        yield context
    finally:
        context.active = False
        SAVING.remove(entry)


class disable_saved_tensors_hooks(_Context):
    """Within the block, entering `saved_tensors_hooks` raises RuntimeError with this message."""

    def __init__(self, error_message: str) -> None:
        self.error_message = error_message

    def __enter__(self) -> None:
        if SAVING:
            raise RuntimeError(self.error_message)
        _forbidden.append(self.error_message)

    def __exit__(self, *error: object) -> None:
        _forbidden.pop()

    def clone(self) -> _Context:
        return disable_saved_tensors_hooks(self.error_message)


class GradientEdge(NamedTuple):
    """Where a tensor's gradient comes in: a node of the graph and which of its outputs the tensor is."""

    node: Node
    output_nr: int
    ownership_token: Any = None

    @property
    def _spec(self) -> Spec:
        return self.node.outputs[self.output_nr]


def get_gradient_edge(tensor: Tensor) -> GradientEdge:
    """The edge of a tensor that requires grad. Raises RuntimeError for others."""
    edge = edge_of(tensor)
    if edge is None:
        raise RuntimeError(
            "It is not possible to get the gradient edge for a Tensor that does not require gradients"
        )
    return GradientEdge(*edge)


def increment_version(tensor: Tensor | Sequence[Tensor]) -> None:
    """Count a change of the tensors, as after a change in place."""
    for one in [tensor] if isinstance(tensor, Tensor) else tensor:
        one._counter.version += 1


class _Handles(RemovableHandle):
    def __init__(self, handles: Sequence[Any]) -> None:
        self.handles = tuple(handles)

    def remove(self) -> None:
        for one in self.handles:
            one.remove()


def register_multi_grad_hook(
    tensors: Sequence[Tensor], fn: Callable[..., Any], *, mode: str = "all"
) -> RemovableHandle:
    """Call `fn` in backward with the gradients of all tensors (None where there is none), or, with mode
    "any", with the first gradient that is there.
    """
    if mode not in ("all", "any"):
        raise ValueError(f"Expects mode to be one of ('all', 'any') but got {mode}")
    tensors = list(tensors)
    if any(edge_of(one) is None for one in tensors):
        raise AssertionError("Expected gradient function to be set")
    lock = threading.Lock()
    seen: list[Any] = [None] * len(tensors)
    state: dict[str, Any] = {"count": 0, "wanted": None, "called": False, "walk": None}

    def expected() -> int:
        from fnnet.torch.autograd.engine import CURRENT

        walk = CURRENT[-1] if CURRENT else None
        if state["walk"] is not walk:
            state.update(walk=walk, count=0, called=False)
            seen[:] = [None] * len(tensors)
            state["wanted"] = sum(walk.reaches(one) for one in tensors) if walk else len(tensors)
        return int(state["wanted"] or 0)

    def hook_of(index: int) -> Callable[[Tensor], None]:
        def hook(gradient: Tensor) -> None:
            with lock:
                wanted = expected()
                if mode == "any":
                    if not state["called"]:
                        state["called"] = True
                        fn(gradient)
                    return
                seen[index] = gradient
                state["count"] = int(state["count"] or 0) + 1
                if state["count"] == wanted:
                    fn(list(seen))

        return hook

    return _Handles([one.register_hook(hook_of(i)) for i, one in enumerate(tensors)])

"""Hooks: handles that remove them, and hooks on tensors."""

from __future__ import annotations

import itertools
import weakref
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from fnnet.torch.tensor import Tensor

_ids = itertools.count()


class RemovableHandle:
    """What registering a hook returns: `remove()` takes the hook away."""

    def __init__(self, hooks: Any) -> None:
        self._hooks = weakref.ref(hooks)
        self.id = next(_ids)

    def remove(self) -> None:
        """Take the hook away."""
        hooks = self._hooks()
        if hooks is not None:
            hooks.pop(self.id, None)

    def __enter__(self) -> RemovableHandle:
        return self

    def __exit__(self, *error: object) -> None:
        self.remove()


class Hooks(dict[int, Callable[..., Any]]):
    """Hooks in the order in which they were registered."""


def register(hooks: Hooks, hook: Callable[..., Any]) -> RemovableHandle:
    """Add a hook and return its handle."""
    handle = RemovableHandle(hooks)
    hooks[handle.id] = hook
    return handle


def register_hook(tensor: Tensor, hook: Callable[..., Any]) -> RemovableHandle:
    """Call `hook(grad)` with the tensor's gradient; what it returns, if anything, replaces the gradient."""
    if not tensor.requires_grad:
        raise RuntimeError("cannot register a hook on a tensor that doesn't require gradient")
    if tensor._hooks is None:
        tensor._hooks = Hooks()
        node = tensor.grad_fn
        if node is not None:
            keeping = [hooks for _, hooks, _ in node.__dict__.get("retained", ())]
            here = node.tensor_hooks or ()
            last = [one for one in here if any(one[1] is hooks for hooks in keeping)]  # they see what is left
            node.tensor_hooks = [
                *(one for one in here if one not in last),
                (tensor._nr, tensor._hooks),
                *last,
            ]
    return register(tensor._hooks, hook)


def register_post_accumulate_grad_hook(tensor: Tensor, hook: Callable[..., Any]) -> RemovableHandle:
    """Call `hook(tensor)` after a gradient was added to this leaf's `.grad`."""
    if not tensor.requires_grad:
        raise RuntimeError("cannot register a hook on a tensor that doesn't require gradient")
    if tensor.grad_fn is not None:
        raise RuntimeError("post accumulate grad hooks cannot be registered on non-leaf tensors")
    hooks = tensor.__dict__.setdefault("_post_accumulate_hooks", Hooks())
    return register(hooks, hook)


def retain_grad(tensor: Tensor) -> None:
    """Keep the gradient of this non-leaf in its `.grad` during backward."""
    if not tensor.requires_grad:
        raise RuntimeError("can't retain_grad on Tensor that has requires_grad=False")
    node = tensor.grad_fn
    if node is None or tensor._retains:
        return
    tensor._retains = True
    target = weakref.ref(tensor)

    def keep(gradient: Tensor) -> None:
        owner = target()
        if owner is not None:
            from fnnet.torch.autograd.engine import add

            owner._grad = gradient if owner._grad is None else add(owner._grad, gradient)

    hooks = Hooks()
    register(hooks, keep)
    node.__dict__.setdefault("retained", []).append((tensor._nr, hooks, keep))
    node.tensor_hooks = [*(node.tensor_hooks or ()), (tensor._nr, hooks)]

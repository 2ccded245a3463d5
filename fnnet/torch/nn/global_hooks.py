"""Hooks of all modules at once: around every forward and backward, and at every registration."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from fnnet.torch.utils.hooks import RemovableHandle

__all__ = [
    "register_module_backward_hook",
    "register_module_buffer_registration_hook",
    "register_module_forward_hook",
    "register_module_forward_pre_hook",
    "register_module_full_backward_hook",
    "register_module_full_backward_pre_hook",
    "register_module_module_registration_hook",
    "register_module_parameter_registration_hook",
]

Hook = Callable[..., Any]
"""A function that a user registers."""

CALLS: dict[str, dict[int, Any]] = {
    "_forward_pre_hooks": {},
    "_forward_hooks": {},
    "_backward_hooks": {},
    "_backward_pre_hooks": {},
}
"""Hooks around the calls of every module, by the table in which a module has its own; they come first."""

REGISTRATIONS: dict[str, dict[int, Hook]] = {"parameter": {}, "buffer": {}, "module": {}}
"""Hooks that see what a module is given before it has it, and may put another in its place."""


class Marked:
    """A forward hook and how it wants to be called."""

    def __init__(self, hook: Hook, with_kwargs: bool, always_call: bool = False) -> None:
        self.hook, self.with_kwargs, self.always_call, self.called = hook, with_kwargs, always_call, False

    def __call__(self, module: Any, args: tuple[Any, ...], kwargs: dict[str, Any], *output: Any) -> Any:
        return (
            self.hook(module, args, kwargs, *output) if self.with_kwargs else self.hook(module, args, *output)
        )

    def __getattr__(self, name: str) -> Any:
        """An attribute of the hook itself: PyTorch's table holds hooks bare, and programs look at them."""
        if name == "hook":
            raise AttributeError(name)
        return getattr(self.hook, name)


def registered(kind: str, module: Any, name: str, value: Any) -> Any:
    """What a module gets under a name: `value`, or what the last hook that gives something gives."""
    for hook in REGISTRATIONS[kind].values():
        given = hook(module, name, value)
        if given is not None:
            value = given
    return value


def register_module_forward_pre_hook(hook: Hook) -> RemovableHandle:
    """Call `hook(module, args)` before every module's forward; what it returns replaces the arguments."""
    return RemovableHandle.register(CALLS["_forward_pre_hooks"], Marked(hook, False))


def register_module_forward_hook(
    hook: Hook, *, with_kwargs: bool = False, always_call: bool = False
) -> RemovableHandle:
    """Call `hook(module, args, output)` after every forward; what it returns replaces the output."""
    return RemovableHandle.register(CALLS["_forward_hooks"], Marked(hook, with_kwargs, always_call))


FULL: list[bool | None] = [None]
"""Whether the backward hooks of every module are of the full kind; None before there was one."""


def _use_full(full: bool) -> None:
    if FULL[0] is (not full):
        raise RuntimeError(
            "Cannot use both regular backward hooks and full backward hooks as a global Module hook. Please "
            "use only one of them."
        )
    FULL[0] = full


def register_module_full_backward_hook(hook: Hook) -> RemovableHandle:
    """Call `hook(module, grad_input, grad_output)` in every module's backward."""
    _use_full(True)
    return RemovableHandle.register(CALLS["_backward_hooks"], hook)


def register_module_full_backward_pre_hook(hook: Hook) -> RemovableHandle:
    """Call `hook(module, grad_output)` before every module's backward."""
    return RemovableHandle.register(CALLS["_backward_pre_hooks"], hook)


def register_module_backward_hook(hook: Hook) -> RemovableHandle:
    """Call `hook(module, grad_input, grad_output)` with the gradients of the node that made the output.

    PyTorch deprecates it.
    """
    _use_full(False)
    return RemovableHandle.register(CALLS["_backward_hooks"], hook)


def register_module_parameter_registration_hook(hook: Hook) -> RemovableHandle:
    """Call `hook(module, name, parameter)` before a parameter is registered; its result takes the place."""
    return RemovableHandle.register(REGISTRATIONS["parameter"], hook)


def register_module_buffer_registration_hook(hook: Hook) -> RemovableHandle:
    """Call `hook(module, name, buffer)` before a buffer is registered; its result takes the place."""
    return RemovableHandle.register(REGISTRATIONS["buffer"], hook)


def register_module_module_registration_hook(hook: Hook) -> RemovableHandle:
    """Call `hook(module, name, submodule)` before a part is registered; its result takes the place."""
    return RemovableHandle.register(REGISTRATIONS["module"], hook)

"""torch.utils.checkpoint: what a part of the network saves for backward is computed again in backward.

Both of PyTorch's kinds are the one that hooks saved tensors. A program that runs forward and backward in one
go is compiled as a whole, and XLA may then find the second computation equal to the first and keep that.
"""

from __future__ import annotations

import contextlib
import enum
import warnings
from collections.abc import Callable, Sequence
from contextlib import nullcontext
from typing import Any

from fnnet.torch import cuda, random
from fnnet.torch.autograd.saving import saved_tensors_hooks
from fnnet.torch.mode import enable_grad, is_grad_enabled, no_grad
from fnnet.torch.tensor import Tensor
from fnnet.torch.utils._pytree import tree_leaves

__all__ = [
    "CheckpointError",
    "CheckpointPolicy",
    "checkpoint",
    "checkpoint_sequential",
    "create_selective_checkpoint_contexts",
    "detach_variable",
    "get_device_states",
    "noop_context_fn",
    "set_checkpoint_early_stop",
    "set_device_states",
]


class CheckpointError(RuntimeError):
    """The second computation did not save what the first one did."""


class CheckpointPolicy(enum.Enum):
    """What a policy says of an operation's output."""

    MUST_SAVE = 0
    PREFER_SAVE = 1
    MUST_RECOMPUTE = 2
    PREFER_RECOMPUTE = 3
    MUST_CPU_OFFLOAD = 4
    PREFER_CPU_OFFLOAD = 5


def noop_context_fn() -> tuple[Any, Any]:
    """Two contexts that change nothing."""
    return nullcontext(), nullcontext()


def create_selective_checkpoint_contexts(
    policy_fn_or_list: Any, allow_cache_entry_mutation: bool = False
) -> tuple[Any, Any]:
    """The contexts of both computations, for `context_fn`. The policy is not asked: XLA chooses what it keeps
    instead of computing it again.

    Raises:
        TypeError: neither a function nor a list.
    """
    if not callable(policy_fn_or_list) and not isinstance(policy_fn_or_list, list):
        raise TypeError("policy_fn_or_list must be either a function or a list of ops.")
    return noop_context_fn()


def detach_variable(inputs: tuple[Any, ...]) -> tuple[Any, ...]:
    """The tensors of a tuple as leaves that require grad where they did; what is no tensor as it is.

    Raises:
        RuntimeError: no tuple.
    """
    if not isinstance(inputs, tuple):
        raise RuntimeError(
            f"Only tuple of tensors is supported. Got Unsupported input type: {type(inputs).__name__}"
        )
    return tuple(
        one.detach().requires_grad_(one.requires_grad) if isinstance(one, Tensor) else one for one in inputs
    )


class _Enough(Exception):
    """All that the first computation saved is computed again."""


class _Frame:
    """One checkpointed call: how many tensors it saved, and their values once computed again."""

    def __init__(self, again: Callable[[], Any], stops_early: bool) -> None:
        self.again, self.stops_early = again, stops_early
        self.specs: list[Any] = []
        self.values: list[Tensor] | None = None

    def pack(self, tensor: Tensor) -> int:
        self.specs.append((tensor.shape, tensor.dtype))
        return len(self.specs) - 1

    def unpack(self, index: int) -> Tensor:
        if self.values is None:
            found: list[Tensor] = []

            def note(tensor: Tensor) -> Tensor:
                found.append(tensor)
                if self.stops_early and len(found) == len(self.specs):
                    raise _Enough
                return tensor

            with (
                saved_tensors_hooks(note, lambda kept: kept),
                enable_grad(),
                contextlib.suppress(_Enough),
            ):
                self.again()
            if len(found) != len(self.specs):
                raise CheckpointError(
                    "torch.utils.checkpoint: A different number of tensors was saved during the original "
                    f"forward and recomputation.\nNumber of tensors saved during forward: {len(self.specs)}\n"
                    f"Number of tensors saved during recomputation: {len(found)}."
                )
            if [(one.shape, one.dtype) for one in found] != self.specs:
                raise CheckpointError(
                    "torch.utils.checkpoint: Recomputed values for the following tensors have different "
                    "metadata than during the forward pass."
                )
            self.values = found
        return self.values[index]


def checkpoint(
    function: Callable[..., Any],
    *args: Any,
    use_reentrant: bool | None = None,
    context_fn: Callable[[], tuple[Any, Any]] | None = None,
    determinism_check: str = "default",
    debug: bool = False,
    preserve_rng_state: bool = True,
    **kwargs: Any,
) -> Any:
    """`function(*args, **kwargs)`, of which backward computes again what it needs.

    Dropout draws the same numbers again unless `preserve_rng_state` is false.
    """
    if use_reentrant is None:
        warnings.warn(
            "torch.utils.checkpoint: the use_reentrant parameter should be passed explicitly. Starting in "
            "PyTorch 2.9, calling checkpoint without use_reentrant will raise an exception. "
            "use_reentrant=False is recommended.",
            stacklevel=2,
        )
    if use_reentrant and (kwargs or context_fn is not None):
        if kwargs:
            raise ValueError("Unexpected keyword arguments: " + ",".join(kwargs))
        raise ValueError("Passing `context_fn` or `debug` is only supported when use_reentrant=False.")
    first, second = context_fn() if context_fn is not None else (nullcontext(), nullcontext())
    if not is_grad_enabled():
        return function(*args, **kwargs)
    state = random.get_rng_state() if preserve_rng_state else None

    def again() -> None:
        before = random.get_rng_state()
        if state is not None:
            random.set_rng_state(state)
        try:
            with second:
                function(*args, **kwargs)
        finally:
            if state is not None:
                random.set_rng_state(before)

    if use_reentrant and not any(isinstance(one, Tensor) and one.requires_grad for one in args):
        warnings.warn("None of the inputs have requires_grad=True. Gradients will be None", stacklevel=2)
        with no_grad():
            return function(*args)
    frame = _Frame(again, _early_stop[-1] and not use_reentrant)
    with saved_tensors_hooks(frame.pack, frame.unpack), first:
        return function(*args, **kwargs)


def checkpoint_sequential(
    functions: Any,
    segments: int,
    input: Any,
    use_reentrant: bool | None = None,
    preserve_rng_state: bool = True,
) -> Any:
    """Run a Sequential, or a list of functions, in so many parts; all but the last are checkpointed."""
    parts: Sequence[Any] = list(functions.children()) if hasattr(functions, "children") else list(functions)
    length = len(parts) // segments

    def run(start: int, end: int) -> Callable[[Any], Any]:
        def forward(value: Any) -> Any:
            for part in parts[start:end]:
                value = part(value)
            return value

        return forward

    end = 0
    for segment in range(segments - 1):
        start, end = end, (segment + 1) * length
        input = checkpoint(
            run(start, end), input, use_reentrant=use_reentrant, preserve_rng_state=preserve_rng_state
        )
    return run(end, len(parts))(input)


def get_device_states(*args: Any) -> tuple[list[int], list[Tensor]]:
    """The GPUs on which the tensors among the arguments lie, and the states of their random numbers."""
    tensors = [one for one in tree_leaves(args) if isinstance(one, Tensor) and one.is_cuda]
    devices = [one.get_device() for one in tensors]
    return devices, [cuda.get_rng_state(one) for one in devices]


def set_device_states(devices: Sequence[int], states: Sequence[Tensor], *, device_type: Any = None) -> None:
    """Give GPUs the states that `get_device_states` told."""
    for device, state in zip(devices, states, strict=False):
        cuda.set_rng_state(state, device)


_early_stop = [True]


class set_checkpoint_early_stop:
    """Whether, within the block, the second computation ends as soon as nothing more is needed of it."""

    def __init__(self, enable: bool) -> None:
        self.enable = enable

    def __enter__(self) -> None:
        _early_stop.append(self.enable)

    def __exit__(self, *error: object) -> None:
        _early_stop.pop()

"""The hooks of a module: before and after forward, around backward, and around its state."""

from __future__ import annotations

import functools
import warnings
from typing import Any

from fnnet.torch.autograd import Function
from fnnet.torch.nn.global_hooks import CALLS, FULL, Marked
from fnnet.torch.tensor import Tensor
from fnnet.torch.utils.hooks import RemovableHandle
from fnnet.torch.warning import warn

__all__ = ["Hooks"]

Hook = Any
"""A function that a user registers."""

_PRE, _AFTER = CALLS["_forward_pre_hooks"], CALLS["_forward_hooks"]
_BACKWARD, _BACKWARD_PRE = CALLS["_backward_hooks"], CALLS["_backward_pre_hooks"]

_USE_FULL = "Please use register_full_backward_hook to get the documented behavior."
_OLD_HOOKS = "Using non-full backward hooks {} is deprecated and will be removed in future versions. "

_ACTIVE = ("_forward_pre_hooks", "_forward_hooks", "_backward_hooks", "_backward_pre_hooks")
_STATE = (
    "_state_dict_hooks",
    "_state_dict_pre_hooks",
    "_load_state_dict_pre_hooks",
    "_load_state_dict_post_hooks",
)


class _Boundary(Function):
    """The identity, with a callback for the gradients that cross it."""

    @staticmethod
    def forward(ctx: Any, callback: Hook, *tensors: Tensor) -> Any:
        ctx.callback = callback
        ctx.set_materialize_grads(False)
        return tuple(tensor.view_as(tensor) for tensor in tensors)

    @staticmethod
    def backward(ctx: Any, *gradients: Any) -> Any:
        return None, *ctx.callback(gradients)


def _cross(callback: Hook, values: tuple[Any, ...]) -> tuple[Any, ...]:
    """`values` with its differentiable tensors passed through a boundary."""
    places = [i for i, value in enumerate(values) if isinstance(value, Tensor) and value.requires_grad]
    if not places:
        return values

    def spread(gradients: tuple[Any, ...]) -> tuple[Any, ...]:
        full: list[Any] = [None] * len(values)
        for place, gradient in zip(places, gradients, strict=True):
            full[place] = gradient
        result = callback(tuple(full))
        return tuple(result[place] for place in places)

    crossed = list(values)
    for place, tensor in zip(places, _Boundary.apply(spread, *(values[i] for i in places)), strict=True):
        crossed[place] = tensor
    return tuple(crossed)


def _as_tuple(value: Any) -> tuple[Any, ...]:
    return value if isinstance(value, tuple) else (value,)


class Hooks:
    """The part of `Module` that keeps hooks and calls them."""

    _forward_pre_hooks: dict[int, Hook]
    _forward_hooks: dict[int, Hook]
    _backward_hooks: dict[int, Hook]
    _backward_pre_hooks: dict[int, Hook]
    _state_dict_hooks: dict[int, Hook]
    _state_dict_pre_hooks: dict[int, Hook]
    _load_state_dict_pre_hooks: dict[int, Hook]
    _load_state_dict_post_hooks: dict[int, Hook]

    def _init_hooks(self) -> None:
        for table in (*_ACTIVE, *_STATE):
            self.__dict__[table] = {}

    def _has_hooks(self) -> bool:
        own = self.__dict__
        return bool(
            own["_forward_hooks"]
            or own["_forward_pre_hooks"]
            or own["_backward_hooks"]
            or own["_backward_pre_hooks"]
            or _PRE
            or _AFTER
            or _BACKWARD
            or _BACKWARD_PRE
        )

    def _register(self, table: str, hook: Hook, prepend: bool = False) -> RemovableHandle:
        return RemovableHandle.register(self.__dict__[table], hook, prepend)

    def register_forward_pre_hook(
        self, hook: Hook, *, prepend: bool = False, with_kwargs: bool = False
    ) -> RemovableHandle:
        """Call `hook(module, args)` before forward; what it returns replaces the arguments."""
        return self._register("_forward_pre_hooks", Marked(hook, with_kwargs), prepend)

    def register_forward_hook(
        self, hook: Hook, *, prepend: bool = False, with_kwargs: bool = False, always_call: bool = False
    ) -> RemovableHandle:
        """Call `hook(module, args, output)` after forward; what it returns replaces the output."""
        return self._register("_forward_hooks", Marked(hook, with_kwargs, always_call), prepend)

    def register_full_backward_hook(self, hook: Hook, prepend: bool = False) -> RemovableHandle:
        """Call `hook(module, grad_input, grad_output)` in backward; what it returns replaces grad_input."""
        self._use_backward_hooks(full=True)
        return self._register("_backward_hooks", hook, prepend)

    def register_full_backward_pre_hook(self, hook: Hook, prepend: bool = False) -> RemovableHandle:
        """Call `hook(module, grad_output)` before the module's backward; its result replaces grad_output."""
        return self._register("_backward_pre_hooks", hook, prepend)

    def register_backward_hook(self, hook: Hook) -> RemovableHandle:
        """Call `hook(module, grad_input, grad_output)` with the gradients of the output's node alone.

        PyTorch deprecates it. A node here has the arguments of its operation as inputs: of a Linear they are
        input, weight and bias, where PyTorch's are bias, input and the transposed weight.
        """
        self._use_backward_hooks(full=False)
        return self._register("_backward_hooks", hook)

    def _use_backward_hooks(self, full: bool) -> None:
        if self.__dict__.get("_is_full_backward_hook") is (not full):
            raise RuntimeError(
                "Cannot use both regular backward hooks and full backward hooks on a single Module. Please "
                "use only one of them."
            )
        self._is_full_backward_hook = full

    def register_state_dict_pre_hook(self, hook: Hook) -> RemovableHandle:
        """Call `hook(module, prefix, keep_vars)` before `state_dict` collects."""
        return self._register("_state_dict_pre_hooks", hook)

    def register_state_dict_post_hook(self, hook: Hook) -> RemovableHandle:
        """Call `hook(module, state_dict, prefix, local_metadata)` after `state_dict` has collected."""
        return self._register("_state_dict_hooks", hook)

    _register_state_dict_hook = register_state_dict_post_hook

    def _register_load_state_dict_pre_hook(self, hook: Hook, with_module: bool = False) -> RemovableHandle:
        given = (lambda *args: hook(self, *args)) if with_module else hook
        return self._register("_load_state_dict_pre_hooks", given)

    def register_load_state_dict_pre_hook(self, hook: Hook) -> RemovableHandle:
        """Call `hook(module, state_dict, prefix, ...)` before the module loads its part."""
        return self._register("_load_state_dict_pre_hooks", lambda *given: hook(self, *given))

    def register_load_state_dict_post_hook(self, hook: Hook) -> RemovableHandle:
        """Call `hook(module, incompatible_keys)` after the module has loaded its part."""
        return self._register("_load_state_dict_post_hooks", hook)

    def _call_with_hooks(self, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        try:
            return self._call_hooked(args, kwargs)
        except Exception:
            # Hooks registered with always_call run although forward failed; its error is the one that counts.
            for hook in (*_AFTER.values(), *self._forward_hooks.values()):
                if hook.always_call and not hook.called:
                    try:
                        hook(self, args, kwargs, None)
                    except Exception as error:
                        whose = "global module" if hook in _AFTER.values() else "module"
                        warnings.warn(
                            f"{whose} forward hook with ``always_call=True`` raised an exception that was "
                            f"silenced as another error was raised in forward: {error}",
                            stacklevel=2,
                        )
            raise
        finally:
            for hook in (*_AFTER.values(), *self._forward_hooks.values()):
                hook.called = False

    def _call_hooked(self, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        for hook in (*_PRE.values(), *self._forward_pre_hooks.values()):
            result = hook(self, args, kwargs)
            if result is None:
                continue
            if not hook.with_kwargs:
                args = _as_tuple(result)
            elif isinstance(result, tuple) and len(result) == 2:
                args, kwargs = result
            else:
                raise RuntimeError(
                    "forward pre-hook must return None or a tuple of (new_args, new_kwargs), "
                    f"but got {result}."
                )
        old = [*(_BACKWARD.values() if FULL[0] is False else ()), *_of(self, full=False)]
        full = bool((_BACKWARD and FULL[0]) or _of(self, full=True))
        backward = _BackwardHooks(self) if full or self._backward_pre_hooks or _BACKWARD_PRE else None
        if backward is not None:
            args = backward.around_inputs(args)
        output = self.forward(*args, **kwargs)  # type: ignore[attr-defined]
        for hook in (*_AFTER.values(), *self._forward_hooks.values()):
            hook.called = True
            result = hook(self, args, kwargs, output)
            if result is not None:
                output = result
        if backward is not None:
            output = backward.around_outputs(output)
        if old:
            _hook_node(self, old, args, output)
        return output


def _of(module: Hooks, full: bool) -> list[Hook]:
    """The module's own backward hooks, if they are of this kind."""
    own = module.__dict__.get("_is_full_backward_hook") is not False
    return list(module._backward_hooks.values()) if own is full else []


def _hook_node(module: Hooks, hooks: list[Hook], args: tuple[Any, ...], output: Any) -> None:
    """Register the old kind of hooks with the node that made the output."""
    first = output
    while not isinstance(first, Tensor):
        if isinstance(first, dict):
            first = next(value for value in first.values() if isinstance(value, Tensor))
        else:
            first = first[0]
    node = first.grad_fn
    if node is None:
        return
    for hook in hooks:
        node.register_hook(functools.partial(hook, module))
    outputs = output if isinstance(output, tuple) else (output,)
    message = ""
    if not all(isinstance(one, Tensor) for one in outputs):
        message = _OLD_HOOKS.format("on a Module that does not return a single Tensor or a tuple of Tensors")
        message += "This hook will be missing some of the grad_output. " + _USE_FULL
    elif not all(isinstance(one, Tensor) for one in args):
        where = "on a Module that does not take as input a single Tensor or a tuple of Tensors"
        message = _OLD_HOOKS.format(where)
        message += "This hook will be missing some of the grad_input. " + _USE_FULL
    else:
        made = {one.grad_fn for one in outputs if one.grad_fn is not None}
        if len(made) > 1:
            message = (
                "Using a non-full backward hook when outputs are generated by different autograd Nodes is "
                "deprecated and will be removed in future versions. This hook will be missing some "
                "grad_output. " + _USE_FULL
            )
        elif {edge[0] for edge in node.next_functions} != {one.grad_fn for one in args} - {None}:
            message = (
                "Using a non-full backward hook when the forward contains multiple autograd Nodes is "
                "deprecated and will be removed in future versions. This hook will be missing some "
                "grad_input. " + _USE_FULL
            )
    if message:
        warnings.warn(message, FutureWarning, stacklevel=4)


class _BackwardHooks:
    """The backward hooks of one call: they fire where the gradient leaves the module's inputs."""

    def __init__(self, module: Hooks) -> None:
        self._module = module
        self._grad_output: tuple[Any, ...] = ()
        self._inputs_differentiable = False
        self._input_count = 0

    def around_inputs(self, args: tuple[Any, ...]) -> tuple[Any, ...]:
        """The arguments, with a boundary behind which the gradients are complete."""
        self._input_count = len(args)
        self._inputs_differentiable = any(isinstance(a, Tensor) and a.requires_grad for a in args)
        return _cross(self._leave, args)

    def around_outputs(self, output: Any) -> Any:
        """The output, with a boundary that the gradients enter by."""
        crossed = _cross(self._enter, _as_tuple(output))
        return crossed if isinstance(output, tuple) else crossed[0]

    def _enter(self, grad_output: tuple[Any, ...]) -> tuple[Any, ...]:
        for hook in (*_BACKWARD_PRE.values(), *self._module._backward_pre_hooks.values()):
            result = hook(self._module, grad_output)
            if result is not None:
                grad_output = _checked("pre hook", result, grad_output)
        self._grad_output = grad_output
        if not self._inputs_differentiable and (_of(self._module, full=True) or (_BACKWARD and FULL[0])):
            warn(
                "Full backward hook is firing when gradients are computed with respect to module outputs "
                "since no inputs require gradients. See https://docs.pytorch.org/docs/main/generated/torch.nn.Module"
                ".html#torch.nn.Module.register_full_backward_hook for more details."
            )
            self._fire((None,) * self._input_count)
        return grad_output

    def _leave(self, grad_input: tuple[Any, ...]) -> tuple[Any, ...]:
        return self._fire(grad_input)

    def _fire(self, grad_input: tuple[Any, ...]) -> tuple[Any, ...]:
        for hook in (*(_BACKWARD.values() if FULL[0] else ()), *_of(self._module, full=True)):
            result = hook(self._module, grad_input, self._grad_output)
            if result is not None:
                grad_input = _checked("hook", result, grad_input)
        return grad_input


def _checked(kind: str, result: Any, given: tuple[Any, ...]) -> tuple[Any, ...]:
    """What a hook returned in place of gradients. Raises what PyTorch raises for the wrong number."""
    result = _as_tuple(result)
    if len(result) != len(given):
        raise RuntimeError(
            f"Backward {kind} returned an invalid number of grad_"
            f"{'output' if kind == 'pre hook' else 'input'}, got {len(result)}, but expected {len(given)}"
        )
    return result

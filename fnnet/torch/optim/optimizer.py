"""What every optimizer is: groups of parameters with options, a state for each parameter, hooks."""

from __future__ import annotations

import copy
import functools
import warnings
from collections import OrderedDict, defaultdict
from collections.abc import Callable, Iterable
from itertools import chain
from typing import Any

from fnnet.torch.dtypes import float32, float64, get_default_dtype
from fnnet.torch.optim import lent
from fnnet.torch.optim.lent import ParamsT as ParamsT
from fnnet.torch.optim.lent import _default_to_fused_or_foreach as _default_to_fused_or_foreach
from fnnet.torch.optim.lent import _disable_dynamo_if_unsupported as _disable_dynamo_if_unsupported
from fnnet.torch.optim.lent import _dispatch_sqrt as _dispatch_sqrt
from fnnet.torch.optim.lent import _get_capturable_supported_devices as _get_capturable_supported_devices
from fnnet.torch.optim.lent import _get_value as _get_value
from fnnet.torch.optim.lent import _params_t as _params_t
from fnnet.torch.optim.lent import _stack_if_compiling as _stack_if_compiling
from fnnet.torch.optim.lent import _use_grad_for_differentiable as _use_grad_for_differentiable
from fnnet.torch.optim.lent import _view_as_real as _view_as_real
from fnnet.torch.record import RECORD
from fnnet.torch.tensor import Tensor
from fnnet.torch.utils.hooks import RemovableHandle

Closure = Callable[[], Any]


class _Required:
    """Marks an option that a parameter group must give."""

    def __repr__(self) -> str:
        return "<required parameter>"


required = _Required()

_GLOBAL_PRE: OrderedDict[int, Callable[..., Any]] = OrderedDict()
_GLOBAL_POST: OrderedDict[int, Callable[..., Any]] = OrderedDict()
_HOOKS = (
    "_optimizer_step_pre_hooks",
    "_optimizer_step_post_hooks",
    "_optimizer_state_dict_pre_hooks",
    "_optimizer_state_dict_post_hooks",
    "_optimizer_load_state_dict_pre_hooks",
    "_optimizer_load_state_dict_post_hooks",
)


def register_optimizer_step_pre_hook(hook: Callable[..., Any]) -> RemovableHandle:
    """Call `hook(optimizer, args, kwargs)` before every step of every optimizer."""
    return RemovableHandle.register(_GLOBAL_PRE, hook)


def register_optimizer_step_post_hook(hook: Callable[..., Any]) -> RemovableHandle:
    """Call `hook(optimizer, args, kwargs)` after every step of every optimizer."""
    return RemovableHandle.register(_GLOBAL_POST, hook)


def typename(value: Any) -> str:
    """How PyTorch's messages name the type of a value."""
    if isinstance(value, Tensor):
        return str(value.type())
    kind = type(value)
    return kind.__qualname__ if kind.__module__ == "builtins" else f"{kind.__module__}.{kind.__qualname__}"


def _with_hooks(step: Callable[..., Any]) -> Callable[..., Any]:
    @functools.wraps(step)
    def hooked(*args: Any, **kwargs: Any) -> Any:
        self = args[0]
        for hook in (*_GLOBAL_PRE.values(), *self._optimizer_step_pre_hooks.values()):
            result = hook(self, args, kwargs)
            if result is not None:
                if not (isinstance(result, tuple) and len(result) == 2):
                    raise RuntimeError(
                        f"{step} must return None or a tuple of (new_args, new_kwargs), but got {result}."
                    )
                args, kwargs = result
        out = step(*args, **kwargs)
        for hook in (*self._optimizer_step_post_hooks.values(), *_GLOBAL_POST.values()):
            hook(self, args, kwargs)
        return out

    hooked.hooked = True  # type: ignore[attr-defined]
    return hooked


class Optimizer:
    """torch.optim.Optimizer.

    Attributes:
        param_groups: dicts of options, with the tensors under `params`.
        state: for each parameter a dict of what its update rule keeps.
        defaults: options of groups that do not give their own.
    """

    def __init__(self, params: Any, defaults: dict[str, Any]) -> None:
        self.defaults = defaults
        for table in _HOOKS:
            setattr(self, table, OrderedDict())
        self._patch_step_function()
        if isinstance(params, Tensor):
            raise TypeError(
                "params argument given to the optimizer should be an iterable of Tensors or dicts, but got "
                + typename(params)
            )
        self.state: defaultdict[Any, Any] = defaultdict(dict)
        self.param_groups: list[dict[str, Any]] = []
        groups = list(params)
        if not groups:
            raise ValueError("optimizer got an empty parameter list")
        if not isinstance(groups[0], dict):
            groups = [{"params": groups}]
        for group in groups:
            self.add_param_group(group)
        RECORD.run()  # what made the parameters, which happens once, is not compiled with the first step

    _group_tensors_by_device_and_dtype = staticmethod(lent._group_tensors_by_device_and_dtype)

    def _patch_step_function(self) -> None:
        kind: Any = type(self)
        if not getattr(kind.step, "hooked", False):
            kind.step = _with_hooks(kind.step)

    def __getstate__(self) -> dict[str, Any]:
        return {"defaults": self.defaults, "state": self.state, "param_groups": self.param_groups}

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__dict__.update(state)
        for table in _HOOKS:
            self.__dict__.setdefault(table, OrderedDict())
        self._patch_step_function()

    def __repr__(self) -> str:
        lines = [f"{type(self).__name__} ("]
        for index, group in enumerate(self.param_groups):
            lines += [""] * (index > 0) + [f"Parameter Group {index}"]
            lines += [f"    {key}: {group[key]}" for key in sorted(group) if key != "params"]
        return "\n".join([*lines, ")"])

    def step(self, closure: Closure | None = None) -> Any:
        """Move the parameters once; `closure` computes the loss anew, with its gradients, and returns it."""
        raise NotImplementedError

    def zero_grad(self, set_to_none: bool = True) -> None:
        """Forget the gradients of all parameters, or set them to zero."""
        for group in self.param_groups:
            for p in group["params"]:
                grad = p._grad
                if grad is None:
                    continue
                if set_to_none:
                    p.grad = None
                    continue
                if grad.grad_fn is not None:
                    grad.detach_()
                else:
                    grad.requires_grad_(False)
                grad.zero_()

    # ------------------------------------------------------------------ groups

    def add_param_group(self, param_group: dict[str, Any]) -> None:
        """Optimize more parameters, with options of their own.

        Raises:
            TypeError: not a dict, not tensors, or a set of them. ValueError: a parameter that is not a leaf,
                that is in another group, or that alone has (no) name; a required option that is not given.
        """
        if not isinstance(param_group, dict):
            raise TypeError(f"param_group must be a dict, but got {type(param_group)}")
        given = param_group["params"]
        if isinstance(given, set):
            raise TypeError(
                "optimizer parameters need to be organized in ordered collections, but "
                "the ordering of tensors in sets will change between runs. Please use a list instead."
            )
        given = [given] if isinstance(given, Tensor) else list(given)
        names = [one[0] for one in given if isinstance(one, tuple)]
        params = param_group["params"] = [one[1] if isinstance(one, tuple) else one for one in given]
        if names:
            if len(names) != len(params):
                raise ValueError(
                    "all optimizer params should be with/without names. Some param names are missing"
                )
            param_group["param_names"] = names
        for p in params:
            if not isinstance(p, Tensor):
                raise TypeError(
                    f"optimizer can only optimize Tensors, but one of the params is {typename(p)}"
                )
            if not (p.is_leaf or p.retains_grad):
                raise ValueError("can't optimize a non-leaf Tensor")
        for name, default in self.defaults.items():
            if default is required and name not in param_group:
                raise ValueError(
                    f"parameter group didn't specify a value of required optimization parameter {name}"
                )
            param_group.setdefault(name, default)
        if len(params) != len(set(params)):
            warnings.warn(
                "optimizer contains a parameter group with duplicate parameters; "
                "in future, this will cause an error; "
                "see github.com/pytorch/pytorch/issues/40967 for more information",
                stacklevel=3,
            )
        taken: set[Any] = set()
        for group in self.param_groups:
            taken.update(group["params"])
            if ("param_names" in param_group) != ("param_names" in group):
                kind = "with names" if "param_names" in param_group else "without names"
                raise ValueError(
                    "all optimizer param groups should be with/without names. "
                    f"cannot add param group {kind} to the optimizer"
                )
        if not taken.isdisjoint(params):
            raise ValueError("some parameters appear in more than one parameter group")
        self.param_groups.append(param_group)

    # ------------------------------------------------------------------ saving and loading

    def state_dict(self) -> dict[str, Any]:
        """The state and the groups' options, parameters named by their order."""
        for hook in self._hooks("state_dict_pre").values():
            hook(self)
        numbers: dict[int, int] = {}
        start = 0
        groups = []
        for group in self.param_groups:
            packed = {key: value for key, value in group.items() if key != "params"}
            for index, p in enumerate(group["params"], start):
                numbers.setdefault(id(p), index)
            packed["params"] = [numbers[id(p)] for p in group["params"]]
            start += len(packed["params"])
            groups.append(packed)
        state = {numbers[id(k)] if isinstance(k, Tensor) else k: v for k, v in self.state.items()}
        found: dict[str, Any] = {"state": state, "param_groups": groups}
        for hook in self._hooks("state_dict_post").values():
            result = hook(self, found)
            if result is not None:
                found = result
        return found

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Take a state that `state_dict` gave. Raises ValueError if its groups do not fit."""
        state_dict = dict(state_dict)
        for hook in self._hooks("load_state_dict_pre").values():
            result = hook(self, state_dict)
            if result is not None:
                state_dict = result
        saved = [{k: _copied(v) for k, v in group.items()} for group in state_dict["param_groups"]]
        groups = self.param_groups
        if len(groups) != len(saved):
            raise ValueError("loaded state dict has a different number of parameter groups")
        if any(len(g["params"]) != len(s["params"]) for g, s in zip(groups, saved, strict=True)):
            raise ValueError(
                "loaded state dict contains a parameter group "
                "that doesn't match the size of optimizer's group"
            )
        ids = chain.from_iterable(group["params"] for group in saved)
        params = chain.from_iterable(group["params"] for group in groups)
        owner = dict(zip(ids, params, strict=True))
        hosted = {
            index: bool(group.get("capturable") or group.get("fused"))
            for group in saved
            for index in group["params"]
        }
        state: defaultdict[Any, Any] = defaultdict(dict)
        for key, value in state_dict["state"].items():
            if key in owner:
                state[owner[key]] = _fitted(owner[key], value, hosted[key])
            else:
                state[key] = value
        for group, new in zip(groups, saved, strict=True):
            new["params"] = group["params"]
            if "param_names" in group:
                new.setdefault("param_names", group["param_names"])
        self.__setstate__({"state": state, "param_groups": saved})
        for hook in self._hooks("load_state_dict_post").values():
            hook(self)

    # ------------------------------------------------------------------ hooks

    def _hooks(self, table: str) -> OrderedDict[int, Callable[..., Any]]:
        found: OrderedDict[int, Callable[..., Any]] = getattr(self, f"_optimizer_{table}_hooks")
        return found

    def register_step_pre_hook(self, hook: Callable[..., Any]) -> RemovableHandle:
        """Call `hook(optimizer, args, kwargs)` before each step; it may return new ones."""
        return RemovableHandle.register(self._hooks("step_pre"), hook)

    def register_step_post_hook(self, hook: Callable[..., Any]) -> RemovableHandle:
        """Call `hook(optimizer, args, kwargs)` after each step."""
        return RemovableHandle.register(self._hooks("step_post"), hook)

    def register_state_dict_pre_hook(
        self, hook: Callable[..., Any], prepend: bool = False
    ) -> RemovableHandle:
        """Call `hook(optimizer)` before `state_dict`."""
        return RemovableHandle.register(self._hooks("state_dict_pre"), hook, prepend)

    def register_state_dict_post_hook(
        self, hook: Callable[..., Any], prepend: bool = False
    ) -> RemovableHandle:
        """Call `hook(optimizer, state_dict)` after `state_dict`; it may return another one."""
        return RemovableHandle.register(self._hooks("state_dict_post"), hook, prepend)

    def register_load_state_dict_pre_hook(
        self, hook: Callable[..., Any], prepend: bool = False
    ) -> RemovableHandle:
        """Call `hook(optimizer, state_dict)` before `load_state_dict`; it may return another one."""
        return RemovableHandle.register(self._hooks("load_state_dict_pre"), hook, prepend)

    def register_load_state_dict_post_hook(
        self, hook: Callable[..., Any], prepend: bool = False
    ) -> RemovableHandle:
        """Call `hook(optimizer)` after `load_state_dict`."""
        return RemovableHandle.register(self._hooks("load_state_dict_post"), hook, prepend)


def step_dtype() -> Any:
    """The dtype in which PyTorch counts steps: float64 if that is the default dtype, else float32."""
    return float64 if get_default_dtype() is float64 else float32


def _copied(value: Any) -> Any:
    return value.detach().clone() if isinstance(value, Tensor) else copy.deepcopy(value)


def _fitted(p: Tensor, value: Any, hosted: bool, key: Any = None) -> Any:
    """A saved state on the device and in the dtype of its parameter; `step` stays as it is unless hosted."""
    if isinstance(value, Tensor):
        if key == "step":
            return value.to(device=p.device, dtype=float32) if hosted else value
        if p.dtype.is_floating_point:
            return value.to(dtype=p.dtype, device=p.device)
        return value.to(device=p.device)
    if isinstance(value, dict):
        return {k: _fitted(p, v, hosted, k) for k, v in value.items()}
    if isinstance(value, Iterable) and not isinstance(value, str):
        make: Any = type(value)
        return make(_fitted(p, v, hosted) for v in value)
    return value

"""`state_dict` and `load_state_dict`, with PyTorch's strictness and words."""

from __future__ import annotations

import itertools
from collections import OrderedDict
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

from fnnet.torch.autograd import no_grad
from fnnet.torch.nn.parameter import Parameter
from fnnet.torch.nn.uninitialized import is_lazy
from fnnet.torch.tensor import Tensor
from fnnet.torch.warning import warn

__all__ = ["StateDict"]

_EXTRA = "_extra_state"


class _IncompatibleKeys(NamedTuple):
    missing_keys: list[str]
    unexpected_keys: list[str]

    def __repr__(self) -> str:
        if not self.missing_keys and not self.unexpected_keys:
            return "<All keys matched successfully>"
        return (
            f"_IncompatibleKeys(missing_keys={self.missing_keys!r}, unexpected_keys={self.unexpected_keys!r})"
        )


class StateDict:
    """The part of `Module` that saves and loads its state."""

    _parameters: dict[str, Any]
    _buffers: dict[str, Any]
    _modules: dict[str, Any]
    _non_persistent_buffers_set: set[str]
    _state_dict_hooks: dict[int, Callable[..., Any]]
    _state_dict_pre_hooks: dict[int, Callable[..., Any]]
    _load_state_dict_pre_hooks: dict[int, Callable[..., Any]]
    _load_state_dict_post_hooks: dict[int, Callable[..., Any]]
    _version: int

    def get_extra_state(self) -> Any:
        """State beside tensors; a subclass that has any defines this and `set_extra_state`."""
        raise RuntimeError(
            "Reached a code path in Module.get_extra_state() that should never be called. Please file an "
            "issue at https://github.com/pytorch/pytorch/issues/new?template=bug-report.yml to report this "
            "bug."
        )

    def set_extra_state(self, state: Any) -> None:
        """Take back what `get_extra_state` gave."""
        raise RuntimeError("set_extra_state is called only where a subclass defines it")

    def _own_state(self) -> dict[str, Any]:
        persistent = {n: b for n, b in self._buffers.items() if n not in self._non_persistent_buffers_set}
        return {
            n: t for n, t in itertools.chain(self._parameters.items(), persistent.items()) if t is not None
        }

    def _save_to_state_dict(self, destination: dict[str, Any], prefix: str, keep_vars: bool) -> None:
        for name, tensor in self._own_state().items():
            destination[prefix + name] = tensor if keep_vars else tensor.detach()
        if type(self).get_extra_state is not StateDict.get_extra_state:
            destination[prefix + _EXTRA] = self.get_extra_state()

    def state_dict(
        self, *args: Any, destination: Any = None, prefix: str = "", keep_vars: bool = False
    ) -> dict[str, Any]:
        """Parameters and persistent buffers by dotted name, in order of registration."""
        if args:
            destination, prefix, keep_vars = (*args, destination, prefix, keep_vars)[:3]
        if destination is None:
            destination = OrderedDict()
            destination._metadata = OrderedDict()
        metadata = {"version": self._version}
        if hasattr(destination, "_metadata"):
            destination._metadata[prefix[:-1]] = metadata
        for hook in self._state_dict_pre_hooks.values():
            hook(self, prefix, keep_vars)
        self._save_to_state_dict(destination, prefix, keep_vars)
        for name, module in self._modules.items():
            if module is not None:
                module.state_dict(destination=destination, prefix=f"{prefix}{name}.", keep_vars=keep_vars)
        for hook in self._state_dict_hooks.values():
            result = hook(self, destination, prefix, metadata)
            if result is not None:
                destination = result
        return destination

    def _load_from_state_dict(
        self,
        state_dict: dict[str, Any],
        prefix: str,
        local_metadata: dict[str, Any],
        strict: bool,
        missing_keys: list[str],
        unexpected_keys: list[str],
        error_msgs: list[str],
    ) -> None:
        given = (state_dict, prefix, local_metadata, strict, missing_keys, unexpected_keys, error_msgs)
        for hook in self._load_state_dict_pre_hooks.values():
            hook(*given)
        own = self._own_state()
        old = self._version >= 2 and (local_metadata.get("version") or 1) < 2
        for name, parameter in own.items():
            key = prefix + name
            if old and name == "num_batches_tracked":  # a checkpoint from before batches were counted
                state_dict.setdefault(key, parameter)
            if key not in state_dict:
                missing_keys.append(key)
                continue
            self._load_tensor(
                key, name, parameter, state_dict[key], bool(local_metadata.get("assign")), error_msgs
            )
        if type(self).set_extra_state is not StateDict.set_extra_state:
            if prefix + _EXTRA in state_dict:
                self.set_extra_state(state_dict[prefix + _EXTRA])
            else:
                missing_keys.append(prefix + _EXTRA)
            own[_EXTRA] = None
        for key in state_dict:
            if key.startswith(prefix):
                first, _, rest = key.removeprefix(prefix).partition(".")
                if first not in (self._modules if rest else own):
                    unexpected_keys.append(key)

    def _load_tensor(
        self, key: str, name: str, own: Tensor, given: Any, assign: bool, error_msgs: list[str]
    ) -> None:
        if not isinstance(given, Tensor):
            error_msgs.append(
                f'While copying the parameter named "{key}", expected torch.Tensor or Tensor-like object '
                f"from checkpoint but received {type(given)}"
            )
            return
        if is_lazy(own) and is_lazy(given):
            return
        if own.shape == () and tuple(given.shape) == (1,):  # checkpoints of PyTorch before 0.4
            given = given.select(0, 0)
        if tuple(given.shape) != tuple(own.shape):
            error_msgs.append(
                f"size mismatch for {key}: copying a param with shape {given.shape} from checkpoint, "
                f"the shape in current model is {own.shape}."
            )
            return
        with no_grad():
            if not assign:
                if own.is_meta and not given.is_meta:
                    warn(
                        f"for {key}: copying from a non-meta parameter in the checkpoint to a meta "
                        "parameter in the current model, which is a no-op. (Did you mean to pass "
                        "`assign=True` to assign items in the state dictionary to their corresponding key "
                        "in the module instead of copying them in place?)"
                    )
                own.copy_(given)
                return
            if isinstance(own, Parameter):
                given = given if isinstance(given, Parameter) else Parameter(given, own.requires_grad)
                given.requires_grad_(own.requires_grad)
            setattr(self, name, given)

    def load_state_dict(
        self, state_dict: Mapping[str, Any], strict: bool = True, assign: bool = False
    ) -> _IncompatibleKeys:
        """Copy (or, with `assign`, take over) a state; RuntimeError lists all that does not fit."""
        if not isinstance(state_dict, Mapping):
            raise TypeError(f"Expected state_dict to be dict-like, got {type(state_dict)}.")
        metadata = getattr(state_dict, "_metadata", None) or {}
        incompatible = _IncompatibleKeys([], [])
        error_msgs: list[str] = []

        def load(module: Any, state: dict[str, Any], prefix: str) -> None:
            local = {**metadata.get(prefix[:-1], {}), "assign": assign}
            module._load_from_state_dict(state, prefix, local, True, *incompatible, error_msgs)
            for name, child in module._modules.items():
                if child is not None:
                    inner = f"{prefix}{name}."
                    load(child, {k: v for k, v in state.items() if k.startswith(inner)}, inner)
            for hook in module._load_state_dict_post_hooks.values():
                hook(module, incompatible)

        load(self, dict(state_dict), "")
        if strict:
            for kind, keys in (("Missing", incompatible[0]), ("Unexpected", incompatible[1])):
                if keys:
                    shown = ", ".join(f'"{key}"' for key in keys)
                    error_msgs.insert(
                        int(kind == "Unexpected" and bool(incompatible[0])),
                        f"{kind} key(s) in state_dict: {shown}. ",
                    )
        if error_msgs:
            name = type(self).__name__
            raise RuntimeError(f"Error(s) in loading state_dict for {name}:\n\t" + "\n\t".join(error_msgs))
        return incompatible

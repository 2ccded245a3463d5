"""What a PyTorch module computes, layer by layer, forward and backward, in a plain file read without PyTorch.

The file is a safetensors file: arrays by name, and a description of the calls as JSON.
"""

from __future__ import annotations

import copy
import inspect
import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from os import PathLike
from typing import Any

import numpy as np

from fnnet.checkpoint import safetensors
from fnnet.checkpoint.refused import RefusedFileError
from fnnet.parity.plain import to_numpy

FORMAT = "fnnet.record"
_PLAIN = (bool, int, float, str, type(None))


@dataclass(frozen=True)
class Call:
    """One call of one module.

    Attributes:
        path: of the module; "" for the whole.
        turn: 0 for the module's first call, 1 for its second, ...
        kind: the class's name; arguments: those of its constructor that are plain values.
        training: the module's mode.
        inputs, output: pytrees of arrays; plain values stand as they are.
        input_gradients, output_gradient: the same structures, None where no gradient arrived; of the inputs
            what came through this call alone.
    """

    path: str
    turn: int
    kind: str
    arguments: dict[str, Any]
    training: bool
    inputs: list[Any]
    output: Any
    input_gradients: list[Any]
    output_gradient: Any

    @property
    def name(self) -> str:
        """The path, with "#2" for the second call."""
        return (self.path or "(whole)") + (f"#{self.turn + 1}" if self.turn else "")


@dataclass(frozen=True)
class Record:
    """A recorded run. Flat dicts have PyTorch's dotted names; calls stand in the order in which they ended.

    Attributes:
        parameters, buffers: before the run; buffers_after: after the forward pass.
        gradients: of the parameters.
        calls: of every module; the last one is the whole.
        steps: for each optimizer step the loss before it and the parameters and buffers after it.
        about: versions, the optimizer.
    """

    parameters: dict[str, np.ndarray]
    buffers: dict[str, np.ndarray]
    buffers_after: dict[str, np.ndarray]
    gradients: dict[str, np.ndarray]
    calls: list[Call]
    steps: list[dict[str, np.ndarray]] = field(default_factory=list)
    about: dict[str, Any] = field(default_factory=dict)

    @property
    def whole(self) -> Call:
        """The call of the whole."""
        return self.calls[-1]

    @staticmethod
    def load(path: str | PathLike[str]) -> Record:
        """Read a file that `record` wrote. Raises RefusedFileError (a ValueError) for any other."""
        arrays, strings = safetensors.read(path)
        try:
            about = json.loads(strings[FORMAT])
            calls = [_call(entry, arrays) for entry in about.pop("calls")]
            count = about["steps"]
            if not calls or not isinstance(count, int) or count > len(arrays):
                raise ValueError("no calls, or more steps than arrays")
        except (KeyError, TypeError, ValueError, AttributeError, RecursionError) as error:
            raise RefusedFileError(path, f"not a record: {str(error)[:100]}", FORMAT) from None

        def part(prefix: str) -> dict[str, np.ndarray]:
            return {name.removeprefix(prefix): a for name, a in arrays.items() if name.startswith(prefix)}

        return Record(
            part("parameter/"),
            part("buffer/"),
            part("buffer_after/"),
            part("gradient/"),
            calls,
            [part(f"step/{i}/") for i in range(count)],
            about,
        )


def _call(entry: dict[str, Any], arrays: dict[str, np.ndarray]) -> Call:
    def value(name: str) -> Any:
        return arrays[name]

    def gradient(name: str) -> Any:
        return arrays.get(f"{name}/gradient")

    path, turn, kind, training = entry["path"], entry["turn"], entry["kind"], entry["training"]
    if not (isinstance(path, str) and isinstance(turn, int) and isinstance(kind, str)):
        raise ValueError("a call has no path, turn or kind")
    inputs, output = entry["inputs"], entry["output"]
    return Call(
        path,
        turn,
        kind,
        dict(entry["arguments"]),
        bool(training),
        _unpack(inputs, value),
        _unpack(output, value),
        _unpack(inputs, gradient),
        _unpack(output, gradient),
    )


def _pack(value: Any, put: Callable[[Any], str]) -> dict[str, Any]:
    """The structure of a value as JSON, its tensors by the names that `put` gives them."""
    if hasattr(value, "detach"):
        return {"array": put(value)}
    if isinstance(value, list | tuple):
        kind = "list" if isinstance(value, list) else "tuple"
        return {kind: [_pack(part, put) for part in value]}
    if isinstance(value, dict):
        return {"dict": {str(name): _pack(part, put) for name, part in value.items()}}
    if isinstance(value, _PLAIN):
        return {"value": value}
    raise TypeError(f"record: cannot keep a {type(value).__name__} among inputs or outputs")


def _unpack(form: dict[str, Any], get: Callable[[str], Any]) -> Any:
    (kind, content), *_ = form.items()
    if kind == "array":
        return get(content)
    if kind in ("list", "tuple"):
        parts = [_unpack(part, get) for part in content]
        return parts if kind == "list" else tuple(parts)
    if kind == "dict":
        return {name: _unpack(part, get) for name, part in content.items()}
    if kind != "value" or not isinstance(content, _PLAIN):
        raise ValueError(f"unknown structure {kind!r}")
    return content


def _arguments(module: Any) -> dict[str, Any]:
    """The arguments of the module's constructor, as far as its attributes tell them as plain values."""
    found: dict[str, Any] = {}
    for name in inspect.signature(type(module).__init__).parameters:
        if name in ("self", "device", "dtype") or not hasattr(module, name):
            continue
        value = getattr(module, name)
        if name == "bias" and not isinstance(value, bool):
            value = value is not None
        if isinstance(value, tuple):
            value = list(value)
        if isinstance(value, _PLAIN) or (
            isinstance(value, list) and all(isinstance(v, _PLAIN) for v in value)
        ):
            found[name] = value
    return found


class _Recorder:
    """Hooks on every module that keep what comes in, goes out and comes back."""

    def __init__(self) -> None:
        self.arrays: dict[str, np.ndarray] = {}
        self.calls: list[dict[str, Any]] = []
        self.turns: dict[str, int] = {}
        self.open: list[dict[str, Any]] = []

    def _keep(self, name: str, tensor: Any) -> str:
        self.arrays[name] = to_numpy(tensor.detach().clone())
        if tensor.requires_grad:

            def come(gradient: Any) -> None:
                self.arrays[f"{name}/gradient"] = to_numpy(gradient.clone())

            tensor.register_hook(come)
        return name

    def _packed(self, prefix: str, value: Any) -> dict[str, Any]:
        count = iter(range(1 << 30))
        return _pack(value, lambda tensor: self._keep(f"{prefix}/{next(count)}", tensor))

    def before(self, path: str, module: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        """Keep the inputs, and hand on views of them, whose gradients are those through this call alone."""
        turn = self.turns.get(path, 0)
        self.turns[path] = turn + 1
        own = _map_tensors((args, kwargs), lambda t: t.view_as(t) if t.requires_grad else t)
        name = f"call/{path}/{turn}"
        entry = {"path": path, "turn": turn, "kind": type(module).__name__, "arguments": _arguments(module)}
        entry |= {"training": module.training, "inputs": self._packed(f"{name}/input", list(own[0]))}
        if kwargs:
            entry["options"] = sorted(kwargs)
        self.open.append(entry)
        return own

    def after(self, path: str, module: Any, output: Any) -> None:
        """Keep the output."""
        entry = self.open.pop()
        entry["output"] = self._packed(f"call/{path}/{entry['turn']}/output", output)
        self.calls.append(entry)


def _map_tensors(value: Any, function: Callable[[Any], Any]) -> Any:
    if hasattr(value, "detach"):
        return function(value)
    if type(value) in (list, tuple):
        return type(value)(_map_tensors(part, function) for part in value)
    if type(value) is dict:
        return {name: _map_tensors(part, function) for name, part in value.items()}
    return value


def _weighted_sum(torch: Any, output: Any) -> Any:
    """The sum of every floating output weighted by cos(i): every element counts differently."""
    terms: list[Any] = []

    def add(tensor: Any) -> None:
        if tensor.is_floating_point():
            angle = torch.arange(tensor.numel(), dtype=torch.float64).cos().to(tensor.dtype)
            terms.append((tensor * angle.reshape(tensor.shape)).sum())

    _map_tensors(output, add)
    if not terms:
        raise TypeError("record: the output has no floating tensor to differentiate")
    return sum(terms[1:], terms[0])


def record(
    module: Any,
    inputs: Sequence[Any],
    file: str | PathLike[str],
    *,
    loss: Callable[[Any], Any] | None = None,
    optimizer: Callable[[Any], Any] | None = None,
    optimizer_steps: int = 0,
) -> Record:
    """Run a PyTorch module or function forward and backward and write what every layer did. Needs PyTorch.

    Args:
        module: a torch.nn.Module, of which a copy is run in its present mode, or a function of tensors.
        inputs: its arguments; floating tensors are differentiated.
        file: where to write.
        loss: (output) -> scalar to differentiate; by default the outputs' sum weighted by cos(i).
        optimizer: (parameters) -> torch optimizer, for `optimizer_steps` further steps on the same inputs.

    Returns:
        The record, as `Record.load(file)` reads it. Raises ModuleNotFoundError without PyTorch,
        ValueError for steps without an optimizer.
    """
    import torch

    if optimizer_steps and (optimizer is None or not isinstance(module, torch.nn.Module)):
        raise ValueError("record: optimizer_steps: give optimizer=..., and a module")
    measure = loss or (lambda output: _weighted_sum(torch, output))
    keep = _Recorder()
    about: dict[str, Any] = {"version": 1, "torch": torch.__version__, "steps": optimizer_steps}
    given = [_map_tensors(x, lambda t: t.detach().clone()) for x in inputs]
    fresh = _map_tensors(given, lambda t: t.clone().requires_grad_(t.is_floating_point()))
    with torch.enable_grad():
        if isinstance(module, torch.nn.Module):
            net = copy.deepcopy(module)
            parameters = dict(net.named_parameters())
            for name, value in parameters.items():
                value.grad = None
                keep.arrays[f"parameter/{name}"] = to_numpy(value.detach().clone())
            for name, buffer in net.named_buffers():
                keep.arrays[f"buffer/{name}"] = to_numpy(buffer.clone())
            handles = _hook(keep, net)
            measure(net(*fresh)).backward()
            for handle in handles:
                handle.remove()
            for name, buffer in net.named_buffers():
                keep.arrays[f"buffer_after/{name}"] = to_numpy(buffer.clone())
            for name, value in parameters.items():
                if value.grad is not None:
                    keep.arrays[f"gradient/{name}"] = to_numpy(value.grad.clone())
            if optimizer_steps and optimizer is not None:
                about["optimizer"] = _steps(
                    keep, copy.deepcopy(module), optimizer, optimizer_steps, given, measure
                )
        else:
            entry: dict[str, Any] = {
                "path": "",
                "turn": 0,
                "kind": getattr(module, "__name__", "function"),
                "arguments": {},
            }
            entry |= {"training": False, "inputs": keep._packed("call//0/input", fresh)}
            output = module(*fresh)
            keep.calls.append(entry | {"output": keep._packed("call//0/output", output)})
            measure(output).backward()
    about["calls"] = keep.calls
    safetensors.write(file, keep.arrays, {FORMAT: json.dumps(about, allow_nan=True)})
    return Record.load(file)


def _hook(keep: _Recorder, net: Any) -> list[Any]:
    handles = []
    for path, part in net.named_modules():
        handles.append(
            part.register_forward_pre_hook(
                lambda m, args, kwargs, path=path: keep.before(path, m, args, kwargs), with_kwargs=True
            )
        )
        handles.append(part.register_forward_hook(lambda m, args, out, path=path: keep.after(path, m, out)))
    return handles


def _steps(
    keep: _Recorder, net: Any, make: Callable[[Any], Any], steps: int, inputs: Sequence[Any], measure: Any
) -> dict[str, Any]:
    rule = make(net.parameters())
    for i in range(steps):
        rule.zero_grad()
        value = measure(net(*inputs))
        value.backward()
        rule.step()
        keep.arrays[f"step/{i}/loss"] = to_numpy(value.detach().clone())
        for name, tensor in net.state_dict().items():
            keep.arrays[f"step/{i}/{name}"] = to_numpy(tensor.clone())
    plain = {name: value for name, value in rule.defaults.items() if isinstance(value, _PLAIN)}
    return {"kind": type(rule).__name__, "arguments": plain}

"""Recording what a PyTorch module computes, layer by layer, forward and backward; this side needs PyTorch."""

from __future__ import annotations

import copy
import inspect
import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from os import PathLike
from typing import Any

import numpy as np

from fnnet.checkpoint import safetensors
from fnnet.parity.plain import to_numpy
from fnnet.parity.recorded import FORMAT, PLAIN, Record


def _pack(value: Any, put: Callable[[Any], str]) -> dict[str, Any]:
    """The structure of a value as JSON, its tensors by the names that `put` gives them."""
    if hasattr(value, "detach"):
        return {"array": put(value)}
    if isinstance(value, list | tuple):
        kind = "list" if isinstance(value, list) else "tuple"
        return {kind: [_pack(part, put) for part in value]}
    if isinstance(value, Mapping):
        return {"dict": {str(name): _pack(part, put) for name, part in value.items()}}
    return {"value": value} if isinstance(value, PLAIN) else {"unkept": type(value).__name__}


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
        if isinstance(value, PLAIN) or (isinstance(value, list) and all(isinstance(v, PLAIN) for v in value)):
            found[name] = value
    return found


class _Recorder:
    """Hooks on every module that keep what comes in, goes out and comes back."""

    def __init__(self) -> None:
        self.arrays: dict[str, np.ndarray] = {}
        self.calls: list[dict[str, Any]] = []
        self.turns: dict[str, int] = {}
        self.open: list[dict[str, Any]] = []
        self.replaced: list[tuple[dict[str, Any], dict[str, Any]]] = []

    def _keep(self, name: str, tensor: Any) -> str:
        self.arrays[name] = to_numpy(tensor.detach().clone())
        if tensor.requires_grad:
            self._come(name, tensor)
        return name

    def _come(self, name: str, tensor: Any) -> None:
        """Keep the gradient that arrives at a tensor."""

        def come(gradient: Any) -> None:
            self.arrays[f"{name}/gradient"] = to_numpy(gradient.clone())

        tensor.register_hook(come)

    def _packed(self, prefix: str, value: Any) -> dict[str, Any]:
        count = iter(range(1 << 30))
        return _pack(value, lambda tensor: self._keep(f"{prefix}/{next(count)}", tensor))

    def before(self, path: str, module: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        """Keep the inputs, and hand on views of them, whose gradients are those through this call alone."""
        turn = self.turns.get(path, 0)
        self.turns[path] = turn + 1
        # after a change in place the gradient of a view is lost, that of the tensor itself is not
        alike = getattr(module, "inplace", False) is True
        own = _map_tensors((args, kwargs), lambda t: t.view_as(t) if t.requires_grad and not alike else t)
        name = f"call/{path}/{turn}"
        entry = {"path": path, "turn": turn, "kind": type(module).__name__, "arguments": _arguments(module)}
        entry |= {"training": module.training, "inputs": self._packed(f"{name}/input", list(own[0]))}
        if kwargs:
            entry["options"] = self._packed(f"{name}/option", own[1])
        self.open.append(entry)
        self._use_views(f"{name}/own", module, entry)
        return own

    def _use_views(self, prefix: str, module: Any, entry: dict[str, Any]) -> None:
        """Let the module compute with views of its parameters, as with its inputs."""
        table = module._parameters
        self.replaced.append((table, dict(table)))
        entry["own"] = {}
        for name, parameter in table.items():
            if parameter is not None and parameter.requires_grad:
                table[name] = parameter.view_as(parameter)
                entry["own"][name] = f"{prefix}/{name}"
                self._come(f"{prefix}/{name}", table[name])

    def after(self, path: str, module: Any, output: Any) -> Any:
        """Keep the output, and hand on copies of it, whose gradients are those that come from outside."""
        table, parameters = self.replaced.pop()
        table.update(parameters)
        entry = self.open.pop()
        output = _map_tensors(output, lambda t: t.clone() if t.requires_grad else t)
        entry["output"] = self._packed(f"call/{path}/{entry['turn']}/output", output)
        self.calls.append(entry)
        return output


def _map_tensors(value: Any, function: Callable[[Any], Any]) -> Any:
    if hasattr(value, "detach"):
        return function(value)
    if isinstance(value, tuple) and hasattr(value, "_fields"):
        return type(value)(*(_map_tensors(part, function) for part in value))
    if type(value) in (list, tuple):
        return type(value)(_map_tensors(part, function) for part in value)
    if type(value) is dict:
        return {name: _map_tensors(part, function) for name, part in value.items()}
    return value


def _tensors(value: Any) -> Iterator[Any]:
    if hasattr(value, "detach"):
        yield value
    elif isinstance(value, list | tuple | Mapping):
        for part in value.values() if isinstance(value, Mapping) else value:
            yield from _tensors(part)


def _weighted_sum(torch: Any, output: Any) -> Any:
    """The sum of every floating output weighted by cos(i): every element counts differently."""
    terms: list[Any] = []
    for tensor in _tensors(output):
        if tensor.is_floating_point():
            angle = torch.arange(tensor.numel(), dtype=torch.float64).cos().to(tensor.dtype)
            terms.append((tensor * angle.reshape(tensor.shape)).sum())
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
    steps: int = 0,
    scheduler: Callable[[Any], Any] | None = None,
    options: Mapping[str, Any] | None = None,
) -> Record:
    """Run a PyTorch module or function forward and backward and write what every layer did. Needs PyTorch.

    Args:
        module: a torch.nn.Module, of which a copy is run in its present mode, or a function of tensors.
        inputs: its arguments; floating tensors are differentiated.
        file: where to write.
        loss: (output) -> scalar to differentiate; by default the outputs' sum weighted by cos(i).
        optimizer: (parameters) -> torch optimizer, for `steps` steps on the same inputs, from the same start.
        scheduler: (optimizer) -> torch learning-rate scheduler, which steps after each of them.
        options: keyword inputs.

    Returns:
        The record, as `Record.load(file)` reads it. Raises ModuleNotFoundError without PyTorch,
        ValueError for steps without an optimizer.
    """
    import torch

    if steps and (optimizer is None or not isinstance(module, torch.nn.Module)):
        raise ValueError("record: steps: give optimizer=..., and a module")
    measure = loss or (lambda output: _weighted_sum(torch, output))
    keep = _Recorder()
    about: dict[str, Any] = {"version": 2, "torch": torch.__version__, "steps": []}
    given = _map_tensors((tuple(inputs), dict(options or {})), lambda t: t.detach().clone())
    fresh, named = _map_tensors(given, lambda t: t.clone().requires_grad_(t.is_floating_point()))
    with torch.enable_grad():
        if isinstance(module, torch.nn.Module):
            net = copy.deepcopy(module)
            parameters = dict(net.named_parameters())
            for name, value in parameters.items():
                value.grad = None
                keep.arrays[f"parameter/{name}"] = to_numpy(value.detach().clone())
            for name, buffer in net.named_buffers():
                keep.arrays[f"buffer/{name}"] = to_numpy(buffer.clone())
            names = {id(value): name for name, value in parameters.items()}
            every = dict(net.named_parameters(remove_duplicate=False))
            about["shared"] = {name: names[id(v)] for name, v in every.items() if name not in parameters}
            handles = _hook(keep, net)
            measure(net(*fresh, **named)).backward()
            for handle in handles:
                handle.remove()
            for name, buffer in net.named_buffers():
                keep.arrays[f"buffer_after/{name}"] = to_numpy(buffer.clone())
            for name, value in parameters.items():
                if value.grad is not None:
                    keep.arrays[f"gradient/{name}"] = to_numpy(value.grad.clone())
            if steps and optimizer is not None:
                net = copy.deepcopy(module)
                rule = optimizer(net.parameters())
                about["optimizer"] = _groups(net, rule)
                later = scheduler(rule) if scheduler is not None else None
                about["steps"] = [_take_step(keep, i, net, rule, later, given, measure) for i in range(steps)]
        else:
            entry: dict[str, Any] = {
                "path": "",
                "turn": 0,
                "kind": getattr(module, "__name__", "function"),
                "arguments": {},
            }
            entry |= {"training": False, "inputs": keep._packed("call//0/input", list(fresh))}
            entry |= {"options": keep._packed("call//0/option", named)}
            output = _map_tensors(module(*fresh, **named), lambda t: t.clone() if t.requires_grad else t)
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


def _plain(value: Any) -> Any:
    """A hyper-parameter as plain data; None if it is none."""
    if hasattr(value, "item") and getattr(value, "ndim", 1) == 0:
        return value.item()
    if isinstance(value, list | tuple):
        return [_plain(part) for part in value]
    return value if isinstance(value, PLAIN) else None


def _groups(net: Any, rule: Any) -> dict[str, Any]:
    """The optimizer's class, and the names of the parameters of each of its groups."""
    names = {id(value): name for name, value in net.named_parameters()}
    groups = [[names[id(p)] for p in group["params"] if id(p) in names] for group in rule.param_groups]
    return {"kind": type(rule).__name__, "groups": groups}


def _take_step(
    keep: _Recorder, i: int, net: Any, rule: Any, later: Any, given: Any, measure: Callable[[Any], Any]
) -> dict[str, Any]:
    """One step of the optimizer, and what it did."""
    names = {id(value): name for name, value in net.named_parameters()}
    options = [{n: _plain(v) for n, v in group.items() if n != "params"} for group in rule.param_groups]
    rule.zero_grad()
    output = _map_tensors(net(*given[0], **given[1]), lambda t: t.clone() if t.requires_grad else t)
    form = keep._packed(f"step/{i}/output", output)
    loss = measure(output)
    loss.backward()
    for name, value in net.named_parameters():
        if value.grad is not None:
            keep.arrays[f"step/{i}/gradient/{name}"] = to_numpy(value.grad.clone())
    rule.step()
    for name, tensor in {**dict(net.named_parameters()), **dict(net.named_buffers())}.items():
        keep.arrays[f"step/{i}/value/{name}"] = to_numpy(tensor.detach().clone())
    for parameter, state in rule.state.items():
        for slot, value in state.items():
            if hasattr(value, "detach") and id(parameter) in names:
                keep.arrays[f"step/{i}/state/{slot}.{names[id(parameter)]}"] = to_numpy(value.clone())
    if later is not None:
        later.step()
    return {"options": options, "output": form, "loss": loss.item()}

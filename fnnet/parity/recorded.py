"""A recorded run: what `fnnet.parity.record` wrote, read without PyTorch.

The file is a safetensors file: arrays by name, and a description of the calls as JSON.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from os import PathLike
from typing import Any

import numpy as np

from fnnet.checkpoint import safetensors
from fnnet.checkpoint.refused import RefusedFileError

FORMAT = "fnnet.record"
PLAIN = (bool, int, float, str, type(None))
"""What is kept as it stands."""


@dataclass(frozen=True)
class Unkept:
    """What stands in a record for a value that is neither array, container nor plain: its class."""

    kind: str


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
        options, option_gradients: the same of the keyword inputs, by name.
        parameter_gradients: of the parameters of the module itself, what came through this call alone.
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
    options: dict[str, Any] = field(default_factory=dict)
    option_gradients: dict[str, Any] = field(default_factory=dict)
    parameter_gradients: dict[str, np.ndarray] = field(default_factory=dict)

    @property
    def name(self) -> str:
        """The path, with "#2" for the second call."""
        return (self.path or "(whole)") + (f"#{self.turn + 1}" if self.turn else "")


@dataclass(frozen=True)
class OptimizerStep:
    """One step of a recorded optimizer.

    Attributes:
        loss: before the step.
        options: for each group of parameters, what its rule was given: lr, betas, ...
        gradients: of the parameters, which the step took.
        values: the parameters and buffers after it.
        state: what the optimizer keeps after it, "exp_avg.0.weight" for instance.
        output_gradient: that of the network's output.
    """

    loss: float
    options: list[dict[str, Any]]
    gradients: dict[str, np.ndarray]
    values: dict[str, np.ndarray]
    state: dict[str, np.ndarray]
    output_gradient: Any


@dataclass(frozen=True)
class Record:
    """A recorded run. Flat dicts have PyTorch's dotted names; calls stand in the order in which they ended.

    Attributes:
        parameters, buffers: before the run; buffers_after: after the forward pass.
        gradients: of the parameters.
        calls: of every module; the last one is the whole.
        steps: of the optimizer.
        about: versions, the optimizer.
    """

    parameters: dict[str, np.ndarray]
    buffers: dict[str, np.ndarray]
    buffers_after: dict[str, np.ndarray]
    gradients: dict[str, np.ndarray]
    calls: list[Call]
    steps: list[OptimizerStep] = field(default_factory=list)
    about: dict[str, Any] = field(default_factory=dict)

    @property
    def shared(self) -> dict[str, str]:
        """The other names of parameters that have several -> the name under which they are recorded."""
        return dict(self.about.get("shared", {}))

    @property
    def every_parameter(self) -> dict[str, np.ndarray]:
        """The parameters under all of their names."""
        return self.parameters | {alias: self.parameters[name] for alias, name in self.shared.items()}

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
            steps = [_optimizer_step(i, entry, arrays) for i, entry in enumerate(about.pop("steps"))]
            if not calls:
                raise ValueError("no calls")
            if steps:
                _check_optimizer(about["optimizer"], steps)
            if any(f"parameter/{name}" not in arrays for name in dict(about.get("shared", {})).values()):
                raise ValueError("another name of a parameter that is not there")
        except (KeyError, TypeError, ValueError, AttributeError, RecursionError) as error:
            raise RefusedFileError(path, f"not a record: {str(error)[:100]}", FORMAT) from None
        return Record(
            _below(arrays, "parameter/"),
            _below(arrays, "buffer/"),
            _below(arrays, "buffer_after/"),
            _below(arrays, "gradient/"),
            calls,
            steps,
            about,
        )


def _check_optimizer(about: Any, steps: list[OptimizerStep]) -> None:
    groups = about["groups"]
    named = isinstance(about["kind"], str) and isinstance(groups, list)
    if not named or not all(
        isinstance(names, list) and all(isinstance(n, str) for n in names) for names in groups
    ):
        raise ValueError("an optimizer without kind or groups")
    if any(
        len(step.options) != len(groups) or not all("lr" in own for own in step.options) for step in steps
    ):
        raise ValueError("an optimizer's step without its options")


def _below(arrays: Mapping[str, np.ndarray], prefix: str) -> dict[str, np.ndarray]:
    return {name.removeprefix(prefix): a for name, a in arrays.items() if name.startswith(prefix)}


def _optimizer_step(i: int, entry: dict[str, Any], arrays: dict[str, np.ndarray]) -> OptimizerStep:
    options = [{str(name): value for name, value in group.items()} for group in entry["options"]]
    return OptimizerStep(
        float(entry["loss"]),
        options,
        _below(arrays, f"step/{i}/gradient/"),
        _below(arrays, f"step/{i}/value/"),
        _below(arrays, f"step/{i}/state/"),
        _unpack(entry["output"], lambda name: arrays.get(f"{name}/gradient")),
    )


def _call(entry: dict[str, Any], arrays: dict[str, np.ndarray]) -> Call:
    def value(name: str) -> Any:
        return arrays[name]

    def gradient(name: str) -> Any:
        return arrays.get(f"{name}/gradient")

    path, turn, kind, training = entry["path"], entry["turn"], entry["kind"], entry["training"]
    if not (isinstance(path, str) and isinstance(turn, int) and isinstance(kind, str)):
        raise ValueError("a call has no path, turn or kind")
    inputs, output, options = entry["inputs"], entry["output"], entry.get("options", {"dict": {}})
    own = {str(name): arrays.get(f"{given}/gradient") for name, given in entry.get("own", {}).items()}
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
        dict(_unpack(options, value)),
        dict(_unpack(options, gradient)),
        {name: array for name, array in own.items() if array is not None},
    )


def _unpack(form: dict[str, Any], get: Callable[[str], Any]) -> Any:
    (kind, content), *_ = form.items()
    if kind == "array":
        return get(content)
    if kind in ("list", "tuple"):
        parts = [_unpack(part, get) for part in content]
        return parts if kind == "list" else tuple(parts)
    if kind == "dict":
        return {name: _unpack(part, get) for name, part in content.items()}
    if kind == "unkept":
        return Unkept(str(content))
    if kind != "value" or not isinstance(content, PLAIN):
        raise ValueError(f"unknown structure {kind!r}")
    return content

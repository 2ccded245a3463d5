"""Module classes derived from `fnnet.layers`: the same constructor, initial values and computation.

A derived module holds the layer, and runs the layer's own `forward` on tensors: the operations that it calls
take over (`fnnet.functional.dispatch_to`), and a scope that reads the module's attributes gives it the
parameters.
"""

from __future__ import annotations

import contextlib
import dataclasses
import inspect
from collections.abc import Iterator
from typing import Any, cast

from fnnet.functional.operation import Operation, dispatch_to
from fnnet.layers.layer import Layer, Scope
from fnnet.torch.creation import as_dtype
from fnnet.torch.dtypes import get_default_dtype, int64
from fnnet.torch.mode import no_grad
from fnnet.torch.nn import functional
from fnnet.torch.nn.container import ModuleDict, ModuleList, Sequential
from fnnet.torch.nn.module import Module
from fnnet.torch.nn.parameter import Parameter
from fnnet.torch.random import default_generator
from fnnet.torch.tensor import Tensor, from_array

__all__ = ["LayerModule", "module_class"]

_in_place = [False]


def _holds_tensor(value: Any) -> bool:
    return isinstance(value, Tensor) or (isinstance(value, list | tuple) and any(map(_holds_tensor, value)))


def _dispatch(operation: Operation, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
    """Answer a call of a declared operation that is given tensors."""
    if not any(map(_holds_tensor, args)) and not any(map(_holds_tensor, kwargs.values())):
        return NotImplemented
    function = functional.OPERATIONS[operation.name]
    if _in_place[0] and operation.in_place:
        _in_place[0] = False
        return function(*args, **kwargs, inplace=True)
    return function(*args, **kwargs)


dispatch_to(_dispatch)


@contextlib.contextmanager
def _first_operation_in_place(wanted: bool) -> Iterator[None]:
    _in_place[0] = wanted
    try:
        yield
    finally:
        _in_place[0] = False


class ModuleScope(Scope):
    """The scope of a layer whose parameters, buffers and parts are a module's."""

    def __init__(self, module: Module) -> None:
        self.module = module
        self.layer = getattr(module, "_layer", None)  # type: ignore[assignment]
        self.training = module.training
        self.path = ""

    def __getitem__(self, name: str) -> Any:
        value = getattr(self.module, name)
        return ModuleScope(value) if isinstance(value, Module) else value

    def __iter__(self) -> Iterator[str]:
        return iter({**self.module._parameters, **self.module._modules})

    def __len__(self) -> int:
        return len({**self.module._parameters, **self.module._modules})

    def apply(self, layer: Layer, *inputs: Any, **options: Any) -> Any:
        return self.module(*inputs, **options)

    def buffer(self, name: str) -> Any:
        return self.module._buffers[name]

    def update(self, **values: Any) -> None:
        with no_grad():
            for name, value in values.items():
                self.module._buffers[name].copy_(value)

    @property
    def source(self) -> Any:
        return default_generator.stream


class LayerModule(Module):
    """A module derived from a layer."""

    _layer: Layer
    _layer_class: type[Layer]

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__()
        options = {
            name: kwargs.pop(name) for name in ("device", "dtype") if name in kwargs and self._has_tensors()
        }
        try:
            layer = self._layer_class(*args, **kwargs)
        except TypeError as error:
            raise TypeError(
                str(error).replace(
                    self._layer_class.__name__ + ".__init__", f"{type(self).__name__}.__init__"
                )
            ) from None
        dtype = as_dtype(options.get("dtype")) or get_default_dtype()
        self._build(layer, layer.draw(default_generator.stream.__source__(), dtype.numpy), dtype)
        if options.get("device") is not None:
            self.to(device=options["device"])

    @classmethod
    def _has_tensors(cls) -> bool:
        owns = ("own_parameters", "own_buffers", "draw")
        return any(getattr(cls._layer_class, name) is not getattr(Layer, name) for name in owns)

    def _build(self, layer: Layer, drawn: dict[str, Any], dtype: Any) -> None:
        """Take over the layer, and make its initial values parameters."""
        object.__setattr__(self, "_layer", layer)
        parts = layer.children()
        own = {name: value for name, value in drawn.items() if name not in parts}
        for name in self._parameter_names(layer, own):
            value = own.get(name)
            self.register_parameter(name, None if value is None else Parameter(from_array(value)))
        for name, value in layer.own_buffers(dtype.numpy).items():
            self.register_buffer(name, _buffer(value))
        for name, value in _fields(layer).items():
            if name not in self._parameters and name not in self._buffers and name not in parts:
                object.__setattr__(self, name, value)
        for name, part in parts.items():
            self.add_module(name, from_layer(part, drawn.get(name, {}), dtype))

    @staticmethod
    def _parameter_names(layer: Layer, own: dict[str, Any]) -> list[str]:
        """The parameters' names, with those that an option like `bias=False` leaves None."""
        return [*own, *(n for n in ("weight", "bias") if n not in own and getattr(layer, n, None) is False)]

    def __setattr__(self, name: str, value: Any) -> None:
        super().__setattr__(name, value)
        layer = self.__dict__.get("_layer")
        if dataclasses.is_dataclass(layer) and name in _fields(layer) and name not in self._parameters:
            object.__setattr__(self, "_layer", dataclasses.replace(cast(Any, layer), **{name: value}))

    def forward(self, *inputs: Any, **options: Any) -> Any:
        with _first_operation_in_place(bool(getattr(self._layer, "inplace", False))):
            return self._layer.forward(ModuleScope(self), *inputs, **options)

    def extra_repr(self) -> str:
        return self._layer.extra_repr()

    def reset_parameters(self) -> None:
        """Draw the initial values anew, from the default generator."""
        first = next(iter(self.parameters()), None)
        dtype = get_default_dtype() if first is None else first.dtype
        with no_grad():
            drawn = self._layer.draw(default_generator.stream.__source__(), dtype.numpy)
            for name, value in _flat(drawn).items():
                self.get_parameter(name).copy_(from_array(value))


def _buffer(value: Any) -> Tensor:
    made = from_array(value)
    return made.to(int64) if str(made.dtype) == "torch.int32" else made  # type: ignore[attr-defined]


def _fields(layer: Any) -> dict[str, Any]:
    if not dataclasses.is_dataclass(layer):
        return {n: v for n, v in vars(layer).items() if not n.startswith("_") and not isinstance(v, Layer)}
    return {field.name: getattr(layer, field.name) for field in dataclasses.fields(layer)}


def _flat(tree: dict[str, Any], prefix: str = "") -> dict[str, Any]:
    flat: dict[str, Any] = {}
    for name, value in tree.items():
        flat.update(_flat(value, f"{prefix}{name}.") if isinstance(value, dict) else {prefix + name: value})
    return flat


_CLASSES: dict[str, type[LayerModule]] = {}


def module_class(layer_class: type[Layer]) -> type[LayerModule]:
    """The module class of a layer class, with the layer's signature and documentation."""
    name = layer_class.__name__
    if name not in _CLASSES:
        bases = tuple(
            module_class(base)
            for base in layer_class.__bases__
            if issubclass(base, Layer) and base is not Layer and not base.__name__.startswith("_")
        )
        made = type(
            name, bases or (LayerModule,), {"_layer_class": layer_class, "__doc__": layer_class.__doc__}
        )
        made.__module__ = "fnnet.torch.nn"
        made.__signature__ = inspect.signature(layer_class)  # type: ignore[attr-defined]
        _CLASSES[name] = made
    return _CLASSES[name]


def from_layer(layer: Layer, drawn: dict[str, Any], dtype: Any) -> Module:
    """A module of a layer and its initial parameters."""
    containers = {"Sequential": Sequential, "ModuleList": ModuleList, "ModuleDict": ModuleDict}
    kind = containers.get(type(layer).__name__)
    if kind is not None:
        made: Module = kind()
        for name, part in layer.children().items():
            made.add_module(name, from_layer(part, drawn.get(name, {}), dtype))
        return made
    cls = module_class(type(layer))
    module = cls.__new__(cls)
    Module.__init__(module)
    module._build(layer, drawn, dtype)
    return module

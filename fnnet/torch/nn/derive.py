"""Module classes derived from `fnnet.layers`: the same constructor, initial values and computation.

A derived module holds the layer, and runs the layer's own `forward` on tensors: the operations that it calls
take over (`fnnet.functional.dispatch_to`), and a scope that reads the module's attributes gives it the
parameters.
"""

from __future__ import annotations

import contextlib
import copy
import inspect
from collections.abc import Iterator
from typing import Any

import jax
import numpy as np

from fnnet import layers
from fnnet.checkpoint import flat
from fnnet.functional.operation import Operation, dispatch_to, listening
from fnnet.layers.layer import Layer, Scope
from fnnet.torch.creation import as_dtype
from fnnet.torch.devices import CPU, META, as_device
from fnnet.torch.drawing import Noting, source_of
from fnnet.torch.dtypes import get_default_dtype, int64, of_numpy
from fnnet.torch.mode import no_grad
from fnnet.torch.nn import attributes, functional
from fnnet.torch.nn.brought import FACTORIES, Brought, Factory
from fnnet.torch.nn.container import ModuleDict, ModuleList, Sequential
from fnnet.torch.nn.module import Module
from fnnet.torch.nn.parameter import Parameter
from fnnet.torch.presented import is_own
from fnnet.torch.random import default_generator
from fnnet.torch.record import without_data
from fnnet.torch.spec import spec_of
from fnnet.torch.tensor import Tensor, from_array, wrap
from fnnet.torch.warning import warn

__all__ = ["LayerModule", "as_module", "from_layer", "module_class"]

_in_place = [False]


def _holds_tensor(value: Any) -> bool:
    return isinstance(value, Tensor) or (isinstance(value, list | tuple) and any(map(_holds_tensor, value)))


def _dispatch(operation: Operation, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
    """Answer a call of a declared operation that is given tensors."""
    if not (args and isinstance(args[0], Tensor)) and not any(map(_holds_tensor, (*args, *kwargs.values()))):
        return NotImplemented
    source = source_of(list(kwargs)) if kwargs else ""
    if source and not isinstance(kwargs[source], Tensor):  # draws come from the default generator
        kwargs = {name: value for name, value in kwargs.items() if name != source}
    function = functional.OPERATIONS[operation.name]
    if _in_place[0] and operation.in_place:
        _in_place[0] = False
        return function(*args, **kwargs, inplace=True)
    return function(*args, **kwargs)


dispatch_to(_dispatch)


@contextlib.contextmanager
def _first_operation_in_place(wanted: bool) -> Iterator[None]:
    before, _in_place[0] = _in_place[0], wanted
    try:
        yield
    finally:
        _in_place[0] = before


class ModuleScope(Scope):
    """The scope of a layer whose parameters, buffers and parts are a module's."""

    path = ""

    def __init__(self, module: Module) -> None:
        self.module = module

    @property
    def layer(self) -> Any:  # type: ignore[override]
        return self.module.__dict__.get("_layer")

    @property
    def training(self) -> bool:  # type: ignore[override]
        return self.module.training

    def __getitem__(self, name: str) -> Any:
        value = self.module.__dict__["_parameters"].get(name)
        if value is None:
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
        return default_generator


class LayerModule(Module):
    """A module derived from a layer."""

    _layer: Layer
    _layer_class: type[Layer]

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__()
        given, options = self._arguments(args, kwargs)
        tensors = {name: value for name, value in given.items() if isinstance(value, Tensor)}
        for name in ("weight", "pos_weight"):
            if isinstance(given.get(name), list | tuple):
                raise TypeError(
                    f"cannot assign '{type(given[name]).__name__}' object to buffer '{name}' (torch Tensor "
                    "or None required)"
                )
        with listening() as notices:
            layer = self._layer_class(**{n: v for n, v in given.items() if n not in tensors})
        for message, category in notices:
            warn(message, category)
        dtype = as_dtype(options.get("dtype")) or get_default_dtype()
        if not dtype.differentiable:
            raise RuntimeError("Only Tensors of floating point and complex dtype can require gradients")
        where = as_device(options.get("device"))
        fills = _fills(type(self))
        if where is META:
            drawn = _shapes(layer, dtype)
        else:
            drawn = _unfilled(layer, dtype) if fills else _drawn(layer, dtype)
        self._build(layer, drawn, dtype)
        for name, value in tensors.items():
            self.register_buffer(name, value)
        if where is not CPU:
            self.to(device=where)
        for name in fills:
            getattr(self, name)()

    def _arguments(
        self, args: tuple[Any, ...], kwargs: dict[str, Any]
    ) -> tuple[dict[str, Any], dict[str, Any]]:
        """The layer's arguments by name, and `device` and `dtype`. Raises TypeError in Python's words."""
        cls = self._layer_class
        try:
            bound = _signature(cls).bind(*args, **kwargs)
        except TypeError:
            placed = {n: v for n, v in kwargs.items() if n not in ("device", "dtype")}
            try:
                cls(*args, **placed)
            except TypeError as plain:
                error = plain
            else:
                name = next(n for n in kwargs if n not in placed)
                error = TypeError(f"{cls.__name__}.__init__() got an unexpected keyword argument '{name}'")
            message = str(error).replace(cls.__name__ + ".__init__", type(self).__name__ + ".__init__")
            raise TypeError(message) from None
        given: dict[str, Any] = {}
        for name, value in bound.arguments.items():
            kind = bound.signature.parameters[name].kind
            if kind is inspect.Parameter.VAR_KEYWORD:
                given.update(value)
            elif kind is not inspect.Parameter.VAR_POSITIONAL:
                given[name] = value
        options: dict[str, Any] = {}
        for name in ("device", "dtype"):
            if name in given and _has_tensors(cls):
                options[name] = given.pop(name)
        if not _is_plain(cls):
            given = {name: _as_layer(name, value) for name, value in given.items()}
        return given, options

    def _build(self, layer: Layer, drawn: dict[str, Any], dtype: Any) -> None:
        """Take over the layer, and make its initial values parameters."""
        object.__setattr__(self, "_layer", layer)
        parts = layer.children()
        for name, value in attributes.of(layer).items():
            if name not in parts:
                object.__setattr__(self, name, value)
        own = {name: value for name, value in drawn.items() if name not in parts}
        for name in dict.fromkeys((*attributes.optional(layer, "parameters"), *own)):
            value = own.get(name)
            self.__dict__.pop(name, None)
            self.register_parameter(name, None if value is None else Parameter(_first(value)))
        with jax.enable_x64(True):
            buffers = layer.own_buffers(dtype.numpy)
        for name in dict.fromkeys((*attributes.optional(layer, "buffers"), *buffers)):
            value = buffers.get(name)
            self.__dict__.pop(name, None)
            self.register_buffer(name, None if value is None else _buffer(value))
        for name, part in parts.items():
            self.add_module(name, from_layer(part, drawn.get(name, {}), dtype))

    def __setattr__(self, name: str, value: Any) -> None:
        super().__setattr__(name, value)
        layer = self.__dict__.get("_layer")
        field = attributes.field_of(layer, name)
        if field and name in attributes.optional(layer, "parameters"):
            if isinstance(vars(layer).get(field), bool):  # whether there is such a parameter
                self._change(field, value is not None)
        elif layer is not None and vars(layer).get(name) is None and isinstance(value, Module) and field:
            self._change(field, Brought(value))  # a part that was left out
        elif (
            field and name not in self._parameters and name not in self._buffers and name not in self._modules
        ):
            self._change(field, value)

    def _change(self, field: str, value: Any) -> None:
        object.__setattr__(self, "_layer", _with(self._layer, field, value))

    def forward(self, *inputs: Any, **options: Any) -> Any:
        layer = self._layer
        wanted = bool(getattr(layer, "inplace", False))
        if wanted is _in_place[0]:
            return layer.forward(ModuleScope(self), *inputs, **options)
        with _first_operation_in_place(wanted):
            return layer.forward(ModuleScope(self), *inputs, **options)

    def extra_repr(self) -> str:
        layer = self._layer
        if isinstance(vars(layer).get("bias"), bool) and "bias" in attributes.optional(layer, "parameters"):
            present = self.bias is not None  # it may have been taken away, or brought
            layer = layer if present is vars(layer)["bias"] else _with(layer, "bias", present)
        return layer.extra_repr()


def _with(layer: Layer, field: str, value: Any) -> Layer:
    """The layer with another value of a field."""
    changed = copy.copy(layer)
    object.__setattr__(changed, field, value)
    return changed


class Trained(LayerModule):
    """A derived module with parameters or buffers of its own, which can be drawn anew."""

    def reset_parameters(self) -> None:
        """Draw the initial values anew, from the default generator; buffers go back to their first values."""
        first = next(iter(self.parameters()), None)
        dtype = get_default_dtype() if first is None else first.dtype
        if first is not None and first.is_meta:
            return
        with no_grad():
            for name, value in flat(_drawn(self._layer, dtype)).items():
                self.get_parameter(name).copy_(from_array(value))
            self.reset_running_stats()

    def reset_running_stats(self) -> None:
        """Running statistics to their first values."""
        with jax.enable_x64(True):
            first = self._layer.own_buffers(get_default_dtype().numpy)
        with no_grad():
            for name, value in first.items():
                self._buffers[name].copy_(_buffer(value))


def _drawn(layer: Layer, dtype: Any) -> dict[str, Any]:
    with jax.enable_x64(True):
        return layer.draw(default_generator.__source__(), dtype.numpy)


def _shapes(layer: Layer, dtype: Any) -> dict[str, Any]:
    """What `_drawn` gives, in its order, as shapes and dtypes; nothing is drawn."""
    order: list[dict[str, Any]] = []

    def draw() -> dict[str, Any]:
        order.append(layer.draw(Noting(), dtype.numpy))
        return order[0]

    with jax.enable_x64(True):
        return _ordered_as(order, jax.eval_shape(draw))


def _ordered_as(order: list[dict[str, Any]], shapes: dict[str, Any]) -> dict[str, Any]:
    """The shapes, which JAX has sorted by their names, in the order of what they are shapes of."""
    return {
        name: _ordered_as([value], shapes[name]) if isinstance(value, dict) else shapes[name]
        for name, value in order[0].items()
    }


_RESETS = ("reset_parameters", "_reset_parameters")


def _unfilled(layer: Layer, dtype: Any) -> dict[str, Any]:
    """What `_drawn` gives with zeros for the layer's own parameters, which a program's method will fill."""
    parts = layer.children()
    return {
        name: _drawn(parts[name], dtype)
        if name in parts
        else jax.tree.map(lambda one: np.zeros(one.shape, one.dtype), value)
        for name, value in _shapes(layer, dtype).items()
    }


def _fills(cls: type) -> list[str]:
    """Methods of a program's class that fill its parameters, which PyTorch's constructors call."""
    methods = {name: getattr(cls, name, None) for name in _RESETS}
    return [name for name, method in methods.items() if method and not is_own(method.__module__)]


def _first(value: Any) -> Tensor:
    """A parameter's initial value as a tensor: of a shape alone, one on the device `meta`."""
    if isinstance(value, jax.ShapeDtypeStruct):
        return wrap(without_data(), spec_of(value.shape, of_numpy(value.dtype), META))
    return from_array(value)


def _is_plain(layer_class: type[Layer]) -> bool:
    """Whether it is one of torch.nn's layers, and not a network of them."""
    return layer_class.__module__.startswith("fnnet.layers")


def _as_layer(name: str, value: Any) -> Any:
    """An argument of a network's module, as the layer takes it."""
    if isinstance(value, Module):
        return Brought(value)
    own = getattr(value, "_layer_class", None)
    if own is not None and CLASSES.get(own) is value:
        return own
    if isinstance(value, type) and issubclass(value, Module):
        return Factory(value, as_module)
    return Factory(value, as_module) if name in FACTORIES and value is not None else value


def as_module(value: Any) -> Any:
    """What a layer's constructor hands on, as a module that a user brings takes it."""
    if isinstance(value, Layer):
        dtype = get_default_dtype()
        return from_layer(value, _drawn(value, dtype), dtype)
    if isinstance(value, type) and issubclass(value, Layer):
        return module_class(value)
    return value.make if isinstance(value, Factory) else value


_COMPOSED = frozenset(
    {
        "AdaptiveLogSoftmaxWithLoss",
        "LinearCrossEntropyLoss",
        "Transformer",
        "TransformerDecoderLayer",
        "TransformerEncoderLayer",
    }
)
"""Layers whose parameters are in their parts, and whose constructors take `device` and `dtype` for them."""


def _has_tensors(layer_class: type[Layer]) -> bool:
    if not _is_plain(layer_class):
        return False
    if any(base.__name__ in _COMPOSED for base in layer_class.__mro__):
        return True
    owns = ("own_parameters", "own_buffers", "draw")
    return any(getattr(layer_class, name) is not getattr(Layer, name) for name in owns)


def _signature(layer_class: type[Layer]) -> inspect.Signature:
    """The layer's signature; where it has tensors, with `device` and `dtype` after what may be positional."""
    signature = inspect.signature(layer_class)
    kinds = inspect.Parameter
    given = list(signature.parameters.values())
    if not _has_tensors(layer_class) or any(p.kind is kinds.VAR_POSITIONAL for p in given):
        return signature
    named = any(p.kind is kinds.KEYWORD_ONLY for p in given)
    kind = kinds.KEYWORD_ONLY if named else kinds.POSITIONAL_OR_KEYWORD
    extra = [kinds(name, kind, default=None) for name in ("device", "dtype")]
    first = [p for p in given if p.kind is kinds.POSITIONAL_OR_KEYWORD]
    return signature.replace(parameters=[*first, *extra, *given[len(first) :]])


def _buffer(value: Any) -> Tensor:
    made = from_array(value)
    return made if made.is_floating_point() else made.to(int64)


ROOTS: dict[type[Layer], type[LayerModule]] = {}
"""By the first class of a family of layers: what its modules have that others have not (`families.py`)."""


CLASSES: dict[type[Layer], Any] = {
    layers.Sequential: Sequential,
    layers.ModuleList: ModuleList,
    layers.ModuleDict: ModuleDict,
}
"""From a layer's class to the class of its modules; what is written by hand is entered there too."""


def module_class(layer_class: type[Layer], place: str = "fnnet.torch.nn") -> Any:
    """The module class of a layer class, with the layer's signature and documentation.

    A subclass of a container is both a container and derived. `place` is the module that it says it is from.
    """
    found = CLASSES.get(layer_class)
    if found is None:
        bases = tuple(
            module_class(base, place)
            for base in layer_class.__bases__
            if issubclass(base, Layer) and base not in (Layer, layers.FunctionLayer)
        )
        body: dict[str, Any] = {
            "_layer_class": layer_class,
            "__doc__": layer_class.__doc__,
            "__module__": place,
        }
        if not bases:
            own = _is_plain(layer_class) and layer_class.own_parameters is not Layer.own_parameters
            bases = (ROOTS.get(layer_class, Trained if own else LayerModule),)
        elif not issubclass(bases[0], LayerModule):
            bases = (LayerModule, *bases)
            if "forward" not in vars(layer_class):
                body["forward"] = bases[1].forward
        found = CLASSES[layer_class] = type(layer_class.__name__, bases, body)
        found.__signature__ = _signature(layer_class)  # type: ignore[attr-defined]
    return found


def from_layer(layer: Layer, drawn: dict[str, Any], dtype: Any) -> Module:
    """A module of a layer and its initial parameters."""
    if isinstance(layer, Brought):
        return layer.module
    cls = module_class(type(layer))
    if not issubclass(cls, LayerModule):
        made: Module = cls()
        for name, part in layer.children().items():
            made.add_module(name, from_layer(part, drawn.get(name, {}), dtype))
        return made
    module = cls.__new__(cls)
    Module.__init__(module)
    module._build(layer, drawn, dtype)
    return module

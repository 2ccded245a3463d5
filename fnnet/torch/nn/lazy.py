"""Lazy modules, which get their parameters when the first input comes."""

from __future__ import annotations

import itertools
from typing import Any, ClassVar

import jax
import numpy as np

from fnnet import layers
from fnnet.layers.layer import Layer
from fnnet.layers.lazy import _Lazy
from fnnet.random.source import KeySource
from fnnet.torch.creation import as_dtype
from fnnet.torch.dtypes import get_default_dtype
from fnnet.torch.mode import no_grad
from fnnet.torch.nn.derive import CLASSES, LayerModule, _signature, module_class
from fnnet.torch.nn.module import Module
from fnnet.torch.nn.uninitialized import UninitializedBuffer, UninitializedParameter, is_lazy

__all__ = ["LazyModuleMixin"]


class LazyModuleMixin:
    """What makes a module lazy: its first call runs `initialize_parameters(*args, **kwargs)` before forward.

    A module whose class has a `cls_to_become` is of that class afterwards.
    """

    cls_to_become: ClassVar[Any] = None

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._become_lazy()

    def _become_lazy(self: Any) -> None:
        self._load_hook = self._register("_load_state_dict_pre_hooks", self._lazy_load_hook)
        self._initialize_hook = self.register_forward_pre_hook(self._infer_parameters, with_kwargs=True)

    def _save_to_state_dict(self: Any, destination: dict[str, Any], prefix: str, keep_vars: bool) -> None:
        for name, tensor in self._own_state().items():
            destination[prefix + name] = tensor if is_lazy(tensor) or keep_vars else tensor.detach()

    def _lazy_load_hook(self: Any, state_dict: dict[str, Any], prefix: str, *given: Any) -> None:
        for name, tensor in itertools.chain(self._parameters.items(), self._buffers.items()):
            loaded = state_dict.get(prefix + name)
            if loaded is not None and is_lazy(tensor) and not is_lazy(loaded):
                tensor.materialize(loaded.shape)

    def initialize_parameters(self, *args: Any, **kwargs: Any) -> None:
        """Materialise the parameters by the inputs of the first call; defined by each lazy module."""
        raise NotImplementedError(f"initialize_parameters is not implemented for {type(self).__name__}")

    def has_uninitialized_params(self: Any) -> bool:
        """Whether the shape of some parameter or buffer is not known."""
        return any(map(is_lazy, itertools.chain(self._parameters.values(), self._buffers.values())))

    def _infer_parameters(self: Any, module: Any, args: Any, kwargs: Any = None) -> None:
        module.initialize_parameters(*args, **(kwargs or {}))
        if module.has_uninitialized_params():
            raise RuntimeError(f"module {self._get_name()} has not been fully initialized")
        module._initialize_hook.remove()
        module._load_hook.remove()
        del module._initialize_hook, module._load_hook
        if module.cls_to_become is not None:
            module.__class__ = module.cls_to_become


class _LazyLayer(LazyModuleMixin):
    """A lazy module derived from a lazy layer; what it becomes is its other base class."""

    _layer_class: ClassVar[Any]
    _layer: Layer

    def __init__(self: Any, *args: Any, **kwargs: Any) -> None:
        Module.__init__(self)
        self._become_lazy()
        given, options = self._arguments(args, kwargs)
        lazy: Any = self._layer_class(**given)
        dtype = as_dtype(options.get("dtype")) or get_default_dtype()
        with jax.enable_x64(True):
            plain = lazy.with_size(getattr(lazy, "groups", 1))
            shapes = jax.eval_shape(lambda: plain.own_parameters(KeySource(jax.random.key(0)), dtype.numpy))
        self._build(plain, {n: np.zeros(s.shape, s.dtype) for n, s in shapes.items()}, dtype)
        place = {"device": options.get("device"), "dtype": options.get("dtype")}
        for name, parameter in self._parameters.items():
            if parameter is not None:
                self._parameters[name] = UninitializedParameter(**place)
        for name, buffer in self._buffers.items():
            if buffer is not None and buffer.is_floating_point():
                self._buffers[name] = UninitializedBuffer(**place)
        setattr(self, lazy.inferred, 0)

    def reset_parameters(self: Any) -> None:
        """Draw the initial values anew, if the shapes are known."""
        if not self.has_uninitialized_params() and getattr(self, self._layer_class.inferred) != 0:
            super().reset_parameters()  # type: ignore[misc]

    def initialize_parameters(self: Any, input: Any, *args: Any, **kwargs: Any) -> None:
        """Learn the size of the input, and draw the initial values unless they were loaded."""
        kind = self._layer_class
        size = kind.size_of(self, input)
        unknown = self.has_uninitialized_params()
        if unknown and size % getattr(self, "groups", 1):
            raise ValueError("in_channels must be divisible by groups")
        if not unknown and kind.becomes is layers.Linear and size != self.weight.shape[-1]:
            raise AssertionError(
                f"The in_features inferred from input: {size} is not equal to in_features from self.weight: "
                f"{self.weight.shape[-1]}"
            )
        setattr(self, kind.inferred, size)
        if not unknown:
            return
        dtype = get_default_dtype().numpy
        with jax.enable_x64(True):
            shapes = {
                **jax.eval_shape(lambda: self._layer.own_parameters(KeySource(jax.random.key(0)), dtype)),
                **jax.eval_shape(lambda: self._layer.own_buffers(dtype)),
            }
        with no_grad():
            for name, tensor in itertools.chain(self._parameters.items(), self._buffers.items()):
                if is_lazy(tensor):
                    tensor.materialize(shapes[name].shape)
        self.reset_parameters()

    @property
    def becomes(self) -> Any:
        """The class of the layer that the module's layer will be."""
        return self._layer_class.becomes


def lazy_class(layer_class: type[_Lazy]) -> type[LayerModule]:
    """The module class of a lazy layer class."""
    plain = module_class(layer_class.becomes)
    body = {
        "_layer_class": layer_class,
        "cls_to_become": plain,
        "__doc__": layer_class.__doc__,
        "__module__": "fnnet.torch.nn",
    }
    made = type(layer_class.__name__, (_LazyLayer, plain), body)
    made.__signature__ = _signature(layer_class)  # type: ignore[attr-defined]
    return made


for _name in layers.lazy.__all__:
    _value: Any = getattr(layers, _name)
    if isinstance(_value, type) and issubclass(_value, _Lazy):
        CLASSES[_value] = lazy_class(_value)

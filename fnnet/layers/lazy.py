"""Layers that learn the size of their input from an example.

    net = Sequential(LazyLinear(100), ReLU(), LazyLinear(10)).materialize(x)    # Linear(1000, 100), ...
    params = net.init(jax.random.key(0))

`materialize` gives the network with plain layers in place of the lazy ones; nothing is computed, and a
network without lazy layers is returned as it is. The initial values are those of the plain network, drawn in
its order (PyTorch draws a lazy module's only when data reach it).
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from typing import Any, ClassVar

import jax
import jax.numpy as jnp
from jax.typing import DTypeLike

from fnnet.layers import convolution, normalization
from fnnet.layers.layer import Layer, Params, Scope
from fnnet.layers.linear import Linear
from fnnet.random.source import KeySource, Source

__all__ = [
    "LazyBatchNorm1d",
    "LazyBatchNorm2d",
    "LazyBatchNorm3d",
    "LazyConv1d",
    "LazyConv2d",
    "LazyConv3d",
    "LazyConvTranspose1d",
    "LazyConvTranspose2d",
    "LazyConvTranspose3d",
    "LazyInstanceNorm1d",
    "LazyInstanceNorm2d",
    "LazyInstanceNorm3d",
    "LazyLinear",
    "materialize",
]


class _Lazy(Layer):
    """A layer without one of its sizes."""

    becomes: ClassVar[Any]
    inferred: ClassVar[str]
    size_of: ClassVar[Callable[[Any, Any], int]]

    def with_size(self, size: int) -> Layer:
        """The plain layer for an input of that size."""
        fields = {field.name: getattr(self, field.name) for field in dataclasses.fields(self)}  # type: ignore[arg-type]
        return self.becomes(**{self.inferred: size}, **fields)

    def become(self, input: Any) -> Layer:
        """The plain layer for inputs like this one."""
        return self.with_size(type(self).size_of(self, input))

    def _unknown(self) -> ValueError:
        return ValueError(
            f"{type(self).__name__}: {self.inferred} is not known yet: "
            "net = materialize(net, example) gives the network that can be initialised"
        )

    def own_parameters(self, source: Source, dtype: DTypeLike) -> Params:
        raise self._unknown()

    def own_buffers(self, dtype: DTypeLike) -> Params:
        if issubclass(self.becomes, normalization._RunningNorm):
            raise self._unknown()
        return {}

    def forward(self, scope: Scope, /, input: Any, *inputs: Any, **options: Any) -> Any:
        return self.become(input).forward(scope, input, *inputs, **options)

    def extra_repr(self) -> str:
        return self.with_size(0).extra_repr()


def _last(layer: Any, input: Any) -> int:
    return int(input.shape[-1])


def _second(layer: Any, input: Any) -> int:
    return int(input.shape[1])


def _channels(layer: Any, input: Any) -> int:
    """The channels of an input with or without the dimension of the batch."""
    dimensions: int = layer.becomes.dimensions
    if input.ndim not in (dimensions + 1, dimensions + 2):
        raise RuntimeError(
            f"Expected {dimensions + 1}D (unbatched) or {dimensions + 2}D (batched) input to "
            f"{type(layer).__name__}, but got input of size: {input.shape}"
        )
    return int(input.shape[-dimensions - 1])


def _lazy(becomes: Any, inferred: str, size_of: Callable[[Any, Any], int], **defaults: Any) -> Any:
    """The lazy form of a layer class: its fields but the inferred one, some with defaults of their own."""
    fields: list[Any] = []
    for field in dataclasses.fields(becomes):
        if field.name != inferred:
            default = defaults.get(field.name, field.default)
            kept = dataclasses.field(default=default, kw_only=field.kw_only)
            fields.append((field.name, field.type, kept))
    name = f"Lazy{becomes.__name__}"
    return dataclasses.make_dataclass(
        name,
        fields,
        bases=(_Lazy,),
        namespace={
            "becomes": becomes,
            "inferred": inferred,
            "size_of": staticmethod(size_of),
            "__doc__": f"{becomes.__name__} that learns {inferred} from an example, as torch.nn.{name}.",
            "__module__": __name__,
        },
        frozen=True,
        repr=False,
    )


LazyLinear: Any = _lazy(Linear, "in_features", _last)
LazyConv1d: Any = _lazy(convolution.Conv1d, "in_channels", _channels)
LazyConv2d: Any = _lazy(convolution.Conv2d, "in_channels", _channels)
LazyConv3d: Any = _lazy(convolution.Conv3d, "in_channels", _channels)
LazyConvTranspose1d: Any = _lazy(convolution.ConvTranspose1d, "in_channels", _channels)
LazyConvTranspose2d: Any = _lazy(convolution.ConvTranspose2d, "in_channels", _channels)
LazyConvTranspose3d: Any = _lazy(convolution.ConvTranspose3d, "in_channels", _channels)
LazyBatchNorm1d: Any = _lazy(normalization.BatchNorm1d, "num_features", _second)
LazyBatchNorm2d: Any = _lazy(normalization.BatchNorm2d, "num_features", _second)
LazyBatchNorm3d: Any = _lazy(normalization.BatchNorm3d, "num_features", _second)
# PyTorch's lazy instance norms have batch norm's defaults, not instance norm's.
_TRAINED = {"affine": True, "track_running_stats": True}
LazyInstanceNorm1d: Any = _lazy(normalization.InstanceNorm1d, "num_features", _second, **_TRAINED)
LazyInstanceNorm2d: Any = _lazy(normalization.InstanceNorm2d, "num_features", _second, **_TRAINED)
LazyInstanceNorm3d: Any = _lazy(normalization.InstanceNorm3d, "num_features", _second, **_TRAINED)


def _is_lazy(layer: Layer) -> bool:
    return isinstance(layer, _Lazy) or any(map(_is_lazy, layer.children().values()))


class _Shaping(Scope):
    """A scope that makes up what it is asked for, and notes what the lazy layers become, by path."""

    def __init__(self, layer: Layer, dtype: Any, found: dict[str, Layer], path: str = "") -> None:
        self.layer, self.path, self.training = layer, path, False
        self._dtype, self._found, self._buffers = dtype, found, None
        self._params = {} if _is_lazy(layer) else layer.draw(self.source, dtype)

    @property
    def source(self) -> Source:
        return KeySource(jax.random.key(0))

    def __getitem__(self, name: str) -> Any:
        parts = self.layer.children()
        if name in parts:
            return _Shaping(
                parts[name], self._dtype, self._found, f"{self.path}.{name}" if self.path else name
            )
        if name not in self._params and not isinstance(self.layer, _Lazy):
            self._params = {**self._params, **self.layer.own_parameters(self.source, self._dtype)}
        return super().__getitem__(name)

    def buffer(self, name: str) -> jax.Array:
        return self.layer.own_buffers(self._dtype)[name]

    def apply(self, layer: Layer, *inputs: Any, **options: Any) -> Any:
        if isinstance(layer, _Lazy):
            layer = self._found[self.path] = layer.become(inputs[0])
            self._params = layer.draw(self.source, self._dtype)
        return super().apply(layer, *inputs, **options)


def materialize(net: Layer, *example: Any, **options: Any) -> Layer:
    """The network with plain layers in place of the lazy ones, for inputs like the example.

    Args:
        net: a network with lazy layers, or one such layer.
        example: its inputs: arrays, or jax.ShapeDtypeStruct, since only shapes and dtypes are looked at.
        options: its keyword inputs.

    Raises:
        ValueError: for a lazy layer that the example does not reach.
    """
    if not _is_lazy(net):
        return net
    found: dict[str, Layer] = {}
    leaves = [leaf for leaf in jax.tree.leaves(example) if jnp.issubdtype(leaf.dtype, jnp.floating)]
    dtype = leaves[0].dtype if leaves else jnp.float32

    def run(*example: Any) -> Any:
        return _Shaping(net, dtype, found).apply(net, *example, **options)

    jax.eval_shape(run, *example)

    def rebuilt(layer: Layer, path: str) -> Layer:
        if isinstance(layer, _Lazy):
            if path not in found:
                raise ValueError(f"{type(layer).__name__} at '{path}': the example does not reach it")
            return found[path]
        return layer.with_children(lambda name, part: rebuilt(part, f"{path}.{name}" if path else name))

    return rebuilt(net, "")

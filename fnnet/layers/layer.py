"""What a layer is: hyper-parameters, the initial values of its parameters, and a pure call.

    class TwoLayerNet(Layer):
        def __init__(self, d_in, hidden, d_out):
            self.linear1 = Linear(d_in, hidden)
            self.linear2 = Linear(hidden, d_out)

        def forward(self, p, x):
            return self.linear2(p["linear2"], F.relu(self.linear1(p["linear1"], x)))

    net = TwoLayerNet(1000, 100, 10)
    params = net.init(jax.random.key(0))     # {"linear1": {"weight": ..., "bias": ...}, "linear2": ...}
    y = net(params, x)

A layer holds no arrays. What a network needs beside its parameters is explicit in the call:

    y, buffers = net(params, x, buffers=buffers, key=key, training=True)

Within `forward`, `p` is a `Scope`: the parameters by name, and with them the buffers, the random source and
the mode of the call, so that a layer hands them to its parts by handing on `p["part"]`.
"""

from __future__ import annotations

import copy
import inspect
from collections.abc import Callable, Iterator, Mapping
from functools import cache
from typing import Any, Self, TypeAlias

import jax
import jax.numpy as jnp
from jax.typing import DTypeLike

from fnnet.random.source import Source, as_source

__all__ = ["Layer", "Params", "Scope"]

Params: TypeAlias = dict[str, Any]
"""Nested dicts of arrays with PyTorch's names."""


def _thaw(tree: Mapping[str, Any]) -> dict[str, Any]:
    """A copy of the containers (not of the arrays), so that updates leave the caller's tree as it was."""
    return {name: _thaw(value) if isinstance(value, Mapping) else value for name, value in tree.items()}


class DrawnBuffer:
    """Among what `draw` gives, the initial value of a buffer."""

    def __init__(self, value: jax.Array) -> None:
        self.value = value


def _parted(tree: Params) -> tuple[Params, Params]:
    """What was drawn, as parameters and buffers."""
    params: Params = {}
    buffers: Params = {}
    for name, value in tree.items():
        if isinstance(value, dict):
            params[name], inner = _parted(value)
            if inner:
                buffers[name] = inner
                if not params[name]:
                    del params[name]
        elif isinstance(value, DrawnBuffer):
            buffers[name] = value.value
        else:
            params[name] = value
    return params, buffers


def _merged(tree: Params, other: Params) -> Params:
    """A tree with the values of another in place of its own."""
    merged = dict(tree)
    for name, value in other.items():
        merged[name] = _merged(tree.get(name, {}), value) if isinstance(value, dict) else value
    return merged


class Scope(Mapping[str, Any]):
    """The parameters of one layer within a call, together with what the call was given.

    `scope["weight"]` is a parameter, `scope["conv1"]` the scope of a part.

    Attributes:
        layer: the layer whose scope it is.
        training: the mode of the call.
        path: where the layer stands in the network, for messages; "" for the whole.
    """

    def __init__(
        self,
        layer: Layer,
        params: Mapping[str, Any],
        buffers: dict[str, Any] | None = None,
        source: Source | None = None,
        training: bool = False,
        path: str = "",
    ) -> None:
        if not isinstance(params, Mapping):
            raise TypeError(
                f"{type(layer).__name__}: params: expected a dict of arrays, as init gives, "
                f"got {type(params).__name__}"
            )
        self.layer = layer
        self.training = training
        self.path = path
        self._params = params
        self._buffers = buffers
        self._source = source

    @property
    def _where(self) -> str:
        return f"{type(self.layer).__name__} at '{self.path}'" if self.path else type(self.layer).__name__

    def __getitem__(self, name: str) -> Any:
        parts = self.layer.children()
        if name in parts:
            buffers = None if self._buffers is None else self._buffers.get(name, {})
            path = f"{self.path}.{name}" if self.path else name
            return Scope(parts[name], self._params.get(name, {}), buffers, self._source, self.training, path)
        if name in self._params:
            return self._params[name]
        raise KeyError(
            f"{self._where}: no parameter or part '{name}'; there are {sorted({*self._params, *parts})}"
        )

    def __iter__(self) -> Iterator[str]:
        return iter({**self._params, **self.layer.children()})

    def __len__(self) -> int:
        return len({**self._params, **self.layer.children()})

    def apply(self, layer: Layer, *inputs: Any, **options: Any) -> Any:
        """The output of a layer with the parameters, buffers and mode of this scope."""
        self.layer = layer
        return layer.forward(self, *inputs, **options)

    def buffer(self, name: str) -> jax.Array:
        """The current value of a buffer. Raises ValueError if the call was given none."""
        if self._buffers is None or name not in self._buffers:
            raise ValueError(
                f"{self._where}: the call needs its buffer '{name}': give buffers=net.init_buffers(), or "
                "those that the previous call returned"
            )
        return self._buffers[name]

    def update(self, **values: jax.Array) -> None:
        """Give buffers new values, which the call returns."""
        for name, value in values.items():
            self.buffer(name)
            assert self._buffers is not None
            self._buffers[name] = value

    @property
    def source(self) -> Source:
        """The random source of the call. Raises ValueError if the call was given none."""
        if self._source is None:
            raise ValueError(f"{self._where}: it draws random numbers: give the call key=jax.random.key(...)")
        return self._source


_REFUSED: dict[str, tuple[type, ...]] = {
    "int": (str, float, complex, tuple, list, type(None)),
    "float": (str, complex, tuple, list, type(None)),
}
"""By annotation, what may not stand there."""


@cache
def _kinds(constructor: Callable[..., Any]) -> dict[str, str]:
    """The arguments of a constructor, which take a place in a call, and their annotations."""
    found = {}
    for one in list(inspect.signature(constructor).parameters.values())[1:]:
        if one.kind is one.VAR_POSITIONAL:
            break
        found[one.name] = str(one.annotation)
    return found


class Layer:
    """A layer or a network. Subclasses define `forward`, and what they have of parameters, buffers and parts.

    Parts are the attributes that are layers, in the order in which they were assigned.
    """

    def __new__(cls, *args: Any, **kwargs: Any) -> Self:
        """Raises TypeError for an argument that is not of the kind that its annotation says."""
        kinds = _kinds(cls.__init__)
        given = [*zip(kinds, args, strict=False), *((name, one) for name, one in kwargs.items())]
        for name, value in given:
            refused = _REFUSED.get(kinds.get(name, ""), ())
            if isinstance(value, refused):
                raise TypeError(
                    f"{cls.__name__}: {name} should be of type {kinds[name]}, got: {type(value).__name__}"
                )
        return super().__new__(cls)

    def forward(self, scope: Any, /, *inputs: Any, **options: Any) -> Any:
        """Compute the output: `scope` gives the parameters by name (and see `Scope`)."""
        raise NotImplementedError(f"{type(self).__name__} defines no forward")

    def own_parameters(self, source: Source, dtype: DTypeLike) -> Params:
        """Initial values of the parameters that are not in a part, drawn in PyTorch's order."""
        return {}

    def own_buffers(self, dtype: DTypeLike) -> Params:
        """Initial values of the buffers that are not in a part."""
        return {}

    def extra_repr(self) -> str:
        """The hyper-parameters, as PyTorch prints them."""
        return ""

    def children(self) -> dict[str, Layer]:
        """The parts by name."""
        return {name: value for name, value in vars(self).items() if isinstance(value, Layer)}

    def with_children(self, change: Callable[[str, Layer], Layer]) -> Layer:
        """The same layer with `change(name, part)` in place of each part.

        Raises TypeError where that is another part and the layer makes its parts from hyper-parameters.
        """
        made = self
        for name, part in self.children().items():
            changed = change(name, part)
            if changed is not part:
                made = copy.copy(self) if made is self else made
                made._put(name, changed)
        return made

    def _put(self, name: str, part: Layer) -> None:
        if name not in vars(self):
            raise TypeError(f"{type(self).__name__}: its part '{name}' cannot be replaced")
        object.__setattr__(self, name, part)

    def replace(self, function: Callable[[Layer], Layer]) -> Layer:
        """The network with `function(layer)` in place of every layer, the innermost first."""
        return function(self.with_children(lambda name, part: part.replace(function)))

    def draw(self, source: Source, dtype: DTypeLike) -> Params:
        """Initial parameters: first the layer's own, then each part's, in PyTorch's order."""
        try:
            params = dict(self.own_parameters(source, dtype))
        except (RuntimeError, TypeError, ValueError) as error:
            name, text = type(self).__name__, str(error)
            error.args = (text if name in text else f"{name}: {text}",)
            raise
        for name, child in self.children().items():
            if drawn := child.draw(source, dtype):
                params[name] = drawn
        return params

    def init(self, random: Any, dtype: DTypeLike = jnp.float32) -> Params:
        """Initial parameters by PyTorch's default initialisation.

        Args:
            random: a JAX key or a `fnnet.random.Generator` (see `fnnet.random.as_source`).
            dtype: of the parameters.

        Returns:
            Nested dicts of arrays with PyTorch's names and shapes.
        """
        return self.init_with_buffers(random, dtype)[0]

    def init_with_buffers(self, random: Any, dtype: DTypeLike = jnp.float32) -> tuple[Params, Params]:
        """Initial parameters, and initial buffers with those that are drawn (spectral norm's vectors)."""
        params, drawn = _parted(self.draw(as_source(random), dtype))
        return params, _merged(self.init_buffers(dtype), drawn) if drawn else self.init_buffers(dtype)

    def init_buffers(self, dtype: DTypeLike = jnp.float32) -> Params:
        """Initial buffers (running statistics and the like), nested dicts with PyTorch's names."""
        buffers = dict(self.own_buffers(dtype))
        for name, child in self.children().items():
            if initial := child.init_buffers(dtype):
                buffers[name] = initial
        return buffers

    def __call__(
        self,
        params: Mapping[str, Any],
        *inputs: Any,
        buffers: Mapping[str, Any] | None = None,
        key: Any = None,
        training: bool | None = None,
        **options: Any,
    ) -> Any:
        """Apply the layer.

        Args:
            params: as `init` gives; within another layer's `forward`, `p["part"]`.
            inputs: the layer's inputs; `options` its keyword inputs.
            buffers: as `init_buffers` gives.
            key: a JAX key or another random source, for layers that draw (dropout in training).
            training: the mode; False unless given.

        Returns:
            The output; with `buffers` given, the pair (output, new buffers).
        """
        if isinstance(params, Scope):
            if buffers is not None or key is not None or training is not None:
                raise TypeError(
                    f"{type(self).__name__}: within forward, buffers, key and training come with the scope; "
                    "call it with plain params to give others"
                )
            return params.apply(self, *inputs, **options)
        state = None if buffers is None else _thaw(buffers)
        source = None if key is None else as_source(key)
        output = self.forward(Scope(self, params, state, source, bool(training)), *inputs, **options)
        return output if state is None else (output, state)

    def __repr__(self) -> str:
        lines = [f"({name}): " + repr(child).replace("\n", "\n  ") for name, child in self.children().items()]
        head = type(self).__name__ + "("
        if not lines:
            return head + self.extra_repr() + ")"
        return head + "\n  " + "\n  ".join(filter(None, [self.extra_repr(), *lines])) + "\n)"

"""Recurrent layers and their cells."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

import jax
from jax.typing import DTypeLike

from fnnet import functional as F
from fnnet import init
from fnnet.functional.operation import warn
from fnnet.layers.layer import Layer, Params, Scope
from fnnet.random.source import Source

__all__ = ["GRU", "LSTM", "RNN", "GRUCell", "LSTMCell", "RNNCell"]

_GATES = {"RNN_TANH": 1, "RNN_RELU": 1, "LSTM": 4, "GRU": 3}


def _mode(layer: Layer, nonlinearity: str) -> str:
    if nonlinearity not in ("tanh", "relu"):
        raise ValueError(
            f"{type(layer).__name__}: Unknown nonlinearity '{nonlinearity}'. Select from 'tanh' or 'relu'."
        )
    return f"RNN_{nonlinearity.upper()}"


class _Recurrent(Layer):
    input_size: int
    hidden_size: int
    num_layers: int
    bias: bool
    batch_first: bool
    dropout: float
    bidirectional: bool
    proj_size: int = 0

    @property
    def mode(self) -> str:
        """The kind of cell."""
        return type(self).__name__

    def __post_init__(self) -> None:
        name, _ = type(self).__name__, self.mode
        for one in ("bias", "batch_first"):
            if not isinstance(value := getattr(self, one), bool):
                raise TypeError(f"{name}: {one} should be of type bool, got: {type(value).__name__}")
        if not 0 <= self.dropout <= 1:
            raise ValueError(
                f"{name}: dropout should be a number in range [0, 1] representing the probability of an "
                "element "
                f"being zeroed, got {self.dropout}"
            )
        if self.dropout > 0 and self.num_layers == 1:
            warn(
                "dropout option adds dropout after all but last recurrent layer, so non-zero dropout expects "
                f"num_layers greater than 1, but got dropout={self.dropout} and num_layers={self.num_layers}",
            )
        for one in ("input_size", "hidden_size", "num_layers"):
            if getattr(self, one) <= 0:
                raise ValueError(f"{name}: {one} must be greater than zero, got {getattr(self, one)}")
        if not 0 <= self.proj_size < self.hidden_size:
            raise ValueError(
                f"{name}: proj_size has to be non-negative and smaller than hidden_size, got {self.proj_size}"
            )

    @property
    def _suffixes(self) -> list[str]:
        directions = ("", "_reverse") if self.bidirectional else ("",)
        return [f"_l{layer}{direction}" for layer in range(self.num_layers) for direction in directions]

    def _shapes(self, suffix: str) -> dict[str, tuple[int, ...]]:
        gates = _GATES[self.mode] * self.hidden_size
        out = self.proj_size or self.hidden_size
        first = suffix in ("_l0", "_l0_reverse")
        width = self.input_size if first else out * (2 if self.bidirectional else 1)
        shapes: dict[str, tuple[int, ...]] = {"weight_ih": (gates, width), "weight_hh": (gates, out)}
        if self.bias:
            shapes |= {"bias_ih": (gates,), "bias_hh": (gates,)}
        return shapes | ({"weight_hr": (self.proj_size, self.hidden_size)} if self.proj_size else {})

    def own_parameters(self, source: Source, dtype: DTypeLike) -> Params:
        return {
            name + suffix: init.fan_in_uniform(source, shape, self.hidden_size, dtype)
            for suffix in self._suffixes
            for name, shape in self._shapes(suffix).items()
        }

    def _first_state(self, hx: Any, batch: int) -> tuple[jax.Array, ...] | None:
        """The state to begin with, (layers * directions, batch, size) each. None for zeros."""
        if hx is None:
            return None
        sizes = [self.proj_size or self.hidden_size] + ([self.hidden_size] if self.mode == "LSTM" else [])
        count = len(self._suffixes)
        given = tuple(hx) if self.mode == "LSTM" else (hx,)
        for state, size in zip(given, sizes, strict=True):
            expected = (count, batch, size)
            if state.shape != expected:
                raise RuntimeError(
                    f"{type(self).__name__}: Expected hidden size {expected}, got {list(state.shape)}"
                )
        return given

    def forward(self, scope: Scope, /, input: Any, hx: Any = None) -> Any:
        if hasattr(input, "batch_sizes"):
            return self._of_packed(scope, input, hx)
        if input.ndim not in (2, 3):
            raise ValueError(
                f"{type(self).__name__}: Expected input to be 2D or 3D, got {input.ndim}D instead"
            )
        unbatched = input.ndim == 2
        if unbatched:
            input = input[:, None]
            hx = jax.tree.map(lambda state: state[:, None], hx)
        elif self.batch_first:
            input = input.swapaxes(0, 1)
        self._check_width(input)
        output, state = self._run(scope, input, self._first_state(hx, input.shape[1]))
        if unbatched:
            output, state = output[:, 0], tuple(part[:, 0] for part in state)
        elif self.batch_first:
            output = output.swapaxes(0, 1)
        return output, state if self.mode == "LSTM" else state[0]

    def _of_packed(self, scope: Scope, packed: Any, hx: Any) -> Any:
        """The output, packed, and the last state of packed sequences, in the order of their batch."""
        if packed.data.ndim != 2:
            raise RuntimeError(f"{type(self).__name__}: input must have 2 dimensions, got {packed.data.ndim}")
        self._check_width(packed.data)
        first = self._first_state(hx, packed.sizes()[0])
        if first is not None and packed.sorted_indices is not None:
            first = tuple(F.index_select(part, 1, packed.sorted_indices) for part in first)
        output, state = self._run(scope, packed.data, first, packed.sizes())
        if packed.unsorted_indices is not None:
            state = tuple(F.index_select(part, 1, packed.unsorted_indices) for part in state)
        return packed.with_data(output), state if self.mode == "LSTM" else state[0]

    def _check_width(self, input: jax.Array) -> None:
        if input.shape[-1] != self.input_size:
            raise RuntimeError(
                f"{type(self).__name__}: input.size(-1) must be equal to input_size. Expected "
                f"{self.input_size}, "
                f"got {input.shape[-1]}"
            )

    def _run(
        self, scope: Scope, input: Any, state: Any, batch_sizes: tuple[int, ...] | None = None
    ) -> tuple[jax.Array, tuple[jax.Array, ...]]:
        """Output and last state of input (T, N, in), or of packed data (sum, in) with their batch sizes."""
        names = ("weight_ih", "weight_hh", "bias_ih", "bias_hh", "weight_hr")
        weights = tuple(
            tuple(scope[name + suffix] if name in self._shapes(suffix) else None for name in names)
            for suffix in self._suffixes
        )
        draws = scope.training and self.dropout > 0 and self.num_layers > 1
        return F.recurrent(
            self.mode,
            input,
            state,
            weights,
            self.bidirectional,
            self.dropout,
            scope.training,
            batch_sizes,
            key=scope.source if draws else None,
        )

    def extra_repr(self) -> str:
        text = f"{self.input_size}, {self.hidden_size}"
        for name, quiet in (
            ("proj_size", 0),
            ("num_layers", 1),
            ("bias", True),
            ("batch_first", False),
            ("dropout", 0),
            ("bidirectional", False),
        ):
            if getattr(self, name) != quiet:
                text += f", {name}={getattr(self, name)}"
        return text


@dataclass(frozen=True, repr=False)
class RNN(_Recurrent):
    """Elman network, as torch.nn.RNN: input (T, N, in), (N, T, in) with batch_first, or (T, in).

    Gives the output and the last hidden state.
    """

    input_size: int
    hidden_size: int
    num_layers: int = 1
    nonlinearity: str = "tanh"
    bias: bool = True
    batch_first: bool = False
    dropout: float = 0.0
    bidirectional: bool = False

    @property
    def mode(self) -> str:
        return _mode(self, self.nonlinearity)


@dataclass(frozen=True, repr=False)
class LSTM(_Recurrent):
    """Long short-term memory, as torch.nn.LSTM; gives the output and the last (h, c). Shapes as RNN."""

    input_size: int
    hidden_size: int
    num_layers: int = 1
    bias: bool = True
    batch_first: bool = False
    dropout: float = 0.0
    bidirectional: bool = False
    proj_size: int = 0


@dataclass(frozen=True, repr=False)
class GRU(_Recurrent):
    """Gated recurrent units, as torch.nn.GRU. Shapes as RNN."""

    input_size: int
    hidden_size: int
    num_layers: int = 1
    bias: bool = True
    batch_first: bool = False
    dropout: float = 0.0
    bidirectional: bool = False


class _Cell(Layer):
    gates: ClassVar[int]
    input_size: int
    hidden_size: int
    bias: bool

    def own_parameters(self, source: Source, dtype: DTypeLike) -> Params:
        rows = self.gates * self.hidden_size
        shapes: dict[str, tuple[int, ...]] = {
            "weight_ih": (rows, self.input_size),
            "weight_hh": (rows, self.hidden_size),
        }
        if self.bias:
            shapes |= {"bias_ih": (rows,), "bias_hh": (rows,)}
        return {
            name: init.fan_in_uniform(source, shape, self.hidden_size, dtype)
            for name, shape in shapes.items()
        }

    def _function(self) -> Any:
        raise NotImplementedError

    def forward(self, scope: Scope, /, input: jax.Array, hx: Any = None) -> Any:
        if input.ndim not in (1, 2):
            raise ValueError(
                f"{type(self).__name__}: Expected input to be 1D or 2D, got {input.ndim}D instead"
            )
        for state in jax.tree.leaves(hx):
            if state.ndim not in (1, 2):
                raise ValueError(
                    f"{type(self).__name__}: Expected hidden to be 1D or 2D, got {state.ndim}D instead"
                )
        biases = (scope["bias_ih"], scope["bias_hh"]) if self.bias else (None, None)
        return self._function()(input, hx, scope["weight_ih"], scope["weight_hh"], *biases)

    def extra_repr(self) -> str:
        text = f"{self.input_size}, {self.hidden_size}" + ("" if self.bias else ", bias=False")
        nonlinearity = getattr(self, "nonlinearity", "tanh")
        return text if nonlinearity == "tanh" else text + f", nonlinearity={nonlinearity}"


@dataclass(frozen=True, repr=False)
class RNNCell(_Cell):
    """One step of an Elman network, as torch.nn.RNNCell."""

    input_size: int
    hidden_size: int
    bias: bool = True
    nonlinearity: str = "tanh"
    gates = 1

    def _function(self) -> Any:
        functions = {"tanh": F.rnn_tanh_cell, "relu": F.rnn_relu_cell}
        if self.nonlinearity not in functions:
            raise RuntimeError(f"RNNCell: Unknown nonlinearity: {self.nonlinearity}")
        return functions[self.nonlinearity]


@dataclass(frozen=True, repr=False)
class LSTMCell(_Cell):
    """One step of an LSTM, (h, c) to (h, c), as torch.nn.LSTMCell."""

    input_size: int
    hidden_size: int
    bias: bool = True
    gates = 4

    def _function(self) -> Any:
        return F.lstm_cell


@dataclass(frozen=True, repr=False)
class GRUCell(_Cell):
    """One step of a GRU, as torch.nn.GRUCell."""

    input_size: int
    hidden_size: int
    bias: bool = True
    gates = 3

    def _function(self) -> Any:
        return F.gru_cell

"""What recurrent modules have beside their layers' computation."""

from __future__ import annotations

from dataclasses import dataclass, field, fields, make_dataclass
from typing import Any

from fnnet.layers import recurrent
from fnnet.torch.nn.derive import CLASSES, LayerModule, module_class
from fnnet.torch.nn.module import Module
from fnnet.torch.tensor import Tensor

__all__ = ["RNNBase", "RNNCellBase"]

_Derived: Any = module_class(recurrent._Recurrent)
_DerivedCell: Any = module_class(recurrent._Cell)


class _OfAnyCell(recurrent._Recurrent):
    cell: str

    def __post_init__(self) -> None:
        if self.cell not in recurrent._GATES:
            raise ValueError(f"Unrecognized RNN mode: {self.cell}")
        super().__post_init__()

    @property
    def mode(self) -> str:
        return self.cell


_FIELDS = [(one.name, one.type, field(default=one.default)) for one in fields(recurrent.LSTM)]
_AnyRecurrent: Any = make_dataclass(
    "_AnyRecurrent", [("cell", str), *_FIELDS], bases=(_OfAnyCell,), frozen=True, repr=False
)
"""A recurrent layer whose kind of cell is an argument, before those of LSTM."""


@dataclass(frozen=True, repr=False)
class _AnyCell(recurrent._Cell):
    """The parameters of a cell with any number of gates."""

    input_size: int
    hidden_size: int
    bias: bool
    gates: int  # type: ignore[misc]


class RNNCellBase(_DerivedCell):
    """The base of RNNCell, LSTMCell and GRUCell; by itself the parameters of `num_chunks` gates."""

    _layer_class: Any

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        if self._layer_class is recurrent._Cell:
            kwargs = {{"num_chunks": "gates"}.get(name, name): value for name, value in kwargs.items()}
            self._layer_class = _AnyCell
        super().__init__(*args, **kwargs)


class RNNBase(_Derived):
    """The base of RNN, LSTM and GRU; by itself their parameters, by the name of the kind, `mode`."""

    _layer_class: Any

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        if self._layer_class is recurrent._Recurrent:
            kwargs = {{"mode": "cell"}.get(name, name): value for name, value in kwargs.items()}
            self._layer_class = _AnyRecurrent
        super().__init__(*args, **kwargs)

    def forward(self, *inputs: Any, **options: Any) -> Any:
        if self._layer_class is _AnyRecurrent:
            return Module.forward(self)
        return LayerModule.forward(self, *inputs, **options)

    def get_expected_hidden_size(self, input: Tensor, batch_sizes: Any) -> tuple[int, int, int]:
        """(layers * directions, batch, size) of the hidden state for an input."""
        count = len(self._layer._suffixes)
        size = self.proj_size if self.proj_size > 0 else self.hidden_size
        return count, self._batch(input, batch_sizes), size

    def get_expected_cell_size(self, input: Tensor, batch_sizes: Any) -> tuple[int, int, int]:
        """(layers * directions, batch, size) of an LSTM's cell state for an input."""
        return len(self._layer._suffixes), self._batch(input, batch_sizes), self.hidden_size

    def _batch(self, input: Tensor, batch_sizes: Any) -> int:
        return int(batch_sizes[0]) if batch_sizes is not None else input.shape[0 if self.batch_first else 1]

    def check_input(self, input: Tensor, batch_sizes: Any) -> None:
        """Raise ValueError or RuntimeError where an input's dtype or shape does not fit."""
        wanted = self._flat_weights[0].dtype
        if input.dtype != wanted:
            raise ValueError(
                f"RNN input dtype ({input.dtype}) does not match weight dtype ({wanted}). Convert input: "
                f"input.to({wanted}), or convert model: model.to({input.dtype})"
            )
        dimensions = 3 if batch_sizes is None else 2
        if input.dim() != dimensions:
            raise RuntimeError(f"input must have {dimensions} dimensions, got {input.dim()}")
        if self.input_size != input.shape[-1]:
            raise RuntimeError(
                f"input.size(-1) must be equal to input_size. Expected {self.input_size}, "
                f"got {input.shape[-1]}"
            )

    def check_hidden_size(
        self, hx: Tensor, expected_hidden_size: Any, msg: str = "Expected hidden size {}, got {}"
    ) -> None:
        """Raise RuntimeError where a state's shape is not the expected one."""
        if tuple(hx.shape) != tuple(expected_hidden_size):
            raise RuntimeError(msg.format(expected_hidden_size, list(hx.shape)))

    def check_forward_args(self, input: Tensor, hidden: Any, batch_sizes: Any) -> None:
        """Raise ValueError or RuntimeError where the input or the state does not fit."""
        self.check_input(input, batch_sizes)
        expected = self.get_expected_hidden_size(input, batch_sizes)
        if self.mode != "LSTM":
            self.check_hidden_size(hidden, expected)
            return
        self.check_hidden_size(hidden[0], expected, "Expected hidden[0] size {}, got {}")
        cell = self.get_expected_cell_size(input, batch_sizes)
        self.check_hidden_size(hidden[1], cell, "Expected hidden[1] size {}, got {}")

    def permute_hidden(self, hx: Any, permutation: Tensor | None) -> Any:
        """The state (a pair for an LSTM) with its batch in another order."""
        if permutation is None:
            return hx
        if isinstance(hx, tuple):
            return tuple(part.index_select(1, permutation) for part in hx)
        return hx.index_select(1, permutation)

    def flatten_parameters(self) -> None:
        """Nothing to do: weights need not lie side by side."""

    def _further_state(self) -> dict[str, Any]:
        """What a file holds beside the attributes, for PyTorch's module of the same name to read."""
        return {
            name: getattr(self, name) for name in ("_all_weights", "_flat_weights_names", "_flat_weights")
        }

    @property
    def _all_weights(self) -> list[list[str]]:
        names = [
            name
            for suffix in self._layer._suffixes
            for name in (n + suffix for n in self._layer._shapes(suffix))
        ]
        count = len(names) // len(self._layer._suffixes)
        return [names[start : start + count] for start in range(0, len(names), count)]

    @property
    def _flat_weights_names(self) -> list[str]:
        return [name for names in self._all_weights for name in names]

    @property
    def _flat_weights(self) -> list[Any]:
        return [getattr(self, name) for name in self._flat_weights_names]

    @property
    def all_weights(self) -> list[list[Any]]:
        """The parameters of each layer and direction."""
        return [[getattr(self, name) for name in names] for names in self._all_weights]


CLASSES[recurrent._Recurrent] = RNNBase
CLASSES[recurrent._Cell] = RNNCellBase

"""What recurrent modules have beside their layers' computation."""

from __future__ import annotations

from typing import Any

from fnnet.layers import recurrent
from fnnet.torch.nn.derive import CLASSES, module_class

__all__ = ["RNNBase", "RNNCellBase"]

_Derived: Any = module_class(recurrent._Recurrent)
RNNCellBase: Any = module_class(recurrent._Cell)
RNNCellBase.__name__ = RNNCellBase.__qualname__ = "RNNCellBase"


class RNNBase(_Derived):
    """The base of RNN, LSTM and GRU."""

    def flatten_parameters(self) -> None:
        """Nothing to do: weights need not lie side by side."""

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

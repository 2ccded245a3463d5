"""Layers made of layers, and layers that only arrange others."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from fnnet.layers.layer import Layer, Scope

__all__ = ["Identity", "ModuleDict", "ModuleList", "Sequential"]


def _checked(kind: str, layers: Mapping[str, Any]) -> dict[str, Layer]:
    for name, layer in layers.items():
        if not isinstance(name, str) or not name or "." in name:
            raise KeyError(f"{kind}: a layer's name is a string, not empty and without dots, got {name!r}")
        if not isinstance(layer, Layer):
            raise TypeError(f"{kind}: argument {name}: expected a Layer, got {type(layer).__name__}")
    return dict(layers)


class _Named(Layer):
    _layers: dict[str, Layer]

    def children(self) -> dict[str, Layer]:
        return dict(self._layers)

    def _put(self, name: str, part: Layer) -> None:
        self._layers = {**self._layers, name: part}

    def __len__(self) -> int:
        return len(self._layers)


class _Numbered(_Named):
    def __iter__(self) -> Iterator[Layer]:
        return iter(self._layers.values())

    def _part(self, position: int | slice) -> Any:
        layers = list(self._layers.items())
        if isinstance(position, slice):
            return layers[position]
        if not -len(layers) <= position < len(layers):
            raise IndexError(
                f"{type(self).__name__}: index {position} is out of range, it has {len(layers)} layers"
            )
        return layers[position][1]


class Sequential(_Numbered):
    """Layers applied in turn; the parts are named "0", "1", ... as in PyTorch.

    Of one argument that is a dict, the keys are the names.
    """

    def __init__(self, *layers: Any) -> None:
        if len(layers) == 1 and isinstance(layers[0], Mapping):
            self._layers = _checked("Sequential", layers[0])
        else:
            self._layers = _checked("Sequential", {str(i): layer for i, layer in enumerate(layers)})

    def __getitem__(self, position: int | slice) -> Any:
        part = self._part(position)
        return Sequential(dict(part)) if isinstance(position, slice) else part

    def forward(self, scope: Any, /, x: Any) -> Any:
        for name, layer in self._layers.items():
            x = layer(scope[name], x)
        return x


def _repeats(layers: Iterable[Layer]) -> Iterator[tuple[int, int, str]]:
    """First and last position, and text, of each run of layers with equal texts."""
    start, text, end = 0, None, -1
    for end, layer in enumerate(layers):
        if repr(layer) != text:
            if text is not None:
                yield start, end - 1, text
            start, text = end, repr(layer)
    if text is not None:
        yield start, end, text


class ModuleList(_Numbered):
    """Layers in a list, named "0", "1", ...; the layer that holds it calls them."""

    def __init__(self, modules: Iterable[Layer] = ()) -> None:
        self._layers = _checked("ModuleList", {str(i): layer for i, layer in enumerate(modules)})

    def __getitem__(self, position: int | slice) -> Any:
        part = self._part(position)
        return ModuleList(layer for _, layer in part) if isinstance(position, slice) else part

    def __repr__(self) -> str:
        lines = []
        for start, end, text in _repeats(self):
            name = f"({start})" if start == end else f"({start}-{end})"
            count = "" if start == end else f"{end - start + 1} x "
            lines.append("\n  " + f"{name}: {count}{text}".replace("\n", "\n  "))
        return type(self).__name__ + "(" + "".join(lines) + ("\n)" if lines else ")")


class ModuleDict(_Named):
    """Layers by name; the layer that holds it calls them."""

    def __init__(self, modules: Mapping[str, Layer] | Iterable[tuple[str, Layer]] = ()) -> None:
        self._layers = _checked("ModuleDict", dict(modules))

    def __getitem__(self, name: str) -> Layer:
        return self._layers[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._layers)

    def keys(self) -> Iterable[str]:
        """The names."""
        return self._layers.keys()

    def values(self) -> Iterable[Layer]:
        """The layers."""
        return self._layers.values()

    def items(self) -> Iterable[tuple[str, Layer]]:
        """The pairs of name and layer."""
        return self._layers.items()


@dataclass(frozen=True, repr=False, init=False)
class Identity(Layer):
    """The input itself; arguments of the constructor are ignored, as in PyTorch."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        pass

    def forward(self, scope: Scope, /, input: Any) -> Any:
        return input

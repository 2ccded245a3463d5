"""Layers that are a function with its options fixed."""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import Any, ClassVar

from fnnet.layers.layer import Layer, Scope

__all__ = ["FunctionLayer"]


def hashable(value: Any) -> Any:
    """Lists as tuples, at every depth, so that a layer that holds them can be hashed."""
    return tuple(hashable(part) for part in value) if isinstance(value, list | tuple) else value


@dataclass(frozen=True, repr=False)
class FunctionLayer(Layer):
    """A layer whose fields are the options of `function`.

    `shown` names the fields that the text shows, with "=" before a name of which only the value stands;
    `shows_inplace` says that the text shows `inplace`, which has no effect on the computation.
    """

    function: ClassVar[Any]
    shown: ClassVar[tuple[str, ...]] = ()
    shows_inplace: ClassVar[bool] = False

    def __post_init__(self) -> None:
        for field in fields(self):
            object.__setattr__(self, field.name, hashable(getattr(self, field.name)))

    def options(self) -> dict[str, Any]:
        """What the function is given beside its inputs."""
        return {field.name: getattr(self, field.name) for field in fields(self) if field.name != "inplace"}

    def forward(self, scope: Scope, /, *inputs: Any) -> Any:
        return type(self).function(*inputs, **self.options())

    def extra_repr(self) -> str:
        parts = [
            str(getattr(self, name[1:])) if name[0] == "=" else f"{name}={getattr(self, name)}"
            for name in self.shown
        ]
        if self.shows_inplace and getattr(self, "inplace", False):
            parts.append("inplace=True")
        return ", ".join(parts)

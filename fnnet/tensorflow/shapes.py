"""Static shapes: `TensorShape` and `Dimension`, where a size may be unknown."""

from __future__ import annotations

import operator
from collections.abc import Callable, Iterator
from typing import Any

__all__ = ["Dimension", "TensorShape"]


class Dimension:
    """A size, or None where it is not known. Arithmetic with an unknown size is unknown."""

    def __init__(self, value: Any) -> None:
        self.value: int | None = None if value is None else int(getattr(value, "value", value))

    def _with(self, other: Any, compute: Callable[[int, int], Any]) -> Any:
        value = getattr(other, "value", other)
        if self.value is None or value is None:
            return None
        return compute(self.value, value)

    def __eq__(self, other: object) -> Any:
        if not isinstance(other, int | Dimension):
            return other is None and self.value is None
        return self._with(other, operator.eq)

    def __hash__(self) -> int:
        return hash(self.value)

    def __int__(self) -> int:
        if self.value is None:
            raise TypeError("__int__ returned non-int (type NoneType)")
        return self.value

    __index__ = __int__

    def __repr__(self) -> str:
        return f"Dimension({self.value})"

    def __str__(self) -> str:
        return "?" if self.value is None else str(self.value)


def _arithmetic(name: str) -> Callable[[Dimension, Any], Dimension]:
    compute = getattr(operator, name)

    def method(self: Dimension, other: Any) -> Dimension:
        return Dimension(self._with(other, compute))

    return method


def _reflected(name: str) -> Callable[[Dimension, Any], Dimension]:
    compute = getattr(operator, name)

    def method(self: Dimension, other: Any) -> Dimension:
        return Dimension(self._with(other, lambda a, b: compute(b, a)))

    return method


def _comparison(name: str) -> Callable[[Dimension, Any], bool | None]:
    compute = getattr(operator, name)

    def method(self: Dimension, other: Any) -> bool | None:
        return self._with(other, compute)

    return method


for _name in ("add", "sub", "mul", "floordiv", "mod"):
    setattr(Dimension, f"__{_name}__", _arithmetic(_name))
    setattr(Dimension, f"__r{_name}__", _reflected(_name))
for _name in ("lt", "le", "gt", "ge"):
    setattr(Dimension, f"__{_name}__", _comparison(_name))


class TensorShape:
    """The sizes of a tensor as far as the graph tells them; `TensorShape(None)` is of unknown rank."""

    def __init__(self, dims: Any) -> None:
        if isinstance(dims, TensorShape):
            dims = dims._dims
        elif isinstance(dims, int | Dimension):
            dims = [dims]
        self._dims: tuple[int | None, ...] | None = (
            None if dims is None else tuple(Dimension(dim).value for dim in dims)
        )

    @property
    def dims(self) -> list[Dimension] | None:
        """The sizes as Dimensions; None for unknown rank."""
        return None if self._dims is None else [Dimension(dim) for dim in self._dims]

    @property
    def ndims(self) -> int | None:
        """How many dimensions there are."""
        return None if self._dims is None else len(self._dims)

    rank = ndims

    def as_list(self) -> list[int | None]:
        """The sizes as a list. Raises ValueError for unknown rank."""
        if self._dims is None:
            raise ValueError("as_list() is not defined on an unknown TensorShape.")
        return list(self._dims)

    def is_fully_defined(self) -> bool:
        """Whether every size is known."""
        return self._dims is not None and None not in self._dims

    def num_elements(self) -> int | None:
        """The product of the sizes, None where one is not known."""
        if not self.is_fully_defined():
            return None
        product = 1
        for dim in self.as_list():
            product *= dim or 0
        return product

    def is_compatible_with(self, other: Any) -> bool:
        """Whether some shape fits both."""
        mine, theirs = self._dims, TensorShape(other)._dims
        if mine is None or theirs is None:
            return True
        return len(mine) == len(theirs) and all(
            a is None or b is None or a == b for a, b in zip(mine, theirs, strict=True)
        )

    def merge_with(self, other: Any) -> TensorShape:
        """What both say together. Raises ValueError if they contradict."""
        other = TensorShape(other)
        if not self.is_compatible_with(other):
            raise ValueError(f"Shapes {self} and {other} are not compatible")
        if self._dims is None or other._dims is None:
            return other if self._dims is None else self
        return TensorShape([b if a is None else a for a, b in zip(self._dims, other._dims, strict=True)])

    def in_brackets(self) -> str:
        """As TensorFlow's kernels write it: [?,3]."""
        if self._dims is None:
            return "<unknown>"
        return "[" + ",".join("?" if dim is None else str(dim) for dim in self._dims) + "]"

    def __len__(self) -> int:
        if self._dims is None:
            raise ValueError("Cannot take the length of shape with unknown rank.")
        return len(self._dims)

    def __iter__(self) -> Iterator[Dimension]:
        if self._dims is None:
            raise ValueError("Cannot iterate over a shape with unknown rank.")
        return iter([Dimension(dim) for dim in self._dims])

    def __getitem__(self, key: Any) -> Any:
        if self._dims is None:
            return TensorShape(None) if isinstance(key, slice) else Dimension(None)
        return TensorShape(self._dims[key]) if isinstance(key, slice) else Dimension(self._dims[key])

    def __eq__(self, other: object) -> bool:
        try:
            return self._dims == TensorShape(other)._dims
        except TypeError:
            return NotImplemented

    def __hash__(self) -> int:
        return hash(self._dims)

    def __bool__(self) -> bool:
        return self._dims is not None

    def __repr__(self) -> str:
        return f"TensorShape({self.dims})"

    def __str__(self) -> str:
        if self._dims is None:
            return "<unknown>"
        if len(self._dims) == 1:
            return f"({Dimension(self._dims[0])},)"
        return "(" + ", ".join(str(Dimension(dim)) for dim in self._dims) + ")"

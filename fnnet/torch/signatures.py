"""A signature of PyTorch's: what may stand where, and what is said of a call that does not fit.

The rules are those of torch/csrc/utils/python_arg_parser.cpp.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from fnnet.torch.devices import device
from fnnet.torch.dtypes import dtype
from fnnet.torch.tensor import Tensor

_TYPE_NAMES = {
    "Tensor": "Tensor", "Scalar": "Number", "int64_t": "int", "SymInt": "int", "double": "float",
    "complex": "complex", "TensorList": "tuple of Tensors", "IntArrayRef": "tuple of ints",
    "SymIntArrayRef": "tuple of ints", "ArrayRef<double>": "tuple of floats", "Generator": "torch.Generator",
    "bool": "bool", "ScalarType": "torch.dtype", "Layout": "torch.layout",
    "MemoryFormat": "torch.memory_format", "Device": "torch.device", "c10::string_view": "str",
    "std::string": "str", "ScalarList": "tuple of Scalars", "Storage": "torch.Storage",
}  # fmt: skip

_ALSO = {"dim": ("axis",), "keepdim": ("keepdims",), "input": ("x", "a", "x1"), "other": ("x2",)}
"""NumPy's names of arguments, which PyTorch takes as well."""

_NUMBERS_AS_TENSORS = frozenset(
    name + ending
    for name in ("add", "div", "divide", "mul", "multiply", "sub", "subtract", "true_divide", "floor_divide")
    for ending in ("", "_")
)
"""Functions of tensors that take numbers alone."""

_PARAMETER = re.compile(
    r"(?P<type>[\w:<>]+)(\[(?P<size>\d*)\])?(?P<none>\?)? (?P<name>\w+)(=(?P<default>.*))?$"
)


@dataclass(frozen=True)
class Parameter:
    """One parameter of a signature: its kind, and whether it may be left out, be None, or is a keyword."""

    name: str
    kind: str
    size: int
    optional: bool
    takes_none: bool
    keyword_only: bool
    default: str
    number: bool

    @property
    def type_name(self) -> str:
        """PyTorch's word for the kind."""
        return _TYPE_NAMES.get(self.kind, self.kind)

    def takes(self, value: Any) -> bool:
        """Whether a value may stand here."""
        check = _CHECKS.get(self.kind)
        if check is None:
            return True
        if self.kind in ("IntArrayRef", "SymIntArrayRef", "ArrayRef<double>"):
            return check(value) or (self.size > 0 and _is_number(value, self.kind))
        return check(value) or (self.number and _is_scalar(value))


def _is_plain_int(value: Any) -> bool:
    return (isinstance(value, int) and not isinstance(value, bool)) or isinstance(value, np.integer)


def is_index(value: Any) -> bool:
    """Whether a value may be a size: an integer, or a tensor of one."""
    if isinstance(value, bool | np.bool_):
        return False
    if isinstance(value, Tensor):
        return value._spec.numel == 1 and not value._spec.differentiable
    return _is_plain_int(value) or (hasattr(value, "__index__") and _indexes(value))


def _indexes(value: Any) -> bool:
    try:
        value.__index__()
    except TypeError:
        return False
    return True


def _is_double(value: Any) -> bool:
    if isinstance(value, Tensor):
        return value._spec.ndim == 0 and not value.requires_grad
    return isinstance(value, int | float | np.integer | np.floating)


def _is_scalar(value: Any) -> bool:
    return _is_double(value) or isinstance(value, complex | np.bool_ | np.complexfloating)


def _is_int64(value: Any) -> bool:
    if isinstance(value, Tensor):
        spec = value._spec
        return spec.ndim == 0 and not spec.differentiable and spec.dtype.name != "bool"
    return _is_plain_int(value)


def _is_number(value: Any, kind: str) -> bool:
    """Whether one number may stand for a list."""
    return _is_double(value) if kind == "ArrayRef<double>" else _is_int64(value)


def _is_ints(value: Any) -> bool:
    return isinstance(value, tuple | list) and (not value or is_index(value[0]))


def _is_floats(value: Any) -> bool:
    return isinstance(value, tuple | list) and (not value or _is_scalar(value[0]))


def _is_tensors(value: Any) -> bool:
    return isinstance(value, tuple | list)


_CHECKS: dict[str, Any] = {
    "Tensor": lambda value: isinstance(value, Tensor),
    "Scalar": _is_scalar,
    "complex": lambda value: isinstance(value, complex) or _is_double(value),
    "double": _is_double,
    "int64_t": _is_int64,
    "SymInt": is_index,
    "IntArrayRef": _is_ints,
    "SymIntArrayRef": _is_ints,
    "ArrayRef<double>": _is_floats,
    "TensorList": _is_tensors,
    "bool": lambda value: isinstance(value, bool),
    "ScalarType": lambda value: isinstance(value, dtype) or value in (bool, int, float, complex),
    "Device": lambda value: isinstance(value, str | int | device),
    "c10::string_view": lambda value: isinstance(value, str),
    "std::string": lambda value: isinstance(value, str),
}


def type_name(value: Any) -> str:
    """The name by which PyTorch's messages call a value's type."""
    kind = type(value)
    if isinstance(value, dtype | device):
        return f"torch.{kind.__name__}"
    return f"numpy.{kind.__name__}" if kind.__module__ == "numpy" else kind.__name__


class Signature:
    """One way to call a function."""

    def __init__(self, text: str) -> None:
        text, _, deprecated = text.partition("|")
        self.deprecated = bool(deprecated)
        self.name, _, inner = text.rstrip(")").partition("(")
        self.parameters: list[Parameter] = []
        keyword_only = False
        for part in inner.split(", ") if inner else []:
            if part == "*":
                keyword_only = True
                continue
            found = _PARAMETER.match(part)
            assert found is not None, part
            default = found["default"]
            self.parameters.append(
                Parameter(
                    found["name"],
                    found["type"],
                    int(found["size"] or 0),
                    default is not None,
                    bool(found["none"]) or default == "None",
                    keyword_only,
                    default or "",
                    self.name in _NUMBERS_AS_TENSORS,
                )
            )
        positional = [one for one in self.parameters if not one.keyword_only]
        self.at_most = len(positional)
        self.at_least = sum(not one.optional for one in self.parameters)
        self.variadic = len(positional) == 1 and positional[0].kind in ("IntArrayRef", "SymIntArrayRef")

    def __str__(self) -> str:
        parts, keywords = [], False
        for one in self.parameters:
            star = "*, " if one.keyword_only and not keywords else ""
            keywords = keywords or one.keyword_only
            parts.append(f"{star}{one.type_name} {one.name}" + (f" = {one.default}" if one.optional else ""))
        return f"({', '.join(parts)})"

    def match(
        self, args: Sequence[Any], kwargs: dict[str, Any], strict: bool
    ) -> dict[Parameter, tuple[Any, bool]] | None:
        """The arguments by parameter, and whether each was given by name; None if they do not fit.

        If `strict`, what does not fit is raised as TypeError.
        """
        name, count = self.name, len(args)
        found: dict[Parameter, tuple[Any, bool]] = {}
        if count > self.at_most and not (self.variadic and _is_ints(list(args))):
            return self._refuse(strict, self._too_many(count))
        at, left = 0, len(kwargs)
        for one in self.parameters:
            by_name, given = False, False
            value: Any = None
            if at < count:
                if one.keyword_only:
                    return self._refuse(strict, self._too_many(count))
                value, given = args[at], True
            else:
                by_name = True
                for spelling in (one.name, *_ALSO.get(one.name, ())):
                    if spelling in kwargs:
                        value, given = kwargs[spelling], True
                        break
            if not given:
                if not one.optional:
                    return self._refuse(strict, self._missing(found))
                continue
            if value is None and one.takes_none:
                pass
            elif one.takes(value):
                if one.kind == "TensorList":
                    _check_tensors(value, self.parameters.index(one))
            elif self.variadic and at == 0 and not by_name and _is_ints(list(args)):
                found[one] = tuple(args), False
                at = count
                continue
            else:
                where = "" if by_name else f" (position {at + 1})"
                told = f"argument '{one.name}'{where} must be {one.type_name}, {_seen(one, value)}"
                return self._refuse(strict, told)
            found[one] = value, by_name
            if by_name:
                left -= 1
            else:
                at += 1
        if left > 0:
            names = {spelling for one in self.parameters for spelling in (one.name, *_ALSO.get(one.name, ()))}
            for spelling in kwargs:
                if spelling not in names:
                    told = f"{name}() got an unexpected keyword argument '{spelling}'"
                    return self._refuse(strict, told)
            twice = next(one.name for one in self.parameters[:count] if one.name in kwargs)
            return self._refuse(strict, f"{name}() got multiple values for argument '{twice}'")
        return found

    def _refuse(self, strict: bool, text: str) -> dict[Parameter, tuple[Any, bool]] | None:
        if strict:
            raise TypeError(f"{self.name}(): {text}" if text.startswith("argument") else text)
        return None

    def _too_many(self, count: int) -> str:
        required = sum(not one.optional for one in self.parameters)
        if required != self.at_most:
            return (
                f"{self.name}() takes from {required} to {self.at_most} positional arguments but {count} "
                "were given"
            )
        plural = "" if self.at_most == 1 else "s"
        were = "was" if count == 1 else "were"
        return f"{self.name}() takes {self.at_most} positional argument{plural} but {count} {were} given"

    def _missing(self, found: dict[Parameter, Any]) -> str:
        lacking = [one.name for one in self.parameters if not one.optional and one not in found]
        names = ", ".join(f'"{one}"' for one in lacking)
        plural = "s" * (len(lacking) == 1)  # as PyTorch has it
        return f"{self.name}() missing {len(lacking)} required positional argument{plural}: {names}"


def _seen(one: Parameter, value: Any) -> str:
    if one.kind in ("IntArrayRef", "SymIntArrayRef", "ArrayRef<double>") and isinstance(value, tuple | list):
        return f"but found element of type {type_name(value[0])} at pos 0"
    return f"not {type_name(value)}"


def _check_tensors(value: Sequence[Any], position: int) -> None:
    for place, one in enumerate(value):
        if not isinstance(one, Tensor):
            raise TypeError(
                f"expected Tensor as element {place} in argument {position}, but got {type_name(one)}"
            )

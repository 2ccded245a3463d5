"""What PyTorch's parser of arguments makes of a call: plain arguments, or the error in its words.

A call is looked at where its plan is not yet known. Numbers that are given as tensors without dimensions or
as NumPy's become Python's; sizes given one by one become a tuple. The signatures (`signatures.json`) are
recorded from PyTorch.
"""

from __future__ import annotations

import functools
import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, cast

import numpy as np

from fnnet.torch.devices import device
from fnnet.torch.dtypes import dtype
from fnnet.torch.signatures import Parameter, Signature, is_index, type_name
from fnnet.torch.tensor import Tensor
from fnnet.torch.warning import warn

_WARNED: list[str] = []


class Parser:
    """The signatures of one function."""

    def __init__(self, texts: Sequence[str], method: bool) -> None:
        self.signatures = [Signature(text) for text in texts]
        self.name = self.signatures[0].name
        self.method = method
        self.keywords = {one.name for each in self.signatures for one in each.parameters if one.keyword_only}
        """What is a keyword in some signature; by position in another, as `alpha` beside a number."""

    def parse(self, args: Sequence[Any], kwargs: dict[str, Any]) -> tuple[tuple[Any, ...], dict[str, Any]]:
        """The arguments as plainly as they can be said. Raises TypeError if no signature takes them."""
        given = args[1:] if self.method else args
        one = len(self.signatures) == 1
        for signature in self.signatures:
            found = signature.match(given, kwargs, strict=one)
            if found is not None:
                plain_args, plain_kwargs = self._plain(signature, found, kwargs)
                return (*args[: self.method], *plain_args), plain_kwargs
        raise self._error(given, kwargs)

    def _plain(
        self, signature: Signature, found: dict[Parameter, tuple[Any, bool]], kwargs: dict[str, Any]
    ) -> tuple[list[Any], dict[str, Any]]:
        args, named = [], {}
        if signature.deprecated:
            self._deprecated(signature)
        for position, (one, (value, by_name)) in enumerate(found.items()):
            value = _plain(self.name, one, value, position)
            if by_name or one.name in self.keywords or (signature.deprecated and one.name != "input"):
                named[one.name] = value
            else:
                args.append(value)
        return args, named

    def _deprecated(self, signature: Signature) -> None:
        if not _WARNED:
            _WARNED.append(self.name)
            others = "".join(f"\n\t{self.name}{one}" for one in self.signatures if not one.deprecated)
            warn(
                f"This overload of {self.name} is deprecated:\n\t{self.name}{signature}\n"
                f"Consider using one of the following signatures instead:{others}"
            )

    def _error(self, args: Sequence[Any], kwargs: dict[str, Any]) -> TypeError:
        count = len(args) + len(kwargs)
        plausible = [
            one
            for one in self.signatures
            if one.at_least <= count <= len(one.parameters) and not one.deprecated
        ]
        if len(plausible) == 1:
            try:
                plausible[0].match(args, kwargs, strict=True)
            except TypeError as error:
                return error
        types = [type_name(one) for one in args]
        seen = ", ".join([*types, *(f"{name}={type_name(one)}" for name, one in kwargs.items())])
        seen += ", " if kwargs and not args else ""
        shown = [one for one in self.signatures if not one.deprecated]
        known = "".join(f" * {one}\n{_why(one, args, kwargs)}" for one in shown)
        return TypeError(
            f"{self.name}() received an invalid combination of arguments - got ({seen}), but expected one "
            f"of:\n{known}"
        )


def _why(signature: Signature, args: Sequence[Any], kwargs: dict[str, Any]) -> str:
    """Why a signature with as many parameters does not fit."""
    parameters = signature.parameters
    count = len(args) + len(kwargs)
    if count != len(parameters) and not (count == len(parameters) - 1 and parameters[-1].name == "out"):
        return ""
    names = {one.name: one for one in parameters}
    wrong = [name for name in kwargs if name not in names]
    if wrong:
        return f"      didn't match because some of the keywords were incorrect: {', '.join(wrong)}\n"
    pairs = [*zip(parameters, args, strict=False), *((names[name], one) for name, one in kwargs.items())]
    marks = [(one, "" if p.takes(one) or (one is None and p.takes_none) else "!") for p, one in pairs]
    shown = [f"{mark}{type_name(one)}{mark}" for one, mark in marks]
    named = [f"{name}={one}" for name, one in zip(kwargs, shown[len(args) :], strict=True)]
    spelled = [*shown[: len(args)], *named]
    return (
        "      didn't match because some of the arguments have invalid types: "
        f"({', '.join(spelled)}{', ' if kwargs and not args else ''})\n"
    )


def _plain(name: str, one: Parameter, value: Any, position: int) -> Any:
    """A value as Python's numbers, where numbers are wanted."""
    if value is None:
        return None
    kind = one.kind
    if kind in ("int64_t", "SymInt"):
        return value if type(value) is int else _integer(value)
    if kind in ("IntArrayRef", "SymIntArrayRef"):
        if not isinstance(value, tuple | list):
            return _integer(value)
        made = []
        for place, each in enumerate(value):
            if not is_index(each) and not (place and isinstance(each, bool)):
                raise TypeError(
                    f"{name}(): argument '{one.name}' (position {position + 1}) must be tuple of ints, but "
                    f"found element of type {type_name(each)} at pos {place}"
                )
            made.append(_integer(each))
        return tuple(made)
    if kind == "ArrayRef<double>" and isinstance(value, tuple | list):
        return tuple(each.item() if isinstance(each, Tensor | np.generic) else each for each in value)
    if isinstance(value, Tensor) and kind in ("Scalar", "double", "complex", "ArrayRef<double>"):
        number = value.item()
        return float(number) if kind == "double" else number
    return value


def _integer(value: Any) -> int:
    return int(value.item()) if isinstance(value, Tensor) else int(value.__index__())


@functools.cache
def _recorded() -> dict[str, dict[str, list[str]]]:
    text = Path(__file__).with_name("signatures.json").read_text(encoding="utf-8")
    return cast("dict[str, dict[str, list[str]]]", json.loads(text))


class LazyParser:
    """The parser of a function, read when it is first needed."""

    __slots__ = ("_made", "name", "place")

    def __init__(self, place: str, name: str) -> None:
        self.place, self.name = place, name
        self._made: Parser | bool | None = None

    @property
    def known(self) -> bool:
        """Whether the function has a recorded signature."""
        return self.name in _recorded().get(self.place, {})

    def parse(self, args: Sequence[Any], kwargs: dict[str, Any]) -> tuple[tuple[Any, ...], dict[str, Any]]:
        """See `Parser.parse`; the arguments as they are of a function that PyTorch writes in Python."""
        if self._made is None:
            texts = _recorded().get(self.place, {}).get(self.name)
            self._made = False if texts is None else Parser(texts, self.place == "Tensor")
        return self._made.parse(args, kwargs) if isinstance(self._made, Parser) else (tuple(args), kwargs)


_PLAIN_TYPES = frozenset([int, float, bool, str, type(None), dtype, device])


def _kind(value: Any) -> Any:
    """The type of an argument if that alone decides whether it is taken, else None."""
    kind = type(value)
    if kind in _PLAIN_TYPES:
        return kind
    return kind if isinstance(value, tuple | list) and all(type(one) is int for one in value) else None


def checked(place: str, name: str, function: Callable[..., Any]) -> Callable[..., Any]:
    """A function that is not derived, with its arguments parsed first."""
    parser = LazyParser(place, name)
    seen: set[Any] = set()

    @functools.wraps(function)
    def parsed(*args: Any, **kwargs: Any) -> Any:
        kinds = (*map(_kind, args), *kwargs, *map(_kind, kwargs.values()))
        if kinds not in seen:
            plain, named = parser.parse(args, kwargs)
            if None in kinds:
                return function(*plain, **named)
            seen.add(kinds)
        return function(*args, **kwargs)

    return parsed


FUNCTIONS = (
    "allclose", "arange", "as_strided", "bartlett_window", "bernoulli", "blackman_window", "constant_pad_nd",
    "detach", "empty_strided", "equal", "eye", "fill", "fill_", "full", "full_like",
    "hamming_window", "hann_window", "index_put", "index_put_", "kaiser_window", "linspace", "logspace",
    "masked_select", "multinomial", "narrow", "nonzero_static", "normal", "poisson",
    "rand", "rand_like", "randint", "randint_like", "randn", "randn_like", "randperm", "repeat_interleave",
    "scalar_tensor", "segment_reduce", "select", "tril_indices", "triu_indices", "where", "zero_",
)  # fmt: skip
METHODS = (
    "allclose", "as_strided", "bernoulli", "bernoulli_", "cauchy_", "equal", "exponential_", "fill_",
    "fill_diagonal_", "geometric_", "index_put", "index_put_", "log_normal_", "masked_select", "multinomial",
    "narrow", "new_empty", "new_empty_strided", "new_full", "new_ones", "new_zeros", "nonzero_static",
    "normal_",
    "random_", "repeat_interleave", "resize_", "resize_as_", "select", "split_with_sizes", "sum_to_size",
    "type_as", "uniform_", "where", "zero_",
)  # fmt: skip
"""What is not derived from a declared operation, and is parsed as PyTorch's all the same."""


def check_all(namespace: dict[str, Any]) -> None:
    """Parse the arguments of those functions of `torch` and methods."""
    for name in FUNCTIONS:
        namespace[name] = checked("torch", name, namespace[name])
    for name in METHODS:
        setattr(Tensor, name, checked("Tensor", name, getattr(Tensor, name)))

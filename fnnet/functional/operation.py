"""The declaration of an operation: one pure function, and everything that other spellings need to know.

`operation` enters a record of the function in `OPERATIONS`. Whoever offers other spellings of it (a function,
a method, an in-place method, `out=`) derives them from that record; and whoever has tensors of another kind
gives `dispatch_to` a function that takes over the calls which get them, so that a layer, or a pure function
made of operations, works on those tensors too.
"""

from __future__ import annotations

import inspect
import sys
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import wraps
from typing import Any, TypeAlias, TypeVar, cast

from fnnet.functional.refusal import is_within, refused

F = TypeVar("F", bound=Callable[..., Any])


@dataclass(frozen=True)
class Operation:
    """What is declared of one operation.

    Attributes:
        name: PyTorch's name.
        function: the pure function; arrays in, arrays out.
        spellings: where PyTorch has it: "torch", "Tensor", "nn.functional", "linalg" (torch.linalg),
            "special" (torch.special), "fft" (torch.fft), "signal.windows" (torch.signal.windows).
        in_place: whether PyTorch has `Tensor.<name>_` (or `nn.functional.<name>(inplace=True)`).
        grad_fn: the name PyTorch gives to its node in the graph, for instance "ReluBackward0".
        promote: the arguments that PyTorch promotes to one dtype before it computes; the function itself
            expects them equal.
        to_float: whether integers among them become the default floating dtype (sqrt, true division, ...).
        view: whether PyTorch's result shares the storage of the first argument.
        spelled: the name that users write, where it is not the name of the declaration (`linalg_inv` is
            `torch.linalg.inv`).
        aliases: further names of the same operation (`subtract` is `sub`).
        data_dependent: whether the shape of the result depends on values, so that it cannot be traced.
    """

    name: str
    function: Callable[..., Any]
    spellings: frozenset[str]
    in_place: bool = False
    grad_fn: str | None = None
    promote: tuple[str, ...] = ()
    to_float: bool = False
    view: bool = False
    spelled: str = ""
    aliases: tuple[str, ...] = ()
    data_dependent: bool = False


OPERATIONS: dict[str, Operation] = {}

ALIASES: dict[str, str] = {}
"""From a further name of an operation to the name of its declaration."""

ELSEWHERE: dict[str, str] = {
    **{f"special.{name}": name for name in ("digamma", "erf", "erfc", "erfinv", "exp2", "expm1", "i0")},
    **{f"special.{name}": name for name in ("log1p", "log_softmax", "logit", "logsumexp", "polygamma")},
    **{f"special.{name}": name for name in ("round", "sinc", "softmax")},
    "special.expit": "sigmoid",
    "special.gammainc": "igamma",
    "special.gammaincc": "igammac",
    "special.gammaln": "lgamma",
    "special.multigammaln": "mvlgamma",
    "special.psi": "digamma",
    "linalg.matmul": "matmul",
    "torch.matrix_power": "linalg_matrix_power",
    "Tensor.matrix_power": "linalg_matrix_power",
    "torch.orgqr": "linalg_householder_product",
    "Tensor.orgqr": "linalg_householder_product",
    "torch.put": "put",
}
"""Where else PyTorch has an operation: from the other place and name to the declaration."""

Dispatcher: TypeAlias = Callable[[Operation, tuple[Any, ...], dict[str, Any]], Any]

_dispatchers: list[Dispatcher] = []


def dispatch_to(dispatcher: Dispatcher) -> None:
    """Let `dispatcher(operation, args, kwargs)` answer every call of an operation first.

    It returns NotImplemented for calls that are not its own.
    """
    _dispatchers.append(dispatcher)


_LISTENERS: list[list[tuple[str, type[Warning]]]] = []


def warn(message: str, category: type[Warning] = UserWarning) -> None:
    """Warn at the line that called a function of ours, or tell whoever listens (see `listening`)."""
    if _LISTENERS:
        _LISTENERS[-1].append((message, category))
        return
    frame, level = inspect.currentframe(), 1
    while frame is not None and str(frame.f_globals.get("__name__")).partition(".")[0] == "fnnet":
        frame, level = frame.f_back, level + 1
    warnings.warn(message, category, stacklevel=level)


@contextmanager
def listening() -> Iterator[list[tuple[str, type[Warning]]]]:
    """Collect the warnings of pure functions, to give them where the user called."""
    heard: list[tuple[str, type[Warning]]] = []
    _LISTENERS.append(heard)
    try:
        yield heard
    finally:
        _LISTENERS.pop()


_SPELLINGS = frozenset({"torch", "Tensor", "nn.functional", "linalg", "special", "fft", "signal.windows"})


def operation(
    *spellings: str,
    in_place: bool = False,
    grad_fn: str | None = None,
    promote: tuple[str, ...] = (),
    to_float: bool = False,
    view: bool = False,
    name: str | None = None,
    spelled: str | None = None,
    aliases: tuple[str, ...] = (),
    data_dependent: bool = False,
) -> Callable[[F], F]:
    """Declare the decorated pure function as an operation. Raises ValueError for a name declared twice."""
    unknown = set(spellings) - _SPELLINGS
    if unknown:
        raise ValueError(
            f"operation: unknown spellings {sorted(unknown)}; expected some of {sorted(_SPELLINGS)}"
        )

    def declare(function: F) -> F:
        declared = name or function.__name__
        if declared in OPERATIONS:
            raise ValueError(f"operation: {declared!r} is declared twice")
        record = OPERATIONS[declared] = Operation(
            declared,
            function,
            frozenset(spellings),
            in_place,
            grad_fn,
            promote,
            to_float,
            view,
            spelled or declared,
            aliases,
            data_dependent,
        )
        module = "" if {"torch", "Tensor", "nn.functional"} & set(spellings) else "".join(spellings[:1])
        shown = f"{module}.{record.spelled}".removeprefix(".")
        for alias in aliases:
            if ALIASES.setdefault(alias, declared) != declared:
                raise ValueError(f"operation: alias {alias!r} of {declared!r} is taken by {ALIASES[alias]!r}")

        @wraps(function)
        def call(*args: Any, **kwargs: Any) -> Any:
            for dispatcher in _dispatchers:
                result = dispatcher(record, args, kwargs)
                if result is not NotImplemented:
                    return result
            try:
                return function(*args, **kwargs)
            except Exception as error:
                if is_within(sys._getframe().f_code):
                    raise
                told = refused((declared, shown), function, promote, args, kwargs, error)
                if told is error:
                    raise
                raise told from error

        return cast(F, call)

    return declare

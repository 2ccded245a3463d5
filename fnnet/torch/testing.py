"""torch.testing: `assert_close` with PyTorch's tolerances and text, `make_tensor` with its stream."""

from __future__ import annotations

import contextlib
import math
import warnings
from collections.abc import Callable, Mapping, Sequence
from typing import Any, NoReturn, cast

import numpy as np

from fnnet.torch import dtypes as D
from fnnet.torch.creation import as_tensor, empty
from fnnet.torch.mode import no_grad
from fnnet.torch.promotion import promote_types
from fnnet.torch.random import randint
from fnnet.torch.tensor import Tensor, from_array

__all__ = ["assert_allclose", "assert_close", "make_tensor"]

_TOLERANCES = {
    "float16": (0.001, 1e-5), "bfloat16": (0.016, 1e-5), "float32": (1.3e-6, 1e-5), "float64": (1e-7, 1e-7),
    "complex64": (1.3e-6, 1e-5), "complex128": (1e-7, 1e-7),
}  # fmt: skip
_OF_NUMBER = {bool: "bool", int: "int64", float: "float64", complex: "complex128"}


class _Comparison:
    """What is compared, how, and the words for what differs."""

    def __init__(self, rtol: float | None, atol: float | None, options: Mapping[str, Any], msg: Any) -> None:
        if (rtol is None) ^ (atol is None):
            raise ValueError(
                f"Both 'rtol' and 'atol' must be either specified or omitted, but got no "
                f"{'rtol' if rtol is None else 'atol'}."
            )
        self.given = None if rtol is None or atol is None else (rtol, atol)
        self.options, self.msg = options, msg

    def fail(self, kind: type[Exception], text: str, where: tuple[Any, ...]) -> NoReturn:
        if where:
            text += f"\n\nThe failure occurred for item {''.join(f'[{item!r}]' for item in where)}"
        msg = self.msg
        raise kind(msg if isinstance(msg, str) else msg(text) if callable(msg) else text)

    def pairs(
        self, actual: Any, expected: Any, where: tuple[Any, ...] = ()
    ) -> list[tuple[Any, Any, tuple[Any, ...]]]:
        """The leaves of two nested containers. Raises where the containers differ."""
        if _is_sequence(actual) and _is_sequence(expected):
            if len(actual) != len(expected):
                self.fail(
                    AssertionError,
                    f"The length of the sequences mismatch: {len(actual)} != {len(expected)}",
                    where,
                )
            both = zip(actual, expected, strict=True)
            return [p for i, (a, e) in enumerate(both) for p in self.pairs(a, e, (*where, i))]
        if isinstance(actual, Mapping) and isinstance(expected, Mapping):
            lacking, more = expected.keys() - actual.keys(), actual.keys() - expected.keys()
            if lacking or more:
                self.fail(
                    AssertionError,
                    "The keys of the mappings do not match:\n"
                    f"Missing keys in the actual mapping: {sorted(lacking)}\n"
                    f"Additional keys in the actual mapping: {sorted(more)}",
                    where,
                )
            keys: Any = list(actual)
            with contextlib.suppress(TypeError):
                keys = sorted(keys)
            return [p for k in keys for p in self.pairs(actual[k], expected[k], (*where, k))]
        return [(actual, expected, where)]

    def compare(self, actual: Any, expected: Any, where: tuple[Any, ...]) -> None:
        """Compare two leaves."""
        related = isinstance(actual, type(expected)) or isinstance(expected, type(actual))
        if actual is None or expected is None:
            if actual is not expected:
                self.fail(AssertionError, f"None mismatch: {actual} is not {expected}", where)
        elif isinstance(actual, bool | np.bool_) and isinstance(expected, bool | np.bool_):
            if bool(actual) is not bool(expected):
                self.fail(AssertionError, f"Booleans mismatch: {bool(actual)} is not {bool(expected)}", where)
        elif isinstance(actual, _NUMBERS) and isinstance(expected, _NUMBERS):
            self._numbers(actual, expected, where)
        elif (related and self.options["allow_subclasses"]) or type(actual) is type(expected):
            try:
                tensors = as_tensor(actual), as_tensor(expected)
            except Exception:
                self._unsupported(actual, expected, where)
            self._tensors(*tensors, where)
        else:
            self._unsupported(actual, expected, where)

    def _unsupported(self, actual: Any, expected: Any, where: tuple[Any, ...]) -> NoReturn:
        self.fail(
            TypeError,
            f"No comparison pair was able to handle inputs of type {type(actual)} and {type(expected)}.",
            where,
        )

    def tolerances(self, names: Sequence[str]) -> tuple[float, float]:
        """rtol and atol: as given, or the loosest default of these dtypes."""
        if self.given is not None:
            return self.given
        found = [_TOLERANCES.get(name, (0.0, 0.0)) for name in names]
        return max(rtol for rtol, _ in found), max(atol for _, atol in found)

    def _numbers(self, actual: Any, expected: Any, where: tuple[Any, ...]) -> None:
        actual, expected = (one.item() if isinstance(one, np.generic) else one for one in (actual, expected))
        if self.options["check_dtype"] and type(actual) is not type(expected):
            self.fail(
                AssertionError, f"The (d)types do not match: {type(actual)} != {type(expected)}.", where
            )
        rtol, atol = self.tolerances([_OF_NUMBER[type(one)] for one in (actual, expected)])
        if actual == expected or (self.options["equal_nan"] and actual != actual and expected != expected):
            return
        off = abs(actual - expected)
        if math.isfinite(off) and off <= atol + rtol * abs(expected):
            return
        self.fail(AssertionError, _scalar_text(actual, expected, rtol, atol), where)

    def _tensors(self, actual: Tensor, expected: Tensor, where: tuple[Any, ...]) -> None:
        seen: list[tuple[str, Any, Any]] = [("shape", actual.shape, expected.shape)]
        if self.options["check_stride"]:
            seen.append(("stride()", actual.stride(), expected.stride()))
        if self.options["check_device"]:
            seen.append(("device", actual.device, expected.device))
        if self.options["check_dtype"]:
            seen.append(("dtype", actual.dtype, expected.dtype))
        for name, one, other in seen:
            if one != other:
                self.fail(
                    AssertionError,
                    f"The values for attribute '{name}' do not match: {one} != {other}.",
                    where,
                )
        rtol, atol = self.tolerances([actual.dtype.name, expected.dtype.name])
        with no_grad():
            common = promote_types(actual.dtype, expected.dtype)
            values, wanted = (_host(one.detach().cpu().to(common)) for one in (actual, expected))
        matches = _close(values, wanted, rtol, atol, self.options["equal_nan"])
        if matches.all():
            return
        if values.shape == ():
            text = _scalar_text(values.item(), wanted.item(), rtol, atol)
        else:
            text = _tensor_text(values, wanted, matches, rtol, atol)
        self.fail(AssertionError, text, where)


_NUMBERS = (int, float, complex, np.number)


def _is_sequence(value: Any) -> bool:
    return isinstance(value, Sequence) and not isinstance(value, str)


def _host(tensor: Tensor) -> np.ndarray[Any, Any]:
    array = np.asarray(tensor._value().read())
    return array.astype(np.float32) if array.dtype.name in ("bfloat16", "float16") else array


def _close(actual: Any, expected: Any, rtol: float, atol: float, equal_nan: bool) -> Any:
    if actual.dtype.kind in "fc":
        return np.isclose(actual, expected, rtol=rtol, atol=atol, equal_nan=equal_nan)
    if not rtol and not atol:
        return actual == expected
    return np.abs(actual.astype(np.int64) - expected.astype(np.int64)) <= atol + rtol * np.abs(expected)


def _scalar_text(actual: Any, expected: Any, rtol: float, atol: float) -> str:
    equality = not rtol and not atol
    text = f"Scalars are not {'equal' if equality else 'close'}!\n\nExpected {expected} but got {actual}."
    absolute = abs(actual - expected)
    relative = math.inf if expected == 0 else absolute / abs(expected)
    for name, value, limit in (("Absolute", absolute, atol), ("Relative", relative, rtol)):
        text += f"\n{name} difference: {value}" + ("" if equality else f" (up to {limit} allowed)")
    return text


def _tensor_text(actual: Any, expected: Any, matches: Any, rtol: float, atol: float) -> str:
    equality = not rtol and not atol
    wrong = int(matches.size - matches.sum())
    text = f"Tensor-likes are not {'equal' if equality else 'close'}!\n\n"
    text += f"Mismatched elements: {wrong} / {matches.size} ({wrong / matches.size:.1%})"
    if actual.dtype.kind not in "fc":
        actual, expected = actual.astype(np.int64), expected.astype(np.int64)
    with np.errstate(all="ignore"):
        absolute = np.abs(actual - expected)
        absolute[matches] = 0
        divisor = np.abs(expected)
        relative = (
            absolute / divisor
            if actual.dtype.kind in "fc"
            else (absolute.astype(np.float32) / divisor.astype(np.float32))
        )
        relative[matches] = 0
    for name, found, limit in (("absolute", absolute, atol), ("relative", relative, rtol)):
        flat = found.reshape(-1)
        worst = int(np.argmax(np.isnan(flat))) if np.isnan(flat).any() else int(flat.argmax())
        place = tuple(int(i) for i in np.unravel_index(worst, found.shape))
        text += f"\nGreatest {name} difference: {flat[worst].item()} at index {place}"
        text += "" if equality else f" (up to {limit} allowed)"
    return text


def assert_close(
    actual: Any,
    expected: Any,
    *,
    allow_subclasses: bool = True,
    rtol: float | None = None,
    atol: float | None = None,
    equal_nan: bool = False,
    check_device: bool = True,
    check_dtype: bool = True,
    check_layout: bool = True,
    check_stride: bool = False,
    msg: str | Callable[[str], str] | None = None,
) -> None:
    """Raise AssertionError unless `actual` and `expected`, tensors, numbers or nested ones, are close.

    Without rtol and atol the tolerances are PyTorch's for the dtype.
    """
    options = {
        "allow_subclasses": allow_subclasses, "equal_nan": equal_nan, "check_device": check_device,
        "check_dtype": check_dtype, "check_stride": check_stride,
    }  # fmt: skip
    comparison = _Comparison(rtol, atol, options, msg)
    for pair in comparison.pairs(actual, expected):
        comparison.compare(*pair)


def assert_allclose(
    actual: Any,
    expected: Any,
    rtol: float | None = None,
    atol: float | None = None,
    equal_nan: bool = True,
    msg: str = "",
) -> None:
    """The old, deprecated form of `assert_close`, which does not look at dtype and device."""
    warnings.warn(
        "`torch.testing.assert_allclose()` is deprecated since 1.12 and will be removed in a future release. "
        "Please use `torch.testing.assert_close()` instead. You can find detailed upgrade instructions in "
        "https://github.com/pytorch/pytorch/issues/61844.",
        FutureWarning,
        stacklevel=2,
    )
    actual, expected = (one if isinstance(one, Tensor) else as_tensor(one) for one in (actual, expected))
    assert_close(
        actual, expected, rtol=rtol, atol=atol, equal_nan=equal_nan, check_device=True, check_dtype=False,
        check_stride=False, msg=msg or None,
    )  # fmt: skip


def _interval(
    low: Any, high: Any, kind: D.dtype, limits: tuple[Any, Any], usual: tuple[int, int]
) -> tuple[Any, Any]:
    low = usual[0] if low is None else low
    high = usual[1] if high is None else high
    if any(isinstance(one, float) and math.isnan(one) for one in (low, high)):
        raise ValueError(f"`low` and `high` cannot be NaN, but got {low=} and {high=}")
    floating = kind.category >= D.FLOATING
    if low == high and floating:
        warnings.warn(
            "Passing `low==high` to `torch.testing.make_tensor` for floating or complex types is deprecated "
            "since 2.1 and will be removed in 2.3. Use `torch.full(...)` instead.",
            FutureWarning,
            stacklevel=4,
        )
    elif low >= high:
        raise ValueError(f"`low` must be less than `high`, but got {low} >= {high}")
    elif high < limits[0] or low >= limits[1]:
        raise ValueError(
            f"The value interval specified by `low` and `high` is [{low}, {high}), but {kind} only supports "
            f"[{limits[0]}, {limits[1]})"
        )
    low, high = (min(max(one, limits[0]), limits[1]) for one in (low, high))
    return (low, high) if floating else (math.ceil(low), math.ceil(high))


def make_tensor(
    *shape: Any,
    dtype: Any,
    device: Any,
    low: Any = None,
    high: Any = None,
    requires_grad: bool = False,
    noncontiguous: bool = False,
    exclude_zero: bool = False,
    memory_format: Any = None,
) -> Tensor:
    """A tensor of this size with uniform random values, from -9 to 9 unless `low` and `high` are given."""
    if len(shape) == 1 and isinstance(shape[0], Sequence):
        shape = tuple(shape[0])
    if noncontiguous and memory_format is not None:
        raise ValueError(
            "The parameters `noncontiguous` and `memory_format` are mutually exclusive, but got "
            f"{noncontiguous=} and {memory_format=}"
        )
    floating = dtype.category >= D.FLOATING
    if requires_grad and not floating:
        raise ValueError(
            f"`requires_grad=True` is not supported for boolean and integral dtypes, but got {dtype=}"
        )
    noncontiguous = noncontiguous and math.prod(shape) > 1
    drawn = (*shape[:-1], 2 * shape[-1]) if noncontiguous else shape
    if dtype is D.bool_:
        low, high = _interval(low, high, dtype, (0, 2), (0, 2))
        result = randint(low, high, drawn, device=device, dtype=dtype)
    elif not floating:
        info = D.iinfo(dtype)
        limits = info.min, info.max + (dtype is not D.int64)
        low, high = _interval(low, high, dtype, limits, (-9, 10))
        result = randint(low, high, drawn, device=device, dtype=dtype)
    else:
        real = D.finfo(dtype)
        low, high = _interval(low, high, dtype, (real.min, real.max), (-9, 9))
        if dtype.is_complex:
            kind = D.float32 if dtype is D.complex64 else D.float64
            parts = empty((*drawn, 2), dtype=kind).uniform_(low, high)
            result = from_array(parts.numpy().view(dtype.numpy)[..., 0], device)
        else:
            result = empty(drawn, device=device, dtype=dtype).uniform_(low, high)
    if noncontiguous:
        result = cast(Any, result)[..., 1::2]
    if exclude_zero:
        result[result == 0] = D.finfo(dtype).tiny if floating else 1
    if floating:
        result.requires_grad = requires_grad
    return result

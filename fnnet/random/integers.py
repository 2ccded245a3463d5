"""Integers: random_ and randint as word mod range, and permutations."""

from __future__ import annotations

import math
import sys
import warnings

import numpy as np

from fnnet.random.arguments import c_name, check_dtype, torch_name
from fnnet.random.engine import Engine
from fnnet.random.rounding import DIGITS, FLOATS, bfloat16, float16, float32, float64

_BLOCK = 1 << 14
_WIDE = 2**28
"""From this range on an integer takes a 64-bit word, whatever the dtype."""
_FULL = -(2**63)

_BOOL = np.dtype(bool)
INTEGERS = tuple(map(np.dtype, ("u1", "i1", "i2", "i4", "i8")))
"""The integer dtypes for which random_ needs no bounds."""
BOUNDED = (*INTEGERS, *map(np.dtype, ("u2", "u4", "u8")), _BOOL, *FLOATS)
_WORD64 = (np.dtype("i8"), float64)


def random_flat(engine: Engine, count: int, low: int | None, high: int | None, dtype: np.dtype) -> np.ndarray:
    """`count` integers as random_(low, high) gives them; None for a bound that was not given.

    Raises RuntimeError for an empty or impossible range.
    """
    if low is None and high is None:
        return _unbounded(engine, count, dtype)
    check_dtype("random_from_to", dtype, BOUNDED)
    if high is not None:
        low, high = _bounds(low or 0, high, dtype)
        return _modulo(engine, count, high - low, low, dtype)
    assert low is not None
    if low == _FULL:
        check_dtype(
            "random_full_64_bits_range_kernel_cpu", dtype, (np.dtype("i8"), float64, float32, bfloat16)
        )
        return from_int64(engine.words64(count).view(np.int64), dtype)
    if dtype in FLOATS:
        last = 2 ** DIGITS[dtype]
        low = _raised(low, dtype)
    else:
        last = 1 if dtype == _BOOL else int(np.iinfo(dtype).max)
    _check_range(low, last, dtype)
    return _modulo(engine, count, last - low + 1, low, dtype)


def from_int64(values: np.ndarray, dtype: np.dtype) -> np.ndarray:
    """int64 in another dtype as C++ converts it; to half types by way of float32."""
    if dtype in (float16, bfloat16):
        values = values.astype(float32)
    with np.errstate(over="ignore"):
        return values.astype(dtype, copy=False)


def _unbounded(engine: Engine, count: int, dtype: np.dtype) -> np.ndarray:
    check_dtype("random_kernel_cpu", dtype, (_BOOL, *INTEGERS, *FLOATS))
    if dtype == _BOOL:
        span = 2
    elif dtype in FLOATS:
        span = 2 ** DIGITS[dtype] + 1
    else:
        span = int(np.iinfo(dtype).max) + 1
    return _remainders(engine, count, span, 0, dtype, wide=dtype in _WORD64)


def _modulo(engine: Engine, count: int, span: int, low: int, dtype: np.dtype) -> np.ndarray:
    return _remainders(engine, count, span, low, dtype, wide=span >= _WIDE)


def _remainders(engine: Engine, count: int, span: int, low: int, dtype: np.dtype, wide: bool) -> np.ndarray:
    """(word mod span) + low in wrap-around arithmetic of 64 bits."""
    out = np.empty(count, dtype)
    word = np.uint64 if wide else np.uint32
    for start in range(0, count, _BLOCK):
        part = out[start : start + _BLOCK]
        words = engine.words64(part.size) if wide else engine.words(part.size)
        if span & (span - 1) == 0:
            words &= word(span - 1)
        elif span < 2**64:
            # NumPy vectorises the division but not the remainder
            words -= words // word(span) * word(span)
        values = words.astype(np.uint64, copy=False).view(np.int64)
        if low:
            values += np.int64(low)
        if dtype.itemsize == 8 and dtype.kind == "i":
            part[...] = values
        else:
            part[...] = from_int64(values, dtype)
    return out


def _bounds(low: int, high: int, dtype: np.dtype) -> tuple[int, int]:
    if low >= high:
        raise RuntimeError(f"random_ expects 'from' to be less than 'to', but got from={low} >= to={high}")
    if dtype in FLOATS:
        low, high = _raised(low, dtype), _lowered(high, dtype)
        if low >= high:
            raise RuntimeError(
                "random_ expects 'from' casted to dtype to be less than 'to' casted to dtype, but got "
                f"from={low} >= to={high}"
            )
    _check_range(low, high - 1, dtype)
    return low, high


def _as_float(value: int, dtype: np.dtype) -> float:
    with np.errstate(over="ignore"):
        return float(from_int64(np.array([value], np.int64), dtype)[0])


def _raised(low: int, dtype: np.dtype) -> int:
    """A lower bound such that rounding to the dtype cannot go below it."""
    following = _as_float(low + 1, dtype)
    if math.isfinite(following) and following < low:
        return int(following) + 2 ** (abs(low + 1).bit_length() - DIGITS[dtype])
    return low


def _lowered(high: int, dtype: np.dtype) -> int:
    """An upper bound such that rounding to the dtype cannot reach it."""
    last = _as_float(high - 1, dtype)
    # 2**63 as int64 is negative on x86, so PyTorch sees nothing to lower there
    if math.isfinite(last) and high <= last < 2.0**63:
        return int(last) - 2 ** (abs(high - 1).bit_length() - DIGITS[dtype])
    return high


def _check_range(low: int, last: int, dtype: np.dtype) -> None:
    """Raises RuntimeError if the dtype has no such numbers; warns if it has not all between them."""
    for argument, value in (("from", low), ("to - 1", last)):
        if dtype in FLOATS:
            exact = 2 ** DIGITS[dtype]
            if dtype == float16 and abs(value) > 65504:
                raise RuntimeError(f"{argument} is out of bounds for {c_name(dtype)}: random_ got {value}")
            if not -exact <= value <= exact:
                warnings.warn(
                    f"{argument} is out of bounds [-(2^{DIGITS[dtype]}), 2^{DIGITS[dtype]}]. Due to "
                    f"precision limitations {c_name(dtype)} can support discrete uniform distribution only "
                    "within this range.",
                    stacklevel=5,
                )
        else:
            first, final = (0, 1) if dtype == _BOOL else (np.iinfo(dtype).min, np.iinfo(dtype).max)
            if not first <= value <= final:
                raise RuntimeError(f"{argument} is out of bounds for {c_name(dtype)}: random_ got {value}")


_FROM_LEFT = (2**32 - 1) // 20
"""Permutations from this size on are drawn in the other direction, with 64-bit words."""
_LOOP = 1 << 11
_IMPORT = 1_000_000
"""After how many numbers permuted SciPy is imported."""
_permuted = [0]


def randperm_flat(engine: Engine, n: int, dtype: np.dtype) -> np.ndarray:
    """A permutation of 0 .. n - 1: Fisher and Yates' shuffle, vectorised."""
    check_dtype("randperm", dtype, (*BOUNDED[:-5], *FLOATS))
    if dtype in FLOATS and n > 2 ** DIGITS[dtype] + 1:
        raise RuntimeError(f"n cannot be greater than {2 ** DIGITS[dtype] + 1} for {torch_name(dtype)} type.")
    if dtype not in FLOATS and n > int(np.iinfo(dtype).max):
        raise RuntimeError(f"value cannot be converted to type {dtype.name}_t without overflow: n = {n}")
    return from_int64(_permutation(engine, n), dtype)


def _permutation(engine: Engine, n: int) -> np.ndarray:
    if n >= _FROM_LEFT:
        places = engine.words64(n) % np.arange(1, n + 1, dtype=np.uint64)
        result = np.zeros(n, np.int64)
        for i, place in enumerate(places.tolist()):
            result[i] = i
            result[i], result[place] = result[place], i
        return result
    steps = max(n - 1, 0)
    targets = engine.words(steps) % np.arange(n, n - steps, -1, dtype=np.uint32)
    targets = targets.astype(np.int64)
    targets += np.arange(steps)
    if _swaps_by_lapack(n):
        return _swapped_by_lapack(targets, n)
    if n > _LOOP:
        return _swapped(targets, n)
    order = list(range(n))
    for i, target in enumerate(targets.tolist()):
        order[i], order[target] = order[target], order[i]
    return np.array(order, np.int64)


def _swaps_by_lapack(n: int) -> bool:
    """Whether so much has been permuted that importing SciPy pays (0.1 s)."""
    _permuted[0] += n
    return _permuted[0] > _IMPORT or "scipy.linalg.lapack" in sys.modules


def _swapped_by_lapack(targets: np.ndarray, n: int) -> np.ndarray:
    """As `_swapped`, by the exchange of rows that LAPACK has for pivots: a compiled loop, 0.5 ms instead of
    4.7 for n = 60000, 8 instead of 105 for a million."""
    from scipy.linalg import lapack  # JAX brings it along

    narrow = n <= 2**24  # the numbers that float32 has
    rows = np.arange(n, dtype=np.float32 if narrow else np.float64)[:, None]
    if targets.size:
        rows = (lapack.slaswp if narrow else lapack.dlaswp)(rows, targets.astype(np.int32), overwrite_a=1)
    return np.asarray(rows[:, 0].astype(np.int64))


def _swapped(targets: np.ndarray, n: int) -> np.ndarray:
    """0 .. n - 1 after swapping i with targets[i] >= i for each i in turn.

    Step i puts into place i what stood at its target, and what stood at i there. What stands at a place
    before step i is what the last earlier step with that target put there, which is what stood at that step's
    own place: chains, which pointer doubling resolves for all places at once.
    """
    steps = np.arange(n, dtype=np.int64)
    targets = np.append(targets, n - 1)
    keys = np.sort((targets << 32) | steps)
    sorted_targets, sorted_steps = keys >> 32, keys & 0xFFFFFFFF
    same = sorted_targets[1:] == sorted_targets[:-1]
    # the last step before i that had i's target: what it moved there is what i takes
    previous = np.full(n, -1, np.int64)
    previous[sorted_steps[1:][same]] = sorted_steps[:-1][same]
    # the last step before i whose target was place i itself
    last = np.append(~same, True)
    feeder = steps.copy()
    closing_targets, closing_steps = sorted_targets[last], sorted_steps[last]
    # a step may have its own place as target, which moves nothing: the one before it counts
    own = closing_targets == closing_steps
    before = previous[closing_steps]
    closing_steps = np.where(own, np.where(before >= 0, before, closing_targets), closing_steps)
    feeder[closing_targets] = closing_steps
    while True:
        doubled = feeder[feeder]
        if np.array_equal(doubled, feeder):
            break
        feeder = doubled
    moved = previous >= 0
    return np.where(moved, feeder[np.where(moved, previous, 0)], targets)

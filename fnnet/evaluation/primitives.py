"""JAX's primitives in NumPy: a table from names to functions of arrays and of the equation's parameters.

The functions give what XLA gives on a CPU, rounding aside: NaN goes through extremes, integers divided by
zero, shifted too far or converted from floats that do not fit have XLA's values. 16-bit floats are computed
in 32 bits where XLA does so. Windows are the subject of `numpy_windows.py`, indices of `numpy_indexing.py`.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import jax
import numpy as np

from fnnet.evaluation.indexing import dynamic_slice, dynamic_update_slice, gather, scatter
from fnnet.evaluation.windows import convolve, least, pad, reduce_window, select_and_scatter_add

Rule = Callable[..., Any]
HALVES = frozenset((np.dtype(np.float16), np.dtype(jax.numpy.bfloat16)))


def in_32_bits(function: Rule) -> Rule:
    """A rule that computes with 16-bit floats as with 32-bit ones, and rounds its result."""

    def rule(*operands: Any, **params: Any) -> Any:
        kind = operands[0].dtype
        if kind not in HALVES:
            return function(*operands, **params)
        wide = [one.astype(np.float32) if one.dtype == kind else one for one in operands]
        return function(*wide, **params).astype(kind)

    return rule


def _divide(x: Any, y: Any) -> Any:
    if x.dtype.kind not in "iu":
        return np.divide(x, y)
    quotient = np.floor_divide(x, y)
    quotient = quotient + ((np.remainder(x, y) != 0) & ((x < 0) != (y < 0))).astype(x.dtype)
    by_zero = np.array(-1).astype(x.dtype)  # towards zero; and by zero, all bits
    return np.where(y == 0, by_zero, quotient)


def _remainder(x: Any, y: Any) -> Any:
    return np.where(y == 0, x, np.fmod(x, y)) if x.dtype.kind in "iu" else np.fmod(x, y)


def _power(x: Any, y: Any) -> Any:
    return np.power(x, y.astype(x.dtype)) if y.dtype.kind in "iu" and x.dtype.kind != "i" else np.power(x, y)


def _integer_power(x: Any, y: int) -> Any:
    made: Any = None
    rest, factor = abs(y), x
    while rest:
        if rest & 1:
            made = factor if made is None else made * factor
        rest >>= 1
        factor = factor * factor if rest else factor
    if made is None:
        return np.ones_like(x)
    return np.ones((), x.dtype) / made if y < 0 else made


def _round(x: Any, rounding_method: Any) -> Any:
    if int(rounding_method) == 1:
        return np.rint(x)
    whole = np.trunc(x)
    away = np.abs(x - whole) >= np.array(0.5, x.dtype)
    return np.where(away, whole + np.copysign(np.ones((), x.dtype), x), whole)


def _sign(x: Any) -> Any:
    return np.where(x == 0, x, np.sign(x)) if x.dtype.kind not in "iu" else np.sign(x)


def _shift_right(kind: str) -> Rule:
    def rule(x: Any, y: Any) -> Any:
        taken_as = np.dtype(f"{kind}{x.dtype.itemsize}")
        return np.right_shift(x.view(taken_as), y.view(taken_as)).view(x.dtype)

    return rule


def _convert(x: Any, new_dtype: Any, **_: Any) -> Any:
    new = np.dtype(new_dtype)
    if x.dtype.kind == "c" and new.kind != "c":
        x = x.real
    if new.kind not in "iu" or x.dtype.kind in "iub":
        return x.astype(new)
    least, most = np.iinfo(new).min, np.iinfo(new).max
    wide = x if x.dtype.itemsize > 2 else x.astype(np.float32)
    inside = (wide >= float(least)) & (wide < float(most) + (most < 2**53))
    made = np.where(inside, wide, 0).astype(new)
    ends = [np.array(end, new) for end in (most, least, 0)]
    return np.where(inside, made, np.where(wide > 0, ends[0], np.where(wide < 0, ends[1], ends[2])))


def rounds_to(own: Any, exponent_bits: int, mantissa_bits: int) -> Any:
    """The dtype whose values reduce_precision keeps; None if NumPy has none."""
    for kind in (own, *HALVES):
        found = jax.numpy.finfo(kind)
        if (exponent_bits, mantissa_bits) == (found.nexp, found.nmant):
            return kind
    return None


def _reduce_precision(x: Any, **bits: int) -> Any:
    return x.astype(rounds_to(x.dtype, **bits)).astype(x.dtype)


def _platform_index(platforms: Any) -> Any:
    """NumPy is no platform of XLA's, so the branch that is for all others; the last, if each has its own."""
    return np.int32(platforms.index(None) if None in platforms else len(platforms) - 1)


def _select(which: Any, *cases: Any) -> Any:
    if which.dtype == bool:
        return np.where(which, cases[1], cases[0])
    made = cases[0]
    for number, case in enumerate(cases[1:], 1):
        made = np.where(which >= number, case, made)
    return made


def _reshape(x: Any, new_sizes: Any, dimensions: Any = None, **_: Any) -> Any:
    return (x if dimensions is None else np.transpose(x, dimensions)).reshape(new_sizes)


def _broadcast(x: Any, *_: Any, shape: Any, broadcast_dimensions: Any, **__: Any) -> Any:
    lengths = [1] * len(shape)
    for dim, to in enumerate(broadcast_dimensions):
        lengths[to] = x.shape[dim]
    return np.broadcast_to(x.reshape(lengths), shape)


def _iota(*_: Any, dtype: Any, shape: Any, dimension: int, **__: Any) -> Any:
    lengths = [1] * len(shape)
    lengths[dimension] = shape[dimension]
    return np.broadcast_to(np.arange(shape[dimension]).astype(dtype).reshape(lengths), shape)


def _slice(x: Any, start_indices: Any, limit_indices: Any, strides: Any) -> Any:
    return x[tuple(map(slice, start_indices, limit_indices, strides or (None,) * x.ndim))]


def _bitcast(x: Any, new_dtype: Any) -> Any:
    new = np.dtype(new_dtype)
    if new.itemsize < x.dtype.itemsize:
        return np.ascontiguousarray(x).reshape(x.shape)[..., None].view(new)
    made = np.ascontiguousarray(x).reshape(x.shape).view(new)
    return made[..., 0] if new.itemsize > x.dtype.itemsize else made


def _total(ufunc: Any) -> Rule:
    """Sums, products and the like, in the dtype of the operand."""

    def rule(x: Any, axes: Any, **_: Any) -> Any:
        kind = {"dtype": x.dtype} if ufunc in (np.add, np.multiply) else {}
        return ufunc.reduce(x, axis=tuple(axes), **kind)

    return in_32_bits(rule)


def _most(ufunc: Any, sign: int) -> Rule:
    def rule(x: Any, axes: Any, **_: Any) -> Any:
        if x.size:
            return ufunc.reduce(x, axis=tuple(axes))
        return np.full([n for dim, n in enumerate(x.shape) if dim not in axes], least(x.dtype, sign), x.dtype)

    return in_32_bits(rule)


def _place_of(function: Any) -> Rule:
    def rule(x: Any, axes: Any, index_dtype: Any) -> Any:
        wide = x.astype(np.float32) if x.dtype in HALVES else x
        return function(wide, axis=axes[0]).astype(index_dtype)  # NaN counts as the extreme in NumPy as well

    return rule


def _cumulative(ufunc: Any) -> Rule:
    def rule(x: Any, axis: int, reverse: bool) -> Any:
        kind = {"dtype": x.dtype} if ufunc in (np.add, np.multiply) else {}
        if reverse:
            return np.flip(ufunc.accumulate(np.flip(x, axis), axis=axis, **kind), axis)
        return ufunc.accumulate(x, axis=axis, **kind)

    return in_32_bits(rule)


def _sort(*operands: Any, dimension: int, is_stable: bool, num_keys: int) -> Any:
    keys = [one.astype(np.float32) if one.dtype in HALVES else one for one in operands[:num_keys]]
    if len(keys) == 1:
        order = np.argsort(keys[0], axis=dimension, kind="stable")
    else:
        order = np.lexsort(keys[::-1], axis=dimension)
    return [np.take_along_axis(one, order, dimension) for one in operands]


def _dot(x: Any, y: Any, dimension_numbers: Any, preferred_element_type: Any = None, **_: Any) -> Any:
    (left, right), (left_batch, right_batch) = dimension_numbers
    kind = np.dtype(preferred_element_type or np.result_type(x, y))
    if x.dtype in HALVES:
        x, y = x.astype(np.float32), y.astype(np.float32)
    elif x.dtype != kind or y.dtype != kind:
        x, y = x.astype(kind), y.astype(kind)
    free_x = [dim for dim in range(x.ndim) if dim not in left and dim not in left_batch]
    free_y = [dim for dim in range(y.ndim) if dim not in right and dim not in right_batch]
    batch = [x.shape[dim] for dim in left_batch]
    inner = math.prod([x.shape[dim] for dim in left])
    rows, columns = [x.shape[dim] for dim in free_x], [y.shape[dim] for dim in free_y]
    x = x.transpose([*left_batch, *free_x, *left]).reshape([*batch, math.prod(rows), inner])
    y = y.transpose([*right_batch, *right, *free_y]).reshape([*batch, inner, math.prod(columns)])
    return np.matmul(x, y).reshape([*batch, *rows, *columns]).astype(kind, copy=False)


_ERF_ABOVE = (0.00022905065861350646, 0.0034082910107109506, 0.050955695062380861, 0.18520832239976145,
              1.128379143519084)  # fmt: skip
_ERF_BELOW = (-1.1791602954361697e-7, 0.000023547966471313185, 0.0010179625278914885, 0.014070470171167667,
              0.11098505178285362, 0.49746925110067538, 1.0)  # fmt: skip


def _erf(x: Any) -> Any:
    """In float32 XLA's own approximation; SciPy's takes as long to import as XLA to compile."""
    if x.dtype != np.float32:
        return _scipy("erf", x)
    x = np.clip(x, np.float32(-3.7439211627767994), np.float32(3.7439211627767994))
    square = x * x
    above, below = (np.array(one, np.float32) for one in (_ERF_ABOVE, _ERF_BELOW))
    return x * np.polyval(above, square) / np.polyval(below, square)


def _scipy(name: str, *operands: Any) -> Any:
    import scipy.special  # JAX brings it along

    return getattr(scipy.special, name)(*operands)


def _special(name: str) -> Rule:
    return in_32_bits(lambda *operands, **_: _scipy(name, *operands).astype(operands[0].dtype, copy=False))


def _fft(x: Any, fft_type: Any, fft_lengths: Any) -> Any:
    kind = fft_type if isinstance(fft_type, str) else fft_type.name
    name = {"FFT": "fftn", "IFFT": "ifftn", "RFFT": "rfftn", "IRFFT": "irfftn"}[
        kind.rpartition(".")[2].upper()
    ]
    axes = range(x.ndim - len(fft_lengths), x.ndim)
    return getattr(np.fft, name)(x, fft_lengths, tuple(axes))


def one(function: Any) -> Rule:
    """A rule that needs no parameters."""
    return lambda *operands, **_: function(*operands)


def _by_name(names: str, spellings: str) -> dict[str, Rule]:
    pairs = zip(names.split(), spellings.split(), strict=True)
    return {name: one(getattr(np, spelling)) for name, spelling in pairs}


def _complex(x: Any, y: Any) -> Any:
    """x + yi, where infinity and NaN stay in the part that they are in."""
    made = np.empty(np.broadcast_shapes(np.shape(x), np.shape(y)), np.result_type(x, np.complex64))
    made.real, made.imag = x, y
    return made


RULES: dict[str, Rule] = {
    **_by_name("add sub mul max min atan2 nextafter add_any square",
               "add subtract multiply maximum minimum arctan2 nextafter add square"),
    **_by_name("and or xor not eq ne lt le gt ge", "bitwise_and bitwise_or bitwise_xor invert "
               "equal not_equal less less_equal greater greater_equal"),
    **_by_name("neg floor ceil exp exp2 log log1p expm1 sqrt cbrt abs is_finite",
               "negative floor ceil exp exp2 log log1p expm1 sqrt cbrt abs isfinite"),
    **_by_name("sin cos tan asin acos atan sinh cosh tanh asinh acosh atanh",
               "sin cos tan arcsin arccos arctan sinh cosh tanh arcsinh arccosh arctanh"),
    **_by_name("real imag conj shift_left", "real imag conj left_shift"),
    **dict.fromkeys(("copy", "copy_p", "stop_gradient"), one(lambda x: x)),
    "complex": _complex,
    "sign": one(_sign),
    "pow": one(_power),
    "div": one(_divide),
    "rem": one(_remainder),
    "rsqrt": one(in_32_bits(lambda x: np.ones((), x.dtype) / np.sqrt(x))),
    "logistic": one(in_32_bits(lambda x: np.ones((), x.dtype) / (np.ones((), x.dtype) + np.exp(-x)))),
    "shift_right_logical": _shift_right("u"),
    "shift_right_arithmetic": _shift_right("i"),
    "population_count": lambda x: np.bitwise_count(x.view(f"u{x.dtype.itemsize}")).astype(x.dtype),
    "integer_pow": _integer_power,
    "round": _round,
    "reduce_precision": _reduce_precision,
    "select_n": _select,
    "platform_index": _platform_index,
    "clamp": lambda low, x, high: np.minimum(np.maximum(x, low), high),
    "convert_element_type": _convert,
    "bitcast_convert_type": _bitcast,
    "broadcast_in_dim": _broadcast,
    "reshape": _reshape,
    "squeeze": lambda x, dimensions: np.squeeze(x, tuple(dimensions)),
    "expand_dims": lambda x, dimensions: np.expand_dims(x, tuple(dimensions)),
    "transpose": lambda x, permutation: np.transpose(x, permutation),
    "rev": lambda x, dimensions: np.flip(x, tuple(dimensions)),
    "concatenate": lambda *xs, dimension: np.concatenate(xs, dimension),
    "stack": lambda *xs, **params: np.stack(xs, *params.values()),
    "tile": lambda x, reps: np.tile(x, reps),
    "split": lambda x, sizes, axis: np.split(x, np.cumsum(sizes)[:-1], axis),
    "slice": _slice,
    "pad": pad,
    "iota": _iota,
    "reduce_sum": _total(np.add),
    "reduce_prod": _total(np.multiply),
    "reduce_max": _most(np.maximum, 1),
    "reduce_min": _most(np.minimum, -1),
    "reduce_and": _total(np.bitwise_and),
    "reduce_or": _total(np.bitwise_or),
    "reduce_xor": _total(np.bitwise_xor),
    "argmax": _place_of(np.argmax),
    "argmin": _place_of(np.argmin),
    "cumsum": _cumulative(np.add),
    "cumprod": _cumulative(np.multiply),
    "cummax": _cumulative(np.maximum),
    "cummin": _cumulative(np.minimum),
    "cumlogsumexp": _cumulative(np.logaddexp),
    "sort": _sort,
    "dot_general": _dot,
    "fft": _fft,
    "erf": one(in_32_bits(_erf)),
    "erfc": _special("erfc"),
    "erf_inv": _special("erfinv"),
    "lgamma": _special("gammaln"),
    "digamma": _special("digamma"),
    "igamma": _special("gammainc"),
    "igammac": _special("gammaincc"),
    "bessel_i0e": _special("i0e"),
    "bessel_i1e": _special("i1e"),
    "dynamic_slice": dynamic_slice,
    "dynamic_update_slice": dynamic_update_slice,
    "gather": gather,
    "scatter": scatter(None),
    "scatter-add": scatter(np.add),
    "scatter-mul": scatter(np.multiply),
    "scatter-min": scatter(np.minimum),
    "scatter-max": scatter(np.maximum),
    "convolution": convolve,
    "conv_general_dilated": convolve,
    "reduce_window_sum": reduce_window(np.add),
    "reduce_window_max": reduce_window(np.maximum),
    "reduce_window_min": reduce_window(np.minimum),
    "select_and_scatter_add": select_and_scatter_add,
    "device_put": lambda *xs, **_: xs,
    "optimization_barrier": lambda *xs, **_: xs,
    "apart": lambda x: x,
    "vectorised": lambda *xs, name: RULES[name](*xs),
}  # fmt: skip

"""Recorded operations computed at once by NumPy, where XLA must not be used: in a forked worker process.

XLA's compiler and its threads do not survive `os.fork`; NumPy does. `compute_on_host` makes the record of
this
process evaluate each plan's jaxpr with NumPy. It covers what datasets and transforms do: arithmetic,
comparisons,
reductions, indexing, joining, sorting, matrix products. Anything else raises NotImplementedError by name.

Use of JAX itself in such a process ends it: XLA aborts.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import jax
import numpy as np
from jax.extend.core import ClosedJaxpr, Literal

from fnnet.torch.host_indexing import dynamic_slice, dynamic_update_slice, gather, scatter
from fnnet.torch.operation import Op
from fnnet.torch.record import RECORD, Record, Value

Rule = Callable[..., Any]
_ADVICE = (
    "cannot be computed in a forked DataLoader worker, which has NumPy only; use NumPy there, or "
    'DataLoader(..., multiprocessing_context="spawn"), or num_workers=0'
)


class HostRecord(Record):
    """A record that keeps nothing: every call is computed when it is made."""

    def append(self, plan: Any, values: Any, numbers: Any) -> list[Value]:
        arrays = [np.asarray(value.get()) for value in values]
        return [Value(array) for array in evaluate(plan.jaxpr, [*arrays, *numbers])]


def compute_on_host() -> None:
    """From now on this process computes by NumPy. What was recorded before must have been run."""
    RECORD.__class__ = HostRecord
    jax.device_put = lambda x, *_, **__: x  # arrays stay NumPy's
    Op.compute = _refuse  # type: ignore[method-assign, assignment]


def _refuse(op: Op, args: Any, kwargs: Any) -> Any:
    """Stands for operations that look at values before they compute: to check them, or to know a shape."""
    if not op.data_dependent and not op.by_values:
        raise IndexError(f"{op.name}: index out of range")
    raise NotImplementedError(f"fnnet: '{op.name}' {_ADVICE}")


def evaluate(closed: ClosedJaxpr, arguments: list[Any]) -> list[Any]:
    """The outputs of a jaxpr, computed by NumPy. Raises NotImplementedError for primitives without a rule."""
    jaxpr = closed.jaxpr
    known: dict[Any, Any] = dict(zip(jaxpr.constvars, map(np.asarray, closed.consts), strict=True))
    variable: Any
    for variable, argument in zip(jaxpr.invars, arguments, strict=True):
        known[variable] = np.asarray(argument, variable.aval.dtype)

    def read(atom: Any) -> Any:
        if not isinstance(atom, Literal):
            return known[atom]
        aval: Any = atom.aval
        return np.asarray(atom.val, aval.dtype)

    with np.errstate(all="ignore"):
        for eqn in jaxpr.eqns:
            inputs = [read(atom) for atom in eqn.invars]
            name = eqn.primitive.name
            inner = next((eqn.params[key] for key in ("jaxpr", "call_jaxpr") if key in eqn.params), None)
            if isinstance(inner, ClosedJaxpr):
                results = evaluate(inner, inputs)
            elif name == "cond":
                branches = eqn.params["branches"]
                results = evaluate(branches[min(max(int(inputs[0]), 0), len(branches) - 1)], inputs[1:])
            elif name in _RULES:
                results = _RULES[name](*inputs, **eqn.params)
                results = list(results) if eqn.primitive.multiple_results else [results]
            else:
                raise NotImplementedError(f"fnnet: '{name}' {_ADVICE}")
            for variable, result in zip(eqn.outvars, results, strict=True):
                known[variable] = np.asarray(result, variable.aval.dtype)
    return [read(atom) for atom in jaxpr.outvars]


def _divide(x: Any, y: Any) -> Any:
    if x.dtype.kind not in "iu":
        return np.divide(x, y)
    quotient = np.floor_divide(x, y)
    return quotient + ((np.remainder(x, y) != 0) & ((x < 0) != (y < 0)))  # towards zero


def _round(x: Any, rounding_method: Any) -> Any:
    if int(rounding_method) == 1:
        return np.rint(x)
    return np.copysign(np.floor(np.abs(x) + np.asarray(0.5, x.dtype)), x)


def _platform_index(platforms: Any) -> Any:
    """NumPy is no platform of XLA's, so the branch that is for all others; the last, if each has its own."""
    return np.int32(platforms.index(None) if None in platforms else len(platforms) - 1)


def _select(which: Any, *cases: Any) -> Any:
    if which.dtype == bool:
        return np.where(which, cases[1], cases[0])
    return np.choose(which, cases)


def _broadcast(x: Any, *_: Any, shape: Any, broadcast_dimensions: Any, **__: Any) -> Any:
    lengths = [1] * len(shape)
    for dim, to in enumerate(broadcast_dimensions):
        lengths[to] = x.shape[dim]
    return np.broadcast_to(x.reshape(lengths), shape)


def _iota(*_: Any, dtype: Any, shape: Any, dimension: int, **__: Any) -> Any:
    lengths = [1] * len(shape)
    lengths[dimension] = shape[dimension]
    return np.broadcast_to(np.arange(shape[dimension], dtype=dtype).reshape(lengths), shape)


def _slice(x: Any, start_indices: Any, limit_indices: Any, strides: Any) -> Any:
    return x[tuple(map(slice, start_indices, limit_indices, strides or (None,) * x.ndim))]


def _pad(x: Any, value: Any, padding_config: Any) -> Any:
    shape = [
        low + high + n + max(n - 1, 0) * inner
        for n, (low, high, inner) in zip(x.shape, padding_config, strict=True)
    ]
    made = np.full([max(n, 0) for n in shape], value, x.dtype)
    to, of = [], []
    for n, (low, _, inner), total in zip(x.shape, padding_config, shape, strict=True):
        places = low + np.arange(n) * (inner + 1)
        inside = (places >= 0) & (places < total)
        to.append(places[inside])
        of.append(np.flatnonzero(inside))
    made[np.ix_(*to)] = x[np.ix_(*of)]
    return made


def _reduce(function: Any) -> Rule:
    return lambda x, axes, **_: function(x, axis=tuple(axes))


def _extreme(function: Any) -> Rule:
    def rule(x: Any, axes: Any, index_dtype: Any) -> Any:
        return function(x, axis=axes[0])  # NaN counts as the extreme in NumPy as well

    return rule


def _cumulative(function: Any) -> Rule:
    def rule(x: Any, axis: int, reverse: bool) -> Any:
        if reverse:
            return np.flip(function(np.flip(x, axis), axis=axis, dtype=x.dtype), axis)
        return function(x, axis=axis, dtype=x.dtype)

    return rule


def _sort(*operands: Any, dimension: int, is_stable: bool, num_keys: int) -> Any:
    keys = [one + np.zeros((), one.dtype) if one.dtype.kind == "f" else one for one in operands[:num_keys]]
    order = np.lexsort(keys[::-1], axis=dimension)
    return [np.take_along_axis(one, order, dimension) for one in operands]


def _dot(x: Any, y: Any, dimension_numbers: Any, **_: Any) -> Any:
    (left, right), (left_batch, right_batch) = dimension_numbers
    x_names = list(range(x.ndim))
    y_names = [x.ndim + dim for dim in range(y.ndim)]
    for a, b in (*zip(left, right, strict=True), *zip(left_batch, right_batch, strict=True)):
        y_names[b] = x_names[a]
    free_x = [d for d in x_names if d not in left and d not in left_batch]
    free_y = [y_names[d] for d in range(y.ndim) if d not in right and d not in right_batch]
    return np.einsum(x, x_names, y, y_names, [*left_batch, *free_x, *free_y], optimize=True)


def _one(function: Any) -> Rule:
    return lambda *operands, **_: function(*operands)


_RULES: dict[str, Rule] = {
    **{
        name: _one(getattr(np, spelling))
        for names, spellings in (
            ("add sub mul pow max min rem atan2 nextafter",
             "add subtract multiply power maximum minimum fmod arctan2 nextafter"),
            ("and or xor not eq ne lt le gt ge", "bitwise_and bitwise_or bitwise_xor invert "
             "equal not_equal less less_equal greater greater_equal"),
            ("neg sign floor ceil exp exp2 log log1p expm1 sqrt cbrt abs square is_finite",
             "negative sign floor ceil exp exp2 log log1p expm1 sqrt cbrt abs square isfinite"),
            ("sin cos tan asin acos atan sinh cosh tanh asinh acosh atanh",
             "sin cos tan arcsin arccos arctan sinh cosh tanh arcsinh arccosh arctanh"),
            ("real imag conj shift_left shift_right_arithmetic add_any",
             "real imag conj left_shift right_shift add"),
        )
        for name, spelling in zip(names.split(), spellings.split(), strict=True)
    },
    **dict.fromkeys(("copy", "copy_p", "stop_gradient", "reduce_precision"), _one(lambda x: x)),
    "div": _one(_divide),
    "rsqrt": _one(lambda x: 1 / np.sqrt(x)),
    "logistic": _one(lambda x: 1 / (1 + np.exp(-x))),
    "integer_pow": lambda x, y: np.power(x, y) if y >= 0 else 1 / np.power(x, -y),
    "round": _round,
    "select_n": _select,
    "platform_index": _platform_index,
    "clamp": lambda low, x, high: np.minimum(np.maximum(x, low), high),
    "convert_element_type": lambda x, new_dtype, **_: x.astype(new_dtype),
    "bitcast_convert_type": lambda x, new_dtype: x.view(new_dtype),
    "broadcast_in_dim": _broadcast,
    "reshape": lambda x, new_sizes, **_: x.reshape(new_sizes),
    "squeeze": lambda x, dimensions: np.squeeze(x, tuple(dimensions)),
    "transpose": lambda x, permutation: np.transpose(x, permutation),
    "rev": lambda x, dimensions: np.flip(x, tuple(dimensions)),
    "concatenate": lambda *xs, dimension: np.concatenate(xs, dimension),
    "stack": lambda *xs, **params: np.stack(xs, *params.values()),
    "tile": lambda x, reps: np.tile(x, reps),
    "split": lambda x, sizes, axis: np.split(x, np.cumsum(sizes)[:-1], axis),
    "slice": _slice,
    "pad": _pad,
    "iota": _iota,
    "reduce_sum": lambda x, axes, **_: np.sum(x, axis=tuple(axes), dtype=x.dtype),
    "reduce_prod": lambda x, axes, **_: np.prod(x, axis=tuple(axes), dtype=x.dtype),
    "reduce_max": _reduce(np.max),
    "reduce_min": _reduce(np.min),
    "reduce_and": _reduce(np.all),
    "reduce_or": _reduce(np.any),
    "argmax": _extreme(np.argmax),
    "argmin": _extreme(np.argmin),
    "cumsum": _cumulative(np.cumsum),
    "cumprod": _cumulative(np.cumprod),
    "sort": _sort,
    "dot_general": _dot,
    "dynamic_slice": dynamic_slice,
    "dynamic_update_slice": dynamic_update_slice,
    "gather": gather,
    "scatter": scatter(None),
    "scatter-add": scatter(np.add),
    "scatter-mul": scatter(np.multiply),
    "scatter-min": scatter(np.minimum),
    "scatter-max": scatter(np.maximum),
    "device_put": lambda *xs, **_: xs,
    "optimization_barrier": lambda *xs, **_: xs,
}  # fmt: skip

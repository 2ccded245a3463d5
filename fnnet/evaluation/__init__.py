"""Evaluating JAX's programs by NumPy, equation by equation, and what that costs.

XLA compiles a program in 30 to 300 ms, a long one in seconds; NumPy computes a small one in a few. It is
used where a program is not worth compiling (`fnnet/torch/once.py`, the replayed steps of `fnnet.parity`), and
where XLA must not be used (`fnnet/torch/host.py`).
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

import jax
import numpy as np
from jax.extend.core import ClosedJaxpr, Literal

from fnnet.evaluation.primitives import RULES, rounds_to

_CALLS = ("jaxpr", "call_jaxpr")
_CALLING = frozenset(
    ("jit", "pjit", "closed_call", "core_call", "checkpoint", "remat2", "custom_jvp_call", "custom_vjp_call")
)
_KINDS = frozenset(np.dtype(one) for one in (
    "bool", "int8", "int16", "int32", "int64", "uint8", "uint16", "uint32", "uint64",
    "float16", "float32", "float64", "complex64", "complex128", jax.numpy.bfloat16,
))  # fmt: skip

_EQUATION = 3000.0
_ELEMENT = 1.0
_ELEMENTS = {
    name: nanoseconds
    for names, nanoseconds in (
        ("reshape broadcast_in_dim transpose slice squeeze expand_dims rev iota", 0.05),
        ("exp log tanh logistic sin cos expm1 log1p erf exp2 pow tan sinh cosh div", 8.0),
        ("sort cumlogsumexp erf_inv erfc lgamma digamma igamma igammac bessel_i0e bessel_i1e", 80.0),
        ("gather", 15.0),
        ("scatter scatter-add scatter-mul scatter-min scatter-max", 60.0),
    )
    for name in names.split()
}
"""Nanoseconds of an equation, and of each element of it, by measurement on one core."""
_MULTIPLICATION = 0.2


class NoRule(NotImplementedError):
    """A primitive cannot be evaluated; its name."""


def evaluate(closed: ClosedJaxpr, arguments: Sequence[Any]) -> list[Any]:
    """The outputs of a jaxpr as NumPy's arrays, in the dtypes that it says. Raises NoRule."""
    with np.errstate(all="ignore"):
        return _run(closed.jaxpr, closed.consts, arguments)


def evaluated(
    function: Callable[..., Any],
    *trees: Any,
    instead: Callable[..., Any] | None = None,
    limit: float = math.inf,
) -> Any:
    """`function(*trees)` with NumPy's arrays as leaves, if NumPy has a rule for all that it does.

    If it has not, if the function looks at values, or if it would take more than `limit` nanoseconds, JAX
    computes it: `instead(*trees)`, or operation by operation.
    """
    try:
        closed, form = jax.make_jaxpr(function, return_shape=True)(*trees)
        if limit == math.inf or cost(closed) <= limit:
            leaves = evaluate(closed, jax.tree.leaves(trees))
            return jax.tree.unflatten(jax.tree.structure(form), leaves)
    except (NoRule, jax.errors.ConcretizationTypeError, jax.errors.TracerArrayConversionError):
        pass
    return (instead or function)(*trees)


def _constant(literal: Any) -> Any:
    return np.asarray(literal.val, literal.aval.dtype)


def _run(jaxpr: Any, consts: Sequence[Any], arguments: Sequence[Any]) -> list[Any]:
    known: dict[Any, Any] = {}
    for variable, array in zip(jaxpr.constvars, consts, strict=True):
        known[variable] = np.asarray(array)
    for variable, array in zip(jaxpr.invars, arguments, strict=True):
        known[variable] = np.asarray(array, variable.aval.dtype)
    for eqn in jaxpr.eqns:
        inputs = [_constant(atom) if type(atom) is Literal else known[atom] for atom in eqn.invars]
        name, params = eqn.primitive.name, eqn.params
        rule = RULES.get(name)
        if rule is not None:
            results = rule(*inputs, **params)
            if not eqn.primitive.multiple_results:
                results = (results,)
        elif name in _CONTROL:
            results = _CONTROL[name](inputs, params)
        elif name in _CALLING:
            results = _call(_inner(params), inputs)
        else:
            raise NoRule(name)
        for variable, result in zip(eqn.outvars, results, strict=True):
            aval = variable.aval
            if result.dtype != aval.dtype or result.shape != aval.shape:
                raise TypeError(
                    f"{name} by NumPy gives {result.dtype}{list(result.shape)}, not {aval.str_short()}"
                )
            known[variable] = result
    return [_constant(atom) if type(atom) is Literal else known[atom] for atom in jaxpr.outvars]


def _inner(params: dict[str, Any]) -> Any:
    for key in _CALLS:
        if key in params:
            return params[key]
    raise NoRule("a call of another kind")


def _call(inner: Any, inputs: Sequence[Any]) -> list[Any]:
    if isinstance(inner, ClosedJaxpr):
        return _run(inner.jaxpr, inner.consts, inputs)
    return _run(inner, (), inputs)


def _cond(inputs: list[Any], params: dict[str, Any]) -> list[Any]:
    branches = params["branches"]
    return _call(branches[min(max(int(inputs[0]), 0), len(branches) - 1)], inputs[1:])


def _while(inputs: list[Any], params: dict[str, Any]) -> list[Any]:
    of_cond, of_body = params["cond_nconsts"], params["body_nconsts"]
    to_cond, to_body = inputs[:of_cond], inputs[of_cond : of_cond + of_body]
    carried = inputs[of_cond + of_body :]
    while _call(params["cond_jaxpr"], [*to_cond, *carried])[0]:
        carried = _call(params["body_jaxpr"], [*to_body, *carried])
    return carried


def loop_counts(params: dict[str, Any]) -> tuple[int, int]:
    """How many of a scan's inputs are the same in all steps, and how many after them are its state."""
    if "num_consts" in params:
        return params["num_consts"], params["num_carry"]
    consts, state = params["ft_in"].unpack()[:2]  # JAX 0.12 keeps the arguments' trees instead
    return len(list(consts)), len(list(state))


def _scan(inputs: list[Any], params: dict[str, Any]) -> list[Any]:
    inner, length = params["jaxpr"], params["length"]
    first, count = loop_counts(params)
    last = first + count
    consts, carried, rows = inputs[:first], inputs[first:last], inputs[last:]
    avals = inner.out_avals[count:]
    made = [np.empty((length, *aval.shape), aval.dtype) for aval in avals]
    for at in reversed(range(length)) if params["reverse"] else range(length):
        results = _call(inner, [*consts, *carried, *[one[at, ...] for one in rows]])
        carried = results[:count]
        for whole, row in zip(made, results[count:], strict=True):
            whole[at] = row
    return [*carried, *made]


_CONTROL: dict[str, Callable[[list[Any], dict[str, Any]], list[Any]]] = {
    "cond": _cond,
    "while": _while,
    "scan": _scan,
}


def cost(jaxpr: Any) -> float:
    """Nanoseconds that evaluating a jaxpr takes, about. Raises NoRule where it cannot be told or done."""
    jaxpr = getattr(jaxpr, "jaxpr", jaxpr)
    total = 0.0
    for eqn in jaxpr.eqns:
        name, params = eqn.primitive.name, eqn.params
        if name in RULES:
            total += _EQUATION + _work(eqn)
        elif name in _CALLING:
            total += cost(_inner(params))
        elif name == "scan":
            total += params["length"] * (_EQUATION + cost(params["jaxpr"]))
        elif name == "cond":
            total += max(map(cost, params["branches"]))
        else:
            raise NoRule(name)
    return total


def _work(eqn: Any) -> float:
    avals = [one.aval for one in (*eqn.invars, *eqn.outvars)]
    if any(aval.dtype not in _KINDS for aval in avals):
        raise NoRule(f"{eqn.primitive.name} of another dtype")
    name = eqn.primitive.name
    if name == "reduce_precision" and not rounds_to(avals[0].dtype, **eqn.params):
        raise NoRule(name)
    if name == "dot_general":
        (contracted, _), _ = eqn.params["dimension_numbers"]
        return _MULTIPLICATION * avals[2].size * math.prod([avals[0].shape[dim] for dim in contracted])
    if name in ("convolution", "conv_general_dilated"):
        numbers = eqn.params["dimension_numbers"]
        of_one = avals[1].size // max(avals[1].shape[numbers.rhs_spec[0]], 1)
        return 2 * _MULTIPLICATION * avals[2].size * of_one
    size = float(avals[2].size if name.startswith("scatter") else max(aval.size for aval in avals))
    if "window_dimensions" in eqn.params:
        size *= 4 * math.prod(eqn.params["window_dimensions"])
    return size * _ELEMENTS.get(name, _ELEMENT)

"""A call of a function of fnnet.functional with what PyTorch gives for it: values and gradients.

Cases are made where PyTorch is installed (tests/op_db.py), checked there and then, or recorded in
tests/reference/functional_nn.{json,npz} and checked anywhere.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import quickly

from fnnet import functional as F
from fnnet.random import Generator

TOLERANCES = {"float32": (1.3e-6, 1e-5), "float64": (1e-7, 1e-7)}
"""torch.testing.assert_close's relative and absolute tolerance."""

SINGLE = (np.float32, np.complex64)

SEED = 42
"""What op_db seeds PyTorch with before each call of a function that draws."""


@dataclass
class Case:
    """One call.

    Attributes:
        name: the function's.
        args: positional arguments; arrays are NumPy's.
        kwargs: keyword arguments.
        wanted: which leaves of (args, kwargs), in order, have a gradient.
        outputs: PyTorch's outputs.
        smooth: which outputs depend on them differentiably.
        cotangents: what those are weighted with.
        gradients: PyTorch's gradients of the wanted leaves.
    """

    name: str
    args: tuple[Any, ...]
    kwargs: dict[str, Any]
    wanted: list[int]
    outputs: list[np.ndarray]
    smooth: list[int]
    cotangents: list[np.ndarray]
    gradients: list[np.ndarray]


def leaves(tree: Any) -> list[Any]:
    """The leaves of nested lists, tuples and dicts, None included."""
    if isinstance(tree, tuple | list):
        return [leaf for part in tree for leaf in leaves(part)]
    if isinstance(tree, dict):
        return [leaf for part in tree.values() for leaf in leaves(part)]
    return [tree]


def filled(tree: Any, replacement: Iterator[Any]) -> Any:
    """The tree with its leaves replaced in turn."""
    if isinstance(tree, tuple | list):
        return type(tree)(filled(part, replacement) for part in tree)
    if isinstance(tree, dict):
        return {name: filled(part, replacement) for name, part in tree.items()}
    return next(replacement)


def close(
    kind: str,
    expected: np.ndarray,
    actual: Any,
    tolerances: tuple[float, float],
    exact: np.ndarray | None = None,
) -> None:
    """Raise AssertionError unless `actual` is `expected`, or as near to `exact`, if given, as that is."""
    rtol, atol = tolerances
    actual = np.asarray(actual)
    if expected.shape != actual.shape:
        raise AssertionError(f"{kind}: shape {actual.shape}, expected {expected.shape}")
    if jnp.issubdtype(expected.dtype, jnp.inexact) and expected.dtype != actual.dtype:
        raise AssertionError(f"{kind}: dtype {actual.dtype}, expected {expected.dtype}")
    if expected.dtype.itemsize == 2 and jnp.issubdtype(expected.dtype, jnp.inexact):
        expected, actual = expected.astype(np.float32), actual.astype(np.float32)
    if exact is not None and np.issubdtype(expected.dtype, np.inexact):
        with np.errstate(all="ignore"):
            off = np.abs(expected.astype(exact.dtype) - exact)
            off = np.max(off[np.isfinite(off)], initial=0)
            if off > 1e-2 * np.max(np.abs(exact[np.isfinite(exact)]), initial=1):
                raise AssertionError(f"{kind}: differs, and PyTorch's own float64 result is another one")
            atol += off
        expected = np.where(actual == expected, expected, exact)  # infinities of a narrow type among them
    if not np.allclose(actual, expected, rtol=rtol, atol=atol, equal_nan=True):
        with np.errstate(all="ignore"):
            wide = np.complex128 if np.iscomplexobj(expected) else np.float64
            worst = np.nanmax(np.abs(actual.astype(wide) - expected.astype(wide)))
        raise AssertionError(f"{kind}: differs by up to {worst:.3g}")


def random_arguments(function: Callable[..., Any]) -> dict[str, Any]:
    """The random source that a function needs: PyTorch's stream."""
    arguments = {}
    for name in ("key", "dropout_key"):
        parameter = inspect.signature(function).parameters.get(name)
        if parameter is not None and parameter.kind is parameter.KEYWORD_ONLY:
            arguments[name] = Generator(SEED)
    return arguments


def check(
    case: Case,
    values: bool = True,
    tolerances: tuple[float, float] | None = None,
    exact: Case | None = None,
) -> None:
    """Raise AssertionError unless fnnet's function gives the same values and gradients.

    With `exact`, the same case in float64, it may instead be as near to that as PyTorch is.
    """
    got, gradients = outcome(case)
    if values:
        compare(case, got, gradients, tolerances, exact)


def outcome(
    case: Case, process: Callable[..., Any] | None = None, compiled: bool = True
) -> tuple[list[Any], list[Any]]:
    """What fnnet's function gives: outputs and gradients; with `process` of what that makes of the result."""
    function = getattr(F, case.name)
    extra = random_arguments(function)
    given = [
        jnp.asarray(leaf) if isinstance(leaf, np.ndarray) else leaf
        for leaf in leaves((case.args, case.kwargs))
    ]

    def call(*inputs: Any) -> tuple[list[Any], list[Any]]:
        full = list(given)
        for position, value in zip(case.wanted, inputs, strict=True):
            full[position] = value
        args, kwargs = filled((case.args, case.kwargs), iter(full))
        result = function(*args, **kwargs, **extra)
        got = [out for out in leaves(process(result) if process else result) if out is not None]
        if len(got) != len(case.outputs):
            raise AssertionError(f"{len(got)} outputs, expected {len(case.outputs)}")
        return [got[i] for i in case.smooth], got

    def both(inputs: list[Any], cotangents: list[Any]) -> Any:
        # PyTorch's gradients of complex numbers are the conjugates of JAX's.
        _, pullback, got = jax.vjp(call, *inputs, has_aux=True)
        return got, [conjugate(one) for one in pullback([conjugate(one) for one in cotangents])]

    inputs = [given[i] for i in case.wanted]
    if not (case.smooth and case.wanted):
        return call(*inputs)[1], []
    # A generator's numbers cannot be drawn inside jit, nor shapes depend on values there. Each program runs
    # once, so compiling is the cost.
    eager = (
        extra
        or not compiled
        or any(one.data_dependent for one in F.OPERATIONS.values() if one.function.__name__ == case.name)
    )
    run = both if eager else quickly.jit(both)
    return run(inputs, [jnp.asarray(cotangent) for cotangent in case.cotangents])


def conjugate(array: Any) -> Any:
    """The conjugate of complex numbers; others as they are."""
    return jnp.conj(array) if jnp.iscomplexobj(array) else array


def compare(
    case: Case,
    got: list[Any],
    gradients: list[Any],
    tolerances: tuple[float, float] | None = None,
    exact: Case | None = None,
) -> None:
    """Raise AssertionError where outputs or gradients are not the case's."""
    single = any(out.dtype in SINGLE for out in case.outputs)
    tolerances = tolerances or TOLERANCES["float32" if single else "float64"]
    for kind, expected, actual, ideal in (
        ("output", case.outputs, got, exact and exact.outputs),
        ("gradient", case.gradients, gradients, exact and exact.gradients),
    ):
        for position, pair in enumerate(zip(expected, actual, strict=True)):
            own = max(tolerances, TOLERANCES["float32"]) if pair[0].dtype in SINGLE else tolerances
            close(f"{kind} {position}", *pair, own, ideal[position] if ideal else None)


def to_json(case: Case, arrays: dict[str, np.ndarray], prefix: str) -> dict[str, Any]:
    """The case as JSON; its arrays go to `arrays` under names that begin with `prefix`."""

    def stored(value: Any) -> Any:
        if isinstance(value, np.ndarray):
            name = f"{prefix}.{len([key for key in arrays if key.startswith(prefix + '.')])}"
            arrays[name] = value
            return {"array": name}
        if isinstance(value, np.dtype):
            return {"dtype": str(value)}
        if callable(value):
            return {"function": value.__name__}
        if isinstance(value, tuple | list):
            return {"tuple": [stored(part) for part in value]}
        if isinstance(value, dict):
            return {"dict": {name: stored(part) for name, part in value.items()}}
        return value

    return {name: stored(value) for name, value in vars(case).items()}


def from_json(entry: dict[str, Any], arrays: Any) -> Case:
    """The case that `to_json` stored."""

    def restored(value: Any) -> Any:
        if not isinstance(value, dict):
            return value
        ((kind, content),) = value.items()
        if kind == "array":
            return arrays[content]
        if kind == "dtype":
            return jnp.dtype(content)
        if kind == "function":
            return getattr(F, content)
        if kind == "tuple":
            return tuple(restored(part) for part in content)
        return {name: restored(part) for name, part in content.items()}

    return Case(**{name: restored(value) for name, value in entry.items()})

"""Errors that depend on values: a singular matrix, a probability outside of [0, 1], an integer divisor 0.

A guard is a number that the program of a record computes beside its results: 0 if all is well. Programs
without guarded operations are what they were. The record reads the numbers when it has run; if one is not 0,
it raises PyTorch's error, and what was computed from the failed call has no value. So the error comes where
the program is read, unless programs are known to catch it at the call (`at_call`): then the call runs the
record.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax

from fnnet.functional.equations import order_of_failure

if TYPE_CHECKING:
    from fnnet.torch.plan import Plan


class _LinAlgError(RuntimeError):
    """The error of torch.linalg for a matrix that has no factorization."""


_LinAlgError.__module__ = "torch._C"
LinAlgError = _LinAlgError

Arrays = dict[str, Any]


@dataclass(frozen=True)
class Guard:
    """What is computed beside an operation, and the error that it means.

    Attributes:
        code: from the arrays by the names of the operation's arguments, and its results, to an int32.
        error: the error for a code that is not 0, given the shapes of the arguments.
        at_call: whether the record is run at the call.
        applies: whether a call with these arguments (arrays as shapes) is guarded at all.
    """

    code: Callable[[Arrays, Sequence[Any]], Any]
    error: Callable[[int, Arrays], Exception]
    at_call: bool = False
    applies: Callable[[Arrays], bool] = lambda arguments: True


@dataclass(frozen=True)
class Bound:
    """The guard of one plan: which of its inputs is which argument."""

    guard: Guard
    positions: dict[str, Any]
    known: Arrays

    @property
    def at_call(self) -> bool:
        """Whether the record is run at the call."""
        return self.guard.at_call

    def code(self, inputs: Sequence[Any], results: Sequence[Any]) -> Any:
        """The number to compute, as an int32."""
        named = self.known | {name: _picked(inputs, place) for name, place in self.positions.items()}
        with jax.numpy_dtype_promotion("standard"):
            return lax.convert_element_type(lax.reshape(self.guard.code(named, results), ()), np.int32)

    def error(self, code: int) -> Exception:
        """The error that a number means."""
        return self.guard.error(code, self.known)


def _said(kind: type[Exception], text: str) -> Callable[[int, Arrays], Exception]:
    return lambda code, arguments: kind(text)


def _first(bad: Any) -> Any:
    """1 + the place of the first True in the flattened array; 0 if there is none."""
    flat = jnp.reshape(bad, (-1,))
    if not flat.size:
        return jnp.zeros((), np.int32)
    return jnp.where(jnp.any(flat), jnp.argmax(flat).astype(np.int32) + 1, 0)


def _pivot(name: str) -> Callable[[Arrays, Sequence[Any]], Any]:
    def code(arguments: Arrays, results: Sequence[Any]) -> Any:
        factors = lax.linalg.lu(arguments[name])[0]
        return _first(jnp.diagonal(factors, axis1=-2, axis2=-1) == 0)

    return code


def _in_batch(shape: Sequence[int], place: int) -> str:
    return f"(Batch element {place}): " if len(shape) > 2 else ""


def _singular(name: str) -> Callable[[int, Arrays], Exception]:
    def error(code: int, arguments: Arrays) -> Exception:
        shape = arguments[name].shape
        batch, row = divmod(code - 1, shape[-1])
        return _LinAlgError(
            f"linalg.inv: {_in_batch(shape, batch)}The diagonal element {row + 1} is zero, the inversion "
            "could not be completed because the input matrix is singular."
        )

    return error


def _unsolved(code: int, arguments: Arrays) -> Exception:
    shape = arguments["A"].shape
    return _LinAlgError(
        f"torch.linalg.solve: {_in_batch(shape, (code - 1) // shape[-1])}The solver failed because the input "
        "matrix is singular."
    )


def _not_finite(arguments: Arrays, results: Sequence[Any]) -> Any:
    first = next(iter(arguments.values()))
    matrices = jnp.reshape(first, (-1, first.shape[-2] * first.shape[-1])) if first.size else first
    return _first(jnp.any(~jnp.isfinite(matrices), axis=-1))


def _factorization(name: str, argument: str, why: str) -> Callable[[int, Arrays], Exception]:
    def error(code: int, arguments: Arrays) -> Exception:
        return _LinAlgError(f"{name}: {_in_batch(arguments[argument].shape, code - 1)}{why}")

    return error


def _no_factor(arguments: Arrays, results: Sequence[Any]) -> Any:
    """1 + the place of the first failure among (matrix, order of its minor - 1); 0 if there is none."""
    A, factor = next(iter(arguments.values())), results[0]
    if not A.size:
        return jnp.zeros((), np.int32)
    upper = bool(arguments.get("upper", False))
    orders = order_of_failure(A, factor, upper).reshape(-1)
    matrix = jnp.argmax(orders > 0)
    return jnp.where(orders[matrix] > 0, matrix.astype(np.int32) * A.shape[-1] + orders[matrix], 0)


def _not_positive(name: str, argument: str) -> Callable[[int, Arrays], Exception]:
    def error(code: int, arguments: Arrays) -> Exception:
        shape = arguments[argument].shape
        matrix, order = divmod(code - 1, shape[-1])
        return _LinAlgError(
            f"{name}: {_in_batch(shape, matrix)}The factorization could not be completed because the input "
            f"is not positive-definite (the leading minor of order {order + 1} is not positive-definite)."
        )

    return error


_NO_CONVERGENCE = "The algorithm failed to converge because the input matrix contained non-finite values."


def _outside(name: str) -> Callable[[Arrays, Sequence[Any]], Any]:
    def code(arguments: Arrays, results: Sequence[Any]) -> Any:
        seen = jnp.asarray(arguments[name])
        return _first(~((seen >= 0) & (seen <= 1)))

    return code


def _probabilities(arguments: Arrays, results: Sequence[Any]) -> Any:
    wrong = _outside("input")(arguments, results)
    return jnp.where(wrong > 0, 1, jnp.where(_outside("target")(arguments, results) > 0, 2, 0))


def _which_probability(code: int, arguments: Arrays) -> Exception:
    return RuntimeError(f"all elements of {('input', 'target')[code - 1]} should be between 0 and 1")


def _divides_integers(arguments: Arrays) -> bool:
    if arguments.get("rounding_mode", "floor") is None:
        return False
    return all(np.issubdtype(np.result_type(arguments[name]), np.integer) for name in ("input", "other"))


def _index_out(arguments: Arrays, results: Sequence[Any]) -> Any:
    shape, code = arguments["input"].shape, jnp.zeros((), np.int32)
    for dim, index in enumerate(arguments["indices"]):
        if index is None or np.issubdtype(index.dtype, np.bool_) or not index.size:
            continue
        bad = (index >= shape[dim]) | (index < -shape[dim])
        seen = jnp.take(jnp.reshape(index, (-1,)), jnp.argmax(jnp.reshape(bad, (-1,))))
        code = jnp.where((code == 0) & jnp.any(bad), jnp.where(seen < 0, seen, seen + 1), code)
    return code


def _zero_diagonal(code: int, arguments: Arrays) -> Exception:
    shape = arguments["L"].shape
    batch, row = divmod(code - 1, shape[-1])
    return _LinAlgError(
        f"cholesky_inverse: {_in_batch(shape, batch)}The diagonal element {row + 1} is zero, the inversion "
        "could not be completed because the input matrix is singular."
    )


_WEIGHTS = ("fweights", "aweights")


def _negative_weights(arguments: Arrays, results: Sequence[Any]) -> Any:
    wrong = [
        jnp.any(arguments[one] < 0) if hasattr(arguments.get(one), "shape") else jnp.asarray(False)
        for one in _WEIGHTS
    ]
    return jnp.where(wrong[0], 1, jnp.where(wrong[1], 2, 0))


_LENGTHS = ("input_lengths", "target_lengths")


def _ctc_lengths(arguments: Arrays, results: Sequence[Any]) -> Any:
    """An input length beyond the steps as it is, the length that targets should have as its negative."""
    frames, counts = (jnp.reshape(jnp.asarray(arguments[name]), (-1,)) for name in _LENGTHS)
    shape = arguments["targets"].shape
    if len(shape) == 1:
        wanted = jnp.sum(counts)
        wrong = wanted != shape[0]
    else:
        wanted = jnp.max(counts, initial=0)
        wrong = wanted > shape[1]
    longest = jnp.max(frames, initial=0)
    beyond = longest > arguments["log_probs"].shape[0]
    return jnp.where(beyond, longest, jnp.where(wrong, -wanted - 1, 0))


def _which_length(code: int, arguments: Arrays) -> Exception:
    if code > 0:
        steps = arguments["log_probs"].shape[0]
        return RuntimeError(f"Expected input_lengths to have value at most {steps}, but got value {code}")
    shape = arguments["targets"].shape
    least = "at least " * (len(shape) == 2)
    return RuntimeError(
        f"Expected tensor to have size {least}{-code - 1} at dimension {len(shape) - 1}, but got size "
        f"{shape[-1]} for argument #2 'targets' (while checking arguments for ctc_loss_allocate_outputs)"
    )


_DIVISION = Guard(
    lambda arguments, _: _first(arguments["other"] == 0),
    _said(RuntimeError, "ZeroDivisionError"),
    applies=_divides_integers,
)
_CHOLESKY = Guard(_no_factor, _not_positive("linalg.cholesky", "A"), at_call=True)
_SINGULAR_VALUES = Guard(_not_finite, _factorization("linalg.svd", "A", _NO_CONVERGENCE), at_call=True)
_EIGEN = Guard(
    _not_finite, _said(RuntimeError, "torch.linalg.eig: input tensor should not contain infs or NaNs."), True
)

_ZERO_BLOCK = (
    lambda _, results: _first((jnp.diagonal(results[0], axis1=-2, axis2=-1) == 0) & (results[1] > 0)),
    lambda code, arguments: RuntimeError(
        f"torch.linalg.ldl_factor: D[{(code - 1) % arguments['A'].shape[-1] + 1}] is zero (error code: "
        f"{(code - 1) % arguments['A'].shape[-1] + 1})"
    ),
    True,
)

GUARDS: dict[str, Guard] = {
    "linalg_ldl_factor": Guard(*_ZERO_BLOCK),
    "linalg_ldl_factor_ex": Guard(
        *_ZERO_BLOCK, applies=lambda arguments: bool(arguments.get("check_errors"))
    ),
    "inverse": Guard(_pivot("input"), _singular("input"), at_call=True),
    "linalg_inv": Guard(_pivot("A"), _singular("A"), at_call=True),
    "linalg_matrix_power": Guard(
        _pivot("A"), _singular("A"), True, applies=lambda arguments: arguments["n"] < 0
    ),
    "linalg_solve": Guard(_pivot("A"), _unsolved, at_call=True),
    "linalg_cholesky": _CHOLESKY,
    "cholesky": Guard(_no_factor, _not_positive("cholesky", "input"), at_call=True),
    "linalg_svd": _SINGULAR_VALUES,
    "linalg_svdvals": _SINGULAR_VALUES,
    "svd": Guard(_not_finite, _factorization("linalg.svd", "input", _NO_CONVERGENCE), at_call=True),
    "linalg_eig": _EIGEN,
    "linalg_eigvals": _EIGEN,
    "cholesky_inverse": Guard(
        lambda arguments, _: _first(jnp.diagonal(arguments["L"], axis1=-2, axis2=-1) == 0),
        _zero_diagonal,
        at_call=True,
    ),
    "cov": Guard(
        _negative_weights,
        lambda code, _: RuntimeError(f"cov(): {('fweights', 'aweights')[code - 1]} cannot be negative"),
        applies=lambda arguments: any(hasattr(arguments.get(one), "shape") for one in _WEIGHTS),
    ),
    "floor_divide": _DIVISION,
    "remainder": _DIVISION,
    "fmod": _DIVISION,
    "div": _DIVISION,
    "binary_cross_entropy": Guard(_probabilities, _which_probability),
    "gaussian_nll_loss": Guard(
        lambda arguments, _: _first(arguments["var"] < 0), _said(ValueError, "var has negative entry/entries")
    ),
    "quantile": Guard(_outside("q"), _said(RuntimeError, "quantile() q values must be in the range [0, 1]")),
    "masked_scatter": Guard(
        lambda arguments, _: jnp.where(
            jnp.sum(jnp.broadcast_arrays(arguments["mask"], arguments["input"])[0], dtype=np.int32)
            > arguments["source"].size,
            1,
            0,
        ),
        _said(RuntimeError, "Number of elements of source < number of ones in mask"),
    ),
    "index_put": Guard(
        _index_out,
        lambda code, arguments: IndexError(
            f"index {code if code < 0 else code - 1} is out of bounds for dimension with size "
            f"{list(arguments['input'].shape)}"
        ),
    ),
    "multi_margin_loss": Guard(
        lambda arguments, _: _first(
            (arguments["target"] < 0) | (arguments["target"] >= arguments["input"].shape[-1])
        ),
        _said(RuntimeError, "target out of range"),
    ),
    "multilabel_margin_loss": Guard(
        lambda arguments, _: _first(
            (arguments["target"] < -1) | (arguments["target"] >= arguments["input"].shape[-1])
        ),
        _said(RuntimeError, "argument #2 'target' is out of range"),
    ),
    "histc": Guard(
        lambda arguments, _: _first(~jnp.isfinite(arguments["input"])),
        _said(RuntimeError, "torch.histc: range of [-inf, inf] is not finite"),
        applies=lambda arguments: not (arguments.get("min", 0) or arguments.get("max", 0)),
    ),
    "ctc_loss": Guard(
        _ctc_lengths,
        _which_length,
        applies=lambda arguments: any(hasattr(arguments[name], "shape") for name in _LENGTHS),
    ),
    "embedding_bag": Guard(
        lambda arguments, _: jnp.asarray(arguments["offsets"])[0],
        lambda code, arguments: RuntimeError(
            "offsets[0] has to be 0, i.e., the first sequence in the mini-batch has to start from position "
            f"0. However, got {code}"
        ),
        applies=lambda arguments: 0 not in getattr(arguments.get("offsets"), "shape", (0,)),
    ),
}


def guard_of(
    name: str, bound: inspect.BoundArguments, order: dict[int, int], examples: Sequence[Any], hole: type
) -> Bound | None:
    """The guard of a plan, or None: from the arguments of the call, in which `hole` stands for arrays.

    Args:
        order: from the number of a hole to the input of the plan.
        examples: the inputs as shapes, or as Python numbers.
    """
    guard = GUARDS.get(name)
    if guard is None:
        return None
    complete = inspect.BoundArguments(bound.signature, bound.arguments.copy())
    complete.apply_defaults()
    known, positions = dict(complete.arguments), {}

    def place_of(value: Any) -> Any:
        if isinstance(value, tuple):
            return tuple(map(place_of, value))
        return order[value.index] if isinstance(value, hole) else None  # type: ignore[attr-defined]

    for argument, value in complete.arguments.items():
        place = place_of(value)
        if place not in (None, ()):
            positions[argument], known[argument] = place, _picked(examples, place)
    return Bound(guard, positions, known) if guard.applies(known) else None


def _picked(inputs: Sequence[Any], place: Any) -> Any:
    if isinstance(place, tuple):
        return tuple(_picked(inputs, one) for one in place)
    return None if place is None else inputs[place]


def failure(
    codes: Any, calls: Sequence[tuple[int, ...]], plans: Sequence[Plan]
) -> tuple[Exception, frozenset[int]] | None:
    """The error of the first guard that failed, and the slots that depend on failed calls; None for none."""
    seen = iter(np.asarray(codes).tolist())
    error: Exception | None = None
    lost: set[int] = set()
    slot = 0
    for call, plan in zip(calls, plans, strict=True):
        code = next(seen) if plan.guard is not None else 0
        if code and error is None:
            assert plan.guard is not None
            error = plan.guard.error(code)
        if code or not lost.isdisjoint(call[1:]):
            lost.update(range(slot, slot + len(plan.outputs)))
        slot += len(plan.outputs)
    return None if error is None else (error, frozenset(lost))


class Lost:
    """The owner of a value that was computed from a failed call: looking at it raises the error again."""

    def __init__(self, error: Exception) -> None:
        self.error = error

    @property
    def fill(self) -> float:
        """What the value is filled with: nothing."""
        raise type(self.error)(*self.error.args) from None

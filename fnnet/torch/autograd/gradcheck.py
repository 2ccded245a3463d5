"""gradcheck and gradgradcheck: derivatives against differences of values."""

from __future__ import annotations

import sys
import warnings
from collections.abc import Callable
from types import ModuleType
from typing import Any, NamedTuple

import numpy as np

from fnnet.torch.autograd.backward import grad
from fnnet.torch.call import call
from fnnet.torch.creation import from_numpy, tensor
from fnnet.torch.declare import OPS
from fnnet.torch.mode import no_grad
from fnnet.torch.once import everything_compiled
from fnnet.torch.tensor import Tensor

__all__ = ["GradcheckError", "gradcheck", "gradgradcheck"]


class GradcheckError(RuntimeError):
    """A derivative differs from the difference of values."""


def _tuple(given: Any) -> tuple[Any, ...]:
    return (given,) if isinstance(given, Tensor) else tuple(given)


def _outputs(made: Any) -> list[Tensor]:
    return [one for one in _tuple(made) if isinstance(one, Tensor) and one._spec.differentiable]


def _checked(inputs: tuple[Any, ...]) -> list[int]:
    positions = [i for i, one in enumerate(inputs) if isinstance(one, Tensor) and one.requires_grad]
    if not positions:
        raise ValueError(
            "gradcheck expects at least one input tensor to require gradient, but none of them have "
            "requires_grad=True."
        )
    for i in positions:
        if inputs[i].dtype.itemsize < 8:
            warnings.warn(
                f"Input #{i} requires gradient and is not a double precision floating point or complex. This "
                "check will likely fail if all the inputs are not of double precision floating point or "
                "complex. ",
                stacklevel=3,
            )
    return positions


def _numerical(function: Any, inputs: tuple[Any, ...], position: int, eps: float) -> list[Any]:
    """For each output, the (inputs, outputs) matrix of central differences."""
    base = np.array(inputs[position].detach().cpu().numpy())
    columns: list[list[Any]] = []
    for at in range(base.size):
        values = []
        for step in (eps, -eps):
            moved = base.copy()
            moved.reshape(-1)[at] += step
            given = list(inputs)
            given[position] = tensor(moved, device=inputs[position].device)
            with no_grad():
                values.append([np.array(one.detach().cpu().numpy()) for one in _outputs(function(*given))])
        columns.append([(a - b).reshape(-1) / (2 * eps) for a, b in zip(*values, strict=True)])
    return [np.stack(rows) for rows in zip(*columns, strict=True)]


def _analytical(output: Tensor, inputs: list[Tensor]) -> list[Any]:
    """For each input, the (inputs, outputs) matrix of gradients, row by row of the output."""
    count = output.numel()
    rows: list[list[Any]] = [[] for _ in inputs]
    for at in range(count):
        unit = np.zeros(count, output.dtype.numpy)
        unit[at] = 1
        given = from_numpy(unit.reshape(output.shape)).to(output.device)
        found = grad(output, inputs, given, retain_graph=True, allow_unused=True)
        for row, one, wanted in zip(rows, found, inputs, strict=True):
            row.append(
                np.zeros(wanted.numel(), wanted.dtype.numpy)
                if one is None
                else np.array(one.detach().cpu().numpy()).reshape(-1)
            )
    return [
        np.stack(row, 1) if row else np.zeros((one.numel(), 0)) for row, one in zip(rows, inputs, strict=True)
    ]


def gradcheck(
    func: Callable[..., Any],
    inputs: Any,
    *,
    eps: float = 1e-6,
    atol: float = 1e-5,
    rtol: float = 1e-3,
    raise_exception: bool = True,
    nondet_tol: float = 0.0,
    check_undefined_grad: bool = True,
    check_grad_dtypes: bool = False,
    check_batched_grad: bool = False,
    check_batched_forward_grad: bool = False,
    check_forward_ad: bool = False,
    check_backward_ad: bool = True,
    fast_mode: bool = False,
    masked: bool | None = None,
) -> bool:
    """Whether derivatives of `func` agree with central differences, within atol + rtol * |difference|.

    Checked are gradients (`check_backward_ad`), also of several directions at once (`check_batched_grad`),
    and tangents (`check_forward_ad`). Complex numbers are checked as pairs of real ones. Always in full:
    fast_mode makes no difference. How a Function takes gradients that are None is not checked
    (check_undefined_grad).

    Raises GradcheckError if they do not agree (or returns False, without raise_exception), ValueError if no
    input requires grad, AssertionError for checks of which there is nothing to be checked.
    """
    if not (check_forward_ad or check_backward_ad):
        raise AssertionError("Expected at least one of check_forward_ad or check_backward_ad to be True")
    if check_batched_grad and not check_backward_ad:
        raise AssertionError("Setting check_batched_grad=True requires check_backward_ad to be True")
    if check_batched_forward_grad and not check_forward_ad:
        raise AssertionError("Setting check_batched_forward_grad=True requires check_forward_ad to be True")
    if check_batched_forward_grad:
        raise NotImplementedError("fnnet.torch: gradcheck(check_batched_forward_grad=True)")
    given = _tuple(inputs)
    positions = _checked(given)
    checks = _Checks(check_backward_ad, check_forward_ad, check_batched_grad, check_grad_dtypes)
    try:
        with everything_compiled():  # NumPy's last digits are not XLA's
            _compare(*_real(func, given), positions, eps, atol, rtol, nondet_tol, checks)
    except GradcheckError:
        if raise_exception:
            raise
        return False
    return True


class _Checks(NamedTuple):
    """What is to be checked."""

    backward: bool
    forward: bool
    batched: bool
    dtypes: bool


def _real(func: Callable[..., Any], given: tuple[Any, ...]) -> tuple[Callable[..., Any], tuple[Any, ...]]:
    """The function of pairs of real numbers, where it is of complex ones, and its inputs."""
    complex_ones = [isinstance(one, Tensor) and one.is_complex() and one.requires_grad for one in given]
    outputs = func(*given)
    if not any(complex_ones) and not any(one.is_complex() for one in _outputs(outputs)):
        return func, given
    pairs: Any = OPS["view_as_real"]
    whole: Any = OPS["view_as_complex"]

    def of_pairs(*arguments: Any) -> Any:
        inner = [
            call(whole, (one,), {}) if changed else one
            for one, changed in zip(arguments, complex_ones, strict=True)
        ]
        made = _outputs(func(*inner))
        return tuple(call(pairs, (one,), {}) if one.is_complex() else one for one in made)

    inputs = [
        call(pairs, (one.detach(),), {}).clone().requires_grad_() if changed else one
        for one, changed in zip(given, complex_ones, strict=True)
    ]
    return of_pairs, tuple(inputs)


def _compare(
    func: Any,
    given: tuple[Any, ...],
    positions: list[int],
    eps: float,
    atol: float,
    rtol: float,
    nondet_tol: float,
    checks: _Checks,
) -> None:
    outputs = _outputs(func(*given))
    wanted = [given[i] for i in positions]
    numerical = [_numerical(func, given, i, eps) for i in positions]
    if checks.forward:
        _compare_forward(func, given, positions, numerical, atol, rtol)
    for number, output in enumerate(outputs if checks.backward else ()):
        if not output.requires_grad:
            found = [np.zeros_like(numerical[k][number]) for k in range(len(positions))]
            if not all(np.allclose(numerical[k][number], 0, rtol, atol) for k in range(len(positions))):
                raise GradcheckError("Numerical gradient for function expected to be zero")
        else:
            found = _analytical(output, wanted)
            again = _analytical(output, wanted)
            if any(np.abs(a - b).max(initial=0) > nondet_tol for a, b in zip(found, again, strict=True)):
                raise GradcheckError(
                    "Backward is not reentrant, i.e., running backward with same input and grad_output "
                    "multiple "
                    "times gives different values, although analytical gradient matches numerical gradient."
                    f"The tolerance for nondeterminism was {nondet_tol}."
                )
            if checks.batched:
                _compare_batched(output, number, wanted, positions, found, atol, rtol)
            if checks.dtypes:
                _compare_dtypes(output, wanted)
        for k, position in enumerate(positions):
            expected = numerical[k][number]
            if not np.allclose(found[k], expected, rtol, atol):
                raise GradcheckError(
                    f"Jacobian mismatch for output {number} with respect to input {position},\n"
                    f"numerical:{tensor(expected)}\nanalytical:{tensor(found[k])}\n"
                )


def _compare_forward(
    func: Any, given: tuple[Any, ...], positions: list[int], numerical: list[Any], atol: float, rtol: float
) -> None:
    """Hold tangents against the differences, one direction after another."""
    from fnnet.torch.func import jvp

    for k, position in enumerate(positions):
        base = given[position].detach()

        def alone(moved: Any, position: int = position) -> Any:
            return tuple(_outputs(func(*given[:position], moved, *given[position + 1 :])))

        rows: list[list[Any]] = []
        for at in range(base.numel()):
            unit = np.zeros(base.numel(), base.dtype.numpy)
            unit[at] = 1
            with no_grad():
                tangents = jvp(alone, (base,), (from_numpy(unit.reshape(base.shape)).to(base.device),))[1]
            rows.append([np.array(one.detach().cpu().numpy()).reshape(-1) for one in tangents])
        for number, row in enumerate(zip(*rows, strict=True)):
            found, expected = np.stack(row), numerical[k][number]
            if not np.allclose(found, expected, rtol, atol):
                raise GradcheckError(
                    f"Jacobian computed with forward mode mismatch for output {number} with respect to input "
                    f"{position},\nnumerical:{tensor(expected)}\nanalytical:{tensor(found)}\n"
                )


def _compare_batched(
    output: Tensor, number: int, wanted: list[Tensor], positions: list[int], found: list[Any], atol: float,
    rtol: float,
) -> None:  # fmt: skip
    """Hold the gradients of all directions at once against those one after another."""
    count = output.numel()
    if not count:
        return
    units = np.eye(count, dtype=output.dtype.numpy).reshape(count, *output.shape)
    given = from_numpy(units).to(output.device)
    several = grad(output, wanted, given, retain_graph=True, allow_unused=True, is_grads_batched=True)
    for k, one in enumerate(several):
        rows = np.zeros_like(found[k]) if one is None else np.array(one.detach().cpu().numpy())
        if not np.allclose(rows.reshape(count, -1).T, found[k], rtol, atol):
            raise GradcheckError(
                f"For output {number} and input {positions[k]}:\n\nThe gradients of several directions at "
                f"once differ from those of one after another.\nGot:\n{rows}\n\nExpected:\n{found[k].T}"
            )


def _compare_dtypes(output: Tensor, wanted: list[Tensor]) -> None:
    for one, made in zip(
        wanted, grad(output.sum(), wanted, retain_graph=True, allow_unused=True), strict=True
    ):
        if made is not None and made.dtype is not one.dtype:
            raise GradcheckError(f"Gradient has dtype mismatch: {made.dtype} for {one.dtype}")


def gradgradcheck(
    func: Callable[..., Any],
    inputs: Any,
    grad_outputs: Any = None,
    *,
    eps: float = 1e-6,
    atol: float = 1e-5,
    rtol: float = 1e-3,
    gen_non_contig_grad_outputs: bool = False,
    raise_exception: bool = True,
    nondet_tol: float = 0.0,
    check_undefined_grad: bool = True,
    check_grad_dtypes: bool = False,
    check_batched_grad: bool = False,
    check_fwd_over_rev: bool = False,
    check_rev_over_rev: bool = True,
    fast_mode: bool = False,
    masked: bool = False,
) -> bool:
    """gradcheck of the gradients of `func`: its second derivatives, for random or given grad_outputs.

    Backward over backward (`check_rev_over_rev`), and forward over backward (`check_fwd_over_rev`).
    """
    if not (check_fwd_over_rev or check_rev_over_rev):
        raise AssertionError("Expected at least one of check_fwd_over_rev or check_rev_over_rev to be True")
    if check_undefined_grad and not check_rev_over_rev:
        raise AssertionError("Setting check_undefined_grad=True requires check_rev_over_rev to be True")
    if check_batched_grad and not check_rev_over_rev:
        raise AssertionError("Setting check_batched_grad=True requires check_rev_over_rev to be True")
    from fnnet.torch.testing import make_tensor

    given = _tuple(inputs)
    _checked(given)
    if grad_outputs is None:
        weights = [
            make_tensor(
                tuple(one.shape), dtype=one.dtype, device=one.device, low=-1, high=1, requires_grad=True
            )
            for one in _outputs(func(*given))
            if one.requires_grad
        ]
    else:
        weights = list(_tuple(grad_outputs))

    def first(*arguments: Any) -> Any:
        own = [
            one
            if not isinstance(one, Tensor) or one.requires_grad or not old.requires_grad
            else one.requires_grad_()
            for one, old in zip(arguments[: len(given)], given, strict=True)
        ]
        from fnnet.torch.mode import enable_grad

        with enable_grad():
            outputs = [one for one in _outputs(func(*own)) if one.requires_grad]
            wanted = [one for one in own if isinstance(one, Tensor) and one.requires_grad]
            found = grad(outputs, wanted, list(arguments[len(given) :]), create_graph=True, allow_unused=True)
        return tuple(one for one in found if one is not None)

    return gradcheck(
        first, (*given, *weights), eps=eps, atol=atol, rtol=rtol, raise_exception=raise_exception,
        nondet_tol=nondet_tol, check_grad_dtypes=check_grad_dtypes, check_batched_grad=check_batched_grad,
        check_forward_ad=check_fwd_over_rev, check_backward_ad=check_rev_over_rev, fast_mode=fast_mode,
    )  # fmt: skip


class _Module(ModuleType):
    """`torch.autograd.gradcheck` is this module once it has been imported by name, and the function too."""

    def __call__(self, *args: Any, **kwargs: Any) -> bool:
        return gradcheck(*args, **kwargs)


sys.modules[__name__].__class__ = _Module

"""gradcheck and gradgradcheck: derivatives against differences of values."""

from __future__ import annotations

import sys
import warnings
from collections.abc import Callable
from types import ModuleType
from typing import Any

import numpy as np

from fnnet.torch.autograd.backward import grad
from fnnet.torch.creation import from_numpy, tensor
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
        if inputs[i].is_complex():
            raise NotImplementedError("fnnet: gradcheck of complex inputs")
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
    """Whether gradients of `func` agree with central differences, within atol + rtol * |difference|.

    Raises GradcheckError if they do not (or returns False, without raise_exception), ValueError if no input
    requires grad, NotImplementedError for forward mode and batched gradients. Always in full: fast_mode is
    accepted.
    """
    if check_forward_ad or check_batched_grad or check_batched_forward_grad:
        raise NotImplementedError("fnnet: gradcheck of forward mode or batched gradients")
    given = _tuple(inputs)
    positions = _checked(given)
    try:
        with everything_compiled():  # NumPy's last digits are not XLA's
            _compare(func, given, positions, eps, atol, rtol, nondet_tol)
    except GradcheckError:
        if raise_exception:
            raise
        return False
    return True


def _compare(
    func: Any,
    given: tuple[Any, ...],
    positions: list[int],
    eps: float,
    atol: float,
    rtol: float,
    nondet_tol: float,
) -> None:
    outputs = _outputs(func(*given))
    wanted = [given[i] for i in positions]
    numerical = [_numerical(func, given, i, eps) for i in positions]
    for number, output in enumerate(outputs):
        if not output.requires_grad:
            found = [np.zeros_like(numerical[k][number]) for k in range(len(positions))]
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
        for k, position in enumerate(positions):
            expected = numerical[k][number]
            if not np.allclose(found[k], expected, rtol, atol):
                raise GradcheckError(
                    f"Jacobian mismatch for output {number} with respect to input {position},\n"
                    f"numerical:{tensor(expected)}\nanalytical:{tensor(found[k])}\n"
                )


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
    """gradcheck of the gradients of `func`: its second derivatives, for random or given grad_outputs."""
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
        nondet_tol=nondet_tol,
    )  # fmt: skip


class _Module(ModuleType):
    """`torch.autograd.gradcheck` is this module once it has been imported by name, and the function too."""

    def __call__(self, *args: Any, **kwargs: Any) -> bool:
        return gradcheck(*args, **kwargs)


sys.modules[__name__].__class__ = _Module

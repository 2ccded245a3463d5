"""In which memory order PyTorch gives the results of operations that are no views.

Values here have no memory order, so this is about strides alone: what `stride()` and `is_contiguous()` say,
and where `view()` must refuse.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Sequence
from typing import Any

from jax.extend.core import ClosedJaxpr

from fnnet.torch import layout, memory_formats
from fnnet.torch.spec import Spec, contiguous_strides, spec_of

_ELEMENTWISE = frozenset((
    "abs", "acos", "acosh", "add", "and", "asin", "asinh", "atan", "atan2", "atanh", "bessel_i0e",
    "bessel_i1e", "bitcast_convert_type", "broadcast_in_dim", "cbrt", "ceil", "clamp", "clz", "complex",
    "conj", "convert_element_type", "copy", "copy_p", "cos", "cosh", "digamma", "div", "eq", "erf",
    "erf_inv", "erfc", "exp", "exp2", "expm1", "floor", "ge", "gt", "igamma", "igammac", "imag",
    "integer_pow", "is_finite", "le", "lgamma", "log", "log1p", "logistic", "lt", "max", "min", "mul", "ne",
    "neg", "nextafter", "not", "or", "polygamma", "population_count", "pow", "real", "reduce_precision",
    "regularized_incomplete_beta", "rem", "round", "rsqrt", "select_n", "shift_left",
    "shift_right_arithmetic", "shift_right_logical", "sign", "sin", "sinh", "sqrt", "square",
    "stop_gradient", "sub", "tan", "tanh", "xor", "zeta",
))  # fmt: skip
"""Primitives of JAX that compute each element of its own, or broadcast."""

_FOLLOWS = frozenset((
    "adaptive_avg_pool2d", "adaptive_max_pool2d", "avg_pool2d", "batch_norm", "conv2d", "conv_transpose2d",
    "group_norm", "interpolate", "max_pool2d", "pixel_shuffle", "pixel_unshuffle", "upsample",
    "channel_shuffle", "grid_sample", "max_unpool2d", "pad", "upsample_nearest", "upsample_bilinear",
))  # fmt: skip
"""Operations that give channels_last for channels_last."""


_KEEPS = frozenset((
    "flip", "fliplr", "flipud", "normalize", "prelu", "dropout", "alpha_dropout", "select_scatter",
    "slice_scatter", "diagonal_scatter", "as_strided_scatter", "index_fill", "index_put", "put", "sort",
    "argsort", "msort",
))  # fmt: skip
"""Operations that keep the order of the dimensions, though not each element comes from its place alone."""


_ROW_MAJOR = frozenset(["masked_fill", "logsigmoid", "rrelu"])
"""Operations of each element alone whose results lie row by row all the same."""

_TRANSPARENT = frozenset(["pjit", "jit", "closed_call", "custom_jvp_call", "custom_vjp_call", "remat2"])
"""Primitives that do what the program within them does."""


def _in_order_of(input: Spec, output: Spec) -> Spec:
    """The output with its dimensions in the order in memory of the input's."""
    if input.contiguous or input.ndim != output.ndim or 0 in input.strides:
        return output
    strides, step = [0] * output.ndim, 1
    for dim in sorted(range(input.ndim), key=lambda dim: (input.strides[dim], -dim)):
        strides[dim] = step
        step *= output.shape[dim]
    return spec_of(output.shape, output.dtype, output.device, tuple(strides))


def _upper(bound: inspect.BoundArguments) -> bool:
    return bool(bound.arguments.get("upper"))


def _always(bound: inspect.BoundArguments) -> bool:
    return True


_COLUMN_MAJOR: dict[str, tuple[tuple[int, ...], Callable[[inspect.BoundArguments], bool]]] = {
    **dict.fromkeys(("cholesky", "linalg_cholesky", "linalg_cholesky_ex"), ((0,), _upper)),
    **dict.fromkeys(
        ("cholesky_inverse", "cholesky_solve", "geqrf", "inverse", "linalg_householder_product", "linalg_inv",
         "linalg_inv_ex", "linalg_lstsq", "linalg_ldl_factor", "linalg_ldl_factor_ex", "linalg_ldl_solve",
         "linalg_lu_factor", "linalg_lu_factor_ex", "lu", "ormqr", "svd"),
        ((0,), _always),
    ),
    **dict.fromkeys(("qr", "linalg_qr"), ((0, 1), _always)),
    **dict.fromkeys(("linalg_eig", "linalg_eigh", "triangular_solve"), ((1,), _always)),
    "linalg_svd": ((0, 2), _always),
}  # fmt: skip
"""What LAPACK computes column by column: which outputs, and for which arguments."""


def arranged(
    name: str,
    bound: inspect.BoundArguments,
    jaxpr: ClosedJaxpr,
    inputs: Sequence[Spec],
    outputs: tuple[Spec, ...],
) -> tuple[Spec, ...]:
    """The outputs of an operation in PyTorch's memory order."""
    if name in _COLUMN_MAJOR:
        which, when = _COLUMN_MAJOR[name]
        if when(bound):
            return tuple(by_columns(one) if i in which else one for i, one in enumerate(outputs))
    if name in ("quantile", "nanquantile"):
        return tuple(map(_first_last, outputs)) if getattr(_spec(bound, "q"), "ndim", 0) else outputs
    if name == "rot90":
        return tuple(_rotated(one, inputs[0], bound) for one in outputs)
    if name in _KEEPS:
        strides = layout.dense_strides(inputs[0])
        return tuple(
            spec_of(one.shape, one.dtype, one.device, strides) if one.shape == inputs[0].shape else one
            for one in outputs
        )
    if name in ("kron", "diff", "glu"):
        return tuple(_in_order_of(inputs[0], one) for one in outputs)
    if name in _ROW_MAJOR or all(spec.contiguous for spec in inputs):
        return outputs
    if name in _FOLLOWS and bound.arguments.get("mode") != "circular":
        if any(memory_formats.is_in(spec, memory_formats.channels_last) for spec in inputs[:2]):
            return tuple(
                memory_formats.spec_in(one, memory_formats.channels_last) if one.ndim == 4 else one
                for one in outputs
            )
        return outputs
    if outputs and _each_alone(jaxpr.jaxpr):
        return layout.elementwise(inputs, outputs)
    return outputs


def _spec(bound: inspect.BoundArguments, name: str) -> Any:
    return getattr(bound.arguments.get(name), "spec", None)


def _first_last(spec: Spec) -> Spec:
    """The first dimension lies last in memory."""
    first, *rest = spec.shape
    *strides, step = contiguous_strides((*rest, first))
    return spec_of(spec.shape, spec.dtype, spec.device, (step, *strides))


def _rotated(spec: Spec, input: Spec, bound: inspect.BoundArguments) -> Spec:
    """PyTorch flips and, for odd turns, transposes what it flipped."""
    turns, dims = bound.arguments.get("k", 1), bound.arguments.get("dims", (0, 1))
    strides = list(layout.dense_strides(input)) if turns % 4 else list(contiguous_strides(input.shape))
    if turns % 2:
        one, other = dims[0] % spec.ndim, dims[1] % spec.ndim
        strides[one], strides[other] = strides[other], strides[one]
    return spec_of(spec.shape, spec.dtype, spec.device, tuple(strides))


def by_columns(spec: Spec) -> Spec:
    """Matrices of this spec that lie in memory column by column."""
    if spec.ndim < 2:
        return spec
    *batch, rows, columns = spec.shape
    *steps, row, column = contiguous_strides((*batch, columns, rows))
    return spec_of(spec.shape, spec.dtype, spec.device, (*steps, column, row))


def _each_alone(jaxpr: Any) -> bool:
    """Whether each element of the result comes from the elements in its place."""
    return all(
        all(map(_each_alone, _inner(eqn)))
        if eqn.primitive.name in _TRANSPARENT
        else eqn.primitive.name in _ELEMENTWISE
        for eqn in jaxpr.eqns
    )


def _inner(eqn: Any) -> list[Any]:
    found = [value for value in eqn.params.values() if hasattr(value, "eqns") or hasattr(value, "jaxpr")]
    return [getattr(value, "jaxpr", value) for value in found]

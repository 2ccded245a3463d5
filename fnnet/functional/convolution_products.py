"""Convolutions as products of matrices, where those are measurably faster: small ones, on a CPU.

Those of groups of few channels are sums instead (see `convolution_sums.py`).

The product is that of the kernel with the matrix of all windows ("im2col"). It takes a half to a quarter of
the time of XLA's own convolution while that matrix stays in the cache, so a large batch is taken in parts.
Two cores, jaxlib 0.10.2, XLA's time and this in ms: 5 x 5 of 3 channels to 6, 4 pictures 0.40 and 0.14,
128 pictures 10.7 and 2.5, the gradient of its kernel 11.3 and 3.6; 3 x 3 of 64 channels to 64, 14.2 and 9.3;
1 x 1 of 64 to 256, 9.1 and 5.6, the gradient of its kernel 18.3 and 7.0. With 256 channels nothing is won.

The gradient of a kernel is a convolution whose kernel is large and whose output small, so there the windows
are those of the output's positions, and the parts are added up.

To choose by platform, and to choose for the gradients too, the convolution is a primitive of its own. All its
rules are those of JAX's, with the convolutions in their results exchanged for this one.
"""

from __future__ import annotations

import contextlib
import itertools
import math
from collections.abc import Callable, Iterator, Sequence
from functools import lru_cache
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax
from jax.extend.core import Primitive
from jax.interpreters import ad, batching, mlir

from fnnet.functional.convolution_phases import has_phases, in_phases
from fnnet.functional.convolution_sums import as_given, grouped, in_order, is_sum, window
from fnnet.functional.jaxprs import as_it_is, equations, evaluate

__all__ = ["convolution_p", "convolve", "is_xlas", "layout", "written_out"]

_POSITIONS = 49
"""Up to how many positions are written out, each as a slice."""
_CACHED = 600_000
"""Elements of the matrix of windows that stay in the cache."""
_CACHED_ALONE = 2_400_000
"""The same for the least part, which is one picture."""
_CHANNELS = 128
"""From how many channels on XLA's own convolution is as fast."""

convolution_p = Primitive("convolution")


def convolve(
    x: jax.Array, kernel: jax.Array, window_strides: Any, padding: Any, groups: int = 1, **options: Any
) -> jax.Array:
    """`lax.conv_general_dilated`, faster on a CPU where it can be."""
    options |= {"window_strides": tuple(window_strides), "padding": tuple(map(tuple, padding))}
    options["feature_group_count"] = groups
    if x.dtype != jnp.float32:
        return lax.conv_general_dilated(x, kernel, **options)
    given = tuple((n, tuple(v) if isinstance(v, list) else v) for n, v in options.items())
    params = _params(x.shape, kernel.shape, given)
    return convolution_p.bind(*_varying_alike(x, kernel), **params)


def _varying_alike(*arrays: Any) -> list[Any]:
    """Within `jax.shard_map`: the arrays, said to vary over every mesh axis over which one of them does."""
    axes: list[frozenset[Any]] = [
        getattr(jax.typeof(one).manual_axis_type, "varying", frozenset()) for one in arrays
    ]
    every = axes[0] | axes[1]
    return [
        lax.pcast(one, tuple(every - own), to="varying") if own != every else one
        for one, own in zip(arrays, axes, strict=True)
    ]


@lru_cache(maxsize=4096)
def _params(shape: tuple[int, ...], kernel: tuple[int, ...], given: tuple[Any, ...]) -> dict[str, Any]:
    """The parameters of JAX's primitive for a call of `lax.conv_general_dilated`."""
    shapes = [jax.ShapeDtypeStruct(one, np.float32) for one in (shape, kernel)]
    jaxpr = jax.make_jaxpr(lambda x, w: lax.conv_general_dilated(x, w, **dict(given)))(*shapes)
    (equation,) = jaxpr.eqns
    return dict(equation.params)


def _plain(x: Any, kernel: Any, **params: Any) -> Any:
    return lax.conv_general_dilated_p.bind(x, kernel, **params)


def _exchanged(function: Callable[..., Any], *arguments: Any) -> Any:
    """The one result of a function of arrays, its convolutions exchanged for `convolution_p`."""

    def results(equation: Any, inputs: list[Any]) -> list[Any]:
        plain = equation.primitive is lax.conv_general_dilated_p
        return as_it_is(equation, inputs, convolution_p if plain else None)

    found = evaluate(jax.make_jaxpr(function)(*arguments), arguments, results)
    return found[0] if found else None


@lru_cache(maxsize=4096)
def _program(params: tuple[tuple[str, Any], ...]) -> Callable[..., jax.Array]:
    return jax.jit(lambda x, kernel: convolution_p.bind(x, kernel, **dict(params)))


@convolution_p.def_impl
def _now(x: Any, kernel: Any, **params: Any) -> jax.Array:
    return _program(tuple(sorted(params.items())))(x, kernel)


def _transposed_input(gradient: Any, x: Any, kernel: Any, **params: Any) -> Any:
    rule = ad.primitive_transposes[lax.conv_general_dilated_p]
    found = _exchanged(lambda g, w: rule(g, ad.UndefinedPrimal(x.aval), w, **params)[0], gradient, kernel)
    return ad.Zero(x.aval) if found is None else found


def _transposed_kernel(gradient: Any, x: Any, kernel: Any, **params: Any) -> Any:
    rule = ad.primitive_transposes[lax.conv_general_dilated_p]
    found = _exchanged(lambda g, x: rule(g, x, ad.UndefinedPrimal(kernel.aval), **params)[1], gradient, x)
    return ad.Zero(kernel.aval) if found is None else found


def _batched(arguments: Sequence[Any], dims: Sequence[Any], **params: Any) -> tuple[Any, int]:
    mapped = jax.vmap(lambda x, kernel: _plain(x, kernel, **params), in_axes=tuple(dims))
    return _exchanged(mapped, *arguments), 0


convolution_p.def_effectful_abstract_eval(lax.conv_general_dilated_p.abstract_eval)
ad.defbilinear(convolution_p, _transposed_input, _transposed_kernel)
batching.primitive_batchers[convolution_p] = _batched


class Layout(NamedTuple):
    """How a convolution is computed as products.

    Attributes:
        of_kernel: whether the windows are those of the kernel's positions, or of the output's.
        examples, part: over how many examples it goes, and how many of them each product takes.
        channels: what the windows hold beside the examples.
        sizes, places: the kernel's and the output's spatial dimensions.
    """

    of_kernel: bool
    examples: int
    part: int
    channels: int
    sizes: tuple[int, ...]
    places: tuple[int, ...]


def layout(params: dict[str, Any], x: Any, kernel: Any, out: Any) -> Layout | None:
    """The layout for arguments of these shapes; None where XLA's own convolution is as fast."""
    if out.dtype != jnp.float32 or params["feature_group_count"] > 1 or params["batch_group_count"] > 1:
        return None
    numbers = params["dimension_numbers"]
    sizes = tuple(kernel.shape[d] for d in numbers.rhs_spec[2:])
    places = tuple(out.shape[d] for d in numbers.out_spec[2:])
    batch, features = (x.shape[d] for d in numbers.lhs_spec[:2])
    of_kernel = math.prod(sizes) <= math.prod(places)
    examples, channels = (batch, features) if of_kernel else (features, batch)
    each = channels * math.prod((*sizes, *places))
    if (
        not 0 < each <= _CACHED_ALONE
        or examples == 0
        or channels >= _CHANNELS
        or min(math.prod(sizes), math.prod(places)) > _POSITIONS
    ):
        return None
    part = max(n for n in range(1, examples + 1) if examples % n == 0 and (n == 1 or n * each <= _CACHED))
    return Layout(of_kernel, examples, part, channels, sizes, places)


def _on_cpu(x: Any, kernel: Any, **params: Any) -> Any:
    out = jax.eval_shape(lambda x, kernel: _plain(x, kernel, **params), x, kernel)
    if has_phases(params) and out.size and kernel.size:
        return in_phases(x, kernel, params, out.shape, _on_cpu)
    found = layout(params, x, kernel, out)
    if found is not None:
        return _products(found, x, kernel, params)
    if is_sum(params, x, kernel, out):
        return grouped(x, kernel, params, out.shape)
    return _plain(x, kernel, **params)


def is_xlas(equation: Any) -> bool:
    """Whether an equation is a convolution that XLA computes itself on a CPU, in whole or in part."""
    if equation.primitive is not convolution_p:
        return equation.primitive is lax.conv_general_dilated_p
    shapes = [jax.ShapeDtypeStruct(one.aval.shape, one.aval.dtype) for one in equation.invars]
    program = jax.make_jaxpr(lambda x, kernel: _on_cpu(x, kernel, **equation.params))(*shapes)
    return any(one.primitive is lax.conv_general_dilated_p for one in equations(program))


mlir.register_lowering(convolution_p, mlir.lower_fun(_plain, multiple_results=False))
mlir.register_lowering(convolution_p, mlir.lower_fun(_on_cpu, multiple_results=False), platform="cpu")


def _products(by: Layout, x: Any, kernel: Any, params: dict[str, Any]) -> Any:
    x, kernel = in_order(x, kernel, params)
    strides, steps, precision = params["window_strides"], params["rhs_dilation"], params["precision"]

    def product(rows: Any, windows: Any, contracted: int) -> Any:
        windows = lax.optimization_barrier(windows)
        return lax.dot_general(rows, windows, (((1,), (contracted,)), ((), ())), precision=precision)

    def over_kernel(x: Any) -> Any:
        windows, first = _windows(jnp.swapaxes(x, 0, 1), by.sizes, steps, by.places, strides)
        rows = kernel.reshape(*kernel.shape[:2], -1)
        rows = (jnp.swapaxes(rows, 1, 2) if first else rows).reshape(rows.shape[0], -1)
        made = product(rows, windows.reshape(rows.shape[1], -1), 0)
        return jnp.swapaxes(made.reshape(rows.shape[0], x.shape[0], *by.places), 0, 1)

    def over_places(x: Any, kernel: Any) -> Any:
        windows, first = _windows(x, by.places, strides, by.sizes, steps)
        rows = kernel.reshape(kernel.shape[0], -1)
        made = product(rows, windows.reshape(-1, rows.shape[1]), 1)
        if first:
            return jnp.moveaxis(made.reshape(rows.shape[0], *by.places, by.channels), -1, 0)
        return jnp.swapaxes(made.reshape(rows.shape[0], by.channels, *by.places), 0, 1)

    if by.part == by.examples:
        x = lax.optimization_barrier(x)
        result = over_kernel(x) if by.of_kernel else over_places(x, kernel)
    elif by.of_kernel:
        result = lax.map(over_kernel, x.reshape(-1, by.part, *x.shape[1:]))
        result = result.reshape(by.examples, *result.shape[2:])
    else:
        parts = [
            jnp.moveaxis(one.reshape(one.shape[0], -1, by.part, *one.shape[2:]), 1, 0) for one in (x, kernel)
        ]
        zeros = _varying_alike(jnp.zeros((by.channels, kernel.shape[0], *by.places), x.dtype), x)[0]
        result, _ = lax.scan(lambda sum, one: (sum + over_places(*one), None), zeros, tuple(parts))
    return lax.optimization_barrier(as_given(result, params))


_AT_ONCE = [False]


@contextlib.contextmanager
def written_out() -> Iterator[None]:
    """Programs lowered inside are for XLA's older emitters on a CPU, which do better with all slices at once
    (188 us instead of 368 for the windows of LeNet's first layer; the newer ones take 252, and 164 for two
    steps)."""
    before, _AT_ONCE[0] = _AT_ONCE[0], True
    try:
        yield
    finally:
        _AT_ONCE[0] = before


def _windows(
    x: Any, positions: Sequence[int], apart: Sequence[int], sizes: Sequence[int], steps: Sequence[int]
) -> tuple[Any, bool]:
    """The window at every position: (first, position, second, *sizes), or with the positions first of all."""
    if _AT_ONCE[0]:
        every = itertools.product(*map(range, positions))
        return jnp.stack([window(x, at, apart, sizes, steps) for at in every], 1), False
    for d in reversed(range(len(sizes))):
        axis, length = x.ndim - len(sizes) + d, (sizes[d] - 1) * steps[d] + 1
        starts = [p * apart[d] for p in range(positions[d])]
        slices = [lax.slice_in_dim(x, at, at + length, steps[d], axis) for at in starts]
        x = lax.optimization_barrier(jnp.stack(slices))
    return x, True

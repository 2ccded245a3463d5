"""PyTorch's initialisers (torch.nn.init) as functions of a random source and a shape.

The first argument of those that draw is a JAX key, a `fnnet.random.Generator` or a source
(`fnnet.random.as_source`); `constant`, `zeros`, `ones`, `eye` and `dirac` take none.
From a Generator every function but `orthogonal` gives the very numbers of PyTorch; there the draws are equal
and the factorisation is another library's (differences up to about 1e-6 in float32).

Bounds and standard deviations are computed in Python's doubles, in the order in which PyTorch computes them.
"""

from __future__ import annotations

import math
import warnings
from typing import Any

import jax
import jax.numpy as jnp
from jax.typing import DTypeLike

from fnnet.random.arguments import check_normal, check_uniform
from fnnet.random.source import Shape, as_source

_UNIT_GAIN = frozenset(
    ["linear", "sigmoid"] + [f"conv{t}{d}d" for t in ("", "_transpose") for d in (1, 2, 3)]
)


def calculate_gain(nonlinearity: str, param: float | None = None) -> float:
    """The recommended gain for a nonlinearity; `param` is leaky_relu's negative slope (0.01 unless given).

    Raises ValueError for an unknown nonlinearity or a slope that is not a number.
    """
    if nonlinearity in _UNIT_GAIN:
        return 1
    if nonlinearity == "tanh":
        return 5.0 / 3
    if nonlinearity == "relu":
        return math.sqrt(2.0)
    if nonlinearity == "leaky_relu":
        slope = 0.01 if param is None else param
        if isinstance(slope, bool) or not isinstance(slope, int | float):
            raise ValueError(f"negative_slope {param} not a valid number")
        return math.sqrt(2.0 / (1 + slope**2))
    if nonlinearity == "selu":
        return 3.0 / 4
    raise ValueError(f"Unsupported nonlinearity {nonlinearity}")


def _check_lengths(shape: Shape) -> None:
    for length in shape:
        if not hasattr(length, "__index__"):
            raise TypeError(f"shape: expected a sequence of ints, got {shape!r}")
        if length < 0:
            raise RuntimeError(f"Trying to create tensor with negative dimension {length}: {list(shape)}")


def fan_in_and_fan_out(shape: Shape) -> tuple[int, int]:
    """Inputs that one output sees, and outputs that one input reaches, for a weight (out, in, *kernel).

    Raises ValueError for fewer than 2 dimensions.
    """
    _check_lengths(shape)
    if len(shape) < 2:
        raise ValueError(
            "Fan in and fan out can not be computed for tensor with fewer than 2 dimensions, "
            f"got shape {tuple(shape)}"
        )
    receptive_field = math.prod(shape[2:])
    return shape[1] * receptive_field, shape[0] * receptive_field


def uniform(
    random: Any, shape: Shape, a: float = 0.0, b: float = 1.0, dtype: DTypeLike = jnp.float32
) -> jax.Array:
    """Numbers from U(a, b). Raises RuntimeError if a > b."""
    _check_lengths(shape)
    check_uniform(a, b, dtype)
    return as_source(random).uniform(shape, a, b, dtype)


def normal(
    random: Any, shape: Shape, mean: float = 0.0, std: float = 1.0, dtype: DTypeLike = jnp.float32
) -> jax.Array:
    """Numbers from N(mean, std²). Raises RuntimeError if std < 0."""
    _check_lengths(shape)
    check_normal(std)
    return as_source(random).normal(shape, mean, std, dtype)


def trunc_normal(
    random: Any,
    shape: Shape,
    mean: float = 0.0,
    std: float = 1.0,
    a: float = -2.0,
    b: float = 2.0,
    dtype: DTypeLike = jnp.float32,
) -> jax.Array:
    """Numbers from N(mean, std²) restricted to [a, b]. Warns if the mean is more than 2 std outside."""
    check_normal(std)
    if mean < a - 2 * std or mean > b + 2 * std:
        warnings.warn(
            "mean is more than 2 std from [a, b] in nn.init.trunc_normal_. "
            "The distribution of values may be incorrect.",
            stacklevel=2,
        )
    return as_source(random).truncated_normal(shape, mean, std, a, b, dtype)


def constant(shape: Shape, val: float, dtype: DTypeLike = jnp.float32) -> jax.Array:
    """The value `val` everywhere."""
    _check_lengths(shape)
    return jnp.full(tuple(shape), val, dtype)


def zeros(shape: Shape, dtype: DTypeLike = jnp.float32) -> jax.Array:
    """Zeros."""
    return constant(shape, 0.0, dtype)


def ones(shape: Shape, dtype: DTypeLike = jnp.float32) -> jax.Array:
    """Ones."""
    return constant(shape, 1.0, dtype)


def eye(shape: Shape, dtype: DTypeLike = jnp.float32) -> jax.Array:
    """The identity matrix of shape (rows, columns). Raises ValueError unless there are 2 dimensions."""
    if len(shape) != 2:
        raise ValueError(f"Only tensors with 2 dimensions are supported, got shape {tuple(shape)}")
    return jnp.eye(shape[0], shape[1], dtype=dtype)


def dirac(shape: Shape, groups: int = 1, dtype: DTypeLike = jnp.float32) -> jax.Array:
    """A convolution's weight (out, in / groups, *kernel) that hands on its input, group by group.

    Raises ValueError unless there are 3 to 5 dimensions and `groups` divides the first.
    """
    if len(shape) not in (3, 4, 5):
        raise ValueError(f"Only tensors with 3, 4, or 5 dimensions are supported, got shape {tuple(shape)}")
    if shape[0] % groups != 0:
        raise ValueError(f"dim 0 must be divisible by groups, got {shape[0]} and groups={groups}")
    per_group = shape[0] // groups
    channel = jnp.arange(min(per_group, shape[1]))
    out = (jnp.arange(groups)[:, None] * per_group + channel).reshape(-1)
    centre = tuple(size // 2 for size in shape[2:])
    return jnp.zeros(tuple(shape), dtype).at[(out, jnp.tile(channel, groups), *centre)].set(1)


def xavier_uniform(random: Any, shape: Shape, gain: float = 1.0, dtype: DTypeLike = jnp.float32) -> jax.Array:
    """U(-a, a) with a = gain √(6 / (fan_in + fan_out)) (Glorot and Bengio, 2010)."""
    bound = math.sqrt(3.0) * _xavier_std(shape, gain)
    return uniform(random, shape, -bound, bound, dtype)


def xavier_normal(random: Any, shape: Shape, gain: float = 1.0, dtype: DTypeLike = jnp.float32) -> jax.Array:
    """N(0, std²) with std = gain √(2 / (fan_in + fan_out)) (Glorot and Bengio, 2010)."""
    return normal(random, shape, 0.0, _xavier_std(shape, gain), dtype)


def kaiming_uniform(
    random: Any,
    shape: Shape,
    a: float = 0.0,
    mode: str = "fan_in",
    nonlinearity: str = "leaky_relu",
    dtype: DTypeLike = jnp.float32,
) -> jax.Array:
    """U(-bound, bound) with bound = gain √(3 / fan) (He et al., 2015).

    Args:
        random: a key, generator or source.
        shape: (out, in, *kernel); with a size of 0 nothing is drawn, and a warning given.
        a: the negative slope, for leaky_relu.
        mode: "fan_in" keeps the variance in the forward pass, "fan_out" in the backward pass.
        nonlinearity: decides the gain (see `calculate_gain`).
        dtype: of the result.
    """
    if 0 in shape:
        return _nothing_to_draw(shape, dtype)
    bound = math.sqrt(3.0) * _kaiming_std(shape, a, mode, nonlinearity)
    return uniform(random, shape, -bound, bound, dtype)


def kaiming_normal(
    random: Any,
    shape: Shape,
    a: float = 0.0,
    mode: str = "fan_in",
    nonlinearity: str = "leaky_relu",
    dtype: DTypeLike = jnp.float32,
) -> jax.Array:
    """N(0, std²) with std = gain / √fan (He et al., 2015); arguments as for `kaiming_uniform`."""
    if 0 in shape:
        return _nothing_to_draw(shape, dtype)
    return normal(random, shape, 0.0, _kaiming_std(shape, a, mode, nonlinearity), dtype)


def orthogonal(random: Any, shape: Shape, gain: float = 1.0, dtype: DTypeLike = jnp.float32) -> jax.Array:
    """A (semi-)orthogonal matrix, trailing dimensions flattened (Saxe et al., 2013).

    Raises ValueError for fewer than 2 dimensions, RuntimeError for a dtype other than float32 and float64.
    """
    if len(shape) < 2:
        raise ValueError(f"Only tensors with 2 or more dimensions are supported, got shape {tuple(shape)}")
    if jnp.dtype(dtype) not in (jnp.float32, jnp.float64):
        raise RuntimeError(
            f"linalg.qr: Low precision dtypes not supported. Got {jnp.dtype(dtype).name}; "
            "orthogonal expects float32 or float64"
        )
    if 0 in shape:
        return zeros(shape, dtype)
    rows = shape[0]
    cols = math.prod(shape) // rows
    drawn = normal(random, (rows, cols), dtype=dtype)
    q, r = jnp.linalg.qr(drawn.T if rows < cols else drawn)
    q = q * jnp.sign(jnp.diagonal(r))
    return (q.T if rows < cols else q).reshape(tuple(shape)) * jnp.asarray(gain, q.dtype)


def sparse(
    random: Any, shape: Shape, sparsity: float, std: float = 0.01, dtype: DTypeLike = jnp.float32
) -> jax.Array:
    """N(0, std²) with the fraction `sparsity` of each column set to zero (Martens, 2010).

    PyTorch draws the zeros' places from its default generator, whatever generator it is given; here they come
    from the one source. Raises ValueError unless there are 2 dimensions.
    """
    if len(shape) != 2:
        raise ValueError(f"Only tensors with 2 dimensions are supported, got shape {tuple(shape)}")
    source = as_source(random)
    rows, cols = shape
    count = math.ceil(sparsity * rows)
    drawn = normal(source, shape, 0.0, std, dtype)
    if not cols:
        return drawn
    places = jnp.stack([source.permutation(rows)[:count] for _ in range(cols)], axis=1)
    return drawn.at[places, jnp.arange(cols)].set(0)


def fan_in_uniform(random: Any, shape: Shape, fan_in: int, dtype: DTypeLike = jnp.float32) -> jax.Array:
    """U(-1/√fan_in, 1/√fan_in): PyTorch's default for biases and recurrent weights."""
    bound = 1 / math.sqrt(fan_in) if fan_in > 0 else 0
    return uniform(random, shape, -bound, bound, dtype)


def _xavier_std(shape: Shape, gain: float) -> float:
    fan_in, fan_out = fan_in_and_fan_out(shape)
    return gain * math.sqrt(2.0 / float(fan_in + fan_out))


def _kaiming_std(shape: Shape, a: float, mode: str, nonlinearity: str) -> float:
    modes = ["fan_in", "fan_out"]
    if mode.lower() not in modes:
        raise ValueError(f"Mode {mode} not supported, please use one of {modes}")
    fan = fan_in_and_fan_out(shape)[modes.index(mode.lower())]
    return calculate_gain(nonlinearity, a) / math.sqrt(fan)


def _nothing_to_draw(shape: Shape, dtype: DTypeLike) -> jax.Array:
    warnings.warn("Initializing zero-element tensors is a no-op", stacklevel=3)
    return zeros(shape, dtype)

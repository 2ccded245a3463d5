"""JAX's primitives of elements and shapes give by NumPy what XLA gives: one program of each subject."""

from __future__ import annotations

import jax.numpy as jnp
import numpy as np
from against_xla import (
    BF16,
    COMPLEX,
    F32,
    F64,
    FLOATS,
    INTEGERS,
    REAL,
    SHAPES,
    compare,
    made,
    special,
    words,
)
from jax import lax


def test_elementwise_of_one():
    rng = np.random.default_rng(0)
    names = "neg sign floor ceil exp exp2 log log1p expm1 sqrt rsqrt cbrt abs is_finite sin cos tan "
    names += "tanh sinh cosh asin acos atan asinh acosh atanh logistic erf square"
    cases = []
    for name in words(names):
        function = getattr(lax, name)
        for kind in REAL if name in ("cbrt", "exp2") else FLOATS:
            cases.append((name, function, (special(kind),)))
        for shape in SHAPES:
            cases.append((name, function, (made(rng, shape, F32),)))
    for name in words("exp log sqrt sin cos tanh abs real imag conj neg sign square"):
        cases.append((name, getattr(lax, name), (made(rng, (5,), COMPLEX[0]),)))
        cases.append((name, getattr(lax, name), (made(rng, (5,), COMPLEX[1]),)))
    for kind in INTEGERS:
        for name in words("neg sign abs bitwise_not population_count"):
            if np.dtype(kind).kind == "i" or name not in ("neg", "abs"):
                cases.append((name, getattr(lax, name), (made(rng, (7,), kind),)))
    cases.append(("not", lax.bitwise_not, (made(rng, (7,), bool),)))
    for method in (0, 1):
        x = np.array(
            [0.49999997, -0.49999997, 0.5, 1.5, 2.5, -0.5, -2.5, 8388609.0, -0.0, np.nan, np.inf], F32
        )
        cases.append((f"round{method}", lambda x, m=method: lax.round(x, lax.RoundingMethod(m)), (x,)))
    for power in (0, 1, 2, 3, 5, -1, -2):
        for kind in FLOATS:
            cases.append(("integer_pow", lambda x, p=power: lax.integer_pow(x, p), (made(rng, (4,), kind),)))
    cases.append(("reduce_precision", lambda x: lax.reduce_precision(x, 8, 7), (made(rng, (9,), F32),)))
    compare(cases)


def test_special_functions():
    rng = np.random.default_rng(1)
    cases = []
    for kind in FLOATS:
        for name in words("erfc lgamma digamma"):
            cases.append((name, getattr(lax, name), (made(rng, (6,), kind, 0.3, 4.0),)))
        cases.append(("erf_inv", lax.erf_inv, (np.array([-1, -0.9, 0, 0.3, 1], np.float32).astype(kind),)))
    for kind in REAL:
        cases.append(("igamma", lax.igamma, (made(rng, (4,), kind, 0.5, 3), made(rng, (4,), kind, 0.5, 3))))
        cases.append(("igammac", lax.igammac, (made(rng, (4,), kind, 0.5, 3), made(rng, (4,), kind, 0.5, 3))))
        cases.append(("bessel_i0e", lax.bessel_i0e, (made(rng, (4,), kind),)))
        cases.append(("bessel_i1e", lax.bessel_i1e, (made(rng, (4,), kind),)))
    compare(cases)


def test_elementwise_of_two():
    rng = np.random.default_rng(2)
    cases = []
    for name in words("add sub mul div max min rem pow atan2 nextafter eq ne lt le gt ge"):
        function = getattr(lax, name)
        for kind in REAL if name == "nextafter" else FLOATS:
            pairs = np.meshgrid(special(kind), special(kind))
            cases.append((name, function, tuple(one.reshape(-1).copy() for one in pairs)))
        for shape in SHAPES:
            cases.append((name, function, (made(rng, shape, F64, 0.1), made(rng, shape, F64))))
    for name in words("max min"):
        zeros = np.array([0.0, 1.0], F32)
        cases.append((f"{name}_special", getattr(lax, name), (zeros, zeros[::-1].copy())))
    for kind in INTEGERS:
        info = np.iinfo(kind)
        edges = np.array([info.min, info.max, 0, 1, 7, info.max // 3, 2], kind)
        x, y = (
            one.reshape(-1).copy() for one in np.meshgrid(edges, np.append(edges, np.array(-1).astype(kind)))
        )
        for name in words("add sub mul div rem max min eq lt ge bitwise_and bitwise_or bitwise_xor"):
            cases.append((name, getattr(lax, name), (x, y)))
        amounts = np.array([0, 1, 3, 7, 8, 31, 63, -1]).astype(kind)
        x, y = (one.reshape(-1).copy() for one in np.meshgrid(edges, amounts))
        for name in words("shift_left shift_right_arithmetic shift_right_logical"):
            cases.append((name, getattr(lax, name), (x, y)))
    for name in words("bitwise_and bitwise_or bitwise_xor eq max min"):
        cases.append((name, getattr(lax, name), (made(rng, (8,), bool), made(rng, (8,), bool))))
    for kind in COMPLEX:
        for name in words("add sub mul div eq"):
            cases.append((name, getattr(lax, name), (made(rng, (5,), kind), made(rng, (5,), kind))))
    cases.append(("complex", lax.complex, (made(rng, (5,), F32), made(rng, (5,), F32))))
    cases.append(("pow by integers", lax.pow, (made(rng, (5,), F32), made(rng, (5,), np.int32))))
    cases.append(("clamp", lax.clamp, (F32(-1), special(F32), F32(1))))
    for shape in SHAPES:
        which = made(rng, shape, bool)
        cases.append(("select", lax.select_n, (which, made(rng, shape, F32), made(rng, shape, F32))))
    which = np.array([0, 2, 1, 2], np.int32)
    cases.append(("select_n", lax.select_n, (which, *[made(rng, (4,), np.int64) for _ in range(3)])))
    compare(cases)


def test_conversions():
    rng = np.random.default_rng(3)
    cases = []
    every = (*FLOATS, *INTEGERS, np.int16, np.uint16, np.uint64, np.bool_, *COMPLEX)
    values = np.array([0, 1, -1, 0.7, -0.7, 200.5, -200.5, 3e9, -3e9, 1e19, -1e19, np.nan, np.inf, -np.inf])
    for old in every:
        given = values if np.dtype(old).kind not in "iub" else np.arange(-4, 5)
        with np.errstate(all="ignore"):
            x = given.astype(old)
        for new in every if np.dtype(old).kind != "c" else COMPLEX:
            cases.append(("convert", lambda x, n=new: lax.convert_element_type(x, n), (x,)))
    for old, new in (
        (F32, np.int32),
        (np.int32, np.uint8),
        (np.uint8, np.int32),
        (F64, np.uint32),
        (BF16, np.uint16),
    ):
        shape = (3, np.dtype(new).itemsize // np.dtype(old).itemsize) if old is np.uint8 else (3,)
        x = made(rng, shape, old)
        cases.append(("bitcast", lambda x, n=new: lax.bitcast_convert_type(x, n), (x,)))
    compare(cases)


def test_shapes():
    rng = np.random.default_rng(4)
    x, scalar, empty = made(rng, (3, 4, 5), F32), made(rng, (), F32), made(rng, (0, 4), F32)
    cases = [
        ("reshape", lambda x: lax.reshape(x, (5, 12)), (x,)),
        ("reshape", lambda x: lax.reshape(x, (1, 1)), (scalar,)),
        ("reshape", lambda x: lax.reshape(x, (5, 12), dimensions=(2, 0, 1)), (x,)),
        ("transpose", lambda x: lax.transpose(x, (2, 0, 1)), (x,)),
        ("transpose", lambda x: lax.reshape(lax.transpose(x, (2, 0, 1)), (60,)), (x,)),
        ("broadcast", lambda x: lax.broadcast_in_dim(x, (3, 2, 4, 5), (0, 2, 3)), (x,)),
        ("broadcast", lambda x: lax.broadcast_in_dim(x, (2, 0), ()), (scalar,)),
        ("broadcast", lambda x: lax.broadcast_in_dim(x[:1], (3, 4, 5), (0, 1, 2)), (x,)),
        ("squeeze", lambda x: lax.squeeze(x[:1], (0,)), (x,)),
        ("expand_dims", lambda x: lax.expand_dims(x, (0, 2)), (x,)),
        ("rev", lambda x: lax.rev(x, (0, 2)), (x,)),
        ("concatenate", lambda x, y: lax.concatenate([x, y, x], 1), (x, x[:, :2].copy())),
        ("concatenate", lambda x: lax.concatenate([x, x], 0), (empty,)),
        ("split", lambda x: lax.split(x, (1, 3), 1), (x,)),
        ("tile", lambda x: jnp.tile(x, (2, 1, 3)), (x,)),
        ("stack", lambda x: jnp.stack([x, x], 1), (x,)),
        ("slice", lambda x: lax.slice(x, (1, 0, 1), (3, 4, 5), (1, 2, 3)), (x,)),
        ("slice", lambda x: lax.slice(x, (3, 0, 1), (3, 4, 5)), (x,)),
        ("iota", lambda: lax.broadcasted_iota(np.int32, (3, 4), 1), ()),
        ("iota", lambda: lax.iota(BF16, 5), ()),
    ]
    configs = [
        ((1, 2, 0), (0, 0, 2), (-1, 1, 1)),
        ((-1, -1, 0), (3, -2, 2), (0, 0, 0)),
        ((0, -2, 3), (-3, 1, 1), (0, 0, 4)),
    ]
    configs += [((-3, 0, 0), (0, 0, 0), (0, 0, 0)), ((2, -5, 1), (0, 0, 0), (-2, -2, 2))]
    for config in configs:
        cases.append(("pad", lambda x, v, c=config: lax.pad(x, v, c), (x, scalar)))
    cases.append(("pad", lambda x, v: lax.pad(x, v, ((2, 1, 3), (0, 0, 0))), (empty, scalar)))
    compare(cases)

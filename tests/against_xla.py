"""Programs of JAX's primitives, evaluated by NumPy and compared with XLA."""

from __future__ import annotations

import jax
import jax.numpy as jnp
import numpy as np
import quickly

from fnnet.evaluation import cost, evaluate

F32, F64, BF16, F16 = np.float32, np.float64, jnp.bfloat16, np.float16
FLOATS, REAL = (F32, F64, BF16, F16), (F32, F64)
INTEGERS = (np.int8, np.uint8, np.int32, np.int64, np.uint32)
COMPLEX = (np.complex64, np.complex128)
SHAPES = ((), (0,), (3,), (2, 3, 4))
SPECIAL = (np.nan, np.inf, -np.inf, 0.0, -0.0, 1.0, -1.0, 0.5, -0.5, 2.5, -3.5, 88.9, -104.0, 1e30)


def made(rng, shape, kind, low=-3.0, high=3.0):
    kind = np.dtype(kind)
    if kind.kind == "b":
        return rng.random(shape) < 0.5
    if kind.kind in "iu":
        info = np.iinfo(kind)
        return rng.integers(max(info.min, -9), min(info.max, 9), shape, endpoint=True).astype(kind)
    if kind.kind == "c":
        return (rng.uniform(low, high, shape) + 1j * rng.uniform(low, high, shape)).astype(kind)
    return np.asarray(rng.uniform(low, high, shape)).astype(kind)


def special(kind):
    with np.errstate(all="ignore"):
        return np.array(SPECIAL, np.float32).astype(kind)


ULPS = {
    "float16": 3e-3,
    "bfloat16": 2e-2,
    "float32": 2e-6,
    "float64": 1e-13,
    "complex64": 3e-6,
    "complex128": 1e-12,
}


def compare(cases):
    """Each case: a name, a function, its arguments. All are one program to XLA."""
    with jax.enable_x64(True):
        arguments = [given for _, _, given in cases]

        def program(all_given):
            return [
                jax.tree.leaves(function(*given))
                for (_, function, _), given in zip(cases, all_given, strict=True)
            ]

        expected = jax.jit(program, compiler_options=quickly.older_emitters())(arguments)
        wrong = []
        for (name, function, given), wanted in zip(cases, expected, strict=True):
            leaves, tree = jax.tree.flatten(given)
            jaxpr = jax.make_jaxpr(lambda *xs, f=function, t=tree: f(*jax.tree.unflatten(t, xs)))(*leaves)
            assert cost(jaxpr) >= 0
            try:
                found = evaluate(jaxpr, leaves)
                for seen, want in zip(found, wanted, strict=True):
                    assert_same(name, seen, np.asarray(want))
            except (AssertionError, TypeError, ValueError) as error:
                wrong.append(f"{name} {[(one.dtype.name, one.shape) for one in leaves]}: {error}")
        assert not wrong, f"{len(wrong)} of {len(cases)}:\n" + "\n".join(wrong)


def assert_same(name, seen, want):
    assert (seen.dtype, seen.shape) == (want.dtype, want.shape)
    close = ULPS.get(want.dtype.name)
    if close is None:
        np.testing.assert_array_equal(seen, want)
        return
    wide = np.complex128 if want.dtype.kind == "c" else np.float64
    seen, want = seen.astype(wide), want.astype(wide)
    np.testing.assert_allclose(seen, want, close, close)
    if name in SIGNED and want.dtype.kind == "f":
        zeros = want == 0
        np.testing.assert_array_equal(np.signbit(seen[zeros]), np.signbit(want[zeros]))


SIGNED = frozenset(
    [
        "neg",
        "sign",
        "round0",
        "round1",
        "floor",
        "ceil",
        "abs",
        "mul",
        "max_special",
        "min_special",
        "select",
        "copy",
    ]
)


def words(text):
    return text.split()

"""JAX's reductions, products, windows, indices and loops give by NumPy what XLA gives."""

from __future__ import annotations

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from against_xla import BF16, F16, F32, F64, REAL, compare, made
from jax import lax

from fnnet.evaluation import NoRule, cost, evaluate, evaluated


def test_reductions_and_orders():
    rng = np.random.default_rng(5)
    cases = []
    for kind in (F32, BF16, np.int8, np.int64, np.uint8, np.complex64, np.bool_):
        x, nan = made(rng, (3, 4, 2), kind), np.dtype(kind).kind == "f"
        for axes in ((0,), (1, 2), (0, 1, 2)):
            if kind is not np.bool_:
                cases.append(("sum", lambda x, a=axes: jnp.sum(x, a, dtype=x.dtype), (x,)))
                cases.append(("prod", lambda x, a=axes: jnp.prod(x, a, dtype=x.dtype), (x,)))
            if np.dtype(kind).kind != "c":
                cases.append(("max", lambda x, a=axes: jnp.max(x, a), (x,)))
                cases.append(("min", lambda x, a=axes: jnp.min(x, a), (x,)))
                cases.append(("max", lambda x, a=axes: lax.reduce_max(x, a), (x[:, :0],)))
                cases.append(("min", lambda x, a=axes: lax.reduce_min(x, a), (x[:0],)))
        if np.dtype(kind).kind in "iub":
            cases += [
                (f.__name__, lambda x, f=f: f(x, (1,)), (x,))
                for f in (lax.reduce_and, lax.reduce_or, lax.reduce_xor)
            ]
        if nan:
            x[1, 2, 0] = np.nan
            cases += [
                ("max", lambda x: lax.reduce_max(x, (0, 1)), (x,)),
                ("min", lambda x: lax.reduce_min(x, (1,)), (x,)),
            ]
        if np.dtype(kind).kind != "c":
            for function in (lax.argmax, lax.argmin):
                cases.append(("argmax", lambda x, f=function: f(x, 1, np.int32), (x,)))
        for reverse in (False, True):
            if kind is not np.bool_:
                cases.append(("cumsum", lambda x, r=reverse: lax.cumsum(x, 1, r), (x,)))
                cases.append(("cumprod", lambda x, r=reverse: lax.cumprod(x, 0, r), (x,)))
            if np.dtype(kind).kind in "fiu":
                cases.append(("cummax", lambda x, r=reverse: lax.cummax(x, 1, r), (x,)))
                cases.append(("cummin", lambda x, r=reverse: lax.cummin(x, 2, r), (x,)))
            if kind in REAL:
                cases.append(("cumlogsumexp", lambda x, r=reverse: lax.cumlogsumexp(x, 1, r), (x,)))
        if np.dtype(kind).kind != "c":
            cases.append(("sort", lambda x: lax.sort(x, 1), (x,)))
            keys = np.round(x.astype(np.float32)).astype(kind) if kind is not np.bool_ else x
            place = np.arange(24).reshape(3, 4, 2)
            cases.append(("sort", lambda x, y: lax.sort((x, y), 1, num_keys=1), (keys, place)))
            cases.append(
                ("sort", lambda x, y, z: lax.sort((x, y, z), 0, num_keys=2), (keys, keys[::-1].copy(), place))
            )
    zeros = np.array([0.0, -0.0, 1.0, -0.0, 0.0, np.nan, -np.inf], F32)
    cases.append(("sort", lambda x, y: lax.sort((x, y), 0, num_keys=1), (zeros, np.arange(7))))
    cases.append(("sum", lambda x: jnp.sum(x), (made(rng, (), F32),)))
    compare(cases)


def test_products():
    rng = np.random.default_rng(6)
    cases = []
    shapes = [((3, 4), (4, 5), (((1,), (0,)), ((), ()))), ((3, 4), (5, 4), (((1,), (1,)), ((), ()))),
              ((2, 3, 4), (2, 4, 5), (((2,), (1,)), ((0,), (0,)))),
              ((4, 2, 3), (5, 3, 2), (((1,), (2,)), ((2,), (1,)))),
              ((2, 3, 4), (4, 3), (((2, 1), (0, 1)), ((), ()))), ((4,), (4,), (((0,), (0,)), ((), ()))),
              ((0, 4), (4, 2), (((1,), (0,)), ((), ()))), ((3, 0), (0, 2), (((1,), (0,)), ((), ()))),
              ((2,), (3,), (((), ()), ((), ()))), ((), (), (((), ()), ((), ())))]  # fmt: skip
    for left, right, numbers in shapes:
        for kind in (F32, F64, BF16, F16, np.int32, np.complex64):
            given = made(rng, left, kind), made(rng, right, kind)
            cases.append(("dot", lambda x, y, n=numbers: lax.dot_general(x, y, n), given))
    wide = lambda x, y: lax.dot_general(x, y, (((1,), (0,)), ((), ())), preferred_element_type=F32)  # noqa: E731
    cases.append(("dot", wide, (made(rng, (2, 3), BF16), made(rng, (3, 2), BF16))))
    for kind in REAL:
        x = made(rng, (3, 6), kind)
        cases += [("fft", jnp.fft.fft, (x,)), ("ifft", jnp.fft.ifft, (x,)), ("rfft", jnp.fft.rfft, (x,))]
        cases += [("irfft", lambda x: jnp.fft.irfft(jnp.fft.rfft(x), 6), (x,)), ("fft2", jnp.fft.fft2, (x,))]
    compare(cases)


def test_windows():
    rng = np.random.default_rng(7)
    cases = []
    options = [
        {}, {"window_strides": (2, 1), "padding": [(1, 2), (0, 1)]}, {"rhs_dilation": (2, 1)},
        {"lhs_dilation": (2, 3), "padding": [(1, 1), (-1, 2)]}, {"feature_group_count": 2},
        {"batch_group_count": 2}, {"dimension_numbers": ("NHWC", "HWIO", "NHWC")},
        {"dimension_numbers": ("CNHW", "IOHW", "HWNC"), "window_strides": (3, 2)},
        {"padding": [(-3, -3), (0, 0)]},
    ]  # fmt: skip
    for option in options:
        settings = {
            "window_strides": (1, 1),
            "padding": [(0, 0), (0, 0)],
            "dimension_numbers": ("NCHW", "OIHW", "NCHW"),
        } | option
        numbers = settings["dimension_numbers"]
        sizes = {"N": 4, "C": 6, "O": 8, "I": 6 // settings.get("feature_group_count", 1)}
        x = made(rng, [sizes.get(d, 7) for d in numbers[0]], F32, -0.3, 0.3)
        kernel = made(rng, [sizes.get(d, 3 if d == "H" else 2) for d in numbers[1]], F32)
        for kind in (F32, F64, BF16):
            cases.append(("conv", lambda x, w, s=settings: lax.conv_general_dilated(x, w, **s),
                          (x.astype(kind), kernel.astype(kind))))  # fmt: skip
    x = made(rng, (2, 7, 6), F32)
    x[0, 2, 3] = np.nan
    pools = [((1, 3, 2), (1, 2, 1), "VALID"), ((1, 2, 2), (1, 1, 2), [(0, 0), (1, 0), (1, 1)])]
    for window, strides, padding in pools:
        for kind in (F32, F64, BF16, np.int32):
            with np.errstate(all="ignore"):
                given = np.nan_to_num(x).astype(kind) if kind is np.int32 else x.astype(kind)
            for start, computation in ((0, lax.add), (-np.inf, lax.max), (np.inf, lax.min)):
                if kind is np.int32 and start:
                    start = np.iinfo(kind).min if start < 0 else np.iinfo(kind).max
                pool = lambda x, c=computation, s=start, w=window, t=strides, p=padding: lax.reduce_window(  # noqa: E731
                    x, np.asarray(s, x.dtype), c, w, t, p, window_dilation=(1, 2, 1)
                )
                cases.append((f"pool {computation.__name__}", pool, (given,)))
        largest = lambda x, w=window, t=strides, p=padding: lax.reduce_window(x, -np.inf, lax.max, w, t, p)  # noqa: E731
        cases.append(
            (
                "max pool's gradient",
                jax.grad(lambda x, f=largest: (f(x) * 3).sum()),
                (made(rng, (2, 7, 6), F32),),
            )
        )
        equal = np.round(made(rng, (2, 7, 6), F32))
        cases.append(("max pool's gradient of equals", jax.grad(lambda x, f=largest: f(x).sum()), (equal,)))
    compare(cases)


def test_indices():
    rng = np.random.default_rng(8)
    x = made(rng, (5, 4, 3), F32)
    at = np.array([[0, 3], [4, -1], [7, 2]])
    cases = [
        ("dynamic_slice", lambda x, i: lax.dynamic_slice(x, (i, i, i), (2, 3, 3)), (x, np.int32(one)))
        for one in (-2, 1, 9)
    ]
    cases += [
        (
            "dynamic_update",
            lambda x, y, i: lax.dynamic_update_slice(x, y, (i, i, i)),
            (x, x[:2, :2, :2].copy(), one),
        )
        for one in (np.int64(-2), np.int64(1), np.int64(9))
    ]
    numbers = [
        (lax.GatherDimensionNumbers((1, 2), (0,), (0,)), (1, 4, 3), at[:, :1]),
        (lax.GatherDimensionNumbers((1,), (0, 1), (0, 1)), (1, 1, 3), at),
        (lax.GatherDimensionNumbers((0, 2), (1,), (2, 1)), (4, 1, 2), at),
        (lax.GatherDimensionNumbers((0, 1, 2), (), (1,)), (5, 2, 3), at[:2, :1] - 1),
        (lax.GatherDimensionNumbers(
            (1,), (0,), (0,), operand_batching_dims=(1,), start_indices_batching_dims=(0,)),
         (1, 1, 3), np.array([[1], [9], [-1], [4]])),
    ]  # fmt: skip
    for mode in ("clip", "fill", "promise_in_bounds"):
        for dims, sizes, indices in numbers:
            given = np.clip(indices, 0, 0) if mode == "promise_in_bounds" else indices
            for kind in (F32, np.int32, np.uint8) if mode == "fill" else (F32,):
                take = lambda x, i, d=dims, s=sizes, m=mode: lax.gather(x, i, d, s, mode=m)  # noqa: E731
                cases.append((f"gather {mode}", take, (x.astype(kind), given)))
    scattered = [
        (lax.ScatterDimensionNumbers((1, 2), (0,), (0,)), at[:, :1], (3, 4, 3)),
        (lax.ScatterDimensionNumbers((1,), (0, 1), (0, 1)), at, (3, 3)),
        (lax.ScatterDimensionNumbers((0, 2), (1,), (2, 1)), at, (4, 3, 2)),
        (lax.ScatterDimensionNumbers(
            (1,), (0,), (0,), operand_batching_dims=(1,), scatter_indices_batching_dims=(0,)),
         np.array([[1], [9], [-1], [4]]), (4, 3)),
    ]  # fmt: skip
    functions = (lax.scatter, lax.scatter_add, lax.scatter_mul, lax.scatter_min, lax.scatter_max)
    for mode in ("clip", "fill"):
        for dims, indices, shape in scattered:
            for function in functions:
                for kind in (F32, np.int64, BF16) if function is lax.scatter_add else (F32,):
                    scatter = lambda x, i, u, f=function, d=dims, m=mode: f(x, i, u, d, mode=m)  # noqa: E731
                    cases.append(
                        (
                            f"{function.__name__} {mode}",
                            scatter,
                            (x.astype(kind), indices, made(rng, shape, kind)),
                        )
                    )
    cases += [
        ("indexing", lambda x, i: x[i, ..., 0], (x, at[:, 0])),
        ("indexing", lambda x, i: x.at[i].add(1), (x, np.array([0, 0, 4, 9]))),
        ("take", lambda x, i: jnp.take_along_axis(x, i, 1), (x, rng.integers(0, 4, (5, 2, 3)))),
        ("empty", lambda x, i: x[i], (x[:, :0].copy(), np.array([0, 3]))),
        ("empty", lambda x, i: x[i], (x, np.zeros((0,), np.int32))),
    ]
    compare(cases)


def test_control():
    rng = np.random.default_rng(9)
    x = made(rng, (4, 3), F32)

    @jax.custom_jvp
    def own(x):
        return x * 2

    own.defjvps(lambda dot, out, x: dot * 3)
    mine = jax.custom_vjp(lambda x: x * 2)
    mine.defvjp(lambda x: (mine(x), x), lambda x, g: (g * x,))
    run = lambda reverse: lambda x: lax.scan(lambda c, r: (c + r, (c * r, r[0])), x[0], x, reverse=reverse)  # noqa: E731
    cases = [
        ("scan", run(False), (x,)),
        ("scan", run(True), (x,)),
        ("scan of none", run(False), (x[:2],)),
        (
            "cond",
            lambda i, x: lax.switch(i, [lambda x: x, lambda x: x + 1, lambda x: x * 3], x),
            (np.int32(5), x),
        ),
        ("cond", lambda i, x: lax.cond(i > 0, jnp.sin, jnp.cos, x), (np.int32(-5), x)),
        ("custom", lambda x: own(x), (x,)),
        ("custom", jax.grad(lambda x: own(x).sum()), (x,)),
        ("custom", lambda x: mine(x), (x,)),
        ("custom", jax.grad(lambda x: mine(x).sum()), (x,)),
        ("softmax", jax.grad(lambda x: (jax.nn.softmax(x) ** 2).sum()), (x,)),
        ("checkpoint", jax.grad(lambda x: jax.checkpoint(lambda y: jnp.sin(jnp.sin(y)))(x).sum()), (x,)),
        ("jit", lambda x: jax.jit(lambda y: (y + 1, 3.0))(x), (x,)),
        ("convolution", lambda x: jnp.convolve(x[0], x[1]), (x,)),
    ]
    compare(cases)
    jaxpr = jax.make_jaxpr(lambda x: lax.while_loop(lambda y: y.sum() < 40, lambda y: y * 2 + 1, x))(x)
    np.testing.assert_allclose(evaluate(jaxpr, [x])[0], jax.jit(lax.while_loop, static_argnums=(0, 1))(
        lambda y: y.sum() < 40, lambda y: y * 2 + 1, x))  # fmt: skip
    with pytest.raises(NoRule):  # nobody knows how long it takes
        cost(jaxpr)


def test_what_has_no_rule_says_so():
    jaxpr = jax.make_jaxpr(lambda x: jnp.linalg.svd(x + 1))(np.ones((2, 2), F32))
    with pytest.raises(NoRule):
        cost(jaxpr)
    with pytest.raises(NoRule):
        evaluate(jaxpr, [np.ones((2, 2), F32)])


def test_trees_by_numpy_or_by_jax():
    def step(state, x):
        return {"count": state["count"] + 1, "sum": (state["sum"] + x).astype(jnp.float32)}

    state = evaluated(step, {"count": 0, "sum": np.zeros(2, np.float32)}, jnp.ones(2))
    assert (type(state["sum"]), int(state["count"]), state["sum"].tolist()) == (np.ndarray, 1, [1, 1])
    assert isinstance(evaluated(jnp.linalg.cholesky, jnp.eye(2)), jax.Array)  # NumPy has no rule
    assert evaluated(lambda x: x * 2 if x > 0 else x, jnp.float32(3)) == 6  # looks at a value

"""Derivatives written by hand, and their derivatives, against the definition written out."""

from collections.abc import Callable

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from fnnet.functional import (
    adaptive_avg_pool1d,
    batch_norm,
    gather,
    grid_sample,
    group_norm,
    gru_cell,
    index_select,
    interpolate,
    layer_norm,
    linear,
    lstm_cell,
    prod,
    recurrent,
    sort,
)


def test_the_product_has_derivatives_of_every_order_at_zeros() -> None:
    with jax.enable_x64(True):
        x = np.random.default_rng(0).standard_normal((5, 4))
        x[1, 2] = x[2, 0] = x[2, 3] = 0
        x[3, :3] = 0
        gradient = np.zeros_like(x)
        hessian = np.zeros((5, 4, 4))
        for i in range(4):
            gradient[:, i] = np.prod(np.delete(x, i, 1), 1)
            for j in set(range(4)) - {i}:
                hessian[:, i, j] = np.prod(np.delete(x, [i, j], 1), 1)

        def row(x: jax.Array) -> jax.Array:
            return prod(x, 0)

        @jax.jit
        def everything(x: jax.Array) -> list[jax.Array]:
            whole = jax.jacobian(lambda x: prod(x, 1))(x)
            return [jax.vmap(jax.grad(row))(x), jnp.einsum("aab->ab", whole), jax.vmap(jax.hessian(row))(x)]

        first, again, second = everything(jnp.asarray(x))
        np.testing.assert_allclose(first, gradient, rtol=1e-12)
        np.testing.assert_allclose(again, gradient, rtol=1e-12)
        np.testing.assert_allclose(second, hessian, rtol=1e-12)
        assert jax.grad(prod)(jnp.asarray(0.0)) == 1
        assert prod(jnp.zeros((3, 0)), 1).tolist() == [1, 1, 1]


def test_normalised_values_have_the_derivatives_of_the_quotient() -> None:
    def plain(x: jax.Array, axes: tuple[int, ...]) -> jax.Array:
        mean = x.mean(axes, keepdims=True)
        return (x - mean) / jnp.sqrt(jnp.square(x - mean).mean(axes, keepdims=True) + 1e-3)

    with jax.enable_x64(True):
        x, weight, change = (np.random.default_rng(2).standard_normal((4, 3, 5)) for _ in range(3))

        @jax.jit
        def everything(x: jax.Array, change: jax.Array) -> list[list[jax.Array]]:
            def of(f: Callable[[jax.Array], jax.Array]) -> list[jax.Array]:
                slope = jax.grad(lambda x: (f(x) * weight).sum())
                forward = jax.jvp(f, (x,), (change,))
                return [*forward, slope(x), jax.jvp(slope, (x,), (change,))[1], jax.vmap(f)(x[None])]

            return [
                of(lambda x: layer_norm(x, (5,), eps=1e-3)),
                of(lambda x: plain(x, (2,))),
                of(lambda x: batch_norm(x, None, None, training=True, eps=1e-3)),
                of(lambda x: plain(x, (0, 2))),
            ]

        ours, written, by_channel, written_by_channel = everything(x, change)
        for seen, expected in zip([*ours, *by_channel], [*written, *written_by_channel], strict=True):
            np.testing.assert_allclose(seen, expected, rtol=1e-10, atol=1e-12)


def test_normalised_groups_have_the_derivatives_of_the_quotient() -> None:
    def plain(x: jax.Array, weight: jax.Array, bias: jax.Array) -> jax.Array:
        groups = x.reshape(4, 3, -1)
        centred = groups - groups.mean(2, keepdims=True)
        normal = centred / jnp.sqrt(jnp.square(centred).mean(2, keepdims=True) + 1e-3)
        return normal.reshape(x.shape) * weight[:, None] + bias[:, None]

    def grouped(x: jax.Array, weight: jax.Array, bias: jax.Array) -> jax.Array:
        return group_norm(x, 3, weight, bias, eps=1e-3)

    with jax.enable_x64(True):
        rng = np.random.default_rng(4)
        given = [rng.standard_normal(shape) for shape in ((4, 6, 5), 6, 6)]
        changes = [rng.standard_normal(one.shape) for one in given]
        weights = rng.standard_normal((4, 6, 5))

        @jax.jit
        def everything(given: list[jax.Array], changes: list[jax.Array]) -> list:
            def of(f: Callable[..., jax.Array]) -> list:
                slope = jax.grad(lambda *given: (f(*given) * weights).sum(), argnums=(0, 1, 2))
                forward = jax.jvp(f, tuple(given), tuple(changes))
                return [*forward, *jax.tree.leaves(jax.jvp(slope, tuple(given), tuple(changes)))]

            return [of(grouped), of(plain)]

        for seen, expected in zip(*everything(given, changes), strict=True):
            np.testing.assert_allclose(seen, expected, rtol=1e-10, atol=1e-12)


def test_what_is_gathered_is_added_up_where_it_was() -> None:
    rng = np.random.default_rng(5)
    x, places = rng.standard_normal((3, 4, 5)), rng.integers(0, 4, (3, 6, 2))
    weights, expected = rng.standard_normal((3, 6, 2)), np.zeros((2, 3, 4, 5))
    for i, j, k in np.ndindex(3, 6, 2):
        expected[:, i, places[i, j, k], k] += np.array([1, 2 * x[i, places[i, j, k], k]]) * weights[i, j, k]
    with jax.enable_x64(True):

        @jax.jit
        def everything(x: jax.Array, places: jax.Array) -> list[jax.Array]:
            def of(x: jax.Array, places: jax.Array) -> jax.Array:
                return gather(x, 1, places)

            mapped = jax.vmap(jax.grad(lambda x, at, w: (gather(x, 0, at) ** 2 * w).sum()))
            linear = jax.grad(lambda x: (of(x, places) * weights).sum())(x)
            changed = jax.jvp(lambda x: of(x, places) ** 2, (x,), (x,))[1]
            return [
                linear,
                mapped(x, places, weights),
                changed,
                jax.grad(lambda x: (sort(x)[0] ** 2).sum())(x),
            ]

        linear, mapped, changed, ordered = everything(x, places)
        np.testing.assert_allclose(linear, expected[0], rtol=1e-12, atol=1e-14)
        np.testing.assert_allclose(mapped, expected[1], rtol=1e-12, atol=1e-14)
        np.testing.assert_allclose(changed, 2 * np.take_along_axis(x[:, :, :2], places, 1) ** 2, rtol=1e-12)
        np.testing.assert_allclose(ordered, 2 * x, rtol=1e-12)


def test_selected_columns_are_added_up_where_they_were() -> None:
    rng = np.random.default_rng(6)
    x, places, weights = rng.standard_normal((3, 5, 2)), rng.integers(0, 5, 7), rng.standard_normal((3, 7, 2))
    expected = np.zeros_like(x)
    np.add.at(expected, (slice(None), places), weights)
    with jax.enable_x64(True):

        @jax.jit
        def everything(x: jax.Array) -> list[jax.Array]:
            value, pull = jax.vjp(lambda x: index_select(x, 1, jnp.asarray(places)), x)
            changed = jax.jvp(lambda x: index_select(x, 1, jnp.asarray(places)), (x,), (2 * x,))[1]
            return [value, changed, pull(weights)[0]]

        value, changed, pulled = everything(x)
        np.testing.assert_array_equal(value, x[:, places])
        np.testing.assert_array_equal(changed, 2 * x[:, places])
        np.testing.assert_allclose(pulled, expected, rtol=1e-12)


@pytest.mark.parametrize(("mode", "out"), [("nearest", 7), ("linear", 7), ("linear", 2), ("nearest", 60)])
def test_resizing_has_the_transposed_derivative(mode: str, out: int) -> None:
    with jax.enable_x64(True):
        x, weight = (np.random.default_rng(3).standard_normal((2, 1, n)) for n in (3, out))

        @jax.jit
        def everything(x: jax.Array) -> list[jax.Array]:
            def f(x: jax.Array) -> jax.Array:
                return interpolate(x, out, mode=mode)

            matrix = jax.vmap(lambda row: f(row[None, None])[0, 0])(jnp.eye(3))
            slope = jax.grad(lambda x: (f(x) ** 2 * weight).sum())
            second = jax.jvp(slope, (x,), (x,))[1]
            return [matrix, slope(x), second, jax.jvp(f, (x,), (x,))[1]]

        matrix, slope, second, forward = everything(x)
        np.testing.assert_allclose(forward, x @ matrix, rtol=1e-12)
        np.testing.assert_allclose(slope, (2 * forward * weight) @ matrix.T, rtol=1e-12)
        np.testing.assert_allclose(second, slope, rtol=1e-12)


@pytest.mark.parametrize(("size", "out"), [(8, 3), (6, 3), (3, 5), (40, 17)])
def test_adaptive_means_and_their_derivative(size: int, out: int) -> None:
    share = np.zeros((out, size))
    for i in range(out):
        window = slice(i * size // out, -(-(i + 1) * size // out))
        share[i, window] = 1 / (window.stop - window.start)
    with jax.enable_x64(True):
        x, weight, change = (np.random.default_rng(1).standard_normal((2, 3, n)) for n in (size, out, size))
        x[0, 0, 0] = np.inf

        @jax.jit
        def everything(x: jax.Array, weight: jax.Array, change: jax.Array) -> list[jax.Array]:
            value, pull = jax.vjp(lambda x: adaptive_avg_pool1d(x, out), x)
            return [
                value,
                pull(weight)[0],
                jax.jvp(lambda x: adaptive_avg_pool1d(x, out), (x,), (change,))[1],
            ]

        value, pulled, pushed = everything(x, weight, change)
        finite = np.where(np.isinf(x), 0, x) @ share.T
        finite[0, 0, share[:, 0] > 0] = np.inf
        np.testing.assert_allclose(value, finite, rtol=1e-12)
        np.testing.assert_allclose(pulled, weight @ share, rtol=1e-12)
        np.testing.assert_allclose(pushed, change @ share.T, rtol=1e-12)


def test_sampling_nothing_and_sampling_mapped() -> None:
    grid = jnp.asarray(np.random.default_rng(2).uniform(-1.2, 1.2, (2, 3, 4, 2)), jnp.float32)
    for n, channels in ((0, 3), (2, 0)):
        nothing = jax.jit(lambda x, g: grid_sample(x, g, align_corners=False))
        assert nothing(jnp.ones((n, channels, 5, 6)), grid[:n]).shape == (n, channels, 3, 4)
    x = jnp.arange(2 * 3 * 5 * 6, dtype=jnp.float32).reshape(2, 3, 5, 6)

    def sampled(x: jax.Array, grid: jax.Array) -> jax.Array:
        return grid_sample(x, grid, align_corners=False)

    mapped = jax.jit(jax.vmap(lambda x, g: sampled(x[None], g[None])[0]))(x, grid)
    np.testing.assert_allclose(mapped, jax.jit(sampled)(x, grid), rtol=1e-6)


def _by_cells(mode: str, x: jax.Array, state: list[jax.Array], w: list[jax.Array], sizes: list[int]) -> list:
    """The layer as a loop over cells; sequences end where the batch sizes say."""
    outputs = []
    for now, n in zip(x, sizes, strict=True):
        old = [part[:n] for part in state]
        if mode == "LSTM":
            h, c = lstm_cell(now[:n], (old[0], old[1]), *w[:4])
            new = [linear(h, w[4]), c]
        else:
            new = [gru_cell(now[:n], old[0], *w)]
        state = [part.at[:n].set(one) for part, one in zip(state, new, strict=True)]
        outputs.append(new[0])
    return [jnp.concatenate(outputs), *state]


@pytest.mark.slow
@pytest.mark.parametrize("mode", ["LSTM", "GRU"])
def test_recurrent_layers_have_the_derivatives_of_their_cells(mode: str) -> None:
    draw = np.random.default_rng(3)
    hidden, projected, sizes = 3, 2, [3, 2]
    gates, size = (4, projected) if mode == "LSTM" else (3, hidden)
    shapes = [(gates * hidden, 2), (gates * hidden, size), (gates * hidden,), (gates * hidden,)]
    shapes += [(projected, hidden)] if mode == "LSTM" else []
    with jax.enable_x64(True):
        x = jnp.asarray(draw.standard_normal((2, 3, 2)))
        w = [jnp.asarray(draw.standard_normal(shape)) for shape in shapes]
        state = [jnp.asarray(draw.standard_normal((3, n))) for n in (size, hidden)[: 1 + (mode == "LSTM")]]

        def layer(x: jax.Array, state: list[jax.Array], w: list[jax.Array]) -> list[jax.Array]:
            packed = jnp.concatenate([now[:n] for now, n in zip(x, sizes, strict=True)])
            weights = [*w, None][:5]
            begin = tuple(part[None] for part in state)
            y, last = recurrent(mode, packed, begin, [weights], batch_sizes=sizes)
            return [y, *(part[0] for part in last)]

        def cells(x: jax.Array, state: list[jax.Array], w: list[jax.Array]) -> list[jax.Array]:
            return _by_cells(mode, x, state, w, sizes)

        def every(function):
            def loss(*arguments):
                return sum(jnp.sum(jnp.sin(part)) for part in function(*arguments))

            def squares(*arguments):
                gradients = jax.tree.leaves(jax.grad(loss, (0, 1, 2))(*arguments))
                return sum(jnp.sum(part**2) for part in gradients)

            gradient = jax.grad(loss, (0, 1, 2))
            twice = jax.tree.map(lambda w: jnp.stack([w, w / 2]), w)
            ones = jax.tree.map(jnp.ones_like, (x, state, w))
            return jax.jit(
                lambda x, state, w: [
                    function(x, state, w),
                    gradient(x, state, w),
                    jax.jvp(loss, (x, state, w), ones)[1],
                    jax.grad(squares, 2)(x, state, w)
                    if mode == "LSTM"
                    else jax.vmap(gradient, (None, None, 0))(x, state, twice)[2],
                ]
            )(x, state, w)

        for ours, theirs in zip(*map(jax.tree.leaves, (every(layer), every(cells))), strict=True):
            np.testing.assert_allclose(ours, theirs, rtol=1e-9, atol=1e-12)


def test_several_small_recurrent_networks_at_once() -> None:
    """Where XLA on a CPU has ended the process: one sequence, gradients of two networks."""
    draws = np.random.default_rng(2)
    x, w_ih, w_hh = (draws.standard_normal(shape) for shape in ((2, 2, 1, 2), (2, 6, 2), (2, 6, 2)))

    def gradients(x: jax.Array, *weights: jax.Array) -> list[jax.Array]:
        def loss(x: jax.Array, *weights: jax.Array) -> jax.Array:
            outputs, _ = recurrent("GRU", x, (jnp.zeros((1, 1, 2)),), [[*weights, None, None, None]])
            return jnp.sin(outputs).sum()

        return list(jax.grad(loss, (0, 1, 2))(x, *weights))

    with jax.enable_x64(True):
        arrays = [jnp.asarray(one) for one in (x, w_ih, w_hh)]
        together = jax.jit(jax.vmap(gradients))(*arrays)
        for number in range(2):
            alone = gradients(*(one[number] for one in arrays))
            for one, other in zip(together, alone, strict=True):
                np.testing.assert_allclose(one[number], other, rtol=1e-12, atol=1e-14)

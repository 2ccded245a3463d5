"""Networks rebuilt from an example or for many devices: lazy layers, synchronised batch norm."""

from __future__ import annotations

import os
import subprocess
import sys
import textwrap
from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import fnnet
from fnnet import layers


def drawn(*shape: int) -> jax.Array:
    return jnp.asarray(np.random.default_rng(0).standard_normal(shape), jnp.float32)


class Net(layers.Layer):
    def __init__(self) -> None:
        self.first = layers.LazyLinear(5)
        self.rest = layers.Sequential(
            layers.LazyBatchNorm1d(), layers.Dropout(), layers.LazyLinear(2, bias=False)
        )
        self.again = layers.Linear(2, 2)

    def forward(self, p, x):
        hidden = self.rest(p["rest"], self.first(p["first"], x))
        return self.again(p["again"], hidden)


def test_materialize_puts_plain_layers_in_place_of_lazy_ones() -> None:
    net, x = Net(), drawn(4, 3)
    made = layers.materialize(net, jax.ShapeDtypeStruct(x.shape, x.dtype))
    assert isinstance(made, Net)
    assert made.first == layers.Linear(3, 5)
    assert made.rest[0] == layers.BatchNorm1d(5)
    assert made.rest[2] == layers.Linear(5, 2, bias=False)
    assert net.first == layers.LazyLinear(5)
    params = made.init(jax.random.key(0))
    buffers = made.init_buffers()

    @jax.jit
    def run(x):
        options = {"buffers": buffers, "training": True, "key": jax.random.key(1)}
        return made(params, x, **options), net(params, x, **options)

    # A lazy network can be called too: only its initial values need the sizes.
    (expected, after), (output, _) = run(x)
    np.testing.assert_array_equal(output, expected)
    assert after["rest"]["0"]["num_batches_tracked"] == 1
    assert layers.materialize(made, x) is made


def test_materialize_raises_for_what_it_cannot_know() -> None:
    with pytest.raises(ValueError, match="LazyLinear: in_features is not known"):
        layers.LazyLinear(3).init(jax.random.key(0))
    with pytest.raises(RuntimeError, match=r"Expected 3D .* or 4D .* input to LazyConv2d"):
        layers.materialize(layers.LazyConv2d(3, 2), drawn(2, 2))

    class Unused(layers.Layer):
        def __init__(self) -> None:
            self.part = layers.Sequential(layers.LazyLinear(3))

        def forward(self, p, x):
            return x

    with pytest.raises(ValueError, match=r"'part\.0': the example does not reach it"):
        layers.materialize(Unused(), drawn(2, 2))


def by_whole_batch(x: jax.Array) -> tuple[jax.Array, dict, jax.Array]:
    norm = layers.BatchNorm1d(3)
    params, buffers = norm.init(jax.random.key(0)), norm.init_buffers()

    @partial(jax.grad, has_aux=True)
    def loss(x):
        y, after = norm(params, x, buffers=buffers, training=True)
        return (y**3).sum(), (y, after)

    gradient, (y, after) = jax.jit(loss)(x)
    return y, after, gradient


def test_batch_norm_across_a_mapped_axis_is_that_of_the_whole_batch() -> None:
    x = drawn(8, 3)
    expected, statistics, gradient = by_whole_batch(x)
    norm = layers.SyncBatchNorm.convert_sync_batchnorm(layers.Sequential(layers.BatchNorm1d(3)), "devices")
    assert norm[0] == layers.SyncBatchNorm(3, process_group="devices")
    params, buffers = norm.init(jax.random.key(0)), norm.init_buffers()

    def one(x):
        return norm(params, x, buffers=buffers, training=True)

    @partial(jax.grad, has_aux=True)
    def loss(parts):
        y, after = jax.vmap(one, axis_name="devices")(parts)
        return (y**3).sum(), (y, after)

    pulled, (y, after) = jax.jit(loss)(x.reshape(4, 2, 3))
    np.testing.assert_allclose(y.reshape(8, 3), expected, 1e-5, 1e-6)
    for name in ("running_mean", "running_var"):
        for device in range(4):
            np.testing.assert_allclose(after["0"][name][device], statistics[name], 1.3e-6, 1e-6)
    np.testing.assert_allclose(pulled.reshape(8, 3), gradient, 1e-4, 1e-5)
    # One value for each device is enough; and evaluation needs no axis.
    shape = jax.eval_shape(jax.vmap(one, axis_name="devices"), x.reshape(8, 1, 3))[0].shape
    assert shape == (8, 1, 3)
    assert jax.eval_shape(lambda x: norm(params, x, buffers=buffers), x)[0].shape == (8, 3)


def test_batch_norm_and_convolution_across_two_devices() -> None:
    program = """
        import jax, jax.numpy as jnp, numpy as np
        from jax.sharding import PartitionSpec as P
        from fnnet import layers
        from fnnet.functional import conv2d
        x = jnp.asarray(np.random.default_rng(0).standard_normal((8, 3)), jnp.float32)
        norm = layers.SyncBatchNorm(3, process_group="batch")
        params, buffers = norm.init(jax.random.key(0)), norm.init_buffers()
        mesh = jax.make_mesh((2,), ("batch",), axis_types=(jax.sharding.AxisType.Auto,))
        run = jax.jit(jax.shard_map(lambda x: norm(params, x, buffers=buffers, training=True),
                                    mesh=mesh, in_specs=P("batch"), out_specs=(P("batch"), P())))
        y, after = run(x)
        assert len(y.sharding.device_set) == 2
        whole, expected = layers.BatchNorm1d(3)(params, x, buffers=buffers, training=True)
        np.testing.assert_allclose(y, whole, 1e-5, 1e-6)
        np.testing.assert_allclose(after["running_var"], expected["running_var"], 1.3e-6)

        # The convolution, which is a primitive of fnnet's own, within shard_map; XLA's is the measure.
        draws = np.random.default_rng(0).standard_normal
        x, w = (jnp.asarray(draws(shape), jnp.float32) for shape in ((4, 3, 9, 8), (2, 3, 3, 3)))
        def own(w, x):
            return (conv2d(x, w) ** 2).sum()
        def plain(w, x):
            return (jax.lax.conv_general_dilated(x, w, (1, 1), [(0, 0)] * 2) ** 2).sum()
        def summed(w, x):
            return jax.grad(lambda w: jax.lax.psum(own(w, x), "batch"))(w)
        sharded = jax.shard_map(summed, mesh=mesh, in_specs=(P(), P("batch")), out_specs=P())
        np.testing.assert_allclose(jax.jit(sharded)(w, x), jax.grad(plain)(w, x), 1e-5, 1e-4)
    """
    flags = {"XLA_FLAGS": "--xla_force_host_platform_device_count=2", "JAX_PLATFORMS": "cpu"}
    done = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(program)],
        env={**os.environ, **flags},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stderr


def test_parts_that_a_layer_makes_itself_cannot_be_replaced() -> None:
    layer = fnnet.AdaptiveLogSoftmaxWithLoss(4, 9, [3])
    with pytest.raises(TypeError, match="its part 'head' cannot be replaced"):
        layer.with_children(lambda name, part: layers.Linear(1, 1))

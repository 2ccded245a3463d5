"""The tutorials' networks: PyTorch's initial values, outputs and training from the same seed."""

import importlib.util
import json
import pathlib

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import fnnet
from fnnet import functional as F
from fnnet import models

REFERENCE = pathlib.Path(__file__).parent / "reference"
RECORDED = json.loads((REFERENCE / "models.json").read_text())
LABELS = jnp.arange(8, dtype=jnp.int32) % 4
NETS = {
    "two_layer": (models.TwoLayerNet(20, 10, 4), (8, 20)),
    "dynamic": (models.DynamicNet(20, 10, 4), (8, 20)),
    "logistic": (models.LogisticRegression(20, 4), (8, 20)),
    "lenet_gray": (models.lenet_gray(), (8, 1, 32, 32)),
    "lenet_cifar10": (models.lenet_cifar10(), (8, 3, 32, 32)),
}


def check(name, recorded):
    net, shape = NETS[name]
    generator = fnnet.random.Generator(0)
    params = net.init(generator)
    x = jnp.asarray(generator.randn(shape))
    target = jnp.asarray(generator.randn((8, 4))) if name in ("two_layer", "dynamic") else LABELS
    measure = {"two_layer": F.mse_loss, "dynamic": F.mse_loss, "logistic": F.nll_loss}.get(
        name, F.cross_entropy
    )
    depths = jnp.array(recorded["depths"], jnp.int32)

    def loss(params, depth):
        return measure(net(params, x, depth) if name == "dynamic" else net(params, x), target)

    result = fnnet.fit(
        loss,
        params,
        lambda step: (depths[step],),
        optimizer=fnnet.optim.sgd(0.01, momentum=0.9),
        steps=len(recorded[name]["losses"]),
    )
    output = net(params, x, depths[0]) if name == "dynamic" else net(params, x)
    np.testing.assert_allclose(np.ravel(output)[:20], recorded[name]["output"], rtol=1.3e-6, atol=1e-6)
    # Twelve steps of float32 sums in another order.
    np.testing.assert_allclose(result.losses, recorded[name]["losses"], rtol=5e-6)
    for path, total in recorded[name]["sums"].items():
        layer, part = path.split(".")
        ours = np.asarray(result.params[layer][part], np.float64).sum()
        np.testing.assert_allclose(ours, total, rtol=1e-5, atol=1e-5)


@pytest.mark.slow
@pytest.mark.parametrize("name", NETS)
def test_the_recorded_run(name):
    check(name, RECORDED)


@pytest.mark.torch
def test_the_run_of_pytorch_here():
    pytest.importorskip("torch")
    spec = importlib.util.spec_from_file_location("record_models", REFERENCE / "record_models.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    recorded = module.record()
    for name in NETS:
        check(name, recorded)


def test_every_depth_is_one_program():
    net = models.DynamicNet(5, 4, 3)
    params = net.init(jax.random.key(0))
    x = jnp.ones((2, 5))
    traces = []

    @jax.jit
    def call(depth):
        traces.append(depth)
        return net(params, x, depth)

    outputs = [call(jnp.int32(depth)) for depth in range(4)]
    assert len(traces) == 1
    for depth, output in enumerate(outputs):
        np.testing.assert_allclose(output, net(params, x, depth), rtol=1e-6)
    assert not np.allclose(outputs[0], outputs[3])
    for depth in (-1, 4):
        with pytest.raises(ValueError, match="depth"):
            net(params, x, depth)


def test_lenet_needs_room_for_its_kernels():
    assert models.LeNet(3, 5).init(jax.random.key(0))["fc1"]["weight"].shape == (120, 400)
    assert models.LeNet(1, 3).init(jax.random.key(0))["fc1"]["weight"].shape == (120, 576)
    with pytest.raises(ValueError, match="too small"):
        models.LeNet(size=8, kernel_size=5)


def test_fizzbuzz_as_a_task():
    numbers = np.arange(1, 101)
    said = [
        models.fizz_buzz_decode(n, c) for n, c in zip(numbers, models.fizz_buzz_encode(numbers), strict=True)
    ]
    rules = [
        "fizzbuzz" if n % 15 == 0 else "buzz" if n % 5 == 0 else "fizz" if n % 3 == 0 else str(n)
        for n in numbers
    ]
    assert said == rules
    digits = models.binary_encode(np.arange(1024))
    assert digits.shape == (1024, 10)
    assert digits.dtype == np.float32
    np.testing.assert_array_equal(digits @ 2.0 ** np.arange(10), np.arange(1024))
    with pytest.raises(ValueError, match="0 to 1023"):
        models.binary_encode(1024)
    with pytest.raises(TypeError, match="integers"):
        models.binary_encode([0.5])
    net = models.fizzbuzz_net()
    assert net(net.init(jax.random.key(0)), jnp.asarray(digits)).shape == (1024, 4)

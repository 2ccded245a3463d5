"""Training runs step by step against PyTorch's: recorded at every step, and live where it is installed."""

import types

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

import fnnet
from fnnet import functional as F
from fnnet.checkpoint import flat
from fnnet.data.sampler import epochs
from fnnet.parity import agreement, files
from fnnet.parity.lessons import fizzbuzz, lenet
from fnnet.parity.lessons.runs import follow_optimizer, follow_updates, recording

pytestmark = pytest.mark.slow


def bad(rows):
    return [(row.quantity, row.error, row.note) for row in rows if row.bad]


def started(program, name):
    """A program's start from PyTorch's seed, checked bit by bit against the recording."""
    x, y, params = program.start(fnnet.random.Generator(0))
    recorded = agreement.part(recording(), name)
    assert not agreement.same_start(recorded, {"x": x, "y": y, **flat(params)}).bad
    return recorded, x, y, params


@pytest.mark.parametrize(
    ("name", "program"),
    [
        ("by_hand", "two_layer_arrays"),
        ("autograd", "two_layer_grad"),
        ("custom_function", "two_layer_custom_derivative"),
        ("autograd", "two_layer_static_graph"),
        ("layers", "two_layer_layers"),
    ],
)
def test_all_500_steps_of_the_programs_with_their_own_update(name, program):
    program = files.program(program)
    recorded, x, y, params = started(program, name)
    assert not bad(agreement.rows(recorded, follow_updates(program, x, y, params)))


def test_the_numpy_program():
    recorded, x, y, params = started(files.program("two_layer_arrays"), "by_hand")
    program, steps = files.program("two_layer_numpy"), 60  # `reproduce` follows all 500
    followed = follow_updates(program, x, y, params, compiled=False, steps=steps)
    assert not bad(agreement.rows(agreement.first(recorded, steps), followed))


@pytest.mark.parametrize("name", ["sgd", "momentum", "adam", "rmsprop", "adagrad"])
def test_all_500_steps_of_the_optimizers(name):
    program = files.program("two_layer_optimizers")
    recorded, x, y, params = started(program, name)
    followed = follow_optimizer(program.loss, program.OPTIMIZERS[name], x, y, params)
    assert not bad(agreement.rows(recorded, followed))
    assert not agreement.own_run(recorded, program.train(name, x=x, y=y, params=params).losses, "fit").bad


def test_all_500_steps_of_the_custom_model_by_fit():
    program = files.program("two_layer_custom_model")
    recorded, x, y, params = started(program, "custom_model")
    assert not agreement.own_run(recorded, program.train(params, x, y).losses, "fit").bad


def test_all_500_steps_of_the_compiled_graph_run_from_python():
    program = files.program("two_layer_static_graph")
    recorded, x, y, params = started(program, "autograd")
    _, losses = program.train(params, x, y)
    assert not agreement.own_run(recorded, losses, "static").bad


def _wrong(update=None, loss=None):
    """The program with jax.grad with one thing changed."""
    right = files.program("two_layer_grad")
    gradients = right.gradients if loss is None else jax.value_and_grad(loss)
    return types.SimpleNamespace(gradients=gradients, update=update or right.update)


def _low_precision(weights, x, y):
    low = lambda a: a.astype(jnp.bfloat16).astype(a.dtype) if a.dtype == jnp.float32 else a  # noqa: E731
    return jnp.square(F.relu(low(x) @ low(weights["w1"])) @ weights["w2"] - y).sum()


@pytest.mark.parametrize(
    ("program", "found"),
    [
        (_wrong(update=lambda w, g: jax.tree.map(lambda a, b: a - 1.0001e-6 * b, w, g)), "float64"),
        (_wrong(loss=lambda w, x, y: jnp.square(F.relu(x @ w["w1"]) @ w["w2"] - y).mean() * 639), "float64"),
        (_wrong(loss=_low_precision), "float32"),
    ],
    ids=["learning rate off by 1e-4", "a mean over one element too many", "products in bfloat16"],
)
def test_a_program_that_is_slightly_wrong_is_found(program, found):
    recorded, x, y, params = started(files.program("two_layer_grad"), "autograd")
    faults = bad(agreement.rows(recorded, follow_updates(program, x, y, params)))
    assert any(quantity.startswith(found) for quantity, *_ in faults)
    if found == "float32":
        assert not any(quantity.startswith("float64") for quantity, *_ in faults)


def test_a_start_with_one_wrong_bit_is_found():
    x, y, params = files.program("two_layer_arrays").start(fnnet.random.Generator(0))
    params["w1"] = params["w1"].at[3, 5].set(np.nextafter(params["w1"][3, 5], np.float32(9)))
    recorded = agreement.part(recording(), "by_hand")
    row = agreement.same_start(recorded, {"x": x, "y": y, **params})
    assert row.bad
    assert row.fnnet == "different: w1"


def test_fizzbuzz_first_epochs():
    recorded = agreement.part(recording(), "fizzbuzz")
    program = files.program("fizzbuzz")
    params = program.net.init(fnnet.random.Generator(0))
    assert not agreement.same_start(recorded, flat(params)).bad
    kept = recorded["epochs"][:2]
    assert kept.tolist() == [0, 100]
    with jax.enable_x64(True):
        (double,) = fizzbuzz._fit(
            program, agreement.as_float64(params), kept, 101
        ).history.evaluations.values()
    (single,) = fizzbuzz._fit(program, params, kept, 101).history.evaluations.values()
    np.testing.assert_allclose(double, recorded["loss64"][:2], rtol=1e-12)
    np.testing.assert_allclose(single, recorded["loss32"][:2], rtol=1.3e-6)


@pytest.mark.parametrize("name", ["lenet_introduction", "lenet_cifar10"])
def test_lenet_first_steps(name):
    program = files.program(name)
    x, y = program.pictures(0, 16000) if name == "lenet_introduction" else program.synthetic(0, 16000)
    assert not bad(lenet.first_steps(agreement.part(recording(), name), program, x, y, 12))


def test_lenet_by_fit_takes_the_mini_batches_of_the_loader():
    program = files.program("lenet_introduction")
    generator = fnnet.random.Generator(0)
    params = program.net.init(generator)
    x, y = program.pictures(0, 16000)
    losses = program.train(params, x, y, shuffle=generator, steps=20).losses
    np.testing.assert_allclose(losses, recording()["lenet_introduction/loss32"][:20], rtol=1.3e-6)


# ---- live ----

LIVE_STEPS = 50


@pytest.fixture(scope="module")
def torch():
    return pytest.importorskip("torch")


def _torch_network(torch):
    nn = torch.nn
    torch.manual_seed(7)
    x, y = torch.randn(64, 1000), torch.randn(64, 10)
    return x, y, nn.Sequential(nn.Linear(1000, 100), nn.ReLU(), nn.Linear(100, 10))


@pytest.mark.torch
@pytest.mark.parametrize(
    ("name", "rule", "options"),
    [
        ("sgd", "SGD", {"lr": 1e-4}),
        ("momentum", "SGD", {"lr": 1e-5, "momentum": 0.9}),
        ("adam", "Adam", {"lr": 1e-4}),
        ("rmsprop", "RMSprop", {"lr": 3e-5}),
        ("adagrad", "Adagrad", {"lr": 1e-3}),
    ],
)
def test_live_every_gradient_and_parameter_of_50_steps(torch, name, rule, options):
    theirs_x, theirs_y, network = _torch_network(torch)
    program = files.program("two_layer_optimizers")
    x, y, params = program.start(fnnet.random.Generator(7))
    for key, value in network.state_dict().items():
        np.testing.assert_array_equal(flat(params)[key], value.numpy(), err_msg=key)

    network.double()
    optimizer = getattr(torch.optim, rule)(network.parameters(), **options)
    own = program.OPTIMIZERS[name]
    with jax.enable_x64(True):
        x, y, params = agreement.as_float64((x, y, params))
        state = own.init(params)
        gradients, update = jax.jit(jax.value_and_grad(program.loss)), jax.jit(own.update)
        for step in range(LIVE_STEPS):
            optimizer.zero_grad()
            loss = torch.nn.functional.mse_loss(
                network(theirs_x.double()), theirs_y.double(), reduction="sum"
            )
            loss.backward()
            optimizer.step()
            value, grads = gradients(params, x, y)
            updates, state = update(grads, state, params)
            params = optax.apply_updates(params, updates)
            np.testing.assert_allclose(value, loss.item(), rtol=1e-7, err_msg=f"loss, step {step}")
            for key, parameter in network.named_parameters():
                for what, ours, exact in (
                    ("gradient", grads, parameter.grad),
                    ("parameter", params, parameter.detach()),
                ):
                    np.testing.assert_allclose(
                        flat(ours)[key], exact.numpy(), rtol=1e-7, atol=1e-7 * float(exact.abs().max()),
                        err_msg=f"{what} {key}, step {step}",
                    )  # fmt: skip


@pytest.mark.torch
def test_live_lenet_on_mini_batches(torch):
    nn = torch.nn
    torch.manual_seed(3)

    class LeNet(nn.Module):
        def __init__(self):
            super().__init__()
            self.conv1, self.conv2 = nn.Conv2d(1, 6, 3), nn.Conv2d(6, 16, 3)
            self.fc1, self.fc2, self.fc3 = nn.Linear(576, 120), nn.Linear(120, 84), nn.Linear(84, 10)

        def forward(self, x):
            x = nn.functional.max_pool2d(self.conv1(x).relu(), (2, 2))
            x = nn.functional.max_pool2d(self.conv2(x).relu(), 2).flatten(1)
            return self.fc3(self.fc2(self.fc1(x).relu()).relu())

    program = files.program("lenet_introduction")
    x, y = program.pictures(5, 64)
    generator = fnnet.random.Generator(3)
    params = program.net.init(generator)
    network = LeNet().double()
    data = torch.utils.data.TensorDataset(
        torch.tensor(np.asarray(x)).double(), torch.tensor(np.asarray(y)).long()
    )
    order = next(epochs(generator, 64)).order
    losses = []
    optimizer = torch.optim.SGD(network.parameters(), lr=0.001, momentum=0.9)
    for inputs, classes in torch.utils.data.DataLoader(data, batch_size=4, shuffle=True):
        optimizer.zero_grad()
        loss = nn.functional.cross_entropy(network(inputs), classes)
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    followed = lenet.follow(program, params, x, y, order, 16)
    np.testing.assert_allclose(followed.double["loss"], losses, rtol=1e-7)
    np.testing.assert_allclose(followed.single["loss"], losses, rtol=1.3e-6, atol=1e-5)
    for key, value in network.named_parameters():
        exact = value.detach().numpy()
        angle = np.arange(exact.size, dtype=np.float64)
        expected = [exact.ravel() @ np.cos(angle), exact.ravel() @ np.sin(angle)]
        scale = np.linalg.norm(exact)
        np.testing.assert_allclose(followed.digests[key][-1], expected, atol=1e-7 * scale, err_msg=key)

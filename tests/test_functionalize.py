"""fnnet.functionalize: pure, under every transformation of JAX, with the numbers of PyTorch's training."""

from __future__ import annotations

import subprocess
import sys
from typing import Any

import functionalize_runs as runs
import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest
from test_torch_func import RECORDED, assert_same

import fnnet
import fnnet.torch as torch
import fnnet.torch.nn as nn

X, T = (jnp.asarray(one) for one in (runs.data()[0], runs.data()[1].astype(np.int32)))


def recorded(name: str) -> list[Any]:
    return [RECORDED[key] for key in sorted(RECORDED.files) if key.split(".")[0] == name]


@pytest.fixture
def convolutional() -> Any:
    net = runs.convolutional(torch)
    (params, buffers), apply = fnnet.functionalize(net)

    def loss(params: Any, buffers: Any, key: Any, x: Any = X, t: Any = T) -> Any:
        output, buffers = apply(params, buffers, x, key=key, training=True)
        return fnnet.functional.cross_entropy(output, t), buffers

    return net, params, buffers, apply, loss


def test_import_of_fnnet_does_not_import_the_adapter() -> None:
    program = "import sys, fnnet; assert 'fnnet.torch' not in sys.modules; fnnet.functionalize"
    subprocess.run([sys.executable, "-c", program], check=True, timeout=60)


@pytest.mark.parametrize("compiled", ["scan", "jit"])
def test_training_with_pytorchs_noise_equals_pytorch(convolutional: Any, compiled: str) -> None:
    net, params, buffers, apply, loss = convolutional
    noise = fnnet.random.ahead(
        lambda key: loss(params, buffers, key), fnnet.random.Generator(runs.SEED), steps=runs.STEPS
    )
    optimizer = optax.sgd(runs.RATE)

    def step(carry: Any, key: Any) -> Any:
        params, buffers, state = carry
        (value, buffers), grads = jax.value_and_grad(loss, has_aux=True)(params, buffers, key)
        updates, state = optimizer.update(grads, state)
        return (optax.apply_updates(params, updates), buffers, state), value

    carry = params, buffers, optimizer.init(params)
    if compiled == "scan":
        carry, losses = jax.jit(lambda carry: jax.lax.scan(step, carry, noise))(carry)
    else:
        one = jax.jit(step)
        losses = []
        for i in range(runs.STEPS):
            carry, value = one(carry, noise[i])
            losses.append(value)
    params, buffers, _ = carry
    names = list(net.state_dict())
    flat = {
        f"{part}.{name}": value
        for tree in (params, buffers)
        for part, own in tree.items()
        for name, value in own.items()
    }
    output = apply(params, buffers, X, training=False)[0]
    made = [np.asarray(losses, np.float64), *[np.asarray(flat[name]) for name in names], np.asarray(output)]
    truth = recorded("train_convolutional")
    assert flat["1.num_batches_tracked"].dtype == jnp.int32  # int64 in PyTorch, and here with x64
    truth[1 + names.index("1.num_batches_tracked")] = np.int32(
        truth[1 + names.index("1.num_batches_tracked")]
    )
    truth[0], made[0] = truth[0].astype(np.float32), made[0].astype(np.float32)
    assert_same(made, truth, compiled)
    assert net.training
    assert net[1].num_batches_tracked.item() == 0


def test_shared_weights_branches_and_buffers_equal_pytorch() -> None:
    (params, buffers), apply = fnnet.functionalize(runs.shared(torch))
    assert list(params) == ["embedding"]
    assert list(buffers) == ["seen"]
    indices = jnp.array([1, 5, 5, 2], jnp.int32)
    buffers = jax.jit(apply)(params, buffers, indices)[1]

    def loss(params: Any) -> Any:
        output, after = apply(params, buffers, indices, times=1)
        return (output["logits"] ** 2).sum(), (output, after)

    grads, (output, after) = jax.jit(jax.grad(loss, has_aux=True))(params)
    truth = recorded("run_shared")
    truth[1] = truth[1].astype(np.int32)
    made = [output["logits"], output["best"], grads["embedding"]["weight"], after["seen"]]
    assert_same(made, truth, "shared")


@pytest.mark.torch
@pytest.mark.parametrize("name", runs.RUNS)
def test_recorded_runs_are_pytorchs(name: str) -> None:
    pytorch = pytest.importorskip("torch")
    assert_same(runs.RUNS[name](pytorch), recorded(name), name)
    assert_same(runs.RUNS[name](torch), recorded(name), name)


def test_vmap_over_examples_models_and_keys(convolutional: Any) -> None:
    _, params, buffers, apply, loss = convolutional
    whole = jax.jit(lambda x: apply(params, buffers, x, training=False)[0])(X)
    each = jax.jit(jax.vmap(lambda x: apply(params, buffers, x[None], training=False)[0][0]))(X)
    np.testing.assert_allclose(each, whole, 1.3e-6, 1e-6)
    keys = jax.random.split(jax.random.key(0), 3)
    values, after = jax.jit(jax.vmap(loss, in_axes=(None, None, 0)))(params, buffers, keys)
    one = jax.jit(loss)
    alone = [one(params, buffers, key)[0] for key in keys]
    np.testing.assert_allclose(values, jnp.stack(alone), 1.3e-6, 1e-6)
    assert len({float(value) for value in values}) == 3
    assert after["1"]["running_mean"].shape == (3, 4)
    two = jax.tree.map(lambda a: jnp.stack([a, 2 * a]), params)
    outputs = jax.jit(jax.vmap(lambda p: apply(p, buffers, X, training=False)[0]))(two)
    np.testing.assert_allclose(outputs[0], whole, 1.3e-6, 1e-6)


def test_same_key_same_noise_and_no_key_is_an_error(convolutional: Any) -> None:
    _, params, buffers, apply, loss = convolutional
    key = jax.random.key(3)
    one = jax.jit(loss)
    assert one(params, buffers, key)[0] == one(params, buffers, key)[0]
    before = torch.get_rng_state().numpy().copy()
    with pytest.raises(RuntimeError, match="key="):
        apply(params, buffers, X, training=True)
    loss(params, buffers, key)
    assert (torch.get_rng_state().numpy() == before).all()


def test_random_tensors_come_from_the_key() -> None:
    class Noisy(nn.Module):
        def forward(self, x: Any) -> Any:
            noise = torch.randn(2) + torch.rand_like(x) + torch.empty(2).normal_(0.0, 2.0)
            return x + noise + torch.randint(0, 5, (2,)) + torch.randperm(2)

    _, apply = fnnet.functionalize(Noisy())
    run = jax.jit(lambda key: apply({}, {}, jnp.zeros(2), key=key)[0])
    a, b = run(jax.random.key(0)), run(jax.random.key(1))
    assert a.dtype == jnp.float32
    assert not np.allclose(a, b)
    np.testing.assert_allclose(a, run(jax.random.key(0)))


def test_precision_follows_jax() -> None:
    class Index(nn.Module):
        def forward(self, x: Any) -> Any:
            best = x.argmax(-1, keepdim=True)
            wide = x.double().gather(-1, best) * torch.tensor(2.0, dtype=torch.float64)
            return best, wide.sum(), torch.arange(3), x[:, 1:].max(1)

    _, apply = fnnet.functionalize(Index())
    x = np.array([[1.0, 3.0, 2.0], [5.0, 4.0, 6.0]], np.float32)

    def dtypes(tree: Any) -> list[str]:
        return [leaf.dtype.name for leaf in jax.tree.leaves(tree)]

    for run in (apply, jax.jit(apply)):
        best, total, steps, (top, at) = run({}, {}, x)[0]
        assert dtypes([best, total, steps, top, at]) == ["int32", "float32", "int32", "float32", "int32"]
        assert total == 18
        assert at.tolist() == [0, 1]
        with jax.enable_x64(True):
            best, total, steps, (top, at) = run({}, {}, x)[0]
            assert dtypes([best, total, steps, top, at]) == ["int64", "float64", "int64", "float32", "int64"]
    hessian = jax.jit(jax.hessian(lambda x: apply({}, {}, x)[0][1] ** 2))(jnp.asarray(x))
    assert hessian.shape == (2, 3, 2, 3)
    assert hessian[0, 1, 0, 1] == 8


def test_autograd_inside_is_differentiated() -> None:
    class Penalty(nn.Module):
        def forward(self, x: Any) -> Any:
            x = x.clone().requires_grad_()
            (slope,) = torch.autograd.grad((x**3).sum(), x, create_graph=True)
            return slope.pow(2).sum()

    _, apply = fnnet.functionalize(Penalty())
    gradient = jax.jit(jax.grad(lambda x: apply({}, {}, x)[0]))(jnp.array([1.0, 2.0]))
    np.testing.assert_allclose(gradient, [36.0, 288.0], 1.3e-6)  # of 9 x^4: 36 x^3


def test_functions_of_the_user_keep_their_backward() -> None:
    """PyTorch's gradient, ten times the true one, under each transformation, and that of the gradient."""

    class Ten(torch.autograd.Function):
        @staticmethod
        def forward(ctx: Any, x: Any, by: float) -> Any:
            made = x.exp() * by
            ctx.save_for_backward(made)
            return made

        @staticmethod
        def backward(ctx: Any, gradient: Any) -> Any:
            return gradient * ctx.saved_tensors[0] * 10, None

    class Net(nn.Module):
        def forward(self, x: Any) -> Any:
            return Ten.apply(x, 2.0)

    _, apply = fnnet.functionalize(Net())
    x = jnp.array([0.5, -1.0])
    due = 20 * np.exp(x)
    slope = jax.grad(lambda x: apply({}, {}, x)[0].sum())
    np.testing.assert_allclose(jax.jit(slope)(x), due, 1.3e-6)
    np.testing.assert_allclose(jax.vmap(slope)(x), due, 1.3e-6)
    _, summed = jax.lax.scan(lambda carry, x: (carry, slope(x)), 0, x)
    np.testing.assert_allclose(summed, due, 1.3e-6)
    np.testing.assert_allclose(jax.grad(lambda x: slope(x).sum())(x), 10 * due, 1.3e-6)


def test_flat_trees_and_wrong_arguments(convolutional: Any) -> None:
    net, params, buffers, apply, _ = convolutional
    flat = {name: jnp.asarray(value.detach().numpy()) for name, value in net.named_parameters()}
    flat_buffers = {f"1.{name}": value for name, value in buffers["1"].items()}
    output, after = apply(flat, flat_buffers, X, training=False)
    np.testing.assert_array_equal(output, apply(params, buffers, X, training=False)[0])
    assert list(after) == list(flat_buffers)
    with pytest.raises(KeyError, match=r"missing \['5.bias'\]"):
        apply({name: value for name, value in flat.items() if name != "5.bias"}, buffers, X)
    with pytest.raises(RuntimeError, match="size mismatch for"):
        apply({**flat, "5.bias": jnp.zeros(4)}, buffers, X)
    with pytest.raises(TypeError, match="functionalize: module: expected"):
        fnnet.functionalize(lambda x: x)  # type: ignore[arg-type]
    assert net.training

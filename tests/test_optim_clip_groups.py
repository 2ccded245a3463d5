"""Gradient clipping and groups of parameters."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from fnnet import optim

GRADS = {"a": np.asarray([[3.0, -4.0], [0.0, 12.0]], np.float32), "b": np.asarray(-0.5, np.float32)}
ORDERS = [2.0, 1.0, 3.0, 0.5, 0.0, float("inf"), float("-inf")]


@pytest.fixture(scope="module")
def torch():
    return pytest.importorskip("torch")


@pytest.mark.torch
@pytest.mark.filterwarnings("ignore:Casting complex values to real")
@pytest.mark.parametrize("order", ORDERS)
@pytest.mark.parametrize("dtype", ["float32", "float64", "bfloat16", "complex64"])
def test_norm_clipping_agrees_with_torch(torch, order, dtype):
    with jax.enable_x64(dtype == "float64"):
        grads = jax.tree.map(lambda g: jnp.asarray(g).astype(dtype), GRADS)
        clipped, total = jax.jit(lambda g: optim.clip_grad_norm(g, 2.0, order))(grads)
    params = [torch.zeros(g.shape, dtype=getattr(torch, dtype), requires_grad=True) for g in GRADS.values()]
    for p, g in zip(params, GRADS.values(), strict=True):
        p.grad = torch.tensor(g).to(getattr(torch, dtype))
    expected = torch.nn.utils.clip_grad_norm_(params, 2.0, order, foreach=False)
    tolerance = 1e-2 if dtype == "bfloat16" else 1.3e-6
    np.testing.assert_allclose(np.asarray(total, np.float64), expected.double().numpy(), rtol=tolerance)
    for ours, p in zip(clipped.values(), params, strict=True):
        wide = p.grad.to(torch.complex128 if p.is_complex() else torch.float64).numpy()
        assert ours.dtype == dtype
        np.testing.assert_allclose(np.asarray(ours).astype(wide.dtype), wide, rtol=tolerance)


def test_norm_clipping_by_hand():
    grads = jax.tree.map(jnp.asarray, GRADS)
    norm = np.sqrt(9 + 16 + 144 + 0.25)
    clipped, total = optim.clip_grad_norm(grads, 1.0)
    np.testing.assert_allclose(total, norm, rtol=1e-6)
    np.testing.assert_allclose(clipped["a"], GRADS["a"] / (norm + 1e-6), rtol=1e-6)
    same, _ = optim.clip_grad_norm(grads, 100.0)
    np.testing.assert_array_equal(same["a"], GRADS["a"])
    assert optim.get_total_norm({}) == 0
    zero, _ = optim.clip_grad_norm({"a": jnp.zeros(3)}, 1.0)
    np.testing.assert_array_equal(zero["a"], 0)


def test_norm_that_is_not_finite():
    grads = {"a": jnp.asarray([jnp.inf, 1.0])}
    with pytest.raises(RuntimeError, match=r"The total norm of order 2.0 .* is non-finite"):
        optim.clip_grad_norm(grads, 1.0, error_if_nonfinite=True)
    with pytest.raises(RuntimeError, match="while JAX traces"):
        jax.jit(lambda g: optim.clip_grad_norm(g, 1.0, error_if_nonfinite=True))(grads)
    clipped, total = optim.clip_grad_norm(grads, 1.0)
    assert np.isinf(total)
    np.testing.assert_array_equal(clipped["a"], [np.nan, 0.0])


def test_value_clipping():
    grads = {"a": jnp.asarray([-3.0, 0.5, jnp.nan, jnp.inf])}
    np.testing.assert_array_equal(optim.clip_grad_value(grads, 1.0)["a"], [-1.0, 0.5, np.nan, 1.0])
    rule = optim.clip_value(2.0)
    updates, _ = rule.update(grads, rule.init(grads))
    np.testing.assert_array_equal(updates["a"], [-2.0, 0.5, np.nan, 2.0])
    with pytest.raises(RuntimeError, match="complex"):
        optim.clip_grad_value(jnp.ones(2, jnp.complex64), 1.0)


PARAMS = {"base": {"weight": jnp.ones((2, 2)), "bias": jnp.ones(2)}, "head": {"weight": jnp.ones((2, 2))}}


def test_param_groups_are_those_of_torch():
    rule = optim.param_groups(
        optim.sgd, [{"params": "base"}, {"params": ["head.weight"], "lr": 0.5}], lr=0.1, momentum=0.9
    )
    grads = jax.tree.map(jnp.ones_like, PARAMS)
    updates, _ = jax.jit(rule.update)(grads, rule.init(PARAMS), PARAMS)
    np.testing.assert_allclose(updates["base"]["weight"], -0.1)
    np.testing.assert_allclose(updates["base"]["bias"], -0.1)
    np.testing.assert_allclose(updates["head"]["weight"], -0.5)


def test_parameters_in_no_group_do_not_move():
    decayed = {"params": lambda name, p: p.ndim > 1, "weight_decay": 1.0}
    rule = optim.param_groups(optim.sgd, [decayed], lr=0.1)
    updates, _ = rule.update(jax.tree.map(jnp.zeros_like, PARAMS), rule.init(PARAMS), PARAMS)
    np.testing.assert_allclose(updates["base"]["weight"], -0.1)
    np.testing.assert_array_equal(updates["base"]["bias"], 0.0)


def test_groups_of_different_rules():
    rule = optim.groups(
        {"matrix": optim.muon(0.1), "rest": optim.adam(0.01)},
        lambda name, p: "rest" if name.endswith("bias") else "matrix",
    )
    grads = jax.tree.map(jnp.ones_like, PARAMS)
    updates, _ = jax.jit(rule.update)(grads, rule.init(PARAMS), PARAMS)
    alone, _ = optim.muon(0.1).update(
        grads["head"]["weight"], optim.muon(0.1).init(PARAMS["head"]["weight"]), PARAMS["head"]["weight"]
    )
    np.testing.assert_allclose(updates["head"]["weight"], alone)
    np.testing.assert_allclose(updates["base"]["bias"], -0.01, rtol=1e-5)
    labels = {"base": "rest", "head": "matrix"}
    by_tree = optim.groups({"matrix": optim.sgd(0.1), "rest": optim.sgd(0.2)}, labels)
    updates, _ = by_tree.update(grads, by_tree.init(PARAMS), PARAMS)
    np.testing.assert_allclose(updates["base"]["bias"], -0.2)


def test_errors_of_groups():
    with pytest.raises(ValueError, match="empty parameter list"):
        optim.param_groups(optim.sgd, [])
    with pytest.raises(ValueError, match="has no 'params'"):
        optim.param_groups(optim.sgd, [{"lr": 0.1}])
    with pytest.raises(ValueError, match="more than one parameter group: base"):
        optim.param_groups(optim.sgd, [{"params": "base"}, {"params": "base.bias"}]).init(PARAMS)
    with pytest.raises(ValueError, match="matches no parameter: 'tail'"):
        optim.param_groups(optim.sgd, [{"params": "tail"}]).init(PARAMS)
    with pytest.raises(ValueError, match="other"):
        optim.groups({"a": optim.sgd()}, lambda name, p: "other").init(PARAMS)

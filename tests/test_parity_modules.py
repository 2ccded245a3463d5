"""trace on modules of fnnet.torch, functionalized modules, and models of other libraries, part by part."""

import json

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import recorded_networks

import fnnet
import fnnet.torch as ft
from fnnet.parity import Record, files, record, tap, tapped, trace
from fnnet.parity.recorded import Call, Unkept

pytestmark = pytest.mark.slow  # what they are built of is tested at both ends of the JAX versions

nn = ft.nn


class HalfReLU(nn.Module):
    def forward(self, x):
        return ft.maximum(x, ft.zeros_like(x))


class Turned(nn.Conv2d):
    def forward(self, x):
        return nn.functional.conv2d(x, self.weight.transpose(2, 3), self.bias, self.stride, self.padding)


class Same(nn.Conv2d):
    def forward(self, x):
        return nn.functional.conv2d(nn.functional.pad(x, (0, 1, 0, 1)), self.weight, stride=2)


class ChannelsLast(nn.Module):
    def forward(self, x):
        return x.permute(0, 2, 3, 1).reshape(x.shape[0], -1)


class Unbiased(nn.LayerNorm):
    def forward(self, x):
        y = (x - x.mean(-1, keepdim=True)) / (x.var(-1, keepdim=True) + 1e-5).sqrt()
        return y * self.weight + self.bias


class Scaled(nn.Linear):
    def forward(self, x):
        return 1.1 * super().forward(x)


PLANTED = {
    "blocks.0.relu0": (HalfReLU(), "tie or kink", "input 0"),
    "blocks.0.bn1": (nn.BatchNorm2d(4, eps=1e-3), "wrong constant", "eps 0.001, recorded 1e-05"),
    "blocks.0.bn2": (nn.BatchNorm2d(4, momentum=0.9), "wrong constant", "momentum 0.9, recorded 0.1"),
    "blocks.1.conv1": (Turned(4, 4, 3, 1, 1, bias=False), "transposed axis", "weight"),
    "blocks.1.bn2": (nn.BatchNorm2d(4).eval(), "train against eval mode", "ours as in evaluation"),
    "blocks.2.conv1": (Same(4, 6, 3, 2, 1, bias=False), "padding", "pads 0 before and 2 after"),
    "leaky": (nn.LeakyReLU(0.2), "wrong constant", "negative_slope 0.2, recorded 0.01"),
    "flatten": (ChannelsLast(), "transposed axis", "axes in the order (0, 2, 3, 1)"),
    "norm": (Unbiased(8), "variance", "by the unbiased variance (of 8 elements)"),
    "head": (Scaled(8, 5), "wrong constant", "1.1 times"),
}


def test_every_mistake_in_a_functionalized_network_is_named():
    recorded = Record.load(files.reference("residual.safetensors"))
    net = recorded_networks.residual(nn)
    for path, (part, _, _) in PLANTED.items():
        above, _, name = path.rpartition(".")
        setattr(net.get_submodule(above), name, part)
    _, apply = fnnet.functionalize(net)
    found = trace(apply, recorded)
    assert len(found.steps) == 50
    own = {step.name: step for step in found.steps if not step.ok and not step.inherited}
    assert set(own) == set(PLANTED), str(found)  # the forty others are silent, forward and backward
    for path, (_, kind, words) in PLANTED.items():
        seen = own[path].diagnosis
        assert seen is not None, path
        assert (seen.kind, words in seen.text) == (kind, True), f"{path}: {seen}"
    assert found.first is own["blocks.0.bn1"]


def test_what_is_recorded_of_unusual_modules():
    recorded = Record.load(files.reference("unusual.safetensors"))
    assert recorded.shared == {"again.weight": "linear.weight", "again.bias": "linear.bias",
                               "head.weight": "embedding.weight"}  # fmt: skip
    calls = {call.name: call for call in recorded.calls}
    assert calls["pair"].output["more"][1:] == (None, 3)
    assert set(calls["pair"].options) == {"scale"}
    assert calls["pair"].option_gradients["scale"].shape == ()
    whole = calls["linear"].parameter_gradients["weight"] + calls["linear#2"].parameter_gradients["weight"]
    assert (
        np.abs(whole - recorded.gradients["linear.weight"]).max() > 1e-3
    )  # the rest came from functional code


def test_modules_that_do_unusual_things():
    recorded = Record.load(files.reference("unusual.safetensors"))
    net = recorded_networks.unusual(ft)
    net.encoder.norm1.eps = 1e-2
    found = trace(net, recorded)
    assert found.first.name == "encoder.norm1"
    assert "eps 0.01" in found.verdict
    assert json.loads(found.to_json())["first"] == "encoder.norm1"
    parted = {step.name for step in found.steps if not step.ok}
    assert parted == {"encoder.norm1"}, str(found)
    names = {step.name for step in found.steps if step.forward is not None}
    assert {"linear", "linear#2", "relu#2", "encoder.self_attn", "lstm", "pair", "embedding"} <= names
    assert next(step for step in found.steps if step.name == "head").backward is not None
    assert next(step for step in found.steps if step.name == "pair").drift < 1e-5


class Linear:
    """A layer of no framework: a pytree that computes one example."""

    def __init__(self, weight, bias):
        self.weight, self.bias = weight, bias

    def __call__(self, x):
        return self.weight @ x + self.bias


class Mlp:
    def __init__(self, first, layers, slope):
        self.first, self.layers, self.slope = first, layers, slope

    def __call__(self, x):
        x = self.first(x)
        for layer in self.layers:
            x = layer(jnp.where(x > 0, x, self.slope * x))
        return x


jax.tree_util.register_pytree_with_keys(
    Linear,
    lambda v: ([(jax.tree_util.GetAttrKey(n), getattr(v, n)) for n in ("weight", "bias")], None),
    lambda _, leaves: Linear(*leaves),
)
jax.tree_util.register_pytree_with_keys(
    Mlp,
    lambda v: ([(jax.tree_util.GetAttrKey(n), getattr(v, n)) for n in ("first", "layers")], v.slope),
    lambda slope, leaves: Mlp(*leaves, slope),
)


def recorded_mlp(slope=0.0):
    """What PyTorch computes for two linear layers, by its formula."""
    draw = np.random.default_rng(0)
    w, v = (draw.normal(size=shape).astype(np.float32) for shape in ((4, 3), (2, 4)))
    x = draw.normal(size=(5, 3)).astype(np.float32)
    h = x @ w.T + 1
    y = np.where(h > 0, h, slope * h) @ v.T - 1
    call = lambda path, kind, i, o: Call(path, 0, kind, {}, True, [i], o, [None], None)  # noqa: E731
    calls = [
        call("first", "Linear", x, h),
        call("layers.0", "Linear", np.maximum(h, 0), y),
        call("", "Mlp", x, y),
    ]
    ones = np.ones(4, np.float32)
    parameters = {"first.weight": w, "first.bias": ones, "layers.0.weight": v, "layers.0.bias": -ones[:2]}
    model = Mlp(Linear(w, ones), [Linear(v, -ones[:2])], 0.0)
    return Record(parameters, {}, {}, {}, calls), model


def test_every_part_of_an_object_is_seen_under_vmap():
    recorded, model = recorded_mlp()
    before = Linear.__call__, Mlp.__call__

    def port(model, x):
        with tapped(model):
            return jax.vmap(model)(x)

    found = trace(port, recorded, params=model)
    assert found.ok, str(found)
    assert [step.drift is not None for step in found.steps] == [True, True, True]
    assert (Linear.__call__, Mlp.__call__) == before
    model.slope = 0.1
    wrong = trace(port, recorded, params=model)
    assert wrong.first.name == "layers.0"  # the first that is marked behind the mistake
    with pytest.raises(ZeroDivisionError), tapped(model):
        raise ZeroDivisionError
    assert Linear.__call__ is before[0]


def test_marks_under_transformations():
    recorded, _ = recorded_mlp()

    @jax.jit
    def inner(p, x):
        h = jax.checkpoint(lambda x: tap("first", x @ p["first"]["weight"].T + p["first"]["bias"]))(x)
        step = lambda carry, w: (carry, tap("layers.0", jnp.maximum(h, 0) @ w.T + carry))  # noqa: E731
        return jax.lax.scan(step, p["layers"]["0"]["bias"], p["layers"]["0"]["weight"][None])[1][0]

    x = recorded.whole.inputs[0]
    w, v = (jnp.asarray(recorded.parameters[f"{name}.weight"]) for name in ("first", "layers.0"))
    params = {
        "first": {"weight": w, "bias": jnp.float32(1)},
        "layers": {"0": {"weight": v, "bias": jnp.float32(-1)}},
    }
    np.testing.assert_allclose(inner(params, x), recorded.whole.output, rtol=1e-5)  # traced without its marks
    found = trace(inner, recorded, params=params)
    assert [step.forward is not None for step in found.steps] == [True, True, True], str(found)
    assert found.steps[0].ok
    assert found.steps[1].ok
    assert all(step.drift < 1e-6 for step in found.steps)


def test_what_cannot_be_traced():
    recorded, model = recorded_mlp()
    with pytest.raises(TypeError, match="expected a Layer or a function"):
        trace(3, recorded)
    odd = Call("first", 0, "Odd", {}, True, [Unkept("Cache")], np.zeros(2), [None], None)
    known = Record({}, {}, {}, {}, [odd, recorded.whole])
    found = trace(lambda p, x: x, known, parts={"first": lambda p, x: x})
    assert found.steps[0].note == "an input of class Cache was not kept"
    assert model(recorded.whole.inputs[0][0]).shape == (2,)


@pytest.mark.torch
def test_live_equinox_and_nnx(tmp_path):
    torch = pytest.importorskip("torch")
    eqx = pytest.importorskip("equinox")
    nnx = pytest.importorskip("flax.nnx")
    torch.manual_seed(0)
    net = torch.nn.Sequential(torch.nn.Linear(3, 4), torch.nn.LayerNorm(4), torch.nn.Linear(4, 2))
    with pytest.raises(TypeError, match="a module of PyTorch itself"):
        trace(net, recorded_mlp()[0])
    known = record(net, [torch.randn(5, 3)], tmp_path / "r")
    p = known.parameters

    class Equinox(eqx.Module):
        layers: list

        def __call__(self, x):
            for layer in self.layers:
                x = layer(x)
            return x

    keys = jax.random.split(jax.random.key(0))
    model = Equinox(
        [eqx.nn.Linear(3, 4, key=keys[0]), eqx.nn.LayerNorm(4, eps=1e-2), eqx.nn.Linear(4, 2, key=keys[1])]
    )
    for i in (0, 1, 2):
        where = lambda m, i=i: (m.layers[i].weight, m.layers[i].bias)  # noqa: E731
        model = eqx.tree_at(where, model, (jnp.asarray(p[f"{i}.weight"]), jnp.asarray(p[f"{i}.bias"])))

    def port(model, x):
        with tapped(model):
            return jax.vmap(model)(x)

    names = {"layers.0": "0", "layers.1": "1", "layers.2": "2"}
    found = trace(port, known, params=model, names=names)
    assert found.first.name == "1", str(found)

    class Flax(nnx.Module):
        def __init__(self):
            rngs = nnx.Rngs(0)
            self.fc1, self.fc2 = nnx.Linear(3, 4, rngs=rngs), nnx.Linear(4, 2, rngs=rngs)
            self.norm = nnx.LayerNorm(4, epsilon=1e-5, rngs=rngs)

        def __call__(self, x):
            return self.fc2(self.norm(self.fc1(x)))

    made = Flax()
    for name, i in (("fc1", 0), ("fc2", 2)):
        getattr(made, name).kernel[...] = jnp.asarray(p[f"{i}.weight"].T)
        getattr(made, name).bias[...] = jnp.asarray(p[f"{i}.bias"])
    graph, state = nnx.split(made)

    def flax_port(state, x):
        model = nnx.merge(graph, state)
        with tapped(model):
            return model(x)

    found = trace(flax_port, known, params=state, names={"fc1": "0", "norm": "1", "fc2": "2"})
    assert found.ok, str(found)
    assert all(step.drift is not None for step in found.steps)

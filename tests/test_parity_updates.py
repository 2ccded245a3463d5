"""trace_updates: recorded optimizer steps; silent on the same rule, and names each mistake in another one."""

import json

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest
from residual_port import ResidualNet

from fnnet import layers, optim
from fnnet.checkpoint import nested
from fnnet.parity import Record, files, record, trace, trace_updates
from fnnet.parity.recorded import Call, OptimizerStep

pytestmark = pytest.mark.slow  # what they are built of is tested at both ends of the JAX versions

LR, DECAY = 0.01, 0.05  # of the recorded AdamW


@pytest.fixture(scope="module")
def recorded():
    """The recorded run with three of its parameters: fewer arrays to walk."""
    whole = Record.load(files.reference("residual.safetensors"))
    kept = ["square.weight", "square.bias", "head.bias"]
    return Record({n: whole.parameters[n] for n in kept}, {}, {}, {}, whole.calls, whole.steps, whole.about)


def first_bad(rule, record):
    rows = trace_updates(rule, record)
    return next(((row.step, str(row.diagnosis)) for row in rows if not row.ok), None)


def uncorrected(params):
    """AdamW without the correction of the bias, as it is written from memory."""
    b1, b2, eps = 0.9, 0.999, 1e-8

    def init(params):
        return {"m": jax.tree.map(jnp.zeros_like, params), "v": jax.tree.map(jnp.zeros_like, params)}

    def update(grads, state, params):
        m = jax.tree.map(lambda m, g: b1 * m + (1 - b1) * g, state["m"], grads)
        v = jax.tree.map(lambda v, g: b2 * v + (1 - b2) * g * g, state["v"], grads)
        move = lambda m, v, p: -LR * m / (jnp.sqrt(v) + eps) - LR * DECAY * p  # noqa: E731
        return jax.tree.map(move, m, v, params), {"m": m, "v": v}

    return optax.GradientTransformation(init, update)


def matrices(params):
    return jax.tree.map(lambda p: p.ndim > 1, params)


def test_the_same_rule_is_silent(recorded):
    for rule in (optim.adamw(LR, weight_decay=DECAY), optax.adamw(LR, weight_decay=DECAY)):
        rows = trace_updates(rule, recorded)
        assert [row.step for row in rows] == [1, 2, 3]
        assert all(row.ok and row.drift < 1e-5 for row in rows)
        assert all(row.state is not None for row in rows)


WRONG = {
    "coupled decay": (optim.adam(LR, weight_decay=DECAY), 1, "ours is added to the gradient"),
    "no decay": (optim.adam(LR), 1, "weight_decay 0, recorded 0.05"),
    "another decay": (optax.adamw(LR), 1, "weight_decay 0.0001"),
    "masked decay": (optax.adamw(LR, weight_decay=DECAY, mask=matrices), 1,
                     "weight_decay 0, recorded 0.05, for "),
    "rate": (optim.adamw(0.003, weight_decay=DECAY), 1, "0.3 times the change: lr 0.003, recorded 0.01"),
    "ascent": (optim.adamw(LR, weight_decay=DECAY, maximize=True), 1, "maximize=True"),
    "betas": (optim.adamw(LR, (0.9, 0.95), weight_decay=DECAY), 1, "betas (0.9, 0.95), recorded (0.9, 0.9"),
    "eps": (optim.adamw(LR, eps=1e-3, weight_decay=DECAY), 1, "eps 0.001, recorded 1e-8"),
    "bias correction": (uncorrected(None), 1, "corrects neither moment"),
    "frozen": (optax.chain(optax.adamw(LR), optax.scale(0.0)), 1, "ours does not move any parameter"),
    "gradient": (optax.masked(optax.adamw(LR, weight_decay=DECAY), matrices), 1, "adds the gradient"),
}  # fmt: skip


@pytest.mark.parametrize("name", WRONG)
def test_a_mistake_is_named(name, recorded):
    rule, step, words = WRONG[name]
    found = first_bad(rule, recorded)
    assert found is not None
    assert found[0] == step
    assert words in found[1]


def by_formula(options, change, kind="SGD", steps=4):
    """A record of steps whose gradients are given and whose changes a formula makes."""
    draw = np.random.default_rng(0)
    value, kept, taken = {"w": draw.normal(size=(3, 4))}, {}, []
    call = Call("", 0, "Net", {}, True, [], np.zeros(()), [], None)
    start = dict(value)
    for i in range(steps):
        gradient = draw.normal(size=(3, 4))
        own = {name: v(i) if callable(v) else v for name, v in options.items()}
        value = {"w": value["w"] + change(value["w"], gradient, own, kept)}
        taken.append(OptimizerStep(0.0, [own], {"w": gradient}, value, {}, None))
    about = {"optimizer": {"kind": kind, "groups": [["w"]]}}
    return Record(start, {}, {}, {}, [call], taken, about)


def descent(p, g, own, kept):
    """torch.optim.SGD's formula."""
    g = g + own["weight_decay"] * p
    kept["b"] = own["momentum"] * kept["b"] + g if "b" in kept else g
    return -own["lr"] * kept["b"]


def test_mistakes_of_momentum_and_schedules():
    options = {
        "lr": 0.1,
        "momentum": 0.9,
        "weight_decay": 0.01,
        "dampening": 0,
        "nesterov": False,
        "maximize": False,
    }
    decayed = optax.add_decayed_weights(0.01)
    known = by_formula(options, descent)
    assert first_bad(optim.sgd(0.1, 0.9, weight_decay=0.01), known) is None
    assert first_bad(optax.chain(decayed, optax.sgd(0.1, 0.9)), known) is None
    for rule, step, words in (
        (optax.chain(decayed, optax.sgd(0.1, 0.9, nesterov=True)), 1, "nesterov=True"),
        (optax.chain(optax.trace(0.9), decayed, optax.scale(-0.1)), 2, "goes around the momentum"),
        (optim.sgd(0.1, 0.99, weight_decay=0.01), 2, "momentum 0.99, recorded 0.9"),
        (optim.sgd(0.1, 0.9, 0.1, weight_decay=0.01), 2, "dampening 0.1, recorded 0"),
    ):
        assert first_bad(rule, known)[0] == step
        assert words in first_bad(rule, known)[1]
    rate = optim.step_lr(0.1, 2)
    scheduled = by_formula({**options, "weight_decay": 0.0, "lr": lambda i: float(rate(i))}, descent)
    assert first_bad(optim.sgd(rate, 0.9), scheduled) is None
    late = optim.sgd(lambda t: rate(jnp.maximum(t - 1, 0)), 0.9)
    assert first_bad(late, scheduled) == (3, "schedule: ours takes the learning rate of the step before")
    assert "10 times the change from step 3 on" in first_bad(optim.sgd(0.1, 0.9), scheduled)[1]
    velocity = optax.chain(optax.scale_by_schedule(lambda t: -rate(t)), optax.trace(0.9))
    assert "learning rate in the velocity" in first_bad(velocity, scheduled)[1]


def test_without_steps(recorded):
    bare = Record(recorded.parameters, {}, {}, {}, recorded.calls)
    with pytest.raises(ValueError, match="no steps"):
        trace_updates(optim.sgd(), bare)


def test_a_port_with_its_optimizer():
    known = Record.load(files.reference("residual.safetensors"))
    found = trace(ResidualNet(), known, optimizer=optim.adam(LR, weight_decay=DECAY))
    assert found.first is None
    assert all(update.gradient.ok for update in found.updates)
    assert not found.ok
    assert "no layer parts" in found.verdict
    assert "first to part: step 1: the change of" in found.verdict
    assert json.loads(found.to_json())["updates"][0]["diagnosis"]["kind"] == "weight decay"
    assert "decoupled" in str(found)


@pytest.mark.torch
def test_live_optimizers(tmp_path):
    torch = pytest.importorskip("torch")
    torch.manual_seed(0)
    net, x = torch.nn.Linear(3, 2), torch.randn(5, 3)
    step_lr = torch.optim.lr_scheduler.StepLR
    for kind in ("SGD", "Adam"):
        make = getattr(torch.optim, kind)
        known = record(net, [x], tmp_path / "r", optimizer=lambda p, make=make: make(p, lr=0.1), steps=4,
                       scheduler=lambda o: step_lr(o, 2))  # fmt: skip
        rule = optim.RULES[kind].function(lr=optim.step_lr(0.1, 2))
        found = trace(layers.Linear(3, 2), known, optimizer=rule)
        assert found.ok, f"{kind}\n{found}"
        assert [step.options[0]["lr"] for step in known.steps] == pytest.approx([0.1, 0.1, 0.01, 0.01])
    with pytest.raises(ValueError, match="steps"):
        record(net, [x], tmp_path / "r", steps=1)
    assert nested(known.parameters)["weight"].shape == (2, 3)

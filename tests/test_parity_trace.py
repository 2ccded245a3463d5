"""trace: silent on a correct port of 30 layers and more, and names every planted kind of mistake."""

import json
import shutil
from dataclasses import dataclass, replace

import jax.numpy as jnp
import numpy as np
import pytest
from residual_port import ResidualNet

from fnnet import functional as F
from fnnet import layers as nn
from fnnet.checkpoint import RefusedFileError
from fnnet.parity import Record, files, record, tap, trace
from fnnet.parity.diagnosis import relation

FILE = files.reference("residual.safetensors")


class HalfReLU(nn.Layer):
    def forward(self, p, x):
        return jnp.maximum(x, 0)


class SharingPool(nn.Layer):
    def forward(self, p, x):
        n, c, h, w = x.shape
        return x.reshape(n, c, h // 2, 2, w // 2, 2).max((3, 5))


class Transposed(nn.Layer):
    def forward(self, p, x):
        return x @ p["weight"] + p["bias"]


class Turned(nn.Layer):
    def forward(self, p, x):
        return F.conv2d(x, p["weight"].swapaxes(2, 3), padding=1)


class ChannelsLast(nn.Layer):
    def forward(self, p, x):
        return jnp.moveaxis(x, 1, -1).reshape(x.shape[0], -1)


class Unbiased(nn.Layer):
    def forward(self, p, x):
        y = (x - x.mean(-1, keepdims=True)) / jnp.sqrt(x.var(-1, ddof=1, keepdims=True) + 1e-5)
        return y * p["weight"] + p["bias"]


class Scaled(nn.Linear):
    def forward(self, p, x):
        return 1.1 * super().forward(p, x)


@dataclass(frozen=True, repr=False)
class BiasedRunning(nn.BatchNorm2d):
    def forward(self, scope, x):
        old = scope.buffer("running_var")
        y = super().forward(scope, x)
        scope.update(running_var=0.9 * old + 0.1 * x.var((0, 2, 3)))
        return y


class Evaluated(nn.Layer):
    def forward(self, scope, x):
        args = scope.buffer("running_mean"), scope.buffer("running_var"), scope["weight"], scope["bias"]
        return F.batch_norm(x, *args, False)


class Same(nn.Layer):
    def forward(self, p, x):
        return F.conv2d(F.pad(x, (0, 1, 0, 1)), p["weight"], stride=2)


PLANTED = {
    "pool": (SharingPool(), "tie or kink", "gradients"),
    "blocks.0.relu0": (HalfReLU(), "tie or kink", "input 0"),
    "blocks.0.bn1": (nn.BatchNorm2d(4, eps=1e-3), "wrong constant", "eps 0.001, recorded 1e-05"),
    "blocks.0.bn2": (nn.BatchNorm2d(4, momentum=0.9), "wrong constant", "momentum 0.9, recorded 0.1"),
    "blocks.1.conv1": (Turned(), "transposed axis", "weight"),
    "blocks.1.bn1": (nn.BatchNorm2d(4, momentum=0.37), "wrong constant", "momentum 0.37"),
    "blocks.1.conv2": (
        nn.Conv2d(4, 4, 3, padding=1, bias=False, padding_mode="reflect"),
        "padding",
        "reflect",
    ),
    "blocks.1.bn2": (Evaluated(), "train against eval mode", "ours as in evaluation"),
    "blocks.2.conv1": (Same(), "padding", "pads 0 before and 2 after"),
    "blocks.2.bn1": (BiasedRunning(6), "variance", "keeps the biased variance (of 18 elements)"),
    "blocks.3.bn1": (nn.BatchNorm2d(6, eps=0.0123), "wrong constant", "eps 0.012"),
    "group": (nn.GroupNorm(2, 6, eps=1e-3), "wrong constant", "eps 0.001"),
    "leaky": (nn.LeakyReLU(0.2), "wrong constant", "negative_slope 0.2, recorded 0.01"),
    "flatten": (ChannelsLast(), "transposed axis", "axes in the order (0, 2, 3, 1)"),
    "gelu": (nn.GELU("tanh"), "wrong constant", "approximate='tanh'"),
    "square": (Transposed(), "transposed axis", "weight has its axes in the order (1, 0)"),
    "norm": (Unbiased(), "variance", "by the unbiased variance (of 8 elements)"),
    "head": (Scaled(8, 5), "wrong constant", "1.1 times"),
}


@pytest.fixture(scope="module")
def recorded():
    return Record.load(FILE)


@pytest.mark.slow
def test_a_correct_port_is_silent(recorded):
    found = trace(ResidualNet(), recorded)
    assert len(found.steps) == 50
    assert found.ok, str(found)
    assert found.first is None
    assert all(step.forward is not None for step in found.steps)
    assert max(step.drift for step in found.steps) < 1e-5
    assert json.loads(found.to_json())["ok"]


@pytest.mark.slow
def test_every_planted_mistake_is_named(recorded):
    net = ResidualNet()
    for path, (layer, _, _) in PLANTED.items():
        net.planted(path, layer)
    found = trace(net, recorded)
    own = {step.name: step for step in found.steps if not step.ok and not step.inherited}
    assert set(own) == set(PLANTED), str(found)
    for path, (_, kind, words) in PLANTED.items():
        seen = own[path].diagnosis
        assert seen is not None, path
        assert (seen.kind, words in seen.text) == (kind, True), f"{path}: {seen}"
    assert found.first is own["blocks.0.bn1"]  # the first forward; the pool before it parts backward only
    assert json.loads(found.to_json())["first"] == "blocks.0.bn1"
    with pytest.raises(AssertionError, match=r"eps 0\.001"):
        found.raise_if_different()


@pytest.mark.slow
def test_a_mistake_between_the_parts(recorded):
    class Forgets(ResidualNet):
        def forward(self, p, x):
            return super().forward(p, x) * 0.5

    found = trace(Forgets(), recorded)
    assert found.first.name == "(whole)"
    assert "0.5 times" in found.first.diagnosis.text


def test_a_function_with_taps_and_parts():
    weights = np.random.default_rng(0).normal(size=(2, 4, 4)).astype(np.float32)
    x = np.random.default_rng(1).normal(size=(3, 4)).astype(np.float32)
    calls, value = [], x
    base = Record.load(FILE).whole
    for name, w in zip("ab", weights, strict=True):
        before, value = value, value @ w.T
        calls.append(replace(base, path=name, kind="Linear", arguments={"in_features": 4, "out_features": 4,
                     "bias": False}, inputs=[before], output=value, input_gradients=[None],
                     output_gradient=None))  # fmt: skip
    calls.append(
        replace(base, kind="Net", inputs=[x], output=value, input_gradients=[None], output_gradient=None)
    )
    known = Record({f"{n}.weight": w for n, w in zip("ab", weights, strict=True)}, {}, {}, {}, calls)

    def port(params, x, wrong=1.0):
        y = tap("first", x @ params["first"]["weight"].T)
        return tap("b", y @ params["b"]["weight"].T * wrong)

    names = {"first": "a"}
    assert trace(port, known, names=names).ok
    found = trace(lambda p, x: port(p, x, 1.5), known, names=names)
    assert found.first.name == "b"
    fed = trace(port, known, names=names, parts={"b": lambda p, x: x @ p["weight"]})
    assert fed.first.name == "b"
    assert fed.first.diagnosis.kind == "transposed axis"
    with pytest.raises(TypeError, match="expected a Layer or a function"):
        trace(3, known)


def test_relations():
    x = np.random.default_rng(0).normal(size=(4, 5, 6, 7)).astype(np.float32)
    assert relation(x.swapaxes(2, 3), x).kind == "transposed axis"
    assert relation(x[:, [2, 0, 1, 4, 3]], x).text == "axis 1 is in the order [2, 0, 1, 4, 3]"
    assert "an unbiased variance of 168" in relation(x * np.float32((168 / 167) ** 0.5), x).text
    assert relation(x[..., 1:], x).kind == "padding"
    assert relation(x + np.float32(0.5), x).kind == "wrong constant"
    assert relation(x**2, x) is None


def test_a_file_that_is_no_record_is_refused(tmp_path):
    from fnnet.checkpoint import safetensors

    for i, about in enumerate(
        ["{}", "[]", '{"calls": [], "steps": 0}', '{"calls": [{"path": 3}], "steps": 0}']
    ):
        safetensors.write(tmp_path / f"{i}", {}, {"fnnet.record": about})
        with pytest.raises(RefusedFileError, match="not a record"):
            Record.load(tmp_path / f"{i}")
    safetensors.write(tmp_path / "none", {})
    with pytest.raises(RefusedFileError, match="not a record"):
        Record.load(tmp_path / "none")


@pytest.mark.torch
def test_live_recording(tmp_path):
    torch = pytest.importorskip("torch")
    torch.manual_seed(0)
    net = torch.nn.Sequential(torch.nn.Linear(3, 4), torch.nn.ReLU(inplace=True), torch.nn.Linear(4, 2))
    x = torch.randn(5, 3)
    kept = record(net, [x], tmp_path / "r.safetensors")
    assert [call.path for call in kept.calls] == ["0", "1", "2", ""]
    np.testing.assert_array_equal(kept.whole.output, net(x).detach().numpy())
    assert next(iter(net.parameters())).grad is None
    port = nn.Sequential(nn.Linear(3, 4), nn.ReLU(), nn.Linear(4, 2))
    assert trace(port, tmp_path / "r.safetensors").ok
    wrong = trace(nn.Sequential(nn.Linear(3, 4), nn.LeakyReLU(0.1), nn.Linear(4, 2)), kept)
    assert wrong.first.name == "1"
    double = record(lambda a: a * 2, [x], tmp_path / "f.safetensors")
    assert trace(lambda params, a: a * 2, double).ok
    assert not trace(lambda params, a: a * 3, double).ok
    shutil.rmtree(tmp_path)

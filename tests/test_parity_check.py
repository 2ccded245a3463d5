"""check: verdicts on values and functions, arbitrated in float64; live against PyTorch where installed."""

import json

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from fnnet import functional as F
from fnnet.parity import ParityError, check
from fnnet.parity.difference import Agreement, table, ulps
from fnnet.parity.text import display_width


def verdict(report, name=""):
    return next(row for row in report.rows if row.name == name).agreement


def test_values_agree_differ_and_mismatch():
    x = np.linspace(1, 2, 12, dtype=np.float32).reshape(3, 4)
    y = x.copy()
    y[1, 2] *= 1.001
    report = check({"a": x, "b": y, "c": x}, {"a": x, "b": x, "c": x.astype(np.float64)})
    assert [r.agreement for r in report.rows] == [Agreement.EXACT, Agreement.DIFFERENT, Agreement.MISMATCH]
    row = report.rows[1]
    assert row.index == (1, 2)
    assert row.differ == 1
    assert row.relative == pytest.approx(1e-3, rel=1e-3)
    assert not report.ok
    assert json.loads(report.to_json())["rows"][1]["index"] == [1, 2]
    with pytest.raises(ParityError, match="DIFFERENT"):
        report.raise_if_different()


@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64, jnp.bfloat16])
def test_ulp_counts_neighbours(dtype):
    one = np.ones((), dtype)
    assert ulps(np.nextafter(one, np.asarray(2, dtype)), one) == 1
    tiny = np.nextafter(np.zeros((), dtype), np.asarray(1, dtype))
    assert ulps(tiny, -tiny) == 2


@pytest.mark.parametrize(
    ("ours", "reference", "ok"),
    [(np.nan, np.nan, True), (np.inf, np.inf, True), (np.inf, 1.0, False), (np.nan, 1.0, False),
     (1.0, np.inf, False), (-np.inf, np.inf, False)],
)  # fmt: skip
def test_not_finite(ours, reference, ok):
    report = check(np.float32([ours]), np.float32([reference]))
    assert report.ok == ok
    json.loads(report.to_json())


def test_empty_missing_and_integers():
    assert check(np.zeros((0, 3), np.float32), np.zeros((0, 3), np.float32)).ok
    assert not check({"a": np.int32(1)}, {"a": np.int32(2)}).ok
    assert check({"a": np.int32(1)}, {"b": np.int32(1)}).rows[0].note == "missing in ours"


X = np.random.default_rng(0).normal(size=(64, 64)).astype(np.float32)


def _unstable(x):
    return x + 1e4 - 1e4


def test_rounding_is_told_from_a_difference():
    rounding = check(lambda x: (x * 3e3).sum() / 3e3, lambda x: (x[::-1] * 3e3).cumsum(0)[-1].sum() / 3e3,
                     inputs=[X], rtol=0, atol=0)  # fmt: skip
    assert verdict(rounding) in (Agreement.ROUNDING, Agreement.EXACT)
    real = check(lambda x: x * 1.0001, lambda x: x, inputs=[X])
    assert verdict(real) is Agreement.DIFFERENT
    assert "float64" in real.rows[0].note
    assert verdict(check(_unstable, lambda x: x, inputs=[X])) is Agreement.IMPRECISE
    assert verdict(check(_unstable, _unstable, inputs=[X])) is Agreement.EXACT


def test_values_with_an_exact_result():
    exact = X.astype(np.float64)
    far, farther = X * np.float32(1 + 2e-5), X * np.float32(1 + 1e-2)
    assert verdict(check(X, far, float64=exact)) is Agreement.ROUNDING
    assert verdict(check(farther, far, float64=exact)) is Agreement.IMPRECISE


def test_gradients():
    wrong = check(lambda x: jnp.where(x > 0, x, 0 * x), jax.nn.relu, inputs=[X], gradients=True)
    assert wrong.ok
    report = check(lambda x: x * jax.lax.stop_gradient(x), lambda x: x * x, inputs=[X], gradients=True)
    assert verdict(report) is Agreement.EXACT
    assert verdict(report, "gradient of input 0") is Agreement.DIFFERENT


def test_wrong_use():
    with pytest.raises(TypeError, match="expected a function"):
        check(X, X, inputs=[X])
    with pytest.raises(ValueError, match="framework"):
        check(X, X, framework="numpy")


@pytest.mark.parametrize("width", [40, 80, 120])
def test_tables_fit_their_width(width):
    rows = [
        ["→", f"blocks.{i}.conv1", "✗ DIFFERENT 0.002", "0.0001", "漢字 and more words " * i]
        for i in range(5)
    ]
    lines = table(rows, ["", "layer", "forward", "drift", "what"], width, ("drift",)).splitlines()
    assert max(map(display_width, lines)) <= width
    assert "".join(lines).count("→") == 5
    assert ("drift" in lines[0]) == (width > 40)


@pytest.mark.torch
def test_against_torch():
    torch = pytest.importorskip("torch")
    assert check(F.gelu, torch.nn.functional.gelu, inputs=[X], gradients=True).ok
    tanh = check(
        lambda x: F.gelu(x, approximate="tanh"),
        lambda x: torch.nn.functional.gelu(x),
        inputs=[X],
        gradients=True,
    )
    assert [row.agreement for row in tanh.rows] == [Agreement.DIFFERENT] * 2
    torch.manual_seed(0)
    layer = torch.nn.Linear(64, 8)
    weight = layer.weight.detach().numpy()
    bias = layer.bias.detach().numpy()
    report = check(
        lambda x: F.linear(x, weight.astype(x.dtype), bias.astype(x.dtype)), layer, inputs=[X], gradients=True
    )
    assert report.ok, str(report)

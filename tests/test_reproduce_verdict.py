"""Each kind of comparison says yes where it should, and no where it should."""

import math

import jax.numpy as jnp
import numpy as np
import pytest

from fnnet.parity import text
from fnnet.parity.verdict import Verdict, equal, exact, holds, in_distribution, measured, relative_error

GOOD, BAD = True, False


@pytest.mark.parametrize(
    ("documented", "seen", "verdict"),
    [
        (4.5, np.float32(4.5), GOOD),
        (4.5, np.float32(4.5000005), BAD),
        (102.4, np.float32(102.4), GOOD),  # compared in float32, where 102.4 is not what it is in float64
        ([[1, 2]], np.array([[1.0, 2.0]]), GOOD),
        ([1, 2], np.array([[1.0, 2.0]]), BAD),
        (np.ones(3), np.ones(4), BAD),
        (3, 3, GOOD),
        (3.5, 3, BAD),  # not rounded to the integer's dtype first
        ("fizz", "fizz", GOOD),
        ("fizz", "buzz", BAD),
        (["1", "fizz"], ["1", "fizz"], GOOD),
        (["1", "fizz"], ["1", "2"], BAD),
        ((5, 3), (5, 3), GOOD),
        ((5, 3), (3, 5), BAD),
        (True, np.bool_(True), GOOD),
        (float("nan"), np.float32("nan"), GOOD),
        (1.0, float("nan"), BAD),
        ("1", 1, BAD),
        (1, "1", BAD),
        (300, np.uint8(44), BAD),
    ],
)
def test_exact(documented, seen, verdict):
    row = exact("q", documented, seen)
    assert row.verdict == (Verdict.EXACT if verdict else Verdict.BAD)
    assert row.bad is not verdict
    assert text.show(row.fnnet)
    text.error(row)


def test_exact_needs_both_truths():
    assert exact("q", 1.0, 1.0, pytorch=2.0).bad
    assert exact("q", 2.0, 1.0, pytorch=1.0).bad
    assert not exact("q", None, 1.0, pytorch=1.0).bad
    with pytest.raises(ValueError, match="nothing to compare"):
        exact("q", None, 1.0)


def test_equal_by_the_tolerance_of_the_dtype():
    assert equal("q", np.float32(100), jnp.float32(100.0001)).verdict is Verdict.EQUAL
    assert equal("q", np.float32(100), jnp.float32(100.001)).bad
    assert equal("q", np.float64(100), np.float64(100.0001)).bad
    assert not equal("q", np.float64(100), np.float64(100.0001), rtol=1e-5).bad
    assert equal("q", np.ones(3), np.ones((3, 1))).bad
    assert equal("q", np.float32(1), np.float32("nan")).bad
    assert equal("q", np.float32(1), np.float32("inf")).bad
    assert not equal("q", np.float32("inf"), np.float32("inf")).bad
    assert equal("q", 3, 4).bad
    assert not equal("q", jnp.bfloat16(1), jnp.bfloat16(1.0078125)).bad


def test_in_distribution():
    runs = np.linspace(1, 3, 101)
    row = in_distribution("q", 1.5, runs)
    assert row.verdict is Verdict.IN_DISTRIBUTION
    assert (row.fnnet.low, row.fnnet.median, row.fnnet.high, row.fnnet.seeds) == (1, 2, 3, 101)
    assert row.fnnet.quantile == pytest.approx(0.25, abs=0.01)
    assert in_distribution("q", 0.5, runs).bad
    assert in_distribution("q", 3.5, runs).bad
    assert in_distribution("q", float("nan"), runs).bad
    assert in_distribution("q", 1.5, [1.0, float("nan"), 2.0]).bad
    with pytest.raises(ValueError, match="no runs"):
        in_distribution("q", 1.0, [])


def test_holds_and_measured():
    assert holds("q", False, 3).bad
    assert holds("q", True, 3).verdict is Verdict.EXACT
    assert measured("q", 3).verdict is Verdict.MEASURED


def test_relative_error():
    assert relative_error([1.0, 2.0], [1.0, 2.0]) == 0
    assert relative_error([1.1, 2.0], [1.0, 2.0]) == pytest.approx(0.1)
    assert relative_error(0.5, 0.0) == 0.5
    assert relative_error([1.0], [1.0, 2.0]) == math.inf
    assert relative_error(math.nan, 1.0) == math.inf
    assert relative_error(math.nan, math.nan) == 0
    assert relative_error(math.inf, math.inf) == 0


def test_text():
    assert text.show(None) == ""
    assert text.show(30767183.8596) == "3.07672e7"
    assert text.show((16,)) == "(16,)"
    assert text.show(np.full((2, 2), 4.5)) == "2x2: all 4.5"
    assert text.show([102.4, 1024.0, 0.1024]) == "[102.4 1024 0.1024]"
    assert text.show(["fizz", "1"]) == "[fizz, 1]"
    assert text.show(np.arange(12).reshape(3, 4)) == "3x4: 0 1 …"
    assert text.show(np.bool_(True)) == "True"
    assert text.show(np.zeros((0, 3))) == "0x3: "
    assert text.show(jnp.bfloat16(1.5)) == "1.5"
    assert text.values(exact("q", 27.0, np.float32(27.000004))) == ("27", "", "27.0000038")
    assert text.display_width("数a") == 3
    assert text.elide("数数数数", 5) == "数数…"
    assert text.wrap("one two three four", 7, lines=2) == ["one two", "three…"]
    assert text.error(equal("q", 1.0, 1.00001, rtol=1)) == "1.0e-5"

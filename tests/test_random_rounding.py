"""The emulated fused multiply-adds against exact rational arithmetic."""

from fractions import Fraction

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from fnnet.random.rounding import CountsFma64, cast, fma32, fma64, sum_is_exact


def rounded(exact: Fraction, digits: int) -> float:
    """To the nearest number of so many binary digits, ties to even."""
    if not exact:
        return 0.0
    exponent = 0
    while abs(exact) * Fraction(2) ** -exponent >= 2**digits:
        exponent += 1
    while abs(exact) * Fraction(2) ** -exponent < 2 ** (digits - 1):
        exponent -= 1
    return float(round(exact * Fraction(2) ** -exponent) * Fraction(2) ** exponent)


def dyadic(bits: int, low: int, high: int) -> st.SearchStrategy[float]:
    """Numbers of few bits, so that sums often end half-way between two floats, or just beside."""
    return st.builds(lambda m, e: m * 2.0**e, st.integers(-(2**bits), 2**bits), st.integers(low, high))


@settings(derandomize=True, max_examples=400, deadline=None)
@given(dyadic(53, -60, 0), dyadic(53, -60, 0), dyadic(53, -160, 10))
@example(1 + 2.0**-27, 1 + 2.0**-26, 2.0**-120)  # a half of a last place, and a little more
@example(1 + 2.0**-27, 1 + 2.0**-26, -(2.0**-120))  # and a little less
@example(1 + 3 * 2.0**-27, 1 + 2.0**-26, -(2.0**-120))
@example(1.0 + 2.0**-30, 1.0 - 2.0**-30, 2.0**-200)
def test_fma64(a, b, c):
    exact = Fraction(a) * Fraction(b) + Fraction(c)
    assert fma64(np.array([a]), b, c)[0] == rounded(exact, 53)


@settings(derandomize=True, max_examples=300, deadline=None)
@given(st.integers(0, 2**53 - 1), dyadic(53, -60, 0), dyadic(53, -90, 10))
@example(2**52 + 2**26, 1 + 2.0**-52, -(0.5 + 2.0**-27))  # what cancels leaves the rest alone
@example(3, 0.7, -0.7 * 2.0**-51)
@example(2**53 - 1, 3.0, -3.0)
def test_fma64_of_counts(k, scale, offset):
    """A few neighbours of k, too, so that one of them is likely to end near half a last place."""
    counts = np.clip(np.arange(k - 8, k + 8), 0, 2**53 - 1)
    out = np.empty(counts.size)
    CountsFma64(scale, offset, counts.size)(counts, out)
    grid = Fraction(scale) / 2**53
    assert out.tolist() == [rounded(i * grid + Fraction(offset), 53) for i in counts.tolist()]


@settings(derandomize=True, max_examples=300, deadline=None)
@given(dyadic(24, -30, 0), dyadic(24, -30, 0), dyadic(24, -100, 10))
@example(1 + 2.0**-12, 1 + 2.0**-12, 2.0**-90)
@example(1 + 2.0**-12, 1 + 2.0**-12, -(2.0**-90))
@example(1 + 3 * 2.0**-12, 1 + 2.0**-12, -(2.0**-90))
def test_fma32(a, b, c):
    exact = Fraction(a) * Fraction(b) + Fraction(c)
    assert fma32(np.array([a], np.float32), b, c)[0] == rounded(exact, 24)


@settings(derandomize=True, max_examples=200, deadline=None)
@given(dyadic(24, -30, 0).map(abs), dyadic(24, -70, 10), st.integers(0, 2**24 - 1))
def test_sum_is_exact(width, low, k):
    """Where it says so, k width / 2**24 + low is one float64."""
    grid = width * 2.0**-24
    if sum_is_exact(grid, width, low):
        assert Fraction(k * grid + low) == k * Fraction(grid) + Fraction(low)


@pytest.mark.parametrize("size", [1e300, 1e-290])
def test_fma64_far_from_one(size):
    values = np.linspace(0.1, 0.9, 50)
    scale, offset = 0.7 * size, -0.3 * size
    exact = [Fraction(v) * Fraction(scale) + Fraction(offset) for v in values.tolist()]
    assert fma64(values, scale, offset).tolist() == [rounded(x, 53) for x in exact]


def test_fma64_below_the_normal_numbers():
    """Rounded once, to a multiple of the smallest number, as is Python's quotient of integers."""
    values = np.linspace(0.1, 0.9, 50)
    scale, offset = 2.3e-310, 1.1e-310
    exact = [Fraction(v) * Fraction(scale) + Fraction(offset) for v in values.tolist()]
    assert fma64(values, scale, offset).tolist() == [x.numerator / x.denominator for x in exact]


def test_cast_to_float16_rounds_twice():
    """From float64 by way of float32: this number is a half of a last place of float16 only in float32."""
    x = np.array([1 + 2.0**-11 + 2.0**-40])
    assert x.astype(np.float16)[0] != cast(x, np.float16)[0]

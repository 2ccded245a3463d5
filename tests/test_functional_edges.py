"""Functions where they are not smooth, not finite or have nothing to work on: PyTorch's values and gradients.

EXPECTED is what PyTorch 2.13 gives on a CPU in float32; `test_expected_is_pytorchs` asks it again where it is
installed.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from fnnet import functional as F

INF, NAN = np.inf, np.nan
POINTS = [[0.0, 0.0], [1.0, -1.0], [3.0, 4.0]]

Call = tuple[str, list[Any], dict[str, Any], Any, list[Any]]
"""Function, arrays, keyword arguments, the output, and the gradients of its sum."""

EXPECTED: dict[str, Call] = {
    "lp_pool2d of zeros": ("lp_pool2d", [[[[0.0, 0.0], [0.0, 0.0]]]], {"norm_type": 2, "kernel_size": 2},
                           [[[0.0]]], [[[[0.0, 0.0], [0.0, 0.0]]]]),
    "cosine of what overflows": ("cosine_similarity", [[[1e20, 1e20]], [[1e20, 0.0]]], {},
                                 [0.0], [[[0.0, 0.0]], [[0.0, 0.0]]]),
    "cdist at ties": ("cdist", [POINTS[:2], [[1.0, -1.0]]], {"p": INF},
                      [[1.0], [0.0]], [[[-1.0, 1.0], [0.0, 0.0]], [[1.0, -1.0]]]),
    "pdist at ties": ("pdist", [POINTS[:2]], {"p": INF}, [1.0], [[[-1.0, 1.0], [1.0, -1.0]]]),
    "div by little": ("div", [[0.0, 1e-30], [1e-25, 1e-25]], {},
                      [0.0, 1e-5], [[1e25, 1e25], [0.0, -1e20]]),
    "div by much": ("div", [[1e30], [1e25]], {}, [1e5], [[1e-25], [-1e-20]]),
    "cumprod at infinity": ("cumprod", [[1.0, INF, 2.0]], {"dim": 0}, [1.0, INF, INF], [[INF, NAN, INF]]),
    "cumprod from infinity": ("cumprod", [[INF, 1.0, 2.0]], {"dim": 0}, [INF, INF, INF], [[NAN, INF, INF]]),
    "cumprod of NaN": ("cumprod", [[NAN, 1.0, 2.0]], {"dim": 0}, [NAN, NAN, NAN], [[NAN, NAN, NAN]]),
    "cumprod at zero": ("cumprod", [[3.0, 0.0, 2.0, 0.0]], {"dim": 0}, [3.0, 0.0, 0.0, 0.0],
                        [[1.0, 9.0, 0.0, 0.0]]),
    "exp2 of whole numbers": ("exp2", [[10.0, 24.0, 100.0, -100.0]], {},
                              [1024.0, 16777216.0, 1.2676506e30, 7.88860905e-31],
                              [[709.782715, 11629080.0, 8.78668442e29, 5.46796714e-31]]),
    "sinc near 0": ("sinc", [[0.0, 1e-8, -1e-8, 0.5]], {}, [1.0, 1.0, 1.0, 0.636619747],
                    [[0.0, 0.0, 0.0, -1.27323961]]),
    "ndtri at its ends": ("ndtri", [[0.0, 1.0, 0.5]], {}, [-INF, INF, 0.0], [[INF, INF, 2.5066283]]),
    "ctc without a path": ("ctc_loss", [[[-1.0, -0.5]] * 2], {"targets": [1, 1], "input_lengths": [2],
                           "target_lengths": [2], "reduction": "none"}, INF, [[[NAN, NAN]] * 2]),
    "attention to no key": ("scaled_dot_product_attention", [np.ones((1, 2, 3)), np.ones((1, 0, 3)),
                            np.ones((1, 0, 3))], {}, np.zeros((1, 2, 3)),
                            [np.zeros((1, 2, 3)), np.zeros((1, 0, 3)), np.zeros((1, 0, 3))]),
    "attention of no query": ("scaled_dot_product_attention", [np.ones((1, 0, 3))] * 3, {},
                              np.zeros((1, 0, 3)), [np.zeros((1, 0, 3))] * 3),
    "attention of no features": ("scaled_dot_product_attention", [np.ones((1, 2, 0))] * 3, {},
                                 np.zeros((1, 2, 0)), [np.zeros((1, 2, 0))] * 3),
}  # fmt: skip


def check(name: str, output: Any, gradients: Any) -> None:
    _, _, _, expected, slopes = EXPECTED[name]
    np.testing.assert_allclose(output, np.asarray(expected, np.float32), rtol=2e-6, err_msg=name)
    for got, slope in zip(gradients, slopes, strict=True):
        np.testing.assert_allclose(got, np.asarray(slope, np.float32), rtol=2e-6, err_msg=name)


@pytest.mark.parametrize("name", EXPECTED)
def test_value_and_gradient(name: str) -> None:
    function, given, options, _, _ = EXPECTED[name]
    plain = {n: jnp.asarray(v, jnp.int32) if isinstance(v, list) else v for n, v in options.items()}

    def call(*arrays: jax.Array) -> Any:
        return getattr(F, function)(*arrays, **plain)

    arrays = [jnp.asarray(one, jnp.float32) for one in given]
    output, pullback = jax.vjp(call, *arrays)
    check(name, output, pullback(jnp.ones_like(output)))


@pytest.mark.torch
@pytest.mark.parametrize("name", EXPECTED)
def test_expected_is_pytorchs(name: str) -> None:
    torch = pytest.importorskip("torch")
    function, given, options, _, _ = EXPECTED[name]
    places = (torch.nn.functional, torch, torch.special)
    theirs: Callable[..., Any] = next(getattr(p, function) for p in places if hasattr(p, function))
    tensors = [torch.tensor(np.asarray(one), dtype=torch.float32).requires_grad_() for one in given]
    options = {n: torch.tensor(v) if isinstance(v, list) else v for n, v in options.items()}
    output = theirs(*tensors, **options)
    gradients = torch.autograd.grad(output.sum(), tensors)
    check(name, output.detach().numpy(), [one.numpy(force=True) for one in gradients])


def test_not_a_number_stays_one() -> None:
    # PyTorch 2.13: torch.special.modified_bessel_k0 and its kin of NaN, zeta(0, 0).
    for name in ("modified_bessel_k0", "modified_bessel_k1", "scaled_modified_bessel_k0"):
        assert np.isnan(getattr(F, name)(jnp.asarray(NAN))), name
    assert np.isnan(F.zeta(jnp.asarray(0.0), jnp.asarray(0.0)))


def test_windows_of_one_point() -> None:
    assert F.cosine(1, sym=False).tolist() == [1.0]
    assert F.exponential_window(1, sym=False, tau=2.78).tolist() == [1.0]


def test_nextafter_stands_where_it_has_arrived() -> None:
    slope = jax.grad(lambda x: F.nextafter(x, jnp.asarray(2.0)))
    assert (slope(1.0), slope(2.0)) == (1.0, 0.0)


def test_weights_of_a_covariance_are_summed_in_their_own_type() -> None:
    # PyTorch 2.13: torch.cov(x, aweights=w) for float64 x and float32 w.
    with jax.enable_x64(True):
        x = jnp.asarray([[0.1, -2.3, 1.7], [0.9, 0.4, -1.1]])
        got = F.cov(x, aweights=jnp.asarray([0.1, 0.7, 0.3], jnp.float32))
    expected = [[6.193547864084814, -2.05161274232683], [-2.05161274232683, 0.9838708920758383]]
    np.testing.assert_allclose(got, expected, rtol=1e-12)


def test_stft_aligns_the_window() -> None:
    """Recorded: row 1 of torch.stft(arange(12.), n_fft, 2, win, hann_window(win), center=False, ...)."""
    for n_fft, win, expected in (
        (6, 4, [-3.0, -6.0, -9.0, -12.0, -15.0]),
        (8, 3, [-2.0303, -4.5910, -7.1516, -9.7123, -12.2730]),
    ):
        signal, window = jnp.arange(12.0), F.hann_window(win)
        options: dict[str, Any] = {"center": False, "align_to_window": True, "return_complex": True}
        found = F.stft(signal, n_fft, 2, win, window, **options)
        np.testing.assert_allclose(found[1].real, expected, atol=1e-4)
    with pytest.raises(RuntimeError, match="should only be set when center = false"):
        F.stft(signal, 6, 2, 4, F.hann_window(4), align_to_window=False, return_complex=True)


def test_gradients_of_convolutions_of_no_example() -> None:
    # PyTorch 2.13: zeros for weight and bias, an empty gradient of the input.
    for function, shape in ((F.conv2d, (4, 3, 2, 2)), (F.conv_transpose2d, (3, 4, 2, 2))):
        given = jnp.ones((0, 3, 5, 5)), jnp.ones(shape), jnp.ones(4)
        output, pullback = jax.vjp(function, *given)
        for one, gradient in zip(given, pullback(jnp.ones_like(output)), strict=True):
            assert gradient.shape == one.shape
            assert not gradient.any()

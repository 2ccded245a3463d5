"""Convolutions that are computed as products of matrices, sums and phases: XLA's own are the measure."""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from jax import lax

import fnnet.torch as torch
from fnnet import functional
from fnnet.functional import convolution_products

SIZES = {1: (11,), 2: (9, 8), 3: (6, 5, 7)}


@pytest.fixture
def products(monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    """The layouts of the convolutions that are computed so."""
    seen: list[Any] = []
    plain = convolution_products._products

    def noted(layout: Any, *given: Any) -> Any:
        seen.append(layout)
        return plain(layout, *given)

    monkeypatch.setattr(convolution_products, "_products", noted)
    return seen


def arrays(n: int, batch: int, kernel: int, groups: int = 1) -> tuple[Any, Any]:
    draws = np.random.default_rng(batch + kernel)
    x = draws.standard_normal((batch, 4, *SIZES[n])).astype(np.float32)
    return x, draws.standard_normal((8, 4 // groups, *[kernel] * n)).astype(np.float32)


def with_gradients(convolution: Any) -> Any:
    def loss(x: Any, weight: Any) -> Any:
        y = convolution(x, weight)
        return (y * y).sum(), y

    def run(x: Any, weight: Any) -> Any:
        (_, y), gradients = jax.value_and_grad(loss, argnums=(0, 1), has_aux=True)(x, weight)
        return y, *gradients

    return run


def plain(n: int, stride: int = 1, padding: int = 0, dilation: int = 1, groups: int = 1) -> Any:
    return lambda x, weight: lax.conv_general_dilated(
        x,
        weight,
        (stride,) * n,
        [(padding, padding)] * n,
        rhs_dilation=(dilation,) * n,
        feature_group_count=groups,
    )


def close(seen: Any, expected: Any) -> None:
    for one, wanted in zip(seen, expected, strict=True):
        scale = float(np.abs(wanted).max(initial=1e-6))  # sums of many terms: errors are relative to them
        np.testing.assert_allclose(np.asarray(one), wanted, rtol=0, atol=1e-6 * scale)


def check(n: int, batch: int, kernel: int, **options: Any) -> None:
    """The pure function, and the adapter's, which has its windows written out in another way."""
    x, weight = arrays(n, batch, kernel, options.get("groups", 1))
    expected = jax.jit(with_gradients(plain(n, **options)))(x, weight)
    name = f"conv{n}d"
    pure = with_gradients(lambda x, w: getattr(functional, name)(x, w, **options))
    close(jax.jit(pure)(x, weight), expected)
    inputs = [torch.tensor(array, requires_grad=True) for array in (x, weight)]
    y = getattr(torch.nn.functional, name)(*inputs, **options)
    (y * y).sum().backward()
    close([one.detach().numpy() for one in (y, inputs[0].grad, inputs[1].grad)], expected)


@settings(max_examples=6, deadline=None, derandomize=True, database=None)
@given(
    n=st.sampled_from((1, 2, 3)),
    kernel=st.integers(1, 3),
    stride=st.integers(1, 3),
    padding=st.integers(0, 2),
    dilation=st.integers(1, 2),
    groups=st.sampled_from((1, 2, 4)),
)
def test_every_option(n: int, kernel: int, stride: int, padding: int, dilation: int, groups: int) -> None:
    check(n, 2, kernel, stride=stride, padding=padding, dilation=dilation, groups=groups)


def test_sums_of_many_terms_go_row_by_row() -> None:
    check(2, 2, 5, padding=2, groups=4)
    check(2, 2, 4, stride=2, padding=3, dilation=2, groups=2)
    check(3, 2, 3, padding=1, groups=4)
    x, weight = arrays(2, 2, 5, 4)
    loops = [lambda x, w: functional.conv2d(x, w, padding=2, groups=4)]
    loops.append(lambda x, w: jax.grad(lambda w: loops[0](x, w).sum())(w))
    assert all("while" in jax.jit(one).lower(x, weight).as_text() for one in loops)


def test_a_strided_convolution_has_a_gradient_in_phases() -> None:
    check(2, 2, 3, stride=2, padding=1)
    check(1, 2, 4, stride=2, padding=1)  # phases of one size are parts of one convolution
    check(1, 2, 1, stride=3)  # some phases meet nothing of the kernel


@pytest.mark.parametrize("batch", [5, 6])
def test_a_large_batch_is_taken_in_parts(
    batch: int, products: list[Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(convolution_products, "_CACHED", 6000)  # two pictures
    check(2, batch, 3, padding=1)
    parts = {(one.of_kernel, one.examples, one.part) for one in products}
    part = 2 if batch == 6 else 1
    assert {(True, batch, part), (False, batch, part)} <= parts


def test_transformations() -> None:
    x, weight = map(jnp.asarray, arrays(2, 2, 3))
    ours, own = functional.conv2d, plain(2)
    xs, weights = jnp.stack([x, x + 1]), jnp.stack([weight, weight * 2])
    for axes, given_ in (((0, None), (xs, weight)), ((None, 0), (x, weights)), ((0, 0), (xs, weights))):
        close([jax.vmap(ours, axes)(*given_)], [jax.vmap(own, axes)(*given_)])
    close([jax.jvp(ours, (x, weight), (x, weight))[1]], [2 * own(x, weight)])

    def twice(convolution: Any) -> Any:
        first = jax.grad(lambda w: (convolution(x, w) ** 3).sum())
        return jax.jvp(first, (weight,), (weight,))

    close(twice(ours), twice(own))


def test_what_is_too_large_is_left_to_xla(products: list[Any]) -> None:
    F = torch.nn.functional
    x = torch.ones(1, 4, 130, 130)
    assert F.conv2d(x, torch.ones(2, 4, 7, 7)).sum().item() == 2 * 4 * 49 * 124 * 124
    assert not products
    assert F.conv2d(torch.ones(0, 4, 9, 9), torch.ones(2, 4, 3, 3)).shape == (0, 2, 7, 7)


def test_other_platforms_keep_the_convolution() -> None:
    traced = jax.jit(with_gradients(functional.conv2d)).trace(*arrays(2, 2, 3))
    for platform, count in (("cuda", 3), ("cpu", 0)):
        text = traced.lower(lowering_platforms=(platform,)).as_text()
        assert text.count("stablehlo.convolution") == count

"""L D L^T of symmetric matrices: the factors, pivots and solutions that PyTorch gives."""

from __future__ import annotations

from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import quickly

from fnnet import functional as F

RECORDED = np.load(Path(__file__).parent / "reference" / "symmetric_factors.npz")
REGULAR = np.array([0, 1, 2, 4])


@pytest.mark.parametrize("kind", ["complex", "hermitian"])
def test_factors_and_solutions(kind):
    def run(A, B):
        made = F.linalg_ldl_factor_ex(A, hermitian=kind == "hermitian")
        regular = [x[REGULAR] for x in (made.LD, made.pivots, B)]
        return made, F.linalg_ldl_solve(*regular, hermitian=kind == "hermitian")

    A, B = (RECORDED[f"{kind}.{name}"] for name in "AB")
    with jax.enable_x64(True):
        made, X = quickly.jit(run)(np.tril(A) + np.triu(np.full_like(A, 7), 1), B)  # reads the lower triangle
    assert np.array_equal(made.pivots, RECORDED[f"{kind}.pivots"])
    assert (np.asarray(made.pivots) < 0).any()
    assert np.array_equal(made.info, RECORDED[f"{kind}.info"])
    np.testing.assert_allclose(made.LD, RECORDED[f"{kind}.LD"], 1e-7, 1e-7)
    np.testing.assert_allclose(X, RECORDED[f"{kind}.X"], 1e-7, 1e-7)


@pytest.mark.slow
def test_derivatives_are_pytorchs_slopes():
    A, B, weights = (RECORDED[f"real.{name}"][:3] for name in ("A", "B", "X"))

    def pull(A, B):
        def run(A):
            made = F.linalg_ldl_factor_ex(A)
            return F.linalg_ldl_solve(made.LD, made.pivots, B)

        return jax.vjp(run, A)[1](weights)[0]

    along = B[:, :, :1] * B[:, :, :1].swapaxes(1, 2)
    with jax.enable_x64(True):
        gradient = np.asarray(quickly.jit(pull)(A, B))
    np.testing.assert_allclose((gradient * along).sum(), (RECORDED["real.slope"] * weights).sum(), 1e-6)


def test_empty():
    made = F.linalg_ldl_factor_ex(jnp.zeros((2, 0, 0)))
    assert [x.shape for x in made] == [(2, 0, 0), (2, 0), (2,)]
    assert F.linalg_ldl_solve(*made[:2], jnp.zeros((3, 2, 0, 4))).shape == (3, 2, 0, 4)


def test_refuses():
    square, pivots, right = jnp.eye(3), jnp.arange(1, 4), jnp.ones((3, 1))
    for given, words in (
        ((jnp.ones((3, 4)),), "must be batches of square matrices"),
        ((jnp.ones(3),), "must have at least 2 dimensions"),
        ((jnp.ones((3, 3), int),), "Expected a floating point or complex tensor"),
        ((jnp.zeros((1, 1)),), "ldl_factor: .* is zero"),
    ):
        with pytest.raises(RuntimeError, match=words):
            F.linalg_ldl_factor(*given)
    for given, words in (
        ((square, pivots, jnp.ones((4, 1))), "each A matrix is 3 by 3 but each b matrix is 4 by 1"),
        ((square, pivots[:2], right), "Expected LD.shape"),
        ((square, pivots.astype(float), right), "Expected pivots to be integers. Got Float"),
        ((square, pivots, right.astype(jnp.bfloat16)), "to have the same dtype"),
        ((square, pivots, jnp.ones(3)), "at least 2 dimensions"),
    ):
        with pytest.raises(RuntimeError, match=words):
            F.linalg_ldl_solve(*given)


def test_adapter_has_them():
    from fnnet import torch

    factors = torch.linalg.ldl_factor(torch.tensor(RECORDED["real.A"][REGULAR]))
    assert np.array_equal(factors.pivots.numpy(), RECORDED["real.pivots"][REGULAR])
    np.testing.assert_allclose(factors.LD.numpy(), RECORDED["real.LD"][REGULAR], 1e-7, 1e-7)
    with pytest.raises(RuntimeError, match=r"ldl_factor: D\[1\] is zero"):
        torch.linalg.ldl_factor(torch.zeros(3, 3))

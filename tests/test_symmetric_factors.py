"""L D L^T of symmetric matrices: the factors, pivots and solutions that PyTorch gives."""

from __future__ import annotations

from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from fnnet import functional as F

RECORDED = np.load(Path(__file__).parent / "reference" / "symmetric_factors.npz")
REGULAR = np.array([0, 1, 2, 4])


@pytest.mark.parametrize("kind", ["real", "complex", "hermitian"])
def test_factors_and_solutions(kind):
    def run(A, B):
        made = F.linalg_ldl_factor_ex(A, hermitian=kind == "hermitian")
        regular = [x[REGULAR] for x in (made.LD, made.pivots, B)]
        return made, F.linalg_ldl_solve(*regular, hermitian=kind == "hermitian")

    with jax.enable_x64(True):
        made, X = jax.jit(run)(*(jnp.asarray(RECORDED[f"{kind}.{name}"]) for name in "AB"))
    assert np.array_equal(made.pivots, RECORDED[f"{kind}.pivots"])
    assert (np.asarray(made.pivots) < 0).any()
    assert np.array_equal(made.info, RECORDED[f"{kind}.info"])
    np.testing.assert_allclose(made.LD, RECORDED[f"{kind}.LD"], 1e-7, 1e-7)
    np.testing.assert_allclose(X, RECORDED[f"{kind}.X"], 1e-7, 1e-7)


def test_reads_the_lower_triangle():
    A = jnp.asarray([[2.0, 100.0], [1.0, 5.0]])
    factors = F.linalg_ldl_factor(A)
    np.testing.assert_allclose(factors.LD, [[2, 0], [0.5, 4.5]])
    assert np.array_equal(factors.pivots, [1, 2])


def test_derivatives_are_slopes():
    quickly = {"xla_backend_optimization_level": 0}

    def run(A, B):
        made = F.linalg_ldl_factor_ex(A)
        return F.linalg_ldl_solve(made.LD, made.pivots, B)

    with jax.enable_x64(True):
        A, B, weights = (jnp.asarray(RECORDED[f"real.{name}"][:3]) for name in ("A", "B", "X"))
        along = 1e-6 * B[:, :, :1] * B[:, :, :1].mT
        slope = jax.jit(run, compiler_options=quickly)
        expected = ((slope(A + along, B) - slope(A - along, B)) / 2 * weights).sum()
        pull = jax.jit(lambda A, B: jax.vjp(run, A, B)[1](weights), compiler_options=quickly)
        np.testing.assert_allclose((pull(A, B)[0] * along).sum(), expected, 1e-6)


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
        ((jnp.zeros((3, 3)),), "ldl_factor: .* is zero"),
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

    A = torch.tensor(RECORDED["real.A"][REGULAR])
    factors = torch.linalg.ldl_factor(A)
    assert np.array_equal(factors.pivots.numpy(), RECORDED["real.pivots"][REGULAR])
    X = torch.linalg.ldl_solve(*factors, torch.tensor(RECORDED["real.B"][REGULAR]))
    np.testing.assert_allclose(X.numpy(), RECORDED["real.X"], 1e-7, 1e-7)
    with pytest.raises(RuntimeError, match=r"ldl_factor: D\[1\] is zero"):
        torch.linalg.ldl_factor(torch.zeros(3, 3))
    assert torch.linalg.ldl_factor_ex(torch.zeros(3, 3)).info.item() == 1

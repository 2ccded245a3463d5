"""Recurrent layers on packed sequences: each sequence gives what it gives alone, under jit too."""

from __future__ import annotations

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import fnnet
import fnnet.functional as F


def test_packed_sequences_give_what_each_gives_alone() -> None:
    lengths, width = [1, 3], 3
    rng = np.random.default_rng(0)
    given = [jnp.asarray(rng.standard_normal((n, width)), jnp.float32) for n in lengths]
    layer = fnnet.RNN(width, 2, bidirectional=True)
    params = layer.init(jax.random.key(0))
    pack = F.pack_sequence(given, enforce_sorted=False)
    assert pack.batch_sizes == (2, 1, 1)
    np.testing.assert_array_equal(pack.sorted_indices, [1, 0])

    @jax.jit
    def together(params, pack):
        def loss(params):
            output, last = layer(params, pack)
            return (output.data**2).sum(), (output, last)

        return jax.grad(loss, has_aux=True)(params)

    @jax.jit
    def one_by_one(params, given):
        def loss(params):
            outputs = [layer(params, one) for one in given]
            return sum((output**2).sum() for output, _ in outputs), outputs

        return jax.grad(loss, has_aux=True)(params)

    gradient, (output, last) = together(params, pack)
    expected, outputs = one_by_one(params, given)
    for i, one in enumerate(F.unpack_sequence(output)):
        np.testing.assert_allclose(one, outputs[i][0], 1e-5, 1e-6)
        np.testing.assert_allclose(last[:, i], outputs[i][1], 1e-5, 1e-6)
    jax.tree.map(lambda a, b: np.testing.assert_allclose(a, b, 1e-4, 1e-5), gradient, expected)


def test_lengths_must_be_known_and_fit() -> None:
    padded = jnp.zeros((4, 2, 3))
    with pytest.raises(TypeError, match="lengths decide shapes"):
        jax.jit(lambda n: F.pack_padded_sequence(padded, n))(jnp.asarray([2, 1]))
    with pytest.raises(RuntimeError, match="the longest length is 5, but the input has 4 steps"):
        F.pack_padded_sequence(padded, [5, 1])
    with pytest.raises(RuntimeError, match=r"Expected `len\(lengths\)` to be equal to batch_size"):
        F.pack_padded_sequence(padded, [2, 2, 1])
    with pytest.raises(RuntimeError, match="input must have 2 dimensions, got 3"):
        fnnet.RNN(3, 2)({}, F.PackedSequence(padded, (4,)))


def test_tables_that_are_there_become_embeddings() -> None:
    table = jnp.arange(6.0).reshape(3, 2)
    layer, params = fnnet.Embedding.from_pretrained(table, padding_idx=0)
    assert layer == fnnet.Embedding(3, 2, padding_idx=0)
    np.testing.assert_array_equal(layer(params, jnp.asarray([2])), table[2:])

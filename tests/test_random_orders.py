"""The orders of fnnet.data.sampler against PyTorch's samplers and loaders, recorded."""

import json
import pathlib
import random

import jax
import numpy as np
import pytest
from random_calls import digest

from fnnet.data import sampler
from fnnet.random import Generator

RECORDED = json.loads((pathlib.Path(__file__).parent / "reference" / "random.json").read_text())["orders"]


def passes(g, count, **kwargs):
    """So many passes of a loader, and the request for one more that ends the last."""
    running = sampler.epochs(g, 23, **kwargs)
    return [next(running).order for _ in range(count)]


# name: the orders, from (the default generator, the sampler's own)
ORDERS = {
    "loader": lambda default, own: passes(default, 3),
    "loader own": lambda default, own: passes(own, 3, own_generator=True),
    "loader sequential": lambda default, own: passes(default, 2, shuffle=False),
    "loader workers": lambda default, own: passes(default, 3),
    "loader persistent": lambda default, own: passes(default, 3, persistent_workers=True),
    "random": lambda default, own: [sampler.random_order(own, 23)],
    "random 50": lambda default, own: [sampler.random_order(own, 23, num_samples=50)],
    "random replacement": lambda default, own: [sampler.random_order(own, 23, True, 70)],
    "subset": lambda default, own: [sampler.subset_random_order(own, [5, 6, 9, 1])],
    "weighted": lambda default, own: [sampler.weighted_random_order(own, [0.5, 6, 9, 1], 30)],
    "weighted once": lambda default, own: [sampler.weighted_random_order(own, [0.5, 6, 9, 1], 3, False)],
    "split": lambda default, own: sampler.random_split(own, 23, [10, 13]),
    "split fractions": lambda default, own: sampler.random_split(own, 23, [0.4, 0.3, 0.3]),
    "distributed False": lambda default, own: [sampler.distributed_order(23, 4, 1, 2, True, 3)],
    "distributed True": lambda default, own: [sampler.distributed_order(23, 4, 1, 2, True, 3, True)],
}


@pytest.mark.parametrize("name", ORDERS)
def test_recorded_orders(name):
    default, own = Generator(3), Generator(8)
    assert np.concatenate(ORDERS[name](default, own)).tolist() == RECORDED[name]
    if name == "loader own":  # its last pass ends when the next is asked for, with one more permutation
        own.randperm(23)
    assert [digest(default.get_state()), digest(own.get_state())] == RECORDED[name + " states"]


def test_every_order_recorded_is_compared():
    assert {name for name in RECORDED if not name.endswith(" states")} == set(ORDERS)


def test_persistent_workers_keep_their_seed():
    running = sampler.epochs(Generator(0), 5, persistent_workers=True)
    assert next(running).base_seed == next(running).base_seed
    running = sampler.epochs(Generator(0), 5)
    assert next(running).base_seed != next(running).base_seed


@pytest.mark.torch
def test_worker_seeds_live():
    torch = pytest.importorskip("torch")
    generate = torch.utils.data._utils.worker._generate_state
    for base_seed in (0, 2**40 + 17, 2**63 - 5):
        seeds = sampler.worker_seeds(base_seed, 3)
        assert seeds.seed == base_seed + 3
        state = generate(base_seed, 3)
        ours, theirs = np.random.RandomState(seeds.numpy), np.random.RandomState(state)
        assert ours.randint(1 << 30) == theirs.randint(1 << 30)


def test_batches():
    assert [b.tolist() for b in sampler.batches(np.arange(7), 3)] == [[0, 1, 2], [3, 4, 5], [6]]
    assert [b.tolist() for b in sampler.batches(np.arange(7), 3, True)] == [[0, 1, 2], [3, 4, 5]]
    assert sampler.batches(np.arange(0), 3) == []


def test_replicas_share_the_items():
    rng = random.Random(0)
    for _ in range(20):
        n, replicas = rng.randint(1, 30), rng.randint(1, 7)
        parts = [
            sampler.distributed_order(n, replicas, rank, rng.randint(0, 3) * 0) for rank in range(replicas)
        ]
        assert len({len(part) for part in parts}) == 1
        assert set(np.concatenate(parts)) == set(range(n))


def test_key_seeds_a_generator():
    first = sampler.random_order(jax.random.key(0), 50)
    assert sorted(first) == list(range(50))
    assert np.array_equal(first, sampler.random_order(jax.random.key(0), 50))
    assert not np.array_equal(first, sampler.random_order(jax.random.key(1), 50))


@pytest.mark.parametrize(
    ("call", "error", "words"),
    [
        (lambda g: sampler.random_order(g, 0), ValueError, "num_samples should be a positive integer value"),
        (lambda g: sampler.random_order(g, 5, 1), TypeError, "replacement should be a boolean value"),
        (lambda g: sampler.weighted_random_order(g, [1.0], 0), ValueError, "got num_samples=0"),
        (
            lambda g: sampler.weighted_random_order(g, [[1.0]], 1),
            ValueError,
            "weights should be a 1d sequence",
        ),
        (
            lambda g: sampler.weighted_random_order(g, [1.0], 1, 1),
            ValueError,
            "replacement should be a boolean",
        ),
        (
            lambda g: sampler.weighted_random_order(g, [1.0], 2, False),
            RuntimeError,
            "cannot sample n_sample >",
        ),
        (lambda g: sampler.batches(np.arange(3), 0), ValueError, "batch_size should be a positive integer"),
        (lambda g: sampler.batches(np.arange(3), 1, 1), ValueError, "drop_last should be a boolean value"),
        (lambda g: sampler.distributed_order(3, 2, 2), ValueError, r"Invalid rank 2, .* \[0, 1\]"),
        (lambda g: sampler.random_split(g, 5, [1, 2]), ValueError, "Sum of input lengths does not equal"),
        (
            lambda g: sampler.random_split(g, 5, [1.5, -0.5]),
            ValueError,
            "Fraction at index 0 is not between 0",
        ),
        (lambda g: sampler.random_split(g, 1, [0.5, 0.5]), UserWarning, "Length of split at index 1 is 0"),
        (lambda g: sampler.random_order(3, 5), TypeError, "expected a fnnet.random.Generator or a JAX key"),
    ],
)
def test_wrong_arguments(call, error, words):
    with pytest.raises(error, match=words):
        call(Generator(0))

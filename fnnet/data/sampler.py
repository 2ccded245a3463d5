"""In which order a dataset's items come: the index orders of PyTorch's samplers and loaders, as NumPy arrays.

The functions that draw take a `fnnet.random.Generator`, and then give PyTorch's orders and leave the stream
where PyTorch leaves it; or a JAX key, from which a generator is seeded.
"""

from __future__ import annotations

import itertools
import math
import warnings
from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

import jax
import numpy as np
from numpy.typing import ArrayLike

from fnnet.random.generator import Generator

_CHUNK = 32  # samples that RandomSampler draws at a time with replacement


def as_generator(random: Any) -> Generator:
    """A generator as it is; of a JAX key, one that the key seeds. Raises TypeError for anything else."""
    if isinstance(random, Generator):
        return random
    if isinstance(random, jax.Array):
        return Generator(int(jax.random.bits(random, dtype=np.uint32)))
    raise TypeError(f"random: expected a fnnet.random.Generator or a JAX key, got {type(random).__name__}")


def random_chunks(
    random: Any, n: int, replacement: bool = False, num_samples: int | None = None
) -> Iterator[np.ndarray]:
    """RandomSampler's indices, in the pieces in which it draws them, each drawn when it is asked for.

    The last piece may be empty: without replacement RandomSampler draws one permutation more than it uses.
    """
    count = n if num_samples is None else num_samples
    if not isinstance(replacement, bool):
        raise TypeError(f"replacement should be a boolean value, but got replacement={replacement}")
    _positive("num_samples", count)
    return _random_chunks(as_generator(random), n, replacement, count)


def _random_chunks(generator: Generator, n: int, replacement: bool, count: int) -> Iterator[np.ndarray]:
    if replacement:
        for _ in range(count // _CHUNK):
            yield generator.randint(0, n, _CHUNK)
        yield generator.randint(0, n, count % _CHUNK)
        return
    for _ in range(count // n):
        yield generator.randperm(n)
    yield generator.randperm(n)[: count % n]


def random_order(
    random: Any, n: int, replacement: bool = False, num_samples: int | None = None
) -> np.ndarray:
    """`list(RandomSampler(range(n), replacement, num_samples, generator))`.

    Raises ValueError for num_samples < 1 (n < 1 if it is not given).
    """
    return np.concatenate(list(random_chunks(random, n, replacement, num_samples)))


def subset_random_order(random: Any, indices: ArrayLike) -> np.ndarray:
    """`list(SubsetRandomSampler(indices, generator))`: the given indices, shuffled."""
    given = np.asarray(indices)
    return given[as_generator(random).randperm(len(given))]


def weighted_random_order(
    random: Any, weights: ArrayLike, num_samples: int, replacement: bool = True
) -> np.ndarray:
    """`list(WeightedRandomSampler(weights, num_samples, replacement, generator))`.

    Raises ValueError for num_samples < 1 or weights that are not one-dimensional, RuntimeError for weights
    that are no distribution, or too few of them.
    """
    _positive("num_samples", num_samples)
    if not isinstance(replacement, bool):
        raise ValueError(f"replacement should be a boolean value, but got replacement={replacement}")
    given = np.asarray(weights, np.float64)
    if given.ndim != 1:
        raise ValueError(f"weights should be a 1d sequence but given weights have shape {given.shape}")
    return as_generator(random).multinomial(given, num_samples, replacement)


def batches(order: np.ndarray, batch_size: int, drop_last: bool = False) -> list[np.ndarray]:
    """An order cut into mini-batches, as BatchSampler does; the last may be smaller, or is dropped.

    Raises ValueError for a batch size below 1.
    """
    _positive("batch_size", batch_size)
    if not isinstance(drop_last, bool):
        raise ValueError(f"drop_last should be a boolean value, but got drop_last={drop_last}")
    end = len(order) - len(order) % batch_size if drop_last else len(order)
    return [order[start : start + batch_size] for start in range(0, end, batch_size)]


def distributed_order(
    n: int,
    num_replicas: int,
    rank: int,
    epoch: int = 0,
    shuffle: bool = True,
    seed: int = 0,
    drop_last: bool = False,
) -> np.ndarray:
    """The order of one replica, as DistributedSampler gives it: every replica has equally many items.

    Raises ValueError for a rank outside [0, num_replicas).
    """
    if not 0 <= rank < num_replicas:
        raise ValueError(f"Invalid rank {rank}, rank should be in the interval [0, {num_replicas - 1}]")
    order = Generator(seed + epoch).randperm(n) if shuffle else np.arange(n)
    if drop_last:
        return order[: n - n % num_replicas][rank::num_replicas]
    total = math.ceil(n / num_replicas) * num_replicas
    return np.resize(order, total)[rank::num_replicas]


def split_lengths(n: int, lengths: Sequence[float]) -> list[int]:
    """The lengths that random_split makes of fractions; lengths that are counts stay.

    Raises ValueError for a fraction outside [0, 1] or lengths that do not sum up to n. Warns of empty parts.
    """
    if math.isclose(sum(lengths), 1) and sum(lengths) <= 1:
        for i, fraction in enumerate(lengths):
            if not 0 <= fraction <= 1:
                raise ValueError(f"Fraction at index {i} is not between 0 and 1")
        counts = [math.floor(n * fraction) for fraction in lengths]
        for i in range(n - sum(counts)):
            counts[i % len(counts)] += 1
        for i, count in enumerate(counts):
            if not count:
                warnings.warn(
                    f"Length of split at index {i} is 0. This might result in an empty dataset.",
                    stacklevel=3,
                )
    else:
        counts = [int(length) for length in lengths]
    if sum(counts) != n:
        raise ValueError(
            "Sum of input lengths does not equal the length of the input dataset! "
            f"lengths {list(lengths)}, dataset {n}"
        )
    return counts


def random_split(random: Any, n: int, lengths: Sequence[float]) -> list[np.ndarray]:
    """The indices of each part of `torch.utils.data.random_split(range(n), lengths, generator)`."""
    counts = split_lengths(n, lengths)
    order = as_generator(random).randperm(n)
    ends = list(itertools.accumulate(counts))
    return [order[end - count : end] for end, count in zip(ends, counts, strict=True)]


class Epoch(NamedTuple):
    """One pass over a dataset.

    Attributes:
        order: the indices.
        base_seed: worker w of this pass starts from `worker_seeds(base_seed, w)`.
    """

    order: np.ndarray
    base_seed: int


def epochs(
    random: Any,
    n: int,
    shuffle: bool = True,
    own_generator: bool = False,
    persistent_workers: bool = False,
) -> Iterator[Epoch]:
    """The passes of a DataLoader over n items, one after the other, without end.

    Args:
        random: PyTorch's default generator; its other draws may come between the passes, as in a program.
        n: how many items.
        shuffle: the loader's.
        own_generator: `random` is instead the loader's `generator=` argument. Such a loader, if it shuffles,
            draws a permutation more at the end of each pass; here, when the next pass is asked for.
        persistent_workers: the loader's; then all passes have the first one's workers, and base seed.

    The number of workers changes nothing.
    """
    generator = as_generator(random)
    base_seed: int | None = None
    while True:
        if base_seed is None or not persistent_workers:
            base_seed = generator.draw_seed()
        if not shuffle:
            yield Epoch(np.arange(n), base_seed)
            continue
        chunks = random_chunks(generator if own_generator else Generator(generator.draw_seed()), n)
        yield Epoch(next(chunks), base_seed)
        for _ in chunks:
            pass


class WorkerSeeds(NamedTuple):
    """What a loader's worker process seeds: torch and `random` with one number, NumPy with four words."""

    seed: int
    numpy: np.ndarray


def worker_seeds(base_seed: int, worker: int) -> WorkerSeeds:
    """The seeds of worker number `worker`."""
    words = np.random.SeedSequence([worker, base_seed & 0xFFFFFFFF, base_seed >> 32]).generate_state(4)
    return WorkerSeeds(base_seed + worker, words)


def _positive(name: str, value: Any) -> None:
    if not isinstance(value, int) or isinstance(value, bool) or value <= 0:
        raise ValueError(f"{name} should be a positive integer value, but got {name}={value}")

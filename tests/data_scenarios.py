"""Programs over torch.utils.data and autograd's extras, run under PyTorch and under fnnet.torch alike.

Each takes the module `torch` and returns plain numbers, strings and lists.
"""

from __future__ import annotations

import random
import warnings
from collections.abc import Callable
from typing import Any

import numpy as np


def plain(given: Any) -> Any:
    """Tensors as lists."""
    if hasattr(given, "tolist"):
        return given.tolist()
    if isinstance(given, dict):
        return {name: plain(one) for name, one in given.items()}
    return [plain(one) for one in given] if isinstance(given, list | tuple) else given


def _after(torch: Any) -> Any:
    """Where the default stream stands."""
    return torch.randint(0, 2**24, (2,)).tolist()


def _loader(torch: Any, count: int = 10, **options: Any) -> Any:
    torch.manual_seed(7)
    data = torch.utils.data
    given = data.TensorDataset(torch.arange(count), torch.arange(count) * 0.5)
    return data.DataLoader(given, **options)


def orders(torch: Any) -> Any:
    seen = {}
    for name, options in {
        "plain": {"batch_size": 4},
        "shuffled": {"batch_size": 4, "shuffle": True},
        "dropped": {"batch_size": 3, "shuffle": True, "drop_last": True},
        "single": {"batch_size": None, "shuffle": True},
    }.items():
        loader = _loader(torch, **options)
        seen[name] = [[[plain(one[0]) for one in loader] for _ in range(2)], len(loader), _after(torch)]
    return seen


def own_generator(torch: Any) -> Any:
    generator = torch.Generator()
    generator.manual_seed(3)
    loader = _loader(torch, batch_size=4, shuffle=True, generator=generator)
    passes = [[plain(one[0]) for one in loader] for _ in range(2)]
    return [passes, _after(torch), torch.randint(0, 100, (2,), generator=generator).tolist()]


def samplers(torch: Any) -> Any:
    data = torch.utils.data
    torch.manual_seed(5)
    made = [
        list(data.RandomSampler(range(7))),
        list(data.RandomSampler(range(7), num_samples=17)),
        list(data.RandomSampler(range(7), replacement=True, num_samples=40)),
        list(data.SubsetRandomSampler([4, 8, 15, 16])),
        list(data.WeightedRandomSampler([0.1, 0.4, 2.0], 6)),
        list(data.WeightedRandomSampler([0.1, 0.4, 2.0], 2, replacement=False)),
        list(data.BatchSampler(data.SequentialSampler(range(5)), 2, True)),
        [list(data.distributed.DistributedSampler(range(10), 3, rank)) for rank in range(3)],
        [part.indices for part in data.random_split(range(10), [0.3, 0.3, 0.4])],
    ]
    return [*made, _after(torch)]


def datasets(torch: Any) -> Any:
    data = torch.utils.data
    first, second = data.TensorDataset(torch.arange(3)), data.TensorDataset(torch.arange(10, 12))
    both = first + second
    return [
        [plain(both[i]) for i in (0, 3, -1)],
        len(both),
        plain(data.StackDataset(a=first, b=[1, 2, 3])[1]),
        plain(data.Subset(both, [4, 0])[0]),
        plain(next(iter(data.DataLoader(data.StackDataset(first, [1, 2, 3]), 2)))),
    ]


def collating(torch: Any) -> Any:
    collate, convert = torch.utils.data.default_collate, torch.utils.data.default_convert
    batch = [{"a": 1, "b": [0.5, "x"], "c": np.ones(2)}, {"a": 2, "b": [1.5, "y"], "c": np.zeros(2)}]
    kinds = [str(collate([one, one]).dtype) for one in (1, 1.0, True, np.float32(1), np.int8(1), np.ones(1))]
    return [plain(collate(batch)), kinds, plain(convert([np.ones(2), "s", (1, np.zeros(1))]))]


def errors(torch: Any) -> Any:
    data = torch.utils.data
    seen = []
    for attempt in (
        lambda: data.DataLoader([1], num_workers=-1),
        lambda: data.DataLoader([1], prefetch_factor=2),
        lambda: data.DataLoader([1], sampler=[0], shuffle=True),
        lambda: data.DataLoader([1], batch_size=0),
        lambda: data.DataLoader([1], persistent_workers=True),
        lambda: data.RandomSampler([], num_samples=0),
        lambda: data.random_split([1, 2], [1, 2]),
        lambda: data.default_collate([object()]),
        lambda: data.default_collate([[1], [1, 2]]),
        lambda: setattr(data.DataLoader([1]), "batch_size", 3),
    ):
        try:
            attempt()
            seen.append("nothing")
        except (ValueError, TypeError, RuntimeError) as error:
            seen.append([type(error).__name__, str(error)[:40]])
    return seen


def _noisy(torch: Any) -> Any:
    class Noisy(torch.utils.data.Dataset):
        def __len__(self) -> int:
            return 9

        def __getitem__(self, i: int) -> Any:
            if i == 100:
                raise KeyError("missing")
            noise = torch.rand(2) * 2 - 1
            number = torch.utils.data.get_worker_info().id
            return i, noise, random.random(), np.random.rand(), number  # noqa: NPY002

    return Noisy()


def workers(torch: Any) -> Any:
    """Worker processes draw their own numbers; the second pass has the same workers."""
    torch.manual_seed(11)
    loader = torch.utils.data.DataLoader(
        _noisy(torch), 2, shuffle=True, num_workers=2, persistent_workers=True, multiprocessing_context="fork"
    )
    found = [[plain(batch) for batch in loader] for _ in range(2)]
    return [found, _after(torch)]


def streams(torch: Any) -> Any:
    class Stream(torch.utils.data.IterableDataset):
        def __iter__(self) -> Any:
            info = torch.utils.data.get_worker_info()
            return iter(range(info.id, 7, info.num_workers) if info else range(7))

    load = torch.utils.data.DataLoader
    return [
        [plain(one) for one in load(Stream(), 3)],
        [plain(one) for one in load(Stream(), 2, num_workers=2, multiprocessing_context="fork")],
    ]


def raised(torch: Any) -> Any:
    loader = torch.utils.data.DataLoader(
        _noisy(torch), sampler=[100], num_workers=1, multiprocessing_context="fork"
    )
    try:
        list(loader)
    except KeyError as error:
        lines = str(error).splitlines()
        return [*lines[:2], lines[-1]]
    return "nothing"


def said(torch: Any) -> Any:
    """What is said at the edges: every word of the first lines, every warning."""
    data = torch.utils.data

    class Stream(data.IterableDataset):
        def __iter__(self) -> Any:
            return iter(range(2))

    def pinned() -> Any:
        return len(list(data.DataLoader([1], pin_memory=True, pin_memory_device="cuda")))

    def work(items: Any, **options: Any) -> Any:
        return plain(
            list(data.DataLoader(items, 2, num_workers=1, multiprocessing_context="fork", **options))
        )

    class Threads(data.Dataset):
        def __len__(self) -> int:
            return 1

        def __getitem__(self, i: int) -> Any:
            return torch.get_num_threads()

    seen = []
    for attempt in (
        lambda: data.DataLoader(Stream(), shuffle=[]),
        lambda: len(iter(data.DataLoader(Stream()))),
        lambda: [data.DataLoader(one)._dataset_kind for one in ([1], Stream())],
        lambda: pinned(),
        lambda: data.ConcatDataset([[1], [2, 3]]).cummulative_sizes,
        lambda: data.TensorDataset(torch.tensor(1.0)),
        lambda: torch.tensor(1.0).stride(-1),
        lambda: repr(iter(data.DataLoader([1]))).split(" ")[0].rpartition(".")[2],
        lambda: work([torch.ones(1), torch.ones(2)]),
        lambda: work([torch.ones(1, requires_grad=True)] * 2),
        lambda: work(Threads()),
        lambda: torch.multinomial(torch.ones(0), 3, True),
    ):
        with warnings.catch_warnings(record=True) as warned:
            warnings.simplefilter("always")
            try:
                found = attempt()
            except (RuntimeError, ValueError, TypeError, IndexError) as error:
                lines = [line for line in str(error).splitlines() if not line.startswith("  ")]
                found = [type(error).__name__, *lines, repr(error.__cause__)]
        seen.append([found, [str(one.message) for one in warned if "fork" not in str(one.message)]])
    seen[-1] = [text.split(":")[0] if isinstance(text, str) else text for text in seen[-1][0]]
    return seen


def derivatives(torch: Any) -> Any:
    made = torch.autograd.functional
    x = torch.tensor([1.0, 2.0, 3.0], dtype=torch.float64, requires_grad=True)
    y = torch.tensor([0.5, -1.0, 2.0], dtype=torch.float64, requires_grad=True)
    v = torch.ones(3, dtype=torch.float64)

    def f(a: Any, b: Any) -> Any:
        return (a * b).exp()

    def g(a: Any, b: Any) -> Any:
        return (a * b * b).sum()

    return plain([
        made.jacobian(f, (x, y)), made.hessian(g, (x, y)), made.vjp(f, (x, y), v),
        made.jvp(f, (x, y), (v, v)),
        made.hvp(g, (x, y), (v, v)), made.vhp(g, (x, y), (v, v)),
        torch.autograd.gradcheck(f, (x, y)),
        torch.autograd.gradgradcheck(f, (x, y)),
    ])  # fmt: skip


def complaints(torch: Any) -> Any:
    class Wrong(torch.autograd.Function):
        @staticmethod
        def forward(ctx: Any, a: Any) -> Any:
            return a * 2

        @staticmethod
        def backward(ctx: Any, gradient: Any) -> Any:
            return gradient * 3

    x = torch.tensor([1.0, 2.0], dtype=torch.float64, requires_grad=True)
    seen = []
    for attempt in (
        lambda: torch.autograd.gradcheck(Wrong.apply, (x,)),
        lambda: torch.autograd.gradcheck(torch.sin, (x.detach(),)),
        lambda: torch.autograd.functional.hessian(lambda a: a, x),
        lambda: (x * float("nan")).sqrt().sum().backward(),
        lambda: x.creator,
    ):
        with torch.autograd.set_detect_anomaly(True):
            try:
                attempt()
                seen.append("nothing")
            except (RuntimeError, ValueError, AttributeError) as error:
                seen.append([type(error).__name__, str(error)])
    return seen


SCENARIOS: dict[str, Callable[[Any], Any]] = {
    function.__name__: function
    for function in (
        orders, own_generator, samplers, datasets, collating, errors, said, workers, streams, raised,
        derivatives, complaints,
    )
}  # fmt: skip

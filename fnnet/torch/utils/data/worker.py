"""What runs in a worker process.

A worker is forked, as PyTorch's are: it starts in milliseconds, and has the program's datasets, lambdas and
open
files without any pickling, with or without a `__main__` guard. XLA does not survive a fork, so tensors are
computed
by NumPy there (`fnnet.torch.host`). With another start method a worker is a fresh process with JAX in full.
"""

from __future__ import annotations

import os
import queue
import random
import threading
from dataclasses import dataclass
from multiprocessing.connection import Connection
from typing import Any

import numpy as np

from fnnet.data.sampler import worker_seeds
from fnnet.torch.random import manual_seed
from fnnet.torch.settings import set_num_threads
from fnnet.torch.utils.data.fetching import StreamFetcher, fetcher_of
from fnnet.torch.utils.data.transport import Caught, packed


@dataclass(frozen=True, slots=True)
class WorkerInfo:
    """A worker's number, how many there are, its seed and its copy of the dataset."""

    id: int
    num_workers: int
    seed: int
    dataset: Any
    rng: Any = None
    worker_method: str | None = "multiprocessing"


_info: WorkerInfo | None = None


def get_worker_info() -> WorkerInfo | None:
    """What this worker process is; None in the main process."""
    return _info


@dataclass(frozen=True)
class Setup:
    """What a worker is told when it starts."""

    dataset: Any
    batched: bool
    collate_fn: Any
    drop_last: bool
    base_seed: int
    init_fn: Any
    id: int
    num_workers: int
    forked: bool

    def fetcher(self) -> Any:
        """A fetcher from the beginning of the dataset."""
        return fetcher_of(self.dataset, self.batched, self.collate_fn, self.drop_last)


@dataclass(frozen=True)
class StreamEnd:
    """Sent instead of data: the stream of this worker has ended."""

    worker: int


class Resume:
    """Sent to a worker that lives on: begin another pass. It is sent back when that is done."""


def _listen(connection: Connection, tasks: queue.SimpleQueue[Any]) -> None:
    """Take orders as they come, so that the main process never waits for a busy worker."""
    while True:
        try:
            task = connection.recv()
        except (EOFError, OSError):
            task = None  # the main process is gone, or wants nothing more
        tasks.put(task)
        if task is None:
            return


def _seed(setup: Setup) -> int:
    seeds = worker_seeds(setup.base_seed, setup.id)
    random.seed(seeds.seed)
    manual_seed(seeds.seed)
    np.random.seed(seeds.numpy)  # noqa: NPY002
    return seeds.seed


def work(setup: Setup, connection: Connection, inherited: tuple[Connection, ...]) -> None:
    """The life of a worker: seeds, the user's init function, then one batch for each order."""
    global _info
    for other in inherited:
        other.close()
    set_num_threads(1)
    if setup.forked:
        from fnnet.torch.host import compute_on_host

        compute_on_host()
    try:
        _info = WorkerInfo(setup.id, setup.num_workers, _seed(setup), setup.dataset)
        tasks: queue.SimpleQueue[Any] = queue.SimpleQueue()
        threading.Thread(target=_listen, args=(connection, tasks), daemon=True).start()
        _serve(setup, connection, tasks)
    except KeyboardInterrupt:
        pass  # the main process says so
    except (BrokenPipeError, ConnectionResetError):
        os._exit(0)  # nobody wants the rest


def _serve(setup: Setup, connection: Connection, tasks: queue.SimpleQueue[Any]) -> None:
    where = f"in DataLoader worker process {setup.id}"
    failed: Caught | None = None
    fetcher = None
    try:
        if setup.init_fn is not None:
            setup.init_fn(setup.id)
        fetcher = setup.fetcher()
    except Exception:
        failed = Caught(where)
    ended = False
    while (task := tasks.get()) is not None:
        if isinstance(task, Resume):
            fetcher, ended = setup.fetcher(), False
            connection.send_bytes(packed((task, None)))
            continue
        if ended:
            continue
        number, index = task
        data: Any
        if failed is not None:
            data, failed = failed, None
        else:
            try:
                assert fetcher is not None
                data = fetcher.fetch(index)
            except StopIteration:
                ended = isinstance(fetcher, StreamFetcher)
                data = StreamEnd(setup.id) if ended else Caught(where)
            except Exception:
                data = Caught(where)
        try:
            sent = packed((number, data))
        except Exception:
            sent = packed((number, Caught(where)))
        connection.send_bytes(sent)

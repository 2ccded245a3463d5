"""One pass over a loader: in the main process, or by worker processes that work ahead of it."""

from __future__ import annotations

import contextlib
import itertools
import multiprocessing
import multiprocessing.reduction
import os
import signal
import warnings
import weakref
from collections.abc import Iterator
from multiprocessing.connection import Connection, wait
from typing import TYPE_CHECKING, Any, NoReturn

from fnnet.torch import cuda
from fnnet.torch.random import default_generator
from fnnet.torch.record import synchronize
from fnnet.torch.utils.data.dataset import IterableDataset
from fnnet.torch.utils.data.fetching import fetcher_of
from fnnet.torch.utils.data.transport import Caught
from fnnet.torch.utils.data.worker import Resume, Setup, StreamEnd, work
from fnnet.torch.warning import warn

if TYPE_CHECKING:
    from fnnet.torch.utils.data.dataloader import DataLoader

_PATIENCE = 5.0  # seconds that a worker has to finish what it is doing


def _warn_of_pinning(loader: DataLoader) -> None:
    """What PyTorch says when a pass begins that is to pin memory."""
    if loader.pin_memory and loader.pin_memory_device:
        warn(
            "pin_memory_device is deprecated, the current accelerator will be used as the device,ignore "
            f"pin_memory_device='{loader.pin_memory_device}'."
        )
    if loader.pin_memory and not cuda.is_available():
        warn(
            "'pin_memory' argument is set as true but no accelerator is found, then device pinned memory "
            "won't be used."
        )


class _BaseDataLoaderIter:
    """What both kinds of pass share: the order of indices, the base seed, the count of what came."""

    def __init__(self, loader: DataLoader) -> None:
        self._dataset = loader.dataset
        self._index_sampler = loader._index_sampler
        self._is_stream = isinstance(loader.dataset, IterableDataset)
        self._IterableDataset_len_called = loader._IterableDataset_len_called
        self._num_workers = loader.num_workers
        self._sampler_iter = iter(self._index_sampler)
        self._base_seed = (loader.generator or default_generator).draw_seed()
        self._num_yielded = 0
        _warn_of_pinning(loader)

    def __iter__(self) -> Iterator[Any]:
        return self

    def __next__(self) -> Any:
        data = self._next_data()
        self._num_yielded += 1
        promised = self._IterableDataset_len_called
        if self._is_stream and promised is not None and self._num_yielded > promised:
            message = (
                f"Length of IterableDataset {self._dataset} was reported to be {promised}(when accessing "
                f"len(dataloader)), but {self._num_yielded} samples have been fetched. "
            )
            if self._num_workers:
                message += (
                    "For multiprocessing data-loading, this could be caused by not properly configuring the "
                    "IterableDataset replica at each worker. Please see "
                    "https://pytorch.org/docs/stable/data.html"
                    "#torch.utils.data.IterableDataset for examples."
                )
            warnings.warn(message, stacklevel=2)
        return data

    def __len__(self) -> int:
        return len(self._index_sampler)

    def __getstate__(self) -> Any:
        raise NotImplementedError("{} cannot be pickled", self.__class__.__name__)

    def _next_data(self) -> Any:
        raise NotImplementedError


class _SingleProcessDataLoaderIter(_BaseDataLoaderIter):
    """A pass in the main process."""

    def __init__(self, loader: DataLoader) -> None:
        super().__init__(loader)
        if loader.timeout:
            raise AssertionError("_SingleProcessDataLoaderIter requires timeout == 0")
        self._dataset_fetcher = fetcher_of(
            loader.dataset, loader._auto_collation, loader.collate_fn, loader.drop_last
        )

    def _next_data(self) -> Any:
        return self._dataset_fetcher.fetch(next(self._sampler_iter))


def _context(given: Any) -> Any:
    if given is not None:
        return given
    methods = multiprocessing.get_all_start_methods()
    return multiprocessing.get_context("fork" if "fork" in methods else "spawn")


def _start(process: Any) -> None:
    """Start a process without the warnings about forks and threads: a forked worker does not use XLA."""
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", r"os\.fork\(\) was called", RuntimeWarning)
        warnings.filterwarnings("ignore", r"This process .* is multi-threaded", DeprecationWarning)
        process.start()


def _stop(owner: int, workers: list[Any], connections: list[Connection]) -> None:
    """End the workers. In a process that only inherited them, nothing."""
    if os.getpid() != owner:
        return
    for connection in connections:
        with contextlib.suppress(OSError):  # gone already
            connection.send(None)
        connection.close()
    for worker in workers:
        worker.join(_PATIENCE)
        if worker.is_alive():
            worker.terminate()
            worker.join(_PATIENCE)
        if worker.is_alive():
            worker.kill()
            worker.join()
    for worker in workers:
        worker.close()
    workers.clear()


class _MultiProcessingDataLoaderIter(_BaseDataLoaderIter):
    """A pass by worker processes: batch k goes to worker k modulo their number, and batches come in order."""

    def __init__(self, loader: DataLoader) -> None:
        super().__init__(loader)
        assert loader.prefetch_factor is not None
        if loader.prefetch_factor <= 0:
            raise AssertionError("prefetch_factor must be greater than 0 for MultiProcessingDataLoaderIter")
        self._ahead = loader.prefetch_factor * loader.num_workers
        self._timeout = loader.timeout
        self._in_order = loader.in_order
        self._persistent_workers = loader.persistent_workers
        context = _context(loader.multiprocessing_context)
        forked = context.get_start_method() == "fork"
        synchronize()
        self._workers: list[Any] = []
        self._connections: list[Connection] = []
        self._stop = weakref.finalize(self, _stop, os.getpid(), self._workers, self._connections)
        for number in range(loader.num_workers):
            ours, theirs = context.Pipe()
            self._connections.append(ours)
            setup = Setup(
                loader.dataset, loader._auto_collation, loader.collate_fn, loader.drop_last, self._base_seed,
                loader.worker_init_fn, number, loader.num_workers, forked,
            )  # fmt: skip
            inherited = tuple(self._connections) if forked else ()
            process = context.Process(target=work, args=(setup, theirs, inherited), daemon=True)
            process.name = process.name.replace("ForkProcess", "Process")  # PyTorch's, which names no method
            _start(process)
            self._workers.append(process)
            theirs.close()
        self._begin()

    def _begin(self) -> None:
        self._sent = 0
        self._expected = 0
        self._tasks: dict[int, int] = {}  # batch -> worker
        self._arrived: dict[int, Any] = {}
        self._active = [True] * self._num_workers
        self._turns = itertools.cycle(range(self._num_workers))
        self._loads = [0] * self._num_workers
        for _ in range(self._ahead):
            self._order()

    def reset(self, loader: DataLoader) -> None:
        """Begin another pass with the same workers."""
        self._sampler_iter = iter(self._index_sampler)
        self._num_yielded = 0
        self._IterableDataset_len_called = loader._IterableDataset_len_called
        self._active = [True] * self._num_workers
        for connection in self._connections:
            connection.send(Resume())
        waiting = self._num_workers
        while waiting:  # what was ordered before and not fetched comes first
            waiting -= isinstance(self._receive()[0], Resume)
        self._begin()

    def _order(self) -> None:
        """Have one more batch made, if there is one and a worker for it."""
        try:
            index = next(self._sampler_iter)
        except StopIteration:
            return
        for _ in range(self._num_workers):
            worker = next(self._turns)
            limit = self._ahead // max(1, sum(self._active))
            if self._active[worker] and (self._in_order or self._loads[worker] < limit):
                break
        else:
            return
        try:
            self._connections[worker].send((self._sent, index))
        except OSError:
            self._fail([worker])
        self._tasks[self._sent] = worker
        self._loads[worker] += 1
        self._sent += 1

    def _receive(self) -> Any:
        """The next message of any worker. Raises RuntimeError if one has died, or when time is up."""
        open_ = {self._connections[i]: i for i, active in enumerate(self._active) if active}
        sentinels = {self._workers[i].sentinel: i for i in open_.values()}
        ready = wait([*open_, *sentinels], self._timeout or None)
        if not ready:
            raise RuntimeError(f"DataLoader timed out after {self._timeout} seconds")
        dead = []
        for one in ready:
            if isinstance(one, Connection):
                try:
                    return multiprocessing.reduction.ForkingPickler.loads(one.recv_bytes())
                except (EOFError, ConnectionResetError):
                    dead.append(open_[one])
        return self._fail(dead or [sentinels[one] for one in ready if not isinstance(one, Connection)])

    def _fail(self, dead: list[int]) -> NoReturn:
        for i in dead:
            self._workers[i].join(_PATIENCE)
        pids = ", ".join(str(self._workers[i].pid) for i in dead)
        codes = [(self._workers[i].pid, self._workers[i].exitcode) for i in dead]
        self._stop()
        cause = None
        for pid, code in codes:
            if code is not None and code < 0:
                cause = RuntimeError(
                    f"DataLoader worker (pid {pid}) is killed by signal: {signal.strsignal(-code)}. "
                )
            elif code is not None:
                cause = RuntimeError(
                    f"DataLoader worker (pid {pid}) exited unexpectedly with exit code {code}. Details are "
                    "lost due "
                    "to multiprocessing. Rerunning with num_workers=0 may give better error trace."
                )
        raise RuntimeError(f"DataLoader worker (pid(s) {pids}) exited unexpectedly") from cause

    def _next_data(self) -> Any:
        while True:
            while self._expected < self._sent and self._expected not in self._tasks:
                self._expected += 1
            if self._expected >= self._sent or not self._stop.alive:
                if not self._persistent_workers:
                    self._stop()
                raise StopIteration
            if self._expected in self._arrived:
                return self._give(self._expected, self._arrived.pop(self._expected))
            if not self._active[self._tasks[self._expected]]:
                del self._tasks[self._expected]  # ordered from a stream that has ended
                continue
            number, data = self._receive()
            if isinstance(data, StreamEnd):
                self._active[data.worker] = False
                del self._tasks[number]
                self._order()
            elif number == self._expected or not self._in_order:
                return self._give(number, data)
            else:
                self._arrived[number] = data

    def _give(self, number: int, data: Any) -> Any:
        self._loads[self._tasks.pop(number)] -= 1
        self._order()
        if isinstance(data, Caught):
            data.reraise()
        return data

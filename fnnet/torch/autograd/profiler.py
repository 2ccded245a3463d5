"""torch.autograd.profiler: what a program records, compiles and runs, as PyTorch's events and tables.

What the numbers mean is in docs/torch.md: an operation's time is that of recording it, and the programs that
compute have events of their own.
"""

from __future__ import annotations

import functools
import json
import os
import socket
import sys
import uuid
from collections.abc import Callable
from types import TracebackType
from typing import Any, ClassVar

import jax

from fnnet.checkpoint import atomically
from fnnet.torch.autograd.profiler_collecting import COLLECTING, USER, Collection
from fnnet.torch.autograd.profiler_util import EventList as EventList
from fnnet.torch.autograd.profiler_util import FunctionEvent as FunctionEvent
from fnnet.torch.autograd.profiler_util import FunctionEventAvg as FunctionEventAvg
from fnnet.torch.missing import refusals
from fnnet.torch.warning import warn

__all__ = ["EventList", "FunctionEvent", "FunctionEventAvg", "profile", "record_function"]

globals().update(
    refusals(
        "torch.autograd.profiler",
        "emit_nvtx emit_itt load_nvprof",
        "use torch.profiler.profile or jax.profiler.trace",
    )
)


class record_function:
    """A label for what runs within: a context, or a decorator. Profiles show it, `jax.profiler.trace` too.

    What is recorded within is computed when somebody looks, which may be later.
    """

    def __init__(self, name: str, args: str | None = None) -> None:
        self.name, self.args = name, args
        self._open: list[tuple[Any, Collection | None, float]] = []

    def __enter__(self) -> record_function:
        label = jax.profiler.TraceAnnotation(self.name)
        label.__enter__()
        collection = COLLECTING[-1] if COLLECTING else None
        self._open.append((label, collection, 0.0 if collection is None else collection._now()))
        return self

    def __exit__(self, *error: Any) -> None:
        label, collection, start = self._open.pop()
        if collection is not None and collection in COLLECTING:
            collection.note(self.name, start, scope=USER, is_user_annotation=True)
        label.__exit__(*error)

    def __call__(self, function: Callable[..., Any]) -> Callable[..., Any]:
        @functools.wraps(function)
        def labelled(*args: Any, **kwargs: Any) -> Any:
            with record_function(self.name, self.args):
                return function(*args, **kwargs)

        return labelled


class profile:
    """The profile of what runs in a `with`; `torch.profiler.profile` has schedules as well.

    Args:
        enabled: whether it does anything.
        use_device, use_cuda: a device to measure; operations on it are told by the CPU's clock.
        record_shapes, with_stack, with_flops: see `Collection`.
        profile_memory: whether tables tell the bytes of what programs gave.
        with_modules: accepted; PyTorch reads it for TorchScript alone.
        acc_events: whether a second `with` adds to the events of the first.
    """

    def __init__(
        self,
        enabled: bool = True,
        *,
        use_cuda: bool = False,
        use_device: str | None = None,
        record_shapes: bool = False,
        with_flops: bool = False,
        profile_memory: bool = False,
        with_stack: bool = False,
        with_modules: bool = False,
        use_kineto: bool = False,
        use_cpu: bool = True,
        experimental_config: Any = None,
        acc_events: bool = False,
        custom_trace_id_callback: Callable[[], str] | None = None,
    ) -> None:
        self.enabled = enabled
        if not enabled:
            return
        if experimental_config is not None:
            raise NotImplementedError("fnnet.torch: profile(experimental_config=...) is not supported")
        self.use_cuda = use_cuda
        if use_cuda:
            warn(
                "The attribute `use_cuda` will be deprecated soon, "
                "please use ``use_device = 'cuda'`` instead.",
                FutureWarning,
            )
            use_device = "cuda"
        self.use_device = self._checked(use_device)
        if not use_cpu and not use_kineto:
            raise AssertionError("Device-only events supported only with Kineto (use_kineto=True)")
        if not use_cpu and self.use_device is None:
            raise AssertionError("No activities specified for the profiler")
        self.use_cpu, self.use_kineto = use_cpu, use_kineto
        self.record_shapes = record_shapes or with_flops
        self.with_flops, self.profile_memory, self.with_stack = with_flops, profile_memory, with_stack
        self.with_modules, self.acc_events = with_modules, acc_events
        self.custom_trace_id_callback = custom_trace_id_callback
        self.entered = False
        self.trace_id = ""
        self._collection: Collection | None = None
        self._function_events: EventList | None = None

    def _checked(self, use_device: str | None) -> str | None:
        if use_device is None:
            return None
        if use_device not in ("cuda", "xpu", "mtia", "hpu"):
            warn(f"The {use_device} is not a valid device option.")
            return None
        if use_device == "cuda":
            from fnnet.torch import cuda

            if cuda.is_available():
                return "cuda"
            self.use_cuda = False
        name = use_device.upper()
        warn(f"{name} is not available, disabling {name} profiling")
        return None

    def __enter__(self) -> Any:
        if not self.enabled:
            return None
        if self.entered:
            raise RuntimeError("Profiler context manager is not reentrant")
        self._prepare_trace()
        self._start_trace()
        return self

    def _prepare_trace(self) -> None:
        self.entered = True
        given = self.custom_trace_id_callback
        self.trace_id = given() if given else f"{uuid.uuid4().int:032X}"

    def _start_trace(self) -> None:
        self.entered = True
        self._collection = Collection(self.record_shapes, self.with_stack, self.with_flops)
        self._collection.start()

    def __exit__(
        self,
        kind: type[BaseException] | None = None,
        error: BaseException | None = None,
        trace: TracebackType | None = None,
    ) -> bool | None:
        if not self.enabled:
            return None
        collection = self._collection
        if collection is None or collection not in COLLECTING:
            raise RuntimeError("Can't disable Kineto profiler when it's not running")
        collection.stop()
        collection.events.sort(key=lambda one: (one.time_range.start, -one.time_range.end))
        before = self._function_events if self.acc_events else None
        events = EventList(collection.events, self.use_device, self.profile_memory, self.with_flops)
        for number, event in enumerate(events, 1):
            event.id, event.use_device = number, self.use_device
        events._build_tree()
        events.extend(before or ())
        self._function_events = events
        return False

    def __repr__(self) -> str:
        return self._told(repr)

    def __str__(self) -> str:
        return self._told(str)

    def _told(self, how: Callable[[EventList], str]) -> str:
        events = self._function_events
        return "<unfinished torch.autograd.profile>" if events is None else how(events)

    @property
    def function_events(self) -> EventList:
        """The events. While the profile runs there are none."""
        if self._function_events is None:
            return EventList()
        return self._function_events

    def _finished(self) -> EventList:
        if self._function_events is None:
            events = EventList(use_device=self.use_device)
            events._build_tree()
            return events
        return self._function_events

    def table(self, *args: Any, **kwargs: Any) -> str:
        """The events as text, see `EventList.table`."""
        return self._finished().table(*args, **kwargs)

    def key_averages(
        self,
        group_by_input_shape: bool = False,
        group_by_stack_n: int = 0,
        group_by_overload_name: bool = False,
    ) -> EventList:
        """The events added up, see `EventList.key_averages`."""
        return self._finished().key_averages(group_by_input_shape, group_by_stack_n, group_by_overload_name)

    def total_average(self) -> FunctionEventAvg:
        """All events added up."""
        return self._finished().total_average()

    @property
    def self_cpu_time_total(self) -> float:
        """The sum of the events' own times, in microseconds."""
        return self._finished().self_cpu_time_total

    def export_stacks(self, path: str, metric: str = "self_cpu_time_total") -> None:
        """Write what flame graphs read. Raises AssertionError if no stacks were taken."""
        if not self.with_stack:
            raise AssertionError("export_stacks() requires with_stack=True")
        self._finished().export_stacks(path, metric)

    def export_chrome_trace(
        self, path: str, metadata: dict[str, str] | None = None, use_python_export: bool = False
    ) -> None:
        """Write the events in the trace-event format, for chrome://tracing, Perfetto and TensorBoard.

        Args:
            path: the file; it is there whole or not at all.
            metadata: JSON values by name, which are written beside the events.
        """
        text = self._trace(path, metadata)
        with atomically(path) as file:
            file.write(text)

    def _trace(self, path: str, metadata: dict[str, str] | None = None) -> bytes:
        """What `export_chrome_trace` writes."""
        collection = self._collection
        if collection is None or self._function_events is None:
            raise RuntimeError("Can't export a trace of a profiler that has not run")
        return json.dumps(_trace(collection, self.trace_id, metadata or {}, path)).encode()


def _category(event: FunctionEvent) -> str:
    return "user_annotation" if event.is_user_annotation else "cpu_op"


def _trace(
    collection: Collection, trace_id: str, metadata: dict[str, str], path: str | os.PathLike[str]
) -> dict[str, Any]:
    process = os.getpid()
    base = collection.wall / 1e3
    events: list[dict[str, Any]] = []
    for name, told in (
        ("process_name", {"name": os.path.basename(sys.executable)}),
        ("process_labels", {"labels": "CPU"}),
        ("process_sort_index", {"sort_index": process}),
    ):
        events.append({"ph": "M", "name": name, "ts": base, "pid": process, "tid": 0, "args": told})
    for number, event in enumerate(collection.events, 1):
        args: dict[str, Any] = {"External id": number, "Ev Idx": number - 1}
        if event.input_shapes:
            args["Input Dims"] = event.input_shapes
        if event.stack:
            args["Call stack"] = ";".join(event.stack)
        if event.cpu_memory_usage:
            args["Bytes"] = event.cpu_memory_usage
        start = base + event.time_range.start
        events.append(
            {
                "ph": "X", "cat": _category(event), "name": event.trace_name, "pid": process,
                "tid": event.thread, "ts": start, "dur": event.time_range.elapsed_us(), "args": args,
            }
        )  # fmt: skip
    whole = {"name": "PyTorch Profiler (0)", "pid": "Spans", "tid": "PyTorch Profiler", "ts": base}
    events.append({"ph": "X", "cat": "Trace", **whole, "dur": collection.lasted, "args": {"Op count": 0}})
    return {
        "schemaVersion": 1,
        "deviceProperties": [],
        "trace_id": trace_id,
        **{name: json.loads(value) for name, value in metadata.items()},
        "host_name": socket.gethostname(),
        "displayTimeUnit": "ms",
        "traceEvents": events,
        "traceName": os.fspath(path),
    }


class KinetoStepTracker:
    """Counts steps under several names; nothing reads them here."""

    _steps: ClassVar[dict[str, int]] = {}

    @classmethod
    def init_step_count(cls, requester: str) -> None:
        """Begin to count for a name."""
        cls._steps[requester] = max(cls._steps.values(), default=0)

    @classmethod
    def erase_step_count(cls, requester: str) -> bool:
        """Count no more for a name; whether it was known."""
        return cls._steps.pop(requester, None) is not None

    @classmethod
    def increment_step(cls, requester: str) -> int:
        """Count one step for a name, and give the latest of all."""
        cls._steps[requester] = cls._steps.get(requester, 0) + 1
        return max(cls._steps.values())

    @classmethod
    def current_step(cls) -> int:
        """The latest step of all names."""
        return max(cls._steps.values(), default=0)

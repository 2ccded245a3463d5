"""Events of a profile and what is told of them: nesting, averages by name, tables, traces, stacks."""

from __future__ import annotations

import enum
import itertools
import json
import os
from collections import namedtuple
from collections.abc import Iterable
from typing import Any

from fnnet.checkpoint import atomically
from fnnet.torch.autograd.profiler_table import format_time, table
from fnnet.torch.warning import warn

__all__ = ["DeviceType", "EventList", "FunctionEvent", "FunctionEventAvg", "Interval", "Kernel"]


class DeviceType(enum.Enum):
    """Where an event ran; here everything is told from the CPU."""

    CPU, CUDA = 0, 1


METRICS = [
    "self_cpu_time_total", "self_cuda_time_total", "self_xpu_time_total", "self_privateuse1_time_total",
]  # fmt: skip
Kernel = namedtuple("Kernel", ["name", "device", "duration"])


class Interval:
    """A span of time in microseconds."""

    def __init__(self, start: float, end: float) -> None:
        self.start, self.end = start, end

    def elapsed_us(self) -> float:
        """How long it is."""
        return self.end - self.start


class _Times:
    """The times of an event in words, and its mean time."""

    count: int
    cpu_time_total: float
    device_time_total: float

    @property
    def cpu_time(self) -> float:
        """Microseconds a call."""
        return self.cpu_time_total / self.count if self.count else 0.0

    @property
    def device_time(self) -> float:
        """Microseconds a call on the device."""
        return self.device_time_total / self.count if self.count else 0.0

    def __getattr__(self, name: str) -> Any:
        if name.endswith("_str") and "time" in name:
            return format_time(getattr(self, name.removesuffix("_str")))
        if "cuda_" in name and not name.startswith("__"):
            other = name.replace("cuda_", "device_")
            use = ", please use" if name == "cuda_time" else ". Use"
            warn(f"`{name}` is deprecated{use} `{other}` instead.", FutureWarning)
            return getattr(self, other)
        raise AttributeError(f"'{type(self).__name__}' object has no attribute '{name}'")


class FunctionEvent(_Times):
    """One event: what ran, from when to when (`time_range`, in microseconds), within what."""

    def __init__(
        self,
        id: int,
        name: str,
        thread: int,
        start_us: float,
        end_us: float,
        overload_name: str | None = None,
        fwd_thread: int | None = None,
        input_shapes: Any = None,
        stack: Any = None,
        scope: int = 0,
        use_device: str | None = None,
        cpu_memory_usage: int = 0,
        device_memory_usage: int = 0,
        is_async: bool = False,
        is_remote: bool = False,
        sequence_nr: int = -1,
        node_id: int = -1,
        device_type: Any = DeviceType.CPU,
        device_index: int = 0,
        device_resource_id: int | None = None,
        is_legacy: bool = False,
        flops: int | None = None,
        trace_name: str | None = None,
        concrete_inputs: Any = None,
        kwinputs: Any = None,
        is_user_annotation: bool = False,
    ) -> None:
        self.id, self.name, self.overload_name, self.trace_name = id, name, overload_name, trace_name
        self.thread, self.fwd_thread = thread, fwd_thread
        self.time_range = Interval(start_us, end_us)
        self.kernels: list[Any] = []
        self.count = 1
        self.cpu_children: list[FunctionEvent] = []
        self.cpu_parent: FunctionEvent | None = None
        self.input_shapes, self.concrete_inputs, self.kwinputs = input_shapes, concrete_inputs, kwinputs
        self.stack, self.scope, self.use_device = stack, scope, use_device
        self.cpu_memory_usage, self.device_memory_usage = cpu_memory_usage, device_memory_usage
        self.is_async, self.is_remote, self.is_legacy = is_async, is_remote, is_legacy
        self.sequence_nr, self.node_id = sequence_nr, node_id
        self.device_type, self.device_index = device_type, device_index
        self.device_resource_id = thread if device_resource_id is None else device_resource_id
        self.flops, self.is_user_annotation = flops, is_user_annotation
        self.self_cpu_percent: Any = -1
        self.total_cpu_percent: Any = -1
        self.total_device_percent: Any = -1

    @property
    def key(self) -> str:
        """The name, by which events are averaged."""
        return self.name

    @property
    def cpu_time_total(self) -> float:  # type: ignore[override]
        """Microseconds from start to end."""
        return self.time_range.elapsed_us()

    @property
    def self_cpu_time_total(self) -> float:
        """Microseconds without the events within."""
        if self.is_async:
            return 0
        return self.cpu_time_total - sum(child.cpu_time_total for child in self.cpu_children)

    @property
    def device_time_total(self) -> float:  # type: ignore[override]
        """Microseconds of kernels; 0 here, where kernels are not seen."""
        if self.is_async or not self.use_device:
            return 0
        within = sum(child.device_time_total for child in self.cpu_children)
        return sum(kernel.duration for kernel in self.kernels) + within

    @property
    def self_device_time_total(self) -> float:
        """Microseconds of kernels, without the events within."""
        return self.device_time_total - sum(child.device_time_total for child in self.cpu_children)

    @property
    def self_cpu_memory_usage(self) -> int:
        """Bytes, without the events within."""
        if self.is_async:
            return 0
        return self.cpu_memory_usage - sum(child.cpu_memory_usage for child in self.cpu_children)

    @property
    def self_device_memory_usage(self) -> int:
        """Bytes on the device, without the events within."""
        if self.is_async:
            return 0
        return self.device_memory_usage - sum(child.device_memory_usage for child in self.cpu_children)

    def append_kernel(self, name: str, device: int, duration: int) -> None:
        """Add a kernel that the event started."""
        self.kernels.append(Kernel(name, device, duration))

    def append_cpu_child(self, child: FunctionEvent) -> None:
        """Add an event that ran directly within."""
        self.cpu_children.append(child)

    def set_cpu_parent(self, parent: FunctionEvent) -> None:
        """Say within which event this one ran."""
        self.cpu_parent = parent

    def __repr__(self) -> str:
        device = self.use_device
        return (
            f"<FunctionEvent id={self.id} name={self.name} overload_name={self.overload_name} "
            f"device_type={self.device_type} node_id={self.node_id} cpu_time={self.cpu_time_str} "
            f"start_us={self.time_range.start} end_us={self.time_range.end} "
            f"cpu_children={[child.id for child in self.cpu_children]} {device}_time={self.device_time_str} "
            f"name={self.name} thread={self.thread} input_shapes={self.input_shapes} "
            f"cpu_memory_usage={self.cpu_memory_usage} {device}_memory_usage={self.device_memory_usage} "
            f"is_async={self.is_async} is_remote={self.is_remote} seq_nr={self.sequence_nr} "
            f"is_legacy={self.is_legacy}>"
        )


_TAKEN_OVER = (
    "key", "node_id", "is_async", "is_remote", "cpu_parent", "cpu_children", "overload_name",
    "input_shapes", "stack", "scope", "device_type", "is_legacy", "use_device", "is_user_annotation",
)  # fmt: skip
_ADDED = (
    "cpu_time_total", "device_time_total", "self_cpu_time_total", "self_device_time_total",
    "cpu_memory_usage", "device_memory_usage", "self_cpu_memory_usage", "self_device_memory_usage", "count",
)  # fmt: skip


class FunctionEventAvg(_Times):
    """The events of one key, added up."""

    def __init__(self) -> None:
        for name in _TAKEN_OVER:
            setattr(self, name, None)
        for name in _ADDED:
            setattr(self, name, 0)
        self.node_id = 0
        self.is_async = self.is_remote = self.is_legacy = False
        self.device_type = DeviceType.CPU
        self.flops: int | None = 0

    def add(self, other: Any) -> FunctionEventAvg:
        """Add an event, or events that were added up. Raises AssertionError if its key is another."""
        if self.key is None:
            for name in _TAKEN_OVER:
                setattr(self, name, getattr(other, name))
        if not isinstance(other, FunctionEvent | FunctionEventAvg):
            raise AssertionError("Expected other to be a FunctionEvent or FunctionEventAvg")
        if other.key != self.key:
            raise AssertionError(f"Expected keys to match, but got {other.key} vs {self.key}")
        for name in _ADDED:
            setattr(self, name, getattr(self, name) + getattr(other, name))
        if self.flops is None:
            self.flops = other.flops
        elif other.flops is not None:
            self.flops += other.flops
        return self

    __iadd__ = add

    def __repr__(self) -> str:
        device = self.use_device or "cuda"
        return (
            f"<FunctionEventAvg key={self.key} self_cpu_time={self.self_cpu_time_total_str} "
            f"cpu_time={self.cpu_time_str}  self_{device}_time={self.self_device_time_total_str} "
            f"{device}_time={self.device_time_str} input_shapes={self.input_shapes} "
            f"cpu_memory_usage={self.cpu_memory_usage} {device}_memory_usage={self.device_memory_usage}>"
        )


class EventList(list[Any]):
    """Events, or averages of them."""

    def __init__(
        self,
        events: Iterable[Any] = (),
        use_device: str | None = None,
        profile_memory: bool = False,
        with_flops: bool = False,
    ) -> None:
        super().__init__(events)
        self._use_device, self._profile_memory, self._with_flops = use_device, profile_memory, with_flops
        self._tree_built = False

    def __str__(self) -> str:
        return self.table()

    def _build_tree(self) -> None:
        """Find out which event ran directly within which, by thread and time."""
        self._nest()
        self._leave_out_doubles()
        self._tree_built = True

    def _nest(self) -> None:
        by_thread = sorted((one for one in self if not one.is_async), key=lambda one: one.thread)
        for _, events in itertools.groupby(by_thread, key=lambda one: (one.thread, one.node_id)):
            around: list[FunctionEvent] = []
            for event in sorted(events, key=lambda one: (one.time_range.start, -one.time_range.end)):
                span = event.time_range
                while around:
                    outer = around[-1].time_range
                    if span.start < outer.end and span.end <= outer.end:
                        around[-1].append_cpu_child(event)
                        event.set_cpu_parent(around[-1])
                        break
                    around.pop()
                around.append(event)

    def _leave_out_doubles(self) -> None:
        """Leave out events that are all that ran within one of the same name."""
        while True:
            doubles = set()
            for event in self:
                outer = event.cpu_parent
                if outer is not None and outer.name == event.name and len(outer.cpu_children) == 1:
                    outer.cpu_children, outer.kernels = event.cpu_children, event.kernels
                    for child in event.cpu_children:
                        child.cpu_parent = outer
                    doubles.add(id(event))
            if not doubles:
                return
            self[:] = [event for event in self if id(event) not in doubles]

    @property
    def self_cpu_time_total(self) -> float:
        """The sum of all events' own times, in microseconds."""
        return sum(event.self_cpu_time_total for event in self)

    def table(
        self,
        sort_by: str | None = None,
        row_limit: int = 100,
        max_src_column_width: int | None = 75,
        max_name_column_width: int | None = 55,
        max_shapes_column_width: int | None = 80,
        header: str | None = None,
        top_level_events_only: bool = False,
        time_unit: str | None = None,
    ) -> str:
        """The events as text, one a line, those with most of `sort_by` first."""
        events: list[Any] = list(self)
        if sort_by is not None:
            for other in ("cuda", "xpu", "privateuse1"):
                sort_by = sort_by.replace(other, "device")
            name: str = sort_by
            events.sort(key=lambda event: getattr(event, name), reverse=True)
        return table(
            events,
            row_limit=row_limit,
            widths=(max_name_column_width, max_shapes_column_width, max_src_column_width),
            header=header,
            memory=self._profile_memory,
            flops=self._with_flops,
            top_level=top_level_events_only,
            unit=time_unit,
        )

    def export_chrome_trace(self, path: str) -> None:
        """Write the events that have a `trace_name` for chrome://tracing, as one JSON list."""
        shown = [
            {
                "name": event.trace_name,
                "ph": "X",
                "ts": event.time_range.start,
                "dur": event.time_range.elapsed_us(),
                "tid": f" node_id:{event.node_id}, thread_id:{event.thread} "
                if event.is_remote
                else event.thread,
                "pid": "CPU functions",
                "args": {},
            }
            for event in self
            if event.trace_name is not None
        ]
        with atomically(path) as file:
            file.write(json.dumps(shown).encode())

    def supported_export_stacks_metrics(self) -> list[str]:
        """What `export_stacks` can write."""
        return list(METRICS)

    def export_stacks(self, path: str | os.PathLike[str], metric: str) -> None:
        """Write `outermost;...;innermost number` for each event that has a stack: what flame graphs read.

        Raises ValueError for an unknown metric.
        """
        if metric not in METRICS:
            raise ValueError("metric should be one of: " + str(METRICS))
        name = metric.replace("cuda", "device").replace("xpu", "device").replace("privateuse1", "device")
        plain = str.maketrans(" ;\t\n", "____")
        with atomically(path) as file:
            for event in self:
                number = int(getattr(event, name))
                if event.stack and number > 0:
                    line = ";".join(entry.translate(plain) for entry in reversed(event.stack))
                    file.write(f"{line} {number}\n".encode())

    def key_averages(
        self,
        group_by_input_shapes: bool = False,
        group_by_stack_n: int = 0,
        group_by_overload_name: bool = False,
    ) -> EventList:
        """The events added up by name and, if asked, by shapes, by the last `n` calls of the stack."""
        if not self._tree_built:
            raise AssertionError("Expected tree to be built before calling key_averages")
        sums: dict[Any, FunctionEventAvg] = {}
        for event in self:
            key: list[Any] = [event.key, event.node_id, event.device_type, event.is_legacy]
            key += [event.is_user_annotation, event.overload_name if group_by_overload_name else None]
            key += [str(event.input_shapes) if group_by_input_shapes else None]
            key += event.stack[:group_by_stack_n] if group_by_stack_n > 0 else []
            sums.setdefault(tuple(key), FunctionEventAvg()).add(event)
        found = EventList(sums.values(), self._use_device, self._profile_memory, self._with_flops)
        for one in found:
            one.stack = (one.stack or [])[:group_by_stack_n]
            if not group_by_input_shapes:
                one.input_shapes = ""
            if not group_by_overload_name:
                one.overload_name = ""
        return found

    def total_average(self) -> FunctionEventAvg:
        """All events added up, with the key "Total"."""
        total = FunctionEventAvg()
        for event in self:
            total.add(event)
            total.key = None  # type: ignore[attr-defined]
        total.key = "Total"  # type: ignore[attr-defined]
        return total

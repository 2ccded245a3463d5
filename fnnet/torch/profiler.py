"""torch.profiler: profiles by a schedule of steps; what they see is `fnnet.torch.autograd.profiler`'s."""

from __future__ import annotations

import enum
import gzip
import json
import os
import socket
import time
from collections.abc import Callable, Iterable
from types import TracebackType
from typing import Any

from fnnet.checkpoint import atomically
from fnnet.torch.autograd import profiler as _prof
from fnnet.torch.autograd.profiler import record_function as record_function
from fnnet.torch.autograd.profiler_util import DeviceType as DeviceType
from fnnet.torch.autograd.profiler_util import EventList
from fnnet.torch.missing import refusals
from fnnet.torch.places import spell
from fnnet.torch.warning import warn

__all__ = [
    "DeviceType",
    "ExecutionTraceObserver",
    "ProfilerAction",
    "ProfilerActivity",
    "kineto_available",
    "profile",
    "record_function",
    "schedule",
    "supported_activities",
    "tensorboard_trace_handler",
]

ExecutionTraceObserver: Any = refusals("torch.profiler", "ExecutionTraceObserver")["ExecutionTraceObserver"]
_CLEARS = (
    "Warning: Profiler clears events at the end of each cycle. Only events from the current cycle will be "
    "reported. To keep events across cycles, set acc_events=True."
)
_warned: list[bool] = []


class ProfilerActivity(enum.Enum):
    """What is profiled. Kernels on a device are not seen; programs are timed by the CPU's clock."""

    CPU, XPU, CUDA, HPU, MTIA, PrivateUse1 = range(6)


class ProfilerAction(enum.Enum):
    """What a profile does in a step."""

    NONE, WARMUP, RECORD, RECORD_AND_SAVE, DEVICE_STOPPED = 0, 1, 2, 3, 4


_NONE, _WARMUP, _RECORD = ProfilerAction.NONE, ProfilerAction.WARMUP, ProfilerAction.RECORD
_SAVE = ProfilerAction.RECORD_AND_SAVE
_DEVICES = {
    ProfilerActivity.CUDA: "cuda", ProfilerActivity.XPU: "xpu", ProfilerActivity.MTIA: "mtia",
    ProfilerActivity.HPU: "hpu",
}  # fmt: skip


def kineto_available() -> bool:
    """False: PyTorch's own library of events is not here."""
    return False


def supported_activities() -> set[ProfilerActivity]:
    """What can be asked for: the CPU, and CUDA where JAX has a GPU."""
    from fnnet.torch import cuda

    return {ProfilerActivity.CPU} | ({ProfilerActivity.CUDA} if cuda.is_available() else set())


def schedule(
    *,
    wait: int,
    warmup: int,
    active: int,
    repeat: int = 0,
    skip_first: int = 0,
    skip_first_wait: int = 0,
) -> Callable[[int], ProfilerAction]:
    """What to do in each step: nothing for `skip_first` steps, then cycles.

    A cycle is `wait` steps of nothing, `warmup` steps whose events are not kept, and `active` steps; there
    are `repeat` of them, or without end if that is 0. With `skip_first_wait` the first cycle does not wait.
    Raises AssertionError for negative numbers, or no active step.
    """
    if min(wait, warmup, repeat, skip_first) < 0 or active <= 0:
        raise AssertionError(
            f"Invalid profiler schedule arguments. Got wait={wait} (need >= 0), warmup={warmup} (need >= 0), "
            f"active={active} (need > 0), repeat={repeat} (need >= 0), skip_first={skip_first} (need >= 0)."
        )
    if warmup == 0:
        warn("Profiler won't be using warmup, this can skew profiler results")
    length = wait + warmup + active

    def action(step: int) -> ProfilerAction:
        if step < 0:
            raise AssertionError(f"Step must be non-negative. Got {step}.")
        if step < skip_first:
            return _NONE
        step += (wait if skip_first_wait else 0) - skip_first
        cycle, within = divmod(step, length)
        if (repeat and cycle >= repeat) or within < wait:
            return _NONE
        if within < wait + warmup:
            return _WARMUP
        return _RECORD if within < length - 1 else _SAVE

    return action


def _always(step: int) -> ProfilerAction:
    return _RECORD


def tensorboard_trace_handler(
    dir_name: str, worker_name: str | None = None, use_gzip: bool = False, use_python_export: bool = False
) -> Callable[[Any], None]:
    """An `on_trace_ready` that writes each trace into a folder, under a name that TensorBoard knows."""

    def write(prof: Any) -> None:
        try:
            os.makedirs(dir_name, exist_ok=True)
        except OSError as error:
            raise RuntimeError("Can't create directory: " + dir_name) from error
        worker = worker_name or f"{socket.gethostname()}_{os.getpid()}"
        name = f"{worker}.{time.time_ns()}.pt.trace.json" + ".gz" * use_gzip
        prof.export_chrome_trace(os.path.join(dir_name, name))

    return write


def _parsed(activities: Iterable[Any]) -> set[ProfilerActivity]:
    found: set[ProfilerActivity] = set()
    for one in activities:
        if isinstance(one, dict):
            raise NotImplementedError("fnnet.torch: profile(activities=[{...}]) is not supported")
        if not isinstance(one, ProfilerActivity):
            raise TypeError(f"Expected ProfilerActivity or dict, got {type(one)}")
        if one in found:
            raise ValueError(f"Activity {one} specified more than once")
        found.add(one)
    return found


class _KinetoProfile:
    """A profile from `start` to `stop`, without a schedule.

    Args:
        activities: what to profile.
        record_shapes, with_stack, with_flops, profile_memory, with_modules, acc_events: see
            `torch.autograd.profiler.profile`.
    """

    def __init__(
        self,
        *,
        activities: Iterable[Any] | None = None,
        record_shapes: bool = False,
        profile_memory: bool = False,
        with_stack: bool = False,
        with_flops: bool = False,
        with_modules: bool = False,
        experimental_config: Any = None,
        execution_trace_observer: Any = None,
        acc_events: bool = False,
        custom_trace_id_callback: Callable[[], str] | None = None,
    ) -> None:
        for name, value in (
            ("experimental_config", experimental_config),
            ("execution_trace_observer", execution_trace_observer),
        ):
            if value is not None:
                raise NotImplementedError(f"fnnet.torch: profile({name}=...) is not supported")
        self.activities = supported_activities() if activities is None else _parsed(activities)
        self.record_shapes, self.with_stack, self.with_flops = record_shapes, with_stack, with_flops
        self.profile_memory, self.with_modules, self.acc_events = profile_memory, with_modules, acc_events
        self.custom_trace_id_callback = custom_trace_id_callback
        self.profiler: _prof.profile | None = None
        self.use_device = next((name for one, name in _DEVICES.items() if one in self.activities), None)
        self.preset_metadata: dict[str, str] = {}
        self._metadata: dict[str, str] = {}

    def start(self) -> None:
        """Begin."""
        self.prepare_trace()
        self.start_trace()

    def stop(self) -> None:
        """End."""
        self.stop_trace()

    def prepare_trace(self) -> None:
        """Make ready to begin."""
        if self.profiler is not None and not self.acc_events and not _warned:
            _warned.append(True)
            warn(_CLEARS)
        if self.profiler is None or not self.acc_events:
            self.profiler = _prof.profile(
                use_cpu=ProfilerActivity.CPU in self.activities,
                use_device=self.use_device,
                record_shapes=self.record_shapes,
                with_flops=self.with_flops,
                profile_memory=self.profile_memory,
                with_stack=self.with_stack,
                with_modules=self.with_modules,
                use_kineto=True,
                acc_events=self.acc_events,
                custom_trace_id_callback=self.custom_trace_id_callback,
            )
        self.profiler._prepare_trace()

    def start_trace(self) -> None:
        """Begin to collect events."""
        self._there("starting trace")._start_trace()
        for name in ("profile_memory", "with_stack", "record_shapes", "with_modules", "with_flops"):
            if getattr(self, name):
                self.add_metadata_json(name, "1")
        self._metadata.update(self.preset_metadata)

    def stop_trace(self) -> None:
        """Collect no more."""
        self._there("stopping trace").__exit__(None, None, None)

    def _there(self, what: str) -> _prof.profile:
        if self.profiler is None:
            raise AssertionError(f"Profiler must be initialized before {what}")
        return self.profiler

    def export_chrome_trace(self, path: str, use_python_export: bool = False) -> None:
        """Write the last cycle's events in the trace-event format, packed if the name ends in `.gz`."""
        text = self._there("exporting chrome trace")._trace(path, self._metadata)
        with atomically(path) as file:
            file.write(gzip.compress(text) if path.endswith(".gz") else text)

    def export_stacks(self, path: str, metric: str = "self_cpu_time_total") -> None:
        """Write what flame graphs read."""
        self._there("exporting stacks").export_stacks(path, metric)

    def export_memory_timeline(self, path: str, device: str | None = None) -> None:
        """Raises NotImplementedError: when memory is freed is not seen."""
        raise NotImplementedError("fnnet.torch: profile.export_memory_timeline is not supported")

    def toggle_collection_dynamic(self, enable: bool, activities: Iterable[ProfilerActivity]) -> None:
        """Raises NotImplementedError."""
        raise NotImplementedError("fnnet.torch: profile.toggle_collection_dynamic is not supported")

    def key_averages(
        self,
        group_by_input_shape: bool = False,
        group_by_stack_n: int = 0,
        group_by_overload_name: bool = False,
    ) -> EventList:
        """The events added up by name and, if asked, by shapes, by the last `n` calls of the stack."""
        profiler = self._there("getting key averages")
        return profiler.key_averages(group_by_input_shape, group_by_stack_n, group_by_overload_name)

    def events(self) -> EventList:
        """The events one by one."""
        return self._there("accessing events").function_events

    def add_metadata(self, key: str, value: str) -> None:
        """Write a text beside the events of the trace."""
        self.add_metadata_json(key, json.dumps(value))

    def add_metadata_json(self, key: str, value: str) -> None:
        """Write a JSON value beside the events of the trace."""
        self._metadata[key] = value

    def preset_metadata_json(self, key: str, value: str) -> None:
        """As `add_metadata_json`, for a profile that is not yet started."""
        self.preset_metadata[key] = value


class profile(_KinetoProfile):
    """A profile, as a context or from `start` to `stop`, with `step` after each turn of a loop.

    Args:
        activities: what to profile.
        schedule: from a step's number to what to do in it; without one, all is one cycle.
        on_trace_ready: called with the profile at the end of each cycle.
        use_cuda: deprecated; say it with `activities`.
        others: as for `torch.autograd.profiler.profile`.
    """

    def __init__(
        self,
        *,
        activities: Iterable[Any] | None = None,
        schedule: Callable[[int], ProfilerAction] | None = None,
        on_trace_ready: Callable[..., Any] | None = None,
        record_shapes: bool = False,
        profile_memory: bool = False,
        with_stack: bool = False,
        with_flops: bool = False,
        with_modules: bool = False,
        experimental_config: Any = None,
        execution_trace_observer: Any = None,
        acc_events: bool = False,
        use_cuda: bool | None = None,
        custom_trace_id_callback: Callable[[], str] | None = None,
    ) -> None:
        asked = None if activities is None else list(activities)
        if use_cuda is not None:
            warn("`use_cuda` is deprecated, use `activities` argument instead", FutureWarning)
        if (
            asked is not None
            and not use_cuda
            and not any(isinstance(one, ProfilerActivity | dict) for one in asked)
        ):
            raise AssertionError("No valid profiler activities found")
        super().__init__(
            activities=asked,
            record_shapes=record_shapes,
            profile_memory=profile_memory,
            with_stack=with_stack,
            with_flops=with_flops,
            with_modules=with_modules,
            experimental_config=experimental_config,
            execution_trace_observer=execution_trace_observer,
            acc_events=acc_events,
            custom_trace_id_callback=custom_trace_id_callback,
        )
        self.schedule = schedule or _always
        self.record_steps = schedule is not None
        self.on_trace_ready = on_trace_ready
        self.step_num = 0
        self.step_rec_fn: record_function | None = None
        self.current_action = self._asked(0)

    def _asked(self, step: int) -> ProfilerAction:
        action = self.schedule(step)
        if action is ProfilerAction.DEVICE_STOPPED:
            raise ValueError(
                "ProfilerAction.DEVICE_STOPPED is set internally by the profiler and must not be returned by "
                "a user-provided schedule"
            )
        return action

    def __enter__(self) -> profile:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    def start(self) -> None:
        """Begin with the first step."""
        self._go(_NONE, self.current_action)
        self._begin_step()

    def stop(self) -> None:
        """End; a cycle that is being recorded is finished."""
        self._end_step()
        self._go(self.current_action, None)

    def step(self) -> None:
        """The next step begins."""
        self._end_step()
        before, self.current_action = self.current_action, self._asked(self.step_num + 1)
        self.step_num += 1
        self._go(before, self.current_action)
        self._begin_step()

    def _begin_step(self) -> None:
        if self.record_steps:
            self.step_rec_fn = record_function(f"ProfilerStep#{self.step_num}")
            self.step_rec_fn.__enter__()

    def _end_step(self) -> None:
        if self.step_rec_fn is not None:
            self.step_rec_fn.__exit__(None, None, None)
            self.step_rec_fn = None

    def _go(self, before: ProfilerAction, now: ProfilerAction | None) -> None:
        """Do what lies between one step's action and the next's; `now` is None at the end."""
        recorded = (_RECORD, _SAVE)
        if before is _SAVE or (before is _RECORD and now is None):
            self.stop_trace()
            if self.on_trace_ready:
                self.on_trace_ready(self)
            before = _NONE
        elif before is _RECORD and now not in recorded and now is not None:
            warn(f"Incorrect schedule: RECORD followed by {now.name}")
            self.stop_trace()
            return
        elif before is _WARMUP and now in (_NONE, None):
            if now is _NONE:
                warn("Incorrect schedule: WARMUP followed by NONE")
            self.start_trace()
            self.stop_trace()
            return
        if before is _NONE and now in (_WARMUP, *recorded):
            self.prepare_trace()
        if before in (_NONE, _WARMUP) and now in recorded:
            self.start_trace()

    def set_custom_trace_id_callback(self, callback: Callable[[], str]) -> None:
        """Ask `callback` for the names of the traces."""
        self.custom_trace_id_callback = callback

    def get_trace_id(self) -> str | None:
        """The name of the trace of this cycle."""
        return None if self.profiler is None else self.profiler.trace_id


spell(
    f"{__name__}.profiler",
    profile=profile, schedule=schedule, ProfilerAction=ProfilerAction, ProfilerActivity=ProfilerActivity,
    tensorboard_trace_handler=tensorboard_trace_handler, supported_activities=supported_activities,
    _KinetoProfile=_KinetoProfile, ExecutionTraceObserver=ExecutionTraceObserver, EventList=EventList,
)  # fmt: skip
spell(f"{__name__}.itt", **refusals("torch.profiler.itt", "range_push range_pop range mark"))

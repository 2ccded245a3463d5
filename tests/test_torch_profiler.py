"""Profiles: what fnnet adds to PyTorch's events, and that nothing of a profile stays. PyTorch's words are in
`profiler_scenarios.py`."""

from __future__ import annotations

import gc
import json
import threading
from pathlib import Path
from typing import Any

import pytest

import fnnet.torch as torch
from fnnet.torch import call as calls
from fnnet.torch import profiler
from fnnet.torch.autograd.profiler_collecting import COLLECTING
from fnnet.torch.record import Record
from fnnet.torch.watched import _GATES, Watch


def _counts(prof: Any) -> dict[str, int]:
    return {one.key: one.count for one in prof.key_averages()}


def test_programs_are_events() -> None:
    """Each program that runs is an event with its time and its bytes; compiling is one within it."""
    x = torch.ones(5, 7)
    torch.synchronize()
    with profiler.profile(profile_memory=True) as prof, torch.no_grad():
        for _ in range(4):
            y = (x * 3 + 1).relu()
            y.sum().item()
    counts = _counts(prof)
    assert counts["aten::mul"] == counts["aten::relu"] == counts["aten::item"] == 4
    own = {name: count for name, count in counts.items() if name.startswith("fnnet: ")}
    assert set(own) <= {
        "fnnet: evaluation by NumPy of 4 operations",
        "fnnet: program of 4 operations",
        "fnnet: compile a program of 4 operations",
    }
    assert sum(count for name, count in own.items() if "compile" not in name) == 4
    (ran, *_) = [one for one in prof.events() if one.name.startswith("fnnet: program")]
    assert ran.cpu_memory_usage == 4 * (5 * 7 + 1)
    assert ran.cpu_parent.name == "aten::item"
    assert ran.cpu_children[0].name == "fnnet: compile a program of 4 operations"
    assert ran.cpu_time_total >= ran.cpu_children[0].cpu_time_total > 0


def test_stop_runs_what_is_recorded() -> None:
    with profiler.profile() as prof:
        kept = torch.ones(3) + 1
    assert any("operation" in name for name in _counts(prof))
    assert kept.tolist() == [2.0, 2.0, 2.0]


def test_nothing_stays() -> None:
    """After a profile each function has its own code, whatever happened within."""
    before = [function.__code__ for function in (calls.call, calls.call_in_place, Record._run, torch.randn)]
    with pytest.raises(RuntimeError, match="size of tensor"), profiler.profile() as prof:
        torch.ones(2) + torch.ones(3)
    assert COLLECTING == []
    assert _GATES == {}
    after = [function.__code__ for function in (calls.call, calls.call_in_place, Record._run, torch.randn)]
    assert all(one is two for one, two in zip(before, after, strict=True))
    assert _counts(prof)["aten::ones"] == 2
    torch.ones(2) * 2
    assert "aten::mul" not in _counts(prof)


def test_one_profile_at_a_time() -> None:
    with profiler.profile(), pytest.raises(RuntimeError, match="already enabled"):
        profiler.profile().start()
    assert COLLECTING == []


def test_values_and_gradients_are_the_same() -> None:
    def step() -> list[Any]:
        torch.manual_seed(3)
        model = torch.nn.Sequential(torch.nn.Linear(3, 4), torch.nn.Dropout(0.5), torch.nn.Linear(4, 1))
        optimizer = torch.optim.Adam(model.parameters())
        for _ in range(3):
            optimizer.zero_grad()
            model(torch.randn(5, 3)).pow(2).mean().backward()
            optimizer.step()
        return [one.tolist() for one in model.parameters()]

    plain = step()
    with profiler.profile(record_shapes=True, with_stack=True, with_flops=True):
        assert step() == plain


def test_flops_shapes_and_stack() -> None:
    w = torch.ones(4, 5)
    with profiler.profile(record_shapes=True, with_stack=True, with_flops=True) as prof:
        torch.ones(3, 4) @ w
        torch.nn.functional.conv2d(torch.ones(1, 2, 6, 6), torch.ones(3, 2, 3, 3))
    found = {one.name: one for one in prof.events()}
    assert found["aten::matmul"].flops == 2 * 3 * 4 * 5
    assert found["aten::conv2d"].flops == 2 * 3 * 16 * 2 * 9
    assert found["aten::matmul"].input_shapes == [[3, 4], [4, 5]]
    assert "test_torch_profiler.py" in found["aten::matmul"].stack[0]
    assert "Total" in prof.key_averages().table()
    assert "Source Location" in prof.key_averages(group_by_stack_n=1).table()


def test_other_threads_are_seen() -> None:
    with profiler.profile() as prof:
        worker = threading.Thread(target=lambda: torch.ones(3).sin().tolist())
        worker.start()
        worker.join()
    (one,) = [event for event in prof.events() if event.name == "aten::sin"]
    assert one.thread != threading.get_native_id()


def test_export_is_whole_or_not_at_all(tmp_path: Path) -> None:
    with profiler.profile() as prof:
        torch.ones(2) * 2
    path = tmp_path / "trace.json"
    path.write_text("before")
    prof.add_metadata_json("bad", "{")
    with pytest.raises(json.JSONDecodeError):
        prof.export_chrome_trace(str(path))
    assert path.read_text() == "before"
    prof.add_metadata_json("bad", "1")
    prof.export_chrome_trace(str(path))
    assert json.loads(path.read_text())["bad"] == 1
    assert [one.name for one in tmp_path.iterdir()] == ["trace.json"]


@pytest.mark.parametrize(
    "make",
    [
        lambda: profiler.profile(experimental_config=object()),
        lambda: profiler.profile(execution_trace_observer=object()),
        lambda: profiler.profile(activities=[{profiler.ProfilerActivity.CPU: []}]),
        lambda: profiler.profile().export_memory_timeline("x"),
        lambda: profiler.ExecutionTraceObserver(),
        lambda: torch.autograd.profiler.emit_nvtx(),
    ],
)
def test_what_is_not_supported_is_refused_by_name(make: Any) -> None:
    with pytest.raises(NotImplementedError, match=r"fnnet\.torch: "):
        make()


def test_watchers_leave_in_any_order() -> None:
    seen: list[str] = []

    def watcher(name: str) -> Any:
        def around(function: Any, further: Any, args: Any, kwargs: Any) -> Any:
            seen.append(name)
            return further(*args, **kwargs)

        return around

    def watched(x: int, *, y: int = 1) -> int:
        return x + y + outer

    outer = 10
    code = watched.__code__
    first, second = Watch([watched], watcher("first")), Watch([watched], watcher("second"))
    first.start()
    second.start()
    assert watched(1) == 12
    first.stop()
    assert watched(1, y=5) == 16
    second.stop()
    assert watched.__code__ is code
    assert seen == ["second", "first", "second"]
    gc.collect()
    assert watched(2) == 13

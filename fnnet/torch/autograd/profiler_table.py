"""The table of a profile, laid out as PyTorch's."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

__all__ = ["format_memory", "format_time", "table"]

_COLUMN = 12
_SPACE = "  "
_UNITS = {"s": (1e6, "s"), "ms": (1e3, "ms"), "us": (1.0, "us")}
_FLOPS = ["FLOPs", "KFLOPs", "MFLOPs", "GFLOPs", "TFLOPs", "PFLOPs"]


def format_time(microseconds: float, unit: str | None = None) -> str:
    """A time in the unit, or in the largest that leaves a digit before the point."""
    if unit not in _UNITS:
        unit = "s" if microseconds >= 1e6 else "ms" if microseconds >= 1e3 else "us"
    scale, name = _UNITS[unit]
    return f"{microseconds / scale:.3f}{name}"


def format_memory(size: int) -> str:
    """A number of bytes in words."""
    for power, name in ((3, "GB"), (2, "MB"), (1, "KB")):
        if abs(size) >= 1024**power:
            return f"{size / 1024**power:.2f} {name}"
    return f"{size} B"


def _share(part: float, whole: float) -> str:
    return f"{part * 100.0 / whole:.2f}%" if whole else "NaN"


def _shortened(name: str, width: int | None) -> str:
    return name[: width - 3] + "..." if width is not None and len(name) >= width - 3 else name


def _end_of(path: str, width: int) -> str:
    return path if len(path) <= width else "..." + path[len(path) - width + 3 :]


def _width(texts: Any, most: int | None) -> int:
    width: int = max(map(len, texts)) + 4
    return width if most is None else min(width, most)


def table(
    events: Sequence[Any],
    row_limit: int = 100,
    widths: tuple[int | None, int | None, int | None] = (55, 80, 75),
    header: str | None = None,
    memory: bool = False,
    flops: bool = False,
    top_level: bool = False,
    unit: str | None = None,
) -> str:
    """The events as text, one a line.

    Args:
        events: `FunctionEvent`s or averages of them.
        row_limit: how many at most; -1 for all.
        widths: of the columns of names, shapes and sources, at most.
        header: a line above.
        memory, flops: whether there are columns of bytes and of operations on numbers.
        top_level: leave out events that ran within another.
        unit: "s", "ms" or "us" for all times.
    """
    if not events:
        return ""
    device = events[0].use_device
    on_device = any(event.self_device_time_total > 0 for event in events)
    if on_device and not device:
        raise RuntimeError("use_device is None, but there is device performance data.")
    place = device.upper() if device is not None else "None"
    named, shaped, sourced = widths
    name_width = _width((event.key for event in events), named)
    own = sum(event.self_cpu_time_total for event in events)
    own_device = sum(event.self_device_time_total for event in events if event.is_legacy)
    overloads = any(event.overload_name for event in events)
    stacks = [event.stack for event in events if event.stack]

    columns: list[tuple[str, str, Any]] = [("Name", f">{name_width}", lambda e: _shortened(e.key, named))]

    def add(title: str, text: Any, layout: str = f">{_COLUMN}") -> None:
        columns.append((title, layout, text))

    if overloads:
        add("Overload Name", lambda e: _shortened(e.overload_name, named), f">{name_width}")
    add("Self CPU %", lambda e: _share(e.self_cpu_time_total, own))
    add("Self CPU", lambda e: format_time(e.self_cpu_time_total, unit))
    add("CPU total %", lambda e: 0 if e.is_async else _share(e.cpu_time_total, own))
    add("CPU total", lambda e: format_time(e.cpu_time_total, unit))
    add("CPU time avg", lambda e: format_time(e.cpu_time, unit))
    if on_device:
        add(f"Self {place}", lambda e: format_time(e.self_device_time_total, unit))
        add(f"Self {place} %", lambda e: _share(e.self_device_time_total, own_device))
        add(f"{place} total", lambda e: format_time(e.device_time_total, unit))
        add(f"{place} time avg", lambda e: format_time(e.device_time, unit))
    if memory:
        add("CPU Mem", lambda e: format_memory(e.cpu_memory_usage))
        add("Self CPU Mem", lambda e: format_memory(e.self_cpu_memory_usage))
        if device and any(event.self_device_memory_usage > 0 for event in events):
            add(f"{place} Mem", lambda e: format_memory(e.device_memory_usage))
            add(f"Self {place} Mem", lambda e: format_memory(e.self_device_memory_usage))
    add("# of Calls", lambda e: e.count)
    if any(event.node_id != -1 for event in events):
        add("Node ID", lambda e: e.node_id)
    if any(event.input_shapes is not None and len(event.input_shapes) > 0 for event in events):
        width = _width((str(event.input_shapes) for event in events), shaped)
        add("Input Shapes", lambda e: str(e.input_shapes)[:width], f">{width}")
    source_width = 0
    if stacks:
        source_width = _width((entry for stack in stacks for entry in stack), sourced)
        source: tuple[str, str, Any] = (
            "Source Location",
            f"<{source_width}",
            lambda e: _end_of(e.stack[0], source_width) if e.stack else "",
        )
    counted = [event.flops for event in events if event.flops and event.flops > 0] if flops else []
    if stacks:
        columns.append(source)
    if counted:
        power = int(max(0, min(math.log10(min(counted)) / 3, len(_FLOPS) - 1)))
        add(
            f"Total {_FLOPS[power]}",
            lambda e: f"{e.flops * 10 ** (-3.0 * power):8.3f}" if e.flops and e.flops > 0 else "--",
        )

    titles = [title for title, _, _ in columns]
    layouts = [layout for _, layout, _ in columns]
    at_source = titles.index("Source Location") if stacks else -1

    def line(texts: list[Any]) -> str:
        return "".join(f"{text:{layout}}" + _SPACE for text, layout in zip(texts, layouts, strict=True))

    rule = "".join("-" * int(layout[1:]) + _SPACE for layout in layouts)
    double = "=" * (len(rule) - len(_SPACE))
    lines = [double, header] if header is not None else []
    if top_level:
        lines += [double, "This report only display top-level ops statistics"]
    lines += [rule, line(titles), rule]
    shown = [event for event in events if not (top_level and event.cpu_parent is not None)]
    for event in shown if row_limit < 0 else shown[:row_limit]:
        event.self_cpu_percent = _share(event.self_cpu_time_total, own)
        event.total_cpu_percent = 0 if event.is_async else _share(event.cpu_time_total, own)
        lines.append(line([text(event) for _, _, text in columns]))
        if stacks:
            for entry in [*(event.stack or [])[1:], ""]:
                texts: list[Any] = [""] * len(columns)
                texts[at_source] = _end_of(entry, source_width)
                lines.append(line(texts))
    lines += [rule, f"Self CPU time total: {format_time(own, unit)}"]
    if on_device:
        lines.append(f"Self {place} time total: {format_time(own_device, unit)}")
    return "\n".join([*lines, ""])

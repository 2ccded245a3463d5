"""A curve as a picture: one inline SVG, whose colours the page's style sheet decides (`STYLE`)."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from html import escape
from typing import Any

import numpy as np

from fnnet.parity.lessons.lesson import Curve
from fnnet.parity.text import number

WIDTH, HEIGHT = 720, 380
_LEFT, _RIGHT, _TOP, _BOTTOM = 92, 22, 14, 62
_MOST_POINTS = 400
_COLOURS = 4

STYLE = """
svg.chart { width: 100%; height: auto; font: 17px system-ui, sans-serif; }
.chart text { fill: var(--text); }
.chart .grid { stroke: var(--grid); stroke-width: 1; }
.chart .axis { fill: none; stroke: var(--muted); stroke-width: 1; }
.chart .line { fill: none; stroke-width: 1.8; stroke-linejoin: round; }
.chart .under { stroke-width: 6; opacity: .4; }
.chart .median { stroke-dasharray: 6 4; }
.chart .band { stroke: none; opacity: .22; }
.chart .point { fill: var(--page); stroke: var(--point); stroke-width: 2.2; }
.chart .s0 { stroke: var(--s0); } .chart .s1 { stroke: var(--s1); }
.chart .s2 { stroke: var(--s2); } .chart .s3 { stroke: var(--s3); }
.chart .band.s0, .chart .dot.s0 { fill: var(--s0); } .chart .band.s1, .chart .dot.s1 { fill: var(--s1); }
.chart .band.s2, .chart .dot.s2 { fill: var(--s2); } .chart .band.s3, .chart .dot.s3 { fill: var(--s3); }
"""


def _ticks(low: float, high: float, most: int = 6) -> list[float]:
    """Round numbers between low and high."""
    rough = (high - low) / most
    power = 10.0 ** math.floor(math.log10(rough))
    step = next(power * k for k in (1, 2, 5, 10) if power * k >= rough * (1 - 1e-9))
    first = math.ceil(low / step - 1e-9)
    return [round(i * step, 12) for i in range(first, math.floor(high / step + 1e-9) + 1)]


def _powers(low: float, high: float) -> list[float]:
    """Powers of ten between low and high, so many that they can be read."""
    first, last = math.ceil(low - 1e-9), math.floor(high + 1e-9)
    return [float(p) for p in range(first, last + 1, max(1, math.ceil((last - first) / 7)))]


def _superscript(power: int) -> str:
    return "10" + str(power).translate(str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹"))


class _Frame:
    """Where numbers lie in the picture."""

    def __init__(self, curve: Curve) -> None:
        self.log = curve.log_y
        xs: list[Any] = [line.x for line in curve.lines] + [band.x for band in curve.bands]
        ys: list[Any] = [line.y for line in curve.lines]
        ys += [y for band in curve.bands for y in (band.low, band.high)]
        if curve.documented is not None:
            xs.append(curve.documented.x)
            ys.append(curve.documented.y)
        all_x = np.concatenate([np.asarray(x, np.float64).ravel() for x in xs]) if xs else np.zeros(0)
        all_y = np.concatenate([self.scaled(y) for y in ys]) if ys else np.zeros(0)
        all_x, all_y = all_x[np.isfinite(all_x)], all_y[np.isfinite(all_y)]
        if not all_x.size or not all_y.size:
            raise ValueError(f"chart: {curve.title}: nothing to draw")
        self.x = _widened(float(all_x.min()), float(all_x.max()), 0.02)
        self.y = _widened(float(all_y.min()), float(all_y.max()), 0.05)

    def scaled(self, y: Any) -> np.ndarray:
        """The values, or their powers of ten; NaN where there is none."""
        values = np.asarray(y, np.float64).ravel()
        if not self.log:
            return values
        return np.log10(np.where(values > 0, values, np.nan))

    def place(self, x: Any, y: Any) -> list[tuple[float, float]]:
        """Points in the picture, without those that are not finite."""
        xs, ys = np.asarray(x, np.float64).ravel(), self.scaled(y)
        good = np.isfinite(xs) & np.isfinite(ys)
        xs, ys = xs[good], ys[good]
        if xs.size > _MOST_POINTS:
            kept = np.unique(np.linspace(0, xs.size - 1, _MOST_POINTS).round().astype(int))
            xs, ys = xs[kept], ys[kept]
        return [(self.across(a), self.down(b)) for a, b in zip(xs, ys, strict=True)]

    def across(self, x: float) -> float:
        share = (x - self.x[0]) / (self.x[1] - self.x[0])
        return _LEFT + share * (WIDTH - _LEFT - _RIGHT)

    def down(self, scaled_y: float) -> float:
        share = (scaled_y - self.y[0]) / (self.y[1] - self.y[0])
        return HEIGHT - _BOTTOM - share * (HEIGHT - _TOP - _BOTTOM)


def _widened(low: float, high: float, by: float) -> tuple[float, float]:
    margin = by * (high - low) if high > low else max(abs(low), 1.0) * 0.5
    return low - margin, high + margin


def _path(points: Sequence[tuple[float, float]]) -> str:
    return "M" + "L".join(f"{x:.1f} {y:.1f}" for x, y in points)


def _axes(frame: _Frame, curve: Curve) -> list[str]:
    parts = []
    right, bottom = WIDTH - _RIGHT, HEIGHT - _BOTTOM
    few = frame.log and len(_powers(*frame.y)) < 2
    y_ticks = _powers(*frame.y) if frame.log and not few else _ticks(*frame.y)
    y_name: Callable[[float], str] = lambda v: number(10**v if frame.log else v, 4)  # noqa: E731
    for value in y_ticks:
        at = frame.down(value)
        name = _superscript(int(value)) if frame.log and not few else y_name(value)
        parts.append(f'<path class="grid" d="M{_LEFT} {at:.1f}H{right}"/>')
        parts.append(f'<text x="{_LEFT - 8}" y="{at + 6:.1f}" text-anchor="end">{name}</text>')
    for value in _ticks(*frame.x, most=8):
        at = frame.across(value)
        parts.append(f'<path class="axis" d="M{at:.1f} {bottom}v5"/>')
        parts.append(f'<text x="{at:.1f}" y="{bottom + 24}" text-anchor="middle">{number(value, 6)}</text>')
    parts.append(f'<path class="axis" d="M{_LEFT} {_TOP}V{bottom}H{right}"/>')
    middle = (_LEFT + right) / 2
    parts.append(f'<text x="{middle}" y="{HEIGHT - 8}" text-anchor="middle">{escape(curve.x_label)}</text>')
    half = (_TOP + bottom) / 2
    parts.append(
        f'<text x="18" y="{half}" text-anchor="middle" transform="rotate(-90 18 {half})">'
        f"{escape(curve.y_label)}</text>"
    )
    return parts


def _key(kind: str) -> str:
    """A sample of a drawing style, for the legend."""
    marks = {
        "point": '<circle class="point" cx="14" cy="7" r="4"/>',
        "band": '<rect class="band {c}" x="1" y="1" width="26" height="12"/>'
        '<path class="line median {c}" d="M1 7H27"/>',
        "under": '<path class="line under {c}" d="M1 7H27"/>',
        "line": '<path class="line {c}" d="M1 7H27"/>',
    }
    name, _, colour = kind.partition(" ")
    return (
        '<svg class="chart" style="width:28px;height:14px" viewBox="0 0 28 14" aria-hidden="true">'
        + marks[name].replace("{c}", colour)
        + "</svg>"
    )


def figure(curve: Curve, identity: str) -> str:
    """The curve as an HTML figure. Raises ValueError if it has no finite point.

    Args:
        curve: what to draw.
        identity: a word, unique in the page, for the element's id.
    """
    frame = _Frame(curve)
    parts, legend = _axes(frame, curve), []
    # A line has the same colour with and without bands, so that PyTorch and fnnet look alike throughout.
    for position, band in enumerate(curve.bands):
        style = f"s{-position % _COLOURS}"
        around = [*frame.place(band.x, band.high), *reversed(frame.place(band.x, band.low))]
        parts.append(f'<path class="band {style}" d="{_path(around)}Z"/>')
        parts.append(f'<path class="line median {style}" d="{_path(frame.place(band.x, band.median))}"/>')
        legend.append((f"band {style}", band.label))
    lines = list(curve.lines)
    for position, line in enumerate(lines):
        style = f"s{(position + 1) % _COLOURS}"
        points = frame.place(line.x, line.y)
        # The first of several lines lies broad under the others, so that it is seen where they coincide.
        kind = "under" if position == 0 and len(lines) > 1 else "line"
        drawn = "line under" if kind == "under" else "line"
        if points:
            parts.append(f'<path class="{drawn} {style}" d="{_path(points)}"/>')
        legend.append((f"{kind} {style}", line.label))
    if curve.documented is not None:
        for x, y in frame.place(curve.documented.x, curve.documented.y):
            parts.append(f'<circle class="point" cx="{x:.1f}" cy="{y:.1f}" r="4.5"/>')
        legend.insert(0, ("point", curve.documented.label))
    keys = "".join(f"<li>{_key(kind)} {escape(label)}</li>" for kind, label in legend)
    described = f"{curve.y_label} against {curve.x_label}: " + ", ".join(label for _, label in legend)
    return (
        f"<figure><figcaption>{escape(curve.title)}</figcaption>"
        f'<ul class="legend">{keys}</ul>'
        f'<svg class="chart" viewBox="0 0 {WIDTH} {HEIGHT}" role="img" '
        f'aria-labelledby="{identity}-t {identity}-d">'
        f'<title id="{identity}-t">{escape(curve.title)}</title>'
        f'<desc id="{identity}-d">{escape(described)}</desc>' + "".join(parts) + "</svg></figure>"
    )

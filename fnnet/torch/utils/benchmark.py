"""torch.utils.benchmark: timing of statements. What one records is computed before the next is begun."""

from __future__ import annotations

import statistics
import timeit as _timeit
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from fnnet.torch.record import synchronize
from fnnet.torch.settings import get_num_threads, set_num_threads

__all__ = ["Measurement", "Timer", "select_unit"]

_UNITS = ((1e-9, "ns"), (1e-6, "us"), (1e-3, "ms"), (1.0, "s"))


def select_unit(t: float) -> tuple[str, float]:
    """The unit in which a time has a readable size, and the unit in seconds."""
    fitting = [(name, scale) for scale, name in _UNITS if t >= scale]
    return fitting[-1] if fitting else ("ns", 1e-9)


@dataclass
class Measurement:
    """Times of a statement: `raw_times` of `number_per_run` executions each."""

    number_per_run: int
    raw_times: list[float]
    stmt: str
    setup: str = ""
    label: str | None = None
    sub_label: str | None = None
    description: str | None = None
    env: str | None = None
    num_threads: int = 1
    metadata: dict[Any, Any] | None = field(default=None)

    @property
    def times(self) -> list[float]:
        """Seconds of one execution, for each run."""
        return [one / self.number_per_run for one in self.raw_times]

    @property
    def median(self) -> float:
        """The median of the times."""
        return statistics.median(self.times)

    @property
    def mean(self) -> float:
        """The mean of the times."""
        return statistics.fmean(self.times)

    @property
    def iqr(self) -> float:
        """The distance of the quartiles."""
        low, high = self._quartiles()
        return high - low

    def _quartiles(self) -> tuple[float, float]:
        times = self.times
        if len(times) < 2:
            return times[0], times[0]
        low, _, high = statistics.quantiles(times, n=4, method="inclusive")
        return low, high

    @property
    def title(self) -> str:
        """What was timed."""
        return (self.label or self.stmt) + (f": {self.sub_label}" if self.sub_label else "")

    def __repr__(self) -> str:
        unit, scale = select_unit(self.median)
        count = len(self.raw_times)
        setup = f"setup: {self.setup}" if self.setup not in ("", "pass") else ""
        lines = [object.__repr__(self), self.title, self.description or "", setup]
        lines.append(f"  {'Median: ' if count > 1 else ''}{self.median / scale:.2f} {unit}")
        if count >= 4:
            low, high = self._quartiles()
            spread = f"{low / scale:.2f} to {high / scale:.2f}"
            lines.append(f"  IQR:    {(high - low) / scale:.2f} {unit} ({spread})")
        runs = f"{self.number_per_run} runs {'per measurement,' if count > 1 else ','}"
        lines.append(
            f"  {count} measurement{'s' if count > 1 else ''}, {runs} {self.num_threads} "
            f"thread{'s' if self.num_threads > 1 else ''}"
        )
        return "\n".join(line for line in lines if line)


_COMPUTE = "_fnnet_compute"


def _held(stmt: str) -> str:
    """The statement; the value of an expression is held until it is computed, since nobody else holds it."""
    try:
        compile(stmt, "<stmt>", "eval")
    except SyntaxError:
        return stmt
    return f"_fnnet_held = ({stmt})"


class Timer:
    """Times a statement of Python, on `num_threads` threads.

    Args:
        stmt, setup: source that is timed, and that runs once before each timing.
        global_setup: source of C++; must be "".
        timer: a clock.
        globals: names that the statement may use.
        label, sub_label, description, env: what the Measurement says.
        language: "python" only.
    """

    def __init__(
        self,
        stmt: str = "pass",
        setup: str = "pass",
        global_setup: str = "",
        timer: Callable[[], float] = _timeit.default_timer,
        globals: dict[str, Any] | None = None,
        label: str | None = None,
        sub_label: str | None = None,
        description: str | None = None,
        env: str | None = None,
        num_threads: int = 1,
        language: Any = "python",
    ) -> None:
        if not isinstance(stmt, str):
            raise ValueError("Currently only a `str` stmt is supported.")
        if str(language).lower() not in ("python", "py") or global_setup:
            raise NotImplementedError("fnnet.torch: torch.utils.benchmark.Timer times Python only")
        self._said: dict[str, Any] = {
            "stmt": stmt,
            "setup": setup,
            "label": label,
            "sub_label": sub_label,
            "description": description,
            "env": env,
            "num_threads": num_threads,
        }
        names = {} if globals is None else dict(globals)
        names[_COMPUTE] = synchronize
        timed = f"{_held(stmt)}\n{_COMPUTE}()"
        self._timer = _timeit.Timer(timed, setup, timer=timer, globals=names)

    def _seconds(self, number: int) -> float:
        synchronize()
        threads = get_num_threads()
        set_num_threads(self._said["num_threads"])
        try:
            return self._timer.timeit(number)
        finally:
            set_num_threads(threads)

    def timeit(self, number: int = 1_000_000) -> Measurement:
        """One run of `number` executions, after a few that do not count."""
        self._seconds(max(number // 100, 2))
        return Measurement(number, [self._seconds(number)], **self._said)

    def blocked_autorange(
        self, callback: Callable[[int, float], Any] | None = None, min_run_time: float = 0.2
    ) -> Measurement:
        """Runs of so many executions that the clock does not matter, for at least `min_run_time` seconds."""
        number = 1
        self._seconds(2)
        while self._seconds(number) < min_run_time / 1000 and number < 1 << 30:
            number *= 10
        times: list[float] = []
        while sum(times) < min_run_time or not times:
            times.append(self._seconds(number))
            if callback is not None:
                callback(number, times[-1])
        return Measurement(number, times, **self._said)

    def adaptive_autorange(
        self,
        threshold: float = 0.1,
        *,
        min_run_time: float = 0.01,
        max_run_time: float = 10.0,
        callback: Callable[[int, float], Any] | None = None,
    ) -> Measurement:
        """Runs until the quartiles are within `threshold` of the median, or `max_run_time` seconds."""
        made = self.blocked_autorange(callback, min_run_time)
        while sum(made.raw_times) < max_run_time and (
            len(made.raw_times) < 4 or made.iqr / made.median > threshold
        ):
            made.raw_times.append(self._seconds(made.number_per_run))
        return made

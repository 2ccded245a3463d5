"""How far two arrays are apart: the worst element, its relative error and ULP, and how many differ."""

from __future__ import annotations

import shutil
import sys
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from enum import StrEnum
from typing import Any

import ml_dtypes
import numpy as np

from fnnet.parity import text
from fnnet.parity.verdict import TOLERANCES

_INTEGERS = {2: np.int16, 4: np.int32, 8: np.int64}
FACTOR = 10.0


class Agreement(StrEnum):
    """How two values agree. The last three are failures."""

    EXACT = "exact"
    EQUAL = "equal"
    ROUNDING = "rounding"
    IMPRECISE = "IMPRECISE"
    DIFFERENT = "DIFFERENT"
    MISMATCH = "MISMATCH"

    @property
    def ok(self) -> bool:
        """Whether the values agree up to rounding."""
        return self in (Agreement.EXACT, Agreement.EQUAL, Agreement.ROUNDING)


@dataclass(frozen=True)
class Difference:
    """One value beside its reference.

    Attributes:
        name: of the value.
        agreement: the verdict.
        note: why, if there is more to say.
        shape, dtype: of the reference.
        index: of the worst element, the one that exceeds its tolerance by most.
        ours, reference: the values there.
        absolute, relative: the difference there.
        ulp: the difference there in units in the last place of the dtype; None if it has none.
        differ: how many elements are outside of the tolerance.
        unequal: how many differ in any bit.
    """

    name: str
    agreement: Agreement
    note: str = ""
    shape: tuple[int, ...] = ()
    dtype: str = ""
    index: tuple[int, ...] = ()
    ours: Any = None
    reference: Any = None
    absolute: float = 0.0
    relative: float = 0.0
    ulp: int | None = 0
    differ: int = 0
    unequal: int = 0

    @property
    def ok(self) -> bool:
        """Whether the values agree up to rounding."""
        return self.agreement.ok

    def to_dict(self) -> dict[str, Any]:
        """For JSON: numbers that are not finite as strings."""
        table = asdict(self) | {"ok": self.ok}
        for key in ("ours", "reference", "absolute", "relative"):
            if isinstance(table[key], float) and not np.isfinite(table[key]):
                table[key] = str(table[key])
        return table


def is_float(dtype: Any) -> bool:
    """Whether a dtype is a floating one, bfloat16 included."""
    dtype = np.dtype(dtype)
    return dtype.kind == "f" or dtype == np.dtype(ml_dtypes.bfloat16)


def _ordered(values: np.ndarray) -> np.ndarray:
    """Integers in the order of the floats, neighbours one apart."""
    kind = _INTEGERS[values.dtype.itemsize]
    bits = values.view(kind)
    return np.where(bits < 0, np.array(-1 << (8 * bits.itemsize - 1), kind) - bits, bits).astype(kind)


def ulps(ours: Any, reference: Any) -> int | None:
    """How many floats of their dtype lie between two scalars; None if that has no meaning."""
    a, b = np.asarray(ours).reshape(1), np.asarray(reference).reshape(1)
    if a.dtype != b.dtype or not is_float(a.dtype) or a.dtype.itemsize not in _INTEGERS:
        return None
    if not (np.isfinite(a.astype(np.float64)).all() and np.isfinite(b.astype(np.float64)).all()):
        return None
    return abs(int(_ordered(a)[0]) - int(_ordered(b)[0]))


def tolerances(dtype: Any, rtol: float | None, atol: float | None) -> tuple[float, float]:
    """(rtol, atol): those given, else assert_close's for the dtype (complex numbers: of their parts)."""
    dtype = np.dtype(dtype)
    name = {"complex64": "float32", "complex128": "float64"}.get(str(dtype), str(dtype))
    own = TOLERANCES.get(name, (0.0, 0.0))
    return own[0] if rtol is None else rtol, own[1] if atol is None else atol


def _scalar(value: Any) -> Any:
    value = np.asarray(value)
    if value.dtype.kind == "c":
        return str(value.item())
    return float(value) if is_float(value.dtype) else value.item()


def difference(
    name: str, ours: Any, reference: Any, rtol: float | None = None, atol: float | None = None
) -> Difference:
    """Compare two arrays: shape, dtype, and every element within assert_close's tolerance of the dtype."""
    a, b = np.asarray(ours), np.asarray(reference)
    about: dict[str, Any] = {"shape": b.shape, "dtype": str(b.dtype)}
    if a.shape != b.shape:
        return Difference(name, Agreement.MISMATCH, f"shape {a.shape}, expected {b.shape}", **about)
    if a.dtype != b.dtype:
        return Difference(name, Agreement.MISMATCH, f"dtype {a.dtype}, expected {b.dtype}", **about)
    if a.size == 0:
        return Difference(name, Agreement.EXACT, **about)
    rtol, atol = tolerances(b.dtype, rtol, atol)
    wide = np.complex128 if a.dtype.kind == "c" else np.float64
    x, y = a.astype(wide), b.astype(wide)
    same = (a == b) | (np.isnan(x) & np.isnan(y))
    with np.errstate(all="ignore"):
        gap = np.where(same, 0.0, np.abs(x - y))
        gap = np.where(np.isnan(gap), np.inf, gap)
        allowed = atol + rtol * np.abs(y)
        outside = ~same & ~(gap <= np.where(np.isfinite(y), allowed, -1.0))
        excess = np.where(same, 0.0, gap / np.where(allowed > 0, allowed, 1.0))
        worst = int(np.argmax(np.where(np.isnan(excess), np.inf, excess)))
        at, value = gap.flat[worst], np.abs(y.flat[worst])
        relative = float(at / value) if value > 0 else float(at)
    verdict = Agreement.DIFFERENT if outside.any() else Agreement.EXACT if same.all() else Agreement.EQUAL
    return Difference(
        name,
        verdict,
        index=tuple(int(i) for i in np.unravel_index(worst, a.shape)),
        ours=_scalar(a.flat[worst]),
        reference=_scalar(b.flat[worst]),
        absolute=float(at),
        relative=relative,
        ulp=ulps(a.flat[worst], b.flat[worst]),
        differ=int(outside.sum()),
        unequal=int((~same).sum()),
        **about,
    )


def distance(values: Any, exact: Any) -> float:
    """|values - exact| / |exact| in Euclidean norms; inf where one is not finite and the other is."""
    a, b = np.asarray(values).astype(np.complex128).ravel(), np.asarray(exact).astype(np.complex128).ravel()
    same = (a == b) | (np.isnan(a) & np.isnan(b))
    with np.errstate(all="ignore"):
        gap = np.where(same, 0, a - b)
        size = np.linalg.norm(np.where(np.isfinite(b), b, 0))
        far = float(np.linalg.norm(gap) / (size if size > 0 else 1.0))
    return far if np.isfinite(far) else float("inf")


def floor(dtype: Any) -> float:
    """The distance from exact that any program is allowed: 8 epsilons of the dtype."""
    return 8 * float(ml_dtypes.finfo(np.dtype(dtype)).eps)


WIDTH = 150
"""Of tables that are not printed to a terminal."""


def table(
    rows: list[list[str]], headings: list[str], width: int | None = None, optional: Sequence[str] = ()
) -> str:
    """Rows of cells as aligned text.

    Args:
        rows, headings: the last column is a remark, which goes on a line of its own where it does not fit.
        width: in columns; by default the terminal's, if that is where the output goes.
        optional: headings of columns that are left out, in this order, where space lacks.
    """
    if width is None:
        width = shutil.get_terminal_size().columns if sys.stdout.isatty() else WIDTH
    kept = list(range(len(headings) - 1))
    sizes = [max(text.display_width(row[i]) for row in [headings, *rows]) for i in range(len(headings))]
    for name in optional:
        if sum(sizes[i] + 2 for i in kept) - 2 > width and name in headings:
            kept.remove(headings.index(name))
    lines = []
    for row in [headings, *rows]:
        line = "  ".join(text.pad(row[i], sizes[i]) for i in kept)
        remark = row[-1]
        if text.display_width(f"{line}  {remark}") <= width or (row is headings and kept):
            lines.append(text.elide(f"{line}  {remark}".rstrip(), width))
            continue
        lines.append(text.elide(line.rstrip(), width))
        lines += [f"      {part}" for part in text.wrap(remark, max(width - 6, 20))]
    return "\n".join(lines)

"""What kind of mistake a difference looks like.

Where fnnet has the recorded layer, each variant of it (another eps, the other mode, a transposed weight,
another padding, ...) is run on the recorded inputs; the one that reproduces what the port gave names the
mistake. Where none does, the relation between the two results is looked at: a factor, an offset, exchanged
axes.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import permutations
from typing import Any

import numpy as np

from fnnet import layers
from fnnet.layers.layer import Layer
from fnnet.parity.difference import distance
from fnnet.parity.feeding import REFUSED, Part, Results, layer_part, run_part
from fnnet.parity.recorded import Call
from fnnet.parity.text import number
from fnnet.parity.variants import Variant, kinks, variants

CLOSE = 2e-5


@dataclass(frozen=True)
class Diagnosis:
    """A kind of mistake and what speaks for it."""

    kind: str
    text: str

    def __str__(self) -> str:
        return f"{self.kind}: {self.text}"


def recorded_layer(call: Call) -> Layer | None:
    """The fnnet layer of the recorded class with the recorded arguments; None if there is none."""
    kind = getattr(layers, call.kind, None) if call.kind in layers.__all__ else None
    if not (isinstance(kind, type) and issubclass(kind, Layer)):
        return None
    arguments = {n: tuple(v) if isinstance(v, list) else v for n, v in call.arguments.items()}
    try:
        return kind(**arguments)
    except REFUSED:
        return None


def _wrong(ours: Results, reference: Results) -> list[str]:
    """The names of results that part beyond rounding."""
    names = [
        name for name in reference if name in ours and ours[name].dtype.kind == reference[name].dtype.kind
    ]
    parted = []
    for name in names:
        a, b = ours[name], reference[name]
        if a.shape != b.shape or distance(a, b) > CLOSE:
            parted.append(name)
    return parted


def _gap(seen: Results, ours: Results, names: list[str]) -> float:
    """The largest distance between the results of a variant and the port's."""
    gaps = [
        distance(seen[name], ours[name]) if name in seen and seen[name].shape == ours[name].shape else np.inf
        for name in names
    ]
    return max(gaps, default=np.inf)


def diagnose(call: Call, params: Any, buffers: Any, ours: Results, reference: Results) -> Diagnosis | None:
    """What the port's results for a call look like beside the recorded ones; None if nothing fits."""
    parted = _wrong(ours, reference)
    outputs = [name for name in reference if name.startswith("output")]
    forward = [name for name in parted if not name.startswith("gradient")]
    layer = recorded_layer(call)
    if layer is not None and parted and isinstance(params, Mapping):
        part = layer_part(layer, call.training)
        if not forward and (found := _kink(part, params, buffers, call, ours, reference, parted)):
            return found
        best = _best_variant(call, layer, params, buffers, ours, forward or parted)
        if best is not None:
            return Diagnosis(best.kind, best.text)
    names = forward or parted
    if not names:
        return Diagnosis("rounding", "whole tensors agree; single elements do not")
    for name in sorted(names, key=lambda n: n not in outputs):
        if found := relation(ours[name], reference[name]):
            return Diagnosis(found.kind, f"{name}: {found.text}")
    return None


def _best_variant(
    call: Call, layer: Layer, params: Any, buffers: Any, ours: Results, names: list[str]
) -> Variant | None:
    gradients = any(name.startswith("gradient") for name in names)
    best, least = None, CLOSE
    for variant in variants(call, layer, params, buffers, ours):
        try:
            seen = run_part(variant.part, variant.params, buffers, call, compiled=False, gradients=gradients)
        except REFUSED:
            continue  # a variant that does not fit these shapes explains nothing
        gap = _gap(seen, ours, names)
        if gap <= least:
            best, least = variant, gap
        if least <= CLOSE / 10:
            break
    return best


def _kink(
    part: Part, params: Any, buffers: Any, call: Call, ours: Results, reference: Results, parted: list[str]
) -> Diagnosis | None:
    """Whether the gradients part only where the recorded layer's own derivative jumps."""
    name = "gradient of input 0"
    if name not in parted or ours[name].shape != reference[name].shape:
        return None
    apart = ~np.isclose(ours[name], reference[name], rtol=1e-4, atol=1e-6)
    try:
        jumps = kinks(part, params, buffers, call)
    except REFUSED:
        return None
    if jumps.shape != apart.shape or (apart & ~jumps).any():
        return None
    inputs = np.asarray(call.inputs[0])[apart]
    where = f"input {number(float(inputs.flat[0]))}" if inputs.size else "ties"
    text = f"gradients part at {int(apart.sum())} elements where the derivative jumps ({where})"
    return Diagnosis("tie or kink", text)


def relation(ours: np.ndarray, reference: np.ndarray) -> Diagnosis | None:
    """A factor, an offset, or exchanged axes between two arrays."""
    if ours.dtype.kind != "f" or reference.dtype.kind != "f" or not ours.size:
        return None
    a, b = ours.astype(np.float64), reference.astype(np.float64)
    if a.shape != b.shape:
        if sorted(a.shape) == sorted(b.shape) and (axes := _axes(a, b)):
            return Diagnosis("transposed axis", f"ours is the reference with axes {axes}")
        grown = "".join(f" {x - y:+d}" for x, y in zip(a.shape, b.shape, strict=False))
        text = f"shape {a.shape}, expected {b.shape}"
        return Diagnosis("padding" if a.ndim == b.ndim > 2 else "shape", f"{text} ({grown.strip()})")
    size = float((b * b).sum())
    if size > 0:
        factor = float((a * b).sum()) / size
        if factor and distance(a, factor * b) <= CLOSE:
            bessel = _bessel(factor, a.shape)
            kind = "variance" if bessel else "wrong constant"
            return Diagnosis(kind, f"ours is {number(factor)} times the reference{bessel}")
    if axes := _axes(a, b):
        return Diagnosis("transposed axis", f"ours is the reference with axes {axes}")
    for axis in range(a.ndim):
        if a.shape[axis] > 1 and distance(a, np.flip(b, axis)) <= CLOSE:
            return Diagnosis("permuted axis", f"ours is the reference reversed along axis {axis}")
        if order := _permutation(a, b, axis):
            return Diagnosis("permuted axis", f"axis {axis} is in the order {order}")
    offset = float((a - b).mean())
    if offset and distance(a - offset, b) <= CLOSE:
        return Diagnosis("wrong constant", f"ours is the reference {offset:+.6g}")
    return _channels(a, b) or _border(a, b)


def _bessel(factor: float, shape: tuple[int, ...]) -> str:
    """Whether a factor is that of a biased instead of an unbiased variance of a count of the shape."""
    counts = {int(np.prod(shape[i:j])) for i in range(len(shape)) for j in range(i + 1, len(shape) + 1)}
    counts |= {shape[0] * int(np.prod(shape[2:]))} if len(shape) > 2 else set()
    for n in sorted(counts):
        for power in (0.5, -0.5, 1, -1):
            if n > 1 and abs(factor - (n / (n - 1)) ** power) < 1e-6 * factor + 1e-6 / n:
                return f", as a biased and an unbiased variance of {n} elements give"
    return ""


def _axes(a: np.ndarray, b: np.ndarray) -> tuple[int, ...] | None:
    if a.ndim > 5:
        return None
    for axes in permutations(range(a.ndim)):
        moved = b.transpose(axes)
        if axes != tuple(range(a.ndim)) and moved.shape == a.shape and distance(a, moved) <= CLOSE:
            return axes
    return None


def _permutation(a: np.ndarray, b: np.ndarray, axis: int) -> list[int] | None:
    if not 1 < a.shape[axis] <= 512:
        return None
    x, y = (np.moveaxis(v, axis, 0).reshape(a.shape[axis], -1) for v in (a, b))
    gaps = np.linalg.norm(x[:, None] - y[None], axis=-1)
    order = gaps.argmin(1)
    whole = sorted(order.tolist()) == list(range(len(order))) and distance(x, y[order]) <= CLOSE
    return order.tolist() if whole else None


def _channels(a: np.ndarray, b: np.ndarray) -> Diagnosis | None:
    """One factor and offset for each channel: other statistics or another scale and shift."""
    if a.ndim < 2 or a.size / a.shape[1] < 4:
        return None
    x, y = (np.moveaxis(v, 1, 0).reshape(a.shape[1], -1) for v in (a, b))
    x0, y0 = x - x.mean(1, keepdims=True), y - y.mean(1, keepdims=True)
    sizes = (y0 * y0).sum(1)
    factors = (x0 * y0).sum(1) / np.where(sizes > 0, sizes, 1.0)
    if distance(x0, factors[:, None] * y0) > CLOSE or not (sizes > 0).any():
        return None
    span = f"{number(float(factors.min()), 4)} to {number(float(factors.max()), 4)}"
    return Diagnosis("wrong constant", f"each channel is scaled (by {span}) and shifted")


def _border(a: np.ndarray, b: np.ndarray) -> Diagnosis | None:
    """Only positions at the border of the last axes part."""
    if a.ndim < 3:
        return None
    apart = ~np.isclose(a, b, rtol=1e-4, atol=1e-5)
    for width in (1, 2, 3):
        inner = (..., *(slice(width, -width) for _ in range(a.ndim - 2)))
        if all(size > 2 * width for size in a.shape[2:]) and not apart[inner].any():
            return Diagnosis("padding", f"only the outermost {width} positions part")
    return None

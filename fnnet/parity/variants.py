"""The mistakes that ports make in a layer, each as a variant of the correct one."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from dataclasses import dataclass, replace
from itertools import permutations
from typing import Any

import jax.numpy as jnp
import numpy as np

from fnnet import functional as F
from fnnet.layers.layer import Layer
from fnnet.parity.feeding import Part, Results, layer_part, run_part
from fnnet.parity.recorded import Call

EPS = (1e-3, 1e-4, 1e-5, 1e-6, 1e-7, 1e-8, 1e-12, 0.0)
NUMBERS = {
    "negative_slope": (0.0, 0.01, 0.02, 0.1, 0.2, 0.25, 0.3),
    "alpha": (0.1, 0.5, 1.0, 1e-4),
    "beta": (0.5, 0.75, 1.0, 2.0),
    "threshold": (0.0, 1.0, 6.0, 20.0),
    "lambd": (0.1, 0.5, 1.0),
    "momentum": (0.01, 0.1, 0.9, 0.99),
}
SWITCHES = ("ceil_mode", "count_include_pad", "align_corners")


@dataclass(frozen=True)
class Variant:
    """A part with a mistake in it: the kind, the words for it, and what it is run with."""

    kind: str
    text: str
    part: Part
    params: Any


def variants(call: Call, layer: Layer, params: Any, buffers: Any, ours: Results) -> Iterator[Variant]:
    """The variants of a recorded layer, the likelier ones first."""
    right = layer_part(layer, call.training)
    yield Variant(
        "train against eval mode",
        f"ours as in {'evaluation' if call.training else 'training'}, "
        f"recorded in {'training' if call.training else 'evaluation'}",
        layer_part(layer, not call.training),
        params,
    )
    yield from _constants(call, layer, params)
    yield from _variances(call, layer, params)
    yield from _padded(call, layer, params)
    yield from _weights(right, params)
    yield from _moved_inputs(call, right, params)
    yield from _fitted(call, layer, params, buffers, ours)


def _changed(layer: Layer, **values: Any) -> Layer | None:
    try:
        return dataclasses.replace(layer, **values)  # type: ignore[type-var]
    except (TypeError, ValueError, RuntimeError):
        return None


def _constants(call: Call, layer: Layer, params: Any) -> Iterator[Variant]:
    tables = {"eps": EPS, **NUMBERS}
    for name, candidates in tables.items():
        own = getattr(layer, name, None)
        if not isinstance(own, float) or isinstance(own, bool):
            continue
        more = (1 - own,) if name == "momentum" else ()
        for value in dict.fromkeys([*more, *candidates]):
            if value != own and (other := _changed(layer, **{name: value})):
                text = f"ours has {name} {value:g}, recorded {own:g}"
                yield Variant("wrong constant", text, layer_part(other, call.training), params)
    if hasattr(layer, "approximate"):
        value = "none" if layer.approximate == "tanh" else "tanh"
        if other := _changed(layer, approximate=value):
            text = f"ours has approximate={value!r}, recorded {layer.approximate!r}"
            yield Variant("wrong constant", text, layer_part(other, call.training), params)


def _count(call: Call, layer: Layer) -> int:
    """Over how many elements the layer takes its variance; 0 if it takes none."""
    shape: tuple[int, ...] = np.shape(call.inputs[0]) if call.inputs else ()
    kind = type(layer).__name__
    if kind.startswith("BatchNorm") and len(shape) > 1:
        return int(np.prod(shape) // shape[1])
    if kind == "LayerNorm":
        return int(np.prod(layer.normalized_shape))  # type: ignore[attr-defined]
    if kind == "GroupNorm" and len(shape) > 1:
        return int(np.prod(shape[1:]) // layer.num_groups)  # type: ignore[attr-defined]
    if kind.startswith("InstanceNorm") and len(shape) > 2:
        return int(np.prod(shape[2:]))
    return 0


def _variances(call: Call, layer: Layer, params: Any) -> Iterator[Variant]:
    """Normalisation by the unbiased variance, and running variances of the biased one."""
    count = _count(call, layer)
    if count < 2:
        return
    share = count / (count - 1)
    text = f"ours normalises by the unbiased variance (of {count} elements), recorded by the biased one"
    # (x - m) / sqrt(share var + eps) = (x - m) / sqrt(var + eps / share) / sqrt(share)
    other = _changed(layer, eps=layer.eps / share)  # type: ignore[attr-defined]
    if other is None:
        return
    narrow = layer_part(other, call.training)

    def unbiased(own: Any, buffers: Any, *inputs: Any) -> Any:
        bias = own.get("bias")
        output, after = narrow({**own, "bias": 0 * bias} if bias is not None else own, buffers, *inputs)
        output = output / np.sqrt(share).astype(output.dtype)
        if bias is not None:
            channels = type(layer).__name__ != "LayerNorm"
            output = output + (bias.reshape(-1, *[1] * (output.ndim - 2)) if channels else bias)
        return output, after

    yield Variant("variance", text, unbiased, params)
    right = layer_part(layer, call.training)

    def running(own: Any, buffers: Any, *inputs: Any) -> Any:
        output, after = right(own, buffers, *inputs)
        if call.training and "running_var" in after:
            old, momentum = buffers["running_var"], getattr(layer, "momentum", None) or 0.1
            fresh = (after["running_var"] - (1 - momentum) * old) / momentum
            after = {**after, "running_var": (1 - momentum) * old + momentum * fresh / share}
        return output, after

    text = f"ours keeps the biased variance (of {count} elements) as running_var, recorded the unbiased one"
    yield Variant("variance", text, running, params)


def _padded(call: Call, layer: Layer, params: Any) -> Iterator[Variant]:
    mode = getattr(layer, "padding_mode", None)
    for value in ("zeros", "reflect", "replicate", "circular"):
        if mode is not None and value != mode and (other := _changed(layer, padding_mode=value)):
            text = f"ours pads with {value}, recorded with {mode}"
            yield Variant("padding", text, layer_part(other, call.training), params)
    for switch in SWITCHES:
        own = getattr(layer, switch, None)
        if isinstance(own, bool) and (other := _changed(layer, **{switch: not own})):
            text = f"ours has {switch}={not own}, recorded {own}"
            yield Variant("padding", text, layer_part(other, call.training), params)
    padding = getattr(layer, "padding", None)
    if isinstance(padding, str) or padding is None or not call.inputs:
        return
    spatial = np.ndim(call.inputs[0]) - 2
    before = np.broadcast_to(np.asarray(padding), (max(spatial, 0),)).tolist()
    for first, last in ((-1, 1), (1, -1), (-1, -1), (1, 1)):
        pads = [(p + first, p + last) for p in before]
        if not pads or min(min(pair) for pair in pads) < 0 or (bare := _changed(layer, padding=0)) is None:
            continue
        text = f"ours pads {pads[0][0]} before and {pads[0][1]} after, recorded {before[0]} on both sides"
        if (first, last) == (-1, 1):
            text += ", as 'SAME' does with a stride"
        fill = -np.inf if type(layer).__name__.startswith("MaxPool") else 0.0
        flat = [size for pair in reversed(pads) for size in pair]
        inner = layer_part(bare, call.training)

        def part(own: Any, buffers: Any, x: Any, *rest: Any, _: Any = (flat, fill, inner)) -> Any:
            flat, fill, inner = _
            return inner(own, buffers, F.pad(x, flat, value=fill), *rest)

        yield Variant("padding", text, part, params)


def _weights(part: Part, params: Any) -> Iterator[Variant]:
    """Parameters with axes exchanged or reversed."""
    for name, weight in params.items():
        if not hasattr(weight, "ndim") or weight.ndim < 1:
            continue
        for axes in permutations(range(weight.ndim)) if weight.ndim <= 5 else ():
            if axes != tuple(range(weight.ndim)) and tuple(weight.shape[i] for i in axes) == weight.shape:
                text = f"{name} has its axes in the order {axes}"
                yield Variant(
                    "transposed axis", text, part, {**params, name: jnp.asarray(weight).transpose(axes)}
                )
        spatial = tuple(range(2, weight.ndim))
        for axes in [(0,), *([spatial] if spatial else ())]:
            flipped = {**params, name: jnp.flip(jnp.asarray(weight), axes)}
            yield Variant("permuted axis", f"{name} is reversed along axes {axes}", part, flipped)


def _moved_inputs(call: Call, part: Part, params: Any) -> Iterator[Variant]:
    """The first input with axes exchanged."""
    if not call.inputs or not hasattr(call.inputs[0], "ndim") or not 2 <= call.inputs[0].ndim <= 5:
        return
    shape = call.inputs[0].shape
    order = tuple(range(len(shape)))
    for axes in permutations(order):
        back = tuple(int(i) for i in np.argsort(axes))
        if axes == order:
            continue

        def moved(own: Any, buffers: Any, x: Any, *rest: Any, _: Any = axes) -> Any:
            return part(own, buffers, jnp.transpose(x, _), *rest)

        def both(own: Any, buffers: Any, x: Any, *rest: Any, _: Any = (axes, back)) -> Any:
            output, after = part(own, buffers, jnp.transpose(x, _[0]), *rest)
            return jnp.transpose(output, _[1]), after

        def folded(own: Any, buffers: Any, x: Any, *rest: Any, _: Any = axes) -> Any:
            return part(own, buffers, jnp.transpose(x, _).reshape(x.shape), *rest)

        yield Variant("transposed axis", f"the input has its axes in the order {axes}", moved, params)
        if tuple(shape[i] for i in axes) == shape:
            yield Variant("transposed axis", f"it works along other axes: {axes}", both, params)
        else:
            text = f"the input is flattened or reshaped with its axes in the order {axes}"
            yield Variant("transposed axis", text, folded, params)


def _fitted(call: Call, layer: Layer, params: Any, buffers: Any, ours: Results) -> Iterator[Variant]:
    """Constants that are in no list: eps from the outputs' scale, momentum from the running mean."""
    own = getattr(layer, "momentum", None)
    if call.training and isinstance(own, float) and "buffer running_mean" in ours and own > 0:
        try:
            right = run_part(layer_part(layer, True), params, buffers, call)["buffer running_mean"]
        except (TypeError, ValueError, RuntimeError):
            return
        old = np.asarray(buffers["running_mean"], np.float64)
        step = (right.astype(np.float64) - old) / own
        if right.shape == ours["buffer running_mean"].shape and np.linalg.norm(step) > 0:
            moved = ours["buffer running_mean"].astype(np.float64) - old
            value = float((moved * step).sum() / (step * step).sum())
            if 0 <= value <= 1 and (other := _changed(layer, momentum=value)):
                text = f"ours has momentum {value:.6g}, recorded {own:g}"
                yield Variant("wrong constant", text, layer_part(other, True), params)
    own = getattr(layer, "eps", None)
    if not isinstance(own, float) or "output" not in ours:
        return

    def gap(exponent: float) -> float:
        other = _changed(layer, eps=10.0**exponent)
        assert other is not None
        part = layer_part(other, call.training)
        seen = run_part(part, params, buffers, call, compiled=False, gradients=False)["output"]
        return float(np.linalg.norm(seen - ours["output"])) if seen.shape == ours["output"].shape else np.inf

    low, high = -9.0, 0.5
    for _ in range(22):  # golden section on the exponent
        a, b = high - 0.618034 * (high - low), low + 0.618034 * (high - low)
        low, high = (low, b) if gap(a) < gap(b) else (a, high)
    value = 10.0 ** ((low + high) / 2)
    if other := _changed(layer, eps=value):
        text = f"ours has eps {value:.2g}, recorded {own:g}"
        yield Variant("wrong constant", text, layer_part(other, call.training), params)


def kinks(part: Part, params: Any, buffers: Any, call: Call) -> np.ndarray:
    """Where the derivative of the first input jumps: it is another one a little to either side."""
    name = "gradient of input 0"
    at = run_part(part, params, buffers, call)[name]
    found = np.zeros(at.shape, bool)
    x = np.asarray(call.inputs[0])
    random = np.random.default_rng(0)
    shifts = [np.full(x.shape, sign) for sign in (1.0, -1.0)]
    shifts += [random.choice([-1.0, 1.0], x.shape) * random.uniform(0.5, 1, x.shape) for _ in range(40)]
    for shift in shifts:
        near = (x + 1e-5 * np.maximum(np.abs(x), 1) * shift).astype(x.dtype)
        there = run_part(part, params, buffers, replace(call, inputs=[near, *call.inputs[1:]]))[name]
        found |= ~np.isclose(there, at, rtol=1e-2, atol=1e-6)
    return found

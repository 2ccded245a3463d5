"""Derivatives of an operation, as probes of one entry of op_db: by backward, in place, by torch.func."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
from functional_cases import leaves

from judge.samples import arguments, samples_of
from judge.sides import Probe, Side
from judge.spellings import call_function, function_of, inplaces


def _cotangents(side: Side, outputs: list[Any], seed: int = 0) -> list[Any]:
    import torch

    rng = np.random.default_rng(seed)
    made = []
    for out in outputs:
        array = rng.standard_normal(tuple(out.shape))
        kind = getattr(torch, str(out.dtype).removeprefix("torch."))
        made.append(side.tensor(torch.as_tensor(array).to(kind)))
    return made


def _smooth_inputs(side: Side, tree: Any) -> list[Any]:
    return [x.requires_grad_() for x in leaves(tree) if side.is_smooth(x)]


def _gradients(s: Side, result: Any, inputs: list[Any], create: bool = False) -> Any:
    outputs = [x for x in leaves(result) if s.is_smooth(x) and x.requires_grad]
    if not outputs:
        return ()
    return s.lib.autograd.grad(
        outputs, inputs, _cotangents(s, outputs), allow_unused=True, create_graph=create
    )


def gradients(entry: Any, count: int) -> Iterator[Probe]:
    """The history of results, first gradients, and second ones of the first sample."""
    if not entry.supports_autograd:
        return
    call = call_function(entry)

    def first(s: Side, a: Any, k: Any) -> Any:
        inputs = _smooth_inputs(s, (a, k))
        result = call(s, a, k)
        return result, _gradients(s, result, inputs)

    def second(s: Side, a: Any, k: Any) -> Any:
        inputs = _smooth_inputs(s, (a, k))
        made = _gradients(s, call(s, a, k), inputs, create=True)
        weights = _cotangents(s, [x for x in made if x is not None], 1)
        found = [x for x in made if x is not None]
        smooth = [x.requires_grad for x in found]
        if not any(smooth):
            return [s.lib.zeros_like(x) for x in inputs]
        found = [x for x, one in zip(found, smooth, strict=True) if one]
        weights = [x for x, one in zip(weights, smooth, strict=True) if one]
        again = s.lib.autograd.grad(found, inputs, weights, allow_unused=True)
        return [s.lib.zeros_like(x) if one is None else one for x, one in zip(inputs, again, strict=True)]

    samples = samples_of(entry, count)
    seen = frozenset({"dtype", "shape", "requires_grad", "leaf", "grad_fn"})
    for sample in samples:
        yield Probe("gradient", first, *arguments(sample), seen)
    if entry.supports_gradgrad:
        for sample in samples[:1]:
            yield Probe("second gradient", second, *arguments(sample), frozenset({"dtype", "shape"}))
    forms = inplaces(entry)
    if not forms or not entry.supports_inplace_autograd:
        return
    form = forms[0][1]

    def changed(s: Side, a: Any, k: Any) -> Any:
        inputs = _smooth_inputs(s, (a, k))
        x = a[0].clone()
        form(s)(x, *a[1:], **k)
        return x, _gradients(s, x, inputs)

    def view(s: Side, a: Any, k: Any) -> Any:
        inputs = _smooth_inputs(s, (a, k))
        base = s.lib.stack([a[0], a[0] * 2])
        x = base[1]
        form(s)(x, *a[1:], **k)
        return x, base, _gradients(s, base, inputs)

    import torch

    able = [x for x in samples if isinstance(x.input, torch.Tensor) and not x.broadcasts_input][:2]
    for sample in able:
        yield Probe("inplace gradient", changed, *arguments(sample), seen)
        yield Probe("inplace gradient of a view", view, *arguments(sample), seen)


def transforms(entry: Any, count: int) -> Iterator[Probe]:
    """torch.func.vmap over the first tensor, and torch.func.grad."""
    import torch

    call = function_of

    def mapped(s: Side, a: Any, k: Any) -> Any:
        stacked = s.lib.stack([a[0], a[0]])
        return s.lib.func.vmap(lambda x: call(entry, s)(x, *a[1:], **k))(stacked)

    def derived(s: Side, a: Any, k: Any) -> Any:
        def total(x: Any) -> Any:
            result = call(entry, s)(x, *a[1:], **k)
            parts = [one.sum() for one in leaves(result) if s.is_smooth(one)]
            return sum(parts[1:], parts[0])

        return s.lib.func.grad(total)(a[0])

    for sample in samples_of(entry, 1):
        args, kwargs = arguments(sample)
        if not isinstance(args[0], torch.Tensor):
            continue
        seen = frozenset({"dtype", "shape"})
        yield Probe("vmap", mapped, args, kwargs, seen)
        if entry.supports_autograd and args[0].is_floating_point():
            yield Probe("func.grad", derived, args, kwargs, seen)

"""module_db put to JAX's transformations of fnnet's layers (see transforms.py)."""

from __future__ import annotations

import warnings
from collections.abc import Iterable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from functional_cases import leaves

from fnnet.layers.layer import Params
from judge import modules
from judge.left_out import LAYER_TRANSFORMS
from judge.tally import Tally, describe
from judge.transforms import CHECKS, Subject, examine, spread_by_size, weighted

entries = modules.entries


def subject_of(entry: Any, sample: Any, training: bool) -> Subject:
    """fnnet's layer at a sample, as a function of its inputs, parameters and buffers."""
    import torch

    sample = modules.changed(sample, modules.own_leaf)
    module, layer, parameters, buffers = modules.built(entry, sample, training, torch.float64)
    given = (sample.forward_input.args, sample.forward_input.kwargs)
    inputs = modules.tensors(given)
    named, form = jax.tree.flatten((parameters, buffers))

    def call(*arrays: Any) -> list[Any]:
        args, kwargs = modules.filled(given, iter(arrays[: len(inputs)]))
        params, state = jax.tree.unflatten(form, arrays[len(inputs) :])
        key = jax.random.key(0)
        out, new = layer(params, *args, buffers=state, key=key, training=training, **kwargs)
        return [one for one in leaves([out]) if one is not None] + jax.tree.leaves(new)

    torch.manual_seed(0)
    outputs = modules.tensors([module(*given[0], **given[1])])
    smooth = [i for i, out in enumerate(outputs) if out.requires_grad]
    rng = np.random.default_rng(0)
    cotangents = [np.asarray(rng.standard_normal(outputs[i].shape)) for i in smooth]
    theirs = _in_order(parameters, dict(module.named_parameters()))
    differentiable = [i for i, one in enumerate(inputs) if one.requires_grad]
    wanted = [*differentiable, *range(len(inputs), len(inputs) + len(theirs))]
    subject = Subject(
        call,
        [*(jnp.asarray(modules.array_of(one)) for one in inputs), *named],
        wanted if smooth else [],
        smooth,
        [jnp.asarray(one) for one in cotangents],
    )
    if smooth and wanted and entry.supports_gradgrad and not _draws(subject):
        tensors = [*(inputs[i] for i in differentiable), *theirs]
        directions, subject.second = weighted(
            [outputs[i] for i in smooth], tensors, [torch.from_numpy(one) for one in cotangents]
        )
        subject.directions = [jnp.asarray(one) for one in directions]
    return subject


def _in_order(tree: Params, named: dict[str, Any], path: str = "") -> list[Any]:
    """PyTorch's parameters in the order of the leaves of fnnet's tree."""
    found = []
    for name in sorted(tree):
        inner, full = tree[name], path + name
        found += _in_order(inner, named, full + ".") if isinstance(inner, dict) else [named[full]]
    return found


def _draws(subject: Subject) -> bool:
    return "random_bits" in str(jax.make_jaxpr(subject.call)(*subject.arrays))


def run(entry: Any, count: int, dtype: str = "float64", checks: Iterable[str] = CHECKS) -> Tally:
    """Put up to `count` samples of one entry (0 for all), in training and evaluation, to the checks."""
    import torch

    tally = Tally(entry.name)
    with warnings.catch_warnings(), jax.enable_x64(True):
        warnings.simplefilter("ignore")
        for training in (True, False) if entry.train_and_eval_differ else (True,):
            torch.manual_seed(0)
            samples = entry.module_inputs_func(
                entry, device="cpu", dtype=getattr(torch, dtype), requires_grad=True, training=training
            )
            for sample in spread_by_size(samples, _sizes, count):
                made, given = sample.constructor_input, sample.forward_input
                where = " ".join(map(describe, (made.args, made.kwargs, given.args, given.kwargs)))
                where += " in training" if training else " in evaluation"
                try:
                    subject = subject_of(entry, sample, training)
                except Exception as error:
                    tally.total += 1
                    tally.problems.append(f"{type(error).__name__}: {error} for {where}"[:600])
                    continue
                examine(tally, subject, checks, LAYER_TRANSFORMS.get(entry.name, ((), ""))[0], where)
    return tally


def _sizes(sample: Any) -> list[int]:
    given = sample.forward_input
    return [one.numel() for one in modules.tensors((given.args, given.kwargs))]


def exclusions() -> dict[str, str]:
    """What is left out, by name, with the reason."""
    return {f"{name}: {', '.join(checks)}": why for name, (checks, why) in LAYER_TRANSFORMS.items()}

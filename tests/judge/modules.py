"""module_db put to fnnet.layers: outputs, gradients of inputs and parameters, and buffers."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from functional_cases import close, leaves

from fnnet import functional as F
from fnnet import layers
from fnnet.checkpoint import flat, nested
from fnnet.layers.layer import Params
from fnnet.random import Generator
from judge.left_out import MODULES
from judge.tally import SEED, Tally, default_tolerance, describe, own_tolerance, spread

EXECUTION = ("device", "dtype", "inplace", "enable_nested_tensor")
"""Arguments of PyTorch's modules that say where and how, and not what."""

DRAWS = "_random_samples"
"""An argument that gives the random numbers; without it both draw them from the same stream."""


def exclusions() -> dict[str, str]:
    """What is left out, by name, with the reason."""
    return MODULES


def entries(names: list[str] | None = None) -> Iterator[Any]:
    """The entries in scope."""
    from torch.testing._internal.common_modules import module_db

    for entry in module_db:
        short = entry.name.removeprefix("nn.")
        if short not in MODULES and (not names or short in names):
            yield entry


@dataclass
class Answer:
    """What a module gave, as NumPy arrays by name."""

    outputs: list[np.ndarray]
    smooth: list[int]
    cotangents: list[np.ndarray]
    gradients: list[np.ndarray]
    parameters: dict[str, np.ndarray]
    buffers: dict[str, np.ndarray]


def array_of(tensor: Any) -> np.ndarray:
    return tensor.numpy(force=True).copy()


def tensors(tree: Any) -> list[Any]:
    import torch

    return [leaf for leaf in leaves(tree) if isinstance(leaf, torch.Tensor)]


def filled(tree: Any, replacement: Iterator[Any]) -> Any:
    """The tree with its tensors replaced in turn."""
    import torch

    if isinstance(tree, tuple | list):
        return type(tree)(filled(part, replacement) for part in tree)
    if isinstance(tree, dict):
        return {name: filled(part, replacement) for name, part in tree.items()}
    return next(replacement) if isinstance(tree, torch.Tensor) else tree


def theirs(module: Any, sample: Any) -> Answer:
    """What PyTorch's module gives, with random cotangents."""
    import torch

    given, options = sample.forward_input.args, sample.forward_input.kwargs
    torch.manual_seed(SEED)
    outputs = tensors([module(*given, **options)])
    smooth = [i for i, out in enumerate(outputs) if out.requires_grad]
    rng = np.random.default_rng(0)
    cotangents = [rng.standard_normal(outputs[i].shape).astype(array_of(outputs[i]).dtype) for i in smooth]
    inputs = [one for one in tensors([given, options]) if one.requires_grad]
    parameters = dict(module.named_parameters())
    wanted = [*inputs, *parameters.values()]
    found: Any = [None] * len(wanted)
    if smooth and wanted:
        found = torch.autograd.grad(
            [outputs[i] for i in smooth],
            wanted,
            [torch.from_numpy(np.asarray(one)) for one in cotangents],
            allow_unused=True,
        )
    gradients = [
        np.zeros_like(array_of(one)) if gradient is None else array_of(gradient)
        for one, gradient in zip(wanted, found, strict=True)
    ]
    return Answer(
        [array_of(out) for out in outputs],
        smooth,
        cotangents,
        gradients[: len(inputs)],
        dict(zip(parameters, gradients[len(inputs) :], strict=True)),
        {name: array_of(buffer) for name, buffer in module.named_buffers() if name in module.state_dict()},
    )


def _function(value: Any) -> Any:
    """An argument of a constructor without PyTorch."""
    import torch

    if isinstance(value, torch.nn.TransformerEncoderLayer):
        part, inner = value.self_attn, value.linear1
        made = [part.embed_dim, part.num_heads, inner.out_features, value.dropout.p]
        options = {"batch_first": part.batch_first, "norm_first": value.norm_first}
        options |= {"bias": inner.bias is not None, "activation": value.activation.__name__}
        return layers.TransformerEncoderLayer(*made, **options)

    if isinstance(value, torch.Tensor):
        return jnp.asarray(array_of(value))
    if isinstance(value, torch.nn.PairwiseDistance):
        return layers.PairwiseDistance()
    if callable(value) and hasattr(F, getattr(value, "__name__", "")):
        return getattr(F, value.__name__)
    return value


def ours(layer: Any, start: Any, sample: Any, training: bool, answer: Answer) -> Answer:
    """What the layer gives for the same parameters, buffers and cotangents."""
    parameters, buffers = start
    given = (sample.forward_input.args, sample.forward_input.kwargs)
    found = tensors(given)
    arrays = [jnp.asarray(array_of(one)) for one in found]
    wanted = [i for i, one in enumerate(found) if one.requires_grad]

    def call(params: Any, inputs: list[Any], source: Any) -> Any:
        full = list(arrays)
        for position, value in zip(wanted, inputs, strict=True):
            full[position] = value
        args, kwargs = filled(given, iter(full))
        out, state = layer(params, *args, buffers=buffers, key=source, training=training, **kwargs)
        outputs = [one for one in leaves([out]) if one is not None]
        return [outputs[i] for i in answer.smooth], (outputs, state)

    def both(params: Any, inputs: list[Any], cotangents: list[Any], source: Any = None) -> Any:
        _, pullback, out = jax.vjp(partial(call, source=source), params, inputs, has_aux=True)
        return out, pullback(cotangents)

    given_all = (parameters, [arrays[i] for i in wanted], [jnp.asarray(one) for one in answer.cotangents])
    try:
        quickly = {"xla_backend_optimization_level": 0}
        (outputs, state), (of_parameters, of_inputs) = jax.jit(both, compiler_options=quickly)(*given_all)
    except ValueError as error:
        if "draws random numbers" not in str(error):
            raise  # a generator's numbers cannot be drawn inside jit
        (outputs, state), (of_parameters, of_inputs) = both(*given_all, Generator(SEED))
    return Answer(outputs, answer.smooth, answer.cotangents, of_inputs, flat(of_parameters), flat(state))


def compare(mine: Answer, wanted: Answer, tolerances: tuple[float, float], exact: Answer | None) -> None:
    """Raise AssertionError where the layer's answer is not PyTorch's."""
    if len(mine.outputs) != len(wanted.outputs):
        raise AssertionError(f"{len(mine.outputs)} outputs, expected {len(wanted.outputs)}")
    for kind in ("outputs", "gradients", "parameters", "buffers"):
        a, b, c = getattr(mine, kind), getattr(wanted, kind), exact and getattr(exact, kind)
        if isinstance(b, dict) and set(a) != set(b):
            raise AssertionError(f"{kind}: {sorted(a)}, expected {sorted(b)}")
        for name in b if isinstance(b, dict) else range(len(b)):
            close(f"{kind} {name}", b[name], a[name], tolerances, c[name] if c else None)


def changed(sample: Any, change: Callable[[Any], Any]) -> Any:
    """The sample with every tensor of its input changed."""
    import copy

    sample = copy.copy(sample)
    given = sample.forward_input
    both = (given.args, given.kwargs)
    sample.forward_input = copy.copy(given)
    sample.forward_input.args, sample.forward_input.kwargs = filled(
        both, iter([change(t) for t in tensors(both)])
    )
    return sample


def own_leaf(one: Any) -> Any:
    """A tensor that is no other argument; else the gradients of both are their sum."""
    return one.detach().clone().requires_grad_(one.requires_grad)


def _doubled(module: Any, sample: Any) -> tuple[Any, Any]:
    import torch

    def wide(one: Any) -> Any:
        if one.dtype != torch.float32:
            return one
        return one.detach().double().requires_grad_(one.requires_grad)

    return module.double(), changed(sample, wide)


def built(entry: Any, sample: Any, training: bool, dtype: Any) -> tuple[Any, Any, Params, Params]:
    """PyTorch's module and fnnet's layer with its parameters and buffers."""
    import torch

    args, kwargs = sample.constructor_input.args, sample.constructor_input.kwargs
    kwargs = {name: value for name, value in kwargs.items() if name != DRAWS}
    torch.manual_seed(SEED)
    module = entry.module_cls(*args, **kwargs).to(dtype).train(training)
    if entry.is_lazy:
        module(*sample.forward_input.args, **sample.forward_input.kwargs)
    args, options = [_function(one) for one in args], {n: _function(one) for n, one in kwargs.items()}
    layer = getattr(layers, entry.name.removeprefix("nn."))(
        *args, **{name: value for name, value in options.items() if name not in EXECUTION}
    )
    if entry.is_lazy:
        layer = layers.materialize(
            layer, *[jnp.asarray(array_of(one)) for one in tensors(sample.forward_input.args)]
        )
    parameters = {name: jnp.asarray(array_of(one)) for name, one in module.named_parameters()}
    state = module.state_dict()
    buffers = {n: jnp.asarray(array_of(one)) for n, one in module.named_buffers() if n in state}
    return module, layer, nested(parameters), nested(buffers)


def judge(entry: Any, sample: Any, training: bool, dtype: Any, tolerances: tuple[float, float]) -> bool:
    """Whether the layer agrees within the tolerance; else it is as near to float64. Raises if it is not."""
    import copy

    import torch

    sample = changed(sample, own_leaf)
    module, layer, parameters, buffers = built(entry, sample, training, dtype)
    before = copy.deepcopy(module)
    wanted = theirs(module, sample)
    mine = ours(layer, (parameters, buffers), sample, training, wanted)
    try:
        compare(mine, wanted, tolerances, None)
    except AssertionError:
        if dtype != torch.float32:
            raise
        compare(mine, wanted, tolerances, theirs(*_doubled(before, sample)))
        return False
    return True


def run(entry: Any, count: int, dtype: str = "float64") -> Tally:
    """Put up to `count` samples of one entry (0 for all), in training and evaluation, to fnnet's layer."""
    import torch

    kind = getattr(torch, dtype)
    own = own_tolerance(entry, kind)
    tally = Tally(entry.name, tolerance=own)
    modes = (True, False) if entry.train_and_eval_differ else (True,)
    with warnings.catch_warnings(), jax.enable_x64(True):
        warnings.simplefilter("ignore")
        for training in modes:
            torch.manual_seed(0)
            samples = entry.module_inputs_func(
                entry, device="cpu", dtype=kind, requires_grad=True, training=training
            )
            for sample in spread(samples, count):
                tally.total += 1
                try:
                    near = not judge(entry, sample, training, kind, own or default_tolerance(kind))
                    tally.as_near += near
                    tally.within += not near
                except Exception as error:
                    made = sample.constructor_input
                    where = f"{describe(made.args)} {describe(made.kwargs)} "
                    where += f"{describe(sample.forward_input.args)} {describe(sample.forward_input.kwargs)}"
                    mode = "training" if training else "evaluation"
                    tally.problems.append(f"{type(error).__name__}: {error} for {where} in {mode}"[:600])
    return tally

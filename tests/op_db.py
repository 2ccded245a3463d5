"""PyTorch's own samples (torch.testing._internal, op_db) put to fnnet.functional: values and gradients.

    python tests/op_db.py [NAME ...] [--samples N] [--dtype float32]

runs the entries of torch.nn.functional (or those named) on up to N samples each and prints a table by entry:
how many samples agree within torch.testing.assert_close's tolerances, and the first disagreement. PyTorch is
needed. What is left out is named in LEFT_OUT with the reason.
"""

from __future__ import annotations

import argparse
import itertools
import sys
import warnings
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from fnnet import functional as F
from fnnet.random.source import as_source

LEFT_OUT = {
    "_softmax_backward_data": "an internal of PyTorch's autograd",
    "torch.ops.aten._safe_softmax.default": "an internal of PyTorch's attention",
    "masked.softmax": "torch.masked is not part of torch.nn",
    "masked.log_softmax": "torch.masked is not part of torch.nn",
    "masked.softmin": "torch.masked is not part of torch.nn",
}
"""Entries that are not tried, by name."""

NO_VALUES = {
    "nn.functional.rrelu": "PyTorch draws only for elements that are not positive, fnnet for all",
}
"""Entries whose random values differ by design; only that they run is checked."""

SWAPPED = {"nn.functional.embedding", "nn.functional.embedding_bag"}
"""Entries that take the weight first."""

TOLERANCES = {"float32": (1.3e-6, 1e-5), "float64": (1e-7, 1e-7)}
"""torch.testing.assert_close's relative and absolute tolerance."""


@dataclass
class Tally:
    """What came of one entry."""

    passed: int = 0
    total: int = 0
    problems: list[str] = field(default_factory=list)


def entries(names: list[str] | None = None) -> Iterator[Any]:
    """The entries of op_db that are in scope."""
    from torch.testing._internal.common_methods_invocations import op_db

    for entry in op_db:
        short = entry.name.removeprefix("nn.functional.")
        in_scope = entry.name.startswith("nn.functional.") or "softm" in entry.name
        if in_scope and entry.name not in LEFT_OUT and (not names or short in names):
            yield entry


def _to_jax(value: Any) -> Any:
    import torch

    if isinstance(value, torch.Tensor):
        return jnp.asarray(value.detach().resolve_conj().numpy())
    if isinstance(value, torch.nn.PairwiseDistance):
        return F.pairwise_distance
    if isinstance(value, torch.dtype):
        return jnp.dtype(str(value).removeprefix("torch."))
    if isinstance(value, tuple | list):
        return type(value)(_to_jax(part) for part in value)
    if isinstance(value, dict):
        return {name: _to_jax(part) for name, part in value.items()}
    return value


def _differentiable(value: Any) -> bool:
    import torch

    return isinstance(value, torch.Tensor) and value.requires_grad


def _leaves(tree: Any) -> list[Any]:
    if isinstance(tree, tuple | list):
        return [leaf for part in tree for leaf in _leaves(part)]
    if isinstance(tree, dict):
        return [leaf for part in tree.values() for leaf in _leaves(part)]
    return [tree]


def _filled(tree: Any, leaves: Iterator[Any]) -> Any:
    if isinstance(tree, tuple | list):
        return type(tree)(_filled(part, leaves) for part in tree)
    if isinstance(tree, dict):
        return {name: _filled(part, leaves) for name, part in tree.items()}
    return next(leaves)


def _close(kind: str, expected: Any, actual: Any, tolerances: tuple[float, float]) -> None:
    rtol, atol = tolerances
    expected, actual = np.asarray(expected), np.asarray(actual)
    if expected.shape != actual.shape:
        raise AssertionError(f"{kind}: shape {actual.shape}, expected {expected.shape}")
    if np.issubdtype(expected.dtype, np.floating) and expected.dtype != actual.dtype:
        raise AssertionError(f"{kind}: dtype {actual.dtype}, expected {expected.dtype}")
    if not np.allclose(actual, expected, rtol=rtol, atol=atol, equal_nan=True):
        with np.errstate(all="ignore"):
            worst = np.nanmax(np.abs(actual.astype(np.float64) - expected.astype(np.float64)))
        raise AssertionError(f"{kind}: differs by up to {worst:.3g}")


def compare(
    reference: Callable[..., Any],
    function: Callable[..., Any],
    args: tuple[Any, ...],
    kwargs: dict[str, Any],
    tolerances: tuple[float, float],
    extra: dict[str, Any] | None = None,
    values: bool = True,
) -> None:
    """Raise AssertionError unless function equals PyTorch's on these arguments, in values and gradients."""
    import torch

    outputs = [out for out in _leaves(reference(*args, **kwargs)) if isinstance(out, torch.Tensor)]
    kwargs = {name: value for name, value in kwargs.items() if name != "inplace"}
    torch_leaves = _leaves((args, kwargs))
    wanted = [i for i, leaf in enumerate(torch_leaves) if _differentiable(leaf)]
    leaves = [_to_jax(leaf) for leaf in torch_leaves]
    smooth = [i for i, out in enumerate(outputs) if out.requires_grad]
    rng = np.random.default_rng(0)
    cotangents = [rng.standard_normal(outputs[i].shape).astype(_to_jax(outputs[i]).dtype) for i in smooth]

    def call(*inputs: Any) -> tuple[list[Any], list[Any]]:
        given = list(leaves)
        for position, value in zip(wanted, inputs, strict=True):
            given[position] = value
        new_args, new_kwargs = _filled((args, kwargs), iter(given))
        got = [out for out in _leaves(function(*new_args, **new_kwargs, **(extra or {}))) if out is not None]
        if len(got) != len(outputs):
            raise AssertionError(f"{len(got)} outputs, expected {len(outputs)}")
        return [got[i] for i in smooth], got

    inputs = [leaves[i] for i in wanted]
    if smooth and wanted:
        expected = torch.autograd.grad(
            [outputs[i] for i in smooth],
            [torch_leaves[i] for i in wanted],
            [torch.from_numpy(np.asarray(cotangent)) for cotangent in cotangents],
            allow_unused=True,
        )

        def both(inputs: list[Any], cotangents: list[Any]) -> Any:
            _, pullback, got = jax.vjp(call, *inputs, has_aux=True)
            return got, pullback(cotangents)

        # A generator's numbers cannot be drawn inside jit.
        got, gradients = (both if extra else jax.jit(both))(inputs, cotangents)
    else:
        expected, gradients = (), ()
        got = call(*inputs)[1]
    if not values:
        return
    for position, (out, actual) in enumerate(zip(outputs, got, strict=True)):
        _close(f"output {position}", _to_jax(out), actual, tolerances)
    for position, (gradient, actual) in enumerate(zip(expected, gradients, strict=True)):
        reference_gradient = jnp.zeros_like(actual) if gradient is None else _to_jax(gradient)
        _close(f"gradient {position}", reference_gradient, actual, tolerances)


def run(entry: Any, samples: int, dtype: str = "float64") -> Tally:
    """Put up to `samples` samples of one entry, evenly chosen among all, to fnnet's function."""
    import inspect

    import torch

    tally = Tally()
    name = entry.name.removeprefix("nn.functional.")
    function = getattr(F, name, None)
    torch_dtype = getattr(torch, dtype)
    if torch_dtype not in entry.supported_dtypes("cpu"):
        return tally
    if function is None:
        tally.total, tally.problems = 1, ["not there"]
        return tally
    gradients = bool(entry.supports_autograd)
    torch.manual_seed(0)
    chosen = list(entry.sample_inputs("cpu", torch_dtype, requires_grad=gradients))
    step = max(1, -(-len(chosen) // samples))
    for sample in itertools.islice(chosen, 0, None, step):
        tally.total += 1
        args = (sample.input, *sample.args)
        extra = {}
        for name in ("key", "dropout_key"):
            parameter = inspect.signature(function).parameters.get(name)
            if parameter is not None and parameter.kind is parameter.KEYWORD_ONLY:
                extra[name] = torch_source(42)
        try:
            with warnings.catch_warnings(), jax.enable_x64(True):
                warnings.simplefilter("ignore")
                compare(
                    entry.op,
                    _weight_first(function) if entry.name in SWAPPED else function,
                    args,
                    dict(sample.kwargs),
                    TOLERANCES[dtype],
                    extra,
                    entry.name not in NO_VALUES,
                )
            tally.passed += 1
        except Exception as error:
            where = f"{_describe(args)} {_describe(sample.kwargs)}"
            tally.problems.append(f"{type(error).__name__}: {error} for {where}"[:600])
    return tally


def _weight_first(function: Callable[..., Any]) -> Callable[..., Any]:
    def swapped(weight: Any, input: Any, *args: Any, **kwargs: Any) -> Any:
        return function(input, weight, *args, **kwargs)

    return swapped


def torch_source(seed: int) -> Any:
    """PyTorch's stream where fnnet has it, else a JAX key."""
    from fnnet import random

    generator = getattr(random, "Generator", None)
    return as_source(generator(seed) if generator else jax.random.key(seed))


def _describe(value: Any) -> str:
    import torch

    if isinstance(value, torch.Tensor):
        return f"{str(value.dtype).removeprefix('torch.')}{list(value.shape)}"
    if isinstance(value, tuple | list):
        return "(" + ", ".join(_describe(part) for part in value) + ")"
    if isinstance(value, dict):
        return "{" + ", ".join(f"{name}={_describe(part)}" for name, part in value.items()) + "}"
    return repr(value)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("names", nargs="*")
    parser.add_argument("--samples", type=int, default=5)
    parser.add_argument("--dtype", choices=sorted(TOLERANCES), default="float64")
    options = parser.parse_args()
    bad = 0
    for entry in entries(options.names):
        tally = run(entry, options.samples, options.dtype)
        good = tally.passed == tally.total
        bad += not good
        label = entry.name.removeprefix("nn.functional.") + (
            f" ({entry.variant_test_name})" if entry.variant_test_name else ""
        )
        first = "" if good else " " + (tally.problems if options.names else tally.problems[:1])[0]
        print(f"{'ok ' if good else 'BAD'} {tally.passed:3}/{tally.total:<3} {label}{first}", flush=True)
        if options.names:
            for problem in tally.problems[1:]:
                print("        " + problem)
    for name, reason in LEFT_OUT.items():
        print(f"left out: {name}: {reason}")
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main())

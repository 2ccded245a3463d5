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
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

sys.path.insert(0, str(Path(__file__).parent))
from functional_cases import TOLERANCES, Case, check, filled, leaves

from fnnet import functional as F

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

WEIGHT_FIRST = {"nn.functional.embedding", "nn.functional.embedding_bag"}
"""Entries that give the weight before the input."""


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


def label(entry: Any) -> str:
    """The entry's name and variant."""
    variant = f" ({entry.variant_test_name})" if entry.variant_test_name else ""
    return entry.name.removeprefix("nn.functional.") + variant


def _plain(value: Any) -> Any:
    """A leaf without PyTorch: NumPy arrays, dtypes, functions of fnnet, numbers and strings."""
    import torch

    if isinstance(value, torch.Tensor):
        return value.numpy(force=True)
    if isinstance(value, torch.nn.PairwiseDistance):
        return F.pairwise_distance
    if type(value).__name__ == "LinearCrossEntropyOptions":
        return None  # how PyTorch cuts up the work
    if isinstance(value, torch.dtype):
        return jnp.dtype(str(value).removeprefix("torch."))
    return value


def make_case(entry: Any, sample: Any) -> Case:
    """What PyTorch gives for a sample, with random cotangents."""
    import torch

    args = (sample.input, *sample.args)
    kwargs = {name: value for name, value in sample.kwargs.items() if name != "inplace"}
    outputs = [out for out in leaves(entry.op(*args, **kwargs)) if isinstance(out, torch.Tensor)]
    if entry.name in WEIGHT_FIRST:
        args = (args[1], args[0], *args[2:])
    given = leaves((args, kwargs))
    wanted = [i for i, x in enumerate(given) if isinstance(x, torch.Tensor) and x.requires_grad]
    smooth = [i for i, out in enumerate(outputs) if out.requires_grad]
    rng = np.random.default_rng(0)
    cotangents = [rng.standard_normal(outputs[i].shape).astype(_plain(outputs[i]).dtype) for i in smooth]
    gradients: list[np.ndarray] = []
    if smooth and wanted:
        found = torch.autograd.grad(
            [outputs[i] for i in smooth],
            [given[i] for i in wanted],
            [torch.from_numpy(np.asarray(cotangent)) for cotangent in cotangents],
            allow_unused=True,
        )
        gradients = [
            np.zeros_like(_plain(given[i])) if gradient is None else _plain(gradient)
            for i, gradient in zip(wanted, found, strict=True)
        ]
    plain_args, plain_kwargs = filled((args, kwargs), iter([_plain(leaf) for leaf in given]))
    name = entry.name.removeprefix("nn.functional.")
    outputs = [_plain(out) for out in outputs]
    return Case(name, plain_args, plain_kwargs, wanted, outputs, smooth, cotangents, gradients)


def samples_of(entry: Any, count: int, dtype: str) -> list[Any]:
    """Up to `count` of the entry's samples, evenly chosen among all; none where the dtype is not
    supported.
    """
    import torch

    torch_dtype = getattr(torch, dtype)
    if torch_dtype not in entry.supported_dtypes("cpu"):
        return []
    torch.manual_seed(0)
    gradients = bool(entry.supports_autograd) and torch_dtype.is_floating_point
    chosen = list(entry.sample_inputs("cpu", torch_dtype, requires_grad=gradients))
    step = max(1, -(-len(chosen) // count))
    return list(itertools.islice(chosen, 0, None, step))


def run(entry: Any, count: int, dtype: str = "float64") -> Tally:
    """Put up to `count` samples of one entry to fnnet's function."""
    tally = Tally()
    if not hasattr(F, entry.name.removeprefix("nn.functional.")):
        return Tally(0, 1, ["not there"])
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for sample in samples_of(entry, count, dtype):
            tally.total += 1
            try:
                with jax.enable_x64(True):
                    check(make_case(entry, sample), entry.name not in NO_VALUES)
                tally.passed += 1
            except Exception as error:
                where = f"{_describe(sample.input)} {_describe(sample.args)} {_describe(sample.kwargs)}"
                tally.problems.append(f"{type(error).__name__}: {error} for {where}"[:600])
    return tally


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
    """The command line: a table by entry; 1 if any sample disagrees."""
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
        first = "" if good else " " + tally.problems[0]
        print(
            f"{'ok ' if good else 'BAD'} {tally.passed:3}/{tally.total:<3} {label(entry)}{first}", flush=True
        )
        if options.names:
            for problem in tally.problems[1:]:
                print("        " + problem)
    for name, reason in LEFT_OUT.items():
        print(f"left out: {name}: {reason}")
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main())

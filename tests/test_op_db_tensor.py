"""PyTorch's own samples (op_db) put to the tensor operations of fnnet.functional: values and gradients.

    python tests/test_op_db_tensor.py [NAME ...] [--samples N]

prints a table by entry and what is left out, with the reason.
"""

from __future__ import annotations

import sys
import warnings
from pathlib import Path
from typing import Any

import jax
import pytest

from fnnet import functional as F

sys.path.insert(0, str(Path(__file__).parent))

LEFT_OUT: dict[str, str] = {
    "allclose": "PyTorch gives a Python bool; compared in test_functional_tensor.py",
    "equal": "PyTorch gives a Python bool; compared in test_functional_tensor.py",
    "empty": "its values are of no meaning",
    "empty_like": "its values are of no meaning",
    "linalg.eigh": "the signs of eigenvectors are free; eigenvalues are compared by linalg.eigvalsh",
    "linalg.pinv (hermitian)": "PyTorch's derivative for a matrix that is not Hermitian mixes both triangles",
    "linalg.pinv (singular)": "op_db's entry is of a product of two matrices, not of pinv alone",
}
"""Declared operations that are not compared here, and why."""

ELSEWHERE = "nn.functional."


def _function(name: str) -> Any:
    if name.startswith("linalg."):
        name = "linalg_" + name.removeprefix("linalg.")
    name = {"__getitem__": "getitem", "unfold": "unfold_dimension"}.get(name.removeprefix("special."), name)
    declared = F.OPERATIONS.get(name.removeprefix("special."))
    return declared and declared.function


SWAPPED = frozenset({"where", "einsum", "polygamma", "special.polygamma"})
"""Entries of op_db that give the second argument first."""


def _label(entry: Any) -> str:
    return f"{entry.name} ({entry.variant_test_name})" if entry.variant_test_name else entry.name


def _entries(names: list[str] | None = None) -> list[Any]:
    from torch.testing._internal.common_methods_invocations import op_db

    return [
        entry
        for entry in op_db
        if not entry.name.startswith(ELSEWHERE)
        and _function(entry.name) is not None
        and _function(entry.name).__module__.rpartition(".")[2] in MODULES
        and _label(entry) not in LEFT_OUT
        and (not names or entry.name in names)
    ]


MODULES = frozenset(
    [
        "arithmetic",
        "arrangement",
        "bounds",
        "brackets",
        "comparison",
        "creation",
        "decomposition",
        "elementary",
        "indexing",
        "joining",
        "matrix",
        "reduction",
        "scattering",
        "shape",
        "sorting",
        "special",
        "statistics",
    ]
)


def _swapped(case: Any) -> None:
    from functional_cases import leaves

    first, second = (len(leaves(one)) for one in case.args[:2])
    case.args = (case.args[1], case.args[0], *case.args[2:])
    moved = {**{i: i + second for i in range(first)}, **{first + i: i for i in range(second)}}
    case.wanted = [moved.get(i, i) for i in case.wanted]


def _problems(entry: Any, samples: int) -> tuple[int, list[str]]:
    """How many samples were compared, and what was wrong with which."""
    import torch
    from functional_cases import check
    from op_db import _describe, make_case, samples_of

    dtype = "float64" if torch.float64 in entry.supported_dtypes("cpu") else "int64"
    count, problems = 0, []
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for sample in samples_of(entry, samples, dtype):
            for name in ("device", "layout", "requires_grad", "pin_memory"):
                sample.kwargs.pop(name, None)
            count += 1
            try:
                with jax.enable_x64(True):
                    case = make_case(entry, sample)
                    case.name = _function(entry.name).__name__
                    if entry.name in SWAPPED:
                        _swapped(case)
                    check(case)
            except Exception as error:
                where = f"{_describe(sample.input)} {_describe(sample.args)} {_describe(sample.kwargs)}"
                problems.append(f"{type(error).__name__}: {error} for {where}"[:700])
    return count, problems


@pytest.mark.torch
@pytest.mark.parametrize("part", range(8))
def test_equals_torch_on_its_own_samples(part: int) -> None:
    pytest.importorskip("torch")
    pytest.importorskip("expecttest")
    problems = []
    for entry in _entries()[part::8]:
        problems += [f"{_label(entry)}: {problem}" for problem in _problems(entry, 1)[1]]
    assert not problems, "\n".join(problems)


def main(arguments: list[str]) -> int:
    """Print a table by entry, and what is left out; 1 if any sample disagrees."""
    import argparse

    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("names", nargs="*")
    parser.add_argument("--samples", type=int, default=3)
    options = parser.parse_args(arguments)
    bad, compared = 0, set()
    for entry in _entries(options.names):
        count, problems = _problems(entry, options.samples)
        compared.add(_function(entry.name))
        bad += bool(problems)
        shown = problems if options.names else problems[:1]
        print(
            "BAD" if problems else "ok ",
            f"{count - len(problems)}/{count}",
            _label(entry),
            *shown,
            flush=True,
        )
    if not options.names:
        for name, reason in LEFT_OUT.items():
            print(f"left out: {name}: {reason}")
        for name, declared in F.OPERATIONS.items():
            if (
                declared.function.__module__.rpartition(".")[2] in MODULES
                and declared.function not in compared
            ):
                print(f"not compared: {name}: {LEFT_OUT.get(name, 'op_db has no entry for it')}")
    return 1 if bad else 0


if __name__ == "__main__":
    jax.config.update("jax_numpy_dtype_promotion", "strict")
    sys.exit(main(sys.argv[1:]))

"""Record what PyTorch gives for the tensor operations: {tensor,array}_operations.json and .npz.

    python tests/reference/record_tensor_operations.py [array_operations]

A small sample of each entry of op_db that tests/judge compares, in float64; and the operations
where they are easily wrong: at kinks and ties, at zero, infinity and NaN, of integers. Run where PyTorch is
installed.
"""

from __future__ import annotations

# ruff: noqa: E402
import json
import sys
import warnings
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np

HERE = Path(__file__).parent
sys.path.insert(0, str(HERE.parent))
from functional_cases import leaves, to_json
from judge.operations import entries, full_label, function_name, make_case, samples_of

from fnnet import functional as F

NAN, INF = float("nan"), float("inf")
POINTS = [-INF, -3.0, -2.5, -1.0, -0.5, -0.0, 0.0, 0.5, 1.0, 1.5, 2.5, 3.0, INF, NAN]
UNARY = [
    "abs",
    "sign",
    "sqrt",
    "rsqrt",
    "reciprocal",
    "exp",
    "expm1",
    "log",
    "log1p",
    "sin",
    "tanh_",
    "square",
    "floor",
    "ceil",
    "trunc",
    "round",
    "frac",
    "neg",
    "exp2",
    "sinc",
    "erf",
    "erfc",
    "erfinv",
    "lgamma",
    "digamma",
    "nan_to_num",
    "asin",
    "acosh",
    "atan",
    "isnan",
    "isinf",
    "isfinite",
    "sgn",
    "signbit",
    "logit",
]
BINARY = [
    "add",
    "sub",
    "mul",
    "div",
    "remainder",
    "fmod",
    "pow",
    "maximum",
    "minimum",
    "fmax",
    "fmin",
    "atan2",
    "hypot",
    "copysign",
    "xlogy",
    "logaddexp",
    "eq",
    "lt",
    "ge",
    "heaviside",
    "floor_divide",
]
TIES = [[3.0, 1.0, 3.0, 2.0], [0.0, 0.0, 0.0, 0.0], [1.0, NAN, 2.0, 2.0], [5.0, 4.0, 4.0, 1.0]]
FLAT = [2.0, 7.0, 7.0, 2.0]
ZEROS = [[0.0, 2.0, 3.0], [0.0, 0.0, 3.0], [1.0, 2.0, 3.0]]
CALLS: list[tuple[str, list[Any], dict[str, Any]]] = [
    ("clamp", [POINTS, 0.0], {}),
    ("clamp", [POINTS, -1.0, 1.0], {}),
    ("clamp", [POINTS, 1.0, -1.0], {}),
    ("clamp", [[1.0, 2.0, 3.0], [1.0, 3.0, 4.0], [2.0, 3.0, 1.0]], {}),
    ("clamp_min", [POINTS, 0.5], {}),
    ("clamp_max", [POINTS, 0.5], {}),
    ("pow", [POINTS, 0], {}),
    ("pow", [POINTS, 1], {}),
    ("pow", [POINTS, 2], {}),
    ("pow", [POINTS, 3.0], {}),
    ("pow", [POINTS, 0.5], {}),
    ("pow", [POINTS, -1], {}),
    ("pow", [POINTS, 1.5], {}),
    ("pow", [2.0, POINTS], {}),
    ("round", [[0.125, -2.675, 1.005, 1234.5]], {"decimals": 2}),
    ("round", [[15.0, 25.0, -35.0, 1234.5]], {"decimals": -1}),
    *[
        (name, [FLAT], {})
        for name in ("max", "min", "amax", "amin", "median", "argmax", "argmin", "prod", "std")
    ],
    *[
        (name, [TIES], {})
        for name in ("max", "min", "median", "nanmedian", "nansum", "nanmean", "argmax", "norm")
    ],
    *[
        (name, [TIES, 1], {})
        for name in [
            "max",
            "min",
            "amax",
            "amin",
            "median",
            "nanmedian",
            "cummax",
            "cummin",
            "argmin",
            "logsumexp",
            "cumsum",
        ]
    ],
    *[(name, [ZEROS], {}) for name in ("prod", "norm", "var", "mean")],
    *[(name, [ZEROS, 1], {}) for name in ("prod", "std", "var", "cumprod", "norm")],
    ("norm", [[0.0, 0.0]], {}),
    ("norm", [[0.0, 0.0], 1], {}),
    ("norm", [[0.0, 0.0], 3], {}),
    ("norm", [[3.0, -3.0, 1.0], INF], {}),
    ("std", [[2.0, 2.0, 2.0]], {}),
    ("std", [[1.0, 2.0, 4.0]], {"correction": 0}),
    ("var", [[1.0, 2.0, 4.0], 0, False], {}),
    ("quantile", [TIES[0], 0.3], {}),
    ("sum", [[[1, 2], [3, 4]]], {}),
    ("sum", [[[True, False], [True, True]], 0], {}),
    ("prod", [[[1, 2], [3, 4]], 1], {}),
    ("cumsum", [[1, 2, 3], 0], {}),
    ("floor_divide", [[-7, 7, -6], [2, -2, 4]], {}),
    ("remainder", [[-7, 7, -6], [2, -2, 4]], {}),
    ("fmod", [[-7, 7, -6], [2, -2, 4]], {}),
    ("div", [[-7, 7, -6], [2, -2, 4]], {"rounding_mode": "trunc"}),
    ("div", [[-7, 7, -6], [2, -2, 4]], {}),
    ("pow", [[2, -3, 0], [3, 2, 0]], {}),
    ("mode", [[3.0, 1.0, 3.0, 1.0, 2.0]], {}),
    ("searchsorted", [[1.0, 3.0, 3.0, 5.0], [0.0, 3.0, 6.0]], {}),
    ("searchsorted", [[1.0, 3.0, 3.0, 5.0], [0.0, 3.0, 6.0]], {"right": True}),
    ("sort", [[2.0, NAN, 1.0, INF]], {"descending": True, "stable": True}),
    ("sort", [[2.0, 1.0, 2.0, 1.0]], {"stable": True}),
    ("linspace", [0, 1, 7], {}),
    ("arange", [0.1, 1.0, 0.3], {}),
    ("arange", [5], {}),
]


def hard() -> Any:
    """The operations at the points where they are easily wrong."""
    import torch

    def tensors(value: Any) -> Any:
        if not isinstance(value, list):
            return value
        tensor = torch.tensor(value, dtype=torch.float64 if isinstance(np.ravel(value)[0], float) else None)
        return tensor.requires_grad_(tensor.is_floating_point())

    grid = [[a for a in POINTS for _ in POINTS], POINTS * len(POINTS)]
    calls = [(name, [POINTS], {}) for name in UNARY if not name.endswith("_")]
    calls += [(name, grid, {}) for name in BINARY]
    for name, given, kwargs in calls + CALLS:
        first, *rest = (tensors(one) for one in given)
        entry = SimpleNamespace(name=name, op=getattr(torch, name))
        sample = SimpleNamespace(input=first, args=tuple(rest), kwargs=kwargs)
        if name in ("heaviside", "floor_divide", "eq", "lt", "ge"):
            sample.input, sample.args = first.detach(), tuple(one.detach() for one in rest)
        case = make_case(entry, sample)
        described = "" if (name, given, kwargs) in calls else f"{given[:1]}{given[1:]}{kwargs}"[:60]
        yield f"{name} {described}", case


def _numbers(case: Any) -> int:
    """How many numbers there are to store; an empty case tells little."""
    count = sum(np.size(leaf) for leaf in leaves((case.args, case.kwargs, case.outputs)))
    return count or 10**9


ARRAYS = frozenset(
    [
        *("bessel", "combinations", "complexes", "covariance", "equations", "factorization", "fourier"),
        *("integration", "partial_writes", "polynomials", "spectral", "windows"),
    ]
)
"""The files of fnnet/functional whose operations stand in array_operations.*; the others in tensor_*."""


def sampled(arrays: bool) -> Any:
    """A sample of middle size of each entry of op_db: of the operations in ARRAYS, or of the others."""
    import torch

    for entry in entries(functional=False):
        function = getattr(F, function_name(entry.name) or "")
        if (function.__module__.rpartition(".")[2] in ARRAYS) != arrays:
            continue
        made = []
        dtype = "float64" if torch.float64 in entry.supported_dtypes("cpu") else "int64"
        for sample in samples_of(entry, 5, dtype):
            made.append(make_case(entry, sample))
        made = [case for case in made if _numbers(case) < 150]
        if made:
            yield full_label(entry), made[len(made) // 2]


def main() -> None:
    """Write both pairs of files, or those whose names are given."""
    for name in sys.argv[1:] or ["tensor_operations", "array_operations"]:
        write(name)


def write(file: str) -> None:
    """Write one pair of files."""
    import torch

    of_arrays = file == "array_operations"
    arrays: dict[str, np.ndarray] = {}
    cases: dict[str, Any] = {}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for source in (sampled(of_arrays), () if of_arrays else hard()):
            for name, case in source:
                if not hasattr(F, case.name):
                    raise SystemExit(f"fnnet.functional has no {case.name}")
                stored = to_json(case, arrays, f"a{len(cases)}")
                try:
                    json.dumps(stored)
                except TypeError:
                    print(f"not recorded: {name}: its arguments (slices, ...) are not JSON's")
                    continue
                cases[f"{name} #{len(cases)}" if name in cases else name] = stored
    content = {"torch": torch.__version__, "cases": cases}
    (HERE / f"{file}.json").write_text(json.dumps(content, separators=(",", ":")) + "\n")
    np.savez_compressed(HERE / f"{file}.npz", **arrays)
    print(f"{len(cases)} cases")


if __name__ == "__main__":
    main()

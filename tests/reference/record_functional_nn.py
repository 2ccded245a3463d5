"""Record what PyTorch gives for samples of torch.nn.functional: functional_nn.json and functional_nn.npz.

    python tests/reference/record_functional_nn.py

A sample of middle size of each of op_db's entries in float64, and every elementwise activation at its kinks,
at infinities and at NaN. Run where PyTorch is installed.
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
from judge.left_out import VALUES_LEFT_OUT
from judge.operations import entries, full_label, function_name, label, make_case, samples_of

KINKS = [-np.inf, -100, -20, -7, -6, -3, -1, -0.5, -0.3, -0.0]
KINKS += [0, 0.3, 0.5, 1, 3, 6, 19.9, 20, 21, 100, np.inf, np.nan]
AT_KINKS: dict[str, list[tuple[float, ...]]] = {
    **{
        name: [()]
        for name in ("relu", "relu6", "selu", "logsigmoid", "gelu", "tanh", "tanhshrink", "softsign")
    },
    **{name: [()] for name in ("hardsigmoid", "silu", "mish", "hardswish", "sigmoid")},
    "threshold": [(1.0, -2.0)],
    "hardtanh": [(), (-0.5, 3.0)],
    "leaky_relu": [(), (-0.5,)],
    "elu": [(), (2.0,)],
    "celu": [(), (2.0,), (-0.5,)],
    "hardshrink": [(), (0.0,), (-1.0,)],
    "softshrink": [(), (0.0,)],
    "softplus": [(), (2.0, 6.0), (-1.0,)],
}


def kinks() -> Any:
    """Samples of the elementwise activations at the points where they are easily wrong."""
    import torch

    for name, args in ((name, args) for name, lists in AT_KINKS.items() for args in lists):
        entry = SimpleNamespace(name=name, op=getattr(torch.nn.functional, name))
        points = torch.tensor(KINKS, dtype=torch.float64, requires_grad=True)
        yield f"{name}{args} at kinks", make_case(entry, SimpleNamespace(input=points, args=args, kwargs={}))


def main() -> None:
    """Write both files."""
    import torch

    arrays: dict[str, np.ndarray] = {}
    cases: dict[str, Any] = {}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        found = list(kinks())
        for entry in entries(functional=True):
            if function_name(entry.name) and full_label(entry) not in VALUES_LEFT_OUT:
                made = [make_case(entry, sample) for sample in samples_of(entry, 9, "float64")]
                made.sort(key=lambda case: sum(np.size(leaf) for leaf in leaves((case.args, case.kwargs))))
                found += [(label(entry), case) for case in made[len(made) // 2 : len(made) // 2 + 1]]
    for name, case in found:
        if sum(np.size(leaf) for leaf in leaves((case.args, case.kwargs))) < 1000:
            cases[name] = to_json(case, arrays, f"a{len(cases)}")
    content = {"torch": torch.__version__, "cases": cases}
    (HERE / "functional_nn.json").write_text(json.dumps(content, separators=(",", ":")) + "\n")
    np.savez_compressed(HERE / "functional_nn.npz", **arrays)
    print(f"{len(cases)} cases")


if __name__ == "__main__":
    main()

"""Record what PyTorch gives for the programs in tests/pure_scenarios.py and tests/functionalize_runs.py.

python tests/reference/record_torch_func.py   (where PyTorch is installed)
"""

from __future__ import annotations

import sys
import warnings
from pathlib import Path

import numpy as np
import torch
import torch.func

HERE = Path(__file__).parent
sys.path.insert(0, str(HERE.parent))


def main() -> None:
    from functionalize_runs import RUNS
    from pure_scenarios import SCENARIOS

    warnings.simplefilter("ignore")
    recorded = {}
    for name, program in {**SCENARIOS, **RUNS}.items():
        for position, value in enumerate(program(torch)):
            recorded[f"{name}.{position:02d}"] = np.asarray(value)
    np.savez_compressed(HERE / "torch_func.npz", **recorded)


if __name__ == "__main__":
    main()

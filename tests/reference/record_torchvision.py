"""Records what torchvision's transforms, datasets and grids give. Run it as a program, with torchvision."""

from __future__ import annotations

import json
import random
import sys
import warnings
from pathlib import Path

import numpy as np

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent))


def main():
    import torchvision_scenarios as scenarios

    library = scenarios.define_operators()
    import torch
    import torchvision

    warnings.simplefilter("ignore")
    recorded = {"torchvision": torchvision.__version__, "torch": torch.__version__, "scenarios": {}}
    arrays = {}
    for name, found in scenarios.run_all(torch, torchvision, seeding(torch)):
        recorded["scenarios"][name] = scenarios.described(found, name, arrays)
    (HERE / "torchvision.json").write_text(json.dumps(recorded, indent=0) + "\n", encoding="utf-8")
    np.savez_compressed(HERE / "torchvision.npz", **arrays)
    del library


def seeding(torch):
    """What seeds all the streams that transforms draw from."""

    def seed(number):
        torch.manual_seed(number)
        random.seed(number)

    return seed


if __name__ == "__main__":
    main()

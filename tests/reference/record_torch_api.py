"""Records what the programs of examples/torch_api print under PyTorch. Run it as a program."""

import json
import os
import subprocess
import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent
PROGRAMS = HERE.parent.parent / "examples" / "torch_api"
SHORTER = {"fizzbuzz": ["40"], "lenet_pictures": ["100"], "cifar10_pictures": []}
"""Words that make a program short enough to test: epochs, pictures; twenty steps for the others."""

WITH_TORCHVISION = """
import runpy, sys
sys.path.insert(0, sys.argv[1])
import torchvision_scenarios
held = torchvision_scenarios.define_operators()
sys.argv = sys.argv[2:]
runpy.run_path(sys.argv[0], run_name="__main__")
"""
"""Runs a program where torchvision's compiled part is missing."""


def main():
    import torch

    recorded = {"torch": torch.__version__, "programs": {}}
    for path in sorted(PROGRAMS.glob("*.py")):
        text = path.read_text(encoding="utf-8")
        takes_steps = "sys.argv" in text
        prepared = ["-c", WITH_TORCHVISION, str(HERE.parent)] if "import torchvision" in text else []
        words = SHORTER.get(path.stem, ["20"]) if takes_steps else []
        done = subprocess.run(
            [sys.executable, *prepared, str(path), *words],
            env={**os.environ, "OMP_NUM_THREADS": "1"},
            capture_output=True,
            text=True,
            check=True,
        )
        recorded["programs"][path.stem] = {"arguments": words, "printed": done.stdout}
    target = HERE / "torch_api.json"
    target.write_text(json.dumps(recorded, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()

"""Record the public attributes of torch.Tensor, which `python -m fnnet doctor` recognises without PyTorch."""

import json
from pathlib import Path

import torch

ROOT = Path(__file__).parents[2]

if __name__ == "__main__":
    names = sorted(name for name in dir(torch.Tensor) if not name.startswith("_"))
    (ROOT / "fnnet" / "torch" / "tensor_names.json").write_text(json.dumps(names, indent=0) + "\n")

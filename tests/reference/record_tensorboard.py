"""Record what PyTorch's SummaryWriter writes: `tensorboard.json.gz`."""

import gzip
import json
import sys
import tempfile
from pathlib import Path

import torch
from torch.utils.tensorboard import SummaryWriter

HERE = Path(__file__).parent
sys.path.insert(0, str(HERE.parent))
import tensorboard_scenarios as scenarios  # noqa: E402

if __name__ == "__main__":
    found = {"files": {}, "errors": {}}
    for name in scenarios.SCENARIOS:
        with tempfile.TemporaryDirectory() as folder:
            found["files"][name] = scenarios.run(torch, SummaryWriter, name, folder)
    for name in scenarios.ERRORS:
        with tempfile.TemporaryDirectory() as folder:
            found["errors"][name] = scenarios.failure(torch, SummaryWriter, name, folder)
    text = json.dumps(found, indent=None, separators=(",", ":")).encode()
    (HERE / "tensorboard.json.gz").write_bytes(gzip.compress(text, mtime=0))
    print(f"torch {torch.__version__}: {len(found['files'])} programs, {len(found['errors'])} errors")

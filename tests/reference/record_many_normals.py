"""Record digests of many normal numbers of PyTorch's: python tests/reference/record_many_normals.py

For each fill: how many numbers, mean, deviation, dtype, the SHA-256 of their bytes after `manual_seed(5)`,
and that of the generator's state afterwards.
"""

import hashlib
import json
from pathlib import Path

import torch

FILLS = [
    (70_000, 0.0, 1.0, "float32"),
    (300_016, 0.0, 1.0, "float32"),
    (300_007, 0.0, 0.7, "float32"),
    (300_007, 0.5, 0.3, "float32"),
    (300_007, 0.0, 1.0, "bfloat16"),
    (300_007, -2.0, 3.0, "float16"),
]


def digest(values: torch.Tensor) -> str:
    return hashlib.sha256(values.view(torch.uint8).numpy().tobytes()).hexdigest()


rows = []
for count, mean, std, dtype in FILLS:
    torch.manual_seed(5)
    numbers = torch.empty(count, dtype=getattr(torch, dtype)).normal_(mean, std)
    rows.append([count, mean, std, dtype, digest(numbers), digest(torch.get_rng_state())])
Path(__file__).with_name("many_normals.json").write_text(json.dumps(rows, indent=1) + "\n")

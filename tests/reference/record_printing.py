"""Record how PyTorch prints tensors: `python tests/reference/record_printing.py` where torch is installed.

The arrays are rebuilt from a seed by `sample`, which the tests share; only PyTorch's texts are stored.
"""

import json
from pathlib import Path

import numpy as np

CASES = 240
DTYPES = (
    "float32",
    "float64",
    "float16",
    "int64",
    "int32",
    "uint8",
    "int8",
    "bool",
    "complex64",
    "complex128",
)
PROFILES = (
    {"profile": "default"},
    {"profile": "short"},
    {"precision": 6, "threshold": 20, "edgeitems": 2, "linewidth": 60},
    {"precision": 2, "sci_mode": True, "threshold": 1000, "edgeitems": 3, "linewidth": 120},
    {"precision": 4, "sci_mode": False, "threshold": 5, "edgeitems": 1, "linewidth": 80},
    {"precision": 4, "threshold": 3, "edgeitems": 0, "linewidth": 80},
)


def sample(seed: int) -> tuple[np.ndarray, dict]:
    """An array of any dtype, rank and magnitude, at times with non-finite elements, and print options."""
    rng = np.random.RandomState(seed)
    rank = rng.randint(0, 5)
    sizes = [0, 1, 2, 3, 5, 8, 20, 40] if rank < 3 else [1, 2, 3, 7]
    shape = tuple(int(rng.choice(sizes)) for _ in range(rank))
    dtype = DTYPES[rng.randint(len(DTYPES))]
    options = PROFILES[rng.randint(len(PROFILES)) if rng.rand() < 0.4 else 0]
    values = np.asarray(rng.standard_normal(shape) * 10.0 ** rng.randint(-6, 9))
    if dtype == "bool":
        return np.asarray(values > 0), options
    if dtype.startswith(("int", "uint")):
        return np.asarray(rng.randint(0 if dtype == "uint8" else -100, 100, shape)).astype(dtype), options
    if dtype.startswith("complex"):
        return np.asarray(values + 1j * rng.standard_normal(shape)).astype(dtype), options
    if rng.rand() < 0.3:
        values = np.asarray(np.round(values))
    values = values.astype(np.float32)
    if values.size and rng.rand() < 0.3:
        values.reshape(-1)[rng.randint(values.size)] = [np.nan, np.inf, -np.inf, 0.0, -0.0][rng.randint(5)]
    with np.errstate(over="ignore"):
        return np.asarray(values.astype(dtype)), options


def main() -> None:
    import torch

    texts = []
    for seed in range(CASES):
        values, options = sample(seed)
        torch.set_printoptions(**options)
        texts.append(repr(torch.from_numpy(values.copy())))
    torch.set_printoptions(profile="default")
    out = {"torch": torch.__version__, "texts": texts}
    Path(__file__).with_name("printing.json").write_text(json.dumps(out, indent=0))


if __name__ == "__main__":
    main()

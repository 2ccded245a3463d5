"""Arrays of any framework as NumPy arrays."""

from __future__ import annotations

from typing import Any

import ml_dtypes
import numpy as np


def to_numpy(value: Any) -> np.ndarray:
    """An array, a number or a torch tensor (also one that requires grad, or bfloat16) as a NumPy array."""
    if hasattr(value, "detach"):
        value = value.detach().cpu()
        if str(value.dtype) == "torch.bfloat16":
            return np.array(value.float().numpy()).astype(ml_dtypes.bfloat16)
        return np.array(value.numpy())
    return np.asarray(value)

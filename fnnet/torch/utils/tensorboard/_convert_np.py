"""Tensors and numbers as NumPy's arrays."""

from __future__ import annotations

from typing import Any

import numpy as np

from fnnet.torch.dtypes import bfloat16, float16
from fnnet.torch.tensor import Tensor


def make_np(x: Any) -> np.ndarray:
    """An array of an array, a number or a tensor; bfloat16 as float16.

    Raises:
        NotImplementedError: anything else, or a tensor without data.
    """
    if isinstance(x, np.ndarray):
        return x
    if np.isscalar(x):
        return np.array([x])
    if isinstance(x, Tensor):
        found = x.detach().to(float16) if x.dtype is bfloat16 else x.detach()
        return np.asarray(found.cpu().numpy())
    raise NotImplementedError(f"Got {type(x)}, but numpy array or torch tensor are expected.")

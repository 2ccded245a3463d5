"""Initial parameters from PyTorch's generator are PyTorch's own: the same seed, the same numbers."""

from __future__ import annotations

import numpy as np
import pytest

import fnnet
from fnnet.random import Generator

torch = pytest.importorskip("torch")
pytestmark = pytest.mark.torch

CASES = [
    ("Linear", (20, 30)),
    ("Bilinear", (3, 4, 5)),
    ("Conv2d", (3, 6, 5)),
    ("ConvTranspose1d", (4, 6, 3)),
    ("Embedding", (5, 3, 2)),
    ("EmbeddingBag", (30, 3)),
    ("LSTM", (3, 4, 2)),
    ("GRUCell", (3, 4)),
    ("BatchNorm2d", (3,)),
    ("PReLU", (3,)),
    ("MultiheadAttention", (8, 2)),
    ("MultiheadAttention", (8, 2, 0.0, True, True, False, 3, 5)),
    ("TransformerEncoderLayer", (8, 2, 16)),
    ("TransformerDecoderLayer", (8, 2, 16)),
    ("Transformer", (8, 2, 2, 2, 16, 0.1, "relu", None, None, 1e-5, True)),
]


@pytest.mark.filterwarnings("ignore:enable_nested_tensor is True")
@pytest.mark.parametrize(("name", "args"), CASES)
def test_initial_parameters_are_torchs(name, args):
    torch.manual_seed(7)
    expected = getattr(torch.nn, name)(*args).state_dict()
    params = getattr(fnnet, name)(*args).init(Generator(7))
    for key, wanted in expected.items():
        node = params
        *parts, last = key.split(".")
        for part in parts:
            node = node[part]
        if last in node:
            np.testing.assert_array_equal(node[last], wanted.numpy(), err_msg=key)
        else:
            assert last in ("running_mean", "running_var", "num_batches_tracked")

"""Wrong calls of pure functions: lines that mean the same with PyTorch and with fnnet."""

from __future__ import annotations

from pathlib import Path
from typing import Any

RECORDED = Path(__file__).parent / "reference" / "function_refusals.json"

CALLS = """
F.relu("a")
F.relu([1.0, 2.0])
F.softmax(x, "a")
F.softmax(x, 5)
F.unfold(x, 2)
F.normalize(x, dim=5)
T.add(x, ones(5))
T.mul(x, ones(2, 3))
T.maximum(x, ones(2, 4))
T.complex(2, 3)
T.narrow(x, 0, integers(0, 1), 1)
T.arange(0, float("inf"))
T.linspace(ones(2), ones(2), 3)
T.amax(x, (0, 0))
T.fliplr(ones(2))
T.diff(x, n=-1)
T.roll(x, 1, 7)
T.movedim(x, 7, 0)
T.reshape(x, (5,))
T.unbind(x, 4)
T.dot(x, x)
F.l1_loss(x, ones(3, 5), reduction="none")
F.l1_loss(x, x, reduction="foo")
F.smooth_l1_loss(x, ones(3, 5))
F.kl_div(x, ones(3, 5), reduction="sum")
F.poisson_nll_loss(x, ones(5))
F.gaussian_nll_loss(x, ones(3, 5), x)
F.soft_margin_loss(x, ones(5))
F.triplet_margin_loss(x, ones(3, 5), x)
F.triplet_margin_loss(x, x, x, margin=-1.0)
F.multi_margin_loss(x, x[:, 0])
F.multi_margin_loss(x, integers(0, 1, 2), weight=ones(5))
F.nll_loss(x, integers(0, 1, 2), ones(4, dtype=half))
F.linear(x, ones(5, 4), ones(4))
F.linear_cross_entropy(x, ones(5, 4), integers(0, 1, 2), linear_bias=ones(3))
F.cosine_similarity(x, ones(5))
F.pairwise_distance(x, ones(5))
F.scaled_dot_product_attention(x, ones(3, 5), x)
F.scaled_dot_product_attention(x, x, x, ones(7, 7))
F.pdist(ones(3))
T.ormqr(ones(5, 5), ones(2), ones(5, 5))
T.gru(x, x, [x], True, 1, 0.0, False, False, False)
T.rnn_tanh(ones(5, 2, 3), ones(1, 2, 4), [ones(4, 2), ones(4, 4)], False, 1, 0.0, False, False, False)
T.lstm(ones(5, 2, 3), (ones(1, 2, 4),), [ones(16, 3), ones(16, 4)], False, 1, 0.0, False, False, False)
""".strip().splitlines()


LAYERS = """
N.Linear("a", 3)
N.Linear(3.0, 3)
N.Linear(-1, 3)
N.Embedding(3, -1)
N.LayerNorm(-3)
N.Dropout("a")
N.Conv2d(3, "4", 3)
N.MultiheadAttention(5, 2)
N.RNN(3, 4, bias=1)
N.GRU(3, 4, batch_first="False")
N.LSTM(0, 4)
N.LSTM(3, 4.0)
N.RNN(3, 4, nonlinearity="foo")
N.BatchNorm1d(4, eps=-1.0)
N.BatchNorm1d(4, eps=0.0)
N.HuberLoss(delta=1j)(x, x)
N.CrossEntropyLoss(ignore_index=1)(x, x)
N.CircularPad1d(3)(ones(1, 1, 4, 4))
N.CircularPad3d(3)(x)
N.RNNCell(4, 5)(x, ones(3, 1, 1, 5))
N.LSTMCell(4, 5)(x, (ones(3, 1, 1, 5), ones(3, 1, 1, 5)))
""".strip().splitlines()
"""A layer that is not called is applied to x, in training."""


def outcome(line: str, namespace: dict[str, Any]) -> tuple[str, str]:
    """The type and the words of what a line raises."""
    try:
        eval(line, dict(namespace))
    except Exception as error:
        return type(error).__name__, str(error)
    return "", ""


def of_torch() -> dict[str, tuple[str, str]]:
    """What PyTorch raises for each line."""
    import torch

    namespace = {
        "T": torch,
        "F": torch.nn.functional,
        "x": torch.ones(3, 4),
        "half": torch.float16,
        "ones": torch.ones,
        "integers": lambda *given: torch.tensor(given),
    }
    given = {line: outcome(line, namespace) for line in CALLS}
    namespace["N"] = torch.nn
    return given | {line: outcome(line if ")(" in line else f"{line}(x)", namespace) for line in LAYERS}

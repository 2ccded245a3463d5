"""Records what PyTorch gives libraries: tensors among NumPy's arrays, composed distributions."""

from __future__ import annotations

import json
import warnings
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np

SCALARS = ("np.float64(2)", "np.int64(3)")
ARRAYS = ("np.array(2.)", "np.array([1., 2.])")
TENSORS = ("t", "g", "i")
BINARY = ("-", "/", "<", "==")
EXPRESSIONS = [
    f"{a} {op} {b}"
    for number, tensor, op in product(SCALARS + ARRAYS, TENSORS, BINARY)
    for a, b in ((number, tensor), (tensor, number))
] + [
    "np.sin(t)", "np.add(t, 1)", "np.exp(g)", "np.stack([t, t])", "np.array(i)", "np.dot(t, t)", "np.sqrt(t)",
    "np.abs(t)", "np.where(t > 0, 1, 2)", "np.isnan(t)", "np.ones((2, 2)) @ t", "t != np.ones(2)",
    "np.multiply(t, np.ones(2))", "np.asarray(t, dtype=np.float64)", "torch.full((2,), np.float32(3))",
    "torch.full((2,), np.int32(3))", "torch.full((2,), np.float64(3))", "t.__array_priority__", "t.storage()",
    "t[1:].untyped_storage()",
    "t[1:].storage().nbytes()", "t.untyped_storage().data_ptr() == t[1:].storage().data_ptr()",
]  # fmt: skip


def said(torch: Any, expression: str) -> str:
    """The value and its type, or the type of the error."""
    names = {
        "np": np,
        "torch": torch,
        "t": torch.tensor([1.0, 0.5]),
        "g": torch.tensor([1.0, 0.5], requires_grad=True),
        "i": torch.tensor([1, 3]),
    }
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            made = eval(expression, names)
        except (TypeError, RuntimeError) as error:
            return type(error).__name__
    return f"{type(made).__name__} {getattr(made, 'dtype', '')} {made}"


def distributions(torch: Any) -> list[float]:
    """Samples, densities and gradients of mixed, transformed and relaxed distributions, unchecked."""
    torch.distributions.Distribution.set_default_validate_args(False)
    try:
        made = _distributions(torch)
    finally:
        torch.distributions.Distribution.set_default_validate_args(True)
    return torch.cat([one.detach().flatten() for one in made]).tolist()


def _distributions(torch: Any) -> list[Any]:
    D = torch.distributions
    torch.manual_seed(0)
    mixed = D.MixtureSameFamily(
        D.Categorical(torch.tensor([0.2, 0.3, 0.5])),
        D.Normal(torch.tensor([-1.0, 0.0, 2.0]), torch.tensor([0.5, 1.0, 0.1])),
    )
    vectors = D.MixtureSameFamily(
        D.Categorical(torch.ones(4, 3)), D.Independent(D.Normal(torch.randn(4, 3, 2), torch.rand(4, 3, 2)), 1)
    )
    loc = torch.zeros(2, 3, requires_grad=True)
    squashed = D.TransformedDistribution(
        D.Normal(loc, torch.ones(2, 3)), [D.TanhTransform(cache_size=1), D.AffineTransform(0.5, 2.0)]
    )
    drawn = squashed.rsample()
    density = squashed.log_prob(drawn)
    density.sum().backward()
    values = torch.tensor([0.5, 2.0])
    normal = D.Normal(torch.zeros(2), torch.ones(2))
    chained = [D.SigmoidTransform(), D.PowerTransform(torch.tensor(2.0)), D.SoftplusTransform().inv]
    relaxed = D.RelaxedOneHotCategorical(torch.tensor(0.5), logits=torch.randn(2, 3))
    soft = relaxed.rsample()
    grown = D.TransformedDistribution(normal, D.ExpTransform())
    falling = D.TransformedDistribution(D.Uniform(0.0, 1.0), D.AffineTransform(1.0, -1.0))
    made = [mixed.sample((2, 3)), mixed.log_prob(values), mixed.cdf(values), mixed.mean, mixed.variance]
    made += [vectors.sample(), vectors.log_prob(torch.zeros(4, 2)), vectors.mean, vectors.variance]
    made += [drawn, density, loc.grad, soft, relaxed.log_prob(soft), falling.cdf(values / 2)]
    made += [grown.log_prob(values), grown.cdf(values), grown.icdf(values / 3)]
    made.append(D.TransformedDistribution(normal, chained).log_prob(values / 3))
    return [*made, torch.pca_lowrank(torch.randn(10, 4), 2)[1], torch.svd_lowrank(torch.randn(3, 8), 3)[1]]


if __name__ == "__main__":
    import torch

    recorded = {
        "numpy": {expression: said(torch, expression) for expression in EXPRESSIONS},
        "distributions": distributions(torch),
    }
    Path(__file__).with_name("libraries.json").write_text(json.dumps(recorded, indent=0) + "\n")

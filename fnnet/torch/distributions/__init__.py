"""torch.distributions: the distributions with samples from PyTorch's own streams."""

import sys as _sys
from types import ModuleType as _ModuleType
from typing import Any

from fnnet.torch.distributions import constraints as constraints
from fnnet.torch.distributions import transforms as transforms
from fnnet.torch.distributions.composed import MixtureSameFamily as MixtureSameFamily
from fnnet.torch.distributions.composed import RelaxedOneHotCategorical as RelaxedOneHotCategorical
from fnnet.torch.distributions.composed import TransformedDistribution as TransformedDistribution
from fnnet.torch.distributions.continuous import Cauchy as Cauchy
from fnnet.torch.distributions.continuous import Exponential as Exponential
from fnnet.torch.distributions.continuous import Gumbel as Gumbel
from fnnet.torch.distributions.continuous import HalfNormal as HalfNormal
from fnnet.torch.distributions.continuous import Laplace as Laplace
from fnnet.torch.distributions.continuous import LogNormal as LogNormal
from fnnet.torch.distributions.continuous import Normal as Normal
from fnnet.torch.distributions.continuous import Uniform as Uniform
from fnnet.torch.distributions.discrete import Bernoulli as Bernoulli
from fnnet.torch.distributions.discrete import Categorical as Categorical
from fnnet.torch.distributions.discrete import Geometric as Geometric
from fnnet.torch.distributions.discrete import OneHotCategorical as OneHotCategorical
from fnnet.torch.distributions.discrete import Poisson as Poisson
from fnnet.torch.distributions.distribution import Distribution as Distribution
from fnnet.torch.distributions.gamma import Beta as Beta
from fnnet.torch.distributions.gamma import Chi2 as Chi2
from fnnet.torch.distributions.gamma import Dirichlet as Dirichlet
from fnnet.torch.distributions.gamma import Gamma as Gamma
from fnnet.torch.distributions.kl import kl_divergence as kl_divergence
from fnnet.torch.distributions.kl import register_kl as register_kl
from fnnet.torch.distributions.multivariate import Independent as Independent
from fnnet.torch.distributions.multivariate import MultivariateNormal as MultivariateNormal
from fnnet.torch.distributions.transforms import AbsTransform as AbsTransform
from fnnet.torch.distributions.transforms import AffineTransform as AffineTransform
from fnnet.torch.distributions.transforms import ComposeTransform as ComposeTransform
from fnnet.torch.distributions.transforms import ExpTransform as ExpTransform
from fnnet.torch.distributions.transforms import IndependentTransform as IndependentTransform
from fnnet.torch.distributions.transforms import PowerTransform as PowerTransform
from fnnet.torch.distributions.transforms import SigmoidTransform as SigmoidTransform
from fnnet.torch.distributions.transforms import SoftplusTransform as SoftplusTransform
from fnnet.torch.distributions.transforms import TanhTransform as TanhTransform
from fnnet.torch.distributions.transforms import Transform as Transform
from fnnet.torch.distributions.transforms import identity_transform as identity_transform
from fnnet.torch.missing import missing as _missing

_PLACES = {
    "HalfNormal": "half_normal", "MixtureSameFamily": "mixture_same_family",
    "RelaxedOneHotCategorical": "relaxed_categorical", "TransformedDistribution": "transformed_distribution",
    "LogNormal": "log_normal", "MultivariateNormal": "multivariate_normal",
    "OneHotCategorical": "one_hot_categorical",
}  # fmt: skip
"""The modules in which PyTorch has the classes, where that is not the name in lower case."""


def _spell_modules() -> None:
    """Let `from torch.distributions.normal import Normal` find what stands above."""
    for name, made in list(globals().items()):
        if isinstance(made, type) and issubclass(made, Distribution):
            place = f"{__name__}.{_PLACES.get(name, name.lower())}"
            module = _sys.modules.setdefault(place, _ModuleType(place))
            if not hasattr(module, name):
                setattr(module, name, made)
            globals().setdefault(place.rpartition(".")[2], module)


_spell_modules()


def __getattr__(name: str) -> Any:
    raise _missing("torch.distributions", name)

"""torch.distributions: the distributions with samples from PyTorch's own streams."""

import sys as _sys
from types import ModuleType as _ModuleType
from typing import Any

from fnnet.torch.distributions import constraints as constraints
from fnnet.torch.distributions import transforms as transforms
from fnnet.torch.distributions import utils as utils
from fnnet.torch.distributions.composed import ExpRelaxedCategorical as _ExpRelaxedCategorical
from fnnet.torch.distributions.composed import MixtureSameFamily as MixtureSameFamily
from fnnet.torch.distributions.composed import RelaxedOneHotCategorical as RelaxedOneHotCategorical
from fnnet.torch.distributions.composed import TransformedDistribution as TransformedDistribution
from fnnet.torch.distributions.constraint_registry import biject_to as biject_to
from fnnet.torch.distributions.constraint_registry import transform_to as transform_to
from fnnet.torch.distributions.continuous import Cauchy as Cauchy
from fnnet.torch.distributions.continuous import Exponential as Exponential
from fnnet.torch.distributions.continuous import Gumbel as Gumbel
from fnnet.torch.distributions.continuous import Laplace as Laplace
from fnnet.torch.distributions.continuous import LogNormal as LogNormal
from fnnet.torch.distributions.continuous import Normal as Normal
from fnnet.torch.distributions.continuous import Uniform as Uniform
from fnnet.torch.distributions.continuous_bernoulli import ContinuousBernoulli as ContinuousBernoulli
from fnnet.torch.distributions.counts import Binomial as Binomial
from fnnet.torch.distributions.counts import Multinomial as Multinomial
from fnnet.torch.distributions.counts import NegativeBinomial as NegativeBinomial
from fnnet.torch.distributions.discrete import Bernoulli as Bernoulli
from fnnet.torch.distributions.discrete import Categorical as Categorical
from fnnet.torch.distributions.discrete import Geometric as Geometric
from fnnet.torch.distributions.discrete import OneHotCategorical as OneHotCategorical
from fnnet.torch.distributions.discrete import (
    OneHotCategoricalStraightThrough as OneHotCategoricalStraightThrough,
)
from fnnet.torch.distributions.discrete import Poisson as Poisson
from fnnet.torch.distributions.distribution import Distribution as Distribution
from fnnet.torch.distributions.exp_family import ExponentialFamily as ExponentialFamily
from fnnet.torch.distributions.folded import HalfCauchy as HalfCauchy
from fnnet.torch.distributions.folded import HalfNormal as HalfNormal
from fnnet.torch.distributions.gamma import Beta as Beta
from fnnet.torch.distributions.gamma import Chi2 as Chi2
from fnnet.torch.distributions.gamma import Dirichlet as Dirichlet
from fnnet.torch.distributions.gamma import Gamma as Gamma
from fnnet.torch.distributions.generalized_pareto import GeneralizedPareto as GeneralizedPareto
from fnnet.torch.distributions.kl import kl_divergence as kl_divergence
from fnnet.torch.distributions.kl import register_kl as register_kl
from fnnet.torch.distributions.lkj_cholesky import LKJCholesky as LKJCholesky
from fnnet.torch.distributions.lowrank_multivariate_normal import (
    LowRankMultivariateNormal as LowRankMultivariateNormal,
)
from fnnet.torch.distributions.multivariate import Independent as Independent
from fnnet.torch.distributions.multivariate import MultivariateNormal as MultivariateNormal
from fnnet.torch.distributions.relaxed_bernoulli import RelaxedBernoulli as RelaxedBernoulli
from fnnet.torch.distributions.student import FisherSnedecor as FisherSnedecor
from fnnet.torch.distributions.student import StudentT as StudentT
from fnnet.torch.distributions.transformed import InverseGamma as InverseGamma
from fnnet.torch.distributions.transformed import Kumaraswamy as Kumaraswamy
from fnnet.torch.distributions.transformed import LogisticNormal as LogisticNormal
from fnnet.torch.distributions.transformed import Pareto as Pareto
from fnnet.torch.distributions.transformed import Weibull as Weibull
from fnnet.torch.distributions.transforms import AbsTransform as AbsTransform
from fnnet.torch.distributions.transforms import AffineTransform as AffineTransform
from fnnet.torch.distributions.transforms import CatTransform as CatTransform
from fnnet.torch.distributions.transforms import ComposeTransform as ComposeTransform
from fnnet.torch.distributions.transforms import CorrCholeskyTransform as CorrCholeskyTransform
from fnnet.torch.distributions.transforms import (
    CumulativeDistributionTransform as CumulativeDistributionTransform,
)
from fnnet.torch.distributions.transforms import ExpTransform as ExpTransform
from fnnet.torch.distributions.transforms import IndependentTransform as IndependentTransform
from fnnet.torch.distributions.transforms import LowerCholeskyTransform as LowerCholeskyTransform
from fnnet.torch.distributions.transforms import PositiveDefiniteTransform as PositiveDefiniteTransform
from fnnet.torch.distributions.transforms import PowerTransform as PowerTransform
from fnnet.torch.distributions.transforms import ReshapeTransform as ReshapeTransform
from fnnet.torch.distributions.transforms import SigmoidTransform as SigmoidTransform
from fnnet.torch.distributions.transforms import SoftmaxTransform as SoftmaxTransform
from fnnet.torch.distributions.transforms import SoftplusTransform as SoftplusTransform
from fnnet.torch.distributions.transforms import StackTransform as StackTransform
from fnnet.torch.distributions.transforms import StickBreakingTransform as StickBreakingTransform
from fnnet.torch.distributions.transforms import TanhTransform as TanhTransform
from fnnet.torch.distributions.transforms import Transform as Transform
from fnnet.torch.distributions.transforms import identity_transform as identity_transform
from fnnet.torch.distributions.von_mises import VonMises as VonMises
from fnnet.torch.distributions.wishart import Wishart as Wishart
from fnnet.torch.missing import missing as _missing
from fnnet.torch.places import spell as _spell

_PLACES = {
    "HalfCauchy": "half_cauchy", "HalfNormal": "half_normal", "InverseGamma": "inverse_gamma",
    "LKJCholesky": "lkj_cholesky", "LogNormal": "log_normal", "LogisticNormal": "logistic_normal",
    "LowRankMultivariateNormal": "lowrank_multivariate_normal", "MixtureSameFamily": "mixture_same_family",
    "MultivariateNormal": "multivariate_normal", "NegativeBinomial": "negative_binomial",
    "OneHotCategorical": "one_hot_categorical", "OneHotCategoricalStraightThrough": "one_hot_categorical",
    "RelaxedBernoulli": "relaxed_bernoulli", "RelaxedOneHotCategorical": "relaxed_categorical",
    "StudentT": "studentT", "TransformedDistribution": "transformed_distribution",
    "ContinuousBernoulli": "continuous_bernoulli", "ExponentialFamily": "exp_family",
    "GeneralizedPareto": "generalized_pareto", "VonMises": "von_mises",
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
_spell(f"{__name__}.relaxed_categorical", ExpRelaxedCategorical=_ExpRelaxedCategorical)


def __getattr__(name: str) -> Any:
    raise _missing("torch.distributions", name)

"""The Kullback-Leibler divergence of pairs of distributions."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from fnnet import torch
from fnnet.torch.distributions.composed import TransformedDistribution
from fnnet.torch.distributions.continuous import (
    Cauchy,
    Exponential,
    Gumbel,
    Laplace,
    LogNormal,
    Normal,
    Uniform,
)
from fnnet.torch.distributions.counts import Binomial
from fnnet.torch.distributions.discrete import Bernoulli, Categorical, Geometric, OneHotCategorical, Poisson
from fnnet.torch.distributions.distribution import EULER
from fnnet.torch.distributions.gamma import Beta, Dirichlet, Gamma
from fnnet.torch.distributions.lowrank_multivariate_normal import LowRankMultivariateNormal
from fnnet.torch.distributions.multivariate import Independent, MultivariateNormal, sum_rightmost
from fnnet.torch.distributions.transformed import Pareto

F: Any = torch.nn.functional

_FORMULAS: dict[tuple[type, type], Callable[[Any, Any], Any]] = {}
INF = float("inf")


def register_kl(type_p: type, type_q: type) -> Callable[[Any], Any]:
    """Decorate a function that computes the divergence of two distributions of these types."""
    for one, name in ((type_p, "type_p"), (type_q, "type_q")):
        if not isinstance(one, type):
            raise TypeError(f"Expected {name} to be a Distribution subclass but got {one}")

    def decorator(function: Any) -> Any:
        _FORMULAS[type_p, type_q] = function
        return function

    return decorator


def kl_divergence(p: Any, q: Any) -> Any:
    """KL(p || q). Raises NotImplementedError where there is no formula."""
    for kind_p in type(p).__mro__:
        for kind_q in type(q).__mro__:
            formula = _FORMULAS.get((kind_p, kind_q))
            if formula is not None:
                return formula(p, q)
    raise NotImplementedError(
        f"No KL(p || q) is implemented for p type {type(p).__name__} and q type {type(q).__name__}"
    )


@register_kl(Normal, Normal)
def _normal(p: Any, q: Any) -> Any:
    ratio = (p.scale / q.scale).pow(2)
    return 0.5 * (ratio + ((p.loc - q.loc) / q.scale).pow(2) - 1 - ratio.log())


@register_kl(LogNormal, LogNormal)
def _log_normal(p: Any, q: Any) -> Any:
    return _normal(p, q)


@register_kl(Bernoulli, Bernoulli)
def _bernoulli(p: Any, q: Any) -> Any:
    softplus = F.softplus
    t1 = p.probs * (softplus(-q.logits) - softplus(-p.logits))
    t1 = torch.where(p.probs == 0, 0.0, torch.where(q.probs == 0, INF, t1))
    t2 = (1 - p.probs) * (softplus(q.logits) - softplus(p.logits))
    t2 = torch.where(p.probs == 1, 0.0, torch.where(q.probs == 1, INF, t2))
    return t1 + t2


@register_kl(Categorical, Categorical)
def _categorical(p: Any, q: Any) -> Any:
    t = p.probs * (p.logits - q.logits)
    t = torch.where((q.probs == 0).expand_as(t), INF, t)
    return torch.where((p.probs == 0).expand_as(t), 0.0, t).sum(-1)


@register_kl(OneHotCategorical, OneHotCategorical)
def _one_hot(p: Any, q: Any) -> Any:
    return _categorical(p._categorical, q._categorical)


@register_kl(Uniform, Uniform)
def _uniform(p: Any, q: Any) -> Any:
    result = ((q.high - q.low) / (p.high - p.low)).log()
    return torch.where((q.low > p.low) | (q.high < p.high), INF, result)


@register_kl(Exponential, Exponential)
def _exponential(p: Any, q: Any) -> Any:
    ratio = q.rate / p.rate
    return -ratio.log() + ratio - 1


@register_kl(Laplace, Laplace)
def _laplace(p: Any, q: Any) -> Any:
    ratio = p.scale / q.scale
    distance = (p.loc - q.loc).abs()
    return -ratio.log() + distance / q.scale + ratio * torch.exp(-distance / p.scale) - 1


@register_kl(Cauchy, Cauchy)
def _cauchy(p: Any, q: Any) -> Any:
    t1 = ((p.scale + q.scale).pow(2) + (p.loc - q.loc).pow(2)).log()
    return t1 - (4 * p.scale * q.scale).log()


@register_kl(Poisson, Poisson)
def _poisson(p: Any, q: Any) -> Any:
    return p.rate * (p.rate.log() - q.rate.log()) - (p.rate - q.rate)


@register_kl(Geometric, Geometric)
def _geometric(p: Any, q: Any) -> Any:
    return -p.entropy() - torch.log1p(-q.probs) / p.probs - q.logits


@register_kl(Gamma, Gamma)
def _gamma(p: Any, q: Any) -> Any:
    t1 = q.concentration * (p.rate / q.rate).log()
    t2 = torch.lgamma(q.concentration) - torch.lgamma(p.concentration)
    t3 = (p.concentration - q.concentration) * torch.digamma(p.concentration)
    return t1 + t2 + t3 + (q.rate - p.rate) * (p.concentration / p.rate)


@register_kl(Dirichlet, Dirichlet)
def _dirichlet(p: Any, q: Any) -> Any:
    total_p, total_q = p.concentration.sum(-1), q.concentration.sum(-1)
    t1 = total_p.lgamma() - total_q.lgamma()
    t2 = (p.concentration.lgamma() - q.concentration.lgamma()).sum(-1)
    digammas = p.concentration.digamma() - total_p.digamma().unsqueeze(-1)
    return t1 - t2 + ((p.concentration - q.concentration) * digammas).sum(-1)


@register_kl(Beta, Beta)
def _beta(p: Any, q: Any) -> Any:
    return _dirichlet(p._dirichlet(), q._dirichlet())


@register_kl(MultivariateNormal, MultivariateNormal)
def _multivariate_normal(p: Any, q: Any) -> Any:
    if p.event_shape != q.event_shape:
        raise ValueError(
            "KL-divergence between two Multivariate Normals with different event shapes cannot be computed"
        )
    size = p.event_shape[0]
    half = (
        q.scale_tril.diagonal(dim1=-2, dim2=-1).log().sum(-1)
        - p.scale_tril.diagonal(dim1=-2, dim2=-1).log().sum(-1)
    )  # fmt: skip
    solved = torch.linalg.solve_triangular(q.scale_tril, p.scale_tril, upper=False)
    shift = torch.linalg.solve_triangular(q.scale_tril, (q.loc - p.loc).unsqueeze(-1), upper=False)
    squares = solved.pow(2).sum((-2, -1)) + shift.squeeze(-1).pow(2).sum(-1)
    return half + 0.5 * (squares - size)


@register_kl(Independent, Independent)
def _independent(p: Any, q: Any) -> Any:
    if p.reinterpreted_batch_ndims != q.reinterpreted_batch_ndims:
        raise NotImplementedError
    return sum_rightmost(kl_divergence(p.base_dist, q.base_dist), p.reinterpreted_batch_ndims)


@register_kl(TransformedDistribution, TransformedDistribution)
def _transformed(p: Any, q: Any) -> Any:
    if p.transforms != q.transforms or p.event_shape != q.event_shape:
        raise NotImplementedError
    return kl_divergence(p.base_dist, q.base_dist)


@register_kl(Binomial, Binomial)
def _binomial(p: Any, q: Any) -> Any:
    if (p.total_count < q.total_count).any():
        raise NotImplementedError(
            "KL between Binomials where q.total_count > p.total_count is not implemented"
        )
    each = p.probs * (p.logits - q.logits) + (-p.probs).log1p() - (-q.probs).log1p()
    return torch.where(p.total_count > q.total_count, INF, p.total_count * each)


@register_kl(Gumbel, Gumbel)
def _gumbel(p: Any, q: Any) -> Any:
    ratio, shift = p.scale / q.scale, (q.loc - p.loc) / q.scale
    exponential = torch.exp(shift + (1 + ratio).lgamma())
    return -ratio.log() - shift + ratio * EULER + exponential - (1 + EULER)


@register_kl(Pareto, Pareto)
def _pareto(p: Any, q: Any) -> Any:
    ratio = q.alpha / p.alpha
    result = q.alpha * (p.scale / q.scale).log() - ratio.log() + ratio - 1
    return torch.where(p.scale < q.scale, INF, result)


def _same_events(p: Any, q: Any) -> None:
    if p.event_shape != q.event_shape:
        raise ValueError(
            "KL-divergence between two (Low Rank) Multivariate Normals with different event shapes "
            "cannot be computed"
        )


@register_kl(LowRankMultivariateNormal, LowRankMultivariateNormal)
@register_kl(MultivariateNormal, LowRankMultivariateNormal)
def _to_low_rank(p: Any, q: Any) -> Any:
    _same_events(p, q)
    if isinstance(p, LowRankMultivariateNormal):
        log_det, factors = p._log_det(), [p.cov_factor, torch.diag_embed(p.cov_diag.sqrt())]
    else:
        tril = p._unbroadcasted_scale_tril
        log_det, factors = 2 * tril.diagonal(dim1=-2, dim2=-1).log().sum(-1), [tril]
    solved, trace = q._solved(), 0.0
    for factor in factors:
        scaled = factor * q._unbroadcasted_cov_diag.rsqrt().unsqueeze(-1)
        trace = trace + scaled.pow(2).sum((-2, -1)) - (solved @ factor).pow(2).sum((-2, -1))
    return 0.5 * (q._log_det() - log_det + trace + q._distance(q.loc - p.loc) - p.event_shape[0])


@register_kl(LowRankMultivariateNormal, MultivariateNormal)
def _from_low_rank(p: Any, q: Any) -> Any:
    _same_events(p, q)
    tril = q._unbroadcasted_scale_tril
    batch = torch.broadcast_shapes(p.batch_shape, q.batch_shape)
    columns = [p.cov_factor, torch.diag_embed(p.cov_diag.sqrt()), (q.loc - p.loc).unsqueeze(-1)]
    columns = [one.expand((*batch, *one.shape[-2:])) for one in columns]
    tril = tril.expand((*batch, *tril.shape[-2:]))
    squares = torch.linalg.solve_triangular(tril, torch.cat(columns, -1), upper=False).pow(2).sum((-2, -1))
    log_det = 2 * tril.diagonal(dim1=-2, dim2=-1).log().sum(-1) - p._log_det()
    return 0.5 * (log_det + squares - p.event_shape[0])

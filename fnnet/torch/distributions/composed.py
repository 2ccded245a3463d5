"""Distributions made of others: transformed, and mixed."""

from __future__ import annotations

from typing import Any, ClassVar

from fnnet import torch
from fnnet.torch.distributions import constraints
from fnnet.torch.distributions.discrete import Categorical, _OfCategorical
from fnnet.torch.distributions.distribution import Distribution
from fnnet.torch.distributions.multivariate import Independent, sum_rightmost
from fnnet.torch.distributions.transforms import ComposeTransform, ExpTransform, Transform

__all__ = ["MixtureSameFamily", "RelaxedOneHotCategorical", "TransformedDistribution"]


class TransformedDistribution(Distribution):
    """What transforms make of the samples of a distribution."""

    arg_constraints: ClassVar[dict[str, Any]] = {}

    def __init__(
        self, base_distribution: Distribution, transforms: Any, validate_args: bool | None = None
    ) -> None:
        self.transforms = [transforms] if isinstance(transforms, Transform) else transforms
        if not isinstance(self.transforms, list) or not all(
            isinstance(t, Transform) for t in self.transforms
        ):
            raise ValueError(f"transforms must be a Transform or list, but was {transforms}")
        base = base_distribution
        shape, events = base.batch_shape + base.event_shape, len(base.event_shape)
        whole = ComposeTransform(self.transforms)
        if len(shape) < whole.domain.event_dim:
            raise ValueError(
                f"base_distribution needs to have shape with size at least {whole.domain.event_dim}, but got "
                f"{shape}."
            )
        made = whole.forward_shape(shape)
        expanded = whole.inverse_shape(made)
        if shape != expanded:
            base = base.expand(expanded[: len(expanded) - events])
        added = whole.domain.event_dim - events
        self.base_dist = Independent(base, added) if added > 0 else base
        self.has_rsample = self.base_dist.has_rsample
        events = whole.codomain.event_dim + max(events - whole.domain.event_dim, 0)
        cut = len(made) - events
        super().__init__(made[:cut], made[cut:], validate_args)

    @property
    def support(self) -> Any:
        if not self.transforms:
            return self.base_dist.support
        inner = self.transforms[-1].codomain
        added = len(self.event_shape) - inner.event_dim
        return constraints.independent(inner, added) if added > 0 else inner

    def expand(self, batch_shape: Any, _instance: Any = None) -> Any:
        """The same distribution with parameters expanded to a batch shape."""
        shape = (*batch_shape, *self.event_shape)
        for transform in reversed(self.transforms):
            shape = transform.inverse_shape(shape)
        made = super().expand(batch_shape, _instance)
        made.base_dist = self.base_dist.expand(shape[: len(shape) - len(self.base_dist.event_shape)])
        return made

    def sample(self, sample_shape: Any = ()) -> Any:
        with torch.no_grad():
            return self._forward(self.base_dist.sample(sample_shape))

    def rsample(self, sample_shape: Any = ()) -> Any:
        return self._forward(self.base_dist.rsample(sample_shape))

    def _forward(self, x: Any) -> Any:
        for transform in self.transforms:
            x = transform(x)
        return x

    def log_prob(self, value: Any) -> Any:
        y = self._checked(value)
        events, total = len(self.event_shape), 0.0
        for transform in reversed(self.transforms):
            x = transform.inv(y)
            events += transform.domain.event_dim - transform.codomain.event_dim
            total = total - sum_rightmost(
                transform.log_abs_det_jacobian(x, y), events - transform.domain.event_dim
            )
            y = x
        return total + sum_rightmost(self.base_dist.log_prob(y), events - len(self.base_dist.event_shape))

    def _monotone(self, value: Any) -> Any:
        sign = ComposeTransform(self.transforms).sign
        return value if isinstance(sign, int) and sign == 1 else sign * (value - 0.5) + 0.5

    def cdf(self, value: Any) -> Any:
        value = self._checked(value)
        for transform in reversed(self.transforms):
            value = transform.inv(value)
        return self._monotone(self.base_dist.cdf(value))

    def icdf(self, value: Any) -> Any:
        return self._forward(self.base_dist.icdf(self._monotone(value)))


class MixtureSameFamily(Distribution):
    """Samples of one of several distributions of one class, chosen by a categorical distribution."""

    arg_constraints: ClassVar[dict[str, Any]] = {}

    def __init__(
        self,
        mixture_distribution: Categorical,
        component_distribution: Distribution,
        validate_args: bool | None = None,
    ) -> None:
        mixture, component = mixture_distribution, component_distribution
        if not isinstance(mixture, Categorical):
            raise ValueError(
                " The Mixture distribution needs to be an  instance of torch.distributions.Categorical"
            )
        if not isinstance(component, Distribution):
            raise ValueError(
                "The Component distribution need to be an instance of torch.distributions.Distribution"
            )
        batch = component.batch_shape[:-1]
        for size, other in zip(reversed(mixture.batch_shape), reversed(batch), strict=False):
            if size != 1 and other != 1 and size != other:
                raise ValueError(
                    f"`mixture_distribution.batch_shape` ({mixture.batch_shape}) is not compatible with "
                    f"`component_distribution.batch_shape`({batch})"
                )
        count = mixture.logits.shape[-1]
        if count != component.batch_shape[-1]:
            raise ValueError(
                f"`mixture_distribution component` ({count}) does not equal "
                f"`component_distribution.batch_shape[-1]` ({component.batch_shape[-1]})"
            )
        self._mixture, self._component = mixture, component
        super().__init__(batch, component.event_shape, validate_args)

    @property
    def mixture_distribution(self) -> Categorical:
        """What chooses."""
        return self._mixture

    @property
    def component_distribution(self) -> Distribution:
        """What is chosen from."""
        return self._component

    @property
    def support(self) -> Any:
        return self._component.support

    def _weights(self) -> Any:
        probabilities, events = self._mixture.probs, len(self.event_shape)
        own = len(self._mixture.batch_shape)
        added = 0 if own == 1 else len(self.batch_shape) - own
        shape = probabilities.shape
        return probabilities.reshape((*shape[:-1], *[1] * added, shape[-1], *[1] * events))

    def _spread(self, value: Any) -> Any:
        return value.unsqueeze(-1 - len(self.event_shape))

    @property
    def mean(self) -> Any:
        return torch.sum(self._weights() * self._component.mean, dim=-1 - len(self.event_shape))

    @property
    def variance(self) -> Any:
        weights, dim = self._weights(), -1 - len(self.event_shape)
        within = torch.sum(weights * self._component.variance, dim=dim)
        apart = (self._component.mean - self._spread(self.mean)).pow(2.0)
        return within + torch.sum(weights * apart, dim=dim)

    def cdf(self, value: Any) -> Any:
        return torch.sum(self._component.cdf(self._spread(value)) * self._mixture.probs, dim=-1)

    def log_prob(self, value: Any) -> Any:
        self._checked(value)
        each = self._component.log_prob(self._spread(value))
        return torch.logsumexp(each + torch.log_softmax(self._mixture.logits, dim=-1), dim=-1)

    def sample(self, sample_shape: Any = ()) -> Any:
        with torch.no_grad():
            dim = len(sample_shape) + len(self.batch_shape)
            chosen = self._mixture.sample(sample_shape)
            samples = self._component.sample(sample_shape)
            events = len(self.event_shape)
            index = chosen.reshape((*chosen.shape, *[1] * (events + 1)))
            index = index.repeat((*[1] * chosen.dim(), 1, *self.event_shape))
            return torch.gather(samples, dim, index).squeeze(dim)

    def __repr__(self) -> str:
        return f"MixtureSameFamily(\n  {self._mixture!r},\n  {self._component!r})"


class ExpRelaxedCategorical(_OfCategorical):
    """The logarithm of a relaxed one-hot sample (Maddison et al., 2017)."""

    has_rsample = True
    support: Any = constraints.real_vector
    arg_constraints: ClassVar[dict[str, Any]] = {}

    def __init__(
        self, temperature: Any, probs: Any = None, logits: Any = None, validate_args: bool | None = None
    ) -> None:
        self._categorical = Categorical(probs, logits)
        self.temperature = temperature
        shape = self._categorical.logits.shape
        super().__init__(self._categorical.batch_shape, shape[-1:], validate_args)

    def expand(self, batch_shape: Any, _instance: Any = None) -> Any:
        """The same distribution with parameters expanded to a batch shape."""
        logits = self.logits.expand((*batch_shape, *self.event_shape))
        return ExpRelaxedCategorical(self.temperature, logits=logits, validate_args=False)

    def rsample(self, sample_shape: Any = ()) -> Any:
        logits = self.logits
        shape = self._extended_shape(sample_shape)
        limits = torch.finfo(logits.dtype)
        uniform = torch.rand(shape, dtype=logits.dtype, device=logits.device)
        uniform = uniform.clamp(min=limits.eps, max=1 - limits.eps)
        scores = (logits + -((-(uniform.log())).log())) / self.temperature
        return scores - scores.logsumexp(dim=-1, keepdim=True)

    def log_prob(self, value: Any) -> Any:
        self._checked(value)
        count = self.event_shape[-1]
        logits, value = torch.broadcast_tensors(self.logits, value)
        temperature = torch.as_tensor(self.temperature)
        scale = torch.full_like(temperature, float(count)).lgamma() - temperature.log().mul(-(count - 1))
        score = logits - value.mul(self.temperature)
        return (score - score.logsumexp(dim=-1, keepdim=True)).sum(-1) + scale


class RelaxedOneHotCategorical(TransformedDistribution):
    """One-hot vectors relaxed by a temperature, through which gradients go."""

    def __init__(
        self, temperature: Any, probs: Any = None, logits: Any = None, validate_args: bool | None = None
    ) -> None:
        base = ExpRelaxedCategorical(temperature, probs, logits, validate_args)
        super().__init__(base, [ExpTransform()], validate_args)

    @property
    def support(self) -> Any:
        return constraints.simplex

    @property
    def temperature(self) -> Any:
        """How near to one-hot."""
        return self.base_dist.temperature  # type: ignore[attr-defined]

    @property
    def logits(self) -> Any:
        """The logarithms of the probabilities."""
        return self.base_dist.logits  # type: ignore[attr-defined]

    @property
    def probs(self) -> Any:
        """The probabilities."""
        return self.base_dist.probs  # type: ignore[attr-defined]

    def expand(self, batch_shape: Any, _instance: Any = None) -> Any:
        """The same distribution with parameters expanded to a batch shape."""
        logits = self.logits.expand((*batch_shape, *self.event_shape))
        return RelaxedOneHotCategorical(self.temperature, logits=logits, validate_args=False)

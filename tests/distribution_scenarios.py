"""Distributions that libraries build on: what they say of values and one another, and their draws."""

# ruff: noqa: E501

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from printed import Scenarios, said

scenario = Scenarios("distributions.json")

MOMENTS = ("mean", "mode", "variance", "support", "batch_shape", "event_shape", "has_rsample")


def described(torch: Any, make: Callable[[Any, Any], Any], values: Any, wider: Any = (2, 3)) -> list[str]:
    """A distribution's moments, densities, draws, a gradient and its expansion."""

    def built() -> Any:
        return make(torch.distributions, torch.tensor)

    def gradient() -> Any:
        value = torch.tensor(values).requires_grad_()
        built().log_prob(value).sum().backward()
        return value.grad

    made, value = built(), torch.tensor(values)
    lines = [f"{made!r}"]
    lines += [f"{name}: {said(lambda name=name: getattr(built(), name))}" for name in MOMENTS]
    lines += [f"{name}: {said(getattr(built(), name), value)}" for name in ("log_prob", "cdf")]
    lines += [f"icdf: {said(built().icdf, torch.tensor([0.1, 0.5, 0.9]))}"]
    lines += [f"entropy: {said(built().entropy)}", f"gradient: {said(gradient)}"]
    lines += [f"sample: {said(built().sample)}", f"samples: {said(built().sample, (2,))}"]
    expanded = built().expand(wider)
    lines += [f"expanded: {expanded.batch_shape} {said(expanded.log_prob, value)} {said(expanded.sample)}"]
    lines += [f"constraints: {sorted(made.arg_constraints.items(), key=str)}"]
    return [line for line in lines if "NotImplementedError" not in line]


ONES = [0.3, 1.2, 2.5]
PARTS = [0.2, 0.5, 0.7]
WHOLE = [0.0, 1.0, 3.0]
CASES: dict[str, tuple[Callable[[Any, Any], Any], Any]] = {
    "student_t": (lambda D, t: D.StudentT(t([0.8, 1.5, 4.0]), t(0.5), t(2.0)), ONES),
    "fisher_snedecor": (lambda D, t: D.FisherSnedecor(t([1.0, 3.0, 5.0]), t([2.0, 3.0, 9.0])), ONES),
    "half_normal": (lambda D, t: D.HalfNormal(t([0.5, 1.0, 2.0])), ONES),
    "half_cauchy": (lambda D, t: D.HalfCauchy(t([0.5, 1.0, 2.0])), ONES),
    "binomial": (lambda D, t: D.Binomial(5, t([0.1, 0.3, 0.8])), WHOLE),
    "binomial_logits": (lambda D, t: D.Binomial(t([3.0, 4.0, 40.0]), logits=t([0.0, -1.0, 2.0])), WHOLE),
    "negative_binomial": (lambda D, t: D.NegativeBinomial(t([0.0, 2.0, 5.0]), t([0.2, 0.3, 0.8])), WHOLE),
    "inverse_gamma": (lambda D, t: D.InverseGamma(t([0.5, 1.5, 3.0]), t(2.0)), ONES),
    "pareto": (lambda D, t: D.Pareto(t(0.2), t([0.5, 1.5, 3.0])), ONES),
    "weibull": (lambda D, t: D.Weibull(t(2.0), t([0.5, 1.5, 3.0])), ONES),
    "kumaraswamy": (lambda D, t: D.Kumaraswamy(t([0.5, 1.5, 3.0]), t([0.4, 0.6, 0.9])), PARTS),
    "generalized_pareto": (lambda D, t: D.GeneralizedPareto(t(0.1), t(2.0), t([-0.4, 0.0, 0.7])), ONES),
    "continuous_bernoulli": (lambda D, t: D.ContinuousBernoulli(t([0.2, 0.4, 0.9]), lims=(0.3, 0.7)), PARTS),
    "continuous_bernoulli_logits": (lambda D, t: D.ContinuousBernoulli(logits=t([-1.0, 0.3, 2.0])), PARTS),
    "von_mises": (lambda D, t: D.VonMises(t([0.1, -2.0, 3.0]), t([0.5, 4.0, 30.0])), ONES),
    "relaxed_bernoulli": (lambda D, t: D.RelaxedBernoulli(t(0.7), t([0.2, 0.4, 0.9])), PARTS),
}
for name, case in CASES.items():
    scenario[name] = lambda torch, case=case: described(torch, *case)


@scenario
def multinomial(torch: Any) -> list[str]:
    return described(torch, lambda D, t: D.Multinomial(4, t([0.2, 0.3, 0.5])), [1.0, 0.0, 3.0], (2,))


@scenario
def logistic_normal(torch: Any) -> list[str]:
    return described(
        torch, lambda D, t: D.LogisticNormal(t([0.2, -0.3]), t([1.0, 0.5])), [*PARTS[:2], 0.3], (2,)
    )


@scenario
def correlation_factors(torch: Any) -> list[str]:
    values = [[1.0, 0.0, 0.0], [0.6, 0.8, 0.0], [0.0, 0.6, 0.8]]
    return described(torch, lambda D, t: D.LKJCholesky(3, t([0.7, 2.0])), values, (2, 2))


@scenario
def straight_through(torch: Any) -> list[str]:
    logits = torch.tensor([0.3, -0.2, 1.0]).requires_grad_()
    made = torch.distributions.OneHotCategoricalStraightThrough(logits=logits)
    drawn = made.rsample((2,))
    (drawn * torch.arange(3.0)).sum().backward()
    return [str(made), str(drawn.detach()), str(logits.grad), str(made.entropy().detach())]


def low_rank(torch: Any, shift: float) -> Any:
    factor = torch.tensor([[0.5, 0.1], [0.2 + shift, -0.4], [1.0, 0.3]])
    loc, diagonal = torch.tensor([0.1, shift, -0.2]), torch.tensor([0.5, 1.0, 0.7 + shift])
    return torch.distributions.LowRankMultivariateNormal(loc, factor, diagonal)


@scenario
def low_rank_normal(torch: Any) -> list[str]:
    made = low_rank(torch, 0.0)
    lines = described(torch, lambda D, t: low_rank(torch, 0.0), [0.3, -0.2, 1.0], (2,))
    return [*lines, str(made.scale_tril), str(made.covariance_matrix), str(made.precision_matrix)]


@scenario
def gradients_of_draws(torch: Any) -> list[str]:
    """To concentrations. PyTorch approximates the derivatives, to about three digits."""
    D, lines = torch.distributions, []
    makes = [lambda a: D.Gamma(a, 2.0), D.StudentT, D.Dirichlet, lambda a: D.Beta(a, a.flip(0))]
    for make in makes:
        given = torch.tensor([0.4, 2.0, 40.0]).requires_grad_()
        made = make(given)
        (made.rsample((2,)) * torch.arange(1.0, 4.0)).sum().backward()
        lines.append(f"{made.has_rsample} " + " ".join(f"{x:.2g}" for x in given.grad.tolist()))
    return lines


@scenario
def wishart(torch: Any) -> list[str]:
    D, t = torch.distributions, torch.tensor
    made = D.Wishart(t([3.5, 6.0]), covariance_matrix=t([[1.0, 0.3], [0.3, 0.5]]))
    value = t([[[1.0, 0.2], [0.2, 2.0]], [[3.0, -0.2], [-0.2, 1.5]]])
    lines = [str(one) for one in (made.log_prob(value), made.entropy(), made.mean, made.mode, made.variance)]
    return [*lines, str(made.precision_matrix), str(made.sample()), said(D.Wishart, 0.5, torch.eye(2))]


@scenario
def divergences(torch: Any) -> list[str]:
    D, t = torch.distributions, torch.tensor
    full = D.MultivariateNormal(t([0.1, 0.2, 0.3]), scale_tril=torch.eye(3) + 0.2 * torch.ones(3, 3).tril())
    some, more = t([0.5, 1.5]), t([0.7, 2.5])
    pairs = [
        (low_rank(torch, 0.0), low_rank(torch, 0.3)), (low_rank(torch, 0.3), full), (full, low_rank(torch, 0.3)),
        (D.Binomial(4, t([0.2, 0.7])), D.Binomial(t([4, 3]), t([0.3, 0.6]))),
        (D.Binomial(3, t(0.2)), D.Binomial(4, t(0.3))),
        (D.Gumbel(some, more), D.Gumbel(more, some)), (D.Pareto(some, more), D.Pareto(t([0.4, 2.0]), some)),
        (D.HalfNormal(some), D.HalfNormal(more)), (D.HalfCauchy(some), D.HalfCauchy(more)),
        (D.LogNormal(some, more), D.LogNormal(more, more)), (D.StudentT(some), D.StudentT(more)),
        (D.LogisticNormal(some, more), D.LogisticNormal(more, more)),
    ]  # fmt: skip
    return [said(D.kl_divergence, *pair) for pair in pairs]


@scenario
def constraints_and_their_transforms(torch: Any) -> list[str]:
    D, x = torch.distributions, torch.linspace(-1, 1, 6)
    c, lines = D.constraints, []
    found = [
        c.real, c.simplex, c.positive, c.nonnegative, c.corr_cholesky, c.interval(2, torch.tensor(5.0)),
        c.real_vector, c.unit_interval, c.less_than(3.0), c.half_open_interval(1.0, 2.0),
        c.cat([c.positive, c.real], -1, [2, 4]), c.stack([c.positive] * 6, -1), c.boolean,
    ]  # fmt: skip
    for to in (D.biject_to, D.transform_to):
        for constraint in found:
            lines.append(f"{constraint!r}: {said(to, constraint)}")
            if constraint is not c.boolean:
                made = to(constraint)
                y = made(x)
                lines += [f"{y} {made.inv(y)}", f"{constraint.check(y)} {made.bijective}"]
                if made.bijective:
                    lines.append(str(made.log_abs_det_jacobian(x, y)))
    matrix = torch.tensor([[0.5, -0.2], [0.3, 0.1]])
    for constraint in (c.lower_cholesky, c.positive_definite, c.positive_semidefinite):
        made = D.transform_to(constraint)
        lines.append(
            f"{constraint!r} {made(matrix)} {made.inv(made(matrix))} {constraint.check(made(matrix))}"
        )
    for constraint in (
        c.square,
        c.symmetric,
        c.lower_triangular,
        c.positive_definite,
        c.positive_semidefinite,
    ):
        lines.append(f"{constraint!r} {constraint.check(torch.stack([matrix, -torch.eye(2), torch.eye(2)]))}")
    lines += [
        said(lambda: c.dependent.event_dim),
        said(c.dependent.check, 1),
        str(c.is_dependent(c.dependent)),
    ]
    lines += [str(c.multinomial(3).check(torch.tensor([[1.0, 2.0], [2.0, 2.0]])))]
    return lines


@scenario
def joined_transforms(torch: Any) -> list[str]:
    D, x = torch.distributions, torch.linspace(0.1, 1.2, 6).reshape(2, 3)
    made = [
        D.ReshapeTransform((2, 3), (3, 2)), D.CatTransform([D.ExpTransform(), D.AffineTransform(1, 2)], 1, [1, 2]),
        D.StackTransform([D.ExpTransform(), D.TanhTransform()]), D.CumulativeDistributionTransform(D.Normal(0, 1)),
    ]  # fmt: skip
    lines = [f"{t(x)} {t.inv(t(x))} {t.log_abs_det_jacobian(x, t(x))}" for t in made]
    lines += [str(t.forward_shape((2, 3))) for t in made[:1]]
    wrong = [
        said(D.ReshapeTransform, (2,), (3,)),
        said(made[1], torch.ones(2, 2)),
        said(made[2], torch.ones(3, 2)),
    ]
    return lines + wrong + [said(D.CorrCholeskyTransform().forward_shape, (2,))]


@scenario
def parameters(torch: Any) -> list[str]:
    u, x = torch.distributions.utils, torch.linspace(-1, 1, 6)
    matrix = u.vec_to_tril_matrix(x)
    lines = [str(matrix), str(u.tril_matrix_to_vec(matrix, -1)), said(u.vec_to_tril_matrix, x[:5])]
    lines += [said(u.tril_matrix_to_vec, matrix, 3), said(u.broadcast_all, "x"), said(u.broadcast_all, 1, x)]
    lines += [
        str(u.logits_to_probs(x, True)),
        str(u.logits_to_probs(x)),
        str(u.probs_to_logits(torch.ones(2))),
    ]

    class Once:
        @u.lazy_property
        def number(self) -> float:
            lines.append("computed")
            return 1.5

    once = Once()
    return [*lines, str(once.number), str(once.number), str(isinstance(Once.number, property))]


@scenario
def wrong_parameters(torch: Any) -> list[str]:
    D, t = torch.distributions, torch.tensor
    calls: list[Callable[[], Any]] = [
        lambda: D.StudentT(t(1.0), scale=t(-1.0)), lambda: D.Binomial(2), lambda: D.Binomial(2, t(1.5)),
        lambda: D.Binomial(t([2.0, 3.0]), t(0.5)).entropy(), lambda: D.Multinomial(t(3), t([0.5, 0.5])),
        lambda: D.NegativeBinomial(2, t(1.0)), lambda: D.HalfCauchy(t(1.0)).log_prob(t(-1.0)),
        lambda: D.Binomial(2, t(0.5)).log_prob(t(3.0)), lambda: D.biject_to.register(3, len),
        lambda: D.LowRankMultivariateNormal(t(1.0), t(1.0), t(1.0)),
        lambda: D.LowRankMultivariateNormal(t([1.0]), t([1.0]), t([1.0])),
        lambda: D.LowRankMultivariateNormal(t([1.0]), t([[1.0], [2.0]]), t([1.0])),
    ]  # fmt: skip
    return [said(call) for call in calls]


if __name__ == "__main__":
    import torch

    scenario.record(torch)

"""torch.distributions.constraint_registry: transforms of real numbers onto the values a constraint allows."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from fnnet.torch.distributions import constraints, transforms

__all__ = ["ConstraintRegistry", "biject_to", "transform_to"]


class ConstraintRegistry:
    """Which transform leads to a constraint; more are registered by its class."""

    def __init__(self) -> None:
        self._registry: dict[type, Callable[[Any], Any]] = {}

    def register(self, constraint: Any, factory: Callable[[Any], Any] | None = None) -> Any:
        """Take in what makes the transform of a constraint, or decorate it.

        Raises TypeError for what is neither a constraint nor a class of constraints.
        """
        if factory is None:
            return lambda factory: self.register(constraint, factory)
        if isinstance(constraint, constraints.Constraint):
            constraint = type(constraint)
        if not isinstance(constraint, type) or not issubclass(constraint, constraints.Constraint):
            raise TypeError(
                f"Expected constraint to be either a Constraint subclass or instance, but got {constraint}"
            )
        self._registry[constraint] = factory
        return factory

    def __call__(self, constraint: Any) -> Any:
        """The transform. Raises NotImplementedError for constraints that are not registered."""
        factory = self._registry.get(type(constraint))
        if factory is None:
            name = type(constraint).__name__
            name = "_" + name if type(constraint).__module__ == constraints.__name__ else name
            raise NotImplementedError(f"Cannot transform {name} constraints")
        return factory(constraint)


biject_to = ConstraintRegistry()
transform_to = ConstraintRegistry()


def _above(constraint: Any) -> Any:
    return transforms.ComposeTransform(
        [transforms.ExpTransform(), transforms.AffineTransform(constraint.lower_bound, 1)]
    )


def _below(constraint: Any) -> Any:
    return transforms.ComposeTransform(
        [transforms.ExpTransform(), transforms.AffineTransform(constraint.upper_bound, -1)]
    )


def _between(constraint: Any) -> Any:
    low, high = constraint.lower_bound, constraint.upper_bound
    if all(isinstance(one, int | float) for one in (low, high)) and (low, high) == (0, 1):
        return transforms.SigmoidTransform()
    return transforms.ComposeTransform(
        [transforms.SigmoidTransform(), transforms.AffineTransform(low, high - low)]
    )


def _fill(registry: ConstraintRegistry) -> None:
    made: dict[Any, Callable[[Any], Any]] = {
        constraints.real: lambda c: transforms.identity_transform,
        constraints.independent: lambda c: transforms.IndependentTransform(
            registry(c.base_constraint), c.reinterpreted_batch_ndims
        ),
        constraints.greater_than: _above,
        constraints.greater_than_eq: _above,
        constraints.less_than: _below,
        constraints.interval: _between,
        constraints.half_open_interval: _between,
        constraints.corr_cholesky: lambda c: transforms.CorrCholeskyTransform(),
        constraints.cat: lambda c: transforms.CatTransform(
            [registry(one) for one in c.cseq], c.dim, c.lengths
        ),
        constraints.stack: lambda c: transforms.StackTransform([registry(one) for one in c.cseq], c.dim),
    }
    for constraint, factory in made.items():
        registry.register(constraint, factory)


_fill(biject_to)
_fill(transform_to)
biject_to.register(constraints.simplex, lambda c: transforms.StickBreakingTransform())
transform_to.register(constraints.simplex, lambda c: transforms.SoftmaxTransform())
transform_to.register(constraints.lower_cholesky, lambda c: transforms.LowerCholeskyTransform())
transform_to.register(constraints.positive_definite, lambda c: transforms.PositiveDefiniteTransform())
transform_to.register(constraints.positive_semidefinite, lambda c: transforms.PositiveDefiniteTransform())

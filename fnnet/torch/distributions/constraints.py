"""torch.distributions.constraints: which values a parameter or a sample may have."""

from __future__ import annotations

from typing import Any

from fnnet import torch


class Constraint:
    """A set of values; `check` says for each value, or vector of them, whether it lies within."""

    is_discrete = False
    event_dim = 0

    def check(self, value: Any) -> Any:
        """A tensor of bool."""
        raise NotImplementedError

    def __repr__(self) -> str:
        return type(self).__name__.removeprefix("_") + "()"


class _Bounded(Constraint):
    def __init__(self, *values: Any, **named: Any) -> None:
        bounds = dict(zip(type(self).__annotations__, values, strict=False)) | named
        self.__dict__.update(bounds)
        self._bounds = bounds

    def __repr__(self) -> str:
        given = ", ".join(f"{name}={value}" for name, value in self._bounds.items())
        return f"{type(self).__name__.removeprefix('_')}({given})"


class Real(Constraint):
    """Every number but NaN."""

    def check(self, value: Any) -> Any:
        return value == value


class Boolean(Constraint):
    """0 or 1."""

    is_discrete = True

    def check(self, value: Any) -> Any:
        return (value == 0) | (value == 1)


class GreaterThan(_Bounded):
    """Above `lower_bound`."""

    lower_bound: Any

    def check(self, value: Any) -> Any:
        return self.lower_bound < value


class LessThan(_Bounded):
    """Below `upper_bound`."""

    upper_bound: Any

    def check(self, value: Any) -> Any:
        return value < self.upper_bound


class GreaterThanEq(_Bounded):
    """`lower_bound` or above."""

    lower_bound: Any

    def check(self, value: Any) -> Any:
        return self.lower_bound <= value


class Interval(_Bounded):
    """From `lower_bound` to `upper_bound`."""

    lower_bound: Any
    upper_bound: Any

    def check(self, value: Any) -> Any:
        return (self.lower_bound <= value) & (value <= self.upper_bound)


class IntegerInterval(_Bounded):
    """Whole numbers from `lower_bound` to `upper_bound`."""

    is_discrete = True
    lower_bound: Any
    upper_bound: Any

    def check(self, value: Any) -> Any:
        return (value % 1 == 0) & (self.lower_bound <= value) & (value <= self.upper_bound)


class IntegerGreaterThan(_Bounded):
    """Whole numbers from `lower_bound`."""

    is_discrete = True
    lower_bound: Any

    def check(self, value: Any) -> Any:
        return (value % 1 == 0) & (value >= self.lower_bound)


class Simplex(Constraint):
    """Vectors of numbers from 0 that sum to 1."""

    event_dim = 1

    def check(self, value: Any) -> Any:
        return torch.all(value >= 0, dim=-1) & ((value.sum(-1) - 1).abs() < 1e-6)


class OneHot(Constraint):
    """Vectors of zeros and one 1."""

    is_discrete = True
    event_dim = 1

    def check(self, value: Any) -> Any:
        return ((value == 0) | (value == 1)).all(-1) & value.sum(-1).eq(1)


class LowerCholesky(Constraint):
    """Lower triangular matrices with a positive diagonal."""

    event_dim = 2

    def check(self, value: Any) -> Any:
        lower = (value.tril() == value).flatten(-2).all(-1)
        return lower & (value.diagonal(dim1=-2, dim2=-1) > 0).all(-1)


class PositiveDefinite(Constraint):
    """Symmetric matrices with positive eigenvalues."""

    event_dim = 2

    def check(self, value: Any) -> Any:
        symmetric = torch.isclose(value, value.mT, atol=1e-6).flatten(-2).all(-1)
        return symmetric & (torch.linalg.eigvalsh(value) > 0).all(-1)


class IndependentConstraint(Constraint):
    """A constraint on the elements, as one on vectors (or more dimensions) of them."""

    def __init__(self, base_constraint: Constraint, reinterpreted_batch_ndims: int) -> None:
        self.base_constraint, self.reinterpreted_batch_ndims = base_constraint, reinterpreted_batch_ndims
        self.is_discrete = base_constraint.is_discrete
        self.event_dim = base_constraint.event_dim + reinterpreted_batch_ndims

    def check(self, value: Any) -> Any:
        result = self.base_constraint.check(value)
        count = self.reinterpreted_batch_ndims
        return result.reshape(*result.shape[: result.dim() - count], -1).all(-1)

    def __repr__(self) -> str:
        return f"IndependentConstraint({self.base_constraint!r}, {self.reinterpreted_batch_ndims})"


class Dependent(Constraint):
    """A support that depends on the parameters, so that it cannot be checked alone."""


boolean = Boolean()
dependent = Dependent()
integer_interval = IntegerInterval
interval = Interval
greater_than = GreaterThan
less_than = LessThan
greater_than_eq = GreaterThanEq
independent = IndependentConstraint
lower_cholesky = LowerCholesky()
nonnegative = GreaterThanEq(lower_bound=0.0)
nonnegative_integer = IntegerGreaterThan(lower_bound=0)
one_hot = OneHot()
positive = GreaterThan(lower_bound=0.0)
positive_definite = PositiveDefinite()
positive_integer = IntegerGreaterThan(lower_bound=1)
real = Real()
real_vector = IndependentConstraint(real, 1)
simplex = Simplex()
unit_interval = Interval(lower_bound=0.0, upper_bound=1.0)

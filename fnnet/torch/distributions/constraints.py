"""torch.distributions.constraints: which values a parameter or a sample may have."""

from __future__ import annotations

from collections.abc import Sequence
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


class IntegerLessThan(_Bounded):
    """Whole numbers to `upper_bound`."""

    is_discrete = True
    upper_bound: Any

    def check(self, value: Any) -> Any:
        return (value % 1 == 0) & (value <= self.upper_bound)


class HalfOpenInterval(_Bounded):
    """From `lower_bound` to below `upper_bound`."""

    lower_bound: Any
    upper_bound: Any

    def check(self, value: Any) -> Any:
        return (self.lower_bound <= value) & (value < self.upper_bound)


class Multinomial(_Bounded):
    """Vectors of numbers from 0 that sum to `upper_bound` at most."""

    is_discrete = True
    event_dim = 1
    upper_bound: Any

    def check(self, value: Any) -> Any:
        return (value >= 0).all(dim=-1) & (value.sum(dim=-1) <= self.upper_bound)

    def __repr__(self) -> str:
        return "Multinomial()"


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


class LowerTriangular(Constraint):
    """Matrices that are zero above the diagonal."""

    event_dim = 2

    def check(self, value: Any) -> Any:
        return (value.tril() == value).flatten(-2).all(-1)


class LowerCholesky(LowerTriangular):
    """Lower triangular matrices with a positive diagonal."""

    def check(self, value: Any) -> Any:
        return super().check(value) & (value.diagonal(dim1=-2, dim2=-1) > 0).all(-1)


class CorrCholesky(LowerCholesky):
    """Cholesky factors of correlation matrices: their rows have length 1."""

    def check(self, value: Any) -> Any:
        tolerance = torch.finfo(value.dtype).eps * value.size(-1) * 10
        lengths = torch.linalg.norm(value.detach(), dim=-1)
        return super().check(value) & (lengths - 1.0).abs().le(tolerance).all(dim=-1)


class Square(Constraint):
    """Matrices of as many rows as columns."""

    event_dim = 2

    def check(self, value: Any) -> Any:
        square = value.shape[-2] == value.shape[-1]
        return torch.full(value.shape[:-2], square, dtype=torch.bool, device=value.device)


class Symmetric(Square):
    """Matrices that equal their transpose."""

    def check(self, value: Any) -> Any:
        square = super().check(value)
        if not square.all():
            return square
        return torch.isclose(value, value.mT, atol=1e-6).all(-2).all(-1)


class PositiveSemidefinite(Symmetric):
    """Symmetric matrices without negative eigenvalues."""

    def check(self, value: Any) -> Any:
        symmetric = super().check(value)
        if not symmetric.all():
            return symmetric
        return torch.linalg.eigvalsh(value).ge(0).all(-1)


class PositiveDefinite(Symmetric):
    """Symmetric matrices that have a Cholesky factor."""

    def check(self, value: Any) -> Any:
        symmetric = super().check(value)
        if not symmetric.all():
            return symmetric
        return torch.linalg.cholesky_ex(value).info.eq(0)


class IndependentConstraint(Constraint):
    """A constraint on the elements, as one on vectors (or more dimensions) of them."""

    def __init__(self, base_constraint: Constraint, reinterpreted_batch_ndims: int) -> None:
        self.base_constraint, self.reinterpreted_batch_ndims = base_constraint, reinterpreted_batch_ndims
        self.is_discrete = base_constraint.is_discrete
        self.event_dim = base_constraint.event_dim + reinterpreted_batch_ndims

    def check(self, value: Any) -> Any:
        result = self.base_constraint.check(value)
        count = self.reinterpreted_batch_ndims
        if result.dim() < count:
            raise ValueError(f"Expected value.dim() >= {self.event_dim} but got {value.dim()}")
        return result.reshape(*result.shape[: result.dim() - count], -1).all(-1)

    def __repr__(self) -> str:
        return f"IndependentConstraint({self.base_constraint!r}, {self.reinterpreted_batch_ndims})"


class MixtureSameFamilyConstraint(Constraint):
    """What the values of every component must satisfy."""

    def __init__(self, base_constraint: Constraint) -> None:
        self.base_constraint = base_constraint
        self.is_discrete, self.event_dim = base_constraint.is_discrete, base_constraint.event_dim

    def check(self, value: Any) -> Any:
        if value.dim() < self.event_dim:
            raise ValueError(f"Expected value.dim() >= {self.event_dim} but got {value.dim()}")
        result = self.base_constraint.check(value.unsqueeze(-1 - self.event_dim))
        return result.reshape((*value.shape[: value.dim() - self.event_dim], -1)).all(-1)

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.base_constraint!r})"


class _Several(Constraint):
    """One constraint after another along `dim`."""

    def __init__(self, cseq: Sequence[Constraint], dim: int = 0) -> None:
        if not all(isinstance(one, Constraint) for one in cseq):
            raise AssertionError("All elements of cseq must be Constraint instances")
        self.cseq, self.dim = list(cseq), dim
        self.is_discrete = any(one.is_discrete for one in self.cseq)
        self.event_dim = max(one.event_dim for one in self.cseq)

    def _within(self, value: Any) -> None:
        if not -value.dim() <= self.dim < value.dim():
            raise AssertionError(f"dim {self.dim} out of range for value with {value.dim()} dimensions")


class Cat(_Several):
    """Constraints of parts of these lengths along a dimension."""

    def __init__(
        self, cseq: Sequence[Constraint], dim: int = 0, lengths: Sequence[int] | None = None
    ) -> None:
        super().__init__(cseq, dim)
        self.lengths = [1] * len(self.cseq) if lengths is None else list(lengths)
        if len(self.lengths) != len(self.cseq):
            raise AssertionError(f"lengths ({len(self.lengths)}) must match cseq ({len(self.cseq)})")

    def check(self, value: Any) -> Any:
        self._within(value)
        parts = value.split(self.lengths, self.dim)
        return torch.cat([one.check(part) for one, part in zip(self.cseq, parts, strict=True)], self.dim)


class Stack(_Several):
    """A constraint for each index of a dimension."""

    def __init__(self, cseq: Sequence[Constraint], dim: int = 0) -> None:
        super().__init__(cseq, dim)
        self.event_dim += self.dim + self.event_dim < 0

    def check(self, value: Any) -> Any:
        self._within(value)
        checks = [one.check(part) for one, part in zip(self.cseq, value.unbind(self.dim), strict=False)]
        return torch.stack(checks, self.dim)


class Dependent(Constraint):
    """A support that depends on the parameters, so that it cannot be checked alone."""

    _known: Any

    def __init__(self, *, is_discrete: Any = NotImplemented, event_dim: Any = NotImplemented) -> None:
        self._known = {"is_discrete": is_discrete, "event_dim": event_dim}

    def _say(self, name: str) -> Any:
        if self._known[name] is NotImplemented:
            raise NotImplementedError(f".{name} cannot be determined statically")
        return self._known[name]

    @property
    def is_discrete(self) -> bool:  # type: ignore[override]
        """Whether the values are whole numbers. Raises NotImplementedError where that is not said."""
        return bool(self._say("is_discrete"))

    @property
    def event_dim(self) -> int:  # type: ignore[override]
        """The dimensions of one event. Raises NotImplementedError where that is not said."""
        return int(self._say("event_dim"))

    def __call__(self, *, is_discrete: Any = NotImplemented, event_dim: Any = NotImplemented) -> Dependent:
        given = {"is_discrete": is_discrete, "event_dim": event_dim}
        return Dependent(**self._known | {n: v for n, v in given.items() if v is not NotImplemented})

    def check(self, value: Any) -> Any:
        raise ValueError("Cannot determine validity of dependent constraint")


class DependentProperty(property, Dependent):
    """A property of distributions that, asked of the class, is a dependent constraint."""

    def __init__(
        self, fn: Any = None, *, is_discrete: Any = NotImplemented, event_dim: Any = NotImplemented
    ) -> None:
        property.__init__(self, fn)
        Dependent.__init__(self, is_discrete=is_discrete, event_dim=event_dim)

    def __call__(self, fn: Any) -> DependentProperty:  # type: ignore[override]
        return DependentProperty(fn, **self._known)


def is_dependent(constraint: Any) -> bool:
    """Whether a constraint can be checked only with the parameters known."""
    return isinstance(constraint, Dependent)


boolean = Boolean()
cat = Cat
corr_cholesky = CorrCholesky()
dependent = Dependent()
dependent_property = DependentProperty
half_open_interval = HalfOpenInterval
integer_interval = IntegerInterval
interval = Interval
greater_than = GreaterThan
less_than = LessThan
greater_than_eq = GreaterThanEq
independent = IndependentConstraint
lower_cholesky = LowerCholesky()
lower_triangular = LowerTriangular()
multinomial = Multinomial
nonnegative = GreaterThanEq(lower_bound=0.0)
nonnegative_integer = IntegerGreaterThan(lower_bound=0)
one_hot = OneHot()
positive = GreaterThan(lower_bound=0.0)
positive_definite = PositiveDefinite()
positive_semidefinite = PositiveSemidefinite()
positive_integer = IntegerGreaterThan(lower_bound=1)
real = Real()
real_vector = IndependentConstraint(real, 1)
simplex = Simplex()
square = Square()
stack = Stack
symmetric = Symmetric()
unit_interval = Interval(lower_bound=0.0, upper_bound=1.0)


def _spell_classes() -> None:
    """PyTorch's names of the classes begin with an underscore, and libraries derive from some of them."""
    for name, made in list(globals().items()):
        if isinstance(made, type) and issubclass(made, Constraint) and not name.startswith("_"):
            globals().setdefault("_" + name, made)


_spell_classes()

__all__ = [  # PyTorch's list, from which libraries make theirs
    "Constraint", "MixtureSameFamilyConstraint", "boolean", "cat", "corr_cholesky", "dependent",
    "dependent_property", "greater_than", "greater_than_eq", "half_open_interval", "independent",
    "integer_interval", "interval", "is_dependent", "less_than", "lower_cholesky", "lower_triangular",
    "multinomial", "nonnegative", "nonnegative_integer", "one_hot", "positive", "positive_definite",
    "positive_integer", "positive_semidefinite", "real", "real_vector", "simplex", "square", "stack",
    "symmetric", "unit_interval",
]  # fmt: skip

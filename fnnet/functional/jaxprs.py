"""Walking JAX's programs: evaluating them, some equations otherwise, and looking through them."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any

from jax.extend.core import ClosedJaxpr, Literal

__all__ = ["as_it_is", "equations", "evaluate"]


def as_it_is(equation: Any, inputs: Sequence[Any], primitive: Any = None) -> list[Any]:
    """The results of an equation; of another primitive with the same parameters, if one is given."""
    primitive = primitive or equation.primitive
    results = primitive.bind(*inputs, **primitive.get_bind_params(equation.params))
    return list(results) if primitive.multiple_results else [results]


def evaluate(
    closed: ClosedJaxpr, arguments: Sequence[Any], results: Callable[[Any, list[Any]], Sequence[Any]]
) -> list[Any]:
    """The outputs of a program, each equation computed by `results(equation, inputs)`."""
    jaxpr = closed.jaxpr
    known = dict(zip(jaxpr.constvars, closed.consts, strict=True))
    known.update(zip(jaxpr.invars, arguments, strict=True))
    for equation in jaxpr.eqns:
        inputs = [one.val if isinstance(one, Literal) else known[one] for one in equation.invars]
        known.update(zip(equation.outvars, results(equation, inputs), strict=True))
    return [one.val if isinstance(one, Literal) else known[one] for one in jaxpr.outvars]


def equations(jaxpr: Any) -> Iterator[Any]:
    """Every equation of a program, those within calls, loops and branches included."""
    for equation in jaxpr.eqns:
        yield equation
        for param in equation.params.values():
            for one in param if isinstance(param, tuple | list) else (param,):
                if hasattr(one, "eqns"):
                    yield from equations(one)

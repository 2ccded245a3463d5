"""What is said to XLA differently because it is measurably faster.

A product that contracts the first dimensions of both matrices (the gradient of a weight: x.T @ g) runs slowly
in XLA on a CPU. With a factor transposed beforehand, and kept apart from what follows, it took 115 us instead
of 175 (64 x 100 by 64 x 1000, two cores, jaxlib 0.10.2). The factor to transpose is the narrow one, even if
that gives the transpose of the product: 111 us instead of 155 (64 x 1000 by 64 x 100), 30 instead of 94
(128 x 784 by 128 x 10).

Nor is a sum over the first dimensions said as it is where many numbers are left: the gradient of what was
added to every example (a position's embedding). Of 32 x 65536 numbers XLA's took 59 ms, of 300 x 19200 64; as
products with ones they take 0.14 and 1.3 (two busy cores, jaxlib 0.10.2). Up to 16384 numbers it is fast.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from jax import lax
from jax.extend.core import ClosedJaxpr

from fnnet.functional.jaxprs import as_it_is, equations, evaluate

_WORTH = 1_000_000
_WORTH_IF_NARROW = 20_000
"""Multiplications from which on the transposition pays: in general, and if one factor is much narrower."""
_NARROW = 4
"""How much narrower that is."""
_WIDE = 16384
"""Up to how many numbers left XLA's sums over the first dimensions are fast."""
_CALLS = frozenset(("jit", "pjit"))
_LOOPS = ("scan", "while", "scatter")
_RUNNING = frozenset(("cumsum", "cumprod", "cummax", "cummin", "cumlogsumexp"))
_RUN = 10_000
"""How many are many there: XLA takes 0.2 s for so many in a constant."""
_FUNCTIONS = frozenset(
    "cos erf erf_inv erfc exp exp2 expm1 log log1p logistic pow sin tan tanh".split()  # noqa: SIM905
)
_LONG = 100_000
"""From how many elements on the newer emitters' code for these pays for its compilation."""
_MANY = 50_000_000
"""From how many numbers on that a program makes it does in any case."""


def is_to_be_rewritten(closed: ClosedJaxpr) -> bool:
    """Whether there is a product of matrices, or a sum, that `rewritten` may say in another way."""
    for eqn in closed.jaxpr.eqns:
        if eqn.primitive.name in _CALLS:
            if is_to_be_rewritten(eqn.params["jaxpr"]):
                return True
        elif _is_wide_sum(eqn):
            return True
        elif (contracted := _contracted(eqn)) is not None:
            left, right = (one.aval for one in eqn.invars)
            if left.size * right.shape[1 - contracted[1]] > _WORTH_IF_NARROW:
                return True
    return False


def _contracted(eqn: Any) -> tuple[int, int] | None:
    """Which dimensions a product of two matrices contracts; None for everything else."""
    if eqn.primitive.name != "dot_general" or not all(one.aval.ndim == 2 for one in eqn.invars):
        return None
    contracted, batch = eqn.params["dimension_numbers"]
    if tuple(map(len, contracted)) != (1, 1) or any(map(len, batch)):
        return None
    return contracted[0][0], contracted[1][0]


def _is_wide_sum(eqn: Any) -> bool:
    """Whether a sum of float32 over the first dimensions leaves many numbers."""
    if eqn.primitive.name != "reduce_sum" or eqn.outvars[0].aval.size <= _WIDE:
        return False
    whole, axes = eqn.invars[0].aval, sorted(eqn.params["axes"])
    is_first = axes == list(range(len(axes)))
    return is_first and whole.dtype == np.float32 and whole.size > eqn.outvars[0].aval.size


def _sum(eqn: Any, whole: Any) -> Any:
    left = eqn.outvars[0].aval
    rows = lax.reshape(whole, (whole.size // left.size, left.size))
    ones = lax.full((rows.shape[0],), 1, rows.dtype)
    return lax.reshape(lax.dot_general(ones, rows, (((0,), (0,)), ((), ()))), left.shape)


def is_for_new_emitters(closed: ClosedJaxpr) -> bool:
    """Whether there is something large that XLA's older emitters are slow at: they took 3.9 ms instead of 1.5
    for the gradient of `gather` of 1000 x 1000, 17.9 instead of 10.9 for that of an LSTM of 50 steps.

    A loop that writes where one of its inputs lay is not vectorised by them: gelu of a product, a million
    numbers, 8 ms instead of 0.4 on one core. A step of resnet18 took 570 ms instead of 300.

    Running sums and products take the newer ones 4.5 ms, the older 1.8 (1000 x 1000 along the last one).
    """
    numbers = 0
    for eqn in equations(closed.jaxpr):
        if eqn.primitive.name.startswith(_LOOPS):
            sizes = (one.aval.size for one in eqn.invars if hasattr(one.aval, "size"))
            if max(sizes, default=0) >= _LONG:
                return True
        made = sum(getattr(one.aval, "size", 0) for one in eqn.outvars)
        numbers += made * (_MANY // _LONG) if eqn.primitive.name in _FUNCTIONS else made
    return numbers >= _MANY and not runs_long(closed, _LONG)


def runs_long(closed: ClosedJaxpr, many: int = _RUN) -> bool:
    """Whether there are running sums, or the like, of many numbers."""
    return any(
        eqn.primitive.name in _RUNNING and eqn.outvars[0].aval.size >= many for eqn in equations(closed.jaxpr)
    )


class _Rewriting:
    """One program as it is said to XLA. Transposed matrices are remembered with what they were made of."""

    def __init__(self) -> None:
        self.turned: dict[int, tuple[Any, Any]] = {}

    def run(self, closed: ClosedJaxpr, arguments: Sequence[Any]) -> list[Any]:
        return evaluate(closed, arguments, self.results)

    def results(self, eqn: Any, inputs: list[Any]) -> list[Any]:
        if eqn.primitive.name in _CALLS:
            return self.run(eqn.params["jaxpr"], inputs)
        if _is_wide_sum(eqn):
            return [_sum(eqn, inputs[0])]
        contracted = _contracted(eqn)
        if contracted is not None:
            left, right = (self._before(*one) for one in zip(inputs, contracted, strict=True))
            if left is not None and right is not None and _is_worth(left, right):
                return [_product(eqn, left, right)]
        results = as_it_is(eqn, inputs)
        if eqn.primitive.name == "transpose" and tuple(eqn.params["permutation"]) == (1, 0):
            self.turned[id(results[0])] = results[0], inputs[0]
        return results

    def _before(self, factor: Any, contracted: int) -> Any:
        """The matrix whose first dimension is contracted; None if there is none without a transposition."""
        if contracted == 0:
            return factor
        return self.turned.get(id(factor), (None, None))[1]


def _is_worth(left: Any, right: Any) -> bool:
    narrow, wide = sorted((left.shape[1], right.shape[1]))
    return bool(left.size * right.shape[1] > (_WORTH_IF_NARROW if wide >= _NARROW * narrow else _WORTH))


def _product(eqn: Any, left: Any, right: Any) -> Any:
    """left.T @ right, said in the way that is fast."""
    params = {**eqn.params, "dimension_numbers": (((1,), (0,)), ((), ()))}
    if left.shape[1] >= _NARROW * right.shape[1]:
        turned = lax.optimization_barrier(lax.transpose(right, (1, 0)))
        product = lax.optimization_barrier(eqn.primitive.bind(turned, left, **params))
        return lax.optimization_barrier(lax.transpose(product, (1, 0)))
    turned = lax.optimization_barrier(lax.transpose(left, (1, 0)))
    return lax.optimization_barrier(eqn.primitive.bind(turned, right, **params))


def rewritten(closed: ClosedJaxpr) -> Any:
    """The arithmetic of a jaxpr as a function, its slow products and sums said in another way."""

    def run(*arguments: Any) -> list[Any]:
        return _Rewriting().run(closed, arguments)

    return run

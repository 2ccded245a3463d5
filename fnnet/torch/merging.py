"""Loops that a record runs twice, run once.

A pullback computes again what its derivative reads, and XLA computes it once where the operation itself is in
the same program; but XLA knows no loop again. An LSTM over 50 steps of 32 x 128, forwards and backwards,
takes 16.4 ms of processor time instead of 20.2, a GRU 15.0 instead of 17.2 (jaxlib 0.10.2).

Two loops are one if they go over the same values and their states are the same; the outputs of the second are
then found among those of the first.
"""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Sequence
from typing import Any

import numpy as np
from jax.extend.core import ClosedJaxpr, Literal
from jax.interpreters import partial_eval

from fnnet.evaluation import loop_counts
from fnnet.functional.jaxprs import as_it_is, equations

__all__ = ["merged", "repeats_loops"]

_CALLS = {"jit": "jaxpr", "pjit": "jaxpr", "custom_jvp_call": "call_jaxpr", "custom_vjp_call": "call_jaxpr"}
"""What is a call, and where its program is; nothing is differentiated here any more."""


def repeats_loops(closed: ClosedJaxpr) -> bool:
    """Whether two loops are alike enough to be looked at."""
    kinds = Counter(
        (eqn.params["length"], eqn.params["reverse"], _shapes(eqn))
        for eqn in equations(closed.jaxpr)
        if eqn.primitive.name == "scan"
    )
    return max(kinds.values(), default=0) > 1


def _shapes(loop: Any) -> tuple[Any, ...]:
    """The shapes of a loop's state."""
    first, carried = loop_counts(loop.params)
    return tuple(one.aval.shape for one in loop.invars[first : first + carried])


def merged(closed: ClosedJaxpr) -> Any:
    """The arithmetic of a program as a function that computes nothing twice that can be known again."""

    def run(*arguments: Any) -> list[Any]:
        return _Merging().run(closed.jaxpr, closed.consts, arguments)

    return run


def _written(jaxpr: Any) -> Any:
    """What is equal for equal programs; of one with constants within, which are not written, itself."""
    inner = (param for eqn in equations(jaxpr) for param in eqn.params.values())
    if any(isinstance(one, ClosedJaxpr) and one.consts for one in inner):
        return jaxpr
    with np.printoptions(threshold=sys.maxsize):
        return str(jaxpr)


class _Merging:
    """One program as it is evaluated. What equal equations of equal values gave is remembered."""

    def __init__(self) -> None:
        self.results: dict[Any, list[Any]] = {}
        self.outputs: dict[Any, Any] = {}
        self.kept: list[Any] = []

    def run(self, jaxpr: Any, consts: Sequence[Any], arguments: Sequence[Any]) -> list[Any]:
        known = dict(zip((*jaxpr.constvars, *jaxpr.invars), (*consts, *arguments), strict=True))
        for eqn in jaxpr.eqns:
            inputs = [one.val if isinstance(one, Literal) else known[one] for one in eqn.invars]
            known.update(zip(eqn.outvars, self._computed(eqn, inputs), strict=True))
        return [one.val if isinstance(one, Literal) else known[one] for one in jaxpr.outvars]

    def _computed(self, eqn: Any, inputs: list[Any]) -> list[Any]:
        inner = eqn.params.get(_CALLS.get(eqn.primitive.name, ""))
        if inner is not None:
            return self.run(getattr(inner, "jaxpr", inner), getattr(inner, "consts", ()), inputs)
        key = None if eqn.effects else self._key(eqn, inputs)
        if key is None:
            return as_it_is(eqn, inputs)
        if key not in self.results:
            is_loop = eqn.primitive.name == "scan"
            self.results[key] = self._looped(eqn, inputs) if is_loop else as_it_is(eqn, inputs)
        return self.results[key]

    def _key(self, eqn: Any, inputs: list[Any]) -> Any:
        """Equal for equations that give the same; None if that cannot be told."""
        params = tuple((name, self._told(value)) for name, value in sorted(eqn.params.items()))
        key = (eqn.primitive, params, tuple(map(self._identity, inputs)))
        try:
            hash(key)
        except TypeError:
            return None
        return key

    def _told(self, param: Any) -> Any:
        if isinstance(param, ClosedJaxpr):
            return _written(param.jaxpr), tuple(map(self._identity, param.consts))
        return param

    def _identity(self, value: Any) -> Any:
        if isinstance(value, bool | int | float | complex | np.generic | np.ndarray) and np.size(value) == 1:
            array = np.asarray(value)
            return type(value), array.dtype.str, array.shape, array.tobytes()
        self.kept.append(value)  # an identity is that of a value that is still there
        return id(value)

    def _looped(self, eqn: Any, inputs: list[Any]) -> list[Any]:
        """The outputs of a loop, those of another one wherever they are all found there."""
        keys = self._output_keys(eqn, inputs)
        if all(key in self.outputs for key in keys):
            return [self.outputs[key] for key in keys]
        results = as_it_is(eqn, inputs)
        for key, result in zip(keys, results, strict=True):
            self.outputs.setdefault(key, result)
        return results

    def _output_keys(self, eqn: Any, inputs: list[Any]) -> list[Any]:
        """For each output what it is computed of, and how: with the state, that of one step."""
        params, body = eqn.params, eqn.params["jaxpr"]
        first, carried = loop_counts(params)
        consts = tuple(map(self._identity, getattr(body, "consts", ())))
        steps = getattr(body, "jaxpr", body)
        identities = list(map(self._identity, inputs))
        begin = tuple(identities[first : first + carried])
        way = (params["length"], params["reverse"], carried, begin, consts)

        def part(wanted: range) -> Any:
            small, used = partial_eval.dce_jaxpr(steps, [i in wanted for i in range(len(eqn.outvars))])
            places = [(i - first, identities[i]) for i, is_used in enumerate(used) if is_used]
            # Of the state, its place; of what is constant or read in turn, which value it is.
            read = tuple(at if 0 <= at < carried else ("of", one) for at, one in places)
            return _written(small), read, sum(used[:first])

        state = (way, part(range(carried)))
        return [(state, i if i < carried else part(range(i, i + 1))) for i in range(len(eqn.outvars))]

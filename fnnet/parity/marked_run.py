"""Running a port with its marks: what they mark is seen, and nudged.

The port is traced to a jaxpr, in which the marks stand, and the jaxpr is run with a watcher.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import jax
import jax.numpy as jnp

from fnnet.parity.watching import ACTIVE, MARK


class Watcher:
    """Notes the value of every mark of a run, and adds to it what `nudges` has under its name.

    The gradient with respect to a nudge of zero is the gradient with respect to the value. Names are paths,
    with "#2" for the second time.
    """

    def __init__(self, nudges: dict[str, Any] | None = None) -> None:
        self.values: dict[str, Any] = {}
        self._nudges = nudges or {}
        self._turns: dict[str, int] = {}

    def see(self, values: list[Any], name: str, form: Any, places: tuple[int, ...]) -> list[Any]:
        """Note the values of a mark; returns them, nudged."""
        turn = self._turns.get(name, 0)
        self._turns[name] = turn + 1
        name += f"#{turn + 1}" if turn else ""
        if name in self._nudges:
            nudges = self._nudges[name]
            values = [v if nudges[i] is None else v + nudges[i] for i, v in enumerate(values)]
        self.values[name] = values
        return values


def traced(function: Callable[..., Any], *args: Any, marks: bool = True) -> Callable[[Watcher], Any]:
    """(watcher) -> output: a function of these arguments, traced with its marks and run with a watcher."""

    def marked() -> tuple[Any, Any]:
        token = ACTIVE.set(True)
        try:
            return jax.make_jaxpr(of, return_shape=True)(*(leaves[i] for i in places))
        finally:
            ACTIVE.reset(token)

    leaves, form_in = jax.tree.flatten(args)
    places = [i for i, leaf in enumerate(leaves) if hasattr(leaf, "dtype")]

    def of(*arrays: Any) -> Any:
        given = list(leaves)
        for i, array in zip(places, arrays, strict=True):
            given[i] = array
        return function(*jax.tree.unflatten(form_in, given))

    closed, shape = marked()
    if marks and not _has_marks(closed.jaxpr):
        jax.clear_caches()  # a function under jax.jit may have been traced before, without its marks
        closed, shape = marked()
    form = jax.tree.structure(shape)

    def run(watcher: Watcher) -> Any:
        out = _evaluate(closed.jaxpr, closed.consts, [leaves[i] for i in places], watcher)
        return jax.tree.unflatten(form, out)

    return run


def _inner(eqn: Any) -> Any:
    """The jaxpr that an equation calls, None if there is none or more than one."""
    found = [value for value in eqn.params.values() if hasattr(value, "eqns") or hasattr(value, "jaxpr")]
    return found[0] if len(found) == 1 else None


def _has_marks(jaxpr: Any) -> bool:
    for eqn in jaxpr.eqns:
        inner = _inner(eqn)
        if eqn.primitive is MARK or (inner is not None and _has_marks(getattr(inner, "jaxpr", inner))):
            return True
    return False


MAX_TURNS = 64
"""Of a scan with marks in it, which is run turn by turn; in a longer one they are not seen."""


def _evaluate(jaxpr: Any, consts: Sequence[Any], args: Sequence[Any], watcher: Watcher) -> list[Any]:
    """Run a jaxpr; calls that hold marks are run in place."""
    held = dict(zip(jaxpr.constvars, consts, strict=True)) | dict(zip(jaxpr.invars, args, strict=True))

    def read(place: Any) -> Any:
        return place.val if hasattr(place, "val") else held[place]

    for eqn in jaxpr.eqns:
        values = [read(place) for place in eqn.invars]
        inner, kind = _inner(eqn), eqn.primitive.name
        if inner is not None and not _has_marks(getattr(inner, "jaxpr", inner)):
            inner = None
        if eqn.primitive is MARK:
            out = watcher.see(values, **eqn.params)
        elif inner is not None and kind == "scan" and eqn.params["length"] <= MAX_TURNS:
            out = _scan(eqn, inner, values, watcher)
        elif inner is not None and kind not in ("scan", "while") and len(values) == len(_vars(inner)):
            out = _evaluate(getattr(inner, "jaxpr", inner), getattr(inner, "consts", ()), values, watcher)
        else:
            with eqn.ctx.manager:
                out = eqn.primitive.bind(*values, **eqn.primitive.get_bind_params(eqn.params))
            out = out if eqn.primitive.multiple_results else [out]
        held |= dict(zip(eqn.outvars, out, strict=True))
    return [read(place) for place in jaxpr.outvars]


def _vars(inner: Any) -> Any:
    return getattr(inner, "jaxpr", inner).invars


def _scan(eqn: Any, inner: Any, values: list[Any], watcher: Watcher) -> list[Any]:
    """A scan turn by turn. What it carries has the shape of the body's; what it maps has one axis more."""
    body, length = getattr(inner, "jaxpr", inner), eqn.params["length"]
    pairs = zip(eqn.outvars, body.outvars, strict=True)
    carried = sum(whole.aval.ndim == part.aval.ndim for whole, part in pairs)
    pairs = zip(eqn.invars, body.invars, strict=True)
    held = sum(whole.aval.ndim == part.aval.ndim for whole, part in pairs)
    consts, carry, given = values[: held - carried], values[held - carried : held], values[held:]
    rows = {}
    for i in reversed(range(length)) if eqn.params["reverse"] else range(length):
        args = [*consts, *carry, *(x[i] for x in given)]
        out = _evaluate(body, getattr(inner, "consts", ()), args, watcher)
        carry, rows[i] = out[:carried], out[carried:]
    columns = zip(*(rows[i] for i in range(length)), strict=True)
    return [*carry, *(jnp.stack(column) for column in columns)]

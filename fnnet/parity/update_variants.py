"""The mistakes that are made in update rules, each run on a recorded optimizer's gradients and parameters."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from itertools import product
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from fnnet.evaluation import evaluated
from fnnet.optim import RULES
from fnnet.parity.diagnosis import Diagnosis
from fnnet.parity.difference import distance
from fnnet.parity.feeding import REFUSED
from fnnet.parity.text import number

Table = dict[str, np.ndarray]
Options = dict[str, Any]

CLOSE = 2e-6
"""How near a variant's changes must come to ours, in float64, to explain them."""
MOST = 6
"""Parameters that a variant is tried on: the smallest."""

BETA2 = (0.999, 0.99, 0.95, 0.98, 0.9, 0.995, 0.9999)

CONSTANTS: dict[str, tuple[Any, ...]] = {
    "betas": tuple(product((0.9, 0.95, 0.99, 0.8, 0.85, 0.5, 0.999, 0.0), BETA2)),
    "eps": (1e-8, 1e-7, 1e-6, 1e-5, 1e-4, 1e-3, 1e-10, 1e-12, 1e-16, 0.0),
    "weight_decay": (0.0, 1e-2, 1e-3, 1e-4, 5e-4, 5e-5, 4e-5, 0.05, 0.1),
    "momentum": (0.0, 0.9, 0.99, 0.95, 0.5),
    "dampening": (0.0, 0.1, 0.9),
    "alpha": (0.99, 0.9, 0.95, 0.999, 0.75),
    "rho": (0.9, 0.95, 0.99),
    "lr_decay": (0.0, 1e-3, 1e-2),
    "initial_accumulator_value": (0.0, 0.1, 1.0),
    "momentum_decay": (4e-3, 0.0),
    "lambd": (1e-4, 0.0),
    "etas": ((0.5, 1.2),),
}
SWITCHES = ("nesterov", "amsgrad", "centered", "maximize")


@dataclass(frozen=True)
class Change:
    """One step: the parameters before it, the gradients, what ours changed, the recorded options by group."""

    before: Mapping[str, np.ndarray]
    gradients: Mapping[str, np.ndarray]
    ours: Table
    options: list[Options]


Run = Callable[[list[Table], list[Table], list[Options]], list[Table]]
"""(parameters, gradients, options of each step) -> the changes of each step."""


def _rule(kind: str, **more: Any) -> Run:
    """fnnet's rule of PyTorch's class, with some options replaced."""
    rule = RULES[kind]
    takes = inspect.signature(rule.function).parameters

    def run(params: list[Table], grads: list[Table], options: list[Options]) -> list[Table]:
        state, changes = None, []
        with jax.enable_x64(True):
            for p, g, own in zip(params, grads, options, strict=True):
                given = {n: v for n, v in {**own, **more}.items() if n in takes and v is not None}
                given = {n: tuple(v) if isinstance(v, list) else v for n, v in given.items()}
                step = rule.function(**given)
                values = {n: jnp.asarray(v) for n, v in p.items()}
                state = step.init(values) if state is None else state
                moved, state = evaluated(
                    step.update, {n: jnp.asarray(v) for n, v in g.items()}, state, values
                )
                changes.append({n: np.asarray(v) for n, v in moved.items()})
        return changes

    return run


def _by_hand(one: Callable[[Any, Any, dict[str, Any], Options, int], Any]) -> Run:
    """A rule in NumPy for one parameter: (parameter, gradient, what it keeps, options, step) -> change."""

    def run(params: list[Table], grads: list[Table], options: list[Options]) -> list[Table]:
        kept: dict[str, dict[str, Any]] = {name: {} for name in params[0]}
        return [
            {name: one(p[name], g[name], kept[name], own, i + 1) for name in p}
            for i, (p, g, own) in enumerate(zip(params, grads, options, strict=True))
        ]

    return run


def _adam(
    first: bool = True,
    second: bool = True,
    place: str = "after",
    decoupled: bool = False,
    betas: tuple[float, float] | None = None,
) -> Run:
    """Adam with the corrections of the bias left out, with eps in another place, or with other betas."""

    def one(p: Any, g: Any, kept: dict[str, Any], own: Options, t: int) -> Any:
        (b1, b2), lr, eps, decay = betas or own["betas"], own["lr"], own["eps"], own.get("weight_decay", 0)
        g = g if decoupled else g + decay * p
        kept["m"] = b1 * kept.get("m", 0.0) + (1 - b1) * g
        kept["v"] = b2 * kept.get("v", 0.0) + (1 - b2) * g * g
        m = kept["m"] / (1 - b1**t) if first else kept["m"]
        share = 1 - b2**t if second else 1.0
        if place == "inside":
            root = np.sqrt(kept["v"] / share + eps)
        elif place == "before":
            root = (np.sqrt(kept["v"]) + eps) / np.sqrt(share)
        else:
            root = np.sqrt(kept["v"] / share) + eps
        return -lr * m / root - (lr * decay * p if decoupled else 0.0)

    return _by_hand(one)


def _rmsprop_inside(p: Any, g: Any, kept: dict[str, Any], own: Options, t: int) -> Any:
    g = g + own.get("weight_decay", 0) * p
    kept["v"] = own["alpha"] * kept.get("v", 0.0) + (1 - own["alpha"]) * g * g
    kept["b"] = own.get("momentum", 0) * kept.get("b", 0.0) + g / np.sqrt(kept["v"] + own["eps"])
    return -own["lr"] * kept["b"]


def _sgd(decay_after: bool = False, rate_inside: bool = False, damped_first: bool = False) -> Run:
    """SGD whose weight decay goes around the momentum, whose velocity holds the rate, or begins damped."""

    def one(p: Any, g: Any, kept: dict[str, Any], own: Options, t: int) -> Any:
        decay, mu, lr = own.get("weight_decay", 0), own.get("momentum", 0), own["lr"]
        d = g if decay_after else g + decay * p
        scale = lr if rate_inside else 1.0
        share = 1 - mu if damped_first else 1.0
        kept["b"] = mu * kept.get("b", 0.0) + share * scale * d
        d = (d * scale + mu * kept["b"]) if own.get("nesterov") else kept["b"]
        return -(1.0 if rate_inside else lr) * d - (lr * decay * p if decay_after else 0.0)

    return _by_hand(one)


def _variants(kind: str, own: Options) -> Iterator[tuple[str, str, Run]]:
    """The kind of mistake, the words for it, and the rule with it; the likelier ones first."""
    takes = inspect.signature(RULES[kind].function).parameters
    family = kind in ("Adam", "AdamW")
    decoupled = kind == "AdamW" or bool(own.get("decoupled_weight_decay"))
    if own.get("weight_decay"):
        if family:
            words = ("decoupled from the gradient", "added to the gradient")
            ours, theirs = words[::-1] if decoupled else words
            yield (
                "weight decay",
                f"ours is {ours}, recorded {theirs} ({kind})",
                _rule("Adam", decoupled_weight_decay=not decoupled),
            )
        elif kind == "SGD":
            yield "weight decay", "ours goes around the momentum, recorded through it", _sgd(decay_after=True)
    if family:
        what = "bias correction"
        yield what, "ours corrects neither moment", _adam(False, False, decoupled=decoupled)
        yield what, "ours does not correct the second moment", _adam(True, False, decoupled=decoupled)
        yield what, "ours does not correct the first moment", _adam(False, True, decoupled=decoupled)
    for name, candidates in CONSTANTS.items():
        if name in takes and name in own:
            now = tuple(own[name]) if isinstance(own[name], list) else own[name]
            for value in candidates if name != "betas" else (now[::-1], *candidates):
                if value != now:
                    text = f"ours has {name} {_words(value)}, recorded {_words(now)}"
                    kind_of = "weight decay" if name == "weight_decay" else "wrong constant"
                    fast = family and name == "betas" and not own.get("amsgrad") and not own.get("maximize")
                    yield kind_of, text, (_adam(decoupled=decoupled, betas=value) if fast else
                                          _rule(kind, **{name: value}))  # fmt: skip
    for name in SWITCHES:
        if name in takes and isinstance(own.get(name), bool):
            text = f"ours has {name}={not own[name]}, recorded {own[name]}"
            yield "another rule", text, _rule(kind, **{name: not own[name]})
    if family:
        inside, before = (_adam(place=place, decoupled=decoupled) for place in ("inside", "before"))
        yield "place of eps", "ours adds eps under the root, recorded behind it", inside
        yield "place of eps", "ours adds eps before the bias is corrected, recorded after", before
    if kind == "RMSprop":
        text = "ours adds eps under the root, recorded behind it"
        yield "place of eps", text, _by_hand(_rmsprop_inside)
    if kind == "SGD" and own.get("momentum"):
        text = "ours is an average: dampening equals 1 - momentum, from the first step on"
        yield "momentum", text, _sgd(damped_first=True)
        yield "momentum", "ours keeps the learning rate in the velocity", _sgd(rate_inside=True)
    for other in RULES:
        if other != kind and other not in ("LBFGS", "SparseAdam"):
            yield "another rule", f"ours computes {other}, recorded {kind}", _rule(other)


def _words(value: Any) -> str:
    return f"({', '.join(map(_words, value))})" if isinstance(value, tuple) else number(float(value))


def diagnose_update(
    about: Mapping[str, Any], changes: list[Change], recorded: list[Table], last: int, apart: list[str]
) -> Diagnosis | None:
    """What our changes up to step `last` look like beside the recorded ones, for the parameters that part."""
    kind, groups = about["kind"], about["groups"]
    place = next((i for i, names in enumerate(groups) if set(names) & set(apart)), None)
    if kind not in RULES or place is None:
        return None
    learned = [name for names in groups for name in names if name in changes[0].ours]
    names = [name for name in apart if name in groups[place]]
    few = sorted(names, key=lambda name: changes[0].ours[name].size)[:MOST]
    shown = ", ".join(names[:4]) + (" ..." if len(names) > 4 else "")
    some = "" if len(apart) == len(learned) else f", for {shown}"

    def table(part: Callable[[Change], Mapping[str, np.ndarray]]) -> list[Table]:
        return [{n: part(c)[n].astype(_wide(part(c)[n])) for n in few} for c in changes]

    ours, params, grads = table(lambda c: c.ours), table(lambda c: c.before), table(lambda c: c.gradients)
    options = [change.options[place] for change in changes]

    def same(seen: list[Table]) -> bool:
        return all(distance(a[n], b[n]) < CLOSE for a, b in zip(seen, ours, strict=True) for n in few)

    def explains(run: Run, options: list[Options]) -> bool:
        try:
            return same(run(params, grads, options))
        except (*REFUSED, ZeroDivisionError, FloatingPointError):
            return False

    if not any(step[name].any() for step in ours for name in few):
        return Diagnosis("not updated", f"ours does not move {shown if some else 'any parameter'}")
    if same(grads):
        return Diagnosis(
            "not updated", f"ours adds the gradient as it is to {shown if some else 'everything'}"
        )
    with np.errstate(all="ignore"):
        right = _rule(kind)
        for shift, word in ((1, "after"), (-1, "before")):
            moved = [options[min(max(i + shift, 0), len(options) - 1)] for i in range(len(options))]
            if moved != options and explains(right, moved):
                return Diagnosis("schedule", f"ours takes the learning rate of the step {word}{some}")
        factors = [_factor(ours[i], recorded[i], few) for i in range(last, len(ours))]
        one = factors[0]
        steady = one is not None and all(f is not None and abs(f - one) < 1e-3 * abs(one) for f in factors)
        if not steady:
            for what, text, run in _variants(kind, options[0]):
                if explains(run, options):
                    return Diagnosis(what, text + some)
        if one is None:
            return None
        rate = options[last]["lr"]
        when = f" at step {last + 1}" if not steady else f" from step {last + 1} on" if last else ""
        up = ", up the gradient" if one < 0 else f": lr {number(one * rate)}, recorded {number(rate)}"
        return Diagnosis("wrong constant", f"ours is {number(one)} times the change{when}{up}{some}")


def _wide(array: np.ndarray) -> Any:
    return np.complex128 if array.dtype.kind == "c" else np.float64


def _factor(ours: Table, recorded: Table, names: list[str]) -> float | None:
    """The one factor between our change and the recorded one of a step, if there is one."""
    a = np.concatenate([ours[n].ravel() for n in names])
    b = np.concatenate([recorded[n].ravel() for n in names])
    size = float((b * b.conj()).real.sum())
    if not size:
        return None
    factor = float((a * b.conj()).real.sum()) / size
    return factor if factor and distance(a, factor * b) < 1e-4 and abs(factor - 1) > 1e-3 else None

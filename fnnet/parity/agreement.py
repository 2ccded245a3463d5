"""Whether a training run computes what PyTorch's recorded run computes, at every step, arbitrated in float64.

Float32 runs of a training part in the last bits at once and, where ReLUs flip or losses vanish, by much more
in the end, PyTorch's from its own too. So each program runs twice from the same float32 numbers, in float32
and in float64, in PyTorch (recorded) and here, and the rule has two clauses:

1. In float64, at every recorded step, the loss, each gradient and each updated parameter equal PyTorch's
   within 1e-7, the tolerance of assert_close: losses relative to the loss, digests of tensors relative to the
   tensor's size and 1e-7 of the largest size that it has had. (A gradient that has shrunk by 1e10 is a
   difference of numbers that agree to ten figures, and shows their last bits magnified.)
2. In float32, the distance of each of them from float64 is, at three quarters of the steps at least, no more
   than `FACTOR` times the largest that PyTorch's own float32 run had shown up to that step (or 8 float32
   epsilons), and at every step no more than `FACTOR` times its largest of all steps: the same order of
   magnitude. Steps are excepted because a hidden unit that crosses ReLU's kink a step earlier in float32 than
   in float64 moves what comes after it at once, and does not do so at the same step in two float32 runs. A
   product in lower precision (TF32, bfloat16) breaks the first part at all steps.

A digest is two sums over all entries, weighted by cos(i) and sin(i); distances are |a - b| / |b| in Euclidean
norms over whole tensors.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from fnnet.parity.verdict import Row, Verdict

FACTOR = 10.0
FLOOR = 8 * float(np.finfo(np.float32).eps)
RTOL64 = 1e-7

Advance = Callable[[Any], tuple[Any, dict[str, Any]]]
"""(state) -> (next state, {"loss": 0-d, "grad:<name>": ..., "<name>": updated parameter, ...})."""


@dataclass(frozen=True)
class Followed:
    """A run in float32 beside its run in float64: by name, an entry for each step.

    Attributes:
        single, double: the values of scalars such as the loss.
        digests: of the float64 run's tensors: (steps, 2).
        sizes: their Euclidean norms: (steps,).
        distances: |float32 - float64| / |float64|: (steps,), of scalars too.
    """

    single: dict[str, np.ndarray]
    double: dict[str, np.ndarray]
    digests: dict[str, np.ndarray]
    sizes: dict[str, np.ndarray]
    distances: dict[str, np.ndarray]


def fingerprint(array: Any) -> np.ndarray:
    """The SHA-256 of the array's bytes, as 32 bytes: equal only if every bit is."""
    data = np.ascontiguousarray(np.asarray(array))
    return np.frombuffer(hashlib.sha256(data.tobytes()).digest(), np.uint8)


@lru_cache(maxsize=16)
def _weights(size: int) -> np.ndarray:
    angle = np.arange(size, dtype=np.float64)
    return np.stack([np.cos(angle), np.sin(angle)])


def digest(array: Any) -> Any:
    """Two sums over all entries in row-major order, weighted by cos(i) and sin(i), of a float64 array."""
    return _weights(array.size) @ array.ravel()


def as_float64(tree: Any) -> Any:
    """The floating leaves converted. Needs x64."""
    return jax.tree.map(
        lambda a: a.astype(jnp.float64) if jnp.issubdtype(jnp.result_type(a), jnp.floating) else a, tree
    )


def _compare(single: Mapping[str, Any], double: Mapping[str, Any], xp: Any) -> dict[str, dict[str, Any]]:
    """What is kept of a step; `xp` is jax.numpy or NumPy."""
    out: dict[str, dict[str, Any]] = {
        kind: {} for kind in ("single", "double", "digests", "sizes", "distances")
    }
    for name, exact in double.items():
        size = xp.linalg.norm(exact.ravel())
        if exact.ndim:
            out["digests"][name], out["sizes"][name] = digest(exact), size
        else:
            out["single"][name], out["double"][name] = single[name], exact
        difference = xp.linalg.norm((single[name].astype(exact.dtype) - exact).ravel())
        out["distances"][name] = difference / xp.where(size == 0, 1.0, size)
    return out


def follow(advance: Advance, start: Any, steps: int, compiled: bool = True) -> Followed:
    """Run `advance` from `start`, and from `start` in float64, side by side.

    Args:
        advance: one step of the program; it must compute in the dtype of its state.
        start: the float32 state, a pytree; data may be part of it.
        steps: how many.
        compiled: False if `advance` is not JAX; it is then called on NumPy arrays.
    """
    with jax.enable_x64(True):
        pair = (start, as_float64(jax.tree.map(jnp.asarray, start)))

        def both(states: Any, _: Any = None) -> tuple[Any, Any]:
            (single, ours), (double, exact) = advance(states[0]), advance(states[1])
            return (single, double), (ours, exact)

        if compiled:

            def one(states: Any, _: Any) -> tuple[Any, Any]:
                states, (ours, exact) = both(states)
                return states, _compare(ours, exact, jnp)

            traces = jax.jit(lambda pair: jax.lax.scan(one, pair, length=steps)[1])(pair)
        else:
            pair = jax.tree.map(np.asarray, pair)
            seen = []
            for _ in range(steps):
                pair, (ours, exact) = both(pair)
                seen.append(_compare(ours, exact, np))
            traces = jax.tree.map(lambda *values: np.stack(values), *seen)
        return Followed(**jax.tree.map(np.asarray, traces))


def part(recorded: Mapping[str, np.ndarray], name: str) -> dict[str, np.ndarray]:
    """The entries "NAME/..." of a recording, without the name."""
    prefix = f"{name}/"
    return {key.removeprefix(prefix): recorded[key] for key in recorded if key.startswith(prefix)}


def first(recorded: Mapping[str, np.ndarray], steps: int) -> dict[str, np.ndarray]:
    """A recorded run's first steps."""
    by_step = ("loss", "digest/", "distance/")
    return {name: values[:steps] if name.startswith(by_step) else values for name, values in recorded.items()}


def same_start(recorded: Mapping[str, np.ndarray], start: Mapping[str, Any]) -> Row:
    """A row that says whether every initial number has PyTorch's bits. Raises KeyError for other names."""
    names = [key.removeprefix("start/") for key in recorded if key.startswith("start/")]
    different = [n for n in names if not np.array_equal(fingerprint(start[n]), recorded[f"start/{n}"])]
    count = sum(int(np.size(start[n])) for n in names)
    return Row(
        "initial numbers, same seed",
        None,
        f"{count} numbers",
        f"{count} numbers" if not different else f"different: {', '.join(different)}",
        None,
        Verdict.BAD if different else Verdict.EXACT,
        "compared by SHA-256 of their bytes",
    )


def float64_error(recorded: Mapping[str, np.ndarray], ours: Followed) -> tuple[float, str]:
    """The largest relative difference of float64 values and digests over all steps, and where it is."""
    worst = (0.0, "loss")
    for key in (key for key in recorded if key.startswith("digest/")):
        name = key.removeprefix("digest/")
        theirs, seen = recorded[key], ours.digests[name]
        if theirs.shape != seen.shape:
            raise ValueError(f"float64_error: {name}: recorded {theirs.shape}, run {seen.shape}")
        size = ours.sizes[name] + RTOL64 * np.maximum.accumulate(ours.sizes[name])
        error = np.linalg.norm(seen - theirs, axis=-1) / np.where(size == 0, 1.0, size)
        worst = max(worst, (_largest(error), name))
    theirs, seen = recorded["loss64"], ours.double["loss"]
    return max(worst, (_largest(np.abs(seen - theirs) / np.abs(theirs)), "loss"))


def _largest(values: np.ndarray) -> float:
    return float("inf") if np.isnan(values).any() else float(np.max(values))


def float32_ratio(theirs: np.ndarray, ours: np.ndarray) -> float:
    """By which factor clause 2 holds for one tensor's distances: PyTorch's and ours, (steps,) each."""
    if theirs.shape != ours.shape:
        raise ValueError(f"float32_ratio: recorded {theirs.shape}, run {ours.shape}")
    if not np.isfinite(ours).all():
        return float("inf")
    allowed = np.maximum(np.maximum.accumulate(theirs.astype(np.float64)), FLOOR)
    most = float(np.quantile(ours / allowed, 0.75, method="higher"))
    return max(most, float(ours.max() / allowed[-1]))


def loss_distances(recorded: Mapping[str, np.ndarray], losses: Any) -> np.ndarray:
    """How far float32 losses are from the recorded float64 run's, relatively: (steps,)."""
    exact = recorded["loss64"]
    return np.abs(np.asarray(losses, np.float64) - exact) / np.abs(exact)


def loss_spread(recorded: Mapping[str, np.ndarray]) -> np.ndarray:
    """How far PyTorch's float32 losses are from its float64 run, the furthest of the recorded runs: (steps,).

    "loss32_reordered" are runs with the rows of a mini-batch in another order: rounding tells them apart.
    """
    runs = [recorded["loss32"], *recorded.get("loss32_reordered", ())]
    return np.max([loss_distances(recorded, run) for run in runs], axis=0)


def own_run(recorded: Mapping[str, np.ndarray], losses: Any, label: str) -> Row:
    """The row of clause 2 for losses alone, of a program's run as it stands."""
    return _row32(label, {"loss": loss_spread(recorded)}, {"loss": loss_distances(recorded, losses)})


def _row32(quantity: str, theirs: Mapping[str, np.ndarray], ours: Mapping[str, np.ndarray]) -> Row:
    ratio = max(float32_ratio(theirs[name], ours[name]) for name in theirs)
    return Row(
        quantity,
        None,
        max(float(theirs[name].max()) for name in theirs),
        max(float(ours[name].max()) for name in theirs),
        None,
        Verdict.EQUAL if ratio <= FACTOR else Verdict.BAD,
        f"largest distance from float64: {ratio:.2g} times PyTorch's own (allowed: {FACTOR:g})",
    )


def rows(recorded: Mapping[str, np.ndarray], ours: Followed, label: str = "") -> list[Row]:
    """The rows of both clauses: float64, then float32 for losses, gradients and parameters."""
    label = f"{label}: " if label else ""
    steps = len(recorded["loss64"])
    error, where = float64_error(recorded, ours)
    found = [
        Row(
            f"{label}float64, {steps} steps",
            None,
            float(recorded["loss64"][-1]),
            float(ours.double["loss"][-1]),
            error,
            Verdict.EQUAL if error <= RTOL64 else Verdict.BAD,
            f"the last loss; error: the largest over all steps, gradients and parameters (in {where})",
        )
    ]
    theirs = {"loss": loss_spread(recorded)}
    theirs |= {k.removeprefix("distance/"): v for k, v in recorded.items() if k.startswith("distance/")}
    kinds = {
        "losses": ["loss"],
        "gradients": [name for name in theirs if name.startswith("grad:")],
        "parameters": [name for name in theirs if name != "loss" and not name.startswith("grad:")],
    }
    for kind, names in kinds.items():
        quantity = f"{label}float32 {kind}, {steps} steps"
        found.append(_row32(quantity, {name: theirs[name] for name in names}, ours.distances))
    return found


def apart(
    quantities: Sequence[str], at: Sequence[int], recorded: Mapping[str, np.ndarray], losses: Any
) -> list[Row]:
    """PyTorch's and our float32 losses at some steps, and by how much they differ.

    Bad if ours is further from the float64 run than `FACTOR` times what PyTorch's own float32 runs had been
    by the next of these steps.
    """
    spread = loss_spread(recorded)
    far = np.abs(np.asarray(losses, np.float64) - recorded["loss64"][: len(losses)])
    far /= recorded["loss64"][: len(losses)]
    found = []
    for quantity, step, last in zip(quantities, at, [*at[1:], len(spread) - 1], strict=True):
        allowed = FACTOR * max(float(spread[: last + 1].max()), FLOOR)
        theirs, ours = float(recorded["loss32"][step]), float(losses[step])
        verdict = Verdict.EQUAL if far[step] <= allowed else Verdict.BAD
        found.append(Row(quantity, None, theirs, ours, abs(ours - theirs) / abs(theirs), verdict))
    return found

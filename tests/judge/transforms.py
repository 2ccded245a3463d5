"""op_db and module_db put to JAX's transformations of fnnet's functions and layers.

Second derivatives are compared with PyTorch's, by reverse over reverse and forward over reverse mode; jit,
vmap and scan with plain calls; and every function must lower for a CUDA device, where there is none.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from functional_cases import Case, close, conjugate, filled, leaves, random_arguments

from fnnet import functional as F
from judge import operations
from judge.left_out import TRANSFORMS
from judge.tally import Tally, describe, spread

TOLERANCES = (1e-7, 1e-7)
QUICKLY: dict[str, Any] = {"xla_backend_optimization_level": 0}  # each program runs once
CHECKS = ("second", "jit", "vmap", "cuda")

entries = operations.entries


@dataclass
class Subject:
    """A function of arrays alone, at a point.

    Attributes:
        call: from arrays to outputs, a list of arrays.
        arrays: the point.
        wanted: by which arrays it is differentiated.
        smooth: which outputs are.
        cotangents: what those are weighted with.
        directions: along which the gradients are differentiated.
        second: PyTorch's derivatives of the gradients so weighted; None if it has none.
        data_dependent: whether the shapes of the outputs depend on values.
    """

    call: Callable[..., list[Any]]
    arrays: list[Any]
    wanted: list[int]
    smooth: list[int]
    cotangents: list[Any]
    directions: list[Any] = field(default_factory=list)
    second: list[np.ndarray] | None = None
    data_dependent: bool = False

    def gradients(self, *arrays: Any) -> list[Any]:
        """The gradients of the wanted arrays, by PyTorch's convention."""

        def smooth(*inputs: Any) -> list[Any]:
            full = list(arrays)
            for position, value in zip(self.wanted, inputs, strict=True):
                full[position] = value
            outputs = self.call(*full)
            return [outputs[i] for i in self.smooth]

        _, pullback = jax.vjp(smooth, *[arrays[i] for i in self.wanted])
        return [conjugate(one) for one in pullback([conjugate(one) for one in self.cotangents])]

    def both(self, *arrays: Any) -> list[Any]:
        """Outputs and gradients."""
        return [*self.call(*arrays), *(self.gradients(*arrays) if self.wanted and self.smooth else ())]


def second_derivatives(subject: Subject) -> Iterator[str]:
    """Compare with PyTorch's."""
    if subject.second is None:
        return

    def of_wanted(*inputs: Any) -> list[Any]:
        full = list(subject.arrays)
        for position, value in zip(subject.wanted, inputs, strict=True):
            full[position] = value
        return subject.gradients(*full)

    def reverse(*inputs: Any) -> list[Any]:
        _, pullback = jax.vjp(of_wanted, *inputs)
        return [conjugate(one) for one in pullback([conjugate(one) for one in subject.directions])]

    def forward(*inputs: Any) -> list[Any]:
        return jax.jvp(of_wanted, inputs, tuple(subject.directions))[1]

    inputs = [subject.arrays[i] for i in subject.wanted]
    for name, function in (("reverse over reverse", reverse), ("forward over reverse", forward)):
        try:
            run = function if subject.data_dependent else jax.jit(function, compiler_options=QUICKLY)
            got = run(*inputs)
            for i, (expected, actual) in enumerate(zip(subject.second, got, strict=True)):
                close(f"second derivative {i}", expected, actual, TOLERANCES)
        except Exception as error:
            yield f"{name}: {type(error).__name__}: {error}"


def _compared(name: str, expected: list[Any], actual: Callable[[], list[Any]]) -> Iterator[str]:
    try:
        for i, (a, b) in enumerate(zip(expected, actual(), strict=True)):
            close(f"result {i}", np.asarray(a), b, TOLERANCES)
    except Exception as error:
        yield f"{name}: {type(error).__name__}: {error}"


def compiled(subject: Subject) -> Iterator[str]:
    """Compare outputs and gradients with those that are computed eagerly."""
    if not subject.data_dependent:
        eager = subject.both(*subject.arrays)
        fast = jax.jit(subject.both, compiler_options=QUICKLY)
        yield from _compared("jit", eager, lambda: fast(*subject.arrays))


def mapped(subject: Subject) -> Iterator[str]:
    """Compare vmap and scan with a call for each."""
    if subject.data_dependent or not subject.arrays:
        return
    turned = [jnp.flip(one) if jnp.issubdtype(one.dtype, jnp.inexact) else one for one in subject.arrays]
    each = jax.jit(subject.both, compiler_options=QUICKLY)
    stacked = [jnp.stack(pair) for pair in zip(subject.arrays, turned, strict=True)]
    results = zip(each(*subject.arrays), each(*turned), strict=True)
    expected = [np.stack(list(map(np.asarray, pair))) for pair in results]

    def scanned(*arrays: Any) -> Any:
        return jax.lax.scan(lambda carry, one: (carry, subject.both(*one)), None, arrays)[1]

    for name, function in (("vmap", jax.vmap(subject.both)), ("scan", scanned)):
        fast = jax.jit(function, compiler_options=QUICKLY)
        yield from _compared(name, expected, lambda fast=fast: fast(*stacked))


def lowered(subject: Subject) -> Iterator[str]:
    """Lower for CUDA."""
    if subject.data_dependent:
        return
    try:
        jax.jit(subject.both).trace(*subject.arrays).lower(lowering_platforms=("cuda",))
    except Exception as error:
        yield f"cuda: {type(error).__name__}: {error}"


RUN = {"second": second_derivatives, "jit": compiled, "vmap": mapped, "cuda": lowered}


def weighted(outputs: list[Any], given: list[Any], cotangents: list[Any]) -> tuple[list[Any], Any]:
    """Random directions, and PyTorch's derivatives of its gradients along them; None if it has none."""
    import torch

    rng = np.random.default_rng(1)
    directions = [operations.cotangent(rng, one.detach().numpy()) for one in given]
    try:
        first = torch.autograd.grad(outputs, given, cotangents, create_graph=True, allow_unused=True)
        bent = [i for i, one in enumerate(first) if one is not None and one.requires_grad]
        found: Any = [None] * len(given)
        if bent:
            found = torch.autograd.grad(
                [first[i] for i in bent],
                given,
                [torch.from_numpy(np.asarray(directions[i])) for i in bent],
                allow_unused=True,
            )
    except (RuntimeError, NotImplementedError):
        return directions, None
    zeros = [np.zeros_like(one.detach().numpy()) for one in given]
    second = [
        zero if one is None else one.resolve_conj().resolve_neg().numpy(force=True)
        for zero, one in zip(zeros, found, strict=True)
    ]
    return directions, second


def subject_of(entry: Any, sample: Any) -> Subject:
    """fnnet's function at a sample, with what PyTorch gives."""
    import torch

    case = operations.make_case(entry, sample)
    function = getattr(F, case.name)
    extra: dict[str, Any] = dict.fromkeys(random_arguments(function), jax.random.key(0))
    given = leaves((case.args, case.kwargs))
    places = [i for i, leaf in enumerate(given) if isinstance(leaf, np.ndarray)]
    process = operations.process_of(operations.full_label(entry))

    def call(*arrays: Any) -> list[Any]:
        full = list(given)
        for position, value in zip(places, arrays, strict=True):
            full[position] = value
        args, kwargs = filled((case.args, case.kwargs), iter(full))
        result = function(*args, **kwargs, **extra)
        return [jnp.asarray(out) for out in leaves(process(result) if process else result) if out is not None]

    subject = Subject(
        call,
        [jnp.asarray(given[i]) for i in places],
        [places.index(i) for i in case.wanted],
        case.smooth,
        [jnp.asarray(one) for one in case.cotangents],
        data_dependent=_data_dependent(case),
    )
    if case.smooth and case.wanted and entry.supports_gradgrad and not extra:
        args, kwargs, outputs = operations.called(entry, sample)
        tensors = leaves((args, kwargs))
        directions, subject.second = weighted(
            [outputs[i] for i in case.smooth],
            [tensors[i] for i in case.wanted],
            [torch.from_numpy(np.asarray(one)) for one in case.cotangents],
        )
        subject.directions = [jnp.asarray(one) for one in directions]
    return subject


def _data_dependent(case: Case) -> bool:
    return any(one.data_dependent for one in F.OPERATIONS.values() if one.function.__name__ == case.name)


def spread_by_size(samples: Iterable[Any], sizes: Callable[[Any], list[int]], count: int) -> list[Any]:
    """Up to `count` samples (0 for all) with something in every tensor, evenly chosen; the smallest for 1."""
    sized = []
    for sample in samples:
        found = sizes(sample)
        if found and min(found):
            sized.append((max(found) == 1, sum(found), len(sized), sample))
    sized.sort(key=lambda one: one[:3])
    return spread([one[3] for one in sized], count)


def _sizes(sample: Any) -> list[int]:
    import torch

    whole = leaves((sample.input, sample.args, sample.kwargs))
    return [one.numel() for one in whole if isinstance(one, torch.Tensor)]


def examine(
    tally: Tally, subject: Subject, checks: Iterable[str], left_out: Iterable[str], where: str
) -> None:
    """Put a subject to the checks; what is wrong goes to the tally."""
    for check in checks:
        if check in left_out:
            continue
        tally.total += 1
        try:
            wrong = list(RUN[check](subject))
        except Exception as error:
            wrong = [f"{check}: {type(error).__name__}: {error}"]
        tally.problems += [f"{one[:400]} for {where}"[:700] for one in wrong]
        tally.within += not wrong


def run(entry: Any, count: int, dtype: str = "float64", checks: Iterable[str] = CHECKS) -> Tally:
    """Put up to `count` samples of one entry (0 for all) to the transformations."""
    name = operations.label(entry)
    tally = Tally(name)
    if operations.function_name(entry.name) is None:
        tally.problems.append("fnnet.functional has no such operation")
        return tally
    with warnings.catch_warnings(), jax.enable_x64(True):
        warnings.simplefilter("ignore")
        for sample in spread_by_size(operations.samples_of(entry, 0, dtype), _sizes, count):
            where = f"{describe(sample.input)} {describe(sample.args)} {describe(sample.kwargs)}"
            try:
                subject = subject_of(entry, sample)
            except Exception as error:
                tally.total += 1
                tally.problems.append(f"{type(error).__name__}: {error} for {where}"[:600])
                continue
            examine(tally, subject, checks, TRANSFORMS.get(operations.full_label(entry), ((), ""))[0], where)
    return tally


def exclusions() -> dict[str, str]:
    """What is left out, by name, with the reason."""
    return {f"{name}: {', '.join(checks)}": why for name, (checks, why) in TRANSFORMS.items()}

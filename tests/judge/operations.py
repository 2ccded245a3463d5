"""op_db put to fnnet.functional: values and gradients."""

from __future__ import annotations

import inspect
import warnings
from collections.abc import Iterator
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from functional_cases import Case, compare, filled, leaves, outcome

from fnnet import functional as F
from fnnet.functional.operation import ALIASES
from judge.left_out import GRADIENTS_LEFT_OUT, OPERATIONS, VALUES_LEFT_OUT, WIDER
from judge.tally import Tally, default_tolerance, describe, own_tolerance, spread

SECOND_FIRST = frozenset(
    [
        *("nn.functional.embedding", "nn.functional.embedding_bag"),
        *("where", "einsum", "polygamma", "special.polygamma"),
    ]
)
"""Entries that give the second argument first."""

NAMES = {
    "__getitem__": "getitem",
    "unfold": "unfold_dimension",
    "signal.windows.exponential": "exponential_window",
}
PROCESSED: dict[str, Any] = {
    "linalg.eigh": lambda result: (result[0], abs(result[1])),
    "linalg.eig": lambda result: (result[0], abs(result[1])),
    "svd": lambda result: _singular(*result),
    "linalg.svd": lambda result: _singular(result[0], result[1], result[2].swapaxes(-1, -2)),
}
"""What is compared of a result that is free in part: eigenvectors and singular vectors up to their phase, the
latter without
those of a null space."""


def _singular(left: Any, values: Any, right: Any) -> tuple[Any, Any, Any]:
    count = values.shape[-1]
    return abs(left[..., :count]), values, abs(right[..., :count])


FIRST: dict[str, int] = {"linalg.lstsq (grad_oriented)": 2}
"""Entries that give the first so many results of an operation."""

CREATION = ("device", "layout", "requires_grad", "pin_memory", "inplace")
"""Arguments of PyTorch that say where and how, and not what."""


def function_name(name: str) -> str | None:
    """The name of the operation that answers for an entry of op_db; None if there is none."""
    short = NAMES.get(name, name)
    for prefix in ("nn.functional.", "special.", "signal.windows."):
        short = short.removeprefix(prefix)
    short = short.replace(".", "_")
    short = ALIASES.get(short, short)
    return F.OPERATIONS[short].function.__name__ if short in F.OPERATIONS else None


def label(entry: Any) -> str:
    """The entry's name and variant."""
    variant = f" ({entry.variant_test_name})" if entry.variant_test_name else ""
    return entry.name.removeprefix("nn.functional.") + variant


def full_label(entry: Any) -> str:
    """The entry's name and variant as the exclusions give them."""
    return f"{entry.name} ({entry.variant_test_name})" if entry.variant_test_name else entry.name


def every_entry() -> list[Any]:
    from torch.testing._internal.common_methods_invocations import op_db

    return list(op_db)


def left_out(entry: Any) -> str | None:
    """Why an entry is not judged; None if it is."""
    for name in (full_label(entry), entry.name, entry.name.partition(".")[0] + ".*"):
        if name in OPERATIONS:
            return OPERATIONS[name]
    return None


def entries(names: list[str] | None = None, functional: bool | None = None) -> Iterator[Any]:
    """The entries in scope; with `functional` only those of nn.functional, or only the others."""
    for entry in every_entry():
        wanted = not names or entry.name in names or entry.name.rpartition(".")[2] in names
        belongs = functional is None or entry.name.startswith("nn.functional.") == functional
        if wanted and belongs and left_out(entry) is None:
            yield entry


def _plain(value: Any) -> Any:
    """A leaf without PyTorch: NumPy arrays, dtypes, functions of fnnet, numbers and strings."""
    import torch

    if isinstance(value, torch.Tensor):
        value = value.resolve_conj().resolve_neg()
        if value.dtype == torch.bfloat16:  # which NumPy has not
            return value.float().numpy(force=True).astype(jnp.bfloat16)
        return value.numpy(force=True)
    if isinstance(value, torch.nn.PairwiseDistance):
        return F.pairwise_distance
    if type(value).__name__ == "LinearCrossEntropyOptions":
        return None  # how PyTorch cuts up the work
    if isinstance(value, torch.dtype):
        return jnp.dtype(str(value).removeprefix("torch."))
    return value


def _tensor(array: np.ndarray) -> Any:
    import torch

    if array.dtype == jnp.bfloat16:
        return torch.from_numpy(array.astype(np.float32)).bfloat16()
    return torch.from_numpy(np.asarray(array))


def called(entry: Any, sample: Any) -> tuple[tuple[Any, ...], dict[str, Any], list[Any]]:
    """PyTorch's arguments, in fnnet's order and sharing nothing, and its outputs."""
    import torch

    args = (sample.input, *sample.args)
    kwargs = {name: value for name, value in sample.kwargs.items() if name not in CREATION}
    fresh = [_own_leaf(leaf) for leaf in leaves((args, kwargs))]
    args, kwargs = filled((args, kwargs), iter(fresh))
    process = PROCESSED.get(entry.name)
    result = entry.op(*args, **kwargs)
    found = leaves(process(result) if process else result)
    outputs = [torch.as_tensor(out) for out in found if isinstance(out, torch.Tensor | bool)]
    if entry.name in SECOND_FIRST:
        args = (args[1], args[0], *args[2:])
    return args, kwargs, outputs


def make_case(entry: Any, sample: Any, given_cotangents: list[np.ndarray] | None = None) -> Case:
    """What PyTorch gives for a sample, with random cotangents or those that are given."""
    import torch

    args, kwargs, outputs = called(entry, sample)
    given = leaves((args, kwargs))
    wanted = [i for i, x in enumerate(given) if isinstance(x, torch.Tensor) and x.requires_grad]
    smooth = [i for i, out in enumerate(outputs) if out.requires_grad]
    rng = np.random.default_rng(0)
    cotangents = [cotangent(rng, _plain(outputs[i])) for i in smooth]
    if given_cotangents:
        cotangents = [
            c.astype(_plain(outputs[i]).dtype) for i, c in zip(smooth, given_cotangents, strict=True)
        ]
    gradients: list[np.ndarray] = []
    if smooth and wanted:
        found = torch.autograd.grad(
            [outputs[i] for i in smooth],
            [given[i] for i in wanted],
            [_tensor(cotangent) for cotangent in cotangents],
            allow_unused=True,
        )
        gradients = [
            np.zeros_like(_plain(given[i])) if gradient is None else _plain(gradient)
            for i, gradient in zip(wanted, found, strict=True)
        ]
    args, kwargs = _promoted(function_name(entry.name) or "", args, kwargs)
    given = leaves((args, kwargs))
    plain_args, plain_kwargs = filled((args, kwargs), iter([_plain(leaf) for leaf in given]))
    outputs = [_plain(out) for out in outputs]
    name = function_name(entry.name) or ""
    return Case(name, plain_args, plain_kwargs, wanted, outputs, smooth, cotangents, gradients)


def _own_leaf(leaf: Any) -> Any:
    """A tensor that shares nothing with another argument; else a gradient may go to the wrong one."""
    import torch

    return (
        leaf.detach().clone().requires_grad_(leaf.requires_grad) if isinstance(leaf, torch.Tensor) else leaf
    )


def _promoted(name: str, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
    """The arguments with those of one dtype that PyTorch promotes; which is the adapter's part of a call."""
    import torch

    declared = next((one for one in F.OPERATIONS.values() if one.function.__name__ == name), None)
    if declared is None or not declared.promote:
        return args, kwargs
    bound = inspect.signature(declared.function).bind(*args, **kwargs)
    together = {n: bound.arguments[n] for n in declared.promote if n in bound.arguments}
    tensors = {n: one for n, one in together.items() if isinstance(one, torch.Tensor)}
    if len({one.dtype for one in tensors.values()}) > 1:
        kind = torch.empty(0, dtype=next(iter(tensors.values())).dtype)
        for one in tensors.values():
            kind = torch.empty(0, dtype=torch.result_type(kind, one)) if one.ndim else kind
        bound.arguments.update({n: one.to(kind.dtype) for n, one in tensors.items()})
    return bound.args, bound.kwargs


def cotangent(rng: np.random.Generator, output: np.ndarray) -> np.ndarray:
    drawn = rng.standard_normal(output.shape)
    if np.iscomplexobj(output):
        drawn = drawn + 1j * rng.standard_normal(output.shape)
    return np.asarray(drawn).astype(output.dtype)


def samples_of(entry: Any, count: int, dtype: str) -> list[Any]:
    """Up to `count` of the entry's samples (0 for all); of complex
    numbers or int64 where it knows no floating dtype."""
    import torch

    supported = entry.supported_dtypes("cpu")
    wanted = [getattr(torch, dtype)]
    if dtype in ("float32", "float64"):
        wanted += [{"float32": torch.complex64, "float64": torch.complex128}[dtype], torch.int64]
        floating = supported & {torch.float32, torch.float64}
        wanted = wanted[:1] if floating else wanted
    kind = next((one for one in wanted if one in supported), None)
    if kind is None:
        return []
    torch.manual_seed(0)
    wanted_too = entry.supports_autograd and entry.name not in GRADIENTS_LEFT_OUT
    gradients = bool(wanted_too) and (kind.is_floating_point or kind.is_complex)
    if _only_hermitian(entry):
        return [_hermitian(sample) for sample in spread(entry.sample_inputs("cpu", kind), count)]
    return spread(entry.sample_inputs("cpu", kind, requires_grad=gradients), count)


def _only_hermitian(entry: Any) -> bool:
    from torch.testing._internal.opinfo.core import gradcheck_wrapper_hermitian_input

    return getattr(entry, "gradcheck_wrapper", None) is gradcheck_wrapper_hermitian_input


def _hermitian(sample: Any) -> Any:
    """A sample with a Hermitian matrix; its gradient says something only along such."""
    made = sample.input + sample.input.mH
    sample.input = made.detach().requires_grad_()
    return sample


def _along_hermitian(gradients: list[Any]) -> list[Any]:
    return [np.asarray(one) + np.asarray(one).swapaxes(-1, -2).conj() for one in gradients]


def exact_case(entry: Any, sample: Any, cotangents: list[np.ndarray]) -> Case:
    """The same case in float64."""
    import torch

    def wide(leaf: Any) -> Any:
        if isinstance(leaf, torch.Tensor) and (leaf.is_floating_point() or leaf.is_complex()):
            made = leaf.detach().to(torch.complex128 if leaf.is_complex() else torch.float64)
            return made.requires_grad_(leaf.requires_grad)
        return torch.float64 if isinstance(leaf, torch.dtype) and leaf.is_floating_point else leaf

    whole = (sample.input, sample.args, sample.kwargs)
    sample.input, sample.args, sample.kwargs = filled(whole, iter([wide(leaf) for leaf in leaves(whole)]))
    return make_case(entry, sample, cotangents)


def run(entry: Any, count: int, dtype: str = "float64") -> Tally:
    """Put up to `count` samples of one entry (0 for all) to fnnet's function."""
    import torch

    own = own_tolerance(entry, getattr(torch, dtype))
    if dtype == "float32" and entry.name in WIDER:
        own = WIDER[entry.name][0]
    tolerances = own or default_tolerance(getattr(torch, dtype))
    tally = Tally(label(entry), tolerance=own)
    if function_name(entry.name) is None:
        tally.problems.append("fnnet.functional has no such operation")
        return tally
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for sample in samples_of(entry, count, dtype):
            tally.total += 1
            try:
                with jax.enable_x64(True):
                    case = make_case(entry, sample)
                    got, gradients = outcome(case, process_of(full_label(entry)))
                if full_label(entry) in VALUES_LEFT_OUT:
                    tally.within += 1
                    continue
                if _only_hermitian(entry):
                    case.gradients, gradients = map(_along_hermitian, (case.gradients, gradients))
                try:
                    compare(case, got, gradients, tolerances)
                    tally.within += 1
                except AssertionError:
                    if dtype == "float64":
                        raise
                    exact = exact_case(entry, sample, case.cotangents)
                    if _only_hermitian(entry):
                        exact.gradients = _along_hermitian(exact.gradients)
                    compare(case, got, gradients, tolerances, exact)
                    tally.as_near += 1
            except Exception as error:
                where = f"{describe(sample.input)} {describe(sample.args)} {describe(sample.kwargs)}"
                tally.problems.append(f"{type(error).__name__}: {error} for {where}"[:600])
    return tally


def process_of(name: str) -> Any:
    """What is done to fnnet's result before it is compared, for an entry by its full label."""
    count = FIRST.get(name)
    return (lambda result: tuple(result)[:count]) if count else PROCESSED.get(name)


def exclusions() -> dict[str, str]:
    """What is left out, by name, with the reason."""
    return (
        OPERATIONS
        | {f"values of {name}": reason for name, reason in VALUES_LEFT_OUT.items()}
        | {f"gradients of {name}": reason for name, reason in GRADIENTS_LEFT_OUT.items()}
        | {f"float32 tolerance of {name}": f"{given}: {why}" for name, (given, why) in WIDER.items()}
    )

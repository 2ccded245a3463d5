"""Every kind of input of an operation, as probes of one entry of op_db: dtypes, layouts, edges, mistakes."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

from functional_cases import leaves

from judge.samples import arguments, samples_of
from judge.sides import META, Action, Probe, Side, replaced
from judge.spellings import call_function, function_of

KINDS = ("bool", "uint8", "int8", "int16", "int32", "int64", "float16", "bfloat16", "float32", "float64",
         "complex64")  # fmt: skip
FEW_KINDS = ("bool", "uint8", "int32", "int64", "float16", "float32", "float64", "complex64")
NUMBERS: tuple[Any, ...] = (True, 2, 0.5, 1j)


def dtypes(entry: Any, count: int) -> Iterator[Probe]:
    """Every dtype."""
    for name in KINDS:
        for sample in samples_of(entry, 1, name):
            yield Probe(name, call_function(entry), *arguments(sample), META)


def promotion(entry: Any, count: int) -> Iterator[Probe]:
    """The dtype of a binary operation of tensors, 0-d tensors and numbers."""
    import torch

    two = [
        one
        for one in samples_of(entry, 0)
        if len(one.args) >= 1
        and isinstance(one.input, torch.Tensor)
        and isinstance(one.args[0], torch.Tensor)
        and one.input.shape == one.args[0].shape == ()
    ]
    if not two or type(entry).__name__ != "BinaryUfuncInfo":
        return
    kwargs, rest = dict(two[0].kwargs), two[0].args[1:]
    tensors = {n: torch.ones(2, dtype=getattr(torch, n)) for n in FEW_KINDS}
    scalars = {n: torch.ones((), dtype=getattr(torch, n)) for n in FEW_KINDS}
    only = frozenset({"dtype", "shape"})
    pairs: list[tuple[Any, Any]] = []
    for a in FEW_KINDS:
        for b in FEW_KINDS:
            pairs += [(tensors[a], tensors[b]), (tensors[a], scalars[b]), (scalars[a], tensors[b])]
        pairs += [(tensors[a], number) for number in NUMBERS] + [(scalars[a], number) for number in NUMBERS]
    for pair in pairs:
        yield Probe("promotion", call_function(entry), (*pair, *rest), kwargs, only, values=False)


def layouts(entry: Any, count: int) -> Iterator[Probe]:
    """Strides and sharing where the inputs are not row-major."""
    samples = samples_of(entry, 3)

    def laid(change: Callable[[Side, Any], Any]) -> Action:
        def action(s: Side, a: Any, k: Any) -> Any:
            def one(x: Any) -> Any:
                if s.is_tensor(x):
                    return change(s, x)
                if isinstance(x, tuple | list):
                    return type(x)(one(part) for part in x)
                return x

            given = [one(x) for x in a]
            s.made.extend(x for x in leaves(given) if s.is_tensor(x))
            return function_of(entry, s)(*given, **{n: one(x) for n, x in k.items()})

        return action

    def turned(s: Side, x: Any) -> Any:
        return x.mT.contiguous().mT if x.ndim > 1 else x

    def spread(s: Side, x: Any) -> Any:
        return s.lib.stack([x, x], -1)[..., 1]

    def last(s: Side, x: Any) -> Any:
        return x.contiguous(memory_format=s.lib.channels_last) if x.ndim == 4 else x

    def wide(s: Side, x: Any) -> Any:
        return x[:1].expand(x.shape) if x.ndim > 1 else x

    for sample in samples:
        args, kwargs = arguments(sample)
        yield Probe("turned", laid(turned), args, kwargs, META)
        yield Probe("spread", laid(spread), args, kwargs, META, values=False)
        yield Probe("expanded", laid(wide), args, kwargs, META, values=False)
    for sample in samples_of(entry, 0):
        if getattr(sample.input, "ndim", 0) == 4:
            yield Probe("channels_last", laid(last), *arguments(sample), META)
            break
    else:
        if type(entry).__name__ in ("UnaryUfuncInfo", "BinaryUfuncInfo", "ReductionOpInfo"):
            args, kwargs = arguments(samples[0])
            import torch

            def four(x: Any) -> Any:
                return torch.ones(2, 3, 4, 5, dtype=x.dtype)

            yield Probe("channels_last", laid(last), replaced(args, four), kwargs, META)


def edges(entry: Any, count: int) -> Iterator[Probe]:
    """0-d and empty tensors, and NaN and infinity among the elements."""
    import torch

    samples = samples_of(entry, 2)
    call = call_function(entry)

    def odd(x: Any) -> Any:
        if not x.is_floating_point() or not x.numel():
            return x
        made = x.clone().reshape(-1)
        for i, value in enumerate((float("nan"), float("inf"), -float("inf"), 0.0, -0.0)):
            made[i * 3 % made.numel()] = value
        return made.reshape(x.shape)

    def flat(x: Any) -> Any:
        return x.reshape(-1)[0].clone() if x.numel() else x

    def none(x: Any) -> Any:
        return x[:0].clone() if x.ndim else x

    def void(x: Any) -> Any:
        return x[..., :0].clone() if x.ndim else x

    for sample in samples:
        args, kwargs = arguments(sample)
        for name, change in (("nan", odd), ("0-d", flat), ("empty first", none), ("empty last", void)):
            yield Probe(f"edge {name}", call, *replaced((args, kwargs), change), META)
        if isinstance(args[0], torch.Tensor) and len(args) > 1:
            yield Probe("edge empty input", call, (none(args[0]), *args[1:]), kwargs, META)


def errors(entry: Any, count: int) -> Iterator[Probe]:
    """What PyTorch's test data says must be refused."""
    if entry.error_inputs_func is None:
        return

    def called(s: Side, a: Any, k: Any) -> Any:
        result = function_of(entry, s)(*a, **k)
        if s.name != "torch":
            s.lib.record.synchronize()  # errors that depend on values come with them
        return result

    for one in entry.error_inputs("cpu"):
        yield Probe("error", called, *arguments(one.sample_input), values=False)

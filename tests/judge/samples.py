"""Which samples of an entry of op_db are put to the adapter: some that differ in kind."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from functional_cases import leaves


def kind_of(sample: Any) -> Any:
    """What tells samples apart: dimensions and emptiness of tensors, types of the rest, names of options."""
    import torch

    def one(x: Any) -> Any:
        if isinstance(x, torch.Tensor):
            return (min(x.ndim, 4), x.numel() == 0, x.dtype)
        if isinstance(x, tuple | list):
            return tuple(one(part) for part in x)
        return (type(x), x) if isinstance(x, bool | str) or x is None else type(x)

    return (one(sample.input), one(sample.args), tuple((n, one(x)) for n, x in sample.kwargs.items()))


def _telling(sample: Any) -> int:
    """Samples that tell more come first: matrices before scalars and before nothing at all."""
    import torch

    tensors = [x for x in leaves((sample.input, sample.args)) if isinstance(x, torch.Tensor)]
    if not tensors or any(not x.numel() for x in tensors):
        return 3
    return 2 if tensors[0].ndim == 0 else 0 if 2 <= tensors[0].ndim <= 4 else 1


def chosen(samples: Iterable[Any], count: int) -> list[Any]:
    """Up to `count` samples that differ in kind, spread over all; 0 gives one of each kind."""
    found: dict[Any, Any] = {}
    for sample in samples:
        found.setdefault(repr(kind_of(sample)), sample)
    every = sorted(found.values(), key=_telling)
    return every[:: max(1, -(-len(every) // count))] if count else every


def samples_of(entry: Any, count: int, dtype: str | None = None) -> list[Any]:
    """Samples of an entry: in float64, or the first dtype that it takes."""
    import torch

    supported = entry.supported_dtypes("cpu")
    kinds = [torch.float64, torch.float32, torch.int64, torch.complex128, torch.bool, torch.float16]
    if dtype is not None:
        kinds = [getattr(torch, dtype)]
    kind = next((one for one in kinds if one in supported), None)
    if kind is None:
        return []
    torch.manual_seed(0)
    return chosen(entry.sample_inputs("cpu", kind, requires_grad=False), count)


def arguments(sample: Any) -> tuple[tuple[Any, ...], dict[str, Any]]:
    """The arguments of a call."""
    return (sample.input, *sample.args), dict(sample.kwargs)

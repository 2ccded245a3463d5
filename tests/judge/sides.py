"""One call on both sides, PyTorch's and fnnet.torch's, and what a user could see of it.

What is seen: the error, or of each tensor its dtype, shape, strides, place in memory, history and version at
once, and its values later, when many can be read from one program.
"""

from __future__ import annotations

import importlib
import warnings
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from functional_cases import filled, leaves

from judge.tally import SEED, describe

Action = Callable[["Side", tuple[Any, ...], dict[str, Any]], Any]
META = frozenset({"dtype", "shape", "strides", "contiguous", "offset", "is", "shares", "view"})
GRAPH = frozenset({"requires_grad", "leaf", "grad_fn"})


@dataclass
class Probe:
    """One thing to do on both sides.

    Attributes:
        label: which thing.
        action: does it with a side's tensors; what it returns is compared.
        args, kwargs: PyTorch's arguments, of which each side gets copies.
        aspects: which of a tensor's properties are compared; all if None.
        values: whether values are.
        tolerances: relative and absolute; by dtype if None.
    """

    label: str
    action: Action
    args: tuple[Any, ...]
    kwargs: dict[str, Any]
    aspects: frozenset[str] | None = None
    values: bool = True
    tolerances: tuple[float, float] | None = None


class Side:
    """PyTorch or fnnet.torch."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.lib = importlib.import_module(name)
        self.made: list[Any] = []

    def module(self, name: str) -> Any:
        return importlib.import_module(f"{self.name}.{name}")

    def tensor(self, x: Any, requires_grad: bool = False) -> Any:
        """A contiguous copy of PyTorch's tensor as a leaf of this side."""
        import torch

        if self.name == "torch":
            made = x.detach().resolve_conj().resolve_neg().clone(memory_format=torch.contiguous_format)
        else:
            from fnnet.torch.tensor import from_array

            made = from_array(array_of(x))
        self.made.append(made)
        return made.requires_grad_() if requires_grad else made

    def dtype(self, x: Any) -> Any:
        return getattr(self.lib, str(x).removeprefix("torch."))

    def translated(self, tree: Any, grad: bool = False) -> Any:
        """Arguments of PyTorch as this side's: tensors as copies, dtypes and devices by name."""
        import torch

        def leaf(value: Any) -> Any:
            if isinstance(value, torch.Tensor):
                smooth = value.is_floating_point() or value.is_complex()
                return self.tensor(value, grad and smooth)
            if isinstance(value, torch.dtype):
                return self.dtype(value)
            if isinstance(value, torch.device):
                return str(value)
            if isinstance(value, torch.memory_format | torch.layout):
                return getattr(self.lib, str(value).removeprefix("torch."))
            if isinstance(value, torch.nn.PairwiseDistance):
                return self.module("nn").PairwiseDistance()
            return value

        if isinstance(tree, torch.Size):
            return self.lib.Size(tree)
        if isinstance(tree, tuple | list):
            return type(tree)(self.translated(part, grad) for part in tree)
        if isinstance(tree, dict):
            return {name: self.translated(part, grad) for name, part in tree.items()}
        if isinstance(tree, slice):
            return slice(*self.translated([tree.start, tree.stop, tree.step]))
        return leaf(tree)

    def is_tensor(self, x: Any) -> bool:
        return isinstance(x, self.lib.Tensor)

    def is_smooth(self, x: Any) -> bool:
        return self.is_tensor(x) and (x.dtype.is_floating_point or x.dtype.is_complex)

    def storage(self, x: Any) -> Any:
        """Something that tells memories apart."""
        if self.name != "torch":
            return id(x._storage)
        return x.untyped_storage()._cdata if hasattr(x.untyped_storage(), "_cdata") else None


def array_of(x: Any) -> np.ndarray:
    """PyTorch's tensor as a NumPy array."""
    import torch

    x = x.detach().resolve_conj().resolve_neg()
    if x.dtype is torch.bfloat16:
        import ml_dtypes

        return x.float().numpy().astype(ml_dtypes.bfloat16)
    return x.numpy(force=True).copy()


@dataclass
class Seen:
    """What came of a probe on one side."""

    error: Exception | None = None
    shape_of_tree: Any = None
    leaves: list[Any] = field(default_factory=list)
    properties: list[dict[str, Any] | None] = field(default_factory=list)
    warned: list[str] = field(default_factory=list)


def _tree(side: Side, value: Any) -> Any:
    if isinstance(value, tuple | list):
        return (type(value).__name__, [_tree(side, part) for part in value])
    return "tensor" if side.is_tensor(value) else type(value).__name__


def properties(side: Side, x: Any, given: list[Any]) -> dict[str, Any]:
    """What can be seen of a tensor without its values."""
    memory = side.storage(x)
    empty = 0 in x.shape
    shared = next((i for i, one in enumerate(given) if side.storage(one) == memory), None)
    found: dict[str, Any] = {
        "dtype": str(x.dtype),
        "shape": tuple(x.shape),
        "strides": tuple(0 if n == 1 or empty else s for n, s in zip(x.shape, x.stride(), strict=True)),
        "offset": x.storage_offset(),
        "contiguous": x.is_contiguous(),
        "requires_grad": x.requires_grad,
        "leaf": x.is_leaf,
        "grad_fn": x.grad_fn.name() if x.grad_fn is not None else None,
        "is": next((i for i, one in enumerate(given) if one is x), None),
        "shares": shared,
        "view": shared is not None and x._is_view(),
        "version": x._version,
    }
    return found


def look(side: Side, probe: Probe) -> Seen:
    """Do it and look."""
    side.made.clear()
    seen = Seen()
    with warnings.catch_warnings(record=True) as heard:
        warnings.simplefilter("always")
        try:
            side.lib.manual_seed(SEED)
            args, kwargs = side.translated((probe.args, probe.kwargs))
            result = probe.action(side, args, kwargs)
            given = list(side.made)
            seen.shape_of_tree = _tree(side, result)
            seen.leaves = leaves(result)
            seen.properties = [properties(side, x, given) if side.is_tensor(x) else None for x in seen.leaves]
        except Exception as error:
            seen.error = error
    seen.warned = [one.category.__name__ for one in heard if "resized" in str(one.message)]
    return seen


def differences(probe: Probe, mine: Seen, theirs: Seen) -> Iterator[str]:
    """What differs apart from values."""
    if theirs.error is not None:
        text = str(theirs.error).split("\n")[0][:160]
        name = type(theirs.error).__name__
        if lacks_kernel(theirs.error):
            return
        if mine.error is None:
            yield f"no error; PyTorch: {name}: {text}"
        elif type(mine.error).__name__ != name:
            yield f"{type(mine.error).__name__}: {str(mine.error)[:160]}; PyTorch: {name}: {text}"
        return
    if mine.error is not None:
        yield f"{type(mine.error).__name__}: {str(mine.error)[:200]}"
        return
    if mine.shape_of_tree != theirs.shape_of_tree:
        yield f"gives {mine.shape_of_tree}; PyTorch: {theirs.shape_of_tree}"
        return
    for number, (a, b) in enumerate(zip(mine.properties, theirs.properties, strict=True)):
        if a is None or b is None:
            if not _same(mine.leaves[number], theirs.leaves[number]):
                yield f"[{number}] {mine.leaves[number]}; PyTorch: {theirs.leaves[number]}"
            continue
        if b["dtype"] == "torch.complex32":
            continue  # which JAX has not
        for name in b:
            if (probe.aspects is None or name in probe.aspects) and a[name] != b[name]:
                yield f"[{number}].{name} {a[name]}; PyTorch: {b[name]}"
    if probe.aspects is not None and "warned" in probe.aspects and mine.warned != theirs.warned:
        yield f"warned {mine.warned}; PyTorch: {theirs.warned}"


def lacks_kernel(error: Exception) -> bool:
    """Whether PyTorch only says that nobody has written this for this dtype, or this transformation."""
    text = str(error)
    return any(
        words in text
        for words in (
            "not implemented for",
            "not supported for",
            "not support",
            "unsupported dtype",
            "is not implemented",
            "MKL FFT error",
            "batching rule",
            "isn't supported yet",
            "In order to use an autograd.Function with functorch",
        )
    )


def _same(a: Any, b: Any) -> bool:
    if isinstance(a, float) and isinstance(b, float):
        return a == b or (a != a and b != b) or abs(a - b) <= 1e-6 * abs(b)
    if type(a).__name__ == "dtype" or type(b).__name__ == "dtype":
        return str(a) == str(b)
    return type(a) is not type(b) or a == b or isinstance(a, complex)


TOLERANCES = {"float16": (1e-2, 1e-2), "bfloat16": (5e-2, 5e-2), "float32": (1e-4, 1e-4),
              "complex64": (1e-4, 1e-4)}  # fmt: skip


def value_difference(
    mine: Any, theirs: Any, tolerances: tuple[float, float] | None, absolute: bool = False
) -> str | None:
    """How the values, or their absolute values, of two tensors of one shape and dtype differ."""
    kind = str(theirs.dtype).removeprefix("torch.")
    expected = array_of(theirs)
    actual = np.asarray(mine._value().get())
    if expected.shape != actual.shape:
        return f"shape {actual.shape} of the values; PyTorch: {expected.shape}"
    if absolute:
        expected, actual = np.abs(expected), np.abs(actual)
    if kind in ("bfloat16", "float16"):
        expected, actual = expected.astype(np.float32), actual.astype(np.float32)
    if expected.dtype.kind in "biu":
        if np.array_equal(expected, actual):
            return None
        return f"values {actual.ravel()[:6]}; PyTorch: {expected.ravel()[:6]}"
    rtol, atol = tolerances or TOLERANCES.get(kind, (1e-7, 1e-7))
    if np.allclose(actual, expected, rtol=rtol, atol=atol, equal_nan=True):
        return None
    far = ~np.isclose(actual, expected, rtol=rtol, atol=atol, equal_nan=True)
    return f"values {actual[far].ravel()[:4]}; PyTorch: {expected[far].ravel()[:4]}"


def replaced(tree: Any, change: Callable[[Any], Any]) -> Any:
    """The arguments with every tensor changed."""
    import torch

    new = [change(leaf) if isinstance(leaf, torch.Tensor) else leaf for leaf in leaves(tree)]
    return filled(tree, iter(new))


def where(probe: Probe) -> str:
    """The arguments in a few words."""
    return f"{describe(probe.args)} {describe(probe.kwargs) if probe.kwargs else ''}"[:200]

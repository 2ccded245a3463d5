"""In-place operations under autograd: checks, and the new history of the tensor, its base and its views.

A change through a view is, for the graph, a new value of the base: the old one with the view's place
replaced.
The base gets a node for that (PyTorch's CopySlices), and views read their history from it anew.
"""

from __future__ import annotations

from typing import Any

from fnnet.torch.autograd.graph import PlanNode, edge_of, node_class
from fnnet.torch.layout import is_dense
from fnnet.torch.mode import MODE
from fnnet.torch.record import Value
from fnnet.torch.spec import Spec
from fnnet.torch.tensor import Tensor, read_plan, write_plan

_SEVERAL = (
    "Output {nr} of {fn} is a view and {what} modified inplace. This view is the output of a function that "
    "returns multiple views. Such functions do not allow the output views to be modified inplace. You should "
    "replace the inplace operation by an out-of-place one."
)
_NO_GRAD = (
    "A view was created in no_grad mode and {what} modified inplace with grad mode enabled. Given that this "
    "use "
    "case is ambiguous and error-prone, it is forbidden. You can clarify your code by moving both the view "
    "and "
    "the inplace either both inside the no_grad block (if you don't want the inplace to be tracked) or both "
    "outside (if you want the inplace to be tracked)."
)


def overlaps(spec: Spec) -> bool:
    """Whether elements of a tensor lie on each other, as those of an expanded one."""
    return 0 in spec.strides and any(
        stride == 0 and length > 1 for stride, length in zip(spec.strides, spec.shape, strict=True)
    )


def check(tensor: Tensor, others_require: bool, overlap: bool = True) -> None:
    """Raise where PyTorch forbids an in-place operation on this tensor."""
    if tensor._inference and not MODE.inference:
        raise RuntimeError(
            "Inplace update to inference tensor outside InferenceMode is not allowed."
            "You can make a clone to get a normal tensor before doing inplace update."
            "See https://github.com/pytorch/rfcs/pull/17 for more details."
        )
    spec = tensor._spec
    if overlap and overlaps(spec):
        raise RuntimeError(
            "unsupported operation: more than one element of the written-to tensor refers to a single memory "
            "location. Please clone() the tensor before performing the operation."
        )
    if not MODE.enabled:
        return
    if tensor._base is None:
        if tensor._requires:
            raise RuntimeError("a leaf Variable that requires grad is being used in an in-place operation.")
        return
    refresh_view(tensor)
    base = tensor._base
    if tensor._forbidden and (others_require or tensor.requires_grad):
        raise _forbidden(tensor, "is being")
    if base._requires:
        raise RuntimeError(
            "a view of a leaf Variable that requires grad is being used in an in-place operation."
        )


def _forbidden(tensor: Tensor, what: str) -> RuntimeError:
    if tensor._forbidden == "several" and tensor._fn is None:  # nobody required grad when it was made
        created = _NO_GRAD.format(what=what).partition(" Given")[0]
        return RuntimeError(f"{created} This view{_SEVERAL.partition('This view')[2]}")
    if tensor._forbidden == "no_grad":
        return RuntimeError(_NO_GRAD.format(what=what))
    name = tensor._fn.name().removesuffix("Backward0") if tensor._fn else "a function"
    return RuntimeError(_SEVERAL.format(nr=tensor._nr, fn=name, what=what))


_BY_PLACES = ("ScatterBackward", "ScatterAddBackward", "ScatterReduceBackward", "IndexCopyBackward",
              "IndexAddBackward", "IndexFillBackward", "IndexReduceBackward", "IndexPutBackward")  # fmt: skip
"""Operations that may not read the memory they write to even where all of it is the same."""

_BY_NUMBER = ("IndexFillBackward", "MaskedFillBackward", "IndexPutBackward")
"""Operations whose 0-d tensor PyTorch reads before it writes."""


def check_overlap(target: Tensor, other: Tensor, name: str = "") -> None:
    """Raise where an operation would read memory that it has written to already, by PyTorch's rule."""
    one, two = target._spec, other._spec
    if two.ndim == 0 and name.startswith(_BY_NUMBER):
        return
    if not one.numel or not two.numel or not (is_dense(one) and is_dense(two)):
        return
    begin, end = target._offset, target._offset + one.numel
    other_begin, other_end = other._offset, other._offset + two.numel
    if end <= other_begin or other_end <= begin:
        return
    same = (begin, end) == (other_begin, other_end) and _steps(one) == _steps(two)
    if same and not name.startswith(_BY_PLACES):
        return
    raise RuntimeError(
        "unsupported operation: some elements of the input tensor and the written-to tensor refer to a "
        "single "
        "memory location. Please clone() the tensor before performing the operation."
    )


def _steps(spec: Spec) -> list[tuple[int, int]]:
    return [(stride, length) for stride, length in zip(spec.strides, spec.shape, strict=True) if length != 1]


def refresh_view(tensor: Tensor) -> None:
    """Give a view its history anew if its base was changed since."""
    base = tensor._base
    assert base is not None
    version = tensor._counter.version
    if tensor._fn_version == version:
        return
    if not base.requires_grad:
        tensor._fn_version = version
        return
    if tensor._forbidden:
        raise _forbidden(tensor, "its base or another view of its base has been")
    tensor._fn_version = version
    steps, starts = _relative(tensor, base)
    plan = read_plan(base._spec, steps)
    tensor._fn = node_class(plan.grad_fn)(plan, (edge_of(base),), (base,), (base._value(),), starts)
    tensor._nr = 0


def _relative(tensor: Tensor, base: Tensor) -> tuple[tuple[Any, ...], tuple[int, ...]]:
    skipped = len(base._steps or ())
    return (tensor._steps or ())[skipped:], tensor._starts[len(base._starts) :]


def write(tensor: Tensor, value: Value, node: PlanNode | None) -> None:
    """Store the result of an in-place operation whose node, if backward needs one, is `node`."""
    base = tensor._base
    if base is None or (node is None and not base.requires_grad):
        tensor._write(value)
        if node is not None:
            tensor._fn, tensor._nr = node, 0
        if base is not None:
            tensor._fn_version = tensor._counter.version
        return
    if not MODE.enabled:
        tensor._write(value)
        return
    steps, starts = _relative(tensor, base)
    old_edge = edge_of(base)
    before = base._value()
    tensor._write(value)
    plan = write_plan(base._spec, steps, tensor._spec)
    edges = (old_edge, None if node is None else (node, 0))
    base._fn = node_class(plan.grad_fn)(plan, edges, (base, tensor), (before, value), starts)
    base._nr = 0
    base._fn_version = tensor._counter.version
    tensor._fn_version = -1
    refresh_view(tensor)

"""How a call of an operation is recorded.

A call is reduced to a key: the specs of its tensors, the types of its run-time numbers, and the rest as it
is. For a key that has been seen, the plan is there, and recording costs a dictionary lookup.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import jax

from fnnet.torch.autograd import inplace
from fnnet.torch.autograd.graph import PlanNode, edge_of, node_class
from fnnet.torch.bounds import check
from fnnet.torch.captured import READING, TRANSFORMS
from fnnet.torch.devices import CPU, META, jax_device
from fnnet.torch.drawing import draw_now
from fnnet.torch.mode import MODE
from fnnet.torch.operation import NeedsValues, Op
from fnnet.torch.plan import Plan
from fnnet.torch.record import RECORD, Value
from fnnet.torch.refusals import require_tensor
from fnnet.torch.spec import Spec
from fnnet.torch.storage import UNSEEN, Storage
from fnnet.torch.tensor import Tensor, alias
from fnnet.torch.versions import count
from fnnet.torch.view import through
from fnnet.torch.warning import warn

new = object.__new__
_KEYWORDS = object()
_LIST = object()
_INT64 = 2**63
_SEVERAL = frozenset(("SplitBackward0", "SplitWithSizesBackward0", "UnbindBackward0"))
"""Functions whose outputs may not be changed in place; others return views made one by one."""
_MAY_OVERLAP = (
    "FillBackward", "ZeroBackward", "TrilBackward", "TriuBackward", "ThresholdBackward", "IndexFillBackward",
    "MaskedFillBackward", "IndexPutBackward",
)  # fmt: skip
"""Operations that write to a tensor some elements of which lie on each other."""

_WARNING = {
    "IndexFillBackward": ("index_fill_", "tensor[mask] = scalar"),
    "MaskedFillBackward": ("masked_fill_", "tensor[mask] = scalar"),
    "IndexPutBackward": ("index_put_", "tensor[indices] = tensor"),
}
"""Those of them that warn, with what else means the same."""


def key_of(op: Op, args: Sequence[Any], kwargs: dict[str, Any]) -> tuple[list[Any], list[Tensor], list[Any]]:
    """The key of a call, its tensors and its run-time numbers."""
    key: list[Any] = []
    tensors: list[Tensor] = []
    numbers: list[Any] = []
    for argument, run_time in zip(args, op.run_time, strict=False):
        if isinstance(argument, Tensor):
            key.append(argument._spec)
            tensors.append(argument)
        elif argument is None or argument is True or argument is False:
            key.append(argument)
        else:
            _add(op, argument, run_time, key, tensors, numbers)
    if kwargs:
        key.append(_KEYWORDS)
        for name, argument in kwargs.items():
            key.append(name)
            _add(op, argument, name in op.run_time_names, key, tensors, numbers)
    return key, tensors, numbers


def _add(
    op: Op, argument: Any, run_time: bool, key: list[Any], tensors: list[Tensor], numbers: list[Any]
) -> None:
    kind = type(argument)
    if kind is float or kind is int:
        key.append(kind)
        if run_time and not (kind is int and op.integers_stay):
            if kind is int and not -_INT64 <= argument < _INT64:
                raise RuntimeError("value cannot be converted to type int64_t without overflow")
            numbers.append(argument)
        else:
            key.append(argument)
    elif isinstance(argument, Tensor):
        key.append(argument._spec)
        tensors.append(argument)
    elif kind is list or isinstance(argument, tuple | list):
        key.append(_LIST)
        key.append(len(argument))
        for item in argument:
            _add(op, item, False, key, tensors, numbers)
    else:
        plain = op.plain(argument, run_time)
        if plain is not argument:
            _add(op, plain, run_time, key, tensors, numbers)
        else:
            key.append(argument)


def call(op: Op, args: Sequence[Any], kwargs: dict[str, Any], parser: Any = None) -> Any:
    """Record a call and return its tensor, or its tensors in the container that the operation gives.

    Where the plan is not yet known, `parser` says the arguments plainly, or refuses them.
    """
    if MODE.autocast is not None:
        args, kwargs = MODE.autocast.convert(op.declared.name, args, kwargs)
    key, tensors, numbers = key_of(op, args, kwargs)
    try:
        plan = op.plans.get(tuple(key))
    except TypeError:
        plan = None
        if parser is None:
            raise op.unhashable(args, kwargs) from None
    if plan is None:
        if parser is not None:
            return call(op, *parser.parse(args, kwargs))
        if any(type(t._spec) is not Spec for t in tensors):
            return _of_sparse(op, args, kwargs)
        if op.data_dependent or tuple(key) in op.by_values:
            return op.compute(args, kwargs)
        try:
            plan = op.plan_for(tuple(key), args, kwargs)
        except NeedsValues:
            return op.compute(args, kwargs)
        if len(plan.numbers) != len(numbers):  # an argument has just become a run-time number, or ceased to
            return call(op, args, kwargs)
    if plan.indices is not None:
        check(op, plan, tensors, args, kwargs)
    if plan.draws and plan.device is not META:
        tensors += draw_now(plan.draws, plan.drawn)
    made = apply(plan, tensors, numbers)
    if plan.single:
        return made[0]
    if plan.barred and MODE.enabled:
        for position, text in plan.barred:
            if tensors[position].requires_grad:
                raise RuntimeError(text)
    for message, category in plan.notices:
        warn(message, category)
    if plan.written:
        count(made, plan.written)
    if plan.guard is not None and plan.guard.at_call and not RECORD.immediate:
        RECORD.run()
    return plan.tree.unflatten(made)


def _of_sparse(op: Op, args: Sequence[Any], kwargs: dict[str, Any], in_place: bool = False) -> Any:
    """What an operation gives, a sparse tensor being among its arguments: there is no plan for one."""
    from fnnet.torch.sparse_layouts import calls as sparse_calls

    return (sparse_calls.in_place if in_place else sparse_calls.out_of_place)(op, args, kwargs)


def apply(plan: Plan, tensors: Sequence[Tensor], numbers: Sequence[Any]) -> list[Tensor]:
    """Record a plan on tensors, note it for backward, and wrap its outputs."""
    values = []
    requires = False
    noted = MODE.enabled and plan.differentiable
    for t in tensors:  # the common case spelt out: the whole of a storage that NumPy does not share
        value = t._storage.value if t._steps is None else None
        values.append(t._value() if value is None else value)
        if noted and (t._fn is not None or t._requires or (t._base is not None and t.requires_grad)):
            requires, noted = True, False
    if plan.device is not CPU and not RECORD.immediate:
        values = _together(plan, values, tensors)
    results = RECORD.append(plan, values, numbers)
    node = None
    if requires and READING:
        for t in tensors:
            READING[-1].note(t)
    if requires:
        edges = tuple([edge_of(t) if edged else None for t, edged in zip(tensors, plan.edged, strict=True)])
        if any(edges):
            node = node_class(plan.grad_fn)(plan, edges, tensors, values, numbers)
    if plan.views is not None:
        return _views(plan, tensors, numbers, results, node)
    made = []
    outputs = plan.outputs
    for nr, value in enumerate(results):
        spec = outputs[nr]
        tensor = new(Tensor)
        tensor._spec = spec
        tensor._storage = tensor._counter = Storage(value, spec)
        if node is not None and plan.linked[nr]:
            tensor._fn = node
            if nr:
                tensor._nr = nr
        if MODE.inference:
            tensor._inference = True
        made.append(tensor)
    if node is not None and node.keeps_output:
        node.check_output(made[0])
    return made


def _together(plan: Plan, values: list[Value], tensors: Sequence[Tensor]) -> list[Value]:
    """The values on the plan's device: 0-d tensors of the CPU go along with those of a GPU."""
    if plan.device is META:
        return values
    target = jax_device(plan.device)
    return [
        value if tensor._spec.device is plan.device else Value(jax.device_put(value.get(), target))
        for value, tensor in zip(values, tensors, strict=True)
    ]


def _views(
    plan: Plan,
    parents: Sequence[Tensor],
    numbers: Sequence[Any],
    results: Sequence[Any],
    node: PlanNode | None,
) -> list[Tensor]:
    made = []
    assert plan.views is not None
    for nr, (value, (origin, steps)) in enumerate(zip(results, plan.views, strict=True)):
        parent = parents[origin]
        own = node if len(parents) == 1 or parent.requires_grad else None
        tensor = alias(parent, steps, tuple(numbers))
        tensor._cache, tensor._cached_at = value, parent._storage.changes
        adopt(tensor, parent, own, nr, several=plan.grad_fn in _SEVERAL)
        if not plan.grad_fn:
            tensor._base = None  # bytes read as another dtype are no view to autograd
        made.append(tensor)
    return made


def adopt(tensor: Tensor, parent: Tensor, node: Any, nr: int = 0, several: bool = False) -> None:
    """Make `tensor` a differentiable view of `parent`, so that in-place changes of either reach the other."""
    if tensor._spec.differentiable is parent._spec.differentiable:  # else it is no view to autograd
        tensor._base = parent._base if parent._base is not None else parent
    tensor._fn, tensor._nr = node, nr
    tensor._fn_version = tensor._counter.version
    tensor._inference = MODE.inference or parent._inference
    if not MODE.enabled:
        tensor._forbidden = "no_grad"
    elif several:
        tensor._forbidden = "several"
    elif parent._forbidden is not None and parent._base is not None:
        tensor._forbidden = parent._forbidden


def _check_mapped(target: Tensor, value: Value) -> None:
    """Raise RuntimeError where every example would write into one tensor."""
    if isinstance(value.get(), jax.core.Tracer) and not isinstance(target._value().get(), jax.core.Tracer):
        raise RuntimeError(
            "vmap: inplace arithmetic(self, *extra_args) is not possible because there exists a Tensor "
            "`other` in extra_args that has more elements than `self`. This happened due to `other` being "
            "vmapped over but `self` not being vmapped over: output with shape "
            f"{list(target.shape)} doesn't match the "
            "broadcast shape. Please try to use out-of-place operators instead of inplace arithmetic."
        )


def call_in_place(op: Op, args: Sequence[Any], kwargs: dict[str, Any], parser: Any = None) -> Tensor:
    """Record a call whose result replaces its first argument, and return that. For `parser` see `call`."""
    key, tensors, numbers = key_of(op, args, kwargs)
    try:
        plan = op.plans.get(tuple(key))
    except TypeError:
        plan = None
        if parser is None:
            raise op.unhashable(args, kwargs) from None
    if plan is None:
        require_tensor(op.name.rstrip("_") + "_", args[0] if args else kwargs.get("input"))
        if parser is not None:
            return call_in_place(op, *parser.parse(args, kwargs))
        if any(type(t._spec) is not Spec for t in tensors):
            return _of_sparse(op, args, kwargs, in_place=True)
        try:
            plan = op.plan_for(tuple(key), args, kwargs)
        except (NotImplementedError, RuntimeError, IndexError):
            if MODE.enabled and any(one.requires_grad for one in tensors):
                inplace.check(tensors[0], True, overlap=False)  # which PyTorch looks at first
            raise
        if len(plan.numbers) != len(numbers):
            return call_in_place(op, args, kwargs)
    if plan.indices is not None:
        check(op, plan, tensors, args, kwargs)
    if plan.draws and plan.device is not META:
        tensors += draw_now(plan.draws, plan.drawn)
    return store(tensors[0], plan, tensors, numbers)


def store(target: Tensor, plan: Plan, tensors: Sequence[Tensor], numbers: Sequence[Any]) -> Tensor:
    """Record a plan whose output replaces the value of `target`, usually the first of `tensors`."""
    requires = False
    if MODE.enabled:
        for t in tensors:
            if t._fn is not None or t._requires or (t._base is not None and t.requires_grad):
                requires = True
                break
    if requires or target._base is not None or target._inference or 0 in target._spec.strides:
        may_overlap = plan.grad_fn.startswith(_MAY_OVERLAP)
        inplace.check(target, requires, overlap=not may_overlap)
        if may_overlap and plan.grad_fn[:-1] in _WARNING and inplace.overlaps(target._spec):
            name, other = _WARNING[plan.grad_fn[:-1]]
            warn(
                f"Use of {name} on expanded tensors is deprecated. Please clone() the tensor before "
                f"performing this operation. This also applies to advanced indexing e.g. {other}"
            )
    storage = target._storage
    for t in tensors[1:] if tensors[0] is target else tensors:
        if t._storage is storage:
            inplace.check_overlap(target, t, plan.grad_fn)
    values = [t._storage.value if t._steps is None and t._storage.value else t._value() for t in tensors]
    if plan.device is not CPU and not RECORD.immediate:
        values = _together(plan, values, tensors)
    value = RECORD.append(plan, values, numbers)[0]
    if TRANSFORMS and TRANSFORMS[-1][0] == "vmap":
        _check_mapped(target, value)
    if RECORD.immediate and not MODE.enabled and target._spec.differentiable:
        value = Value(through(target._value().get(), value.get()))
    if not requires and target._base is None and target._steps is None:
        storage.replace(value)
        target._counter.version += 1
        if target._counter is not storage:
            UNSEEN.note(storage)
        return target
    node = None
    if requires and target._spec.differentiable:
        edges = tuple([edge_of(t) if t._spec.differentiable else None for t in tensors])
        node = node_class(plan.grad_fn)(plan, edges, tensors, values, numbers)
        # What the target was is kept as it was: changing it now is no error.
        node.checks = [one for one in node.checks if one[2]]
    inplace.write(target, value, node)
    if node is not None and node.keeps_output:
        node.check_output(target)
    return target

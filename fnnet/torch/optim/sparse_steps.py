"""Steps by sparse gradients: of the rows that have an entry, and of no other."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import jax.numpy as jnp

from fnnet.functional.sparse import distinct_rows
from fnnet.torch.plan import Plan, make_plan
from fnnet.torch.record import RECORD
from fnnet.torch.sparse_layouts.tensors import CooTensor
from fnnet.torch.spec import Spec
from fnnet.torch.tensor import Tensor

if TYPE_CHECKING:
    from fnnet.torch.optim.derive import Derived

_PLANS: dict[Any, Plan] = {}


def is_sparse(gradient: Tensor) -> bool:
    """Whether a gradient is a sparse tensor."""
    return type(gradient._spec) is not Spec


def move(optimizer: Derived, group: dict[str, Any], p: Tensor, gradient: Any) -> None:
    """Move a parameter by its sparse gradient. Raises RuntimeError for other rules."""
    name = optimizer._rule.name
    if name == "SGD":
        _descend(optimizer, group, p, gradient)
    elif name in ("Adagrad", "SparseAdam"):
        if group.get("weight_decay"):
            raise RuntimeError("weight_decay option is not compatible with sparse gradients")
        _move_rows(optimizer, group, p, gradient)
    else:
        instead = ", please consider SparseAdam instead" if name == "Adam" else ""
        raise RuntimeError(f"{name} does not support sparse gradients{instead}")


def _descend(optimizer: Derived, group: dict[str, Any], p: Any, gradient: Any) -> None:
    """SGD, whose momentum is a sparse tensor too."""
    if group["maximize"]:
        gradient = -gradient
    if group["weight_decay"]:
        raise RuntimeError("add(sparse, dense) is not supported. Use add(dense, sparse) instead.")
    momentum = group["momentum"]
    if momentum:
        state = optimizer.state[p]
        before = state.get("momentum_buffer")
        if before is None:
            before = state["momentum_buffer"] = gradient.detach().clone()
        else:
            before.mul_(momentum).add_(gradient, alpha=1 - group["dampening"])
        gradient = gradient.add(before, alpha=momentum) if group["nesterov"] else before
    elif hasattr(gradient, "all_entries"):
        gradient = gradient.all_entries()  # what lies outside is dropped
    p.add_(gradient, alpha=-group["lr"])


def _move_rows(optimizer: Derived, group: dict[str, Any], p: Tensor, gradient: Any) -> None:
    """Apply the update rule to the rows that the gradient has, and write them back."""
    gradient = gradient.all_entries() if hasattr(gradient, "all_entries") else gradient
    if not isinstance(gradient, CooTensor) or gradient._places._spec.shape[0] != 1:
        raise NotImplementedError(
            f"fnnet.torch: {optimizer._rule.name} by a sparse gradient takes one with one sparse dimension"
        )
    rule = optimizer._rule
    switches, fixed, hypers, numbers = optimizer._options(group)
    kept = optimizer._kept(group, [p], switches)[0]
    count = int(optimizer.state[p]["step"])
    tensors = [p, gradient._places, gradient._numbers, *hypers, *kept.values()]
    key = (rule.name, fixed, tuple(kept), *[t._spec for t in tensors])
    plan = _PLANS.get(key)
    if plan is None:
        plan = _PLANS[key] = _plan(optimizer, group, tensors, len(hypers), tuple(kept), len(numbers))
    results = RECORD.append(plan, [t._value() for t in tensors], [*numbers, count])
    for tensor, value in zip((p, *kept.values()), results, strict=True):
        tensor._write(value)
    optimizer._counted(p, count + 1)


def _plan(
    optimizer: Derived,
    group: dict[str, Any],
    tensors: list[Any],
    hypers: int,
    kept: tuple[str, ...],
    numbers: int,
) -> Plan:
    from fnnet.torch.optim.derive import _update

    rule = optimizer._rule
    step = _update(rule, {n: group[n] for n in rule.defaults}, (kept,), hypers, (0,))

    def update(p: Any, places: Any, values: Any, *rest: Any) -> list[Any]:
        rows, sums = distinct_rows(places[0], values, p.shape[0])
        slots = rest[hypers : hypers + len(kept)]
        wholes = (p, *slots)
        taken = [jnp.take(one, rows, 0, mode="clip") for one in wholes]
        moved = step(taken[0], sums, *rest[:hypers], *taken[1:], *rest[hypers + len(kept) :])
        return [one.at[rows].set(new, mode="drop") for one, new in zip(wholes, moved, strict=True)]

    specs = [t._spec for t in tensors]
    return make_plan(update, specs, [float] * numbers + [int], specs[0].device, rule.name)

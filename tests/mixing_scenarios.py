"""Calls with operands of several kinds: booleans, integers and numbers on either side, empty tensors."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from printed import Scenarios, said

scenario = Scenarios("mixing.json")


def all_said(torch: Any, calls: dict[str, Callable[[Any], Any]]) -> list[str]:
    return [f"{name}: {said(call, torch)}" for name, call in calls.items()]


@scenario
def numbers_before_tensors(torch: Any) -> list[str]:
    return all_said(
        torch,
        {
            "7 % x": lambda t: 7 % t.tensor([4, 5]),
            "3 // x": lambda t: 3 // t.tensor([1, 2]),
            "3 // empty": lambda t: 3 // t.zeros(0, dtype=t.int64),
            "3 // 0": lambda t: t.tensor([3]) // 0,
            "remainder": lambda t: t.remainder(7, t.tensor([2, 3])),
            "floor_divide": lambda t: t.floor_divide(t.tensor([7]), t.tensor([2])),
        },
    )


@scenario
def booleans_in_sums(torch: Any) -> list[str]:
    one = torch.ones(2)
    mask = torch.tensor([True, False])
    calls: dict[str, Callable[[Any], Any]] = {
        "x - True": lambda t: one - True,
        "x - mask": lambda t: one - mask,
        "True - x": lambda t: True - one,
        "mask - 1": lambda t: mask - 1,
        "mask - mask": lambda t: mask - mask,
        "sub_": lambda t: one.clone().sub_(True),
        "rsub": lambda t: t.rsub(one, mask),
        "x + mask": lambda t: one + mask,
        "alpha": lambda t: one.add(one, alpha=True),
        "alpha of masks": lambda t: mask.add(mask, alpha=True),
        "alpha of integers": lambda t: one.long().add(one.long(), alpha=1.5),
        "kron": lambda t: t.kron(mask, mask),
        "square": lambda t: mask.square(),
        "dropout": lambda t: t.nn.functional.dropout(mask, 0.5, False),
    }
    return all_said(torch, calls)


@scenario
def integers_where_floats_are_meant(torch: Any) -> list[str]:
    x = torch.tensor([1, 0, 4])
    return all_said(
        torch,
        {
            "sigmoid": lambda t: (x.sigmoid(), t.sigmoid(t.tensor(True)), t.nn.functional.sigmoid(x)),
            "tanh": lambda t: x.byte().tanh(),
            "sigmoid_": lambda t: x.sigmoid_(),
            "gradient": lambda t: t.gradient(x),
            "gradient of bytes": lambda t: t.gradient(x.byte()),
            "lerp": lambda t: t.lerp(x, x, 0.5),
            "cross": lambda t: t.linalg.cross(x, x.double()),
            "cross of two shapes": lambda t: t.linalg.cross(x, t.ones(2, 3, dtype=t.int64)),
            "einsum": lambda t: t.einsum("i,i->", x.float(), x),
            "tensordot": lambda t: t.tensordot(x.float(), x.double(), 1),
            "cartesian_prod": lambda t: t.cartesian_prod(x, x.float()),
            "data": lambda t: setattr(t.ones(3, requires_grad=True), "data", x),
        },
    )


@scenario
def what_is_said_first(torch: Any) -> list[str]:
    """Of several mistakes in one call, the one that PyTorch names."""

    def leaf(torch: Any) -> Any:
        return torch.ones(2, dtype=torch.complex64, requires_grad=True)

    return all_said(
        torch,
        {
            "shapes before dtypes": lambda t: t.gcd(t.ones(2), t.ones(3)),
            "of masks": lambda t: t.ones(2) & t.ones(3),
            "of complex numbers": lambda t: leaf(t) < t.ones(3),
            "leaf before dtype": lambda t: leaf(t).lt_(1),
            "leaf before sign": lambda t: leaf(t).sign_(),
            "roll": lambda t: t.tensor(1.0).roll(1, 0),
            "index_copy_ of another dtype": lambda t: t.ones(2).index_copy_(
                0, t.tensor([0]), t.ones(1).double()
            ),
            "of another rank": lambda t: t.ones(2, 2).index_copy_(0, t.tensor([0]), t.ones(1)),
            "of another shape": lambda t: t.ones(2, 2).index_copy_(0, t.tensor([0]), t.ones(1, 3)),
            "of another number": lambda t: t.ones(2, 2).index_copy_(0, t.tensor([0]), t.ones(2, 2)),
        },
    )


@scenario
def transposed_scalars_and_vectors(torch: Any) -> list[str]:
    names = ("T", "mT", "mH", "H")
    lines = [f"{name} {said(getattr, x, name)}" for name in names for x in (torch.tensor(1.0), torch.ones(2))]
    return [*lines, said(torch.ones(2).adjoint), said(torch.tensor(1j).adjoint)]


@scenario
def strides_of_selected(torch: Any) -> list[str]:
    x = torch.arange(6).view(2, 1, 3)
    seen = [x[..., -1], x[:, :, 0], x.select(2, 1), x.squeeze(), x.unbind(2)[0], x[0], x[None, :, 0, None, 1]]
    return [f"{tuple(one.shape)} {one.stride()} {one.storage_offset()}" for one in seen]


@scenario
def views_of_nothing(torch: Any) -> list[str]:
    empty = torch.zeros(1, 0, 5).expand(2, 1, 0, 5)[0]
    return [str(empty.add_(1).shape), str(torch.zeros(0, 1).unsqueeze(0).flatten(1).floor_().shape)]


@scenario
def parts_changed_in_place(torch: Any) -> list[str]:
    def added(split: Any) -> Any:
        def change(torch: Any) -> Any:
            x = torch.arange(4.0).view(4, 1).repeat(1, 2).requires_grad_()
            y = x * 1
            for part in split(y):
                part.add_(part)
            y.sum().backward()
            return x.grad

        return change

    return all_said(
        torch,
        {
            "tensor_split": added(lambda x: x.tensor_split(2)),
            "hsplit": added(lambda x: x.hsplit(2)),
            "vsplit": added(lambda x: x.vsplit(2)),
            "chunk": added(lambda x: x.chunk(2)),
            "split": added(lambda x: x.split([1, 3])),
            "unbind": added(lambda x: x.unbind()),
        },
    )


@scenario
def without_a_derivative(torch: Any) -> list[str]:
    def back(f: Any) -> Any:
        return lambda t: f(t, t.tensor([1.0, 2.0], requires_grad=True)).sum().backward()

    return all_said(
        torch,
        {
            "//": back(lambda t, x: x // 2),
            "floor_divide_": back(lambda t, x: (x * 1).floor_divide_(2)),
            "heaviside": back(lambda t, x: t.heaviside(x, t.ones(2))),
            "%": back(lambda t, x: x % 2),
        },
    )


@scenario
def repeated_elements(torch: Any) -> list[str]:
    x = torch.arange(6.0).view(3, 2)
    counts = torch.tensor([1, 0, 2])

    def gradient(torch: Any) -> Any:
        leaf = x.clone().requires_grad_()
        (leaf.repeat_interleave(counts, 0) * torch.tensor([[1.0, 2.0]])).sum().backward()
        leaf.repeat_interleave(2, 1).sum().backward()
        return leaf.grad

    return all_said(
        torch,
        {
            "by a tensor": lambda t: x.repeat_interleave(counts, 0),
            "gradient": gradient,
            "flattened": lambda t: x.repeat_interleave(t.tensor([1, 0, 2, 1, 1, 1])),
            "one number": lambda t: x.repeat_interleave(t.tensor([2]), dim=1),
            "places": lambda t: t.repeat_interleave(counts),
            "output_size": lambda t: t.repeat_interleave(x, counts, dim=0, output_size=3),
            "misfit": lambda t: t.repeat_interleave(x, t.tensor([1, 2]), dim=0),
            "negative": lambda t: t.repeat_interleave(x, -counts, dim=0),
            "floats": lambda t: t.repeat_interleave(x, counts.float(), dim=0),
            "no dimension": lambda t: t.repeat_interleave(x, counts, dim=3),
        },
    )


@scenario
def kept_for_backward(torch: Any) -> list[str]:
    """What may not be changed in place between a call and its backward."""
    calls: dict[str, Callable[[Any], Any]] = {
        "max of rows": lambda x: x.max(1, keepdim=True)[0],
        "max": lambda x: x.max(),
        "median": lambda x: x.median(1)[0],
        "sort": lambda x: x.sort()[0],
        "topk": lambda x: x.topk(1)[0],
        "logsumexp": lambda x: x.logsumexp(1),
        "prod": lambda x: x.prod(1),
        "norm": lambda x: x.norm(),
        "exp": lambda x: x.exp(),
        "mul": lambda x: x * 2,
        "square": lambda x: x * x,
        "elu": torch.nn.functional.elu,
        "softplus": torch.nn.functional.softplus,
        "avg_pool": lambda x: torch.nn.functional.avg_pool2d(x[None], 2),
        "cross_entropy": lambda x: torch.nn.functional.cross_entropy(x, torch.tensor([0, 1])),
        "l1_loss": lambda x: torch.nn.functional.l1_loss(x, torch.zeros(2, 2)),
        "inv": lambda x: torch.linalg.inv(x),
        "gather": lambda x: x.gather(1, torch.tensor([[0], [1]])),
    }
    lines = []
    for name, call in calls.items():
        for which in ("input", "result"):
            leaf = torch.tensor([[2.0, 1.0], [0.5, 3.0]], requires_grad=True)
            x = leaf * 1
            y = call(x)
            with torch.no_grad():
                (x if which == "input" else y).mul_(1)
            outcome = said(y.sum().backward)
            lines.append(f"{name} {which}: {'refused' if 'modified' in outcome else outcome}")
    return lines


@scenario
def backward_twice(torch: Any) -> list[str]:
    calls: dict[str, Callable[[Any], Any]] = {
        "add": lambda x: x + 1,
        "exp": lambda x: x.exp(),
        "sum": lambda x: x.sum(),
        "max": lambda x: x.max(1)[0],
        "avg_pool": lambda x: torch.nn.functional.avg_pool2d(x[None], 2),
        "l1_loss": lambda x: torch.nn.functional.l1_loss(x, torch.zeros(2, 2)),
        "relu": torch.nn.functional.relu,
        "view": lambda x: x.view(4),
    }
    lines = []
    for name, call in calls.items():
        y = call(torch.ones(2, 2, requires_grad=True)).sum()
        y.backward()
        lines.append(f"{name}: {said(y.backward)[:40]}")
    return lines

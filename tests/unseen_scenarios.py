"""Scenarios of what is seen of an operation beside its values: memory, strides, refusals, unseen writes."""

from __future__ import annotations

import copy
import io
from typing import Any

from scenarios import error, scenario


def seen(x: Any) -> list[Any]:
    """What one sees of a tensor without its values."""
    name = None if x.grad_fn is None else x.grad_fn.name()
    return [list(x.shape), list(x.stride()), x.storage_offset(), x.requires_grad, x._is_view(), name]


def _gradient(torch: Any, operation: Any, change: Any) -> Any:
    x = torch.tensor([1.0, 2.0], requires_grad=True)
    made = operation(x)
    change(x)
    made.sum().backward()
    return x.grad


@scenario
def written_unseen_between_forward_and_backward(torch: Any) -> Any:
    def doubled(x: Any) -> None:
        x.data.mul_(2)

    def exchanged(x: Any) -> None:
        x.data = torch.zeros(2)

    operations = [
        lambda x: x * x, torch.sin, lambda x: x**3, torch.log, torch.relu, torch.exp, torch.abs,
        lambda x: x.view(2, 1) * x.view(1, 2), lambda x: torch.mm(x[None], x[:, None]),
    ]  # fmt: skip
    found = [_gradient(torch, one, change) for one in operations for change in (doubled, exchanged)]
    x, w = torch.tensor([1.0, 2.0], requires_grad=True), torch.tensor([3.0, 4.0])
    y, z = x * w, x * w[:1]
    w.data.mul_(2)
    (y.sum() + z.sum()).backward()
    shared = torch.tensor([3.0, 4.0])
    y = x * shared
    memory = shared.numpy()
    memory *= 3
    y.sum().backward()
    return [*found, x.grad]


@scenario
def data_of_another_shape(torch: Any) -> Any:
    def leaf() -> Any:
        return torch.ones(2, requires_grad=True)

    def after(operation: Any, data: Any) -> Any:
        x = leaf()
        y = operation(x).sum()
        x.data = data
        y.backward()
        return [x.grad, list(x.shape)]

    def again() -> Any:
        x = leaf()
        y = (x * 2).sum()
        y.backward()
        x.data = torch.ones(3)
        (x * 2).sum().backward()

    def within() -> Any:
        y = leaf() * 2
        y.data = torch.ones(3)
        y.sum().backward()

    x = leaf()
    x.data = torch.ones(3)
    (x * 2).sum().backward()
    wide = after(lambda x: x * 2, torch.ones(2).double())
    return [x.grad, after(lambda x: x * 2, torch.ones(3)), wide, error(again), error(within)]


@scenario
def no_derivative(torch: Any) -> Any:
    x = torch.tensor([1.0, 2.0, 2.0, 3.0], requires_grad=True)
    z = torch.tensor(1 + 2j, requires_grad=True)
    made = [
        torch.unique(x), x.unique(dim=0), torch.unique_consecutive(x),
        torch.special.zeta(x + 1, torch.ones(4)), z * z,
    ]  # fmt: skip
    unseen = [torch.special.bessel_j0(x), torch.special.chebyshev_polynomial_t(x, torch.tensor([2.0]))]
    return [
        [seen(one)[3:5] for one in made + unseen],
        [error(one.sum().backward) for one in made],
        error(lambda: torch.autograd.grad(z * z, z)),
        torch.special.bessel_j0(x, out=torch.zeros(4, requires_grad=True)),
    ]


@scenario
def strides_of_length_one(torch: Any) -> Any:
    found = []
    for shape in [(2, 3), (1, 3), (2, 1, 3)]:
        x = torch.arange(float(torch.Size(shape).numel())).reshape(shape)
        found += [seen(x.rot90(k)) for k in (-1, 0, 2)]
        found += [seen(x.unfold(dim, 1, step)) for dim in range(x.ndim) for step in (1, 2)]
        found += [seen(x.diagonal(offset, 0, x.ndim - 1)) for offset in (-1, 2)]
        found += [seen(x.nonzero()), seen(torch.argwhere(x == 0)), *map(seen, x.nonzero(as_tuple=True))]
    return [*found, [one.tolist() for one in torch.tensor(2.0).nonzero(as_tuple=True)]]


@scenario
def the_tensor_itself(torch: Any) -> Any:
    x, y = torch.ones(2, 3), torch.ones(3)
    both = torch.broadcast_tensors(x, y)
    number = torch.tensor(1.0)
    return [
        [both[0] is x, both[1] is y, both[1]._is_view()],
        [torch.broadcast_tensors(x)[0] is x, torch.broadcast_tensors(number, number)[1] is number],
    ]


@scenario
def memory_that_lies_on_itself(torch: Any) -> Any:
    places, zeros = torch.tensor([0]), torch.zeros(2, 3, dtype=torch.int64)

    def matrix() -> Any:
        return torch.arange(6.0).reshape(2, 3)

    def line() -> Any:
        return torch.arange(6)

    def on(x: Any, name: str, *args: Any, **kwargs: Any) -> Any:
        def run() -> Any:
            getattr(x, name)(*args, **kwargs)

        said = error(run)
        return [said[0], x] if "no error" in said else said

    x, y, z = matrix(), line(), matrix()
    spread = line().expand(2, 6)
    return [
        on(x, "scatter_", 0, zeros, x), on(x, "scatter_add_", 0, zeros, x),
        on(x, "scatter_reduce_", 0, zeros, x, "sum"), on(y, "scatter_", 0, y, 1),
        on(y, "index_fill_", 0, y, 3), on(y, "index_copy_", 0, y, y), on(y, "index_add_", 0, y, line()),
        on(x, "index_copy_", 0, places, x[1:]),
        on(z, "index_fill_", 0, places, z[0, 1]), on(z, "masked_fill_", z > 2, z[0, 1]),
        on(spread, "scatter_", 0, zeros, 1), on(spread, "index_copy_", 0, places, torch.ones(1, 6).long()),
    ]  # fmt: skip


@scenario
def sums_of_truths(torch: Any) -> Any:
    truths, places = torch.tensor([True, False, True]), torch.tensor([0, 0, 1])
    return [
        truths.scatter_add(0, places, truths), truths.index_add(0, places, truths),
        truths.scatter_reduce(0, places, truths, "sum"), truths.scatter_reduce(0, places, truths, "prod"),
        truths.put(places, truths, accumulate=True), truths.index_put((places,), truths, accumulate=True),
    ]  # fmt: skip


@scenario
def views_in_place(torch: Any) -> Any:
    found = []
    for change in [
        lambda x: x.as_strided_((2, 2), (1, 2)), lambda x: x.t_(), lambda x: x.unsqueeze_(0),
        lambda x: x.transpose_(0, 1).mul_(2), lambda x: x.squeeze_(), lambda x: x.swapaxes_(0, 1),
    ]:  # fmt: skip
        start = torch.arange(6.0).reshape(2, 3).requires_grad_()
        x = change(start.clone())
        x.pow(2).sum().backward()
        found.append([list(x.shape), x.grad_fn.name(), x._version, start.grad])
    return found


@scenario
def einsum_of_one(torch: Any) -> Any:
    x = torch.arange(9.0).reshape(3, 3)
    equations = ["ij->ji", "ij", "ji", "ii->i", "i...->...i", "ij->", "ij->j", "ii"]
    made = [torch.einsum(one, x) for one in equations]
    torch.einsum("ii->i", x).fill_(-1)
    sublist = torch.einsum(x, [0, 1], x, [1, 2], [0, 2])
    return [[seen(one)[1:5] for one in made], x, made[4], sublist, torch.einsum("ij->i", x.int())]


@scenario
def written_results(torch: Any) -> Any:
    x, functional = torch.arange(6.0).reshape(2, 3), torch.nn.functional
    several = torch.quantile(x, torch.tensor([0.1, 0.5]), dim=1)
    made = [
        torch.isclose(x, x), torch.quantile(x, 0.5), torch.quantile(x, 0.5, interpolation="lower"), several,
        functional.pad(x[None], (1, 1), mode="circular"), functional.one_hot(torch.tensor([1, 2]), 4), x + x,
    ]  # fmt: skip
    return [[one._version for one in made], several, list(several.stride())]


@scenario
def arguments_without_gradient(torch: Any) -> Any:
    functional = torch.nn.functional
    x, grad = torch.full((2, 3), 0.5, requires_grad=True), torch.ones(3, requires_grad=True)
    target = torch.ones(2, requires_grad=True)
    loss = functional.cosine_embedding_loss(x, x * 2, target)
    return [
        error(lambda: functional.batch_norm(x, grad, torch.ones(3))),
        error(lambda: functional.nll_loss(x, torch.tensor([0, 1]), weight=grad)),
        error(lambda: functional.soft_margin_loss(x, grad.expand(2, 3))),
        torch.autograd.grad(loss, target, allow_unused=True)[0],
        x.detach().view_as(grad.expand(2, 3)).requires_grad,
        [one.requires_grad for one in torch.linalg.lu(torch.eye(2, requires_grad=True))],
    ]


@scenario
def pictures_of_bytes(torch: Any) -> Any:
    interpolate = torch.nn.functional.interpolate
    x = (torch.arange(2 * 6 * 5) * 37 % 251).reshape(1, 2, 6, 5).to(torch.uint8)
    return [
        interpolate(x, size=(3, 4)), interpolate(x, size=(3, 4), mode="bilinear"),
        interpolate(x, size=(8, 7), mode="bilinear", align_corners=True),
        error(lambda: interpolate(x[0], size=(3,), mode="linear"))[0],
        torch.nn.functional.avg_pool1d(-torch.arange(9).reshape(1, 1, 9), 3),
    ]  # fmt: skip


@scenario
def memory_of_copies(torch: Any) -> Any:
    x = torch.arange(24.0).reshape(2, 3, 4).permute(2, 0, 1)
    first, last = torch.tensor([0]), torch.zeros(4, 2, 3, dtype=torch.int64)
    made = [
        x.index_add(0, first, x[:1] * 1), x.index_fill(0, first, 1), x.scatter(0, last, 1.0), x.sort(0)[0],
        x.select_scatter(x[0] * 1, 0, 0), torch.kron(x, x), x.diff(dim=0), x.clone(), x.flip(0), x.ravel(),
        x.put(first, torch.ones(1)), torch.as_strided_scatter(x, torch.zeros(2, 2), (2, 2), (1, 2)),
    ]  # fmt: skip
    row = torch.arange(3.0)[None].t()
    outs = [torch.zeros(0), torch.zeros(0)]
    torch.linalg.qr(torch.ones(3, 4), out=outs)
    return [
        [list(one.stride()) for one in (*made, row.clone(), row.double(), torch.zeros_like(row), *outs)],
        made[-1],
    ]  # fmt: skip


@scenario
def conjugates_are_views(torch: Any) -> Any:
    """They follow what is written to the memory, write into it, and go into files as what they show."""
    x = torch.tensor([1 + 2j, 3 - 1j])
    y = x.conj()
    turned = torch.stack([x, y]).mH
    x.add_(1j)
    lines = [y.tolist(), y[1:].tolist(), y.imag.tolist(), y.real.tolist(), x.conj().conj().tolist()]
    y.mul_(2)
    y[0] = 5 + 4j
    y.imag[1] = 7
    lines += [x.tolist(), y.tolist(), turned.tolist()]
    lines += [
        [one.is_conj(), one.is_neg()] for one in (x, y, y[1:], y.conj(), y * 1, y.clone(), y.imag, y.real)
    ]
    lines += [y.resolve_conj().is_conj(), y.imag.resolve_neg().is_neg(), turned.is_conj()]
    for view in (y, y.imag):
        try:
            lines.append(view.numpy().tolist())
        except RuntimeError as error:
            lines.append(str(error))
    lines.append([y.real.numpy().tolist(), y.resolve_conj().numpy().tolist(), y.conj().numpy().tolist()])
    file = io.BytesIO()
    torch.save([y, turned], file)
    file.seek(0)
    lines += [one.tolist() for one in torch.load(file)]
    return [str(line) for line in lines]


@scenario
def deep_copies_share(torch: Any) -> Any:
    """What shares memory shares it in a deep copy too; a Parameter has its own there, and no gradient."""
    base, leaf = torch.arange(6.0).view(2, 3), torch.arange(3.0, requires_grad=True)
    parameter = torch.nn.Parameter(base)
    parameter.grad, leaf.grad = torch.ones(2, 3), torch.ones(3)
    views = [base, base[0], base.t(), base[:, ::2], torch.arange(3).expand(2, 3), base, parameter, leaf]
    copied = copy.deepcopy(views)
    copied[0].add_(10)
    lines = [str([seen(one)[:5], one.tolist(), one.grad is None]) for one in copied]
    file = io.BytesIO()
    torch.save([{1, (2, "b")}], file)
    file.seek(0)
    return [
        *lines,
        str(copied[0] is copied[5]),
        str(base.tolist()),
        str(torch.load(file)[0] == {1, (2, "b")}),
    ]

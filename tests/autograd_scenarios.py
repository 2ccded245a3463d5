"""Scenarios of the graph: backward, hooks, in-place operations, custom functions."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from typing import Any

from scenarios import chain, error, leaf, scenario

# ------------------------------------------------------------------ the graph


@scenario
def accumulation(torch: Any) -> Any:
    x = leaf(torch, 3)
    (x * x).sum().backward()
    first, before = x.grad.clone(), x.grad._version
    (x * 3).sum().backward()
    grad = x.grad
    version = grad._version - before
    x.grad.zero_()
    return [first, grad.clone(), version, x.grad is grad, x.is_leaf, x.grad_fn]


@scenario
def graph_names(torch: Any) -> Any:
    x, w = leaf(torch, 2, 3), leaf(torch, 3, 2)
    y = x.mm(w).clamp(min=0).pow(2).sum()
    z = ((x + 1) * x.t().t() - x / 2).exp().mean()
    return [chain(y.grad_fn), chain(z.grad_fn), chain((-x[0]).relu().grad_fn), chain(x.view(-1)[1:].grad_fn)]


@scenario
def second_backward(torch: Any) -> Any:
    x = leaf(torch, 3)
    y = (x * x).sum()
    y.backward(retain_graph=True)
    y.backward()
    z = (x + 1).sum()
    z.backward()
    return [x.grad, error(y.backward), error(z.backward)]


@scenario
def backward_errors(torch: Any) -> Any:
    x = leaf(torch, 3)
    y = x * 2
    return [
        error(y.backward),
        error(lambda: torch.ones(()).backward()),
        error(lambda: y.backward(torch.ones(2))),
        error(lambda: y.backward(1.0)),
        error(lambda: torch.autograd.grad(y.sum(), [leaf(torch, 2)])),
        torch.autograd.grad((x * 2).sum(), [leaf(torch, 2)], allow_unused=True),
        error(lambda: torch.autograd.grad(y.sum(), [torch.ones(2)])),
        error(lambda: torch.ones(2, dtype=torch.int64).requires_grad_()),
        error(lambda: setattr(y, "requires_grad", False)),
        error(lambda: y.numpy()),
        error(lambda: (x * 2).sum().backward(inputs=[])),
    ]


@scenario
def gradient_argument(torch: Any) -> Any:
    x = leaf(torch, 2, 2)
    y = x * x
    y.backward(torch.tensor([[1.0, 0.5], [0.0, 2.0]]))
    z = x.exp()
    given = torch.autograd.grad([z, x * 2], [x], [torch.ones(2, 2), None if False else torch.ones(2, 2)])
    return [x.grad, given]


@scenario
def only_inputs(torch: Any) -> Any:
    x, w = leaf(torch, 3), leaf(torch, 3, start=0.0)
    h = x * w
    (h * h).sum().backward(inputs=[w])
    first = [x.grad, w.grad]
    y = (h.detach().requires_grad_() * w).sum()
    (g,) = torch.autograd.grad((h * 2 if False else (x * w)).sum(), [x])
    return [first, g, y]


@scenario
def gradient_of_intermediate(torch: Any) -> Any:
    x = leaf(torch, 3)
    h = x * 2
    y = (h * h).sum()
    return torch.autograd.grad(y, [h, x])


@scenario
def second_derivative(torch: Any) -> Any:
    x = leaf(torch, 3)
    y = (x**3 + x.exp()).sum()
    (first,) = torch.autograd.grad(y, x, create_graph=True)
    (second,) = torch.autograd.grad(first.sum(), x, create_graph=True)
    (third,) = torch.autograd.grad(second.sum(), x, retain_graph=True)
    (first * first).sum().backward()
    return [first, second, third, x.grad, first.requires_grad, third.requires_grad]


@scenario
def no_grad_modes(torch: Any) -> Any:
    x = leaf(torch, 2)
    seen = []
    with torch.no_grad():
        seen.append((x * 2).requires_grad)
        with torch.enable_grad():
            seen.append((x * 2).requires_grad)
    with torch.set_grad_enabled(False):
        seen.append((x * 2).requires_grad)
    seen.append(torch.is_grad_enabled())

    @torch.no_grad()
    def quiet() -> Any:
        return x * 2

    @torch.inference_mode()
    def inferred() -> Any:
        return x * 2

    y = inferred()
    seen += [quiet().requires_grad, y.requires_grad, y.is_inference(), error(lambda: y.add_(1))]
    torch.set_grad_enabled(False)
    seen.append(torch.is_grad_enabled())
    torch.set_grad_enabled(True)
    return seen


@scenario
def hooks(torch: Any) -> Any:
    x = leaf(torch, 3)
    seen: list[Any] = []
    h = x * 2
    handle = h.register_hook(lambda g: seen.append(g.clone()))
    h.register_hook(lambda g: g * 10)
    x.register_hook(lambda g: g + 1)
    h.retain_grad()
    (h * h).sum().backward()
    handle.remove()
    seen += [x.grad.clone(), h.grad]
    x.grad = None
    y = x * 3
    y.grad_fn.register_hook(lambda gi, go: seen.append([len(gi), len(go), go[0].clone()]))
    y.sum().backward()
    post: list[Any] = []
    x.register_post_accumulate_grad_hook(lambda p: post.append(p.grad.clone()))
    (x * 1).sum().backward()
    return [seen, post, x.grad, error(lambda: torch.ones(2).register_hook(lambda g: g))]


@scenario
def detach_and_data(torch: Any) -> Any:
    x = leaf(torch, 3)
    y = x * 2
    d = y.detach()
    d[0] = 100.0
    x.data[1] = 7.0
    return [
        y.detach().clone(),
        d.requires_grad,
        x.detach().clone(),
        y._version,
        x._version,
        x.grad_fn,
        error(lambda: d.backward()),
    ]


# ------------------------------------------------------------------ in place


@scenario
def in_place_errors(torch: Any) -> Any:
    x = leaf(torch, 3)
    y = x.exp()
    y.add_(1)
    z = x * 2
    w = z * z
    z += 1
    v = x * 2
    view = v[0]
    s = v.sigmoid()
    view.mul_(3)
    return [
        error(lambda: x.add_(1)),
        error(lambda: x[0].add_(1)),
        error(lambda: x.__setitem__(0, 1.0)),
        error(y.sum().backward),
        error(w.sum().backward),
        s.sum().backward(),
        x.grad,
        error(lambda: torch.ones(2, dtype=torch.int64).add_(1.5)),
        error(lambda: torch.ones(2).add_(torch.ones(3, 2))),
        error(lambda: torch.ones(1).expand(3).add_(1)),
    ]


@scenario
def in_place_through_views(torch: Any) -> Any:
    x = leaf(torch, 2, 3)
    y = x * 1
    row = y[0]
    row.mul_(2)
    y[1] = row * 3
    column = y.t()[2]
    column += 1
    (y * y).sum().backward()
    return [y, row, x.grad, y.grad_fn.name(), row.grad_fn.name(), column.is_leaf]


@scenario
def in_place_on_views_of_plain_tensors(torch: Any) -> Any:
    w = leaf(torch, 3)
    buffer = torch.zeros(2, 3)
    view = buffer[0]
    buffer[0] = w * 2
    buffer[1].add_(w)
    total = (buffer * torch.tensor([[1.0], [10.0]])).sum()
    total.backward()
    return [buffer, view.requires_grad, w.grad]


@scenario
def mask_and_index_assignment(torch: Any) -> Any:
    x = leaf(torch, 2, 3)
    y = x * 2
    y[y < 0] = 0
    y[:, torch.tensor([0, 2])] *= 3
    y.masked_fill_(y > 4, 1.0)
    y.sum().backward()
    z = torch.arange(6.0).view(2, 3)
    z[torch.tensor([True, False])] = torch.tensor([9.0, 8.0, 7.0])
    z[..., -1] = -1
    z[[0, 1], [0, 1]] = torch.tensor([5.0, 6.0])
    return [y, x.grad, z, z[z > 5], z[torch.tensor([1, 0]), 1:], z[None, :, [True, False, True]]]


@scenario
def versions(torch: Any) -> Any:
    x = torch.zeros(3)
    y = x[1:]
    y += 1
    x.zero_()
    d = x.data
    d.add_(1)
    e = x.detach()
    e.add_(1)
    return [x._version, y._version, d._version, e._version, x]


# ------------------------------------------------------------------ custom functions


@scenario
def custom_function(torch: Any) -> Any:
    seen: list[Any] = []

    class Scale(torch.autograd.Function):
        @staticmethod
        def forward(ctx: Any, x: Any, factor: float, w: Any = None) -> Any:
            ctx.save_for_backward(x, w)
            ctx.factor = factor
            return x * factor, (x * 2).detach()

        @staticmethod
        def backward(ctx: Any, g: Any, g2: Any) -> Any:
            x, w = ctx.saved_tensors
            seen.append([ctx.needs_input_grad, g, g2, x, w])
            return g * ctx.factor + g2, None, None

    x = leaf(torch, 3)
    y, z = Scale.apply(x, 2.5)
    (y.sum() + (z * z).sum()).backward()
    again = error(lambda: y.sum().backward())
    return [y, z, x.grad, seen, y.grad_fn.name(), again[0], y.requires_grad, z.requires_grad]


def _quietly(function: Callable[[], Any]) -> list[str]:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return error(function)


@scenario
def custom_function_errors(torch: Any) -> Any:
    class Wrong(torch.autograd.Function):
        @staticmethod
        def forward(ctx: Any, x: Any, y: Any) -> Any:
            return x + y

        @staticmethod
        def backward(ctx: Any, g: Any) -> Any:
            return g

    class Marks(torch.autograd.Function):
        @staticmethod
        def forward(ctx: Any, x: Any) -> Any:
            top = x > 0
            ctx.mark_non_differentiable(top)
            half = x * 0.5
            ctx.mark_non_differentiable(half)
            return x * 2, half

        @staticmethod
        @torch.autograd.function.once_differentiable
        def backward(ctx: Any, g: Any, unused: Any) -> Any:
            return g * 2

    class Dirty(torch.autograd.Function):
        @staticmethod
        def forward(ctx: Any, x: Any) -> Any:
            x.mul_(3)
            ctx.mark_dirty(x)
            return x

        @staticmethod
        def backward(ctx: Any, g: Any) -> Any:
            return g * 3

    x = leaf(torch, 2)
    a, b = Marks.apply(x)
    h = x * 1
    d = Dirty.apply(h)
    d.sum().backward()
    return [
        error(lambda: Wrong.apply(x, x).sum().backward()),
        [a.requires_grad, b.requires_grad],
        [d is h, d, x.grad, d.grad_fn.name()],
        _quietly(Marks),
    ]


@scenario
def custom_function_twice(torch: Any) -> Any:
    class Cube(torch.autograd.Function):
        @staticmethod
        def forward(ctx: Any, x: Any) -> Any:
            ctx.save_for_backward(x)
            return x**3

        @staticmethod
        def backward(ctx: Any, g: Any) -> Any:
            (x,) = ctx.saved_tensors
            return g * 3 * x**2

    class Exp(torch.autograd.Function):
        @staticmethod
        def forward(ctx: Any, x: Any) -> Any:
            y = x.exp()
            ctx.save_for_backward(y)
            return y

        @staticmethod
        def backward(ctx: Any, g: Any) -> Any:
            (y,) = ctx.saved_tensors
            return g * y

    x = leaf(torch, 3)
    (first,) = torch.autograd.grad(Cube.apply(x).sum() + Exp.apply(x).sum(), x, create_graph=True)
    (second,) = torch.autograd.grad(first.sum(), x)
    return [first, second]

"""Programs on torch.func, written for any `torch`: PyTorch, whose results are the truth, and fnnet.torch.

Each returns arrays and texts; `tests/reference/record_torch_func.py` records PyTorch's.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

SCENARIOS: dict[str, Callable[[Any], list[Any]]] = {}


def scenario(function: Callable[[Any], list[Any]]) -> Callable[[Any], list[Any]]:
    """Enter a program."""
    SCENARIOS[function.__name__] = function
    return function


def plain(tree: Any) -> list[Any]:
    """The tensors of nested lists, tuples and dicts as arrays, in order."""
    if isinstance(tree, dict):
        return [leaf for name in tree for leaf in plain(tree[name])]
    if isinstance(tree, list | tuple):
        return [leaf for one in tree for leaf in plain(one)]
    return [tree if isinstance(tree, str) else np.array(tree.detach().numpy())]


def error(function: Callable[[], Any]) -> str:
    """The type of the exception that a call raises."""
    try:
        function()
    except Exception as raised:
        return type(raised).__name__
    return "none"


@scenario
def gradients(torch: Any) -> list[Any]:
    f = torch.func
    torch.manual_seed(0)
    x, y = torch.randn(3), torch.randn(3, dtype=torch.float64)
    made = [f.grad(lambda x: (x.sin() * x).sum())(x)]
    made += [f.grad(lambda x, y: (x.double() * y).exp().sum(), argnums=(0, 1))(x, y)]
    made += [f.grad_and_value(lambda x: (x**3).sum())(y)]
    made += [f.grad(lambda x: ((x * 2).sum(), x + 1), has_aux=True)(x)]
    made += [f.grad_and_value(lambda x: ((x * 2).sum(), {"a": x}), has_aux=True)(x)]
    made += [f.grad(f.grad(lambda x: x**4))(y[0])]
    made += [f.grad(lambda p: (p["w"] * x + p["b"]).pow(2).sum())({"w": x, "b": x[0]})]
    made += [f.grad(lambda x, *, k: (x * k).sum())(x, k=3.0)]
    return plain(made)


@scenario
def constants(torch: Any) -> list[Any]:
    f = torch.func
    x = torch.arange(1.0, 4.0)

    def with_no_grad(x: Any) -> Any:
        with torch.no_grad():
            scale = x * 2
        return (x * scale).sum()

    def in_place(x: Any) -> Any:
        y = x * 2
        y[1] = 0
        y += x
        y.t()[0].mul_(x[2])
        return (y * y).sum()

    made = [f.grad(with_no_grad)(x), f.grad(lambda x: (x * x.detach()).sum())(x)]
    made += [f.grad(in_place)(x), f.grad(lambda x: x.max() + x.abs().clamp(max=2).sum())(x)]
    made += [f.grad(lambda x: x[x.argmax()] + x.cumsum(0)[1] + torch.ones(3).mul(x).sum())(x)]
    return plain(made)


@scenario
def jacobians(torch: Any) -> list[Any]:
    f = torch.func
    torch.manual_seed(1)
    x, w = torch.randn(3), torch.randn(2, 3)

    def layer(w: Any, x: Any) -> Any:
        return torch.tanh(w @ x)

    made = [f.jacrev(layer)(w, x), f.jacfwd(layer, argnums=1)(w, x), f.jacrev(layer, argnums=(0, 1))(w, x)]
    made += [f.jacfwd(layer, argnums=(1,))(w, x), f.jacrev(lambda x: (x * 2, {"s": x.sum()}))(x)]
    made += [f.hessian(lambda x: (x.sin() ** 2).sum())(x), f.jacrev(lambda x: (x * x, x), has_aux=True)(x)]
    made += [f.hessian(lambda x, y: (x * y).sum() ** 2, argnums=(0, 1))(x, x)]
    made += [f.jacrev(f.jacfwd(lambda x: x.exp()))(x)]
    made += [f.jacrev(lambda d: d["a"] * 3)({"a": x})]
    return plain(made)


@scenario
def products(torch: Any) -> list[Any]:
    f = torch.func
    torch.manual_seed(2)
    x, v = torch.randn(3), torch.randn(3)
    out, pull = f.vjp(lambda x: x.sin(), x)
    made = [out, pull(v), pull(2 * v)]
    out, pull, aux = f.vjp(lambda x, y: ((x * y, x + y), x), x, v, has_aux=True)
    made += [out, pull((v, x)), aux]
    made += [
        f.jvp(lambda x, y: x * y, (x, v), (v, x)),
        f.jvp(lambda x: (x.exp(), x), (x,), (v,), has_aux=True),
    ]
    out, push = f.linearize(lambda x: x.sin(), x)
    return plain([*made, out, push(v)])


@scenario
def mapping(torch: Any) -> list[Any]:
    f = torch.func
    torch.manual_seed(3)
    x, y = torch.randn(4, 3), torch.randn(4, 3)
    made = [f.vmap(torch.dot)(x, y), f.vmap(torch.dot, in_dims=(1, -1))(x, y)]
    made += [f.vmap(lambda a, b: a + b, in_dims=(0, None))(x, y[0]), f.vmap(lambda a: (a, a.sum()))(x)]
    made += [f.vmap(lambda a: a * 2, out_dims=1)(x), f.vmap(lambda a: (a, a), out_dims=(0, -1))(x)]
    made += [f.vmap(f.grad(lambda a, b: (a * b).sum() ** 2), in_dims=(0, None))(x, y[0])]
    made += [f.vmap(lambda d: d["a"] * d["b"], in_dims=({"a": 0, "b": None},))({"a": x, "b": y[0]})]
    made += [f.vmap(f.vmap(lambda a, b: a * b), in_dims=(0, None))(x, y[0])]
    made += [f.vmap(lambda a: a + torch.arange(3))(x), f.vmap(lambda a: a.argmax())(x)]
    torch.manual_seed(4)
    made += [f.vmap(lambda a: a + torch.randn(3), randomness="same")(x)]
    made += [f.vmap(lambda a: a + torch.rand(3), randomness="different")(x), torch.rand(2)]
    return plain(made)


@scenario
def modules(torch: Any) -> list[Any]:
    f, nn = torch.func, torch.nn
    torch.manual_seed(5)
    net = nn.Sequential(nn.Linear(3, 4), nn.Tanh(), nn.Linear(4, 2))
    x, t = torch.randn(5, 3), torch.tensor([0, 1, 1, 0, 1])
    params = {name: value.detach() for name, value in net.named_parameters()}

    def loss(params: Any, x: Any, t: Any) -> Any:
        return nn.functional.cross_entropy(f.functional_call(net, params, (x,)), t)

    made = [f.grad(loss)(params, x, t), loss(params, x, t)]
    one = f.grad(lambda p, x, t: loss(p, x.unsqueeze(0), t.unsqueeze(0)))
    made += [f.vmap(one, in_dims=(None, 0, 0))(params, x, t)]
    norm = nn.BatchNorm1d(3)
    state = {**dict(norm.named_parameters()), **{name: value.clone() for name, value in norm.named_buffers()}}
    made += [f.functional_call(norm, state, x), state["running_mean"], norm.running_mean]
    made += [f.functional_call(norm, {"weight": torch.zeros(3)}, (), {"input": x})]
    nets = [nn.Linear(3, 2) for _ in range(3)]
    stacked, buffers = f.stack_module_state(nets)
    made += [stacked, f.vmap(lambda p, x: f.functional_call(nets[0], p, (x,)), in_dims=(0, None))(stacked, x)]
    made += [str(sorted(buffers)), str(stacked["weight"].requires_grad), str(list(net.state_dict()))]
    return plain(made)


@scenario
def errors(torch: Any) -> list[Any]:
    f = torch.func
    x = torch.ones(3)
    return [
        error(lambda: f.grad(lambda x: x)(x)),
        error(lambda: f.grad(lambda x: x.sum())(torch.ones(3, dtype=torch.int64))),
        error(lambda: f.grad(lambda x: x.sum(), argnums=1)(x)),
        error(lambda: f.grad(lambda x: 2.0)(x)),
        error(lambda: f.grad(lambda x: x.sum(), has_aux=True)(x)),
        error(lambda: f.vmap(lambda x, y: x)(x, torch.ones(2))),
        error(lambda: f.vmap(lambda x: x + torch.randn(1))(x)),
        error(lambda: f.vmap(lambda x: x, in_dims=2)(x)),
        error(lambda: f.vmap(lambda x: x)()),
        error(lambda: f.vmap(lambda x: x, in_dims=(None,))(x)),
        error(lambda: f.vmap(lambda x: x, randomness="other")(x)),
        error(lambda: f.vmap(lambda x, y: x)(x, 2.0)),
        error(lambda: f.jvp(lambda x: x, x, x)),
        error(lambda: f.vjp(lambda x: x, x)[1]((x, x))),
        error(lambda: f.functional_call(torch.nn.Linear(3, 1), [{"weight": x}, {"weight": x}], (x,))),
        error(lambda: f.functional_call(torch.nn.Linear(3, 1), {"other": x}, (x,), strict=True)),
        error(lambda: f.functional_call(torch.nn.Linear(3, 1), 3, (x,))),
        error(lambda: f.stack_module_state([])),
    ]


def _exponential(torch: Any) -> Any:
    """exp with ten times its gradient and five times its tangent, which no rule but its own gives."""

    def setup_context(ctx: Any, inputs: Any, output: Any) -> None:
        ctx.by = inputs[1]
        ctx.save_for_backward(output[0])
        ctx.save_for_forward(output[0])
        ctx.mark_non_differentiable(output[1])

    own = {
        "generate_vmap_rule": True,
        "forward": staticmethod(lambda x, by=2.0: (x.exp() * by, x * 3, 7)),
        "setup_context": staticmethod(setup_context),
        "backward": staticmethod(lambda ctx, g, *_: (g * ctx.saved_tensors[0] * 10, None)),
        "jvp": staticmethod(lambda ctx, t, *_: (t * ctx.saved_tensors[0] * 5, None, None)),
    }
    return type("Exponential", (torch.autograd.Function,), own)


def _sorting(torch: Any) -> Any:
    """A function by NumPy, which has to be told how to map itself."""

    def forward(x: Any) -> Any:
        return torch.from_numpy(np.sort(x.detach().numpy(), 0)), 1

    def vmap(info: Any, in_dims: Any, x: Any) -> Any:
        return (torch.from_numpy(np.sort(x.movedim(in_dims[0], 0).numpy(), 1)), info.batch_size), (0, None)

    own = {
        "forward": staticmethod(forward),
        "setup_context": staticmethod(lambda ctx, inputs, output: None),
        "backward": staticmethod(lambda ctx, g, n: g * (2 if n is None else 3)),
        "vmap": staticmethod(vmap),
    }
    return type("Sorting", (torch.autograd.Function,), own)


@scenario
def functions_of_the_user(torch: Any) -> list[Any]:
    f, exponential, sorting = torch.func, _exponential(torch), _sorting(torch)
    x = torch.tensor([[0.5, -1.0, 2.0], [1.5, 0.0, -0.5]], dtype=torch.float64)
    total: Any = lambda x, by=3.0: exponential.apply(x, by)[0].sum()  # noqa: E731
    made = [f.grad(total)(x), f.grad(lambda x: exponential.apply(x)[0].sum())(x), f.vmap(f.grad(total))(x)]
    made += [f.grad(lambda x: f.grad(total)(x).sin().sum())(x), f.jacrev(f.jacrev(total))(x[0])]
    made += [f.jvp(total, (x,), (x,)), f.jacfwd(total)(x), f.hessian(total)(x[0])]
    made += [f.grad(lambda x: (exponential.apply(x, 3.0)[1] * x).sum())(x)]
    made += [f.vmap(lambda x: exponential.apply(x, 3.0)[0], in_dims=1)(x), f.vjp(total, x)[1](x[0, 0])]
    made += [f.vmap(lambda x: sorting.apply(x)[0])(x), f.vmap(lambda x: sorting.apply(x)[0], in_dims=1)(x)]
    made += [f.grad(lambda x: (sorting.apply(x)[0] * x).sum())(x[0])]
    plainly = type("Plainly", (sorting,), {"vmap": torch.autograd.Function.vmap})
    own_context = {"forward": staticmethod(lambda ctx, x: x), "backward": staticmethod(lambda ctx, g: g)}
    old = type("Old", (torch.autograd.Function,), own_context)
    twice = type("Twice", (sorting,), {"generate_vmap_rule": True})
    made += [error(lambda: f.vmap(plainly.apply)(x)), error(lambda: f.grad(lambda x: old.apply(x).sum())(x))]
    made += [error(lambda: f.jvp(sorting.apply, (x,), (x,))), error(lambda: f.vmap(twice.apply)(x))]
    return plain(made)

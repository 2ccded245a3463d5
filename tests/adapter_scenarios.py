"""What users see of the adapter beyond operations, as text: messages, names of nodes, samples, attributes.

Each scenario is a function of `torch`, PyTorch's or fnnet's, that returns the lines it would print.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from printed import Scenarios, module, said

scenario = Scenarios("adapter.json")


@scenario
def assert_close(torch: Any) -> list[str]:
    close = module(torch, "testing").assert_close
    one, other = torch.ones(2, 3), torch.tensor([[2.0, 1.0, 1.0], [1.0, 1.0, 1.1]])
    nan = torch.tensor([float("nan"), 1.0])
    pairs = [
        (one, one), (one, other), (one, one.double()), (one, torch.ones(3, 2)), (1.0, 1.1), (1, 1.0), (1, 2),
        (torch.tensor(1.0), torch.tensor(2.0)), ([one, 1], [one, 2]), ({"a": [other]}, {"a": [one]}),
        ({"a": 1}, {"b": 1}), ((1, 2), (1,)), (None, 1.0), (True, False), ("a", "a"), (one, np.ones((2, 3))),
        (np.ones(2), np.zeros(2)), (torch.tensor([1, 2]), torch.tensor([1, 3])), (nan, nan), (0.5, 0.0),
        (torch.tensor([float("inf"), 1.0]), torch.ones(2)), (torch.zeros(0), torch.zeros(0)),
        (torch.tensor([1e-3, 0.0]), torch.tensor([0.0, 0.0])),
    ]  # fmt: skip
    lines = [said(close, *pair) for pair in pairs]
    lines.append(said(close, one, other, rtol=0, atol=0))
    lines.append(said(close, one, one.t().contiguous().t(), check_stride=True))
    lines += [said(close, nan, nan, equal_nan=True), said(close, one, one.double(), check_dtype=False)]
    lines += [said(close, one, other, msg="mine"), said(close, one, other, msg=lambda text: "so: " + text)]
    return [*lines, said(close, 1.0, 2.0, rtol=1)]


@scenario
def make_tensor(torch: Any) -> list[str]:
    make = module(torch, "testing").make_tensor
    torch.manual_seed(0)
    kinds = (torch.float32, torch.int64, torch.uint8, torch.bool, torch.complex64, torch.bfloat16)
    lines = [str(make(2, 2, dtype=kind, device="cpu")) for kind in kinds]
    options = {"low": 0, "high": 1, "noncontiguous": True, "requires_grad": True}
    lines.append(str(make((2, 2), dtype=torch.float64, device="cpu", **options)))
    lines.append(said(make, 2, dtype=torch.int8, device="cpu", low=3, high=1))
    return [*lines, said(make, 2, dtype=torch.int8, device="cpu", requires_grad=True)]


@scenario
def saved_tensors(torch: Any) -> list[str]:
    graph = module(torch, "autograd.graph")
    a, c = torch.arange(3.0, requires_grad=True), torch.ones(3, requires_grad=True)
    with graph.saved_tensors_hooks(lambda t: t * 1, lambda t: t * 10):
        y = (a * a).sum()
    y.backward()
    lines = [str(a.grad)]

    class Square(torch.autograd.Function):
        @staticmethod
        def forward(ctx: Any, x: Any) -> Any:
            ctx.save_for_backward(x)
            return x * x

        @staticmethod
        def backward(ctx: Any, g: Any) -> Any:
            return 2 * ctx.saved_tensors[0] * g

    with graph.saved_tensors_hooks(lambda t: t, lambda t: t * 5):
        y = Square.apply(a).sum()
    y.backward()
    lines += [str(a.grad), said(y.backward)[:60]]
    with graph.save_on_cpu():
        y = (a**3).sum()
    y.backward()
    lines.append(str(a.grad))

    def nested() -> None:
        with graph.disable_saved_tensors_hooks("none here"), graph.saved_tensors_hooks(str, str):
            pass

    edge = graph.get_gradient_edge(a)
    lines += [said(nested), edge.node.name(), str(torch.autograd.grad((a * 2).sum(), edge))]
    seen: list[Any] = []
    handle = graph.register_multi_grad_hook(
        (a, c), lambda gs: seen.append([None if g is None else g.tolist() for g in gs])
    )
    (a * c).sum().backward()
    (a * 2).sum().backward()
    handle.remove()
    (a * c).sum().backward()
    return [*lines, str(seen)]


@scenario
def checkpoint(torch: Any) -> list[str]:
    checkpoint = module(torch, "utils.checkpoint")
    torch.manual_seed(1)
    nn = torch.nn
    net = nn.Sequential(nn.Linear(3, 4), nn.Tanh(), nn.Dropout(0.5), nn.Linear(4, 2))
    x, calls, lines = torch.randn(5, 3, requires_grad=True), [], []
    net[1].register_forward_hook(lambda *_: calls.append(1))
    for run in (
        lambda: net(x),
        lambda: checkpoint.checkpoint(net, x, use_reentrant=True),
        lambda: checkpoint.checkpoint(net, x, use_reentrant=False),
        lambda: checkpoint.checkpoint_sequential(net, 2, x, use_reentrant=False),
    ):
        torch.manual_seed(3)
        x.grad = None
        net.zero_grad()
        run().pow(2).sum().backward()
        lines += [str(x.grad[0]), str(net[0].weight.grad[0]), str(len(calls))]
    return lines


@scenario
def averaged_weights(torch: Any) -> list[str]:
    swa = module(torch, "optim.swa_utils")
    torch.manual_seed(0)
    net = torch.nn.Sequential(torch.nn.Linear(2, 2), torch.nn.BatchNorm1d(2))
    optimizer = torch.optim.SGD(net.parameters(), lr=0.1)
    mean = swa.AveragedModel(net)
    moving = swa.AveragedModel(net, multi_avg_fn=swa.get_ema_multi_avg_fn(0.5), use_buffers=True)
    schedule = swa.SWALR(optimizer, swa_lr=0.05, anneal_epochs=3)
    x, lines = torch.randn(8, 2), []
    for _ in range(4):
        optimizer.zero_grad()
        (net(x) - 1).pow(2).mean().backward()
        optimizer.step()
        mean.update_parameters(net)
        moving.update_parameters(net)
        schedule.step()
        lines.append(str([round(rate, 6) for rate in schedule.get_last_lr()]))
    swa.update_bn([x], mean)
    lines += [str(mean.n_averaged), str(mean.module[0].weight), str(moving.module[1].running_mean)]
    return [*lines, str(mean.module[1].running_var), said(swa.get_ema_avg_fn, 2)]


@scenario
def mixed_precision(torch: Any) -> list[str]:
    F = torch.nn.functional
    torch.manual_seed(0)
    x, v, i = torch.rand(3, 3), torch.rand(3), torch.tensor([0, 2, 1])
    low = x.bfloat16()
    lines = []
    with torch.autocast("cpu", dtype=torch.bfloat16):
        outcomes = [
            x @ x, torch.mm(x, x), torch.mv(x, v), F.linear(x, x), torch.einsum("ij,jk->ik", x, x), x + low,
            F.softmax(low, 1), F.mse_loss(low, low), F.cross_entropy(low, i), torch.cat([x, low]), low.exp(),
            low.prod(), torch.baddbmm(x[None], x[None], x[None]), F.layer_norm(low, (3,)),
            x.double() @ x.double(),
            F.conv1d(x[None], torch.rand(3, 3, 1)), F.scaled_dot_product_attention(x, x, x),
        ]  # fmt: skip
        with torch.autocast("cpu", enabled=False):
            outcomes.append(x @ x)
        lines.append(str(torch.is_autocast_enabled("cpu")))
    lines += [str(torch.is_autocast_enabled("cpu")), str([str(one.dtype) for one in outcomes])]
    weight = torch.ones(2, requires_grad=True)
    optimizer = torch.optim.SGD([weight], lr=0.5)
    scaler = torch.amp.GradScaler("cpu", init_scale=4.0, growth_interval=2)
    for factor in (1.0, 2.0, float("inf"), 1.0):
        optimizer.zero_grad()
        scaler.scale((weight * factor).sum()).backward()
        scaler.unscale_(optimizer)
        scaler.step(optimizer)
        lines.append(said(scaler.step, optimizer))
        scaler.update()
        lines.append(f"{weight.tolist()} {scaler.get_scale()}")
    return [*lines, str(scaler.state_dict()), said(scaler.load_state_dict, {})]


@scenario
def distributions(torch: Any) -> list[str]:
    d = module(torch, "distributions")
    torch.manual_seed(0)
    a = torch.tensor([0.5, 1.0, 2.0], requires_grad=True)
    b, p = torch.tensor([1.0, 0.5, 2.0]), torch.tensor([0.2, 0.5, 0.9])
    covariance = torch.tensor([[2.0, 0.5], [0.5, 1.0]])
    made = [
        d.Normal(a, b), d.LogNormal(a, b), d.Laplace(a, b), d.Uniform(a, a + b), d.Exponential(b),
        d.Bernoulli(p), d.Geometric(p), d.Categorical(p), d.Categorical(logits=a),
        d.OneHotCategorical(p), d.Poisson(b),
        d.Independent(d.Normal(a, b), 1), d.MultivariateNormal(torch.zeros(2), covariance), d.Gumbel(a, b),
    ]  # fmt: skip
    lines = []
    for one in made:
        drawn = one.sample((2,))
        lines += [repr(one), str(drawn), str(one.log_prob(drawn)), said(lambda one=one: one.mean)]
        lines.append(said(one.entropy))
    lines += [str(d.Normal(a, b).rsample()), str(d.Normal(0.0, 1.0).cdf(b))]
    value = torch.tensor([0.2, 0.3, 0.5])
    lines += [str(one.log_prob(value)) for one in (d.Gamma(a, b), d.Beta(a, b), d.Dirichlet(b))]
    kl = d.kl_divergence
    lines += [str(kl(d.Normal(a, b), d.Normal(b, b + 1))), str(kl(d.Bernoulli(p), d.Bernoulli(logits=a)))]
    lines += [str(kl(made[7], made[8])), said(kl, made[0], made[7])]
    lines += [
        said(d.Normal, torch.zeros(2), torch.tensor([1.0, -1.0])), said(d.Bernoulli),
        said(d.Uniform, 1.0, 0.0),
        said(d.Bernoulli(p).log_prob, torch.tensor([2.0, 0, 0])), said(d.Normal(0.0, 1.0).log_prob, 1.0),
        said(d.Normal(a, b).log_prob, torch.zeros(2)), said(d.Categorical, torch.tensor(1.0)),
    ]  # fmt: skip
    return lines


@scenario
def several_results(torch: Any) -> list[str]:
    x = torch.tensor([[3.0, 1.0, 2.0], [6.0, 5.0, 4.0]])
    results = [x.max(1), x.sort(), x.topk(2), x.median(1), x.mode(1), torch.cummax(x, 1), torch.aminmax(x)]
    results += [torch.ones(2, 3, requires_grad=True).min(1), torch.slogdet(x @ x.T)]
    return [repr(one) for one in results]


NAMES = """
x.sum();x.sum(0);x.mean();x.mean(0);x.max();x.max(0)[0];x.prod(0);x.median(0)[0];1 - x;2 / x;x**2;x**y;2**x
x.fmod(y);x % y;torch.max(x, y);torch.where(x > 0, x, y);x.masked_fill(x > 1, 0);x[i];x.gather(1, i[:, None])
x.t().reshape(12);x.split([1, 3], 1)[0];x.scatter(1, i[:, None], 0.0);x.diag();x.squeeze(0);x @ v;v @ v;b @ m
b @ b.mT;F.linear(x, m);F.linear(x, m, v);F.linear(b, m, v);F.interpolate(b, scale_factor=2)
F.pad(b, (1, 1), mode="reflect");F.l1_loss(x, y);F.l1_loss(x, y, reduction="sum");F.cross_entropy(x, i)
F.cross_entropy(x, p);F.cross_entropy(x, i, label_smoothing=0.1);F.kl_div(x, p, reduction="batchmean")
F.scaled_dot_product_attention(b, b, b);F.embedding(i, m);F.batch_norm(x, None, None, training=True)
nn.GRU(4, 3)(b)[0];nn.LSTM(4, 3, batch_first=True)(b)[0];x.clone().zero_();x.clone().fill_(2)
x.clone().uniform_()
x.clone().index_put_((i,), y);x // 2;torch.div(x, y, rounding_mode="floor");x.view_as(y);F.rms_norm(x, (4,))
F.conv1d(b, torch.ones(2, 3, 2));x.clamp(min=y);torch.lerp(x, y, y);x.repeat_interleave(2, 0);+x;x.real
"""


@scenario
def names_of_nodes(torch: Any) -> list[str]:
    torch.manual_seed(0)
    made = {name: torch.rand(3, 4, requires_grad=True) for name in "xy"}
    made |= {"m": torch.rand(4, 4, requires_grad=True), "b": torch.rand(2, 3, 4, requires_grad=True)}
    made |= {"v": torch.rand(4, requires_grad=True), "i": torch.tensor([0, 2, 1])}
    made |= {"p": torch.full((3, 4), 0.25), "torch": torch, "nn": torch.nn, "F": torch.nn.functional}
    lines = []
    for text in NAMES.replace("\n", ";").split(";"):
        if text:
            node = eval(text, made).grad_fn
            lines.append(f"{text}: {'none' if node is None else node.name().rpartition('::')[2]}")
    linear = torch.nn.functional.linear(made["x"], made["m"], made["v"]).grad_fn
    variables = [getattr(node, "variable", None) is made["v"] for node, _ in linear.next_functions]
    lines.append(f"bias first: {variables[0]}, edges: {len(variables)}")
    return [
        *lines,
        str(len(made["x"][made["i"]].grad_fn.next_functions)),
        str((made["x"] - 1).grad_fn.next_functions[1]),
    ]


@scenario
def attributes(torch: Any) -> list[str]:
    x = torch.arange(6.0).view(2, 3)
    names = [
        "is_sparse",
        "is_quantized",
        "is_cuda",
        "is_cpu",
        "is_meta",
        "layout",
        "itemsize",
        "nbytes",
        "name",
        "is_nested",
    ]
    lines = [f"{name} {getattr(x, name)}" for name in names]
    lines += [
        str(x.get_device()),
        str(x.is_signed()),
        str(x.is_set_to(x[0])),
        str(x.is_same_size(x)),
        str(type(x)),
    ]
    lines += [
        str(type(x.shape)),
        str(type(x.dtype)),
        str(type(x.device)),
        torch.typename(x),
        str(x.sum_to_size(1, 3)),
    ]
    lines += [
        said(x.sum_to_size, 4),
        str(x.clone().resize_(3, 2)),
        said(torch.detach, 3),
        str(torch.fill(x, 2.0)),
    ]
    lines += [str(torch.ones(3).apply_(lambda v: v * 3)), str(torch.zeros(5, 2).fill_diagonal_(5, wrap=True))]
    lines += [
        str(torch.scalar_tensor(3)),
        str(torch.broadcast_shapes((2, 1), (3,))),
        str(torch.asarray([1, 2.0])),
    ]
    lines += [
        said(torch.broadcast_shapes, (2,), (3,))[:40],
        str(torch.empty_strided((2, 3), (1, 2)).stride()),
    ]
    with torch.device("cpu"):
        lines.append(str(torch.get_default_device()))
    return [
        *lines,
        str(+x is x),
        str(torch.positive(x) is x),
        str(x.new(2, 2).shape),
        str(x.split_with_sizes([1, 1])),
    ]


@scenario
def states_of_old(torch: Any) -> list[str]:
    norm = torch.nn.BatchNorm1d(2)
    lines = [said(norm.load_state_dict, {}), str(dict(norm.state_dict()._metadata))]
    other = torch.nn.Linear(1, 1)
    groups = [{"params": [norm.weight]}, {"params": [other.weight], "lr": 0.5}]
    return [*lines, repr(torch.optim.SGD(groups, lr=0.1))]

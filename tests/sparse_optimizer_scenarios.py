"""Optimizers with sparse gradients, and whole programs with sparse tensors, as text."""

from __future__ import annotations

from typing import Any

from printed import Scenarios
from sparse_scenarios import said

scenario = Scenarios("sparse_optimizers.json")


def table(torch: Any) -> Any:
    """An embedding whose weights are numbers that are easy to follow."""
    made = torch.nn.Embedding(6, 2, sparse=True)
    with torch.no_grad():
        made.weight.copy_(torch.linspace(-1, 1, 12).reshape(6, 2))
    return made


def steps(torch: Any, name: str, **options: Any) -> list[str]:
    """What three steps do to a table, and what the optimizer keeps."""
    module = table(torch)
    optimizer = getattr(torch.optim, name)(module.parameters(), **options)
    rows = torch.tensor([[1, 2, 4, 2], [0, 0, 1, 1], [2, 5, 5, 5]])
    lines = []
    for step in range(3):
        optimizer.zero_grad()
        loss = (module(rows[step]) - 1).pow(3).sum()
        loss.backward()
        optimizer.step()
        lines += [f"{loss.item():.4f}", str(module.weight.data)]
    kept = optimizer.state_dict()["state"].get(0, {})
    lines += [f"{key} {value.to_dense() if 'buffer' in key else value}" for key, value in kept.items()]
    again = getattr(torch.optim, name)(module.parameters(), **options)
    again.load_state_dict(optimizer.state_dict())
    (module(rows[0]) * 2).pow(2).sum().backward()
    again.step()
    return [*lines, str(module.weight.data), str(type(kept.get("step")).__name__ == "int")]


@scenario
def update_rules(torch: Any) -> list[str]:
    lines = []
    for name, options in (
        ("SGD", {"lr": 0.1}),
        ("SGD", {"lr": 0.1, "maximize": True}),
        ("SGD", {"lr": 0.1, "momentum": 0.9}),
        ("SGD", {"lr": 0.1, "momentum": 0.9, "nesterov": True}),
        ("Adagrad", {"lr": 0.1}),
        ("Adagrad", {"lr": 0.1, "lr_decay": 0.1, "initial_accumulator_value": 0.5, "maximize": True}),
        ("SparseAdam", {"lr": 0.1}),
        ("SparseAdam", {"lr": 0.05, "betas": (0.8, 0.95), "eps": 1e-3, "maximize": True}),
    ):
        lines += steps(torch, name, **options)
    return lines


@scenario
def refused_rules(torch: Any) -> list[str]:
    lines = []
    for name, options in (
        ("SGD", {"lr": 0.1, "weight_decay": 0.1}),
        ("Adagrad", {"weight_decay": 0.1}),
        ("Adam", {}),
        ("AdamW", {}),
        ("RMSprop", {}),
        ("Adadelta", {}),
        ("Adamax", {}),
        ("NAdam", {}),
        ("RAdam", {}),
        ("ASGD", {}),
        ("Rprop", {}),
    ):
        lines.append(said(steps, torch, name, **options))
    module = torch.nn.Linear(2, 2)
    module(torch.ones(1, 2)).sum().backward()
    return [*lines, said(torch.optim.SparseAdam(module.parameters()).step)]


@scenario
def zeroed_and_mixed(torch: Any) -> list[str]:
    module = torch.nn.Sequential(table(torch), torch.nn.Linear(2, 1))
    with torch.no_grad():
        for p in module[1].parameters():
            p.fill_(0.5)
    rates = [
        torch.optim.SparseAdam(module[0].parameters(), lr=0.05),
        torch.optim.Adam(module[1].parameters()),
    ]
    lines = []
    for step in range(3):
        for optimizer in rates:
            optimizer.zero_grad(set_to_none=step != 1)
        if step == 1:
            lines.append(str(module[0].weight.grad))
        loss = module(torch.tensor([step, 2, 4])).pow(2).sum()
        loss.backward()
        for optimizer in rates:
            optimizer.step()
        lines += [f"{loss.item():.5f}", str(module[0].weight.data), str(module[1].weight.data)]
    schedule = torch.optim.lr_scheduler.StepLR(torch.optim.SGD(table(torch).parameters(), lr=0.1), 1)
    schedule.step()
    return [*lines, str(schedule.get_last_lr())]


def ring(torch: Any, count: int) -> Any:
    """The normalised adjacency of a ring with some chords, self-loops included, in coordinates."""
    here = torch.arange(count)
    pairs = [torch.stack([here, here])]
    for reach in (1, 5):
        there = (here + reach) % count
        pairs += [torch.stack([here, there]), torch.stack([there, here])]
    places = torch.cat(pairs, 1)
    degree = torch.zeros(count).index_add_(0, places[0], torch.ones(places.shape[1]))
    values = degree[places[0]].pow(-0.5) * degree[places[1]].pow(-0.5)
    return torch.sparse_coo_tensor(places, values, (count, count))


@scenario
def graph_convolution(torch: Any) -> list[str]:
    nn, F = torch.nn, torch.nn.functional

    class Convolution(nn.Module):
        def __init__(self, inside: int, outside: int) -> None:
            super().__init__()
            self.weight = nn.Parameter(torch.empty(inside, outside))
            self.bias = nn.Parameter(torch.zeros(outside))
            nn.init.xavier_uniform_(self.weight)

        def forward(self, x: Any, adjacency: Any) -> Any:
            return torch.spmm(adjacency, torch.mm(x, self.weight)) + self.bias

    class Network(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.first, self.second = Convolution(8, 6), Convolution(6, 3)

        def forward(self, x: Any, adjacency: Any) -> Any:
            hidden = F.dropout(F.relu(self.first(x, adjacency)), 0.5, self.training)
            return F.log_softmax(self.second(hidden, adjacency), 1)

    adjacency, x = ring(torch, 20).coalesce(), torch.randn(20, 8)
    target = torch.arange(20) % 3
    network = Network()
    optimizer = torch.optim.Adam(network.parameters(), lr=0.05, weight_decay=5e-4)
    lines = [str(adjacency)]
    for epoch in range(8):
        network.train()
        optimizer.zero_grad()
        loss = F.nll_loss(network(x, adjacency)[:10], target[:10])
        loss.backward()
        optimizer.step()
        lines.append(f"{epoch} {loss.item():.4f}")
    network.eval()
    return [*lines, str(network(x, adjacency)[:4])]


@scenario
def graph_attention(torch: Any) -> list[str]:
    F = torch.nn.functional

    class Product(torch.autograd.Function):
        @staticmethod
        def forward(ctx: Any, indices: Any, values: Any, shape: Any, b: Any) -> Any:
            a = torch.sparse_coo_tensor(indices, values, shape)
            ctx.save_for_backward(a, b)
            ctx.N = shape[0]
            return torch.matmul(a, b)

        @staticmethod
        def backward(ctx: Any, gradient: Any) -> Any:
            a, b = ctx.saved_tensors
            of_values = of_b = None
            if ctx.needs_input_grad[1]:
                whole = gradient.matmul(b.t())
                of_values = whole.view(-1)[a._indices()[0, :] * ctx.N + a._indices()[1, :]]
            if ctx.needs_input_grad[3]:
                of_b = a.t().matmul(gradient)
            return None, of_values, None, of_b

    adjacency = ring(torch, 12).to_dense()
    edges = adjacency.nonzero().t()
    x = torch.randn(12, 4)
    w = torch.randn(4, 3, requires_grad=True)
    a = torch.randn(1, 6, requires_grad=True)
    optimizer = torch.optim.SGD([w, a], lr=0.1)
    lines = []
    for _ in range(5):
        h = torch.mm(x, w)
        scores = a.mm(torch.cat((h[edges[0]], h[edges[1]]), 1).t()).squeeze()
        strength = torch.exp(-F.leaky_relu(scores, 0.2))
        total = Product.apply(edges, strength, torch.Size([12, 12]), torch.ones(12, 1))
        made = Product.apply(edges, strength, torch.Size([12, 12]), h).div(total)
        loss = F.elu(made).pow(2).mean()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        lines.append(f"{loss.item():.5f}")
    weights = torch.sparse.softmax(torch.sparse_coo_tensor(edges, scores, (12, 12)), 1)
    return [*lines, str(w.grad), str(a.grad), str(torch.sparse.mm(weights, h))]


@scenario
def recommender(torch: Any) -> list[str]:
    users, items, width = 6, 8, 4
    pairs = torch.tensor([[u, (3 * u + k) % items] for u in range(users) for k in range(3)])
    here = torch.cat([pairs[:, 0], pairs[:, 1] + users])
    there = torch.cat([pairs[:, 1] + users, pairs[:, 0]])
    size = torch.Size([users + items] * 2)
    graph = torch.sparse.FloatTensor(torch.stack([here, there]), torch.ones(len(here)), size)
    degree = torch.sparse.sum(graph, 1).to_dense().clamp(min=1)
    values = graph.coalesce().values()
    rows, columns = graph.coalesce().indices()
    graph = torch.sparse.FloatTensor(
        torch.stack([rows, columns]), values / (degree[rows] * degree[columns]).sqrt(), size
    ).coalesce()
    user, item = torch.nn.Embedding(users, width), torch.nn.Embedding(items, width)
    optimizer = torch.optim.Adam([*user.parameters(), *item.parameters()], lr=0.05)
    lines = []
    for epoch in range(6):
        kept = torch.rand(graph._nnz()) + 0.7 >= 1
        dropped = torch.sparse.FloatTensor(graph.indices().t()[kept].t(), graph.values()[kept] / 0.7, size)
        layer = torch.cat([user.weight, item.weight])
        layers = [layer]
        for _ in range(2):
            layer = torch.sparse.mm(dropped, layer)
            layers.append(layer)
        mean = torch.stack(layers, 1).mean(1)
        u, i = torch.split(mean, [users, items])
        good = (u[pairs[:, 0]] * i[pairs[:, 1]]).sum(1)
        bad = (u[pairs[:, 0]] * i[(pairs[:, 1] + 4) % items]).sum(1)
        loss = torch.nn.functional.softplus(bad - good).mean()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        lines.append(f"{epoch} {loss.item():.4f}")
    return [*lines, str(user.weight.data[:2]), str(u.detach() @ i.detach().t())]


@scenario
def word_vectors(torch: Any) -> list[str]:
    F = torch.nn.functional
    words = torch.tensor([k * k % 11 for k in range(60)])
    inside, outside = (torch.nn.Embedding(11, 5, sparse=True) for _ in range(2))
    with torch.no_grad():
        outside.weight.mul_(0.1)
    optimizer = torch.optim.SparseAdam([*inside.parameters(), *outside.parameters()], lr=0.02)
    lines = []
    for epoch in range(2):
        total = 0.0
        for start in range(0, 48, 12):
            centre, context = words[start : start + 12], words[start + 1 : start + 13]
            noise = torch.randint(0, 11, (12, 3))
            middle = inside(centre)
            good = F.logsigmoid((middle * outside(context)).sum(1))
            bad = F.logsigmoid(-torch.bmm(outside(noise), middle.unsqueeze(2)).squeeze(2)).sum(1)
            loss = -(good + bad).mean()
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            total += loss.item()
        lines.append(f"{epoch} {total:.4f}")
    return [*lines, str(inside.weight.data[:3]), str(outside.weight.grad.is_sparse)]

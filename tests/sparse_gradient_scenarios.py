"""Gradients through sparse tensors, and gradients that are sparse, as text."""

from __future__ import annotations

from typing import Any

from printed import Scenarios
from sparse_scenarios import matrices, said

scenario = Scenarios("sparse_gradients.json")


@scenario
def gradients(torch: Any) -> list[str]:
    there = torch.tensor([[1, 0, 1], [2, 0, 2]])
    x = torch.arange(6.0).reshape(3, 2)

    def of_values(function: Any) -> str:
        v = torch.tensor([3.0, -4.0, 5.0], requires_grad=True)
        made = function(torch.sparse_coo_tensor(there, v, (2, 3)))
        made = made.to_dense() if made.is_sparse else made
        made.pow(2).sum().backward()
        return f"{v.grad}"

    functions = [
        lambda s: torch.sparse.mm(s, x),
        lambda s: torch.mm(s, x),
        lambda s: s @ x[:, 0],
        lambda s: s.to_dense(),
        lambda s: s.coalesce().values(),
        lambda s: s * 3,
        lambda s: s / 3,
        lambda s: s.t(),
        lambda s: s * s,
        lambda s: torch.eye(2, 3) + s,
        lambda s: s + s,
        lambda s: s - s.coalesce(),
        lambda s: x.t() @ s.t(),
        lambda s: torch.sparse.mm(s, s.t()),
        lambda s: torch.sparse.softmax(s, 1),
        lambda s: torch.sparse.sum(s),
        lambda s: torch.sparse.sum(s, 0),
        lambda s: torch.sparse.sum(s, 1),
        lambda s: s.sum(),
        lambda s: -s,
        lambda s: torch.sparse.addmm(torch.ones(2, 2), s, x, beta=0.5, alpha=2),
        lambda s: s.double(),
        lambda s: s.clone(),
        lambda s: torch.sparse.log_softmax(s, 0),
    ]
    lines = [said(of_values, function) for function in functions]
    for leaf in (
        torch.sparse_coo_tensor(there, torch.tensor([3.0, -4.0, 5.0]), (2, 3)).requires_grad_(),
        matrices(torch)[1].requires_grad_(),
    ):
        d = x.clone().requires_grad_()
        made = torch.sparse.mm(leaf, d)
        made.sum().backward()
        lines += [str(made), str(leaf.grad), str(d.grad)]
        leaf.grad = None
        (leaf.to_dense() ** 2).sum().backward()
        lines += [
            str(leaf.grad),
            str(leaf),
            str(leaf * 2),
            str(leaf.t()),
            str(leaf.clone()),
            str(leaf.coalesce()),
        ]
        lines += [str(leaf.to_dense()), str(leaf.coalesce().values()), str(leaf.detach()), str(leaf @ d)]
        lines += [str(torch.autograd.grad(torch.sparse.mm(leaf, d).sum(), leaf)[0])]
        lines += [
            str(torch.sparse.sum(leaf)),
            str(torch.sparse.sum(leaf, 0)),
            str(torch.sparse.softmax(leaf, 1)),
        ]
    w = torch.tensor([[0.0, 1, 0], [2, 0, 3]], requires_grad=True)
    torch.sparse.mm(w.to_sparse(), x).sum().backward()
    lines.append(str(w.grad))
    w.grad = None
    (w.to_sparse() * 2).to_dense().pow(2).sum().backward()
    return [*lines, str(w.grad), said(torch.ones(2, 3).to_sparse().long().requires_grad_)]


@scenario
def embeddings(torch: Any) -> list[str]:
    nn, F = torch.nn, torch.nn.functional
    lines = []
    x = torch.tensor([[1, 2], [4, 2]])
    for options in ({}, {"padding_idx": 1}, {"max_norm": 0.5}):
        table = nn.Embedding(5, 2, sparse=True, **options)
        made = table(x)
        lines.append(str(made))
        made.pow(2).sum().backward()
        lines.append(str(table.weight.grad))
        (table(x) * 2).pow(2).sum().backward()
        lines.append(str(table.weight.grad))
        table(torch.tensor([0, 3, 3])).sum().backward()
        lines += [str(table.weight.grad.coalesce()), str(table.weight.grad.to_dense())]
        table.weight.pow(2).sum().backward()
        lines.append(str(table.weight.grad))
        table(x).sum().backward()
        lines.append(str(table.weight.grad))
        table.zero_grad()
        lines += [str(table), str(table.weight.grad)]
        lines.append(str(torch.autograd.grad(table(x).sum(), table.weight)[0]))
    for options in ({"mode": "sum"}, {"mode": "mean"}, {"mode": "sum", "padding_idx": 2}, {"mode": "max"}):
        bags = nn.EmbeddingBag(5, 2, sparse=True, **options)

        def run(bags: Any = bags) -> str:
            lines = []
            for given in ((x,), (x.reshape(-1), torch.tensor([0, 3]))):
                made = bags(*given)
                made.pow(2).sum().backward()
                lines += [str(made.detach()), str(bags.weight.grad)]
                bags.weight.grad = None
            return "\n".join(lines)

        lines.append(said(run))
    w, p = torch.ones(5, 2, requires_grad=True), torch.tensor([[1.0, 2], [3, 4]], requires_grad=True)
    F.embedding_bag(x, w, mode="sum", per_sample_weights=p, sparse=True).sum().backward()
    lines += [str(w.grad), str(p.grad)]
    frequent = nn.Embedding(5, 2, sparse=True, scale_grad_by_freq=True)
    lines.append(said(lambda: frequent(x).sum().backward()))
    seen: list[str] = []
    hooked = nn.Embedding(5, 2, sparse=True)
    hooked.weight.register_hook(lambda g: seen.append(str(g)) or g * 2)
    hooked(x).sum().backward()
    lines += [*seen, str(hooked.weight.grad), said(nn.utils.clip_grad_norm_, hooked.parameters(), 1.0)]
    both = nn.Embedding(5, 2, sparse=True)
    (both(x).sum() + both(x[0]).pow(2).sum()).backward()
    lines.append(str(both.weight.grad.coalesce()))
    both.weight.grad = None
    (both(x).sum() + both.weight.pow(2).sum()).backward()
    return [*lines, str(both.weight.grad)]

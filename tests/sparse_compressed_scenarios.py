"""Compressed sparse matrices, CSR and CSC, as text."""

from __future__ import annotations

from typing import Any

from printed import Scenarios
from sparse_scenarios import said

scenario = Scenarios("sparse_compressed.json")


def matrix(torch: Any) -> Any:
    """A matrix by its rows, one of which is empty."""
    return torch.sparse_csr_tensor([0, 2, 2, 3], [0, 3, 1], [1.0, -2.0, 3.0], (3, 4))


@scenario
def making_compressed(torch: Any) -> list[str]:
    make = torch.sparse_csr_tensor
    crow, col = torch.tensor([0, 2, 2, 3]), torch.tensor([0, 3, 1])
    v = torch.tensor([1.0, -2.0, 3.0])
    lines = [
        said(make, crow, col, v, (3, 4)),
        said(make, crow, col, v),
        said(make, crow.int(), col.int(), v, (3, 4)),
        said(make, crow, col, v.double(), (3, 4), dtype=torch.float32),
        said(make, crow, col, v.long(), (3, 4)),
        said(make, crow, col, v, (3, 4), requires_grad=True),
        said(make, crow, col, v.clone().requires_grad_(), (3, 4)),
        said(torch.sparse_csc_tensor, torch.tensor([0, 1, 1, 3]), torch.tensor([2, 0, 1]), v, (3, 3)),
        said(torch.sparse_compressed_tensor, crow, col, v, (3, 4), layout=torch.sparse_csr),
        said(make, [0, 0], [], [], (1, 2)),
    ]
    x = torch.tensor([[0.0, 1, 0], [2, 0, 3]])
    loose = torch.sparse_coo_tensor([[1, 0, 1], [2, 0, 2]], [3.0, -4.0, 5.0], (2, 3))
    for one in (x, loose, x.to_sparse_csr(), x.to_sparse_csc(), torch.zeros(2, 2), x > 0):
        lines += [said(one.to_sparse_csr), said(one.to_sparse_csc), said(one.to_sparse), said(one.to_dense)]
        lines += [said(one.to_sparse, layout=torch.sparse_csr), said(one.to_sparse_coo)]
    return lines


@scenario
def attributes_of_compressed(torch: Any) -> list[str]:
    lines = []
    for s in (matrix(torch), matrix(torch).to_sparse_csc()):
        lines.append(
            str((s.layout, s.is_sparse, s.is_sparse_csr, s._nnz(), s.shape, s.dim(), s.dtype, s.device))
        )
        lines.append(str((s.numel(), s.requires_grad, s.is_leaf, type(s), s.sparse_dim(), s.dense_dim())))
        names = (
            "crow_indices",
            "col_indices",
            "ccol_indices",
            "row_indices",
            "values",
            "indices",
            "coalesce",
        )
        lines += [said(getattr(s, name)) for name in (*names, "is_coalesced", "numpy")]
        lines += [said(s.double), said(s.clone), said(s.detach), said(s.to, torch.float16), said(s.to, "cpu")]
        lines += [said(s.to_dense), said(s.to_sparse), said(s.t), said(s.transpose, 0, 1), said(s.view, -1)]
    s = matrix(torch)
    s.values().mul_(2)
    return [*lines, str(s), said(lambda: s[0]), said(lambda: s[0, 3]), said(s.select, 0, 2)]


@scenario
def arithmetic_of_compressed(torch: Any) -> list[str]:
    s = matrix(torch)
    other = torch.sparse_csr_tensor([0, 1, 2, 2], [0, 1], [5.0, 7.0], (3, 4))
    x, v, y = torch.arange(8.0).reshape(4, 2), torch.tensor([1.0, -1, 2, 0.5]), torch.ones(2, 3)
    lines = [said(getattr(torch, name), s) for name in ("abs", "neg", "sin", "sqrt", "relu", "sign")]
    lines += [
        said(lambda: s * 2),
        said(lambda: 3 * s),
        said(lambda: -s),
        said(lambda: s + other),
        said(lambda: s + s),
        said(torch.add, s, other, alpha=2),
        said(lambda: s @ x),
        said(lambda: s @ v),
        said(s.matmul, x),
        said(torch.mm, s, x),
        said(torch.mv, s, v),
        said(torch.sparse.mm, s, x),
        said(lambda: y @ s),
        said(lambda: s.t() @ y.t()),
        said(lambda: s @ s.t().to_sparse_csr()),
        said(torch.addmm, torch.ones(3, 2), s, x, beta=2, alpha=0.5),
        said(s.sum),
        said(s.clone().mul_, 2),
        said(torch.sparse.sampled_addmm, s, torch.ones(3, 2), torch.arange(8.0).reshape(2, 4)),
        said(torch.sparse.sampled_addmm, s, torch.ones(3, 2), torch.ones(2, 4), beta=0.5, alpha=3),
        said(torch.sparse.sampled_addmm, s.to_sparse_coo(), torch.ones(3, 2), torch.ones(2, 4)),
    ]
    return lines


@scenario
def gradients_of_compressed(torch: Any) -> list[str]:
    lines = []
    x = torch.arange(8.0).reshape(4, 2).requires_grad_()
    v = torch.tensor([1.0, -2.0, 3.0], requires_grad=True)
    made = torch.sparse_csr_tensor(torch.tensor([0, 2, 2, 3]), torch.tensor([0, 3, 1]), v, (3, 4))
    product = torch.sparse.mm(made, x)
    product.pow(2).sum().backward()
    lines += [str(v.grad), str(x.grad)]
    return [*lines, str(matrix(torch).requires_grad_()), str(made), str(made.to_dense()), str(made.t())]


@scenario
def page_rank(torch: Any) -> list[str]:
    count = 9
    rows = torch.tensor([k for k in range(count) for _ in range(2)])
    columns = torch.tensor([t for k in range(count) for t in ((k * k + 1) % count, (3 * k + 2) % count)])
    links = torch.sparse_coo_tensor(torch.stack([columns, rows]), torch.ones(2 * count), (count, count))
    links = links.coalesce()
    degree = torch.sparse.sum(links, 0).to_dense()
    weights = links.values() / degree[links.indices()[1]]
    matrix = torch.sparse_coo_tensor(links.indices(), weights, links.shape).to_sparse_csr()
    rank = torch.full((count, 1), 1 / count)
    lines = [str(matrix)]
    for turn in range(40):
        new = 0.85 * (matrix @ rank) + 0.15 / count
        if turn % 10 == 0:
            lines.append(f"{turn} {(new - rank).abs().sum().item():.6f}")
        rank = new
    return [*lines, str(rank.squeeze())]

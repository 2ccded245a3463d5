"""Sparse tensors beside what they print (`sparse_scenarios.py`): how often they compile, what is refused."""

import copy
import io
import pickle

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from sparse_optimizer_scenarios import ring

import fnnet.torch
from fnnet.functional import sparse as F
from fnnet.torch.tensor import Tensor

torch = fnnet.torch


def turns(body, count):
    """How many programs are compiled and computed by NumPy in the last third of a loop."""
    for step in range(count):
        body(step)
        if step == count * 2 // 3:
            torch.synchronize()
            torch.reset_stats()
    torch.synchronize()
    found = torch.stats()
    return found.compilations, found.plans


def test_a_graph_network_finds_its_programs_again():
    adjacency = ring(torch, 60)
    net = torch.nn.Sequential(torch.nn.Linear(8, 16), torch.nn.ReLU(), torch.nn.Linear(16, 3))
    optimizer = torch.optim.Adam(net.parameters())
    x = torch.randn(60, 8)

    def body(step):
        optimizer.zero_grad()
        loss = torch.sparse.mm(adjacency, net(torch.spmm(adjacency, x))).pow(2).mean()
        loss.backward()
        optimizer.step()
        loss.item()

    assert turns(body, 30) == (0, 0)


@pytest.mark.parametrize("padding_idx", [None, 3])
@pytest.mark.parametrize("name", ["SGD", "Adagrad", "SparseAdam"])
def test_an_embedding_finds_its_programs_again(name, padding_idx):
    table = torch.nn.Embedding(50, 4, sparse=True, padding_idx=padding_idx)
    optimizer = getattr(torch.optim, name)(table.parameters(), lr=0.1)
    rows = [torch.randint(0, 6, (16,)) for _ in range(40)]

    def body(step):
        optimizer.zero_grad()
        loss = table(rows[step]).pow(2).mean()
        loss.backward()
        assert table.weight.grad.is_sparse
        optimizer.step()
        loss.item()

    assert turns(body, 36) == (0, 0)


@pytest.mark.parametrize("layout", ["coo", "csr"])
def test_no_method_takes_a_sparse_tensor_for_a_strided_one(layout):
    """Methods called without arguments: those that give a strided tensor are known to."""
    strided = set()
    for name in dir(Tensor):
        s = getattr(torch.tensor([[0.0, 2.0], [3.0, 0.0]]), f"to_sparse_{layout}")()
        if name.startswith("__") or name in ("creator", "lu", "volatile"):  # annotated; warn
            continue
        try:
            made = getattr(s, name)
            made = made() if callable(made) else made
        except (NotImplementedError, RuntimeError, TypeError, ValueError, IndexError):
            continue
        if isinstance(made, Tensor) and type(made) is Tensor:
            strided.add(name)
    held = {"_indices", "indices"} if layout == "coo" else {"crow_indices", "col_indices"}
    assert strided - {"any", "norm"} == {"_values", "values", "to_dense", "sum", *held}


def test_what_sparse_tensors_hold_may_be_empty():
    none = torch.sparse_coo_tensor((3, 4))
    assert none.to_dense().tolist() == torch.zeros(3, 4).tolist()
    assert torch.sparse.mm(none, torch.ones(4, 2)).tolist() == torch.zeros(3, 2).tolist()
    assert none.coalesce()._nnz() == (none + none)._nnz() == torch.sparse.mm(none, none.t())._nnz() == 0
    assert none.to_sparse_csr().crow_indices().tolist() == [0, 0, 0, 0]
    assert torch.sparse.sum(none).item() == 0
    assert torch.sparse.softmax(none, 1)._nnz() == 0


def test_sparse_tensors_are_pickled_and_copied_but_not_saved():
    s = torch.sparse_coo_tensor([[1, 0, 1], [2, 0, 2]], [3.0, -4.0, 5.0], (2, 3))
    for one in (s, s.coalesce(), s.to_sparse_csr(), s.coalesce().requires_grad_()):
        for back in (pickle.loads(pickle.dumps(one)), copy.deepcopy(one), copy.copy(one)):
            assert str(back) == str(one)
            assert back.requires_grad == one.requires_grad
        with pytest.raises(NotImplementedError, match=r"torch\.save of a sparse tensor"):
            torch.save({"a": one}, io.BytesIO())
    with pytest.raises(NotImplementedError):
        torch.nn.Parameter(s)
    module = torch.nn.Module()
    module.register_buffer("adjacency", s)
    assert module.double().adjacency.dtype is torch.float64
    assert module.state_dict()["adjacency"].is_sparse
    module.load_state_dict({"adjacency": (s * 2).coalesce()})
    assert module.adjacency.values().tolist() == [-8.0, 16.0]


def test_a_sparse_gradient_does_not_pass_operations():
    weight = torch.ones(3, 2, requires_grad=True)
    looked_up = torch.nn.functional.embedding(torch.tensor([0, 1]), weight * 2, sparse=True)
    with pytest.raises(NotImplementedError, match="a sparse gradient that has to pass MulBackward0"):
        looked_up.sum().backward()


def test_gradients_that_pytorch_has_in_another_layout_are_refused():
    s = torch.eye(2).to_sparse()
    x = torch.ones(2, 2, requires_grad=True)
    with pytest.raises(NotImplementedError, match="the gradient of the strided factor"):
        s * x
    leaf = torch.eye(2).to_sparse().requires_grad_()
    with pytest.raises(NotImplementedError, match="the gradient of a sparse leaf"):
        torch.ones(2, 2) + leaf * 2


def test_pure_functions_are_transformed_by_jax():
    places = jnp.array([[1, 0, 1], [2, 0, 2]], jnp.int32)
    values = jnp.array([3.0, -4.0, 5.0])
    dense = jnp.arange(6.0).reshape(3, 2)
    whole = F.coo_to_dense(places, values, (2, 3))
    np.testing.assert_array_equal(whole, [[-4, 0, 0], [0, 0, 8]])
    product = jax.jit(lambda v, d: F.coo_matmul(places, v, (2, 3), d))
    np.testing.assert_allclose(product(values, dense), whole @ dense)
    got = jax.grad(lambda v, d: product(v, d).var(), (0, 1))(values, dense)
    want = jax.grad(lambda v, d: (F.coo_to_dense(places, v, (2, 3)) @ d).var(), (0, 1))(values, dense)
    jax.tree.map(np.testing.assert_allclose, got, want)
    order, owner, distinct = F.coo_coalesce(places, (2, 3))
    np.testing.assert_array_equal(distinct, [[0, 1], [0, 2]])
    np.testing.assert_array_equal(F.coo_sum_entries(values, order, owner, 2), [-4, 8])
    with pytest.raises(RuntimeError, match="size is inconsistent with indices: for dim 1"):
        F.coo_coalesce(places, (2, 2))
    rows, sums = jax.jit(F.distinct_rows, static_argnums=2)(jnp.array([4, 1, 4]), dense, 9)
    np.testing.assert_array_equal(rows, [1, 4, 9])
    np.testing.assert_array_equal(sums, [[2, 3], [4, 6], [0, 0]])
    np.testing.assert_array_equal(F.csr_rows(jnp.array([0, 0, 2, 3]), 3), [1, 1, 2])

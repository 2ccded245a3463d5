"""The tensor operations: errors in PyTorch's words, brackets, dtypes without 64 bits, transformations."""

from __future__ import annotations

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fnnet import functional as F

X = np.arange(12, dtype=np.float32).reshape(3, 4)

ERRORS = [
    (RuntimeError, r"shape '\[5, -1\]' is invalid for input of size 12", lambda x: F.view(x, 5, -1)),
    (RuntimeError, "only one dimension can be inferred", lambda x: F.reshape(x, (-1, -1))),
    (RuntimeError, r"cannot be multiplied \(3x4 and 3x4\)", lambda x: F.mm(x, x)),
    (RuntimeError, r"cannot be multiplied \(3x4 and 3x4\)", lambda x: F.matmul(x, x)),
    (RuntimeError, "The expanded size of the tensor", lambda x: F.expand(x, 4, 4)),
    (RuntimeError, "stack expects each tensor to be equal size", lambda x: F.stack([x, x[0]])),
    (RuntimeError, "Sizes of tensors must match except in dimension 0", lambda x: F.cat([x, x[:, :3]])),
    (
        RuntimeError,
        "must match the size of tensor b",
        lambda x: F.matmul(jnp.stack([x] * 2), jnp.stack([x.T] * 3)),
    ),
    (IndexError, "Dimension out of range", lambda x: F.sum(x, 2)),
    (IndexError, "Dimension out of range", lambda x: F.max(x, -3)),
    (RuntimeError, "appears multiple times in the list of dims", lambda x: F.sum(x, (0, -2))),
    (RuntimeError, "could not infer output dtype", lambda x: F.mean(x.astype(np.int32))),
    (RuntimeError, "with two bool|with a bool tensor", lambda x: F.sub(x > 1, x > 2)),
    (RuntimeError, "Expected reduction dim", lambda x: F.max(x[:0])),
    (IndexError, "Expected reduction dim 0 to have non-zero size", lambda x: F.max(x[:0], 0)),
    (IndexError, "index 3 is out of bounds for dimension 0 with size 3", lambda x: F.getitem(x, 3)),
    (IndexError, "out of bounds for dimension 1 with size 4", lambda x: F.getitem(x, (0, 4))),
    (IndexError, "index 7 is out of bounds", lambda x: F.getitem(x, [0, 7])),
    (IndexError, "too many indices", lambda x: F.getitem(x, (0, 0, 0))),
    (IndexError, "shape of the mask", lambda x: F.getitem(x, jnp.array([True, False]))),
    (ValueError, "step must be greater than zero", lambda x: F.getitem(x, slice(None, None, -1))),
    (IndexError, "index out of range in self", lambda x: F.index_select(x, 0, jnp.array([3]))),
    (RuntimeError, "index 9 is out of bounds", lambda x: F.gather(x, 0, jnp.array([[9, 0]]))),
    (RuntimeError, "out of range|selected index k", lambda x: F.topk(x, 5)),
    (RuntimeError, "ZeroDivisionError", lambda x: F.floor_divide(x.astype(np.int32), 0)),
    (RuntimeError, "negative integer powers", lambda x: F.pow(x.astype(np.int32), -1)),
    (RuntimeError, "At least one of 'min' or 'max'", lambda x: F.clamp(x)),
    (RuntimeError, "2D|<= 2 dimensions", lambda x: F.t(x[None])),
    (RuntimeError, "singular", lambda x: F.linalg_inv(jnp.zeros((2, 2)))),
    (RuntimeError, "positive-definite", lambda x: F.linalg_cholesky(-jnp.eye(2))),
    (RuntimeError, "split_sizes to sum exactly to 3", lambda x: F.split(x, [1, 1])),
    (RuntimeError, r"exceeds dimension size \(3\)", lambda x: F.narrow(x, 0, 2, 2)),
]


@pytest.mark.parametrize(("kind", "words", "call"), ERRORS, ids=[str(i) for i in range(len(ERRORS))])
def test_error(kind: type[Exception], words: str, call) -> None:
    with pytest.raises(kind, match=words):
        call(jnp.asarray(X))


@pytest.mark.torch
@pytest.mark.parametrize(
    "call",
    [
        lambda f, x, i: f.reshape(x, (5, -1)),
        lambda f, x, i: f.mm(x, x),
        lambda f, x, i: f.matmul(x[0], x[0, :3]),
        lambda f, x, i: f.cat([x, x[:, :3]]),
        lambda f, x, i: f.stack([x, x[0]]),
        lambda f, x, i: f.sum(x, 2),
        lambda f, x, i: f.topk(x, 5),
        lambda f, x, i: f.max(x[:0]),
        lambda f, x, i: f.max(x[:0], 0),
        lambda f, x, i: f.narrow(x, 0, 2, 2),
        lambda f, x, i: f.split(x, [1, 1]),
        lambda f, x, i: f.gather(x, 0, i),
        lambda f, x, i: f.index_select(x, 0, i[0]),
        lambda f, x, i: f.take(x, 2 * i),
        lambda f, x, i: f.select(x, 0, 9),
        lambda f, x, i: f.tril(x[0]),
        lambda f, x, i: f.bmm(x, x),
        lambda f, x, i: f.mean(i),
        lambda f, x, i: f.permute(x, (0, 1, 2)),
    ],
    ids=[str(i) for i in range(19)],
)
def test_error_has_torchs_type(call) -> None:
    torch = pytest.importorskip("torch")
    with pytest.raises(Exception) as expected:
        call(torch, torch.from_numpy(X), torch.tensor([[9, 0]]))
    with pytest.raises(Exception) as seen:
        call(F, jnp.asarray(X), jnp.array([[9, 0]]))
    assert seen.type is expected.type, (str(seen.value), str(expected.value))


CUBE = np.arange(60, dtype=np.float32).reshape(3, 4, 5)
ENTRY = st.one_of(
    st.integers(-3, 2),
    st.builds(
        slice, st.none() | st.integers(-4, 4), st.none() | st.integers(-4, 4), st.none() | st.integers(1, 3)
    ),
    st.none(),
    st.just(...),
    st.lists(st.integers(-3, 2), min_size=2, max_size=2),
    st.just([[0, 1], [2, -1]]),
)


def _readable(entries) -> bool:
    return entries.count(...) <= 1 and sum(e is not None and e is not ... for e in entries) <= 3


@pytest.mark.torch
@settings(max_examples=60, derandomize=True, deadline=None)
@given(st.lists(ENTRY, min_size=1, max_size=4).filter(_readable))
def test_brackets_read_and_write_as_torchs(entries) -> None:
    torch = pytest.importorskip("torch")
    index = tuple(torch.tensor(e) if isinstance(e, list) else e for e in entries)
    ours = tuple(np.asarray(e) if isinstance(e, list) else e for e in entries)
    theirs = torch.from_numpy(CUBE.copy())
    expected = theirs[index]
    got = F.getitem(jnp.asarray(CUBE), ours)
    np.testing.assert_array_equal(got, expected.numpy())
    theirs[index] = -7.0
    np.testing.assert_array_equal(F.setitem(jnp.asarray(CUBE), ours, -7.0), theirs.numpy())


def test_masks_read_and_write() -> None:
    mask = jnp.asarray(X > 4)
    np.testing.assert_array_equal(F.getitem(jnp.asarray(X), mask), X[X > 4])
    changed = X.copy()
    changed[X > 4] = 0
    np.testing.assert_array_equal(jax.jit(F.setitem)(X, mask, 0.0), changed)
    changed[[True, False, True]] = np.arange(4)
    got = F.setitem(jnp.asarray(changed * 0), jnp.array([True, False, True]), jnp.arange(4.0))
    np.testing.assert_array_equal(got, [[0, 1, 2, 3], [0, 0, 0, 0], [0, 1, 2, 3]])


def test_integers_without_64_bits_are_int32_and_with_them_int64() -> None:
    def kinds():
        x = jnp.asarray(X)
        return [
            F.sum(x > 1).dtype,
            F.argmax(x).dtype,
            F.sort(x).indices.dtype,
            F.arange(3).dtype,
            F.max(x, 0).indices.dtype,
        ]

    assert kinds() == [np.int32] * 5
    with jax.enable_x64(True):
        assert kinds() == [np.int64] * 5
        assert F.div(jnp.arange(3), 2).dtype == np.float32
        assert F.zeros(2).dtype == np.float32


def test_transformations() -> None:
    x = jnp.asarray(X)
    np.testing.assert_array_equal(jax.vmap(lambda row: F.max(row, 0).values)(x), X.max(1))
    np.testing.assert_array_equal(jax.jit(lambda x, low: F.clamp(x, low, 5.0))(x, 2.0), X.clip(2, 5))
    second = jax.grad(jax.grad(lambda v: F.pow(v, 3) + F.abs(v) + F.clamp(v, 0.0, 9.0)))(2.0)
    assert second == 12.0
    assert jax.grad(lambda v: F.pow(v, 0))(0.0) == 0.0


def test_close_and_equal() -> None:
    x = jnp.asarray(X)
    assert bool(F.equal(x, x))
    assert not bool(F.equal(x, x + 1))
    assert not bool(F.equal(x, x[0]))
    assert bool(F.allclose(x, x * (1 + 1e-6)))
    assert not bool(F.allclose(x, x + 1e-3, rtol=0.0))
    assert F.subtract is F.sub


@pytest.mark.torch
def test_names_are_torchs() -> None:
    torch = pytest.importorskip("torch")
    homes = {"torch": torch, "Tensor": torch.Tensor, "linalg": torch.linalg, "special": torch.special}
    missing = [
        (name, home)
        for name, declared in F.OPERATIONS.items()
        for home in declared.spellings & homes.keys()
        for spelled in (declared.spelled, *declared.aliases)
        if not hasattr(homes[home], spelled)
    ]
    in_place = [
        name
        for name, declared in F.OPERATIONS.items()
        if declared.in_place
        and "Tensor" in declared.spellings
        and not hasattr(torch.Tensor, declared.spelled + "_")
    ]
    assert not missing
    assert not in_place

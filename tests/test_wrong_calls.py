"""Wrong calls raise what PyTorch raises: its types and words, at the call; recorded and live."""

import importlib
import json
from functools import cache
from pathlib import Path

import pytest
from warned_calls import CALLS as WARNED
from warned_calls import warned
from wrong_calls import CALLS, calls, key_words, names, outcome, synchronize

import fnnet.torch
from fnnet.torch import nn

REFERENCE = Path(__file__).parent / "reference"
RECORDED = json.loads((REFERENCE / "wrong_calls.json").read_text(encoding="utf-8"))
WARNINGS = json.loads((REFERENCE / "warned_calls.json").read_text(encoding="utf-8"))
F = nn.functional

OTHER_TYPES = frozenset(
    """
torch.linalg.lu_factor(i)
torch.linalg.householder_product(i, i)
F.gumbel_softmax(i)
F.binary_cross_entropy(x, i)
nn.LSTM(3, 4)(x, torch.ones(1, 4))
nn.GRU(3, 4, proj_size=2)
torch.utils.data.distributed.DistributedSampler([1, 2])
    """.strip().splitlines()
)
"""Calls that raise another type than PyTorch, or nothing: what is known to differ. The first four are wrong
twice, and PyTorch names the other mistake; the last takes JAX's processes."""

OTHER_WORDS = 100
"""How many messages may share less than a third of their words with PyTorch's."""


def is_same(kind, expected):
    if expected[0] == "AttributeError" and "object has no attribute" in expected[1]:
        return kind in (
            "AttributeError",
            "TypeError",
        )  # in PyTorch by accident: it takes the argument for a tensor
    return kind == expected[0]


@cache
def ours(line):
    return outcome(fnnet.torch, line)


def differing(lines):
    found = []
    for line in lines:
        kind, said, at_call = ours(line)
        if line not in OTHER_TYPES and not is_same(kind, RECORDED[line]):
            found.append((line, RECORDED[line], (kind, said)))
        elif not at_call and not is_deferred(line):
            found.append((line, "not at the call"))
    return found


def is_deferred(line):
    """Whether the values decide, of an operation whose errors no program catches at the call."""
    names = ("//", "% torch", "binary_cross_entropy", "gaussian_nll", "masked_scatter", "index_put", "histc")
    names += (
        "multi_margin",
        "multilabel_margin",
        "ctc_loss",
        "BCELoss",
        "NLLLoss",
        "EmbeddingBag",
        "quantile",
    )
    return any(name in line for name in names)


@pytest.mark.slow
@pytest.mark.parametrize("group", CALLS)
def test_types(group):
    assert differing(CALLS[group]) == []


def test_a_share_of_the_types():
    assert differing(calls()[::25]) == []


@pytest.mark.slow
def test_words():
    far = []
    for line in calls():
        kind, said, _ = ours(line)
        wanted = key_words(RECORDED[line][1])
        if kind and wanted and len(wanted & key_words(said)) < len(wanted) / 3:
            far.append((line, RECORDED[line][1], said))
    assert len(far) <= OTHER_WORDS, far


@pytest.mark.slow
@pytest.mark.torch
def test_live():
    torch = pytest.importorskip("torch")
    assert [line for line in calls() if outcome(torch, line)[0] != RECORDED[line][0]] == []


@pytest.mark.parametrize("call", WARNED)
def test_warnings_have_pytorchs_words_and_point_at_the_users_line(call):
    said = warned(fnnet.torch, call)
    assert [one[0] for one in said] == [one[0] for one in WARNINGS[call]]
    for (_, text, file), (_, expected) in zip(said, WARNINGS[call], strict=True):
        wanted = key_words(expected)
        assert len(wanted & key_words(text)) > 0.7 * len(wanted), (text, expected)
        assert file == "<user>"
    assert warned(fnnet.torch, call) == said  # of a call that was seen before, too


def test_a_matrix_without_a_factor_is_an_error_at_the_call_that_programs_can_catch():
    torch = fnnet.torch
    matrix = torch.zeros(2, 2)
    for jitter in (0.0, 1.0):
        try:
            factor = torch.linalg.cholesky(matrix + jitter * torch.eye(2))
        except torch.linalg.LinAlgError:
            assert jitter == 0.0
    assert factor.tolist() == [[1.0, 0.0], [0.0, 1.0]]
    with pytest.raises(torch._C._LinAlgError, match=r"\(Batch element 1\): The diagonal element 2 is zero"):
        torch.linalg.inv(torch.tensor([[[1.0, 0.0], [0.0, 1.0]], [[1.0, 2.0], [2.0, 4.0]]]))


def test_what_was_computed_from_a_failed_call_has_no_value_and_the_rest_has():
    torch = fnnet.torch
    good = torch.ones(2) * 3
    bad = F.binary_cross_entropy(good, torch.ones(2))
    after = bad + 1
    with pytest.raises(RuntimeError, match="all elements of input should be between 0 and 1"):
        after.item()
    assert good.tolist() == [3.0, 3.0]
    for look in (bad.item, after.item, lambda: bad * 2):
        with pytest.raises(RuntimeError, match="between 0 and 1"):
            look()
    assert (good + 1).tolist() == [4.0, 4.0]


def test_programs_without_guarded_operations_compute_nothing_for_them():
    torch = fnnet.torch
    synchronize(torch)
    torch.reset_stats()
    x = torch.arange(6.0)
    losses = [F.binary_cross_entropy(torch.sigmoid(x * step), torch.ones(6)) for step in range(1, 4)]
    assert torch.stack(losses).isfinite().all()
    assert torch.stats().dispatches == 1


@pytest.mark.parametrize("torch_name", ["fnnet.torch", pytest.param("torch", marks=pytest.mark.torch)])
@pytest.mark.filterwarnings("ignore::DeprecationWarning")  # of PyTorch's own
def test_tangents_go_forward(torch_name):
    pytest.importorskip(torch_name)
    torch = importlib.import_module(torch_name)
    forward_ad = importlib.import_module(torch_name + ".autograd.forward_ad")
    x, v = torch.tensor([1.0, 2.0]), torch.tensor([1.0, -1.0])
    weight = torch.tensor([3.0, 5.0], requires_grad=True)
    with forward_ad.dual_level():
        dual = forward_ad.make_dual(x, v)
        value, tangent = forward_ad.unpack_dual((dual**2 * weight).cumsum(0))
        assert forward_ad.unpack_dual(weight * 2).tangent is None
        assert forward_ad.unpack_dual(dual).tangent.tolist() == [1.0, -1.0]
    assert value.tolist() == [3.0, 23.0]
    assert tangent.tolist() == [6.0, -14.0]  # 2 x v weight: 6 and -20
    with pytest.raises(RuntimeError, match="no level exists"):
        forward_ad.make_dual(x, v)


@pytest.mark.parametrize(
    "call",
    [
        "torch.sparse.spsolve(x, x)",
        "torch.sparse.as_sparse_gradcheck(x)",
        "torch.sparse.to_sparse_semi_structured(x)",
    ],
)
def test_functions_of_torch_sparse_are_refused_by_name(call):
    name = call.partition("(")[0].rpartition(".")[2]
    with pytest.raises(NotImplementedError, match=f"{name} is not supported"):
        exec(call, names(fnnet.torch))


def test_nothing_overrides_functions():
    from fnnet.torch import overrides

    x = fnnet.torch.ones(1)
    assert overrides.is_tensor_like(x)
    assert not overrides.is_tensor_like(1.0)
    assert not overrides.has_torch_function((x,))
    with pytest.raises(NotImplementedError, match="TorchFunctionMode is not supported"):
        overrides.TorchFunctionMode()

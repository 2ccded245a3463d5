"""What libraries for PyTorch lean on: nested containers, lists of tensors, private names."""

from __future__ import annotations

import json
import runpy
from collections import OrderedDict, defaultdict, deque, namedtuple
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import fnnet.torch as torch
from fnnet.torch.utils import _pytree as pytree

REFERENCE = Path(__file__).parent / "reference"
Pair = namedtuple("Pair", "x y")
TREE = {"b": 1, "a": (2, [3, None]), "c": OrderedDict(x=4)}


class Boxed:
    """A class that registers itself as a container."""

    def __init__(self, inside: Any, label: str) -> None:
        self.inside, self.label = inside, label


def test_trees() -> None:
    """Leaves, structures and errors as PyTorch prints them."""
    leaves, spec = pytree.tree_flatten(TREE)
    assert leaves == [1, 2, 3, None, 4]
    assert repr(spec) == (
        "TreeSpec(dict, ['b', 'a', 'c'], [*,\n  TreeSpec(tuple, None, [*,\n    TreeSpec(list, None, [*,\n"
        "      *])]),\n  TreeSpec(OrderedDict, ['x'], [*])])"
    )
    assert (spec.num_leaves, spec.num_nodes, spec.num_children) == (5, 9, 3)
    assert pytree.tree_unflatten(leaves, spec) == TREE
    assert pytree.tree_map(lambda a, b: a + b, Pair(1, 2), Pair(3, 4)) == Pair(4, 6)
    ring = pytree.tree_map(str, deque([1, 2], maxlen=3))
    assert ring == deque(["1", "2"])
    assert ring.maxlen == 3
    assert pytree.tree_map(str, defaultdict(int, a=1))["new"] == 0
    assert pytree.tree_map(lambda a, b: (a, b), {"a": 1, "b": 2}, {"b": 3, "a": 4}) == {
        "a": (1, 4),
        "b": (2, 3),
    }
    assert pytree.tree_map_only(int, lambda n: -n, [1, None, "x"]) == [-1, None, "x"]
    assert pytree.tree_leaves(TREE, is_leaf=lambda n: isinstance(n, tuple)) == [1, (2, [3, None]), 4]
    path, leaf = pytree.tree_flatten_with_path(TREE)[0][1]
    assert (pytree.keystr(path), leaf) == ("['a'][0]", 2)


@pytest.mark.parametrize(
    ("first", "second", "told"),
    [
        ([1, 2], [1], "Node arity mismatch; expected 2, but got 1."),
        ([1, 2], (1, 2), "Node type mismatch; expected <class 'list'>, but got <class 'tuple'>."),
        ({"a": 1}, {"b": 2}, "Node keys mismatch; missing key(s): {'a'}; extra key(s): {'b'}."),
    ],
)
def test_trees_that_differ(first: Any, second: Any, told: str) -> None:
    """`tree_map` over two trees that are not alike."""
    with pytest.raises(ValueError) as caught:
        pytree.tree_map(lambda a, b: a, first, second)
    assert str(caught.value) == told


def test_registered_containers() -> None:
    """A class of one's own, once."""
    pytree.register_pytree_node(Boxed, lambda b: ([b.inside], b.label), lambda c, label: Boxed(*c, label))
    made = pytree.tree_map(lambda n: n * 2, [Boxed(3, "kept")])[0]
    assert (made.inside, made.label) == (6, "kept")
    with pytest.raises(ValueError, match="already registered"):
        pytree.register_pytree_node(Boxed, lambda b: ([], None), lambda c, _: None)


def test_lists_of_tensors() -> None:
    """torch._foreach_*, by the methods of each tensor."""
    a = [torch.tensor([1.0, 4.0]), torch.tensor([[9.0]])]
    b = [torch.tensor([2.0, 2.0]), torch.tensor([[3.0]])]
    made: list[Any] = []
    plain: list[Any] = []
    for name, method in (("add", "add"), ("div", "div"), ("maximum", "clamp_min"), ("pow", "pow")):
        for other in (b, 0.5, [0.5, 2.0]):
            several = other if isinstance(other, list) else [other] * 2
            made += getattr(torch, f"_foreach_{name}")(a, other)
            plain += [getattr(t, method)(o) for t, o in zip(a, several, strict=True)]
    expected = [1.0, 2.0, 3.0, 5.0, 9.0, 4.0, 4.0, 8.0]
    made += [*torch._foreach_sqrt(a), *torch._foreach_norm(a, ord=1), *torch._foreach_pow(2.0, b)]
    assert torch._foreach_addcdiv_(a, b, b, [1.0, 2.0]) is a
    made += [*torch._foreach_clone(a), *torch._foreach_lerp(a, b, 1.0)]
    expected += [2.0, 5.0, 11.0, 2.0, 2.0, 3.0]
    torch._foreach_copy_(a, b)
    torch._foreach_zero_(b)
    made += a + b
    expected += [2.0, 2.0, 3.0, 0.0, 0.0, 0.0]
    flat = torch.cat([t.flatten() for t in made + plain]).tolist()
    count = sum(t.numel() for t in plain)
    assert flat == flat[-count:] + expected + flat[-count:]
    with pytest.raises(RuntimeError, match="same number of tensors, got 2 and 1"):
        torch._foreach_add(a, b[:1])
    assert not hasattr(torch, "_foreach_norm_")
    assert not hasattr(torch, "_foreach_nothing")


def test_names_that_libraries_import() -> None:
    """Private functions and second places of public classes."""
    from fnnet.torch.distributions.categorical import Categorical
    from fnnet.torch.distributions.normal import Normal

    from fnnet.torch.nn.init import _calculate_correct_fan, _calculate_fan_in_and_fan_out

    assert (Categorical, Normal) == (torch.distributions.Categorical, torch.distributions.Normal)
    kernel = torch.empty(3, 4, 5, 6)
    assert _calculate_fan_in_and_fan_out(kernel) == (120, 90)
    assert _calculate_correct_fan(kernel, "fan_out") == 90
    with pytest.raises(ValueError, match=r"Mode x not supported, please use one of \['fan_in', 'fan_out'\]"):
        _calculate_correct_fan(kernel, "x")
    scripted = torch.jit.script(lambda x: x + 1)
    assert scripted(torch.ones(1)).item() == 2
    assert torch.jit.wait(torch.jit.fork(scripted, torch.ones(1))).item() == 2
    with pytest.raises(NotImplementedError, match="wrap must be called at the top level of a module"):
        torch.fx.wrap("len")
    assert not torch._dynamo.is_compiling()


RECORDED = json.loads((REFERENCE / "libraries.json").read_text())
RECORDER = runpy.run_path(str(REFERENCE / "record_libraries.py"))


def test_tensors_among_arrays() -> None:
    """What an expression of NumPy's and PyTorch's gives, or which error."""
    given = {expression: RECORDER["said"](torch, expression) for expression in RECORDED["numpy"]}
    assert given == RECORDED["numpy"]


def test_composed_distributions() -> None:
    """The same draws and densities as PyTorch's."""
    given = RECORDER["distributions"](torch)
    np.testing.assert_allclose(given, RECORDED["distributions"], rtol=2e-5, atol=1e-5)


@pytest.mark.parametrize(
    ("make", "error", "told"),
    [
        (
            lambda d: d.TransformedDistribution(d.Normal(0.0, 1.0), 3),
            ValueError,
            "must be a Transform or list",
        ),
        (
            lambda d: d.TransformedDistribution(d.Normal(0.0, 1.0), d.ExpTransform()).mean,
            NotImplementedError,
            None,
        ),
        (
            lambda d: d.MixtureSameFamily(d.Normal(0.0, 1.0), d.Normal(0.0, 1.0)),
            ValueError,
            "needs to be an  instance of torch.distributions.Categorical",
        ),
        (
            lambda d: d.MixtureSameFamily(
                d.Categorical(torch.ones(3)), d.Normal(torch.zeros(2), torch.ones(2))
            ),
            ValueError,
            r"`mixture_distribution component` \(3\) does not equal",
        ),
    ],
)
def test_distributions_that_do_not_fit(make: Any, error: type[Exception], told: str | None) -> None:
    """Errors with PyTorch's words."""
    with pytest.raises(error, match=told):
        make(torch.distributions)


def test_old_spelling_of_lu() -> None:
    """Tensor.lu, which flows with 1x1 convolutions call."""
    matrix = torch.tensor([[1.0, 2.0], [3.0, 4.0]])
    with pytest.warns(UserWarning, match="torch.lu is deprecated in favor of"):
        factored, pivots = matrix.lu()
    assert pivots.tolist() == [2, 2]
    p, lower, upper = torch.lu_unpack(factored, pivots)
    torch.testing.assert_close(p @ lower @ upper, matrix)

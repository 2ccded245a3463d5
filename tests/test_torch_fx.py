"""torch.fx beside what PyTorch prints (`fx_scenarios.py`, `fx_pass_scenarios.py`): what it leaves behind."""

from __future__ import annotations

import gc
import operator
import pickle
import sys
from typing import Any

import numpy as np
import pytest

import fnnet
import fnnet.torch as torch
from fnnet.torch import fx
from fnnet.torch.fx.passes.shape_prop import ShapeProp
from fnnet.torch.fx.proxy import TraceError
from fnnet.torch.watched import _GATES
from fnnet.torchvision.models import resnet18


def test_functions_are_watched_while_a_function_is_traced() -> None:
    gc.collect()
    codes = [torch.relu.__code__, torch.nn.functional.gelu.__code__, torch.Tensor.add.__code__]
    call = torch.nn.Module.__call__

    def failing(x: Any) -> Any:
        return torch.relu(x) if x else x

    for _ in range(2):
        with pytest.raises(TraceError):
            fx.symbolic_trace(failing)
    assert _GATES == {}
    assert torch.nn.Module.__call__ is call
    after = [torch.relu.__code__, torch.nn.functional.gelu.__code__, torch.Tensor.add.__code__]
    assert all(one is other for one, other in zip(codes, after, strict=True))


def test_proxies_made_by_hand_are_seen_while_they_live() -> None:
    graph = fx.Graph()
    proxy = fx.Proxy(graph.placeholder("x"))
    made = torch.relu(proxy) + torch.ones(2).tolist()[0]
    assert [node.name for node in graph.nodes] == ["x", "relu", "add"]
    assert torch.relu(torch.tensor([-1.0])).item() == 0
    del proxy, made
    gc.collect()
    assert _GATES == {}


def test_targets_are_the_functions_that_programs_name() -> None:
    def function(x: Any) -> Any:
        return torch.nn.functional.relu(x) + torch.cat([x, x]) + torch.nn.functional.linear(x, x)

    targets = [node.target for node in fx.symbolic_trace(function).graph.nodes if node.op == "call_function"]
    F = torch.nn.functional
    assert targets == [F.relu, torch.cat, operator.add, F.linear, operator.add]


def test_gradients_and_records() -> None:
    """A traced module is one program, as the module itself is."""
    model = torch.nn.Sequential(torch.nn.Linear(3, 4), torch.nn.ReLU(), torch.nn.Linear(4, 1))
    traced = fx.symbolic_trace(model)
    x = torch.randn(5, 3)
    traced(x).sum().backward()
    found = [one.grad.tolist() for one in model.parameters()]
    model.zero_grad()
    model(x).sum().backward()
    assert found == [one.grad.tolist() for one in model.parameters()]
    (params, buffers), apply = fnnet.functionalize(traced)
    out, _ = apply(params, buffers, x.numpy())
    assert np.allclose(out, model(x).detach().numpy(), atol=1e-6)


def test_empty_and_scalar_tensors() -> None:
    traced = fx.symbolic_trace(lambda x: torch.relu(x).sum() * 2)
    assert traced(torch.empty(0)).item() == 0
    assert traced(torch.tensor(3)).item() == 6
    assert traced(torch.tensor(3)).dtype is torch.int64


def test_what_is_not_supported_is_refused_by_name() -> None:
    from fnnet.torch.fx.experimental.proxy_tensor import make_fx

    traced = fx.symbolic_trace(torch.nn.Sequential(torch.nn.Linear(2, 2)))
    cases = (
        lambda: make_fx(lambda x: x),
        lambda: ShapeProp(traced, fake_mode=object()),
        lambda: traced.to_folder("folder"),
        lambda: traced.print_readable(print_output=False, colored=True),
    )
    for case in cases:
        with pytest.raises(NotImplementedError, match=r"fnnet\.torch: "):
            case()


def test_print_tabular(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    """Without the package that lays out tables PyTorch prints which it is."""
    monkeypatch.setitem(sys.modules, "tabulate", None)
    with pytest.raises(ImportError):
        fx.symbolic_trace(lambda x: x).graph.print_tabular()
    assert "pip install tabulate" in capsys.readouterr().out


def test_layers_and_models_are_traced_themselves() -> None:
    """A layer of torch.nn as the root, and a model of torchvision with its parts."""
    layers = (
        torch.nn.Linear(2, 3),
        torch.nn.ReLU(),
        torch.nn.GELU(),
        torch.nn.LayerNorm(2),
        torch.nn.MaxPool1d(2),
    )
    x = torch.randn(2, 2)
    for layer in layers:
        traced = fx.symbolic_trace(layer)
        assert [node.name for node in traced.graph.nodes if node.op == "placeholder"] == ["input_1"]
        assert traced(x).tolist() == layer(x).tolist()
    loss = torch.nn.MSELoss()
    assert fx.symbolic_trace(loss)(x, x + 1).item() == 1
    model = resnet18().eval()
    traced = fx.symbolic_trace(model)
    graph = traced.graph
    kinds = [node.target for node in graph.nodes if node.op == "call_module"]
    assert kinds[:4] == ["conv1", "bn1", "relu", "maxpool"]
    wanted = next(node for node in graph.nodes if node.name == "layer1_1_relu_1")
    graph.erase_node(graph.output_node())
    graph.output({"layer1": wanted})
    graph.eliminate_dead_code()
    traced.recompile()
    seen: list[Any] = []
    model.layer1.register_forward_hook(lambda module, inputs, output: seen.append(output))
    x = torch.randn(1, 3, 32, 32)
    model(x)
    assert torch.allclose(traced(x)["layer1"], seen[0], atol=1e-4)


def test_lists_of_arguments_that_do_not_change() -> None:
    """An interpreter hands on lists that are a class of their own."""
    traced = fx.symbolic_trace(lambda x: torch.cat([x, x + 1]).sum() + torch.stack([x, x]).max())
    assert fx.Interpreter(traced).run(torch.ones(2)).item() == 7
    assert torch.cat(fx.immutable_collections.immutable_list([torch.ones(1), torch.zeros(1)])).tolist() == [
        1,
        0,
    ]


def plus_one(x: Any) -> Any:
    return x + 1


def test_pickles() -> None:
    """A pickled module has its parts, its parameters and its code."""
    traced = fx.symbolic_trace(torch.nn.Sequential(torch.nn.Linear(2, 2), torch.nn.ReLU()))
    graph = traced.graph
    with graph.inserting_before(graph.output_node()):
        last = graph.call_function(plus_one, (graph.output_node().args[0],))
    graph.output_node().args = (last,)
    traced.recompile()
    back = pickle.loads(pickle.dumps(traced))
    x = torch.ones(1, 2)
    assert back(x).tolist() == traced(x).tolist()
    assert "plus_one" in traced.code
    assert sorted(back.state_dict()) == sorted(traced.state_dict())

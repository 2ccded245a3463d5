"""Graphs of torch.fx: their texts, the passes that programs write, and what traced modules compute.

Each scenario is a function of `torch`, PyTorch's or fnnet's, that returns the lines it would print.
"""

from __future__ import annotations

import contextlib
import copy
import io
import math
import operator
import pickle
import sys
import types
from typing import Any, NamedTuple

from printed import Scenarios, module, said

scenario = Scenarios("fx_scenarios.json", heard=True)


def values_of(value: Any) -> str:
    if isinstance(value, tuple | list):
        return ", ".join(map(values_of, value))
    if isinstance(value, dict):
        return str({name: values_of(one) for name, one in value.items()})
    if hasattr(value, "tolist"):
        value = value.detach()
        return (
            f"{tuple(value.shape)} {value.double().sum().item():.4f} {value.double().abs().max().item():.4f}"
        )
    return str(value)


def text_of(traced: Any) -> list[str]:
    return [*str(traced.graph).split("\n"), *traced.code.split("\n")]


def small_net(torch: Any) -> Any:
    nn = torch.nn

    class Block(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.conv = nn.Conv2d(3, 4, 3, padding=1, bias=False)
            self.bn = nn.BatchNorm2d(4)
            self.act = nn.ReLU()

        def forward(self, x: Any) -> Any:
            return self.act(self.bn(self.conv(x)))

    class Net(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.block = Block()
            self.head = nn.Sequential(nn.Flatten(), nn.Dropout(0.2), nn.Linear(64, 5))
            self.scale = nn.Parameter(torch.ones(5))
            self.register_buffer("shift", torch.arange(5.0))

        def forward(self, x: torch.Tensor, factor: float = 2.0) -> torch.Tensor:
            x = torch.nn.functional.max_pool2d(self.block(x), 2)
            x = self.head(torch.nn.functional.relu(x))
            return torch.tanh(x * self.scale + self.shift) / factor

    return Net()


@scenario
def a_module(torch: Any) -> list[str]:
    net = small_net(torch)
    traced = torch.fx.symbolic_trace(net)
    x = torch.randn(2, 3, 8, 8)
    lines = [*text_of(traced), *str(traced).split("\n"), type(traced).__name__]
    for mode in (True, False):
        net.train(mode)
        traced.train(mode)
        torch.manual_seed(1)
        one = net(x)
        torch.manual_seed(1)
        lines.append(
            f"{(one - traced(x)).abs().max().item() < 1e-6} {values_of(traced.eval()(x, factor=3.0))}"
        )
    lines += [", ".join(sorted(traced.state_dict())), str(isinstance(traced, torch.nn.Module))]
    return lines


FUNCTIONS = {
    "arithmetic": lambda torch, x, y: (x + 1) * 2 - y / x + (3 - x) ** 2 % y - -x + abs(x),
    "reflected": lambda torch, x, y: (2 * x, 2 / x, 2**x, 2 // x, 2 % x, 1 & x, 1 | x, 1 ^ x, 1 << x, 1 >> x),
    "compared": lambda torch, x, y: (x < y, x <= 1, x == y, x != 1, x > y, x >= 2, ~x, +x),
    "matmul": lambda torch, x, y: x @ y.t() @ x,
    "indexed": lambda torch, x, y: (x[0], x[:, 1:], x[..., None], x[y > 0], x[0, -1], x[1:2:3]),
    "methods": lambda torch, x, y: x.view(-1, 2).sum(dim=1, keepdim=True).relu_().type_as(y).size(0),
    "attributes": lambda torch, x, y: (x.shape[0] + y.ndim, x.T, x.device, x.dtype),
    "functions": lambda torch, x, y: torch.cat([torch.relu(x), torch.sigmoid(y)], 0).flatten(1),
    "split": lambda torch, x, y: torch.split(x, 2, dim=1)[0] + torch.chunk(y, 2, 1)[1],
    "einsum": lambda torch, x, y: torch.einsum("ij,kj->ik", x, y),
    "einsum_of_a_list": lambda torch, x, y: torch.einsum("ij,kj->ik", [x, y]),
    "variadic": lambda torch, x, y: (
        torch.broadcast_tensors(x, y),
        torch.meshgrid(x, y),
        torch.cartesian_prod(x, y),
        torch.block_diag(x, y),
        torch.atleast_2d(x),
        torch.tensordot(x, y, 1),
        torch.cdist(x, y),
        torch.stft(x, 4, return_complex=True),
        torch.unique(x),
        torch.unique(x, return_inverse=True)[0],
        torch.nn.functional.multi_head_attention_forward.__name__,
    ),
    "norm": lambda torch, x, y: torch.norm(x, dim=1) + y.norm(),
    "stack": lambda torch, x, y: torch.stack((x, y), dim=0).mean(0),
    "where": lambda torch, x, y: torch.where(x > 0, x, torch.zeros_like(y)),
    "linalg": lambda torch, x, y: torch.linalg.norm(x) + torch.special.expit(y),
    "fft": lambda torch, x, y: torch.fft.fft(x).real,
    "in_place": lambda torch, x, y: (x.add_(1), torch.nn.functional.relu(y, inplace=True)),
    "augmented": lambda torch, x, y: operator.iadd(x, 1) + operator.imul(y, 2),
    "set_item": lambda torch, x, y: operator.setitem(x, 0, y),
    "losses": lambda torch, x, y: (
        torch.nn.functional.mse_loss(x, y) + torch.nn.functional.cross_entropy(x, y, label_smoothing=0.1)
    ),
    "pools": lambda torch, x, y: (
        torch.nn.functional.avg_pool2d(x, 2)
        + torch.nn.functional.adaptive_avg_pool2d(y, 1)
        + torch.nn.functional.max_pool2d(x, kernel_size=3, stride=1)
    ),
    "activations": lambda torch, x, y: (
        torch.nn.functional.gelu(x)
        + torch.nn.functional.leaky_relu(y, 0.2)
        + torch.nn.functional.softplus(x)
        + torch.nn.functional.silu(y)
        + torch.nn.functional.elu(x)
    ),
    "layers": lambda torch, x, y: (
        torch.nn.functional.linear(x, y)
        + torch.nn.functional.layer_norm(x, (4,))
        + torch.nn.functional.conv2d(x, y, stride=2)
        + torch.nn.functional.batch_norm(x, y, y)
        + torch.nn.functional.embedding(x, y)
    ),
    "resizing": lambda torch, x, y: (
        torch.nn.functional.interpolate(x, scale_factor=2) + torch.nn.functional.pad(y, (1, 1))
    ),
    "attention": lambda torch, x, y: torch.nn.functional.scaled_dot_product_attention(x, y, y),
    "softmax": lambda torch, x, y: (
        torch.nn.functional.softmax(x, -1) + torch.log_softmax(y, 1) + x.softmax(0)
    ),
    "dropout": lambda torch, x, y: torch.nn.functional.dropout(x, 0.5, True) + torch.dropout(y, 0.1, True),
    "constants": lambda torch, x, y: torch.ones(2, 2) + x + torch.float32 if False else x + torch.ones(2),
    "tensor_first": lambda torch, x, y: (
        torch.ones(2) + x,
        torch.ones(2).mul(y),
        torch.add(torch.ones(2), x),
    ),
    "tensor_with_proxy": lambda torch, x, y: [
        getattr(operator, name)(torch.ones(2), x)
        for name in (
            *("add", "sub", "mul", "truediv", "floordiv", "mod", "pow", "matmul", "and_", "or_", "xor"),
            *("lshift", "rshift", "eq", "ne", "lt", "le", "gt", "ge", "getitem"),
        )
    ],
    "containers": lambda torch, x, y: {"a": [x, (y, 1)], "b": None, "c": "text", "d": 1.5},
    "types": lambda torch, x, y: x.to(torch.float64).to("cpu").to(dtype=torch.int64, non_blocking=False),
    "infinities": lambda torch, x, y: x.masked_fill(y, float("-inf")) + float("nan"),
    "math": lambda torch, x, y: math.sqrt(x.size(1)) * y,
    "getattr": lambda torch, x, y: getattr(x, "grad_fn") if False else x.grad,  # noqa: B009
    "called": lambda torch, x, y: x(y, key=1),
}


@scenario
def functions(torch: Any) -> list[str]:
    lines = []
    for name, function in FUNCTIONS.items():

        def make(function: Any) -> Any:
            def traced(x: Any, y: Any) -> Any:
                return function(torch, x, y)

            return traced

        text = said(torch.fx.Tracer().trace, make(function))
        lines += [name, *text.split("\n")]
        if "Error" not in text:
            lines += torch.fx.symbolic_trace(make(function)).code.split("\n")
    return lines


@scenario
def what_functions_compute(torch: Any) -> list[str]:
    F = torch.nn.functional

    def many(x: Any, w: Any) -> Any:
        y = F.linear(x, w) + F.gelu(x) @ w.t()
        y = F.leaky_relu(y, 0.1) + F.softplus(y) + F.silu(y) + F.hardtanh(y) + F.elu(y)
        z = F.pad(y, (1, 1)).clamp(min=0)[:, 1:-1]
        parts = torch.split(z, 2, dim=1)
        return torch.cat(parts, 1) + torch.einsum("ij->ij", z) + torch.linalg.norm(z) + F.log_softmax(y, 1)

    traced = torch.fx.symbolic_trace(many)
    x, w = torch.randn(3, 4), torch.randn(4, 4, requires_grad=True)
    one, other = many(x, w), traced(x, w)
    (first,) = torch.autograd.grad(one.sum(), w)
    (second,) = torch.autograd.grad(other.sum(), w)
    difference = (first - second).abs().max().item()
    return [
        values_of(other),
        str((one - other).abs().max().item() < 1e-6),
        values_of(second),
        str(difference < 1e-5),
    ]


@scenario
def refused_functions(torch: Any) -> list[str]:
    def by_value(x: Any) -> Any:
        return x if x.sum() > 0 else -x

    def loop(x: Any) -> Any:
        return [one + 1 for one in x]

    def length(x: Any) -> Any:
        return len(x)

    def unpacked(x: Any) -> Any:
        a, b = x
        return a + b

    def starred(x: Any) -> Any:
        return torch.cat([*x])

    def keyed(x: Any) -> Any:
        return dict(**x)

    def whole(x: Any) -> Any:
        return range(x)

    lines = []
    for one in (by_value, loop, length, unpacked, starred, keyed, whole):
        text = said(torch.fx.symbolic_trace, one).split("\n")[0]
        lines.append(f"{one.__name__}: {text if 'Error' in text else 'traced'}")
    lines.append(str(issubclass(module(torch, "fx.proxy").TraceError, ValueError)))
    lines.append(said(torch.fx.symbolic_trace, print).split(",")[0])
    return lines


@scenario
def graphs_by_hand(torch: Any) -> list[str]:
    graph = torch.fx.Graph()
    x = graph.placeholder("x")
    y = graph.placeholder("y", type_expr=torch.Tensor, default_value=None)
    made = graph.call_function(torch.add, (x, y), {"alpha": 2})
    method = graph.call_method("relu", (made,))
    part = graph.call_module("lin", (method,))
    weight = graph.get_attr("lin.weight")
    out = graph.output([part, weight, {"k": x}])
    lines = [*str(graph).split("\n"), *graph.python_code("self").src.split("\n")]
    lines.append(" ".join(f"{node.name}:{node.op}" for node in graph.nodes))
    lines.append(" ".join(node.name for node in reversed(graph.nodes)))
    lines.append(f"{len(graph.nodes)} {made.all_input_nodes} {list(x.users)} {out.all_input_nodes}")
    lines.append(f"{made.next} {made.prev} {x < made} {made < x} {graph.output_node()}")
    lines.append(
        f"{graph.find_nodes(op='call_function', target=torch.add)} {graph.find_nodes(op='placeholder')}"
    )
    lines += [
        str(made.format_node()),
        str(y.format_node()),
        str(weight.format_node()),
        str(out.format_node()),
    ]
    lines.append(said(graph.erase_node, made))
    lines.append(said(graph.create_node, "nothing", "x"))
    lines.append(said(graph.call_function, "relu"))
    lines.append(said(graph.call_method, len))
    lines.append(said(made.args.__class__))
    lines.append(said(part.args[0].__class__.__name__.upper))
    lines.append(said(out.args[0].append, 1).split("\n")[0])
    lines.append(said(made.kwargs.update, {}).split("\n")[0])
    linear = torch.nn.Linear(3, 3)
    gm = torch.fx.GraphModule({"lin": linear, "lin.weight": linear.weight}, graph, "Made")
    lines += [*str(gm).split("\n"), values_of(gm(torch.ones(2, 3), torch.ones(2, 3)))]
    lines.append(said(torch.fx.GraphModule, {}, graph))
    lines.append(said(torch.fx.GraphModule, 3, graph))
    return lines


@scenario
def tracing_into_layers(torch: Any) -> list[str]:
    class Deep(torch.fx.Tracer):
        def is_leaf_module(self, m: Any, qualname: str) -> bool:
            return False

    net = torch.nn.Sequential(torch.nn.Linear(3, 4), torch.nn.ReLU(), torch.nn.Linear(4, 2), torch.nn.Tanh())
    tracer = Deep()
    graph = tracer.trace(net)
    made = torch.fx.GraphModule(net, graph)
    x = torch.randn(2, 3)
    targets = [f"{node.op} {node.name}" for node in graph.nodes if node.op != "get_attr"]
    return [*targets, str((made(x) - net(x)).abs().max().item() < 1e-6)]


class Pair(NamedTuple):
    """A named tuple, which code makes by its class."""

    left: Any
    right: Any


@scenario
def arguments(torch: Any) -> list[str]:
    def several(x: Any, *rest: Any, flag: bool = True, **more: Any) -> Any:
        return rest[0] + x * flag + more["a"]

    def annotated(x: torch.Tensor, n: int = 2, names: list[str] | None = None) -> torch.Tensor:
        return x * n

    def named(x: Any) -> Any:
        return Pair(x, x + 1)

    def tree(x: Any, pair: Any) -> Any:
        return {"sum": x + pair["a"], "both": (pair["b"][0], pair["b"][1])}

    symbolic_trace, PH = torch.fx.symbolic_trace, torch.fx.PH
    lines = [*text_of(symbolic_trace(several)), *text_of(symbolic_trace(annotated))]
    traced = symbolic_trace(named)
    lines += [*traced.code.split("\n"), type(traced(torch.ones(1))).__name__]
    fixed = symbolic_trace(annotated, concrete_args={"n": 3, "names": None})
    lines += [
        *fixed.code.split("\n"),
        values_of(fixed(torch.ones(2), 3, None)),
        said(fixed, torch.ones(2), 4, None),
    ]
    traced = symbolic_trace(tree, concrete_args={"pair": {"a": PH, "b": [PH, PH]}})
    x = torch.ones(2)
    lines += [*text_of(traced), values_of(traced(x, {"a": x, "b": [x, x + 1]}))]
    lines.append(said(symbolic_trace, annotated, (1, 2)))
    return lines


@scenario
def copies(torch: Any) -> list[str]:
    net = small_net(torch).eval()
    traced = torch.fx.symbolic_trace(net)
    traced.meta["a"] = 1
    x = torch.ones(1, 3, 8, 8)
    copied = copy.deepcopy(traced)
    lines = [
        str((copied(x) - net(x)).abs().max().item() < 1e-6),
        str(copied.code == traced.code),
        str(copied.meta),
    ]
    lines.append(str(copied.scale is traced.scale))
    shallow = copy.copy(traced)
    lines += [str(shallow.scale is traced.scale), str(shallow.code == traced.code)]
    again = torch.fx.symbolic_trace(traced)
    lines += [str(again.code == traced.code), type(copied).__name__, type(copy.copy(traced)).__name__]
    retraced = torch.fx.symbolic_trace(torch.nn.Sequential(traced, torch.nn.ReLU()))
    lines += [retraced.code.split("\n")[-3].strip()]
    tracer = torch.fx.Tracer()
    lines.append(said(tracer.path_of_module, net) if hasattr(tracer, "root") else "no root")
    traced.load_state_dict(net.state_dict())
    lines.append(str(sum(one.numel() for one in traced.parameters())))
    back = pickle.loads(pickle.dumps(torch.fx.symbolic_trace(torch.nn.Sequential(torch.nn.Linear(2, 2)))))
    lines += back.code.split("\n")
    return lines


@scenario
def errors_of_traced_modules(torch: Any) -> list[str]:
    traced = torch.fx.symbolic_trace(lambda x, y: torch.cat([x, y]).view(3))
    heard = io.StringIO()
    with contextlib.redirect_stderr(heard):
        text = said(traced, torch.ones(2), torch.ones(2))
    shown = heard.getvalue().split("Call using")[-1]  # PyTorch shows the line only of some functions
    return [
        text.split(":")[0],
        shown.split("\n")[0],
        str("<--- HERE" in shown),
        said(traced, torch.ones(2)).split("forward")[-1],
    ]


@scenario
def buffers_and_parameters(torch: Any) -> list[str]:
    class Net(torch.nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.w = torch.nn.Parameter(torch.ones(2, 3))
            self.register_buffer("b", torch.zeros(3))
            self.plain = torch.full((3,), 2.0)
            self.part = torch.nn.Module()
            self.part.v = torch.nn.Parameter(torch.ones(3))

        def forward(self, x: Any) -> Any:
            if self.w.dim() == 2:
                x = x + self.w.shape[0]
            return x * self.w + self.b + self.plain + self.part.v + self.w

    class Buffers(torch.fx.Tracer):
        proxy_buffer_attributes = True

    lines = [said(torch.fx.symbolic_trace, Net()).split("\n")[0]]
    tracer = torch.fx.Tracer(param_shapes_constant=True)
    net = Net()
    graph = tracer.trace(net)
    made = torch.fx.GraphModule(net, graph)
    lines += [*text_of(made), values_of(made(torch.ones(2, 3))), ", ".join(made.state_dict())]
    return lines + str(Buffers().trace(small_net(torch))).split("\n")


@scenario
def small_things(torch: Any) -> list[str]:
    fx = torch.fx
    node = module(torch, "fx.node")
    graph = fx.Graph()
    x, y = graph.placeholder("x"), graph.placeholder("y")
    lines = [str(fx.map_arg([x, (y, 1), {"a": x}, slice(x, 2)], lambda one: one.name))]
    lines.append(str(node.map_aggregate([1, (2, 3)], lambda one: one * 2)))
    lines.append(said(fx.map_arg, [x], 3))
    lines.append(
        str(
            [
                graph._graph_namespace.create_name(name, None)
                for name in ("x", "x", "x_5", "a.b", "1", "if", "sum", "")
            ]
        )
    )
    lines.append(
        str([graph.call_function(one, ()).name for one in (len, operator.add, torch.add, print, max)])
    )
    lines.append(str([graph.call_method(one, ()).name for one in ("ReLU", "__add__", "toFloat")]))
    x._rename("z")
    lines.append(f"{x.name} {x} {y.op} {y.target}")
    lines.append(said(fx.wrap, 3))
    lines.append(said(fx.wrap, "len"))
    lines.append(str(module(torch, "fx.immutable_collections").immutable_list([1, 2])))
    lines.append(str(hash(module(torch, "fx.immutable_collections").immutable_dict(a=1)) is not None))
    lines.append(str(y.is_impure()))
    return lines


WRAPPED = """
from math import sqrt
import torch

def double(x, times=2):
    return x * times if len(x) > 1 else x

torch.fx.wrap("len")
torch.fx.wrap("sqrt")
torch.fx.wrap(double)

@torch.fx.wrap
def decorated(x):
    return x if x.sum() > 0 else -x

class Pair(metaclass=torch.fx.ProxyableClassMeta):
    def __init__(self, left, right):
        self.left, self.right = left, right

    def add(self):
        return self.left + self.right

def function(x):
    return double(decorated(x), times=3) + len(x) + sqrt(x.size(0)) + sqrt(4)

def made(x):
    return Pair(x, x).add()
"""


@scenario
def wrapped_functions(torch: Any) -> list[str]:
    names: dict[str, Any] = {"__name__": "wrapping"}
    sys.modules["wrapping"] = types.ModuleType("wrapping")
    before, sys.modules["torch"] = sys.modules.get("torch"), torch
    try:
        exec(compile(WRAPPED, "wrapping.py", "exec", dont_inherit=True), names)
    finally:
        if before is None:
            del sys.modules["torch"]
        else:
            sys.modules["torch"] = before
        del sys.modules["wrapping"]
    lines = []
    for name in ("function", "made"):
        traced = torch.fx.symbolic_trace(names[name])
        lines += [*text_of(traced), values_of(traced(torch.tensor([-1.0, 0.5])))]
    again = torch.fx.symbolic_trace(torch.fx.symbolic_trace(names["function"]))
    lines.append(str(again.code.count("wrapping_double")))
    return [*lines, values_of(names["function"](torch.tensor([-1.0, 0.5]))), said(len, [1])]

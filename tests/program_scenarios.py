"""What programs of users do that single operations do not show, as text: files, new tensors, messages.

Each scenario is a function of `torch`, PyTorch's or fnnet's, that returns the lines it would print.
"""

from __future__ import annotations

import argparse
import io
from collections.abc import Callable
from typing import Any

import numpy as np
from printed import Scenarios, module, said

scenario = Scenarios("program_scenarios.json")


@scenario
def new_tensors_into_out(torch: Any) -> list[str]:
    torch.manual_seed(0)
    lines = []
    for kind in (torch.float32, torch.int64):
        calls: list[Callable[[Any], Any]] = [
            lambda c: torch.zeros(2, 2, out=c),
            lambda c: torch.ones((3,), out=c),
            lambda c: torch.full((2, 2), 1.5, out=c),
            lambda c: torch.arange(4, out=c),
            lambda c: torch.range(0, 3, out=c),
            lambda c: torch.ones(2, out=c[0]),
            lambda c: torch.zeros(2, 2, dtype=torch.float16, out=c),
            lambda c: torch.randint(0, 9, (2, 2), out=c),
            lambda c: torch.randperm(4, out=c),
            lambda c: torch.multinomial(torch.tensor([0.1, 0.9]), 2, out=c),
        ]
        if kind is torch.float32:
            calls += [
                lambda c: torch.rand(2, 2, out=c),
                lambda c: torch.randn(2, 2, out=c),
                lambda c: torch.normal(0.0, 1.0, (2, 2), out=c),
                lambda c: torch.normal(torch.zeros(2, 2), 1.0, out=c),
                lambda c: torch.bernoulli(torch.full((2, 2), 0.5), out=c),
                lambda c: torch.arange(0, 2, 0.5, out=c),
            ]
        for call in calls:
            given = torch.full((2, 2), 9).to(kind)
            text = said(call, given)
            lines += [text, f"{given.tolist()} {given.dtype}"]
    return lines


@scenario
def sizes_that_do_not_fit(torch: Any) -> list[str]:
    one = torch.ones(4, 3, 2)
    shapes = ((4, 3), (2, 3), (0,), (5, 4, 3, 1), (3, 4, 2))
    lines = [said(lambda other: one * other, torch.ones(shape)) for shape in shapes]
    return [*lines, said(lambda: torch.ones(2, 3) + torch.ones(3, 2))]


@scenario
def numpy_values_in_a_file(torch: Any) -> list[str]:
    value = {
        "table": np.arange(6.0).reshape(2, 3),
        "columns": np.asfortranarray(np.arange(4, dtype=np.int32).reshape(2, 2)),
        "best": np.float64(2.5),
        "epoch": np.int64(3),
        "flags": np.array([True, False]),
        "words": np.array(["ab", "c"]),
        "none": np.zeros((0, 3)),
        "weights": torch.ones(2),
        "losses": [np.float32(1.5), np.float32(2.5)],
        "one": np.array(3.0),
    }
    file = io.BytesIO()
    torch.save(value, file)
    file.seek(0)
    seen = torch.load(file, weights_only=False)
    lines = [f"{key} {type(one).__name__} {getattr(one, 'dtype', '')} {one}" for key, one in seen.items()]
    seen["table"][0, 0] = 7
    return [*lines, str(seen["table"])]


def network(torch: Any) -> Any:
    """A network of a class of this file, with shared weights, a function, a class and plain objects in it."""
    nn = torch.nn

    class Made(nn.Module):  # type: ignore[misc, name-defined]
        def __init__(self, options: Any) -> None:
            super().__init__()
            self.options = options
            self.embedding = nn.Embedding(5, 4)
            self.recurrent = nn.GRU(4, 4)
            self.out = nn.Linear(4, 5)
            self.out.weight = self.embedding.weight
            self.activation = nn.functional.relu
            self.kind = nn.LayerNorm
            self.rest = nn.Sequential(nn.Linear(5, 5), nn.BatchNorm1d(5), nn.GELU())
            self.encoder = nn.TransformerEncoderLayer(4, 2, 8)
            self.register_buffer("offset", torch.ones(2))
            self.listed = [self.out]

        def forward(self, tokens: Any) -> Any:
            hidden, _ = self.recurrent(self.embedding(tokens))
            return self.rest(self.activation(self.out(self.encoder(hidden)[0])))

    Made.__qualname__ = Made.__name__ = "Made"
    globals()["Made"] = Made
    return Made(argparse.Namespace(lr=0.1, name="x"))


@scenario
def whole_modules_in_a_file(torch: Any) -> list[str]:
    torch.manual_seed(0)
    made = network(torch).eval()
    tokens = torch.tensor([[0, 1, 2]])
    want = made(tokens)
    file = io.BytesIO()
    torch.save({"model": made, "args": made.options}, file)
    file.seek(0)
    seen = torch.load(file, weights_only=False)
    model = seen["model"]
    lines = [str(type(model) is type(made)), str(torch.equal(model(tokens), want)), repr(model)]
    lines += [str(seen["args"]), str(seen["args"] is model.options), str(model.training)]
    lines += [str(model.out.weight is model.embedding.weight), str(len(list(model.parameters())))]
    lines += [str(model.listed[0] is model.out), str(model.kind is torch.nn.LayerNorm), str(model.offset)]
    model.train()
    model(torch.tensor([[0, 1, 2], [2, 1, 0]])).sum().backward()
    lines.append(str(model.rest[0].weight.grad is not None))
    serialization = module(torch, "serialization")
    file = io.BytesIO()
    torch.save(torch.nn.Linear(2, 3), file)
    with serialization.safe_globals([torch.nn.Linear]):
        file.seek(0)
        lines.append(repr(torch.load(file, weights_only=True)))
    return lines


@scenario
def pullbacks_are_tuples(torch: Any) -> list[str]:
    func = module(torch, "func")
    x = torch.tensor([0.5, 1.0, 2.0])
    _, pull = func.vjp(torch.sin, x)
    rows = func.vmap(pull)(torch.eye(3))
    return [str(pull(torch.ones(3))), str(rows), str(func.vjp(lambda a: a["k"] * 2, {"k": x})[1](x))]


@scenario
def hooks_and_retained_gradients(torch: Any) -> list[str]:
    lines = []
    for retained_first in (True, False):
        x = torch.ones(3, requires_grad=True)
        y = x * 2
        if retained_first:
            y.retain_grad()
        y.register_hook(lambda g: g * 3)
        y.retain_grad()
        y.register_hook(lambda g: g + 1)
        y.sum().backward()
        lines += [str(y.grad), str(x.grad)]
    return lines


@scenario
def draws_of_gradgradcheck(torch: Any) -> list[str]:
    torch.manual_seed(0)
    x = torch.rand(2, 2, dtype=torch.double, requires_grad=True)
    check = (
        torch.autograd.gradcheck(torch.exp, x),
        torch.autograd.gradgradcheck(lambda a: (a * a, a.sin()), x),
    )
    return [str(check), str(torch.rand(2))]


@scenario
def hooks_of_pruning(torch: Any) -> list[str]:
    prune = module(torch, "nn.utils.prune")
    layer = torch.nn.Linear(2, 2)
    prune.l1_unstructured(layer, "weight", 1)
    prune.l1_unstructured(layer, "bias", 1)
    return [hook._tensor_name for hook in layer._forward_pre_hooks.values()]


@scenario
def timing(torch: Any) -> list[str]:
    benchmark = module(torch, "utils.benchmark")
    x = torch.ones(3)
    timer = benchmark.Timer("x + n", "n = 2", globals={"x": x}, label="sum", sub_label="small")
    one = timer.timeit(5)
    lines = [str(len(one.times)), str(one.number_per_run), str(one.median > 0), one.title, one.stmt]
    text = str(one).splitlines()
    lines += [text[0].split(" object")[0].rpartition(".")[2], text[1], text[2], text[-1]]
    many = timer.blocked_autorange(min_run_time=0.01)
    return [
        *lines,
        str(sum(many.raw_times) >= 0.01),
        said(benchmark.Timer, print),
        str(benchmark.select_unit(0.002)),
    ]


@scenario
def biases_taken_away_and_brought(torch: Any) -> list[str]:
    nn, lines = torch.nn, []
    makes = [nn.Linear(2, 3), nn.Conv2d(1, 2, 3), nn.ConvTranspose1d(1, 2, 3), nn.Bilinear(2, 3, 4)]
    for made in makes:
        made.bias = None
        lines += [str(made), str(list(made.state_dict()))]
    lines.append(str(makes[0](torch.zeros(1, 2))))
    brought = nn.Linear(2, 3, bias=False)
    brought.bias = nn.Parameter(torch.ones(3))
    return [*lines, str(brought), str(brought(torch.zeros(1, 2)))]


@scenario
def tensors_without_values(torch: Any) -> list[str]:
    nn = torch.nn
    with torch.device("meta"):
        a, layer = torch.empty(2, 3), nn.Linear(4, 5)
    b = torch.ones(3, 4, device="meta")
    c = a @ b
    lines = [str(a), str(layer.weight), f"{a.device} {a.is_meta} {a.shape} {a.stride()} {c.t().stride()}"]
    cases: list[Callable[[], Any]] = [
        lambda: c, lambda: c.sum(), lambda: (c.relu() + 1).half(), lambda: a.item(), lambda: c.sum().item(),
        lambda: a.tolist(), lambda: a.numpy(), lambda: bool(c.sum()), lambda: a.to("cpu"),
        lambda: float(c.sum()), lambda: a + torch.ones(2, 3), lambda: a + torch.tensor(1.0),
        lambda: a.to("meta") is a, lambda: torch.ones(2).to("meta"), lambda: b.copy_(torch.ones(3, 4)),
        lambda: torch.ones(3, 4).copy_(b), lambda: layer.to("cpu"),
        lambda: layer.to_empty(device="cpu").weight.shape, lambda: torch.device("meta", 0),
        lambda: torch.tensor([1.0, 2.0], device="meta"), lambda: a == a, lambda: a.data_ptr(),
        lambda: a.clone(), lambda: torch.randn(2, device="meta"), lambda: torch.arange(5, device="meta"),
        lambda: a.new_zeros(3), lambda: a.view(6), lambda: a[0], lambda: a.normal_(),
        lambda: nn.init.uniform_(a), lambda: a.max(1), lambda: torch.cat([a, a]).shape,
        lambda: nn.Parameter(a, **nn.Parameter(a).__dict__), lambda: f"{a.sum()}", lambda: a.get_device(),
        lambda: nn.LSTM(4, 3, device="meta")(b)[0].shape,
        lambda: nn.BatchNorm2d(3, device="meta").running_mean,
    ]  # fmt: skip
    lines += [said(case) for case in cases]
    torch.manual_seed(0)
    nn.Linear(3, 4, device="meta")
    nn.init.orthogonal_(torch.empty(3, 3, device="meta"))
    lines.append(str(torch.rand(1)))  # nothing was drawn so far
    full, empty = nn.Linear(2, 2), nn.Linear(2, 2, device="meta")
    lines += [said(empty.load_state_dict, full.state_dict()), str(empty.weight)]
    lines += [said(lambda: empty.load_state_dict(full.state_dict(), assign=True)), str(empty.weight)]
    net = nn.Sequential(nn.Linear(3, 4), nn.ReLU(), nn.Linear(4, 2)).to("meta")
    net(torch.ones(7, 3, device="meta")).sum().backward()
    return [*lines, str(net[0].weight.grad)]


@scenario
def bytes_as_another_dtype(torch: Any) -> list[str]:
    x = torch.arange(6.0).reshape(2, 3)
    b = x.view(torch.uint8)
    lines = [str(x.view(torch.int32)), str(x.view(dtype=torch.int16)[1, 2:]), str(b.stride())]
    lines += [str(b[:, 4:8].view(torch.float32)), str(b.view(torch.float32).data_ptr() == x.data_ptr())]
    x.view(torch.int32)[0, 0] = 1065353216
    b[1, 3] = 64
    lines += [str(x), str(torch.arange(4).view(torch.int32)), str(torch.ones(3).bfloat16().view(torch.int16))]
    for call in (lambda: b[:, :3].view(torch.float32), lambda: torch.tensor(1.0).view(torch.int16)):
        lines.append(said(call).partition(" to view ")[0])
    memory = x.untyped_storage()
    lines += [str(torch.asarray(memory[4:12], dtype=torch.uint8)), str(memory[3]), str(len(memory))]
    return [*lines, str(torch.asarray(memory, dtype=torch.float32))]


@scenario
def names_of_composed_nodes(torch: Any) -> list[str]:
    x = torch.randn(2, 3, requires_grad=True)
    made = [torch.nn.functional.gumbel_softmax(x, hard=hard) for hard in (False, True)]
    return [type(one.grad_fn).__name__ for one in made]


@scenario
def names_of_distributed_parts(torch: Any) -> list[str]:
    def part(name: str, *names: str) -> list[Any]:
        return [getattr(module(torch, f"distributed.{name}"), one) for one in names]

    (sharded,), (tensor,) = part("_composable.fsdp", "FSDPModule"), part("tensor", "DTensor")
    named = part("_tensor.experimental", "implicit_replication")
    named += part("fsdp", "MixedPrecisionPolicy", "fully_shard")
    net = torch.nn.Linear(2, 2)
    return [str([isinstance(net, sharded), type(net.weight) is tensor]), *[one.__name__ for one in named]]

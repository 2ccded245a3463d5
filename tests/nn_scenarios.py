"""Programs with torch.nn that run on PyTorch and on fnnet.torch alike; what they return must be the same."""

from __future__ import annotations

import copy
import pickle
from collections.abc import Callable
from typing import Any

import numpy as np
from scenarios import error

SCENARIOS: dict[str, Callable[[Any], Any]] = {}


def scenario(function: Callable[[Any], Any]) -> Callable[[Any], Any]:
    SCENARIOS[function.__name__] = function
    return function


def x(torch: Any, *shape: int) -> Any:
    values = np.random.default_rng(sum(shape)).standard_normal(shape).astype(np.float32)
    return torch.from_numpy(values)


def state(module: Any) -> dict[str, Any]:
    return {name: value.flatten().tolist() for name, value in module.state_dict().items()}


def trained(torch: Any, module: Any, *inputs: Any) -> Any:
    """Output, gradients of the parameters and the state after one call in training."""
    given = [one.requires_grad_() if one.is_floating_point() else one for one in inputs]
    output = module(*given)
    first = output[0] if isinstance(output, tuple) else output
    (first * first).sum().backward()
    gradients = {name: p.grad.flatten().tolist() for name, p in module.named_parameters()}
    inner = [one.grad.flatten().tolist() for one in given if one.is_floating_point()]
    return [first.flatten().tolist(), gradients, inner, state(module), repr(module)]


LAYERS: dict[str, tuple[Callable[[Any], Any], tuple[tuple[int, ...], ...]]] = {
    "linear": (lambda nn: nn.Linear(3, 2), ((4, 3),)),
    "convolution": (lambda nn: nn.Conv2d(2, 2, 3, padding=1, bias=False), ((1, 2, 4, 4),)),
    "transposed": (lambda nn: nn.ConvTranspose1d(2, 2, 3, stride=2), ((1, 2, 3),)),
    "batch_norm": (lambda nn: nn.BatchNorm1d(3), ((5, 3),)),
    "batch_norm_cumulative": (lambda nn: nn.BatchNorm1d(3, momentum=None), ((5, 3),)),
    "instance_norm": (lambda nn: nn.InstanceNorm1d(2, affine=True, track_running_stats=True), ((2, 2, 4),)),
    "layer_norm": (lambda nn: nn.LayerNorm(4), ((2, 4),)),
    "group_norm": (lambda nn: nn.GroupNorm(2, 4), ((2, 4, 3),)),
    "prelu": (lambda nn: nn.PReLU(2), ((3, 2),)),
    "dropouts": (lambda nn: nn.Sequential(nn.Linear(4, 4), nn.Dropout(0.4), nn.AlphaDropout(0.3)), ((3, 4),)),
    "dropout2d": (lambda nn: nn.Dropout2d(0.5), ((2, 3, 2, 2),)),
    "rrelu": (lambda nn: nn.RReLU(), ((4, 3),)),
    "rnn": (lambda nn: nn.RNN(2, 3, nonlinearity="relu"), ((4, 2, 2), (1, 2, 3))),
    "lstm": (lambda nn: nn.LSTM(2, 2, 2, dropout=0.5, batch_first=True), ((2, 3, 2),)),
    "gru": (lambda nn: nn.GRU(2, 3, bias=False, bidirectional=True), ((4, 2),)),
    "cell": (lambda nn: nn.LSTMCell(2, 3), ((2, 2),)),
    "attention": (lambda nn: nn.MultiheadAttention(4, 2, dropout=0.5), ((3, 1, 4), (2, 1, 4), (2, 1, 4))),
    "encoder": (
        lambda nn: nn.TransformerEncoder(nn.TransformerEncoderLayer(4, 2, 5), 1, nn.LayerNorm(4)),
        ((3, 1, 4),),
    ),
    "decoder": (lambda nn: nn.TransformerDecoderLayer(4, 2, 5, norm_first=True), ((3, 1, 4), (2, 1, 4))),
}


def _layer(name: str) -> None:
    make, shapes = LAYERS[name]

    def run(torch: Any) -> Any:
        torch.manual_seed(7)
        return trained(torch, make(torch.nn), *(x(torch, *shape) for shape in shapes))

    run.__name__ = name
    scenario(run)


for _name in LAYERS:
    _layer(_name)


@scenario
def dropout_follows_memory(torch: Any) -> Any:
    torch.manual_seed(3)
    turned = torch.nn.functional.dropout(torch.ones(3, 4).t(), 0.5)
    return [turned.tolist(), torch.rand(2).tolist()]


@scenario
def hyper_parameters_change(torch: Any) -> Any:
    nn = torch.nn
    torch.manual_seed(0)
    drop, pool, norm = nn.Dropout(0.5), nn.MaxPool1d(2), nn.BatchNorm1d(2)
    drop.p, pool.stride, norm.momentum = 0.2, 1, 0.5
    norm(x(torch, 4, 2))
    still = drop.eval()(ones := torch.ones(3)) is ones
    return [
        drop.train()(torch.ones(6)).tolist(),
        pool(x(torch, 1, 1, 5)).tolist(),
        state(norm),
        still,
        repr(drop),
    ]


@scenario
def in_place(torch: Any) -> Any:
    nn = torch.nn
    given = x(torch, 3, 2)
    given = given.clone()
    same = nn.ReLU(inplace=True)(given) is given
    torch.manual_seed(0)
    dropped = torch.ones(6)
    nn.Dropout(0.5, inplace=True)(dropped)
    return [same, given.tolist(), dropped.tolist(), nn.functional.relu(x(torch, 2), True).tolist()]


@scenario
def losses_with_weights(torch: Any) -> Any:
    loss = torch.nn.CrossEntropyLoss(weight=torch.tensor([1.0, 2.0, 0.5]), label_smoothing=0.1)
    other = torch.nn.BCEWithLogitsLoss(pos_weight=torch.tensor([2.0, 3.0]))
    value = loss(x(torch, 2, 3), torch.tensor([0, 2]))
    return [
        value.item(),
        other(x(torch, 3, 2), torch.ones(3, 2)).item(),
        list(loss.state_dict()),
        list(other.state_dict()),
        repr(loss),
    ]


@scenario
def embedding_renormalises(torch: Any) -> Any:
    torch.manual_seed(1)
    table = torch.nn.Embedding(5, 3, padding_idx=0, max_norm=1.0)
    table(torch.tensor([[1, 0], [1, 4]])).sum().backward()
    return [table.weight.tolist(), table.weight.grad.tolist(), repr(table)]


@scenario
def distances(torch: Any) -> Any:
    loss = torch.nn.TripletMarginWithDistanceLoss(
        distance_function=lambda a, b: (a - b).abs().sum(-1), swap=True, margin=2.0
    )
    return loss(x(torch, 2, 3), x(torch, 3, 3)[:2], x(torch, 4, 3)[:2]).item()


@scenario
def tied_and_copied(torch: Any) -> Any:
    nn = torch.nn
    torch.manual_seed(2)
    net = nn.Sequential(nn.Linear(2, 2), nn.ReLU(), nn.Linear(2, 2), nn.BatchNorm1d(2))
    net[2].weight = net[0].weight
    copied = copy.deepcopy(net)
    copied.register_buffer("extra", torch.zeros(2), persistent=False)
    again = pickle.loads(pickle.dumps(net))
    return [
        len(list(net.parameters())),
        copied[0].weight is copied[2].weight,
        again[0].weight is again[2].weight,
        state(copied),
        state(again),
        [name for name, _ in copied.named_buffers()],
        repr(copied) == repr(net),
    ]


@scenario
def conversions(torch: Any) -> Any:
    net = torch.nn.Sequential(torch.nn.Linear(2, 2), torch.nn.BatchNorm1d(2))
    seen = []
    for change in (
        lambda: net.double(),
        lambda: net.to(torch.float32),
        lambda: net.to("cpu", torch.float16),
        lambda: net.bfloat16(),
        lambda: net.to(torch.zeros(1)),
    ):
        change()
        seen.append([str(value.dtype) for value in net.state_dict().values()])
    return [seen, error(lambda: net.to(torch.int64)), net[0].weight.is_leaf]


@scenario
def loading(torch: Any) -> Any:
    net = torch.nn.Sequential(torch.nn.Linear(2, 1))
    bad = {"0.weight": torch.zeros(2, 2), "more": torch.zeros(1)}
    message = error(lambda: net.load_state_dict(bad))
    lenient = str(net.load_state_dict({"0.bias": torch.ones(1), "y": torch.ones(1)}, strict=False))
    taken = torch.ones(1, 2)
    net.load_state_dict({"0.weight": taken, "0.bias": torch.zeros(1)}, assign=True)
    return [message, lenient, state(net), net[0].weight.requires_grad]


@scenario
def hooks(torch: Any) -> Any:
    layer, seen = torch.nn.Linear(2, 2), []

    def shapes(values: Any) -> list[Any]:
        return [None if one is None else list(one.shape) for one in values]

    layer.register_forward_pre_hook(lambda module, args: seen.append(["pre", shapes(args)]))
    layer.register_forward_hook(lambda module, args, output: output * 2)
    handle = layer.register_full_backward_hook(lambda module, gi, go: seen.append([shapes(gi), shapes(go)]))
    layer(torch.ones(3, 2, requires_grad=True)).sum().backward()
    layer(torch.ones(3, 2)).sum().backward()
    handle.remove()
    layer(torch.ones(3, 2)).sum().backward()
    return [seen, layer.bias.grad.tolist()]


@scenario
def initialisers(torch: Any) -> Any:
    init = torch.nn.init
    torch.manual_seed(4)
    found = {}
    for name, args in (
        ("uniform_", (-1.0, 2.0)), ("normal_", (1.0, 2.0)), ("trunc_normal_", ()), ("constant_", (3.0,)),
        ("xavier_uniform_", ()), ("xavier_normal_", ()), ("kaiming_uniform_", (0.1, "fan_out")),
        ("kaiming_normal_", ()), ("orthogonal_", ()), ("sparse_", (0.3,)), ("eye_", ()), ("zeros_", ()),
    ):  # fmt: skip
        tensor = torch.empty(3, 4)
        given = getattr(init, name)(tensor, *args)
        found[name] = [tensor.tolist(), given is tensor]
    turned = torch.nn.Parameter(torch.empty(3, 4).t())
    init.xavier_uniform_(turned)
    return [
        found,
        turned.tolist(),
        init.calculate_gain("leaky_relu", 0.2),
        error(lambda: init.eye_(torch.ones(2)))[0],
    ]


@scenario
def gradients_within_bounds(torch: Any) -> Any:
    utils, layer = torch.nn.utils, torch.nn.Linear(2, 2)
    torch.nn.init.constant_(layer.weight, 0.5)
    torch.nn.init.constant_(layer.bias, 0.1)
    (layer(x(torch, 3, 2)) ** 2).sum().backward()
    total = utils.clip_grad_norm_(layer.parameters(), 0.5)
    scaled = layer.weight.grad.tolist()
    utils.clip_grad_value_(layer.parameters(), 0.05)
    vector = utils.parameters_to_vector(layer.parameters())
    utils.vector_to_parameters(torch.arange(6.0), layer.parameters())
    return [
        total.item(), scaled, layer.weight.grad.tolist(), vector.tolist(), state(layer),
        utils.get_total_norm([torch.ones(4), torch.ones(5)], float("inf")).item(),
        utils.rnn.pad_sequence([torch.ones(1), torch.ones(3)], True, 9.0).tolist(),
    ]  # fmt: skip


@scenario
def wrong_calls(torch: Any) -> Any:
    nn = torch.nn
    return [
        error(lambda: nn.Linear(3)),
        error(lambda: nn.functional.dropout(torch.ones(2), 1.5)),
        error(lambda: nn.Linear(2, 2).nothing),
        error(lambda: nn.Sequential(nn.ReLU())[1]),
    ]


@scenario
def constructor_places(torch: Any) -> Any:
    layer = torch.nn.Linear(2, 2, True, "cpu", torch.float64)
    norm = torch.nn.BatchNorm1d(2, affine=False, track_running_stats=False)
    return [
        str(layer.weight.dtype),
        list(norm._parameters),
        list(norm._buffers),
        hasattr(torch.nn.Dropout(), "reset_parameters"),
        sorted(n for n in vars(torch.nn.LSTM(2, 3)) if not n.startswith("_") and n != "training"),
    ]

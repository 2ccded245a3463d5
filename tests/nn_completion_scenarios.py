"""Programs with the rarer parts of torch.nn, to be run on PyTorch and on fnnet.torch alike."""

from __future__ import annotations

import copy
import warnings
from collections.abc import Callable
from typing import Any

from nn_scenarios import state, trained, x
from scenarios import error

SCENARIOS: dict[str, Callable[[Any], Any]] = {}


def scenario(function: Callable[[Any], Any]) -> Callable[[Any], Any]:
    def run(torch: Any) -> Any:
        torch.manual_seed(5)
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", message="Lazy modules are")
            warnings.filterwarnings("ignore", message=".*weight_norm. is deprecated")
            return function(torch)

    SCENARIOS[function.__name__] = run
    return function


def type_of(function: Callable[[], Any]) -> str:
    return error(function)[0]


@scenario
def adaptive_softmax(torch: Any) -> Any:
    layer = torch.nn.AdaptiveLogSoftmaxWithLoss(8, 12, [3, 7], div_value=2.0, head_bias=True)
    given = x(torch, 5, 8).requires_grad_()
    target = torch.tensor([0, 11, 4, 2, 7])
    made = layer(given, target)
    made.loss.backward()
    single = layer(given[1], target[1])
    with torch.no_grad():
        layer.head.weight *= 4
    return [
        made.output.tolist(),
        made.loss.item(),
        single.output.tolist(),
        given.grad.flatten().tolist(),
        {name: p.grad.flatten().tolist() for name, p in layer.named_parameters()},
        layer.log_prob(given).tolist(),
        layer.predict(x(torch, 9, 8)).tolist(),
        [layer.cutoffs, layer.shortlist_size, layer.n_clusters, layer.head_size, layer.div_value],
        repr(layer),
        error(lambda: layer(given, torch.tensor([0, 12, 0, 0, 0])))[0],
        error(lambda: layer(given, target[:3])),
        type_of(lambda: layer(given[0], target)),
        error(lambda: layer(given, target[None])),
        error(lambda: torch.nn.AdaptiveLogSoftmaxWithLoss(8, 12, [])),
        type_of(lambda: torch.nn.AdaptiveLogSoftmaxWithLoss(8, 12, [3, 12])),
    ]


@scenario
def cross_map(torch: Any) -> Any:
    seen = []
    for size, channels in ((5, 7), (3, 2), (4, 6)):
        layer = torch.nn.CrossMapLRN2d(size, 0.3, 0.6, 1.5)
        given = x(torch, 2, channels, 2, 1).requires_grad_()
        output = layer(given)
        (output * output).sum().backward()
        seen.append([output.flatten().tolist(), given.grad.flatten().tolist(), repr(layer)])
    return [seen, error(lambda: layer(torch.ones(2, 3)))]


@scenario
def sync_batch_norm(torch: Any) -> Any:
    nn = torch.nn
    net = nn.Sequential(nn.Linear(3, 4), nn.BatchNorm1d(4, momentum=None), nn.Sequential(nn.BatchNorm1d(4)))
    weight = net[1].weight
    made = nn.SyncBatchNorm.convert_sync_batchnorm(net)
    given = x(torch, 5, 3)
    layer = nn.SyncBatchNorm(3, affine=False)
    return [
        trained(torch, made, given),
        made[1].weight is weight,
        trained(torch, layer, x(torch, 2, 3, 2)),
        made.eval()(given).flatten().tolist(),
        error(lambda: layer(torch.ones(3))),
        error(lambda: layer(torch.ones(3, 0))),
        [layer.process_group, isinstance(layer, nn.modules.batchnorm._BatchNorm)],
    ]


@scenario
def cumulative_average_in_doubles(torch: Any) -> Any:
    layer = torch.nn.BatchNorm1d(2, momentum=None, dtype=torch.float64)
    for step in range(3):
        layer(x(torch, 4, 2).double() * (step + 1))
    return [[f"{value:.12f}" for value in layer.running_var.tolist()], layer.num_batches_tracked.item()]


@scenario
def norms_of_half_with_float_parameters(torch: Any) -> Any:
    functional, seen = torch.nn.functional, []
    given, vector = x(torch, 4, 3, 5), x(torch, 3)
    half = given.to(torch.bfloat16)
    for run in (
        lambda g, v: functional.batch_norm(g, v.detach(), v.detach().abs(), v, v),
        lambda g, v: functional.layer_norm(g.transpose(1, 2), [3], v, v),
    ):
        leaf, scale = half.clone().requires_grad_(), vector.clone().requires_grad_()
        output = run(leaf, scale)
        output.float().sum().backward()
        seen.append([
            str(output.dtype), str(leaf.grad.dtype), str(scale.grad.dtype),
            [round(value, 1) for value in output.float().flatten().tolist()],
            type_of(lambda run=run: run(given, vector.to(torch.bfloat16))),
            type_of(lambda run=run: run(given.double(), vector)),
        ])  # fmt: skip
    return seen


@scenario
def gaussian_loss_with_a_broadcast_variance(torch: Any) -> Any:
    given, target, seen = x(torch, 4, 3, 5), x(torch, 4, 5, 3).transpose(1, 2), []
    for shape in ((4, 3), (4, 1, 5), (3, 5), (1, 1, 5)):
        var = (x(torch, *shape).abs() + 0.1).requires_grad_()

        def run(var: Any = var) -> Any:
            return torch.nn.GaussianNLLLoss(full=True)(given, target, var)

        if (failed := type_of(run)) == "no error":
            run().backward()
            seen.append([run().item(), var.grad.flatten().tolist()])
        else:
            seen.append(failed)
    return seen


@scenario
def truncated_normal_of_a_transposed_tensor(torch: Any) -> Any:
    seen = []
    for a, b, shape in ((-2.0, 2.0, (3, 8)), (0.5, 0.7, (3, 8)), (-0.5, 1.0, (8, 3)), (-1.0, 1.0, (2, 2))):
        tensor = torch.empty(*shape).t()
        torch.nn.init.trunc_normal_(tensor, 0.0, 1.0, a, b)
        seen.append(tensor.tolist())
    return [seen, torch.rand(1).item()]


LAZY = {
    "LazyLinear": ((4,), {}, (2, 3)),
    "LazyConv1d": ((4, 2), {"groups": 2}, (2, 4, 5)),
    "LazyConv2d": ((4, (3, 2)), {"padding": 1, "bias": False}, (3, 4, 4)),
    "LazyConv3d": ((2, 2), {}, (1, 2, 3, 3, 3)),
    "LazyConvTranspose1d": ((4, 2), {"stride": 2}, (2, 3, 4)),
    "LazyConvTranspose2d": ((2, 2), {"groups": 2}, (2, 4, 3, 3)),
    "LazyConvTranspose3d": ((2, 2), {"output_padding": 0}, (1, 2, 2, 2, 2)),
    "LazyBatchNorm1d": ((), {"momentum": 0.3}, (4, 3)),
    "LazyBatchNorm2d": ((), {"affine": False}, (4, 3, 2, 2)),
    "LazyBatchNorm3d": ((), {"track_running_stats": False}, (2, 3, 2, 2, 1)),
    "LazyInstanceNorm1d": ((), {}, (2, 3, 4)),
    "LazyInstanceNorm2d": ((), {"affine": False}, (2, 3, 4, 2)),
    "LazyInstanceNorm3d": ((), {}, (2, 2, 2, 2, 2)),
}


@scenario
def lazy_layers(torch: Any) -> Any:
    seen = []
    for name, (args, kwargs, shape) in LAZY.items():
        layer = getattr(torch.nn, name)(*args, **kwargs)
        before = [repr(layer), repr(dict(layer.state_dict())), layer.has_uninitialized_params()]
        tables = [list(layer._parameters), list(layer._buffers)]
        layer.initialize_parameters(x(torch, *shape))
        seen.append([before, tables, layer.has_uninitialized_params(), repr(layer), state(layer)])
        if name in ("LazyConvTranspose1d", "LazyInstanceNorm1d"):
            layer(x(torch, *shape))
            seen.append([type(layer).__name__, trained(torch, layer, x(torch, *shape))])
    return seen


@scenario
def lazy_network(torch: Any) -> Any:
    nn = torch.nn
    net = nn.Sequential(nn.LazyLinear(3), nn.ReLU(), nn.Linear(3, 2))
    twin = copy.deepcopy(net)
    rule = torch.optim.SGD(net.parameters(), lr=0.1)
    weight = net[0].weight
    seen = [
        error(lambda: weight.shape),
        type_of(lambda: weight + 1),
        type_of(lambda: weight.detach()),
        [str(weight.dtype), str(weight.device), weight.requires_grad, repr(weight), repr(weight.data)],
        [isinstance(net[0], nn.Linear), isinstance(weight, nn.Parameter), type(net[0]).__name__],
        [repr(net.double()[0].weight.dtype), repr(net.float()[0].bias.dtype)],
    ]
    net(x(torch, 4, 5))
    net.zero_grad()
    net(x(torch, 4, 5)).square().sum().backward()
    rule.step()
    seen += [state(net), type(net[0]) is nn.Linear, type(net[0].weight) is nn.Parameter]
    seen.append(error(lambda: net.load_state_dict(twin.state_dict()))[0])
    seen.append(repr(twin.load_state_dict(net.state_dict())))
    seen += [state(twin), twin[0].has_uninitialized_params(), type(twin[0]).__name__, twin[0].in_features]
    twin(x(torch, 4, 5))
    seen += [type(twin[0]).__name__, twin[0].in_features]
    again = nn.LazyLinear(2)
    again.load_state_dict(nn.LazyLinear(2).state_dict())
    seen.append(type_of(lambda: nn.LazyConv1d(4, 2, groups=2)(x(torch, 1, 3, 4))))
    seen.append(error(lambda: nn.LazyConv2d(4, 2)(x(torch, 3, 4))))
    return [*seen, again.has_uninitialized_params()]


@scenario
def lazy_module_of_ones_own(torch: Any) -> Any:
    nn = torch.nn

    class Scale(nn.modules.lazy.LazyModuleMixin, nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.weight = nn.UninitializedParameter()
            self.register_buffer("seen", nn.UninitializedBuffer())

        def initialize_parameters(self, given: Any) -> None:
            if self.has_uninitialized_params():
                self.weight.materialize(given.shape[1:])
                self.seen.materialize((2,), dtype=torch.float64)
                nn.init.ones_(self.weight)
                nn.init.zeros_(self.seen)

        def forward(self, given: Any) -> Any:
            return given * self.weight

    class Forgetful(nn.modules.lazy.LazyModuleMixin, nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.weight = nn.UninitializedParameter()

        def initialize_parameters(self, given: Any) -> None:
            pass

    layer = Scale()
    hooks = [len(layer._forward_pre_hooks), layer.has_uninitialized_params()]
    layer(x(torch, 3, 2)).sum().backward()
    return [
        hooks, len(layer._forward_pre_hooks), layer.weight.grad.tolist(), str(layer.seen.dtype),
        error(lambda: Forgetful()(x(torch, 2))), [nn.parameter.is_lazy(layer.weight)],
    ]  # fmt: skip


@scenario
def embeddings_from_tables(torch: Any) -> Any:
    table = x(torch, 4, 3)
    layer = torch.nn.Embedding.from_pretrained(table, padding_idx=-1)
    bag = torch.nn.EmbeddingBag.from_pretrained(table, freeze=False, mode="sum", max_norm=1.0)
    after = torch.rand(2).tolist()
    table[0] = 5.0
    return [
        layer(torch.tensor([0, 3])), layer.weight.requires_grad, repr(layer), repr(bag), after,
        bag.weight.requires_grad, layer.weight[0].tolist(), layer.padding_idx,
        error(lambda: torch.nn.Embedding.from_pretrained(table[0])),
        error(lambda: torch.nn.Embedding(2, 3, _weight=table)),
    ]  # fmt: skip


@scenario
def rarer_names(torch: Any) -> Any:
    nn, functional = torch.nn, torch.nn.functional
    loss = nn.LinearCrossEntropyLoss(
        3, 4, out_features=(2,), bias=True, weight=torch.tensor([1.0, 2.0, 0.5, 1.0]), label_smoothing=0.1
    )
    given, target = x(torch, 2, 3).requires_grad_(), torch.tensor([[0, 3], [1, 2]])
    value = loss(given, target)
    value.backward()
    maps, kernel, outer = x(torch, 1, 2, 4), x(torch, 3, 2, 2), x(torch, 1, 3, 4)
    with nn.attention.sdpa_kernel([nn.attention.SDPBackend.MATH, nn.attention.SDPBackend.FLASH_ATTENTION]):
        attended = functional.scaled_dot_product_attention(maps, maps, maps, is_causal=True)
    wrapped = nn.DataParallel(nn.Linear(3, 2))
    return [
        value.item(), given.grad.tolist(), list(loss.state_dict()), repr(loss),
        error(lambda: nn.LinearCrossEntropyLoss(3, 4, label_smoothing=2.0)),
        error(lambda: nn.LinearCrossEntropyLoss(3, 4, weight=torch.ones(3))),
        nn.grad.conv1d_input((1, 2, 4), kernel, outer, padding=1, stride=1, dilation=2).tolist(),
        nn.grad.conv1d_weight(maps, (3, 2, 2), outer, padding=1, dilation=2).tolist(),
        attended.tolist(), int(nn.attention.SDPBackend.CUDNN_ATTENTION),
        error(lambda: nn.attention.sdpa_kernel("math").__enter__()),
        [one.tolist() for one in functional.max_pool1d_with_indices(maps, 2)],
        [one.tolist() for one in functional.adaptive_max_pool1d_with_indices(maps, 3)],
        list(wrapped.state_dict()), repr(wrapped), nn.factory_kwargs({"dtype": torch.float64})["dtype"],
        issubclass(nn.LSTMCell, nn.RNNCellBase), issubclass(nn.Conv2d, nn.modules.conv._ConvNd),
    ]  # fmt: skip


@scenario
def hooks_of_all_modules(torch: Any) -> Any:
    nn, log = torch.nn, []
    of_all = nn.modules.module

    def note(kind: str) -> Any:
        return lambda module, *given: log.append([kind, type(module).__name__])

    handles = [
        of_all.register_module_forward_pre_hook(note("before")),
        of_all.register_module_forward_hook(
            lambda module, args, kwargs, output: log.append([type(module).__name__, list(output.shape)]),
            with_kwargs=True,
        ),
        of_all.register_module_full_backward_pre_hook(note("into backward")),
        of_all.register_module_full_backward_hook(note("backward")),
    ]
    net = nn.Sequential(nn.Linear(3, 4), nn.ReLU())
    net[0].register_forward_hook(note("own"))
    net(x(torch, 2, 3).requires_grad_()).sum().backward()
    for handle in handles:
        handle.remove()
    net(x(torch, 2, 3))
    handles = [
        of_all.register_module_parameter_registration_hook(lambda m, name, p: log.append(name)),
        of_all.register_module_buffer_registration_hook(lambda m, name, b: log.append(name)),
        of_all.register_module_module_registration_hook(lambda m, name, part: nn.Tanh()),
    ]
    with_others = nn.Sequential(nn.BatchNorm1d(4), nn.ReLU())
    for handle in handles:
        handle.remove()
    net[0].register_forward_hook(lambda m, args, output: log.append(["always", output]), always_call=True)
    net.set_submodule("1", nn.Sigmoid())
    return [
        log,
        repr(with_others),
        type_of(lambda: net(x(torch, 2, 9))),
        log[-1],
        repr(net),
        error(lambda: net.set_submodule("", nn.ReLU())),
        error(lambda: net.set_submodule("7.inner", nn.ReLU())),
        error(lambda: net.set_submodule("7", nn.ReLU(), strict=True)),
        error(lambda: net.set_submodule("0.weight", nn.ReLU())),
        list(net.to_empty(device="cpu")[0].weight.shape),
    ]


@scenario
def rarer_arguments(torch: Any) -> Any:
    nn, init = torch.nn, torch.nn.init
    table, double = x(torch, 4, 3), {"dtype": torch.float64, "device": "cpu"}
    samples = torch.full((1, 1, 2), 0.3)
    base, cell = nn.RNNBase("LSTM", 3, 4, num_layers=2, proj_size=2), nn.RNNCellBase(3, 4, True, num_chunks=4)
    given, hidden = x(torch, 5, 2, 3), torch.zeros(1, 2, 4)
    gru, lstm = nn.GRU(3, 4), nn.LSTM(3, 4, proj_size=2)
    made = {
        "adaptive": nn.AdaptiveLogSoftmaxWithLoss(8, 20, [5], **double),
        "fused": nn.LinearCrossEntropyLoss(3, 5, **double),
        "encoder": nn.TransformerEncoderLayer(8, 2, 16, **double),
        "decoder": nn.TransformerDecoderLayer(8, 2, 16, **double),
        "both": nn.Transformer(8, 2, 1, 1, 16, **double),
    }
    return [
        {name: sorted({str(p.dtype) for p in module.parameters()}) for name, module in made.items()},
        {name: sum(p.double().abs().sum().item() for p in m.parameters()) for name, m in made.items()},
        nn.Embedding(4, 3, None, None, 2.0, False, False, table, True).weight.requires_grad,
        repr(nn.EmbeddingBag(4, 3, None, 2.0, False, "mean", False, table, True, 1)),
        repr(nn.Embedding.from_pretrained(table, True, 1)),
        nn.FractionalMaxPool2d(2, output_size=2, _random_samples=samples)(x(torch, 1, 1, 5, 5)).tolist(),
        list(nn.FractionalMaxPool2d(2, output_size=2, _random_samples=samples).state_dict()),
        [repr(base), {name: list(p.shape) for name, p in base.named_parameters()}, base.mode],
        {name: list(p.shape) for name, p in cell.named_parameters()},
        [error(lambda: nn.RNNBase("XX", 3, 4)), type_of(lambda: base(given))],
        [list(gru.get_expected_hidden_size(given, None)), gru.check_forward_args(given, hidden, None)],
        list(lstm.get_expected_hidden_size(given, None)) + list(lstm.get_expected_cell_size(given, None)),
        error(lambda: gru.check_forward_args(given, hidden[:, :1], None)),
        error(lambda: lstm.check_forward_args(given, (hidden, hidden), None)),
        error(lambda: gru.check_input(given.double(), None)),
        gru.permute_hidden(hidden + torch.tensor([[1.0], [2.0]]), torch.tensor([1, 0])).tolist(),
        sorted(nn.ParameterDict().fromkeys(["a", "b"], table) | nn.ParameterDict({"c": table})),
        init.uniform_(torch.empty(2), 0.0, 1.0, torch.Generator().manual_seed(3)).tolist(),
        init.xavier_normal_(torch.empty(2, 2), 1.0, torch.Generator().manual_seed(3)).tolist(),
        repr(nn.Sequential(nn.ReLU()).extend(sequential=[nn.Tanh()])),
        type_of(lambda: nn.functional.tanh(table, inplace=True)),
        error(lambda: nn.Tanh(dtype=torch.float64)),
    ]

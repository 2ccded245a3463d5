"""Programs with torch.nn.utils: packed sequences, parametrizations, fusion, pruning."""

from __future__ import annotations

import copy
from typing import Any

from nn_completion_scenarios import SCENARIOS as SCENARIOS
from nn_completion_scenarios import scenario
from nn_scenarios import state, x
from scenarios import error


def packed(given: Any) -> list[Any]:
    return [given.data.tolist(), given.batch_sizes, given.sorted_indices, given.unsorted_indices]


@scenario
def packing(torch: Any) -> Any:
    rnn = torch.nn.utils.rnn
    given = x(torch, 4, 3, 2).requires_grad_()
    one = rnn.pack_padded_sequence(given, torch.tensor([2, 4, 1]), enforce_sorted=False)
    padded, lengths = rnn.pad_packed_sequence(one, padding_value=9.0, total_length=5)
    (padded * padded).sum().backward()
    first = rnn.pack_padded_sequence(given.transpose(0, 1), [3, 3, 2], batch_first=True)
    many = [torch.ones(2, 2), torch.ones(3, 2) * 2]
    again = rnn.pack_sequence(many, enforce_sorted=False)
    return [
        packed(one), padded, lengths, given.grad.tolist(), packed(first), packed(again), repr(again),
        [str(again.double().data.dtype), again.to(torch.float32) is again, again.is_cuda],
        rnn.pad_packed_sequence(first, batch_first=True)[0],
        rnn.unpack_sequence(again),
        rnn.unpad_sequence(x(torch, 4, 2), torch.tensor([1, 3])),
        rnn.pad_sequence(many, padding_value=7.0, padding_side="left"),
        rnn.invert_permutation(torch.tensor([2, 0, 1])), rnn.invert_permutation(None),
        str(type(one.data.grad_fn).__name__),
        error(lambda: rnn.pack_padded_sequence(given, [4, 2])),
        error(lambda: rnn.pack_padded_sequence(given, [4, 2, 0]))[0],
        error(lambda: rnn.pack_padded_sequence(given, [1, 2, 3])),
        error(lambda: rnn.pad_packed_sequence(one, total_length=2)),
        error(lambda: rnn.pad_sequence([])), error(lambda: rnn.pad_sequence(5)),
        error(lambda: rnn.PackedSequence(torch.ones(3))),
    ]  # fmt: skip


@scenario
def recurrent_layers_of_packed_sequences(torch: Any) -> Any:
    nn, rnn, seen = torch.nn, torch.nn.utils.rnn, []
    for layer, sizes in (
        (nn.LSTM(2, 3, 2, proj_size=2, dropout=0.4, batch_first=True), ((2, 3, 2), (2, 3, 3))),
    ):
        given = x(torch, 4, 3, 2).requires_grad_()
        pack = rnn.pack_padded_sequence(given, torch.tensor([2, 4, 1]), enforce_sorted=False)
        hx = [x(torch, *shape).requires_grad_() for shape in sizes]
        output, last = layer(pack, *([tuple(hx)] if len(hx) == 2 else hx))
        total = (output.data**2).sum() + sum((one**2).sum() for one in (last if len(hx) == 2 else [last]))
        total.backward()
        seen.append([
            packed(output), last, given.grad.tolist(), [one.grad.tolist() for one in hx],
            {name: p.grad.flatten().tolist() for name, p in layer.named_parameters()},
            [[list(one.shape) for one in part] for part in layer.all_weights],
            layer.flatten_parameters(), isinstance(layer, nn.RNNBase),
        ])  # fmt: skip
    return [
        seen,
        error(lambda: nn.GRU(2, 3)(pack, torch.zeros(1, 2, 3)))[0],
        error(lambda: nn.GRU(3, 3)(pack))[0],
        error(lambda: layer(rnn.pack_padded_sequence(x(torch, 4, 3), [3, 2, 1])))[0],
    ]


def after_training(torch: Any, module: Any, given: Any) -> list[Any]:
    output = module(given)
    (output * output).sum().backward()
    gradients = {name: p.grad.flatten().tolist() for name, p in module.named_parameters()}
    return [output.flatten().tolist(), gradients, state(module), repr(module), type(module).__name__]


@scenario
def parametrized_weights(torch: Any) -> Any:
    nn, made = torch.nn, torch.nn.utils.parametrizations
    seen = []
    for name, options, make, shape in (
        ("weight_norm", {"dim": 1}, lambda: nn.Conv1d(2, 3, 2), (1, 2, 4)),
        ("spectral_norm", {"n_power_iterations": 2}, lambda: nn.ConvTranspose1d(2, 3, 2), (1, 2, 4)),
        ("orthogonal", {"orthogonal_map": "cayley"}, lambda: nn.Linear(3, 2), (2, 3)),
    ):
        module = getattr(made, name)(make(), **options)
        seen.append(after_training(torch, module, x(torch, *shape)))
    q = module.weight
    module.weight = torch.tensor([[0.0, 1.0, 0.0], [1.0, 0.0, 0.0]])
    norm = made.weight_norm(nn.Linear(3, 2))
    norm.load_state_dict({"bias": torch.zeros(2), "weight_g": torch.ones(2, 1), "weight_v": torch.ones(2, 3)})
    return [
        seen, (q @ q.t()).tolist(), module.weight.tolist(), norm.weight.tolist(),
        str(norm.weight.grad_fn)[:26],
        repr(torch.nn.utils.parametrize.remove_parametrizations(norm, "weight")), state(norm),
        error(lambda: made.orthogonal(nn.Linear(2, 2), "bias")),
        error(lambda: made.orthogonal(nn.Linear(2, 2), orthogonal_map="qr")),
        error(lambda: made.spectral_norm(nn.Linear(2, 2), n_power_iterations=0)),
        error(lambda: made.spectral_norm(nn.Linear(2, 2), dim=2)),
        error(lambda: made.weight_norm(nn.Linear(2, 2), "nothing")),
        error(lambda: made.orthogonal(nn.Linear(3, 2), orthogonal_map="cayley", use_trivialization=False)),
    ]  # fmt: skip


@scenario
def parametrizations_come_and_go(torch: Any) -> Any:
    nn, parametrize = torch.nn, torch.nn.utils.parametrize
    seen: list[str] = []

    class Doubled(nn.Module):
        def forward(self, given: Any) -> Any:
            seen.append("computed")
            return given * 2

        def right_inverse(self, given: Any) -> Any:
            return given / 2

    class Wider(nn.Module):
        def forward(self, given: Any) -> Any:
            return torch.cat([given, given])

    layer = nn.Linear(2, 2)
    original, values = layer.weight, layer.weight.tolist()
    parametrize.register_parametrization(layer, "weight", Doubled())
    kept = layer.parametrizations.weight.original is original
    same = [layer.weight.tolist() == values, isinstance(layer, nn.Linear), parametrize.is_parametrized(layer)]
    with parametrize.cached():
        seen.clear()
        layer(torch.ones(1, 2)), layer(torch.ones(1, 2))
        counted = len(seen)
    layer.weight = torch.eye(2)
    twin = copy.deepcopy(layer)
    twin.parametrizations.weight.original.data.zero_()
    other = parametrize.transfer_parametrizations_and_params(layer, nn.Linear(2, 2), "weight")
    rule = torch.optim.SGD(layer.parameters(), lr=0.1)
    layer(torch.ones(1, 2)).sum().backward()
    rule.step()
    kinds = [type(layer).__name__, parametrize.type_before_parametrizations(layer).__name__]
    wrong = [
        error(lambda: parametrize.register_parametrization(layer, "bias", Wider())),
        error(lambda: parametrize.register_parametrization(layer, "weight", Wider())),
        error(lambda: parametrize.register_parametrization(layer, "other", Doubled()))[0],
        error(lambda: parametrize.remove_parametrizations(layer, "bias"))[0],
        error(lambda: layer.__getstate__())[0],
    ]
    after = state(layer)
    parametrize.remove_parametrizations(layer, "weight")
    return [
        kept, same, counted, state(twin), state(other), kinds, wrong, after, state(layer),
        type(layer).__name__, layer.weight is original, parametrize.is_parametrized(layer), repr(layer),
    ]  # fmt: skip


@scenario
def older_norms_of_weights(torch: Any) -> Any:
    nn, utils = torch.nn, torch.nn.utils
    norm = utils.weight_norm(nn.Linear(3, 2), dim=None)
    spectral = utils.spectral_norm(nn.Linear(3, 2))
    seen = [after_training(torch, norm, x(torch, 2, 3)), after_training(torch, spectral, x(torch, 2, 3))]
    metadata = dict(spectral.state_dict()._metadata[""])
    again = repr(spectral.load_state_dict(spectral.state_dict()))
    spectral.eval()(x(torch, 2, 3))
    wrong = [
        error(lambda: utils.weight_norm(norm)), error(lambda: utils.spectral_norm(spectral)),
        error(lambda: utils.remove_weight_norm(spectral))[0], error(lambda: utils.spectral_norm(norm))[0],
    ]  # fmt: skip
    utils.remove_weight_norm(norm)
    utils.remove_spectral_norm(spectral)
    return [seen, metadata, again, wrong, state(norm), state(spectral), len(spectral._forward_pre_hooks)]


@scenario
def fusion_with_batch_norm(torch: Any) -> Any:
    nn, utils = torch.nn, torch.nn.utils
    norm = nn.BatchNorm1d(3)
    norm(x(torch, 8, 3))
    norm.eval()
    conv, linear = nn.Conv1d(2, 3, 2, bias=False).eval(), nn.Linear(2, 3).eval()
    across = nn.ConvTranspose1d(2, 3, 2).eval()
    skipped = utils.skip_init(nn.Linear, 2, 3)
    return [
        state(utils.fuse_conv_bn_eval(conv, norm)), state(utils.fuse_linear_bn_eval(linear, norm)),
        state(utils.fuse_conv_bn_eval(across, norm, transpose=True)),
        error(lambda: utils.fuse_conv_bn_eval(conv.train(), norm)),
        error(lambda: utils.fuse_linear_bn_eval(nn.Linear(2, 2).eval(), norm)),
        list(skipped.weight.shape), torch.rand(2).tolist(), error(lambda: utils.skip_init(nn.ReLU))[0],
    ]  # fmt: skip


@scenario
def pruning(torch: Any) -> Any:
    import importlib

    nn, prune = torch.nn, importlib.import_module(torch.__name__ + ".nn.utils.prune")
    layer, other = nn.Linear(4, 3), nn.Linear(2, 2)
    prune.l1_unstructured(layer, "weight", amount=3)
    seen = [state(layer), layer.weight.flatten().tolist(), str(layer.weight.grad_fn)[:18]]
    layer(x(torch, 2, 4)).sum().backward()
    seen += [layer.weight_orig.grad.flatten().tolist(), prune.is_pruned(layer), prune.is_pruned(other)]
    prune.random_unstructured(layer, "weight", amount=0.25)
    prune.ln_structured(layer, "weight", amount=1, n=2, dim=0)
    prune.random_structured(layer, "weight", amount=0.3, dim=1)
    seen.append(state(layer))
    prune.remove(layer, "weight")
    prune.custom_from_mask(other, "bias", torch.tensor([0.0, 1.0]))
    both = nn.Linear(3, 2)
    pairs = [(both, "weight"), (other, "weight")]
    prune.global_unstructured(pairs, pruning_method=prune.L1Unstructured, amount=4)
    return [
        seen, state(layer), state(other), state(both), prune.L1Unstructured(2).prune(x(torch, 5)).tolist(),
        error(lambda: prune.remove(prune.identity(nn.Linear(1, 1), "weight"), "bias"))[0],
        error(lambda: prune.l1_unstructured(nn.Linear(2, 2), "weight", amount=9)),
        error(lambda: prune.l1_unstructured(nn.Linear(2, 2), "weight", amount=1.5)),
        error(lambda: prune.ln_structured(nn.Linear(2, 2), "bias", 1, 2, 0)),
    ]  # fmt: skip

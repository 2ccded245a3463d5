"""Every layer against torch.nn's of the same name: text, parameters, buffers, output and gradients."""

from __future__ import annotations

import inspect

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import fnnet
from fnnet.checkpoint import flat, nested
from fnnet.layers import Layer

torch = pytest.importorskip("torch")
pytestmark = pytest.mark.torch


def _x(*shape, seed=0):
    return np.random.default_rng(seed).standard_normal(shape).astype(np.float32)


def _ints(*shape, high=5):
    return np.random.default_rng(1).integers(0, high, shape)


CASES = [
    ("Linear", (4, 3), {}, [_x(2, 4)]),
    ("Linear", (4, 3), {"bias": False}, [_x(2, 5, 4)]),
    ("Bilinear", (4, 3, 2), {}, [_x(5, 4), _x(5, 3)]),
    ("Identity", (4,), {}, [_x(2, 4)]),
    ("Flatten", (), {}, [_x(2, 3, 4)]),
    ("Flatten", (0, 1), {}, [_x(2, 3, 4)]),
    ("Unflatten", (1, (2, -1)), {}, [_x(2, 6, 4)]),
    ("Conv1d", (4, 6, 3), {"groups": 2, "dilation": 2}, [_x(2, 4, 9)]),
    ("Conv2d", (3, 6, 5), {}, [_x(2, 3, 8, 8)]),
    ("Conv2d", (3, 6, (3, 2)), {"stride": 2, "padding": (1, 2), "bias": False}, [_x(3, 8, 8)]),
    ("Conv2d", (3, 4, 4), {"padding": "same", "padding_mode": "reflect"}, [_x(2, 3, 7, 8)]),
    ("Conv2d", (3, 4, 3), {"padding": (2, 1), "padding_mode": "circular"}, [_x(2, 3, 7, 8)]),
    ("Conv2d", (3, 4, 3), {"padding": 1, "padding_mode": "replicate"}, [_x(2, 3, 7, 8)]),
    ("Conv3d", (2, 2, 2), {"padding": "valid"}, [_x(1, 2, 4, 4, 4)]),
    ("ConvTranspose1d", (4, 6, 3), {"groups": 2, "stride": 2, "output_padding": 1}, [_x(2, 4, 5)]),
    ("ConvTranspose2d", (3, 2, 3), {"stride": (2, 3), "padding": 1, "dilation": 2}, [_x(2, 3, 4, 5)]),
    ("ConvTranspose3d", (2, 2, 2), {"bias": False}, [_x(2, 3, 3, 3)]),
    ("MaxPool1d", (2,), {}, [_x(2, 3, 7)]),
    ("MaxPool2d", (3,), {"stride": 2, "padding": 1, "ceil_mode": True}, [_x(2, 3, 7, 8)]),
    ("MaxPool2d", ((2, 3),), {"dilation": 2, "return_indices": True}, [_x(2, 3, 7, 8)]),
    ("MaxPool3d", (2,), {}, [_x(1, 2, 4, 5, 4)]),
    ("AvgPool1d", (2,), {"padding": 1}, [_x(2, 3, 7)]),
    ("AvgPool2d", (3,), {"stride": 2, "padding": 1, "ceil_mode": True}, [_x(2, 3, 7, 8)]),
    ("AvgPool2d", (3,), {"padding": 1, "count_include_pad": False}, [_x(2, 3, 7, 8)]),
    ("AvgPool3d", (2,), {"divisor_override": 3}, [_x(2, 2, 4, 4, 4)]),
    ("LPPool1d", (2.0, 3), {}, [np.abs(_x(2, 3, 7))]),
    ("LPPool2d", (3, 2), {"stride": 1}, [np.abs(_x(2, 3, 6, 7))]),
    ("LPPool3d", (2, 2), {}, [np.abs(_x(1, 2, 4, 4, 4))]),
    ("AdaptiveAvgPool1d", (3,), {}, [_x(2, 3, 7)]),
    ("AdaptiveAvgPool2d", ((None, 3),), {}, [_x(2, 3, 7, 8)]),
    ("AdaptiveAvgPool3d", (2,), {}, [_x(2, 3, 4, 5, 6)]),
    ("AdaptiveMaxPool1d", (3,), {}, [_x(2, 3, 7)]),
    ("AdaptiveMaxPool2d", ((2, 3),), {"return_indices": True}, [_x(2, 3, 7, 8)]),
    ("AdaptiveMaxPool3d", (2,), {}, [_x(2, 3, 4, 5, 6)]),
    ("MaxUnpool2d", (2,), {}, [_x(1, 1, 2, 2), np.array([[[[0, 3], [9, 15]]]])]),
    ("BatchNorm1d", (3,), {}, [_x(4, 3)]),
    ("BatchNorm1d", (3,), {"momentum": None}, [_x(4, 3, 2)]),
    ("BatchNorm2d", (3,), {"affine": False}, [_x(4, 3, 2, 2)]),
    ("BatchNorm2d", (3,), {"bias": False, "eps": 1e-3, "momentum": 0.3}, [_x(4, 3, 2, 2)]),
    ("BatchNorm3d", (3,), {"track_running_stats": False}, [_x(4, 3, 2, 2, 2)]),
    ("InstanceNorm1d", (3,), {}, [_x(2, 3, 5)]),
    ("InstanceNorm2d", (3,), {"affine": True, "track_running_stats": True}, [_x(2, 3, 4, 5)]),
    ("InstanceNorm3d", (3,), {"track_running_stats": True}, [_x(3, 4, 5, 2)]),
    ("LayerNorm", (4,), {}, [_x(2, 3, 4)]),
    ("LayerNorm", ((3, 4),), {"bias": False}, [_x(2, 3, 4)]),
    ("LayerNorm", (4,), {"elementwise_affine": False, "eps": 0.1}, [_x(2, 3, 4)]),
    ("RMSNorm", (4,), {}, [_x(2, 3, 4)]),
    ("GroupNorm", (2, 4), {}, [_x(3, 4, 5)]),
    ("GroupNorm", (2, 4), {"bias": False}, [_x(3, 4, 5)]),
    ("SyncBatchNorm", (3,), {"momentum": None}, [_x(4, 3, 2)]),
    ("CrossMapLRN2d", (3, 0.2), {"beta": 0.5}, [_x(2, 5, 2, 2)]),
    ("AdaptiveLogSoftmaxWithLoss", (4, 9, [2, 5]), {"div_value": 2.0}, [_x(6, 4), _ints(6, high=9)]),
    ("LinearCrossEntropyLoss", (4, 3), {"bias": True, "label_smoothing": 0.2}, [_x(5, 4), _ints(5, high=3)]),
    ("LocalResponseNorm", (3,), {"alpha": 0.1}, [_x(2, 5, 4)]),
    ("Embedding", (5, 3), {"padding_idx": -1}, [_ints(2, 4)]),
    ("Embedding", (20, 3), {"scale_grad_by_freq": True}, [_ints(2, 4)]),
    ("EmbeddingBag", (5, 3), {"mode": "sum"}, [_ints(2, 4)]),
    ("EmbeddingBag", (5, 3), {"mode": "max", "padding_idx": 1}, [_ints(2, 4)]),
    ("EmbeddingBag", (5, 3), {}, [_ints(6), np.array([0, 2, 2])]),
    ("Dropout", (0.3,), {}, [_x(2, 3)]),
    ("Dropout1d", (), {"inplace": False}, [_x(2, 3, 4)]),
    ("Dropout2d", (), {}, [_x(2, 3, 4, 2)]),
    ("Dropout3d", (), {}, [_x(2, 3, 4, 2, 2)]),
    ("AlphaDropout", (), {}, [_x(2, 3, 4)]),
    ("FeatureAlphaDropout", (), {}, [_x(2, 3, 4)]),
    ("RNN", (3, 4), {}, [_x(5, 2, 3)]),
    ("RNN", (3, 4, 2, "relu"), {"batch_first": True, "bidirectional": True}, [_x(2, 5, 3), _x(4, 2, 4)]),
    ("LSTM", (3, 4), {"num_layers": 2, "bidirectional": True, "proj_size": 2}, [_x(5, 2, 3)]),
    ("LSTM", (3, 4), {"bias": False, "batch_first": True}, [_x(5, 3)]),
    ("GRU", (3, 4), {"num_layers": 2, "dropout": 0.5}, [_x(5, 2, 3)]),
    ("RNNCell", (3, 4), {"nonlinearity": "relu"}, [_x(2, 3), _x(2, 4)]),
    ("LSTMCell", (3, 4), {}, [_x(2, 3)]),
    ("GRUCell", (3, 4), {"bias": False}, [_x(3), _x(4)]),
    ("MultiheadAttention", (4, 2), {}, [_x(3, 2, 4), _x(5, 2, 4), _x(5, 2, 4, seed=1)]),
    (
        "MultiheadAttention",
        (4, 2),
        {"kdim": 3, "vdim": 5, "add_bias_kv": True, "add_zero_attn": True, "batch_first": True},
        [_x(2, 3, 4), _x(2, 6, 3), _x(2, 6, 5), np.arange(12).reshape(2, 6) > 9],
    ),
    ("MultiheadAttention", (4, 2), {"bias": False}, [_x(3, 4), _x(5, 4), _x(5, 4, seed=1)]),
    (
        "TransformerEncoderLayer",
        (4, 2, 5),
        {"dropout": 0.0, "batch_first": True},
        [_x(2, 3, 4), np.tril(np.ones((3, 3))) == 0],
    ),
    ("TransformerEncoderLayer", (4, 2, 5), {"norm_first": True, "activation": "gelu"}, [_x(3, 2, 4)]),
    ("TransformerDecoderLayer", (4, 2, 5), {"bias": False}, [_x(3, 2, 4), _x(5, 2, 4)]),
    ("Transformer", (4, 2, 2, 2, 5), {}, [_x(3, 2, 4), _x(2, 2, 4)]),
    ("CTCLoss", (), {}, [_x(6, 2, 4), _ints(2, 3, high=3) + 1, np.array([6, 5]), np.array([3, 2])]),
    ("ConstantPad1d", (1, 2.5), {}, [_x(2, 3, 4)]),
    ("ConstantPad2d", ((1, -1, 2, 0), 2.5), {}, [_x(2, 3, 4)]),
    ("ConstantPad3d", (1, 2.5), {}, [_x(2, 3, 4, 2)]),
    ("ZeroPad1d", (2,), {}, [_x(2, 3, 4)]),
    ("ZeroPad2d", (2,), {}, [_x(2, 3, 4)]),
    ("ZeroPad3d", (2,), {}, [_x(2, 3, 4, 4)]),
    ("ReflectionPad1d", ((1, 2),), {}, [_x(2, 3, 4)]),
    ("ReflectionPad2d", (1,), {}, [_x(2, 3, 4)]),
    ("ReflectionPad3d", (1,), {}, [_x(2, 3, 4, 2)]),
    ("ReplicationPad1d", ((1, 2),), {}, [_x(2, 3, 4)]),
    ("ReplicationPad2d", (1,), {}, [_x(2, 3, 4)]),
    ("ReplicationPad3d", (1,), {}, [_x(2, 3, 4, 2)]),
    ("CircularPad1d", ((1, 2),), {}, [_x(2, 3, 4)]),
    ("CircularPad2d", (1,), {}, [_x(2, 3, 4)]),
    ("CircularPad3d", (1,), {}, [_x(2, 3, 4, 2)]),
    ("PixelShuffle", (2,), {}, [_x(2, 8, 3, 3)]),
    ("PixelUnshuffle", (2,), {}, [_x(2, 2, 4, 6)]),
    ("ChannelShuffle", (2,), {}, [_x(2, 6, 4, 6)]),
    ("Unfold", (2,), {"stride": 2, "padding": 1}, [_x(2, 3, 5, 6)]),
    ("Fold", ((4, 5), (2, 2)), {}, [_x(2, 12, 12)]),
    ("Upsample", (), {"scale_factor": 2}, [_x(1, 2, 3, 3)]),
    ("Upsample", (5,), {"mode": "linear", "align_corners": True}, [_x(1, 2, 3)]),
    ("Upsample", (), {"scale_factor": (1.5, 0.7), "mode": "bicubic"}, [_x(1, 2, 5, 6)]),
    ("UpsamplingNearest2d", (4,), {}, [_x(1, 2, 3, 3)]),
    ("UpsamplingBilinear2d", (), {"scale_factor": 2}, [_x(1, 2, 3, 3)]),
    ("CosineSimilarity", (), {}, [_x(2, 3), _x(2, 3, seed=1)]),
    ("PairwiseDistance", (), {"p": 3, "keepdim": True}, [_x(2, 3), _x(2, 3, seed=1)]),
    ("ReLU", (), {"inplace": True}, [_x(5)]),
    ("ReLU6", (True,), {}, [_x(5) * 5]),
    ("Threshold", (0.1, 20), {}, [_x(5)]),
    ("RReLU", (), {}, [_x(5)]),
    ("Hardtanh", (-2, 2), {"inplace": True}, [_x(5) * 3]),
    ("Sigmoid", (), {}, [_x(5)]),
    ("Hardsigmoid", (), {}, [_x(5)]),
    ("Tanh", (), {}, [_x(5)]),
    ("SiLU", (), {"inplace": True}, [_x(5)]),
    ("Mish", (), {}, [_x(5)]),
    ("Hardswish", (), {"inplace": True}, [_x(5)]),
    ("ELU", (2.0,), {"inplace": True}, [_x(5)]),
    ("CELU", (2.0,), {}, [_x(5)]),
    ("SELU", (), {}, [_x(5)]),
    ("GLU", (), {"dim": 0}, [_x(6)]),
    ("GELU", ("tanh",), {}, [_x(6)]),
    ("GELU", (), {}, [_x(6)]),
    ("Hardshrink", (0.3,), {}, [_x(6)]),
    ("Softshrink", (), {}, [_x(6)]),
    ("LeakyReLU", (0.2, True), {}, [_x(6)]),
    ("LogSigmoid", (), {}, [_x(6)]),
    ("Softplus", (), {"beta": 2, "threshold": 3}, [_x(6) * 3]),
    ("PReLU", (), {}, [_x(6)]),
    ("PReLU", (3, 0.1), {}, [_x(2, 3, 4)]),
    ("Softsign", (), {}, [_x(6)]),
    ("Tanhshrink", (), {}, [_x(6)]),
    ("Softmin", (1,), {}, [_x(2, 3)]),
    ("Softmax", (0,), {}, [_x(2, 3)]),
    ("LogSoftmax", (), {"dim": -1}, [_x(2, 3)]),
    ("Softmax2d", (), {}, [_x(2, 3, 4, 2)]),
    ("MSELoss", (), {"reduction": "sum"}, [_x(2, 3), _x(2, 3, seed=1)]),
    ("L1Loss", (), {"reduction": "none"}, [_x(2, 3), _x(2, 3, seed=1)]),
    ("SmoothL1Loss", (), {"beta": 0.5}, [_x(2, 3), _x(2, 3, seed=1)]),
    ("HuberLoss", ("sum", 0.4), {}, [_x(2, 3), _x(2, 3, seed=1)]),
    ("CrossEntropyLoss", (), {"label_smoothing": 0.1}, [_x(4, 5), _ints(4)]),
    ("CrossEntropyLoss", (), {"weight": [0.1, 1, 2, 3, 4], "ignore_index": 2}, [_x(4, 5), _ints(4)]),
    ("NLLLoss", (), {"weight": [0.1, 1, 2, 3, 4]}, [_x(4, 5, 2), _ints(4, 2)]),
    ("KLDivLoss", (), {"reduction": "batchmean", "log_target": True}, [_x(4, 5), _x(4, 5, seed=1)]),
    ("PoissonNLLLoss", (), {"full": True}, [_x(4, 5), np.abs(_x(4, 5, seed=1)) * 3]),
    ("GaussianNLLLoss", (), {"full": True}, [_x(4, 5), _x(4, 5, seed=1), np.abs(_x(4, 1))]),
    ("BCELoss", (), {}, [np.abs(np.tanh(_x(4, 5))), np.abs(np.tanh(_x(4, 5, seed=1)))]),
    ("BCEWithLogitsLoss", (), {"pos_weight": [1, 2, 3, 4, 5]}, [_x(4, 5), np.abs(np.tanh(_x(4, 5)))]),
    ("HingeEmbeddingLoss", (), {"margin": 0.4}, [_x(4), np.array([1, -1, 1, -1])]),
    ("MarginRankingLoss", (), {}, [_x(3), _x(3, seed=1), np.array([1.0, -1.0, 1.0], np.float32)]),
    ("CosineEmbeddingLoss", (), {"margin": 0.1}, [_x(3, 4), _x(3, 4, seed=1), np.array([1, -1, 1])]),
    ("SoftMarginLoss", (), {}, [_x(3), np.array([1.0, -1.0, 1.0], np.float32)]),
    ("MultiMarginLoss", (2,), {"margin": 0.6}, [_x(4, 5), _ints(4)]),
    ("MultiLabelMarginLoss", (), {}, [_x(2, 4), np.array([[3, 0, -1, 1], [2, 1, 0, -1]])]),
    (
        "MultiLabelSoftMarginLoss",
        (),
        {"weight": [1, 2, 3]},
        [_x(2, 3), _ints(2, 3, high=2).astype(np.float32)],
    ),
    ("TripletMarginLoss", (), {"swap": True}, [_x(3, 4), _x(3, 4, seed=1), _x(3, 4, seed=2)]),
    ("TripletMarginWithDistanceLoss", (), {"margin": 2.0}, [_x(3, 4), _x(3, 4, seed=1), _x(3, 4, seed=2)]),
]
# Training makes a difference to these alone; the random layers are compared in the tests of the functions.
CASES_AND_MODES = [(*case, False) for case in CASES] + [
    (*case, True) for case in CASES if case[0].startswith(("BatchNorm", "InstanceNorm"))
]


def _torch_layer(name, args, kwargs):
    kwargs = {
        k: torch.tensor(v, dtype=torch.float32) if k.endswith("weight") else v for k, v in kwargs.items()
    }
    return getattr(torch.nn, name)(*args, **kwargs)


def _close(actual, expected):
    np.testing.assert_allclose(np.asarray(actual), expected.detach().numpy(), rtol=1.3e-6, atol=1e-5)


def _tensors(name, arrays):
    tensors = [torch.tensor(a, requires_grad=a.dtype == np.float32) for a in arrays]
    if name in ("SoftMarginLoss", "MarginRankingLoss"):
        tensors[-1].requires_grad_(False)
    return tensors


@pytest.mark.parametrize(
    ("name", "args", "kwargs", "inputs", "training"),
    CASES_AND_MODES,
    ids=[f"{case[0]}-{position}" for position, case in enumerate(CASES_AND_MODES)],
)
@pytest.mark.filterwarnings("ignore:enable_nested_tensor is True")
@pytest.mark.filterwarnings("ignore:LSTM with projections is not supported with oneDNN")
def test_equals_torch_nn(name, args, kwargs, inputs, training):
    theirs = _torch_layer(name, args, kwargs).train(training)
    ours = getattr(fnnet, name)(*args, **kwargs)
    assert repr(ours) == repr(theirs)
    assert name == "Transformer" or hash(ours) == hash(getattr(fnnet, name)(*args, **kwargs))
    params = ours.init(jax.random.key(0))
    expected = dict(theirs.named_parameters())
    drawn = flat(params)
    assert list(drawn) == list(expected)
    assert {k: v.shape for k, v in drawn.items()} == {k: tuple(v.shape) for k, v in expected.items()}
    loss_weight = "weight" in kwargs or "pos_weight" in kwargs
    buffers = ours.init_buffers()
    assert loss_weight or list(flat(buffers)) == list(dict(theirs.named_buffers()))

    tensors = _tensors(name, inputs)
    output = theirs(*[t.clone() if hasattr(theirs, "inplace") else t for t in tensors])
    arrays = [jnp.asarray(a) for a in inputs]
    params = nested({name: jnp.asarray(value.detach().numpy()) for name, value in expected.items()})
    smooth = [i for i, t in enumerate(tensors) if t.requires_grad]

    def call(params, *given):
        full = list(arrays)
        for i, value in zip(smooth, given, strict=True):
            full[i] = value
        out, new_buffers = ours(params, *full, buffers=buffers, training=training)
        first, *rest = jax.tree.leaves(out)
        return first, (rest, new_buffers)

    first, *others = torch.utils._pytree.tree_leaves(output)
    cotangent = np.random.default_rng(5).standard_normal(first.shape).astype(np.float32)

    @jax.jit
    def both(params, *given):
        got, pullback, aux = jax.vjp(call, params, *given, has_aux=True)
        return got, aux, pullback(cotangent)

    got, (rest, new_buffers), gradients = both(params, *[arrays[i] for i in smooth])
    _close(got, first)
    for actual, wanted in zip(rest, others, strict=True):
        _close(actual, wanted)
    if not loss_weight:
        new_buffers = flat(new_buffers)
        for key, wanted in theirs.named_buffers():
            _close(new_buffers[key], wanted)
    if first.requires_grad:
        first.backward(torch.tensor(cotangent))
        param_grads, *input_grads = gradients
        param_grads = flat(param_grads)
        assert param_grads.keys() == expected.keys()
        for key, wanted in expected.items():
            _close(param_grads[key], wanted.grad)
        for i, actual in zip(smooth, input_grads, strict=True):
            if tensors[i].grad is not None:
                _close(actual, tensors[i].grad)


def test_every_layer_has_a_case():
    layers = {name for name in fnnet.layers.__all__ if inspect.isclass(getattr(fnnet, name))}
    layers = {name for name in layers if issubclass(getattr(fnnet, name), Layer)}
    elsewhere = {
        *("Layer", "FunctionLayer", "Sequential", "ModuleList", "ModuleDict", "Parametrized"),
        *(name for name in layers if name.startswith("Lazy")),
        *("TransformerEncoder", "TransformerDecoder"),
        *("FractionalMaxPool2d", "FractionalMaxPool3d", "MaxUnpool1d", "MaxUnpool3d"),
    }
    assert layers - elsewhere - {name for name, *_ in CASES} == set()


# PyTorch's constructors of these take *args.
HIDDEN_SIGNATURES = {"Identity", "UpsamplingNearest2d", "RNN", "LSTM", "GRU"}


@pytest.mark.parametrize("name", sorted({name for name, *_ in CASES} - HIDDEN_SIGNATURES))
def test_constructor_has_torchs_arguments(name):
    ours = inspect.signature(getattr(fnnet, name))
    theirs = inspect.signature(getattr(torch.nn, name).__init__)
    left_out = {"self", "device", "dtype", "_weight", "_freeze", "min_value", "max_value", "args", "kwargs"}

    def shown(signature):
        for p in signature.parameters.values():
            if p.name not in left_out:
                yield p.name, getattr(p.default, "__name__", p.default)

    assert list(shown(ours)) == list(shown(theirs))

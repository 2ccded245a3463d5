"""Every layer, in training and with gradients, lowers for a CUDA device, which need not be there."""

from __future__ import annotations

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from fnnet import layers as L

CONTAINERS = {"FunctionLayer", "Layer", "ModuleDict", "ModuleList", "Sequential", "Parametrized"}
"""Classes that are abstract or run their parts."""


def ints(values):
    return np.asarray(values, np.int32)


VECTORS = [(3, 4)]
LABELS = ints([1, 0, 3])
SPATIAL = [(2, 4, 6), (2, 4, 6, 6), (2, 4, 6, 6, 6)]
"""Inputs (N, C, ...) of one, two and three spatial dimensions."""

SPECIAL = {
    "AdaptiveLogSoftmaxWithLoss": ([4, 9, [3]], [(3, 4), LABELS]),
    "AlphaDropout": ([], VECTORS),
    "BCELoss": ([], [np.full((3, 4), 0.3, np.float32)] * 2),
    "Bilinear": ([4, 4, 2], VECTORS * 2),
    "CTCLoss": ([], [(5, 2, 4), ints([[1, 2], [3, 1]]), ints([5, 5]), ints([2, 2])]),
    "ChannelShuffle": ([2], [SPATIAL[1]]),
    "CosineEmbeddingLoss": ([], [*VECTORS * 2, LABELS]),
    "CosineSimilarity": ([], VECTORS * 2),
    "CrossEntropyLoss": ([], [(3, 4), LABELS]),
    "CrossMapLRN2d": ([2], [SPATIAL[1]]),
    "Embedding": ([9, 4], [LABELS]),
    "EmbeddingBag": ([9, 4], [LABELS[None]]),
    "Flatten": ([], [SPATIAL[1]]),
    "Fold": ([(6, 6), 2], [(2, 8, 25)]),
    "GRU": ([4, 3], [(5, 2, 4)]),
    "GRUCell": ([4, 3], [(2, 4)]),
    "GaussianNLLLoss": ([], [*VECTORS * 2, np.ones((3, 4), np.float32)]),
    "GroupNorm": ([2, 4], [SPATIAL[0]]),
    "KLDivLoss": ([None, None, "batchmean"], VECTORS * 2),
    "LSTM": ([4, 3], [(5, 2, 4)]),
    "LSTMCell": ([4, 3], [(2, 4)]),
    "LayerNorm": ([4], VECTORS),
    "LazyLinear": ([3], VECTORS),
    "Linear": ([4, 3], VECTORS),
    "LinearCrossEntropyLoss": ([4, 5], [(3, 4), LABELS]),
    "LocalResponseNorm": ([2], [SPATIAL[1]]),
    "LogSoftmax": ([1], VECTORS),
    "MarginRankingLoss": ([], [(3,), (3,), (3,)]),
    "MultiLabelMarginLoss": ([], [(3, 4), ints([[1, 0, -1, 2]] * 3)]),
    "MultiMarginLoss": ([], [(3, 4), LABELS]),
    "MultiheadAttention": ([4, 2], [(5, 2, 4)] * 3),
    "NLLLoss": ([], [(3, 4), LABELS]),
    "PixelShuffle": ([2], [SPATIAL[1]]),
    "PixelUnshuffle": ([2], [SPATIAL[1]]),
    "RMSNorm": ([4], VECTORS),
    "RNN": ([4, 3], [(5, 2, 4)]),
    "RNNCell": ([4, 3], [(2, 4)]),
    "Softmax": ([1], VECTORS),
    "Softmax2d": ([], [SPATIAL[1]]),
    "Softmin": ([1], VECTORS),
    "SyncBatchNorm": ([4], [SPATIAL[1]]),
    "Threshold": ([0.1, 2.0], VECTORS),
    "Transformer": ([4, 2, 1, 1, 8], [(5, 2, 4)] * 2),
    "TransformerDecoderLayer": ([4, 2, 8], [(5, 2, 4)] * 2),
    "TransformerEncoderLayer": ([4, 2, 8], [(5, 2, 4)]),
    "TripletMarginLoss": ([], VECTORS * 3),
    "TripletMarginWithDistanceLoss": ([], VECTORS * 3),
    "Unflatten": ([1, (2, 2)], VECTORS),
    "Unfold": ([2], [SPATIAL[1]]),
    "Upsample": ([None, 2, "bilinear"], [SPATIAL[1]]),
    "UpsamplingBilinear2d": ([None, 2], [SPATIAL[1]]),
    "UpsamplingNearest2d": ([None, 2], [SPATIAL[1]]),
}
"""Arguments and inputs, shapes or arrays, of the layers that belong to no family below."""

FAMILIES = {
    "Conv": [4, 2, 3],
    "ConvTranspose": [4, 2, 3],
    "LazyConv": [2, 3],
    "LazyConvTranspose": [2, 3],
    "Dropout": [],
    "BatchNorm": [4],
    "InstanceNorm": [4],
    "LazyBatchNorm": [],
    "LazyInstanceNorm": [],
    "ConstantPad": [1, 0.5],
    "FractionalMaxPool": [2, 3],
    "LPPool": [2, 2],
    "MaxUnpool": [2],
    "Pool": [2],
    "Pad": [1],
}
"""By what a name holds before its 1d, 2d or 3d: the arguments."""


def cases():
    """The name of a layer, the layer, and its inputs: shapes, or arrays that have no gradient."""
    for name in L.__all__:
        kind = getattr(L, name)
        if not (isinstance(kind, type) and issubclass(kind, L.Layer)) or name in CONTAINERS:
            continue
        family = name[:-2]
        if name in SPECIAL:
            args, inputs = SPECIAL[name]
        elif name[-2:] in ("1d", "2d", "3d"):
            found = [one for one in FAMILIES if family == one or family.endswith(one)]
            args = FAMILIES[family] if family in FAMILIES else FAMILIES[found[-1]]
            inputs = [SPATIAL[int(name[-2]) - 1]]
            if family == "MaxUnpool":
                inputs = [*inputs, np.zeros(inputs[0], np.int32)]
        elif name in ("TransformerEncoder", "TransformerDecoder"):
            part = getattr(L, name + "Layer")(4, 2, 8)
            args, inputs = [part, 1], [(5, 2, 4)] * (1 + name.endswith("Decoder"))
        else:
            args, inputs = [], VECTORS * (2 if "Loss" in name or name == "PairwiseDistance" else 1)
        yield name, kind(*args), inputs


@pytest.mark.slow
def test_every_layer_lowers_for_cuda():
    wrong = []
    for name, layer, inputs in cases():
        try:
            given = [jnp.zeros(one) if isinstance(one, tuple) else jnp.asarray(one) for one in inputs]
            layer = L.materialize(layer, *given) if name.startswith("Lazy") else layer
            params, buffers = jax.eval_shape(layer.init_with_buffers, jax.random.key(0))
            smooth = [i for i, one in enumerate(given) if one.dtype == jnp.float32]

            def both(params, buffers, key, *changed, layer=layer, given=given, smooth=smooth):
                def run(params, *changed):
                    full = list(given)
                    for i, value in zip(smooth, changed, strict=True):
                        full[i] = value
                    return layer(params, *full, buffers=buffers, key=key, training=True)

                out, pullback = jax.vjp(run, params, *changed)
                return out, pullback(jax.tree.map(_ones, out))

            changed = [jax.ShapeDtypeStruct(given[i].shape, jnp.float32) for i in smooth]
            traced = jax.jit(both).trace(params, buffers, jax.random.key(0), *changed)
            traced.lower(lowering_platforms=("cuda",))
        except Exception as error:
            wrong.append(f"{name}: {type(error).__name__}: {error}"[:300])
    assert not wrong, "\n".join(wrong)


def _ones(x):
    return jnp.ones_like(x) if jnp.issubdtype(x.dtype, jnp.inexact) else np.zeros(x.shape, jax.dtypes.float0)

"""torch.nn.modules: the classes of torch.nn by the files in which PyTorch has them.

The submodules exist for programs that import from them; they hold no code of their own.
"""

from __future__ import annotations

import sys
from types import ModuleType
from typing import Any, TypeVar

from fnnet import layers
from fnnet.torch import nn
from fnnet.torch.nn import base_names as _base_names
from fnnet.torch.nn import container as _container
from fnnet.torch.nn import global_hooks as _hooks
from fnnet.torch.nn import lazy as _lazy
from fnnet.torch.nn import module as _module
from fnnet.torch.nn import state_dict as _state_dict
from fnnet.torch.nn.derive import module_class

_NAMES = {
    "activation": "Threshold ReLU RReLU Hardtanh ReLU6 Sigmoid Hardsigmoid Tanh SiLU Mish Hardswish ELU CELU "
    "SELU GLU GELU Hardshrink LeakyReLU LogSigmoid Softplus Softshrink MultiheadAttention PReLU Softsign "
    "Tanhshrink Softmin Softmax Softmax2d LogSoftmax",
    "adaptive": "AdaptiveLogSoftmaxWithLoss",
    "batchnorm": "BatchNorm1d BatchNorm2d BatchNorm3d LazyBatchNorm1d LazyBatchNorm2d LazyBatchNorm3d "
    "SyncBatchNorm",
    "channelshuffle": "ChannelShuffle",
    "container": "Container Sequential ModuleList ModuleDict ParameterList ParameterDict",
    "conv": "Conv1d Conv2d Conv3d ConvTranspose1d ConvTranspose2d ConvTranspose3d LazyConv1d LazyConv2d "
    "LazyConv3d LazyConvTranspose1d LazyConvTranspose2d LazyConvTranspose3d",
    "distance": "PairwiseDistance CosineSimilarity",
    "dropout": "Dropout Dropout1d Dropout2d Dropout3d AlphaDropout FeatureAlphaDropout",
    "flatten": "Flatten Unflatten",
    "fold": "Fold Unfold",
    "instancenorm": "InstanceNorm1d InstanceNorm2d InstanceNorm3d LazyInstanceNorm1d LazyInstanceNorm2d "
    "LazyInstanceNorm3d",
    "lazy": "",
    "linear": "Bilinear Identity LazyLinear Linear",
    "linear_cross_entropy_options": "LinearCrossEntropyOptions",
    "loss": "L1Loss NLLLoss NLLLoss2d PoissonNLLLoss GaussianNLLLoss KLDivLoss MSELoss BCELoss "
    "BCEWithLogitsLoss HingeEmbeddingLoss MultiLabelMarginLoss SmoothL1Loss HuberLoss SoftMarginLoss "
    "CrossEntropyLoss LinearCrossEntropyLoss MultiLabelSoftMarginLoss CosineEmbeddingLoss "
    "MarginRankingLoss MultiMarginLoss TripletMarginLoss TripletMarginWithDistanceLoss CTCLoss",
    "module": "Module",
    "normalization": "LocalResponseNorm CrossMapLRN2d LayerNorm GroupNorm RMSNorm",
    "padding": "CircularPad1d CircularPad2d CircularPad3d ConstantPad1d ConstantPad2d ConstantPad3d "
    "ReflectionPad1d ReflectionPad2d ReflectionPad3d ReplicationPad1d ReplicationPad2d ReplicationPad3d "
    "ZeroPad1d ZeroPad2d ZeroPad3d",
    "pixelshuffle": "PixelShuffle PixelUnshuffle",
    "pooling": "MaxPool1d MaxPool2d MaxPool3d MaxUnpool1d MaxUnpool2d MaxUnpool3d AvgPool1d AvgPool2d "
    "AvgPool3d FractionalMaxPool2d FractionalMaxPool3d LPPool1d LPPool2d LPPool3d AdaptiveMaxPool1d "
    "AdaptiveMaxPool2d AdaptiveMaxPool3d AdaptiveAvgPool1d AdaptiveAvgPool2d AdaptiveAvgPool3d",
    "rnn": "RNNBase RNN LSTM GRU RNNCellBase RNNCell LSTMCell GRUCell",
    "sparse": "Embedding EmbeddingBag",
    "transformer": "Transformer TransformerEncoder TransformerDecoder TransformerEncoderLayer "
    "TransformerDecoderLayer",
    "upsampling": "Upsample UpsamplingNearest2d UpsamplingBilinear2d",
    "utils": "",
}


_FURTHER: dict[str, dict[str, Any]] = {
    "batchnorm": {
        "_NormBase": module_class(layers.normalization._RunningNorm),
        "_BatchNorm": module_class(layers.normalization._BatchNorm),
    },
    "container": {
        "Iterable": _container.Iterable,
        "OrderedDict": _container.OrderedDict,
        **_base_names.OF_MODULE,
    },
    "conv": {
        "_ConvNd": module_class(layers.convolution._Convolution),
        "_ConvTransposeNd": module_class(layers.convolution._ConvTransposeNd),
    },
    "dropout": {"_DropoutNd": module_class(layers.dropout._Dropout)},
    "instancenorm": {"_InstanceNorm": module_class(layers.normalization._InstanceNorm)},
    "lazy": {"LazyModuleMixin": _lazy.LazyModuleMixin},
    "linear": {
        "NonDynamicallyQuantizableLinear": module_class(layers.attention.NonDynamicallyQuantizableLinear)
    },
    "loss": {
        "_Loss": module_class(layers.loss._Loss),
        "_WeightedLoss": module_class(layers.loss._WeightedLoss),
    },
    "module": {
        "T": TypeVar("T", bound=_module.Module),
        **_base_names.OF_MODULE,
        "_IncompatibleKeys": _state_dict._IncompatibleKeys,
        "_EXTRA_STATE_KEY_SUFFIX": _state_dict._EXTRA,
        **{name: value for name, value in vars(_hooks).items() if name in _hooks.__all__},
    },
    "padding": {
        f"{name}Nd": module_class(getattr(layers.padding, name))
        for name in ("_CircularPad", "_ConstantPad", "_ReflectionPad", "_ReplicationPad")
    },
    "pooling": {
        name: module_class(getattr(layers.pooling, name))
        for name in (
            "_AdaptiveAvgPoolNd",
            "_AdaptiveMaxPoolNd",
            "_AvgPoolNd",
            "_LPPoolNd",
            "_MaxPoolNd",
            "_MaxUnpoolNd",
        )
    },
    "rnn": _base_names.OF_RNN,
    "transformer": _base_names.OF_TRANSFORMER,
    "utils": _base_names.OF_UTILS,
}
assert _module.Module is nn.Module

__path__: list[str] = []  # what makes this module a package to the import system

for _name, _listed in _NAMES.items():
    _made = ModuleType(f"{__name__}.{_name}", f"torch.nn.modules.{_name}.")
    for _class in _listed.split():
        setattr(_made, _class, getattr(nn, _class))
        globals()[_class] = getattr(nn, _class)
    vars(_made).update(_FURTHER.get(_name, {}))
    sys.modules[_made.__name__] = globals()[_name] = _made
globals()["linear"].NonDynamicallyQuantizableLinear.__module__ = f"{__name__}.linear"  # for pickle to find it

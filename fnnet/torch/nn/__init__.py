"""torch.nn: modules derived from `fnnet.layers`, and the classes that hold them."""

from typing import Any

from fnnet import layers as _layers
from fnnet.layers import Layer as _Layer
from fnnet.layers import LinearCrossEntropyOptions as LinearCrossEntropyOptions
from fnnet.torch.nn import attention as attention
from fnnet.torch.nn import common_types as common_types
from fnnet.torch.nn import families as _families  # noqa: F401
from fnnet.torch.nn import functional as functional
from fnnet.torch.nn import grad as grad
from fnnet.torch.nn import init as init
from fnnet.torch.nn import lazy as _lazy  # noqa: F401
from fnnet.torch.nn import parallel as parallel
from fnnet.torch.nn import utils as utils
from fnnet.torch.nn.adaptive import AdaptiveLogSoftmaxWithLoss as AdaptiveLogSoftmaxWithLoss
from fnnet.torch.nn.container import ModuleDict as ModuleDict
from fnnet.torch.nn.container import ModuleList as ModuleList
from fnnet.torch.nn.container import ParameterDict as ParameterDict
from fnnet.torch.nn.container import ParameterList as ParameterList
from fnnet.torch.nn.container import Sequential as Sequential
from fnnet.torch.nn.derive import module_class as _module_class
from fnnet.torch.nn.embedding import Embedding as Embedding
from fnnet.torch.nn.embedding import EmbeddingBag as EmbeddingBag
from fnnet.torch.nn.linear_cross_entropy import LinearCrossEntropyLoss as LinearCrossEntropyLoss
from fnnet.torch.nn.module import Module as Module
from fnnet.torch.nn.old import Container as Container
from fnnet.torch.nn.old import DataParallel as DataParallel
from fnnet.torch.nn.old import Hardtanh as Hardtanh
from fnnet.torch.nn.old import NLLLoss2d as NLLLoss2d
from fnnet.torch.nn.old import factory_kwargs as factory_kwargs
from fnnet.torch.nn.parameter import Buffer as Buffer
from fnnet.torch.nn.parameter import Parameter as Parameter
from fnnet.torch.nn.pooling import FractionalMaxPool2d as FractionalMaxPool2d
from fnnet.torch.nn.pooling import FractionalMaxPool3d as FractionalMaxPool3d
from fnnet.torch.nn.rnn import RNNBase as RNNBase
from fnnet.torch.nn.rnn import RNNCellBase as RNNCellBase
from fnnet.torch.nn.sync_batch_norm import SyncBatchNorm as SyncBatchNorm
from fnnet.torch.nn.transformer import Transformer as Transformer
from fnnet.torch.nn.transformer import TransformerDecoder as TransformerDecoder
from fnnet.torch.nn.transformer import TransformerEncoder as TransformerEncoder
from fnnet.torch.nn.uninitialized import UninitializedBuffer as UninitializedBuffer
from fnnet.torch.nn.uninitialized import UninitializedParameter as UninitializedParameter

for _name in _layers.__all__:
    _value: Any = getattr(_layers, _name)
    if (
        isinstance(_value, type)
        and issubclass(_value, _Layer)
        and _value not in (_Layer, _layers.Parametrized)
        and _name not in globals()
    ):
        globals()[_name] = _module_class(_value)

from fnnet.torch.nn import modules as modules  # noqa: E402  (its tables name what stands above)

"""Pure functions with the names, arguments and meaning of `torch` and `torch.nn.functional`."""

from fnnet.functional.activation import *
from fnnet.functional.adaptive_pooling import *
from fnnet.functional.adaptive_softmax import *
from fnnet.functional.arithmetic import *
from fnnet.functional.arrangement import *
from fnnet.functional.attention import *
from fnnet.functional.bessel import *
from fnnet.functional.bounds import *
from fnnet.functional.brackets import *
from fnnet.functional.classification import *
from fnnet.functional.combinations import *
from fnnet.functional.comparison import *
from fnnet.functional.complexes import *
from fnnet.functional.convolution import *
from fnnet.functional.covariance import *
from fnnet.functional.creation import *
from fnnet.functional.cross_map import *
from fnnet.functional.ctc import *
from fnnet.functional.decomposition import *
from fnnet.functional.distance import *
from fnnet.functional.dropout import *
from fnnet.functional.elementary import *
from fnnet.functional.embedding import *
from fnnet.functional.equations import *
from fnnet.functional.factorization import *
from fnnet.functional.flex_attention import *
from fnnet.functional.fold import *
from fnnet.functional.fourier import *
from fnnet.functional.grid import *
from fnnet.functional.grouped import *
from fnnet.functional.indexing import *
from fnnet.functional.integration import *
from fnnet.functional.interpolation import *
from fnnet.functional.joining import *
from fnnet.functional.linear import *
from fnnet.functional.loss import *
from fnnet.functional.margin import *
from fnnet.functional.matrix import *
from fnnet.functional.normalization import *
from fnnet.functional.operation import OPERATIONS as OPERATIONS
from fnnet.functional.operation import Operation as Operation
from fnnet.functional.operation import operation as operation
from fnnet.functional.packed import *
from fnnet.functional.padding import *
from fnnet.functional.parametrization import *
from fnnet.functional.partial_writes import *
from fnnet.functional.polynomials import *
from fnnet.functional.pooling import *
from fnnet.functional.rearrange import *
from fnnet.functional.recurrent import *
from fnnet.functional.recurrent_layers import *
from fnnet.functional.reduction import *
from fnnet.functional.scaled import *
from fnnet.functional.scattering import *
from fnnet.functional.segments import *
from fnnet.functional.shape import *
from fnnet.functional.sorting import *
from fnnet.functional.special import *
from fnnet.functional.spectral import *
from fnnet.functional.statistics import *
from fnnet.functional.symmetric_factors import *
from fnnet.functional.varlen import *
from fnnet.functional.windows import *


def __getattr__(name: str) -> object:
    """A further name of an operation, such as `subtract` of `sub`."""
    from fnnet.functional.operation import ALIASES

    if name in ALIASES:
        return globals()[ALIASES[name]]
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")

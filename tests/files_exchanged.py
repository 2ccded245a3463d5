"""What is saved by one library and loaded by the other: values, and what is to be seen of them."""

import argparse
import collections
import dataclasses
import datetime
import decimal
import enum
import fractions
import functools
import pathlib

import numpy as np

Pair = collections.namedtuple("Pair", "a b")


class Color(enum.Enum):
    """A member of an enumeration is a value of the program's."""

    RED = 1


@dataclasses.dataclass
class Settings:
    """A plain object of the program's."""

    rate: float = 0.5
    more: object = None


def network(T):
    """A class of the program's in either library; files name it as `Own` of this module."""

    class Own(T.nn.Module):
        def __init__(self):
            super().__init__()
            self.first = T.nn.Linear(3, 4)
            self.norm = T.nn.BatchNorm1d(4)
            self.act = T.nn.functional.relu
            self.sizes = [3, 4]
            self.register_buffer("scale", T.arange(4.0), persistent=False)

        def forward(self, x):
            return self.norm(self.act(self.first(x))) * self.scale

    Own.__module__, Own.__qualname__ = __name__, "Own"
    return Own


def _with(tensor, **attributes):
    for name, value in attributes.items():
        setattr(tensor, name, value)
    return tensor


DTYPES = "float64 float32 float16 bfloat16 complex64 complex128 int64 int32 int16 int8 uint8 bool"


def _views(T):
    base = T.arange(12.0).reshape(3, 4)
    return [base, base[1], base.t(), base[:, 1:3], base[::2], base[1:1], base[None], base.view(3, 4).T, base]


def _shared(T):
    listed = [1, T.ones(2)]
    return {"a": listed, "b": listed, "c": listed[1]}


WEIGHTS = {
    "dtypes": lambda T: {
        name: [T.tensor([[0, 1, 1], [1, 0, 1]]).to(getattr(T, name)), T.zeros(0, 3, dtype=getattr(T, name))]
        for name in DTYPES.split()
    },
    "unsigned": lambda T: [T.tensor([1, 2], dtype=getattr(T, f"uint{bits}")) for bits in (16, 32, 64)],
    "no dimension": lambda T: [T.tensor(2.5), T.tensor(3)],
    "odd numbers": lambda T: T.tensor([float("nan"), float("inf"), -0.0]),
    "views": _views,
    "shared": _shared,
    "expanded": lambda T: [T.arange(3.0)[:, None].expand(3, 5), T.tensor(2.0).expand(2, 3)],
    "strided": lambda T: [T.arange(10.0).as_strided((3, 3), (1, 2), 1), T.arange(100)[10:20]],
    "permuted": lambda T: T.arange(24.0).view(2, 3, 4).permute(2, 0, 1),
    "channels last": lambda T: T.arange(48.0).view(1, 3, 4, 4).contiguous(memory_format=T.channels_last),
    "grad": lambda T: [T.ones(2, requires_grad=True), T.ones(2, requires_grad=True) * 2],
    "parameters": lambda T: (lambda p: [p, p.data[1:], T.nn.Parameter(T.ones(2), False)])(
        T.nn.Parameter(T.arange(3.0))
    ),
    "attributes": lambda T: [
        _with(T.ones(3), note="x", more=[1]), _with(T.nn.Parameter(T.ones(3)), note=T.ones(1))
    ],
    "conjugate": lambda T: (lambda a: [a, a.conj(), a.real.clone()])(T.tensor([1 + 2j, 3j])),
    "dtypes themselves": lambda T: [T.float32, T.bool, T.device("cpu"), T.device("cuda:1"), T.Size([2, 3])],
    "plain": lambda T: [
        0, -1, 255, 65536, 2**31, -(2**31) - 1, 10**100, True, None, -0.0, 1e-320, "", "é\ud800", "x" * 70000,
        b"\xff", bytearray(b"abc"), 1j, (), (1,), (1, 2, 3, 4), {1, 2}, {(1, 2): 3, None: 4, 1.5: 5},
        collections.OrderedDict(a=1),
    ],
    "state_dict": lambda T: T.nn.Sequential(T.nn.Linear(3, 2), T.nn.BatchNorm1d(2)).state_dict(),
    "random state": lambda T: T.Generator().manual_seed(3).get_state(),
}  # fmt: skip
"""Values that weights_only=True reads in both libraries."""

OBJECTS = {
    "library": lambda T: [
        collections.defaultdict(list, a=[T.ones(1)]), collections.deque([1, 2], 3), frozenset([1]), range(3),
        slice(1, 2), ..., datetime.datetime(2020, 1, 1), datetime.timedelta(1, 2), decimal.Decimal("1.5"),
        fractions.Fraction(1, 3), pathlib.PurePosixPath("/a/b"), np.arange(3), np.float32(1.5),
        np.zeros((2, 3), order="F"),
    ],
    "program": lambda T: [
        Pair(1, T.ones(1)), Color.RED, Settings(0.1, T.ones(2)), argparse.Namespace(x=T.ones(1)), _with,
        functools.partial(_with, note=1),
    ],
    "results": lambda T: T.arange(4.0).view(2, 2).max(0),
    "functions": lambda T: [T.nn.functional.relu, T.nn.Linear, T.optim.Adam],
}  # fmt: skip
"""Values that need weights_only=False."""


def described(value, T):
    """What two libraries must agree on: kinds, places in memory, values, and which objects are the same."""
    seen, memories, kept = {}, {}, []

    def tensor(x):
        memory = x.untyped_storage()
        where = memories.setdefault(memory.data_ptr(), len(memories)) if memory.nbytes() else None
        plain = x.detach().to(T.float32) if x.dtype is T.bfloat16 else x.detach()
        extra = {name: one for name, one in vars(x).items() if not name.startswith("_")}
        place = (tuple(x.shape), x.stride(), x.storage_offset(), where, memory.nbytes(), str(x.device))
        flags = (x.requires_grad, x.is_leaf, x.is_conj())
        return (type(x).__name__, str(x.dtype), *place, *flags, repr(plain.tolist()), look(extra))

    def look(x):
        if x is None or type(x) in (int, float, complex, str, bytes, bool):
            return repr(x)
        if id(x) in seen and x != ():
            return ("same as", seen[id(x)])
        if isinstance(x, T.dtype | T.device | T.Size):
            return str(x)
        seen[id(x)] = len(seen)
        kept.append(x)
        if isinstance(x, T.Tensor):
            return tensor(x)
        if isinstance(x, dict):
            extra = look(getattr(x, "_metadata", None)), str(getattr(x, "default_factory", None))
            return (type(x).__name__, [(look(key), look(one)) for key, one in x.items()], extra)
        if isinstance(x, list | tuple | collections.deque):
            return (type(x).__name__, [look(one) for one in x], getattr(x, "maxlen", None))
        if isinstance(x, np.ndarray):
            return ("array", str(x.dtype), x.flags.f_contiguous, x.tolist())
        if isinstance(x, functools.partial):
            return ("partial", look(x.func), look(x.args), look(x.keywords))
        if isinstance(x, T.nn.Module):
            return (repr(x), x.training, look(dict(x.state_dict())))
        if isinstance(x, type) or hasattr(x, "__qualname__"):
            return x.__qualname__
        if isinstance(x, argparse.Namespace | Settings):
            return (type(x).__name__, look(vars(x)))
        return (type(x).__name__, repr(x))

    return look(value)


MODULES = {
    "Linear(3, 4, bias=False)": (2, 3),
    "Conv2d(4, 4, 3, groups=2, padding='same')": (2, 4, 6, 6),
    "Conv1d(3, 4, 3, padding=1, padding_mode='circular')": (2, 3, 6),
    "ConvTranspose2d(3, 4, 3, stride=2, output_padding=1)": (2, 3, 4, 4),
    "BatchNorm2d(3, affine=False)": (4, 3, 2, 2),
    "InstanceNorm2d(3)": (2, 3, 4, 4),
    "LayerNorm([2, 3], elementwise_affine=False)": (4, 2, 3),
    "Sequential(T.nn.ReLU6(), T.nn.PReLU(3, 0.1), T.nn.GELU('tanh'), T.nn.Dropout(0.2))": (2, 3),
    "Sequential(T.nn.ZeroPad2d(1), T.nn.MaxPool2d(3, 2, 1), T.nn.AdaptiveAvgPool2d((2, None)))": (1, 2, 6, 6),
    "Upsample(scale_factor=2, mode='bilinear', align_corners=True)": (1, 2, 3, 3),
    "LSTM(3, 4, 2, batch_first=True, bidirectional=True)": (5, 2, 3),
    "GRU(3, 4, bias=False)": (5, 2, 3),
    "TransformerEncoder(T.nn.TransformerEncoderLayer(4, 2, 8, activation='gelu'), 1)": (3, 2, 4),
    "MultiheadAttention(4, 2, kdim=3, vdim=3, add_bias_kv=True)": None,
    "EmbeddingBag(5, 3, mode='sum')": None,
    "AdaptiveLogSoftmaxWithLoss(4, 10, [3, 6])": None,
    "CrossEntropyLoss(weight=T.ones(3), label_smoothing=0.1)": None,
    "ModuleDict({'a': T.nn.PairwiseDistance(1.0)})": None,
    "ParameterList([T.nn.Parameter(T.ones(2))])": None,
}
"""Modules and shapes that they take; None: loading and printing alone is compared."""

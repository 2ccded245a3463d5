"""Summaries of numbers and texts, as TensorBoard's protobufs; those of pictures and charts stand beside."""

from __future__ import annotations

import struct
from typing import Any

import numpy as np
from tensorboard.compat.proto.summary_pb2 import HistogramProto, Summary
from tensorboard.compat.proto.tensor_pb2 import TensorProto
from tensorboard.plugins.text.plugin_data_pb2 import TextPluginData

from fnnet.torch.dtypes import dtype
from fnnet.torch.tensor import Tensor
from fnnet.torch.utils.tensorboard._convert_np import make_np
from fnnet.torch.utils.tensorboard.charts import (
    compute_curve,
    custom_scalars,
    for_plugin,
    hparams,
    mesh,
    pr_curve,
    pr_curve_raw,
    shape_of,
)
from fnnet.torch.utils.tensorboard.pictures import (
    audio,
    draw_boxes,
    image,
    image_boxes,
    make_image,
    make_video,
    video,
)

__all__ = [
    "audio",
    "compute_curve",
    "custom_scalars",
    "draw_boxes",
    "half_to_int",
    "histogram",
    "histogram_raw",
    "hparams",
    "image",
    "image_boxes",
    "int_to_half",
    "make_histogram",
    "make_image",
    "make_video",
    "mesh",
    "pr_curve",
    "pr_curve_raw",
    "scalar",
    "tensor_proto",
    "text",
    "video",
]

_FIELDS = {
    "float16": ("DT_HALF", "half_val"),
    "bfloat16": ("DT_BFLOAT16", "half_val"),
    "float32": ("DT_FLOAT", "float_val"),
    "float64": ("DT_DOUBLE", "double_val"),
    "int8": ("DT_INT8", "int_val"),
    "uint8": ("DT_UINT8", "uint32_val"),
    "int16": ("DT_INT16", "int_val"),
    "int32": ("DT_INT32", "int_val"),
    "int64": ("DT_INT64", "int64_val"),
    "bool": ("DT_BOOL", "bool_val"),
    "complex64": ("DT_COMPLEX64", "scomplex_val"),
    "complex128": ("DT_COMPLEX128", "dcomplex_val"),
}
"""By dtype: its name in a protobuf, and the field in which the numbers stand."""
_LARGEST = 1 << 31
"""Bytes that a protobuf does not hold."""


def half_to_int(f: float) -> int:
    """A number as the integer with the bits of its float32, as PyTorch writes halves."""
    return int(struct.unpack("i", struct.pack("f", f))[0])


def int_to_half(i: int) -> float:
    """The number that `half_to_int` made an integer of."""
    return float(struct.unpack("f", struct.pack("i", i))[0])


def scalar(
    name: str,
    tensor: Any,
    collections: Any = None,
    new_style: bool = False,
    double_precision: bool = False,
) -> Summary:
    """One number; in the new style as a tensor, of float64 if `double_precision`.

    Raises:
        AssertionError: not one element.
    """
    array = make_np(tensor).squeeze()
    if array.ndim != 0:
        raise AssertionError(
            "Tensor should contain one element (0 dimensions). "
            f"Was given size: {array.size} and {array.ndim} dimensions."
        )
    number = float(array)
    if not new_style:
        return Summary(value=[Summary.Value(tag=name, simple_value=number)])
    if double_precision:
        made = TensorProto(double_val=[number], dtype="DT_DOUBLE")
    else:
        made = TensorProto(float_val=[number], dtype="DT_FLOAT")
    return Summary(value=[Summary.Value(tag=name, tensor=made, metadata=for_plugin("scalars"))])


def tensor_proto(tag: str, tensor: Tensor) -> Summary:
    """A tensor with its shape and dtype.

    Raises:
        ValueError: it has 2 GiB or more, or a dtype that has no field.
    """
    if tensor.numel() * tensor.itemsize >= _LARGEST:
        raise ValueError("tensor is bigger than protocol buffer's hard limit of 2GB in size")
    kind: dtype = tensor.dtype
    found = _FIELDS.get(str(kind).rpartition(".")[2])
    if found is None:
        raise ValueError(f"{tag} has unsupported tensor dtype {kind}")
    name, field = found
    numbers = tensor.detach().flatten().tolist()
    if field == "half_val":
        numbers = [half_to_int(one) for one in numbers]
    elif kind.is_complex:
        numbers = [part for one in numbers for part in (one.real, one.imag)]
    made = TensorProto(dtype=name, tensor_shape=shape_of(*tensor.shape), **{field: numbers})
    return Summary(value=[Summary.Value(tag=tag, metadata=for_plugin("tensor"), tensor=made)])


def histogram_raw(
    name: str,
    min: float,
    max: float,
    num: int,
    sum: float,
    sum_squares: float,
    bucket_limits: Any,
    bucket_counts: Any,
) -> Summary:
    """A histogram that is computed already: the right ends of its buckets, and how many lie in each."""
    made = HistogramProto(
        min=min,
        max=max,
        num=num,
        sum=sum,
        sum_squares=sum_squares,
        bucket_limit=bucket_limits,
        bucket=bucket_counts,
    )
    return Summary(value=[Summary.Value(tag=name, histo=made)])


def histogram(name: str, values: Any, bins: Any, max_bins: int | None = None) -> Summary:
    """How often the values fall into the bins that `numpy.histogram` takes, joined to about `max_bins`."""
    made = make_histogram(make_np(values).astype(float), bins, max_bins)
    return Summary(value=[Summary.Value(tag=name, histo=made)])


def make_histogram(values: np.ndarray, bins: Any, max_bins: int | None = None) -> HistogramProto:
    """The buckets from the first to the last that is not empty, and the empty one before them.

    Raises:
        ValueError: no values, or values that are not finite.
    """
    if values.size == 0:
        raise ValueError("The input has no element.")
    values = values.reshape(-1)
    counts, limits = np.histogram(values, bins=bins)
    if max_bins is not None and len(counts) > max_bins:
        joined = len(counts) // max_bins
        rest = len(counts) % joined
        if rest:
            counts = np.pad(counts, (0, joined - rest))
        counts = counts.reshape(-1, joined).sum(-1)
        limits = np.append(limits[:-1:joined], limits[-1])
    filled = np.flatnonzero(counts)
    if filled.size == 0:
        raise ValueError("The histogram is empty, please file a bug report.")
    start, end = int(filled[0]), int(filled[-1]) + 1
    counts = counts[start - 1 : end] if start > 0 else np.append(0, counts[:end])
    return HistogramProto(
        min=values.min(),
        max=values.max(),
        num=len(values),
        sum=values.sum(),
        sum_squares=values.dot(values),
        bucket_limit=limits[start : end + 1].tolist(),
        bucket=counts.tolist(),
    )


def text(tag: str, text: str) -> Summary:
    """A text, which may be Markdown."""
    metadata = for_plugin("text", TextPluginData(version=0).SerializeToString())
    made = TensorProto(dtype="DT_STRING", string_val=[text.encode("utf_8")], tensor_shape=shape_of(1))
    return Summary(value=[Summary.Value(tag=tag + "/text_summary", metadata=metadata, tensor=made)])

"""Summaries for TensorBoard's plugins: curves, charts, meshes, hyper-parameters."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from google.protobuf import struct_pb2
from tensorboard.compat.proto.summary_pb2 import Summary, SummaryMetadata
from tensorboard.compat.proto.tensor_pb2 import TensorProto
from tensorboard.compat.proto.tensor_shape_pb2 import TensorShapeProto
from tensorboard.plugins.custom_scalar import layout_pb2
from tensorboard.plugins.hparams import api_pb2
from tensorboard.plugins.hparams import metadata as hparams_metadata
from tensorboard.plugins.hparams.plugin_data_pb2 import HParamsPluginData, SessionEndInfo, SessionStartInfo
from tensorboard.plugins.mesh import metadata as mesh_metadata
from tensorboard.plugins.mesh.plugin_data_pb2 import MeshPluginData
from tensorboard.plugins.pr_curve.plugin_data_pb2 import PrCurvePluginData

from fnnet.torch.creation import as_tensor
from fnnet.torch.tensor import Tensor
from fnnet.torch.utils.tensorboard._convert_np import make_np

_THRESHOLDS = 127
"""How many the plugin takes at most."""
_LEAST = 1e-7


def for_plugin(name: str, content: bytes = b"") -> SummaryMetadata:
    """What says which of TensorBoard's plugins shows a value."""
    return SummaryMetadata(plugin_data=SummaryMetadata.PluginData(plugin_name=name, content=content))


def shape_of(*sizes: int) -> TensorShapeProto:
    """A shape as a protobuf."""
    return TensorShapeProto(dim=[TensorShapeProto.Dim(size=size) for size in sizes])


def pr_curve(
    tag: str, labels: np.ndarray, predictions: np.ndarray, num_thresholds: int = 127, weights: Any = None
) -> Summary:
    """Precision and recall at up to 127 thresholds, of labels 0 and 1 and predictions from 0 to 1."""
    count = min(num_thresholds, _THRESHOLDS)
    return _curve(tag, compute_curve(labels, predictions, count, weights), count)


def pr_curve_raw(
    tag: str,
    tp: Any,
    fp: Any,
    tn: Any,
    fn: Any,
    precision: Any,
    recall: Any,
    num_thresholds: int = 127,
    weights: Any = None,
) -> Summary:
    """Precision and recall that are computed already, and the counts behind them."""
    return _curve(tag, np.stack((tp, fp, tn, fn, precision, recall)), min(num_thresholds, _THRESHOLDS))


def _curve(tag: str, data: np.ndarray, count: int) -> Summary:
    content = PrCurvePluginData(version=0, num_thresholds=count).SerializeToString()
    tensor = TensorProto(
        dtype="DT_FLOAT", float_val=data.reshape(-1).tolist(), tensor_shape=shape_of(*data.shape[:2])
    )
    return Summary(value=[Summary.Value(tag=tag, metadata=for_plugin("pr_curves", content), tensor=tensor)])


def compute_curve(
    labels: np.ndarray, predictions: np.ndarray, num_thresholds: int, weights: Any = None
) -> np.ndarray:
    """(6, thresholds): true and false positives, true and false negatives, precision, recall."""
    buckets = np.int32(np.floor(predictions * (num_thresholds - 1)))
    true = labels.astype(np.float64)
    share = 1.0 if weights is None else weights

    def counted(of: np.ndarray) -> np.ndarray:
        counts, _ = np.histogram(buckets, bins=num_thresholds, range=(0, num_thresholds - 1), weights=of)
        return np.cumsum(counts[::-1])[::-1]

    tp, fp = counted(true * share), counted((1.0 - true) * share)
    tn, fn = fp[0] - fp, tp[0] - tp
    return np.stack((tp, fp, tn, fn, tp / np.maximum(_LEAST, tp + fp), tp / np.maximum(_LEAST, tp + fn)))


def custom_scalars(layout: Mapping[str, Mapping[str, Sequence[Any]]]) -> Summary:
    """Charts of several scalars: {category: {title: ["Multiline" or "Margin", tags]}}."""
    categories = []
    for category, charts in layout.items():
        shown = []
        for title, (kind, tags, *_) in charts.items():
            if kind == "Margin":
                if len(tags) != 3:
                    raise AssertionError("len(tags) != 3")
                series = layout_pb2.MarginChartContent.Series(value=tags[0], lower=tags[1], upper=tags[2])
                content = {"margin": layout_pb2.MarginChartContent(series=[series])}
            else:
                content = {"multiline": layout_pb2.MultilineChartContent(tag=tags)}
            shown.append(layout_pb2.Chart(title=title, **content))
        categories.append(layout_pb2.Category(title=category, chart=shown))
    made = layout_pb2.Layout(category=categories).SerializeToString()
    tensor = TensorProto(dtype="DT_STRING", string_val=[made], tensor_shape=shape_of())
    value = Summary.Value(
        tag="custom_scalars__config__", tensor=tensor, metadata=for_plugin("custom_scalars")
    )
    return Summary(value=[value])


def mesh(
    tag: str,
    vertices: Any,
    colors: Any,
    faces: Any,
    config_dict: dict[str, Any] | None,
    display_name: str | None = None,
    description: str | None = None,
) -> Summary:
    """Points (batch, n, 3), with their colours and the triangles between them, if given."""
    config = "{}" if config_dict is None else json.dumps(config_dict, sort_keys=True)
    kinds = (MeshPluginData.VERTEX, MeshPluginData.FACE, MeshPluginData.COLOR)
    given = [
        (as_tensor(one), kind)
        for one, kind in zip((vertices, faces, colors), kinds, strict=True)
        if one is not None
    ]
    components = mesh_metadata.get_components_bitmask([kind for _, kind in given])
    values = []
    for tensor, kind in given:
        metadata = mesh_metadata.create_summary_metadata(
            tag, display_name, kind, components, list(tensor.shape), description, json_config=config
        )
        numbers = TensorProto(
            dtype="DT_FLOAT", float_val=tensor.reshape(-1).tolist(), tensor_shape=shape_of(*tensor.shape[:3])
        )
        name = mesh_metadata.get_instance_name(tag, kind)
        values.append(Summary.Value(tag=name, tensor=numbers, metadata=metadata))
    return Summary(value=values)


def hparams(
    hparam_dict: dict[str, Any] | None = None,
    metric_dict: dict[str, Any] | None = None,
    hparam_domain_discrete: dict[str, list[Any]] | None = None,
) -> tuple[Summary, Summary, Summary]:
    """Hyper-parameters and the names of the metrics: the experiment, its session's start and its end.

    Raises:
        TypeError: a dictionary is none, or a domain is no list of values of its parameter's kind.
        ValueError: a value that is no number, string, bool, tensor or None.
    """
    parameters, metrics = _dictionary("hparam_dict", hparam_dict), _dictionary("metric_dict", metric_dict)
    domains = _dictionary("hparam_domain_discrete", hparam_domain_discrete or {})
    for key, listed in domains.items():
        fits = key in parameters and isinstance(listed, list)
        if not fits or not all(isinstance(one, type(parameters[key])) for one in listed):
            raise TypeError(
                f"parameter: hparam_domain_discrete[{key}] should be a list of same type as "
                f"hparam_dict[{key}]."
            )
    start, infos = SessionStartInfo(), []
    for key, value in parameters.items():
        if value is None:
            continue
        field, kind, value = _field(value)
        setattr(start.hparams[key], field, value)
        domain = None
        if key in domains:
            domain = struct_pb2.ListValue(values=[struct_pb2.Value(**{field: one}) for one in domains[key]])
        infos.append(api_pb2.HParamInfo(name=key, type=api_pb2.DataType.Value(kind), domain_discrete=domain))
    measured = [api_pb2.MetricInfo(name=api_pb2.MetricName(tag=key)) for key in metrics]
    experiment = api_pb2.Experiment(hparam_infos=infos, metric_infos=measured)
    end = SessionEndInfo(status=api_pb2.Status.Value("STATUS_SUCCESS"))
    return (
        _session(hparams_metadata.EXPERIMENT_TAG, experiment=experiment),
        _session(hparams_metadata.SESSION_START_INFO_TAG, session_start_info=start),
        _session(hparams_metadata.SESSION_END_INFO_TAG, session_end_info=end),
    )


def _dictionary(name: str, given: Any) -> dict[str, Any]:
    if not isinstance(given, dict):
        raise TypeError(f"parameter: {name} should be a dictionary, nothing logged.")
    return given


def _field(value: Any) -> tuple[str, str, Any]:
    """Where a hyper-parameter's value stands in its protobuf, of which type it is, and what stands there."""
    if isinstance(value, int | float):
        return "number_value", "DATA_TYPE_FLOAT64", value
    if isinstance(value, str):
        return "string_value", "DATA_TYPE_STRING", value
    if isinstance(value, Tensor):
        return "number_value", "DATA_TYPE_FLOAT64", make_np(value)[0]
    raise ValueError("value should be one of int, float, str, bool, or torch.Tensor")


def _session(tag: str, **what: Any) -> Summary:
    content = HParamsPluginData(version=hparams_metadata.PLUGIN_DATA_VERSION, **what).SerializeToString()
    metadata = for_plugin(hparams_metadata.PLUGIN_NAME, content)
    return Summary(value=[Summary.Value(tag=tag, metadata=metadata)])

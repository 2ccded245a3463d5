"""How a tensor prints: PyTorch's text, from the values as a NumPy array.

The rules are those of PyTorch's `torch/_tensor_str.py`: one width for all elements, scientific notation when
the finite values span more than three decades or leave [1e-4, 1e8], a summary with `...` above a threshold.
"""

from __future__ import annotations

import contextlib
import math
import textwrap
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from typing import Any

import jax
import numpy as np

__all__ = ["get_printoptions", "printoptions", "render", "set_printoptions"]


@dataclass
class _Options:
    precision: int = 4
    threshold: float = 1000
    edgeitems: int = 3
    linewidth: int = 80
    sci_mode: bool | None = None


_options = _Options()

_PROFILES: dict[str, dict[str, Any]] = {
    "default": {"precision": 4, "threshold": 1000, "edgeitems": 3, "linewidth": 80},
    "short": {"precision": 2, "threshold": 1000, "edgeitems": 2, "linewidth": 80},
    "full": {"precision": 4, "threshold": math.inf, "edgeitems": 3, "linewidth": 80},
}


def set_printoptions(
    precision: int | None = None,
    threshold: float | None = None,
    edgeitems: int | None = None,
    linewidth: int | None = None,
    profile: str | None = None,
    sci_mode: bool | None = None,
) -> None:
    """Set how tensors print, as torch.set_printoptions; `sci_mode` None chooses by the values."""
    given = {"precision": precision, "threshold": threshold, "edgeitems": edgeitems, "linewidth": linewidth}
    changes = dict(_PROFILES.get(profile, {})) if profile is not None else {}
    changes.update({name: value for name, value in given.items() if value is not None})
    for name, value in changes.items():
        setattr(_options, name, value)
    _options.sci_mode = sci_mode


def get_printoptions() -> dict[str, Any]:
    """The options in force, as keyword arguments of `set_printoptions`."""
    return asdict(_options)


@contextlib.contextmanager
def printoptions(**options: Any) -> Iterator[None]:
    """Options that hold within a `with` block."""
    before = get_printoptions()
    set_printoptions(**options)
    try:
        yield
    finally:
        set_printoptions(**before)


class _NumberFormat:
    """The common width and notation of all numbers of a tensor."""

    def __init__(self, values: np.ndarray) -> None:
        self.floating = not (np.issubdtype(values.dtype, np.integer) or values.dtype == np.bool_)
        self.integral = True
        self.scientific = False
        self.width = 1
        precision = _options.precision
        if not self.floating:
            self.width = max((len(str(value)) for value in values.reshape(-1).tolist()), default=1)
            return
        flat = values.reshape(-1).astype(np.float64)
        finite = flat[np.isfinite(flat) & (flat != 0)]
        if finite.size == 0:
            return
        largest, smallest = np.abs(finite).max(), np.abs(finite).min()
        self.integral = bool((finite == np.ceil(finite)).all())
        with np.errstate(over="ignore"):
            wide = largest / smallest > 1000.0 or largest > 1.0e8 or smallest < 1.0e-4
        self.scientific = bool(wide) if _options.sci_mode is None else _options.sci_mode
        if self.scientific:
            self.width = max(len(f"{value:.{precision}e}") for value in finite.tolist())
        elif self.integral:
            self.width = max(len(f"{value:.0f}") + 1 for value in finite.tolist())
        else:
            self.width = max(len(f"{value:.{precision}f}") for value in finite.tolist())

    def __call__(self, value: Any) -> str:
        if not self.floating:
            text = str(value)
        elif self.scientific:
            text = f"{value:.{_options.precision}e}"
        elif self.integral:
            text = f"{value:.0f}" + ("." if math.isfinite(value) else "")
        else:
            text = f"{value:.{_options.precision}f}"
        return text.rjust(self.width)


class _ComplexFormat:
    """Two number formats, for the real and the imaginary parts."""

    def __init__(self, values: np.ndarray) -> None:
        self._real, self._imaginary = _NumberFormat(values.real), _NumberFormat(values.imag)
        self.width = self._real.width + self._imaginary.width + 1

    def __call__(self, value: complex) -> str:
        imaginary = self._imaginary(value.imag).lstrip() + "j"
        return self._real(value.real) + ("" if imaginary[0] in "+-" else "+") + imaginary


def _edges(values: np.ndarray) -> np.ndarray:
    """Only the elements that a summary shows."""
    keep = _options.edgeitems
    if values.ndim and not keep and values.ndim > 1:
        return np.empty((0,) * values.ndim, values.dtype)
    for axis, size in enumerate(values.shape):
        if size > 2 * keep:
            kept = [*range(keep), *range(size - keep, size)]
            values = np.take(values, kept, axis)
    return values


def _vector(values: np.ndarray, indent: int, summarize: bool, number: Any) -> str:
    keep = _options.edgeitems
    if summarize and not keep:
        texts = ["..."]
    elif summarize and len(values) > 2 * keep:
        head, tail = values[:keep].tolist(), values[-keep:].tolist()
        texts = [*map(number, head), " ...", *map(number, tail)]
    else:
        texts = [number(value) for value in values.tolist()]
    a_line = max(1, (_options.linewidth - indent) // (number.width + 2))
    lines = [", ".join(texts[start : start + a_line]) for start in range(0, len(texts), a_line)]
    return "[" + (",\n" + " " * (indent + 1)).join(lines) + "]"


def _nested(values: np.ndarray, indent: int, summarize: bool, number: Any) -> str:
    if values.ndim == 0:
        return number(values.item())
    if values.ndim == 1:
        return _vector(values, indent, summarize, number)
    keep = _options.edgeitems
    size = len(values)
    elided = summarize and size > 2 * keep
    shown = [*range(keep), *range(size - keep, size)] if elided else range(size)
    texts = [_nested(values[i], indent + 1, summarize, number) for i in shown]
    if elided:
        texts.insert(keep, "...")
    return "[" + ("," + "\n" * (values.ndim - 1) + " " * (indent + 1)).join(texts) + "]"


def _body(values: np.ndarray, indent: int) -> str:
    if values.size == 0:
        return "[]"
    if values.dtype.kind == "V" or values.dtype.name in ("bfloat16", "float16"):
        values = values.astype(np.float32)
    summarize = values.size > _options.threshold
    formatted = _edges(values) if summarize else values
    number = _ComplexFormat(formatted) if values.dtype.kind == "c" else _NumberFormat(formatted)
    return _nested(values, indent, summarize, number)


def render(
    values: np.ndarray,
    *,
    dtype: str,
    default_dtypes: tuple[str, ...],
    device: str | None = None,
    grad_fn: str | None = None,
    requires_grad: bool = False,
    kind: str = "tensor",
    unknown: bool = False,
    contents: str | None = None,
) -> str:
    """The text of a tensor.

    Args:
        values: its elements, in the tensor's shape.
        dtype: PyTorch's name, "torch.float64".
        default_dtypes: the default floating dtype and its complex partner, which are not named in the text.
        device: named if given (a tensor that is not on the default device).
        grad_fn: the name of the node that made it.
        requires_grad: shown where there is no `grad_fn`.
        kind: what stands before the parenthesis.
        unknown: whether there are no values, so that dots stand for them and the size is named.
        contents: what is written in place of the elements.
    """
    indent = len(kind) + 1
    suffixes = [] if device is None else [f"device='{device}'"]
    if unknown:
        suffixes.append(f"size={tuple(values.shape)}")
        named = dtype != default_dtypes[0]
    elif values.size == 0:
        if values.ndim != 1:
            suffixes.append(f"size={tuple(values.shape)}")
        named = dtype != default_dtypes[0]
    else:
        if not _options.edgeitems:
            suffixes.append(f"size={tuple(values.shape)}")
        named = dtype not in (*default_dtypes, "torch.int64", "torch.bool")
    if named:
        suffixes.append(f"dtype={dtype}")
    if grad_fn is not None:
        suffixes.append(f"grad_fn=<{grad_fn}>")
    elif requires_grad:
        suffixes.append("requires_grad=True")

    if contents is None:
        contents = "..." if unknown else _body(values, indent)
    text = f"{kind}({contents}"
    column = len(text) - text.rfind("\n") + 1
    for suffix in suffixes:
        if column + len(suffix) + 2 > _options.linewidth:
            text += ",\n" + " " * indent + suffix
            column = indent + len(suffix)
        else:
            text += ", " + suffix
            column += len(suffix) + 2
    return text + ")"


def _node_name(node: Any) -> str:
    return node.name().rpartition("::")[2] if hasattr(node, "name") else type(node).__name__


def _traced_text(array: Any) -> str | None:
    """The text of what a function sees that torch.func transforms; None where a program is being traced."""
    batched = hasattr(array, "batch_dim")
    inner = getattr(array, "val" if batched else "primal", None)
    if inner is None:
        return None
    below, level = inner, 1
    while isinstance(below, jax.core.Tracer) and (hasattr(below, "batch_dim") or hasattr(below, "primal")):
        below, level = below.val if hasattr(below, "batch_dim") else below.primal, level + 1
    if isinstance(below, jax.core.Tracer):
        return None
    if isinstance(inner, jax.core.Tracer):
        text = _traced_text(inner)
    else:
        from fnnet.torch.tensor import from_array

        text = tensor_text(from_array(inner))
    value = textwrap.indent(str(text), "    ")
    if batched:
        return f"BatchedTensor(lvl={level}, bdim={array.batch_dim}, value=\n{value}\n)"
    return f"GradTrackingTensor(lvl={level}, value=\n{value}\n)"


def tensor_text(tensor: Any, contents: str | None = None) -> str:
    """The text of a Tensor, `repr(tensor)`; `contents` in place of its elements if given."""
    from fnnet.torch.dtypes import get_default_dtype
    from fnnet.torch.nn.parameter import Parameter

    default = get_default_dtype()
    fn = tensor.grad_fn
    device = tensor.device
    name = type(tensor).__name__
    plain = name in ("Tensor", "Parameter", "Buffer")
    array = None if device.type == "meta" else tensor._value().read()
    if isinstance(array, jax.core.Tracer):
        wrapped = _traced_text(array)
        if wrapped is not None:
            return wrapped
        array = None
    unknown = array is None
    text = render(
        np.broadcast_to(np.False_, tensor.shape) if unknown else np.asarray(array),
        unknown=unknown,
        contents=contents,
        dtype=str(tensor.dtype),
        default_dtypes=(str(default), str(default.to_complex())),
        device=None if device.type == "cpu" else str(device),
        grad_fn=None if fn is None else _node_name(fn),
        requires_grad=tensor.requires_grad,
        kind="tensor" if plain else name,
    )
    return text if plain or not isinstance(tensor, Parameter) else f"Parameter({text})"

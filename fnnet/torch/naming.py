"""PyTorch's names of the nodes in the graph, where they depend on the call, what they keep and list.

PyTorch names a node after the overload that was called, or after the last of the operations of which a
function is composed there: `x.sum()` is SumBackward0 and `x.sum(0)` SumBackward1. fnnet has one node for
the call of one function, with the name of the last of PyTorch's.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from functools import cache
from inspect import BoundArguments
from pathlib import Path
from typing import Any, cast

from fnnet.torch.spec import Spec

__all__ = [
    "NOT_SEEN",
    "NO_DERIVATIVE",
    "edges_of",
    "in_place_name",
    "kept_by",
    "name_of",
    "refused_of",
    "shown_edges",
]


class _Call:
    """The arguments of a call by name; a tensor is its spec."""

    def __init__(self, bound: BoundArguments) -> None:
        self.given = bound.arguments
        self.defaults = bound.signature.parameters

    def __getitem__(self, name: str) -> Any:
        if name in self.given:
            return self.given[name]
        parameter = self.defaults.get(name)
        return None if parameter is None or parameter.default is parameter.empty else parameter.default

    def spec(self, name: str) -> Spec | None:
        """The spec of an argument that is a tensor."""
        found = getattr(self[name], "spec", None)
        return found if isinstance(found, Spec) else None

    def ndim(self, name: str = "input") -> int:
        """The number of dimensions of an argument; 0 for numbers."""
        spec = self.spec(name)
        return 0 if spec is None else spec.ndim


Namer = Callable[[_Call], str | None]


def _by_dim(name: str, without: int, with_dim: int) -> Namer:
    return lambda call: f"{name}Backward{with_dim if 'dim' in call.given else without}"


def _extreme(name: str) -> Namer:
    def named(call: _Call) -> str:
        if call.spec("other") or call.spec("dim"):
            return name + "imumBackward0"
        return f"{name}Backward{int(call['dim'] is None)}"

    return named


def _by_tensor(name: str, argument: str, number: str = "0", tensor: str = "1") -> Namer:
    return lambda call: f"{name}Backward{tensor if call.spec(argument) else number}"


def _pow(call: _Call) -> str:
    if call.spec("input") is None:
        return "PowBackward2"
    return "PowBackward1" if call.spec("exponent") else "PowBackward0"


def _div(call: _Call) -> str | None:
    if call["rounding_mode"] is not None:
        return "DivBackward2"
    return "MulBackward0" if call.spec("input") is None else None


def _matmul(first: str, second: str) -> Namer:
    def named(call: _Call) -> str:
        dims = call.ndim(first), call.ndim(second)
        known = {(1, 1): "Dot", (2, 1): "Mv", (2, 2): "Mm"}
        if dims == (1, 2):
            return "SqueezeBackward4"
        return f"{known.get(dims, 'UnsafeView')}Backward0"

    return named


def _linear(call: _Call) -> str:
    dims, bias = call.ndim(), call.spec("bias")
    if dims == 2:
        return "AddmmBackward0" if bias else "MmBackward0"
    if dims == 1 and not bias:
        return "SqueezeBackward4"
    return "ViewBackward0" if bias else "UnsafeViewBackward0"


def _squeeze(call: _Call) -> str:
    dim = call["dim"]
    return f"SqueezeBackward{0 if dim is None else 2 if isinstance(dim, tuple) else 1}"


def _ones(call: _Call) -> str | None:
    size = call["output_size"]
    return "MeanBackward1" if size == 1 or (isinstance(size, tuple) and set(size) == {1}) else None


def _interpolate(call: _Call) -> str | None:
    dims = call.ndim() - 2
    mode = call["mode"]
    kind = {"nearest": "Nearest", "nearest-exact": "NearestExact", "linear": "Linear", "bilinear": "Bilinear",
            "bicubic": "Bicubic", "trilinear": "Trilinear"}.get(mode)  # fmt: skip
    return f"AdaptiveAvgPool{dims}DBackward0" if mode == "area" else f"Upsample{kind}{dims}DBackward0"


def _pad(call: _Call) -> str | None:
    kind = {"reflect": "Reflection", "replicate": "Replication"}.get(call["mode"])
    if call["mode"] == "circular":
        return "torch::autograd::CopySlices"
    return kind and f"{kind}Pad{len(call['pad']) // 2}DBackward0"


def _reduced(none: str, mean: str = "Mean") -> Namer:
    """A loss composed of operations: its last one depends on the reduction."""

    def named(call: _Call) -> str:
        last = {"none": none, "sum": "Sum", "batchmean": "Div"}.get(call["reduction"], mean)
        return f"{last}Backward0"

    return named


def _ctc(call: _Call) -> str:
    last = {"none": "Where" if call["zero_infinity"] else "CtcLoss", "sum": "Sum"}
    return f"{last.get(call['reduction'], 'Mean')}Backward0"


def _nll(call: _Call) -> str:
    return "NllLoss2DBackward0" if call.ndim() > 2 else "NllLossBackward0"


def _cross_entropy(call: _Call) -> str:
    target = call.spec("target")
    if target is not None and target.differentiable:
        return "DivBackward1" if call["reduction"] == "mean" else "NegBackward0"
    return "AddBackward0" if call["label_smoothing"] else _nll(call)


def _kl_div(call: _Call) -> str | None:
    return _reduced("Mul" if call["log_target"] else "Sub")(call)


def _attention(call: _Call) -> str | None:
    flash = call.ndim("query") == 4 and not call["dropout_p"]
    return None if flash else "UnsafeViewBackward0"


def _recurrent(call: _Call) -> str:
    if call["bidirectional"]:
        return "CatBackward0"
    return "MkldnnRnnLayerBackward0" if call["mode"] == "LSTM" else "StackBackward0"


def _upsample(kind: str) -> Namer:
    return lambda call: f"Upsample{kind}{call.ndim() - 2}DBackward0"


def _norm(call: _Call) -> str | None:
    return "SumBackward1" if call["p"] == "nuc" else None


def _diag(call: _Call) -> str:
    return "DiagEmbedBackward0" if call.ndim() == 1 else "DiagonalBackward0_copy"


def _clamp(call: _Call) -> str | None:
    return "ClampBackward0" if call.spec("min") or call.spec("max") else None


def _gumbel(call: _Call) -> str | None:
    return "AddBackward0" if call["hard"] else None


_COMPARISONS = {name: _by_tensor(name.capitalize(), "other") for name in ("eq", "ne", "lt", "le", "gt", "ge")}

_CALLS: dict[str, Namer] = {
    **_COMPARISONS,
    "gumbel_softmax": _gumbel,
    "sum": _by_dim("Sum", 0, 1), "mean": _by_dim("Mean", 0, 1), "prod": _by_dim("Prod", 0, 1),
    "median": _by_dim("Median", 0, 1), "nanmedian": _by_dim("Nanmedian", 0, 1),
    "max": _extreme("Max"), "min": _extreme("Min"),
    "pow": _pow, "div": _div, "fmod": _by_tensor("Fmod", "other"),
    "remainder": _by_tensor("Remainder", "other"), "lerp": _by_tensor("Lerp", "weight"),
    "rsub": _by_tensor("Rsub", "other", "1", "0"),
    "clamp_min": _by_tensor("ClampMin", "min"), "clamp_max": _by_tensor("ClampMax", "max"), "clamp": _clamp,
    "masked_fill": _by_tensor("MaskedFill", "value"), "scatter": _by_tensor("Scatter", "src", "1", "0"),
    "matmul": _matmul("input", "other"), "linear": _linear, "squeeze": _squeeze, "diag": _diag,
    "adaptive_avg_pool2d": _ones, "adaptive_avg_pool3d": _ones, "interpolate": _interpolate, "pad": _pad,
    "nll_loss": _nll, "cross_entropy": _cross_entropy, "kl_div": _kl_div, "l1_loss": _reduced("Abs"),
    "hinge_embedding_loss": _reduced("Add"), "margin_ranking_loss": _reduced("ClampMin"),
    "cosine_embedding_loss": _reduced("Add"), "triplet_margin_loss": _reduced("ClampMin"),
    "poisson_nll_loss": _reduced("Sub"), "gaussian_nll_loss": _reduced("Mul"),
    "multilabel_soft_margin_loss": _reduced("Div"), "ctc_loss": _ctc,
    "upsample_nearest": _upsample("Nearest"), "upsample_bilinear": _upsample("Bilinear"), "norm": _norm,
    "float_power": _pow, "round": lambda call: "RoundBackward1" if "decimals" in call.given else None,
    "trapezoid": _by_tensor("Div", "x"), "trapz": _by_tensor("Div", "x"),
    "cumulative_trapezoid": _by_tensor("Div", "x"), "index_fill": _by_tensor("IndexFill", "value"),
    "einsum": lambda call: "SumBackward1" if len(list(_holes(call["operands"]))) == 1 else None,
    "scaled_dot_product_attention": _attention, "recurrent": _recurrent,
}  # fmt: skip

_ALWAYS = {
    "logdet": "WhereBackward0", "dist": "DistBackward0", "rms_norm": "MulBackward0",
    "pairwise_distance": "NormBackward1", "nansum": "NansumBackward0", "block_diag": "BlockDiagBackward0",
    "quantile": "SqueezeBackward4", "nanquantile": "SqueezeBackward4", "ldexp": "LdexpBackward0",
    "floor_divide": "NotImplemented", "heaviside": "NotImplemented", "rrelu": "RreluWithNoiseBackward0",
    "masked_select": "MaskedSelectBackward0", "repeat_interleave": "ViewBackward0",
    "corrcoef": "DivBackward0", "cov": "SqueezeBackward0", "gradient": "CatBackward0",
    "imag": "SelectBackward0", "cholesky": "CholeskyBackward0", "multi_dot": "ViewBackward0",
    "kron": "UnsafeViewBackward0",
    "histogram": "NotImplemented", "histogramdd": "NotImplemented", "linalg_ldl_factor": "NotImplemented",
    "linalg_ldl_factor_ex": "NotImplemented", "native_channel_shuffle": "NotImplemented",
}  # fmt: skip

NO_DERIVATIVE = frozenset(name for name, node in _ALWAYS.items() if node == "NotImplemented")
"""Operations that PyTorch records, but whose backward raises."""

NOT_SEEN = frozenset((
    "airy_ai", "bessel_j0", "bessel_j1", "bessel_y0", "bessel_y1", "modified_bessel_i0", "modified_bessel_i1",
    "modified_bessel_k0", "modified_bessel_k1", "scaled_modified_bessel_k0", "scaled_modified_bessel_k1",
    "spherical_bessel_j0", "chebyshev_polynomial_t", "chebyshev_polynomial_u", "chebyshev_polynomial_v",
    "chebyshev_polynomial_w", "shifted_chebyshev_polynomial_t", "shifted_chebyshev_polynomial_u",
    "shifted_chebyshev_polynomial_v", "shifted_chebyshev_polynomial_w", "hermite_polynomial_h",
    "hermite_polynomial_he", "laguerre_polynomial_l", "legendre_polynomial_p",
))  # fmt: skip
"""Operations whose results never require a gradient: autograd does not see them."""


def refused_of(name: str, bound: BoundArguments) -> tuple[str, str] | None:
    """The node, and the operation that it names, of what looks at values and has no derivative."""
    if name == "unique":
        if bound.arguments.get("dim") is not None:
            return "UniqueDimBackward0", "unique_dim"
        return "Unique2Backward0", "_unique2"
    return ("UniqueConsecutiveBackward0", name) if name == "unique_consecutive" else None


_IN_PLACE = {
    "leaky_relu": "LeakyReluBackward1", "elu": "EluBackward1", "selu": "EluBackward1",
    "celu": "CeluBackward1", "rrelu": "RreluWithNoiseBackward1",
    "threshold": "ThresholdBackward1", "conj_physical": "ConjPhysicalBackward1",
}  # fmt: skip
"""Names of in-place forms that are not the plain one's."""

_OVERLOADS = {"SqueezeBackward": 3}
"""How many overloads of a view come before those that change the tensor itself, where it is not one."""


def in_place_name(name: str) -> str:
    """The name of a view's node where the tensor itself became the view."""
    word, number = name[:-1], name[-1]
    return f"{word}{int(number) + _OVERLOADS.get(word, 1)}" if number.isdigit() else name


_COPYING_RESHAPES = frozenset(["reshape", "flatten", "ravel"])
"""Where the memory allows no view, the last node is that of the copy."""


def name_of(op: Any, bound: BoundArguments, views: Any) -> str:
    """The name of the node of a call."""
    name = op.declared.name
    call = _Call(bound)
    if name == "split" and isinstance(call["split_size_or_sections"], tuple):
        return "SplitWithSizesBackward0"
    if name == "sub" and call.spec("input") is None:
        return "RsubBackward1"
    if name in _COPYING_RESHAPES and views is None:
        return "ViewBackward0" if name == "ravel" else "UnsafeViewBackward0"
    if op.in_place and name in _IN_PLACE:
        return _IN_PLACE[name]
    namer = _CALLS.get(name)
    found = None if namer is None else namer(call)
    return found or _ALWAYS.get(name) or op.grad_fn


@cache
def _saved() -> dict[str, str]:
    text = Path(__file__).with_name("saved_tensors.json").read_text(encoding="utf-8")
    return cast("dict[str, str]", json.loads(text))


def kept_by(op: Any, bound: BoundArguments, node: str) -> tuple[tuple[int, ...], bool] | None:
    """Which tensors of a call PyTorch keeps for backward, and whether its result; None if not known."""
    kept = None if op.in_place else _saved().get(f"{op.declared.name} {node}")
    if kept is None:
        return None
    names = set(kept.split())
    holes = [(name, hole) for name, value in bound.arguments.items() for hole in _holes(value)]
    order = [name for _, name in sorted((hole.index, name) for name, hole in holes if _is_tensor(hole))]
    if not names - {"result"} <= set(order):
        return None  # a number stands there, so that PyTorch keeps less
    return tuple(place for place, name in enumerate(order) if name in names), "result" in names


def _holes(value: Any) -> Iterator[Any]:
    if isinstance(value, tuple | list):
        for one in value:
            yield from _holes(one)
    elif hasattr(value, "spec"):
        yield value


def _is_tensor(hole: Any) -> bool:
    return isinstance(getattr(hole, "spec", None), Spec)


_NO_EDGE = {
    "view_as": ("other",), "expand_as": ("other",), "reshape_as": ("other",), "quantile": ("q",),
    "nanquantile": ("q",), "cosine_embedding_loss": ("target",),
    "hinge_embedding_loss": ("target",),
}  # fmt: skip
"""Arguments that no gradient goes to in PyTorch, though their dtype has one: to q only if quantiles are
interpolated linearly."""

_NOT_DIFFERENTIABLE: dict[str, tuple[str, tuple[str, ...]]] = {
    "batch_norm": ("native_batch_norm", ("running_mean", "running_var")),
    "instance_norm": ("native_batch_norm", ("running_mean", "running_var")),
    "soft_margin_loss": ("soft_margin_loss", ("target",)),
    "multi_margin_loss": ("multi_margin_loss", ("weight",)),
    "binary_cross_entropy": ("binary_cross_entropy", ("weight",)),
    "binary_cross_entropy_with_logits": ("binary_cross_entropy_with_logits", ("weight", "pos_weight")),
    "nll_loss": ("nll_loss_forward", ("weight",)),
    "cross_entropy": ("nll_loss_forward", ("weight",)),
    "linalg_pinv": ("linalg_pinv", ("rcond", "atol", "rtol")),
}
"""Arguments that PyTorch refuses if they require grad, and the function that refuses them."""

_BARRED = (
    "The function '{}' is not differentiable with respect to argument '{}'. This input cannot have "
    "requires_grad True."
)

_NO_LINK = {"linalg_lu": (0,), "lu_unpack": (0,), "linalg_lstsq": (3,)}
"""Outputs that no gradient comes from in PyTorch, though their dtype has one."""


def edges_of(op: Any, bound: BoundArguments, order: dict[int, int], plan: Any) -> None:
    """Say of a plan which inputs gradients go to, and which outputs they come from."""
    name = op.declared.name
    function, arguments = _NOT_DIFFERENTIABLE.get(name, ("", ()))
    target = _Call(bound).spec("target") if name == "cross_entropy" else None
    if arguments and not (target is not None and target.differentiable):
        plan.barred = tuple(
            (order[hole.index], _BARRED.format(function, one))
            for one in arguments
            for hole in _holes(bound.arguments.get(one))
            if _is_tensor(hole)
        )
    flat = _NO_EDGE.get(name, ())
    if flat == ("q",) and bound.arguments.get("interpolation", "linear") == "linear":
        flat = ()
    bare = {order[hole.index] for one in flat for hole in _holes(bound.arguments.get(one))}
    if bare:
        plan.edged = tuple([edged and i not in bare for i, edged in enumerate(plan.edged)])
    if name in _NO_LINK:
        plan.linked = tuple([linked and i not in _NO_LINK[name] for i, linked in enumerate(plan.linked)])


_ORDER = {
    "linear": ("bias", "input", "weight"),
    "conv1d": ("input", "weight", "bias"),
    "conv2d": ("input", "weight", "bias"),
    "conv3d": ("input", "weight", "bias"),
    "conv_transpose1d": ("input", "weight", "bias"),
    "conv_transpose2d": ("input", "weight", "bias"),
    "conv_transpose3d": ("input", "weight", "bias"),
    "batch_norm": ("input", "weight", "bias"),
    "layer_norm": ("input", "weight", "bias"),
    "group_norm": ("input", "weight", "bias"),
    "embedding": ("weight",),
    "embedding_bag": ("weight", "per_sample_weights"),
    "view_as": ("input",),
    "expand_as": ("input",),
    "reshape_as": ("input",),
}
"""The arguments that a node of PyTorch has edges for, in its order, where it is not the call's."""


def shown_edges(op: Any, bound: BoundArguments, order: dict[int, int]) -> tuple[int, ...] | None:
    """Which inputs next_functions lists, -1 for one that is not given; None for all as they come.

    Indices, masks and targets have no edge in PyTorch; what is promoted with others has.
    """
    listed = _ORDER.get(op.declared.name)
    if listed is not None:
        if op.declared.name == "linear" and bound.arguments.get("bias") is None:
            listed = ("input", "weight")
        holes: list[Any] = [bound.arguments.get(name) for name in listed]
        return tuple(order[one.index] if _is_tensor(one) else -1 for one in holes)
    found: list[int] = []
    hidden = False

    def note(tree: Any, promoted: bool) -> None:
        nonlocal hidden
        if isinstance(tree, tuple):
            for one in tree:
                note(one, promoted)
        elif _is_tensor(tree):
            if promoted or tree.spec.differentiable:
                found.append(order[tree.index])
            else:
                hidden = True

    for name, value in bound.arguments.items():
        note(value, name in op.promote)
    return tuple(found) if hidden else None

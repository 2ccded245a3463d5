"""torch.nn.functional, derived from the declarations in `fnnet.functional`."""

from __future__ import annotations

import inspect as _inspect
from collections.abc import Callable
from typing import Any

import numpy as _np

from fnnet.functional.embedding import renormalised as _renormalised
from fnnet.functional.operation import OPERATIONS as _DECLARED
from fnnet.functional.scaled import ScalingType as ScalingType
from fnnet.functional.scaled import SwizzleType as SwizzleType
from fnnet.torch.call import apply as _apply
from fnnet.torch.call import store as _store
from fnnet.torch.chosen import chosen_source as _chosen_source
from fnnet.torch.creation import as_dtype as _as_dtype
from fnnet.torch.declare import OPS as _OPS
from fnnet.torch.declare import function_of as _function_of
from fnnet.torch.declare import in_place_of as _in_place_of
from fnnet.torch.mode import no_grad as _no_grad
from fnnet.torch.nn.sparse_embedding import sparse_bags as _sparse_bags
from fnnet.torch.nn.sparse_embedding import sparse_rows as _sparse_rows
from fnnet.torch.operation import Op as _Op
from fnnet.torch.plan import Plan as _Plan
from fnnet.torch.plan import make_plan as _make_plan
from fnnet.torch.random import default_generator as _default_generator
from fnnet.torch.tensor import Tensor as _Tensor
from fnnet.torch.tensor import from_array as _from_array
from fnnet.torch.warning import NOTICES as _NOTICES
from fnnet.torch.warning import warn as _warn

OPERATIONS: dict[str, Callable[..., Any]] = {}
"""By declared name: what a call of the operation does when it is given tensors."""

_DROPOUTS = frozenset(
    {"dropout", "dropout1d", "dropout2d", "dropout3d", "alpha_dropout", "feature_alpha_dropout"}
)
_UNBATCHED = {"dropout1d": 2, "dropout3d": 4}
"""The number of dimensions to which PyTorch adds one, and gives a view in the end."""


def _with_inplace(op: _Op) -> Callable[..., Any]:
    """The operation with PyTorch's last argument, `inplace`."""
    plain, changing = _function_of(op), _in_place_of(op)
    places = sum(p.kind is not _inspect.Parameter.KEYWORD_ONLY for p in op.signature.parameters.values())
    idle = _idle_dropout if op.name in _DROPOUTS else None

    def function(*args: Any, inplace: bool = False, **kwargs: Any) -> Any:
        if len(args) == places + 1:
            *args, inplace = args  # type: ignore[assignment]
        if idle is not None and idle(op, args, kwargs):
            x = args[0] if args else kwargs["input"]
            said = _NOTICES[op.name]({"input": x}) if op.name in _NOTICES else None
            if said is not None:
                _warn(said)
            unbatched = not inplace and x.ndim == _UNBATCHED.get(op.name)
            return x.unsqueeze(0).squeeze(0) if unbatched else x
        return changing(*args, **kwargs) if inplace else plain(*args, **kwargs)

    function.__name__ = function.__qualname__ = plain.__name__
    function.__doc__ = plain.__doc__
    return function


def _idle_dropout(op: _Op, args: Any, kwargs: dict[str, Any]) -> bool:
    """Whether a call of dropout gives back its input, the same tensor."""
    bound = op.bind(args, kwargs)
    bound.apply_defaults()
    p = bound.arguments["p"]
    if not 0.0 <= p <= 1.0:
        raise ValueError(f"dropout probability has to be between 0 and 1, but got {p}")
    return not bound.arguments["training"] or p == 0 or not bound.arguments["input"].numel()


def _derive() -> None:
    for name, declared in _DECLARED.items():
        op = _OPS[name]
        in_place = declared.in_place and not declared.view
        function = OPERATIONS[name] = _with_inplace(op) if in_place else _function_of(op)
        if "nn.functional" in declared.spellings:
            in_place = in_place and name not in ("sigmoid", "tanh")  # PyTorch's have no argument `inplace`
            for spelling in (declared.spelled or name, *declared.aliases):
                globals()[spelling] = function if in_place else _function_of(op, "nn.functional", spelling)
                if in_place:
                    globals()[spelling + "_"] = _changing(function)


def _changing(function: Callable[..., Any]) -> Callable[..., Any]:
    def changing(*args: Any, **kwargs: Any) -> Any:
        return function(*args, **kwargs, inplace=True)

    changing.__name__ = changing.__qualname__ = function.__name__ + "_"
    return changing


_derive()


def batch_norm(
    input: _Tensor,
    running_mean: _Tensor | None,
    running_var: _Tensor | None,
    weight: _Tensor | None = None,
    bias: _Tensor | None = None,
    training: bool = False,
    momentum: float = 0.1,
    eps: float = 1e-5,
) -> _Tensor:
    """Batch normalisation; in training it moves the running statistics in place."""
    output = OPERATIONS["batch_norm"](input, running_mean, running_var, weight, bias, training, eps=eps)
    if training:
        _move(OPERATIONS["batch_norm_statistics"], input, running_mean, running_var, momentum)
    return output


def instance_norm(
    input: _Tensor,
    running_mean: _Tensor | None = None,
    running_var: _Tensor | None = None,
    weight: _Tensor | None = None,
    bias: _Tensor | None = None,
    use_input_stats: bool = True,
    momentum: float = 0.1,
    eps: float = 1e-5,
) -> _Tensor:
    """Instance normalisation; with input statistics it moves the running ones, if given, in place."""
    output = OPERATIONS["instance_norm"](
        input, running_mean, running_var, weight, bias, use_input_stats, eps=eps
    )
    if use_input_stats:
        _move(OPERATIONS["instance_norm_statistics"], input, running_mean, running_var, momentum)
    return output


def _move(statistics: Callable[..., Any], input: _Tensor, mean: Any, var: Any, momentum: float) -> None:
    if mean is None or var is None:
        return
    with _no_grad():
        new_mean, new_var = statistics(input, mean, var, momentum)
        mean.copy_(new_mean)
        var.copy_(new_var)


_SLOPES: dict[Any, _Plan] = {}


def rrelu(
    input: _Tensor,
    lower: float = 1.0 / 8,
    upper: float = 1.0 / 3,
    training: bool = False,
    inplace: bool = False,
) -> _Tensor:
    """Leaky ReLU with slopes drawn from U(lower, upper) in training, their mean otherwise.

    PyTorch draws only where the input is not positive; that needs its values, so what is recorded is run.
    """
    if lower > upper:
        raise RuntimeError("Lower bound should be less than or equal to the upper bound")
    if not training:
        return OPERATIONS["leaky_relu"](input, (lower + upper) / 2, inplace=inplace)
    if _chosen_source() is not None:
        return _derived_rrelu(input, lower, upper, True, inplace=inplace)
    values = _np.asarray(input._value().read())
    slopes = _from_array(_default_generator.rrelu_slopes(values, lower, upper), input.device)
    key = (input._spec, "RreluWithNoiseBackward1" if inplace else "RreluWithNoiseBackward0")
    plan = _SLOPES.get(key)
    if plan is None:
        plan = _SLOPES[key] = _make_plan(lambda x, s: x * s, [key[0], slopes._spec], (), input.device, key[1])
    if inplace:
        return _store(input, plan, [input, slopes], ())
    return _apply(plan, [input, slopes], ())[0]


def rrelu_(input: _Tensor, lower: float = 1.0 / 8, upper: float = 1.0 / 3, training: bool = False) -> _Tensor:
    """In-place form of `rrelu`."""
    return rrelu(input, lower, upper, training, inplace=True)


_derived_rrelu, OPERATIONS["rrelu"] = OPERATIONS["rrelu"], rrelu


def embedding(
    input: _Tensor,
    weight: _Tensor,
    padding_idx: int | None = None,
    max_norm: float | None = None,
    norm_type: float = 2.0,
    scale_grad_by_freq: bool = False,
    sparse: bool = False,
) -> _Tensor:
    """Rows of a table; with `max_norm` the rows that are looked up are shortened in the table itself."""
    if max_norm is not None:
        _shorten_rows(weight, input, max_norm, norm_type)
    if sparse:
        return _sparse_rows(input, weight, padding_idx, scale_grad_by_freq)
    return _derived_embedding(input, weight, padding_idx, None, 2.0, scale_grad_by_freq, sparse)


def embedding_bag(
    input: _Tensor,
    weight: _Tensor,
    offsets: _Tensor | None = None,
    max_norm: float | None = None,
    norm_type: float = 2,
    scale_grad_by_freq: bool = False,
    mode: str = "mean",
    sparse: bool = False,
    per_sample_weights: _Tensor | None = None,
    include_last_offset: bool = False,
    padding_idx: int | None = None,
) -> _Tensor:
    """Sums, means or maxima of bags of rows; `max_norm` as in `embedding`."""
    if max_norm is not None:
        _shorten_rows(weight, input, max_norm, norm_type)
    if sparse:
        further = (mode, per_sample_weights, include_last_offset, padding_idx)
        return _sparse_bags(input, weight, offsets, scale_grad_by_freq, further)
    options = (scale_grad_by_freq, mode, sparse, per_sample_weights, include_last_offset, padding_idx)
    return _derived_bag(input, weight, offsets, None, 2.0, *options)


_SHORTENED: dict[Any, _Plan] = {}


def _shorten_rows(weight: _Tensor, rows: _Tensor, max_norm: float, norm_type: float) -> None:
    """Scale the rows that are looked up to the greatest norm, where they are longer, as embedding_renorm_."""
    key = (weight._spec, rows._spec, norm_type)
    plan = _SHORTENED.get(key)
    if plan is None:
        plan = _SHORTENED[key] = _make_plan(
            lambda table, looked_up, most: _renormalised(table, looked_up, most, norm_type),
            [weight._spec, rows._spec],
            [float],
            weight.device,
        )
    with _no_grad():
        _store(weight, plan, [weight, rows], (float(max_norm),))


_derived_embedding, _derived_bag = OPERATIONS["embedding"], OPERATIONS["embedding_bag"]
OPERATIONS["embedding"], OPERATIONS["embedding_bag"] = embedding, embedding_bag


def triplet_margin_with_distance_loss(
    anchor: _Tensor,
    positive: _Tensor,
    negative: _Tensor,
    *,
    distance_function: Callable[[_Tensor, _Tensor], _Tensor] | None = None,
    margin: float = 1.0,
    swap: bool = False,
    reduction: str = "mean",
) -> _Tensor:
    """max(d(anchor, positive) - d(anchor, negative) + margin, 0), with a distance of tensors."""
    if reduction not in ("mean", "sum", "none"):
        raise ValueError(f"{reduction} is not a valid value for reduction")
    if margin <= 0:
        raise ValueError(f"margin must be greater than 0, got {margin}")
    distance = OPERATIONS["pairwise_distance"] if distance_function is None else distance_function
    near: Any = distance(anchor, positive)
    far: Any = distance(anchor, negative)
    if swap:
        far = OPERATIONS["minimum"](far, distance(positive, negative))
    loss = (margin + near - far).clamp_min(0)
    return loss if reduction == "none" else getattr(loss, reduction)()


OPERATIONS["triplet_margin_with_distance_loss"] = triplet_margin_with_distance_loss


def _with_dtype(function: Callable[..., Any]) -> Callable[..., Any]:
    """softmax(input, dim, _stacklevel, dtype): PyTorch's order of arguments."""

    def softmax(input: _Tensor, dim: int | None = None, _stacklevel: int = 3, dtype: Any = None) -> _Tensor:
        return function(input, dim) if dtype is None else function(input, dim, _as_dtype(dtype))

    softmax.__name__ = softmax.__qualname__ = function.__name__
    softmax.__doc__ = function.__doc__
    return softmax


for _name in ("softmax", "log_softmax", "softmin"):
    globals()[_name] = _with_dtype(OPERATIONS[_name])


def _with_indices(function: Callable[..., Any]) -> Callable[..., Any]:
    """The pooling with the places of the maxima, whatever `return_indices` says."""

    def pooled(*args: Any, **kwargs: Any) -> tuple[_Tensor, _Tensor]:
        bound = _inspect.signature(function.__wrapped__).bind(*args, **kwargs)  # type: ignore[attr-defined]
        return function(**{**bound.arguments, "return_indices": True})

    pooled.__name__ = pooled.__qualname__ = function.__name__ + "_with_indices"
    pooled.__doc__ = function.__doc__
    return pooled


for _name in (
    *(f"{_kind}max_pool{_n}d" for _kind in ("", "adaptive_") for _n in (1, 2, 3)),
    *(f"fractional_max_pool{_n}d" for _n in (2, 3)),
):
    globals()[_name + "_with_indices"] = _with_indices(OPERATIONS[_name])

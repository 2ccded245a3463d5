"""Mixed precision: within `autocast` operations get their tensors in a dtype by PyTorch's lists.

Products and convolutions compute in the lower precision, what loses too much by it in float32, and what takes
several tensors in the widest of their dtypes. The lists are those of PyTorch's CPU and CUDA backends
(aten/src/ATen/autocast_mode.h).
"""

from __future__ import annotations

import warnings
from typing import Any

from fnnet.torch import dtypes as D
from fnnet.torch.mode import MODE, _Context
from fnnet.torch.tensor import Tensor

__all__ = ["autocast", "is_autocast_enabled"]

_LOWER = frozenset(
    [
        "conv1d",
        "conv2d",
        "conv3d",
        "conv_transpose1d",
        "conv_transpose2d",
        "conv_transpose3d",
        "mm",
        "bmm",
        "matmul",
        "addmm",
        "addmv",
        "addbmm",
        "baddbmm",
        "linear",
        "scaled_dot_product_attention",
        "mv",
        "chain_matmul",
        "multi_dot",
        "lstm_cell",
        "gru_cell",
        "rnn_tanh_cell",
        "rnn_relu_cell",
        "lstm",
        "gru",
        "rnn_tanh",
        "rnn_relu",
        "prelu",
        "einsum",
        "inner",
        "tensordot",
    ]
)
_CUDA_ONLY = frozenset(["mv", "addmv", "lstm_cell", "gru_cell", "rnn_tanh_cell", "rnn_relu_cell", "gru"])
_FLOAT32 = {
    "cpu": frozenset(
        [
            "avg_pool3d",
            "binary_cross_entropy",
            "grid_sample",
            "polar",
            "prod",
            "quantile",
            "nanquantile",
            "stft",
            "cdist",
            "trace",
            "view_as_complex",
            "cholesky",
            "cholesky_inverse",
            "cholesky_solve",
            "inverse",
            "lu_solve",
            "orgqr",
            "ormqr",
            "pinverse",
            "max_pool3d",
            "max_unpool2d",
            "max_unpool3d",
            "adaptive_avg_pool3d",
            "mse_loss",
            "cosine_embedding_loss",
            "nll_loss",
            "hinge_embedding_loss",
            "poisson_nll_loss",
            "smooth_l1_loss",
            "cross_entropy",
            "l1_loss",
            "huber_loss",
            "margin_ranking_loss",
            "soft_margin_loss",
            "triplet_margin_loss",
            "multi_margin_loss",
            "ctc_loss",
            "kl_div",
            "multilabel_margin_loss",
            "binary_cross_entropy_with_logits",
            "linalg_cholesky",
            "linalg_cond",
            "linalg_eigh",
            "linalg_eigvalsh",
            "linalg_inv",
            "linalg_lstsq",
            "linalg_matrix_rank",
            "linalg_solve",
            "linalg_svd",
            "linalg_svdvals",
            "linalg_tensorinv",
            "linalg_tensorsolve",
            "linalg_det",
            "linalg_qr",
            "geqrf",
            "upsample",
            "interpolate",
            "replication_pad1d",
            "replication_pad2d",
            "replication_pad3d",
            "reflection_pad1d",
            "reflection_pad2d",
        ]
    ),
    "cuda": frozenset(
        [
            "acos",
            "asin",
            "cosh",
            "erfinv",
            "exp",
            "expm1",
            "log",
            "log10",
            "log2",
            "log1p",
            "reciprocal",
            "rsqrt",
            "sinh",
            "tan",
            "pow",
            "softplus",
            "layer_norm",
            "group_norm",
            "norm",
            "nuclear_norm",
            "cosine_similarity",
            "poisson_nll_loss",
            "cosine_embedding_loss",
            "nll_loss",
            "hinge_embedding_loss",
            "kl_div",
            "l1_loss",
            "smooth_l1_loss",
            "huber_loss",
            "mse_loss",
            "margin_ranking_loss",
            "multilabel_margin_loss",
            "soft_margin_loss",
            "triplet_margin_loss",
            "multi_margin_loss",
            "binary_cross_entropy_with_logits",
            "cross_entropy",
            "dist",
            "pdist",
            "cdist",
            "renorm",
            "logsumexp",
            "prod",
            "softmax",
            "log_softmax",
            "cumprod",
            "cumsum",
            "sum",
            "softmin",
        ]
    ),
}
_WIDEST = frozenset(["stack", "cat", "index_copy"])
_WIDEST_CUDA = _WIDEST | {
    "addcdiv", "addcmul", "atan2", "bilinear", "cross", "dot", "grid_sample", "index_put", "scatter_add"
}  # fmt: skip
_KEPT: dict[str, Any] = {"cpu": D.bfloat16, "cuda": D.float16}


class _State:
    """What `autocast` sets: the dtype to compute in, for which kind of device."""

    def __init__(self, device_type: str, dtype: Any) -> None:
        self.device_type, self.dtype = device_type, dtype
        self.lower = _LOWER - _CUDA_ONLY if device_type == "cpu" else _LOWER
        self.wide = _FLOAT32[device_type]
        self.widest = _WIDEST if device_type == "cpu" else _WIDEST_CUDA

    def convert(self, name: str, args: Any, kwargs: Any) -> tuple[Any, Any]:
        """The arguments of an operation as it gets them here."""
        if name in self.lower:
            target = self.dtype
        elif name in self.wide:
            target = D.float32
        elif name in self.widest:
            found: list[Any] = []
            self._map(args, lambda t: found.append(t.dtype))
            self._map(tuple(kwargs.values()), lambda t: found.append(t.dtype))
            target = D.float32 if D.float32 in found else self.dtype
        else:
            return args, kwargs

        def cast(tensor: Tensor) -> Tensor:
            return tensor if tensor.dtype is target else tensor.to(target)

        return self._map(args, cast), {n: self._map(value, cast) for n, value in kwargs.items()}

    def _map(self, tree: Any, function: Any) -> Any:
        if isinstance(tree, Tensor):
            eligible = tree.device.type == self.device_type and tree.dtype in (
                D.float32,
                D.bfloat16,
                D.float16,
            )
            return function(tree) if eligible else tree
        if type(tree) in (list, tuple):
            return type(tree)(self._map(one, function) for one in tree)
        return tree


class autocast(_Context):
    """Operations inside compute in mixed precision. A context manager and a decorator.

    On the CPU the lower precision is bfloat16 unless `dtype` says float16.
    """

    def __init__(
        self, device_type: str, dtype: Any = None, enabled: bool = True, cache_enabled: bool | None = None
    ) -> None:
        if not isinstance(device_type, str):
            raise ValueError(f"Expected `device_type` of type `str`, got: `{type(device_type)}`")
        if device_type not in _KEPT:
            raise RuntimeError(
                f"User specified an unsupported autocast device_type '{device_type}': "
                "fnnet has 'cpu' and 'cuda'"
            )
        self.device, self.fast_dtype, self._enabled = device_type, dtype or _KEPT[device_type], bool(enabled)
        if device_type == "cuda" and enabled:
            from fnnet.torch import cuda

            if not cuda.is_available():
                warnings.warn(
                    "User provided device_type of 'cuda', but CUDA is not available. Disabling", stacklevel=2
                )
                self._enabled = False
        if self._enabled and self.fast_dtype not in (D.bfloat16, D.float16):
            warnings.warn(
                f"In {device_type.upper()} autocast, but the target dtype is not supported. "
                "Disabling autocast.",
                stacklevel=2,
            )
            self._enabled = False

    def __enter__(self) -> autocast:
        self._previous = MODE.autocast
        MODE.autocast = _State(self.device, self.fast_dtype) if self._enabled else None
        return self

    def __exit__(self, *error: object) -> None:
        MODE.autocast = self._previous

    def clone(self) -> _Context:
        return autocast(self.device, self.fast_dtype, self._enabled)


def is_autocast_enabled(device_type: str | None = None) -> bool:
    """Whether autocast is on for a kind of device (for CUDA, if none is given)."""
    state = MODE.autocast
    return state is not None and state.device_type == (device_type or "cuda")


def is_autocast_cpu_enabled() -> bool:
    """Whether autocast is on for the CPU."""
    return is_autocast_enabled("cpu")


def get_autocast_dtype(device_type: str) -> Any:
    """The lower precision for a kind of device."""
    state = MODE.autocast
    return state.dtype if state is not None and state.device_type == device_type else _KEPT[device_type]


def get_autocast_cpu_dtype() -> Any:
    """The lower precision on the CPU."""
    return get_autocast_dtype("cpu")


def get_autocast_gpu_dtype() -> Any:
    """The lower precision on a GPU."""
    return get_autocast_dtype("cuda")


def set_autocast_dtype(device_type: str, dtype: Any) -> None:
    """Set the dtype that `autocast` takes where none is given."""
    _KEPT[device_type] = dtype


def is_autocast_available(device_type: str) -> bool:
    """Whether `autocast` knows this kind of device."""
    return device_type in _KEPT


def is_autocast_cache_enabled() -> bool:
    """True: a weight that is cast twice in one program is cast once by XLA."""
    return True


def clear_autocast_cache() -> None:
    """There is nothing to clear."""

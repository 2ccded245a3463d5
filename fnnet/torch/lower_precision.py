"""Mixed precision: within `autocast` operations get their tensors in a dtype by PyTorch's lists.

Products and convolutions compute in the lower precision, what loses too much by it in float32, and what takes
several tensors in the widest of their dtypes. The lists are those of PyTorch's CPU and CUDA backends
(aten/src/ATen/autocast_mode.h).
"""

from __future__ import annotations

import copy
from typing import Any

from fnnet.torch import dtypes as D
from fnnet.torch.mode import MODE, _Context
from fnnet.torch.tensor import Tensor
from fnnet.torch.warning import warn

__all__ = ["autocast", "is_autocast_enabled"]

_LOWER = frozenset((
    "conv1d", "conv2d", "conv3d", "conv_transpose1d", "conv_transpose2d", "conv_transpose3d", "mm", "bmm",
    "matmul", "addmm", "addmv", "addbmm", "baddbmm", "linear", "scaled_dot_product_attention", "mv",
    "chain_matmul", "linalg_multi_dot", "lstm_cell", "gru_cell", "rnn_tanh_cell", "rnn_relu_cell", "lstm",
    "gru", "rnn_tanh", "rnn_relu", "prelu", "einsum", "inner", "tensordot", "linalg_vecdot",
    "linalg_matrix_power", "multi_head_attention_forward", "cov", "corrcoef",
))  # fmt: skip
_CUDA_ONLY = frozenset(["mv", "addmv", "lstm_cell", "gru_cell", "gru"])
_RECURRENT = {"LSTM": "lstm", "GRU": "gru", "RNN_TANH": "rnn_tanh", "RNN_RELU": "rnn_relu"}
_FLOAT32 = {
    "cpu": frozenset((
        "avg_pool3d", "binary_cross_entropy", "grid_sample", "polar", "prod", "quantile", "nanquantile",
        "stft", "cdist", "inverse", "trace", "view_as_complex", "cholesky", "cholesky_inverse",
        "cholesky_solve", "pinverse", "lu_solve", "orgqr", "ormqr", "max_pool3d", "max_unpool2d",
        "max_unpool3d", "adaptive_avg_pool3d", "mse_loss", "cosine_embedding_loss", "nll_loss",
        "hinge_embedding_loss", "poisson_nll_loss", "smooth_l1_loss", "cross_entropy", "l1_loss",
        "huber_loss", "margin_ranking_loss", "soft_margin_loss", "triplet_margin_loss",
        "multi_margin_loss", "ctc_loss", "kl_div", "multilabel_margin_loss",
        "binary_cross_entropy_with_logits", "linalg_cond", "linalg_eig", "linalg_eigh", "linalg_eigvals",
        "linalg_eigvalsh", "linalg_householder_product", "linalg_inv", "linalg_inv_ex", "linalg_lstsq",
        "linalg_lu_factor", "linalg_matrix_rank", "linalg_qr", "linalg_solve", "linalg_svd",
        "linalg_svdvals", "linalg_tensorinv", "linalg_tensorsolve", "linalg_cholesky", "geqrf", "fft_fft",
        "fft_ifft", "fft_fft2", "fft_ifft2", "fft_fftn", "fft_ifftn", "fft_rfft", "fft_irfft",
        "fft_rfft2", "fft_irfft2", "fft_rfftn", "fft_irfftn", "fft_hfft", "fft_ihfft",
    )),
    "cuda": frozenset((
        "acos", "asin", "cosh", "erfinv", "exp", "expm1", "log", "log10", "log2", "log1p", "reciprocal",
        "rsqrt", "sinh", "tan", "pow", "softplus", "layer_norm", "group_norm", "norm", "nuclear_norm",
        "cosine_similarity", "poisson_nll_loss", "cosine_embedding_loss", "nll_loss",
        "hinge_embedding_loss", "kl_div", "l1_loss", "smooth_l1_loss", "huber_loss", "mse_loss",
        "margin_ranking_loss", "multilabel_margin_loss", "soft_margin_loss", "triplet_margin_loss",
        "multi_margin_loss", "binary_cross_entropy_with_logits", "cross_entropy", "dist", "pdist",
        "cdist", "renorm", "logsumexp", "prod", "softmax", "log_softmax", "cumprod", "cumsum", "sum",
        "softmin",
    )),
}  # fmt: skip
_WIDEST = frozenset(["stack", "cat", "index_copy"])
_WIDEST_CUDA = _WIDEST | {
    "addcdiv", "addcmul", "atan2", "bilinear", "cross", "dot", "grid_sample", "index_put", "scatter_add"
}  # fmt: skip
_KEPT: dict[str, Any] = {"cpu": D.bfloat16, "cuda": D.float16}
_OTHERS = ("xpu", "mps", "hpu", "xla", "mtia", "maia", "ipu")
"""Devices that PyTorch has autocast for, and that no tensor is on here."""

_KNOWN = (
    "cpu, cuda, ipu, xpu, mkldnn, opengl, opencl, ideep, hip, ve, fpga, maia, xla, lazy, vulkan, mps, meta, "
    "hpu, mtia, privateuseone"
)
_CACHE = [True]
_NESTING = [0]


def _check_device(device_type: Any) -> str:
    if device_type not in _KNOWN.split(", "):
        raise RuntimeError(f"Expected one of {_KNOWN} device type at start of device string: {device_type}")
    return str(device_type)


class _States:
    """What `autocast` sets for several kinds of devices."""

    def __init__(self, states: dict[str, _State]) -> None:
        self.states = states

    def convert(self, name: str, args: Any, kwargs: Any) -> tuple[Any, Any]:
        """The arguments of an operation as it gets them here."""
        for state in self.states.values():
            args, kwargs = state.convert(name, args, kwargs)
        return args, kwargs


class _State:
    """What `autocast` sets: the dtype to compute in, for which kind of device."""

    def __init__(self, device_type: str, dtype: Any) -> None:
        self.device_type, self.dtype = device_type, dtype
        self.lower = _LOWER - _CUDA_ONLY if device_type == "cpu" else _LOWER
        self.wide = _FLOAT32[device_type]
        self.widest = _WIDEST if device_type == "cpu" else _WIDEST_CUDA

    def convert(self, name: str, args: Any, kwargs: Any) -> tuple[Any, Any]:
        """The arguments of an operation as it gets them here."""
        if name == "recurrent":
            name = next((_RECURRENT[one] for one in args if isinstance(one, str) and one in _RECURRENT), name)
        if name in self.lower:
            target = self.dtype
        elif (
            name == "pad" and self.device_type == "cpu" and {"reflect", "replicate"} & {*_words(args, kwargs)}
        ) or name in self.wide:
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


def _words(args: Any, kwargs: dict[str, Any]) -> list[str]:
    return [one for one in (*args, *kwargs.values()) if isinstance(one, str)]


class autocast(_Context):
    """Operations inside compute in mixed precision. A context manager and a decorator.

    On the CPU the lower precision is bfloat16 unless `dtype` says float16.
    """

    def __init__(
        self, device_type: str, dtype: Any = None, enabled: bool = True, cache_enabled: bool | None = None
    ) -> None:
        if not isinstance(device_type, str):
            raise ValueError(f"Expected `device_type` of type `str`, got: `{type(device_type)}`")
        _check_device(device_type)
        if not is_autocast_available(device_type):
            raise RuntimeError(f"User specified an unsupported autocast device_type '{device_type}'")
        self.device, self._enabled = device_type, bool(enabled)
        self.fast_dtype = get_autocast_dtype(device_type) if dtype is None else dtype
        self._cache_enabled = is_autocast_cache_enabled() if cache_enabled is None else bool(cache_enabled)
        if device_type == "cuda" and enabled:
            from fnnet.torch import cuda

            if not cuda.is_available():
                warn("CUDA is not available or torch_xla is imported. Disabling autocast.")
                self._enabled = False
        elif self._enabled and device_type == "cpu" and self.fast_dtype not in (D.bfloat16, D.float16):
            warn(
                "In CPU autocast, but the target dtype is not supported. Disabling autocast.\n"
                "CPU Autocast only supports dtypes of torch.bfloat16, torch.float16 currently."
            )
            self._enabled = False

    def __enter__(self) -> autocast:
        device = self.device
        self._previous = MODE.autocast, _KEPT.get(device), _CACHE[0]
        _KEPT[device] = self.fast_dtype
        set_autocast_enabled(device, self._enabled)
        _CACHE[0] = self._cache_enabled
        _NESTING[0] += 1
        return self

    def __exit__(self, *error: object) -> None:
        MODE.autocast, kept, _CACHE[0] = self._previous
        _KEPT[self.device] = kept
        _NESTING[0] -= 1

    def clone(self) -> _Context:
        return _Again(self)


class _Again(_Context):
    """The same context, without its warnings, for a call of what it decorates."""

    def __init__(self, like: autocast) -> None:
        self._context = copy.copy(like)

    def __enter__(self) -> autocast:
        return self._context.__enter__()

    def __exit__(self, *error: object) -> None:
        self._context.__exit__(*error)


def set_autocast_enabled(device_type: Any, enabled: bool | None = None) -> None:
    """Have autocast on or off for a kind of device (for CUDA, if only that is said)."""
    if enabled is None:
        device_type, enabled = "cuda", device_type
    states = dict(MODE.autocast.states) if MODE.autocast is not None else {}
    states.pop(_check_device(device_type), None)
    if enabled and device_type in _FLOAT32:
        states[device_type] = _State(device_type, _KEPT[device_type])
    MODE.autocast = _States(states) if states else None


def is_autocast_enabled(device_type: str | None = None) -> bool:
    """Whether autocast is on for a kind of device (for CUDA, if none is given)."""
    if device_type is not None:
        _check_device(device_type)
    return MODE.autocast is not None and (device_type or "cuda") in MODE.autocast.states


def get_autocast_dtype(device_type: str) -> Any:
    """The lower precision for a kind of device."""
    return _KEPT.get(_check_device(device_type)) or D.bfloat16


def set_autocast_dtype(device_type: str, dtype: Any) -> None:
    """Set the dtype that `autocast` takes where none is given."""
    _KEPT[_check_device(device_type)] = dtype


def is_autocast_available(device_type: str) -> bool:
    """Whether `autocast` knows this kind of device."""
    return _check_device(device_type) in (*_FLOAT32, *_OTHERS)


def is_autocast_cache_enabled() -> bool:
    """The setting; a weight that is cast twice in one program is cast once by XLA in any case."""
    return _CACHE[0]


def set_autocast_cache_enabled(enabled: bool) -> None:
    """Keep the setting."""
    _CACHE[0] = bool(enabled)


def autocast_increment_nesting() -> int:
    """Count one level more."""
    _NESTING[0] += 1
    return _NESTING[0]


def autocast_decrement_nesting() -> int:
    """Count one level less."""
    _NESTING[0] -= 1
    return _NESTING[0]


def clear_autocast_cache() -> None:
    """There is nothing to clear."""


def _deprecated(name: str, arguments: str, instead: str) -> None:
    warn(f"torch.{name}({arguments}) is deprecated. Please use torch.{instead} instead.", DeprecationWarning)


def is_autocast_cpu_enabled() -> bool:
    """Whether autocast is on for the CPU."""
    _deprecated("is_autocast_cpu_enabled", "", "is_autocast_enabled('cpu')")
    return is_autocast_enabled("cpu")


def set_autocast_cpu_enabled(enabled: bool) -> None:
    """Have autocast on or off for the CPU."""
    _deprecated("set_autocast_cpu_enabled", "enabled", "set_autocast_enabled('cpu', enabled)")
    set_autocast_enabled("cpu", enabled)


def get_autocast_cpu_dtype() -> Any:
    """The lower precision on the CPU."""
    _deprecated("get_autocast_cpu_dtype", "", "get_autocast_dtype('cpu')")
    return get_autocast_dtype("cpu")


def get_autocast_gpu_dtype() -> Any:
    """The lower precision on a GPU."""
    _deprecated("get_autocast_gpu_dtype", "", "get_autocast_dtype('cuda')")
    return get_autocast_dtype("cuda")


def set_autocast_cpu_dtype(dtype: Any) -> None:
    """Set the lower precision on the CPU."""
    _deprecated("set_autocast_cpu_dtype", "dtype", "set_autocast_dtype('cpu', dtype)")
    set_autocast_dtype("cpu", dtype)


def set_autocast_gpu_dtype(dtype: Any) -> None:
    """Set the lower precision on a GPU."""
    _deprecated("set_autocast_gpu_dtype", "dtype", "set_autocast_dtype('cuda', dtype)")
    set_autocast_dtype("cuda", dtype)

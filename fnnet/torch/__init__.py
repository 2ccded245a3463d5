"""PyTorch's API on JAX: programs are recorded, differentiated and compiled."""

from importlib import import_module as _import_module
from typing import Any

from fnnet.torch import autograd as autograd
from fnnet.torch import methods as _methods  # noqa: F401
from fnnet.torch.checks import CHECKS as _CHECKS
from fnnet.torch.creation import arange as arange
from fnnet.torch.creation import as_tensor as as_tensor
from fnnet.torch.creation import empty as empty
from fnnet.torch.creation import empty_like as empty_like
from fnnet.torch.creation import from_numpy as from_numpy
from fnnet.torch.creation import full as full
from fnnet.torch.creation import full_like as full_like
from fnnet.torch.creation import ones as ones
from fnnet.torch.creation import ones_like as ones_like
from fnnet.torch.creation import tensor as tensor
from fnnet.torch.creation import zeros as zeros
from fnnet.torch.creation import zeros_like as zeros_like
from fnnet.torch.declare import derive_all as _derive_all
from fnnet.torch.devices import device as device
from fnnet.torch.devices import get_default_device as get_default_device
from fnnet.torch.devices import set_default_device as set_default_device
from fnnet.torch.dtypes import NAMED as _DTYPES
from fnnet.torch.dtypes import dtype as dtype
from fnnet.torch.dtypes import finfo as finfo
from fnnet.torch.dtypes import get_default_dtype as get_default_dtype
from fnnet.torch.dtypes import iinfo as iinfo
from fnnet.torch.dtypes import set_default_dtype as set_default_dtype
from fnnet.torch.function_forms import FUNCTIONS as _FUNCTION_FORMS
from fnnet.torch.indexing import masked_select as masked_select
from fnnet.torch.indexing import narrow as narrow
from fnnet.torch.indexing import select as select
from fnnet.torch.inquiry import LAYOUTS as _LAYOUTS
from fnnet.torch.inquiry import allclose as allclose
from fnnet.torch.inquiry import broadcast_shapes as broadcast_shapes
from fnnet.torch.inquiry import e as e
from fnnet.torch.inquiry import equal as equal
from fnnet.torch.inquiry import inf as inf
from fnnet.torch.inquiry import is_complex as is_complex
from fnnet.torch.inquiry import is_floating_point as is_floating_point
from fnnet.torch.inquiry import is_nonzero as is_nonzero
from fnnet.torch.inquiry import is_tensor as is_tensor
from fnnet.torch.inquiry import layout as layout
from fnnet.torch.inquiry import nan as nan
from fnnet.torch.inquiry import numel as numel
from fnnet.torch.inquiry import pi as pi
from fnnet.torch.inquiry import result_type as result_type
from fnnet.torch.inquiry import strided as strided
from fnnet.torch.interchange import asarray as asarray
from fnnet.torch.interchange import empty_permuted as empty_permuted
from fnnet.torch.interchange import empty_strided as empty_strided
from fnnet.torch.interchange import from_dlpack as from_dlpack
from fnnet.torch.interchange import frombuffer as frombuffer
from fnnet.torch.interchange import range as range
from fnnet.torch.interchange import scalar_tensor as scalar_tensor
from fnnet.torch.legacy import LEGACY as _LEGACY
from fnnet.torch.lowrank import pca_lowrank as pca_lowrank
from fnnet.torch.lowrank import svd_lowrank as svd_lowrank
from fnnet.torch.lu import lu as lu
from fnnet.torch.memory_formats import channels_last as channels_last
from fnnet.torch.memory_formats import channels_last_3d as channels_last_3d
from fnnet.torch.memory_formats import contiguous_format as contiguous_format
from fnnet.torch.memory_formats import memory_format as memory_format
from fnnet.torch.memory_formats import preserve_format as preserve_format
from fnnet.torch.methods import positive as positive
from fnnet.torch.missing import missing as _missing
from fnnet.torch.mode import enable_grad as enable_grad
from fnnet.torch.mode import inference_mode as inference_mode
from fnnet.torch.mode import is_grad_enabled as is_grad_enabled
from fnnet.torch.mode import is_inference_mode_enabled as is_inference_mode_enabled
from fnnet.torch.mode import no_grad as no_grad
from fnnet.torch.mode import set_grad_enabled as set_grad_enabled
from fnnet.torch.parsing import check_all as _check_all
from fnnet.torch.printing import set_printoptions as set_printoptions
from fnnet.torch.promotion import can_cast as can_cast
from fnnet.torch.promotion import promote_types as promote_types
from fnnet.torch.random import Generator as Generator
from fnnet.torch.random import bernoulli as bernoulli
from fnnet.torch.random import default_generator as default_generator
from fnnet.torch.random import get_rng_state as get_rng_state
from fnnet.torch.random import initial_seed as initial_seed
from fnnet.torch.random import manual_seed as manual_seed
from fnnet.torch.random import multinomial as multinomial
from fnnet.torch.random import normal as normal
from fnnet.torch.random import poisson as poisson
from fnnet.torch.random import rand as rand
from fnnet.torch.random import rand_like as rand_like
from fnnet.torch.random import randint as randint
from fnnet.torch.random import randint_like as randint_like
from fnnet.torch.random import randn as randn
from fnnet.torch.random import randn_like as randn_like
from fnnet.torch.random import randperm as randperm
from fnnet.torch.random import seed as seed
from fnnet.torch.random import set_rng_state as set_rng_state
from fnnet.torch.record import synchronize as synchronize
from fnnet.torch.segments import segment_reduce as segment_reduce
from fnnet.torch.serialization import load as load
from fnnet.torch.serialization import save as save
from fnnet.torch.settings import are_deterministic_algorithms_enabled as are_deterministic_algorithms_enabled
from fnnet.torch.settings import get_deterministic_debug_mode as get_deterministic_debug_mode
from fnnet.torch.settings import get_float32_matmul_precision as get_float32_matmul_precision
from fnnet.torch.settings import get_num_interop_threads as get_num_interop_threads
from fnnet.torch.settings import get_num_threads as get_num_threads
from fnnet.torch.settings import (
    is_deterministic_algorithms_warn_only_enabled as is_deterministic_algorithms_warn_only_enabled,
)
from fnnet.torch.settings import set_deterministic_debug_mode as set_deterministic_debug_mode
from fnnet.torch.settings import set_float32_matmul_precision as set_float32_matmul_precision
from fnnet.torch.settings import set_flush_denormal as set_flush_denormal
from fnnet.torch.settings import set_num_interop_threads as set_num_interop_threads
from fnnet.torch.settings import set_num_threads as set_num_threads
from fnnet.torch.settings import use_deterministic_algorithms as use_deterministic_algorithms
from fnnet.torch.sparse_layouts.making import sparse_compressed_tensor as sparse_compressed_tensor
from fnnet.torch.sparse_layouts.making import sparse_coo_tensor as sparse_coo_tensor
from fnnet.torch.sparse_layouts.making import sparse_csc_tensor as sparse_csc_tensor
from fnnet.torch.sparse_layouts.making import sparse_csr_tensor as sparse_csr_tensor
from fnnet.torch.spec import Size as Size
from fnnet.torch.statistics import reset_stats as reset_stats
from fnnet.torch.statistics import stats as stats
from fnnet.torch.tensor import Tensor as Tensor
from fnnet.torch.torch_version import TorchVersion as _TorchVersion
from fnnet.torch.version import __version__ as _version

__version__ = _TorchVersion(_version)

globals().update(_DTYPES)
globals().update(_LAYOUTS)
globals().update(_CHECKS)
globals().update(_LEGACY)
globals().update(_FUNCTION_FORMS)
_derive_all({"torch": globals()})
_check_all(globals())
globals().update(dict.fromkeys(("spmm", "dsmm"), globals()["mm"]))

_MODULES = frozenset(
    (
        "_C",
        "_tensor_str",
        "_utils",
        "__config__",
        "_higher_order_ops",
        "_dynamo",
        "_subclasses",
        "accelerator",
        "amp",
        "autograd",
        "backends",
        "compiler",
        "cpu",
        "cuda",
        "distributed",
        "distributions",
        "fft",
        "fx",
        "func",
        "functional",
        "futures",
        "hub",
        "jit",
        "library",
        "linalg",
        "multiprocessing",
        "mps",
        "nn",
        "onnx",
        "ops",
        "optim",
        "overrides",
        "profiler",
        "quasirandom",
        "random",
        "return_types",
        "signal",
        "sparse",
        "special",
        "testing",
        "types",
        "utils",
        "version",
        "xpu",
    )
)
_LAZY = {
    "compile": "compiling",
    "GradScaler": "amp",
    "autocast": "amp",
    "vmap": "func",
    "Event": "cuda",
    "Future": "futures",
    "ScriptFunction": "jit",
    "ScriptModule": "jit",
    "Stream": "cuda",
    "TypedStorage": "storages",
    "UntypedStorage": "storages",
    "cond": "_higher_order_ops",
    "fork": "jit",
    "get_device_module": "accelerator",
    "wait": "jit",
    "while_loop": "_higher_order_ops",
} | dict.fromkeys(
    (
        "autocast_decrement_nesting",
        "autocast_increment_nesting",
        "clear_autocast_cache",
        "get_autocast_cpu_dtype",
        "get_autocast_dtype",
        "get_autocast_gpu_dtype",
        "is_autocast_cache_enabled",
        "is_autocast_cpu_enabled",
        "is_autocast_enabled",
        "set_autocast_cache_enabled",
        "set_autocast_cpu_dtype",
        "set_autocast_cpu_enabled",
        "set_autocast_dtype",
        "set_autocast_enabled",
        "set_autocast_gpu_dtype",
    ),
    "lower_precision",
)


_OWN_NAME = "fnnet.torch"
"""`__name__` may be "torch": a module that is asked for by that name while it loads would be loaded twice."""


def __getattr__(name: str) -> Any:
    """Submodules are imported when they are first named; a name that PyTorch has and fnnet lacks says so."""
    if name == "torch":  # as PyTorch has it by an import of its own
        return _import_module(_OWN_NAME)
    if name in _LAZY:
        return getattr(_import_module(f"{_OWN_NAME}.{_LAZY[name]}"), name)
    if name in _MODULES:
        try:
            return _import_module(f"{_OWN_NAME}.{name}")
        except ModuleNotFoundError as error:
            if error.name != f"{_OWN_NAME}.{name}":
                raise
    if name.startswith("_foreach_"):
        each = _import_module(f"{_OWN_NAME}.foreach").foreach(name.removeprefix("_foreach_"))
        if each is not None:
            return each
    raise _missing("torch", name)

"""`torch.save`: what PyTorch's pickles say of tensors, dtypes, devices, modules and other objects."""

from __future__ import annotations

import os
from collections import OrderedDict
from pathlib import Path
from types import BuiltinFunctionType, FunctionType
from typing import Any

import numpy as np

from fnnet.checkpoint.atomic import atomically
from fnnet.checkpoint.pt import readable
from fnnet.checkpoint.pt_write import Stored, Writer, named, tensor
from fnnet.torch import dtypes as D
from fnnet.torch import view, whole_modules
from fnnet.torch.devices import device
from fnnet.torch.pickling import added, lies_there, linear, warn_of_hooks
from fnnet.torch.presented import is_own
from fnnet.torch.spec import Size, Spec, contiguous_strides
from fnnet.torch.storages import UntypedStorage
from fnnet.torch.tensor import Tensor
from fnnet.torch.warning import warn

__all__ = ["save"]


def save(
    obj: Any,
    f: Any,
    pickle_module: Any = None,
    pickle_protocol: int = 2,
    _use_new_zipfile_serialization: bool = True,
    _disable_byteorder_record: bool = False,
) -> None:
    """Write tensors, state_dicts, modules and plain values, in either of PyTorch's formats.

    Args:
        obj: what to save. Tensors that share memory share it in the file.
        f: a path (then the file is replaced atomically), or a file object open for writing bytes.
        pickle_module: None or Python's `pickle`.
        pickle_protocol: 2 to 5.

    Raises:
        NotImplementedError: for what `load` could not read again (see `whole_modules`). Objects of
            installed libraries (a trainer's settings) are written with a warning, for few programs read them.
        RuntimeError: for a folder that is not there, and for memory that is saved as two dtypes.
        TypeError, AttributeError, pickle.PicklingError: for what Python cannot pickle, as in PyTorch.
    """
    from fnnet.torch.serialization import Described

    if getattr(pickle_module, "__name__", "pickle") != "pickle":
        raise NotImplementedError(
            f"torch.save: pickle_module={pickle_module.__name__}: fnnet writes what Python's pickle does"
        )
    if pickle_protocol is None or not 2 <= pickle_protocol <= 5:
        raise NotImplementedError(f"torch.save: pickle_protocol={pickle_protocol}: fnnet writes 2 to 5")
    writer = Writer(_reduced, pickle_protocol, not _use_new_zipfile_serialization)
    pickled = writer.pickle(obj)
    refused = readable(pickled, Described())
    if refused is not None and whole_modules.names_a_library(refused):
        warn(f"torch.save: PyTorch will read the file, with weights_only=False; fnnet will not: {refused}")
    elif refused is not None:
        raise NotImplementedError(
            f"torch.save: fnnet could not read the file again: {refused}; of a module, save its state_dict()"
        )
    if hasattr(f, "write"):
        writer.write(f, pickled)
        return
    if not isinstance(f, str | os.PathLike):
        raise AttributeError(
            "expected 'f' to be string, path, or a file-like object with a 'write' attribute"
        )
    folder = Path(f).parent
    if not folder.is_dir():
        raise RuntimeError(f"Parent directory {folder} does not exist.")
    with atomically(f) as file:
        writer.write(file, pickled)


def _reduced(leaf: Any) -> Any:
    """The reduction or the name of what is no plain container; NotImplemented for what pickle knows."""
    if isinstance(leaf, Tensor):
        if type(leaf._spec) is not Spec:
            raise NotImplementedError(
                "fnnet.torch: torch.save of a sparse tensor is not supported; save its indices and values"
            )
        return _tensor(leaf)
    if isinstance(leaf, D.dtype):
        return named("torch", leaf.name)
    if isinstance(leaf, Size):
        return named("torch", "Size"), (tuple(leaf),)
    if isinstance(leaf, device):
        return named("torch", "device"), (leaf.type,) if leaf.index is None else (leaf.type, leaf.index)
    if isinstance(leaf, type | FunctionType):
        return whole_modules.reference(leaf) if is_own(leaf.__module__) else NotImplemented
    if isinstance(leaf, np.ndarray | np.generic | np.dtype | BuiltinFunctionType):
        return NotImplemented
    if isinstance(leaf, UntypedStorage):
        raise NotImplementedError("torch.save: a storage by itself: save a tensor that sees it")
    if isinstance(leaf, tuple) and type(leaf).__module__.endswith("torch.return_types"):
        return named("torch.return_types", type(leaf).__name__), (tuple(leaf), {})
    return whole_modules.reduced(leaf)


def _tensor(leaf: Any) -> tuple[Any, ...]:
    """As PyTorch does it: the plain tensor, then its class and what attributes it was given."""
    from fnnet.torch.nn.parameter import Buffer, Parameter

    warn_of_hooks(leaf)
    state = added(leaf)
    kind = type(leaf)
    if kind is Parameter:
        arguments: tuple[Any, ...] = (leaf.data, leaf.requires_grad, OrderedDict())
        if state:
            return named("torch._utils", "_rebuild_parameter_with_state"), (*arguments, state)
        return named("torch._utils", "_rebuild_parameter"), arguments
    function, place = _plain_tensor(leaf)
    if kind is Buffer:
        kind, state = Tensor, {**state, "_is_buffer": True}
    if kind is Tensor and not state:
        return function, place
    named_kind = named("torch", "Tensor") if kind is Tensor else kind
    return named("torch._tensor", "_rebuild_from_type_v2"), (function, named_kind, place, state)


def _plain_tensor(leaf: Any) -> tuple[Any, ...]:
    shape, strides, offset = tuple(leaf.shape), tuple(leaf.stride()), leaf.storage_offset()
    if leaf.is_meta:
        described = (named("torch", leaf.dtype.name), shape, strides, leaf.requires_grad)
        return named("torch._utils", "_rebuild_meta_tensor_no_storage"), described
    storage, width = leaf._storage, leaf.dtype.itemsize
    mark = view.marked(leaf._steps)
    if lies_there(leaf):
        owner, size = storage, storage.spec.numel * storage.spec.dtype.itemsize
    else:
        owner, size, mark = leaf, leaf.numel() * width, None
        strides, offset = contiguous_strides(shape), 0

    def data() -> np.ndarray[Any, Any]:
        if owner is storage:
            return linear(storage)
        return np.ascontiguousarray(np.asarray(leaf._value().read())).reshape(-1)

    stored = Stored(owner, data, leaf.dtype.name, size // width, str(leaf.device))
    return tensor(stored, offset, shape, strides, leaf.requires_grad, {mark: True} if mark else None)

"""`torch.load`: PyTorch's files of both formats, with nothing in them executed."""

from __future__ import annotations

import math
import os
import pickle
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import jax
import numpy as np

from fnnet.checkpoint import pt, safetensors
from fnnet.checkpoint.pickle_stream import Refusal
from fnnet.checkpoint.refused import RefusedFileError, RefusedPickleError
from fnnet.checkpoint.stored import Arrays, Storage, StoredTensor
from fnnet.torch import dtypes as D
from fnnet.torch import whole_modules
from fnnet.torch.devices import CPU, META, as_device, cuda_devices, device
from fnnet.torch.saving import save as save
from fnnet.torch.spec import Size, contiguous_strides
from fnnet.torch.tensor import Tensor, from_array

DEFAULT_PROTOCOL = 2
MAP_LOCATION = Any

_UNSAFE = (
    "In PyTorch 2.6, we changed the default value of the `weights_only` argument in `torch.load` from "
    "`False` to `True`. Re-running `torch.load` with `weights_only` set to `False` reads more, of classes "
    "that this program has; nothing in the file is executed either way."
)


class _RefusedObject(RefusedFileError, pickle.UnpicklingError):
    """What a file says is refused: PyTorch's exception and fnnet's."""


class _RefusedArchive(RefusedFileError, RuntimeError):
    """What a file is made of is damaged."""


class _RefusedEmpty(RefusedFileError, EOFError):
    """A file of no bytes."""


def _as_pytorch(error: RefusedFileError, data: Any, weights_only: bool) -> RefusedFileError:
    """The refusal as an exception that programs written for PyTorch catch, with its words."""
    kind: type[RefusedFileError] = _RefusedArchive
    text = f"PytorchStreamReader failed reading zip archive: {error}"
    if data[:2].tobytes() != b"PK":
        text = f"{error}. The file might be corrupted."
    if data.size == 0:
        kind, text = _RefusedEmpty, f"Ran out of input: {error}"
    elif isinstance(error, RefusedPickleError):
        kind, text = _RefusedObject, str(error)
        if weights_only:
            text = f"Weights only load failed. {_UNSAFE}\n\tWeightsUnpickler error: {error}"
    made = kind(error.path, error.reason, error.entry)
    made.args = (text,)
    return made


class _Tensors(Arrays):
    """What a file's values become here: tensors, where those of one storage share memory."""

    def __init__(self, place: Callable[[Storage, Tensor], device], weights_only: bool) -> None:
        self.place = place
        self.weights_only = weights_only
        self.roots: dict[tuple[int, str, int], Tensor] = {}
        self.places: dict[int, device] = {}

    def tensor(self, stored: StoredTensor) -> Any:
        """A view of the storage's tensor; a copy where the place in it has no view here."""
        kind = self.dtype(stored.dtype)
        width = np.dtype(kind.numpy).itemsize
        if stored.requires_grad and not kind.differentiable:
            raise Refusal(f"a tensor of {kind} that requires a gradient")
        if stored.negated or stored.begin % width:
            made = self._there(stored, from_array(stored.array()))
        else:
            key = (id(stored.storage), stored.dtype, stored.begin % width)
            root = self.roots.get(key)
            if root is None:
                root = self.roots[key] = self._there(stored, from_array(_whole(stored, width)))
            strides, offset = stored.strides, stored.offset + stored.begin // width
            whole = offset == 0 and stored.shape == tuple(root.shape) and strides == tuple(root.stride())
            made = root.detach() if whole else root.as_strided(stored.shape, strides, offset)
            made = made.conj() if stored.conjugated else made
        return made.requires_grad_() if stored.requires_grad else made

    def _there(self, stored: StoredTensor, made: Tensor) -> Tensor:
        where = self.places.get(id(stored.storage))
        if where is None:
            where = self.places[id(stored.storage)] = self.place(stored.storage, made)
        return made if where is CPU else made.to(where)

    def meta(self, stored: StoredTensor) -> Any:
        """A tensor of the device "meta"."""
        from fnnet.torch.interchange import empty_strided

        return empty_strided(
            stored.shape,
            stored.strides,
            dtype=self.dtype(stored.dtype),
            device=META,
            requires_grad=stored.requires_grad,
        )

    def parameter(self, tensor: Any, requires_grad: bool) -> Any:
        """A Parameter on the tensor's memory."""
        from fnnet.torch.nn.parameter import Parameter

        if requires_grad and not tensor._spec.differentiable:
            raise Refusal(f"a parameter of {tensor.dtype} that requires a gradient")
        return Parameter(tensor.detach(), requires_grad)

    def added(self, tensor: Any, state: dict[str, Any]) -> Any:
        """The tensor with attributes that somebody gave it."""
        from fnnet.torch.nn.parameter import Buffer

        state = dict(state)
        if state.pop("_is_buffer", False) is True:
            tensor = Buffer(tensor, persistent=bool(state.pop("persistent", True)))
        for name in state:
            if name in Tensor.__annotations__ or hasattr(Tensor, name):
                raise Refusal(f"a tensor with the attribute {name[:40]!a}, which every tensor has")
        tensor.__dict__.update(state)
        return tensor

    def subclass(self, tensor: Any, kind: Any) -> Any:
        """The tensor as one of a class of the program's."""
        if not (isinstance(kind, type) and issubclass(kind, Tensor)):
            raise Refusal("a tensor of a class that is none of tensors")
        made = object.__new__(kind)
        made.__dict__.update(tensor.__dict__)
        return made

    def ordered(self) -> dict[Any, Any]:
        """An OrderedDict."""
        return OrderedDict()

    def attributes(self, ordered: dict[Any, Any], metadata: Any) -> None:
        """The `_metadata` that load_state_dict looks at."""
        if type(metadata) is not OrderedDict:
            raise Refusal("a _metadata that is no OrderedDict")
        ordered._metadata = metadata  # type: ignore[attr-defined]

    def allows(self, module: str, name: str) -> bool:
        """Values of the standard library, where more than weights are read, or they were said to be safe."""
        return not self.weights_only or whole_modules.is_safe(module, name)

    def named(self, module: str, name: str) -> Any:
        """A class or function that the program has, unless only weights are read."""
        found = whole_modules.find(module, name, self.weights_only)
        if found is None and self.weights_only:
            full = f"{module}.{name}".removeprefix("__builtin__.").removeprefix("builtins.")[:200]
            raise Refusal(
                f"Unsupported global: GLOBAL {full} was not an allowed global by default. Please use "
                f"`torch.serialization.add_safe_globals([{full}])` or the `torch.serialization.safe_globals("
                f"[{full}])` context manager to allowlist this global if you trust this class/function"
            )
        return found

    def value(self, kind: Any, arguments: tuple[Any, ...]) -> Any:
        """A named tuple, or a member of an enumeration."""
        return whole_modules.value_of(kind, arguments)

    def new(self, kind: type) -> Any:
        """An object without its attributes."""
        return whole_modules.object_of(kind)

    def state(self, made: Any, state: dict[str, Any]) -> None:
        """The attributes of an object."""
        whole_modules.state_into(made, state)

    def structure(self) -> Arrays:
        """The same without tensors."""
        return Described(self.weights_only)

    def size(self, lengths: tuple[int, ...]) -> Any:
        """A torch.Size."""
        return Size(lengths)

    def dtype(self, name: str) -> Any:
        """A torch.dtype."""
        found = D.NAMED.get(name)
        if found is None:
            raise Refusal(f"the dtype {name}, which fnnet.torch does not have")
        return found

    def device(self, text: str) -> Any:
        """A torch.device."""
        try:
            return device(text)
        except RuntimeError:
            raise Refusal(f"the device {text!r}") from None


class Described(_Tensors):
    """The same without tensors: what a pickle that is to be written says must be read again."""

    def __init__(self, weights_only: bool = False) -> None:
        super().__init__(lambda storage, made: CPU, weights_only)

    def tensor(self, stored: StoredTensor) -> Any:
        """Something that stands for it."""
        return object()

    meta = tensor

    def parameter(self, tensor: Any, requires_grad: bool) -> Any:
        """Something that stands for it."""
        return object()

    def added(self, tensor: Any, state: dict[str, Any]) -> Any:
        """Something that stands for it."""
        return object()

    def subclass(self, tensor: Any, kind: Any) -> Any:
        """Something that stands for it."""
        return object()


def _whole(stored: StoredTensor, width: int) -> np.ndarray[Any, Any]:
    """All elements of the storage: as the tensor has them if it has all in order, else in one dimension."""
    count = (stored.storage.size - stored.begin % width) // width
    shape: tuple[int, ...] = (count,)
    strides: tuple[int, ...] = (1,)
    in_order = stored.offset + stored.begin // width == 0 and stored.strides == contiguous_strides(
        stored.shape
    )
    if in_order and count == math.prod(stored.shape):
        shape, strides = stored.shape, stored.strides
    plain = replace(stored, begin=stored.begin % width, offset=0, shape=shape, strides=strides)
    return replace(plain, requires_grad=False, conjugated=False).array()


def load(
    f: Any,
    map_location: Any = None,
    pickle_module: Any = None,
    *,
    weights_only: bool | None = None,
    mmap: bool | None = None,
    **pickle_load_args: Any,
) -> Any:
    """What `torch.save` wrote, PyTorch's or fnnet's, in either format; nothing in the file is executed.

    Args:
        f: a path, or a file object open for reading bytes.
        map_location: a device, a dict from devices to devices as strings, or a function of a storage and
            its location that returns a storage or None; None keeps devices as saved.
        pickle_module: None or Python's `pickle`, which stands for weights_only=False.
        weights_only: False also reads values of the standard library, and whole modules and objects of
            classes that the program has defined or imported; True or None reads what PyTorch does, and what
            `add_safe_globals` allows.
        mmap: a path is memory-mapped in any case while it is read.

    Raises:
        RefusedFileError: (a ValueError) for a file that holds anything else or is damaged; it is also
            PyTorch's exception: pickle.UnpicklingError, RuntimeError or EOFError.
        RuntimeError: for tensors of a device that is not here; map_location="cpu" brings them.
    """
    if getattr(pickle_module, "__name__", "pickle") != "pickle":
        raise NotImplementedError("torch.load: pickle_module: files are read without pickle in fnnet")
    weights_only = _only_weights(pickle_module, weights_only)
    if weights_only and pickle_module is not None:
        raise RuntimeError("Can not safely load weights when explicit pickle_module is specified")
    make = _Tensors(_placing(map_location), weights_only)
    is_path = isinstance(f, str | bytes | os.PathLike)
    if not is_path and not hasattr(f, "read"):
        raise AttributeError(
            f"'{type(f).__name__}' object has no attribute 'seek'. You can only torch.load from a file that "
            "is seekable. Please pre-load the data into a buffer like io.BytesIO and try to load from it "
            "instead."
        )
    if is_path and os.fsdecode(f).endswith(".safetensors"):
        return {
            name: from_array(one, map_location) for name, one in safetensors.read(os.fsdecode(f))[0].items()
        }
    begin = f.tell() if not is_path and hasattr(f, "tell") else 0
    data = pt.mapped(os.fsdecode(f)) if is_path else np.frombuffer(f.read(), np.uint8)
    name = os.fsdecode(f) if is_path else str(getattr(f, "name", "<file object>"))
    if mmap:
        _check_mapped(f, is_path, data[:4].tobytes())
    try:
        value, end = pt.read_first(name, data, make)
    except RefusedFileError as error:
        raise _as_pytorch(error, data, weights_only) from None
    if end != data.size and not is_path:
        f.seek(begin + end)  # where the next one begins
    return value


def _only_weights(pickle_module: Any, weights_only: bool | None) -> bool:
    """What PyTorch makes of the argument and of the environment's variables."""
    forced, unforced = (
        os.getenv(f"TORCH_FORCE_{name}WEIGHTS_ONLY_LOAD", "0").lower() in ("1", "y", "yes", "true")
        for name in ("", "NO_")
    )
    if forced and unforced:
        raise RuntimeError(
            "Only one of `TORCH_FORCE_WEIGHTS_ONLY_LOAD` or `TORCH_FORCE_NO_WEIGHTS_ONLY_LOAD` should be "
            "set, but both were set."
        )
    if forced:
        return True
    if weights_only is None:
        return pickle_module is None and not unforced
    return bool(weights_only)


def _check_mapped(f: Any, is_path: bool, start: bytes) -> None:
    if start != b"PK\3\4":
        name = f"{f}, " if isinstance(f, str) else ""
        raise RuntimeError(
            f"mmap can only be used with files saved with `torch.save({name}_use_new_zipfile_serialization="
            "True), please torch.save your checkpoint with this option in order to use mmap."
        )
    if not is_path:
        raise ValueError("f must be a file path in order to use the mmap argument")


def _placing(map_location: Any) -> Callable[[Storage, Tensor], device]:
    if map_location is None:
        return lambda storage, made: _located(storage.location)
    if isinstance(map_location, dict):
        return lambda storage, made: _located(map_location.get(storage.location, storage.location))
    if isinstance(map_location, str | bytes | device | jax.Device):
        where = os.fsdecode(map_location) if isinstance(map_location, bytes) else map_location
        return lambda storage, made: _located(where)
    if not callable(map_location):
        raise TypeError(f"torch.load: map_location: '{type(map_location).__name__}' object is not callable")

    def call(storage: Storage, made: Tensor) -> device:
        placed = map_location(made.untyped_storage(), storage.location)
        if placed is None:
            return _located(storage.location)
        return _located(getattr(placed, "device", placed))

    return call


def _located(location: Any) -> device:
    """The device of a tag in a file, or of what the caller said."""
    if isinstance(location, jax.Device):
        return as_device(location)
    text = str(location)
    kind, _, index = text.partition(":")
    if kind == "cuda":
        if not cuda_devices():
            raise RuntimeError(
                "Attempting to deserialize object on a CUDA device but torch.cuda.is_available() is False. "
                "If you are running on a CPU-only machine, please use torch.load with "
                "map_location=torch.device('cpu') to map your storages to the CPU."
            )
        if index.isdigit() and int(index) >= len(cuda_devices()):
            raise RuntimeError(
                f"Attempting to deserialize object on CUDA device {index} but torch.cuda.device_count() is "
                f"{len(cuda_devices())}. Please use torch.load with map_location to map your storages to an "
                "existing device."
            )
    elif kind not in ("cpu", "meta"):
        raise RuntimeError(
            f"don't know how to restore data location of torch.storage.UntypedStorage (tagged with {text})"
        )
    return as_device(text)


def location_tag(storage: Any) -> str:
    """How files name the device of a storage: "cpu", "cuda:0"."""
    return str(storage.device)


def default_restore_location(storage: Any, location: str) -> Any:
    """The storage on the device that a file names so. Raises RuntimeError for what is no device here."""
    where = _located(location)
    return storage if storage.device == where else type(storage)(storage._of.to(where))


def add_safe_globals(safe_globals: list[Any]) -> None:
    """Let files that are read with weights_only=True name these classes and functions.

    PyTorch also takes pairs of one and the full name that files have for it.
    """
    whole_modules.SAFE.extend(safe_globals)


def get_safe_globals() -> list[Any]:
    """What `add_safe_globals` has added."""
    return list(whole_modules.SAFE)


def clear_safe_globals() -> None:
    """Forget what `add_safe_globals` has added."""
    whole_modules.SAFE.clear()


class safe_globals:
    """Within the block, files may name these classes and functions."""

    def __init__(self, safe_globals: list[Any]) -> None:
        self._added = list(safe_globals)

    def __enter__(self) -> None:
        self._before = list(whole_modules.SAFE)
        whole_modules.SAFE.extend(self._added)

    def __exit__(self, *error: object) -> None:
        whole_modules.SAFE[:] = self._before

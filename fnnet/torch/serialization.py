"""`torch.save` and `torch.load`: PyTorch's files both ways, with nothing in them executed."""

from __future__ import annotations

import os
from collections import OrderedDict
from collections.abc import Callable
from pathlib import Path
from typing import Any

import jax
import numpy as np

from fnnet.checkpoint import numpy_values, pt
from fnnet.checkpoint.atomic import atomically
from fnnet.checkpoint.pickle_stream import Refusal
from fnnet.checkpoint.pt_write import Global, Placed, Writer
from fnnet.checkpoint.stored import Arrays, Storage, StoredTensor
from fnnet.torch import dtypes as D
from fnnet.torch import view, whole_modules
from fnnet.torch.devices import as_device, device
from fnnet.torch.spec import Size, contiguous_strides
from fnnet.torch.tensor import Tensor, from_array

DEFAULT_PROTOCOL = 2
MAP_LOCATION = Any

_PLAIN = (int, float, str, bool, type(None), dict, OrderedDict, list, tuple, bytes, bytearray, set, complex)


def save(
    obj: Any,
    f: Any,
    pickle_module: Any = None,
    pickle_protocol: int = 2,
    _use_new_zipfile_serialization: bool = True,
    _disable_byteorder_record: bool = False,
) -> None:
    """Write tensors, state_dicts and plain containers of them, in PyTorch's zip format.

    Args:
        obj: what to save. Tensors that share memory share it in the file.
        f: a path (then the file is replaced atomically), or a file object open for writing bytes.
        pickle_module, pickle_protocol: accepted as PyTorch's; protocol 2 is written.

    Raises:
        NotImplementedError: for objects whose code a reader would have to run (see `whole_modules`).
    """
    if not _use_new_zipfile_serialization:
        raise NotImplementedError(
            "torch.save: fnnet writes PyTorch's zip format, and reads the older one too"
        )
    writer = Writer(_place)
    try:
        pickled = writer.pickle(obj)
    except TypeError as error:
        raise NotImplementedError(f"torch.save: {error}; fnnet saves tensors and plain containers") from None
    if hasattr(f, "write"):
        writer.write(f, pickled)
        return
    folder = Path(f).parent
    if not folder.is_dir():
        raise RuntimeError(f"Parent directory {folder} does not exist.")
    with atomically(f) as file:
        writer.write(file, pickled)


def _place(leaf: Any) -> Placed | Global | None:
    from fnnet.torch.nn.parameter import Parameter

    if isinstance(leaf, D.dtype):
        return Global("torch", leaf.name)
    if isinstance(leaf, Size):
        return Global("torch", "Size", (tuple(leaf),))
    if isinstance(leaf, device):
        arguments = (leaf.type,) if leaf.index is None else (leaf.type, leaf.index)
        return Global("torch", "device", arguments)
    if isinstance(leaf, np.ndarray | np.generic):
        return numpy_values.written(leaf)
    if not isinstance(leaf, Tensor):
        return None if type(leaf) in _PLAIN else whole_modules.write_object(leaf)
    if leaf._fn is not None and not isinstance(leaf, Parameter) and leaf.grad_fn is not None:
        leaf = leaf.detach()
    storage = leaf._storage
    root = storage.spec
    laid = view.layout(leaf._steps or (), leaf._starts, root.shape, contiguous_strides(tuple(root.shape)))
    shared = laid is not None and root.dtype is leaf.dtype and root.contiguous
    shared = shared and not any(step[0] == "conj" for step in leaf._steps or ())
    if shared:
        assert laid is not None
        strides, offset = laid

        def data() -> np.ndarray[Any, Any]:
            return np.ascontiguousarray(np.asarray(storage.current().read())).reshape(-1)

        owner: Any = storage
        count = root.numel
    else:
        strides, offset, owner, count = contiguous_strides(tuple(leaf.shape)), 0, leaf, leaf._spec.numel

        def data() -> np.ndarray[Any, Any]:
            return np.ascontiguousarray(np.asarray(leaf._value().read())).reshape(-1)

    return Placed(
        owner,
        data,
        leaf.dtype.name,
        count,
        offset,
        tuple(leaf.shape),
        tuple(strides),
        leaf.requires_grad,
        isinstance(leaf, Parameter),
        str(leaf.device),
    )


class _Tensors(Arrays):
    """What a file's values become here: tensors, where those of one storage share memory."""

    def __init__(self, place: Callable[[str], str], weights_only: bool) -> None:
        self.place = place
        self.weights_only = weights_only
        self.roots: dict[tuple[int, str, int], Tensor] = {}

    def tensor(self, stored: StoredTensor) -> Any:
        """A view of the storage's tensor; a copy where the place in it has no view here."""
        kind = self.dtype(stored.dtype)
        width = kind.itemsize
        if stored.conjugated or stored.negated or 0 in stored.shape:
            made = from_array(stored.array(), self._device(stored.storage))
        else:
            key = (id(stored.storage), stored.dtype, stored.begin % width)
            root = self.roots.get(key)
            if root is None:
                root = self.roots[key] = from_array(_whole(stored, width), self._device(stored.storage))
            offset = stored.offset + stored.begin // width
            whole = offset == 0 and stored.shape == tuple(root.shape) and stored.strides == (1,)
            made = root.detach() if whole else root.as_strided(stored.shape, stored.strides, offset)
        return made.requires_grad_() if stored.requires_grad else made

    def _device(self, storage: Storage) -> device:
        return as_device(self.place(storage.location))

    def parameter(self, tensor: Any, requires_grad: bool) -> Any:
        """A Parameter on the tensor's memory."""
        from fnnet.torch.nn.parameter import Parameter

        return Parameter(tensor.detach(), requires_grad)

    def ordered(self) -> dict[Any, Any]:
        """An OrderedDict."""
        return OrderedDict()

    def attributes(self, ordered: dict[Any, Any], metadata: Any) -> None:
        """The `_metadata` that load_state_dict looks at."""
        if type(metadata) is not OrderedDict:
            raise Refusal("a _metadata that is no OrderedDict")
        ordered._metadata = metadata  # type: ignore[attr-defined]

    def named(self, module: str, name: str) -> Any:
        """A class or function that the program has, unless only weights are read."""
        return whole_modules.find(module, name, self.weights_only)

    def new(self, kind: type) -> Any:
        """An object without its attributes."""
        return whole_modules.object_of(kind)

    def state(self, made: Any, state: dict[str, Any]) -> None:
        """The attributes of an object."""
        if whole_modules.is_of_pytorch(made, state):
            name = f"{type(made).__module__.removeprefix('fnnet.')}.{type(made).__qualname__}"
            raise Refusal(f"a whole module of PyTorch, {name}: save its state_dict() instead")
        whole_modules.state_into(made, state)

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


def _whole(stored: StoredTensor, width: int) -> np.ndarray[Any, Any]:
    """All elements of the storage, in one dimension."""
    from dataclasses import replace

    count = (stored.storage.size - stored.begin % width) // width
    return replace(
        stored, begin=stored.begin % width, offset=0, shape=(count,), strides=(1,), requires_grad=False
    ).array()


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
        map_location: a device, a dict from devices to devices as strings, or a function of a tensor's
            storage and location that returns a device or None; None keeps devices as saved.
        pickle_module: must be None.
        weights_only: False also reads whole modules, of classes that the program has defined or imported;
            True or None reads those that `add_safe_globals` allows.
        mmap: a path is memory-mapped in any case while it is read.

    Raises:
        RefusedFileError: (a ValueError) for a file that holds anything but tensors and plain containers.
        RuntimeError: for tensors of a device that is not here; map_location="cpu" brings them.
    """
    if pickle_module is not None:
        raise NotImplementedError("torch.load: pickle_module: files are read without pickle in fnnet")
    make = _Tensors(_placing(map_location), weights_only is not False)
    if hasattr(f, "read"):
        data = np.frombuffer(f.read(), np.uint8)
        return pt.read_bytes(str(getattr(f, "name", "<file object>")), data, make)
    return pt.read(os.fspath(f), make)


def _placing(map_location: Any) -> Callable[[str], str]:
    if map_location is None:
        return lambda location: location
    if isinstance(map_location, dict):
        return lambda location: str(map_location.get(location, location))
    if isinstance(map_location, str | device | jax.Device):
        return lambda location: str(map_location)
    if not callable(map_location):
        raise TypeError(
            f"torch.load: map_location: expected a device, a dict or a function, got {map_location!r}"
        )

    def call(location: str) -> str:
        placed = map_location("cpu", location)  # a storage is on the CPU before it is placed
        return location if placed is None else str(placed)

    return call


def add_safe_globals(safe_globals: list[Any]) -> None:
    """Let files that are read with weights_only=True name these classes and functions."""
    whole_modules.SAFE.extend(_thing(one) for one in safe_globals)


def get_safe_globals() -> list[Any]:
    """What `add_safe_globals` has added."""
    return list(whole_modules.SAFE)


def clear_safe_globals() -> None:
    """Forget what `add_safe_globals` has added."""
    whole_modules.SAFE.clear()


class safe_globals:
    """Within the block, files may name these classes and functions."""

    def __init__(self, safe_globals: list[Any]) -> None:
        self._added = [_thing(one) for one in safe_globals]

    def __enter__(self) -> None:
        self._before = list(whole_modules.SAFE)
        whole_modules.SAFE.extend(self._added)

    def __exit__(self, *error: object) -> None:
        whole_modules.SAFE[:] = self._before


def _thing(given: Any) -> Any:
    """A class or function; PyTorch also takes it with the name that files have for it."""
    return given[0] if isinstance(given, tuple) else given

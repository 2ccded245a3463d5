"""What the pickles of PyTorch's checkpoints may say: tensors, sizes, dtypes and plain containers."""

from __future__ import annotations

import functools
from collections.abc import Callable, Mapping
from typing import Any, ClassVar

import numpy as np

from fnnet.checkpoint import numpy_values, plain_values
from fnnet.checkpoint.pickle_stream import Name, Refusal, Vocabulary, check_members, check_tree
from fnnet.checkpoint.stored import DTYPES, STORAGES, Arrays, Expanded, Storage, StoredTensor, View, marked

_REBUILDS = (
    "_rebuild_tensor",
    "_rebuild_tensor_v2",
    "_rebuild_tensor_v3",
    "_rebuild_parameter",
    "_rebuild_parameter_with_state",
)
_META = "_rebuild_meta_tensor_no_storage"
_BUILTINS = ("complex", "set", "frozenset", "bytearray", "bytes")
_REFUSED = {
    "_rebuild_sparse_tensor": "a sparse tensor",
    "_rebuild_sparse_csr_tensor": "a sparse tensor",
    "_rebuild_qtensor": "a quantized tensor",
    "_rebuild_nested_tensor": "a nested tensor",
    "_rebuild_wrapper_subclass": "a tensor of a subclass",
    "_rebuild_device_tensor_from_numpy": "a tensor kept as a NumPy pickle",
}

_DTYPE, _STORAGE = "dtype ", "storage "


def _names() -> dict[tuple[str, str], str]:
    table = {
        ("collections", "OrderedDict"): "OrderedDict",
        ("collections", "Counter"): "Counter",
        ("torch", "Size"): "Size",
        ("torch", "device"): "device",
        ("torch", "Tensor"): "Tensor",
        ("torch.nn.parameter", "Parameter"): "Parameter",
        ("torch.nn.parameter", "Buffer"): "Tensor",
        ("torch._tensor", "_rebuild_from_type_v2"): "_rebuild_from_type_v2",
        ("_codecs", "encode"): "encode",
        ("torch.storage", "UntypedStorage"): _STORAGE,
        ("torch", "UntypedStorage"): _STORAGE,
        **numpy_values.NAMES,
    }
    table.update({("torch._utils", name): name for name in (*_REBUILDS, _META)})
    table.update({(module, name): name for module in ("builtins", "__builtin__") for name in _BUILTINS})
    table.update({("torch", name): _DTYPE + name for name in DTYPES})
    for module in ("torch", "torch.cuda"):
        table.update({(module, name): _STORAGE + dtype for name, dtype in STORAGES.items()})
    return table


class Torch(Vocabulary):
    """PyTorch's names.

    Args:
        storage: finds the storage with this key, location, dtype (None: untyped) and number of elements.
        make: what values become.
    """

    names: ClassVar[Mapping[tuple[str, str], str]] = _names()
    needs = "which no file of tensors and plain containers needs"

    def __init__(self, storage: Callable[[str, str, str | None, int, Any], View], make: Arrays) -> None:
        self.storage = storage
        self.make = make
        self.expanded = Expanded()
        self.made: dict[int, StoredTensor] = {}
        self.dtypes: dict[int, str] = {}
        self.devices: set[int] = set()
        self.arrays: set[int] = set()
        self.things: set[int] = set()
        self.objects: set[int] = set()
        self.plain: set[int] = set()
        self.held: list[Any] = []  # keeps alive what is known by its id

    def name(self, module: str, attribute: str) -> Any:
        """A word, or a dtype itself."""
        if module == "torch._utils" and attribute in _REFUSED:
            raise Refusal(f"it holds {_REFUSED[attribute]}")
        if (module, attribute) not in self.names:
            if self.make.allows(module, attribute):
                if (module, attribute) == ("functools", "partial"):
                    return Name("functools.partial")
                if plain_values.is_made(module, attribute):
                    return Name(f"{module} {attribute}")
                for values in (plain_values.TYPES, plain_values.SINGLE):
                    if (module, attribute) in values:
                        return self._plain(values[module, attribute])
            thing = self.make.named(module, attribute)
            if thing is not None:
                self.things.add(id(thing))
                self.held.append(thing)
                return thing
        found = super().name(module, attribute)
        if not found.word.startswith(_DTYPE):
            return found
        dtype = self.make.dtype(found.word[len(_DTYPE) :])
        self.dtypes[id(dtype)] = found.word[len(_DTYPE) :]
        self.held.append(dtype)
        return dtype

    def persistent(self, given: Any) -> Any:
        """A storage: ("storage", type, key, location, number of elements), and what it is a view of."""
        if type(given) is tuple and len(given) == 4 and _text(given[0]) == "module":
            if id(given[1]) not in self.things:  # the older format has a module's class with its source text
                raise Refusal("a module whose class is none")
            return given[1]
        if type(given) is not tuple or len(given) not in (5, 6) or _text(given[0]) != "storage":
            raise Refusal("a persistent id that is no storage")
        kind, key, location, count = given[1], _text(given[2]), _text(given[3]), given[4]
        if not (isinstance(kind, Name) and kind.word.startswith(_STORAGE)):
            raise Refusal("a storage of an unknown type")
        if key is None or location is None or type(count) is not int or not 0 <= count < 1 << 62:
            raise Refusal("a storage whose key, location or size is none")
        dtype = kind.word[len(_STORAGE) :] or None
        return self.storage(key, location, dtype, count, given[5] if len(given) == 6 else None)

    def call(self, word: str, arguments: tuple[Any, ...]) -> Any:
        """The value that a call stands for."""
        if word in _REBUILDS[:3]:
            return self._tensor(word, arguments)
        if word in _REBUILDS[3:]:
            return self._parameter(arguments)
        handler = _CALLS.get(word)
        if handler is None and " " in word and not word.startswith((_DTYPE, _STORAGE)):
            self.spend(sum(len(one) for one in arguments if isinstance(one, str | bytes | list | tuple)))
            return self._plain(plain_values.made(word.partition(" ")[0], word.partition(" ")[2], arguments))
        if handler is None:
            raise Refusal(f"a call of {word!r}, {self.needs}")
        return handler(self, arguments)

    def new(self, kind: Any, arguments: tuple[Any, ...]) -> Any:
        """An object of a class that the reader knows, made without calling anything of it."""
        if id(kind) not in self.things or not isinstance(kind, type):
            raise Refusal(f"an object, {self.needs}")
        if arguments:
            self.spend(len(arguments))
            return self._plain(self.make.value(kind, arguments))
        made = self.make.new(kind)
        self.objects.add(id(made))
        self.held.append(made)
        return made

    def build(self, built: Any, state: Any) -> Any:
        """The `_metadata` of a state_dict; the values of an array of NumPy; the attributes of an object."""
        if isinstance(built, numpy_values.Order):
            return numpy_values.with_order(built, state)
        if isinstance(built, np.ndarray) and id(built) in self.arrays:
            return numpy_values.filled(built, state)
        if type(built) is functools.partial and id(built) in self.plain:
            return self._partial(built, state)
        if id(built) in self.objects:
            if type(state) is not dict or not all(type(key) is str for key in state):
                raise Refusal(f"a state for a {type(built).__name__} that is no table of attributes")
            self.spend(check_tree(state, self.is_leaf) // 8)
            self.make.state(built, state)
            return built
        if type(built) is not type(self.make.ordered()):
            raise Refusal(f"a state for a {type(built).__name__}, {self.needs}")
        if type(state) is not dict or set(state) != {"_metadata"}:
            raise Refusal("an OrderedDict with attributes other than _metadata")
        self.make.attributes(built, state["_metadata"])
        return built

    def _partial(self, built: Any, state: Any) -> Any:
        """A partial of a function that may be named, with what it is given."""
        if not (type(state) is tuple and len(state) == 4 and state[0] is built.func and not state[3]):
            raise Refusal("a functools.partial that is not described as such are")
        if not (type(state[1]) is tuple and type(state[2]) is dict):
            raise Refusal("a functools.partial that is not described as such are")
        self.spend(check_tree([state[1], state[2]], self.is_leaf) // 8)
        built.__setstate__((*state[:3], None))
        return built

    def _plain(self, value: Any) -> Any:
        self.plain.add(id(value))
        self.held.append(value)
        return value

    def apply(self, thing: Any, arguments: tuple[Any, ...]) -> Any:
        """What becomes of a call of a class that `named` gave: a value of it, made without running it."""
        if id(thing) not in self.things:
            raise Refusal(f"a call, {self.needs}")
        return self._plain(self.make.value(thing, arguments))

    def _tensor(self, word: str, arguments: tuple[Any, ...]) -> Any:
        view, *rest = arguments or (None,)
        least = {"_rebuild_tensor": 3, "_rebuild_tensor_v2": 5, "_rebuild_tensor_v3": 6}[word]
        most = least if least == 3 else least + 1
        if not (isinstance(view, View) and least <= len(rest) <= most):
            raise Refusal("a tensor that is not described as tensors are")
        dtype = None
        if least == 6:
            dtype = self.dtypes.get(id(rest[5]))
            if dtype is None:
                raise Refusal("a tensor of an unknown dtype")
            view = View(view.storage, None, view.begin, view.size)
        stored = self.expanded.check(view, dtype, *rest[:3])
        if least > 3:
            _check_hooks(rest[4])
            stored = marked(stored, rest[3], rest[least] if len(rest) > least else None)
        return self._keep(self.make.tensor(stored), stored)

    def _keep(self, tensor: Any, stored: StoredTensor) -> Any:
        self.made[id(tensor)] = stored
        self.held.append(tensor)
        return tensor

    def _parameter(self, arguments: tuple[Any, ...]) -> Any:
        if len(arguments) not in (3, 4) or type(arguments[1]) is not bool:
            raise Refusal("a parameter that is not described as parameters are")
        data = arguments[0]
        if id(data) not in self.made:
            raise Refusal("a parameter of something that is no tensor")
        _check_hooks(arguments[2])
        stored = self.made[id(data)]
        made = self._keep(self.make.parameter(data, arguments[1]), stored)
        return self._with_state(made, arguments[3]) if len(arguments) == 4 else made

    def _with_state(self, tensor: Any, state: Any) -> Any:
        """A tensor with the attributes that it was given."""
        if type(state) is not dict or not all(type(key) is str for key in state):
            raise Refusal("a tensor with attributes that are no table of them")
        self.spend(check_tree(state, self.is_leaf) // 8)
        return self._keep(self.make.added(tensor, state), self.made[id(tensor)])

    def meta(self, arguments: tuple[Any, ...]) -> Any:
        """A tensor without values: dtype, shape, strides, whether it requires grad."""
        dtype = self.dtypes.get(id(arguments[0])) if len(arguments) == 4 else None
        if dtype is None:
            raise Refusal("a tensor of the device 'meta' that is not described as such tensors are")
        nowhere = View(Storage("meta", "meta", 1 << 62, None), None, 0, 1 << 62)
        self.expanded.left += 1 << 62
        stored = marked(self.expanded.check(nowhere, dtype, 0, *arguments[1:3]), arguments[3], None)
        self.expanded.left -= 1 << 62
        return self._keep(self.make.meta(stored), stored)

    def is_leaf(self, value: Any) -> bool:
        """Whether a value may be in the result."""
        if type(value) in (str, bytes, bytearray, bool, int, float, complex, set, frozenset):
            return True
        return (
            value is None
            or id(value) in self.made
            or any(
                id(value) in known
                for known in (self.dtypes, self.devices, self.arrays, self.things, self.objects, self.plain)
            )
        )


def _text(given: Any) -> str | None:
    if type(given) is bytes and given.isascii():
        return given.decode("ascii")
    return given if type(given) is str else None


def _check_hooks(hooks: Any) -> None:
    if hooks is not None and not (isinstance(hooks, dict) and not hooks):
        raise Refusal("a tensor with hooks")


def _only(arguments: tuple[Any, ...], *kinds: type) -> Any:
    if len(arguments) != 1 or type(arguments[0]) not in kinds:
        raise Refusal(f"a call without the one {kinds[0].__name__} that it needs")
    return arguments[0]


def _ordered(torch: Torch, arguments: tuple[Any, ...]) -> Any:
    made = torch.make.ordered()
    if arguments:
        pairs = _only(arguments, list)
        torch.spend(len(pairs))
        if not all(type(pair) in (list, tuple) and len(pair) == 2 for pair in pairs):
            raise Refusal("an OrderedDict of something other than pairs")
        check_members([pair[0] for pair in pairs])
        made.update((key, value) for key, value in pairs)
    return made


def _counter(torch: Torch, arguments: tuple[Any, ...]) -> Any:
    table = _only(arguments, dict) if arguments else {}
    torch.spend(len(table))
    if not all(type(value) in (int, float) for value in table.values()):
        raise Refusal("a Counter of something other than numbers")
    return dict(table)


def _size(torch: Torch, arguments: tuple[Any, ...]) -> Any:
    lengths = _only(arguments, tuple, list)
    torch.spend(len(lengths))
    if not all(type(length) is int for length in lengths):
        raise Refusal("a torch.Size of something other than integers")
    return torch.make.size(tuple(lengths))


def _device(torch: Torch, arguments: tuple[Any, ...]) -> Any:
    kind, *index = arguments or (None,)
    if not (type(kind) is str and kind.isascii() and len(kind) < 40 and len(index) < 2):
        raise Refusal("a torch.device of something other than its name")
    if not all(type(number) is int and 0 <= number < 1 << 16 for number in index):
        raise Refusal("a torch.device of something other than its name")
    device = torch.make.device(":".join([kind, *map(str, index)]))
    torch.devices.add(id(device))
    torch.held.append(device)
    return device


def _complex(torch: Torch, arguments: tuple[Any, ...]) -> Any:
    if len(arguments) != 2 or not all(type(part) in (int, float) for part in arguments):
        raise Refusal("a complex number of something other than two numbers")
    try:
        return complex(*arguments)
    except OverflowError:
        raise Refusal("a complex number out of range") from None


def _encode(torch: Torch, arguments: tuple[Any, ...]) -> Any:
    if [type(x) for x in arguments] != [str, str] or arguments[1] != "latin1":
        raise Refusal("text that stands for bytes in another encoding than latin1")
    torch.spend(len(arguments[0]))
    try:
        return arguments[0].encode("latin1")
    except UnicodeEncodeError:
        raise Refusal("text that stands for bytes has other characters") from None


def _no_bytes(torch: Torch, arguments: tuple[Any, ...]) -> Any:
    if arguments:
        raise Refusal("bytes of something")
    return b""


def _bytearray(torch: Torch, arguments: tuple[Any, ...]) -> Any:
    if not arguments:
        return bytearray()
    held = _only(arguments, bytes)
    torch.spend(len(held))
    return bytearray(held)


def _set(torch: Torch, arguments: tuple[Any, ...]) -> Any:
    held = _only(arguments, list) if arguments else []
    torch.spend(len(held))
    check_members(held)
    return set(held)


def _frozen(torch: Torch, arguments: tuple[Any, ...]) -> Any:
    return frozenset(_set(torch, arguments))


def _typed(torch: Torch, arguments: tuple[Any, ...]) -> Any:
    """A tensor with attributes: (function, type, arguments, state)."""
    if len(arguments) != 4 or type(arguments[2]) is not tuple:
        raise Refusal("a tensor that is not described as tensors are")
    function, kind = arguments[:2]
    if not (isinstance(function, Name) and function.word in (*_REBUILDS, _META)):
        raise Refusal("a tensor that is not described as tensors are")
    made = torch.call(function.word, arguments[2])
    if not (isinstance(kind, Name) and kind.word in ("Tensor", "Parameter")):
        if id(kind) not in torch.things:
            raise Refusal("a tensor of a subclass")
        made = torch._keep(torch.make.subclass(made, kind), torch.made[id(made)])
    return torch._with_state(made, arguments[3])


def _array(torch: Torch, arguments: tuple[Any, ...]) -> Any:
    return _numpy(torch, numpy_values.announced(arguments))


def _scalar(torch: Torch, arguments: tuple[Any, ...]) -> Any:
    return _numpy(torch, numpy_values.scalar(arguments))


def _numpy(torch: Torch, made: Any) -> Any:
    torch.arrays.add(id(made))
    torch.held.append(made)
    return made


def _function(torch: Torch, arguments: tuple[Any, ...]) -> Any:
    function = arguments[0] if len(arguments) == 1 else None
    if id(function) not in torch.things or not callable(function):
        raise Refusal("a functools.partial of what may not be named")
    return torch._plain(functools.partial(function))


_CALLS: dict[str, Callable[[Torch, tuple[Any, ...]], Any]] = {
    _META: Torch.meta,
    "functools.partial": _function,
    "OrderedDict": _ordered,
    "Counter": _counter,
    "Size": _size,
    "device": _device,
    "complex": _complex,
    "encode": _encode,
    "bytearray": _bytearray,
    "bytes": _no_bytes,
    "set": _set,
    "frozenset": _frozen,
    "_rebuild_from_type_v2": _typed,
    numpy_values.ARRAY: _array,
    numpy_values.SCALAR: _scalar,
    numpy_values.DTYPE: lambda torch, arguments: numpy_values.dtype_named(arguments),
}

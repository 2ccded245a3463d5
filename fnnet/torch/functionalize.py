"""A module as a pure function of its parameters and buffers, for jax.jit, grad, vmap, scan and optax."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Mapping
from typing import Any, Protocol, cast

import jax

from fnnet.checkpoint import flat, nested
from fnnet.random import as_source
from fnnet.torch.chosen import Refusing
from fnnet.torch.nn.module import Module
from fnnet.torch.pure import array_of, computing_at_once, map_leaves, tensor_of
from fnnet.torch.tensor import Tensor, from_array

Tree = dict[str, Any]

_NO_KEY = (
    "functionalize: the module draws random numbers (dropout, torch.randn, ...), which a pure function takes "
    "from its arguments: call apply(params, buffers, ..., key=jax.random.key(0))"
)


class Apply(Protocol):
    """The pure function of a module, which it keeps as an attribute."""

    module: Module

    def __call__(
        self,
        params: Tree,
        buffers: Tree,
        *inputs: Any,
        key: Any = None,
        training: bool | None = None,
        **named: Any,
    ) -> tuple[Any, Tree]: ...


def functionalize(module: Module) -> tuple[tuple[Tree, Tree], Apply]:
    """`(params, buffers), apply = functionalize(module)`: a module as data and a pure function.

    `params` and `buffers` are nested dicts of jax.Array with PyTorch's names, copies of the module's tensors
    (a tensor under several names stands under the first). `apply(params, buffers, *inputs, key=None,
    training=None, **named)` runs the module's `forward` on them and returns its output, with arrays for
    tensors, and the buffers afterwards. It takes flat dicts ("0.weight") as well, and returns the buffers in
    the form in which they came. The module itself is left as it was.

    - `key`: where noise comes from: a JAX key, or what `fnnet.random.ahead` drew from a PyTorch generator.
    - `training`: True or False for every part; None leaves each part in its mode at the call.
    - Without JAX's x64, 64-bit tensors (labels, the counts of batch norm) are 32-bit arrays, inside too; with
      it they are what they are in PyTorch.
    - Python runs at tracing time: a branch on a tensor's value raises JAX's error for that.

    Raises:
        TypeError: if `module` is not a Module.
        KeyError: from `apply`, for parameters or buffers that are missing or that the module does not have.
        RuntimeError: from `apply`, for arrays of another shape, and for draws without a key.
    """
    if not isinstance(module, Module):
        raise TypeError(
            f"functionalize: module: expected a fnnet.torch.nn.Module, got {type(module).__name__}"
        )
    params = {name: _copy(tensor) for name, tensor in module.named_parameters()}
    buffers = {name: _copy(tensor) for name, tensor in module.named_buffers()}
    first = next(iter([*module.parameters(), *module.buffers()]), None)
    device = None if first is None else first.device

    def apply(
        params: Tree, buffers: Tree, *inputs: Any, key: Any = None, training: bool | None = None, **named: Any
    ) -> tuple[Any, Tree]:
        source = Refusing(_NO_KEY) if key is None else as_source(key)
        with computing_at_once(source), _mode(module, training):
            given = {
                name: _tensor(name, value, table[name])
                for table, tree, kind in (
                    (dict(module.named_parameters()), params, "parameter"),
                    (dict(module.named_buffers()), buffers, "buffer"),
                )
                for name, value in _checked(flat(tree), table, kind).items()
            }
            with swapped(module, given):
                called = map_leaves(lambda leaf: tensor_of(leaf, device), (inputs, named))
                output = map_leaves(array_of, module(*called[0], **called[1]))
                after = {name: array_of(module.get_buffer(name)) for name in flat(buffers)}
        is_flat = any("." in name for name in buffers)
        return output, after if is_flat else nested(after)

    made = cast(Apply, apply)
    made.module = module
    return (nested(params), nested(buffers)), made


def _copy(tensor: Tensor) -> jax.Array:
    import jax.numpy as jnp

    return jnp.array(array_of(tensor))


def _checked(given: Tree, own: dict[str, Any], kind: str) -> Tree:
    missing, unknown = [n for n in own if n not in given], [n for n in given if n not in own]
    if missing or unknown:
        raise KeyError(f"functionalize: {kind}s: missing {missing}, unexpected {unknown}")
    return given


def _tensor(name: str, value: Any, old: Tensor) -> Tensor:
    """A tensor of the class of `old`, with its device, holding an array."""
    if tuple(value.shape) != tuple(old.shape):
        raise RuntimeError(
            f"functionalize: size mismatch for {name}: got shape {tuple(value.shape)}, "
            f"the module has {tuple(old.shape)}"
        )
    made: Tensor = object.__new__(type(old))
    made.__dict__.update(from_array(value, old.device).__dict__)
    return made


@contextlib.contextmanager
def _mode(module: Module, training: bool | None) -> Iterator[None]:
    before = [(part, part.training) for part in module.modules()]
    if training is not None:
        module.train(training)
    try:
        yield
    finally:
        for part, mode in before:
            part.training = mode


@contextlib.contextmanager
def swapped(module: Module, tensors: Mapping[str, Any], tied: bool = True) -> Iterator[None]:
    """The module with other tensors under the given names; afterwards it has its own again.

    With `tied`, a tensor that stands under several names is replaced under all of them.
    """
    parts = list(module.modules())
    saved = [(part.__dict__, dict(part._parameters), dict(part._buffers)) for part in parts]
    instead: dict[int, Any] = {}
    places = []
    for name, tensor in tensors.items():
        path, _, last = name.rpartition(".")
        tables = module.get_submodule(path).__dict__
        table = tables["_parameters"] if last in tables["_parameters"] else tables["_buffers"]
        instead[id(table[last])] = tensor
        places.append((table, last, tensor))
    try:
        if tied:
            for part in parts:
                for table in (part._parameters, part._buffers):
                    for name, old in table.items():
                        if old is not None and id(old) in instead:
                            table[name] = instead[id(old)]
        for table, last, tensor in places:
            table[last] = tensor
        yield
    finally:
        for own, parameters, buffers in saved:
            own["_parameters"].clear()
            own["_parameters"].update(parameters)
            own["_buffers"].clear()
            own["_buffers"].update(buffers)

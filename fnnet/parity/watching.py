"""Marks on the values of a port: `tap` where its code says so, `tapped` for every part of any object.

A mark is a primitive of JAX that does nothing, so that it may stand under jax.jit, jax.vmap, jax.checkpoint
and jax.lax.scan. `fnnet.parity.marked_run` runs a port and sees what is marked.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Mapping, Sequence
from contextvars import ContextVar
from typing import Any

import jax
import jax.numpy as jnp
from jax.extend.core import Primitive
from jax.interpreters import ad, batching, mlir

from fnnet.layers.layer import Layer, Scope

ACTIVE: ContextVar[bool] = ContextVar("marks", default=False)

MARK = Primitive("fnnet_tap")
MARK.multiple_results = True
MARK.def_impl(lambda *values, **_: list(values))
MARK.def_abstract_eval(lambda *values, **_: list(values))


def _batched(values: Sequence[Any], axes: Sequence[Any], **about: Any) -> Any:
    """Under vmap the batch comes first, as in the recorded values."""
    moved = [
        value if axis is None else jnp.moveaxis(value, axis, 0)
        for value, axis in zip(values, axes, strict=True)
    ]
    places = [axis if axis is None else 0 for axis in axes]
    return MARK.bind(*moved, **about), places


batching.primitive_batchers[MARK] = _batched
ad.primitive_jvps[MARK] = lambda values, tangents, **about: (MARK.bind(*values, **about), list(tangents))
mlir.register_lowering(MARK, lambda _, *values, **about: list(values))


def tap(name: str, value: Any) -> Any:
    """Mark a value of a JAX function, an array or a pytree, as the output of the part `name`; returns it.

    Outside of `trace` it does nothing.
    """
    if not ACTIVE.get():
        return value
    leaves, form = jax.tree.flatten(value)
    places = [i for i, leaf in enumerate(leaves) if isinstance(leaf, jax.Array)]
    marked = MARK.bind(*(leaves[i] for i in places), name=name, form=form, places=tuple(places))
    for i, leaf in zip(places, marked, strict=True):
        leaves[i] = leaf
    return jax.tree.unflatten(form, leaves)


FOREIGN = frozenset({"builtins", "functools", "jax", "jaxlib", "numpy"})
"""Packages whose callables are functions in the shape of objects, not parts of a model."""


def _callables(value: Any, path: str, seen: set[int]) -> Iterator[tuple[str, Any]]:
    """The callable objects in the attributes of `value`, and in their containers, with their paths."""
    if isinstance(value, Mapping):
        below: list[tuple[Any, Any]] = list(value.items())
    elif isinstance(value, list | tuple):
        below = list(enumerate(value))
    elif hasattr(value, "__dict__") and not isinstance(value, type) and id(value) not in seen:
        seen.add(id(value))
        if type(value).__module__.partition(".")[0] in FOREIGN:
            return
        if callable(value):
            yield path, value
        below = list(vars(value).items())
    else:
        return
    for name, part in below:
        yield from _callables(part, f"{path}.{name}" if path else str(name), seen)


@contextlib.contextmanager
def tapped(model: Any) -> Iterator[None]:
    """Within the block, every part of a model of any framework marks its output under its attributes' path.

    The parts are the callable objects among the model's attributes, and in their lists, tuples and dicts:
    the layers of Equinox and Flax NNX for instance. A port for `fnnet.parity.trace`:

        def port(model, x):
            with tapped(model):
                return jax.vmap(model)(x)
    """
    found = list(_callables(model, "", set()))
    paths = {id(part): path for path, part in found}
    calls: dict[type, Any] = {}
    for _, part in found:
        kind = next((kind for kind in type(part).__mro__ if "__call__" in vars(kind)), None)
        if kind is not None:
            calls[kind] = vars(kind)["__call__"]

    def marking(call: Any) -> Any:
        def marked(self: Any, *args: Any, **options: Any) -> Any:
            output = call(self, *args, **options)
            path = paths.get(id(self))
            return tap(path, output) if path else output

        return marked

    try:
        for kind, call in calls.items():
            type.__setattr__(kind, "__call__", marking(call))
        yield
    finally:
        for kind, call in calls.items():
            type.__setattr__(kind, "__call__", call)


class TappedScope(Scope):
    """A scope that marks the output of every layer applied in it, or in the scope of a part."""

    def __init__(self, scope: Scope) -> None:
        super().__init__(
            scope.layer, scope._params, scope._buffers, scope._source, scope.training, scope.path
        )

    def __getitem__(self, name: str) -> Any:
        value = super().__getitem__(name)
        return TappedScope(value) if isinstance(value, Scope) else value

    def apply(self, layer: Layer, *inputs: Any, **options: Any) -> Any:
        return tap(self.path, super().apply(layer, *inputs, **options))

"""Running PyTorch code on JAX's tracers: arrays become tensors on the way in, tensors arrays on the way out.

Inside, nothing is recorded: each operation computes at once, on whatever JAX hands in, so that JAX's own
transformations record, differentiate and map it. `detach`, `.data` and no_grad are constants to JAX as well.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from typing import Any

import jax
import numpy as np

from fnnet.torch.captured import READING
from fnnet.torch.chosen import drawing_from
from fnnet.torch.mode import MODE
from fnnet.torch.record import RECORD, as_wide_as_jax
from fnnet.torch.tensor import Tensor, from_array


@contextlib.contextmanager
def computing_at_once(source: Any) -> Iterator[None]:
    """Operations inside compute at once, with autograd on, and draw from `source`."""
    RECORD.run()
    previous = MODE.enabled, MODE.inference
    MODE.enabled, MODE.inference = True, False
    RECORD.immediate += 1
    try:
        with drawing_from(source):
            yield
    finally:
        RECORD.immediate -= 1
        MODE.enabled, MODE.inference = previous


def flatten(tree: Any) -> tuple[list[Any], Callable[[Any], Any]]:
    """The tensors and arrays in nested lists, tuples and dicts, and a function to put others there.

    Unlike jax.tree it keeps the order of dicts, which functions of PyTorch see.
    """
    leaves: list[Any] = []

    def collect(tree: Any) -> None:
        if isinstance(tree, dict):
            tree = tuple(tree.values())
        if isinstance(tree, list | tuple):
            for one in tree:
                collect(one)
        elif isinstance(tree, Tensor | jax.Array | np.ndarray):
            leaves.append(tree)

    def build(tree: Any, fed: Iterator[Any]) -> Any:
        if isinstance(tree, dict):
            made = {name: build(one, fed) for name, one in tree.items()}
            return made if type(tree) is dict else type(tree)(made)
        if isinstance(tree, tuple) and hasattr(tree, "_fields"):
            return type(tree)(*[build(one, fed) for one in tree])
        if isinstance(tree, list | tuple):
            return type(tree)([build(one, fed) for one in tree])
        return next(fed) if isinstance(tree, Tensor | jax.Array | np.ndarray) else tree

    collect(tree)
    return leaves, lambda instead: build(tree, iter(instead))


def map_leaves(function: Callable[[Any], Any], tree: Any) -> Any:
    """The tree with `function` of every tensor and array."""
    leaves, rebuild = flatten(tree)
    return rebuild([function(leaf) for leaf in leaves])


def array_of(leaf: Any) -> Any:
    """The array of a tensor, as wide as JAX is set to; anything else as it is."""
    if READING and isinstance(leaf, Tensor):
        READING[-1].note(leaf)
    return as_wide_as_jax(leaf._value().get()) if isinstance(leaf, Tensor) else leaf


def tensor_of(leaf: Any, device: Any = None) -> Any:
    """A tensor with the value of an array; anything else as it is."""
    return from_array(leaf, device) if isinstance(leaf, jax.Array | np.ndarray) else leaf

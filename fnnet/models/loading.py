"""A state_dict taken apart into the trees of a network: its parameters and its buffers."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from os import PathLike
from typing import Any

import jax
import jax.numpy as jnp
from jax.typing import DTypeLike

from fnnet.checkpoint.dotted import flat, nested
from fnnet.checkpoint.formats import load as load_file
from fnnet.layers import Layer
from fnnet.layers.layer import Params

__all__ = ["load_state_dict", "read_state_dict", "shapes_of"]


def shapes_of(net: Layer, dtype: DTypeLike = jnp.float32) -> tuple[dict[str, Any], dict[str, Any]]:
    """Shapes and dtypes of the parameters and of the buffers by dotted name; nothing is drawn or computed."""
    trees: list[dict[str, Any]] = []

    def note(key: jax.Array) -> None:
        trees.extend((flat(net.init(key, dtype)), flat(net.init_buffers(dtype))))

    jax.eval_shape(note, jax.random.key(0))
    parameters, buffers = (
        {name: jax.ShapeDtypeStruct(x.shape, x.dtype) for name, x in tree.items()} for tree in trees
    )
    return parameters, buffers


def read_state_dict(path: str | PathLike[str]) -> dict[str, Any]:
    """The tensors of a file of `torch.save` or of safetensors by dotted name, as NumPy arrays.

    Raises ValueError if the file holds something else than tensors by name.
    """
    held = load_file(path)
    if isinstance(held, Mapping):
        held = flat(held)
        if all(isinstance(name, str) and hasattr(value, "shape") for name, value in held.items()):
            return held
    raise ValueError(f"read_state_dict: {path}: expected tensors by name, got {type(held).__name__}")


def load_state_dict(
    net: Layer,
    state: Mapping[str, Any] | str | PathLike[str],
    rename: Callable[[str], str | None] | None = None,
    dtype: DTypeLike = jnp.float32,
    strict: bool = True,
) -> tuple[Params, Params]:
    """The parameters and the buffers of a network from a state_dict, or from a file of one.

    Args:
        net: the network.
        state: arrays by dotted name, or the path of a `.pt`, `.pth` or `.safetensors` file.
        rename: what each name of the state is called in the network, None for what it has not.
        dtype: that of the parameters and floating buffers.
        strict: whether names that the network has not are an error.

    Returns:
        (params, buffers), nested dicts. Counts of batches that an old file lacks are zero.

    Raises:
        RuntimeError: for names that are missing or unexpected, and shapes that differ; the message lists all.
    """
    if isinstance(state, str | PathLike):
        state = read_state_dict(state)
    given = dict(state) if rename is None else {rename(name): value for name, value in state.items()}
    given.pop(None, None)  # type: ignore[call-overload]
    wrong: list[str] = []
    taken: list[Params] = []
    for wanted in shapes_of(net, dtype):
        tree: dict[str, Any] = {}
        for name, shape in wanted.items():
            value = given.pop(name, None)
            if value is None and name.endswith("num_batches_tracked"):
                value = jnp.zeros((), shape.dtype)
            if value is None:
                wrong.append(f'missing "{name}"')
            elif tuple(value.shape) != shape.shape:
                wrong.append(
                    f"size mismatch for {name}: {list(value.shape)} in the state, "
                    f"{list(shape.shape)} in the net"
                )
            else:
                tree[name] = jnp.asarray(value, shape.dtype)
        taken.append(nested(tree))
    if strict:
        wrong += [f'unexpected "{name}"' for name in given]
    if wrong:
        raise RuntimeError(f"load_state_dict for {type(net).__name__}: " + "; ".join(wrong))
    return taken[0], taken[1]

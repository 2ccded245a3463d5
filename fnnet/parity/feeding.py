"""Running one part of a port on recorded inputs and gradients: its results by name, in float32 or float64."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Mapping
from functools import lru_cache, partial
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from fnnet.checkpoint.tree import name_of, named_leaves
from fnnet.evaluation import evaluated
from fnnet.layers.layer import Layer, Scope
from fnnet.parity.difference import distance, is_float
from fnnet.parity.recorded import Call, Record

Results = dict[str, np.ndarray]
QUICK: dict[str, Any] = {"xla_backend_optimization_level": 0, "xla_llvm_disable_expensive_passes": True}
"""Each program runs once: what it costs is its compilation."""

SMALL = 50e6
"""Nanoseconds up to which NumPy runs a part: XLA takes longer to compile it."""

REFUSED = (TypeError, ValueError, RuntimeError, IndexError, KeyError, AttributeError, NotImplementedError)
"""What a part raises that cannot be fed with what was recorded."""

Part = Callable[..., tuple[Any, Mapping[str, Any]]]
"""(parameters, buffers, *inputs) -> (output, new buffers), nested dicts."""


def below(tree: Mapping[str, Any], path: str) -> Any:
    """The branch of nested dicts at a dotted path; {} if there is none."""
    place: Any = tree
    for branch in path.split(".") if path else ():
        place = place.get(branch, {})
    return place


def layer_part(layer: Layer, training: bool, source: Any = None) -> Part:
    """A layer as a part: the same one for equal layers, so that it is compiled once."""
    return _layer_part(layer, training) if source is None else _new_layer_part(layer, training, source)


def _new_layer_part(layer: Layer, training: bool, source: Any = None) -> Part:

    def part(params: Any, buffers: Any, *inputs: Any, **options: Any) -> tuple[Any, Any]:
        state = jax.tree.map(lambda leaf: leaf, dict(buffers))
        return layer.forward(Scope(layer, params, state, source, training), *inputs, **options), state

    return part


_layer_part = lru_cache(maxsize=256)(_new_layer_part)


def as_dtype(tree: Any, wide: bool) -> Any:
    """The arrays as JAX's, floating ones in float64 if `wide`; plain values as they are."""

    def one(leaf: Any) -> Any:
        if not hasattr(leaf, "dtype"):
            return leaf
        if wide and is_float(leaf.dtype):
            return jnp.asarray(leaf, jnp.float64)
        return jnp.asarray(leaf, jax.dtypes.canonicalize_dtype(leaf.dtype))

    return jax.tree.map(one, tree)


def is_array(leaf: Any) -> bool:
    """Whether a leaf is a floating array, which is differentiated."""
    return hasattr(leaf, "dtype") and is_float(leaf.dtype)


def recorded_arrays(tree: Any) -> Results:
    """The arrays in a recorded value by name."""
    return {name: leaf for name, leaf in named_leaves(tree).items() if hasattr(leaf, "dtype")}


def cotangents(output: Any, gradient: Any) -> Any:
    """The recorded gradients of an output in its structure, zeros where none arrived."""
    given = recorded_arrays(gradient)

    def one(path: Any, leaf: Any) -> Any:
        if not is_array(leaf):
            return np.zeros(jnp.shape(leaf), jax.dtypes.float0)
        arrived = given.get(name_of(path))
        if arrived is None or arrived.shape != leaf.shape:
            return jnp.zeros_like(leaf)
        return jnp.asarray(arrived, leaf.dtype)

    return jax.tree_util.tree_map_with_path(one, output)


def _go(
    part: Part, form: Any, plain: tuple[tuple[int, Any], ...], arrays: list[Any], state: Any, given: Any
) -> tuple[Any, Any, list[Any]]:
    """Output, new buffers and the gradients of the floating ones among the arrays."""
    moving = [i for i, leaf in enumerate(arrays) if is_array(leaf)]

    def of(*floats: Any) -> Any:
        leaves = list(arrays)
        for i, value in zip(moving, floats, strict=True):
            leaves[i] = value
        for i, value in plain:
            leaves.insert(i, value)
        own, inputs, options = jax.tree.unflatten(form, leaves)
        return part(own, state, *inputs, **options)

    floats = [arrays[i] for i in moving]
    if given is None:
        return *of(*floats), []
    output, pull, after = jax.vjp(of, *floats, has_aux=True)
    return output, after, list(pull(cotangents(output, given)))


@lru_cache(maxsize=256)
def _program(part: Part) -> Any:
    return jax.jit(partial(_go, part), static_argnums=(0, 1), compiler_options=QUICK)


def run_part(
    part: Part,
    params: Any,
    buffers: Any,
    call: Call,
    wide: bool = False,
    compiled: bool = True,
    gradients: bool = True,
) -> Results:
    """Output, new buffers, and gradients of inputs and parameters, of a part fed with what a call was."""
    with jax.enable_x64(True) if wide else contextlib.nullcontext():
        values = as_dtype([params, list(call.inputs), call.options], wide)
        leaves, form = jax.tree.flatten(values)
        plain = tuple((i, leaf) for i, leaf in enumerate(leaves) if not hasattr(leaf, "dtype"))
        arrays = [leaf for leaf in leaves if hasattr(leaf, "dtype")]
        state = as_dtype(buffers, wide)
        run = partial(_go, part, form, plain)
        program = partial(_program(part), form, plain) if compiled else run
        given = call.output_gradient if gradients else None
        output, after, pulled = evaluated(run, arrays, state, given, instead=program, limit=SMALL)
        results = {_named("output", name): np.asarray(leaf) for name, leaf in named_leaves(output).items()}
        for name, leaf in named_leaves(after).items():
            results[f"buffer {name}"] = np.asarray(leaf)
        names = [name for name, leaf in named_leaves(values).items() if is_array(leaf)]
        for name, gradient in zip(names, pulled, strict=False):
            which, _, rest = name.partition(".")
            kind = "gradient of" if which == "0" else "gradient of input"
            results[f"{kind} {rest}"] = np.asarray(gradient)
        return results


def _named(kind: str, name: str) -> str:
    return f"{kind} {name}" if name else kind


def expected(record: Record, call: Call) -> Results:
    """What was recorded of a call, by the names that `run_part` gives."""
    results = {_named("output", name): a for name, a in recorded_arrays(call.output).items()}
    for given in (call.input_gradients, call.option_gradients):
        for name, gradient in recorded_arrays(given).items():
            results[f"gradient of input {name}"] = gradient
    results |= {f"gradient of {name}": a for name, a in call.parameter_gradients.items()}
    if sum(other.path == call.path for other in record.calls) > 1:
        return results  # the other gradients, and the buffers, are of all calls together
    prefix = f"{call.path}." if call.path else ""
    for name, array in record.buffers_after.items():
        if name.startswith(prefix):
            results[f"buffer {name.removeprefix(prefix)}"] = array
    for name, array in record.gradients.items():
        if name.startswith(prefix) and (not prefix or _through_calls(record, name, array)):
            results.setdefault(f"gradient of {name.removeprefix(prefix)}", array)
    return results


def _through_calls(record: Record, name: str, gradient: np.ndarray) -> bool:
    """Whether a parameter's gradient came through the calls of its module, as far as these were recorded.

    It did not if the parameter is tied to another, or used by another module's code.
    """
    path, _, own = name.rpartition(".")
    pieces = [
        c.parameter_gradients[own] for c in record.calls if c.path == path and own in c.parameter_gradients
    ]
    return not pieces or distance(sum(pieces[1:], pieces[0]), gradient) < 1e-4

"""Pytrees in a safetensors file: every leaf by its path, such as `opt_state.0.mu.linear1.weight`.

Leaves may be arrays, JAX keys, and plain numbers, strings, booleans and None; those that are not arrays are
kept as JSON in the metadata. The file is an ordinary safetensors file for other readers.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from os import PathLike
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from fnnet.checkpoint import safetensors
from fnnet.checkpoint.dotted import AmbiguousNameError, nested
from fnnet.checkpoint.refused import RefusedFileError

SCALARS = "fnnet.scalars"
KEYS = "fnnet.keys"
_SPECIAL = {"inf": math.inf, "-inf": -math.inf, "nan": math.nan}


def _is_leaf(x: Any) -> bool:
    return x is None


def name_of(path: tuple[Any, ...]) -> str:
    """The name of a leaf: the keys, indices and attributes on the way to it, joined by dots."""
    parts = []
    for entry in path:
        for attribute in ("key", "idx", "name"):
            if hasattr(entry, attribute):
                parts.append(str(getattr(entry, attribute)))
                break
    return ".".join(parts)


def named_leaves(tree: Any) -> dict[str, Any]:
    """The leaves by name. Raises ValueError if two leaves would have the same."""
    table: dict[str, Any] = {}
    for path, leaf in jax.tree_util.tree_leaves_with_path(tree, is_leaf=_is_leaf):
        name = name_of(path)
        if name in table:
            raise ValueError(
                f"checkpoint: two leaves have the name {name!r}: a dot or a number in a key is ambiguous"
            )
        table[name] = leaf
    return table


def _is_key(x: Any) -> bool:
    return hasattr(x, "dtype") and jnp.issubdtype(x.dtype, jax.dtypes.prng_key)


def _encode(value: Any) -> Any:
    if isinstance(value, float) and not math.isfinite(value):
        return {"float": repr(value)}
    return value


def _decode(path: str | PathLike[str], name: str, value: Any) -> Any:
    if isinstance(value, dict):
        if set(value) != {"float"} or value["float"] not in _SPECIAL:
            raise RefusedFileError(path, "not a plain value", name)
        return _SPECIAL[value["float"]]
    if isinstance(value, list):
        raise RefusedFileError(path, "not a plain value", name)
    return value


def save(path: str | PathLike[str], tree: Any, metadata: Mapping[str, str] | None = None) -> None:
    """Write a pytree to a .safetensors file, atomically.

    Args:
        path: of the file; what was there stays whole until the new one is.
        tree: leaves as the module says.
        metadata: strings to keep beside it, for other readers for instance {"format": "pt"}.

    Raises:
        TypeError: for a leaf or a dtype that cannot be kept. ValueError: for names that are not unique.
    """
    arrays: dict[str, Any] = {}
    scalars: dict[str, Any] = {}
    keys: dict[str, str] = {}
    for name, leaf in named_leaves(tree).items():
        if _is_key(leaf):
            keys[name] = str(jax.random.key_impl(leaf))
            arrays[name] = jax.random.key_data(leaf)
        elif isinstance(leaf, jax.Array | np.ndarray | np.generic):
            arrays[name] = leaf
        elif leaf is None or isinstance(leaf, bool | int | float | str):
            scalars[name] = _encode(leaf)
        else:
            raise TypeError(f"checkpoint.save: {name!r}: cannot keep a {type(leaf).__name__}")
    strings = dict(metadata or {})
    if clash := {SCALARS, KEYS} & set(strings):
        raise ValueError(f"checkpoint.save: metadata: the names {sorted(clash)} are taken")
    if scalars:
        strings[SCALARS] = json.dumps(scalars, allow_nan=False)
    if keys:
        strings[KEYS] = json.dumps(keys)
    safetensors.write(path, arrays, strings)


def _table(path: str | PathLike[str], strings: Mapping[str, str], which: str) -> dict[str, Any]:
    try:
        table = json.loads(strings.get(which, "{}"))
    except (ValueError, RecursionError):
        table = None
    if not isinstance(table, dict):
        raise RefusedFileError(path, "expected a JSON object", which)
    return table


def load_flat(path: str | PathLike[str]) -> dict[str, Any]:
    """The leaves by name, as `save` wrote them; arrays are memory-mapped NumPy arrays, read-only."""
    arrays, strings = safetensors.read(path)
    leaves: dict[str, Any] = dict(arrays)
    for name, implementation in _table(path, strings, KEYS).items():
        if name not in arrays or implementation not in ("fry", "threefry2x32", "rbg", "unsafe_rbg"):
            raise RefusedFileError(path, "not the data of a JAX key", name)
        try:
            leaves[name] = jax.random.wrap_key_data(jnp.asarray(arrays[name]), impl=implementation)
        except (TypeError, ValueError) as error:
            raise RefusedFileError(path, f"not the data of a JAX key: {error}", name) from None
    for name, value in _table(path, strings, SCALARS).items():
        if name in leaves:
            raise RefusedFileError(path, "both an array and a plain value", name)
        leaves[name] = _decode(path, name, value)
    return leaves


def load(path: str | PathLike[str]) -> dict[str, Any]:
    """A .safetensors file as nested dicts: names are parted at their dots.

    Raises:
        RefusedFileError: (a ValueError) for a file that is not well-formed, and for names that are both a
            leaf and a branch (`load_flat` takes those).
    """
    try:
        return nested(load_flat(path))
    except AmbiguousNameError as error:
        raise RefusedFileError(path, error.reason, error.name) from None


def load_metadata(path: str | PathLike[str]) -> dict[str, str]:
    """The strings that were kept beside the tree."""
    _, strings = safetensors.read(path)
    return {name: value for name, value in strings.items() if name not in (SCALARS, KEYS)}


def fill(template: Any, leaves: Mapping[str, Any], prefix: str = "") -> Any:
    """The template's structure with the leaves of these names, as arrays where the template's are placed.

    Raises:
        ValueError: for missing leaves, and shapes or dtypes that differ; the message lists them all.
    """
    wrong: list[str] = []

    def pick(path: tuple[Any, ...], old: Any) -> Any:
        name = prefix + name_of(path)
        if name not in leaves:
            wrong.append(f"missing {name!r}")
            return old
        new = leaves[name]
        if not hasattr(old, "dtype"):
            return new
        if getattr(new, "shape", None) != old.shape or new.dtype != old.dtype:
            seen = f"{new.dtype}{list(new.shape)}" if hasattr(new, "dtype") else type(new).__name__
            wrong.append(f"{name!r} is {seen}, expected {old.dtype}{list(old.shape)}")
            return old
        return jax.device_put(new, old.sharding) if isinstance(old, jax.Array) else np.array(new)

    filled = jax.tree_util.tree_map_with_path(pick, template, is_leaf=_is_leaf)
    if wrong:
        raise ValueError("checkpoint: it does not fit: " + "; ".join(wrong))
    return filled


def restore(path: str | PathLike[str], template: Any) -> Any:
    """What `save` wrote of a tree of the template's structure, such as parameters and an optimizer's state.

    Raises:
        ValueError: for a file that is refused, has leaves that the template has not, lacks some, or has
            others of another shape or dtype.
    """
    leaves = load_flat(path)
    filled = fill(template, leaves)
    if unexpected := sorted(set(leaves) - set(named_leaves(template))):
        raise ValueError(f"checkpoint: {path}: unexpected {unexpected[:20]}")
    return filled

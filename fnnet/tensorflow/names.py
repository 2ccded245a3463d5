"""The names of a graph's operations, and what may be fetched and fed by them, in TensorFlow's words."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import numpy as np

from fnnet.tensorflow.errors import not_mirrored

if TYPE_CHECKING:
    from fnnet.tensorflow.graph import Operation, Tensor

_VALID = re.compile(r"^[A-Za-z0-9.][A-Za-z0-9_.\\/>-]*$")


class Names:
    """The part of a Graph that gives names and finds by them."""

    def __init__(self) -> None:
        self.operations: dict[str, Operation] = {}
        self.collections: dict[str, list[Any]] = {}
        self._taken: dict[str, int] = {}
        self._scope = ""

    def unique_name(self, name: str) -> str:
        """`name` in the current scope, with _1, _2, ... if it is taken; case does not count."""
        if not _VALID.fullmatch(name):
            raise ValueError(
                f"`{name}` is not a valid node name. Accepted names conform to Regex /{_VALID!r}/"
            )
        name = f"{self._scope}/{name}" if self._scope else name
        count = self._taken.get(name.lower(), 0)
        while count and f"{name.lower()}_{count}" in self._taken:
            count += 1
        self._taken[name.lower()] = count + 1
        if count:
            name = f"{name}_{count}"
            self._taken[name.lower()] = 1
        return name

    @contextmanager
    def name_scope(self, name: str | None) -> Iterator[str]:
        """Names made within start with `name/`. A name that ends in a slash is entered again as it is."""
        outer = self._scope
        self._scope = "" if not name else name[:-1] if name.endswith("/") else self.unique_name(name)
        try:
            yield self._scope + "/" if self._scope else ""
        finally:
            self._scope = outer

    def as_graph_element(self, value: Any, tensor: bool = True, operation: bool = True) -> Any:
        """The Tensor or Operation that an object or a name stands for."""
        if not isinstance(value, str):
            value, kinds = getattr(value, "ref", value), ["Tensor"] * tensor + ["Operation"] * operation
            if type(value).__name__ not in kinds:
                raise TypeError(f"Can not convert a {type(value).__name__} into a {' or '.join(kinds)}.")
            if value.graph is not self:
                raise ValueError(f"{type(value).__name__} {value} is not an element of this graph.")
            return value
        name, colon, index = value.partition(":")
        op = self.operations.get(name)
        if colon and tensor:
            if op is not None and index.isdigit() and int(index) < len(op.outputs):
                return op.outputs[int(index)]
            found = (
                f"exists but only has {len(op.outputs)} outputs." if op else "does not exist in the graph."
            )
            missing = f"The name '{value}' refers to a Tensor which does not exist."
            raise KeyError(f"{missing} The operation, '{name}', {found}")
        if operation and op is None:
            raise KeyError(f"The name '{value}' refers to an Operation not in the graph.")
        if not operation:
            what = "looks like an (invalid) Operation name" if op is None else "refers to an Operation"
            form = 'Tensor names must be of the form "<op_name>:<output_index>".'
            raise ValueError(f"The name '{value}' {what}, not a Tensor. {form}")
        return op

    def get_operations(self) -> list[Operation]:
        """All operations, in the order of their creation."""
        return list(self.operations.values())

    def get_collection(self, name: str, scope: str | None = None) -> list[Any]:
        """What was noted under a name; with `scope`, only what has a name that begins with it."""
        return [v for v in self.collections.get(name, ()) if scope is None or v.name.startswith(scope)]

    def get_tensor_by_name(self, name: str) -> Tensor:
        """The tensor of a name such as "x:0"."""
        return self.as_graph_element(name, operation=False)

    def get_operation_by_name(self, name: str) -> Operation:
        """The operation of a name."""
        return self.as_graph_element(name, tensor=False)

    def fetched(self, fetch: Any) -> Any:
        """The Tensor or Operation that is fetched."""
        if fetch is None:
            raise TypeError('Argument `fetch` = None has invalid type "NoneType". Cannot be None')
        try:
            found = self.as_graph_element(fetch)
        except TypeError as error:
            kind = f'has invalid type "{type(fetch).__name__}" must be a string or Tensor.'
            raise TypeError(f"Argument `fetch` = {fetch} {kind} ({error})") from None
        except (ValueError, KeyError) as error:
            words = f"Argument `fetch` = {fetch} cannot be interpreted as a Tensor. ({error})"
            raise ValueError(words) from None
        if getattr(found, "op", found).body is not None:
            raise ValueError(f"'{found.name}' has been marked as not fetchable.")
        return found

    def fed(self, feed_dict: Any) -> dict[Tensor, np.ndarray]:
        """The arrays that are fed."""
        if not isinstance(feed_dict, Mapping | None):
            wanted = "'dict' must be a dictionary or collection.Mapping type object"
            raise TypeError(f"FlattenDictItems: {wanted}, instead of '{type(feed_dict).__name__}'.")
        return dict(self._fed(*item) for item in (feed_dict or {}).items())

    def _fed(self, key: Any, value: Any) -> tuple[Tensor, np.ndarray]:
        try:
            tensor = self.as_graph_element(key, operation=False)
        except (TypeError, ValueError, KeyError) as error:
            raise TypeError(f"Cannot interpret feed_dict key as Tensor: {error.args[0]}") from None
        if tensor.cell is not None:
            raise not_mirrored("feeding a variable")
        if hasattr(value, "graph"):
            raise TypeError(f"The value of a feed cannot be a tf.Tensor object. It was {value} for {key}.")
        kind = tensor.known.dtype
        if isinstance(value, int) and np.asarray(value).astype(kind) != value:
            fault = f"{value} with type {type(value)} is not compatible with Tensor type {kind}"
            advice = "Try explicitly setting the type of the feed tensor to a larger type (e.g. int64)."
            raise TypeError(f"Type of feed value {fault}. {advice}")
        array = np.asarray(value, kind)
        if not tensor.shape.is_compatible_with(array.shape):
            what = f"value of shape {array.shape} for Tensor {tensor.name}"
            raise ValueError(f"Cannot feed {what}, which has shape {tensor.shape}")
        return tensor, array

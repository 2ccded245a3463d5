"""How a function on arrays is computed of a Tensor: by NumPy at once, or recorded.

A transform works on one picture, in a DataLoader's worker as a rule, where a compiled program would cost more
than it saves and XLA cannot run. It is recorded where somebody wants its derivative, where the tensor lies on
another device, and inside of JAX's transformations.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

import numpy as np

from fnnet.torch.call import apply
from fnnet.torch.mode import MODE
from fnnet.torch.on_host import array_of as array_of
from fnnet.torch.on_host import tensor_of as tensor_of
from fnnet.torch.plan import Plan, make_plan
from fnnet.torch.record import RECORD
from fnnet.torch.spec import Spec
from fnnet.torch.tensor import Tensor


def computed(function: Callable[..., Any], image: Tensor, *arguments: Any, **named: Any) -> Tensor:
    """`function(array, *arguments, **named)` of a tensor's array, as a tensor."""
    if RECORD.immediate or image.device.type != "cpu" or (image.requires_grad and MODE.enabled):
        plan = _planned(function, image._spec, _frozen(arguments), _frozen(tuple(sorted(named.items()))))
        return apply(plan, [image], ())[0]
    array = array_of(image)
    made = function(array, *arguments, **named)
    return image if made is array else tensor_of(made)


class _Array:
    """An argument that is an array, to be compared by its values."""

    def __init__(self, array: np.ndarray[Any, Any]) -> None:
        self.array = array
        self._key = (array.shape, str(array.dtype), array.tobytes())

    def __hash__(self) -> int:
        return hash(self._key)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _Array) and self._key == other._key


def _frozen(given: Any) -> Any:
    if isinstance(given, list | tuple):
        return (isinstance(given, list), *map(_frozen, given))
    return _Array(given) if isinstance(given, np.ndarray) else given


def _thawed(given: Any) -> Any:
    if isinstance(given, tuple):
        return (list if given[0] else tuple)(map(_thawed, given[1:]))
    return given.array if isinstance(given, _Array) else given


@functools.lru_cache(maxsize=256)
def _planned(function: Callable[..., Any], spec: Spec, arguments: Any, named: Any) -> Plan:
    def of_array(x: Any) -> Any:
        return function(x, *_thawed(arguments), **dict(_thawed(named)))

    words = function.__name__.split("_")
    return make_plan(of_array, [spec], (), spec.device, "".join(w.capitalize() for w in words) + "Backward0")

"""NumPy's arrays and numbers within a pickle stream, as NumPy writes them; made of their bytes alone.

An array is announced, and its state (shape, dtype, bytes) follows; so is a dtype, whose state is the order of
its bytes.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from fnnet.checkpoint.pickle_stream import Name, Refusal

ARRAY, DTYPE, KIND, SCALAR = "numpy._reconstruct", "numpy.dtype", "numpy.ndarray", "numpy.scalar"
NAMES: dict[tuple[str, str], str] = {
    **{(module, "_reconstruct"): ARRAY for module in ("numpy._core.multiarray", "numpy.core.multiarray")},
    **{(module, "scalar"): SCALAR for module in ("numpy._core.multiarray", "numpy.core.multiarray")},
    ("numpy", "ndarray"): KIND,
    ("numpy", "dtype"): DTYPE,
}
_KINDS = "biufcSU"
_MAX_DIMENSIONS = 32


class Order:
    """A dtype whose byte order is still to come."""

    __slots__ = ("dtype",)

    def __init__(self, dtype: np.dtype[Any]) -> None:
        self.dtype = dtype


def dtype_named(arguments: tuple[Any, ...]) -> Order:
    """What `numpy.dtype(code, False, True)` stands for. Raises Refusal for objects, records and dates."""
    code = arguments[0] if arguments else None
    text = code.decode("ascii", "replace") if type(code) is bytes else code
    if not (type(text) is str and len(text) < 12 and text[:1] in _KINDS and text[1:].isdigit()):
        raise Refusal(f"a NumPy dtype {text!a}: only numbers, Booleans and text are read")
    try:
        return Order(np.dtype(text))
    except TypeError:
        raise Refusal(f"a NumPy dtype {text!a}, which NumPy does not have") from None


def with_order(named: Order, state: Any) -> Order:
    """The dtype in the byte order that its state says."""
    if not (
        type(state) is tuple
        and len(state) >= 5
        and type(state[1]) is str
        and len(state[1]) == 1
        and state[1] in "<>|="
    ):
        raise Refusal("a NumPy dtype whose state is none")
    if any(one is not None for one in state[2:5]):
        raise Refusal("a NumPy dtype with fields")
    order: Any = state[1]
    named.dtype = named.dtype.newbyteorder(order)
    return named


def announced(arguments: tuple[Any, ...]) -> np.ndarray[Any, Any]:
    """An array without elements, which `filled` fills."""
    if not (len(arguments) == 3 and isinstance(arguments[0], Name) and arguments[0].word == KIND):
        raise Refusal("a NumPy array of a subclass")
    shape, code = arguments[1:]
    plain = type(shape) is tuple and len(shape) == 1 and type(shape[0]) is int and type(code) in (bytes, str)
    if not plain or shape != (0,) or code not in (b"b", "b"):
        raise Refusal("a NumPy array that is not announced as arrays are")
    return np.ndarray((0,), "b")


def filled(array: np.ndarray[Any, Any], state: Any) -> np.ndarray[Any, Any]:
    """The announced array with its shape and values, which are the bytes of the state."""
    if not (type(state) is tuple and len(state) == 5 and isinstance(state[2], Order)):
        raise Refusal("a state that is not an array's")
    _, shape, order, fortran, data = state
    if not (type(shape) is tuple and len(shape) <= _MAX_DIMENSIONS and type(fortran) is bool):
        raise Refusal("a NumPy array without a shape")
    if not all(type(length) is int and 0 <= length < 1 << 62 for length in shape) or type(data) is not bytes:
        raise Refusal("a NumPy array without a shape or bytes")
    if math.prod(shape) * order.dtype.itemsize != len(data):
        raise Refusal(f"a NumPy array of {list(shape)} {order.dtype} in {len(data)} bytes")
    _check_booleans(order.dtype, data)
    array.__setstate__((1, shape, order.dtype, fortran, data))  # type: ignore[arg-type]
    return array


def scalar(arguments: tuple[Any, ...]) -> Any:
    """A NumPy number."""
    if len(arguments) != 2 or not isinstance(arguments[0], Order) or type(arguments[1]) is not bytes:
        raise Refusal("a NumPy number that is not described as numbers are")
    dtype, data = arguments[0].dtype, arguments[1]
    if len(data) != dtype.itemsize:
        raise Refusal(f"a NumPy number of {dtype} in {len(data)} bytes")
    _check_booleans(dtype, data)
    return np.frombuffer(data, dtype)[0]


def _check_booleans(dtype: np.dtype[Any], data: bytes) -> None:
    if dtype.kind == "b" and data.strip(b"\0\1"):
        raise Refusal("a byte of a Boolean NumPy array is neither 0 nor 1")

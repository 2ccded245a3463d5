"""What is said of a wrong call: PyTorch's type of error, the function's name, the argument, what was given.

Functions raise such errors themselves where they look at their arguments. What JAX or NumPy says of a wrong
argument, deep within, is put into these words here, once for all functions.
"""

from __future__ import annotations

import inspect
import opcode
import re
from collections.abc import Callable, Sequence
from types import CodeType, FrameType, TracebackType
from typing import Any

import jax

_TENSORS_ALONE = frozenset(
    ("allclose", "equal", "kron", "inner", "outer", "dot", "vdot", "matmul", "tensordot", "atan2", "fmax",
     "fmin", "maximum", "minimum", "ldexp", "logaddexp", "logaddexp2", "heaviside", "gcd", "lcm", "hypot",
     "igamma", "igammac", "nextafter", "complex", "polar")
)  # fmt: skip
"""Operations whose promoted arguments must be tensors all the same."""

_TENSOR_FIRST = frozenset(
    ("clamp_max", "clamp_min", "copysign", "eq", "ne", "lt", "le", "gt", "ge", "fmod", "logical_and",
     "logical_or", "logical_xor", "rsub")
)  # fmt: skip
"""Operations of which a number may be the second argument alone."""

Expected = tuple[str, Callable[[Any, bool], bool]]


def _is_number(value: Any) -> bool:
    return isinstance(value, bool | int | float | complex)


def _no_text_within(value: Any) -> bool:
    if isinstance(value, tuple | list):
        return all(_no_text_within(one) for one in value)
    return not isinstance(value, str)


_EXPECTED: dict[str, Expected] = {
    "jax.Array": ("Tensor", lambda value, number: number and _is_number(value)),
    "jax.Array | None": ("Tensor", lambda value, number: value is None or (number and _is_number(value))),
    "bool": ("bool", lambda value, _: not isinstance(value, str | float | tuple | None)),
    "int": ("int", lambda value, _: not isinstance(value, str | float | complex | tuple | None)),
    "int | None": ("int", lambda value, _: not isinstance(value, str | float | complex | tuple)),
    "float": ("float", lambda value, _: not isinstance(value, str | tuple | None)),
    "str": ("str", lambda value, _: isinstance(value, str)),
    "Sizes": ("tuple of ints", lambda value, _: _no_text_within(value)),
    "Sequence[int]": ("tuple of ints", lambda value, _: _no_text_within(value)),
    "DTypeLike | None": ("torch.dtype", lambda value, _: not isinstance(value, str | float)),
    "float | None": ("float", lambda value, _: not isinstance(value, str | tuple)),
    "Dims": ("tuple of ints", lambda value, _: _no_text_within(value)),
    "Value": ("Tensor", lambda value, _: _no_text_within(value)),
    "Arrays": ("tuple of Tensors", lambda value, _: isinstance(value, tuple)),
}
"""By annotation: what PyTorch calls it, and whether a value that is no tensor may stand there; whether a
number may stand for a tensor is the second argument."""


def check_kinds(
    name: str,
    arguments: dict[str, Any],
    parameters: Sequence[inspect.Parameter],
    promote: frozenset[str],
    is_tensor: Callable[[Any], bool],
    type_name: Callable[[str, Any], str],
) -> None:
    """Raise TypeError for an argument that is not of the kind that its annotation says.

    Args:
        name: the operation's.
        arguments: by name, tensors in whatever form `is_tensor` knows.
        parameters: those of the pure function.
        promote: the parameters for which a number may stand.
        type_name: what to call the type of an argument's value.
    """
    for position, parameter in enumerate(parameters, 1):
        if parameter.kind in (inspect.Parameter.VAR_POSITIONAL, inspect.Parameter.VAR_KEYWORD):
            continue
        expected = _EXPECTED.get(str(parameter.annotation))
        if expected is None or parameter.name not in arguments:
            continue
        value = arguments[parameter.name]
        if is_tensor(value):
            if expected[0] != "tuple of Tensors":
                continue
        elif value is parameter.default and value is not inspect.Parameter.empty:
            continue
        elif (position > 1 or name not in _TENSOR_FIRST) and expected[1](
            value, parameter.name in promote and parameter.name != "target" and name not in _TENSORS_ALONE
        ):
            if expected[0] == "tuple of Tensors":
                for place, one in enumerate(value):
                    if not is_tensor(one):
                        raise TypeError(
                            f"expected Tensor as element {place} in argument {position - 1}, but got "
                            f"{type_name('', one)}"
                        )
            continue
        where = "" if parameter.kind is inspect.Parameter.KEYWORD_ONLY else f" (position {position})"
        raise TypeError(
            f"{name}(): argument '{parameter.name}'{where} must be {expected[0]}, not "
            f"{type_name(parameter.name, value)}"
        )


def broadcast_shapes(*shapes: Sequence[int]) -> tuple[int, ...]:
    """The common shape. Raises RuntimeError in PyTorch's words."""
    result: list[int] = []
    for shape in shapes:
        width = max(len(result), len(shape))
        a = [1] * (width - len(result)) + result
        b = [1] * (width - len(shape)) + list(shape)
        for dim in reversed(range(width)):
            x, y = a[dim], b[dim]
            if x != y and x != 1 and y != 1:
                raise RuntimeError(
                    f"The size of tensor a ({x}) must match the size of tensor b ({y}) at non-singleton "
                    f"dimension {dim}"
                )
        result = [y if x == 1 else x for x, y in zip(a, b, strict=True)]
    return tuple(result)


_SHAPES = re.compile(r"\((?:\d+,? ?)*\)")
_TYPES = (TypeError, ValueError, IndexError, AttributeError, AssertionError, OverflowError)
_ABOUT_SHAPES = ("shape", "dimension", "size", "dtype", "broadcast", "rank", "type", "iterable")
_RAISE = opcode.opmap["RAISE_VARARGS"]


def _last(trace: TracebackType | None) -> TracebackType | None:
    while trace is not None and trace.tb_next is not None:
        trace = trace.tb_next
    return trace


def _module(frame: FrameType) -> str:
    return str(frame.f_globals.get("__name__") or "")


def is_foreign(error: Exception) -> bool:
    """Whether an error was raised within JAX or NumPy, and so is not in PyTorch's words.

    JAX takes its own frames out of the traceback. What remains ends in a frame of ours, which is either where
    our own `raise` stands or where JAX was called.
    """
    trace = _last(error.__traceback__)
    if trace is None:
        return False
    ours = _module(trace.tb_frame).partition(".")[0] == "fnnet"
    return not ours or trace.tb_frame.f_code.co_code[trace.tb_lasti] != _RAISE


def shape_error(name: str, seen: str, error: Exception) -> Exception:
    """PyTorch's kind of error for an error of JAX about shapes or dtypes; any other error as it is.

    `seen` tells the shapes and dtypes of the arguments.
    """
    text = str(error)
    if text.startswith("invalid literal for int()"):
        return TypeError(f"{name}(): argument must be tuple of ints, not str")
    about = any(word in text for word in _ABOUT_SHAPES)
    if not (isinstance(error, TypeError) or (isinstance(error, _TYPES) and is_foreign(error))) or not about:
        return error
    if "broadcast" in text:
        shapes = [tuple(int(one) for one in re.findall(r"\d+", shape)) for shape in _SHAPES.findall(text)]
        try:
            broadcast_shapes(*shapes)
        except RuntimeError as said:
            return said
    return RuntimeError(f"{name}: shapes or dtypes of the arguments ({seen}) do not fit: {text}")


def is_within(call: CodeType) -> bool:
    """Whether the call that failed was made by another function of ours, or by the adapter: who was called
    first says what was wrong."""
    frame = inspect.currentframe()
    frame = frame and frame.f_back and frame.f_back.f_back
    while frame is not None:
        if frame.f_code is call or _module(frame).startswith(("fnnet.torch", "fnnet.tensorflow")):
            return True
        frame = frame.f_back
    return False


_KNOWN = frozenset(["fnnet", "jax", "jaxlib", "numpy", "opt_einsum", "contextlib", "functools"])


def _is_callers(error: Exception) -> bool:
    """Whether a function that the caller gave raised the error."""
    trace = error.__traceback__
    while trace is not None:
        if _module(trace.tb_frame).partition(".")[0] not in _KNOWN:
            return True
        trace = trace.tb_next
    return False


def _is_array(value: Any) -> bool:
    return hasattr(value, "shape") and hasattr(value, "dtype")


def _shown(arguments: dict[str, Any]) -> str:
    arrays = [(name, value) for name, value in arguments.items() if _is_array(value)]
    return ", ".join(f"{name} {list(value.shape)} {value.dtype}" for name, value in arrays)


def refused(
    names: tuple[str, ...],
    function: Callable[..., Any],
    promote: tuple[str, ...],
    args: tuple[Any, ...],
    kwargs: dict[str, Any],
    error: Exception,
) -> Exception:
    """What a pure function raises for an error within it: the same, but it names the function; what JAX or
    NumPy says becomes PyTorch's kind of error.

    Args:
        names: the declared name, and what users call it, which is given in messages that have neither.
        promote: the parameters for which a number may stand.
    """
    if isinstance(error, jax.errors.JAXTypeError | jax.errors.JAXIndexError) or _is_callers(error):
        return error  # of values that are traced
    name, seen = names[-1], ""
    try:
        bound = inspect.signature(function).bind(*args, **kwargs)
    except TypeError:
        return error  # Python says what is lacking
    foreign = is_foreign(error) and isinstance(error, _TYPES)
    if foreign and type(error).__name__ != "TypePromotionError":
        parameters = list(inspect.signature(function).parameters.values())
        try:
            check_kinds(name, dict(bound.arguments), parameters, frozenset(promote), _is_array, _type_of)
        except TypeError as said:
            return said
        seen = _shown(dict(bound.arguments))
        error = shape_error(name, seen, error)
    text = error.args[0] if error.args else None
    if isinstance(text, str) and type(error).__module__ == "builtins":
        named = any(one.rpartition(".")[2] in text for one in names)
        given = "" if seen in text else f" (given: {seen})"
        error.args = (text if named else f"{name}: {text}{given}", *error.args[1:])
    return error


def _type_of(_: str, value: Any) -> str:
    return type(value).__name__

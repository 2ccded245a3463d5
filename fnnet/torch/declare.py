"""Every spelling of every declared operation: functions, methods, in-place forms, `out=`, operators.

Nothing is written here for one operation alone, except where PyTorch's spellings themselves are irregular.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from types import ModuleType
from typing import Any

import numpy as np

from fnnet import functional
from fnnet.functional.operation import ELSEWHERE, OPERATIONS, Operation
from fnnet.torch.autograd import inplace
from fnnet.torch.autograd.graph import node_class
from fnnet.torch.call import call, call_in_place
from fnnet.torch.creation import as_dtype, check_options, finish, from_numpy, tensor
from fnnet.torch.dtypes import bool_, dtype, get_default_dtype
from fnnet.torch.inquiry import strided
from fnnet.torch.mode import MODE, no_grad
from fnnet.torch.naming import in_place_name
from fnnet.torch.operation import Op
from fnnet.torch.outs import write_out as write_out
from fnnet.torch.parsing import LazyParser
from fnnet.torch.refusals import c_name, cpp_name
from fnnet.torch.tensor import Tensor

OPS: dict[str, Op] = {}
"""The operations by declared name."""

NAMESPACES: dict[str, dict[str, Any]] = {
    name: {} for name in ("nn.functional", "linalg", "special", "fft", "signal.windows")
}
"""What was derived for modules other than `torch` itself."""

VARIADIC = frozenset({"size", "shape", "dims", "repeats", "sizes", "reps"})
"""Second arguments that may be given one by one: `x.view(2, 3)`, `x.permute(1, 0)`."""


def _one_dim(x: Tensor, start_dim: int = 0, end_dim: int = -1) -> bool:
    ndim = x._spec.ndim
    if type(start_dim) is not int or type(end_dim) is not int:
        return False
    reach = -ndim <= start_dim < ndim and -ndim <= end_dim < ndim
    return reach and start_dim % ndim == end_dim % ndim


def _undropped(x: Tensor, p: Any = 0.5, training: bool = True, *rest: Any, **_: Any) -> bool:
    return x._spec.numel == 0 or not p or not training


ITSELF: dict[str, Callable[..., bool]] = {
    **dict.fromkeys(("real", "conj", "conj_physical"), lambda x, **_: not x._spec.dtype.is_complex),
    "adjoint": lambda x, **_: not x._spec.ndim and not x._spec.dtype.is_complex,
    "atleast_1d": lambda x, *others: not others and x._spec.ndim >= 1,
    "atleast_2d": lambda x, *others: not others and x._spec.ndim >= 2,
    "atleast_3d": lambda x, *others: not others and x._spec.ndim >= 3,
    "cartesian_prod": lambda x, *others: not others and x._spec.ndim == 1,
    "flatten": _one_dim,
    **dict.fromkeys(("dropout", "alpha_dropout", "feature_alpha_dropout"), _undropped),
    "local_response_norm": lambda x, *_, **__: not x._spec.numel,
}
"""Operations that give the tensor itself where there is nothing to do, and when that is."""


SAME_SHAPE = ("broadcast_tensors", "atleast_1d", "atleast_2d", "atleast_3d")
"""Operations of several tensors that give those themselves whose shape is right."""

IN_DTYPE_OF_OUT = frozenset(["sum", "prod", "cumsum", "cumprod", "mean", "nansum"])
"""Operations that compute in the dtype of `out`."""

REQUIRED = {"softmax": "dim", "log_softmax": "dim"}
"""Arguments that nn.functional guesses, and `torch` and methods do not."""

READ = {"tensor_split": (1, "indices_or_sections")}
"""Arguments whose values decide the shapes of the result: tensors there are read."""

_WINDOWS = "fnnet.functional.windows"
_MAKERS = frozenset({"fnnet.functional.creation", _WINDOWS})
"""Where the functions are that make tensors."""

NUMBERS_ALONE = frozenset(["add", "sub", "mul", "div", "true_divide", "floor_divide"])
"""Functions of `torch` that take two numbers: the first is a tensor."""

NUMBERS = (bool, int, float, complex)

OPERATORS = {
    "__add__": "add", "__sub__": "sub", "__mul__": "mul", "__truediv__": "div",
    "__floordiv__": "floor_divide", "__mod__": "remainder", "__pow__": "pow", "__matmul__": "matmul",
    "__and__": "bitwise_and", "__or__": "bitwise_or", "__xor__": "bitwise_xor",
    "__lshift__": "bitwise_left_shift", "__rshift__": "bitwise_right_shift",
    "__lt__": "lt", "__le__": "le", "__gt__": "gt", "__ge__": "ge", "__eq__": "eq", "__ne__": "ne",
}  # fmt: skip
COMPARISONS = frozenset({"__lt__", "__le__", "__gt__", "__ge__", "__eq__", "__ne__"})
UNARY = {"__neg__": "neg", "__abs__": "abs", "__invert__": "bitwise_not"}


def _is_variadic(op: Op) -> bool:
    return (
        len(op.parameters) > 1
        and op.parameters[1] in VARIADIC
        and op.declared.name != "repeat_interleave"
        and "Tensor" in op.declared.spellings
    )


WITH_OUT = ("adaptive_avg_pool1d", "avg_pool1d", "hardshrink", "logsigmoid", "normalize")
"""Functions of nn.functional that take `out`, of those whose signatures are not recorded."""


def function_of(op: Op, place: str = "", name: str = "") -> Callable[..., Any]:
    """The operation as a function or, of the place "Tensor", a method, which may take sizes one by one.

    `name` is the one that it has there.
    """
    parser = LazyParser(place, name) if name else None
    variadic = place == "Tensor" and _is_variadic(op)
    sized = place == "torch" and _is_variadic(op)
    has_out = "out" in op.parameters
    required = REQUIRED.get(op.declared.name) if place in ("torch", "Tensor") else None

    itself = ITSELF.get(op.declared.name)
    read = READ.get(op.declared.name)
    same_shape = op.declared.name in SAME_SHAPE
    takes_dtype = op.declared.name in IN_DTYPE_OF_OUT
    alone = place == "torch" and op.declared.name in NUMBERS_ALONE

    def function(*args: Any, **kwargs: Any) -> Any:
        found = itself is not None and args and isinstance(args[0], Tensor) and "out" not in kwargs
        if found and itself is not None and itself(*args, **kwargs):
            return args[0]
        if read is not None:
            args, kwargs = _as_numbers(args, kwargs, read)
        several = args[0] if args and isinstance(args[0], tuple | list) else args
        if same_shape and (several is not args or len(args) > 1 or op.name == "broadcast_tensors"):
            return _unless_same(call(op, args, kwargs, parser), several)
        if kwargs and "out" in kwargs and not has_out:
            if parser is not None:
                if place == "nn.functional" and name not in WITH_OUT and not parser.known:
                    raise TypeError(f"{name}() got an unexpected keyword argument 'out'")
                args, kwargs = parser.parse(args, kwargs)
            out = kwargs.pop("out")
            if (
                takes_dtype
                and isinstance(out, Tensor)
                and kwargs.get("dtype") is None
                and (op.name != "mean" or out._spec.differentiable)
            ):
                kwargs["dtype"] = out.dtype
            if out is None:
                return function(*args, **kwargs)
            autocast, MODE.autocast = MODE.autocast, None  # which does not look at these
            try:
                return write_out(out, function(*args, **kwargs), op.name, op)
            finally:
                MODE.autocast = autocast
        if variadic:
            args, kwargs = _gathered(op, args, kwargs, parser)
        elif sized and len(args) > 1 and isinstance(args[1], int):
            if parser is not None:
                parser.parse(args, kwargs)
            raise TypeError(
                f"{op.name}(): argument '{op.parameters[1]}' (position 2) must be tuple of ints, not int"
            )
        elif required is not None and len(args) < 2 and required not in kwargs:
            if parser is None:
                raise TypeError(f'{op.name}() missing 1 required positional arguments: "{required}"')
            args, kwargs = parser.parse(args, kwargs)
        elif alone and len(args) > 1 and type(args[0]) in NUMBERS and type(args[1]) in NUMBERS:
            args = (tensor(args[0]), *args[1:])
        return call(op, args, kwargs, parser)

    return _named(function, op)


def _unless_same(made: Any, given: Any) -> Any:
    """What was made, but the tensors themselves where there was nothing to do."""
    return tuple(x if x._spec.shape == y._spec.shape else y for x, y in zip(given, made, strict=True))


def _gathered(
    op: Op, args: tuple[Any, ...], kwargs: dict[str, Any], parser: LazyParser | None
) -> tuple[tuple[Any, ...], dict[str, Any]]:
    """The arguments of a method with sizes that were given one by one as a tuple."""
    for one in args[1:]:
        if type(one) is not int:
            break
    else:
        if len(args) > 1:
            return (args[0], args[1:]), kwargs
    if op.name == "view" and len(args) == 1 and "dtype" in kwargs:
        args = (args[0], kwargs.pop("dtype"))
    if len(args) == 2 and isinstance(args[1], dtype):
        _check_offset(*args)
        return args, kwargs
    if parser is not None and (len(args) != 2 or not isinstance(args[1], tuple | list)):
        args, kwargs = parser.parse(args, kwargs)
    if len(args) == 1 and not kwargs:
        raise TypeError(f'{op.name}() missing 1 required positional arguments: "{op.parameters[1]}"')
    return args, kwargs


def _check_offset(tensor: Tensor, kind: dtype) -> None:
    """Raise RuntimeError where a tensor does not begin at a number of the wider dtype."""
    ratio = kind.itemsize // tensor.dtype.itemsize
    if ratio > 1 and tensor.ndim and tensor.storage_offset() % ratio:
        raise RuntimeError(
            f"self.storage_offset() must be divisible by {ratio} to view {cpp_name(tensor.dtype)} as "
            f"{cpp_name(kind)} (different element sizes), but got {tensor.storage_offset()}"
        )


def _as_numbers(
    args: tuple[Any, ...], kwargs: dict[str, Any], argument: tuple[int, str]
) -> tuple[tuple[Any, ...], dict[str, Any]]:
    """The arguments with the one at this place read, if it is a tensor."""
    position, name = argument
    if len(args) > position and isinstance(args[position], Tensor):
        args = (*args[:position], args[position].tolist(), *args[position + 1 :])
    elif isinstance(kwargs.get(name), Tensor):
        kwargs = {**kwargs, name: kwargs[name].tolist()}
    return args, kwargs


def creator_of(op: Op) -> Callable[..., Any]:
    """The operation as a function that makes tensors: with dtype, device and requires_grad."""
    plain = function_of(op)
    floating = op.function.__module__ == _WINDOWS or op.name in ("eye", "linspace", "logspace")

    def function(
        *args: Any,
        dtype: Any = None,
        device: Any = None,
        requires_grad: bool = False,
        layout: Any = None,
        pin_memory: bool = False,
        **kwargs: Any,
    ) -> Any:
        if layout is not None and layout is not strided:
            raise ValueError(f"{op.name} is implemented for strided tensors only, got: {layout}")
        out = kwargs.get("out")
        if dtype is None and floating and isinstance(out, Tensor):
            dtype = out.dtype
        if dtype is bool_ and op.name in ("linspace", "logspace"):
            raise NotImplementedError(f"\"{op.name}_cpu\" not implemented for 'Bool'")
        if dtype is not None or floating:
            kwargs["dtype"] = _floating(op.name, [*args, *kwargs.values()], as_dtype(dtype))
        check_options(op.name, None, pin_memory)
        made = plain(*args, **kwargs)
        if device is not None:
            made = made.to(device)
        return finish(made, requires_grad)

    return _named(function, op)


def _floating(name: str, ends: list[Any], given: dtype | None) -> dtype:
    """The dtype of evenly spaced numbers: complex between complex ends."""
    kind = get_default_dtype()
    if any(isinstance(one, complex) or (isinstance(one, Tensor) and one.is_complex()) for one in ends):
        kind = kind.to_complex()
        if given is not None and not given.is_complex:
            raise RuntimeError(
                f"torch.{name}(): inferred dtype {c_name(kind)} can't be safely cast to passed dtype "
                f"{cpp_name(given)}"
            )
    return given or kind


_KEEPS_DTYPE = frozenset(("abs", "absolute", "cumsum", "cumprod"))
"""What could change the dtype of the tensor that it writes to."""


def _check_in_place(name: str, target: Tensor, kind: Any) -> None:
    """Raise RuntimeError where a method that writes would change the dtype of its tensor."""
    if name in ("abs", "absolute") and target.is_complex():
        raise RuntimeError("In-place abs is not supported for complex tensors.")
    if kind is not None and name in ("cumsum", "cumprod") and kind is not target.dtype:
        raise RuntimeError(
            f"Bad in-place call: input tensor dtype {c_name(target.dtype)} and output tensor dtype "
            f"{c_name(kind)} should match"
        )


def in_place_of(op: Op, name: str = "") -> Callable[..., Any]:
    """The operation as `Tensor.<name>_`."""
    writing = Op(op.declared, in_place=True)
    parser = LazyParser("Tensor", name + "_") if name else None
    unseen = op.name.startswith("logical_")  # autograd does not look at these, not even for leaves
    undropped = ITSELF.get(op.name) is _undropped
    variadic = _is_variadic(op)
    checked = name in _KEEPS_DTYPE

    def function(*args: Any, **kwargs: Any) -> Tensor:
        if variadic and len(args) > 1 and isinstance(args[1], int):
            args = (args[0], tuple(args[1:]))
        if checked and args and isinstance(args[0], Tensor):
            _check_in_place(name, args[0], kwargs.get("dtype"))
        if undropped and args and _undropped(*args, **kwargs):
            return args[0]
        if unseen:
            with no_grad():
                return call_in_place(writing, args, kwargs, parser)
        return call_in_place(writing, args, kwargs, parser)

    return _named(function, writing)


def restrided(function: Callable[..., Any]) -> Callable[..., Any]:
    """`x.t_()` and its kin: the tensor itself becomes the view that `function` gives of it."""

    def change(self: Tensor, *args: Any, **kwargs: Any) -> Tensor:
        inplace.check(self, self.requires_grad, overlap=False)
        seen = function(self, *args, **kwargs)
        node = seen.grad_fn  # while this tensor is what was looked at
        if node is not None:
            node.__class__ = node_class(in_place_name(type(node).__name__))
        self._spec, self._steps, self._starts = seen._spec, seen._steps, seen._starts
        self._cache, self._cached_at, self._offset = seen._cache, seen._cached_at, seen._offset
        self._counter.version += 1
        self._fn, self._nr, self._fn_version = node, seen._nr, self._counter.version
        return self

    change.__name__, change.__doc__ = function.__name__ + "_", function.__doc__
    return change


def _named(function: Callable[..., Any], op: Op) -> Callable[..., Any]:
    function.__name__ = function.__qualname__ = op.name
    function.__doc__ = op.function.__doc__
    function.__wrapped__ = op.function  # type: ignore[attr-defined]
    return function


def with_inplace_flag(plain: Callable[..., Any], changing: Callable[..., Any]) -> Callable[..., Any]:
    """`nn.functional.relu(x, inplace=True)`."""

    def function(*args: Any, inplace: bool = False, **kwargs: Any) -> Any:
        return changing(*args, **kwargs) if inplace else plain(*args, **kwargs)

    function.__name__, function.__doc__ = plain.__name__, plain.__doc__
    return function


def derive(namespaces: dict[str, dict[str, Any]], declared: Operation) -> None:
    """Put every spelling of one declared operation into the namespaces and onto Tensor."""
    op = OPS[declared.name] = Op(declared)
    creates = declared.function.__module__ in _MAKERS or declared.name in ("tril_indices", "triu_indices")
    spelled = getattr(declared, "spelled", "") or declared.name
    changing = None
    for name in (spelled, *getattr(declared, "aliases", ())):
        for place in declared.spellings:
            function = method = creator_of(op) if creates else function_of(op, place, name)
            if changing is None and declared.in_place:
                view = declared.view
                changing = restrided(function_of(op, "Tensor", name)) if view else in_place_of(op, name)
            if place == "Tensor":
                if not hasattr(Tensor, name) or name in ("data",):
                    setattr(Tensor, name, method)
                if changing is not None and not hasattr(Tensor, name + "_"):
                    setattr(Tensor, name + "_", changing)
            elif place == "nn.functional" and changing is not None and "inplace" not in op.parameters:
                namespaces[place].setdefault(name, with_inplace_flag(function, changing))
                namespaces[place].setdefault(name + "_", changing)
            else:
                if isinstance(namespaces[place].get(name), ModuleType):  # `torch.mode` means the function
                    del namespaces[place][name]
                namespaces[place].setdefault(name, function)
                if changing is not None:
                    namespaces[place].setdefault(name + "_", changing)


def derive_operators() -> None:
    """`+`, `-`, ... from the operations of the same meaning.

    With an array of NumPy it is NumPy that computes, and wraps the outcome as a tensor; only `==` takes one.
    """
    number = (int, float, bool, complex, Tensor, np.generic)

    def binary(name: str, op: Op) -> None:
        def forward(self: Tensor, other: Any) -> Any:
            if not isinstance(other, number):
                if not isinstance(other, np.ndarray) or name != "__eq__":
                    return NotImplemented
                other = from_numpy(other)
            return call(op, (self, other), {})

        def reverse(self: Tensor, other: Any) -> Any:
            if not isinstance(other, number):
                if name == "__truediv__" and isinstance(other, np.ndarray):
                    return call(OPS["reciprocal"], (self,), {}) * other
                return NotImplemented
            return call(op, (other, self), {})

        setattr(Tensor, name, forward)
        if name not in COMPARISONS:
            setattr(Tensor, "__r" + name[2:], reverse)
            changing = getattr(Tensor, op.name + "_", None)
            if changing is not None:

                def in_place(self: Tensor, other: Any) -> Any:
                    return changing(self, other) if isinstance(other, number) else NotImplemented

                setattr(Tensor, "__i" + name[2:], in_place)

    for name, meaning in OPERATORS.items():
        if meaning in OPS:
            binary(name, OPS[meaning])
    for name, meaning in UNARY.items():
        if meaning in OPS:
            op = OPS[meaning]
            setattr(Tensor, name, lambda self, op=op: call(op, (self,), {}))

    def invert(self: Tensor) -> Any:
        if self._spec.differentiable:
            raise TypeError("~ (operator.invert) is only implemented on integer and Boolean-type tensors")
        return call(OPS["bitwise_not"], (self,), {})

    setattr(Tensor, "__invert__", invert)  # noqa: B010


def _reduced_or_binary(reduced: Callable[..., Any], binary: Callable[..., Any]) -> Callable[..., Any]:
    """`torch.max`, which of two tensors is `torch.maximum`."""

    @functools.wraps(reduced)
    def function(*args: Any, **kwargs: Any) -> Any:
        if len(args) > 1 and isinstance(args[1], bool | float):
            raise TypeError(
                f"{reduced.__name__}() received an invalid combination of arguments - got (Tensor, "
                f"{type(args[1]).__name__})"
            )
        two = (len(args) == 2 and isinstance(args[1], Tensor)) or (kwargs and "other" in kwargs)
        return binary(*args, **kwargs) if two else reduced(*args, **kwargs)

    return function


def derive_all(namespaces: dict[str, dict[str, Any]]) -> None:
    """Derive everything that `fnnet.functional` declares."""
    assert functional.OPERATIONS is OPERATIONS
    namespaces = NAMESPACES | namespaces
    for declared in OPERATIONS.values():
        derive(namespaces, declared)
    for place, name in ELSEWHERE.items():
        module, _, spelled = place.rpartition(".")
        function = function_of(OPS[name])
        if module == "Tensor":
            setattr(Tensor, spelled, function)
        else:
            namespaces[module].setdefault(spelled, function)
    derive_operators()
    for old in ("__div__", "__rdiv__", "__idiv__"):
        setattr(Tensor, old, getattr(Tensor, old.replace("div", "truediv")))
    of_order = namespaces["torch"]["polygamma"]
    setattr(Tensor, "polygamma", lambda self, n: of_order(n, self))  # noqa: B010

    def polygamma_(self: Tensor, n: int) -> Tensor:
        made = of_order(n, self.clone())  # which backward keeps as it was
        if not self._spec.differentiable:
            raise RuntimeError(
                f"result type {cpp_name(made.dtype)} can't be cast to the desired output type "
                f"{cpp_name(self.dtype)}"
            )
        changed: Tensor = self.copy_(made)
        if changed._fn is not None and changed._base is None:
            changed._fn.__class__ = node_class("PolygammaBackward1")
        return changed

    setattr(Tensor, "polygamma_", polygamma_)  # noqa: B010
    setattr(Tensor, "as_strided_", restrided(getattr(Tensor, "as_strided")))  # noqa: B009, B010
    for name, binary in (("max", "maximum"), ("min", "minimum")):
        either = _reduced_or_binary(namespaces["torch"][name], namespaces["torch"][binary])
        namespaces["torch"][name] = either
        setattr(Tensor, name, either)
    for name in ("real", "imag"):
        part = getattr(Tensor, name)

        def change(self: Tensor, value: Any, part: Any = part) -> None:
            part(self).copy_(value)

        setattr(Tensor, name, property(part, change))

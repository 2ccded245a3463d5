"""Tensors from nothing: from data, filled, ranges, random."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

import jax.numpy as jnp
import numpy as np
from jax import lax

from fnnet.functional.creation import progression
from fnnet.torch import dtypes as D
from fnnet.torch.devices import CPU, as_device, cuda_devices
from fnnet.torch.dtypes import dtype as Dtype
from fnnet.torch.into_out import takes_out
from fnnet.torch.memory_formats import spec_in, strides_in
from fnnet.torch.mode import MODE
from fnnet.torch.nested_data import as_numpy
from fnnet.torch.nested_data import checked_array as checked_array
from fnnet.torch.plan import Plan, make_plan
from fnnet.torch.record import Value, append
from fnnet.torch.refusals import cpp_name, require_tensor
from fnnet.torch.spec import Spec, spec_of
from fnnet.torch.storage import Storage
from fnnet.torch.tensor import Tensor, from_array, wrap
from fnnet.torch.warning import warn

_FILL: dict[Any, Plan] = {}


def as_dtype(given: Any, function: str = "") -> Dtype | None:
    """A dtype from what users give to a function: torch's, or Python's bool, int, float."""
    if given is None or isinstance(given, Dtype):
        return given
    known = {bool: D.bool_, int: D.int64, float: D.float64, complex: D.complex128}
    if isinstance(given, type) and given in known:
        return known[given]
    argument = f"{function}(): argument 'dtype'" if function else "dtype"
    raise TypeError(f"{argument} must be torch.dtype, not {type(given).__name__}")


def check_options(function: str, layout: Any = None, pin_memory: bool = False) -> None:
    """Raise for a layout that no tensor here has, and for pinned memory, which only a GPU's driver has."""
    if layout is not None and str(layout) != "torch.strided":
        raise NotImplementedError(f"fnnet.torch: {function}() of layout {layout} is not supported")
    if pin_memory and not cuda_devices():
        raise RuntimeError(
            "pin_memory=True requires a CUDA or other accelerator backend; no pinned memory allocator is "
            "available on this system."
        )


def size_of(arguments: Sequence[Any], function: str) -> tuple[int, ...]:
    """The shape given as `f(2, 3)`, `f((2, 3))` or `f(size)`. Raises for negative or non-integer lengths."""
    sizes = arguments[0] if len(arguments) == 1 and isinstance(arguments[0], list | tuple) else arguments
    found: list[int] = []
    for one in sizes:
        if isinstance(one, Tensor):
            one = one.item()
        if isinstance(one, bool) or not hasattr(one, "__index__"):
            told = f"{function}(): argument 'size' (position 1) must be tuple of ints, "
            kind = type(one).__name__
            if sizes is arguments and not found:
                raise TypeError(f"{told}not {kind}")
            raise TypeError(f"{told}but found element of type {kind} at pos {len(found)}")
        if one < 0 and function == "zeros":
            raise RuntimeError("zeros: Dimension size must be non-negative.")
        if one < 0:
            raise RuntimeError(f"Trying to create tensor with negative dimension {one}: {list(sizes)}")
        found.append(int(one))
    return tuple(found)


def finish(made: Tensor, requires_grad: bool) -> Tensor:
    """Say that a fresh tensor requires grad, if asked to."""
    if MODE.inference:
        made._inference = True
    if requires_grad:
        if not made._spec.differentiable:
            raise RuntimeError("Only Tensors of floating point and complex dtype can require gradients")
        made.requires_grad_()
    return made


def full_spec(spec: Spec, value: Any) -> Tensor:
    """A tensor of this spec filled with a number, which is an argument of the program."""
    kind = type(value)
    run_time = kind is int or kind is float
    key = (spec, kind) if run_time else (spec, kind, value)
    plan = _FILL.get(key)
    if plan is None:

        def fill(*number: Any) -> Any:
            one = number[0] if number else np.asarray(value)
            return jnp.broadcast_to(lax.convert_element_type(one, spec.dtype.numpy), spec.shape)

        plan = _FILL[key] = make_plan(fill, [], [kind] if run_time else [], spec.device)
    return wrap(append(plan, (), (value,) if run_time else ())[0], spec)


def _filled(name: str, value: Any) -> Callable[..., Tensor]:
    def create(
        *size: Any,
        dtype: Any = None,
        layout: Any = None,
        device: Any = None,
        requires_grad: bool = False,
        pin_memory: bool = False,
        memory_format: Any = None,
        **other: Any,
    ) -> Tensor:
        if "size" in other:
            if size:
                raise TypeError(f"{name}() got multiple values for argument 'size'")
            size = (other.pop("size"),)
            if isinstance(size[0], int):
                raise TypeError(f"{name}(): argument 'size' must be tuple of ints, not int")
        if other:
            raise TypeError(f"{name}() got an unexpected keyword argument '{next(iter(other))}'")
        if not size:
            raise TypeError(f'{name}() missing 1 required positional arguments: "size"')
        check_options(name, layout, pin_memory)
        if str(memory_format) == "torch.preserve_format":
            raise RuntimeError("unsupported memory format Preserve")
        kind = as_dtype(dtype, name) or D.get_default_dtype()
        shape = size_of(size, name)
        spec = spec_of(shape, kind, as_device(device), strides_in(shape, memory_format))
        return finish(full_spec(spec, value), requires_grad)

    def like(
        input: Tensor,
        *,
        dtype: Any = None,
        layout: Any = None,
        device: Any = None,
        requires_grad: bool = False,
        pin_memory: bool = False,
        memory_format: Any = None,
    ) -> Tensor:
        require_tensor(f"{name}_like", input)
        if type(input._spec) is not Spec:
            from fnnet.torch.sparse_layouts.methods import like as like_sparse

            return like_sparse(name, input, as_dtype(dtype), device, layout, requires_grad)
        check_options(f"{name}_like", layout, pin_memory)
        return finish(full_spec(like_spec(input, dtype, device, memory_format), value), requires_grad)

    def new(self: Tensor, *size: Any, **options: Any) -> Tensor:
        options.setdefault("dtype", self.dtype)
        options.setdefault("device", self.device)
        return create(*size, **options)

    create.__name__, like.__name__, new.__name__ = name, f"{name}_like", f"new_{name}"
    create.__doc__ = f"torch.{name}: a tensor of the given size."
    like.__doc__ = f"torch.{name}_like: a tensor of the size, dtype and device of `input`."
    create.like, create.new = like, new  # type: ignore[attr-defined]
    return takes_out(create)


def like_spec(input: Tensor, dtype: Any = None, device: Any = None, memory_format: Any = None) -> Spec:
    """The spec of a new tensor like `input`: its memory order kept if it is dense."""
    require_tensor("empty_like", input)
    old = input._spec
    if type(old) is not Spec:
        raise NotImplementedError(f"fnnet.torch: a tensor like one of layout {input.layout} is not supported")
    where = old.device if device is None else as_device(device)
    return spec_of(old.shape, as_dtype(dtype) or old.dtype, where, spec_in(old, memory_format).strides)


zeros = _filled("zeros", 0)
ones = _filled("ones", 1)
empty = _filled("empty", 0)
zeros_like, ones_like, empty_like = zeros.like, ones.like, empty.like  # type: ignore[attr-defined]


@takes_out
def full(
    size: Any,
    fill_value: Any,
    *,
    dtype: Any = None,
    layout: Any = None,
    device: Any = None,
    requires_grad: bool = False,
    pin_memory: bool = False,
) -> Tensor:
    """A tensor of the given size filled with a number, whose type decides the dtype."""
    if isinstance(size, int):
        raise TypeError("full(): argument 'size' (position 1) must be tuple of ints, not int")
    if isinstance(fill_value, str):
        raise TypeError("full(): argument 'fill_value' (position 2) must be Number, not str")
    if isinstance(fill_value, Tensor):
        fill_value = fill_value.item()
    elif isinstance(fill_value, np.generic):
        fill_value = float(fill_value) if isinstance(fill_value, np.bool_) else fill_value.item()
    check_options("full", layout, pin_memory)
    kind = as_dtype(dtype, "full")
    if kind is None:
        from fnnet.torch.promotion import of_number

        kind = of_number(type(fill_value))
    elif kind.category == D.INTEGER and type(fill_value) is int:
        _check_limits(fill_value, fill_value, kind, f"{kind.name}_t" if kind is not D.int64 else "int64_t")
    return finish(
        full_spec(spec_of(size_of((size,), "full"), kind, as_device(device)), fill_value), requires_grad
    )


def full_like(
    input: Tensor, fill_value: Any, *, dtype: Any = None, device: Any = None, **options: Any
) -> Tensor:
    """A tensor like `input` filled with a number."""
    if isinstance(fill_value, Tensor):
        fill_value = fill_value.item()
    if isinstance(fill_value, complex) and input.dtype.category < D.COMPLEX and dtype is None:
        raise RuntimeError("value cannot be converted to type float without overflow")
    made = full_spec(like_spec(input, dtype, device), fill_value)
    return finish(made, options.get("requires_grad", False))


def _check_fits(array: np.ndarray[Any, Any], data: Any, kind: Dtype) -> None:
    """Raise PyTorch's error for Python numbers that the dtype cannot hold."""
    if isinstance(data, np.ndarray) or not array.size:
        return
    if array.dtype.kind == "c" and kind.category < D.COMPLEX:
        raise TypeError("must be real number, not complex")
    if kind.category == D.INTEGER and array.dtype.kind == "i":
        _check_limits(array.min(), array.max(), kind, kind.name)


def _check_limits(least: Any, greatest: Any, kind: Dtype, name: str) -> None:
    limits = np.iinfo(kind.numpy)
    if least < (-limits.max - 1 if not kind.is_signed else limits.min) or greatest > limits.max:
        raise RuntimeError(f"value cannot be converted to type {name} without overflow")


def tensor(
    data: Any,
    *,
    dtype: Any = None,
    device: Any = None,
    requires_grad: bool = False,
    pin_memory: bool = False,
    called: str = "torch.tensor",
) -> Tensor:
    """A new tensor with a copy of the data: a number, nested sequences, an array or a tensor."""
    kind = as_dtype(dtype, "tensor")
    check_options("tensor", None, pin_memory)
    if not isinstance(requires_grad, bool):
        raise TypeError(
            f"tensor(): argument 'requires_grad' must be bool, not {type(requires_grad).__name__}"
        )
    if isinstance(data, Tensor):
        warn(
            "To copy construct from a tensor, it is recommended to use sourceTensor.detach().clone() or "
            f"sourceTensor.detach().clone().requires_grad_(True), rather than {called}(sourceTensor)."
        )
        made = data.detach().clone()
        made = made.to(device=device or data.device, dtype=kind or data.dtype)
        return finish(made.detach() if made._fn else made, requires_grad)
    whole = kind is not None and kind.category == D.INTEGER
    if kind is not None and whole and isinstance(data, float) and not -(2.0**63) <= data < 2.0**63:
        raise RuntimeError(f"value cannot be converted to type {kind.name} without overflow")
    if isinstance(data, np.ndarray) and not data.flags.c_contiguous and data.dtype.isnative:
        made = from_numpy(np.array(data, order="K")).clone()  # which lies in memory as the array does
        return finish(made.to(device=device or "cpu", dtype=kind or made.dtype), requires_grad)
    if type(data) is float or type(data) is int:
        own = D.get_default_dtype() if type(data) is float else D.int64
        if kind is not None and kind.category == D.INTEGER and type(data) is int:
            _check_limits(data, data, kind, kind.name)
        if -(2**63) <= data < 2**63 and (kind is None or kind.category >= own.category or kind.category > 0):
            return finish(full_spec(spec_of((), kind or own, as_device(device)), data), requires_grad)
    if isinstance(data, str):
        raise TypeError("new(): invalid data type 'str'")
    if isinstance(data, list) and data and isinstance(data[0], np.ndarray):
        warn(
            "Creating a tensor from a list of numpy.ndarrays is extremely slow. Please consider converting "
            "the list to a single numpy.ndarray with numpy.array() before converting to a tensor."
        )
    array = as_numpy(data, kind)
    if kind is not None and array.dtype != kind.numpy:
        _check_fits(array, data, kind)
        array = array.astype(kind.numpy)
    return finish(from_array(array, as_device(device)), requires_grad)


def from_numpy(ndarray: np.ndarray[Any, Any]) -> Tensor:
    """A tensor that shares the memory of the array: a change of one is a change of the other."""
    if not isinstance(ndarray, np.ndarray):
        raise TypeError(f"expected np.ndarray (got {type(ndarray).__name__})")
    checked_array(ndarray)
    if not ndarray.flags.writeable:
        warn(
            "The given NumPy array is not writable, and PyTorch does not support non-writable tensors. This "
            "means writing to this tensor will result in undefined behavior. You may want to copy the array "
            "to protect its data or make it writable before converting it to a tensor. This type of warning "
            "will be suppressed for the rest of this program."
        )
    return sharing(ndarray)


def sharing(ndarray: np.ndarray[Any, Any]) -> Tensor:
    """A tensor in the memory of an array that PyTorch takes."""
    kind = D.of_numpy(ndarray.dtype)
    strides = tuple(stride // ndarray.itemsize for stride in ndarray.strides)
    spec = spec_of(ndarray.shape, kind, CPU, strides)
    made = wrap(Value(None), spec)
    made._storage = made._counter = Storage(None, spec)
    made._storage.host = ndarray
    return made


def as_tensor(data: Any, dtype: Any = None, device: Any = None) -> Tensor:
    """The data as a tensor, without a copy where possible."""
    if isinstance(data, Tensor):
        return data.to(device=device or data.device, dtype=as_dtype(dtype) or data.dtype)
    if isinstance(data, np.ndarray):
        return as_tensor(from_numpy(data), dtype, device)
    return tensor(data, dtype=dtype, device=device)


def legacy_tensor(*args: Any, device: Any = None, kind: Dtype | None = None, **options: Any) -> Tensor:
    """`torch.Tensor(2, 3)`, `torch.Tensor([1, 2])` and their kin, of the dtype `kind`."""
    if options:
        raise TypeError(
            "new() received an invalid combination of arguments: some of the keywords were incorrect: "
            + ", ".join(options)
        )
    kind = kind or D.get_default_dtype()
    if not args:
        return empty(0, dtype=kind, device=device)
    first = args[0]
    if len(args) == 1 and isinstance(first, Tensor):
        if first.dtype is not kind:
            raise TypeError(f"expected {kind} (got {first.dtype})")
        return first.detach()
    if len(args) == 1 and (isinstance(first, list | np.ndarray) or (type(first) is tuple)):
        return tensor(first, dtype=kind, device=device)
    if len(args) == 1 and isinstance(first, float):
        raise TypeError("new(): data must be a sequence (got float)")
    if len(args) == 1 and isinstance(first, str):
        raise TypeError("new(): invalid data type 'str'")
    return empty(*args, dtype=kind, device=device)


def _arange_numbers(*ends: Any) -> list[Any]:
    return [one.item() if hasattr(one, "item") else one for one in ends]


@takes_out
def arange(
    start: Any = None,
    end: Any = None,
    step: Any = 1,
    *,
    dtype: Any = None,
    layout: Any = None,
    device: Any = None,
    requires_grad: bool = False,
    pin_memory: bool = False,
) -> Tensor:
    """Numbers from start (0 if only the end is given) to end, which is left out, by step."""
    if end is None:
        start, end = None, start
    if end is None:
        raise TypeError("arange() missing 1 required positional argument: 'start'")
    if start is None:
        start = 0
    check_options("arange", layout, pin_memory)
    start, end, step = _arange_numbers(start, end, step)
    kind = as_dtype(dtype)
    if kind is not None and (kind.category == D.COMPLEX or kind is D.bool_):
        raise NotImplementedError(f"\"arange_cpu\" not implemented for '{cpp_name(kind)}'")
    if any(isinstance(one, complex) for one in (start, end, step)):
        raise RuntimeError("value cannot be converted to type double without overflow")
    if any(isinstance(one, float) and not math.isfinite(one) for one in (start, end)):
        raise RuntimeError(f"unsupported range: {start} -> {end}")
    if kind is None:
        floating = any(isinstance(one, float) for one in (start, end, step))
        kind = D.get_default_dtype() if floating else D.int64
    if step == 0:
        raise RuntimeError("step must be nonzero")
    if (end - start) * step < 0:
        raise RuntimeError("upper bound and lower bound inconsistent with step sign")
    array = progression(start, end, step, kind.numpy)
    return finish(from_array(array, as_device(device), copy=False), requires_grad)


__all__ = ["Sequence", "from_array"]

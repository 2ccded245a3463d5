"""`out=` of the functions of `torch` that are no declared operations: zeros, arange, rand, masked_select."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import Any

from fnnet.torch.dtypes import int64
from fnnet.torch.operation import cpp_name
from fnnet.torch.tensor import Tensor
from fnnet.torch.warning import warn

__all__ = ["puts_into_out", "takes_out"]

_RESIZED = (
    "The number of elements in the out tensor of shape {} is {} which does not match the computed number of "
    "elements {}. Note that this may occur as a result of rounding error. The out tensor will be resized to "
    "a tensor of shape {}."
)
_KEEP_SHAPE = ("arange", "range")
"""Functions that write into `out` as it is shaped, if it has as many elements as are made."""


def takes_out(create: Callable[..., Any]) -> Callable[..., Any]:
    """The function with `out=`: it makes what it makes in the dtype of `out`, and puts it there."""
    name = create.__name__

    @wraps(create)
    def made(*args: Any, out: Any = None, **options: Any) -> Any:
        if out is None:
            return create(*args, **options)
        from fnnet.torch.outs import write_out

        if not isinstance(out, Tensor):
            raise TypeError(f"{name}(): argument 'out' must be Tensor, not {type(out).__name__}")
        asked = options.pop("dtype", None)
        if asked is not None and asked is not out.dtype:
            raise RuntimeError(
                f"dtype {cpp_name(asked)} does not match dtype of out parameter ({cpp_name(out.dtype)})"
            )
        options.pop("device", None)
        result = create(*args, dtype=out.dtype, **options)
        before = out._spec
        if name == "arange" and before.numel not in (0, result.numel()):
            warn(_RESIZED.format(list(out.shape), before.numel, result.numel(), tuple(result.shape)))
        if name in _KEEP_SHAPE and result.numel() == out.numel():
            result = result.view(out.shape)
        write_out(out, result, name, silent=True)
        if name == "randn" and before.shape != result._spec.shape:
            out._counter.version += 1  # PyTorch resizes, fills and fills again
        return out

    return made


def puts_into_out(function: Callable[..., Tensor]) -> Callable[..., Tensor]:
    """The function of tensors whose result has a dtype of its own, with `out=`."""
    name = function.__name__

    @wraps(function)
    def made(*args: Any, out: Any = None, **options: Any) -> Tensor:
        if out is None:
            return function(*args, **options)
        from fnnet.torch.outs import write_out

        if name == "masked_select":
            if isinstance(out, Tensor) and out.dtype is not args[0].dtype:
                raise RuntimeError("masked_select(): self and result must have the same scalar type")
            return write_out(out, function(*args, **options), name)
        if name == "multinomial" and isinstance(out, Tensor) and out.dtype is not int64:
            raise RuntimeError(f"{name} expects Long tensor out, got: {cpp_name(out.dtype)}")
        return write_out(out, function(*args, **options), name, silent=True)

    return made

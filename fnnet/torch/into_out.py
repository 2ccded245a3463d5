"""`out=` of the functions of `torch` that are no declared operations: zeros, arange, rand, masked_select."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import Any

from fnnet.torch.dtypes import int64
from fnnet.torch.operation import cpp_name
from fnnet.torch.tensor import Tensor

__all__ = ["puts_into_out", "takes_out"]

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
        if name in _KEEP_SHAPE and result.numel() == out.numel():
            result = result.view(out.shape)
        return write_out(out, result, name, silent=True)

    return made


def puts_into_out(function: Callable[..., Tensor]) -> Callable[..., Tensor]:
    """The function of tensors whose result has a dtype of its own, with `out=`."""
    name = function.__name__

    @wraps(function)
    def made(*args: Any, out: Any = None, **options: Any) -> Tensor:
        if out is None:
            return function(*args, **options)
        from fnnet.torch.outs import write_out

        if name == "multinomial" and isinstance(out, Tensor) and out.dtype is not int64:
            raise RuntimeError(f"{name} expects Long tensor out, got: {cpp_name(out.dtype)}")
        return write_out(out, function(*args, **options), name, silent=True)

    return made

"""`out=` of the functions that make tensors from nothing but sizes and numbers: zeros, arange, rand."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import Any

from fnnet.torch.dtypes import int64
from fnnet.torch.operation import cpp_name
from fnnet.torch.tensor import Tensor

__all__ = ["draws_into_out", "takes_out"]

_KEEP_SHAPE = ("arange", "range")
"""Functions that write into `out` as it is shaped, if it has as many elements as are made."""


def takes_out(create: Callable[..., Any]) -> Callable[..., Any]:
    """The function with `out=`: it makes what it makes in the dtype of `out`, and puts it there."""
    name = create.__name__

    @wraps(create)
    def made(*args: Any, out: Any = None, **options: Any) -> Any:
        if out is None:
            return create(*args, **options)
        from fnnet.torch.declare import write_out

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
        return write_out(out, result, name)

    return made


def draws_into_out(draw: Callable[..., Tensor]) -> Callable[..., Tensor]:
    """The function of a tensor of weights or moments, whose dtype is its own, with `out=`."""
    name = draw.__name__

    @wraps(draw)
    def made(*args: Any, out: Any = None, **options: Any) -> Tensor:
        if out is None:
            return draw(*args, **options)
        from fnnet.torch.declare import write_out

        if name == "multinomial" and isinstance(out, Tensor) and out.dtype is not int64:
            raise RuntimeError(f"{name} expects Long tensor out, got: {cpp_name(out.dtype)}")
        return write_out(out, draw(*args, **options), name)

    return made

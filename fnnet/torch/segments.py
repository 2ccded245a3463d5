"""`torch.segment_reduce`, which looks at the lengths of its segments."""

from __future__ import annotations

from typing import Any

from fnnet.torch.refusals import cpp_name
from fnnet.torch.tensor import Tensor


def segment_reduce(
    data: Tensor,
    reduce: str,
    *,
    lengths: Tensor | None = None,
    indices: Tensor | None = None,
    offsets: Tensor | None = None,
    axis: int = 0,
    unsafe: bool = False,
    initial: Any = None,
) -> Tensor:
    """The sum, mean, max, min or prod of runs of `data`: see fnnet.functional.segment_reduce.

    Raises RuntimeError for lengths that are negative or, unless `unsafe`, are not of all rows together.
    """
    from fnnet.torch.call import call
    from fnnet.torch.declare import OPS

    if data.dtype.name not in ("float16", "bfloat16", "float32", "float64"):
        raise NotImplementedError(f"\"_segment_reduce_cpu\" not implemented for '{cpp_name(data.dtype)}'")
    if isinstance(lengths, Tensor) and offsets is None and indices is None and lengths.ndim:
        kind = lengths.dtype.name
        last = axis % max(data.ndim, 1) == lengths.ndim - 1
        if last and not unsafe:
            if not lengths.numel():
                lengths.min()  # which says what is wrong
            if int(lengths.min()) < 0:
                raise RuntimeError("lengths contains negative value!")
            if bool((lengths.sum(-1) != data.shape[lengths.ndim - 1]).any()):
                raise RuntimeError(
                    "segment_reduce(): Expected all rows of lengths along axis to sum to "
                    "data.size(lengths.dim()-1) when !unsafe."
                )
        if kind not in ("int32", "int64"):
            raise NotImplementedError(
                f"\"_segment_reduce_lengths_cpu_kernel1\" not implemented for '{cpp_name(lengths.dtype)}'"
            )
    named = {"lengths": lengths, "indices": indices, "offsets": offsets, "axis": axis, "initial": initial}
    made: Tensor = call(OPS["segment_reduce"], (data, reduce), named)
    return made

"""torch.fx.passes.shape_prop: shapes and dtypes of a graph's values, found by running it."""

from __future__ import annotations

import traceback
from typing import Any, NamedTuple

from fnnet.torch.fx.interpreter import Interpreter
from fnnet.torch.fx.node import Node, map_aggregate
from fnnet.torch.memory_formats import channels_last, channels_last_3d, contiguous_format
from fnnet.torch.tensor import Tensor

__all__ = ["ShapeProp", "TensorMetadata"]


class TensorMetadata(NamedTuple):
    """What is known of a tensor."""

    shape: Any
    dtype: Any
    requires_grad: bool
    stride: tuple[int, ...]
    memory_format: Any
    is_quantized: bool
    qparams: dict[str, Any]


def _extract_tensor_metadata(result: Any, include_contiguity: bool = True) -> TensorMetadata:
    """What is known of a tensor."""
    format = None
    if include_contiguity:
        for one, ndim in ((contiguous_format, None), (channels_last, 4), (channels_last_3d, 5)):
            if ndim in (None, result.dim()) and result.is_contiguous(memory_format=one):
                format = one
                break
    return TensorMetadata(
        result.shape, result.dtype, result.requires_grad, result.stride(), format, False, {}
    )


class ShapeProp(Interpreter):
    """Runs a graph, and notes what is known of each value in its node's `meta["tensor_meta"]`."""

    def __init__(self, gm: Any, fake_mode: Any = None) -> None:
        if fake_mode is not None:
            raise NotImplementedError("fnnet.torch: ShapeProp(fake_mode=...) is not supported")
        super().__init__(gm)
        self.fake_module = self.fake_mode = None
        self.real_module = self.module

    def run_node(self, n: Node) -> Any:
        """What one step gives. Raises RuntimeError if it fails."""
        try:
            result = super().run_node(n)
        except Exception as error:
            traceback.print_exc()
            raise RuntimeError(f"ShapeProp error for: node={n.format_node()} with meta={n.meta}") from error
        found = []

        def told(value: Any) -> Any:
            if isinstance(value, Tensor):
                found.append(value)
                return _extract_tensor_metadata(value)
            return value

        meta = map_aggregate(result, told)
        if found:
            n.meta["tensor_meta"] = meta
        n.meta["type"] = type(result)
        return result

    def propagate(self, *args: Any) -> Any:
        """Run the graph on these arguments."""
        return super().run(*args)

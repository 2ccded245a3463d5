"""Which tensors of the graph a transformation of `torch.func` reads.

While one runs, operations compute on JAX's tracers and leave no nodes. What they read of tensors that require
grad is noted here, so that the whole transformation can be one node.
"""

from __future__ import annotations

from typing import Any

from fnnet.torch.storage import sequence


class Reading:
    """The tensors that were read since a time, of those that were in a graph by then."""

    def __init__(self) -> None:
        self.since = next(sequence)
        self.tensors: dict[int, Any] = {}

    def note(self, tensor: Any) -> None:
        """Note a tensor, if it requires grad by what was done before."""
        if id(tensor) in self.tensors or not tensor.requires_grad:
            return
        node = tensor.grad_fn
        if node is None or node.order < self.since:
            self.tensors[id(tensor)] = tensor


TRANSFORMS: list[tuple[str, str]] = []
"""The transformations of `torch.func` that run now, the innermost last: "reverse", "forward" or "vmap", and
its `randomness`."""

READING: list[Reading] = []
"""The readings that go on; one at most."""

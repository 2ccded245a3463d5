"""Embeddings made from a table that is there."""

from __future__ import annotations

import inspect
from typing import Any

import numpy as np

from fnnet import layers
from fnnet.torch.dtypes import get_default_dtype
from fnnet.torch.nn.derive import CLASSES, module_class
from fnnet.torch.nn.module import Module
from fnnet.torch.nn.parameter import Parameter
from fnnet.torch.tensor import Tensor

__all__ = ["Embedding", "EmbeddingBag"]

_Table: Any = module_class(layers.embedding._Table)


class _FromTable(_Table):
    """A table of rows, which may be given: then nothing is drawn."""

    def __init__(
        self, *args: Any, _weight: Tensor | None = None, _freeze: bool = False, **kwargs: Any
    ) -> None:
        if _weight is None:
            super().__init__(*args, **kwargs)
            return
        given, _ = self._arguments(args, kwargs)
        layer = self._layer_class(**given)
        if list(_weight.shape) != [layer.num_embeddings, layer.embedding_dim]:
            raise AssertionError("Shape of weight does not match num_embeddings and embedding_dim")
        Module.__init__(self)
        self._build(layer, {"weight": np.zeros((0, 0), np.float32)}, get_default_dtype())
        self.weight = Parameter(_weight, requires_grad=not _freeze)

    @classmethod
    def from_pretrained(cls, embeddings: Tensor, freeze: bool = True, *args: Any, **kwargs: Any) -> Any:
        """An embedding whose weight is `embeddings` (rows, columns), trained only if it is not frozen.

        The other arguments are the constructor's, in its order.
        """
        if embeddings.dim() != 2:
            raise AssertionError("Embeddings parameter is expected to be 2-dimensional")
        names = list(inspect.signature(cls._layer_class).parameters)[2:]
        options = {**dict(zip(names, args, strict=False)), **kwargs}
        rows, columns = embeddings.shape
        return cls(rows, columns, **options, _weight=embeddings, _freeze=freeze)


CLASSES[layers.embedding._Table] = _FromTable
Embedding: Any = module_class(layers.Embedding)
EmbeddingBag: Any = module_class(layers.EmbeddingBag)

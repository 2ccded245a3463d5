"""Embeddings made from a table that is there."""

from __future__ import annotations

import inspect
from typing import Any

import numpy as np

from fnnet import layers
from fnnet.torch.dtypes import get_default_dtype
from fnnet.torch.mode import no_grad
from fnnet.torch.nn.derive import CLASSES, module_class
from fnnet.torch.nn.module import Module
from fnnet.torch.nn.parameter import Parameter
from fnnet.torch.tensor import Tensor

__all__ = ["Embedding", "EmbeddingBag"]

_Table: Any = module_class(layers.embedding._Table)


class _FromTable(_Table):
    """A table of rows, which may be given: then nothing is drawn."""

    weight: Any

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        args, kwargs, _weight, _freeze = _with_table(type(self), args, kwargs)
        if _weight is None:
            super().__init__(*args, **kwargs)
            if _freeze:
                self.weight.requires_grad_(False)
            return
        given, _ = self._arguments(args, kwargs)
        layer = self._layer_class(**given)
        if list(_weight.shape) != [layer.num_embeddings, layer.embedding_dim]:
            raise AssertionError("Shape of weight does not match num_embeddings and embedding_dim")
        Module.__init__(self)
        self._build(layer, {"weight": np.zeros((0, 0), np.float32)}, get_default_dtype())
        self.weight = Parameter(_weight, requires_grad=not _freeze)

    def _fill_padding_idx_with_zero(self) -> None:
        if self.padding_idx is not None:
            with no_grad():
                self.weight[self.padding_idx].fill_(0)

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
        made = cls(rows, columns, **options, _weight=embeddings)
        made.weight.requires_grad_(not freeze)
        return made


def _with_table(
    cls: type[_FromTable], args: tuple[Any, ...], kwargs: dict[str, Any]
) -> tuple[tuple[Any, ...], dict[str, Any], Tensor | None, bool]:
    """The constructor's arguments, the table (after `sparse`, as in PyTorch) and whether it is frozen."""
    names = list(cls.__signature__.parameters)
    own = [name for name in ("_weight", "_freeze") if name in names]
    first = names.index(own[0])
    table = dict(zip(own, args[first:], strict=False))
    args = args[:first] + args[first + len(own) :] if len(args) > first + len(own) else args[:first]
    kwargs = dict(kwargs)
    if len(args) > first:  # what stood after the table keeps its place by its name
        kwargs.update(zip(names[first + len(own) :], args[first:], strict=False))
        args = args[:first]
    for name in own:
        if name in kwargs:
            table[name] = kwargs.pop(name)
    return args, kwargs, table.get("_weight"), table.get("_freeze", False)


def _takes_table(cls: Any, *names: str) -> None:
    given = list(cls.__signature__.parameters.values())
    place = [one.name for one in given].index("sparse") + 1
    kind = inspect.Parameter.POSITIONAL_OR_KEYWORD
    given[place:place] = [
        inspect.Parameter(name, kind, default=False if name == "_freeze" else None) for name in names
    ]
    cls.__signature__ = inspect.Signature(given)


CLASSES[layers.embedding._Table] = _FromTable
Embedding: Any = module_class(layers.Embedding)
EmbeddingBag: Any = module_class(layers.EmbeddingBag)
_takes_table(Embedding, "_weight", "_freeze")
_takes_table(EmbeddingBag, "_weight")

"""The methods of all sparse tensors."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

from fnnet.torch import conversion
from fnnet.torch.legacy import type_name
from fnnet.torch.mode import MODE
from fnnet.torch.printing import _body, _node_name
from fnnet.torch.sparse_layouts.compressed import CSR, LAYOUT_NAMES, CompressedTensor, compressed
from fnnet.torch.sparse_layouts.tensors import (
    COO,
    CooTensor,
    SparseTensor,
    coo,
    empty_coo,
    known,
    refusal,
)
from fnnet.torch.tensor import Tensor, alias


def gives(cls: Any) -> Callable[[Any], Any]:
    """Attach a method to a class under the function's own name."""

    def attach(function: Any) -> Any:
        setattr(cls, function.__name__, function)
        return function

    return attach


def _property(name: str, answer: Callable[[Any], Any], doc: str) -> None:
    setattr(SparseTensor, name, property(answer, doc=doc))


def _no_bytes(self: SparseTensor) -> int:
    raise RuntimeError(
        "nbytes is not defined for sparse tensors.  If you want the size of the constituent tensors, add the "
        "nbytes of the indices and values.  If you want the size of the  equivalent dense tensor, multiply "
        "numel() by element_size()"
    )


def _set_data(self: SparseTensor, other: SparseTensor) -> None:
    if other.__class__ is not self.__class__:
        raise RuntimeError(
            "Attempted to call `variable.set_data(tensor)`, but `variable` and `tensor` have incompatible "
            "tensor "
            "type."
        )
    requires = self._requires
    self._become(other.detach())
    self._requires = requires


_property("is_sparse", lambda self: self.layout is COO, "Whether it is in coordinates.")
_property("is_sparse_csr", lambda self: self.layout is CSR, "Whether it is by rows.")
_property("nbytes", _no_bytes, "Raises RuntimeError.")
_property("mT", lambda self: self.transpose(-2, -1), "The matrix transposed.")
_property(
    "T", lambda self: self.permute(*range(self.ndim)[::-1]) if self.is_sparse else self.t(), "Transposed."
)
SparseTensor.data = property(lambda self: self.detach(), _set_data, doc="Outside of the graph.")  # type: ignore[attr-defined]


@gives(SparseTensor)
def _nnz(self: SparseTensor) -> int:
    """The number of entries."""
    return self._numbers._spec.shape[0]


@gives(SparseTensor)
def _values(self: SparseTensor) -> Tensor:
    """The values, outside of the graph."""
    return self._numbers.detach()


@gives(SparseTensor)
def detach(self: SparseTensor) -> Any:
    """The same entries outside of the graph."""
    made = self._with(alias(self._numbers))
    made._counter = self._counter
    return made


@gives(SparseTensor)
def detach_(self: SparseTensor) -> Any:
    """Leave the graph."""
    self._numbers = alias(self._numbers)
    return self


@gives(SparseTensor)
def clone(self: SparseTensor, *, memory_format: Any = None) -> Any:
    """A copy with memory of its own, part of the graph."""
    if str(memory_format) not in ("None", "torch.preserve_format"):
        raise RuntimeError(f"unsupported memory format option {memory_format}")
    made = self._with(self._numbers.clone())
    made._places = self._places.clone()
    if isinstance(self, CompressedTensor):
        made._begins = self._begins.clone()
    return made


@gives(SparseTensor)
def to(self: SparseTensor, *args: Any, **kwargs: Any) -> Any:
    """The tensor in another dtype or on another device; itself if it is there already."""
    lies = kwargs.pop("layout", None)
    if lies not in (None, self.layout):
        raise refusal(f"to({lies})", self)
    values = conversion.to(self._numbers, *args, **kwargs)
    if values is self._numbers:
        return self
    made = self._with(values)
    if values.device != self.device:
        made._places = self._places.to(values.device)
        if isinstance(self, CompressedTensor):
            made._begins = self._begins.to(values.device)
    return made


def _type(self: SparseTensor, dtype: Any = None, non_blocking: bool = False) -> Any:
    """The name of the tensor's type ("torch.sparse.FloatTensor"), or the tensor in another dtype."""
    from fnnet.torch.legacy import dtype_of_type

    if dtype is None:
        place = "torch.sparse." if self.layout is COO else "torch.sparse_csr."
        return type_name(self._spec).replace("torch.", place, 1)
    return self.to(*dtype_of_type(dtype))


SparseTensor.type = _type  # type: ignore[attr-defined]


@gives(SparseTensor)
def numpy(self: SparseTensor, *, force: bool = False) -> Any:
    """Raises TypeError: NumPy has no such arrays."""
    raise TypeError(
        f"can't convert {LAYOUT_NAMES[self.layout]} layout tensor to numpy. Use Tensor.to_dense() first."
    )


@gives(SparseTensor)
def __array__(self: SparseTensor, dtype: Any = None, copy: Any = None) -> Any:
    return self.numpy()


@gives(SparseTensor)
def item(self: SparseTensor) -> Any:
    """The sum of the entries of a tensor of one element, as a number."""
    if self._spec.numel != 1:
        raise RuntimeError(f"a Tensor with {self._spec.numel} elements cannot be converted to Scalar")
    return self._numbers.sum().item()


@gives(SparseTensor)
def tolist(self: SparseTensor) -> Any:
    """Raises RuntimeError."""
    raise RuntimeError("Cannot access data pointer of Tensor that doesn't have storage")


@gives(SparseTensor)
def data_ptr(self: SparseTensor) -> int:
    """Raises RuntimeError."""
    raise RuntimeError("Cannot access data pointer of Tensor that doesn't have storage")


@gives(SparseTensor)
def untyped_storage(self: SparseTensor) -> Any:
    """Raises NotImplementedError."""
    raise NotImplementedError("Cannot access storage of SparseTensorImpl")


SparseTensor.storage = untyped_storage  # type: ignore[attr-defined]


@gives(SparseTensor)
def contiguous(self: SparseTensor, memory_format: Any = None) -> Tensor:
    """Raises RuntimeError."""
    raise RuntimeError("unsupported memory format option Contiguous")


@gives(SparseTensor)
def is_contiguous(self: SparseTensor, memory_format: Any = None) -> bool:
    """False."""
    return False


def _reshape(self: SparseTensor, *shape: Any) -> Any:
    """Raises RuntimeError."""
    raise RuntimeError("reshape is not implemented for sparse tensors")


SparseTensor.reshape = _reshape  # type: ignore[attr-defined]


@gives(SparseTensor)
def __iter__(self: Any) -> Iterator[Any]:
    return iter([self[i] for i in range(len(self))])


@gives(SparseTensor)
def __getitem__(self: SparseTensor, index: Any) -> Any:
    found: Any = self
    axis = 0
    for one in index if isinstance(index, tuple) else (index,):
        if isinstance(one, slice) and one == slice(None):
            axis += 1
        elif isinstance(one, int | np.integer) and not isinstance(one, bool):
            size = found.shape[axis] if axis < found.ndim else 0
            if not -size <= one < size:
                raise IndexError(f"index {one} is out of bounds for dimension {axis} with size {size}")
            found = found.select(axis, int(one))
        elif one is None:
            found = found.unsqueeze(axis)
            axis += 1
        else:
            raise refusal("as_strided" if isinstance(one, slice) else "index.Tensor", self)
    return found


@gives(SparseTensor)
def __setitem__(self: SparseTensor, index: Any, value: Any) -> None:
    raise refusal("copy_ (of a part)", self)


@gives(SparseTensor)
def copy_(self: SparseTensor, src: Any, non_blocking: bool = False) -> Any:
    """Become what another tensor of this layout is."""
    if not isinstance(src, Tensor):
        raise TypeError(f"copy_(): argument 'other' must be Tensor, not {src.__class__.__name__}")
    if not isinstance(src, SparseTensor):
        raise RuntimeError(
            "copy_() between dense and sparse Tensors is not implemented! Found self type = "
            f"{self.type()} and src type = {src.type()}"
        )
    if src._spec.shape != self._spec.shape or src.layout is not self.layout:
        raise refusal("copy_ (of another size or layout)", self)
    check_leaf(self)
    made = src.clone().to(self.dtype)
    return self._become(made if MODE.enabled else made.detach())


def check_leaf(self: SparseTensor) -> None:
    """Raise RuntimeError where a leaf that requires grad is written to."""
    if MODE.enabled and self.is_leaf and self.requires_grad:
        raise RuntimeError("a leaf Variable that requires grad is being used in an in-place operation.")


@gives(SparseTensor)
def fill_(self: SparseTensor, value: Any) -> Any:
    """Raises NotImplementedError, as in PyTorch."""
    raise refusal("fill_.Scalar", self)


@gives(SparseTensor)
def __repr__(self: SparseTensor, *, tensor_contents: Any = None) -> str:
    from fnnet.torch.dtypes import get_default_dtype

    indent = len("tensor(")
    if isinstance(self, CompressedTensor):
        names = ("crow", "col") if self.layout is CSR else ("ccol", "row")
        parts = [(f"{names[0]}_indices=tensor(", self._begins), (f"{names[1]}_indices=tensor(", self._places)]
    else:
        parts = [("indices=tensor(", self._places)]
    texts = []
    for prefix, part in [*parts, ("values=tensor(", self._numbers)]:
        text = _body(known(part), indent + len(prefix))
        if not part._spec.numel:
            text += f", size={tuple(part._spec.shape)}"
        texts.append(f"{prefix}{text})")
    suffixes = [f"size={tuple(self._spec.shape)}", f"nnz={self._nnz()}"]
    if self.device.type != "cpu":
        suffixes.insert(0, f"device='{self.device}'")
    default = get_default_dtype()
    if self.dtype not in (default, default.to_complex()) and str(self.dtype) not in (
        "torch.int64",
        "torch.bool",
    ):
        suffixes.append(f"dtype={self.dtype}")
    suffixes.append(f"layout={self.layout}")
    if self.grad_fn is not None:
        suffixes.append(f"grad_fn=<{_node_name(self.grad_fn)}>")
    elif self.requires_grad:
        suffixes.append("requires_grad=True")
    from fnnet.torch._tensor_str import _add_suffixes

    contents = (",\n" + " " * indent).join(texts) if tensor_contents is None else tensor_contents
    return _add_suffixes("tensor(" + contents, suffixes, indent, self.is_sparse)


@gives(SparseTensor)
def __format__(self: SparseTensor, spec: str) -> str:
    return object.__format__(self, spec) if self.ndim else format(self.item(), spec)


@gives(SparseTensor)
def __deepcopy__(self: SparseTensor, memo: dict[int, Any]) -> Any:
    if not self.is_leaf:
        raise RuntimeError(
            "Only Tensors created explicitly by the user (graph leaves) support the deepcopy protocol at the "
            "moment."
        )
    if id(self) not in memo:
        made = memo[id(self)] = self.detach().clone()
        made.requires_grad_(self.requires_grad)
    return memo[id(self)]


@gives(SparseTensor)
def __reduce_ex__(self: SparseTensor, protocol: Any) -> Any:
    coalesced = getattr(self, "_coalesced", None)
    parts = tuple([alias(one) for one in self._parts()])
    return _rebuilt, (parts, tuple(self._spec.shape), self.layout, coalesced, self.requires_grad)


def _rebuilt(
    parts: tuple[Any, ...], shape: tuple[int, ...], lies: Any, coalesced: Any, requires_grad: bool
) -> SparseTensor:
    """The sparse tensor that was pickled."""
    if lies is COO:
        made: Any = coo(parts[0], parts[1], shape, coalesced)
    else:
        made = compressed(parts[0], parts[1], parts[2], shape, lies)
    return made.requires_grad_() if requires_grad else made


@gives(SparseTensor)
def __copy__(self: SparseTensor) -> Any:
    return self.detach().requires_grad_(self.requires_grad)


@gives(SparseTensor)
def requires_grad_(self: SparseTensor, requires_grad: bool = True) -> Any:
    """Say whether this leaf wants a gradient."""
    Tensor.requires_grad_(self, requires_grad)
    if self._requires:
        self._numbers.__dict__["_of_sparse"] = True
    return self


def _refused(name: str) -> None:
    def refuse(self: SparseTensor, *args: Any, **kwargs: Any) -> Any:
        raise refusal(name, self)

    refuse.__name__, refuse.__doc__ = name, "Raises NotImplementedError."
    setattr(SparseTensor, name, refuse)


for _name in (
    "as_strided_", "bernoulli", "t_", "transpose_", "squeeze_", "unsqueeze_", "swapaxes_", "swapdims_", "new",
    "new_ones", "new_full", "new_zeros", "new_empty", "register_hook", "register_post_accumulate_grad_hook",
    "retain_grad",
):  # fmt: skip
    _refused(_name)


def like(name: str, input: Any, dtype: Any, device: Any, layout: Any, requires_grad: bool) -> Any:
    """`zeros_like` and its kin of a sparse tensor."""
    from fnnet.torch.inquiry import strided

    kind, where = dtype or input.dtype, device or input.device
    if layout is strided:
        from fnnet.torch.creation import ones, zeros

        make = ones if name == "ones" else zeros
        return make(tuple(input.shape), dtype=kind, device=where, requires_grad=requires_grad)
    if name == "ones" or layout not in (None, COO) or not isinstance(input, CooTensor):
        raise refusal("fill_.Scalar" if name == "ones" else f"{name}_like", input)
    made = empty_coo(input._spec.shape, input.sparse_dim(), kind, where)
    return made.requires_grad_() if requires_grad else made


__all__ = ["check_leaf", "gives", "like"]

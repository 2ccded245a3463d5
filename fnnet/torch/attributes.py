"""What a Tensor says about itself that is alike for all tensors here, and old ways to change its memory."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from fnnet.torch import dtypes as D
from fnnet.torch.attach import method
from fnnet.torch.autograd import inplace
from fnnet.torch.creation import size_of, zeros
from fnnet.torch.inquiry import strided
from fnnet.torch.spec import contiguous_strides
from fnnet.torch.tensor import Tensor
from fnnet.torch.view import marked
from fnnet.torch.warning import warn

_ABSENT = ("is_sparse", "is_sparse_csr", "is_quantized", "is_mkldnn", "is_mps", "is_mtia",
           "is_xpu", "is_xla", "is_ipu", "is_maia", "is_vulkan", "is_nested")  # fmt: skip


def _attach(name: str, answer: Callable[[Tensor], Any], doc: str) -> None:
    setattr(Tensor, name, property(answer, doc=doc))


def _volatile(self: Tensor) -> bool:
    warn("volatile was removed (Variable.volatile is always False)")
    return False


for _name in _ABSENT:
    _attach(_name, lambda self: False, "False: no tensor of fnnet is.")
_attach("is_cpu", lambda self: self.device.type == "cpu", "Whether it lies in the memory of the host.")
_attach("is_cuda", lambda self: self.device.type == "cuda", "Whether it lies on a GPU.")
_attach("is_meta", lambda self: self.device.type == "meta", "Whether it has a shape and no values.")
_attach("layout", lambda self: strided, "torch.strided.")
_attach("itemsize", lambda self: self.dtype.itemsize, "Bytes of one element.")
_attach("nbytes", lambda self: self._spec.numel * self.dtype.itemsize, "Bytes of all elements.")
_attach("name", lambda self: None, "None.")
_attach("volatile", _volatile, "False: the old switch of autograd is gone.")


@method
def get_device(self: Tensor) -> int:
    """The index of the GPU; -1 for the CPU."""
    return -1 if self.device.type in ("cpu", "meta") else self.device.index or 0


@method
def is_signed(self: Tensor) -> bool:
    """Whether the dtype has negative numbers."""
    return self.dtype not in (D.bool_, D.uint8, D.uint16, D.uint32, D.uint64)


@method
def is_inference(self: Tensor) -> bool:
    """Whether the tensor was made in inference mode."""
    return self._inference


@method
def is_conj(self: Tensor) -> bool:
    """Whether this is a view that shows the conjugates of what lies in memory."""
    return marked(self._steps) == "conj"


@method
def is_neg(self: Tensor) -> bool:
    """Whether this is a view that shows the negatives of what lies in memory."""
    return marked(self._steps) == "neg"


@method
def resolve_conj(self: Tensor) -> Tensor:
    """The tensor itself, or a copy of a conjugate view."""
    return self.clone() if self.is_conj() else self


@method
def resolve_neg(self: Tensor) -> Tensor:
    """The tensor itself, or a copy of a negative view."""
    return self.clone() if self.is_neg() else self


def _itself(name: str) -> None:
    def same(self: Tensor, *args: Any, **kwargs: Any) -> Tensor:
        return self

    same.__name__, same.__doc__ = name, "The tensor itself."
    setattr(Tensor, name, same)


_itself("record_stream")


@method
def pin_memory(self: Tensor, device: Any = None) -> Tensor:
    """The tensor itself. Raises RuntimeError without a GPU, as in PyTorch."""
    from fnnet.torch import cuda

    if not cuda.is_available():
        raise RuntimeError("Cannot access accelerator device when none is available.")
    return self


@method
def is_pinned(self: Tensor, device: Any = None) -> bool:
    """False: JAX pins no memory of tensors."""
    return False


@method
def is_same_size(self: Tensor, other: Tensor) -> bool:
    """Whether the shapes are equal."""
    return self.shape == other.shape


@method
def is_set_to(self: Tensor, tensor: Tensor) -> bool:
    """Whether both look at the same memory in the same way."""
    same = self._storage is tensor._storage and self._offset == tensor._offset
    return same and self._spec is tensor._spec


@method
def is_nonzero(self: Tensor) -> bool:
    """Whether a tensor of one element is not zero."""
    return bool(self)


@method
def sum_to_size(self: Tensor, *size: Any) -> Tensor:
    """The sum over the dimensions that broadcasting from `size` would have added or stretched."""
    target = size_of(size, "sum_to_size")
    if not target:
        total: Tensor = self.sum()
        return total
    if len(target) > self.ndim:
        raise RuntimeError(f"size {{{list(target)}}} is not expandable to size {{{list(self.shape)}}}.")
    lead = self.ndim - len(target)
    for wanted, own in zip(target, self.shape[lead:], strict=True):
        if wanted not in (1, own):
            raise RuntimeError(f"size {{{list(target)}}} is not expandable to size {{{list(self.shape)}}}.")
    dims = [d for d in range(self.ndim) if d < lead or (target[d - lead] == 1 and self.shape[d] != 1)]
    return (self.sum(dims, keepdim=True) if dims else self).view(target)


@method
def resize_(self: Tensor, *sizes: Any, memory_format: Any = None) -> Tensor:
    """Give the tensor another size: its elements in order, zeros for what is added."""
    if self.requires_grad:
        raise RuntimeError("cannot resize variables that require grad")
    target = size_of(sizes, "resize_")
    count = 1
    for length in target:
        count *= length
    if self._steps is not None:
        if self._offset + count > self._storage.spec.numel:
            raise NotImplementedError("fnnet.torch: Tensor.resize_ of a view beyond the memory that it sees")
        seen: Tensor = self.as_strided_(target, contiguous_strides(target))
        return seen
    strides = self._spec.strides
    order = sorted(range(self.ndim), key=lambda dim: -strides[dim])  # as the elements lie in memory
    flat: Any = self.detach().permute(order).clone().reshape(-1)
    kept = flat[:count]
    if count > flat.shape[0]:
        whole: Any = zeros(count, dtype=self.dtype, device=self.device)
        whole[: flat.shape[0]] = flat
        kept = whole
    setattr(self, "data", kept.reshape(target).clone())  # noqa: B010
    return self


@method
def resize_as_(self: Tensor, the_template: Tensor, memory_format: Any = None) -> Tensor:
    """`resize_` to the size of another tensor."""
    return self.resize_(the_template.shape)


@method
def set_(self: Tensor, source: Any = None, *layout: Any) -> Tensor:
    """Look at the memory of another tensor. Raises NotImplementedError for storages."""
    if layout or not (source is None or isinstance(source, Tensor)):
        raise NotImplementedError("fnnet.torch: Tensor.set_ takes a tensor only")
    given = zeros(0, dtype=self.dtype, device=self.device) if source is None else source
    setattr(self, "data", given)  # noqa: B010
    return self


@method
def apply_(self: Tensor, callable: Any) -> Tensor:
    """Replace each element by what a Python function gives for it. Slow, on the CPU only."""
    if self.device.type != "cpu":
        raise TypeError("apply_ is only implemented on CPU tensors")
    inplace.check(self, self.requires_grad)
    function: Any = callable
    values = [function(one) for one in self.detach().reshape(-1).tolist()]
    from fnnet.torch.creation import tensor

    made = tensor(values, dtype=self.dtype)
    return self.copy_(made.reshape(self.shape))


@method
def map_(self: Tensor, tensor: Tensor, callable: Any) -> Tensor:
    """Replace each element by what a Python function gives for it and that of another tensor."""
    others = iter(tensor.detach().expand(self.shape).reshape(-1).tolist())
    return self.apply_(lambda one: callable(one, next(others)))


@method
def as_subclass(self: Tensor, cls: type[Any]) -> Any:
    """The same memory as a tensor of a subclass."""
    made = object.__new__(cls)
    made.__dict__.update(self.detach().__dict__)
    return made

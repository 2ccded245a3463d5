"""What a Tensor is: a spec, a storage, how it looks into the storage, and its place in the graph.

The methods that PyTorch's operations give it are attached by `declare.py`; here is what they stand on.
"""

from __future__ import annotations

import weakref
from typing import TYPE_CHECKING, Any

from fnnet.torch import view
from fnnet.torch.dtypes import dtype
from fnnet.torch.plan import Plan, make_plan
from fnnet.torch.record import Value, append, placed_value, without_data
from fnnet.torch.spec import Size, Spec, spec_of
from fnnet.torch.storage import UNSEEN, Storage, Version, value_of_host

if TYPE_CHECKING:
    from fnnet.torch.autograd.graph import Node


class Tensor:
    """PyTorch's Tensor. Its value is recorded, and computed when somebody looks at it."""

    _spec: Spec
    _storage: Storage
    _steps: tuple[Any, ...] | None = None  # how a view looks into its storage; None for the root
    _starts: tuple[int, ...] = ()
    _offset = 0
    _cache: Value | None = None  # what a view last read, after so many changes of the storage
    _cached_at = -1
    _counter: Storage | Version

    _requires = False  # a leaf that requires grad
    _fn: Node | None = None
    _nr = 0
    _base: Tensor | None = None  # the tensor of which this is a differentiable view
    _fn_version = 0  # at which version of a view its _fn holds
    _forbidden: str | None = None  # why a view may not be modified in place under autograd
    _grad: Tensor | None = None
    _accumulator: weakref.ref[Any] | None = None
    _hooks: Any = None
    _retains = False
    _inference = False

    def __new__(cls, *args: Any, **kwargs: Any) -> Any:
        if not args and not kwargs and cls is not Tensor:
            return object.__new__(cls)
        from fnnet.torch.creation import legacy_tensor

        return legacy_tensor(*args, **kwargs)

    if TYPE_CHECKING:

        def __getattr__(self, name: str) -> Any: ...

    @property
    def shape(self) -> Size:
        """The size, a tuple."""
        return self._spec.shape

    @property
    def dtype(self) -> dtype:
        """The dtype."""
        return self._spec.dtype

    @property
    def device(self) -> Any:
        """The device."""
        return self._spec.device

    @property
    def ndim(self) -> int:
        """The number of dimensions."""
        return self._spec.ndim

    @property
    def requires_grad(self) -> bool:
        """Whether backward computes or passes on a gradient here."""
        return self._requires or self._fn is not None or (self._base is not None and self._base.requires_grad)

    @requires_grad.setter
    def requires_grad(self, value: bool) -> None:
        if not isinstance(value, bool | int):
            raise RuntimeError("requires_grad must be a bool")
        self.requires_grad_(value)

    def requires_grad_(self, requires_grad: bool = True) -> Tensor:
        """Say whether this leaf wants a gradient. Raises RuntimeError for integers and for non-leaves."""
        if not self.is_leaf:
            if requires_grad:
                return self
            raise RuntimeError(
                "you can only change requires_grad flags of leaf variables. If you want to use a computed "
                "variable in a subgraph that doesn't require differentiation use var_no_grad = var.detach()."
            )
        if requires_grad and not self._spec.differentiable:
            raise RuntimeError("only Tensors of floating point dtype can require gradients")
        if requires_grad and self._inference:
            from fnnet.torch.mode import MODE

            if not MODE.inference:
                raise RuntimeError(
                    "Setting requires_grad=True on inference tensor outside InferenceMode is not allowed."
                )
        self._requires = bool(requires_grad)
        return self

    @property
    def is_leaf(self) -> bool:
        """Whether no operation that backward knows made this tensor."""
        return self.grad_fn is None

    @property
    def grad_fn(self) -> Node | None:
        """The node of the operation that made this tensor."""
        if self._base is not None:
            from fnnet.torch.autograd.inplace import refresh_view

            refresh_view(self)
        return self._fn

    @property
    def _version(self) -> int:
        return self._counter.version

    def _value(self) -> Value:
        """The value now."""
        storage = self._storage
        if self._steps is None:
            return storage.value or storage.current()
        if storage.value is None:
            storage.current()  # counts a change if NumPy may have written
        if self._cached_at != storage.changes or self._cache is None:
            root = storage.current()
            changes = storage.changes
            plan = read_plan(storage.spec, self._steps)
            self._cache = append(plan, (root,), self._starts)[0]
            self._cached_at = changes
        return self._cache

    def _write(self, value: Value) -> None:
        """Replace what this tensor sees of its storage; counts a version."""
        storage = self._storage
        if self._steps is None:
            storage.replace(value)
        else:
            plan = write_plan(storage.spec, self._steps, self._spec)
            storage.replace(append(plan, (storage.current(), value), self._starts)[0])
            self._cache = None if 0 in self._spec.strides else value  # elements that lie on each other
            self._cached_at = storage.changes
        self._counter.version += 1
        if self._counter is not storage:
            UNSEEN.note(storage)


Tensor.__module__ = "torch"  # as it prints; pickles do not refer to it (see `pickling.py`)


def wrap(value: Value, spec: Spec) -> Tensor:
    """A tensor with memory of its own."""
    tensor = object.__new__(Tensor)
    tensor._spec = spec
    tensor._storage = tensor._counter = Storage(value, spec)
    return tensor


def from_array(array: Any, device: Any = None, copy: bool = True) -> Tensor:
    """A tensor with the value of a JAX or NumPy array (NumPy's is copied unless `copy` says that nobody else
    has it)."""
    import jax
    import numpy as np

    from fnnet.torch.devices import CPU, META, as_device
    from fnnet.torch.dtypes import of_numpy

    where = CPU if device is None else as_device(device)
    spec = spec_of(array.shape, of_numpy(array.dtype), where)
    if where is META:
        return wrap(without_data(), spec)
    if not isinstance(array, jax.Array):
        return wrap(value_of_host(np.asarray(array), spec, copy), spec)
    traced = isinstance(array, jax.core.Tracer)
    return wrap(Value(array) if traced else placed_value(array, where), spec)


def alias(tensor: Tensor, steps: tuple[Any, ...] = (), starts: tuple[int, ...] = ()) -> Tensor:
    """A tensor on the same memory, outside of the graph. Steps must be possible as a view."""
    made = object.__new__(Tensor)
    made._storage = tensor._storage
    made._counter = tensor._counter
    if steps:
        spec, offset = view_spec(tensor._spec, steps, starts)
        made._spec = spec
        made._steps = (tensor._steps or ()) + steps
        made._starts = tensor._starts + starts
        begin = tensor._offset
        if spec.dtype is not tensor._spec.dtype:  # offsets count elements
            begin = begin * tensor._spec.dtype.itemsize // spec.dtype.itemsize
        made._offset = begin + offset
    else:
        made._spec = tensor._spec
        made._steps, made._starts, made._offset = tensor._steps, tensor._starts, tensor._offset
        made._cache, made._cached_at = tensor._cache, tensor._cached_at
    return made


_READ: dict[Any, Plan] = {}
_WRITE: dict[Any, Plan] = {}
_VIEW: dict[Any, tuple[Any, ...]] = {}


def _number_types(steps: tuple[Any, ...]) -> list[type]:
    return [int] * sum(view.starts_of(step) for step in steps)


def read_plan(spec: Spec, steps: tuple[Any, ...], grad_fn: str = "AsStridedBackward0") -> Plan:
    """The plan that reads a view of a tensor of this spec."""
    plan = _READ.get((spec, steps, grad_fn))
    if plan is None:

        def read(x: Any, *starts: Any) -> Any:
            return view.read(x, steps, starts)

        plan = make_plan(read, [spec], _number_types(steps), spec.device, grad_fn)
        _READ[(spec, steps, grad_fn)] = plan
    return plan


def write_plan(spec: Spec, steps: tuple[Any, ...], new: Spec) -> Plan:
    """The plan that writes a view of a tensor of this spec."""
    plan = _WRITE.get((spec, steps, new.aval.shape))
    if plan is None:

        def write(x: Any, new: Any, *starts: Any) -> Any:
            return view.write(x, steps, starts, new)

        plan = make_plan(write, [spec, new], _number_types(steps), spec.device, "CopySlices")
        _WRITE[(spec, steps, new.aval.shape)] = plan
    return plan


def view_spec(spec: Spec, steps: tuple[Any, ...], starts: tuple[int, ...]) -> tuple[Spec, int]:
    """The spec of a view, and how far its first element lies from that of the parent.

    Raises RuntimeError if a reshape cannot be a view of this memory.
    """
    found = _VIEW.get((spec, steps))
    if found is None:
        plan = read_plan(spec, steps)
        zeros = (0,) * len(plan.numbers)
        laid = view.layout(steps, zeros, spec.shape, spec.strides)
        if laid is None:
            raise RuntimeError(
                "view size is not compatible with input tensor's size and stride (at least one dimension "
                "spans across two contiguous subspaces). Use .reshape(...) instead."
            )
        out = plan.outputs[0]
        seen = spec_of(out.shape, out.dtype, out.device, laid[0])
        units = []
        for position in range(len(zeros)):
            one = tuple(1 if i == position else 0 for i in range(len(zeros)))
            moved = view.layout(steps, one, spec.shape, spec.strides)
            assert moved is not None
            units.append(moved[1] - laid[1])
        found = _VIEW[(spec, steps)] = (seen, laid[1], tuple(units))
    seen, offset, units = found
    for start, unit in zip(starts, units, strict=True):
        offset += start * unit
    return seen, offset

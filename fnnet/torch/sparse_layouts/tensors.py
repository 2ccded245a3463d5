"""What a sparse tensor is: strided tensors that hold its indices and its values.

Whatever is done with one is done with these two, by recorded operations, so that autograd runs through the
values: a sparse tensor requires grad if its values do, and its node is theirs.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

import numpy as np

from fnnet.functional import sparse as F
from fnnet.torch.call import apply
from fnnet.torch.creation import from_array
from fnnet.torch.devices import device
from fnnet.torch.dtypes import dtype, int64
from fnnet.torch.inquiry import LAYOUTS, layout
from fnnet.torch.mode import MODE, no_grad
from fnnet.torch.plan import Plan, make_plan
from fnnet.torch.spec import Size, Spec
from fnnet.torch.storage import Version
from fnnet.torch.tensor import Tensor, alias

COO = LAYOUTS["sparse_coo"]


class SparseSpec(Spec):
    """Shape, dtype, device and layout of a sparse tensor. No plan is made for one."""

    __slots__ = ("layout",)

    def __init__(self, shape: Sequence[int], kind: dtype, where: device, lies: layout) -> None:
        super().__init__(Size(shape), kind, where, (0,) * len(shape))
        self.contiguous = False
        self.layout = lies


_PLANS: dict[Any, Plan] = {}


def planned(function: Callable[..., Any], name: str, *tensors: Tensor, **options: Any) -> Any:
    """Record a pure function of strided tensors, under the name that PyTorch gives to the node."""
    key = (function, name, tuple([t._spec for t in tensors]), tuple(options.items()))
    plan = _PLANS.get(key)
    if plan is None:
        if len(_PLANS) > 10_000:
            _PLANS.clear()
        specs = [t._spec for t in tensors]
        plan = _PLANS[key] = make_plan(partial(function, **options), specs, (), specs[0].device, name)
    made = apply(plan, tensors, ())
    return made[0] if len(made) == 1 else made


def _same(x: Any) -> Any:
    return x


def named(values: Tensor, name: str) -> Tensor:
    """The values, with a node of this name if they require grad."""
    return planned(_same, name, values) if values.requires_grad else values


def known(tensor: Tensor) -> np.ndarray[Any, Any]:
    """The numbers of a tensor, for which the record is run."""
    return np.asarray(tensor._value().read())


def refusal(name: str, tensor: Tensor) -> NotImplementedError:
    """What is raised where a sparse tensor is given to what does not take one."""
    lies = tensor.layout
    backend = "SparseCPU" if lies is COO else "SparseCsrCPU"
    return NotImplementedError(
        f"Could not run 'aten::{name}' with arguments from the '{backend}' backend. fnnet.torch: {name} of a "
        "tensor "
        f"of layout {lies} is not supported; to_dense() gives a strided one"
    )


class SparseTensor(Tensor):
    """A tensor of which only some elements are held: the base of the layouts.

    What PyTorch's graph says of it, its values say.
    """

    _spec: SparseSpec
    _numbers: Tensor
    _own_hooks: Any = None

    # ------------------------------------------------------------------ autograd

    @property
    def _fn(self) -> Any:  # type: ignore[override]
        return self._numbers.grad_fn

    @property
    def _nr(self) -> int:  # type: ignore[override]
        return self._numbers._nr

    @property
    def _requires(self) -> bool:
        return self._numbers._requires

    @_requires.setter
    def _requires(self, value: bool) -> None:
        self._numbers._requires = value

    @property
    def _grad(self) -> Any:
        gradient = self._numbers._grad
        return None if gradient is None else self._gradient(gradient)

    @_grad.setter
    def _grad(self, gradient: Any) -> None:
        if gradient is not None and not isinstance(gradient, SparseTensor):
            raise refusal("grad (strided)", self)
        self._numbers._grad = None if gradient is None else self._values_of(gradient)

    def _gradient(self, gradient: Tensor) -> SparseTensor:
        """The gradient of the values as that of the tensor."""
        return self._with(gradient)

    def _values_of(self, gradient: SparseTensor) -> Tensor:
        raise refusal("grad", self)

    # ------------------------------------------------------------------ memory

    @property
    def _storage(self) -> Any:  # type: ignore[override]
        raise refusal("as_strided", self)

    def _value(self) -> Any:
        raise refusal("as_strided", self)

    def _write(self, value: Any) -> None:
        raise refusal("copy_", self)

    def _parts(self) -> tuple[Tensor, ...]:
        """The strided tensors that hold it."""
        raise NotImplementedError

    def _with(self, values: Tensor) -> Any:
        """A tensor of the same pattern with other values."""
        raise NotImplementedError

    def _become(self, other: SparseTensor) -> Any:
        """Be what another one is, which was just made: what an operation in place does."""
        raise NotImplementedError

    @property
    def layout(self) -> layout:
        """How it is held."""
        return self._spec.layout


class CooTensor(SparseTensor):
    """A tensor in coordinates: indices (sparse dimensions, entries), values (entries, *dense dimensions)."""

    _places: Tensor
    _coalesced: bool

    def _parts(self) -> tuple[Tensor, ...]:
        return self._places, self._numbers

    def _with(self, values: Tensor, coalesced: bool | None = None) -> CooTensor:
        shape = self._spec.shape[: self._places._spec.shape[0]] + values._spec.shape[1:]
        return coo(self._places, values, shape, self._coalesced if coalesced is None else coalesced)

    def _become(self, other: SparseTensor) -> CooTensor:
        assert isinstance(other, CooTensor)
        self._spec, self._places, self._numbers = other._spec, other._places, other._numbers
        self._coalesced = other._coalesced
        self._counter.version += 1
        return self

    def _gradient(self, gradient: Tensor) -> CooTensor:
        if self._coalesced:
            return coo(self._places, gradient, self._spec.shape, False)
        order, owner, places = F.coo_coalesce(known(self._places), self._spec.shape)
        if places.shape[1] == len(order) and (order == np.arange(len(order))).all():
            return coo(self._places, gradient, self._spec.shape, False)
        first = np.unique(owner, return_index=True)[1]  # entries of one place have the same gradient
        with no_grad():
            taken = gradient.index_select(0, from_array(order[first], self.device))
        return coo(from_array(places, self.device), taken, self._spec.shape, False)

    def _values_of(self, gradient: SparseTensor) -> Tensor:
        assert isinstance(gradient, CooTensor)
        if gradient._places is not self._places:
            raise refusal("grad (of another pattern)", self)
        return gradient._numbers


def coo(places: Tensor, values: Tensor, shape: Sequence[int], coalesced: bool) -> CooTensor:
    """The tensor that these hold, which are not looked at."""
    made: CooTensor = object.__new__(CooTensor)
    made._spec = SparseSpec(shape, values._spec.dtype, values._spec.device, COO)
    made._places, made._numbers, made._coalesced = places, values, coalesced
    made._counter = Version()
    return made


def empty_coo(shape: Sequence[int], sparse: int, kind: dtype, where: Any) -> CooTensor:
    """A tensor without entries."""
    places = from_array(np.zeros((sparse, 0), int64.numpy), where)
    values = from_array(np.zeros((0, *shape[sparse:]), kind.numpy), where)
    return coo(places, values, shape, True)


def own(values: Tensor) -> Tensor:
    """The values in a tensor of their own on the same memory, if they have no graph."""
    return values if values.requires_grad else alias(values)


def coalesced(tensor: CooTensor) -> CooTensor:
    """The entries in the order of their places, each place once."""
    if tensor._coalesced:
        return tensor
    order, owner, places = F.coo_coalesce(known(tensor._places), tensor._spec.shape)
    where = tensor.device
    values = planned(
        F.coo_sum_entries, "CoalesceBackward0", tensor._numbers, from_array(order, where),
        from_array(owner, where), count=places.shape[1],
    )  # fmt: skip
    return coo(from_array(places, where), values, tensor._spec.shape, True)


def dense(tensor: CooTensor, name: str = "ToDenseBackward0") -> Tensor:
    """The strided tensor of the same elements."""
    made: Tensor = planned(
        F.coo_to_dense, name, tensor._places, tensor._numbers, size=tuple(tensor._spec.shape)
    )
    return made


def _merged(a: np.ndarray[Any, Any], b: np.ndarray[Any, Any]) -> tuple[Any, Any, Any]:
    """How the entries of two tensors come together when they are added: PyTorch walks through both at once.

    Takes the numbers of the places. Gives for each entry of the outcome the one of `a` and the one of `b` (or
    how many there are, if none).
    """
    n, m = len(a), len(b)
    if n == m and (a == b).all():
        here = np.arange(n)
        return here, here, a
    if (a[1:] > a[:-1]).all() and (b[1:] > b[:-1]).all():
        places = np.union1d(a, b)
        left, right = np.searchsorted(a, places), np.searchsorted(b, places)
        left[~np.isin(places, a)] = n
        right[~np.isin(places, b)] = m
        return left, right, places
    walked: list[tuple[int, int, int]] = []
    i = j = 0
    first, second = a.tolist(), b.tolist()
    while i < n or j < m:
        one = i < n and (j >= m or first[i] <= second[j])
        two = j < m and (i >= n or second[j] <= first[i])
        walked.append((i if one else n, j if two else m, first[i] if one else second[j]))
        i, j = i + one, j + two
    each = np.asarray(walked, np.int64).reshape(-1, 3)
    return each[:, 0], each[:, 1], each[:, 2]


def _joined(x: Any, y: Any, left: Any, right: Any) -> Any:
    import jax.numpy as jnp

    x, y = (jnp.concatenate([one, jnp.zeros_like(one, shape=(1, *one.shape[1:]))]) for one in (x, y))
    return x[left] + y[right]


def numbered(tensor: CooTensor) -> np.ndarray[Any, Any]:
    """The number of the place of each entry."""
    indices = known(tensor._places)
    return F.known_places(indices, tensor._spec.shape[: len(indices)])


def joined(a: CooTensor, b: CooTensor, name: str = "AddBackward0") -> CooTensor:
    """The sum of two tensors of one size and one dtype, `b` with the factor that it has to have."""
    flag = a._coalesced and b._coalesced
    if a._places is b._places or a._places._value() is b._places._value():
        total: Any = a._numbers + b._numbers  # type: ignore[operator]
        return coo(a._places, total, a._spec.shape, flag)
    left, right, places = _merged(numbered(a), numbered(b))
    lengths = a._spec.shape[: a._places._spec.shape[0]]
    indices = np.stack(np.unravel_index(places, lengths)) if lengths else np.zeros((0, len(places)))
    made = [from_array(one, a.device) for one in (left, right, indices.astype(np.int64))]
    values = planned(_joined, name, a._numbers, b._numbers, *made[:2])
    return coo(made[2], values, a._spec.shape, flag)


def refuse_sparse_leaf(tensor: SparseTensor, what: str) -> None:
    """Raise where PyTorch's gradient of a sparse leaf would be strided."""
    stack, seen = [tensor._fn], set()
    reached = tensor.is_leaf and tensor.requires_grad
    while stack and not reached:
        node = stack.pop()
        if node is None or id(node) in seen:
            continue
        seen.add(id(node))
        variable = getattr(node, "variable", None)
        reached = variable is not None and variable.__dict__.get("_of_sparse", False)
        stack += [edge[0] for edge in node.edges if edge is not None]
    if MODE.enabled and reached:
        raise NotImplementedError(
            f"fnnet.torch: the gradient of a sparse leaf through {what}, which is strided in PyTorch, is not "
            "supported; let the values require grad instead"
        )


for _class in (SparseTensor, CooTensor):
    _class.__name__ = _class.__qualname__ = "Tensor"
    _class.__module__ = "torch"

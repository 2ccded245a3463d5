"""`x[...]` and `x[...] = value`.

Integers, slices, `None` and `...` make a view, and where they start is known to the program only at run time,
so that a moving window does not compile again. Tensors and lists of indices gather; a boolean mask that is
assigned to becomes a choice between old and new, so that nothing needs to be computed for it. Only reading
by a
mask needs its values: their number is the shape of the result.
"""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax

from fnnet.functional.adding import set_at
from fnnet.torch import dtypes as D
from fnnet.torch.call import apply, store
from fnnet.torch.index_items import (
    as_tuple,
    index_array,
    integer_of,
    is_index,
    slice_of,
    without_more_dots,
)
from fnnet.torch.into_out import puts_into_out
from fnnet.torch.layout import broadcast_shapes
from fnnet.torch.plan import Plan, make_plan
from fnnet.torch.record import append
from fnnet.torch.refusals import cpp_name
from fnnet.torch.spec import Spec
from fnnet.torch.tensor import Tensor, alias, from_array, read_plan, view_spec
from fnnet.torch.warning import warn

_PLANS: dict[Any, Plan] = {}
_LIMIT = 10_000


def _plan(key: Any, make: Any) -> Plan:
    found = _PLANS.get(key)
    if found is None:
        if len(_PLANS) >= _LIMIT:
            del _PLANS[next(iter(_PLANS))]
        found = _PLANS[key] = make()
    return found


def view_by(tensor: Tensor, steps: tuple[Any, ...], starts: tuple[int, ...], grad_fn: str) -> Tensor:
    """The differentiable view of `tensor` by these steps."""
    key = ("view", tensor._spec, steps, grad_fn)

    def make() -> Plan:
        read = read_plan(tensor._spec, steps)
        plan = Plan(read.jaxpr, read.inputs, read.numbers, read.device, None, grad_fn)
        plan.outputs = (view_spec(tensor._spec, steps, (0,) * len(starts))[0],)
        plan.function = read.function
        plan.views = ((0, steps),)
        return plan

    return apply(_plan(key, make), [tensor], starts)[0]


def select(input: Tensor, dim: int, index: Any) -> Tensor:
    """The slice of one index in dimension `dim`, without that dimension."""
    shape = input._spec.shape
    if not shape:
        raise IndexError("select() cannot be applied to a 0-dim tensor.")
    dim = canonical_dim(dim, len(shape))
    index = integer_of(index)
    if not -shape[dim] <= index < shape[dim]:
        raise IndexError(
            f"select(): index {index} out of range for tensor of size {list(shape)} at dimension {dim}"
        )
    steps = (("slice", (dim,), (1,), (1,)), ("squeeze", (dim,)))
    return view_by(input, steps, (index % shape[dim],), "SelectBackward0")


def narrow(input: Tensor, dim: int, start: Any, length: int) -> Tensor:
    """`length` indices of dimension `dim`, from `start` on."""
    shape = input._spec.shape
    if not shape:
        raise RuntimeError("narrow() cannot be applied to a 0-dim tensor.")
    dim = canonical_dim(dim, len(shape))
    if isinstance(start, Tensor) and (start.ndim or start.dtype.category != D.INTEGER):
        raise RuntimeError("start must be an 0-dim integral Tensor.")
    start = integer_of(start)
    if length < 0:
        raise RuntimeError("narrow(): length must be non-negative.")
    if not -shape[dim] <= start <= shape[dim]:
        raise IndexError(
            f"Dimension out of range (expected to be in range of [{-shape[dim]}, {shape[dim]}], but got "
            f"{start})"
        )
    start = start + shape[dim] if start < 0 else start
    if start + length > shape[dim]:
        raise RuntimeError(f"start ({start}) + length ({length}) exceeds dimension size ({shape[dim]}).")
    return view_by(input, (("slice", (dim,), (length,), (1,)),), (start,), "SliceBackward0")


def canonical_dim(dim: int, ndim: int) -> int:
    """A dimension counted from the front. Raises IndexError out of range."""
    reach = max(ndim, 1)
    if not -reach <= dim < reach:
        raise IndexError(
            f"Dimension out of range (expected to be in range of [{-reach}, {reach - 1}], but got {dim})"
        )
    return dim % reach


def _parse(tensor: Tensor, index: Any) -> tuple[tuple[Any, ...], tuple[int, ...], list[Any], str]:
    """The basic part of an index as view steps, and the advanced indices that then apply, by dimension."""
    items = without_more_dots(list(as_tuple(index)))
    shape = tensor._spec.shape
    used = 0
    for item in items:
        if item is None or item is ... or isinstance(item, bool):
            continue
        is_mask = isinstance(item, Tensor) and item.dtype in (D.bool_, D.uint8)
        used += item.ndim if is_mask else 1
    if used > len(shape):
        raise IndexError(f"too many indices for tensor of dimension {len(shape)}")
    dots = [i for i, item in enumerate(items) if item is ...]
    fill = [slice(None)] * (len(shape) - used)
    if dots:
        items[dots[0] : dots[0] + 1] = fill
        items = [slice(None) if item is ... else item for item in items]
    else:
        items += fill
    dims: list[int] = []
    sizes: list[int] = []
    strides: list[int] = []
    starts: list[int] = []
    selected: list[int] = []
    kept: list[int] = []
    advanced: list[Any] = []
    name = ""
    dim = 0
    for item in items:
        if item is None or isinstance(item, bool):
            kept.append(1)
            advanced.append(None if item is None else from_array(np.array([item])))
            name = name or "UnsqueezeBackward0"
            continue
        length = shape[dim] if dim < len(shape) else 0
        if isinstance(item, slice):
            begin, size, stride = slice_of(item, length)
            if size != length or stride != 1:
                dims.append(dim)
                sizes.append(size)
                strides.append(stride)
                starts.append(begin)
                name = "SliceBackward0"
            kept.append(size)
            advanced.append(None)
        elif is_index(item):
            made = item if isinstance(item, Tensor) else from_array(index_array(item))
            if made.dtype is D.uint8:
                _warn_of_bytes()
                made = made != 0  # type: ignore[assignment]
            count = made.ndim if made.dtype is D.bool_ else 1
            if not count:
                kept.append(1)
                advanced.append(view_by(made, (("reshape", (1,)),), (), "UnsqueezeBackward0"))
                continue
            kept += shape[dim : dim + count]
            advanced += [made] + [_COVERED] * (count - 1)
            dim += count
            continue
        else:
            position = integer_of(item)
            if not -length <= position < length:
                raise IndexError(
                    f"index {position} is out of bounds for dimension {dim} with size {length}"
                    if length or len(shape)
                    else "invalid index of a 0-dim tensor. Use `tensor.item()` in Python or "
                    "`tensor.item<T>()` in C++ to convert a 0-dim tensor to a number"
                )
            dims.append(dim)
            sizes.append(1)
            strides.append(1)
            starts.append(position % length)
            selected.append(dim)
            name = "SelectBackward0"
        dim += 1
    steps: list[Any] = []
    if dims:
        steps.append(("slice", tuple(dims), tuple(sizes), tuple(strides)))
    sliced = list(shape)
    for d, size in zip(dims, sizes, strict=True):
        sliced[d] = size
    if selected:
        steps.append(("squeeze", tuple(selected)))
        sliced = [size for d, size in enumerate(sliced) if d not in selected]
    if kept != sliced or not steps:
        steps.append(("reshape", tuple(kept)))
    if any(one is not None for one in advanced) and kept == list(shape):
        steps, starts = [], []
    return tuple(steps), tuple(starts), advanced, name or "AliasBackward0"


_COVERED = object()


def _warn_of_bytes() -> None:
    warn("indexing with dtype torch.uint8 is now deprecated, please use a dtype torch.bool instead.")


def _base(tensor: Tensor, index: Any) -> tuple[Tensor, list[Any], bool]:
    steps, starts, advanced, name = _parse(tensor, index)
    is_advanced = any(one is not None for one in advanced)
    for one in advanced:
        if isinstance(one, Tensor) and (one.dtype.category > D.INTEGER or one.dtype in (D.int8, D.int16)):
            raise IndexError("tensors used as indices must be long, int, byte or bool tensors")
    return (view_by(tensor, steps, starts, name) if steps else tensor), advanced, is_advanced


def get(tensor: Tensor, index: Any, name: str = "IndexBackward0") -> Tensor:
    """`tensor[index]`."""
    base, advanced, is_advanced = _base(tensor, index)
    if not is_advanced:
        return base
    pattern, indices = _expand_masks(base, advanced)
    specs = (base._spec, *(one._spec for one in indices))
    key = ("get", pattern, specs, name)

    def make() -> Plan:
        def gather(x: Any, *places: Any) -> Any:
            return x[_where(pattern, places, x.shape)]

        plan = make_plan(gather, specs, (), base._spec.device, name)
        plan.shown = (0,)
        return plan

    return apply(_plan(key, make), [base, *indices], ())[0]


def _expand_masks(base: Tensor, advanced: list[Any]) -> tuple[tuple[Any, ...], list[Tensor]]:
    """Masks as the positions where they are true (their values are computed), and bounds checked."""
    pattern: list[Any] = []
    indices: list[Tensor] = []
    for dim, one in enumerate(advanced):
        if one is None:
            pattern.append(None)
        elif one is _COVERED:
            continue
        elif one.dtype is D.bool_:
            _check_mask(base, one, dim)
            truths = one._value().read()
            if isinstance(truths, jax.core.Tracer):
                raise RuntimeError(
                    "vmap: We do not support batching operators that can support dynamic shape. "
                    "Attempting to "
                    "batch over indexing with a boolean mask."
                )
            for positions in np.nonzero(np.asarray(truths)):
                indices.append(from_array(positions.astype(np.int64), one.device))
                pattern.append(len(indices))
        else:
            check_bounds(one, base._spec.shape[dim], dim)
            indices.append(one)
            pattern.append(len(indices))
    try:
        broadcast_shapes(*(one._spec.shape for one in indices))
    except RuntimeError:
        shapes = ", ".join(str(list(one._spec.shape)) for one in indices)
        raise IndexError(
            f"shape mismatch: indexing tensors could not be broadcast together with shapes {shapes}"
        ) from None
    return tuple(pattern), indices


def check_bounds(index: Tensor, length: int, dim: int) -> None:
    """Raise IndexError for an index out of range. The values of the index are computed for this."""
    array = index._value().read()
    if isinstance(array, jax.core.Tracer) or not array.size:
        return
    seen = np.asarray(array)
    low, high = int(seen.min()), int(seen.max())
    if low < -length or high >= length:
        wrong = low if low < -length else high
        raise IndexError(f"index {wrong} is out of bounds for dimension {dim} with size {length}")


def _check_mask(base: Tensor, mask: Tensor, dim: int) -> None:
    for offset, length in enumerate(mask._spec.shape):
        if base._spec.shape[dim + offset] != length:
            raise IndexError(
                f"The shape of the mask {list(mask._spec.shape)} at index {offset} does not match the shape "
                f"of "
                f"the indexed tensor {list(base._spec.shape)} at index {dim + offset}"
            )


def _where(pattern: tuple[Any, ...], places: Any, shape: tuple[int, ...]) -> tuple[Any, ...]:
    where: list[Any] = []
    for dim, one in enumerate(pattern):
        if one is None:
            where.append(slice(None))
        else:
            place = lax.convert_element_type(places[one - 1], np.int64)
            where.append(jnp.where(place < 0, place + shape[dim], place))
    return tuple(where)


def put(tensor: Tensor, index: Any, value: Any) -> None:
    """`tensor[index] = value`."""
    if index is False:
        return
    if isinstance(index, Tensor) and index.dtype is D.uint8 and index.ndim:
        if not isinstance(value, Tensor) or value._spec.numel == 1:
            raise RuntimeError(
                "masked_fill_ only supports boolean masks, but got mask with dtype unsigned char"
            )
        _warn_of_bytes()
        index = index != 0
    base, advanced, is_advanced = _base(tensor, index)
    if not isinstance(value, Tensor):
        if isinstance(value, np.generic):
            value = value.item()
        if value is None or isinstance(value, list | tuple | str | dict | np.ndarray):
            raise TypeError(f"can't assign a {type(value).__name__} to a {tensor.type()}")
        if isinstance(value, complex) and tensor.dtype.category < D.COMPLEX:
            raise RuntimeError("value cannot be converted to type float without overflow")
        if not isinstance(value, int | float):
            from fnnet.torch.creation import tensor as make_tensor

            value = make_tensor(value, dtype=tensor.dtype, device=tensor.device)
    if not is_advanced:
        target = tensor if base._spec is tensor._spec else base  # all of it: no view is written through
        name = "CopyBackwards"
        if not isinstance(value, Tensor) or not value._spec.ndim:
            name = "FillBackward3"
        elif value._storage is target._storage and value.ndim <= target.ndim:
            value = value.expand(target.shape)  # which may lie on what it is written to
        _assign(target, value, name)
        return
    masks = [one for one in advanced if isinstance(one, Tensor)]
    scalar = not isinstance(value, Tensor) or value._spec.numel == 1
    if len(masks) == 1 and masks[0].dtype is D.bool_ and scalar:
        _put_mask(base, masks[0], advanced.index(masks[0]), value)
        return
    pattern, indices = _expand_masks(base, advanced)
    _put_places(base, pattern, indices, value)


def _assign(target: Tensor, value: Any, name: str) -> None:
    """Copy `value` into all of `target`, in place."""
    from fnnet.torch.conversion import cast, warn_of_lost_part

    is_tensor = isinstance(value, Tensor)
    kind = value._spec if is_tensor else type(value)
    spec = target._spec
    if is_tensor:
        if value._spec.dtype.category == D.COMPLEX:
            warn_of_lost_part(value._spec.dtype, spec.dtype)
        shape = value._spec.shape
        while len(shape) > spec.ndim and shape[0] == 1:
            shape = shape[1:]
        if broadcast_or_none(shape, spec.shape) != tuple(spec.shape):
            value.reshape(shape).expand(spec.shape)  # which says so
    key = ("assign", name, spec, kind, None if is_tensor or not isinstance(value, bool) else value)

    filled = "FillBackward3" if name == "CopyBackwards" else name

    def make() -> Plan:
        def assign(x: Any, new: Any) -> Any:
            new = cast(new, spec.dtype)
            while new.ndim > x.ndim:
                new = new[0]
            return jnp.broadcast_to(new, x.shape)

        if is_tensor:
            return make_plan(assign, [spec, value._spec], (), spec.device, name)
        if isinstance(value, bool):
            return make_plan(lambda x: assign(x, np.bool_(value)), [spec], (), spec.device, filled)
        return make_plan(assign, [spec], [type(value)], spec.device, filled)

    numbers = () if is_tensor or isinstance(value, bool) else (value,)
    store(target, _plan(key, make), [target, value] if is_tensor else [target], numbers)


def broadcast_or_none(*shapes: Any) -> tuple[int, ...] | None:
    """The common shape, or None if there is none."""
    try:
        return broadcast_shapes(*shapes)
    except RuntimeError:
        return None


def _put_mask(base: Tensor, mask: Tensor, dim: int, value: Any) -> None:
    _check_mask(base, mask, dim)
    spec = base._spec
    is_tensor = isinstance(value, Tensor)
    kind = value._spec if is_tensor else (type(value), value if isinstance(value, bool) else None)
    key = ("mask", spec, mask._spec, dim, kind)

    def make() -> Plan:
        def choose(x: Any, where: Any, *new: Any) -> Any:
            chosen = lax.convert_element_type(new[0] if new else np.bool_(value), spec.dtype.numpy).reshape(
                ()
            )
            place = [1] * x.ndim
            place[dim : dim + where.ndim] = where.shape
            return jnp.where(where.reshape(place), chosen, x)

        specs: list[Spec] = [spec, mask._spec] + ([value._spec] if is_tensor else [])
        numbers = [] if is_tensor or isinstance(value, bool) else [type(value)]
        plan = make_plan(choose, specs, numbers, spec.device, "IndexPutBackward0")
        plan.shown = (0, 2) if is_tensor else (0,)
        return plan

    numbers = () if is_tensor or isinstance(value, bool) else (value,)
    store(base, _plan(key, make), [base, mask] + ([value] if is_tensor else []), numbers)


def _put_places(
    base: Tensor, pattern: tuple[Any, ...], indices: list[Tensor], value: Any, accumulate: bool = False
) -> None:
    spec = base._spec
    if not isinstance(value, Tensor):
        value = from_array(np.asarray(value, spec.dtype.numpy), spec.device)
    if value.dtype is not spec.dtype:
        raise RuntimeError(
            "Index put requires the source and destination dtypes match, got "
            f"{cpp_name(spec.dtype)} for the destination and {cpp_name(value.dtype)} for the source."
        )
    specs = [spec, value._spec, *(one._spec for one in indices)]
    key = ("put", pattern, tuple(specs), accumulate)

    def make() -> Plan:
        def scatter(x: Any, new: Any, *places: Any) -> Any:
            where = _where(pattern, places, x.shape)
            new = lax.convert_element_type(new, spec.dtype.numpy)
            target = x[where].shape
            while new.ndim > len(target) and new.shape[0] == 1:
                new = new[0]
            if broadcast_or_none(new.shape, target) != target:
                raise RuntimeError(
                    f"shape mismatch: value tensor of shape {list(value._spec.shape)} cannot be broadcast to "
                    f"indexing result of shape {list(target)}"
                )
            place = x.at[where]
            return place.add(new) if accumulate else set_at(place, jnp.broadcast_to(new, target))

        plan = make_plan(scatter, specs, (), spec.device, "IndexPutBackward0")
        plan.shown = (0, 1)
        return plan

    store(base, _plan(key, make), [base, value, *indices], ())


def index_put_(input: Tensor, indices: Any, values: Any, accumulate: bool = False) -> Tensor:
    """`input[indices] = values`, or `+=` where values for one place add up. None is a whole dimension."""
    index = tuple(slice(None) if one is None else one for one in indices)
    if accumulate:
        base, advanced, _ = _base(input, index)
        _put_places(base, *_expand_masks(base, advanced), values, True)
    else:
        put(input, index, values)
    return input


@puts_into_out
def masked_select(input: Tensor, mask: Tensor) -> Tensor:
    """The elements where the mask is true, as a vector."""
    if mask.dtype is not D.bool_:
        raise RuntimeError("masked_select: expected BoolTensor for mask")
    shape = broadcast_shapes(input._spec.shape, mask._spec.shape)
    return get(input.expand(shape), mask.expand(shape), "MaskedSelectBackward0")


def detach(tensor: Tensor) -> Tensor:
    """A tensor on the same memory that backward does not see."""
    return alias(tensor)


__all__ = ["append", "check_bounds", "detach", "get", "put", "view_by"]

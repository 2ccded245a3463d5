"""torch._higher_order_ops: control flow by functions, as PyTorch computes it where nothing compiles.

`cond` and `while_loop` look at their condition; `scan`, `map` and `associative_scan` record every step.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from fnnet.torch import func
from fnnet.torch.call import call
from fnnet.torch.declare import OPS
from fnnet.torch.places import spell
from fnnet.torch.tensor import Tensor
from fnnet.torch.utils._pytree import tree_flatten, tree_leaves, tree_map, tree_unflatten

__all__ = ["associative_scan", "cond", "map", "scan", "while_loop"]


def cond(
    pred: Any, true_fn: Callable[..., Any], false_fn: Callable[..., Any], operands: Sequence[Any] = ()
) -> Any:
    """`true_fn(*operands)` if `pred` is true, else `false_fn(*operands)`.

    Raises RuntimeError for a condition of more than one element, for what cannot be called and for operands
    that are no tensors.
    """
    if isinstance(pred, Tensor) and pred.numel() != 1:
        raise RuntimeError(f"Expected pred to be bool or single-element tensor, but got {pred}.")
    if not callable(true_fn) or not callable(false_fn):
        raise RuntimeError("Expect both branches to be callable.")
    if not isinstance(operands, tuple | list) or not all(
        isinstance(t, Tensor) for t in tree_leaves(operands)
    ):
        raise RuntimeError(
            "Expect operands to be a tuple of possibly nested dict/list/tuple that only consists of tensor "
            f"leaves, but got {operands}."
        )
    return (true_fn if pred else false_fn)(*operands)


def while_loop(
    cond_fn: Callable[..., Any], body_fn: Callable[..., Any], carried_inputs: Sequence[Any]
) -> tuple[Any, ...]:
    """Run `carried = body_fn(*carried)` as long as `cond_fn(*carried)` is true; the last ones.

    Raises RuntimeError for a condition that is neither a bool nor a tensor of one bool.
    """
    carried = tuple(carried_inputs)
    while True:
        going = cond_fn(*carried)
        if (isinstance(going, Tensor) and going.numel() != 1) or not isinstance(going, Tensor | bool):
            raise RuntimeError(f"cond_fn must return a boolean scalar tensor or a boolean but got {going}")
        if not going:
            return carried
        made = body_fn(*carried)
        carried = tuple(made) if isinstance(made, tuple | list) else (made,)
        if len(carried) != len(carried_inputs):
            raise RuntimeError(
                "body_fn should return the same number of elements as carried_inputs, got "
                f"{len(carried)} and {len(carried_inputs)}"
            )


def _slices(xs: Any, dim: int) -> list[Any]:
    """What stands at each place along a dimension of all tensors of a tree."""
    leaves, form = tree_flatten(xs)
    if not all(isinstance(leaf, Tensor) for leaf in leaves):
        raise RuntimeError(f"Mapped xs can only consist of tensors. Got xs {leaves}.")
    lengths = {leaf.shape[dim] for leaf in leaves}
    if len(lengths) != 1 or 0 in lengths:
        raise RuntimeError(f"Leading dimensions of mapped xs must be consistent and not 0. Got {lengths}.")
    return [tree_unflatten([leaf.select(dim, i) for leaf in leaves], form) for i in range(lengths.pop())]


def _stacked(outputs: list[Any]) -> Any:
    return tree_map(lambda *parts: call(OPS["stack"], (parts,), {}), *outputs)


def map(f: Callable[..., Any], xs: Any, *args: Any) -> Any:
    """`f(slice, *args)` for each slice of the tensors in `xs` along their first dimension, stacked."""
    return _stacked([f(one, *args) for one in _slices(xs, 0)])


def scan(
    combine_fn: Callable[[Any, Any], tuple[Any, Any]],
    init: Any,
    xs: Any,
    *,
    dim: int = 0,
    reverse: bool = False,
) -> tuple[Any, Any]:
    """`carry, y = combine_fn(carry, slice)` along a dimension of `xs`: the last carry, and all y stacked."""
    if not tree_leaves(xs):
        return init, []
    carry, outputs = init, []
    for one in _slices(xs, dim)[:: -1 if reverse else 1]:
        carry, output = combine_fn(carry, one)
        outputs.append(output)
    return carry, _stacked(outputs[:: -1 if reverse else 1])


def associative_scan(
    combine_fn: Callable[[Any, Any], Any],
    xs: Any,
    dim: int,
    reverse: bool = False,
    combine_mode: str = "pointwise",
) -> Any:
    """The running combination of the slices along a dimension, by an associative function of two of them.

    Neighbours are combined first, as in PyTorch, so there are about 2 log2(n) calls.
    `combine_mode="pointwise"` is for GPUs, as there. Raises ValueError for what PyTorch refuses.
    """
    leaves, form = tree_flatten(xs)
    if not callable(combine_fn):
        raise ValueError(f"Combine_fn must be a callable, but got {combine_fn}")
    if combine_mode not in ("pointwise", "generic"):
        raise ValueError(f"Combine_mode must either 'pointwise' or 'generic', but got {combine_mode}")
    if not leaves:
        raise ValueError("Expected at least 1 xs leaf")
    if not all(isinstance(leaf, Tensor) for leaf in leaves):
        raise ValueError("xs leaves must be a Tensor")
    if combine_mode == "pointwise" and not all(leaf.is_cuda for leaf in leaves):
        raise ValueError("For combine_mode='pointwise', all input tensors need to be on CUDA or XPU")
    if any(leaf.dim() <= dim or leaf.shape[dim] == 0 for leaf in leaves):
        raise ValueError("All xs leaves must at least have 'dim' number of dimensions and scan dimension > 0")
    moved = [leaf.movedim(dim, 0) for leaf in leaves]
    if reverse:
        moved = [leaf.flip([0]) for leaf in moved]
    each = func.vmap(combine_fn)

    def combine(left: list[Tensor], right: list[Tensor]) -> list[Tensor]:
        return list(tree_leaves(each(tree_unflatten(left, form), tree_unflatten(right, form))))

    done = _combined(moved, combine)
    if reverse:
        done = [leaf.flip([0]) for leaf in done]
    return tree_unflatten([leaf.movedim(0, dim) for leaf in done], form)


def _combined(xs: list[Any], combine: Callable[[list[Any], list[Any]], list[Any]]) -> list[Any]:
    """The scan along the first dimension: of pairs, and from that the places between them."""
    length = xs[0].shape[0]
    if length < 2:
        return xs
    pairs = combine([x[: length - length % 2 : 2] for x in xs], [x[1::2] for x in xs])
    odd = _combined(pairs, combine)
    if length == 2:
        even = [x[:1] for x in xs]
    else:
        between = combine([x[: (length - 1) // 2] for x in odd], [x[2::2] for x in xs])
        even = [call(OPS["cat"], ([x[:1], later],), {}) for x, later in zip(xs, between, strict=True)]
    joined = []
    for x, first, second in zip(xs, even, odd, strict=True):
        made = x.new_empty(x.shape)
        made[::2] = first
        made[1::2] = second
        joined.append(made)
    return joined


for _function in (associative_scan, cond, map, scan, while_loop):
    spell(f"{__name__}.{_function.__name__}", **{_function.__name__: _function})

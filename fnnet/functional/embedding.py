"""Looking up rows of a table."""

from __future__ import annotations

import jax
import jax.numpy as jnp
import numpy as np

from fnnet.functional.dtypes import concrete
from fnnet.functional.operation import operation

__all__ = ["embedding", "embedding_bag", "one_hot"]


def _check_indices(name: str, input: jax.Array, rows: int) -> None:
    if not jnp.issubdtype(input.dtype, jnp.integer):
        raise RuntimeError(
            f"{name}: Expected tensor for argument 'indices' to have an integer dtype, but got {input.dtype}"
        )
    if isinstance(input, jax.core.Tracer):
        return
    known = np.asarray(input)
    outside = (known < 0) | (known >= rows)
    if outside.any() and name == "embedding_bag":
        place = int(np.argmax(outside))
        raise RuntimeError(
            f"{name}: Index {place} of input takes value {known.flat[place]} which is not in the valid range "
            f"[0, {rows})"
        )
    if outside.any():
        raise IndexError(
            f"{name}: index out of range in self: got index {known[outside][0]}, expected 0 to {rows - 1}"
        )


def _padding_row(name: str, padding_idx: int | None, rows: int) -> int | None:
    if padding_idx is None:
        return None
    if not -rows <= padding_idx < rows:
        raise AssertionError(
            f"{name}: Padding_idx must be within num_embeddings: got {padding_idx} of {rows}"
        )
    return padding_idx % rows


def _rows(weight: jax.Array, input: jax.Array, padding: int | None) -> jax.Array:
    taken = jnp.take(weight, input, axis=0, mode="fill", fill_value=jnp.nan)
    if padding is None:
        return taken
    return jnp.where((input == padding)[..., None], jax.lax.stop_gradient(taken), taken)


def _scaled_by_frequency(weight: jax.Array, input: jax.Array) -> jax.Array:
    """The weight itself, whose gradient's rows are divided by how often each row is looked up."""
    count = jnp.zeros((weight.shape[0],), weight.dtype).at[input.ravel()].add(1)
    share = (1 / jnp.maximum(count, jnp.ones_like(count)))[:, None]
    return weight * share + jax.lax.stop_gradient(weight - weight * share)


def renormalised(weight: jax.Array, input: jax.Array, max_norm: float, norm_type: float) -> jax.Array:
    """The weight with those rows that input looks up scaled to at most `max_norm`: PyTorch changes it in
    place.
    """
    norms = jnp.sum(jnp.abs(weight) ** norm_type, axis=1) ** (1.0 / norm_type)
    used = jnp.zeros((weight.shape[0],), bool).at[input.ravel()].set(True)
    factor = jnp.where(used & (norms > max_norm), max_norm / (norms + 1e-7), jnp.ones_like(norms))
    return weight * factor[:, None]


@operation("nn.functional", grad_fn="EmbeddingBackward0")
def embedding(
    input: jax.Array,
    weight: jax.Array,
    padding_idx: int | None = None,
    max_norm: float | None = None,
    norm_type: float = 2.0,
    scale_grad_by_freq: bool = False,
    sparse: bool = False,
) -> jax.Array:
    """Rows of weight (num_embeddings, dim) at input (...): output (..., dim).

    The row `padding_idx` gets no gradient. With `max_norm` longer rows are shortened in the output (PyTorch
    shortens them in the weight too). `sparse` has no effect. Raises IndexError for a row out of range;
    inside jit, where it cannot be seen, its result is NaN.
    """
    if weight.ndim != 2:
        raise RuntimeError(f"embedding: 'weight' must be 2-D, got {list(weight.shape)}")
    _check_indices("embedding", input, weight.shape[0])
    padding = _padding_row("embedding", padding_idx, weight.shape[0])
    if max_norm is not None:
        # Done in place and without a gradient by PyTorch, so the gradient passes as if nothing had changed.
        shorter = renormalised(weight, input, max_norm, norm_type)
        weight = weight + jax.lax.stop_gradient(shorter - weight)
    if scale_grad_by_freq:
        weight = _scaled_by_frequency(weight, input)
    return _rows(weight, input, padding)


@operation("nn.functional", grad_fn="EmbeddingBagBackward0")
def embedding_bag(
    input: jax.Array,
    weight: jax.Array,
    offsets: jax.Array | None = None,
    max_norm: float | None = None,
    norm_type: float = 2,
    scale_grad_by_freq: bool = False,
    mode: str = "mean",
    sparse: bool = False,
    per_sample_weights: jax.Array | None = None,
    include_last_offset: bool = False,
    padding_idx: int | None = None,
) -> jax.Array:
    """Sums, means or maxima of bags of rows of weight: output (bags, dim).

    input is (bags, n), or (total,) with the bags' starts in `offsets`. Rows at `padding_idx` do not count; an
    empty bag gives zeros. Other arguments and errors as embedding; ValueError for arguments that do not go
    together.
    """
    name = "embedding_bag"
    if mode not in ("sum", "mean", "max"):
        raise ValueError(f"{name}: mode has to be one of sum, mean or max, got {mode!r}")
    if per_sample_weights is not None and (mode != "sum" or per_sample_weights.shape != input.shape):
        raise ValueError(
            f"{name}: per_sample_weights needs mode 'sum' and the input's shape, got mode {mode!r} and "
            f"{per_sample_weights.shape} for {input.shape}"
        )
    _check_indices(name, input, weight.shape[0])
    padding = _padding_row(name, padding_idx, weight.shape[0])
    if input.ndim == 2:
        if offsets is not None:
            raise ValueError(f"{name}: if input is 2D, then offsets has to be None")
        bags = input.shape[0]
        bag = jnp.repeat(jnp.arange(bags), input.shape[1], total_repeat_length=input.size)
    elif input.ndim == 1:
        if offsets is None or offsets.ndim != 1:
            raise ValueError(f"{name}: offsets has to be a 1D Tensor when input is 1D")
        bags = offsets.shape[0] - int(include_last_offset)
        known = concrete(offsets)
        if known is not None and known.size and known[0] != 0:
            raise RuntimeError(
                f"{name}: offsets[0] has to be 0, i.e., the first sequence in the mini-batch has to start "
                f"from position 0. However, got {known[0]}"
            )
        starts = offsets[:bags].astype(jnp.int32)
        bag = jnp.searchsorted(starts, jnp.arange(input.size, dtype=jnp.int32), side="right") - 1
    else:
        raise ValueError(f"{name}: input has to be 1D or 2D Tensor, but got Tensor of dimension {input.ndim}")
    index = input.ravel()
    if max_norm is not None:
        shorter = renormalised(weight, index, max_norm, norm_type)
        weight = weight + jax.lax.stop_gradient(shorter - weight)
    if scale_grad_by_freq:
        weight = _scaled_by_frequency(weight, index)
    rows = _rows(weight, index, padding)
    counted = jnp.ones(index.shape, bool) if padding is None else index != padding
    if per_sample_weights is not None:
        rows = rows * per_sample_weights.reshape(-1, 1)
    number = jax.ops.segment_sum(counted.astype(rows.dtype), bag, bags)[:, None]
    if mode == "max":
        return _bag_maxima(rows, counted, bag, bags)
    rows = jnp.where(counted[:, None], rows, jnp.zeros_like(rows))
    sums = jax.ops.segment_sum(rows, bag, bags)
    return sums / jnp.maximum(number, jnp.ones_like(number)) if mode == "mean" else sums


def _bag_maxima(rows: jax.Array, counted: jax.Array, bag: jax.Array, bags: int) -> jax.Array:
    """The largest element of each bag and column, the gradient going to the first of equals."""
    masked = jnp.where(counted[:, None], jax.lax.stop_gradient(rows), -jnp.inf)
    best = jax.ops.segment_max(masked, bag, bags)
    place = jnp.arange(rows.shape[0])[:, None]
    at_best = jnp.where((masked == best[bag]) & counted[:, None], place, rows.shape[0])
    first = jax.ops.segment_min(at_best, bag, bags)
    filled = jnp.concatenate([rows, jnp.zeros((1, rows.shape[1]), rows.dtype)])
    return jnp.take_along_axis(filled, jnp.clip(first, 0, rows.shape[0]), axis=0)


@operation("nn.functional")
def one_hot(tensor: jax.Array, num_classes: int = -1) -> jax.Array:
    """Integers (...) as rows of zeros with a one at their place: (..., num_classes), of the same dtype.

    Without num_classes it is one more than the largest value, which must be known (not under jit). Raises
    RuntimeError for values out of range.
    """
    if not jnp.issubdtype(tensor.dtype, jnp.integer):
        raise RuntimeError(
            f"one_hot is only applicable to index tensors of an integer dtype, got {tensor.dtype}"
        )
    if isinstance(tensor, jax.core.Tracer):
        if num_classes < 0:
            raise ValueError("one_hot: give num_classes: under jit the largest value is not known")
    else:
        known = np.asarray(tensor)
        if num_classes < 0:
            if known.size == 0:
                raise RuntimeError("one_hot: Can not infer total number of classes from empty tensor.")
            num_classes = int(known.max()) + 1
        if known.size and known.min() < 0:
            raise RuntimeError(f"one_hot: Class values must be non-negative, got {known.min()}")
        if known.size and known.max() >= num_classes:
            raise RuntimeError(
                f"one_hot: Class values must be smaller than num_classes, got {known.max()} and {num_classes}"
            )
    return (tensor[..., None] == jnp.arange(num_classes, dtype=tensor.dtype)).astype(tensor.dtype)

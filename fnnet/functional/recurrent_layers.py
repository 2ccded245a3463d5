"""`torch.lstm`, `torch.gru`, `torch.rnn_tanh` and `torch.rnn_relu`: recurrent layers by their flat list of
weights. `recurrent` computes them, one scan a layer and direction."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, cast

import jax
import jax.numpy as jnp
import numpy as np

from fnnet.functional.operation import operation
from fnnet.functional.recurrent import recurrent

__all__ = ["gru", "lstm", "rnn_relu", "rnn_tanh"]


def _parts(name: str, params: Sequence[jax.Array], parts: int, has_biases: bool) -> list[list[Any]]:
    """The weights of each layer and direction as `recurrent` takes them."""
    each, rest = divmod(len(params), max(parts, 1))
    wanted = 4 if has_biases else 2
    if parts < 1 or rest or each not in (wanted, wanted + (name == "lstm")):
        raise RuntimeError(
            f"{name}: got an incorrect number of RNN parameters: params has {len(params)}, expected {wanted} "
            f"for each of {parts} layers and directions"
        )
    found = [list(params[i : i + each]) for i in range(0, len(params), each)]
    none: list[Any] = [None]
    return [[*part[:2], *(part[2:4] if has_biases else none * 2), *(part[wanted:] or none)] for part in found]


def _layers(
    name: str, mode: str, given: tuple[Any, ...], key: Any
) -> tuple[jax.Array, tuple[jax.Array, ...]]:
    """By either of PyTorch's orders: (input, hx, params, ...) or (data, batch_sizes, hx, params, ...)."""
    packed = isinstance(given[3], list | tuple)
    sizes = None
    if packed:
        x, sizes, hx, params, has_biases, num_layers, dropout, train, bidirectional = given
        sizes, batch_first = tuple(int(n) for n in np.asarray(sizes)), False
    else:
        x, hx, params, has_biases, num_layers, dropout, train, bidirectional, batch_first = given
    weights = _parts(name, params, num_layers * (2 if bidirectional else 1), has_biases)
    state = tuple(hx) if mode == "LSTM" else (hx,)
    if x.ndim != (2 if packed else 3):
        raise RuntimeError(f"{name}: input must have {2 if packed else 3} dimensions, got {x.ndim}")
    if mode == "LSTM" and len(state) != 2:
        raise RuntimeError(f"{name}: expects two hidden states, got {len(state)}")
    x = jnp.swapaxes(x, 0, 1) if batch_first else x
    features = weights[0][0].shape[1]
    if x.shape[-1] != features:
        raise RuntimeError(
            f"{name}: input.size(-1) must be equal to input_size. Expected {features}, got {x.shape[-1]}"
        )
    batch = x.shape[1] if sizes is None else sizes[0]
    for one, size in zip(state, _widths(mode, weights[0]), strict=True):
        if one.shape != (len(weights), batch, size):
            raise RuntimeError(
                f"{name}: Expected hidden size ({len(weights)}, {batch}, {size}), got {list(one.shape)}"
            )
    output, last = recurrent(mode, x, state, weights, bidirectional, dropout, train, sizes, key=key)
    return (jnp.swapaxes(output, 0, 1) if batch_first else output), last


def _widths(mode: str, weights: list[Any]) -> list[int]:
    """The sizes of the state: h, as wide as what the steps take, and c."""
    out = cast(int, weights[1].shape[1])
    return [out, weights[1].shape[0] // 4] if mode == "LSTM" else [out]


def _of(name: str, mode: str, said: str) -> Callable[..., tuple[jax.Array, ...]]:
    def layers(
        input: jax.Array,
        hx: Any,
        params: Any,
        has_biases: Any,
        num_layers: Any,
        dropout: Any,
        train: Any,
        bidirectional: Any,
        batch_first: Any,
        *,
        key: Any = None,
    ) -> tuple[jax.Array, ...]:
        given = (input, hx, params, has_biases, num_layers, dropout, train, bidirectional, batch_first)
        output, state = _layers(name, mode, given, key)
        return output, *state

    layers.__name__ = layers.__qualname__ = name
    layers.__doc__ = said
    return operation("torch", grad_fn="CatBackward0")(layers)


def _of_one_state(name: str, mode: str, what: str) -> Callable[..., tuple[jax.Array, ...]]:
    said = f"""Output and h of {what}: input (T, N, in), hx (layers * directions, N, hidden).

    Arguments, packed sequences and errors are as of `lstm`.
    """
    return _of(name, mode, said)


lstm = _of(
    "lstm",
    "LSTM",
    """Output, h and c of an LSTM: input (T, N, in), hx = (h, c) of (layers * directions, N, size).

    `params` has for each layer, and each direction in it, w_ih, w_hh, b_ih, b_hh (with `has_biases`) and w_hr
    (with projections). Packed sequences are given by PyTorch's other order of arguments: data, batch_sizes,
    hx, params, has_biases, num_layers, dropout, train, bidirectional. Raises RuntimeError for sizes that do
    not fit.
    """,
)
gru = _of_one_state("gru", "GRU", "a GRU")
rnn_tanh = _of_one_state("rnn_tanh", "RNN_TANH", "layers of tanh cells")
rnn_relu = _of_one_state("rnn_relu", "RNN_RELU", "layers of ReLU cells")

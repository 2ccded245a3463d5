"""Recurrent cells and layers of them: tanh or ReLU, LSTM, GRU. Time is a scan, compiled once whatever its
length.

Gates are in PyTorch's order (i, f, g, o for the LSTM; r, z, n for the GRU), each with two biases.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, TypeAlias

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax

from fnnet.functional.activation import relu
from fnnet.functional.dropout import dropout
from fnnet.functional.linear import linear
from fnnet.functional.operation import operation
from fnnet.functional.packed import packed_data, padded_data
from fnnet.random.source import as_source

__all__ = ["gru_cell", "lstm_cell", "recurrent", "rnn_relu_cell", "rnn_tanh_cell"]

State: TypeAlias = tuple[jax.Array, ...]


def _check(name: str, input: jax.Array, hx: jax.Array, w_ih: jax.Array, w_hh: jax.Array) -> None:
    if input.shape[-1] != w_ih.shape[-1]:
        raise RuntimeError(
            f"{name}: input has inconsistent input_size: got {input.shape[-1]} expected {w_ih.shape[-1]}"
        )
    if hx.shape[-1] != w_hh.shape[-1]:
        raise RuntimeError(
            f"{name}: hidden has inconsistent hidden_size: got {hx.shape[-1]}, expected {w_hh.shape[-1]}"
        )


def _plain(activation: Callable[[jax.Array], jax.Array]) -> Callable[..., State]:
    def step(projected: jax.Array, state: State, w_hh: jax.Array, b_hh: jax.Array | None) -> State:
        return (activation(projected + linear(state[0], w_hh, b_hh)),)

    return step


def _lstm(projected: jax.Array, state: State, w_hh: jax.Array, b_hh: jax.Array | None) -> State:
    h, c = state
    i, f, g, o = jnp.split(projected + linear(h, w_hh, b_hh), 4, axis=-1)
    c = jax.nn.sigmoid(f) * c + jax.nn.sigmoid(i) * jnp.tanh(g)
    return jax.nn.sigmoid(o) * jnp.tanh(c), c


def _gru(projected: jax.Array, state: State, w_hh: jax.Array, b_hh: jax.Array | None) -> State:
    (h,) = state
    r_in, z_in, n_in = jnp.split(projected, 3, axis=-1)
    r_h, z_h, n_h = jnp.split(linear(h, w_hh, b_hh), 3, axis=-1)
    r, z = jax.nn.sigmoid(r_in + r_h), jax.nn.sigmoid(z_in + z_h)
    n = jnp.tanh(n_in + r * n_h)
    return ((h - n) * z + n,)


# A step from the projected input (w_ih x + b_ih) and the state to the new state.
_STEPS: dict[str, Callable[..., State]] = {
    "RNN_TANH": _plain(jnp.tanh),
    "RNN_RELU": _plain(relu),
    "LSTM": _lstm,
    "GRU": _gru,
}


def _cell(
    name: str,
    mode: str,
    input: jax.Array,
    state: State | None,
    w_ih: jax.Array,
    w_hh: jax.Array,
    b_ih: jax.Array | None,
    b_hh: jax.Array | None,
) -> State:
    if state is None:
        zeros = jnp.zeros((*input.shape[:-1], w_hh.shape[1]), input.dtype)
        state = (zeros, zeros) if mode == "LSTM" else (zeros,)
    _check(name, input, state[0], w_ih, w_hh)
    return _STEPS[mode](linear(input, w_ih, b_ih), state, w_hh, b_hh)


@operation("torch", grad_fn="TanhBackward0")
def rnn_tanh_cell(
    input: jax.Array,
    hx: jax.Array | None,
    w_ih: jax.Array,
    w_hh: jax.Array,
    b_ih: jax.Array | None = None,
    b_hh: jax.Array | None = None,
) -> jax.Array:
    """tanh(w_ih input + b_ih + w_hh hx + b_hh): input (N, in) or (in,), hx (N, hidden) or (hidden,)."""
    return _cell("rnn_tanh_cell", "RNN_TANH", input, None if hx is None else (hx,), w_ih, w_hh, b_ih, b_hh)[0]


@operation("torch", grad_fn="ReluBackward0")
def rnn_relu_cell(
    input: jax.Array,
    hx: jax.Array | None,
    w_ih: jax.Array,
    w_hh: jax.Array,
    b_ih: jax.Array | None = None,
    b_hh: jax.Array | None = None,
) -> jax.Array:
    """relu(w_ih input + b_ih + w_hh hx + b_hh); shapes as rnn_tanh_cell."""
    return _cell("rnn_relu_cell", "RNN_RELU", input, None if hx is None else (hx,), w_ih, w_hh, b_ih, b_hh)[0]


@operation("torch", grad_fn="MulBackward0")
def lstm_cell(
    input: jax.Array,
    hx: State | None,
    w_ih: jax.Array,
    w_hh: jax.Array,
    b_ih: jax.Array | None = None,
    b_hh: jax.Array | None = None,
) -> State:
    """New (h, c) from input (N, in) and hx = (h, c), each (N, hidden); weights (4 hidden, ...)."""
    return _cell("lstm_cell", "LSTM", input, None if hx is None else tuple(hx), w_ih, w_hh, b_ih, b_hh)


@operation("torch", grad_fn="AddBackward0")
def gru_cell(
    input: jax.Array,
    hx: jax.Array | None,
    w_ih: jax.Array,
    w_hh: jax.Array,
    b_ih: jax.Array | None = None,
    b_hh: jax.Array | None = None,
) -> jax.Array:
    """New h from input (N, in) and hx (N, hidden); weights (3 hidden, ...); the reset gate follows w_hh."""
    return _cell("gru_cell", "GRU", input, None if hx is None else (hx,), w_ih, w_hh, b_ih, b_hh)[0]


def _one_direction(
    mode: str,
    x: jax.Array,
    state: State,
    weights: Sequence[Any],
    reverse: bool,
    batch_sizes: Sequence[int] | None,
) -> tuple[jax.Array, State]:
    """One layer in one direction: x (T, N, in), state of (N, hidden): output (T, N, out) and the last
    state; with batch_sizes, x and output are packed data.
    """
    # The inputs' part of all steps is one product; within the scan only the state's part is left.
    w_ih, w_hh, b_ih, b_hh, w_hr = weights
    projected = linear(x, w_ih, b_ih)

    def step(state: State, now: jax.Array) -> tuple[State, jax.Array]:
        new = _STEPS[mode](now, state, w_hh, b_hh)
        if w_hr is not None:
            new = (linear(new[0], w_hr), *new[1:])
        return new, new[0]

    if batch_sizes is None:
        last, outputs = lax.scan(step, state, projected, reverse=reverse)
        return outputs, last

    def step_of_some(state: State, now: tuple[jax.Array, jax.Array]) -> tuple[State, jax.Array]:
        projected, reached = now
        new, output = step(state, projected)
        # A sequence that is over, or in reverse not yet begun, keeps its state.
        return tuple(jnp.where(reached, n, s) for n, s in zip(new, state, strict=True)), output

    reached = np.arange(batch_sizes[0]) < np.asarray(batch_sizes)[:, None]
    padded = padded_data(projected, batch_sizes)
    last, outputs = lax.scan(step_of_some, state, (padded, jnp.asarray(reached[..., None])), reverse=reverse)
    return packed_data(outputs, batch_sizes), last


def _no_state(mode: str, input: jax.Array, batch: int, weights: Sequence[Sequence[Any]]) -> State:
    """The state of zeros to begin with."""
    w_hh = weights[0][1]
    sizes = [w_hh.shape[1], w_hh.shape[0] // 4] if mode == "LSTM" else [w_hh.shape[1]]
    return tuple(jnp.zeros((len(weights), batch, size), input.dtype) for size in sizes)


@operation(grad_fn="CatBackward0")
def recurrent(
    mode: str,
    input: jax.Array,
    state: State | None,
    weights: Sequence[Sequence[jax.Array | None]],
    bidirectional: bool = False,
    dropout_p: float = 0.0,
    training: bool = False,
    batch_sizes: Sequence[int] | None = None,
    *,
    key: Any = None,
) -> tuple[jax.Array, State]:
    """Layers of cells over input (T, N, in): output (T, N, directions * out), and the last state.

    Args:
        mode: "RNN_TANH", "RNN_RELU", "LSTM" or "GRU".
        input: time first.
        state: (h,), or (h, c) of an LSTM, each (layers * directions, N, size); zeros if None.
        weights: for each layer and direction weight_ih, weight_hh, bias_ih, bias_hh and weight_hr (the
        projection of an LSTM), the last three None where there are none.
        bidirectional: whether each layer also runs backwards in time.
        dropout_p: probability with which outputs of all layers but the last are dropped in training.
        training: the mode.
        batch_sizes: of packed sequences (see `packed`), whose data (sum of the lengths, in) are then the
            input, and the output is packed likewise.
        key: random source for dropout.
    """
    directions = 2 if bidirectional else 1
    layers = len(weights) // directions
    source = None if key is None else as_source(key)
    if state is None:
        batch = input.shape[1] if batch_sizes is None else batch_sizes[0]
        state = _no_state(mode, input, batch, weights)
    x, last = input, []
    for layer in range(layers):
        outputs = []
        for direction in range(directions):
            position = layer * directions + direction
            begin = tuple(part[position] for part in state)
            output, end = _one_direction(mode, x, begin, weights[position], direction == 1, batch_sizes)
            outputs.append(output)
            last.append(end)
        x = jnp.concatenate(outputs, axis=-1) if directions == 2 else outputs[0]
        if layer < layers - 1:
            x = dropout(x, dropout_p, training, key=source)
    return x, tuple(jnp.stack(parts) for parts in zip(*last, strict=True))

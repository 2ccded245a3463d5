"""Recurrent cells and layers of them: tanh or ReLU, LSTM, GRU. Time is a scan, compiled once whatever its
length.

Gates are in PyTorch's order (i, f, g, o for the LSTM; r, z, n for the GRU), each with two biases.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any, NamedTuple, TypeAlias

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax

from fnnet.functional.activation import relu
from fnnet.functional.apart import apart
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


def _plain(activation: Callable[[jax.Array], jax.Array]) -> Callable[[jax.Array, State], State]:
    return lambda gates, state: (activation(gates),)


def _opened(gates: jax.Array) -> jax.Array:
    # All at once: a loop over one gate's slice is not vectorised (48 us a step of 32 x 128 instead of 18).
    return apart(jax.nn.sigmoid(gates))


def _lstm(gates: jax.Array, state: State) -> State:
    i, f, _, o = jnp.split(_opened(gates), 4, axis=-1)
    c = f * state[1] + i * jnp.tanh(jnp.split(gates, 4, axis=-1)[2])
    return o * jnp.tanh(c), c


def _gru(gates: jax.Array, state: State) -> State:
    gates = apart(gates)
    r, z, _, _ = jnp.split(_opened(gates), 4, axis=-1)
    _, _, n_in, n_h = jnp.split(gates, 4, axis=-1)
    n = jnp.tanh(n_in + r * n_h)
    return ((state[0] - n) * z + n,)


# From the gates (see `_joined`) and the state to the new state.
_CELLS: dict[str, Callable[[jax.Array, State], State]] = {
    "RNN_TANH": _plain(jnp.tanh),
    "RNN_RELU": _plain(relu),
    "LSTM": _lstm,
    "GRU": _gru,
}


def _joined(mode: str, projected: jax.Array, hidden: jax.Array) -> jax.Array:
    """The gates from the input's part, w_ih x + b_ih, and the state's, w_hh h + b_hh: their sum, but for the
    GRU's last gate, where both stand for themselves."""
    if mode != "GRU":
        return projected + hidden
    both = 2 * (hidden.shape[-1] // 3)
    parts = (projected[..., :both] + hidden[..., :both], projected[..., both:], hidden[..., both:])
    return jnp.concatenate(parts, axis=-1)


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
    gates = _joined(mode, linear(input, w_ih, b_ih), linear(state[0], w_hh, b_hh))
    return _CELLS[mode](gates, state)


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


class _Weights(NamedTuple):
    """The weights of one direction that act in every step: (gates, hidden), (gates,) or None, and
    (projected, hidden) or None."""

    hh: jax.Array
    bias: jax.Array | None
    hr: jax.Array | None

    def turned(self) -> _Weights:
        """The matrices transposed, once for all steps.

        What derivatives are asked of is not: of a transposed gradient of several models at once (vmap) XLA
        makes a product laid column by column, and ends the process where that is small (jaxlib 0.10.2).
        """
        return _Weights(apart(self.hh.T), self.bias, None if self.hr is None else self.hr.T)


def _taken(mode: str, projected: jax.Array, state: State, w: _Weights) -> tuple[State, jax.Array, jax.Array]:
    """A step: the new state, its gates, and h before a projection."""
    hidden = state[0] @ w.hh
    gates = _joined(mode, projected, hidden if w.bias is None else hidden + w.bias)
    new = _CELLS[mode](gates, state)
    return (new[0] if w.hr is None else new[0] @ w.hr, *new[1:]), gates, new[0]


def _kept(reached: jax.Array | None, new: State, old: State) -> State:
    """A sequence that is over, or in reverse not yet begun, keeps its state."""
    if reached is None:
        return new
    return tuple(jnp.where(reached, n, o) for n, o in zip(new, old, strict=True))


# By hand because JAX adds up the gradients of the weights within the loop, a product and a sum a step. Here
# the changes of the weights meet all steps in one product before the loop: their gradients are one after it.
@partial(jax.custom_jvp, nondiff_argnums=(0, 1))
def _over_time(
    mode: str, reverse: bool, projected: jax.Array, reached: jax.Array | None, state: State, w: _Weights
) -> tuple[State, jax.Array]:
    """The last state and the outputs (T, N, out), of `projected` (T, N, gates)."""
    last, (outputs, *_) = _steps(mode, reverse, projected, reached, state, w.turned())
    return last, outputs


def _steps(
    mode: str, reverse: bool, projected: jax.Array, reached: jax.Array | None, state: State, turned: _Weights
) -> tuple[State, Any]:
    """The last state, and of all steps the output, the state before, the gates, and h before a projection."""
    # Broadcast here: JAX would do it within the loop, or before it where it differentiates, and the two loops
    # would not be the same.
    bias = None if turned.bias is None else jnp.broadcast_to(turned.bias, projected.shape[1:])
    turned = turned._replace(bias=bias)

    def step(state: State, now: Any) -> tuple[State, Any]:
        new, gates, raw = _taken(mode, now[0], state, turned)
        return _kept(now[1], new, state), (new[0], state, gates, raw)

    return lax.scan(step, state, (projected, reached), reverse=reverse)


@_over_time.defjvp
def _over_time_jvp(mode: str, reverse: bool, primals: Any, tangents: Any) -> tuple[Any, Any]:
    projected, reached, state, w = primals
    d_projected, _, d_state, d_w = tangents

    turned = w.turned()
    last, (outputs, before, gates, raw) = _steps(mode, reverse, projected, reached, state, turned)
    by_weight = linear(before[0], d_w.hh)
    d_gates = _joined(mode, d_projected, by_weight if d_w.bias is None else by_weight + d_w.bias)
    d_hr = None if w.hr is None else linear(raw, d_w.hr)
    derivatives = jax.vmap(lambda gates, state: jax.linearize(_CELLS[mode], gates, state)[1])(gates, before)

    def change(d_state: State, now: Any) -> tuple[State, jax.Array]:
        derivative, d_gates, d_hr, reached = now
        d_hidden = d_state[0] @ turned.hh
        d_new = derivative(d_gates + _joined(mode, jnp.zeros_like(d_hidden), d_hidden), d_state)
        if d_hr is not None:
            d_new = (d_new[0] @ turned.hr + d_hr, *d_new[1:])
        return _kept(reached, d_new, d_state), d_new[0]

    changes = lax.scan(change, d_state, (derivatives, d_gates, d_hr, reached), reverse=reverse)
    return (last, outputs), changes


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
    w = _Weights(w_hh, b_hh, w_hr)
    if batch_sizes is None:
        last, outputs = _over_time(mode, reverse, projected, None, state, w)
        return outputs, last
    reached = jnp.asarray((np.arange(batch_sizes[0]) < np.asarray(batch_sizes)[:, None])[..., None])
    last, outputs = _over_time(mode, reverse, padded_data(projected, batch_sizes), reached, state, w)
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

"""Text generation: one compiled program for the prompt and all tokens after it, with keys and values kept.

The rules, their order and their numbers are those of the transformers library: temperature, top_k, top_p.
"""

from __future__ import annotations

from functools import partial
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax.typing import ArrayLike

from fnnet.layers.layer import Params
from fnnet.models.gpt import GPT
from fnnet.random.source import as_source

__all__ = ["Sampling", "generate", "restricted"]

PROMPTS = 16
"""Prompts are padded to a multiple of this length, so that few programs are compiled."""

ENDS = 4
"""As many tokens that end a row, or a multiple, are handed to the program; those lacking are -1."""


class Sampling(NamedTuple):
    """How a token is chosen: what is traced, and what is part of the program.

    Attributes:
        temperature: divides the logits.
        top_p: of the probability that the likeliest tokens must have together; the others are left out.
        top_k: how many of the likeliest tokens are kept; 0 for all.
    """

    temperature: Any = 1.0
    top_p: Any = 1.0
    top_k: int = 0


def restricted(logits: jax.Array, sampling: Sampling) -> jax.Array:
    """Logits (N, V) by temperature, with -inf for the tokens that top_k and top_p leave out."""
    logits = logits / jnp.asarray(sampling.temperature, logits.dtype)
    if sampling.top_k:
        least = jax.lax.top_k(logits, min(sampling.top_k, logits.shape[-1]))[0][:, -1:]
        logits = jnp.where(logits < least, -jnp.inf, logits)
    if sampling.top_p is None:
        return logits
    order = jnp.argsort(logits, axis=-1)
    upward = jnp.take_along_axis(logits, order, axis=-1)
    below = jnp.cumsum(jax.nn.softmax(upward, axis=-1), axis=-1) <= 1 - jnp.asarray(
        sampling.top_p, logits.dtype
    )
    left_out = (
        jnp.zeros_like(below).at[jnp.arange(len(order))[:, None], order].set(below.at[:, -1].set(False))
    )
    return jnp.where(left_out, -jnp.inf, logits)


def _chosen(logits: jax.Array, sampling: Sampling | None, noise: jax.Array | None) -> jax.Array:
    """(N, V) -> (N,): the likeliest, or one drawn as torch.multinomial draws from exponential noise."""
    if sampling is None or noise is None:
        return jnp.argmax(logits, axis=-1).astype(jnp.int32)
    probabilities = jax.nn.softmax(restricted(logits, sampling), axis=-1)
    return jnp.argmax(probabilities / noise, axis=-1).astype(jnp.int32)


class _State(NamedTuple):
    ids: jax.Array
    token: jax.Array
    cache: Any
    going: jax.Array
    step: jax.Array


@partial(jax.jit, static_argnames=("net", "steps", "top_k"))
def _run(
    net: GPT,
    params: Params,
    prompt: jax.Array,
    mask: jax.Array,
    steps: int,
    top_k: int | None,
    warp: tuple[Any, Any],
    random: Any,
    eos: jax.Array,
    pad: jax.Array,
) -> tuple[jax.Array, jax.Array]:
    """All ids (N, prompt + steps), and how many steps were made before every row had ended."""
    count, length = prompt.shape
    dtype = params["transformer"]["wte"]["weight"].dtype
    sampling = None if top_k is None else Sampling(*warp, top_k)
    cache = net.init_cache(count, length + steps, dtype)
    logits, cache = net(params, prompt, mask, cache=cache, last_only=True)
    room = jnp.full((count, steps), pad, jnp.int32)
    ids = jnp.concatenate([prompt.astype(jnp.int32), room], axis=1)
    going = jnp.ones((count,), bool)

    def noise(step: jax.Array) -> jax.Array | None:
        if sampling is None:
            return None
        if jnp.issubdtype(random.dtype, jax.dtypes.prng_key):
            return jax.random.exponential(jax.random.fold_in(random, step), logits[:, 0].shape, dtype)
        return random[step]

    def extended(logits: jax.Array, ids: jax.Array, cache: Any, going: jax.Array, step: Any) -> _State:
        token = jnp.where(going, _chosen(logits[:, 0], sampling, noise(step)), pad)
        ids = jax.lax.dynamic_update_slice_in_dim(ids, token[:, None], length + step, 1)
        going = going & (token[:, None] != eos).all(-1)
        return _State(ids, token, cache, going, step + 1)

    def more(state: _State) -> jax.Array:
        return (state.step < steps) & jnp.any(state.going)

    def forward(state: _State) -> _State:
        logits, cache = net(params, state.token[:, None], cache=state.cache, last_only=True)
        return extended(logits, state.ids, cache, state.going, state.step)

    first = extended(logits, ids, cache, going, jnp.zeros((), jnp.int32))
    end = jax.lax.while_loop(more, forward, first)
    return end.ids, end.step


def generate(
    net: GPT,
    params: Params,
    input_ids: ArrayLike,
    max_new_tokens: int,
    *,
    attention_mask: ArrayLike | None = None,
    temperature: float = 1.0,
    top_k: int | None = None,
    top_p: float | None = None,
    key: Any = None,
    eos_token_id: int | tuple[int, ...] | None = None,
    pad_token_id: int | None = None,
) -> jax.Array:
    """Continue prompts: (N, L) token numbers -> (N, L + at most max_new_tokens) int32.

    Without `key` the likeliest token is taken; with it, tokens are drawn. From a `fnnet.random.Generator`
    they are those that the transformers library draws after torch.manual_seed with the same seed.

    Args:
        net, params: the network.
        input_ids: the prompts, padded on the left.
        max_new_tokens: how many tokens to add; generation ends sooner when every row has ended.
        attention_mask: (N, L), 0 or False for padding.
        temperature: divides the logits.
        top_k: draw from the k likeliest tokens only.
        top_p: draw from the likeliest tokens that together have this probability.
        key: a JAX key or a Generator.
        eos_token_id: what ends a row, one or several; nothing unless given.
        pad_token_id: what follows in a row that has ended; the (first) eos_token_id unless given.

    Raises:
        ValueError: for arguments out of range. RuntimeError: for ids of another shape, or if prompt and new
            tokens are more than the network has positions.
    """
    prompt: Any = np.asarray(input_ids)
    if prompt.ndim != 2 or not prompt.size:
        raise RuntimeError(f"generate: input_ids: expected a shape (batch, length), got {prompt.shape}")
    if not np.issubdtype(prompt.dtype, np.integer):
        raise TypeError(f"generate: input_ids: expected integers, got {prompt.dtype}")
    if prompt.min() < 0 or prompt.max() >= net.config.vocab_size:
        raise IndexError(f"generate: input_ids: expected numbers from 0 to {net.config.vocab_size - 1}")
    mask = np.ones(prompt.shape, bool) if attention_mask is None else np.asarray(attention_mask, bool)
    if mask.shape != prompt.shape:
        raise RuntimeError(f"generate: attention_mask: expected a shape {prompt.shape}, got {mask.shape}")
    if max_new_tokens < 0:
        raise ValueError(f"generate: max_new_tokens: expected a number >= 0, got {max_new_tokens}")
    if not temperature > 0:
        raise ValueError(f"generate: temperature: expected a number > 0, got {temperature}")
    if top_k is not None and top_k < 1:
        raise ValueError(f"generate: top_k: expected a number >= 1, got {top_k}")
    if top_p is not None and not 0 <= top_p <= 1:
        raise ValueError(f"generate: top_p: expected a number from 0 to 1, got {top_p}")
    count, length = prompt.shape
    if length + max_new_tokens > net.config.n_positions:
        raise RuntimeError(
            f"generate: {length} positions in the prompt and {max_new_tokens} new ones are more than the "
            f"network's {net.config.n_positions}"
        )
    if not max_new_tokens:
        return jnp.asarray(prompt, jnp.int32)
    ends = np.asarray([] if eos_token_id is None else eos_token_id, np.int32).reshape(-1)
    pad = pad_token_id if pad_token_id is not None else int(ends[0]) if len(ends) else 0
    begin = -length % PROMPTS
    margin = ((0, 0), (begin, 0))
    random, generator, state = None, None, None
    if key is not None:
        source = as_source(key)
        if hasattr(source, "next_key"):
            random = source.next_key()
        else:
            generator, state = key, key.get_state()
            shape = (count, net.config.vocab_size)
            drawn = [source.exponential(shape, 1.0, jnp.float32) for _ in range(max_new_tokens)]
            random = jnp.stack(drawn)
    ids, made = _run(
        net,
        params,
        np.pad(prompt, margin).astype(np.int32),
        np.pad(mask, margin),
        max_new_tokens,
        None if key is None else top_k or 0,
        (temperature, None if top_p is None or top_p >= 1 else top_p),
        random,
        np.pad(ends, (0, ENDS - len(ends) % ENDS), constant_values=-1),
        pad,
    )
    steps = int(made)
    if generator is not None and steps < max_new_tokens:  # it ends where PyTorch's would
        generator.set_state(state)
        for _ in range(steps):
            as_source(generator).exponential((count, net.config.vocab_size), 1.0, jnp.float32)
    return ids[:, begin : begin + length + steps]

"""A GPT that writes: trained here on the letters of a poem, or read from a folder with a checkpoint.

Without arguments it trains a network of two blocks for some seconds and lets it go on with the poem. With a
folder of the transformers library (config.json, model.safetensors, vocab.json and merges.txt, such as that of
GPT-2) it goes on with a prompt: the likeliest tokens, then drawn ones.

Run it: python examples/gpt_generate.py [FOLDER [PROMPT]]
"""

import sys
import time

import jax
import jax.numpy as jnp
import numpy as np

import fnnet
from fnnet import functional as F
from fnnet import models

POEM = """'Twas brillig, and the slithy toves
Did gyre and gimble in the wabe;
All mimsy were the borogoves,
And the mome raths outgrabe.

"Beware the Jabberwock, my son!
The jaws that bite, the claws that catch!
Beware the Jubjub bird, and shun
The frumious Bandersnatch!"
"""
LETTERS = sorted(set(POEM))
LENGTH = 96

net = models.GPT(models.GPTConfig(len(LETTERS), 128, 48, 2, 4, resid_pdrop=0, embd_pdrop=0, attn_pdrop=0))


def numbers(text):
    return np.array([LETTERS.index(letter) for letter in text], np.int32)


def text(ids):
    return "".join(LETTERS[number] for number in np.asarray(ids))


def loss(params, windows):
    """How badly the next letters of (N, L + 1) are foretold."""
    logits = net(params, windows[:, :-1])
    return F.cross_entropy(logits.reshape(-1, len(LETTERS)), windows[:, 1:].reshape(-1))


def train(params, steps=300):
    """Batches of 8 windows of the poem, at places drawn anew in each step."""
    poem = jnp.asarray(numbers(POEM))
    begins = jax.random.randint(jax.random.key(1), (steps, 8), 0, len(POEM) - LENGTH)

    def batch(step):
        return (poem[begins[step][:, None] + jnp.arange(LENGTH + 1)],)

    return fnnet.fit(loss, params, batch, optimizer=fnnet.optim.adamw(lr=3e-3), steps=steps)


def from_folder(folder, prompt):
    net, params = models.load_gpt(folder)
    tokens = models.load_byte_pairs(folder)
    ids = [tokens.encode(prompt)]
    end = net.config.eos_token_id
    for name, options in (
        ("likeliest", {}),
        ("drawn", {"key": jax.random.key(0), "top_k": 40, "top_p": 0.95}),
    ):
        begin = time.perf_counter()
        written = np.asarray(models.generate(net, params, ids, 40, eos_token_id=end, **options))[0]
        seconds = time.perf_counter() - begin
        print(f"--- {name} ({seconds:.1f} s, with the compilation)", tokens.decode(written), sep="\n")


def main(folder=None, prompt="The meaning of life is"):
    if folder is not None:
        from_folder(folder, prompt)
        return
    result = train(net.init(jax.random.key(0)))
    print(f"loss: {result.losses[0]:.3f} at first, {result.losses[-1]:.3f} after {len(result.losses)} steps")
    prompt = "'Twas brillig, "
    ids = numbers(prompt)[None]
    print("--- the likeliest letters", text(models.generate(net, result.params, ids, 80)[0]), sep="\n")
    drawn = models.generate(
        net, result.params, ids, 80, key=jax.random.key(2), temperature=0.8, top_k=5, top_p=0.95
    )
    print("--- drawn letters", text(drawn[0]), sep="\n")


if __name__ == "__main__":
    main(*sys.argv[1:])

"""A BERT that encodes sentences and fills in what is masked, from a folder with a checkpoint.

Without arguments the network is new and small, made here with a vocabulary of its own words: it shows the
calls, and knows nothing. With a folder of the transformers library (config.json, model.safetensors or
pytorch_model.bin, and vocab.txt, such as that of bert-base-uncased) it compares sentences and fills gaps.

Run it: python examples/bert_encode.py [FOLDER]
"""

import sys

import jax
import jax.numpy as jnp
import numpy as np

from fnnet import functional as F
from fnnet import models
from fnnet.models.word_pieces import SPECIAL

SENTENCES = ["the dog sleeps on the grass", "a cat sleeps on the sofa", "the price of oil went up"]
GAP = "the dog [MASK] on the grass"


def small():
    """A new network, its head for masked tokens, and tokens: the words of the sentences."""
    words = sorted({word for sentence in SENTENCES for word in sentence.split()})
    tokens = models.WordPieces({token: number for number, token in enumerate([*SPECIAL, *words])})
    config = models.BertConfig(len(tokens), 32, 2, 4, 64, max_position_embeddings=32)
    encoder, filler = models.Bert(config), models.BertForMaskedLM(config)
    return tokens, (encoder, encoder.init(jax.random.key(0))), (filler, filler.init(jax.random.key(0)))


def load(folder):
    return models.load_word_pieces(folder), models.load_bert(folder), models.load_bert(folder, masked_lm=True)


@jax.jit
def mean_of_tokens(states, mask):
    """(N, L, E) and (N, L) -> (N, E), of length one."""
    weights = mask[:, :, None].astype(states.dtype)
    return F.normalize((states * weights).sum(1) / weights.sum(1), dim=1)


def encode(net, params, tokens, sentences):
    """One vector for each sentence."""
    ids, mask = (jnp.asarray(rows, jnp.int32) for rows in tokens.batch(sentences))
    states, _ = jax.jit(net)(params, ids, mask)
    return mean_of_tokens(states, mask)


def fill(net, params, tokens, sentence, count=3):
    """The likeliest tokens for the first [MASK], with their probabilities."""
    ids = jnp.asarray([tokens.encode(sentence)], jnp.int32)
    place = int(jnp.argmax(ids[0] == tokens.vocabulary["[MASK]"]))
    probabilities = F.softmax(jax.jit(net)(params, ids)[0, place], dim=0)
    best = jax.lax.top_k(probabilities, count)
    return [(tokens.decode([n]), float(p)) for p, n in zip(*map(np.asarray, best), strict=True)]


def main(folder=None):
    tokens, encoder, filler = small() if folder is None else load(folder)
    vectors = np.asarray(encode(*encoder, tokens, SENTENCES))
    print("cosines of the sentences:", np.array2string(vectors @ vectors.T, precision=3), sep="\n")
    for token, probability in fill(*filler, tokens, GAP):
        print(f"{GAP.replace('[MASK]', token or '(a special token)')}: {probability:.1%}")


if __name__ == "__main__":
    main(*sys.argv[1:])

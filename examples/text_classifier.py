"""A text classifier: what a sentence is about, from the mean of its words' vectors (an embedding bag).

The sentences are made up here: each takes words of its own topic, words that all topics share, and some of
the other topics' words.

Run it: python examples/text_classifier.py
"""

import jax
import jax.numpy as jnp
import numpy as np

import fnnet
from fnnet import functional as F
from fnnet.data import text

TOPICS = {
    "world": "government minister treaty border election parliament embassy crisis vote leader summit",
    "sports": "match goal season coach striker tournament referee league stadium medal record team",
    "business": "market shares profit bank investor merger price quarter revenue budget trade stocks",
    "science": "telescope species protein orbit experiment particle genome climate laboratory theory",
}
COMMON = "the a of in on and to with after before said new first last year week people city report over"
TRAIN, TEST, BATCH, EPOCHS, WIDTH = 800, 400, 16, 8, 32


def sentences(seed, count):
    """Made-up sentences with the numbers of their topics."""
    draw = np.random.RandomState(seed)
    common, *vocabularies = (words.split() for words in (COMMON, *TOPICS.values()))
    topics = draw.randint(len(TOPICS), size=count)
    lines = []
    for topic in topics:
        words = []
        for _ in range(draw.randint(5, 20)):
            kind = draw.random_sample()
            other = draw.randint(len(TOPICS))
            source = common if kind < 0.5 else vocabularies[topic if kind < 0.8 else other]
            words.append(source[draw.randint(len(source))])
        lines.append(" ".join(words).capitalize() + ".")
    return lines, topics.astype(np.int32)


def numbers(vocabulary, lines):
    return [vocabulary(text.basic_english(line)) for line in lines]


def network(vocabulary):
    bag = fnnet.EmbeddingBag(len(vocabulary), WIDTH, mode="mean", padding_idx=vocabulary["<pad>"])
    return bag, fnnet.Linear(WIDTH, len(TOPICS))


def main():
    lines, topics = sentences(0, TRAIN)
    vocabulary = text.build_vocab_from_iterator(map(text.basic_english, lines), specials=["<pad>", "<unk>"])
    vocabulary.set_default_index(vocabulary["<unk>"])
    print(f"{lines[0]!r} is about {list(TOPICS)[topics[0]]}")
    print(f"{len(vocabulary)} words, the most frequent: {' '.join(vocabulary.get_itos()[2:8])}")

    texts = numbers(vocabulary, lines)
    batches = [slice(start, start + BATCH) for start in range(0, TRAIN, BATCH)]
    total = max(sum(map(len, texts[batch])) for batch in batches)
    packed = [text.bags(texts[batch], total, vocabulary["<pad>"]) for batch in batches]
    tokens, starts = (jnp.asarray(np.stack(each)) for each in zip(*packed, strict=True))
    labels = jnp.asarray(topics).reshape(-1, BATCH)

    bag, linear = network(vocabulary)
    random = fnnet.random.Generator(0)
    params = {"bag": bag.init(random), "linear": linear.init(random)}

    def scores(params, tokens, starts):
        return linear(params["linear"], bag(params["bag"], tokens, starts))

    def loss(params, tokens, starts, labels):
        return F.cross_entropy(scores(params, tokens, starts), labels)

    def batch(step):
        i = step % len(batches)
        return tokens[i], starts[i], labels[i]

    run = fnnet.fit(loss, params, batch, optimizer=fnnet.optim.adam(lr=0.01), steps=EPOCHS * len(batches))
    for epoch, mean in enumerate(np.asarray(run.losses).reshape(EPOCHS, -1).mean(axis=1)):
        print(f"epoch {epoch}: loss {mean:.3f}")

    lines, topics = sentences(1, TEST)
    packed = map(jnp.asarray, text.bags(numbers(vocabulary, lines)))
    found = np.asarray(jax.jit(scores)(run.params, *packed)).argmax(axis=1)
    right = int((found == topics).sum())
    print(f"{right} of {TEST} new sentences right, {100 * right / TEST:.1f} %")


if __name__ == "__main__":
    main()

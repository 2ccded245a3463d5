"""The tokenizer, the vocabulary and bags of words, with torchtext's meaning."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from fnnet import functional as F
from fnnet.data import text

LINES = {  # recorded from torchtext 0.18's get_tokenizer("basic_english")
    "You can now install TorchText using pip!": "you can now install torchtext using pip !",
    'He said: "It\'s 3.5%, (or so)..." why?; ok<br />done <br/>': (
        "he said it ' s 3 . 5% , ( or so ) . . . why ? ok done <br/>"
    ),
    "  \tÀ   B\u00a0c\n": "à b c",
    "": "",
}


@pytest.mark.parametrize("line", LINES)
def test_basic_english(line):
    assert text.basic_english(line) == LINES[line].split()


WORDS = [["b", "a", "c"], ["a", "b", "<unk>"], ["b", "d", "e", "e"]]


def test_the_order_is_by_frequency_then_alphabet():
    assert text.build_vocab_from_iterator(WORDS).get_itos() == ["b", "a", "e", "<unk>", "c", "d"]


def test_specials_min_freq_and_max_tokens():
    build = text.build_vocab_from_iterator
    assert build(WORDS, min_freq=2, specials=["<pad>", "<unk>"]).get_itos() == [
        "<pad>",
        "<unk>",
        "b",
        "a",
        "e",
    ]
    assert build(WORDS, 3, ["<unk>"], special_first=False).get_itos() == ["b", "<unk>"]
    assert build(WORDS, specials=["<unk>"], max_tokens=3).get_itos() == ["<unk>", "b", "a"]
    # the cut counts a special that also occurs, and then drops it
    assert build(WORDS, specials=["e"], max_tokens=4).get_itos() == ["e", "b", "a"]
    with pytest.raises(AssertionError, match="entirely special tokens"):
        build(WORDS, specials=["x", "y"], max_tokens=2)


def test_look_ups():
    vocabulary = text.build_vocab_from_iterator(WORDS, specials=["<unk>"])
    assert vocabulary(["a", "b"]) == vocabulary.lookup_indices(["a", "b"]) == [2, 1]
    assert vocabulary.lookup_tokens([0, 1]) == ["<unk>", "b"]
    assert "a" in vocabulary
    assert "z" not in vocabulary
    assert len(vocabulary) == 6
    with pytest.raises(RuntimeError, match="Token z not found and default index is not set"):
        vocabulary["z"]
    vocabulary.set_default_index(0)
    assert vocabulary(["z", "a"]) == [0, 2]
    assert vocabulary.get_default_index() == 0
    vocabulary.insert_token("new", 1)
    assert vocabulary.get_stoi() == {"<unk>": 0, "new": 1, "b": 2, "a": 3, "e": 4, "c": 5, "d": 6}
    with pytest.raises(RuntimeError, match="Token new already exists in the Vocab with index: 1"):
        vocabulary.append_token("new")
    with pytest.raises(RuntimeError, match="Specified index 9 is out of bounds for vocab of size 7"):
        vocabulary.lookup_token(9)


def test_bags_are_what_embedding_bag_takes():
    texts = [[3, 1], [], [2, 2, 4]]
    weight = np.random.RandomState(0).standard_normal((5, 3)).astype(np.float32)
    means = np.stack([weight[t].mean(0) if t else np.zeros(3) for t in texts])
    tokens, starts = text.bags(texts)
    assert tokens.tolist() == [3, 1, 2, 2, 4]
    assert tokens.dtype == starts.dtype == np.int32
    assert starts.tolist() == [0, 2, 2]
    filled, starts = text.bags(texts, total=9)
    assert filled.tolist() == [3, 1, 2, 2, 4, 0, 0, 0, 0]
    bag = jax.jit(lambda tokens, starts: F.embedding_bag(tokens, jnp.asarray(weight), starts, padding_idx=0))
    np.testing.assert_allclose(bag(jnp.asarray(filled), jnp.asarray(starts)), means, 1.3e-6, 1e-6)
    with pytest.raises(ValueError, match="5 tokens do not fit into total=4"):
        text.bags(texts, 4)

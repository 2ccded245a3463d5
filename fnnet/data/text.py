"""Text as integers: a tokenizer, a vocabulary, and bags of words, with torchtext's meaning."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Sequence

import numpy as np

__all__ = ["Vocabulary", "bags", "basic_english", "build_vocab_from_iterator"]

_STEPS = [
    (re.compile(pattern), by)
    for pattern, by in (
        (r"'", " '  "),
        (r'"', ""),
        (r"\.", " . "),
        (r"<br />", " "),
        (r",", " , "),
        (r"\(", " ( "),
        (r"\)", " ) "),
        (r"!", " ! "),
        (r"\?", " ? "),
        (r"[;:]", " "),
    )
]


def basic_english(line: str) -> list[str]:
    """The words of a line in lower case: marks stand alone, quotation marks, ; and : go.

    As `torchtext.data.get_tokenizer("basic_english")`.
    """
    line = line.lower()
    for pattern, by in _STEPS:
        line = pattern.sub(by, line)
    return line.split()


class Vocabulary:
    """Tokens and their numbers, from 0 on. Called with a list of tokens it gives their numbers.

    As `torchtext.vocab.Vocab`: a token that is not in it gives the default index, and a RuntimeError if none
    is set.
    """

    def __init__(self, tokens: Iterable[str] = ()) -> None:
        self._tokens: list[str] = []
        self._indices: dict[str, int] = {}
        self._default: int | None = None
        for token in tokens:
            self.append_token(token)

    def append_token(self, token: str) -> None:
        """Add a token at the end. Raises RuntimeError if it is there."""
        self.insert_token(token, len(self._tokens))

    def insert_token(self, token: str, index: int) -> None:
        """Add a token at a place; those from there on move up. Raises RuntimeError as torchtext does."""
        if not 0 <= index <= len(self._tokens):
            raise RuntimeError(
                f"Specified index {index} is out of bounds for vocab of size {len(self._tokens)}"
            )
        if token in self._indices:
            raise RuntimeError(
                f"Token {token} already exists in the Vocab with index: {self._indices[token]}"
            )
        self._tokens.insert(index, token)
        for place in range(index, len(self._tokens)):
            self._indices[self._tokens[place]] = place

    def set_default_index(self, index: int | None) -> None:
        """The number of tokens that are not in the vocabulary."""
        self._default = index

    def get_default_index(self) -> int | None:
        """The number of tokens that are not in the vocabulary; None for none."""
        return self._default

    def __getitem__(self, token: str) -> int:
        found = self._indices.get(token, self._default)
        if found is None:
            raise RuntimeError(f"Token {token} not found and default index is not set")
        return found

    def __call__(self, tokens: Iterable[str]) -> list[int]:
        return [self[token] for token in tokens]

    lookup_indices = __call__

    def lookup_token(self, index: int) -> str:
        """The token of a number. Raises RuntimeError for one out of range."""
        if not 0 <= index < len(self._tokens):
            raise RuntimeError(
                f"Specified index {index} is out of bounds for vocab of size {len(self._tokens)}"
            )
        return self._tokens[index]

    def lookup_tokens(self, indices: Iterable[int]) -> list[str]:
        """The tokens of numbers."""
        return [self.lookup_token(index) for index in indices]

    def get_itos(self) -> list[str]:
        """All tokens in order."""
        return list(self._tokens)

    def get_stoi(self) -> dict[str, int]:
        """All tokens with their numbers."""
        return dict(self._indices)

    def __contains__(self, token: str) -> bool:
        return token in self._indices

    def __len__(self) -> int:
        return len(self._tokens)


def build_vocab_from_iterator(
    iterator: Iterable[Iterable[str]],
    min_freq: int = 1,
    specials: Sequence[str] | None = None,
    special_first: bool = True,
    max_tokens: int | None = None,
) -> Vocabulary:
    """The vocabulary of lists of tokens, the most frequent first, equals in alphabetical order.

    Args:
        min_freq: how often a token must occur.
        specials: tokens to add, first or last, in their order.
        max_tokens: how many tokens there may be, the specials included.
    """
    counts: Counter[str] = Counter()
    for tokens in iterator:
        counts.update(tokens)
    added = list(specials or ())
    ranked = sorted(counts.items(), key=lambda pair: (-pair[1], pair[0]))
    if max_tokens is not None:
        if len(added) >= max_tokens:
            raise AssertionError("len(specials) >= max_tokens, so the vocab will be entirely special tokens.")
        ranked = ranked[: max_tokens - len(added)]
    kept = [token for token, count in ranked if count >= min_freq and token not in added]
    return Vocabulary([*added, *kept] if special_first else [*kept, *added])


def bags(
    texts: Sequence[Sequence[int]], total: int | None = None, padding: int = 0
) -> tuple[np.ndarray, np.ndarray]:
    """Texts one after the other, int32 (total,), and where each begins: what `F.embedding_bag` takes.

    With `total`, the first is filled up with `padding` (give it to embedding_bag as `padding_idx`), so that
    batches of different texts have one shape. Raises ValueError if the texts are longer.
    """
    starts = np.cumsum([0, *map(len, texts)], dtype=np.int64)
    length = int(starts[-1])
    size = length if total is None else total
    if length > size:
        raise ValueError(f"bags: {length} tokens do not fit into total={size}")
    tokens = np.full(size, padding, np.int32)
    tokens[:length] = [token for text in texts for token in text]
    return tokens, starts[:-1].astype(np.int32)

"""BERT's tokens: words, and the longest known pieces of those that are unknown (Wu et al., 2016)."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Iterator, Mapping
from os import PathLike
from pathlib import Path

from fnnet.checkpoint.refused import RefusedFileError
from fnnet.models.pretrained import read_json

__all__ = ["WordPieces", "load_word_pieces"]

SPECIAL = ("[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]")
LONGEST_WORD = 100
_LEANING = frozenset([".", "?", "!", ",", "n't", "'m", "'s", "'ve", "'re"])
"""Tokens that follow the word before without a space."""
_IDEOGRAPHS = (
    (0x4E00, 0x9FFF),
    (0x3400, 0x4DBF),
    (0x20000, 0x2A6DF),
    (0x2A700, 0x2B73F),
    (0x2B740, 0x2B81F),
    (0x2B920, 0x2CEAF),
    (0xF900, 0xFAFF),
    (0x2F800, 0x2FA1F),
)


def _is_ideograph(character: str) -> bool:
    return any(low <= ord(character) <= high for low, high in _IDEOGRAPHS)


def _is_sign(character: str) -> bool:
    """Punctuation, and every ASCII character that is no letter, digit or space."""
    code = ord(character)
    ascii_sign = 33 <= code <= 47 or 58 <= code <= 64 or 91 <= code <= 96 or 123 <= code <= 126
    return ascii_sign or unicodedata.category(character)[0] == "P"


def _cleaned(text: str) -> Iterator[str]:
    for character in text:
        if character in "\t\n\r" or unicodedata.category(character) == "Zs":
            yield " "
        elif character in "\0\ufffd" or unicodedata.category(character)[0] == "C":
            continue
        else:
            yield f" {character} " if _is_ideograph(character) else character


class WordPieces:
    """Text to token numbers and back.

    Args:
        vocabulary: the number of each token; "##" begins those that go on with a word.
        lower: whether letters become small and lose their accents.
    """

    def __init__(self, vocabulary: Mapping[str, int], lower: bool = True) -> None:
        missing = [token for token in ("[UNK]", "[CLS]", "[SEP]") if token not in vocabulary]
        if missing:
            raise ValueError(f"WordPieces: vocabulary: it lacks {missing}")
        self.vocabulary = dict(vocabulary)
        self.tokens = {number: token for token, number in self.vocabulary.items()}
        self.lower = lower
        special = [token for token in SPECIAL if token in self.vocabulary]
        self._special = frozenset(special)
        self._parts = re.compile("(" + "|".join(map(re.escape, special)) + ")")

    def __len__(self) -> int:
        return len(self.vocabulary)

    def words(self, text: str) -> Iterator[str]:
        """The words and signs of a text, as the vocabulary has them."""
        text = "".join(_cleaned(text))
        if self.lower:
            parted = unicodedata.normalize("NFD", text)
            text = "".join(c for c in parted if unicodedata.category(c) != "Mn").lower()
        for word in text.split():
            begin = 0
            for place, character in enumerate(word):
                if _is_sign(character):
                    if begin < place:
                        yield word[begin:place]
                    yield character
                    begin = place + 1
            if begin < len(word):
                yield word[begin:]

    def _numbers(self, word: str) -> list[int]:
        unknown = [self.vocabulary["[UNK]"]]
        if len(word) > LONGEST_WORD:
            return unknown
        numbers, begin = [], 0
        while begin < len(word):
            prefix = "##" if begin else ""
            ends = range(len(word), begin, -1)
            end = next((end for end in ends if prefix + word[begin:end] in self.vocabulary), 0)
            if not end:
                return unknown
            numbers.append(self.vocabulary[prefix + word[begin:end]])
            begin = end
        return numbers

    def _encoded(self, text: str) -> list[int]:
        numbers = []
        for part in self._parts.split(text):
            if part in self._special:
                numbers.append(self.vocabulary[part])
            else:
                numbers += [number for word in self.words(part) for number in self._numbers(word)]
        return numbers

    def encode(self, text: str, second: str | None = None) -> list[int]:
        """The numbers of [CLS] text [SEP], and of second [SEP] behind them if it is given."""
        begin, end = self.vocabulary["[CLS]"], self.vocabulary["[SEP]"]
        numbers = [begin, *self._encoded(text), end]
        return numbers if second is None else [*numbers, *self._encoded(second), end]

    def types(self, text: str, second: str | None = None) -> list[int]:
        """Which of the two texts each token belongs to: 0 or 1."""
        first = len(self._encoded(text)) + 2
        return [0] * first if second is None else [0] * first + [1] * (len(self._encoded(second)) + 1)

    def batch(self, texts: Iterable[str]) -> tuple[list[list[int]], list[list[int]]]:
        """Token numbers of texts, padded with [PAD] to one length, and the mask of what is not padding."""
        rows = [self.encode(text) for text in texts]
        longest = max(map(len, rows), default=0)
        pad = self.vocabulary["[PAD]"]
        ids = [row + [pad] * (longest - len(row)) for row in rows]
        return ids, [[1] * len(row) + [0] * (longest - len(row)) for row in rows]

    def decode(self, numbers: Iterable[int]) -> str:
        """The text of tokens, without the special ones. Raises KeyError for an unknown number."""
        text = ""
        for number in numbers:
            token = self.tokens[int(number)]
            if token in self._special:
                continue
            if token.startswith("##") and text:
                text += token[2:]
            else:
                text += token if not text or token in _LEANING else " " + token
        return text


def load_word_pieces(folder: str | PathLike[str], lower: bool | None = None) -> WordPieces:
    """The tokens of a folder with vocab.txt, or with tokenizer.json.

    `lower` says whether letters become small; unless given, tokenizer_config.json's do_lower_case says it,
    and without that file they do.

    Raises:
        FileNotFoundError: if the folder has neither. ValueError: for files that are not of this kind.
    """
    folder = Path(folder)
    path, settings = folder / "vocab.txt", folder / "tokenizer_config.json"
    if lower is None:
        lower = bool(read_json(settings).get("do_lower_case", True)) if settings.is_file() else True
    if path.is_file():
        lines = path.read_text(encoding="utf-8").split("\n")
        return WordPieces({line.rstrip("\r"): n for n, line in enumerate(lines) if line}, lower)
    path = folder / "tokenizer.json"
    model = read_json(path).get("model")
    vocabulary = model.get("vocab") if isinstance(model, dict) and model.get("type") == "WordPiece" else None
    if not isinstance(vocabulary, dict) or not all(type(number) is int for number in vocabulary.values()):
        raise RefusedFileError(path, "model: expected one of type WordPiece, with numbers by token")
    return WordPieces(vocabulary, lower)

"""GPT-2's tokens: text as bytes, bytes joined to tokens by learned pairs (Sennrich et al., 2016)."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import lru_cache
from itertools import pairwise
from os import PathLike
from pathlib import Path

from fnnet.checkpoint.refused import RefusedFileError
from fnnet.models.pretrained import read_json

__all__ = ["BytePairs", "load_byte_pairs", "pieces"]

_ENDINGS = ("'s", "'t", "'re", "'ve", "'m", "'ll", "'d")
_NO_SPACES = "\x1c\x1d\x1e\x1f"
"""Spaces to Python that are none to the pattern of GPT-2."""


def _kind(character: str) -> str:
    """Letter, number, space or other: what GPT-2's pattern tells apart."""
    if character.isspace() and character not in _NO_SPACES:
        return "space"
    category = unicodedata.category(character)[0]
    return category if category in "LN" else "other"


def pieces(text: str) -> Iterator[str]:
    """The text in pieces that no token crosses: words and numbers with a space before, signs, spaces."""
    kinds = [_kind(character) for character in text]
    begin, size = 0, len(text)
    while begin < size:
        ending = next((e for e in _ENDINGS if text.startswith(e, begin)), "")
        if ending:
            yield ending
            begin += len(ending)
            continue
        first = begin + (text[begin] == " " and begin + 1 < size and kinds[begin + 1] != "space")
        end = first
        while end < size and kinds[end] == kinds[first]:
            end += 1
        if kinds[first] == "space" and end < size and end - begin > 1:
            end -= 1  # the last space goes with what follows
        yield text[begin:end]
        begin = end


def _letters_of_bytes() -> list[str]:
    """A printable character for each byte: itself where it is one, and the next after 255 otherwise."""
    printable = {*range(33, 127), *range(161, 173), *range(174, 256)}
    further = iter(range(256, 512))
    return [chr(byte if byte in printable else next(further)) for byte in range(256)]


class BytePairs:
    """Text to token numbers and back.

    Args:
        vocabulary: the number of each token, written in the characters that stand for bytes.
        merges: the pairs that are joined, the first ones first.
        special: tokens that stand in the text as they are, such as "<|endoftext|>".
    """

    def __init__(
        self,
        vocabulary: Mapping[str, int],
        merges: Iterable[tuple[str, str]],
        special: Sequence[str] = (),
    ) -> None:
        self.vocabulary = dict(vocabulary)
        self.tokens = {number: token for token, number in self.vocabulary.items()}
        self.special = tuple(special)
        self._ranks = {pair: rank for rank, pair in enumerate(merges)}
        self._letters = _letters_of_bytes()
        self._bytes = {letter: byte for byte, letter in enumerate(self._letters)}
        ordered = sorted(self.special, key=len, reverse=True)
        self._parts = re.compile("(" + "|".join(map(re.escape, ordered)) + ")") if ordered else None
        self._joined = lru_cache(1 << 16)(self._join)

    def __len__(self) -> int:
        return len(self.vocabulary)

    def _join(self, piece: str) -> tuple[str, ...]:
        parts = [self._letters[byte] for byte in piece.encode("utf-8", "replace")]
        last = len(self._ranks)
        while len(parts) > 1:
            ranks = [self._ranks.get(pair, last) for pair in pairwise(parts)]
            best = min(ranks)
            if best == last:
                break
            joined, i = [], 0
            while i < len(parts):
                both = i < len(ranks) and ranks[i] == best
                joined.append(parts[i] + parts[i + 1] if both else parts[i])
                i += 2 if both else 1
            parts = joined
        return tuple(parts)

    def encode(self, text: str) -> list[int]:
        """The numbers of the text's tokens. Raises KeyError for a byte that the vocabulary has not."""
        numbers = []
        for part in self._parts.split(text) if self._parts else [text]:
            if part in self.special:
                numbers.append(self.vocabulary[part])
            else:
                numbers += [self.vocabulary[t] for piece in pieces(part) for t in self._joined(piece)]
        return numbers

    def decode(self, numbers: Iterable[int]) -> str:
        """The text of tokens, with U+FFFD for what is no UTF-8. Raises KeyError for an unknown number."""
        held = bytearray()
        for number in numbers:
            token = self.tokens[int(number)]
            if token in self.special:
                held += token.encode()
            else:
                held += bytes(self._bytes[letter] for letter in token)
        return held.decode("utf-8", "replace")


def _pairs(path: Path, lines: Iterable[str]) -> list[tuple[str, str]]:
    pairs = []
    for line in lines:
        first, _, second = line.rstrip("\r\n").partition(" ")
        if not first or not second or " " in second:
            raise RefusedFileError(path, f"expected two tokens on a line, got {line[:40]!r}")
        pairs.append((first, second))
    return pairs


def load_byte_pairs(folder: str | PathLike[str], special: Sequence[str] = ("<|endoftext|>",)) -> BytePairs:
    """The tokens of a folder with vocab.json and merges.txt, or with tokenizer.json.

    `special` names tokens that stand in the text as they are; those that the vocabulary lacks are left out.

    Raises:
        FileNotFoundError: if the folder has neither. ValueError: for files that are not of this kind.
    """
    folder = Path(folder)
    path = folder / "vocab.json"
    if path.is_file():
        vocabulary = read_json(path)
        text = (folder / "merges.txt").read_text(encoding="utf-8")
        lines = [line for line in text.split("\n") if line and not line.startswith("#version")]
        merges = _pairs(folder / "merges.txt", lines)
    else:
        path = folder / "tokenizer.json"
        model = read_json(path).get("model")
        if not isinstance(model, dict) or model.get("type") != "BPE":
            raise RefusedFileError(path, "model: expected one of type BPE")
        vocabulary = model.get("vocab", {})
        merges = _pairs(path, [m if isinstance(m, str) else " ".join(m) for m in model.get("merges", [])])
    if not isinstance(vocabulary, dict) or not all(type(number) is int for number in vocabulary.values()):
        raise RefusedFileError(path, "expected numbers by token")
    return BytePairs(vocabulary, merges, [token for token in special if token in vocabulary])

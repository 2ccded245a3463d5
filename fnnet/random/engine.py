"""The engine under PyTorch's CPU generator: MT19937's stream of 32-bit words, and its state as 5056 bytes.

Every other number is made from these words. A 64-bit word is two of them, the first one high. A uniform of
float32 is the low 24 bits of one word, a uniform of float64 the low 53 bits of a 64-bit word.
"""

from __future__ import annotations

import operator
from typing import Any, NamedTuple

import numpy as np

DEFAULT_SEED = 67280421310721
"""The seed of a generator that nobody has seeded."""

STATE_BYTES = 5056
_WORDS = 624

_STATE = np.dtype(
    {
        "names": ["seed", "left", "seeded", "next", "words", "normal", "has_normal"],
        "formats": ["<u8", "<i4", "<i4", "<u8", ("<u8", _WORDS), "<f8", "<i4"],
        "offsets": [0, 8, 12, 16, 24, 5024, 5040],
        "itemsize": STATE_BYTES,
    }
)


class Mark(NamedTuple):
    """A place in the stream, to which an engine can return."""

    words: Any
    idle_next: int


class Engine:
    """MT19937 seeded and read as PyTorch does it, with the generator's cached normal.

    Attributes:
        seed: the full 64-bit seed; only its low 32 bits reach the engine.
        normal: the second number of the last pair of serial normals if it was not used yet, unscaled.
    """

    def __init__(self, seed: int = DEFAULT_SEED) -> None:
        self._bits = np.random.MT19937(0)
        self._draw = np.random.Generator(self._bits)
        self.reseed(seed)

    def reseed(self, seed: int) -> None:
        """Start the stream of `seed`, an unsigned 64-bit value, and forget the cached normal."""
        self.seed = seed
        self.normal: float | None = None
        seeded: Any = np.random.RandomState(seed & 0xFFFFFFFF).get_state(legacy=False)
        self._bits.state = seeded
        self._idle_next = 0

    def words(self, count: int) -> np.ndarray:
        """The next `count` words, uint32."""
        if count:
            self._idle_next = _WORDS
        return self._draw.integers(0, 0xFFFFFFFF, endpoint=True, dtype=np.uint32, size=count)

    def words64(self, count: int) -> np.ndarray:
        """The next `count` 64-bit words, uint64: two words each, the first one high."""
        if count:
            self._idle_next = _WORDS
        return self._draw.integers(0, 0xFFFFFFFFFFFFFFFF, endpoint=True, dtype=np.uint64, size=count)

    def bits53(self, count: int) -> np.ndarray:
        """The integers under the next `count` float64 uniforms, uint64 below 2**53."""
        drawn = self.words64(count)
        return np.bitwise_and(drawn, np.uint64(2**53 - 1), out=drawn)

    def uniforms53(self, count: int) -> np.ndarray:
        """The next `count` uniforms in [0, 1) of float64."""
        # a signed view converts faster, and these integers are the same in it
        drawn = self.bits53(count).view(np.int64).astype(np.float64)
        drawn *= 2.0**-53
        return drawn

    def mark(self) -> Mark:
        """The present place in the stream."""
        return Mark(self._bits.state, self._idle_next)

    def rewind(self, mark: Mark) -> None:
        """Return to a place in the stream. The cached normal stays as it is."""
        self._bits.state = mark.words
        self._idle_next = mark.idle_next

    def skip(self, count: int) -> None:
        """Pass over `count` words."""
        while count > 0:
            self.words(min(count, 1 << 20))
            count -= 1 << 20

    @property
    def state(self) -> np.ndarray:
        """The whole state in PyTorch's layout: 5056 bytes, uint8."""
        engine = self._bits.state["state"]
        left = _WORDS + 1 - engine["pos"]
        state = np.zeros((), _STATE)
        state["seed"] = self.seed
        state["left"] = left
        state["seeded"] = 1
        # with one word left NumPy cannot tell "seeded, block not yet made" from "block used up"; PyTorch can
        state["next"] = self._idle_next if left == 1 else engine["pos"]
        state["words"] = engine["key"]
        state["normal"] = self.normal or 0.0
        state["has_normal"] = self.normal is not None
        return np.frombuffer(state.tobytes(), np.uint8).copy()

    @state.setter
    def state(self, new: np.ndarray) -> None:
        """Raises TypeError for another dtype than uint8, RuntimeError for what is no state of this engine."""
        new = np.asarray(new)
        if new.dtype != np.uint8:
            raise TypeError(f"RNG state must be a torch.ByteTensor, got {new.dtype.name}")
        if new.ndim != 1 or new.size != STATE_BYTES:
            raise RuntimeError(
                f"Expected a CPUGeneratorImplState of size {STATE_BYTES} but found the input RNG state size "
                f"to be {new.size} (shape {new.shape})"
            )
        state = np.frombuffer(new.tobytes(), _STATE)[0]
        left, next_ = int(state["left"]), int(state["next"])
        # PyTorch reads on from any `next`; only the states below can arise, and only they have a meaning here
        arises = state["seeded"] == 1 and 1 <= left <= _WORDS and (left == 1 or left + next_ == _WORDS + 1)
        if not arises or next_ > _WORDS or (state["words"] >> np.uint64(32)).any():
            raise RuntimeError(f"Invalid mt19937 state: left {left}, next {next_}, seeded {state['seeded']}")
        self.seed = int(state["seed"])
        self.normal = float(state["normal"]) if state["has_normal"] else None
        restored: Any = {
            "bit_generator": "MT19937",
            "state": {"key": state["words"].astype(np.uint32), "pos": _WORDS + 1 - left},
        }
        self._bits.state = restored
        self._idle_next = next_ if left == 1 else _WORDS


class Uniforms53:
    """Reads float64 uniforms one by one where their number is not known, then leaves the stream in step."""

    def __init__(self, engine: Engine, expected: int) -> None:
        self._engine = engine
        self._expected = max(16, min(expected, 1 << 16))
        self._mark = engine.mark()
        self._block: list[float] = []
        self._place = 0
        self._used = 0

    def __call__(self) -> float:
        """The next uniform."""
        if self._place == len(self._block):
            self._block = self._engine.uniforms53(self._expected).tolist()
            self._place = 0
        self._place += 1
        self._used += 1
        return self._block[self._place - 1]

    def close(self) -> None:
        """Put the stream right behind the last uniform read."""
        if self._place < len(self._block):
            self._engine.rewind(self._mark)
            self._engine.skip(2 * self._used)


def unsigned_seed(seed: int) -> int:
    """A seed in [-2**63, 2**64 - 1] as unsigned 64 bits. Raises ValueError outside."""
    seed = operator.index(seed)
    if not -(2**63) <= seed < 2**64:
        raise ValueError(
            f"Overflow when unpacking long long: manual_seed expects a seed of 64 bits, got {seed}"
        )
    return seed % 2**64

"""Synthetic pictures: ten classes of drawn shapes, for programs that want a CIFAR-10 and have none.

Ten shapes of any place, size and colours, over another such patch of colour and under noise. A network has to
find the
shape to know the class: colours and places say nothing. All arithmetic is on integers and the random stream
is one that NumPy keeps as it is, so that the pictures are the same everywhere.
"""

from __future__ import annotations

from typing import Any

import jax
import numpy as np

CLASSES = (
    "disc", "ring", "square", "diamond", "triangle", "plus", "saltire", "rows", "columns", "checkers",
)  # fmt: skip
"""The names of the synthetic classes."""

SIZE = 32
_CHOICES = 32
_CHUNK = 512
_NOISE = 3 * SIZE * SIZE


def synthetic_pictures(seed: Any, count: int) -> tuple[np.ndarray, np.ndarray]:
    """Draw `count` synthetic pictures.

    The first pictures of a seed are the same whatever the count; another seed gives others (one for training,
    another for testing).

    Args:
        seed: an integer from 0 to 2**32 - 1, or a JAX key.
        count: how many.

    Returns:
        Pictures, uint8 (count, 3, 32, 32), and labels, int32 (count,), the numbers of `CLASSES`.
    """
    if isinstance(seed, jax.Array):
        typed = jax.numpy.issubdtype(seed.dtype, jax.dtypes.prng_key)
        seed = np.asarray(jax.random.key_data(seed) if typed else seed).ravel().astype(np.uint32)
    if count < 0:
        raise ValueError(f"synthetic_pictures: count: expected at least 0, got {count}")
    stream = np.random.RandomState(seed)
    parts = [_draw(stream, min(_CHUNK, count - begin)) for begin in range(0, count, _CHUNK)]
    if not parts:
        return np.zeros((0, 3, SIZE, SIZE), np.uint8), np.zeros(0, np.int32)
    return np.concatenate([p for p, _ in parts]), np.concatenate([labels for _, labels in parts])


def _draw(stream: np.random.RandomState, count: int) -> tuple[np.ndarray, np.ndarray]:
    drawn = stream.randint(0, 256, size=(count, _CHOICES + _NOISE), dtype=np.uint8)
    choice = drawn[:, :_CHOICES].astype(np.int32)
    label = (choice[:, 0] * 256 + choice[:, 1]) % len(CLASSES)
    shape = _masks(label, *_place(choice[:, 2:8]))
    patch = _masks(choice[:, 8] % 2 * 2, *_place(choice[:, 9:15]))
    ground = choice[:, 16:19] * 3 // 4 + 32
    # Each colour differs from the ground in every channel, up or down.
    away = 40 + choice[:, 19:22] % 64
    colour = np.where(choice[:, 22:25] % 2 == 1, ground + away, ground - away)
    other = choice[:, 25:28] * 3 // 4 + 32
    pictures = np.where(patch[:, None], ((ground + other) // 2)[:, :, None, None], ground[:, :, None, None])
    pictures = np.where(shape[:, None], colour[:, :, None, None], pictures)
    noise = drawn[:, _CHOICES:].reshape(count, 3, SIZE, SIZE).astype(np.int32)
    pictures = pictures + (noise - 128) * (24 + choice[:, 28] % 40)[:, None, None, None] // 128
    return np.clip(pictures, 0, 255).astype(np.uint8), label.astype(np.int32)


def _place(choice: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Centre, radius (half pixels) and period, each (count, 1, 1)."""
    x, y = choice[:, 0] % 19 - 9, choice[:, 1] % 19 - 9
    radius, period = 13 + choice[:, 2] % 12, 5 + choice[:, 3] % 3
    return tuple(v[:, None, None] for v in (x, y, radius, period))  # type: ignore[return-value]


def _masks(label: np.ndarray, x: np.ndarray, y: np.ndarray, r: np.ndarray, period: np.ndarray) -> np.ndarray:
    """Which pixels belong to the shape of each label: (count, 32, 32). Coordinates count half pixels."""
    steps = np.arange(SIZE, dtype=np.int32) * 2 - (SIZE - 1)
    dx, dy = steps[None, None, :] - x, steps[None, :, None] - y
    across, down = np.abs(dx), np.abs(dy)
    far, near = np.maximum(across, down), np.minimum(across, down)
    square = dx * dx + dy * dy
    window = far <= r
    row, column = (dy + 64) // period % 2 == 1, (dx + 64) // period % 2 == 1
    shapes = (
        square <= r * r,
        (square <= r * r) & (square * 5 >= r * r * 2),
        far * 8 <= r * 7,
        across + down <= r * 5 // 4,
        (dy <= r * 3 // 4) & (across * 2 <= dy + r),
        (near * 3 <= r) & window,
        (np.abs(across - down) * 5 <= r * 2) & (far * 8 <= r * 7),
        row & window,
        column & window,
        (row ^ column) & window,
    )
    chosen = np.zeros((len(label), SIZE, SIZE), bool)
    for number, shape in enumerate(shapes):
        rows = label == number
        chosen[rows] = np.broadcast_to(shape, chosen.shape)[rows]
    return chosen

"""Many normals, which a compiled program computes: PyTorch's bits, and NumPy's."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

import jax
import numpy as np
import pytest

from fnnet.random import Generator, compiled_boxmuller
from fnnet.random.boxmuller import box_muller32

ROWS = json.loads((Path(__file__).parent / "reference" / "many_normals.json").read_text())


@pytest.fixture
def program(monkeypatch: pytest.MonkeyPatch) -> Any:
    """As after many draws."""
    monkeypatch.setattr(compiled_boxmuller.PROGRAM, "drawn", 1 << 40)
    return compiled_boxmuller.PROGRAM.for_more(compiled_boxmuller.WORDS)


def digest(array: np.ndarray) -> str:
    return hashlib.sha256(array.tobytes()).hexdigest()


@pytest.mark.parametrize("row", ROWS, ids=lambda row: f"{row[0]} {row[1]} {row[2]} {row[3]}")
def test_compiled_normals_are_pytorchs(row: Any, program: Any) -> None:
    count, mean, std, dtype, numbers, state = row
    assert program is not None
    generator = Generator(5)
    kind = jax.dtypes.bfloat16 if dtype == "bfloat16" else dtype
    assert digest(generator.normal(count, mean, std, kind)) == numbers
    assert digest(generator.get_state()) == state


def test_every_word_gives_numpys_bits(program: Any) -> None:
    half = compiled_boxmuller.WORDS // 2
    for start in range(0, 1 << 24, 16 * half):
        rising = np.arange(start, start + half, dtype=np.uint32)
        for one, other in (
            (rising, rising * np.uint32(2654435761)),
            (rising[::-1] * np.uint32(40503), rising),
        ):
            words = np.stack([one.reshape(-1, 8), other.reshape(-1, 8)], 1).reshape(-1)
            made = np.asarray(program(words)) + np.float32(0)
            expected = box_muller32(words.copy()) + np.float32(0)
            np.testing.assert_array_equal(made.view(np.uint32), expected.view(np.uint32))


def test_first_numbers_and_few_are_numpys(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(compiled_boxmuller.PROGRAM, "drawn", 0)
    monkeypatch.setattr(compiled_boxmuller.PROGRAM, "compiled", None)
    assert compiled_boxmuller.PROGRAM.for_more(1 << 20) is None
    monkeypatch.setattr(compiled_boxmuller.PROGRAM, "drawn", 1 << 40)
    assert compiled_boxmuller.PROGRAM.for_more(1000) is None

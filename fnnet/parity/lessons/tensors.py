"""Tensors: what the introductions print, checked with `examples/tensors.py`.

Where the tutorial's numbers were drawn without a seed, what follows from the printed numbers is checked from
those; the same program with PyTorch's seed 0 is compared with what PyTorch gave.
"""

from __future__ import annotations

from typing import Any

import jax.numpy as jnp
import numpy as np

from fnnet.parity import files
from fnnet.parity.lessons.lesson import Outcome, Settings
from fnnet.parity.verdict import Row, exact, holds
from fnnet.random import Generator, as_source

X = [
    [-0.3863, -1.4149, -0.1054],
    [2.3531, 0.2044, -1.5104],
    [0.2127, -0.5231, -0.7806],
    [-0.9173, -0.0242, 0.1667],
    [-1.3101, 1.2451, -0.3665],
]
SUM = [
    [-0.0267, -1.1529, 0.7544],
    [2.8445, 1.0922, -1.3458],
    [0.6769, -0.2879, -0.7209],
    [-0.1200, 0.8094, 0.3603],
    [-0.3267, 2.1897, -0.3474],
]
CORNER = [[0.2044, -1.5104], [-0.5231, -0.7806], [-0.0242, 0.1667], [1.2451, -0.3665]]
WIDE = [
    [1.1355, -1.1149, -0.1322, -0.8217, 0.7920, 0.6061, 0.7453, 1.1177],
    [0.7566, 1.3975, -0.8014, 0.5999, -0.1476, -0.5695, -1.3861, -0.4741],
]
TRANSPOSED = [
    [1.1355, 0.7566],
    [-1.1149, 1.3975],
    [-0.1322, -0.8014],
    [-0.8217, 0.5999],
    [0.7920, -0.1476],
    [0.6061, -0.5695],
    [0.7453, -1.3861],
    [1.1177, -0.4741],
]
ITEM = -1.422684907913208


def _printed(array: Any) -> np.ndarray:
    """To the four digits that are printed."""
    return np.round(np.asarray(array, np.float64), 4)


def _documented(program: Any) -> list[Row]:
    created = program.creation(Generator(0))
    x = jnp.array(X)
    y = jnp.array(_printed(np.array(SUM) - np.array(X)), jnp.float32)
    kept = np.array(y)
    sums = program.addition(x, y)
    indexed = program.indexing(x)
    square = jnp.array(WIDE).reshape(4, 4)
    shaped = program.reshaping(square)
    pair = program.two_matrices()
    to_numpy, from_numpy = program.to_numpy(), program.from_numpy()
    one = jnp.array([ITEM])
    moved = program.moving(one)
    return [
        exact("empty(5, 3): size", (5, 3), created["empty"].shape, note="the tutorial's values are whatever"),
        exact("rand(5, 3): size", (5, 3), created["rand"].shape),
        exact("zeros(5, 3, long)", np.zeros((5, 3), np.int64), created["zeros, long"]),
        exact("its dtype", "int64", str(created["zeros, long"].dtype)),
        exact("tensor([5.5, 3])", [5.5, 3.0], created["tensor"]),
        exact("new_ones(5, 3, double)", np.ones((5, 3)), created["new_ones, double"]),
        exact("its dtype", "float64", str(created["new_ones, double"].dtype)),
        exact("randn_like(x, float): size", (5, 3), created["randn_like, float"].shape),
        holds(
            "size() is a tuple", isinstance(x.shape, tuple), type(x.shape).__name__, documented="torch.Size"
        ),
        *(exact(f"{name}, to the digits printed", SUM, _printed(value)) for name, value in sums.items()),
        exact("y itself after y.add_(x)", kept, y, note="an array never changes: y.add_(x) is a new one"),
        exact("x[1:, 1:]", CORNER, indexed["x[1:, 1:]"]),
        exact("x[:, 1]", [row[1] for row in X], indexed["x[:, 1]"]),
        exact("x.view(16): size", (16,), shaped["view(16)"].shape),
        exact("x.view(-1, 8)", WIDE, shaped["view(-1, 8)"]),
        exact("its transposition", TRANSPOSED, shaped["transpose"]),
        exact("x.item()", repr(ITEM), repr(one.item())),
        exact("x + ones_like(x) on the device", [-0.4227], _printed(moved["z"])),
        exact("the same on the CPU, double", [-0.4227], _printed(moved["z, double"])),
        exact("its dtype", "float64", str(moved["z, double"].dtype)),
        exact("y.cpu().numpy()", np.ones(1, np.float32), moved["y.numpy()"]),
        exact("ones(5).numpy()", np.ones(5), to_numpy["b"]),
        exact("after a.add_(1): a", np.full(5, 2.0), to_numpy["a + 1"]),
        exact("after a.add_(1): b", np.full(5, 2.0), to_numpy["b of a + 1"]),
        exact("from_numpy after np.add", np.full(5, 2.0), from_numpy["b"]),
        exact("from_numpy after a[0] = 333", [333.0, 2.0, 2.0, 2.0, 2.0], from_numpy["b[0] = 333"]),
        exact("2x2x3: size", (2, 2, 3), pair["d"].shape),
        exact("d[0] + d[1]", [[8, 10, 12], [15, 17, 19]], pair["d[0] + d[1]"]),
        exact("d.view(2, -1)", [[1, 2, 3, 4, 5, 6], [7, 8, 9, 11, 12, 13]], pair["view(2, -1)"]),
    ]


def _from_seed(program: Any) -> list[Row]:
    """The draws of seed 0 in the order of the recorded program."""
    source = as_source(Generator(0))
    created = program.creation(source)
    x = created["randn_like, float"]
    y = source.uniform((5, 3), 0.0, 1.0, jnp.float32)
    square = source.normal((4, 4), 0.0, 1.0, jnp.float32)
    one = source.normal((1,), 0.0, 1.0, jnp.float32)
    sums, indexed, shaped = program.addition(x, y), program.indexing(x), program.reshaping(square)
    moved = program.moving(one)
    values = {
        "rand": created["rand"],
        "randn_like": x,
        "add": sums["out=result"],
        "add_": sums["y.add_(x)"],
        "corner": indexed["x[1:, 1:]"],
        "column": indexed["x[:, 1]"],
        "column_of_t": indexed["x.t_()[:, 1]"],
        "view": shaped["view(-1, 8)"],
        "transposed": shaped["transpose"],
        "one": one,
        "one_plus_one": moved["z"],
        "one_double": moved["z, double"],
    }
    titles = {
        "rand": "rand(5, 3)",
        "randn_like": "randn_like(x)",
        "add": "add(x, y, out=result)",
        "add_": "y.add_(x)",
        "corner": "x[1:, 1:]",
        "column": "x[:, 1]",
        "column_of_t": "x.t_()[:, 1]",
        "view": "randn(4, 4).view(-1, 8)",
        "transposed": "its transposition",
        "one": "randn(1)",
        "one_plus_one": "randn(1) + 1, float",
        "one_double": "randn(1) + 1, double",
    }
    with np.load(files.reference("lessons.npz")) as recorded:
        return [
            exact(f"seed 0: {titles[name]}", None, value, pytorch=recorded[f"tensors/{name}"])
            for name, value in values.items()
        ]


def check(settings: Settings) -> Outcome:
    """Compare with what is documented, and with PyTorch from seed 0."""
    program = files.program("tensors")
    notes = [
        "JAX arrays never change: what PyTorch writes in place is here a new array, and the old one is still "
        "there. NumPy sees a JAX array without a copy, read-only; JAX copies what NumPy may write to."
    ]
    return Outcome([*_documented(program), *_from_seed(program)], notes=notes)

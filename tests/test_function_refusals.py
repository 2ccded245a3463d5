"""Wrong calls of pure functions raise PyTorch's type of error, and name the function and what was given."""

from __future__ import annotations

import functools
import json
import re
import warnings
from pathlib import Path

import jax
import jax.numpy as jnp
import pytest
from function_refusals import CALLS, LAYERS, RECORDED, of_torch, outcome

from fnnet import functional as F
from fnnet import layers

EXPECTED = json.loads(RECORDED.read_text(encoding="utf-8"))

NAMESPACE = {
    "T": F,
    "F": F,
    "x": jnp.ones((3, 4)),
    "half": jnp.float16,
    "ones": lambda *shape, dtype=jnp.float32: jnp.ones(shape, dtype),
    "integers": lambda *given: jnp.asarray(given),
}


@pytest.mark.filterwarnings("ignore:Using a target size")
@pytest.mark.parametrize("line", CALLS)
def test_type_and_name(line):
    kind, said = outcome(line, NAMESPACE)
    assert kind == EXPECTED[line][0], said
    assert re.search(r"[FT]\.(\w+)", line)[1] in said


class Layers:
    """The layers of fnnet, which hold their initial parameters and train."""

    def __getattr__(self, name):
        @functools.wraps(getattr(layers, name))
        def make(*args, **options):
            layer = getattr(layers, name)(*args, **options)
            params, buffers = layer.init_with_buffers(jax.random.key(0))
            return lambda *inputs: layer(
                params, *inputs, buffers=buffers, key=jax.random.key(1), training=True
            )

        return make


@pytest.mark.parametrize("line", LAYERS)
def test_layers(line):
    namespace = NAMESPACE | {"N": Layers()}
    kind, said = outcome(line if ")(" in line else f"{line}(x)", namespace)
    assert kind == EXPECTED[line][0], said
    name = re.match(r"N\.(\w+)", line)[1].lower()
    assert any(
        one in said.lower().replace("_", "")
        for one in (name, name.removesuffix("1d"), "crossentropy", "rnntanhcell")
    )


def test_words_are_pytorchs():
    """Two calls in three say at least two thirds of PyTorch's words."""
    words = {line: set(re.findall(r"\w+", EXPECTED[line][1])) for line in CALLS}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        said = {line: set(re.findall(r"\w+", outcome(line, NAMESPACE)[1])) for line in CALLS}
    shared = [len(words[line] & said[line]) >= len(words[line]) * 2 / 3 for line in CALLS]
    assert sum(shared) >= len(CALLS) * 2 / 3


@pytest.mark.torch
@pytest.mark.filterwarnings("ignore:Using a target size")
def test_recorded_is_what_pytorch_says():
    pytest.importorskip("torch")
    assert {line: list(one) for line, one in of_torch().items()} == EXPECTED


@pytest.mark.filterwarnings("ignore:Using a target size")
def test_arguments_are_shown():
    with pytest.raises(RuntimeError, match=r"input \[3, 4\] float32, target \[3, 5\] float32"):
        F.l1_loss(jnp.ones((3, 4)), jnp.ones((3, 5)), reduction="sum")


@pytest.mark.filterwarnings("ignore:Using a target size")
def test_within_transformations():
    wrong = jnp.ones((3, 5))
    for transformed in (jax.jit, jax.grad, jax.vmap):
        with pytest.raises(RuntimeError, match="mse_loss: The size of tensor a"):
            transformed(lambda x: F.mse_loss(x, wrong))(jnp.ones((3, 4)))


def test_functions_of_the_caller_keep_their_errors():
    def distance(a, b):
        raise ValueError("no such shape of mine")

    x = jnp.ones((3, 4))
    with pytest.raises(ValueError, match=r"^no such shape of mine$"):
        F.triplet_margin_with_distance_loss(x, x, x, distance_function=distance)


def test_traced_values_are_not_called_wrong():
    with pytest.raises(jax.errors.TracerArrayConversionError):
        jax.jit(F.nonzero)(jnp.ones(3))


def test_warnings_name_the_callers_line():
    with pytest.warns(UserWarning, match="Implicit dimension choice") as heard:
        F.softmax(jnp.ones((2, 3)))
    assert Path(heard[0].filename).name == Path(__file__).name

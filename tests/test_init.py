"""fnnet.init against torch.nn.init: recorded as digests from PyTorch."""

import json
import math
import pathlib
import warnings

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from random_calls import digest

from fnnet import init
from fnnet.random import Generator

REFERENCE = pathlib.Path(__file__).parent / "reference"
CASES = json.loads((REFERENCE / "random_init_cases.json").read_text())
RECORDED = json.loads((REFERENCE / "random.json").read_text())
SEEDLESS = ("constant", "ones", "zeros", "eye", "dirac")


@pytest.mark.parametrize("dtype", ["float32", "float64", "bfloat16"])
@pytest.mark.parametrize(("name", "shape", "kwargs"), CASES)
def test_equals_pytorch(name, shape, kwargs, dtype):
    """Every bit, and the generator's state afterwards."""
    g = Generator(0)
    function = getattr(init, name)
    with jax.enable_x64(True), warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)
        drawn = function(*([] if name in SEEDLESS else [g]), tuple(shape), **kwargs, dtype=dtype)
        assert drawn.dtype == dtype
        values, state = RECORDED["initialisers"][f"{name} {shape} {kwargs} {dtype}"]
        assert digest(np.asarray(drawn)) == values
    assert digest(g.get_state()) == state


@pytest.mark.parametrize("shape", [(3, 5), (4, 2, 1)])
def test_orthogonal(shape):
    """The draws are equal; QR is another library's: differences of 1.1e-6 were measured in float32."""
    drawn = np.asarray(init.orthogonal(Generator(0), shape))
    np.testing.assert_allclose(drawn, np.array(RECORDED["orthogonal"][str(list(shape))]), atol=3e-6, rtol=0)
    flat = drawn.reshape(shape[0], -1)
    gram = flat @ flat.T if shape[0] < flat.shape[1] else flat.T @ flat
    np.testing.assert_allclose(gram, np.eye(len(gram)), atol=1e-6)


FROM_KEY = {
    "uniform": (init.uniform, {"a": -2.0, "b": 4.0}, 1.0, math.sqrt(3.0)),
    "normal": (init.normal, {"mean": 1.0, "std": 0.5}, 1.0, 0.5),
    "trunc_normal": (init.trunc_normal, {}, 0.0, 0.87962566),  # of a normal cut at -2 and 2
    "xavier_uniform": (init.xavier_uniform, {}, 0.0, math.sqrt(2 / 500)),
    "xavier_normal": (init.xavier_normal, {}, 0.0, math.sqrt(2 / 500)),
    "kaiming_uniform": (init.kaiming_uniform, {"nonlinearity": "relu"}, 0.0, math.sqrt(2 / 300)),
    "kaiming_normal": (init.kaiming_normal, {"mode": "fan_out"}, 0.0, math.sqrt(2 / 200)),
    "orthogonal": (init.orthogonal, {"gain": 2.0}, 0.0, 2 / math.sqrt(300)),
}


@pytest.mark.parametrize("name", FROM_KEY)
def test_from_a_key(name):
    """Other numbers of the same distribution, compiled or not; 6 standard errors of room for the mean."""
    function, kwargs, mean, std = FROM_KEY[name]
    key = jax.random.key(3)
    drawn = function(key, (200, 300), **kwargs)
    compiled = jax.jit(lambda key: function(key, (200, 300), **kwargs))(key)
    np.testing.assert_allclose(drawn, compiled, rtol=2e-5, atol=1e-6)
    assert abs(drawn.mean() - mean) < 6 * std / math.sqrt(drawn.size)
    assert abs(drawn.std() / std - 1) < 0.02
    assert not np.array_equal(drawn, function(jax.random.key(4), (200, 300), **kwargs))


def test_trunc_normal_from_a_key_stays_inside():
    drawn = init.trunc_normal(jax.random.key(0), (10000,), 0.3, 2.0, 0.25, 0.5)
    assert drawn.min() >= 0.25
    assert drawn.max() <= 0.5


def test_sparse_from_a_key():
    drawn = init.sparse(jax.random.key(0), (10, 6), 0.25)
    assert (np.count_nonzero(np.asarray(drawn) == 0, axis=0) == 3).all()


def test_gains():
    assert init.calculate_gain("linear") == init.calculate_gain("conv_transpose3d") == 1
    assert init.calculate_gain("tanh") == 5 / 3
    assert init.calculate_gain("relu") == math.sqrt(2)
    assert init.calculate_gain("leaky_relu") == math.sqrt(2 / (1 + 0.01**2))
    assert init.calculate_gain("leaky_relu", 2) == math.sqrt(2 / 5)
    assert init.calculate_gain("selu") == 0.75


def test_zero_fan_in():
    assert init.fan_in_uniform(Generator(0), (3,), 0).tolist() == [0.0, 0.0, 0.0]


@pytest.mark.parametrize(
    ("call", "error", "words"),
    [
        (lambda g: init.calculate_gain("gelu"), ValueError, "Unsupported nonlinearity gelu"),
        (
            lambda g: init.calculate_gain("leaky_relu", True),
            ValueError,
            "negative_slope True not a valid number",
        ),
        (lambda g: init.kaiming_uniform(g, (3,)), ValueError, "Fan in and fan out can not be computed"),
        (
            lambda g: init.kaiming_normal(g, (3, 3), mode="fan"),
            ValueError,
            "Mode fan not supported, please use",
        ),
        (lambda g: init.xavier_normal(g, ()), ValueError, "fewer than 2 dimensions"),
        (lambda g: init.xavier_uniform(g, (3, 3), -1.0), RuntimeError, "return a \\[from, to\\) range"),
        (lambda g: init.uniform(g, (3,), 1, 0), RuntimeError, "found from=1 > to=0"),
        (lambda g: init.normal(g, (3,), 0, -1), RuntimeError, "normal expects std >= 0.0, but found std -1"),
        (lambda g: init.eye((3,)), ValueError, "Only tensors with 2 dimensions are supported"),
        (lambda g: init.sparse(g, (3,), 0.5), ValueError, "Only tensors with 2 dimensions are supported"),
        (lambda g: init.dirac((3, 3)), ValueError, "Only tensors with 3, 4, or 5 dimensions are supported"),
        (lambda g: init.dirac((3, 3, 3), 2), ValueError, "dim 0 must be divisible by groups"),
        (lambda g: init.orthogonal(g, (3,)), ValueError, "Only tensors with 2 or more dimensions"),
        (lambda g: init.orthogonal(g, (3, 3), dtype=jnp.float16), RuntimeError, "float16"),
        (lambda g: init.trunc_normal(g, (3,), 0, 1, 3, 4), UserWarning, "mean is more than 2 std from"),
        (
            lambda g: init.kaiming_uniform(g, (0, 3)),
            UserWarning,
            "Initializing zero-element tensors is a no-op",
        ),
        (lambda g: init.uniform(0, (3,)), TypeError, "expected a JAX key"),
    ],
)
def test_wrong_arguments(call, error, words):
    with pytest.raises(error, match=words):
        call(Generator(0))

"""fnnet.random.Generator against PyTorch's numbers: recorded as digests, and live where it is installed."""

import json
import math
import pathlib
import random
import warnings

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from random_calls import KINDS, choose, digest, numpy_dtype, ours, sequence, theirs

from fnnet.random import Generator

RECORDED = json.loads((pathlib.Path(__file__).parent / "reference" / "random.json").read_text())
BF16 = numpy_dtype("bfloat16")


def next_word(g):
    return int(g.random((), 0, 2**24))


def cat(g):
    return np.concatenate([g.randn(5), g.rand(2), g.randn(4)])


# PyTorch 2.13's first 16 digits of SHA-256 of the bytes, and the low 24 bits of the word that follows
VECTORS = [
    (0, lambda g: g.random(1000, 0, 2**24), "e84500f6bf2b4202", 7675431),
    (0, lambda g: g.rand(1000), "20221bec9830215c", 7675431),
    (0, lambda g: g.rand(1000, np.float64), "c59b53ef72076721", 13041745),
    (-1, lambda g: g.rand(1000), "d78fe33996caf9a8", 263985),
    (1, lambda g: g.uniform(1000, -0.1, 0.3), "c90ac89017f11450", 6634488),
    (0, lambda g: g.randn(1000), "43678415636bbad8", 15644515),
    (0, lambda g: g.randn(17), "6d2169852e19b6d1", 4527056),
    (0, cat, "dc9575e83b3def82", 6662231),
    (0, lambda g: g.normal(1000003, 0.1, 0.7), "fcb476412e7737f2", 2311700),
    (0, lambda g: g.randn(1000, np.float16), "4c6bdc0ac5b2c194", 6340307),
    (0, lambda g: g.randn(1000, np.float64), "e9aadb4005f415af", 5056820),
    (0, lambda g: g.normal((40, 30), strides=(1, 40)), "4eabf704313f3939", 16494627),
    (3, lambda g: g.randint(0, 2**28 - 1, 1000), "69cf1afdaf17678b", 1178055),
    (3, lambda g: g.randint(0, 2**28, 1000), "ab53edbc210a08a3", 16500723),
    (3, lambda g: g.randperm(1000), "f0818b66bc03445e", 7920533),
    (4, lambda g: g.bernoulli(1000, 0.3), "d107dd57d1875dd9", 12338044),
    (4, lambda g: g.bernoulli(1000, np.full(1000, 0.3, np.float32)), "e65d8c779728f648", 3058809),
    (5, lambda g: g.log_normal(1000), "b330b4960a8e2792", 6023245),
    (5, lambda g: g.poisson(np.full(1000, 20, np.float32)), "50c9d332b981b05b", 14599685),
    (6, lambda g: g.multinomial(np.arange(1, 11, dtype=np.float32), 100, True), "a365ebe70b945ec4", 136069),
    (6, lambda g: g.multinomial(np.arange(1, 11, dtype=np.float32), 5), "6e9c43035abe8bcd", 2754884),
    (7, lambda g: g.truncated_normal((50, 20)), "01dbfa45267a7f4d", 15137853),
]


@pytest.mark.parametrize(("seed", "call", "sha", "following"), VECTORS)
def test_vectors(seed, call, sha, following):
    g = Generator(seed)
    assert digest(call(g)) == sha
    assert next_word(g) == following


@pytest.mark.parametrize("recorded", RECORDED["sequences"], ids=lambda r: f"seed{r['seed']}")
def test_recorded_sequences(recorded):
    """Interleaved calls of every kind, dtype and path: numbers and state after each."""
    g = Generator(recorded["seed"])
    for (kind, call), (sha, state) in zip(sequence(recorded["seed"]), recorded["calls"], strict=True):
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            drawn = ours(g, kind, call)
        assert digest(drawn)[:8] == sha, (kind, call)
        assert digest(g.get_state())[:8] == state, (kind, call)
    assert digest(g.get_state()) == recorded["state"]


def test_sequences_have_every_kind():
    drawn = {kind for r in RECORDED["sequences"] for kind, _ in sequence(r["seed"])}
    assert drawn == set(KINDS)


@pytest.mark.torch
@settings(derandomize=True, max_examples=60, deadline=None)
@given(st.integers(-(2**63), 2**64 - 1), st.integers(0, 2**32), st.integers(1, 12))
def test_live(seed, choice, length):
    torch = pytest.importorskip("torch")
    rng = random.Random(choice)
    torch.manual_seed(seed)
    g = Generator(seed)
    assert g.initial_seed() == torch.initial_seed()
    for _ in range(length):
        kind, call = choose(rng)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            true, drawn = theirs(torch, kind, call), ours(g, kind, call)
        assert drawn.dtype == true.dtype
        assert drawn.shape == true.shape
        assert np.ascontiguousarray(drawn).tobytes() == true.tobytes(), (kind, call)
        assert np.array_equal(g.get_state(), torch.get_rng_state().numpy()), (kind, call)


@pytest.mark.torch
@pytest.mark.parametrize("bounds", [(-1.0, 1.0), (0.1, 0.7), (-1e-12, 0.7), (1e4, 1e4 + 0.01), (-3e38, 1e30)])
@pytest.mark.parametrize("dtype", ["float32", "float64", "bfloat16"])
def test_uniform_bounds_live(bounds, dtype):
    """The single rounding of u (high - low) + low, where it matters, and the clamp below `high`."""
    torch = pytest.importorskip("torch")
    torch.manual_seed(0)
    true = torch.empty(50000, dtype=getattr(torch, dtype)).uniform_(*bounds)
    drawn = Generator(0).uniform(50000, *bounds, numpy_dtype(dtype))
    assert np.array_equal(drawn.astype(np.float64), true.double().numpy())


@pytest.mark.torch
@pytest.mark.parametrize(
    "bounds", [(-0.75, 0.75), (-0.1, 0.3), (0.7, 0.9), (-1e-17, 3.3), (-7.7, -7.1), (-1e300, 1e307)]
)
def test_uniform_float64_live(bounds):
    """Emulated fused multiply-adds, with widths for which halves of a last place are frequent too."""
    torch = pytest.importorskip("torch")
    torch.manual_seed(1)
    true = torch.empty(400_003, dtype=torch.float64).uniform_(*bounds).numpy()
    assert np.array_equal(Generator(1).uniform(400_003, *bounds, np.float64), true)


@pytest.mark.torch
@pytest.mark.parametrize("dtype", ["float32", "float64", "float16"])
def test_large_fills_live(dtype):
    torch = pytest.importorskip("torch")
    torch.manual_seed(2)
    g = Generator(2)
    for mean, std in ((0.0, 1.0), (0.3, 0.7)):
        true = torch.empty(100_003, dtype=getattr(torch, dtype)).normal_(mean, std).numpy()
        assert np.array_equal(g.normal(100_003, mean, std, numpy_dtype(dtype)), true)
        true = (
            torch.empty(2 * 50_001, dtype=getattr(torch, dtype))[::2].normal_(mean, std).contiguous().numpy()
        )
        assert np.array_equal(g.normal(50_001, mean, std, numpy_dtype(dtype), strides=(2,)), true)
    assert np.array_equal(g.get_state(), torch.get_rng_state().numpy())


@pytest.mark.torch
def test_large_permutation_live():
    torch = pytest.importorskip("torch")
    for n in (2048, 2049, 20000, 300001):
        torch.manual_seed(n)
        assert np.array_equal(Generator(n).randperm(n), torch.randperm(n).numpy())


@pytest.mark.torch
def test_dirichlet_float64_live():
    """The sum's order differs, and so may the last bit: 2**-52 relative for 20 categories."""
    torch = pytest.importorskip("torch")
    alpha = np.linspace(0.1, 5, 60).reshape(3, 20)
    torch.manual_seed(0)
    true = torch._sample_dirichlet(torch.from_numpy(alpha)).numpy()
    np.testing.assert_allclose(Generator(0).dirichlet(alpha), true, rtol=4 * 2.0**-53)


@pytest.mark.torch
def test_rrelu_live():
    torch = pytest.importorskip("torch")
    x = np.linspace(-2, 2, 41).astype(np.float32)
    torch.manual_seed(0)
    true = torch.nn.functional.rrelu(torch.from_numpy(x), 0.1, 0.4, training=True).numpy()
    g = Generator(0)
    assert np.array_equal(x * g.rrelu_slopes(x, 0.1, 0.4), true)
    assert np.array_equal(g.get_state(), torch.get_rng_state().numpy())


# ---------------------------------------------------------------------------- seeds and state


def test_state_of_a_seed():
    assert digest(Generator(0).get_state()) == "1ccf17250133dec5"
    g = Generator(0)
    g.randn(5)
    assert digest(g.get_state()) == "3d9bb8ca5dee2d3e"
    assert Generator().initial_seed() == 67280421310721


@pytest.mark.parametrize("seed", [0, 1, 2**31, 2**32 + 5, 2**63, 2**64 - 1, -1, -(2**63)])
def test_seeds(seed):
    g = Generator(seed)
    assert g.initial_seed() == seed % 2**64
    assert np.array_equal(g.rand(10), Generator(seed % 2**32).rand(10))


def test_state_round_trip_everywhere_in_a_block():
    for used in (0, 1, 623, 624, 625, 1248):
        g = Generator(9)
        g.random(used, 0, 8)
        g.randn(3)
        other = Generator(1).set_state(g.get_state())
        assert np.array_equal(other.get_state(), g.get_state())
        assert other.initial_seed() == 9
        assert np.array_equal(other.randn(3), g.randn(3))


def test_used_up_block_is_not_a_fresh_seed():
    g = Generator(0)
    g.random(624, 0, 8)
    left, following = g.get_state()[8:12].view("<i4"), g.get_state()[16:24].view("<u8")
    assert (left, following) == (1, 624)
    assert Generator(0).get_state()[16:24].view("<u8") == 0


def test_fork_and_clone():
    g = Generator(0)
    g.randn(3)
    twin = g.clone_state()
    with g.fork() as same:
        assert same is g
        inside = g.randn(5)
        g.manual_seed(4)
    assert np.array_equal(g.randn(5), inside)
    assert g.initial_seed() == 0
    assert np.array_equal(twin.randn(5), inside)


def test_reseeding():
    g = Generator(0)
    g.randn(3)
    assert g.manual_seed(5) is g
    assert np.array_equal(g.randn(3), Generator(5).randn(3))
    first, second = g.seed(), g.seed()
    assert first != second
    assert g.initial_seed() == second
    assert 0 <= second < 2**64


# ---------------------------------------------------------------------------- wrong arguments

BAD = [
    (lambda g: g.manual_seed(3.7), RuntimeError, "manual_seed expected a long, but got float"),
    (lambda g: g.manual_seed(True), RuntimeError, "manual_seed expected a long, but got bool"),
    (lambda g: g.manual_seed(2**64), ValueError, "Overflow when unpacking long long"),
    (lambda g: g.manual_seed(-(2**63) - 1), ValueError, "Overflow when unpacking long long"),
    (lambda g: g.set_state(3), TypeError, "expected a torch.ByteTensor, but got int"),
    (lambda g: g.set_state(np.zeros(5056)), TypeError, "RNG state must be a torch.ByteTensor"),
    (lambda g: g.set_state(np.zeros(5, np.uint8)), RuntimeError, "CPUGeneratorImplState of size 5056"),
    (lambda g: g.set_state(np.zeros(5056, np.uint8)), RuntimeError, "Invalid mt19937 state"),
    (lambda g: g.get_offset(), RuntimeError, "CPU Generator does not use offset"),
    (lambda g: g.uniform(3, 1, 0), RuntimeError, r"return a \[from, to\) range, but found from=1 > to=0"),
    (
        lambda g: g.uniform(3, -3e38, 3e38),
        RuntimeError,
        "uniform_ expects to-from <= std::numeric_limits<Float>",
    ),
    (lambda g: g.uniform(3, 0, 1e39), RuntimeError, "to is out of bounds for float"),
    (lambda g: g.uniform(3, math.nan, 1), RuntimeError, "from is out of bounds for float"),
    (lambda g: g.rand(3, np.int64), NotImplementedError, "not implemented for 'Long'"),
    (lambda g: g.rand(-1), RuntimeError, "Trying to create tensor with negative dimension -1"),
    (lambda g: g.rand(2.5), TypeError, "argument 'size' must be tuple of ints, not float"),
    (lambda g: g.rand((2**40, 2**40)), RuntimeError, "Storage size calculation overflowed"),
    (lambda g: g.rand((2, 3), strides=(0, 1)), RuntimeError, "refers to a single memory location"),
    (lambda g: g.rand((2, 3), strides=(1,)), RuntimeError, "mismatch in length of strides and shape"),
    (lambda g: g.normal(3, 0, -1), RuntimeError, "normal expects std >= 0.0, but found std -1"),
    (lambda g: g.normal(3, 0, math.nan), RuntimeError, "normal expects std >= 0.0, but found std nan"),
    (lambda g: g.randn(3, np.int64), NotImplementedError, "\"normal_kernel_cpu\" not implemented for 'Long'"),
    (lambda g: g.normal_of(np.zeros(3), np.ones(4)), RuntimeError, "must match the size of tensor"),
    (lambda g: g.normal_of(np.zeros(2), np.array([1.0, -1])), RuntimeError, "all elements of std >= 0.0"),
    (lambda g: g.normal_of(0.0, 1.0), TypeError, "expected an array"),
    (lambda g: g.log_normal(3, 0, 0), RuntimeError, "log_normal_ expects std > 0.0, but found std=0"),
    (lambda g: g.exponential(3, 0), RuntimeError, "exponential_ expects lambda > 0.0, but found lambda=0"),
    (
        lambda g: g.exponential(3, 1, np.int64),
        RuntimeError,
        "must be a floating point but you specified Long",
    ),
    (lambda g: g.geometric(3, 1), RuntimeError, r"geometric_ expects p to be in \(0, 1\), but got p=1"),
    (
        lambda g: g.geometric(3, 0.5, bool),
        NotImplementedError,
        "\"geometric_cpu\" not implemented for 'Bool'",
    ),
    (lambda g: g.cauchy(3, 0, 0), RuntimeError, "cauchy_ expects sigma > 0.0, but found sigma=0"),
    (lambda g: g.bernoulli(3, 1.5), RuntimeError, r"bernoulli_ expects p to be in \[0, 1\], but got p=1.5"),
    (lambda g: g.bernoulli(3, np.full(3, 1.5)), RuntimeError, "Expected p_in >= 0 && p_in <= 1"),
    (lambda g: g.bernoulli(3, np.full(3, math.nan)), RuntimeError, "Expected p_in >= 0 && p_in <= 1"),
    (lambda g: g.random(3, 3, 3), RuntimeError, "'from' to be less than 'to', but got from=3 >= to=3"),
    (lambda g: g.random(3, 0, 300, np.int8), RuntimeError, "to - 1 is out of bounds for signed char"),
    (lambda g: g.random(3, -200, 3, np.int8), RuntimeError, "from is out of bounds for signed char"),
    (lambda g: g.random(3, 0, 3, bool), RuntimeError, "to - 1 is out of bounds for bool"),
    (lambda g: g.random(3, 0, 70000, np.float16), RuntimeError, "to - 1 is out of bounds for c10::Half"),
    (lambda g: g.random(3, dtype=np.uint16), NotImplementedError, "not implemented for 'UInt16'"),
    (
        lambda g: g.random(3, 0, 2**25, np.float32),
        UserWarning,
        r"to - 1 is out of bounds \[-\(2\^24\), 2\^24\]",
    ),
    (lambda g: g.randperm(-1), RuntimeError, "Trying to create tensor with negative dimension -1"),
    (lambda g: g.randperm(2.5), TypeError, "argument 'n' must be int, not float"),
    (lambda g: g.randperm(300, np.uint8), RuntimeError, "value cannot be converted to type uint8_t"),
    (lambda g: g.randperm(3000, np.float16), RuntimeError, "n cannot be greater than 2049 for Half type"),
    (
        lambda g: g.poisson(np.array([-1.0])),
        RuntimeError,
        "invalid Poisson rate, expected rate to be non-neg",
    ),
    (lambda g: g.poisson(np.array([1])), NotImplementedError, "\"poisson_cpu\" not implemented for 'Long'"),
    (
        lambda g: g.multinomial(np.ones(3), 4),
        RuntimeError,
        "n_sample > prob_dist.size\\(-1\\) samples without",
    ),
    (lambda g: g.multinomial(np.ones(3), 0), RuntimeError, "cannot sample n_sample <= 0 samples"),
    (lambda g: g.multinomial(np.ones((1, 1, 1)), 1), RuntimeError, "prob_dist must be 1 or 2 dim"),
    (
        lambda g: g.multinomial(np.ones(3, int), 1),
        RuntimeError,
        "only supports floating-point dtypes .* Long",
    ),
    (lambda g: g.multinomial(np.zeros(3), 1), RuntimeError, "sum of probabilities <= 0"),
    (lambda g: g.multinomial(np.zeros(3), 2, True), RuntimeError, "sum of probabilities <= 0"),
    (
        lambda g: g.multinomial(np.array([1.0, -1]), 1),
        RuntimeError,
        "contains either `inf`, `nan` or element < 0",
    ),
    (
        lambda g: g.multinomial(np.array([1.0, -1]), 2, True),
        RuntimeError,
        "encountering probability entry < 0",
    ),
    (lambda g: g.multinomial(np.array([1.0, math.inf]), 2, True), RuntimeError, "entry = infinity or NaN"),
    (
        lambda g: g.standard_gamma(np.ones(2, int)),
        NotImplementedError,
        "\"gamma_cpu\" not implemented for 'Long'",
    ),
    (
        lambda g: g.binomial(np.ones(2, np.float32), np.ones(2)),
        RuntimeError,
        "Found dtype Double but expected Float",
    ),
]


@pytest.mark.parametrize(("call", "error", "words"), BAD)
def test_wrong_arguments(call, error, words):
    g = Generator(0)
    before = g.get_state()
    with pytest.raises(error, match=words):
        call(g)
    assert np.array_equal(g.get_state(), before)


# ---------------------------------------------------------------------------- as a random source


def test_draws_as_jax_arrays():
    source, g = Generator(3).__source__(), Generator(3)
    for drawn, true in [
        (source.uniform((3, 40), -1.0, 0.5, jnp.float32), g.uniform((3, 40), -1, 0.5)),
        (source.normal((3, 40), 0.5, 2.0, jnp.bfloat16), g.normal((3, 40), 0.5, 2, BF16)),
        (
            source.truncated_normal((30,), 0.0, 1.0, -1.0, 1.0, jnp.float32),
            g.truncated_normal(30, 0, 1, -1, 1),
        ),
        (source.bernoulli((50,), 0.3), g.bernoulli(50, 0.3, bool)),
        (source.exponential((5,), 2.0, jnp.float32), g.exponential(5, 2)),
        (source.integers((5,), -3, 9, jnp.int32), g.randint(-3, 9, 5, np.int32)),
        (source.permutation(9), g.randperm(9).astype(np.int32)),
    ]:
        assert isinstance(drawn, jax.Array)
        assert drawn.dtype == true.dtype
        assert np.array_equal(np.asarray(drawn), true)


@pytest.mark.parametrize("wide", [False, True])
def test_float64_is_what_jax_makes_of_it(wide):
    with jax.enable_x64(wide):
        drawn = Generator(0).__source__().normal((20,), 0.0, 1.0, jnp.float64)
    assert np.array_equal(drawn, Generator(0).randn(20, np.float64 if wide else np.float32))


def test_arrays_keep_their_numbers():
    """JAX takes over the memory of a draw; later draws must not touch it."""
    source = Generator(0).__source__()
    first = source.normal((1000,), 0.0, 1.0, jnp.float32)
    copy = np.array(first)
    source.normal((1000,), 0.0, 1.0, jnp.float32)
    assert np.array_equal(np.asarray(first), copy)


def test_refuses_to_be_frozen_into_a_program():
    g = Generator(0)

    def draw(x):
        return x + g.__source__().normal((), 0.0, 1.0, jnp.float32)

    before = g.get_state()
    for staged in (
        lambda: jax.jit(draw)(1.0),
        lambda: jax.vmap(jax.jit(draw))(jnp.ones(2)),
        lambda: jax.jit(jax.grad(draw))(1.0),
        lambda: jax.eval_shape(draw, 1.0),
        lambda: jax.lax.scan(lambda c, _: (draw(c), None), 0.0, length=3),
    ):
        with pytest.raises(RuntimeError, match=r"frozen into the compiled program.*fnnet\.random\.ahead"):
            staged()
    assert np.array_equal(g.get_state(), before)


def test_eager_transformations_draw():
    true = float(Generator(0).randn(()))
    g = Generator(0)
    value, slope = jax.value_and_grad(lambda x: x * g.__source__().normal((), 0.0, 1.0, jnp.float32))(2.0)
    assert slope == jnp.float32(true)
    assert value == jnp.float32(2) * jnp.float32(true)
    g = Generator(0)
    lanes = jax.vmap(lambda x: x + g.__source__().normal((), 0.0, 1.0, jnp.float32))(jnp.zeros(3))
    assert np.array_equal(lanes, np.full(3, true, np.float32))  # one draw, shared by the lanes


@pytest.mark.parametrize("n", [0, 1, 2, 1000, 5000])
def test_lapack_permutes_as_the_loop_does(n: int, monkeypatch: pytest.MonkeyPatch) -> None:
    ways = []
    for by_lapack in (False, True):
        monkeypatch.setattr("fnnet.random.integers._swaps_by_lapack", lambda n, chosen=by_lapack: chosen)
        ways.append(Generator(n).randperm(n))
    assert ways[1].dtype == np.int64
    np.testing.assert_array_equal(*ways)

"""PyTorch's CPU generator: `Generator(seed)` gives the numbers that `torch.manual_seed(seed)` gives.

    g = Generator(0)
    g.randn((2, 3))            # torch.manual_seed(0); torch.randn(2, 3)
    params = net.init(g)       # accepted wherever a JAX key is

The methods run on the host and return NumPy arrays, equal to PyTorch's in every bit, and leave the stream
where PyTorch leaves it. Those that fill (`uniform`, `normal`, `random`, ...) are the in-place methods
of a tensor of the given shape; `strides` (in elements) says how that tensor lies in memory if it is not
contiguous.
"""

from __future__ import annotations

import contextlib
import math
import secrets
from collections.abc import Callable, Iterator, Sequence
from typing import Any, TypeAlias

import numpy as np
from jax.typing import ArrayLike, DTypeLike

from fnnet.random import arguments, integers, multinomial, rejection
from fnnet.random.distributions import (
    bernoulli_flat,
    bernoulli_of,
    cauchy_flat,
    exponential_flat,
    geometric_flat,
)
from fnnet.random.engine import DEFAULT_SEED, Engine, unsigned_seed
from fnnet.random.host import HostSource
from fnnet.random.layout import arrange, by_address, check_strides, is_contiguous
from fnnet.random.normal import log_normal_flat, normal_flat
from fnnet.random.rounding import FLOATS, cast, float32, float64
from fnnet.random.source import Source
from fnnet.random.truncated import truncated_normal_flat
from fnnet.random.uniform import uniform_fill

Shape: TypeAlias = Sequence[int] | int
Strides: TypeAlias = Sequence[int] | None
_Flat: TypeAlias = Callable[[int, bool], np.ndarray]

_PARTS: dict[np.dtype, np.dtype] = {np.dtype(np.complex64): float32, np.dtype(np.complex128): float64}


class Generator:
    """PyTorch's CPU random numbers.

    A generator is a mutable stream: each draw moves it on, as in PyTorch. Used while JAX stages a program out
    (`jit`, `scan`), its numbers would be frozen into the program, so it raises; see `fnnet.random.ahead`.

    Args:
        seed: as for `manual_seed`; without one, the seed of an unseeded torch.Generator().
    """

    def __init__(self, seed: int = DEFAULT_SEED) -> None:
        self._engine = Engine()
        self.manual_seed(seed)

    def __source__(self) -> Source:
        """The draws as JAX arrays (see `fnnet.random.as_source`)."""
        return HostSource(self)

    def __repr__(self) -> str:
        return f"{type(self).__name__}(initial_seed={self.initial_seed()})"

    # ------------------------------------------------------------------ seed and state

    def manual_seed(self, seed: int) -> Generator:
        """Start the stream of `seed`, an integer in [-2**63, 2**64 - 1]; negative ones count from 2**64.

        Raises RuntimeError for what is not an integer, ValueError out of range.
        """
        if isinstance(seed, bool) or not isinstance(seed, int | np.integer):
            raise RuntimeError(f"manual_seed expected a long, but got {type(seed).__name__}")
        self._engine.reseed(unsigned_seed(int(seed)))
        return self

    def seed(self) -> int:
        """Start the stream of a seed of 64 bits from the operating system, and return that seed."""
        self._engine.reseed(secrets.randbits(64))
        return self._engine.seed

    def initial_seed(self) -> int:
        """The seed, unsigned 64 bits."""
        return self._engine.seed

    def get_state(self) -> np.ndarray:
        """The state in PyTorch's layout: 5056 bytes, uint8."""
        return self._engine.state

    def set_state(self, new_state: ArrayLike) -> Generator:
        """Take a state that `get_state`, here or in PyTorch, gave.

        Raises TypeError for another dtype than uint8, RuntimeError for another size or an impossible state.
        """
        if not hasattr(new_state, "dtype"):
            raise TypeError(f"expected a torch.ByteTensor, but got {type(new_state).__name__}")
        self._engine.state = np.asarray(new_state)
        return self

    def clone_state(self) -> Generator:
        """A generator of its own that stands where this one stands."""
        return Generator().set_state(self.get_state())

    def get_offset(self) -> int:
        """Raises RuntimeError: a CPU generator has none."""
        raise RuntimeError("CPU Generator does not use offset")

    @contextlib.contextmanager
    def fork(self) -> Iterator[Generator]:
        """A context after which the generator stands where it stood before (torch.random.fork_rng)."""
        before = self.get_state()
        try:
            yield self
        finally:
            self.set_state(before)

    # ------------------------------------------------------------------ fills

    def _fill(self, name: str, shape: Shape, dtype: DTypeLike, strides: Strides, flat: _Flat) -> np.ndarray:
        sizes = arguments.checked_shape(name, shape, dtype)
        contiguous = True
        if strides is not None:
            check_strides(name, sizes, strides)
            contiguous = is_contiguous(sizes, strides)
        return arrange(flat(math.prod(sizes), contiguous), sizes, None if contiguous else strides)

    def _float_fill(
        self, name: str, operator: str, shape: Shape, dtype: DTypeLike, strides: Strides, flat: Any
    ) -> np.ndarray:
        """A fill whose numbers a complex dtype takes two at a time, as real and imaginary part."""
        dtype = np.dtype(dtype)
        arguments.check_dtype(operator, dtype, (*FLOATS, *_PARTS))
        part = _PARTS.get(dtype)
        if part is None:
            return self._fill(name, shape, dtype, strides, lambda n, dense: flat(n, dense, dtype))
        return self._fill(name, shape, dtype, strides, lambda n, dense: flat(2 * n, dense, part).view(dtype))

    def uniform(
        self,
        shape: Shape,
        low: float = 0.0,
        high: float = 1.0,
        dtype: DTypeLike = np.float32,
        strides: Strides = None,
    ) -> np.ndarray:
        """`empty(shape).uniform_(low, high)`. Raises RuntimeError unless low <= high, both finite."""
        low, high = float(low), float(high)

        def flat(count: int, contiguous: bool, dtype: np.dtype) -> np.ndarray:
            arguments.check_uniform(low, high, dtype)
            return uniform_fill(self._engine, count, low, high, dtype)

        return self._float_fill("uniform_", "check_uniform_bounds", shape, dtype, strides, flat)

    def rand(self, shape: Shape, dtype: DTypeLike = np.float32, strides: Strides = None) -> np.ndarray:
        """`torch.rand(shape)`; with the strides of a dense tensor, `torch.rand_like`."""
        return self.uniform(shape, 0.0, 1.0, dtype, strides)

    def normal(
        self,
        shape: Shape,
        mean: float = 0.0,
        std: float = 1.0,
        dtype: DTypeLike = np.float32,
        strides: Strides = None,
    ) -> np.ndarray:
        """`empty(shape).normal_(mean, std)`. Raises RuntimeError for std < 0.

        A complex dtype takes a real mean; real and imaginary part have the standard deviation std / √2.
        """
        mean, std = float(mean), float(std)
        arguments.check_normal(std)
        if np.dtype(dtype) in _PARTS:
            if mean:
                raise RuntimeError("normal: a complex dtype with a mean other than 0 is not supported")
            std /= math.sqrt(2)

        def flat(count: int, contiguous: bool, dtype: np.dtype) -> np.ndarray:
            return normal_flat(self._engine, count, mean, std, dtype, contiguous)

        return self._float_fill("normal_", "normal_kernel_cpu", shape, dtype, strides, flat)

    def randn(self, shape: Shape, dtype: DTypeLike = np.float32, strides: Strides = None) -> np.ndarray:
        """`torch.randn(shape)`; with the strides of a dense tensor, `torch.randn_like`."""
        return self.normal(shape, 0.0, 1.0, dtype, strides)

    def normal_of(self, mean: ArrayLike, std: ArrayLike) -> np.ndarray:
        """`torch.normal(mean, std)` where one of them or both are arrays (the other a float), broadcast.

        Raises RuntimeError for a negative std or shapes that do not broadcast.
        """
        given = [np.asarray(x) for x in (mean, std) if np.ndim(x) or hasattr(x, "dtype")]
        if not given:
            raise TypeError("normal_of: expected an array as mean or std, got two numbers")
        dtype = given[0].dtype
        try:
            shape = np.broadcast_shapes(*(x.shape for x in given))
        except ValueError:
            raise RuntimeError(
                f"normal: The size of tensor a {given[0].shape} must match the size of tensor b "
                f"{given[1].shape}"
            ) from None
        if not np.all(np.asarray(std).astype(float64) >= 0):
            raise RuntimeError("normal expects all elements of std >= 0.0")
        scalar_std = not hasattr(std, "dtype") and not np.ndim(std)
        drawn = self.normal(shape, 0.0, float(std) if scalar_std else 1.0, dtype)  # type: ignore[arg-type]
        if not scalar_std:
            drawn = drawn * np.asarray(std).astype(dtype, copy=False)
        return drawn + cast(np.asarray(mean, None if hasattr(mean, "dtype") else float64), dtype)

    def log_normal(
        self,
        shape: Shape,
        mean: float = 1.0,
        std: float = 2.0,
        dtype: DTypeLike = np.float32,
        strides: Strides = None,
    ) -> np.ndarray:
        """`empty(shape).log_normal_(mean, std)`. Raises RuntimeError unless std > 0."""
        arguments.check_positive("log_normal_", "std", std)
        dtype = np.dtype(dtype)
        arguments.check_dtype("log_normal_cpu", dtype, FLOATS)
        return self._fill(
            "log_normal_",
            shape,
            dtype,
            strides,
            lambda n, _: log_normal_flat(self._engine, n, float(mean), float(std), dtype),
        )

    def truncated_normal(
        self,
        shape: Shape,
        mean: float = 0.0,
        std: float = 1.0,
        low: float = -2.0,
        high: float = 2.0,
        dtype: DTypeLike = np.float32,
        strides: Strides = None,
    ) -> np.ndarray:
        """`nn.init.trunc_normal_(empty(shape), mean, std, low, high)`; ValueError unless low < high."""
        arguments.check_normal(std)
        if not low < high:
            raise ValueError(f"trunc_normal_: expected a < b, got a={low} and b={high}")
        dtype = np.dtype(dtype)
        arguments.check_dtype("normal_kernel_cpu", dtype, FLOATS)
        return self._fill(
            "trunc_normal_",
            shape,
            dtype,
            strides,
            lambda n, dense: truncated_normal_flat(
                self._engine, n, float(mean), float(std), float(low), float(high), dtype, dense
            ),
        )

    def exponential(
        self, shape: Shape, rate: float = 1.0, dtype: DTypeLike = np.float32, strides: Strides = None
    ) -> np.ndarray:
        """`empty(shape).exponential_(rate)`. Raises RuntimeError unless rate > 0."""
        dtype = np.dtype(dtype)
        arguments.check_continuous("Exponential", dtype, FLOATS)
        arguments.check_positive("exponential_", "lambda", rate)
        return self._fill(
            "exponential_",
            shape,
            dtype,
            strides,
            lambda n, _: exponential_flat(self._engine, n, float(rate), dtype),
        )

    def geometric(
        self, shape: Shape, p: float, dtype: DTypeLike = np.float32, strides: Strides = None
    ) -> np.ndarray:
        """`empty(shape).geometric_(p)`. Raises RuntimeError unless 0 < p < 1."""
        dtype = np.dtype(dtype)
        arguments.check_probability("geometric_", p, ends=False)
        arguments.check_dtype("geometric_cpu", dtype, (*FLOATS, *integers.INTEGERS))
        return self._fill(
            "geometric_",
            shape,
            dtype,
            strides,
            lambda n, _: geometric_flat(self._engine, n, float(p), dtype),
        )

    def cauchy(
        self,
        shape: Shape,
        median: float = 0.0,
        sigma: float = 1.0,
        dtype: DTypeLike = np.float32,
        strides: Strides = None,
    ) -> np.ndarray:
        """`empty(shape).cauchy_(median, sigma)`. Raises RuntimeError unless sigma > 0."""
        dtype = np.dtype(dtype)
        arguments.check_continuous("Cauchy", dtype, FLOATS)
        arguments.check_positive("cauchy_", "sigma", sigma)
        return self._fill(
            "cauchy_",
            shape,
            dtype,
            strides,
            lambda n, _: cauchy_flat(self._engine, n, float(median), float(sigma), dtype),
        )

    def bernoulli(
        self, shape: Shape, p: ArrayLike = 0.5, dtype: DTypeLike = np.float32, strides: Strides = None
    ) -> np.ndarray:
        """`empty(shape).bernoulli_(p)`: with a number p, also `torch.bernoulli(x, p)` and dropout's noise.

        With an array p, `bernoulli(p.shape, p, p.dtype)` is `torch.bernoulli(p)`.
        Raises RuntimeError for p outside [0, 1].
        """
        dtype = np.dtype(dtype)
        arguments.check_dtype("bernoulli_scalar_cpu_", dtype, integers.BOUNDED)
        if not hasattr(p, "dtype") and not np.ndim(p):
            number = float(p)  # type: ignore[arg-type]
            arguments.check_probability("bernoulli_", number, ends=True)
            return self._fill(
                "bernoulli_",
                shape,
                dtype,
                strides,
                lambda n, _: bernoulli_flat(self._engine, n, number, dtype),
            )
        sizes = arguments.checked_shape("bernoulli_", shape, dtype)
        probs = np.asarray(p)
        arguments.check_dtype("bernoulli_tensor_cpu_p_", probs.dtype, FLOATS)
        if not np.all((probs >= 0) & (probs <= 1)):
            raise RuntimeError("bernoulli_: Expected p_in >= 0 && p_in <= 1 to be true, but got false.")
        try:
            probs = np.broadcast_to(probs, sizes)
        except ValueError:
            raise RuntimeError(
                f"bernoulli_: p of shape {probs.shape} does not broadcast to shape {sizes}"
            ) from None
        return self._fill(
            "bernoulli_",
            sizes,
            dtype,
            strides,
            lambda n, dense: bernoulli_of(self._engine, by_address(probs, None if dense else strides), dtype),
        )

    # ------------------------------------------------------------------ integers

    def random(
        self,
        shape: Shape,
        low: int | None = None,
        high: int | None = None,
        dtype: DTypeLike = np.int64,
        strides: Strides = None,
    ) -> np.ndarray:
        """`empty(shape).random_(low, high)`: without bounds, all that the dtype has from 0 on.

        Raises RuntimeError for an empty range or one outside the dtype.
        """
        dtype = np.dtype(dtype)
        low = None if low is None else arguments.integer("random_", "from", low)
        high = None if high is None else arguments.integer("random_", "to", high)
        return self._fill(
            "random_",
            shape,
            dtype,
            strides,
            lambda n, _: integers.random_flat(self._engine, n, low, high, dtype),
        )

    def randint(
        self, low: int, high: int, shape: Shape, dtype: DTypeLike = np.int64, strides: Strides = None
    ) -> np.ndarray:
        """`torch.randint(low, high, shape)`."""
        return self.random(shape, low, high, dtype, strides)

    def integers(self, shape: Shape, low: int, high: int, dtype: DTypeLike = np.int64) -> np.ndarray:
        """`torch.randint(low, high, shape)`, with the arguments in a source's order."""
        return self.random(shape, low, high, dtype)

    def randperm(self, n: int, dtype: DTypeLike = np.int64) -> np.ndarray:
        """`torch.randperm(n)`. Raises RuntimeError for n < 0 or more than the dtype can hold."""
        size = arguments.integer("randperm", "n", n)
        arguments.checked_shape("randperm", (size,), dtype)
        return integers.randperm_flat(self._engine, size, np.dtype(dtype))

    permutation = randperm

    def draw_seed(self) -> int:
        """`torch.empty((), dtype=torch.int64).random_().item()`: what seeds samplers and loaders' workers."""
        return int(self.random(())[()])

    # ------------------------------------------------------------------ draws that depend on arrays

    def multinomial(
        self, probs: ArrayLike, num_samples: int, replacement: bool = False, strides: Strides = None
    ) -> np.ndarray:
        """`torch.multinomial(probs, num_samples, replacement)`: indices, int64.

        Raises RuntimeError for what is no distribution, or too few categories.
        """
        count = arguments.integer("multinomial", "num_samples", num_samples)
        return multinomial.multinomial_of(self._engine, np.asarray(probs), count, replacement, strides)

    def poisson(self, rate: ArrayLike) -> np.ndarray:
        """`torch.poisson(rate)`."""
        rate = np.asarray(rate)
        arguments.check_dtype("poisson_cpu", rate.dtype, FLOATS)
        return rejection.poisson_of(self._engine, rate)

    def standard_gamma(self, alpha: ArrayLike) -> np.ndarray:
        """`torch._standard_gamma(alpha)`, the draws of torch.distributions.Gamma."""
        alpha = np.asarray(alpha)
        arguments.check_dtype("gamma_cpu", alpha.dtype, (float32, float64))
        return rejection.gamma_of(self._engine, alpha)

    def dirichlet(self, alpha: ArrayLike) -> np.ndarray:
        """`torch._sample_dirichlet(alpha)`, the draws of torch.distributions.Dirichlet."""
        alpha = np.asarray(alpha)
        arguments.check_dtype("dirichlet", alpha.dtype, (float32, float64))
        return rejection.dirichlet_of(self._engine, alpha)

    def binomial(self, count: ArrayLike, prob: ArrayLike) -> np.ndarray:
        """`torch.binomial(count, prob)`. Raises RuntimeError unless both have one floating dtype."""
        count, prob = np.asarray(count), np.asarray(prob)
        arguments.check_dtype("binomial_cpu", count.dtype, (float32, float64))
        if prob.dtype != count.dtype:
            names = arguments.torch_name(prob.dtype), arguments.torch_name(count.dtype)
            raise RuntimeError(f"binomial: Found dtype {names[0]} but expected {names[1]}")
        return rejection.binomial_of(self._engine, count, prob)

    def rrelu_slopes(self, x: ArrayLike, lower: float, upper: float) -> np.ndarray:
        """The slopes of `F.rrelu(x, lower, upper, training=True)`: drawn where x <= 0, 1 elsewhere."""
        x = np.asarray(x)
        arguments.check_dtype("rrelu_with_noise_out_cpu", x.dtype, FLOATS)
        low, high = cast(np.array([lower, upper], float64), x.dtype).astype(float64)
        slopes = np.ones(x.shape, x.dtype)
        where = x <= 0
        drawn = self._engine.uniforms53(int(where.sum())) * (high - low) + low
        slopes[where] = cast(drawn, x.dtype)
        return slopes

"""Random tensors and the generators they come from: PyTorch's own streams (`fnnet.random`).

Numbers are drawn on the host when the call is made, in the order of the calls, so that a seeded script sees
the numbers that it sees under PyTorch. Tensors of a GPU get the numbers of the CPU.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from typing import Any

import jax.numpy as jnp
import numpy as np
from jax import lax

from fnnet import random as streams
from fnnet.torch import dtypes as D
from fnnet.torch.autograd import inplace
from fnnet.torch.call import store
from fnnet.torch.chosen import chosen_source, fill_from, source_for
from fnnet.torch.creation import as_dtype, check_options, finish, full_spec, like_spec, size_of
from fnnet.torch.devices import META, as_device, device
from fnnet.torch.into_out import puts_into_out, takes_out
from fnnet.torch.mode import MODE
from fnnet.torch.plan import make_plan
from fnnet.torch.record import Value, without_data
from fnnet.torch.spec import Spec, spec_of
from fnnet.torch.storage import value_of_host
from fnnet.torch.tensor import Tensor, from_array, wrap


class Generator(streams.Generator):
    """torch.Generator: a stream of random numbers of its own."""

    def __init__(self, device: Any = "cpu") -> None:
        super().__init__()
        self.device = as_device(device)

    @property
    def stream(self) -> Generator:
        """The stream itself, where a source of draws is asked for."""
        return self

    def get_state(self) -> Any:
        return from_array(super().get_state())

    def set_state(self, new_state: Any) -> Any:
        return super().set_state(
            np.asarray(new_state.numpy() if isinstance(new_state, Tensor) else new_state)
        )

    def clone_state(self) -> Any:
        made = Generator(self.device)
        made.set_state(self.get_state())
        return made

    def __repr__(self) -> str:
        return f"<torch._C.Generator object at {hex(id(self))}>"


default_generator = Generator()
default_generator.manual_seed(int.from_bytes(np.random.default_rng().bytes(8), "little") >> 1)


def manual_seed(seed: int) -> Generator:
    """Seed the default generator."""
    default_generator.manual_seed(int(seed))
    return default_generator


def seed() -> int:
    """Seed the default generator from the operating system; returns the seed."""
    return default_generator.seed()


def initial_seed() -> int:
    """The seed of the default generator."""
    return default_generator.initial_seed()


def get_rng_state() -> Tensor:
    """The state of the default generator, a tensor of bytes."""
    return default_generator.get_state()


def set_rng_state(new_state: Tensor) -> None:
    """Put the default generator into a state."""
    default_generator.set_state(new_state)


def draw(spec: Spec, method: str, *arguments: Any, generator: Any = None) -> Value:
    """The numbers that the generator's fill gives for a tensor of this spec."""
    kind = spec.dtype.numpy
    if generator is not None and not isinstance(generator, Generator):
        raise TypeError(f"argument 'generator' must be torch.Generator, not {type(generator).__name__}")
    if spec.device is META:
        return without_data()
    source = chosen_source() if generator is None else None
    if source is not None:
        return Value(fill_from(source, method, tuple(spec.shape), arguments, kind))
    strides = None if spec.contiguous else spec.strides
    made = getattr(generator or default_generator, method)(
        tuple(spec.shape), *arguments, dtype=kind, strides=strides
    )
    return value_of_host(made, spec, copy=False)


def _creator(name: str, method: str, default: Callable[[], D.dtype]) -> tuple[Any, Any]:
    def create(
        *size: Any, generator: Any = None, dtype: Any = None, device: Any = None, **options: Any
    ) -> Tensor:
        if "size" in options:
            size = (options.pop("size"),)
        if not size:
            raise TypeError(f'{name}() missing 1 required positional arguments: "size"')
        check_options(name, options.get("layout"), options.get("pin_memory", False))
        kind = as_dtype(dtype) or default()
        spec = spec_of(size_of(size, name), kind, as_device(device))
        return finish(
            wrap(draw(spec, method, generator=generator), spec), options.get("requires_grad", False)
        )

    def like(
        input: Tensor, *, dtype: Any = None, device: Any = None, generator: Any = None, **options: Any
    ) -> Tensor:
        spec = like_spec(input, dtype, device)
        return finish(
            wrap(draw(spec, method, generator=generator), spec), options.get("requires_grad", False)
        )

    create.__name__, like.__name__ = name, name + "_like"
    create.__doc__ = f"torch.{name}: a random tensor of the given size."
    like.__doc__ = f"torch.{name}_like: a random tensor like `input`."
    return takes_out(create), like


rand, rand_like = _creator("rand", "uniform", D.get_default_dtype)
randn, randn_like = _creator("randn", "normal", D.get_default_dtype)


@takes_out
def randint(
    low: int,
    high: Any = None,
    size: Any = None,
    *,
    generator: Any = None,
    dtype: Any = None,
    device: Any = None,
    requires_grad: bool = False,
    **options: Any,
) -> Tensor:
    """Integers in [low, high), or in [0, low) if only one bound is given."""
    if isinstance(size, int) or (size is None and not isinstance(high, tuple | list)):
        given = [type(one).__name__ for one in (low, high, size) if one is not None]
        raise TypeError(f"randint() received an invalid combination of arguments - got ({', '.join(given)})")
    if size is None:
        low, high, size = 0, low, high
    elif high is None:
        low, high = 0, low
    if low >= high:
        raise RuntimeError(f"random_ expects 'from' to be less than 'to', but got from={low} >= to={high}")
    spec = spec_of(size_of((size,), "randint"), as_dtype(dtype) or D.int64, as_device(device))
    return finish(wrap(draw(spec, "random", low, high, generator=generator), spec), requires_grad)


def randint_like(
    input: Tensor,
    low: int,
    high: int | None = None,
    *,
    dtype: Any = None,
    device: Any = None,
    requires_grad: bool = False,
    **options: Any,
) -> Tensor:
    """Integers in [low, high) in a tensor like `input`."""
    check_options("randint_like", options.get("layout"), options.get("pin_memory", False))
    spec = like_spec(input, dtype, device)
    bounds = (0, low) if high is None else (low, high)
    return finish(wrap(draw(spec, "random", *bounds), spec), requires_grad)


@takes_out
def randperm(
    n: int, *, generator: Any = None, dtype: Any = None, device: Any = None, **options: Any
) -> Tensor:
    """A random order of 0 ... n - 1."""
    check_options("randperm", options.get("layout"), options.get("pin_memory", False))
    kind = as_dtype(dtype) or D.int64
    if as_device(device) is META:
        return wrap(without_data(), spec_of((n,), kind, META))
    source = chosen_source() if generator is None else None
    if source is not None:
        return from_array(source.permutation(n), as_device(device)).to(kind)
    return from_array((generator or default_generator).randperm(n, kind.numpy), as_device(device))


@takes_out
def normal(
    mean: Any,
    std: Any = 1.0,
    size: Any = None,
    *,
    generator: Any = None,
    dtype: Any = None,
    device: Any = None,
    requires_grad: bool = False,
    layout: Any = None,
    pin_memory: bool = False,
) -> Tensor:
    """Normal numbers: of one mean and deviation in a given size, or of tensors of them."""
    if size is not None:
        spec = spec_of(
            size_of((size,), "normal"), as_dtype(dtype) or D.get_default_dtype(), as_device(device)
        )
        made = wrap(draw(spec, "normal", float(mean), float(std), generator=generator), spec)
        return finish(made, requires_grad)
    given = [one._value().read() if isinstance(one, Tensor) else one for one in (mean, std)]
    source = source_for(generator, *given)
    if source is not None:
        kind = jnp.result_type(*(one for one in given if hasattr(one, "dtype")))
        shape = jnp.broadcast_shapes(*map(jnp.shape, given))
        loc, scale = (jnp.asarray(one, kind) for one in given)
        return from_array(source.normal(shape, 0.0, 1.0, kind) * scale + loc, as_device(device))
    arrays = [np.asarray(one) if hasattr(one, "dtype") else one for one in given]
    return from_array((generator or default_generator).normal_of(*arrays), as_device(device))


@puts_into_out
def bernoulli(input: Tensor, p: float | None = None, *, generator: Any = None) -> Tensor:
    """Zeros and ones, each one with the probability that `input` (or p) gives."""
    spec = spec_of(input.shape, input.dtype, input.device)
    known = None if p is not None or spec.device is META else input._value().read()
    source = source_for(generator, known)
    if source is not None:
        assert known is not None
        kind = known.dtype if known.dtype == np.float64 else np.dtype(np.float32)
        ones = source.uniform(known.shape, 0.0, 1.0, kind) < known.astype(kind)
        return from_array(ones.astype(known.dtype), input.device)
    probability = _numbers(input) if p is None and spec.device is not META else p
    return wrap(draw(spec, "bernoulli", probability, generator=generator), spec)


@puts_into_out
def multinomial(
    input: Tensor, num_samples: int, replacement: bool = False, *, generator: Any = None
) -> Tensor:
    """Indices drawn with the weights of `input` (..., categories)."""
    known = input._value().read()
    source = source_for(generator, known)
    if source is not None:
        if replacement and num_samples > 1:
            raise NotImplementedError("fnnet.torch: multinomial(replacement=True) inside a pure function")
        shares = known / source.exponential(known.shape, 1.0, known.dtype)
        return from_array(lax.top_k(shares, num_samples)[1].astype(np.int64), input.device)
    weights = _numbers(input)
    drawn = (generator or default_generator).multinomial(weights, num_samples, replacement)
    return from_array(drawn, input.device)


def poisson(input: Tensor, generator: Any = None) -> Tensor:
    """Poisson numbers of the rates in `input`."""
    rates = _numbers(input)
    made = from_array((generator or default_generator).poisson(rates), input.device)
    return made.to(D.bfloat16) if input.dtype is D.bfloat16 else made


def _numbers(input: Tensor) -> np.ndarray[Any, Any]:
    """The values for NumPy, which has no bfloat16."""
    input = input.detach().cpu()
    return np.asarray(input.float() if input.dtype is D.bfloat16 else input)


_FILL: dict[Any, Any] = {}


def fill_drawn(target: Tensor, value: Value, grad_fn: str = "NormalBackward0") -> Tensor:
    """Replace the tensor's values by drawn ones, in place."""
    if not MODE.enabled and target._base is None and target._steps is None:
        target._write(value)
        return target
    inplace.check(target, False)
    spec = target._spec
    plan = _FILL.get((spec, grad_fn))
    if plan is None:
        plan = _FILL[(spec, grad_fn)] = make_plan(lambda x, new: new, [spec, spec], (), spec.device, grad_fn)
        plan.shown = (0,)
    return store(target, plan, [target, wrap(value, spec_of(target.shape, target.dtype, target.device))], ())


def _filler(name: str, method: str, defaults: dict[str, Any]) -> None:
    grad_fn = "".join(part.capitalize() for part in method.split("_")) + "Backward0"
    names = tuple(defaults)

    def fill(self: Tensor, *arguments: Any, generator: Any = None, **named: Any) -> Tensor:
        if method == "random" and len(arguments) == 1 and not named:  # the only bound is the upper one
            arguments = (0, *arguments)
        given = dict(zip(names, arguments, strict=False)) | named
        if method == "random" and given.get("to") is not None and given.get("from") is None:
            given["from"] = 0
        values = (defaults | given).values()
        return fill_drawn(self, draw(self._spec, method, *values, generator=generator), grad_fn)

    fill.__name__ = name
    fill.__doc__ = f"Fill with random numbers: Tensor.{name}."
    setattr(Tensor, name, fill)


for _name, _method, _defaults in (
    ("uniform_", "uniform", {"from": 0.0, "to": 1.0}),
    ("normal_", "normal", {"mean": 0.0, "std": 1.0}),
    ("exponential_", "exponential", {"lambd": 1.0}),
    ("cauchy_", "cauchy", {"median": 0.0, "sigma": 1.0}),
    ("geometric_", "geometric", {"p": None}),
    ("log_normal_", "log_normal", {"mean": 1.0, "std": 2.0}),
    ("random_", "random", {"from": None, "to": None}),
):
    _filler(_name, _method, _defaults)


def _bernoulli_(self: Tensor, p: Any = 0.5, *, generator: Any = None) -> Tensor:
    """Fill with zeros and ones, each one with probability p (a number or a tensor)."""
    if isinstance(p, Tensor):
        p = np.broadcast_to(np.asarray(p.detach().cpu()), self.shape)
    return fill_drawn(self, draw(self._spec, "bernoulli", p, generator=generator), "BernoulliBackward2")


Tensor.bernoulli_ = _bernoulli_  # type: ignore[attr-defined]
Tensor.multinomial = multinomial  # type: ignore[attr-defined]
Tensor.bernoulli = bernoulli  # type: ignore[attr-defined]


@contextlib.contextmanager
def fork_rng(
    devices: Any = None, enabled: bool = True, device_type: str = "cuda", **names: Any
) -> Iterator[None]:
    """Inside a `with` block the default generator is drawn from freely; afterwards it is as it was before."""
    if not enabled:
        yield
        return
    state = default_generator.get_state()
    try:
        yield
    finally:
        default_generator.set_state(state)


__all__ = ["Generator", "default_generator", "device", "full_spec", "manual_seed"]

"""Random calls that PyTorch and fnnet.random.Generator both make, chosen from a seed or by hypothesis."""

from __future__ import annotations

import hashlib
import math
import random
from typing import Any

import jax
import numpy as np

FLOATS = ("float32", "float64", "float16", "bfloat16")
SIZES = (0, 1, 2, 3, 7, 15, 16, 17, 31, 32, 33, 100, 623, 624, 625, 1000)
KINDS = (
    "uniform",
    "rand",
    "normal",
    "randn",
    "strided",
    "complex",
    "normal_of",
    "random",
    "randint",
    "random_from",
    "randperm",
    "bernoulli",
    "bernoulli_of",
    "exponential",
    "geometric",
    "cauchy",
    "log_normal",
    "multinomial",
    "poisson",
    "gamma",
    "dirichlet",
    "binomial",
    "trunc_normal",
    "seed",
)

Call = tuple[str, dict[str, Any]]


def numpy_dtype(name: str) -> np.dtype:
    return np.dtype(jax.dtypes.bfloat16 if name == "bfloat16" else name)


def choose(rng: random.Random) -> Call:
    """A call, JSON-like, that `ours` and `theirs` can make."""
    kind = rng.choice(KINDS)
    size = rng.choice(SIZES)
    dtype = rng.choice(FLOATS)
    a, b = round(rng.gauss(0, 2), 3), round(rng.expovariate(1) + 0.01, 3)
    call: dict[str, Any] = {"size": size, "dtype": dtype}
    if kind == "uniform":
        call.update(low=a, high=a + b)
    elif kind in ("normal", "log_normal", "cauchy"):
        call.update(mean=rng.choice([0.0, a]), std=b)
    elif kind == "strided":
        shape = [rng.randint(1, 6) for _ in range(rng.randint(2, 4))]
        order = list(range(len(shape)))
        rng.shuffle(order)
        step = rng.choice([1, 1, 2])
        what = rng.choice(["uniform", "normal", "bernoulli", "exponential", "random"])
        call.update(shape=shape, order=order, step=step, what=what)
    elif kind == "normal_of":
        call.update(which=rng.choice(["mean", "std", "both"]), std=b, mean=a)
    elif kind == "random":
        call.update(dtype=rng.choice([*FLOATS, "bool", "uint8", "int8", "int16", "int32", "int64"]))
    elif kind == "randint":
        dtype = rng.choice(["int64", "int64", "int32", "uint8", "float32", "float64", "bfloat16"])
        width = {"uint8": 7, "bfloat16": 8, "float32": 24, "int32": 30}.get(dtype, 40)
        low = rng.randint(-(2**width), 2**width) if dtype != "uint8" else rng.randint(0, 100)
        call.update(dtype=dtype, low=low, high=low + rng.randint(1, 2 ** rng.randint(1, width)))
        if dtype in FLOATS:
            call["low"], call["high"] = sorted([low // 2, low // 2 + rng.randint(1, 2 ** (width - 1))])
    elif kind == "random_from":
        dtype = rng.choice(["int64", "int32", "float32", "float64", "float16"])
        call.update(dtype=dtype, low=rng.choice([-1000, 3, -(2**63)]) if dtype == "int64" else 5)
    elif kind == "randperm":
        call.update(dtype=rng.choice(["int64", "int32", "float64"]), size=rng.choice([*SIZES, 3000]))
    elif kind in ("bernoulli", "geometric"):
        call.update(p=rng.choice([0.5, rng.uniform(0.01, 0.99)]))
        call.update(dtype=rng.choice([*FLOATS, "int64", "uint8"]))
    elif kind == "bernoulli_of":
        call.update(out=rng.choice([dtype, "float32", "int64"]))
    elif kind == "exponential":
        call.update(rate=b)
    elif kind == "multinomial":
        call.update(dtype=rng.choice(["float32", "float64"]), rows=rng.choice([0, 1, 3]))
        call.update(categories=rng.randint(2, 40), replacement=rng.random() < 0.5)
        call.update(count=rng.choice([1, 2, call["categories"]]))
    elif kind in ("poisson", "gamma", "binomial", "dirichlet"):
        call.update(size=size % 60, scale=rng.choice([0.5, 3.0, 40.0]))
        if kind != "poisson":
            call.update(dtype="float32" if kind == "dirichlet" else rng.choice(["float32", "float64"]))
    elif kind == "trunc_normal":
        low, high = rng.choice([(-2.0, 2.0), (-1.0, 1.5), (1.0, 2.5), (-3.0, -1.0)])
        call.update(low=low, high=high, mean=rng.choice([0.0, 0.25]), std=rng.choice([1.0, 0.7]))
    return kind, call


def _ramp(call: dict[str, Any]) -> np.ndarray:
    """Numbers in (0, 1] that both sides take as parameters, exact in every dtype."""
    return ((np.arange(call["size"]) * 37 % 64 + 1) / 64).astype(np.float64)


def _weights(call: dict[str, Any]) -> np.ndarray:
    shape = (call["rows"], call["categories"]) if call["rows"] else (call["categories"],)
    return (np.arange(math.prod(shape)) * 29 % 61 + 1.0).reshape(shape)


def _strides(call: dict[str, Any]) -> list[int]:
    strides = [0] * len(call["shape"])
    reach = call["step"]
    for d in reversed(call["order"]):
        strides[d] = reach
        reach *= call["shape"][d]
    return strides


def ours(g: Any, kind: str, call: dict[str, Any]) -> np.ndarray:
    """The call on a fnnet.random.Generator."""
    size, dtype = (call["size"],), numpy_dtype(call["dtype"])
    if kind == "uniform":
        return g.uniform(size, call["low"], call["high"], dtype)
    if kind == "rand":
        return g.rand(size, dtype)
    if kind == "normal":
        return g.normal(size, call["mean"], call["std"], dtype)
    if kind == "randn":
        return g.randn(size, dtype)
    if kind == "complex":
        dtype = np.dtype("complex128" if call["dtype"] == "float64" else "complex64")
        return np.concatenate([g.randn(size, dtype), g.rand(size, dtype)])
    if kind == "strided":
        method = getattr(g, call["what"])
        return method(tuple(call["shape"]), dtype=dtype, strides=_strides(call))
    if kind == "normal_of":
        ramp = _ramp(call).astype(dtype)
        mean = call["mean"] if call["which"] == "std" else ramp
        return g.normal_of(mean, call["std"] if call["which"] == "mean" else ramp)
    if kind == "random":
        return g.random(size, dtype=dtype)
    if kind == "randint":
        return g.randint(call["low"], call["high"], size, dtype)
    if kind == "random_from":
        return g.random(size, call["low"], None, dtype)
    if kind == "randperm":
        return g.randperm(call["size"], dtype)
    if kind == "bernoulli":
        return g.bernoulli(size, call["p"], dtype)
    if kind == "bernoulli_of":
        return g.bernoulli(size, _ramp(call).astype(dtype), numpy_dtype(call["out"]))
    if kind == "exponential":
        return g.exponential(size, call["rate"], dtype)
    if kind == "geometric":
        return g.geometric(size, call["p"], dtype)
    if kind == "cauchy":
        return g.cauchy(size, call["mean"], call["std"], dtype)
    if kind == "log_normal":
        return g.log_normal(size, call["mean"], call["std"], dtype)
    if kind == "multinomial":
        return g.multinomial(_weights(call).astype(dtype), call["count"], call["replacement"])
    if kind == "poisson":
        return g.poisson((_ramp(call) * call["scale"]).astype(dtype))
    if kind == "gamma":
        return g.standard_gamma((_ramp(call) * call["scale"]).astype(dtype))
    if kind == "dirichlet":
        return g.dirichlet((_ramp(call) * call["scale"]).astype(dtype))
    if kind == "binomial":
        return g.binomial(np.floor(_ramp(call) * call["scale"]).astype(dtype), _ramp(call).astype(dtype))
    if kind == "trunc_normal":
        return g.truncated_normal(size, call["mean"], call["std"], call["low"], call["high"], dtype)
    assert kind == "seed"
    return np.array(g.draw_seed())


def theirs(torch: Any, kind: str, call: dict[str, Any]) -> np.ndarray:
    """The call on PyTorch's default generator."""
    size, dtype = (call["size"],), getattr(torch, call["dtype"])

    def tensor(values: np.ndarray) -> Any:
        return torch.from_numpy(values).to(dtype)

    if kind == "complex":
        dtype = torch.complex128 if call["dtype"] == "float64" else torch.complex64
        out = torch.cat([torch.randn(size, dtype=dtype), torch.rand(size, dtype=dtype)])
        return out.numpy()
    if kind == "strided":
        strides = _strides(call)
        out = torch.empty_strided(call["shape"], strides, dtype=dtype)
        getattr(out, call["what"] + "_")()
    elif kind in ("uniform", "rand", "randn", "normal", "random", "exponential", "cauchy", "log_normal"):
        out = torch.empty(size, dtype=dtype)
        if kind == "rand":
            out = torch.rand(size, dtype=dtype)
        elif kind == "randn":
            out = torch.randn(size, dtype=dtype)
        else:
            given = [call[k] for k in ("low", "high", "mean", "std", "rate") if k in call]
            getattr(out, kind + "_")(*given)
    elif kind == "normal_of":
        ramp = tensor(_ramp(call))
        mean = call["mean"] if call["which"] == "std" else ramp
        out = torch.normal(mean, call["std"] if call["which"] == "mean" else ramp)
    elif kind == "randint":
        out = torch.randint(call["low"], call["high"], size, dtype=dtype)
    elif kind == "random_from":
        out = torch.empty(size, dtype=dtype).random_(call["low"], None)
    elif kind == "randperm":
        out = torch.randperm(call["size"], dtype=dtype)
    elif kind == "bernoulli":
        out = torch.empty(size, dtype=dtype).bernoulli_(call["p"])
    elif kind == "geometric":
        out = torch.empty(size, dtype=dtype).geometric_(call["p"])
    elif kind == "bernoulli_of":
        out = torch.empty(size, dtype=getattr(torch, call["out"])).bernoulli_(tensor(_ramp(call)))
    elif kind == "multinomial":
        out = torch.multinomial(tensor(_weights(call)), call["count"], call["replacement"])
    elif kind == "poisson":
        out = torch.poisson(tensor(_ramp(call) * call["scale"]))
    elif kind == "gamma":
        out = torch._standard_gamma(tensor(_ramp(call) * call["scale"]))
    elif kind == "dirichlet":
        out = torch._sample_dirichlet(tensor(_ramp(call) * call["scale"]))
    elif kind == "binomial":
        out = torch.binomial(tensor(np.floor(_ramp(call) * call["scale"])), tensor(_ramp(call)))
    elif kind == "trunc_normal":
        out = torch.empty(size, dtype=dtype)
        torch.nn.init.trunc_normal_(out, call["mean"], call["std"], call["low"], call["high"])
    else:
        assert kind == "seed"
        out = torch.empty((), dtype=torch.int64).random_()
    out = out.contiguous()
    if out.dtype == torch.bfloat16:
        return out.view(torch.int16).numpy().view(numpy_dtype("bfloat16"))
    return out.numpy()


def sequence(seed: int, length: int = 25) -> list[Call]:
    """The calls of one sequence, always the same for one seed."""
    rng = random.Random(seed)
    return [choose(rng) for _ in range(length)]


def digest(*arrays: np.ndarray) -> str:
    """16 hex digits of SHA-256 of the arrays' bytes in logical order."""
    sha = hashlib.sha256()
    for array in arrays:
        sha.update(np.ascontiguousarray(array).tobytes())
    return sha.hexdigest()[:16]

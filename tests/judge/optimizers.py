"""optim_db put to fnnet.optim: the parameters after some steps, by every option that PyTorch tests."""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import optax
import optim_cases as cases
from functional_cases import close

from fnnet.optim import RULES
from judge.left_out import OPTIMIZERS
from judge.tally import Tally, default_tolerance, spread

STEPS = 6
EXECUTION = ("foreach", "fused", "capturable", "differentiable")
"""Options that say how PyTorch computes, and not what."""


def exclusions() -> dict[str, str]:
    """What is left out, by name, with the reason."""
    return OPTIMIZERS


def entries(names: list[str] | None = None) -> Iterator[Any]:
    """The entries in scope."""
    from torch.testing._internal.common_optimizers import optim_db

    for entry in optim_db:
        name = entry.optim_cls.__name__
        if name not in OPTIMIZERS and (not names or name in names):
            yield entry


def plain(kwargs: dict[str, Any]) -> dict[str, Any]:
    """The options that change what is computed, without tensors."""
    import torch

    def number(value: Any) -> Any:
        if isinstance(value, torch.Tensor):
            return float(value)
        return tuple(map(number, value)) if isinstance(value, tuple) else value

    return {name: number(value) for name, value in kwargs.items() if name not in EXECUTION}


def inputs(entry: Any) -> list[dict[str, Any]]:
    """The different options of an entry."""
    found: list[dict[str, Any]] = []
    for one in entry.optim_inputs_func(device="cpu"):
        kwargs = plain(one.kwargs)
        if kwargs not in found:
            found.append(kwargs)
    return found


def ours(name: str, kwargs: dict[str, Any], dtype: str, steps: int = STEPS) -> list[np.ndarray]:
    """fnnet's parameters after some steps."""
    if name == "LBFGS":
        return _our_search(kwargs, dtype, steps)
    start, grads = cases.problem(cases.shapes_of(name), steps=max(steps, cases.STEPS))
    params = [jnp.asarray(p).astype(dtype) for p in start]
    columns = [jnp.asarray(np.stack([g[i] for g in grads[:steps]])).astype(dtype) for i in range(len(start))]
    rule = RULES[name].function(**kwargs)

    def step(carry: Any, g: Any) -> Any:
        params, state = carry
        extra = {"present": jax.tree.map(lambda x: x != 0, g)} if name == "SparseAdam" else {}
        updates, state = rule.update(g, state, params, **extra)
        return (optax.apply_updates(params, updates), state), None

    carry = (params, rule.init(params))
    if steps > STEPS:
        carry, _ = jax.jit(lambda carry: jax.lax.scan(step, carry, columns))(carry)
    else:  # so many different programs are quicker than compiled
        for t in range(steps):
            carry, _ = step(carry, [c[t] for c in columns])
    return [np.asarray(p).astype(float) for p in carry[0]]


def _landscape(dtype: str) -> Any:
    # A search on Rosenbrock's function multiplies rounding errors beyond what float32 bears.
    return cases.rosenbrock if dtype == "float64" else cases.bowl


def _our_search(kwargs: dict[str, Any], dtype: str, steps: int) -> list[np.ndarray]:
    rule = RULES["LBFGS"].function(**kwargs)
    loss = _landscape(dtype)

    @jax.jit
    def train(x: jax.Array) -> jax.Array:
        def step(carry: Any, _: None) -> Any:
            x, state = carry
            value, grads = jax.value_and_grad(loss)(x)
            updates, state = rule.update(grads, state, x, value=value, value_fn=loss)
            return (optax.apply_updates(x, updates), state), None

        return jax.lax.scan(step, (x, rule.init(x)), length=steps)[0][0]

    return [np.asarray(train(jnp.asarray(cases.LBFGS_START.astype(dtype)))).astype(float)]


def theirs(name: str, kwargs: dict[str, Any], dtype: str, steps: int = STEPS) -> list[np.ndarray]:
    """PyTorch's parameters after some steps."""
    import torch

    kind = getattr(torch, dtype)
    if name == "LBFGS":
        x = torch.tensor(cases.LBFGS_START).to(kind).requires_grad_()
        search = torch.optim.LBFGS([x], **kwargs)

        def closure() -> Any:
            search.zero_grad()
            loss = _landscape(dtype)(x)
            loss.backward()
            return loss

        for _ in range(steps):
            search.step(closure)
        return [x.detach().double().numpy()]
    start, grads = cases.problem(cases.shapes_of(name), steps=max(steps, cases.STEPS))
    params = [torch.tensor(p).to(kind).requires_grad_() for p in start]
    single = {} if name in ("SparseAdam", "Muon") else {"foreach": False}
    optimizer = getattr(torch.optim, name)(params, **{**kwargs, **single})
    for now in grads[:steps]:
        for p, g in zip(params, now, strict=True):
            p.grad = torch.tensor(g).to(kind)
            if name == "SparseAdam":
                p.grad = p.grad.to_sparse()
        optimizer.step()
    return [p.detach().double().numpy() for p in params]


def agree(
    name: str, kwargs: dict[str, Any], dtype: str, tolerances: tuple[float, float], **more: int
) -> bool:
    """Whether the parameters agree within the tolerance; else they are as near to float64. Raises if not."""
    with jax.enable_x64(dtype == "float64"):
        mine = ours(name, kwargs, dtype, **more)
    wanted = theirs(name, kwargs, dtype, **more)
    try:
        for i, (a, b) in enumerate(zip(mine, wanted, strict=True)):
            close(f"parameter {i}", b, a, tolerances)
    except AssertionError:
        if dtype != "float32":
            raise
        exact = theirs(name, kwargs, "float64", **more)
        for i, (a, b, c) in enumerate(zip(mine, wanted, exact, strict=True)):
            close(f"parameter {i}", b, a, tolerances, c)
        return False
    return True


def run(entry: Any, count: int, dtype: str = "float64") -> Tally:
    """Put up to `count` inputs of one entry (0 for all) to fnnet's rule."""
    import torch

    name = entry.optim_cls.__name__
    tally = Tally(name)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for kwargs in spread(inputs(entry), count):
            tally.total += 1
            try:
                near = not agree(name, kwargs, dtype, default_tolerance(getattr(torch, dtype)))
                tally.as_near += near
                tally.within += not near
            except Exception as error:
                tally.problems.append(f"{type(error).__name__}: {error} for {kwargs}")
    return tally

"""What an update rule is: a transformation of gradients, written for one parameter; the table of all.

A rule says what it keeps for each parameter and how one parameter moves; `per_parameter` makes the
`optax.GradientTransformation` of it. The decorator `rule` enters it in `RULES` under its class in
torch.optim, with the names of what PyTorch's `state_dict` holds for each parameter, so that such a class can
be derived from it.

A complex parameter is two real ones (real and imaginary part), as in PyTorch. PyTorch's gradient of a complex
parameter is the conjugate of what `jax.grad` gives: pass `jax.tree.map(jnp.conj, grads)`.
"""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, TypeAlias, TypeVar

import jax
import jax.numpy as jnp
import optax

from fnnet.optim.arithmetic import is_known, scalar_dtype

Schedule: TypeAlias = Callable[[Any], Any]
"""A function of the number of steps taken so far."""

Hyper: TypeAlias = float | jax.Array | Schedule
"""A hyper-parameter: a number, a (traced) 0-d array, or a schedule of it."""

F = TypeVar("F", bound=Callable[..., Any])


@dataclass(frozen=True)
class Rule:
    """What is declared of one update rule.

    Attributes:
        name: the class in torch.optim.
        function: gives the transformation.
        state: what PyTorch's state_dict holds for each parameter, in its order; None in our state where an
            option leaves it out. Our `step` counts in int32, PyTorch's in float32.
        execution: arguments of PyTorch's class that choose how it computes, not what; ours has no use for
            them.
    """

    name: str
    function: Callable[..., Any]
    state: tuple[str, ...]
    execution: tuple[str, ...] = ()

    @functools.cached_property
    def defaults(self) -> dict[str, Any]:
        """The hyper-parameters and their defaults, as PyTorch has them."""
        return {n: p.default for n, p in inspect.signature(self.function).parameters.items()}


RULES: dict[str, Rule] = {}


def rule(name: str, *state: str, execution: tuple[str, ...] = ()) -> Callable[[F], F]:
    """Enter the decorated function in `RULES`."""

    def declare(function: F) -> F:
        RULES[name] = Rule(name, function, state, execution)
        return function

    return declare


def require(condition: Callable[[Any], bool], value: Any, message: str, name: str = "lr") -> None:
    """Raise ValueError with PyTorch's message and the value, if the value is at hand and does not satisfy."""
    if isinstance(value, jax.Array):
        if value.size != 1:
            raise ValueError(f"Tensor {name} must be 1-element, got shape {value.shape}")
        if isinstance(value, jax.core.Tracer):
            return
    elif not is_known(value):
        if not callable(value):
            raise TypeError(f"{message}: expected a number or a schedule, got {type(value).__name__}")
        return
    if not condition(value):
        raise ValueError(f"{message}: {value}")


def require_non_negative(**values: Any) -> None:
    """`require` that each is at least 0; the messages are PyTorch's for these names."""
    words = {"lr": "Invalid learning rate", "eps": "Invalid epsilon value"}
    for name, value in values.items():
        require(lambda v: v >= 0, value, words.get(name, f"Invalid {name} value"), name)


def require_betas(betas: Any) -> None:
    """`require` two coefficients in [0, 1)."""
    if len(betas) != 2:
        raise ValueError(f"betas: expected two coefficients, got {betas}")
    for index, beta in enumerate(betas):
        require(lambda v: 0 <= v < 1, beta, f"Invalid beta parameter at index {index}", f"betas[{index}]")


@dataclass(frozen=True)
class Clock:
    """The time of an update.

    Attributes:
        count: how many updates came before; what a schedule is asked with.
        step: the number of this update, from 1, in the dtype of scalars.
    """

    count: jax.Array
    step: jax.Array

    def __call__(self, hyper: Any) -> Any:
        """The value of a hyper-parameter at this update."""
        value = hyper(self.count) if callable(hyper) else hyper
        return float(value) if is_known(value) else jnp.reshape(jnp.asarray(value), ()).astype(scalar_dtype())


Slot: TypeAlias = Callable[[jax.Array], jax.Array] | None
"""How a parameter's state begins; None if the rule keeps none under its options."""

Leaf: TypeAlias = Callable[..., tuple[jax.Array, ...]]
"""(parameter, gradient, *slots) -> (update, *new slots)."""


def _as_real(x: Any) -> Any:
    return jnp.stack([x.real, x.imag], -1) if x is not None and jnp.iscomplexobj(x) else x


def _as_complex(x: jax.Array, like: jax.Array) -> jax.Array:
    return jax.lax.complex(x[..., 0], x[..., 1]) if x is not None and x.shape == (*like.shape, 2) else x


def _on_real_parts(leaf: Leaf) -> Leaf:
    """Let a leaf meet a complex parameter as a real array with a last dimension of 2."""

    def on_parts(p: jax.Array, g: jax.Array, *slots: Any) -> tuple[jax.Array, ...]:
        if not jnp.iscomplexobj(p):
            return leaf(p, g, *slots)
        return tuple(_as_complex(x, p) for x in leaf(*map(_as_real, (p, g, *slots))))

    return on_parts


def _check(name: str, p: Any, g: Any) -> None:
    if p.shape != g.shape or p.dtype != g.dtype:
        raise RuntimeError(
            f"{name}: a gradient has shape {g.shape} and dtype {g.dtype}, "
            f"its parameter has {p.shape} and {p.dtype}"
        )
    if not jnp.issubdtype(p.dtype, jnp.inexact):
        raise RuntimeError(f"{name}: a parameter has dtype {p.dtype}; floating point or complex is expected")


def _flatten(params: Any) -> tuple[list[Any], Any]:
    return jax.tree.flatten(params)


def per_parameter(
    name: str,
    state_type: Any,
    slots: Mapping[str, Slot],
    prepare: Callable[[Clock], Leaf],
    maximize: bool = False,
    admit: Callable[[Any], None] | None = None,
) -> optax.GradientTransformation:
    """The transformation that moves each parameter by itself.

    Args:
        name: of the rule, for messages.
        state_type: a NamedTuple with `step` and the names of the slots.
        slots: how each slot begins.
        prepare: computes the scalars of an update and gives the function of one parameter.
        maximize: whether to go up the gradient.
        admit: raises for a parameter that the rule does not take.
    """

    def init(params: Any) -> Any:
        if admit is not None:
            jax.tree.map(admit, params)

        def begin(slot: Slot) -> Any:
            if slot is None:
                return None
            return jax.tree.map(
                lambda p: _as_complex(slot(_as_real(p)), p) if jnp.iscomplexobj(p) else slot(p), params
            )

        return state_type(step=jnp.zeros((), jnp.int32), **{n: begin(slot) for n, slot in slots.items()})

    def update(grads: Any, state: Any, params: Any = None) -> tuple[Any, Any]:
        if params is None:
            raise ValueError(f"{name}: update needs the parameters: call update(grads, state, params)")
        step = optax.safe_increment(state.step)
        leaf = _on_real_parts(prepare(Clock(state.step, step.astype(scalar_dtype()))))
        flat, tree = _flatten(params)
        flat_grads = tree.flatten_up_to(grads)
        columns = [
            [None] * len(flat) if slot is None else tree.flatten_up_to(getattr(state, n))
            for n, slot in slots.items()
        ]
        moved = []
        for p, g, *kept in zip(flat, flat_grads, *columns, strict=True):
            _check(name, p, g)
            moved.append(leaf(p, -g if maximize else g, *kept))
        updates, *new = zip(*moved, strict=True) if moved else ((), *columns)
        kept_on = {
            n: None if slot is None else tree.unflatten(column)
            for (n, slot), column in zip(slots.items(), new, strict=True)
        }
        return tree.unflatten(updates), state_type(step=step, **kept_on)

    return optax.GradientTransformation(init, update)

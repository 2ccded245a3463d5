"""LBFGS: the loop over evaluations of the closure in Python, its linear algebra from fnnet.optim.lbfgs.

The last differences are kept in two matrices whose number of rows doubles until it is `history_size`, so that
few programs are compiled whatever the length of the history.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import jax.numpy as jnp
import numpy as np

from fnnet.optim import RULES
from fnnet.optim import lbfgs as rule
from fnnet.optim.lbfgs import LBFGSState, _direction, _dtype_of, _flatten, _remember, _unflatten
from fnnet.torch import call
from fnnet.torch.mode import enable_grad, no_grad
from fnnet.torch.optim.line_search import Point, strong_wolfe
from fnnet.torch.optim.optimizer import Closure, Optimizer
from fnnet.torch.plan import plan_of
from fnnet.torch.record import RECORD
from fnnet.torch.tensor import Tensor, from_array

_FIRST_ROWS = 8


def _compute(function: Callable[..., Any], tensors: list[Tensor], *numbers: Any) -> list[Tensor]:
    """Record a pure function of tensors and numbers."""
    plan = plan_of(function, tuple([t._spec for t in tensors]), tuple(map(type, numbers)), "LBFGS")
    return call.apply(plan, tensors, numbers)


def _number(tensor: Tensor) -> Any:
    """The element of a 0-d tensor, in its dtype."""
    return np.asarray(tensor._value().read())[()]


def _gather(*grads: Any) -> Any:
    return [_flatten(list(grads), _dtype_of(list(grads)))]


def _moved(*arguments: Any) -> Any:
    *params, d, t = arguments
    change = _unflatten(d * jnp.asarray(t).astype(d.dtype), params)
    return [p + c for p, c in zip(params, change, strict=True)]


def _measure(g: Any, d: Any) -> Any:
    return [jnp.dot(g, d), jnp.max(jnp.abs(g))]


def _first(g: Any) -> Any:
    return [-g, jnp.dot(g, -g), jnp.sum(jnp.abs(g)), jnp.max(jnp.abs(g))]


def _next(
    g: Any,
    prev: Any,
    d: Any,
    old_dirs: Any,
    old_stps: Any,
    ro: Any,
    H_diag: Any,
    t: Any,
    history: Any,
) -> Any:
    """The memory with one more pair, and the direction from it."""
    nothing = jnp.zeros((), g.dtype)
    count = jnp.asarray(history).astype("int32")
    state = LBFGSState(count, count, count, d, nothing, old_dirs, old_stps, ro, count, H_diag, prev, nothing)
    state = _remember(state, g - prev, d * jnp.asarray(t).astype(g.dtype))
    d, al = _direction(state, g)
    kept = [state.old_dirs, state.old_stps, state.ro, al, state.H_diag, state.history]
    return [d, jnp.dot(g, d), jnp.max(jnp.abs(d)), *kept]


def _rows(matrix: Any) -> Any:
    return list(matrix)


class LBFGS(Optimizer):
    """torch.optim.LBFGS: up to `max_iter` iterations in each step, which needs a closure."""

    def __init__(
        self,
        params: Any,
        lr: Any = 1,
        max_iter: int = 20,
        max_eval: int | None = None,
        tolerance_grad: float = 1e-7,
        tolerance_change: float = 1e-9,
        history_size: int = 100,
        line_search_fn: str | None = None,
    ) -> None:
        if isinstance(lr, Tensor) and lr._spec.numel != 1:
            raise ValueError("Tensor lr must be 1-element")
        rule(lr=lr.item() if isinstance(lr, Tensor) else lr)
        given = (lr, max_iter, max_eval, tolerance_grad, tolerance_change, history_size, line_search_fn)
        defaults = dict(zip(RULES["LBFGS"].defaults, given, strict=True))
        if max_eval is None:
            defaults["max_eval"] = max_iter * 5 // 4
        super().__init__(params, defaults)
        if len(self.param_groups) != 1:
            raise ValueError("LBFGS doesn't support per-parameter options (parameter groups)")
        self._params: list[Tensor] = self.param_groups[0]["params"]

    def _gradient(self) -> Tensor:
        grads: Any = [p._grad if p._grad is not None else p.detach() * 0 for p in self._params]
        grads = [grad.to_dense() for grad in grads]
        return _compute(_gather, grads)[0]

    def _add(self, t: Any, d: Tensor) -> None:
        for p, new in zip(self._params, _compute(_moved, [*self._params, d], float(t)), strict=True):
            p._write(new._value())

    def step(self, closure: Closure | None = None) -> Any:
        """Minimize for up to `max_iter` iterations; returns the loss before them."""
        if closure is None:
            raise TypeError("LBFGS.step() missing 1 required positional argument: 'closure'")
        with no_grad():
            loss = self._minimize(closure)
        RECORD.run()
        return loss

    def _minimize(self, closure: Closure) -> Any:
        group = self.param_groups[0]
        lr = float(group["lr"])
        search = group["line_search_fn"]
        change = group["tolerance_change"]

        def ask() -> Any:
            with enable_grad():
                return closure()

        state = self.state[self._params[0]]
        state.setdefault("func_evals", 0)
        state.setdefault("n_iter", 0)
        original = ask()
        loss, g = float(original), self._gradient()
        evals = 1
        state["func_evals"] += 1
        largest = _number(_compute(_measure, [g, g])[1])
        if largest <= group["tolerance_grad"]:
            return original
        memory = self._load(state, g, group["history_size"])
        d, t, previous = state.get("d"), _plain(state.get("t")), state.get("prev_flat_grad")
        previous_loss = state.get("prev_loss")
        turn = 0
        while turn < group["max_iter"]:
            turn += 1
            state["n_iter"] += 1
            if state["n_iter"] == 1:
                memory = _Memory(g, group["history_size"])
                d, slope_, total, top_ = _compute(_first, [g])
                one = _number(total).dtype.type(1)
                share = one / _number(total)
                t = share * one.dtype.type(lr) if share < 1 else lr
            else:
                state.setdefault("al", [None] * group["history_size"])
                d, slope_, top_ = memory.advance(g, previous, d, t)
                t = lr
            previous, previous_loss = g, loss
            slope, top = _number(slope_), _number(top_)
            if slope > -change:
                break
            if search is not None:
                if search != "strong_wolfe":
                    raise RuntimeError("only 'strong_wolfe' is supported")
                before = [p._value() for p in self._params]
                along: Tensor = d

                def evaluate(t: Any, before: Any = before, d: Tensor = along) -> Point:
                    self._add(t, d)
                    f = float(ask())
                    grad = self._gradient()
                    for p, value in zip(self._params, before, strict=True):
                        p._write(value)
                    at, most = _compute(_measure, [grad, d])
                    return Point(t, f, grad, _number(at), _number(most))

                start = Point(0, loss, g, slope, largest)
                best, used = strong_wolfe(evaluate, t, start, top, group["max_eval"] - evals)
                loss, g, t, largest = best.f, best.g, best.t, best.largest
                self._add(t, d)
            else:
                self._add(t, d)
                used = 0
                if turn != group["max_iter"]:
                    loss, g = float(ask()), self._gradient()
                    largest = _number(_compute(_measure, [g, d])[1])
                    used = 1
            evals += used
            state["func_evals"] += used
            if (
                turn == group["max_iter"]
                or evals >= group["max_eval"]
                or largest <= group["tolerance_grad"]
                or top * abs(t) <= change
                or abs(loss - previous_loss) < change
            ):
                break
        state.update(d=d, t=from_array(np.asarray(t)) if isinstance(t, np.generic) else t)
        state.update(memory.lists())
        state.update(prev_flat_grad=previous, prev_loss=previous_loss)
        self._memory = memory
        return original

    def _load(self, state: dict[str, Any], g: Tensor, size: int) -> _Memory:
        """The memory that the state's lists tell of: the one at hand, or one made of a loaded state."""
        kept = getattr(self, "_memory", None)
        if kept is not None and state.get("old_dirs") is kept.told:
            return kept
        memory = _Memory(g, size)
        if state.get("old_dirs"):
            memory.fill(state)
        return memory


def _plain(t: Any) -> Any:
    return _number(t) if isinstance(t, Tensor) else t


class _Memory:
    """The last differences of gradients and parameters, oldest first, in matrices with room to grow."""

    def __init__(self, g: Tensor, size: int) -> None:
        self.size = size
        self.count = 0
        self.told: Any = None
        self.al: Tensor | None = None
        self.device = g._spec.device
        self.numbers = g._spec.dtype.numpy, g._spec.numel
        self._room(min(size, _FIRST_ROWS))
        self.H_diag: Any = 1

    def _room(self, rows: int) -> None:
        dtype, length = self.numbers
        self.dirs = from_array(np.zeros((rows, length), dtype), self.device)
        self.stps = from_array(np.zeros((rows, length), dtype), self.device)
        self.ro = from_array(np.zeros(rows, dtype), self.device)

    def _grow(self) -> None:
        old = self.dirs, self.stps, self.ro
        self._room(min(self.size, 2 * self.count))
        self.dirs, self.stps, self.ro = (
            _compute(_put_first, [room, rows])[0]
            for room, rows in zip((self.dirs, self.stps, self.ro), old, strict=True)
        )

    def advance(self, g: Tensor, previous: Tensor, d: Tensor, t: Any) -> tuple[Tensor, Tensor, Tensor]:
        """Remember the last move; the new direction, its slope and its largest element."""
        if self.count == self.dirs.shape[0] < self.size:
            self._grow()
        tensors = [g, previous, d, self.dirs, self.stps, self.ro, self._scale()]
        d, slope, top, *kept = _compute(_next, tensors, float(t), self.count)
        self.dirs, self.stps, self.ro, self.al, self.H_diag, count = kept
        self.count = int(_number(count))
        return d, slope, top

    def lists(self) -> dict[str, Any]:
        """The memory as PyTorch's state holds it."""
        rows = [_compute(_rows, [x])[: self.count] for x in (self.dirs, self.stps, self.ro)]
        self.told = rows[0]
        lists = {"old_dirs": rows[0], "old_stps": rows[1], "ro": rows[2], "H_diag": self.H_diag}
        if self.al is not None:
            lists["al"] = _compute(_rows, [self.al])[: self.count] + [None] * (self.size - self.count)
        return lists

    def fill(self, state: dict[str, Any]) -> None:
        """Take the lists of a state."""
        self.count = len(state["old_dirs"])
        self._room(max(self.count, self.dirs.shape[0]))
        for name, place in (("old_dirs", "dirs"), ("old_stps", "stps"), ("ro", "ro")):
            filled = np.array(getattr(self, place)._value().read())
            for index, row in enumerate(state[name]):
                filled[index] = np.asarray(row._value().read())
            setattr(self, place, from_array(filled, self.device))
        self.H_diag = state["H_diag"]

    def _scale(self) -> Tensor:
        """H_diag as a tensor; before there is a pair it is the number 1."""
        if isinstance(self.H_diag, Tensor):
            return self.H_diag
        return from_array(np.full((), self.H_diag, self.numbers[0]), self.device)


def _put_first(room: Any, rows: Any) -> Any:
    return [room.at[: rows.shape[0]].set(rows)]

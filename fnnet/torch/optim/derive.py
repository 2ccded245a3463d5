"""Optimizers from the update rules of fnnet.optim: one recorded operation for a step of a group.

The operation takes parameters, gradients and state, and gives the new ones. Its plan is kept under the specs
of these and the options that shape the arithmetic: switches, and which numbers are zero. Every other number
is an argument of the compiled program, as is the count of steps, so that neither compiles anything again.
"""

from __future__ import annotations

import functools
import inspect
import operator
from collections.abc import Callable, Iterator
from typing import Any, ClassVar

import jax
import numpy as np

from fnnet.optim import RULES, Rule
from fnnet.torch import call
from fnnet.torch.devices import CPU
from fnnet.torch.dtypes import of_numpy
from fnnet.torch.mode import enable_grad, no_grad
from fnnet.torch.optim.optimizer import Closure, Optimizer, step_dtype
from fnnet.torch.optim.sparse_steps import is_sparse
from fnnet.torch.optim.sparse_steps import move as move_sparse
from fnnet.torch.plan import Plan, make_plan
from fnnet.torch.record import RECORD, Known, Value
from fnnet.torch.spec import Spec, spec_of
from fnnet.torch.storage import value_of_host
from fnnet.torch.tensor import Tensor, wrap

_EXECUTION = {"foreach": None, "fused": None, "capturable": False, "differentiable": False}
_FIXED = frozenset(("etas", "ns_coefficients", "ns_steps", "adjust_lr_fn", "initial_accumulator_value"))
_PLANS: dict[Any, Plan] = {}
_NAMES: dict[Any, tuple[str, ...]] = {}
_Take = Callable[[], Any]


def _kind(name: str, value: Any) -> type | None:
    """Tensor or float if the option is an argument of the program, None if it is part of it."""
    if isinstance(value, Tensor):
        return Tensor
    if name in _FIXED or isinstance(value, bool) or not isinstance(value, int | float | np.number):
        return None
    return float if value != 0 or name == "lr" else None


def _split(name: str, value: Any, key: list[Any], tensors: list[Tensor], numbers: list[float]) -> None:
    """Sort an option into what is part of the program (`key`) and its arguments."""
    if isinstance(value, tuple | list):
        key.append(len(value))
        for one in value:
            _split(name, one, key, tensors, numbers)
        return
    kind = _kind(name, value)
    if kind is None:
        key.append((type(value), value))
    elif kind is float:
        key.append(float)
        numbers.append(float(value))
    else:
        key.append(value._spec)
        tensors.append(value)


def _join(name: str, value: Any, tensors: _Take, numbers: _Take) -> Any:
    """The option again, with the program's arguments in their places."""
    if isinstance(value, tuple | list):
        return tuple(_join(name, one, tensors, numbers) for one in value)
    kind = _kind(name, value)
    return value if kind is None else numbers() if kind is float else tensors()


def _shape_of(name: str, value: Any) -> Any:
    """What of an option decides which state a parameter has: its kind, and whether it is zero."""
    if isinstance(value, tuple | list):
        return len(value)
    return value if _kind(name, value) is None else float


def _taker(items: Any) -> _Take:
    iterator: Iterator[Any] = iter(items)
    return lambda: next(iterator)


def _known(value: Any) -> Any:
    """An option with the numbers that its tensors hold."""
    if isinstance(value, tuple | list):
        return tuple(_known(one) for one in value)
    return value.item() if isinstance(value, Tensor) else value


class Derived(Optimizer):
    """An optimizer whose arithmetic is a rule of `fnnet.optim`.

    A class says with `arguments` the order of its arguments in torch.optim (a star before those by keyword
    only), with `order` the order of the options in its groups if that is another, and with `extra` options
    that are set but cannot be given.
    """

    _rule: ClassVar[Rule]
    _signature: ClassVar[inspect.Signature]
    _order: ClassVar[tuple[str, ...]]
    _extra: ClassVar[dict[str, Any]]

    def __init_subclass__(
        cls,
        arguments: str | None = None,
        order: str | None = None,
        rule: str | None = None,
        extra: dict[str, Any] | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init_subclass__(**kwargs)
        if arguments is None:
            return
        declared = RULES[cls.__name__]
        defaults = {**declared.defaults, **{name: _EXECUTION[name] for name in declared.execution}}
        before, _, after = arguments.partition("*")
        kinds: dict[str, Any] = dict.fromkeys(before.split(), inspect.Parameter.POSITIONAL_OR_KEYWORD)
        kinds |= dict.fromkeys(after.split(), inspect.Parameter.KEYWORD_ONLY)
        parameters = [inspect.Parameter(n, kind, default=defaults[n]) for n, kind in kinds.items()]
        first = inspect.Parameter("params", inspect.Parameter.POSITIONAL_OR_KEYWORD)
        cls._signature = inspect.Signature([first, *parameters])
        cls._rule = RULES[rule or cls.__name__]
        cls._extra = extra or {}
        cls._order = (*(order.split() if order else kinds), *cls._extra)
        cls.__signature__ = cls._signature  # type: ignore[attr-defined]

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        try:
            bound = self._signature.bind(*args, **kwargs)
        except TypeError as error:
            raise TypeError(f"{type(self).__name__}.__init__() {error}") from None
        bound.apply_defaults()
        options = dict(bound.arguments)
        params = options.pop("params")
        self._check(options)
        options.update(self._extra)
        super().__init__(params, {name: options[name] for name in self._order})

    def _check(self, options: dict[str, Any]) -> None:
        """Raise PyTorch's error for options out of their range."""
        name = type(self).__name__
        for option, value in options.items():
            for one in value if isinstance(value, tuple | list) else (value,):
                if isinstance(one, Tensor) and one._spec.numel != 1:
                    raise ValueError(f"Tensor {option} must be 1-element")
                if callable(one) and not isinstance(one, Tensor):
                    raise TypeError(f"{name}: {option}: expected a number, got {type(one).__name__}")
        hypers = RULES[name].defaults if name in RULES else self._rule.defaults
        RULES.get(name, self._rule).function(**{n: _known(options[n]) for n in hypers if n in options})
        if options.get("differentiable"):
            if options.get("fused"):
                raise RuntimeError("`fused` does not support `differentiable`")
            raise NotImplementedError(f"{name}: differentiable=True is not supported in fnnet")
        if options.get("fused") and options.get("foreach"):
            raise RuntimeError("`fused` and `foreach` cannot be `True` together.")

    def __setstate__(self, state: dict[str, Any]) -> None:
        super().__setstate__(state)
        for group in self.param_groups:
            for name in self._order:
                group.setdefault(name, self.defaults[name])
            for p in group["params"]:
                step = self.state[p].get("step") if p in self.state else None
                if step is not None and not isinstance(step, Tensor):
                    self.state[p]["step"] = _counter(group, p, int(step))

    def step(self, closure: Closure | None = None) -> Any:
        """Move every parameter that has a gradient; returns what `closure` returns.

        One compiled program runs everything recorded so far and this step.
        """
        loss = None
        if closure is not None:
            with enable_grad():
                loss = closure()
        with no_grad():
            for group in self.param_groups:
                params = [p for p in group["params"] if p._grad is not None]
                self._move_all(group, params, [p._grad for p in params])
        RECORD.run()
        return loss

    def _move_all(self, group: dict[str, Any], params: list[Tensor], grads: list[Any]) -> None:
        """Move parameters of a group by these gradients, those of a device together."""
        devices: dict[Any, tuple[list[Tensor], list[Any]]] = {}
        for p, grad in zip(params, grads, strict=True):
            if is_sparse(grad):
                move_sparse(self, group, p, grad)
                continue
            own = devices.setdefault(p._spec.device, ([], []))
            own[0].append(p)
            own[1].append(grad)
        for together in devices.values():
            self._move(group, *together)

    def _move(self, group: dict[str, Any], params: list[Tensor], grads: list[Any]) -> None:
        rule = self._rule
        switches, fixed, hypers, numbers = self._options(group)
        columns = self._kept(group, params, switches)
        counts, pattern = self._counts(params, columns)
        key = (rule.name, fixed, pattern, *[(p._spec, g._spec) for p, g in zip(params, grads, strict=True)])
        plan = _PLANS.get(key)
        if plan is None:
            names = tuple(tuple(kept) for kept in columns)
            specs = [t._spec for t in (*params, *grads, *hypers)]
            specs += [t._spec for kept in columns for t in kept.values()]
            function = _update(rule, {n: group[n] for n in rule.defaults}, names, len(hypers), pattern)
            kinds = [float] * len(numbers) + [int] * len(counts)
            plan = _PLANS[key] = make_plan(function, specs, kinds, params[0]._spec.device, rule.name)
        slots = [t for kept in columns for t in kept.values()]
        tensors = [*params, *grads, *hypers, *slots]
        values = [t._value() for t in tensors]
        if any(t._spec.device is not plan.device for t in hypers):
            values = call._together(plan, values, tensors)
        results = RECORD.append(plan, values, [*numbers, *counts])
        for tensor, value in zip((*params, *slots), results, strict=True):
            tensor._write(value)
        if "step" in rule.state:
            made: dict[Any, Value] = {}
            for p, position in zip(params, pattern, strict=True):
                step = self.state[p]["step"]
                place = (position, step._spec)
                if place not in made:
                    made[place] = _count_value(counts[position] + 1, step._spec)
                step._write(made[place])

    def _options(
        self, group: dict[str, Any]
    ) -> tuple[tuple[Any, ...], tuple[Any, ...], list[Tensor], list[float]]:
        """What of a group's options decides the state, what is part of the program, and its arguments."""
        rule = self._rule
        values = [group[name] for name in rule.defaults]
        before, found = self._split_options.get(id(group), ((), None))
        if found is None or not all(map(operator.is_, before, values)):
            fixed: list[Any] = []
            hypers: list[Tensor] = []
            numbers: list[float] = []
            for name, value in zip(rule.defaults, values, strict=True):
                _split(name, value, fixed, hypers, numbers)
            switches = (rule.name, *map(_shape_of, rule.defaults, values))
            found = switches, tuple(fixed), hypers, numbers
            if not any(isinstance(value, list) for value in values):  # a list may change and stay the same
                self._split_options[id(group)] = values, found
        return found

    @functools.cached_property
    def _split_options(self) -> dict[int, Any]:
        """The options of each group as they were split last; they mostly stay the same."""
        return {}

    def _kept(
        self, group: dict[str, Any], params: list[Tensor], switches: tuple[Any, ...]
    ) -> list[dict[str, Tensor]]:
        """The state of each parameter in the order of the rule, begun if there is none, without `step`."""
        rule = self._rule
        timed = "step" in rule.state
        columns: list[dict[str, Tensor]] = []
        for p in params:
            names = _NAMES.get((p._spec, switches))
            if names is None:
                begun = _begin(rule, {n: _known(group[n]) for n in rule.defaults}, p._spec)
                names = _NAMES[p._spec, switches] = tuple(name for name, _, _ in begun)
            if not names and not timed:
                columns.append({})
                continue
            state = self.state[p]
            if not state or (not timed and state.get(names[0]) is None):
                self._start(group, p, state)
            columns.append({name: state[name] for name in names})
        return columns

    def _start(self, group: dict[str, Any], p: Tensor, state: dict[str, Any]) -> None:
        """Begin the state of a parameter."""
        rule = self._rule
        timed = "step" in rule.state
        if timed:
            state["step"] = _counter(group, p, 0)
        for name, spec, fill in _begin(rule, {n: _known(group[n]) for n in rule.defaults}, p._spec):
            array = np.full(spec.shape, fill, spec.dtype.numpy)
            state[name] = wrap(value_of_host(array, spec, copy=False), spec)
        if not timed:
            self._fresh.add(id(p))

    def _counted(self, p: Tensor, count: int) -> None:
        """Keep the number of steps of a parameter."""
        step = self.state[p]["step"]
        step._write(_count_value(count, step._spec))

    @functools.cached_property
    def _fresh(self) -> set[int]:
        """The parameters whose state has just begun, for rules that keep no step."""
        return set()

    def _counts(
        self, params: list[Tensor], columns: list[dict[str, Tensor]]
    ) -> tuple[list[int], tuple[int, ...]]:
        """The different numbers of steps so far, and which of them is each parameter's."""
        counts: dict[int, int] = {}
        pattern = []
        read: dict[int, int] = {}
        for p, kept in zip(params, columns, strict=True):
            step = self.state[p].get("step") if p in self.state else None
            if step is None:
                count = 0 if not kept or id(p) in self._fresh else 1
                self._fresh.discard(id(p))
            else:
                value = step._value()
                count = read.get(id(value), -1)
                if count < 0:
                    owner = value.owner if value.array is None else None
                    count = int(owner.fill if isinstance(owner, Known) else value.read())
                    read[id(value)] = count
            pattern.append(counts.setdefault(count, len(counts)))
        return list(counts), tuple(pattern)


def _counter(group: dict[str, Any], p: Tensor, count: int) -> Tensor:
    hosted = group.get("capturable") or group.get("fused")
    spec = spec_of((), step_dtype(), p._spec.device if hosted else CPU)
    return wrap(_count_value(count, spec), spec)


def _count_value(count: int, spec: Spec) -> Value:
    value = Value(None)
    value.owner = Known(count, spec)
    return value


def _begin(rule: Rule, options: dict[str, Any], p: Spec) -> list[tuple[str, Spec, Any]]:
    """How the state of a parameter begins: name, spec and number that fills it, for each slot."""
    with jax.enable_x64(True):
        init = rule.function(**options).init
        shaped = jax.eval_shape(init, [p.aval])
        begun = init([np.zeros((1,) * p.ndim, p.dtype.numpy)])
    slots = []
    for name in rule.state:
        column = getattr(shaped, name)
        if name == "step" or column is None or column[0] is None:
            continue
        aval = column[0]
        spec = spec_of(aval.shape, of_numpy(aval.dtype), p.device)
        slots.append((name, spec, np.asarray(getattr(begun, name)[0]).flat[0]))
    return slots


def _update(
    rule: Rule,
    options: dict[str, Any],
    names: tuple[tuple[str, ...], ...],
    hypers: int,
    pattern: tuple[int, ...],
) -> Callable[..., list[Any]]:
    """The step of a group as a pure function.

    Takes parameters, gradients, tensor options, the slots of each parameter, numbers and counts; gives the
    new parameters and slots.
    """

    def update(*arguments: Any) -> list[Any]:
        take = _taker(arguments)
        params = [take() for _ in pattern]
        grads = [take() for _ in pattern]
        tensors = _taker([take() for _ in range(hypers)])
        kept = [{name: take() for name in own} for own in names]
        rest = list(_rest(take))
        numbers = _taker(rest)
        given = {name: _join(name, value, tensors, numbers) for name, value in options.items()}
        counts = list(_rest(numbers))
        transformation = rule.function(**given)
        new_params: list[Any] = [None] * len(params)
        for position, count in enumerate(counts):
            own = [i for i, place in enumerate(pattern) if place == position]
            mine = [params[i] for i in own]
            shaped = jax.eval_shape(transformation.init, mine)
            fields = {
                name: [kept[i].get(name) for i in own]
                for name in rule.state
                if name != "step" and getattr(shaped, name) is not None
            }
            state = shaped._replace(step=jax.numpy.asarray(count).astype("int32"), **fields)
            updates, new = transformation.update([grads[i] for i in own], state, mine)
            for place, i in enumerate(own):
                new_params[i] = params[i] + updates[place]
                kept[i] = {name: getattr(new, name)[place] for name in names[i]}
        return [*new_params, *[value for own in kept for value in own.values()]]

    return update


def _rest(take: _Take) -> Iterator[Any]:
    """What a taker still has."""
    while True:
        try:
            item = take()
        except StopIteration:
            return
        yield item

"""An operation as the recorder sees it: the declared pure function, and the plans of its calls so far."""

from __future__ import annotations

import inspect
from collections import OrderedDict
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax

from fnnet.functional.operation import Operation, listening
from fnnet.torch import dtypes as D
from fnnet.torch import layout
from fnnet.torch.arrangement import arranged
from fnnet.torch.bounds import DIVISOR, INTEGER_DIVISIONS, indices_of
from fnnet.torch.devices import CPU, META, device
from fnnet.torch.drawing import NOISE_LIES_AS_INPUT, Noting, draws_of, lying_as, source_of
from fnnet.torch.dtypes import dtype
from fnnet.torch.guards import guard_of
from fnnet.torch.naming import NO_DERIVATIVE, NOT_SEEN, edges_of, kept_by, name_of, shown_edges
from fnnet.torch.plan import Plan, trace
from fnnet.torch.products import check_product
from fnnet.torch.promotion import can_cast, of_number, result_type
from fnnet.torch.refusals import (
    check_dtype,
    check_kinds,
    check_same_dtype,
    check_subtraction,
    check_targets,
)
from fnnet.torch.refusals import cpp_name as cpp_name
from fnnet.torch.return_types import renamed
from fnnet.torch.spec import Spec
from fnnet.torch.strided_views import steps_of
from fnnet.torch.tensor import Tensor, view_spec
from fnnet.torch.versions import written_of
from fnnet.torch.warning import notice_of

Function = Callable[..., Any]
PLAN_LIMIT = 10_000
_SEEN_LIMIT = 4
_NUMPY_NAMES = {"axis": "dim", "keepdims": "keepdim", "x": "input", "x1": "input", "x2": "other",
                "split_size": "split_size_or_sections"}  # fmt: skip

SAVES_OUTPUT = frozenset((
    "exp", "exp2", "expm1", "sqrt", "rsqrt", "reciprocal", "sigmoid", "tanh", "tan", "relu", "relu6",
    "softmax", "log_softmax", "elu", "selu", "celu", "hardtanh_", "threshold_", "leaky_relu_", "cumprod",
    "cholesky", "inverse", "logsumexp", "pinverse",
))  # fmt: skip
"""Operations of which PyTorch keeps the result for backward: changing the result in place is the error."""

STATIC = frozenset({("pow", "exponent"), ("pow", "input"), ("float_power", "exponent")})
"""Numbers that are promoted but stand in the structure, because knowing them makes the program better."""

ELEMENTWISE_ARGUMENTS = frozenset((
    "input", "other", "self", "exponent", "min", "max", "end", "weight", "value", "tensor1", "tensor2",
    "condition", "n",
))  # fmt: skip
NOT_ELEMENTWISE = frozenset(
    ["matmul", "dot", "inner", "outer", "kron", "cross", "vdot", "tensordot", "masked_fill"]
)

_WRAPPING = frozenset(["add", "sub", "mul", "div", "true_divide", "add_", "sub_", "mul_", "div_"])

NEED_VALUES = frozenset({"one_hot"})
"""Operations that can be traced only with an argument that users rarely give (the number of classes)."""


class NeedsValues(Exception):
    """The operation cannot be traced: what it does depends on the values of its arguments."""


@dataclass(frozen=True)
class _Hole:
    """Where a tensor (`spec`) or a run-time number (`spec` is its type) goes in the arguments."""

    index: int
    spec: Any

    @property
    def is_tensor(self) -> bool:
        return isinstance(self.spec, Spec)


def map_leaves(tree: Any, change: Any) -> Any:
    """The arguments with every leaf changed."""
    if isinstance(tree, list | tuple):
        return tuple(map_leaves(item, change) for item in tree)
    if isinstance(tree, dict):
        return {name: map_leaves(item, change) for name, item in tree.items()}
    return change(tree)


class Op:
    """One operation, out of place or (`in_place`) writing to its first argument.

    Attributes:
        plans: from the key of a call to its plan.
        run_time: by position, whether a Python number there is a run-time argument; `run_time_names` by name.
        by_values: keys of calls that decide by values, and so are called on them.
        integers_stay: whether only floats become one, for the sign of an integer decides (an exponent's).
    """

    def __init__(self, declared: Operation, in_place: bool = False) -> None:
        self.declared = declared
        self.name = declared.spelled + "_" * in_place if hasattr(declared, "spelled") else declared.name
        self.function = declared.function
        self.in_place = in_place
        self.data_dependent = declared.data_dependent or declared.name in NEED_VALUES
        self.by_values: set[Any] = set()
        self.view = declared.view and not in_place
        self.grad_fn = declared.grad_fn or _grad_fn(declared.name)
        self.signature = inspect.signature(declared.function)
        self.parameters = list(self.signature.parameters)
        self.source = source_of(self.parameters)
        self.promote = frozenset(declared.promote)
        self.plans: dict[Any, Plan] = {}
        self._seen: dict[tuple[str, type], set[Any]] = {}
        self.integers_stay = any(declared.name == name for name, _ in STATIC)
        self._set_run_time({n for n in self.promote if (declared.name, n) not in STATIC})

    def _set_run_time(self, names: set[str]) -> None:
        self.run_time_names = names
        self.run_time = tuple(name in names for name in self.parameters) + (False,) * 64
        self.plans.clear()

    def plain(self, argument: Any, number: bool = False) -> Any:
        """An argument of an unusual kind as a usual one: NumPy's scalars as Python's, devices by name.

        In place of a number to be promoted, a truth value of NumPy is a float, as in PyTorch.
        """
        if isinstance(argument, np.generic):
            return float(argument) if number and isinstance(argument, np.bool_) else argument.item()
        if isinstance(argument, bool | complex | str | dtype | device) or argument is ...:
            return argument
        if isinstance(argument, int | float):
            return float(argument) if isinstance(argument, float) else int(argument)
        if argument is bool or argument is int or argument is float:
            return {bool: D.bool_, int: D.int64, float: D.float64}[argument]
        if isinstance(argument, np.ndarray):
            raise TypeError(
                f"{self.name}(): expected a Tensor, a number or a sequence, got numpy.ndarray "
                "(torch.from_numpy makes a tensor of it)"
            )
        return argument

    def unhashable(self, args: Sequence[Any], kwargs: dict[str, Any]) -> TypeError:
        """The error for arguments that nothing can be done with."""
        given = ", ".join(
            [type(a).__name__ for a in args] + [f"{n}={type(a).__name__}" for n, a in kwargs.items()]
        )
        return TypeError(f"{self.name}(): received an invalid combination of arguments - got ({given})")

    def bind(self, args: Sequence[Any], kwargs: dict[str, Any]) -> inspect.BoundArguments:
        """The arguments by name. Raises TypeError in PyTorch's words."""
        try:
            return self.signature.bind(*args, **kwargs)
        except TypeError as error:
            renamed = {
                new if (new := _NUMPY_NAMES.get(name, name)) in self.parameters else name: value
                for name, value in kwargs.items()
            }
            if renamed.keys() != kwargs.keys():
                return self.bind(args, renamed)
            message = str(error).replace(
                "missing a required argument:", "missing 1 required positional argument:"
            )
            message = message.replace("'", '"')
            raise TypeError(f"{self.name}() {message}") from None

    def plan_for(self, key: Any, args: Sequence[Any], kwargs: dict[str, Any]) -> Plan:
        """Make the plan of a call and remember it. Errors in the call are raised here."""
        holes: list[_Hole] = []

        def hole(tree: Any, run_time: bool) -> Any:
            if isinstance(tree, Tensor):
                holes.append(_Hole(len(holes), tree._spec))
                return holes[-1]
            if isinstance(tree, (list, tuple)):
                return tuple(hole(item, False) for item in tree)
            if tree is None or isinstance(tree, bool):
                return tree
            tree = self.plain(tree, run_time)
            if run_time and (type(tree) is float or (type(tree) is int and not self.integers_stay)):
                holes.append(_Hole(len(holes), type(tree)))
                return holes[-1]
            return tree

        pattern = [hole(a, run_time) for a, run_time in zip(args, self.run_time, strict=False)]
        pattern += args[len(pattern) :]
        named = {name: hole(a, name in self.run_time_names) for name, a in kwargs.items()}
        bound = self.bind(pattern, named)
        self._refuse(bound, self.bind(args, kwargs))
        if self._learn(bound):
            return self.plan_for(key, args, kwargs)
        try:
            plan = self._make(holes, bound)
        except jax.errors.ConcretizationTypeError:
            # The function decides by the number: then it belongs to the structure.
            if not any(not one.is_tensor for one in holes):
                if len(self.by_values) >= PLAN_LIMIT:
                    self.by_values.clear()
                self.by_values.add(key)
                raise NeedsValues from None
            decided = {
                name
                for name, value in bound.arguments.items()
                if isinstance(value, _Hole) and not value.is_tensor
            }
            self._set_run_time(self.run_time_names - decided)
            return self.plan_for(key, args, kwargs)
        if len(self.plans) >= PLAN_LIMIT:
            del self.plans[next(iter(self.plans))]
        if len(plan.numbers) == sum(not one.is_tensor for one in holes):
            self.plans[key] = plan
        return plan

    def _refuse(self, bound: inspect.BoundArguments, given: inspect.BoundArguments) -> None:
        """Raise PyTorch's error for arguments of a wrong kind or dtype, before anything is traced."""

        def is_tensor(leaf: Any) -> bool:
            return isinstance(leaf, Tensor) or (isinstance(leaf, _Hole) and leaf.is_tensor)

        def plain(leaf: Any) -> Any:
            return leaf if is_tensor(leaf) or not isinstance(leaf, _Hole) else leaf.spec(1)

        def type_name(name: str, leaf: Any) -> str:
            return "Tensor" if isinstance(leaf, _Hole) else type(given.arguments.get(name, leaf)).__name__

        arguments = {name: map_leaves(value, plain) for name, value in bound.arguments.items()}
        check_kinds(
            self.name, arguments, [*self.signature.parameters.values()], self.promote, is_tensor, type_name
        )
        found = [
            (name, one._spec if isinstance(one, Tensor) else one.spec)
            for name, value in arguments.items()
            for one in (value if isinstance(value, tuple) else (value,))
            if is_tensor(one)
        ]
        tensors, specs = [(name, spec.dtype) for name, spec in found], [spec for _, spec in found]
        check_same_dtype(self.declared.name, tensors)
        is_product = check_product(self.declared.name, specs)
        kinds = dict(tensors)
        sides = [kinds.get(name, type(arguments.get(name))) for name in ("input", "other")]
        check_subtraction(self.declared.name, sides)
        check_targets(self.declared.name, tensors, specs)
        if not tensors and self.parameters[:1] == ["input"]:
            raise self.unhashable(given.args, given.kwargs)
        first = next((one for one in arguments.values() if is_tensor(one)), None)
        if first is not None and arguments.get("dtype") is None and not is_product:
            spec = first._spec if isinstance(first, Tensor) else first.spec
            kind = None if isinstance(first, Tensor) or self.declared.to_float else self._common(bound)
            try:
                check_dtype(self.declared.name, spec.dtype, kind)
            except (NotImplementedError, RuntimeError):
                if self._elementwise():  # shapes that do not fit are the first thing that PyTorch says
                    layout.check_broadcast(self.promote, bound, _Hole)
                raise

    def _learn(self, bound: inspect.BoundArguments) -> bool:
        """Whether a float that keeps changing has just been made a run-time number."""
        for name, value in bound.arguments.items():
            if type(value) is float:
                seen = self._seen.setdefault((name, float), set())
                seen.add(value)
                if len(seen) > _SEEN_LIMIT and None not in seen:
                    seen.add(None)  # once only: if the function cannot be traced so, it stays as it was
                    self._set_run_time(self.run_time_names | {name})
                    return True
        return False

    def _make(self, holes: list[_Hole], bound: inspect.BoundArguments) -> Plan:
        tensor_holes = [one for one in holes if one.is_tensor]
        number_holes = [one for one in holes if not one.is_tensor]
        order = {one.index: i for i, one in enumerate([*tensor_holes, *number_holes])}
        specs = [one.spec for one in tensor_holes]
        common = self._common(bound)
        if self._elementwise():
            layout.check_broadcast(self.promote, bound, _Hole)

        def pure(*arrays: Any, source: Any = None) -> Any:
            def fill(name: str, tree: Any) -> Any:
                def change(leaf: Any) -> Any:
                    if isinstance(leaf, _Hole):
                        array = arrays[order[leaf.index]]
                    elif name in self.promote and isinstance(leaf, bool | int | float | complex):
                        if self._keeps(name):
                            return leaf
                        array = jnp.asarray(leaf)
                    elif isinstance(leaf, dtype):
                        return leaf.numpy
                    else:
                        return leaf
                    if common is not None and name in self.promote:
                        return lax.convert_element_type(array, common.numpy)
                    return array

                return map_leaves(tree, change)

            filled = OrderedDict((name, fill(name, tree)) for name, tree in bound.arguments.items())
            if source is not None:
                filled[self.source] = source
            complete = inspect.BoundArguments(self.signature, filled)
            result = self.function(*complete.args, **complete.kwargs)
            return self._store(result, specs[0]) if self.in_place else result

        draws: list[Any] = []
        if self.source and bound.arguments.get(self.source) is None:
            numbers = [one.spec(1) for one in number_holes]
            try:
                with jax.enable_x64(True):
                    shapes = [jnp.zeros(s.shape, s.dtype.numpy) for s in specs]
                    draws, drawn = draws_of(lambda source: pure(*shapes, *numbers, source=source))
            except jax.errors.ConcretizationTypeError:
                raise
            except Exception as error:
                refused = layout.shape_error(self.name, specs, error)
                raise refused from refused.__cause__
            if self.declared.name in NOISE_LIES_AS_INPUT:
                draws = lying_as(specs[0], draws)
            count = len(specs)
            specs = [*specs, *drawn]

            def function(*arrays: Any) -> Any:
                given = list(arrays[count : count + len(drawn)])
                return pure(*arrays[:count], *arrays[count + len(drawn) :], source=Noting(given))

        else:
            function = pure

        where = self._device(specs[: len(tensor_holes)], bound)
        examples = [*[s.aval for s in specs], *[one.spec(1) for one in number_holes]]
        try:
            with listening() as notices:
                jaxpr, tree = trace(function, *examples)
        except jax.errors.ConcretizationTypeError:
            raise
        except Exception as error:
            refused = layout.shape_error(self.name, specs, error)
            raise refused from refused.__cause__
        tree = renamed(self.declared.name, tree)
        plan = Plan(jaxpr, specs, [one.spec for one in number_holes], where, tree, self.grad_fn)
        plan.function = function
        plan.indices = indices_of(self.declared.name, bound, order)
        said = notice_of(self.declared.name, bound, lambda one: one.spec if isinstance(one, _Hole) else one)
        plan.notices = [*([] if said is None else [(said, UserWarning)]), *notices]
        plan.written = 0 if self.in_place else written_of(self.declared.name, bound)
        plan.single = plan.single and not plan.notices and not plan.written
        plan.guard = guard_of(self.declared.name, bound, order, examples, _Hole)
        divisor = bound.arguments.get("other")
        divides_by_number = isinstance(divisor, _Hole) and not divisor.is_tensor
        if plan.guard is not None:
            plan.single = False
            if not plan.guard.at_call and self.declared.name in INTEGER_DIVISIONS and divides_by_number:
                plan.indices = (DIVISOR, 0)
        plan.wraps_number = self.name in _WRAPPING and len(tensor_holes) == 1
        plan.draws, plan.drawn = draws, specs[len(tensor_holes) :]
        plan.saves_output = self.declared.name in SAVES_OUTPUT
        if self.view:
            self._make_view(plan, function, bound)
        plan.grad_fn = name_of(self, bound, plan.views)
        plan.keeps = kept_by(self, bound, plan.grad_fn)
        if self.declared.name in NO_DERIVATIVE:
            plan.no_derivative = f"derivative for aten::{self.name} is not implemented"
        if self.declared.name == "view" and isinstance(bound.arguments.get("size"), dtype):
            plan.grad_fn, plan.differentiable = "", False
        if self.declared.name in NOT_SEEN:
            plan.differentiable = False
        plan.shown = shown_edges(self, bound, order)
        edges_of(self, bound, order, plan)
        plan.single = plan.single and not plan.barred
        if not self.view and specs:
            if self._elementwise():
                plan.outputs = layout.elementwise(specs, plan.outputs)
            else:
                plan.outputs = arranged(self.declared.name, bound, jaxpr, specs, plan.outputs)
        return plan

    def _elementwise(self) -> bool:
        return (
            bool(self.promote) and self.promote <= ELEMENTWISE_ARGUMENTS and self.name not in NOT_ELEMENTWISE
        )

    def _keeps(self, name: str) -> bool:
        return (self.declared.name, name) in STATIC

    def _common(self, bound: inspect.BoundArguments) -> dtype | None:
        """The dtype to which the promoted arguments are converted."""
        found: list[tuple[int | None, Any]] = []

        def note(leaf: Any) -> None:
            if isinstance(leaf, _Hole):
                found.append((leaf.spec.ndim, leaf.spec.dtype) if leaf.is_tensor else (None, leaf.spec))
            elif isinstance(leaf, bool | int | float | complex):
                found.append((None, type(leaf)))

        for name in self.declared.promote:
            map_leaves(bound.arguments.get(name), note)
        if not found:
            return None
        common = result_type(found)
        if self.declared.to_float and common.category < D.FLOATING:
            common = of_number(float)
        return common

    def _store(self, result: Any, target: Spec) -> Any:
        """The result as it goes into the tensor that is changed in place."""
        if tuple(result.shape) != tuple(target.shape):
            raise RuntimeError(
                f"output with shape {list(target.shape)} doesn't match the broadcast shape "
                f"{list(result.shape)}"
            )
        kind = D.of_numpy(result.dtype)
        if self.declared.name == "float_power" and kind is not target.dtype:
            raise RuntimeError(
                f"the base given to float_power_ has dtype {cpp_name(target.dtype)} but the operation's "
                f"result requires dtype {cpp_name(kind)}"
            )
        if not can_cast(kind, target.dtype):
            raise RuntimeError(
                f"result type {cpp_name(kind)} can't be cast to the desired output type "
                f"{cpp_name(target.dtype)}"
            )
        return lax.convert_element_type(result, target.dtype.numpy)

    def _device(self, specs: list[Spec], bound: inspect.BoundArguments) -> device:
        where: device | None = None
        for spec in specs:
            if where is None or (where.type == "cpu" and spec.device.type != "cpu"):
                where = spec.device
        for spec in specs:
            if spec.device is not where and not (spec.ndim == 0 and spec.device.type == "cpu"):
                if where is META:
                    raise RuntimeError(f"Tensor on device {spec.device} is not on the expected device meta!")
                raise RuntimeError(
                    "Expected all tensors to be on the same device, but found at least two devices, "
                    f"{where} and {spec.device}! (when checking arguments in method {self.name})"
                )
        return where or CPU

    def _make_view(self, plan: Plan, function: Function, bound: inspect.BoundArguments) -> None:
        if self.declared.name == "ravel" and not plan.inputs[0].contiguous:
            return  # which copies, even where a view were possible
        spec = plan.inputs[0]
        known = steps_of(self.declared.name, bound, tuple(spec.shape), np.dtype(spec.dtype.numpy))
        views = [(0, known)] if known else layout.views_of(plan.jaxpr, function, self.name)
        try:
            specs = [view_spec(plan.inputs[origin], steps, ())[0] for origin, steps in views]
        except RuntimeError:
            if self.declared.name in ("view", "view_as"):
                raise
            if self.declared.name == "view_as_complex":
                raise RuntimeError("Tensor must have a last dimension with stride 1") from None
            return  # reshape and its kin copy where the memory allows no view
        plan.views = tuple(views)
        plan.outputs = tuple(specs)

    def compute(self, args: Sequence[Any], kwargs: dict[str, Any]) -> Any:
        """Call a function whose output shapes depend on values, on the values themselves."""
        from fnnet.torch.computed import compute

        return compute(self, args, kwargs)


def _grad_fn(name: str) -> str:
    return "".join(part[:1].upper() + part[1:] for part in name.split("_")) + "Backward0"

"""The graph that backward walks: one node per recorded operation, edges to the nodes that made its inputs.

A node keeps what its derivative depends on, no more (see `Plan.pullback`), and the versions at which it
kept it.
"""

from __future__ import annotations

import re
import weakref
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

from fnnet.torch.autograd.anomaly import note_call
from fnnet.torch.missing import missing as _missing
from fnnet.torch.mode import MODE, no_grad
from fnnet.torch.plan import Plan
from fnnet.torch.record import Value, append
from fnnet.torch.spec import Spec
from fnnet.torch.storage import UNSEEN, sequence

if TYPE_CHECKING:
    from fnnet.torch.tensor import Tensor

Edge = tuple["Node", int]

RELEASED = (
    "Trying to backward through the graph a second time (or directly access saved tensors after they have "
    "already been freed). Saved intermediate values of the graph are freed when you call .backward() or "
    "autograd.grad(). Specify retain_graph=True if you need to backward through the graph a second time or "
    "if "
    "you need to access saved tensors after calling backward."
)

HINT = (
    "Hint: enable anomaly detection to find the operation that failed to compute its gradient, with "
    "torch.autograd.set_detect_anomaly(True, check_nan=False)."
)

_INFERENCE = (
    "Inference tensors cannot be saved for backward. Please do not use Tensors created in inference mode in "
    "computation tracked by autograd. To work around this, you can make a clone to get a normal tensor and "
    "use it in autograd, or use `torch.no_grad()` instead of `torch.inference_mode()`."
)


SAVING: list[tuple[Any, Callable[[Any], Any]]] = []
"""The hooks on saved tensors that hold now, the innermost last, or in their place a context that allows
changes (see `saving.py`)."""


class _Packed:
    """What the hooks made of saved values, in their place."""

    __slots__ = ("kept", "specs", "unpack")

    def __init__(self, values: Sequence[Value], specs: Sequence[Spec]) -> None:
        from fnnet.torch.autograd.engine import natural
        from fnnet.torch.tensor import wrap

        pack, self.unpack = SAVING[-1]
        self.specs = [natural(spec) for spec in specs]
        given = [wrap(value, spec) for value, spec in zip(values, self.specs, strict=True)]
        with no_grad():
            self.kept = [pack(one) for one in given]
        if any(one._version for one in given):
            raise RuntimeError(
                "A saved tensor pack hook is modifying its input in place. Tensors provided as input to pack "
                "hook cannot be modified by in-place operations as this can lead to unexpected side-effects. "
                "Please open an issue if you need to perform in-place operations on the input to a pack hook."
            )

    def open(self) -> list[Value]:
        """The values as the hook gives them back."""
        from fnnet.torch.tensor import Tensor

        values = []
        for kept, spec in zip(self.kept, self.specs, strict=True):
            tensor = self.unpack(kept)
            if not isinstance(tensor, Tensor):
                raise TypeError(
                    f"Output of saved tensor unpack_hook expected to be a Tensor but got result of type "
                    f"{type(tensor).__name__}"
                )
            if tensor._spec.shape != spec.shape or tensor._spec.dtype is not spec.dtype:
                raise RuntimeError(
                    "A different tensor came out of the unpack_hook of a saved tensor: "
                    f"{list(tensor.shape)}, {tensor.dtype} instead of {list(spec.shape)}, {spec.dtype}"
                )
            values.append(tensor._value())
        return values


class Allowed:
    """Saved values of a context in which what was saved may be changed: they stay as they were here."""

    __slots__ = ("context", "values")

    def __init__(self, values: list[Value], context: Any) -> None:
        self.values, self.context = values, context

    def open(self) -> list[Value]:
        """The values. Raises AssertionError outside of the context."""
        if not self.context.active:
            raise AssertionError(
                "Trying to backward outside of the 'allow_mutation_on_saved_tensors' context"
                "in which the graph was originally recorded."
            )
        return self.values


class Node:
    """What every node has: edges to where its gradients go, hooks, a name.

    Attributes:
        edges: for each input, the node and output that made it; None where no gradient goes.
        outputs: specs of the outputs, whose gradients come in.
        order: counts up as nodes are made; backward goes downwards.
    """

    __slots__ = (
        "__dict__",
        "__weakref__",
        "edges",
        "order",
        "outputs",
    )

    edges: tuple[Edge | None, ...]
    outputs: tuple[Spec, ...]
    tensor_hooks: list[tuple[int, Any]] | None = None
    pre_hooks: Any = None
    post_hooks: Any = None

    def _begin(self, edges: tuple[Edge | None, ...], outputs: tuple[Spec, ...]) -> None:
        self.edges = edges
        self.outputs = outputs
        self.order: float = next(sequence)

    def name(self) -> str:
        """PyTorch's name of the node."""
        return type(self).__name__

    @property
    def next_functions(self) -> tuple[tuple[Node | None, int], ...]:
        """The nodes that the gradients go to."""
        return tuple((None, 0) if edge is None else edge for edge in self.edges)

    @property
    def metadata(self) -> dict[Any, Any]:
        """A dictionary for the user."""
        return self.__dict__.setdefault("_metadata", {})

    def register_hook(self, hook: Callable[..., Any]) -> Any:
        """Call `hook(grad_inputs, grad_outputs)` after the node's backward; it may replace grad_inputs."""
        from fnnet.torch.autograd.hooks import Hooks, register

        if self.post_hooks is None:
            self.post_hooks = Hooks()
        return register(self.post_hooks, hook)

    def register_prehook(self, hook: Callable[..., Any]) -> Any:
        """Call `hook(grad_outputs)` before the node's backward; it may replace them."""
        from fnnet.torch.autograd.hooks import Hooks, register

        if self.pre_hooks is None:
            self.pre_hooks = Hooks()
        return register(self.pre_hooks, hook)

    def pull_values(self, gradients: list[Value | None]) -> Sequence[Value | None]:
        """Gradients of the inputs, one for each edge, from those of the outputs."""
        raise NotImplementedError

    def pull_tensors(self, gradients: list[Tensor | None]) -> Sequence[Tensor | None]:
        """The same on tensors, noted for a further backward."""
        raise NotImplementedError

    def release(self) -> None:
        """Forget what was kept for backward."""

    def __repr__(self) -> str:
        return f"<{type(self).__name__} object at {hex(id(self))}>"


_FIRST = (0,)
_KEEPS_NUMBER = (
    frozenset(("PowBackward0", "AddcdivBackward0")),
    frozenset(("PowBackward0", "MulBackward0", "DivBackward0", "DivBackward1")),
)
"""Nodes that keep something in PyTorch even if they need nothing here: without and with a number that stands
for a tensor."""


class PlanNode(Node):
    """The node of a recorded operation."""

    __slots__ = ("checks", "keeps_output", "needs", "numbers", "plan", "saved", "values")

    def __init__(
        self,
        plan: Plan,
        edges: tuple[Edge | None, ...],
        tensors: Sequence[Tensor],
        values: Sequence[Value],
        numbers: Sequence[Any],
    ) -> None:
        self.edges = edges
        self.outputs = plan.outputs
        self.order = next(sequence)
        self.plan = plan
        self.numbers = numbers
        reached = tuple([edge is not None for edge in edges])
        found = plan.kept.get(reached)
        if found is None:
            found = plan.kept[reached] = _kept(plan, reached)
        self.needs, saved, checked, self.keeps_output = found
        self.saved = saved
        self.values: Any = [values[i] for i in saved]
        if MODE.anomaly:
            note_call(self)
        if saved and SAVING:
            context = SAVING[-1][0]
            if hasattr(context, "active"):
                self.values, checked, self.keeps_output = Allowed(self.values, context), (), False
            else:
                self.values = _Packed(self.values, [plan.inputs[i] for i in saved])
        if checked and MODE.inferred and any(tensors[i]._inference for i in checked):
            raise RuntimeError(_INFERENCE)
        self.checks: list[tuple[Any, int, int, Any]] = [
            (tensors[i]._counter, tensors[i]._counter.version, i, tensors[i]) for i in checked
        ]

    def name(self) -> str:
        name = type(self).__name__
        return _QUALIFIED.get(name, name)

    @property
    def next_functions(self) -> tuple[tuple[Node | None, int], ...]:
        edges = self.edges
        if self.plan.shown is not None:
            edges = tuple([edges[i] if i >= 0 else None for i in self.plan.shown])
        following = tuple((None, 0) if edge is None else edge for edge in edges)
        return (*following, (None, 0)) if self.plan.wraps_number else following

    def check_output(self, tensor: Tensor) -> None:
        """Keep the version of the output, as PyTorch does for some (`keeps_output`)."""
        kept = (tensor._storage, next(sequence))
        self.checks.append((tensor._counter, tensor._counter.version, -1, kept))

    def _open(self) -> list[Value]:
        values: Any = self.values
        if values is None:
            raise RuntimeError(RELEASED)
        if self.plan.no_derivative is not None:
            text = self.plan.no_derivative
            raise (NotImplementedError if text.startswith("the derivative") else RuntimeError)(text)
        if values.__class__ is not list:
            return self._checked(values.open())
        self._checked(values)
        if UNSEEN.last > self.order:
            from fnnet.torch.autograd.unseen import as_now

            return as_now(self, values)
        return values

    def _checked(self, values: list[Value]) -> list[Value]:
        for counter, version, position, _ in self.checks:
            if counter.version != version:
                raise RuntimeError(self._modified(counter.version, version, position))
        return values

    def _modified(self, now: int, then: int, position: int) -> str:
        from fnnet.torch.legacy import type_name

        spec = self.outputs[0] if position < 0 else self.plan.inputs[position]
        edge = (self, 0) if position < 0 else self.edges[position]
        kind = type_name(spec)
        where = ""
        if edge is not None and not isinstance(edge[0], AccumulateGrad):
            name = edge[0].name().removeprefix("torch::autograd::")
            where = f", which is output {edge[1]} of {re.sub('Backward[0-9]*$', '', name)},"
        return (
            "one of the variables needed for gradient computation has been modified by an inplace operation: "
            f"[{kind} {list(spec.shape)}]{where} is at version {now}; expected version {then} instead. {HINT}"
        )

    def _pullback(self, gradients: list[Any]) -> tuple[Plan, tuple[int, ...], list[Any]]:
        if len(gradients) == 1:
            return *self.plan.pullback(self.needs, _FIRST), gradients
        given = tuple([i for i, gradient in enumerate(gradients) if gradient is not None])
        plan, saved = self.plan.pullback(self.needs, given)
        return plan, saved, [gradients[i] for i in given]

    def _spread(self, results: Sequence[Any]) -> list[Any]:
        spread: list[Any] = [None] * len(self.edges)
        for position, result in zip(self.needs, results, strict=True):
            spread[position] = result
        return spread

    def pull_values(self, gradients: list[Value | None]) -> Sequence[Value | None]:
        values = self._open()
        plan, saved, given = self._pullback(gradients)
        if saved != self.saved:
            kept = dict(zip(self.saved, values, strict=True))
            values = [kept[i] for i in saved]
        results = append(plan, values + given, self.numbers)
        return results if len(results) == len(self.edges) else self._spread(results)

    def pull_tensors(self, gradients: list[Tensor | None]) -> Sequence[Tensor | None]:
        from fnnet.torch.call import apply
        from fnnet.torch.tensor import wrap

        values = self._open()
        plan, saved, given = self._pullback(gradients)
        kept = {}
        for position, value in zip(self.saved, values, strict=True):
            tensor = wrap(value, self.plan.inputs[position])
            edge = self.edges[position]
            if edge is not None:
                tensor._fn, tensor._nr = edge
            kept[position] = tensor
        return self._spread(apply(plan, [*[kept[i] for i in saved], *given], self.numbers))

    def release(self) -> None:
        if self.values or self.checks or type(self).__name__ in _KEEPS_NUMBER[self.plan.wraps_number]:
            self.values = None
            self.checks = []


def _kept(plan: Plan, reached: tuple[bool, ...]) -> tuple[Any, ...]:
    """See `Plan.kept`."""
    needs = tuple([i for i, is_reached in enumerate(reached) if is_reached])
    given = _FIRST if len(plan.outputs) == 1 else _differentiable(plan)
    try:
        saved = plan.pullback(needs, given)[1]
    except NotImplementedError:  # there is no rule, which PyTorch too says in backward
        name = plan.grad_fn.removesuffix("Backward0").removeprefix("Special").lower()
        plan.no_derivative = f"the derivative for '{name}' is not implemented."
        return needs, (), (), False
    if plan.keeps is None:
        return needs, saved, () if plan.saves_output else saved, plan.saves_output and bool(saved)
    kept, keeps_output = plan.keeps
    checked = [i for i in saved if i in kept or not plan.inputs[i].differentiable]
    if all(
        is_reached or not spec.differentiable for spec, is_reached in zip(plan.inputs, reached, strict=True)
    ):
        return needs, saved, tuple({*kept, *checked}), keeps_output
    return needs, saved, tuple(checked), keeps_output and plan.saves_output


_CLASSES: dict[str, type[PlanNode]] = {}
_QUALIFIED = {"CopySlices": "torch::autograd::CopySlices"}


def node_class(name: str) -> type[PlanNode]:
    """The class of nodes of this name: users look at `type(x.grad_fn).__name__`."""
    found = _CLASSES.get(name)
    if found is None:
        found = _CLASSES[name] = type(name, (PlanNode,), {"__slots__": ()})
    return found


def _differentiable(plan: Plan) -> tuple[int, ...]:
    return tuple(i for i, spec in enumerate(plan.outputs) if spec.differentiable)


class AccumulateGrad(Node):
    """The node of a leaf: adds what comes in to the leaf's `.grad`."""

    __slots__ = ("variable",)

    def __init__(self, variable: Tensor) -> None:
        self._begin((), (variable._spec,))
        self.order = float("inf")
        self.variable = variable

    def name(self) -> str:
        return "torch::autograd::AccumulateGrad"


def edge_of(tensor: Tensor) -> Edge | None:
    """Where the gradient of a tensor goes; None if nowhere."""
    if isinstance(tensor, tuple):  # a GradientEdge
        return tensor[:2]
    node = tensor._fn if tensor._base is None else tensor.grad_fn
    if node is not None:
        return node, tensor._nr
    if not tensor._requires:
        return None
    reference = tensor._accumulator
    node = None if reference is None else reference()
    if node is None:
        node = AccumulateGrad(tensor)
        tensor._accumulator = weakref.ref(node)
    return node, 0


def __getattr__(name: str) -> Any:
    """`torch.autograd.graph` offers what `saving.py` defines as well."""
    from fnnet.torch.autograd import saving

    if name in saving.__all__:
        return getattr(saving, name)
    raise _missing("torch.autograd.graph", name)

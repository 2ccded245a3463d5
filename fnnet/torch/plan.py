"""A plan: one operation with everything fixed but its arrays and its run-time numbers.

It is made once for each kind of call and holds what the recorder must know at the call, before anything is
computed: shapes and dtypes of the outputs, and whether they are views. Its arithmetic is a jaxpr, traced once
and inlined by programs. Its derivative is another plan, made when it is first needed.
"""

from __future__ import annotations

import itertools
import time
import warnings
from collections.abc import Callable, Sequence
from functools import lru_cache
from typing import TYPE_CHECKING, Any

import jax
import jax.numpy as jnp
import numpy as np
from jax.extend.core import ClosedJaxpr, jaxpr_as_fun
from jax.interpreters import partial_eval

from fnnet.torch.devices import CPU, device
from fnnet.torch.dtypes import of_numpy
from fnnet.torch.guards import Bound
from fnnet.torch.spec import Spec, spec_of
from fnnet.torch.statistics import COUNTS

if TYPE_CHECKING:
    from fnnet.torch.once import Evaluated

_numbers = itertools.count()


def trace(function: Callable[..., Any], *examples: Any) -> tuple[ClosedJaxpr, Any]:
    """The jaxpr of a function and the structure of its output."""
    started = time.perf_counter()
    with jax.enable_x64(True):
        jaxpr, shapes = jax.make_jaxpr(function, return_shape=True)(*examples)
    COUNTS.plans += 1
    COUNTS.plan_seconds += time.perf_counter() - started
    return jaxpr, jax.tree.structure(shapes)


def narrowed(aval: Any) -> Any:
    """The shape and dtype at the precision that JAX is set to."""
    return jax.ShapeDtypeStruct(aval.shape, jax.dtypes.canonicalize_dtype(aval.dtype))


def conjugate(x: Any) -> Any:
    """The conjugate of a complex array: what is JAX's gradient for PyTorch's. Others as they are."""
    if not np.issubdtype(x.dtype, np.complexfloating):
        return x
    return jax.lax.complex(jnp.real(x), 0 - jnp.imag(x))  # a zero stays without sign


class Plan:
    """See the module.

    Attributes:
        number: identifies the plan in the structure of a record.
        inputs, numbers: specs of the array arguments; types of the numbers that follow them.
        outputs: specs of the outputs.
        run: the arithmetic: arrays and numbers in, list of arrays out.
        places: which of its inputs and numbers the jaxpr takes; None for all.
        evaluated: what is known of evaluating it by NumPy, once somebody asked (see `once.py`).
        function: what was traced; `arithmetic` traces it anew where JAX's own precision rules.
        single: whether the call returns one tensor without more ado; otherwise `tree` gives the container.
        grad_fn: PyTorch's name of the node in the graph.
        saves_output: whether PyTorch keeps the output for backward, rather than the inputs.
        shown: the inputs that the node's next_functions list (see `naming.py`); None for all.
        indices: which input holds indices, and their limit (see `bounds.py`).
        no_derivative: what backward raises, if PyTorch has no derivative of the operation.
        notices: what is to be warned of at each call.
        guard: the error that depends on values, if there is one (see `guards.py`).
        fill: the number that fills the output, if the plan does nothing else (see `record.Value`).
        wraps_number: whether a number stands where PyTorch wraps it as a tensor, which its node then counts.
        written: how often PyTorch has written into the results when it gives them (see `versions.py`).
        views: for outputs that are views, the input and the steps of each (see `view.py`); None otherwise.
        draws, drawn: what the operation draws at random, which are its last inputs (see `drawing.py`).
        differentiable: whether some output can have a gradient.
        barred: inputs that may not require grad, and what is said of them.
        edged, linked: which inputs gradients go to, and which outputs they come from.
        keeps: the inputs that PyTorch keeps for backward, where all that can have edges, and whether it
            keeps the output; None where that is not known, so that what `kept` says counts.
        kept: by which inputs have edges: those that want gradients, those that backward needs, those that may
            not be changed until then, and whether that holds of the output.
    """

    __slots__ = (
        "arithmetics",
        "barred",
        "device",
        "differentiable",
        "drawn",
        "draws",
        "edged",
        "evaluated",
        "fill",
        "function",
        "grad_fn",
        "guard",
        "indices",
        "inputs",
        "jaxpr",
        "keeps",
        "kept",
        "linked",
        "no_derivative",
        "notices",
        "number",
        "numbers",
        "outputs",
        "places",
        "pullbacks",
        "run",
        "saves_output",
        "shown",
        "single",
        "tree",
        "views",
        "wraps_number",
        "written",
    )

    def __init__(
        self,
        jaxpr: ClosedJaxpr,
        inputs: Sequence[Spec],
        numbers: Sequence[type],
        device: device = CPU,
        tree: Any = None,
        grad_fn: str = "",
    ) -> None:
        self.number = next(_numbers)
        self.jaxpr = jaxpr
        self.run: Callable[..., list[Any]] = jaxpr_as_fun(jaxpr)
        self.places: tuple[int, ...] | None = None
        self.evaluated: Evaluated | None = None
        self.inputs = tuple(inputs)
        self.numbers = tuple(numbers)
        self.device = device
        self.no_derivative: str | None = None
        self.outputs = tuple(spec_of(aval.shape, of_numpy(aval.dtype), device) for aval in jaxpr.out_avals)
        self.linked = tuple([spec.differentiable for spec in self.outputs])
        self.edged = tuple([spec.differentiable for spec in self.inputs])
        self.differentiable = any(self.linked)
        self.tree = tree
        self.single = tree is None or (tree.num_leaves == 1 and jax.tree_util.treedef_is_leaf(tree))
        self.grad_fn = grad_fn
        self.saves_output = False
        self.fill: float | None = None
        self.shown: tuple[int, ...] | None = None
        self.draws: list[Any] = []
        self.drawn: list[Spec] = []
        self.function: Callable[..., Any] | None = None
        self.arithmetics: dict[bool, Callable[..., Any]] = {}
        self.wraps_number = False
        self.barred: tuple[tuple[int, str], ...] = ()
        self.written = 0
        self.indices: tuple[int, int] | None = None
        self.views: tuple[Any, ...] | None = None
        self.guard: Bound | None = None
        self.notices: list[tuple[str, type[Warning]]] = []
        self.pullbacks: dict[Any, tuple[Plan, tuple[int, ...]]] = {}
        self.keeps: tuple[tuple[int, ...], bool] | None = None
        self.kept: dict[tuple[bool, ...], tuple[Any, ...]] = {}

    def arithmetic(self) -> Callable[..., Any]:
        """What `run` does, at the precision that JAX is set to: with 64 bits, or 32 in place of them.

        A program of JAX that is traced without x64 cannot hold 64-bit arithmetic, so the function is traced
        again under that setting.
        """
        wide = jax.dtypes.canonicalize_dtype(np.int64) == np.int64
        found = self.arithmetics.get(wide)
        if found is None:
            assert self.function is not None, self.grad_fn
            examples = [narrowed(spec.aval) for spec in self.inputs]
            with warnings.catch_warnings():
                warnings.filterwarnings("ignore", message="Explicitly requested dtype")
                jaxpr = jax.make_jaxpr(self.function)(*examples, *[kind(1) for kind in self.numbers])
            found = self.arithmetics[wide] = jaxpr_as_fun(jaxpr)
        return found

    def pullback(self, needs: tuple[int, ...], given: tuple[int, ...]) -> tuple[Plan, tuple[int, ...]]:
        """The plan of the vector-Jacobian product.

        Args:
            needs: the inputs whose gradients are wanted.
            given: the outputs whose gradients are given.

        Returns:
            The plan, which takes the inputs that the derivative depends on, then the given gradients, then
            the numbers; and which inputs those are.
        """
        found = self.pullbacks.get((needs, given))
        if found is None:
            found = self.pullbacks[(needs, given)] = self._make_pullback(needs, given)
        return found

    def _make_pullback(self, needs: tuple[int, ...], given: tuple[int, ...]) -> tuple[Plan, tuple[int, ...]]:
        count = len(self.inputs)

        def pull(*arguments: Any, arithmetic: Callable[..., Any] = self.run) -> Any:
            tensors = list(arguments[:count])
            gradients = arguments[count : count + len(given)]
            numbers = arguments[count + len(given) :]

            def forward(*wanted: Any) -> Any:
                for position, array in zip(needs, wanted, strict=True):
                    tensors[position] = array
                results = arithmetic(*tensors, *numbers)
                return [results[output] for output in given]

            pullback = jax.vjp(forward, *[tensors[position] for position in needs])[1]
            return list(map(conjugate, pullback(list(map(conjugate, gradients)))))

        gradient_specs = [self.outputs[output] for output in given]
        examples = [spec.aval for spec in (*self.inputs, *gradient_specs)]
        jaxpr, _ = trace(pull, *examples, *[kind(1) for kind in self.numbers])
        small, used = partial_eval.dce_jaxpr(jaxpr.jaxpr, [True] * len(needs))
        saved = tuple(position for position in range(count) if used[position])
        kept = [position for position, is_used in enumerate(used) if is_used]

        # The plan keeps every gradient and number, used or not: callers hand them on as they come.
        inner = jaxpr_as_fun(ClosedJaxpr(small, jaxpr.consts))
        order = [*saved, *range(count, len(used))]
        places = [order.index(position) for position in kept]

        def run(*arguments: Any) -> Any:
            return inner(*[arguments[place] for place in places])

        result = Plan(
            ClosedJaxpr(small, jaxpr.consts),
            [*[self.inputs[position] for position in saved], *gradient_specs],
            self.numbers,
            self.device,
            grad_fn=self.grad_fn.removesuffix("0") + "Backward0",
        )

        def function(*arguments: Any) -> Any:
            tensors: list[Any] = [jnp.zeros(spec.shape, narrowed(spec.aval).dtype) for spec in self.inputs]
            for position, array in zip(saved, arguments, strict=False):
                tensors[position] = array
            return pull(*tensors, *arguments[len(saved) :], arithmetic=self.arithmetic())

        result.run, result.places = run, tuple(places)
        result.function = function
        result.single = False
        return result, saved


def make_plan(
    function: Callable[..., Any],
    inputs: Sequence[Spec],
    numbers: Sequence[type] = (),
    device: device = CPU,
    grad_fn: str = "",
) -> Plan:
    """Trace `function`, which takes arrays of the given specs, then numbers of the given types."""
    jaxpr, tree = trace(function, *[spec.aval for spec in inputs], *[kind(1) for kind in numbers])
    plan = Plan(jaxpr, inputs, numbers, device, tree, grad_fn)
    plan.function = function
    return plan


@lru_cache(maxsize=10_000)
def plan_of(
    function: Callable[..., Any], inputs: tuple[Spec, ...], numbers: tuple[type, ...] = (), grad_fn: str = ""
) -> Plan:
    """The plan of a function that is met again, on the device of its first input."""
    return make_plan(function, inputs, numbers, inputs[0].device, grad_fn)


@lru_cache(maxsize=10_000)
def fill_plan(spec: Spec, number: float) -> Plan:
    """The plan that fills a tensor of this spec with a number."""
    plan = make_plan(lambda: jnp.full(spec.shape, number, spec.dtype.numpy), [], (), spec.device)
    plan.fill = number
    return plan

"""`tf.train`: optimizers, as operations that change variables, with TensorFlow's formulas and defaults."""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from fnnet.tensorflow import arrays, mathematics
from fnnet.tensorflow.evaluate import State
from fnnet.tensorflow.gradient import gradients
from fnnet.tensorflow.graph import Graph, Operation, Tensor, convert_to_tensor, get_default_graph
from fnnet.tensorflow.variables import Variable, assign_add, group, trainable_variables

_GLOBAL_STEP = "global_step"


def get_global_step(graph: Graph | None = None) -> Variable | None:
    """The counter of steps, if one was made."""
    found = (graph or get_default_graph()).get_collection(_GLOBAL_STEP)
    return found[0] if found else None


def create_global_step(graph: Graph | None = None) -> Variable:
    """Make the counter of steps. Raises ValueError if there is one."""
    if get_global_step(graph) is not None:
        raise ValueError('"global_step" already exists.')
    step = Variable(lambda: arrays.zeros((), "int64"), trainable=False, name="global_step")
    (graph or get_default_graph()).add_to_collection(_GLOBAL_STEP, step)
    return step


def get_or_create_global_step(graph: Graph | None = None) -> Variable:
    """The counter of steps."""
    return get_global_step(graph) or create_global_step(graph)


class Optimizer:
    """What all optimizers do: gradients, then one operation for each variable.

    A subclass names its hyper-parameters, its slots (name, first value), the operation, and the update: a
    function of (hyper-parameters, gradient, variable, slots) that gives the new variable and slots.
    """

    operation = ""
    hyper: dict[str, Any]
    slots: tuple[tuple[str, float], ...] = ()
    shared: tuple[tuple[str, float], ...] = ()

    def __init__(self, name: str, **hyper: Any) -> None:
        self._name, self.hyper = name, hyper
        self._made: dict[tuple[Variable, str], Variable] = {}
        self._shared: dict[Graph, list[Variable]] = {}

    def update(self, hyper: Any, grad: Any, variable: Any, slots: list[Any]) -> tuple[Any, list[Any]]:
        """The new variable and slots."""
        raise NotImplementedError

    def minimize(
        self,
        loss: Tensor,
        global_step: Variable | None = None,
        var_list: Any = None,
        gate_gradients: int = 1,
        aggregation_method: Any = None,
        colocate_gradients_with_ops: bool = False,
        name: str | None = None,
        grad_loss: Any = None,
    ) -> Any:
        """An operation that changes the variables to make `loss` smaller, and counts `global_step`."""
        pairs = self.compute_gradients(loss, var_list, grad_loss=grad_loss)
        if all(grad is None for grad, _ in pairs):
            raise ValueError(
                "No gradients provided for any variable, check your graph for ops that do not support "
                f"gradients, between variables {[str(v) for _, v in pairs]} and loss {loss}."
            )
        return self.apply_gradients(pairs, global_step, name)

    def compute_gradients(
        self,
        loss: Any,
        var_list: Any = None,
        gate_gradients: int = 1,
        *_: Any,
        grad_loss: Any = None,
        **__: Any,
    ) -> list[tuple[Tensor | None, Variable]]:
        """The gradients of `loss`, each with its variable; None for one that it does not depend on."""
        variables = list(var_list) if var_list is not None else trainable_variables()
        if not variables:
            raise ValueError("No variables to optimize.")
        return list(zip(gradients(loss, variables, grad_ys=grad_loss), variables, strict=True))

    def apply_gradients(
        self, grads_and_vars: Any, global_step: Variable | None = None, name: str | None = None
    ) -> Any:
        """An operation that changes the variables by given gradients."""
        pairs = [(convert_to_tensor(grad), v) for grad, v in grads_and_vars if grad is not None]
        if not pairs:
            raise ValueError("No gradients provided for any variable.")
        graph = get_default_graph()
        with graph.name_scope(None), graph.control_dependencies(None):
            shared = self._shared_variables(graph, pairs[0][1])
            slots = [[self._slot(v, label, first) for label, first in self.slots] for _, v in pairs]
        with graph.name_scope(name or self._name) as scope:
            with graph.control_dependencies(None):
                hyper = {
                    label: convert_to_tensor(value() if callable(value) else value, name=label)
                    for label, value in self.hyper.items()
                    if value is not None and not isinstance(value, bool)
                }
            updates = [
                self._updating(v, grad, own, shared, hyper)
                for (grad, v), own in zip(pairs, slots, strict=True)
            ]
            with graph.control_dependencies(updates):
                updates += self.finish(shared, hyper)
            if global_step is None:
                return group(*updates, name=scope)
            with graph.control_dependencies([group(*updates, name="update")]):
                return assign_add(global_step, np.asarray(1, global_step.dtype.as_numpy_dtype), name=scope).op

    def finish(self, shared: list[Variable], hyper: dict[str, Tensor]) -> list[Operation]:
        """Operations after all updates."""
        return []

    def _shared_variables(self, graph: Graph, like: Variable) -> list[Variable]:
        if graph not in self._shared:
            self._shared[graph] = [
                Variable(self.hyper[first] if isinstance(first, str) else first, trainable=False, name=label)
                for label, first in self.shared
            ]
        return self._shared[graph]

    def _slot(self, variable: Variable, label: str, first: float) -> Variable:
        if (variable, label) not in self._made:
            kind = variable.dtype.base_dtype
            sizes = variable.shape.as_list()

            def begin() -> Tensor:
                with get_default_graph().name_scope("Initializer"):
                    if first == 0:
                        return arrays.zeros(sizes, kind)
                    return arrays.ones(sizes, kind) if first == 1 else arrays.constant(first, kind, sizes)

            self._made[variable, label] = Variable(
                begin, trainable=False, name=f"{variable.op.name}/{self._name}"
            )
        return self._made[variable, label]

    def get_slot(self, var: Variable, name: str) -> Variable | None:
        """A slot of a variable: "momentum", "m", "v", "accumulator"."""
        return self._made.get((var, name))

    def get_slot_names(self) -> list[str]:
        """The names of the slots."""
        return [label for label, _ in self.slots]

    def variables(self) -> list[Variable]:
        """The slots made so far, and what is shared."""
        return [v for made in self._shared.values() for v in made] + list(self._made.values())

    def _updating(
        self, variable: Variable, grad: Tensor, slots: list[Variable], shared: list[Variable], hyper: Any
    ) -> Operation:
        own = [variable.op, *[slot.op for slot in slots]]
        labels = [*hyper, *[label for label, _ in self.shared]]

        def run(state: State, *inputs: Any) -> Any:
            grad, *numbers = inputs
            known = dict(zip(labels, [n.astype(grad.dtype) for n in numbers], strict=True))
            before = [state[cell] for cell in own]
            new, after = self.update(known, grad, before[0], before[1:])
            state.update(zip(own, [new, *after], strict=True))
            return new

        graph = get_default_graph()
        with graph.name_scope("update_" + variable.op.name):
            return graph.create(
                self.operation,
                run,
                [grad, *hyper.values(), *[v.value() for v in shared]],
                worlds=[variable._ref.worlds],
                reads=own,
                writes=own,
                differentiable=False,
                ref=True,
            )


class GradientDescentOptimizer(Optimizer):
    """w -= learning_rate * g."""

    operation = "ApplyGradientDescent"

    def __init__(self, learning_rate: Any, use_locking: bool = False, name: str = "GradientDescent") -> None:
        super().__init__(name, learning_rate=learning_rate)

    def update(self, hyper: Any, grad: Any, variable: Any, slots: list[Any]) -> tuple[Any, list[Any]]:
        return variable - hyper["learning_rate"] * grad, []


class MomentumOptimizer(Optimizer):
    """a = momentum * a + g; w -= learning_rate * a (with Nesterov: learning_rate * (g + momentum * a))."""

    operation = "ApplyMomentum"
    slots = (("momentum", 0.0),)

    def __init__(
        self,
        learning_rate: Any,
        momentum: Any,
        use_locking: bool = False,
        name: str = "Momentum",
        use_nesterov: bool = False,
    ) -> None:
        super().__init__(name, learning_rate=learning_rate, momentum=momentum)
        self._nesterov = use_nesterov

    def update(self, hyper: Any, grad: Any, variable: Any, slots: list[Any]) -> tuple[Any, list[Any]]:
        rate, momentum = hyper["learning_rate"], hyper["momentum"]
        total = slots[0] * momentum + grad
        step = grad * rate + total * momentum * rate if self._nesterov else rate * total
        return variable - step, [total]


class AdamOptimizer(Optimizer):
    """m, v: running means of g and of its square; w -= rate_t * m / (sqrt(v) + epsilon).

    rate_t = learning_rate * sqrt(1 - beta2**t) / (1 - beta1**t): epsilon stands outside of the correction,
    unlike PyTorch's.
    """

    operation = "ApplyAdam"
    slots = (("m", 0.0), ("v", 0.0))
    shared: Any = (("beta1_power", "beta1"), ("beta2_power", "beta2"))

    def __init__(
        self,
        learning_rate: Any = 0.001,
        beta1: Any = 0.9,
        beta2: Any = 0.999,
        epsilon: Any = 1e-08,
        use_locking: bool = False,
        name: str = "Adam",
    ) -> None:
        super().__init__(name, learning_rate=learning_rate, beta1=beta1, beta2=beta2, epsilon=epsilon)

    def update(self, hyper: Any, grad: Any, variable: Any, slots: list[Any]) -> tuple[Any, list[Any]]:
        m, v = slots
        rate = hyper["learning_rate"] * jnp.sqrt(1 - hyper["beta2_power"]) / (1 - hyper["beta1_power"])
        m = m + (grad - m) * (1 - hyper["beta1"])
        v = v + (grad * grad - v) * (1 - hyper["beta2"])
        return variable - m * rate / (jnp.sqrt(v) + hyper["epsilon"]), [m, v]

    def finish(self, shared: list[Variable], hyper: dict[str, Tensor]) -> list[Operation]:
        powers = zip(shared, ("beta1", "beta2"), strict=True)
        return [power.assign(mathematics.multiply(power, hyper[beta])).op for power, beta in powers]


class RMSPropOptimizer(Optimizer):
    """s = decay * s + (1 - decay) * g**2, from 1; u = momentum * u + rate * g / sqrt(s + epsilon)."""

    operation = "ApplyRMSProp"
    slots = (("rms", 1.0), ("momentum", 0.0))

    def __init__(
        self,
        learning_rate: Any,
        decay: Any = 0.9,
        momentum: Any = 0.0,
        epsilon: Any = 1e-10,
        use_locking: bool = False,
        centered: bool = False,
        name: str = "RMSProp",
    ) -> None:
        if centered:
            raise NotImplementedError("fnnet.tensorflow: RMSPropOptimizer(centered=True) is not mirrored")
        super().__init__(name, learning_rate=learning_rate, decay=decay, momentum=momentum, epsilon=epsilon)

    def update(self, hyper: Any, grad: Any, variable: Any, slots: list[Any]) -> tuple[Any, list[Any]]:
        squares, moving = slots
        squares = squares + (grad * grad - squares) * (1 - hyper["decay"])
        step = hyper["learning_rate"] * grad * jax.lax.rsqrt(squares + hyper["epsilon"])
        moving = moving * hyper["momentum"] + step
        return variable - moving, [squares, moving]


class AdagradOptimizer(Optimizer):
    """s += g**2, from `initial_accumulator_value`; w -= learning_rate * g / sqrt(s)."""

    operation = "ApplyAdagrad"

    def __init__(
        self,
        learning_rate: Any,
        initial_accumulator_value: float = 0.1,
        use_locking: bool = False,
        name: str = "Adagrad",
    ) -> None:
        if initial_accumulator_value <= 0.0:
            raise ValueError(f"initial_accumulator_value must be positive: {initial_accumulator_value}")
        super().__init__(name, learning_rate=learning_rate)
        self.slots = (("accumulator", initial_accumulator_value),)

    def update(self, hyper: Any, grad: Any, variable: Any, slots: list[Any]) -> tuple[Any, list[Any]]:
        total = slots[0] + grad * grad
        return variable - grad * hyper["learning_rate"] * jax.lax.rsqrt(total), [total]


def exponential_decay(
    learning_rate: Any,
    global_step: Any,
    decay_steps: Any,
    decay_rate: Any,
    staircase: bool = False,
    name: str | None = None,
) -> Tensor:
    """learning_rate * decay_rate ** (global_step / decay_steps), with the quotient floored if `staircase`."""
    with get_default_graph().name_scope(name or "ExponentialDecay") as scope:
        rate = convert_to_tensor(learning_rate, name="learning_rate")
        done = mathematics.divide(
            mathematics.cast(global_step, rate.dtype), mathematics.cast(decay_steps, rate.dtype)
        )
        done = mathematics.floor(done) if staircase else done
        power = mathematics.pow(mathematics.cast(decay_rate, rate.dtype), done)
        return mathematics.multiply(rate, power, name=scope)

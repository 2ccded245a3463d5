"""`tf.train`: optimizers, as operations that change variables, with TensorFlow's formulas and defaults."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from fnnet.tensorflow import arrays, mathematics
from fnnet.tensorflow.declare import lenient
from fnnet.tensorflow.errors import not_mirrored
from fnnet.tensorflow.gradient import gradients
from fnnet.tensorflow.graph import Operation, Tensor, convert_to_tensor, get_default_graph
from fnnet.tensorflow.saver import Saver as Saver
from fnnet.tensorflow.saver import latest_checkpoint as latest_checkpoint
from fnnet.tensorflow.variables import Variable, assign_add, group, trainable_variables


def get_global_step(graph: Any = None) -> Variable | None:
    """The counter of steps, if one was made."""
    return next(iter((graph or get_default_graph()).get_collection("global_step")), None)


def get_or_create_global_step(graph: Any = None) -> Variable:
    """The counter of steps."""
    found = get_global_step(graph)
    if found is None:
        found = Variable(lambda: arrays.zeros((), "int64"), trainable=False, name="global_step")
        found.graph.add_to_collection("global_step", found)
    return found


class Optimizer:
    """Gradients, then one operation for each variable.

    A subclass is made by `_optimizer` of a rule: `rule(gradient, variable, *slots, **numbers)` gives the new
    variable and slots. The numbers are the options of the optimizer, with the current values of `shared`.
    """

    rule: Callable[..., Any]
    operation = ""
    slots: Mapping[str, Any] = MappingProxyType({})
    shared: Mapping[str, str] = MappingProxyType({})
    signature = inspect.Signature()

    def __init__(self, *args: Any, **named: Any) -> None:
        bound = self.signature.bind(*args, **named)
        bound.apply_defaults()
        if bound.arguments.get("centered"):
            raise not_mirrored(f"{type(self).__name__}(centered=True)")
        self.options = {k: v for k, v in bound.arguments.items() if k not in ("use_locking", "name")}
        self._name = bound.arguments["name"]
        self._made: dict[Any, Variable] = {}

    @lenient
    def minimize(
        self,
        loss: Tensor,
        global_step: Any = None,
        var_list: Any = None,
        *,
        name: Any = None,
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

    @lenient
    def compute_gradients(
        self, loss: Any, var_list: Any = None, *, grad_loss: Any = None
    ) -> list[tuple[Any, Variable]]:
        """The gradients of `loss`, each with its variable; None for one that it does not depend on."""
        variables = list(trainable_variables() if var_list is None else var_list)
        if not variables:
            raise ValueError("No variables to optimize.")
        return list(zip(gradients(loss, variables, grad_ys=grad_loss), variables, strict=True))

    def apply_gradients(self, grads_and_vars: Any, global_step: Any = None, name: Any = None) -> Any:
        """An operation that changes the variables by given gradients."""
        pairs = [(convert_to_tensor(grad), v) for grad, v in grads_and_vars if grad is not None]
        if not pairs:
            raise ValueError("No gradients provided for any variable.")
        graph, beside = get_default_graph(), list(self.shared.items())
        with graph.name_scope(None), graph.control_dependencies(None):
            shared = [self._made_of((graph, label), self.options[k], (), label) for label, k in beside]
            slots = [[self._slot(v, label) for label in self.slots] for _, v in pairs]
        with graph.name_scope(name or self._name) as scope:
            with graph.control_dependencies(None):
                given = {
                    k: v() if callable(v) else v for k, v in self.options.items() if not isinstance(v, bool)
                }
                numbers = {label: convert_to_tensor(value, name=label) for label, value in given.items()}
                numbers |= {label: v.value() for (label, _), v in zip(beside, shared, strict=True)}
            updates = [self._update(v, g, own, numbers) for (g, v), own in zip(pairs, slots, strict=True)]
            with graph.control_dependencies(updates):
                updates += [
                    v.assign(mathematics.multiply(v, numbers[k])).op
                    for v, (_, k) in zip(shared, beside, strict=True)
                ]
            if global_step is None:
                return group(*updates, name=scope)
            with graph.control_dependencies([group(*updates, name="update")]):
                return assign_add(global_step, np.asarray(1, global_step.dtype.as_numpy_dtype), name=scope).op

    def _made_of(self, key: Any, number: Any, shape: Any, name: str, dtype: Any = "float32") -> Variable:
        if key not in self._made:
            begin = lambda: arrays.fill(shape, arrays.constant(number, dtype), name="Initializer")  # noqa: E731
            self._made[key] = Variable(begin, trainable=False, name=name)
        return self._made[key]

    def _slot(self, variable: Variable, label: str) -> Variable:
        first, kind = self.slots[label], variable.dtype.base_dtype
        number, sizes = self.options[first] if isinstance(first, str) else first, variable.shape.as_list()
        return self._made_of((variable, label), number, sizes, f"{variable.op.name}/{self._name}", kind)

    def get_slot(self, var: Variable, name: str) -> Variable | None:
        """A slot of a variable: "momentum", "m", "v", "accumulator"."""
        return self._made.get((var, name))

    def get_slot_names(self) -> list[str]:
        """The names of the slots."""
        return list(self.slots)

    def variables(self) -> list[Variable]:
        """The slots made so far, and what is shared."""
        return list(self._made.values())

    def _update(
        self, variable: Variable, grad: Tensor, slots: list[Variable], numbers: dict[str, Tensor]
    ) -> Operation:
        cells, graph = [variable.op, *(slot.op for slot in slots)], get_default_graph()
        flags = {label: value for label, value in self.options.items() if isinstance(value, bool)}

        def run(state: Any, grad: jax.Array, *given: Any) -> Any:
            known = dict(zip(numbers, [n.astype(grad.dtype) for n in given], strict=True))
            after = type(self).rule(grad, *(state[cell] for cell in cells), **known, **flags)
            state.update(zip(cells, after, strict=True))
            return after[0]

        options: Any = {"reads": cells, "writes": cells, "differentiable": False, "ref": True}
        with graph.name_scope("update_" + variable.op.name):
            return graph.create(
                self.operation, run, [grad, *numbers.values()], known=[variable.op.cell], **options
            )


def _optimizer(
    name: str, rule: Callable[..., Any], shared: dict[str, str] | None = None, **slots: Any
) -> Any:
    """An optimizer's class from a rule: slots with their first values, or the option that has them.

    Args:
        shared: numbers that all variables share: they begin as an option, and are multiplied by it each step.
    """
    options = [p for p in inspect.signature(rule).parameters.values() if p.kind is p.KEYWORD_ONLY]
    extra = [options[0].replace(name=k, default=v) for k, v in (("use_locking", False), ("name", name))]
    flags = [p for p in options if isinstance(p.default, bool)]
    numbers = [p for p in options if p not in flags and p.name not in (shared or {})]
    ordered = [p.replace(kind=p.POSITIONAL_OR_KEYWORD) for p in (*numbers, *extra, *flags)]
    body = {"rule": staticmethod(rule), "operation": f"Apply{name}", "slots": slots, "shared": shared or {}}
    body |= {
        "signature": inspect.Signature(ordered),
        "__doc__": f"{name}: {rule.__doc__}",
        "__module__": __name__,
    }
    return type(f"{name}Optimizer", (Optimizer,), body)


def _descent(g: Any, w: Any, *, learning_rate: Any) -> Any:
    """w -= learning_rate * g."""
    return (w - learning_rate * g,)


def _momentum(
    g: Any, w: Any, a: Any, *, learning_rate: Any, momentum: Any, use_nesterov: bool = False
) -> Any:
    """a = momentum * a + g; w -= learning_rate * a (with Nesterov: learning_rate * (g + momentum * a))."""
    a = momentum * a + g
    step = g * learning_rate + a * momentum * learning_rate if use_nesterov else learning_rate * a
    return w - step, a


def _adam(
    g: Any, w: Any, m: Any, v: Any, *, learning_rate: Any = 0.001, beta1: Any = 0.9, beta2: Any = 0.999,
    epsilon: Any = 1e-08, beta1_power: Any = None, beta2_power: Any = None,
) -> Any:  # fmt: skip
    """m, v: running means of g and of its square; w -= rate_t * m / (sqrt(v) + epsilon).

    rate_t = learning_rate * sqrt(1 - beta2**t) / (1 - beta1**t): epsilon stands outside of the correction,
    unlike PyTorch's and optax's.
    """
    rate = learning_rate * jnp.sqrt(1 - beta2_power) / (1 - beta1_power)
    m, v = m + (g - m) * (1 - beta1), v + (g * g - v) * (1 - beta2)
    return w - m * rate / (jnp.sqrt(v) + epsilon), m, v


def _rmsprop(
    g: Any, w: Any, rms: Any, moving: Any, *, learning_rate: Any, decay: Any = 0.9, momentum: Any = 0.0,
    epsilon: Any = 1e-10, centered: bool = False,
) -> Any:  # fmt: skip
    """s = decay * s + (1 - decay) * g**2, from 1; u = momentum * u + rate * g / sqrt(s + epsilon); w -= u."""
    rms = rms + (g * g - rms) * (1 - decay)
    moving = moving * momentum + learning_rate * g * jax.lax.rsqrt(rms + epsilon)
    return w - moving, rms, moving


def _adagrad(g: Any, w: Any, total: Any, *, learning_rate: Any, initial_accumulator_value: Any = 0.1) -> Any:
    """s += g**2, from `initial_accumulator_value`; w -= learning_rate * g / sqrt(s)."""
    total = total + g * g
    return w - g * learning_rate * jax.lax.rsqrt(total), total


GradientDescentOptimizer = _optimizer("GradientDescent", _descent)
MomentumOptimizer = _optimizer("Momentum", _momentum, momentum=0.0)
AdamOptimizer = _optimizer("Adam", _adam, {"beta1_power": "beta1", "beta2_power": "beta2"}, m=0.0, v=0.0)
RMSPropOptimizer = _optimizer("RMSProp", _rmsprop, rms=1.0, momentum=0.0)
AdagradOptimizer = _optimizer("Adagrad", _adagrad, accumulator="initial_accumulator_value")


def exponential_decay(
    learning_rate: Any,
    global_step: Any,
    decay_steps: Any,
    decay_rate: Any,
    staircase: bool = False,
    name: Any = None,
) -> Tensor:
    """learning_rate * decay_rate ** (global_step / decay_steps), with the quotient floored if `staircase`."""
    with get_default_graph().name_scope(name or "ExponentialDecay") as scope:
        rate = convert_to_tensor(learning_rate, name="learning_rate")
        cast = lambda x: mathematics.cast(x, rate.dtype)  # noqa: E731
        done = mathematics.divide(cast(global_step), cast(decay_steps))
        power = mathematics.pow(cast(decay_rate), mathematics.floor(done) if staircase else done)
        return mathematics.multiply(rate, power, name=scope)

"""`tf.train`: optimizers, made of operations of the graph, with TensorFlow's formulas and defaults."""

from __future__ import annotations

from typing import Any

import numpy as np

from fnnet.tensorflow.gradients import gradients
from fnnet.tensorflow.graph import Operation, get_default_graph
from fnnet.tensorflow.mathematics import cast
from fnnet.tensorflow.operation import convert_to_tensor
from fnnet.tensorflow.variables import Variable, assign_add, group, trainable_variables


class Optimizer:
    """Gradients, then assignments to each variable.

    A subclass's `_rule(gradient, *slots, **options)` gives the change of the variable and the new values of
    the variables of the optimizer's own that `_slots` names. Of an option in `_powers`, all variables
    share a power.
    """

    GATE_NONE, GATE_OP, GATE_GRAPH = 0, 1, 2
    _slots: tuple[str, ...] = ()
    _powers: tuple[str, ...] = ()

    def __init__(self, name: str, **options: Any) -> None:
        self._name, self._options, self._kept = name, options, dict[Any, Variable]()

    def minimize(
        self, loss: Any, global_step: Any = None, var_list: Any = None, gate_gradients: Any = 1,
        aggregation_method: Any = None, colocate_gradients_with_ops: bool = False, name: Any = None,
        grad_loss: Any = None,
    ) -> Operation:  # fmt: skip
        """An operation that changes the variables to make `loss` smaller, and counts `global_step`."""
        pairs = self.compute_gradients(loss, var_list, grad_loss=grad_loss)
        if all(grad is None for grad, _ in pairs):
            raise ValueError(
                "No gradients provided for any variable, check your graph for ops that do not support "
                f"gradients, between variables {[repr(v) for _, v in pairs]} and loss {loss}."
            )
        return self.apply_gradients(pairs, global_step, name)

    def compute_gradients(
        self, loss: Any, var_list: Any = None, gate_gradients: Any = 1, aggregation_method: Any = None,
        colocate_gradients_with_ops: bool = False, grad_loss: Any = None,
    ) -> list[tuple[Any, Variable]]:  # fmt: skip
        """The gradients of `loss`, each with its variable; None for one that it does not depend on."""
        given = trainable_variables() if var_list is None else var_list
        variables = list(given) if isinstance(given, list | tuple) else [given]
        return list(zip(gradients(loss, variables, grad_loss), variables, strict=True))

    def get_name(self) -> str:
        """The name of its operations."""
        return self._name

    def get_slot_names(self) -> list[str]:
        """The names of the variables that it keeps beside each of the program's."""
        return sorted(self._slots)

    def get_slot(self, var: Variable, name: str) -> Variable | None:
        """One of those variables, if it is there."""
        return self._kept.get((var, name))

    def apply_gradients(self, grads_and_vars: Any, global_step: Any = None, name: Any = None) -> Operation:
        """An operation that changes the variables by given gradients."""
        updates: list[Any] = []
        with get_default_graph().name_scope(name or self._name) as scope:
            powers = {k: self._keep(k, self._options[k], f"{k}_power") for k in self._powers}
            options = self._options | {f"{k}_power": v for k, v in powers.items()}
            for grad, v in [(convert_to_tensor(grad), v) for grad, v in grads_and_vars if grad is not None]:
                zeros = np.zeros(v.shape.as_list(), v.dtype)
                label = f"{v.op.name}/{self._name}"
                slots = [self._keep((v, kind), zeros, label) for kind in self._slots]
                numbers = {k: cast(x, grad.dtype) for k, x in options.items()}
                change, *new = self._rule(grad, *slots, **numbers)
                updates += [slot.assign(x) for slot, x in zip(slots, new, strict=True)]
                updates.append(v.assign_sub(change))
            if not updates:
                raise ValueError("No gradients provided for any variable.")
            updates += [power.assign(power * self._options[k]) for k, power in powers.items()]
            if global_step is None:
                return group(*updates, name=scope)
            with get_default_graph().control_dependencies([group(*updates, name="update")]):
                return assign_add(global_step, 1, name=scope).op

    def _rule(self, g: Any, *slots: Any, **options: Any) -> list[Any]:
        raise NotImplementedError

    def _keep(self, key: Any, start: Any, name: str) -> Variable:
        """A variable of the optimizer's own."""
        with get_default_graph().name_scope(None), get_default_graph().control_dependencies(None):
            if key not in self._kept:
                self._kept[key] = Variable(start, trainable=False, name=name)
        return self._kept[key]


class GradientDescentOptimizer(Optimizer):
    """w -= learning_rate * g."""

    def __init__(self, learning_rate: Any, use_locking: bool = False, name: str = "GradientDescent") -> None:
        super().__init__(name, learning_rate=learning_rate)

    def _rule(self, g: Any, *, learning_rate: Any) -> list[Any]:
        return [learning_rate * g]


class MomentumOptimizer(Optimizer):
    """a = momentum * a + g; w -= learning_rate * a (with Nesterov: learning_rate * (g + momentum * a))."""

    _slots = ("momentum",)

    def __init__(
        self, learning_rate: Any, momentum: Any, use_locking: bool = False, name: str = "Momentum",
        use_nesterov: bool = False,
    ) -> None:  # fmt: skip
        super().__init__(name, learning_rate=learning_rate, momentum=momentum)
        self.use_nesterov = use_nesterov

    def _rule(self, g: Any, a: Any, *, learning_rate: Any, momentum: Any) -> list[Any]:
        a = momentum * a + g
        return [learning_rate * (g + momentum * a if self.use_nesterov else a), a]


class AdamOptimizer(Optimizer):
    """m, v: running means of g and of its square; w -= rate_t * m / (sqrt(v) + epsilon).

    rate_t = learning_rate * sqrt(1 - beta2**t) / (1 - beta1**t): epsilon stands outside of the correction,
    unlike PyTorch's and optax's.
    """

    _slots, _powers = ("m", "v"), ("beta1", "beta2")

    def __init__(
        self, learning_rate: Any = 0.001, beta1: Any = 0.9, beta2: Any = 0.999, epsilon: Any = 1e-08,
        use_locking: bool = False, name: str = "Adam",
    ) -> None:  # fmt: skip
        super().__init__(name, learning_rate=learning_rate, beta1=beta1, beta2=beta2, epsilon=epsilon)

    def _rule(self, g: Any, m: Any, v: Any, **options: Any) -> list[Any]:
        rate, beta1, beta2, epsilon, power1, power2 = options.values()
        m, v = m + (g - m) * (1 - beta1), v + (g * g - v) * (1 - beta2)
        return [m * (rate * (1 - power2) ** 0.5 / (1 - power1)) / (v**0.5 + epsilon), m, v]

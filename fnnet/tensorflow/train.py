"""`tf.train`: optimizers, made of operations of the graph, with TensorFlow's formulas and defaults."""

from __future__ import annotations

from typing import Any

import numpy as np

from fnnet.tensorflow.graph import Operation, Tensor, get_default_graph
from fnnet.tensorflow.mathematics import cast, gradients, sqrt
from fnnet.tensorflow.operation import convert_to_tensor
from fnnet.tensorflow.variables import Variable, assign_add, group, trainable_variables


class Optimizer:
    """Gradients, then assignments to each variable: a subclass's `_update(variable, gradient)` makes those.

    Its options are attributes of it; a number may be a Tensor.
    """

    def __init__(self, name: str, **options: Any) -> None:
        self._name, self._kept = name, dict[Any, Variable]()
        self.__dict__.update(options)

    def minimize(
        self, loss: Tensor, global_step: Any = None, var_list: Any = None, name: str | None = None
    ) -> Operation:  # fmt: skip
        """An operation that changes the variables to make `loss` smaller, and counts `global_step`."""
        pairs = self.compute_gradients(loss, var_list)
        if all(grad is None for grad, _ in pairs):
            raise ValueError(
                "No gradients provided for any variable, check your graph for ops that do not support "
                f"gradients, between variables {[str(v) for _, v in pairs]} and loss {loss}."
            )
        return self.apply_gradients(pairs, global_step, name)

    def compute_gradients(self, loss: Any, var_list: Any = None) -> list[tuple[Any, Variable]]:
        """The gradients of `loss`, each with its variable; None for one that it does not depend on."""
        variables = list(trainable_variables() if var_list is None else var_list)
        if not variables:
            raise ValueError("No variables to optimize.")
        return list(zip(gradients(loss, variables), variables, strict=True))

    def apply_gradients(
        self, grads_and_vars: Any, global_step: Any = None, name: str | None = None
    ) -> Operation:
        """An operation that changes the variables by given gradients."""
        pairs = [(convert_to_tensor(grad), v) for grad, v in grads_and_vars if grad is not None]
        if not pairs:
            raise ValueError("No gradients provided for any variable.")
        graph = get_default_graph()
        with graph.name_scope(name or self._name) as scope:
            self._begin()
            updates = [each for grad, v in pairs for each in self._update(v, grad)]
            updates += self._end()
            if global_step is None:
                return group(*updates, name=scope)
            with graph.control_dependencies([group(*updates, name="update")]):
                return assign_add(global_step, 1, name=scope).op

    def _update(self, w: Any, g: Any) -> list[Tensor]:
        """The assignments that change a variable."""
        raise NotImplementedError

    def _begin(self) -> None:
        """Make what all variables share."""

    def _end(self) -> list[Tensor]:
        """The changes of what all variables share, after those of the variables."""
        return []

    def _number(self, key: str, like: Tensor) -> Any:
        return cast(convert_to_tensor(getattr(self, key)), like.dtype)

    def _keep(self, key: Any, start: Any, name: str) -> Variable:
        """A variable of the optimizer's own."""
        graph = get_default_graph()
        with graph.name_scope(None), graph.control_dependencies(None):
            if key not in self._kept:
                self._kept[key] = Variable(start, trainable=False, name=name)
        return self._kept[key]

    def _slot(self, variable: Variable, label: str) -> Any:
        sizes: Any = variable.shape.as_list()
        zeros = np.zeros(sizes, variable.dtype.as_numpy_dtype)
        return self._keep((variable, label), zeros, f"{variable.op.name}/{self._name}")


class GradientDescentOptimizer(Optimizer):
    """w -= learning_rate * g."""

    def __init__(self, learning_rate: Any, use_locking: bool = False, name: str = "GradientDescent") -> None:
        super().__init__(name, learning_rate=learning_rate)

    def _update(self, w: Any, g: Any) -> list[Tensor]:
        return [w.assign_sub(self._number("learning_rate", g) * g)]


class MomentumOptimizer(Optimizer):
    """a = momentum * a + g; w -= learning_rate * a (with Nesterov: learning_rate * (g + momentum * a))."""

    def __init__(
        self, learning_rate: Any, momentum: Any, use_locking: bool = False, name: str = "Momentum",
        use_nesterov: bool = False,
    ) -> None:  # fmt: skip
        super().__init__(name, learning_rate=learning_rate, momentum=momentum)
        self.use_nesterov = use_nesterov

    def _update(self, w: Any, g: Any) -> list[Tensor]:
        slot, rate, momentum = (
            self._slot(w, "momentum"),
            self._number("learning_rate", g),
            self._number("momentum", g),
        )
        a = momentum * slot + g
        return [slot.assign(a), w.assign_sub(rate * (g + momentum * a if self.use_nesterov else a))]


class AdamOptimizer(Optimizer):
    """m, v: running means of g and of its square; w -= rate_t * m / (sqrt(v) + epsilon).

    rate_t = learning_rate * sqrt(1 - beta2**t) / (1 - beta1**t): epsilon stands outside of the correction,
    unlike PyTorch's and optax's.
    """

    def __init__(
        self, learning_rate: Any = 0.001, beta1: Any = 0.9, beta2: Any = 0.999, epsilon: Any = 1e-08,
        use_locking: bool = False, name: str = "Adam",
    ) -> None:  # fmt: skip
        super().__init__(name, learning_rate=learning_rate, beta1=beta1, beta2=beta2, epsilon=epsilon)

    def _begin(self) -> None:
        self._powers = [self._keep(f"{k}_power", getattr(self, k), f"{k}_power") for k in ("beta1", "beta2")]

    def _end(self) -> list[Tensor]:
        return [
            power.assign(power * getattr(self, k))
            for power, k in zip(self._powers, ("beta1", "beta2"), strict=True)
        ]

    def _update(self, w: Any, g: Any) -> list[Tensor]:
        m_slot, v_slot = self._slot(w, "m"), self._slot(w, "v")
        rate, beta1, beta2, epsilon = (
            self._number(k, g) for k in ("learning_rate", "beta1", "beta2", "epsilon")
        )
        power1, power2 = (cast(power.value(), g.dtype) for power in self._powers)
        m, v = m_slot + (g - m_slot) * (1 - beta1), v_slot + (g * g - v_slot) * (1 - beta2)
        step = m * (rate * sqrt(1 - power2) / (1 - power1)) / (sqrt(v) + epsilon)
        return [m_slot.assign(m), v_slot.assign(v), w.assign_sub(step)]

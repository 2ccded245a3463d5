"""TensorFlow's exceptions (`tf.errors`), and shapes that do not fit."""

from __future__ import annotations

from typing import Any


class OpError(Exception):
    """An error of a running graph."""

    def __init__(self, node_def: Any, op: Any, message: str) -> None:
        super().__init__(message)
        self.node_def, self.op, self.message = node_def, op, message


class InvalidArgumentError(OpError):
    """An operation got what it cannot take, or a placeholder nothing."""


class FailedPreconditionError(OpError):
    """A variable was used before it had a value."""


class NotFoundError(OpError):
    """A checkpoint, or a variable in it, is not there."""


class OperatorNotAllowedInGraphError(TypeError):
    """A Tensor, which has no value before the graph runs, was used as a Python value."""


class Mismatch(ValueError):
    """Shapes that do not fit, in the words of a graph being built; `running` has those of a kernel."""

    def __init__(self, built: str, running: str | None = None) -> None:
        super().__init__(built)
        self.running = running or built


def at_node(kind: type[OpError], node: str, message: str) -> OpError:
    """The error of a kind with TensorFlow's mark of the operation."""
    return kind(None, None, f"{message}\n\t [[{{{{node {node}}}}}]]")


def no_value(verb: str) -> OperatorNotAllowedInGraphError:
    """The error of using a Tensor as a Python value."""
    advice = "It has no value before `Session.run`: use tf.cond, tf.while_loop or tf.where, or fetch it."
    return OperatorNotAllowedInGraphError(f"{verb} is not allowed. {advice}")


def not_mirrored(what: str) -> NotImplementedError:
    """The error for what TensorFlow has and this does not."""
    return NotImplementedError(f"fnnet.tensorflow: {what} is not mirrored")


def in_brackets(x: Any) -> str:
    """An array's shape as kernels write it."""
    return "[" + ",".join(map(str, x.shape)) + "]"

"""TensorFlow's exceptions (`tf.errors`)."""

from __future__ import annotations

from typing import Any

__all__ = [
    "FailedPreconditionError",
    "InvalidArgumentError",
    "NotFoundError",
    "OpError",
    "OperatorNotAllowedInGraphError",
]


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
    """A checkpoint lacks a variable."""


class OperatorNotAllowedInGraphError(TypeError):
    """A Tensor, which has no value before the graph runs, was used as a Python value."""


def at_node(kind: type[OpError], op: Any, message: str) -> OpError:
    """The error of a kind with TensorFlow's mark of the node."""
    return kind(None, op, f"{message}\n\t [[{{{{node {op.name}}}}}]]")


def no_value(verb: str) -> OperatorNotAllowedInGraphError:
    """The error of using a Tensor as a Python value."""
    return OperatorNotAllowedInGraphError(
        f"{verb} is not allowed. A symbolic `tf.Tensor` has no value before `Session.run`: use tf.cond, "
        "tf.while_loop or tf.where, or fetch it."
    )

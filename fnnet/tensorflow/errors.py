"""TensorFlow's exceptions (`tf.errors`), and shapes that do not fit."""

from __future__ import annotations

import re
from typing import Any

GUESS = 25200  # divides every size that is tried for an unknown one (`infer`)


class OpError(Exception):
    """An error of a running graph."""

    def __init__(self, node_def: Any, op: Any, message: str) -> None:
        super().__init__(message)
        self.node_def, self.op, self.message = node_def, op, message


class InvalidArgumentError(OpError):
    """An operation got what it cannot take, or a placeholder nothing."""


class FailedPreconditionError(OpError):
    """A variable was used before it had a value."""


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


def at_build(error: Exception, op: Any) -> ValueError:
    """What an operation says of its inputs' shapes, with TensorFlow's mark of it; "?" for an unknown size."""
    text = re.sub(r"\d+", lambda n: "?" if int(n[0]) and int(n[0]) % GUESS == 0 else n[0], str(error))
    names = ", ".join(t.op.name if t.value_index == 0 else t.name for t in op.inputs)
    shapes = ", ".join(t.shape.in_brackets() for t in op.inputs)
    return ValueError(
        f"{text} for '{{{{node {op.name}}}}} = {op.type}({names})' with input shapes: {shapes}."
    )


def not_mirrored(what: str) -> NotImplementedError:
    """The error for what TensorFlow has and this does not."""
    return NotImplementedError(f"fnnet.tensorflow: {what} is not mirrored")


def in_brackets(x: Any) -> str:
    """An array's shape as kernels write it."""
    return "[" + ",".join(map(str, x.shape)) + "]"

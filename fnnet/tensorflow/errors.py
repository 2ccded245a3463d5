"""TensorFlow's exceptions (`tf.errors`)."""


class OpError(Exception):
    """An error of a running graph, with TensorFlow's mark of the operation where it arose."""

    def __init__(self, node: str, message: str) -> None:
        super().__init__(message + (f"\n\t [[{{{{node {node}}}}}]]" if node else ""))


class InvalidArgumentError(OpError):
    """An operation got what it cannot take, or a placeholder nothing."""


class FailedPreconditionError(OpError):
    """A variable was used before it had a value."""


class OperatorNotAllowedInGraphError(TypeError):
    """A Tensor, which has no value before the graph runs, was used as a Python value."""


def not_mirrored(what: str) -> NotImplementedError:
    """The error for what TensorFlow has and this does not."""
    return NotImplementedError(f"fnnet.tensorflow: {what} is not mirrored")

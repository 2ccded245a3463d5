"""torch.onnx by name: programs that import it run, and are told when they export."""

from fnnet.torch.missing import refusal

__all__ = ["export", "is_in_onnx_export"]

export = refusal("torch.onnx.export", "jax.export writes programs, of fnnet.functionalize's function")


def is_in_onnx_export() -> bool:
    """Whether a model is being exported: never."""
    return False

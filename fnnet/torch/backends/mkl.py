"""torch.backends.mkl: not used here; XLA computes."""


def is_available() -> bool:
    """False."""
    return False

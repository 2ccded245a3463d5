"""torch.backends.mps: not used here; XLA computes."""


def is_available() -> bool:
    """False."""
    return False


def is_built() -> bool:
    """False."""
    return False

"""torch.backends.openmp: not used here; XLA computes."""


def is_available() -> bool:
    """False."""
    return False

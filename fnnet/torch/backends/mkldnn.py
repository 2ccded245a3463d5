"""torch.backends.mkldnn: not used here; XLA computes."""


def is_available() -> bool:
    """False."""
    return False


enabled = False

"""torch.mps by name: no Apple GPU is used here."""


def is_available() -> bool:
    """False."""
    return False


def device_count() -> int:
    """0."""
    return 0

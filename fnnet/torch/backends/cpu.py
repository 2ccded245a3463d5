"""torch.backends.cpu."""


def get_cpu_capability() -> str:
    """XLA chooses instructions by itself, so the default."""
    return "DEFAULT"

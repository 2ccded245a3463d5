"""torch.profiler by name: `jax.profiler.trace` and `fnnet.torch.stats()` see what runs."""

from fnnet.torch.autograd.profiler import record_function as record_function
from fnnet.torch.missing import refusals

_NAMES = "profile schedule tensorboard_trace_handler ProfilerAction"
globals().update(refusals("torch.profiler", _NAMES, "use jax.profiler.trace and fnnet.torch.stats()"))


class ProfilerActivity:
    """What would be profiled."""

    CPU, CUDA = "CPU", "CUDA"


def kineto_available() -> bool:
    """False: PyTorch's profiler is not here."""
    return False

"""torch.profiler by name: `jax.profiler.trace` and `fnnet.torch.stats()` see what runs."""

from fnnet.torch.missing import refusal

_INSTEAD = "use jax.profiler.trace and fnnet.torch.stats()"
profile = refusal("torch.profiler.profile", _INSTEAD)
record_function = refusal("torch.profiler.record_function", _INSTEAD)
schedule = refusal("torch.profiler.schedule", _INSTEAD)
tensorboard_trace_handler = refusal("torch.profiler.tensorboard_trace_handler", _INSTEAD)


class ProfilerActivity:
    """What would be profiled."""

    CPU, CUDA = "CPU", "CUDA"

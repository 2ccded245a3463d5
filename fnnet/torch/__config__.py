"""torch.__config__: what does the computing."""

import jax
import jaxlib

from fnnet.torch.settings import get_num_interop_threads, get_num_threads


def show() -> str:
    """The versions of JAX and jaxlib and the backend, in place of PyTorch's build settings."""
    return (
        f"fnnet.torch built with:\n  - JAX {jax.__version__}\n  - jaxlib {jaxlib.__version__}\n"
        f"  - XLA backend: {jax.default_backend()}\n"
    )


def parallel_info() -> str:
    """The thread counts that are kept."""
    interop = get_num_interop_threads()
    return f"at::get_num_threads() : {get_num_threads()}\nat::get_num_interop_threads() : {interop}\n"

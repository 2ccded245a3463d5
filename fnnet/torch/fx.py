"""torch.fx by name: modules are not traced to graphs of Python; what only marks functions returns them."""

from __future__ import annotations

from typing import Any

from fnnet.torch.missing import refusals

_NAMES = "symbolic_trace Tracer GraphModule Graph Node Proxy Interpreter Transformer"
globals().update(refusals("torch.fx", _NAMES, "use fnnet.functionalize and jax.make_jaxpr"))


def wrap(fn_or_name: Any) -> Any:
    """The function as it is: nothing is traced. Raises RuntimeError for what is no function and no name."""
    if not callable(fn_or_name) and not isinstance(fn_or_name, str):
        raise RuntimeError("Unsupported type for global function! Must be either a callable or string name")
    return fn_or_name

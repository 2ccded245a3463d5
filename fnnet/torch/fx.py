"""torch.fx by name: modules are not traced to graphs of Python; what only marks functions returns them."""

from __future__ import annotations

from typing import Any

from fnnet.torch.missing import refusal

_INSTEAD = "use fnnet.functionalize and jax.make_jaxpr"
symbolic_trace = refusal("torch.fx.symbolic_trace", _INSTEAD)
Tracer = refusal("torch.fx.Tracer", _INSTEAD)
GraphModule = refusal("torch.fx.GraphModule", _INSTEAD)
Graph = refusal("torch.fx.Graph", _INSTEAD)
Node = refusal("torch.fx.Node", _INSTEAD)
Proxy = refusal("torch.fx.Proxy", _INSTEAD)
Interpreter = refusal("torch.fx.Interpreter", _INSTEAD)
Transformer = refusal("torch.fx.Transformer", _INSTEAD)


def wrap(fn_or_name: Any) -> Any:
    """The function as it is: nothing is traced. Raises RuntimeError for what is no function and no name."""
    if not callable(fn_or_name) and not isinstance(fn_or_name, str):
        raise RuntimeError("Unsupported type for global function! Must be either a callable or string name")
    return fn_or_name

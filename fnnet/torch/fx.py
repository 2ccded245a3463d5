"""torch.fx by name: modules are not traced to graphs of Python; what only marks functions returns them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from fnnet.torch.missing import refusals
from fnnet.torch.places import spell

__path__: list[str] = []  # what makes this module a package to the import system

_NAMES = "symbolic_trace Tracer GraphModule Graph Node Proxy Interpreter Transformer"
_REFUSED = refusals("torch.fx", _NAMES, "use fnnet.functionalize and jax.make_jaxpr")
globals().update(_REFUSED)

Target = Callable[..., Any] | str
Argument = Any


def wrap(fn_or_name: Any) -> Any:
    """The function as it is: nothing is traced. Raises RuntimeError for what is no function and no name."""
    if not callable(fn_or_name) and not isinstance(fn_or_name, str):
        raise RuntimeError("Unsupported type for global function! Must be either a callable or string name")
    return fn_or_name


def _get_proxy_mode() -> None:
    """None: nothing traces."""


_PLACES = {
    "_symbolic_trace": "Tracer symbolic_trace", "graph": "Graph", "graph_module": "GraphModule",
    "interpreter": "Interpreter Transformer", "node": "Node", "proxy": "Proxy",
}  # fmt: skip
for _place, _of in _PLACES.items():
    spell(f"{__name__}.{_place}", **{name: _REFUSED[name] for name in _of.split()})
spell(f"{__name__}.node", Argument=Argument, Target=Target)
spell(f"{__name__}._symbolic_trace", wrap=wrap)
spell(f"{__name__}.proxy", **refusals("torch.fx.proxy", "GraphAppendingTracer TracerBase ParameterProxy"))
spell(
    f"{__name__}.experimental.proxy_tensor",
    get_proxy_mode=_get_proxy_mode,
    **refusals("torch.fx.experimental.proxy_tensor", "make_fx"),
)

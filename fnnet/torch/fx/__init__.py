"""torch.fx: functions and modules as graphs of Python's calls, which programs read, change and run.

A graph is of the program's own calls, as in PyTorch. A traced module is recorded and compiled as any other.
"""

from __future__ import annotations

from fnnet.torch.fx import immutable_collections as immutable_collections
from fnnet.torch.fx._symbolic_trace import PH as PH
from fnnet.torch.fx._symbolic_trace import ProxyableClassMeta as ProxyableClassMeta
from fnnet.torch.fx._symbolic_trace import Tracer as Tracer
from fnnet.torch.fx._symbolic_trace import symbolic_trace as symbolic_trace
from fnnet.torch.fx._symbolic_trace import wrap as wrap
from fnnet.torch.fx.graph import CodeGen as CodeGen
from fnnet.torch.fx.graph import Graph as Graph
from fnnet.torch.fx.graph_module import GraphModule as GraphModule
from fnnet.torch.fx.interpreter import Interpreter as Interpreter
from fnnet.torch.fx.interpreter import Transformer as Transformer
from fnnet.torch.fx.node import Node as Node
from fnnet.torch.fx.node import has_side_effect as has_side_effect
from fnnet.torch.fx.node import map_arg as map_arg
from fnnet.torch.fx.proxy import Proxy as Proxy
from fnnet.torch.fx.subgraph_rewriter import replace_pattern as replace_pattern
from fnnet.torch.missing import refusals
from fnnet.torch.places import spell

__all__ = [
    "Graph",
    "GraphModule",
    "Interpreter",
    "Node",
    "Proxy",
    "Tracer",
    "Transformer",
    "has_side_effect",
    "map_arg",
    "replace_pattern",
    "symbolic_trace",
    "wrap",
]


def _get_proxy_mode() -> None:
    """None: nothing traces below the functions of Python."""


spell(
    f"{__name__}.experimental.proxy_tensor",
    get_proxy_mode=_get_proxy_mode,
    **refusals("torch.fx.experimental.proxy_tensor", "make_fx", "use fnnet.functionalize and jax.make_jaxpr"),
)

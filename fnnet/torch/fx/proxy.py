"""torch.fx.Proxy: what stands for a value while a function is traced; what is done with it becomes nodes."""

from __future__ import annotations

import copy
import dataclasses
import dis
import enum
import operator
import sys
from collections import OrderedDict
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from fnnet.torch.devices import device
from fnnet.torch.dtypes import dtype
from fnnet.torch.fx.codegen import MAGIC, REFLECTABLE
from fnnet.torch.fx.naming import methods
from fnnet.torch.fx.node import Argument, Node, Target, map_arg
from fnnet.torch.fx.takeover import attend, target_name
from fnnet.torch.inquiry import layout
from fnnet.torch.memory_formats import memory_format
from fnnet.torch.nn.parameter import Parameter
from fnnet.torch.spec import Size
from fnnet.torch.tensor import Tensor

if TYPE_CHECKING:
    from fnnet.torch.fx.graph import Graph

__all__ = ["Attribute", "GraphAppendingTracer", "ParameterProxy", "Proxy", "TraceError", "TracerBase"]

base_types = (str, int, float, bool, complex, dtype, Tensor, device, memory_format, layout)


class TraceError(ValueError):
    """The function does something that is decided by values, which are not there while it is traced."""


class Scope:
    """The module whose `forward` is being traced."""

    def __init__(self, module_path: str, module_type: Any) -> None:
        self.module_path, self.module_type = module_path, module_type


class TracerBase:
    """What makes nodes of what is done with proxies."""

    graph: Graph
    record_stack_traces = False
    check_mutable_operations = False
    trace_asserts = False
    running = False
    proxy_buffer_attributes = False
    traced_func_name = "forward"
    scope: Scope
    module_stack: OrderedDict[str, tuple[str, Any]]
    node_name_to_scope: dict[str, tuple[str, Any]]

    def create_node(
        self,
        kind: str,
        target: Target,
        args: tuple[Argument, ...],
        kwargs: dict[str, Argument],
        name: str | None = None,
        type_expr: Any = None,
    ) -> Node:
        """A new node of the graph."""
        node = self.graph.create_node(kind, target, args, kwargs, name, type_expr)
        self.node_name_to_scope[node.name] = (self.scope.module_path, self.scope.module_type)
        if self.module_stack:
            node.meta["nn_module_stack"] = copy.copy(self.module_stack)
        return node

    def proxy(self, node: Node) -> Proxy:
        """A proxy of a node's value."""
        return Proxy(node, self)

    def create_proxy(
        self,
        kind: str,
        target: Target,
        args: tuple[Any, ...],
        kwargs: dict[str, Any],
        name: str | None = None,
        type_expr: Any = None,
        proxy_factory_fn: Any = None,
    ) -> Any:
        """A new node, of arguments that may hold proxies, as a proxy."""
        node = self.create_node(kind, target, self.create_arg(args), self.create_arg(kwargs), name, type_expr)
        return proxy_factory_fn(node) if proxy_factory_fn else self.proxy(node)

    def create_arg(self, a: Any) -> Argument:
        """An argument as nodes hold it. Raises NotImplementedError for what they cannot hold."""
        if isinstance(a, Proxy):
            return a.node
        if hasattr(a, "__fx_create_arg__"):
            return a.__fx_create_arg__(self)
        if isinstance(a, Size) or (isinstance(a, tuple) and type(a) is tuple):
            return tuple([self.create_arg(one) for one in a])
        if isinstance(a, tuple):
            items = [self.create_arg(one) for one in a]
            return type(a)(*items) if hasattr(a, "_fields") else type(a)(items)
        if isinstance(a, list):
            return [self.create_arg(one) for one in a]
        if isinstance(a, dict):
            return {self._key(name): self.create_arg(one) for name, one in a.items()}
        if isinstance(a, slice | range):
            return type(a)(*(self.create_arg(one) for one in (a.start, a.stop, a.step)))
        if dataclasses.is_dataclass(a) and not isinstance(a, type):
            given = {one.name: self.create_arg(getattr(a, one.name)) for one in dataclasses.fields(a)}
            return self.create_node("call_function", type(a), (), given)
        if isinstance(a, (*base_types, enum.Enum)) or a is None or a is ...:
            return a
        raise NotImplementedError(f"argument of type: {type(a)}")

    def _key(self, name: Any) -> Any:
        if isinstance(name, str):
            return name
        name = self.create_arg(name)

        def refuse(node: Node) -> Any:
            raise RuntimeError(
                f"Keys for dictionaries used as an argument cannot contain a Node. Got key: {node}"
            )

        map_arg(name, refuse)
        return name

    def to_bool(self, obj: Proxy) -> bool:
        """What `if proxy:` does: raises TraceError."""
        raise TraceError("symbolically traced variables cannot be used as inputs to control flow")

    def iter(self, obj: Proxy) -> Iterator[Any]:
        """What `for x in proxy:` does: raises TraceError."""
        raise TraceError(
            "Proxy object cannot be iterated. This can be attempted when the Proxy is used in a loop or as a "
            "*args or **kwargs function argument. See the torch.fx docs on pytorch.org for a more detailed "
            "explanation of what types of control flow can be traced, and check out the Proxy docstring for "
            "help troubleshooting Proxy iteration errors"
        )

    def keys(self, obj: Proxy) -> Any:
        """What `proxy.keys()` and `**proxy` do."""
        return Attribute(obj, "keys")()


class GraphAppendingTracer(TracerBase):
    """Adds to a graph that there is."""

    def __init__(self, graph: Graph) -> None:
        super().__init__()
        self.graph = graph
        self.scope = Scope("", None)
        self.module_stack = OrderedDict()
        self.node_name_to_scope = {}


def _instruction(frame: Any) -> dis.Instruction:
    """What a frame is doing now."""
    last = None
    for one in dis.get_instructions(frame.f_code):
        if one.offset > frame.f_lasti:
            break
        last = one
    assert last is not None
    return last


class Proxy:
    """The value of a node. Operators, methods, attributes and functions of it make further nodes."""

    def __init__(self, node: Node, tracer: TracerBase | None = None) -> None:
        self.tracer = GraphAppendingTracer(node.graph) if tracer is None else tracer
        self.node = node
        if not self.tracer.running:
            attend(self)

    def __repr__(self) -> str:
        return f"Proxy({self.node.name})"

    def __getattr__(self, k: str) -> Any:
        return Attribute(self, k)

    def __getstate__(self) -> dict[str, Any]:
        return self.__dict__

    def __setstate__(self, d: dict[str, Any]) -> None:
        self.__dict__ = d

    def __deepcopy__(self, memo: dict[int, Any]) -> Proxy:
        return Proxy(copy.deepcopy(self.node, memo), copy.deepcopy(self.tracer, memo))

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        return self.tracer.create_proxy("call_method", "__call__", (self, *args), kwargs)

    def __iter__(self) -> Iterator[Any]:
        doing = _instruction(sys._getframe(1))
        if doing.opname == "UNPACK_SEQUENCE":
            return (operator.getitem(self, place) for place in range(doing.argval))
        return self.tracer.iter(self)

    def __abs__(self) -> Any:
        return self.tracer.create_proxy("call_function", operator.abs, (self,), {})

    def __bool__(self) -> bool:
        return self.tracer.to_bool(self)

    def __len__(self) -> int:
        raise RuntimeError(
            "'len' is not supported in symbolic tracing by default. If you want this call to be recorded, "
            "please call torch.fx.wrap('len') at module scope"
        )

    def keys(self) -> Any:
        """A node that calls `keys`."""
        return self.tracer.keys(self)

    @classmethod
    def __torch_function__(
        cls, orig_method: Any, types: Any, args: tuple[Any, ...] = (), kwargs: dict[str, Any] | None = None
    ) -> Any:
        kwargs = kwargs or {}
        tracers = {id(one.tracer): one.tracer for one in _proxies(args) + _proxies(kwargs)}
        if len(tracers) > 1:
            raise RuntimeError(
                f"Found multiple different tracers {list(tracers.values())} while trying to trace operations "
                f"{orig_method}"
            )
        (tracer,) = tracers.values()
        name = orig_method.__name__
        method = methods().get(orig_method) or (name if getattr(Tensor, name, None) is orig_method else None)
        if method is not None:
            return tracer.create_proxy("call_method", method, args, kwargs)
        shown = tracer.graph._target_to_str(target_name(orig_method))
        return tracer.create_proxy("call_function", orig_method, args, kwargs, name=shown)


def _proxies(values: Any) -> list[Proxy]:
    if isinstance(values, Proxy):
        return [values]
    if isinstance(values, dict):
        values = list(values.values())
    if isinstance(values, list | tuple):
        return [found for one in values for found in _proxies(one)]
    return []


class Attribute(Proxy):
    """`proxy.name`: a node of `getattr`, or of a method if it is called."""

    def __init__(self, root: Proxy, attr: str) -> None:
        self.root, self.attr, self.tracer = root, attr, root.tracer
        self._node: Node | None = None

    @property
    def node(self) -> Node:  # type: ignore[override]
        """The node, which is made when it is first needed."""
        if self._node is None:
            made = self.tracer.create_proxy("call_function", getattr, (self.root, self.attr), {})
            self._node = made.node
        return self._node

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        return self.tracer.create_proxy("call_method", self.attr, (self.root, *args), kwargs)


class ParameterProxy(Proxy):
    """A proxy of a parameter whose shape is known."""

    def __init__(self, tracer: TracerBase, node: Node, name: str, param: Any) -> None:
        super().__init__(node, tracer)
        if not isinstance(param, Parameter):
            raise AssertionError(f"Expected Parameter, got {type(param)}")
        self.param, self.name = param, name

    def __repr__(self) -> str:
        return f"ParameterProxy({self.name})"

    @property
    def shape(self) -> Any:
        """The parameter's."""
        return self.param.shape

    @property
    def ndim(self) -> int:
        """The parameter's."""
        return self.param.dim()

    def size(self) -> Any:
        """The parameter's."""
        return self.param.size()

    def dim(self) -> int:
        """The parameter's."""
        return self.param.dim()

    def numel(self) -> int:
        """The parameter's."""
        return self.param.numel()

    nelement = numel


def _operator(name: str, reflected: bool) -> Any:
    target = getattr(operator, name, None)

    def made(*args: Any, **kwargs: Any) -> Any:
        given = (args[1], args[0]) if reflected else args
        return args[0].tracer.create_proxy("call_function", target, given, kwargs)

    made.__name__ = f"__r{name.strip('_')}__" if reflected else name
    return made


for _name in MAGIC:
    if hasattr(operator, _name):
        setattr(Proxy, f"__{_name.strip('_')}__", _operator(_name, reflected=False))
for _name in REFLECTABLE:
    if hasattr(operator, _name):
        setattr(Proxy, f"__r{_name.strip('_')}__", _operator(_name, reflected=True))

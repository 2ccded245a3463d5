"""torch.fx.Tracer and symbolic_trace: a function or module run on proxies, whose steps become a graph."""

from __future__ import annotations

import builtins
import contextlib
import functools
import inspect
import math
from collections import OrderedDict
from collections.abc import Callable, Iterator
from itertools import chain
from types import FunctionType, ModuleType
from typing import Any

from fnnet.torch.checks import CHECKS
from fnnet.torch.fx.codegen import _PyTreeCodeGen, _PyTreeInfo
from fnnet.torch.fx.graph import Graph
from fnnet.torch.fx.graph_module import LAYERS, GraphModule
from fnnet.torch.fx.node import Argument, Node
from fnnet.torch.fx.proxy import ParameterProxy, Proxy, Scope, TracerBase, base_types
from fnnet.torch.fx.takeover import begin, end, find_proxy
from fnnet.torch.nn.container import Sequential
from fnnet.torch.nn.module import Module
from fnnet.torch.nn.parameter import Parameter
from fnnet.torch.presented import is_own
from fnnet.torch.tensor import Tensor
from fnnet.torch.utils import _pytree as pytree
from fnnet.torch.warning import warn

__all__ = ["PH", "ProxyableClassMeta", "Tracer", "symbolic_trace", "wrap"]

_VARIADIC = inspect.CO_VARARGS | inspect.CO_VARKEYWORDS
_PROXYABLE: dict[type, None] = {}
_WRAPPED: dict[tuple[int, str], dict[str, Any]] = {}
_TRACING = [False]


def is_fx_tracing() -> bool:
    """Whether a function is being traced."""
    return _TRACING[0]


is_fx_symbolic_tracing = is_fx_tracing


class ProxyableClassMeta(type):
    """The metaclass of classes whose making is a node when it gets proxies."""

    def __init__(cls, name: str, bases: tuple[type, ...], attrs: dict[str, Any]) -> None:
        _PROXYABLE.setdefault(cls)
        super().__init__(name, bases, attrs)

    def __call__(cls, *args: Any, **kwargs: Any) -> Any:
        if not _TRACING[0]:
            return super().__call__(*args, **kwargs)
        proxy = find_proxy(args, kwargs)
        if proxy is not None:
            return proxy.tracer.create_proxy("call_function", cls, args, kwargs)
        return super().__call__(*args, **kwargs)


class PHBase:
    """Stands in `concrete_args` for what stays an input."""

    def __repr__(self) -> str:
        return "PH"


PH = PHBase()


def wrap(fn_or_name: Any) -> Any:
    """Let a function of this module be one step wherever it gets a proxy; its name does too.

    Raises RuntimeError for what is no function and no name, NotImplementedError within a function.
    """
    if not callable(fn_or_name) and not isinstance(fn_or_name, str):
        raise RuntimeError("Unsupported type for global function! Must be either a callable or string name")
    name = fn_or_name.__name__ if callable(fn_or_name) else fn_or_name
    frame = inspect.currentframe()
    frame = frame.f_back if frame is not None else None
    assert frame is not None
    if frame.f_code.co_name != "<module>":
        raise NotImplementedError("wrap must be called at the top level of a module")
    _WRAPPED[(id(frame.f_globals), name)] = frame.f_globals
    return fn_or_name


def _as_step(function: Callable[..., Any]) -> Callable[..., Any]:
    @functools.wraps(function)
    def wrapped(*args: Any, **kwargs: Any) -> Any:
        proxy = find_proxy(args, kwargs)
        if proxy is None:
            return function(*args, **kwargs)
        made = proxy.tracer.create_proxy("call_function", function, args, kwargs)
        made.node.meta["is_wrapped"] = True
        return made

    wrapped.fx_patched = True  # type: ignore[attr-defined]
    return wrapped


class _Patches:
    """Globals and methods that are others while a function is traced."""

    def __init__(self) -> None:
        self.undo: list[Callable[[], Any]] = []
        self.seen: set[int] = set()

    def set_global(self, names: dict[str, Any], name: str, function: Callable[..., Any]) -> None:
        """Put another function under a global name."""
        if name not in names:
            self.undo.append(lambda: names.pop(name))
        else:
            before = names[name]
            if getattr(before, "fx_patched", False):
                return
            self.undo.append(lambda: names.__setitem__(name, before))
        names[name] = function

    def set_method(self, owner: type, name: str, function: Callable[..., Any]) -> None:
        """Put another method into a class."""
        before = vars(owner)[name]
        self.undo.append(lambda: setattr(owner, name, before))
        setattr(owner, name, function)

    def wrap_all(self, names: dict[str, Any], identities: set[int]) -> None:
        """Make steps of those of these functions that stand among some globals."""
        if id(names) in self.seen:
            return
        self.seen.add(id(names))
        for name, value in list(names.items()):
            if not name.startswith("_") and callable(value) and id(value) in identities:
                self.set_global(names, name, _as_step(value))


@contextlib.contextmanager
def _patches() -> Iterator[_Patches]:
    patches = _Patches()
    try:
        for (_, name), names in _WRAPPED.items():
            function = names[name] if name in names else getattr(builtins, name)
            patches.set_global(names, name, _as_step(function))
        yield patches
    finally:
        for undo in reversed(patches.undo):
            undo()


class Tracer(TracerBase):
    """Runs a function or module on proxies.

    Args:
        autowrap_modules: modules of Python whose functions are steps.
        autowrap_functions: functions that are.
        param_shapes_constant: whether the shape of a parameter is known while tracing.
    """

    def __init__(
        self,
        autowrap_modules: tuple[ModuleType, ...] = (math,),
        autowrap_functions: tuple[Callable[..., Any], ...] = (),
        param_shapes_constant: bool = False,
    ) -> None:
        super().__init__()
        listed = chain.from_iterable(vars(module).items() for module in autowrap_modules)
        self._autowrap_function_ids = {
            id(value) for name, value in listed if not name.startswith("_") and callable(value)
        } | set(map(id, autowrap_functions))
        self._autowrap_search = list(autowrap_modules)
        self.param_shapes_constant = param_shapes_constant
        self.submodule_paths: dict[Module, str] | None = None
        self.root_module_name = ""
        self.scope = Scope("", None)
        self.module_stack = OrderedDict()
        self.num_calls: dict[str, int] = {}
        self.node_name_to_scope = {}
        self.tensor_attrs: dict[Any, str] = {}
        self._counts: dict[str, int] = {}

    # What subclasses change ------------------------------------------------------------------------------

    def is_leaf_module(self, m: Module, module_qualified_name: str) -> bool:
        """Whether a part is one step; so are those of torch.nn but for `Sequential`."""
        home = type(m).__module__
        standard = home.removeprefix("fnnet.").startswith(("torch.nn", "torch.ao.nn")) and is_own(home)
        return standard and not isinstance(m, Sequential)

    def path_of_module(self, mod: Module) -> str:
        """The dotted name of a part. Raises NameError if it is none."""
        paths = self.submodule_paths
        if paths is None:
            paths = {one: name for name, one in reversed(list(self.root.named_modules()))}
        if mod not in paths:
            raise NameError("module is not installed as a submodule")
        return paths[mod]

    def call_module(
        self, m: Module, forward: Callable[..., Any], args: tuple[Any, ...], kwargs: dict[str, Any]
    ) -> Any:
        """What a call of a part does: a step, or its `forward` traced as well."""
        path = self.path_of_module(m)
        before = (self.scope.module_path, self.scope.module_type)
        self.scope.module_path, self.scope.module_type = path, type(m)
        count = self.num_calls.get(path, 0)
        key = f"{path}@{count}" if count else path
        self.module_stack[key] = (path, type(m))
        self.num_calls[path] = count + 1
        try:
            if self.is_leaf_module(m, path):
                return self.create_proxy("call_module", path, args, kwargs)
            return forward(*args, **kwargs)
        finally:
            self.module_stack.pop(key, None)
            self.scope.module_path, self.scope.module_type = before

    def getattr(self, attr: str, attr_val: Any, parameter_proxy_cache: dict[str, Proxy]) -> Any:
        """What an attribute of a module is: a proxy if it is a parameter of the root, else itself."""
        named: Any
        if isinstance(attr_val, Parameter):
            named = self.root.named_parameters()
        elif self.proxy_buffer_attributes and isinstance(attr_val, Tensor):
            named = self.root.named_buffers()
        else:
            return attr_val
        for name, one in named:
            if one is attr_val:
                if name not in parameter_proxy_cache:
                    known: Any = None
                    if self.param_shapes_constant and isinstance(attr_val, Parameter):
                        known = functools.partial(self._known, name, attr_val)
                    options = {"proxy_factory_fn": known}
                    if "proxy_factory_fn" not in inspect.signature(self.create_proxy).parameters:
                        options = {}
                    made = self.create_proxy("get_attr", name, (), {}, **options)
                    parameter_proxy_cache[name] = made
                return parameter_proxy_cache[name]
        return attr_val

    def _known(self, name: str, param: Any, node: Node) -> ParameterProxy:
        return ParameterProxy(self, node, name, param)

    # Arguments -------------------------------------------------------------------------------------------

    def get_fresh_qualname(self, prefix: str) -> str:
        """A name that the root does not have: `prefix` and a number."""
        number = self._counts.get(prefix, 0) if hasattr(self.root, f"{prefix}0") else 0
        while hasattr(self.root, f"{prefix}{number}"):
            number += 1
        self._counts[prefix] = number + 1
        return f"{prefix}{number}"

    def create_arg(self, a: Any) -> Argument:
        """An argument as nodes hold it: tensors and modules become attributes of the root."""
        if isinstance(a, Parameter):
            for name, one in self.root.named_parameters():
                if a is one:
                    return self.create_node("get_attr", name, (), {})
            raise NameError("parameter is not a member of this module")
        if isinstance(a, Tensor | Module):
            named = self.root.named_buffers() if isinstance(a, Tensor) else self.root.named_modules()
            for name, part in named:
                if a is part:
                    return self.create_node("get_attr", name, (), {})
        if isinstance(a, tuple) and hasattr(a, "_fields"):
            items = tuple(self.create_arg(one) for one in a)
            return self.create_node("call_function", type(a), items, {})
        if isinstance(a, Tensor) or type(a) in _PROXYABLE:
            found = self.tensor_attrs.get(a) if isinstance(a, Tensor) else None
            if found is None:
                prefix = "_tensor_constant" if isinstance(a, Tensor) else f"_{type(a).__name__}_constant_"
                found = self.get_fresh_qualname(prefix)
                setattr(self.root, found, a)
                if isinstance(a, Tensor):
                    self.tensor_attrs[a] = found
            return self.create_node("get_attr", found, (), {})
        return super().create_arg(a)

    def _note_tensors(self, module: Module, above: list[str]) -> None:
        for name, value in vars(module).items():
            if isinstance(value, Tensor):
                self.tensor_attrs[value] = ".".join([*above, name])
        for name, child in module.named_children():
            self._note_tensors(child, [*above, name])

    def create_args_for_root(
        self, root_fn: Callable[..., Any], is_module: bool, concrete_args: Any = None
    ) -> tuple[Any, list[Any]]:
        """The function to run and its arguments: inputs, and what `concrete_args` fixes."""
        plain: Any = inspect.unwrap(root_fn)
        code, signature = plain.__code__, inspect.signature(plain)
        total = code.co_argcount + code.co_kwonlyargcount
        names = list(code.co_varnames)
        args: list[Any] = []
        skipped = 0
        if is_module:
            if total == 0:
                raise RuntimeError("``self`` argument cannot be part of *args expansion!")
            skipped = 1
            args.append(self.root)
        wanted = names[skipped:total]
        if isinstance(concrete_args, tuple):
            if len(wanted) != len(concrete_args):
                raise RuntimeError(
                    f"Tracing expected {len(wanted)} arguments but got {len(concrete_args)} concrete "
                    "arguments"
                )
            concrete_args = dict(zip(wanted, concrete_args, strict=True))
        args += [self._placeholder(name, concrete_args, signature, plain) for name in wanted]
        if code.co_kwonlyargcount or code.co_flags & _VARIADIC:
            rest = iter(names[total:])
            for flag, stars in ((inspect.CO_VARARGS, "*"), (inspect.CO_VARKEYWORDS, "**")):
                if code.co_flags & flag:
                    args.append(self._placeholder(stars + next(rest), concrete_args, signature, plain))
            root_fn = _positional(root_fn, len(args))
        leaves, structure = pytree.tree_flatten(tuple(args))
        if all(child.is_leaf() for child in structure.children()):
            return root_fn, args
        info = _PyTreeInfo(names[:total], structure, None)
        codegen = self.graph._codegen = _PyTreeCodeGen(info)

        def flat(*given: Any) -> Any:
            result = root_fn(*pytree.tree_unflatten(list(given), structure))
            results, out = pytree.tree_flatten(result)
            codegen.pytree_info = info._replace(out_spec=out)
            return results

        flat.__annotations__.clear()  # it stands for a function that has none
        return flat, leaves

    def _layer(self, root: Module) -> tuple[Any, list[Any]]:
        """What runs a module derived from a layer, and an input for each that the layer must have."""
        layer = getattr(root, "_layer", None)
        forward = inspect.signature(type(layer).forward) if layer is not None else None
        _, _, *listed = forward.parameters.values() if forward is not None else (None, None)
        wanted = [one.name for one in listed if one.default is one.empty and one.kind < one.VAR_POSITIONAL]
        if not wanted or (wanted == ["x"] and self.is_leaf_module(root, "")):
            wanted = ["input", "target"] if type(root).__name__.endswith("Loss") else ["input"]
        return root.forward, [self.create_proxy("placeholder", name, (), {}) for name in wanted]

    def _placeholder(self, name: str, concrete_args: Any, signature: inspect.Signature, plain: Any) -> Any:
        parameter = None if name[0] == "*" else signature.parameters[name]
        default = () if parameter is None or parameter.default is parameter.empty else (parameter.default,)
        if concrete_args is not None and name in concrete_args:
            numbers = iter(range(1, 10**6))

            def one(value: Any) -> Any:
                made = self.create_proxy("placeholder", f"{name}_{next(numbers)}", default, {})
                if isinstance(value, PHBase):
                    return made
                if isinstance(value, base_types) and not isinstance(value, Tensor):
                    said = f"{name} has been specialized to have value {value} but got another value"
                    self.create_proxy("call_function", CHECKS["_assert"], (made == value, said), {})
                elif value is None:
                    said = f"{name} has been specialized to have value None but got another value"
                    self.create_proxy("call_function", _assert_is_none, (made, said), {})
                else:
                    warn(
                        f"Was not able to add assertion to guarantee correct input {name} to specialized "
                        "function. It is up to the user to make sure that your inputs match the inputs you "
                        "specialized the function with."
                    )
                return value

            return pytree.tree_map(one, concrete_args[name])
        annotation = None if is_own(plain.__module__ or "") else plain.__annotations__.get(name)
        return self.create_proxy("placeholder", name, default, {}, type_expr=annotation)

    # Tracing ---------------------------------------------------------------------------------------------

    def trace(self, root: Any, concrete_args: Any = None) -> Graph:
        """The graph of a module's `forward`, or of a function.

        Raises TraceError where the function decides by values.
        """
        before, _TRACING[0] = _TRACING[0], True
        again, self.running = self.running, True
        reason = object()
        begin(reason)
        try:
            if isinstance(root, Module):
                self.root = root
                if not hasattr(type(root), self.traced_func_name):
                    raise AssertionError(
                        f"traced_func_name={self.traced_func_name} doesn't exist in {type(root).__name__}"
                    )
                function = getattr(type(root), self.traced_func_name)
                self.root_module_name = root._get_name()
                self.submodule_paths = {module: name for name, module in root.named_modules()}
            else:
                self.root, function = Module(), root
            self.graph = Graph(tracer_cls=type(self))
            self.tensor_attrs = {}
            self._note_tensors(self.root, [])
            if not isinstance(function, FunctionType):
                raise AssertionError(f"Expected FunctionType, got {type(function)}")
            names = function.__globals__
            code = function.__code__
            if code.co_flags & inspect.CO_VARARGS and code.co_filename.startswith(LAYERS):
                run, args = self._layer(root)
            else:
                run, args = self.create_args_for_root(function, isinstance(root, Module), concrete_args)
            with _patches() as patches:
                self._patch_modules(patches)
                for one in (names, *map(vars, self._autowrap_search)):
                    patches.wrap_all(one, self._autowrap_function_ids)
                annotations = (
                    {} if is_own(names.get("__name__", "")) else inspect.get_annotations(inspect.unwrap(run))
                )
                result = self.create_arg(run(*args))
                self.create_node("output", "output", (result,), {}, type_expr=annotations.get("return"))
            self.submodule_paths = None
        finally:
            _TRACING[0], self.running = before, again
            end(reason)
        return self.graph

    def _patch_modules(self, patches: _Patches) -> None:
        proxies: dict[str, Proxy] = {}
        plain_call, plain_getattr = Module.__call__, Module.__getattr__

        @functools.wraps(plain_getattr)
        def getattr_of(module: Module, attr: str) -> Any:
            return self.getattr(attr, plain_getattr(module, attr), proxies)

        @functools.wraps(plain_call)
        def call(module: Module, *args: Any, **kwargs: Any) -> Any:
            def forward(*args: Any, **kwargs: Any) -> Any:
                return plain_call(module, *args, **kwargs)

            names = getattr(getattr(module, "forward", module), "__globals__", {})
            patches.wrap_all(names, self._autowrap_function_ids)
            return self.call_module(module, forward, args, kwargs)

        patches.set_method(Module, "__getattr__", getattr_of)
        patches.set_method(Module, "__call__", call)


def _positional(function: Any, number: int) -> Any:
    """The function with all its parameters positional, those with stars too."""
    code = function.__code__
    flags = code.co_flags & ~_VARIADIC
    changed = code.replace(co_argcount=number, co_posonlyargcount=0, co_kwonlyargcount=0, co_flags=flags)
    return FunctionType(changed, function.__globals__, function.__name__, None, function.__closure__)


def symbolic_trace(root: Any, concrete_args: Any = None) -> GraphModule:
    """A module that does what a module or function does, with its graph.

    Args:
        root: a module or function.
        concrete_args: values of parameters that are fixed, by name.
    """
    tracer = Tracer()
    graph = tracer.trace(root, concrete_args)
    name = type(root).__name__ if isinstance(root, Module) else root.__name__
    return GraphModule(tracer.root, graph, name)


def _assert_is_none(value: Any, msg: str) -> None:
    if value is not None:
        raise AssertionError(msg)


wrap(_assert_is_none)

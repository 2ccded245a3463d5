"""What is traced: a fnnet layer, a module of fnnet.torch, or any JAX function, part by part."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import jax
import numpy as np

from fnnet.checkpoint import flat, nested
from fnnet.layers.layer import Layer, Scope
from fnnet.parity.feeding import Part, Results, as_dtype, below, layer_part
from fnnet.parity.recorded import Call, Record
from fnnet.parity.watching import TappedScope, tap
from fnnet.random.source import as_source


class Port:
    """A function of parameters and inputs; parts of it that are given are found by recorded paths.

    Args:
        port: what is traced.
        record: what it is compared with.
        params, buffers: nested dicts (of a function: any pytree); None for the recorded ones.
        parts, names, key: as `fnnet.parity.trace` has them.
    """

    whole_runs = True
    """Whether values of the own run are judged where a part cannot be fed by itself."""

    compiled = True
    """Whether parts are compiled to be fed."""

    def __init__(
        self, port: Any, record: Record, params: Any, buffers: Any, parts: Any, names: Any, key: Any
    ) -> None:
        self._given = (port, parts, names, key)
        self.port, self.parts, self.record, self._key = port, dict(parts or {}), record, key
        self.names = {theirs: ours for ours, theirs in (names or {}).items()}
        own = {self.ours(n): a for n, a in record.every_parameter.items()}
        state = {self.ours(n): a for n, a in record.buffers.items()}
        self.params = nested(own) if params is None else params
        self.buffers = nested(state) if buffers is None else buffers

    def at(self, record: Record) -> Port:
        """The same port with the parameters and buffers of a record."""
        port, parts, names, key = self._given
        return type(self)(port, record, None, None, parts, names, key)

    def ours(self, path: str) -> str:
        """The port's path for a recorded one: by the longest prefix that has another name."""
        branches = path.split(".")
        for i in range(len(branches), 0, -1):
            prefix = ".".join(branches[:i])
            if prefix in self.names:
                return ".".join([self.names[prefix], *branches[i:]])
        return path

    def here(self, call: Call) -> str:
        """The port's path for a call."""
        return self.ours(call.path) if call.path else ""

    def below(self, call: Call) -> tuple[Any, Any]:
        """The parameters and buffers of a call's part."""
        if not call.path:
            return self.params, self.buffers
        own = self.params if isinstance(self.params, Mapping) else nested(self.record.every_parameter)
        return below(own, self.here(call)), below(self.buffers, self.here(call))

    def source(self) -> Any:
        """The random source, from its beginning."""
        return None if self._key is None else as_source(self._key)

    def part(self, call: Call) -> Part | None:
        """What computes a call, None if the port has no such part."""
        if call.path in self.parts:
            function = self.parts[call.path]
            return lambda params, buffers, *inputs, **options: (function(params, *inputs, **options), {})
        return self.own_part(call)

    def own_part(self, call: Call) -> Part | None:
        """The same, of a call that `parts` does not have."""
        if call.path:
            return None
        return lambda params, buffers, *inputs, **options: (self.port(params, *inputs, **options), {})

    def run(self, params: Any, *inputs: Any, **options: Any) -> Any:
        """The output of the whole on its own, with its parts marked."""
        return self.port(params, *inputs, **options)

    def renamed(self, call: Call, results: Results) -> Results:
        """Recorded results with the port's names of parameters and buffers."""

        def name_of(name: str) -> str:
            for kind in ("gradient of ", "buffer "):
                if name.startswith(kind) and not name.startswith("gradient of input"):
                    prefix = f"{call.path}." if call.path else ""
                    here = self.here(call) + "." if call.path else ""
                    return kind + self.ours(prefix + name.removeprefix(kind)).removeprefix(here)
            return name

        return {name_of(name): value for name, value in results.items()}

    def summed(self, call: Call, results: Results) -> Results:
        """Our results, with one gradient for a parameter that has several names, as it was recorded."""
        prefix = f"{self.here(call)}." if call.path else ""
        results = dict(results)
        for alias, first in self.record.shared.items():
            names = [f"gradient of {self.ours(n).removeprefix(prefix)}" for n in (alias, first)]
            if names[0] != names[1] and all(name in results for name in names):
                results[names[1]] = results[names[1]] + results.pop(names[0])
        return results


class LayerPort(Port):
    """A fnnet layer; its parts have the names of the recorded modules."""

    whole_runs = False

    def own_part(self, call: Call) -> Part | None:
        """The layer at the call's path."""
        layer: Any = self.port
        for name in self.here(call).split(".") if call.path else ():
            layer = layer.children().get(name)
            if layer is None:
                return None
        return layer_part(layer, call.training, self.source())

    def run(self, params: Any, *inputs: Any, **options: Any) -> Any:
        """The output, with every layer's marked."""
        state = as_dtype(self.buffers, False)
        training = self.record.whole.training
        scope = Scope(self.port, params, state, self.source(), training)
        return self.port.forward(TappedScope(scope), *inputs, **options)


class ModulePort(Port):
    """A module of fnnet.torch, run as a pure function; its parts are its submodules, in their own modes."""

    whole_runs = False
    compiled = False  # every one is another function: compiling them takes longer than running them

    def _names(self, module: Any, kind: str) -> list[str]:
        return [name for name, _ in getattr(module, f"named_{kind}")()]

    def below(self, call: Call) -> tuple[Any, Any]:
        """The parameters and buffers that the call's module has."""
        own, state = (flat(tree) for tree in super().below(call))
        module = self._module(call)
        if module is None:
            return own, state
        kept = [name for name in self._names(module, "parameters") if name in own]
        return {n: own[n] for n in kept}, {n: state[n] for n in self._names(module, "buffers") if n in state}

    def _module(self, call: Call) -> Any:
        try:
            return self.port.get_submodule(self.here(call))
        except AttributeError:
            return None

    def own_part(self, call: Call) -> Part | None:
        """The submodule at the call's path, functionalized."""
        from fnnet.torch.functionalize import functionalize

        module = self._module(call)
        if module is None:
            return None
        _, apply = functionalize(module)

        def part(params: Any, buffers: Any, *inputs: Any, **options: Any) -> Any:
            output, after = apply(params, buffers, *inputs, key=self.source(), **options)
            return as_plain(output), after

        return part

    def run(self, params: Any, *inputs: Any, **options: Any) -> Any:
        """The output, with every submodule's marked."""
        from fnnet.torch.functionalize import functionalize

        _, apply = functionalize(self.port)
        with _marking(self.port):
            _, state = self.below(self.record.whole)
            output, _ = apply(params, as_dtype(state, False), *inputs, key=self.source(), **options)
        return as_plain(output)


def as_plain(tree: Any) -> Any:
    """Containers of other classes as dicts, lists and tuples, which is how records have them."""
    if isinstance(tree, Mapping):
        return {str(name): as_plain(part) for name, part in tree.items()}
    if isinstance(tree, list | tuple):
        return (list if isinstance(tree, list) else tuple)(map(as_plain, tree))
    return tree


@contextmanager
def _marking(module: Any) -> Iterator[None]:
    """Hooks on every submodule that mark its output."""
    from fnnet.torch.pure import array_of, flatten, tensor_of

    def mark(path: str, output: Any) -> Any:
        leaves, rebuild = flatten(output)
        places = jax.tree.leaves(as_plain(rebuild([np.array(i) for i in range(len(leaves))])))
        order = [int(place) for place in places if isinstance(place, np.ndarray)]  # as records have them
        marked = tap(path, [array_of(leaves[i]) for i in order])
        for i, array in zip(order, marked, strict=True):
            leaves[i] = tensor_of(array, getattr(leaves[i], "device", None))
        return rebuild(leaves)

    handles = [
        part.register_forward_hook(lambda _, args, output, path=path: mark(path, output))
        for path, part in module.named_modules()
        if path
    ]
    try:
        yield
    finally:
        for handle in handles:
            handle.remove()


def make_port(
    port: Any,
    record: Record,
    params: Any,
    buffers: Any,
    parts: Mapping[str, Callable[..., Any]] | None,
    names: Mapping[str, str] | None,
    key: Any,
) -> Port:
    """The port of its kind. Raises TypeError for anything but a layer, a module or a function."""
    kind: type[Port] = LayerPort if isinstance(port, Layer) else Port
    module = getattr(port, "module", port)  # a functionalized module keeps the module
    if hasattr(module, "named_modules") and hasattr(module, "_forward_hooks"):
        from fnnet.torch.nn.module import Module

        if not isinstance(module, Module):
            raise TypeError(
                f"trace: port: {type(module).__name__} is a module of PyTorch itself: record that"
            )
        kind, port = ModulePort, module
    if not callable(port):
        raise TypeError(f"trace: port: expected a Layer or a function, got {type(port).__name__}")
    return kind(port, record, params, buffers, parts, names, key)

"""Sessions: a graph's operations joined to one XLA program for each set of fetches and shapes, and the state.

The program takes the fed arrays and the cells that it needs, and gives the fetched arrays and the cells that
it changed; what it changed overwrites what it took (donated buffers).
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from fnnet.tensorflow.errors import InvalidArgumentError, OpError, at_node
from fnnet.tensorflow.evaluate import evaluate, needed, read
from fnnet.tensorflow.graph import Graph, Operation, Operators, Tensor, get_default_graph
from fnnet.tensorflow.infer import is_known

_local = threading.local()


def get_default_session() -> Session | None:
    """The session of the innermost `with` block."""
    return _local.stack[-1] if getattr(_local, "stack", None) else None


def session_for(what: str, session: Session | None, method: str) -> Session:
    """`session`, or the default one; ValueError if there is none."""
    found = session or get_default_session()
    if found is None:
        raise ValueError(
            f"Cannot {what}: No default session is registered. Use `with sess.as_default()` or pass an "
            f"explicit session to `{method}(session=sess)`"
        )
    return found


class _Plan:
    """What a set of fetches needs: operations in order, cells to read and to write, and the programs.

    Attributes:
        shaping: which fed tensors a shape is made of: their numbers are part of the program.
        guards: the cells that a run begins with and must leave at zero.
    """

    def __init__(self, targets: list[Tensor | Operation], fed: tuple[Tensor, ...]) -> None:
        self.fetched, self.fed = [t for t in targets if isinstance(t, Tensor)], fed
        computed = [t for t in targets if t not in fed and getattr(t, "variable", None) is None]
        self.operations = needed([t.op if isinstance(t, Tensor) else t for t in computed], fed)
        refs = [t.op.writes or t.op.reads for t in self.fetched if t.dtype.name.endswith("_ref")]
        used = [[*op.reads, *op.writes] for op in self.operations] + [*refs]
        self.cells = list(dict.fromkeys(c for cells in used for c in cells if c.words is None))
        self.guards = list(dict.fromkeys(c for cells in used for c in cells if c.words is not None))
        self.writes = list(dict.fromkeys(c for op in self.operations for c in op.writes if c.words is None))
        self.shaping = self._shaping()
        self.programs: dict[Any, Callable[..., Any]] = {}

    def _shaping(self) -> list[int]:
        tensors, operations = [], list(self.operations)
        while operations:
            op = operations.pop()
            tensors += [op.inputs[i] for i in op.static]
            operations += op.inner or ()
        seen: set[Tensor] = set()
        while tensors:
            tensor = tensors.pop()
            if tensor not in seen and not tensor.dtype.is_floating:
                seen.add(tensor)
                known = tensor in self.fed or tensor.op.type in ("Shape", "Size", "Rank")
                tensors += [] if known else tensor.op.inputs
        return [i for i, tensor in enumerate(self.fed) if tensor in seen]

    def split(self, present: Any) -> tuple[list[Operation], list[Operation]]:
        """The cells that have a value: those that change, those that stay."""
        there, writes = [cell for cell in self.cells if cell in present], set(self.writes)
        return [c for c in there if c in writes], [c for c in there if c not in writes]

    def program(
        self, present: frozenset[Operation], fixed: dict[int, np.ndarray], graph: Graph
    ) -> Callable[..., Any]:
        """The operations as one function of (cells to change, cells to read, fed arrays), compiled by XLA."""
        changing, staying = self.split(present)

        def run(changed: list[Any], stayed: list[Any], arrays: list[Any]) -> tuple[Any, Any, Any]:
            graph.compilations += 1
            state = dict(zip([*changing, *staying], [*changed, *stayed], strict=True))
            state |= {cell: jnp.asarray(cell.initial()) for cell in self.guards if cell.initial is not None}
            left = iter(arrays)
            values = {t: fixed[i] if i in fixed else next(left) for i, t in enumerate(self.fed)}
            evaluate(self.operations, values, state)
            fetched = [self._fetch(t, values, state) for t in self.fetched]
            return fetched, [state[c] for c in self.writes], [state[c] for c in self.guards]

        # a run that a guard stops must leave the state as it was
        return jax.jit(run, donate_argnums=() if self.guards else 0)

    @staticmethod
    def _fetch(tensor: Tensor, values: dict[Tensor, Any], state: dict[Operation, Any]) -> Any:
        """A fetched value. A reference gives what its variable holds at the end of the run."""
        if not tensor.dtype.name.endswith("_ref"):
            return values[tensor]
        return read(state, (tensor.op.writes or tensor.op.reads)[0], tensor.op.name)


class Session:
    """Runs a graph. Use it in a `with` block, or close it.

    Attributes:
        compilations: how many programs XLA has compiled for it.
    """

    def __init__(self, target: str = "", graph: Graph | None = None, config: Any = None) -> None:
        self.graph = graph or get_default_graph()
        self.compilations = 0
        self._state: dict[Operation, Any] = {}
        self._closed = False
        self._entered: list[ExitStack] = []

    def run(self, fetches: Any, feed_dict: Any = None, options: Any = None, run_metadata: Any = None) -> Any:
        """Compute `fetches`: a Tensor, an Operation (gives None), a name, or lists, tuples and dicts of them.

        Args:
            feed_dict: from Tensors (or their names) to numbers or arrays that take their place.

        Raises:
            ValueError, TypeError: for what is no element of the graph, or does not fit what it is fed to.
            errors.InvalidArgumentError: for a placeholder that is not fed, shapes that do not fit, an index
                out of range.
            errors.FailedPreconditionError: for a variable that has no value yet.
        """
        if self._closed:
            raise RuntimeError("Attempted to use a closed Session.")
        if not self.graph._operations:
            raise RuntimeError(
                "The Session graph is empty. Add operations to the graph before calling run()."
            )
        targets: list[Any] = []
        _map(lambda fetch: targets.append(self._element(fetch)), fetches)
        results = iter(self._run(targets, *self._feeds(feed_dict)))
        values = iter([next(results) if isinstance(t, Tensor) else None for t in targets])
        return _map(lambda _: next(values), fetches)

    def _element(self, fetch: Any) -> Any:
        if fetch is None:
            raise TypeError('Argument `fetch` = None has invalid type "NoneType". Cannot be None')
        try:
            found = self.graph.as_graph_element(fetch)
        except TypeError as error:
            kind = f'has invalid type "{type(fetch).__name__}" must be a string or Tensor.'
            raise TypeError(f"Argument `fetch` = {fetch} {kind} ({error})") from None
        except (ValueError, KeyError) as error:
            text = f"Argument `fetch` = {fetch} cannot be interpreted as a Tensor. ({error})"
            raise ValueError(text) from None
        if getattr(found, "op", found).body is not None:
            raise ValueError(f"'{found.name}' has been marked as not fetchable.")
        return found

    def _feeds(self, feed_dict: Any) -> tuple[tuple[Tensor, ...], list[np.ndarray]]:
        if not isinstance(feed_dict, Mapping | None):
            raise TypeError(
                "FlattenDictItems: 'dict' must be a dictionary or collection.Mapping type object, instead of "
                f"'{type(feed_dict).__name__}'."
            )
        fed: dict[Tensor, np.ndarray] = {}
        for key, value in (feed_dict or {}).items():
            try:
                tensor = self.graph.as_graph_element(key, operation=False)
            except (TypeError, ValueError, KeyError) as error:
                raise TypeError(f"Cannot interpret feed_dict key as Tensor: {error.args[0]}") from None
            if isinstance(value, Operators):
                raise TypeError(
                    "The value of a feed cannot be a tf.Tensor object. Acceptable feed values include Python "
                    "scalars, strings, lists, numpy ndarrays, or TensorHandles. For reference, the tensor "
                    f"object was {value} which was passed to the argument `feed_dict` with key {key}."
                )
            kind = tensor.dtype.as_numpy_dtype
            if isinstance(value, int) and np.asarray(value).astype(kind) != value:
                fault = f"{value} with type {type(value)} is not compatible with Tensor type {kind}"
                advice = "Try explicitly setting the type of the feed tensor to a larger type (e.g. int64)."
                raise TypeError(f"Type of feed value {fault}. {advice}")
            fed[tensor] = array = np.asarray(value, kind)
            if not tensor.shape.is_compatible_with(array.shape):
                what = f"value of shape {array.shape} for Tensor {tensor.name}"
                raise ValueError(f"Cannot feed {what}, which has shape {tensor.shape}")
        return tuple(fed), list(fed.values())

    def _run(self, targets: list[Any], fed: tuple[Tensor, ...], arrays: list[np.ndarray]) -> list[Any]:
        key = (tuple(targets), fed)
        plan = self.graph.plans.get(key)
        if plan is None:
            plan = self.graph.plans[key] = _Plan(targets, fed)
        state, before = self._state, self.graph.compilations
        for cell in plan.cells:
            if cell not in state and cell.initial is not None:
                with jax.enable_x64(True):
                    state[cell] = jax.device_put(cell.initial())
        present = frozenset(cell for cell in plan.cells if cell in state)
        fixed = {i: arrays[i] for i in plan.shaping if is_known(arrays[i])}
        which = (present, tuple((i, a.shape, a.tobytes()) for i, a in fixed.items()))
        if which not in plan.programs:
            plan.programs[which] = plan.program(present, fixed, self.graph)
        cells = [[state[cell] for cell in each] for each in plan.split(present)]
        try:
            with jax.enable_x64(True):
                given = [a for i, a in enumerate(arrays) if i not in fixed]
                fetched, written, guards = plan.programs[which](*cells, given)
        except OpError as error:  # without JAX's note on its own frames
            raise type(error)(None, None, error.message) from None
        self.compilations += self.graph.compilations - before
        for cell, (fault, *numbers) in zip(plan.guards, map(np.asarray, guards), strict=True):
            if fault:
                raise at_node(InvalidArgumentError, cell.words[0], cell.words[1].format(*numbers))
        state.update(zip(plan.writes, written, strict=True))
        return [_to_numpy(value) for value in fetched]

    def put(self, values: Mapping[Any, Any]) -> None:
        """Set variables. Raises ValueError for a value that does not fit, before any is set."""
        arrays = {v: np.asarray(value, v.dtype.as_numpy_dtype) for v, value in values.items()}
        for v, array in arrays.items():
            if not v.shape.is_compatible_with(array.shape):
                what = f"value of shape {array.shape} for Variable {v.name}"
                raise ValueError(f"Cannot set {what}, which has shape {v.shape}")
        with jax.enable_x64(True):
            self._state |= {v.op: jnp.array(array) for v, array in arrays.items()}

    @contextmanager
    def as_default(self) -> Iterator[Session]:
        """A context in which `eval()` and `run()` use this session."""
        _local.stack = [*getattr(_local, "stack", []), self]
        try:
            yield self
        finally:
            _local.stack.remove(self)

    def close(self) -> None:
        """Forget the state. A closed session cannot run."""
        self._closed = True
        self._state.clear()

    def __enter__(self) -> Session:
        contexts = ExitStack()
        contexts.enter_context(self.graph.as_default())
        contexts.enter_context(self.as_default())
        self._entered.append(contexts)
        return self

    def __exit__(self, *error: Any) -> None:
        self._entered.pop().close()
        self.close()


class InteractiveSession(Session):
    """A session that is the default one from its creation until it is closed."""

    def __init__(self, target: str = "", graph: Graph | None = None, config: Any = None) -> None:
        super().__init__(target, graph, config)
        self._default = self.as_default()
        self._default.__enter__()

    def close(self) -> None:
        """Forget the state, and be the default session no more."""
        if not self._closed:
            self._default.__exit__(None, None, None)
        super().close()


def _map(function: Callable[[Any], Any], nested: Any) -> Any:
    if isinstance(nested, list | tuple):
        values = [_map(function, each) for each in nested]
        return type(nested)(*values) if hasattr(nested, "_fields") else type(nested)(values)
    if isinstance(nested, Mapping):
        return {key: _map(function, each) for key, each in nested.items()}
    return function(nested)


def _to_numpy(value: Any) -> Any:
    """An array of one's own; a NumPy scalar for no dimensions."""
    array = np.array(value)
    return array[()] if array.ndim == 0 else array

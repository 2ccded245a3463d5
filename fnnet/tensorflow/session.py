"""Sessions: a graph's operations joined to one XLA program for each set of fetches and shapes, and the state.

The program takes the fed arrays and the state that it needs, and gives the fetched arrays and the state that
it changed; what it changed overwrites what it took (donated buffers).
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from typing import Any

import jax
import numpy as np

from fnnet.tensorflow.errors import OpError
from fnnet.tensorflow.evaluate import evaluate, is_variable, needed, uninitialized
from fnnet.tensorflow.graph import Graph, Operation, Operators, Tensor, get_default_graph
from fnnet.tensorflow.infer import is_known

__all__ = ["InteractiveSession", "Session", "get_default_session"]

_local = threading.local()


def get_default_session() -> Session | None:
    """The session of the innermost `with` block."""
    stack = getattr(_local, "stack", [])
    return stack[-1] if stack else None


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
    """What a set of fetches needs: operations in order, state to read, state to write, and the program."""

    def __init__(self, targets: list[Tensor | Operation], fed: tuple[Tensor, ...]) -> None:
        operations = [t if isinstance(t, Operation) else t.op for t in targets if t not in fed]
        self.operations = needed(operations, fed)
        self.fetched = [t for t in targets if isinstance(t, Tensor)]
        self.fed = fed
        self.static = self._shaping()
        cells: dict[Operation, None] = {}
        writes: dict[Operation, None] = {}
        for op in self.operations:
            cells.update(dict.fromkeys([t.op for t in op.inputs if is_variable(t.op)]))
            cells.update(dict.fromkeys([c for c in (*op.reads, *op.writes) if not is_variable(c)]))
            cells.update(dict.fromkeys([c for c in op.reads if is_variable(c)]))
            writes.update(dict.fromkeys(op.writes))
        cells.update(dict.fromkeys(t.op for t in self.fetched if is_variable(t.op)))
        self.cells, self.writes = list(cells), list(writes)
        self.programs: dict[Any, Callable[..., Any]] = {}

    def _shaping(self) -> list[int]:
        """Which fed tensors a shape is made of: their numbers are part of the program."""
        shaping: list[Tensor] = []
        waiting = list(self.operations)
        while waiting:
            op = waiting.pop()
            shaping.extend(op.inputs[i] for i in op.static)
            waiting.extend(op.inner)
        seen: set[Tensor] = set()
        while shaping:
            tensor = shaping.pop()
            if tensor in seen or not (tensor.dtype.is_integer or tensor.dtype.is_bool):
                continue
            seen.add(tensor)
            if tensor not in self.fed and tensor.op.type not in ("Shape", "Size", "Rank"):
                shaping.extend(tensor.op.inputs)
        return [i for i, tensor in enumerate(self.fed) if tensor in seen]

    def program(
        self, present: frozenset[Operation], fixed: dict[int, np.ndarray], graph: Graph
    ) -> Callable[..., Any]:
        """The operations as one function of (state to change, state to read, fed arrays), compiled by XLA."""

        def run(changing: list[Any], reading: list[Any], arrays: list[Any]) -> tuple[list[Any], list[Any]]:
            graph.compilations += 1
            kept, changed = self.split(present)
            state = dict(zip(changed, changing, strict=True)) | dict(zip(kept, reading, strict=True))
            open_arrays = iter(arrays)
            values = {t: fixed[i] if i in fixed else next(open_arrays) for i, t in enumerate(self.fed)}
            evaluate(self.operations, values, state)
            return [self._fetch(t, values, state) for t in self.fetched], [state[c] for c in self.writes]

        return jax.jit(run, donate_argnums=0)

    def split(self, present: frozenset[Operation]) -> tuple[list[Operation], list[Operation]]:
        """The cells that have a value: those that stay, those that change."""
        writes = set(self.writes)
        there = [cell for cell in self.cells if cell in present]
        return [c for c in there if c not in writes], [c for c in there if c in writes]

    @staticmethod
    def _fetch(tensor: Tensor, values: dict[Tensor, Any], state: dict[Operation, Any]) -> Any:
        """A fetched value. A reference gives what its variable holds at the end of the run."""
        cell = tensor.op if is_variable(tensor.op) else next(iter(tensor.op.writes), None)
        if tensor.dtype.name.endswith("_ref") and cell is not None:
            if cell not in state:
                raise uninitialized(cell, tensor.op)
            return state[cell]
        return values[tensor]


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
        self._entered: list[Any] = []

    def run(self, fetches: Any, feed_dict: Any = None, options: Any = None, run_metadata: Any = None) -> Any:
        """Compute `fetches`: a Tensor, an Operation (gives None), a name, or lists, tuples and dicts of them.

        Args:
            feed_dict: from Tensors (or their names) to numbers or arrays that take their place.

        Raises:
            ValueError, TypeError: for what is no element of the graph, or does not fit what it is fed to.
            errors.InvalidArgumentError: for a placeholder that is not fed, and shapes that do not fit.
            errors.FailedPreconditionError: for a variable that has no value yet.
        """
        if self._closed:
            raise RuntimeError("Attempted to use a closed Session.")
        if not self.graph._operations:
            raise RuntimeError(
                "The Session graph is empty. Add operations to the graph before calling run()."
            )
        targets: list[Any] = []
        shape_of = self._structure(fetches, targets)
        fed, arrays = self._feeds(feed_dict)
        results = iter(self._run(targets, fed, arrays))
        values = [next(results) if isinstance(t, Tensor) else None for t in targets]
        return _rebuild(shape_of, iter(values))

    def _structure(self, fetches: Any, targets: list[Any]) -> Any:
        if isinstance(fetches, list | tuple):
            parts = [self._structure(each, targets) for each in fetches]
            if hasattr(fetches, "_fields"):
                return lambda values: type(fetches)(*[_rebuild(part, values) for part in parts])
            return lambda values: type(fetches)([_rebuild(part, values) for part in parts])
        if isinstance(fetches, Mapping):
            named = {key: self._structure(each, targets) for key, each in fetches.items()}
            return lambda values: {key: _rebuild(part, values) for key, part in named.items()}
        targets.append(self._element(fetches))
        return None

    def _element(self, fetch: Any) -> Any:
        if fetch is None:
            raise TypeError('Argument `fetch` = None has invalid type "NoneType". Cannot be None')
        try:
            found = self.graph.as_graph_element(fetch)
        except TypeError as error:
            raise TypeError(
                f'Argument `fetch` = {fetch} has invalid type "{type(fetch).__name__}" must be a string or '
                f"Tensor. ({error})"
            ) from None
        except ValueError as error:
            raise ValueError(
                f"Argument `fetch` = {fetch} cannot be interpreted as a Tensor. ({error})"
            ) from None
        except KeyError as error:
            raise ValueError(
                f"Argument `fetch` = {fetch} cannot be interpreted as a Tensor. ({error})"
            ) from None
        op = found.op if isinstance(found, Tensor) else found
        if op.body is not None:
            raise ValueError(f"Operation '{op.name}' has been marked as not fetchable.")
        return found

    def _feeds(self, feed_dict: Any) -> tuple[tuple[Tensor, ...], list[np.ndarray]]:
        if not feed_dict and isinstance(feed_dict, Mapping | None):
            return (), []
        if not isinstance(feed_dict, Mapping):
            raise TypeError(
                "FlattenDictItems: 'dict' must be a dictionary or collection.Mapping type object, instead of "
                f"'{type(feed_dict).__name__}'."
            )
        fed, arrays = [], []
        for key, value in feed_dict.items():
            try:
                tensor = self.graph.as_graph_element(key, operation=False)
            except KeyError as error:
                raise TypeError(f"Cannot interpret feed_dict key as Tensor: {error.args[0]}") from None
            except (TypeError, ValueError) as error:
                raise TypeError(f"Cannot interpret feed_dict key as Tensor: {error}") from None
            if isinstance(value, Operators):
                raise TypeError(
                    "The value of a feed cannot be a tf.Tensor object. Acceptable feed values include Python "
                    "scalars, strings, lists, numpy ndarrays, or TensorHandles. For reference, the tensor "
                    f"object was {value} which was passed to the argument `feed_dict` with key {key}."
                )
            kind = tensor.dtype.as_numpy_dtype
            if isinstance(value, int) and np.asarray(value).astype(kind) != value:
                raise TypeError(
                    f"Type of feed value {value} with type {type(value)} is not compatible with Tensor "
                    f"type {kind}. Try explicitly setting the type of the feed tensor to a larger type "
                    "(e.g. int64)."
                )
            array = np.asarray(value, kind)
            if not tensor.shape.is_compatible_with(array.shape):
                raise ValueError(
                    f"Cannot feed value of shape {array.shape} for Tensor {tensor.name}, which has shape "
                    f"{tensor.shape}"
                )
            fed.append(tensor)
            arrays.append(array)
        return tuple(fed), arrays

    def _run(self, targets: list[Any], fed: tuple[Tensor, ...], arrays: list[np.ndarray]) -> list[Any]:
        key = (tuple(targets), fed)
        plans = self.graph.plans
        plan = plans.get(key)
        if plan is None:
            plan = plans[key] = _Plan(targets, fed)
        state = self._state
        for cell in plan.cells:
            if cell not in state and cell.initial is not None:
                with jax.enable_x64(True):
                    state[cell] = jax.device_put(cell.initial())
        present = frozenset(cell for cell in plan.cells if cell in state)
        fixed = {i: arrays[i] for i in plan.static if is_known(arrays[i])}
        which = (present, tuple((i, a.shape, a.tobytes()) for i, a in fixed.items()))
        program = plan.programs.get(which)
        if program is None:
            program = plan.programs[which] = plan.program(present, fixed, self.graph)
        kept, changed = plan.split(present)
        before = self.graph.compilations
        given = [a for i, a in enumerate(arrays) if i not in fixed]
        try:
            with jax.enable_x64(True):
                fetched, written = program([state[c] for c in changed], [state[c] for c in kept], given)
        except OpError as error:  # without JAX's note on its own frames
            raise type(error)(error.node_def, error.op, error.message) from None
        self.compilations += self.graph.compilations - before
        state.update(zip(plan.writes, written, strict=True))
        return [_to_numpy(value) for value in fetched]

    def as_default(self) -> Any:
        """A context in which `eval()` and `run()` use this session."""
        return _Default(self)

    def close(self) -> None:
        """Forget the state. A closed session cannot run."""
        self._closed = True
        self._state.clear()

    def __enter__(self) -> Session:
        default, graph = _Default(self), self.graph.as_default()
        graph.__enter__()
        default.__enter__()
        self._entered.append((default, graph))
        return self

    def __exit__(self, *error: Any) -> None:
        for context in self._entered.pop():
            context.__exit__(*error)
        self.close()


class InteractiveSession(Session):
    """A session that is the default one from its creation on."""

    def __init__(self, target: str = "", graph: Graph | None = None, config: Any = None) -> None:
        super().__init__(target, graph, config)
        self._default = _Default(self)
        self._default.__enter__()

    def close(self) -> None:
        """Forget the state, and be the default session no more."""
        if not self._closed:
            self._default.__exit__()
        super().close()


class _Default:
    """A context that makes a session the default one."""

    def __init__(self, session: Session) -> None:
        self._session = session

    def __enter__(self) -> Session:
        if not hasattr(_local, "stack"):
            _local.stack = []
        _local.stack.append(self._session)
        return self._session

    def __exit__(self, *error: Any) -> None:
        _local.stack.remove(self._session)


def _rebuild(structure: Any, values: Any) -> Any:
    return next(values) if structure is None else structure(values)


def _to_numpy(value: Any) -> Any:
    """An array of one's own; a NumPy scalar for no dimensions."""
    array = np.array(value)
    return array[()] if array.ndim == 0 else array

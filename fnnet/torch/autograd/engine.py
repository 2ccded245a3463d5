"""How backward walks the graph: latest node first, each node when all of its gradients have come in.

Without create_graph, gradients are bare values and each node adds one call to the record, so that forward,
backward and update become one program. With it, they are tensors and each call is noted for a further
backward.
"""

from __future__ import annotations

import heapq
import itertools
from collections.abc import Sequence
from functools import lru_cache
from typing import Any

from fnnet.torch.autograd.anomaly import check as check_anomaly
from fnnet.torch.autograd.anomaly import watched
from fnnet.torch.autograd.graph import AccumulateGrad, Node, edge_of
from fnnet.torch.autograd.sparse_gradients import accumulated, add_sparse, has_sparse
from fnnet.torch.call import apply
from fnnet.torch.mode import MODE, set_grad_enabled
from fnnet.torch.plan import Plan, fill_plan, make_plan
from fnnet.torch.record import RECORD, Value, append, filled
from fnnet.torch.spec import Spec, spec_of
from fnnet.torch.tensor import Tensor, wrap


@lru_cache(maxsize=10_000)
def _add_plan(a: Spec, b: Spec) -> Plan:
    return make_plan(lambda x, y: x + y, [a, b], (), a.device, "AddBackward0")


def natural(spec: Spec) -> Spec:
    """The row-major spec of the same shape and dtype."""
    return spec if spec.contiguous else spec_of(spec.shape, spec.dtype, spec.device)


def add(a: Tensor, b: Tensor) -> Tensor:
    """The sum, noted for backward where the mode says so."""
    return apply(_add_plan(a._spec, b._spec), [a, b], ())[0]


def ones(spec: Spec) -> Tensor:
    """Ones of this shape and dtype."""
    return wrap(filled(fill_plan(natural(spec), 1)), natural(spec))


CURRENT: list[_Walk] = []
"""The backward passes that are under way, the innermost last."""


class _Walk:
    """One backward pass. `sparse` says that a gradient of it is a sparse tensor, which goes as it is."""

    def __init__(self, create_graph: bool) -> None:
        self.create_graph = create_graph
        self.gradients: dict[Node, list[Any]] = {}
        self.captured: dict[tuple[Node, int], Any] = {}
        self.nodes: Any = ()
        self.sparse = False

    def reaches(self, tensor: Tensor) -> bool:
        """Whether this pass comes by the node of a tensor."""
        edge = edge_of(tensor)
        return edge is not None and edge[0] in self.nodes

    def receive(self, node: Node, nr: int, gradient: Any) -> None:
        """A gradient of output `nr` of `node` comes in."""
        slots = self.gradients.get(node)
        if slots is None:
            slots = self.gradients[node] = [None] * len(node.outputs)
        before = slots[nr]
        if before is None:
            slots[nr] = gradient
        elif self.sparse and has_sparse((before, gradient)):
            slots[nr] = self.plain(
                add_sparse(*[self.tensor(g, node.outputs[nr]) for g in (before, gradient)])
            )
        elif self.create_graph:
            slots[nr] = add(before, gradient)
        else:
            spec = natural(node.outputs[nr])
            slots[nr] = append(_add_plan(spec, spec), (before, gradient))[0]

    def tensor(self, gradient: Any, spec: Spec) -> Any:
        """A gradient as hooks see it."""
        plain = gradient is not None and not self.create_graph and not isinstance(gradient, Tensor)
        return wrap(gradient, natural(spec)) if plain else gradient

    def plain(self, gradient: Any) -> Any:
        """What a hook gave, as the walk carries it."""
        if self.create_graph or gradient is None or (self.sparse and has_sparse((gradient,))):
            return gradient
        return gradient._value()

    def call_hooks(self, hooks: Any, gradient: Any, spec: Spec) -> Any:
        """The gradient after a tensor's hooks."""
        tensor = self.tensor(gradient, spec)
        for hook in list(hooks.values()):
            changed = hook(tensor)
            if changed is not None:
                tensor = _checked(hook, tensor, changed)
        return self.plain(tensor)

    def accumulate(self, node: AccumulateGrad, gradient: Any) -> None:
        """Add to a leaf's `.grad`."""
        variable = node.variable
        if variable._hooks:
            gradient = self.call_hooks(variable._hooks, gradient, variable._spec)
        old = variable._grad
        if self.sparse or (old is not None and type(old._spec) is not Spec):
            variable._grad = accumulated(old, self.tensor(gradient, node.outputs[0]), self.create_graph)
        elif old is None:
            if self.create_graph:
                variable._grad = gradient
            else:
                variable._grad = wrap(gradient, natural(node.outputs[0]))
        elif self.create_graph:
            variable._grad = add(old, gradient)
        else:
            plan = _add_plan(natural(old._spec), natural(variable._spec))
            old._write(append(plan, (old._value(), gradient))[0])
        hooks = variable.__dict__.get("_post_accumulate_hooks")
        if hooks:
            for hook in list(hooks.values()):
                hook(variable)

    def visit(
        self, node: Node, slots: list[Any], wanted: Any, useful: set[Node] | None, keep_graph: bool
    ) -> Sequence[Any]:
        """Run one node on the gradients that came in, and give those that go on."""
        if slots[0] is None and all(slot is None for slot in slots):
            return ()
        if node.tensor_hooks:
            for nr, hooks in node.tensor_hooks:
                if slots[nr] is not None:
                    slots[nr] = self.call_hooks(hooks, slots[nr], node.outputs[nr])
        if wanted is not None:
            for nr in range(len(slots)):
                if (node, nr) in wanted and slots[nr] is not None:
                    self.captured[(node, nr)] = _capture(self, node, slots[nr])
        if isinstance(node, AccumulateGrad):
            if wanted is None:
                self.accumulate(node, slots[0])
            return ()
        if useful is not None and not any(edge is not None and edge[0] in useful for edge in node.edges):
            return ()
        if self.sparse and has_sparse(slots):
            raise NotImplementedError(
                f"fnnet.torch: a sparse gradient that has to pass {node.name()} is not supported; let the "
                "table of a "
                "sparse embedding be a leaf"
            )
        if MODE.anomaly:
            with watched(node):
                results = self.pull(node, slots)
                check_anomaly(node, results)
        else:
            results = self.pull(node, slots)
        if not keep_graph:
            node.release()
        return results

    def pull(self, node: Node, slots: list[Any]) -> Sequence[Any]:
        """Run one node, with its hooks if there are any."""
        if self.create_graph or node.pre_hooks or node.post_hooks:
            return self.step(node, slots)
        return node.pull_values(slots)

    def step(self, node: Node, slots: list[Any]) -> Sequence[Any]:
        """Run one node, with its hooks."""
        if node.pre_hooks:
            tensors = tuple(self.tensor(g, s) for g, s in zip(slots, node.outputs, strict=True))
            for hook in list(node.pre_hooks.values()):
                changed = hook(tensors)
                if changed is not None:
                    tensors = changed if isinstance(changed, tuple) else (changed,)
            slots = [self.plain(tensor) for tensor in tensors]
        results = node.pull_tensors(slots) if self.create_graph else node.pull_values(slots)
        if node.post_hooks:
            specs = [None if edge is None else edge[0].outputs[edge[1]] for edge in node.edges]
            specs += [None] * (len(node.next_functions) - len(specs))
            results = [*results, *[None] * (len(specs) - len(results))]
            incoming = tuple(self.tensor(g, s) for g, s in zip(slots, node.outputs, strict=True))
            outgoing: Any = tuple(
                None if s is None else self.tensor(g, s) for g, s in zip(results, specs, strict=True)
            )
            for hook in list(node.post_hooks.values()):
                changed = hook(outgoing, incoming)
                if changed is not None:
                    outgoing = changed if isinstance(changed, tuple) else (changed,)
            results = [self.plain(tensor) for tensor in outgoing]
        return results


def _survey(roots: list[Node], targets: set[Node] | None) -> tuple[dict[Node, int], set[Node] | None]:
    """How many gradients each node waits for, and which nodes lead to a target."""
    waits: dict[Node, int] = dict.fromkeys(roots, 0)
    order = []
    stack = list(waits)
    while stack:
        node = stack.pop()
        order.append(node)
        for edge in node.edges:
            if edge is not None:
                following = edge[0]
                if following in waits:
                    waits[following] += 1
                else:
                    waits[following] = 1
                    stack.append(following)
    if targets is None:
        return waits, None
    useful: set[Node] = set()
    for node in sorted(waits, key=lambda one: one.order if one.edges else -1.0):
        if node in targets or any(edge is not None and edge[0] in useful for edge in node.edges):
            useful.add(node)
    return waits, useful


def walk(
    roots: list[tuple[Node, int, Tensor]],
    keep_graph: bool,
    create_graph: bool,
    inputs: Sequence[Tensor] | None = None,
    accumulate: bool = True,
) -> list[Any]:
    """Run backward from the roots.

    Args:
        roots: node, output and gradient each.
        keep_graph: whether the graph can be walked again.
        create_graph: whether the walk itself is noted for backward.
        inputs: if given, only their gradients are computed.
        accumulate: whether gradients go into `.grad`, or are returned (one for each input, or None).
    """
    this = _Walk(create_graph)
    edges = None if inputs is None else [edge_of(one) for one in inputs]
    wanted = None if edges is None else {edge for edge in edges if edge is not None}
    targets = None if wanted is None else {node for node, _ in wanted}
    waits, useful = _survey([node for node, _, _ in roots], targets)
    this.nodes = waits.keys() if useful is None else useful
    for node, nr, gradient in roots:
        this.receive(node, nr, gradient if create_graph else gradient._value())
    turn = itertools.count()  # by their addresses, leaves would make each turn another program
    first = dict.fromkeys(root[0] for root in roots)
    ready = [(-node.order, next(turn), node) for node in first if not waits[node]]
    heapq.heapify(ready)
    previous = MODE.enabled
    MODE.enabled = create_graph
    CURRENT.append(this)
    try:
        while ready:
            node = heapq.heappop(ready)[2]
            slots = this.gradients.pop(node, None)
            results: Sequence[Any] = ()
            if slots is not None and (useful is None or node in useful):
                results = this.visit(node, slots, wanted, useful, keep_graph)
            count = len(results)
            for position, edge in enumerate(node.edges):
                if edge is not None:
                    following, nr = edge
                    result = results[position] if position < count else None
                    if result is not None and (useful is None or following in useful):
                        this.receive(following, nr, result)
                    waits[following] -= 1
                    if not waits[following]:
                        heapq.heappush(ready, (-following.order, next(turn), following))
    finally:
        CURRENT.pop()
        MODE.enabled = previous
    if inputs is None:
        return []
    assert edges is not None
    if accumulate:
        for one, edge in zip(inputs, edges, strict=True):
            if edge is not None and edge in this.captured:
                _add_to_grad(this, one, this.captured[edge])
        return []
    return [
        None if edge is None or edge not in this.captured else this.tensor(this.captured[edge], one._spec)
        for one, edge in zip(inputs, edges, strict=True)
    ]


def _checked(hook: Any, before: Any, changed: Any) -> Any:
    """What a tensor's hook returned, if it can stand for the gradient."""
    name = getattr(hook, "__name__", type(hook).__name__)
    if not isinstance(changed, Tensor):
        raise TypeError(f"expected Variable, but hook returned '{type(changed).__name__}'")
    if changed._spec.shape != before._spec.shape:
        raise RuntimeError(f"hook '{name}' has changed the size of value")
    return changed


def _capture(this: _Walk, node: Node, gradient: Any) -> Any:
    if isinstance(node, AccumulateGrad) and node.variable._hooks:
        return this.call_hooks(node.variable._hooks, gradient, node.variable._spec)
    return gradient


def _add_to_grad(this: _Walk, tensor: Tensor, gradient: Any) -> None:
    found = this.tensor(gradient, tensor._spec)
    if this.sparse or (tensor._grad is not None and type(tensor._grad._spec) is not Spec):
        tensor._grad = accumulated(tensor._grad, found, this.create_graph)
        return
    with set_grad_enabled(this.create_graph):
        tensor._grad = found if tensor._grad is None else add(tensor._grad, found)


def finish() -> None:
    """Give the record a place to end, at the end of a backward pass, if it has grown long."""
    if len(RECORD.calls) > 200:
        RECORD.run()


__all__ = ["Value", "add", "finish", "natural", "ones", "walk"]

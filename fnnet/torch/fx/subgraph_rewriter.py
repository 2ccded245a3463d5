"""torch.fx.replace_pattern: parts of a graph that do what a pattern does, replaced."""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import Any, NamedTuple

from fnnet.torch.fx._symbolic_trace import symbolic_trace
from fnnet.torch.fx.graph import Graph
from fnnet.torch.fx.graph_module import GraphModule
from fnnet.torch.fx.node import Node
from fnnet.torch.nn.module import Module

__all__ = ["Match", "replace_pattern"]


class Match(NamedTuple):
    """Where a pattern was found: the pattern's last node, and from its nodes to the graph's."""

    anchor: Node
    nodes_map: dict[Node, Node]


def _graph_of(thing: Any) -> Graph:
    if isinstance(thing, GraphModule):
        return thing.graph
    return thing if isinstance(thing, Graph) else symbolic_trace(thing).graph


class _Search:
    """The places of one pattern in one graph."""

    def __init__(self, pattern: Graph) -> None:
        self.inputs = [node for node in pattern.nodes if node.op == "placeholder"]
        self.nodes = [node for node in pattern.nodes if node.op not in ("placeholder", "output")]
        self.output = pattern.output_node()
        self.returning = list(self.output.all_input_nodes)
        if len(self.output.args) != 1:
            raise RuntimeError("Graph cannot be matched: its output has several arguments")
        self.anchors = [node for node in self.returning if set(node.users) == {self.output}] or self.returning

    def _same(self, mine: Any, theirs: Any, found: dict[Node, Any]) -> bool:
        if isinstance(mine, Node):
            if mine.op == "placeholder":
                if mine in found:
                    return found[mine] is theirs or (not isinstance(theirs, Node) and found[mine] == theirs)
                found[mine] = theirs
                return True
            return isinstance(theirs, Node) and self._node(mine, theirs, found)
        if isinstance(mine, list | tuple):
            return (
                isinstance(theirs, list | tuple)
                and len(mine) == len(theirs)
                and all(self._same(a, b, found) for a, b in zip(mine, theirs, strict=True))
            )
        if isinstance(mine, dict):
            return (
                isinstance(theirs, dict)
                and mine.keys() == theirs.keys()
                and all(self._same(mine[key], theirs[key], found) for key in mine)
            )
        return type(mine) is type(theirs) and bool(mine == theirs)

    def _node(self, mine: Node, theirs: Node, found: dict[Node, Any]) -> bool:
        if mine in found:
            return found[mine] is theirs
        if theirs in found.values():
            return False
        if mine.op != theirs.op or (mine.target != theirs.target and not self._same_attribute(mine, theirs)):
            return False
        found[mine] = theirs
        return self._same(mine.args, theirs.args, found) and self._same(mine.kwargs, theirs.kwargs, found)

    def _same_attribute(self, mine: Node, theirs: Node) -> bool:
        """Parts of the same kind, whatever their names."""
        if mine.op != "call_module" or mine.graph.owning_module is None:
            return False
        one = mine.graph.owning_module.get_submodule(str(mine.target))
        other = theirs.graph.owning_module
        return other is not None and type(one) is type(other.get_submodule(str(theirs.target)))

    def _contained(self, found: dict[Node, Any]) -> bool:
        """Whether nobody else uses what is within."""
        inside = {found[node] for node in self.nodes}
        for node in self.nodes:
            if node not in self.returning and not set(found[node].users) <= inside:
                return False
        return True

    def places(self, graph: Graph) -> list[dict[Node, Any]]:
        """From the pattern's nodes to the graph's, for each place; places do not share nodes."""
        matches: list[dict[Node, Any]] = []
        for last in graph.nodes:
            found: dict[Node, Any] = {}
            if self._node(self.anchors[0], last, found) and self._rest(graph, found):
                matches.append(found)
        taken: set[Node] = set()
        kept = []
        for found in matches:
            inside = {found[node] for node in self.nodes}
            if not inside & taken and self._contained(found):
                taken |= inside
                kept.append(found)
        return kept

    def _rest(self, graph: Graph, found: dict[Node, Any]) -> bool:
        for anchor in self.anchors[1:]:
            if anchor in found:
                continue
            for last in graph.nodes:
                trial = dict(found)
                if self._node(anchor, last, trial):
                    found.update(trial)
                    break
            else:
                return False
        return all(node in found for node in self.nodes)


def replace_pattern(
    gm: GraphModule, pattern: Callable[..., Any] | GraphModule, replacement: Callable[..., Any] | GraphModule
) -> list[Match]:
    """Put a replacement in each place of a graph that does what a pattern does; the places.

    Args:
        gm: the module whose graph is changed, and compiled anew.
        pattern, replacement: functions or modules of the same inputs.
    """
    old, new = _graph_of(pattern), _graph_of(replacement)
    search = _Search(old)
    inputs = [node for node in new.nodes if node.op == "placeholder"]
    graph = gm.graph
    places = search.places(graph)
    changed: dict[Node, Node] = {}
    matches = []
    for found in places:
        given = [found.get(node) for node in search.inputs if node in found]
        if len(given) != len(inputs):
            raise AssertionError(f"Placeholder count mismatch: {len(given)} vs {len(inputs)}")
        for node, value in found.items():
            if isinstance(value, Node) and node.op == "placeholder":
                found[node] = changed.get(value, value)
        copies: dict[Node, Any] = {
            node: changed.get(value, value) if isinstance(value, Node) else value
            for node, value in zip(inputs, given, strict=True)
        }
        returning = [found[node] for node in search.returning]
        users = {user for node in returning for user in node.users}
        before = next((node for node in graph.nodes if node in users), None)
        if before is None:
            raise AssertionError("The insert point can't be None")
        with graph.inserting_before(before):
            copied: Any = graph.graph_copy(new, copies)
        results = [copied] if isinstance(copied, Node) else list(copied)
        if len(results) != len(returning):
            raise AssertionError(f"Returning nodes count mismatch: {len(returning)} vs {len(results)}")
        for one, other in zip(returning, results, strict=True):
            one.replace_all_uses_with(other)
            changed[one] = other
        for node in reversed(search.nodes):
            graph.erase_node(found[node])
        matches.append(Match(search.anchors[0], found))
    gm.recompile()
    if isinstance(replacement, Module):
        _take_over(gm, replacement)
    return matches


def _take_over(gm: GraphModule, replacement: Module) -> None:
    """Copy the parts that the replacement's steps name, where the module has none of that name."""
    for node in gm.graph.nodes:
        if node.op not in ("call_module", "get_attr"):
            continue
        name = str(node.target)
        if _found(gm, name) is not None:
            continue
        value = _found(replacement, name)
        if value is None:
            raise RuntimeError(
                f'Attempted to create a "{node.op}" node during subgraph rewriting with target {name}, but '
                "the referenced attribute does not exist in the replacement GraphModule"
            )
        made = copy.deepcopy(value)
        if isinstance(value, Module):
            gm.add_submodule(name, made)
        else:
            setattr(gm, name, made)
    gm.graph.lint()


def _found(module: Module, name: str) -> Any:
    path, _, last = name.rpartition(".")
    try:
        return getattr(module.get_submodule(path), last, None)
    except AttributeError:
        return None

"""Record how PyTorch's functions show in graphs of torch.fx: under which name, with which arguments.

A function written in Python hands its arguments on by name (`relu(x, inplace = False)`), and a few stand for
another function. Written to fnnet/torch/fx/calls.json:

    {"module.name": {"target": "torch.max_pool2d", "params": [["input"], ["stride", null]],
                     "args": ["input"], "kwargs": {"stride": "stride"}}}

Functions that show as they are called are left out.
"""

import inspect
import json
import warnings
from pathlib import Path
from types import FunctionType

import torch
import torch.fx
from torch.fx.node import _get_qualified_name
from torch.fx.proxy import GraphAppendingTracer, Proxy

MODULES = ("torch", "torch.nn.functional", "torch.linalg", "torch.special", "torch.fft")
FLAGS = ("return_indices", "return_inverse", "return_counts", "return_complex", "need_weights")


def shown(place, function):
    """How one function shows, or None if it shows as it is called."""
    name = function.__name__
    where = place.rpartition(".")[2]
    try:
        plain = _get_qualified_name(function)
    except RuntimeError:
        return None
    found = {}
    if plain != place:
        found["target"] = plain
    try:
        parameters = inspect.signature(function).parameters.values()
    except (TypeError, ValueError):
        return found if found or name == where else {"target": plain}
    if not isinstance(function, FunctionType):
        return found
    dispatched = inspect.getclosurevars(function).nonlocals.get("if_false")  # by a flag, to one of two
    while dispatched is not None and "if_false" in inspect.getclosurevars(dispatched).nonlocals:
        dispatched = inspect.getclosurevars(dispatched).nonlocals["if_false"]
    if dispatched is not None:
        parameters = inspect.signature(dispatched).parameters.values()
    graph = torch.fx.Graph()
    tracer = GraphAppendingTracer(graph)
    given, params = {}, []
    for one in parameters:
        if one.kind in (one.VAR_POSITIONAL, one.VAR_KEYWORD):
            return found
        default = [] if one.default is one.empty else [one.default]
        if default and not isinstance(default[0], (bool, int, float, str, type(None))):
            if not isinstance(default[0], (tuple, list)):
                return found
            default = [list(default[0])]
        params.append([one.name, *default])
        if one.name in FLAGS:
            given[one.name] = False
            continue
        node = graph.placeholder(one.name)
        given[one.name] = Proxy(node, tracer)
    try:
        out = function(**given)
    except Exception as error:
        print(place, type(error).__name__, str(error)[:60])
        return found
    node = getattr(out, "node", None)
    if node is None or node.op != "call_function":
        return found
    by_node = {value.node: key for key, value in given.items() if isinstance(value, Proxy)}

    def named(value):
        return by_node.get(value) if isinstance(value, torch.fx.Node) else None

    args = [named(value) for value in node.args]
    kwargs = {}
    for key, value in node.kwargs.items():
        kwargs[key] = named(value) or (key if key in given else None)
    if None in args or None in kwargs.values():
        print(place, "hands on something else", node.args, node.kwargs)
        return found
    target = _get_qualified_name(node.target)
    if target != place:
        found["target"] = target
    return {**found, "params": params, "args": args, "kwargs": kwargs}


if __name__ == "__main__":
    warnings.simplefilter("ignore")
    table = {}
    for module in MODULES:
        owner = torch
        for part in module.split(".")[1:]:
            owner = getattr(owner, part)
        for key, function in sorted(vars(owner).items()):
            if key.startswith("_") or not callable(function) or isinstance(function, type):
                continue
            home = getattr(function, "__module__", None) or ""
            if not (home.startswith("torch") or home == ""):
                continue
            told = shown(f"{module}.{key}", function)
            if told:
                table[f"{module}.{key}"] = told
    place = Path(__file__).parents[2] / "fnnet" / "torch" / "fx" / "calls.json"
    place.parent.mkdir(exist_ok=True)
    lines = [f"{json.dumps(key)}: {json.dumps(told)}" for key, told in sorted(table.items())]
    place.write_text("{\n" + ",\n".join(lines) + "\n}\n", encoding="utf-8")

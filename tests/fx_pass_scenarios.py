"""Passes over graphs of torch.fx, as programs write them.

Each scenario is a function of `torch`, PyTorch's or fnnet's, that returns the lines it would print.
"""

from __future__ import annotations

import contextlib
import copy
import io
from typing import Any

from fx_scenarios import small_net, text_of, values_of
from printed import Scenarios, module, said

scenario = Scenarios("fx_pass_scenarios.json", heard=True)


@scenario
def changing_graphs(torch: Any) -> list[str]:
    def function(x: Any, y: Any) -> Any:
        a = torch.relu(x)
        b = torch.sigmoid(a) + y
        return b * a

    traced = torch.fx.symbolic_trace(function)
    graph = traced.graph
    nodes = {node.name: node for node in graph.nodes}
    with graph.inserting_after(nodes["relu"]):
        new = graph.call_function(torch.neg, (nodes["relu"],))
    lines = str(graph).split("\n")
    nodes["relu"].replace_all_uses_with(new)
    new.args = (nodes["relu"],)
    lines += str(graph).split("\n")
    changed = nodes["add"].replace_all_uses_with(nodes["y"], delete_user_cb=lambda user: user.name == "mul")
    lines.append(str(changed))
    lines.append(str(graph.eliminate_dead_code()))
    graph.lint()
    traced.recompile()
    lines += [*traced.code.split("\n"), values_of(traced(torch.ones(2), torch.full((2,), 3.0)))]
    with graph.inserting_before(graph.output_node()):
        late = graph.call_function(torch.abs, (nodes["mul"],), name="late")
    graph.output_node().replace_input_with(nodes["mul"], late)
    new.prepend(late)
    lines.append(said(graph.lint))
    graph.output_node().prepend(late)
    lines.append(said(graph.lint))
    late.update_arg(0, nodes["x"])
    late.update_kwarg("out", None)
    late.insert_arg(1, 5)
    lines += str(graph).split("\n")
    other = torch.fx.Graph()
    lines.append(said(other.inserting_after, late))
    lines.append(said(other.erase_node, late).split("\n")[0])
    lines.append(said(late.insert_arg, 7, 1))
    late.meta["note"] = 1
    copied = copy.deepcopy(graph)
    lines += [*str(copied).split("\n"), str([node.meta for node in copied.nodes if node.name == "late"])]
    values: dict[Any, Any] = {}
    result = other.graph_copy(graph, values)
    other.output(result)
    return lines + str(other).split("\n")


@scenario
def replacing_activations(torch: Any) -> list[str]:
    net = small_net(torch).eval()
    traced = torch.fx.symbolic_trace(net)
    modules = dict(traced.named_modules())
    for node in traced.graph.nodes:
        if node.op == "call_module" and isinstance(modules.get(node.target), torch.nn.ReLU):
            traced.add_submodule(node.target + "_new", torch.nn.GELU())
            with traced.graph.inserting_after(node):
                made = traced.graph.call_module(node.target + "_new", node.args, node.kwargs)
            node.replace_all_uses_with(made)
            traced.graph.erase_node(node)
        elif node.target is torch.nn.functional.relu:
            node.target = torch.nn.functional.gelu
            node.kwargs = {}
    traced.delete_all_unused_submodules()
    traced.graph.lint()
    traced.recompile()
    lines = [*text_of(traced), str([name for name, _ in traced.named_modules()])]
    return [*lines, values_of(traced(torch.ones(1, 3, 8, 8)))]


@scenario
def fusing_convolutions(torch: Any) -> list[str]:
    net = small_net(torch)
    net(torch.randn(4, 3, 8, 8))
    net.eval()
    traced = torch.fx.symbolic_trace(net)
    modules = dict(traced.named_modules())
    fuse = module(torch, "nn.utils.fusion").fuse_conv_bn_eval
    for node in traced.graph.nodes:
        if node.op != "call_module" or not isinstance(modules[node.target], torch.nn.BatchNorm2d):
            continue
        before = node.args[0]
        if len(before.users) == 1 and isinstance(modules[before.target], torch.nn.Conv2d):
            traced.set_submodule(before.target, fuse(modules[before.target], modules[node.target]))
            node.replace_all_uses_with(before)
            traced.graph.erase_node(node)
    traced.delete_all_unused_submodules()
    traced.recompile()
    x = torch.randn(2, 3, 8, 8)
    return [*text_of(traced), str((traced(x) - net(x)).abs().max().item() < 1e-5), values_of(traced(x))]


@scenario
def features(torch: Any) -> list[str]:
    net = small_net(torch).eval()

    class Leaves(torch.fx.Tracer):
        def is_leaf_module(self, m: Any, qualname: str) -> bool:
            return type(m).__name__ == "Block" or super().is_leaf_module(m, qualname)

    tracer = Leaves()
    graph = tracer.trace(net)
    traced = torch.fx.GraphModule(tracer.root, graph, "Features")
    wanted = [node for node in graph.nodes if node.name in ("block", "head_2")]
    graph.erase_node(graph.output_node())
    graph.output({node.name: node for node in wanted})
    graph.eliminate_dead_code()
    traced.recompile()
    found = traced(torch.ones(1, 3, 8, 8))
    scopes = [
        f"{name}: {scope[0]} {scope[1] and scope[1].__name__}"
        for name, scope in tracer.node_name_to_scope.items()
    ]
    stacks = [list(node.meta.get("nn_module_stack", {})) for node in graph.nodes]
    return [*text_of(traced), values_of(found), *scopes, str(stacks)]


@scenario
def shapes(torch: Any) -> list[str]:
    ShapeProp = module(torch, "fx.passes.shape_prop").ShapeProp
    traced = torch.fx.symbolic_trace(small_net(torch).eval())
    ShapeProp(traced).propagate(torch.ones(2, 3, 8, 8))
    lines = []
    for node in traced.graph.nodes:
        told = node.meta.get("tensor_meta")
        if told is not None and node.op != "placeholder":
            lines.append(
                f"{node.name} {told.shape} {told.dtype} {told.stride} {told.requires_grad} "
                f"{told.memory_format}"
            )
    readable = traced.print_readable(print_output=False)
    return [*lines, *readable.split("\n")]


@scenario
def interpreters(torch: Any) -> list[str]:
    seen = []

    class Watching(torch.fx.Interpreter):
        def run_node(self, n: Any) -> Any:
            result = super().run_node(n)
            seen.append(f"{n.op} {n.name} {type(result).__name__}")
            return result

        def call_function(self, target: Any, args: Any, kwargs: Any) -> Any:
            return torch.cos(*args) if target is torch.sin else super().call_function(target, args, kwargs)

    def function(x: Any, y: Any = 3.0) -> Any:
        return torch.sin(x).neg() + y

    traced = torch.fx.symbolic_trace(function)
    lines = [
        values_of(Watching(traced).run(torch.ones(2))),
        values_of(torch.fx.Interpreter(traced).run(torch.ones(2), 1)),
    ]
    keeping = torch.fx.Interpreter(traced, garbage_collect_values=False)
    letting_go = torch.fx.Interpreter(traced)
    for one in (keeping, letting_go):
        one.run(torch.ones(2))
        lines.append(str(list(one.env)))
    lines += [*seen, said(torch.fx.Interpreter(traced).run), said(torch.fx.Interpreter(traced).run, "text")]
    lines.append(said(torch.fx.Interpreter(traced).boxed_run, [torch.ones(2)]))
    return lines


@scenario
def transformers(torch: Any) -> list[str]:
    class Change(torch.fx.Transformer):
        def call_function(self, target: Any, args: Any, kwargs: Any) -> Any:
            if target is torch.nn.functional.relu:
                return torch.sigmoid(args[0]) * 2
            return super().call_function(target, args, kwargs)

        def call_method(self, target: Any, args: Any, kwargs: Any) -> Any:
            return super().call_method("tanh" if target == "sigmoid" else target, args, kwargs)

    net = small_net(torch).eval()
    changed = Change(torch.fx.symbolic_trace(net)).transform()
    lines = [*text_of(changed), values_of(changed(torch.ones(1, 3, 8, 8)))]
    changed = Change(torch.fx.symbolic_trace(lambda x: x.sigmoid() + 1)).transform()
    return [*lines, *changed.code.split("\n")]


@scenario
def decomposing_with_proxies(torch: Any) -> list[str]:
    Proxy = torch.fx.Proxy

    def function(x: Any) -> Any:
        return torch.relu(x) + torch.nn.functional.gelu(x)

    graph = torch.fx.symbolic_trace(function).graph
    new, env = torch.fx.Graph(), {}
    tracer = module(torch, "fx.proxy").GraphAppendingTracer(new)
    for node in graph.nodes:
        if node.target is torch.relu:
            given = [Proxy(env[one.name], tracer) for one in node.args]
            env[node.name] = ((given[0] > 0) * given[0]).node
        elif node.target is torch.nn.functional.gelu:
            value = Proxy(env[node.args[0].name], tracer)
            env[node.name] = (value * torch.sigmoid(1.702 * value)).node
        else:
            env[node.name] = new.node_copy(node, lambda one: env[one.name])
    made = torch.fx.GraphModule(torch.nn.Module(), new)
    lines = [*text_of(made), values_of(made(torch.tensor([-1.0, 2.0])))]
    lines += [repr(Proxy(env["relu"])), str(torch.relu(torch.tensor([-1.0, 2.0])))]
    one, other = Proxy(env["relu"], tracer), Proxy(env["relu"])
    lines.append(said(torch.add, one, other).split("[")[0])
    return lines


@scenario
def patterns(torch: Any) -> list[str]:
    class Net(torch.nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.linear = torch.nn.Linear(3, 3)

        def forward(self, x: Any, w: Any) -> Any:
            a = torch.cat([x, w]).sum()
            b = torch.relu(self.linear(x)) + torch.relu(self.linear(w))
            return a + b.max() + torch.cat([w, x]).sum()

    def pattern(a: Any, b: Any) -> Any:
        return torch.cat([a, b]).sum()

    def replacement(a: Any, b: Any) -> Any:
        return torch.stack([a, b]).mean()

    traced = torch.fx.symbolic_trace(Net())
    found = torch.fx.replace_pattern(traced, pattern, replacement)
    lines = [*text_of(traced), str(len(found)), str([one.anchor.name for one in found])]
    found = torch.fx.replace_pattern(traced, lambda x: torch.relu(x), lambda x: torch.sigmoid(x) * x)
    lines += [*traced.code.split("\n"), str(len(found))]
    chain = torch.fx.symbolic_trace(lambda x: torch.neg(torch.neg(torch.neg(torch.neg(torch.neg(x))))))
    found = torch.fx.replace_pattern(chain, lambda x: torch.neg(torch.neg(x)), lambda x: x + 1)
    lines += [*chain.code.split("\n"), str(len(found))]
    used = torch.fx.symbolic_trace(lambda x: torch.neg(torch.neg(x)) + torch.neg(x))
    shared = torch.fx.symbolic_trace(lambda x: torch.neg(x) + x)
    for module_ in (used, shared):
        found = torch.fx.replace_pattern(module_, lambda x: torch.neg(torch.neg(x)), lambda x: x * 1)
        lines += [*module_.code.split("\n"), str(len(found))]

    def inner(x: Any) -> Any:
        y = torch.neg(x)
        return torch.abs(y) + y

    traced_inner = torch.fx.symbolic_trace(inner)
    found = torch.fx.replace_pattern(traced_inner, lambda x: torch.abs(torch.neg(x)), lambda x: x)
    lines += [*traced_inner.code.split("\n"), str(len(found))]
    found = torch.fx.replace_pattern(traced, lambda x, y: x - y, lambda x, y: x + y)
    return [*lines, str(found), values_of(traced(torch.ones(2, 3), torch.ones(2, 3)))]


@scenario
def changing_code(torch: Any) -> list[str]:
    traced = torch.fx.symbolic_trace(lambda x: (x + 1).relu())

    def insert(before: Any) -> Any:
        def change(body: list[str]) -> list[str]:
            return ["print('called')\n", *(before(body) if before else body)]

        return change

    with traced.graph.on_generate_code(insert):
        traced.recompile()
    printed = io.StringIO()
    with contextlib.redirect_stdout(printed):
        traced(torch.ones(1))
    return [("print('called')" in traced.code and "yes") or "no", printed.getvalue().strip()]


@scenario
def training_of_a_traced_module(torch: Any) -> list[str]:
    net = small_net(torch).eval()
    traced = torch.fx.symbolic_trace(net)
    optimizer = torch.optim.SGD(traced.parameters(), lr=0.1)
    x = torch.randn(2, 3, 8, 8)
    lines = []
    for _ in range(3):
        optimizer.zero_grad()
        loss = traced(x).pow(2).sum()
        loss.backward()
        optimizer.step()
        lines.append(f"{loss.item():.4f}")
    return [*lines, values_of(net.scale.grad), values_of(net.block.conv.weight.grad)]

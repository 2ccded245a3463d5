"""What profiles tell: names of operations, actions of schedules, tables of given events, errors.

Each scenario is a function of `torch`, PyTorch's or fnnet's, that returns the lines it would print. Times are
left out, but for events that are made by hand.
"""

from __future__ import annotations

import json
import os
import tempfile
import warnings
from typing import Any

from printed import Scenarios, module, said

scenario = Scenarios("profiler_scenarios.json", heard=True)

CALLS = """
x + 1|1 - x|x * y|x / y|x // y|x % y|x ** 2|-x|abs(x)|x @ y.t()|x == y|x > 0|x.add_(1)|x.mul_(y)
torch.mm(x, y.t())|torch.matmul(x, v)|torch.bmm(b, b)|torch.addmm(z, x, y.t())
torch.einsum("ij,kj->ik", x, y)|x.relu()|x.sigmoid()|x.tanh()|x.exp()|x.log()|x.sqrt()|x.clamp(0, 1)
x.softmax(-1)|x.log_softmax(-1)|x.sum()|x.mean(0)|x.max()|x.max(1)|x.argmax(1)|x.std()|x.var(0)|x.norm()
x.cumsum(0)|x.prod()|x.topk(2)|x.sort()|x.view(-1)|x.reshape(4, 3)|x.t()|x.transpose(0, 1)|x.permute(1, 0)
x.unsqueeze(0)|x.flatten()|x.expand(3, 4)|x.clone()|x.detach()|x.to(torch.float64)|x.double()|x.contiguous()
x[0]|x[:, 1]|x[1:]|x[None]|x[x > 0]|torch.cat([x, y])|torch.stack([x, y])|torch.where(x > 0, x, y)
x.masked_fill(x > 0, 0.0)|x.gather(1, i)|torch.zeros(2)|torch.ones(2)|torch.full((2,), 1.0)|torch.arange(3)
torch.randn(2)|torch.rand(2)|torch.zeros_like(x)|torch.randperm(4)|torch.empty(2)|torch.linspace(0, 1, 3)
torch.eye(2)|x.zero_()|x.fill_(1)|x.copy_(y)|x.normal_()|F.linear(x, y)|F.relu(x)|F.gelu(x)|F.silu(x)
F.dropout(x)|F.softmax(x, 1)|F.leaky_relu(x)|F.elu(x)|F.softplus(x)|F.mse_loss(x, y)|F.l1_loss(x, y)
F.cross_entropy(x, k)|F.nll_loss(x, k)|F.smooth_l1_loss(x, y)|F.kl_div(x, y, reduction='sum')
F.binary_cross_entropy_with_logits(x, y)|F.huber_loss(x, y)|F.layer_norm(x, (4,))|F.embedding(i, x)
F.pad(x, (1, 1))|F.conv2d(c, w)|F.max_pool2d(c, 2)|F.avg_pool2d(c, 2)|F.adaptive_avg_pool2d(c, 1)
F.logsigmoid(x)|F.batch_norm(x, None, None, training=True)|F.group_norm(c, 1)
F.scaled_dot_product_attention(b, b, b)|nn.Linear(4, 2)(x)|nn.ReLU()(x)|nn.Conv2d(2, 3, 2)(c)
nn.Sequential(nn.Tanh(), nn.Sigmoid())(x)|nn.GELU()(x)|nn.MSELoss()(x, y)|nn.CrossEntropyLoss()(x, k)
nn.Embedding(5, 2)(k)|nn.Dropout()(x)|nn.LayerNorm(4)(x)
"""


def _names(torch: Any, events: Any) -> str:
    """What the program called; PyTorch's losses broadcast in a call of its own."""
    left_out = ("fnnet: ", "aten::broadcast_tensors")
    outer = [one for one in events if one.cpu_parent is None and not one.name.startswith(left_out)]
    return ", ".join(one.name for one in outer)


@scenario
def names_of_operations(torch: Any) -> list[str]:
    profiler = module(torch, "profiler")
    x, y, z, v = torch.rand(3, 4), torch.rand(3, 4), torch.rand(3, 3), torch.rand(4)
    b, c, w = torch.rand(2, 4, 4), torch.rand(1, 2, 4, 4), torch.rand(3, 4, 2, 2)[:, :2]
    i, k = torch.zeros(3, 4, dtype=torch.int64), torch.tensor([0, 1, 2])
    given = {"torch": torch, "nn": torch.nn, "F": torch.nn.functional}
    given |= {"x": x, "y": y, "z": z, "v": v, "b": b, "c": c, "w": w, "i": i, "k": k}
    lines = []
    for call in CALLS.replace("\n", "|").split("|"):
        if not call:
            continue
        made = eval(call.split(")(")[0] + ")", given) if call.startswith("nn.") else None
        text = "made(" + call.split(")(")[-1] if made is not None else call
        with profiler.profile() as prof:
            eval(text, {**given, "made": made})
        lines.append(f"{call}: {_names(torch, prof.events())}")
    return lines


@scenario
def steps_of_training(torch: Any) -> list[str]:
    profiler = module(torch, "profiler")
    model = torch.nn.Sequential(torch.nn.Linear(4, 3), torch.nn.ReLU(), torch.nn.Linear(3, 1))
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    data = torch.utils.data.DataLoader(torch.utils.data.TensorDataset(torch.rand(4, 4)), batch_size=2)

    with profiler.profile(record_shapes=True) as prof:
        for (x,) in data:
            optimizer.zero_grad()
            with profiler.record_function("forward"):
                loss = model(x).sum()
            loss.backward()
            optimizer.step()
    lines = []
    for one in prof.key_averages():
        if one.key in ("aten::linear", "aten::relu", "forward") or "#" in one.key or "ReluBack" in one.key:
            lines.append(f"{one.key} {one.count} {one.is_user_annotation}")
    for one in prof.key_averages(group_by_input_shape=True):
        if one.key in ("aten::linear", "aten::relu"):
            lines.append(f"{one.key} {one.input_shapes} {one.count}")
    return lines


@scenario
def labels(torch: Any) -> list[str]:
    profiler = module(torch, "profiler")

    @profiler.record_function("decorated")
    def double(x: Any) -> Any:
        return x * 2

    with profiler.profile() as prof, profiler.record_function("outer"):
        with profiler.record_function("inner", "some arguments"):
            double(torch.ones(2))
        double(torch.ones(2))
    lines = []
    for one in prof.events():
        if one.is_user_annotation:
            parent = one.cpu_parent and one.cpu_parent.name
            lines.append(f"{one.name} in {parent} {one.scope} {one.trace_name} {one.count}")
    counts = {one.key: one.count for one in prof.key_averages() if one.is_user_annotation}
    total = prof.profiler.total_average()
    return [*lines, str(counts), f"{total.key} {total.count > 5} {total.cpu_time_total > 0}"]


@scenario
def schedules(torch: Any) -> list[str]:
    profiler = module(torch, "profiler")
    cases: list[dict[str, int]] = [
        {"wait": 1, "warmup": 1, "active": 2, "repeat": 1},
        {"wait": 0, "warmup": 0, "active": 1},
        {"wait": 1, "warmup": 2, "active": 3, "repeat": 2, "skip_first": 2},
        {"wait": 3, "warmup": 1, "active": 1, "skip_first": 1, "skip_first_wait": 1},
    ]
    lines = []
    for case in cases:
        action = profiler.schedule(**case)
        lines.append(" ".join(str(action(step)).removeprefix("ProfilerAction.") for step in range(14)))
    lines.append(said(action, -1))
    lines.append(said(profiler.schedule, wait=-1, warmup=0, active=1))
    lines.append(said(profiler.schedule, wait=0, warmup=1, active=0))
    return lines


@scenario
def when_traces_are_ready(torch: Any) -> list[str]:
    warnings.filterwarnings("ignore", "Warning: Profiler clears")  # said once in a process
    profiler = module(torch, "profiler")
    cases = [
        ({"wait": 1, "warmup": 1, "active": 2, "repeat": 2}, 10),
        ({"wait": 0, "warmup": 1, "active": 1}, 5),
        ({"wait": 0, "warmup": 1, "active": 3}, 6),
        (None, 3),
    ]
    lines = []
    for case, steps in cases:
        ready: list[str] = []

        def note(prof: Any, ready: list[str] = ready) -> None:
            seen = [one.trace_name for one in prof.events() if "ProfilerStep" in one.name]
            added = sum(one.name == "aten::add" for one in prof.events())
            ready.append(f"{prof.step_num}: {seen} {added}")

        plan = case and profiler.schedule(**case)
        with profiler.profile(schedule=plan, on_trace_ready=note) as prof:
            for _ in range(steps):
                torch.ones(2) + 1
                prof.step()
        lines.append("; ".join(ready) + f" {prof.current_action} {prof.step_num}")
        lines.append(str(sorted({one.key for one in prof.key_averages() if "Step" in one.key})))
    return lines


@scenario
def odd_schedules(torch: Any) -> list[str]:
    warnings.filterwarnings("ignore", "Warning: Profiler clears")
    profiler = module(torch, "profiler")
    names = ["NONE", "WARMUP", "RECORD", "RECORD_AND_SAVE"]
    actions = [getattr(profiler.ProfilerAction, name) for name in names]
    lines = []
    for before in range(4):
        for after in range(4):
            if (before, after) == (2, 1):
                continue  # which crashes PyTorch
            ready: list[int] = []
            plan = [actions[before], actions[after], actions[0]]
            prof = profiler.profile(
                schedule=plan.__getitem__, on_trace_ready=lambda p, r=ready: r.append(p.step_num)
            )
            prof.start()
            prof.step()
            prof.step()
            prof.stop()
            lines.append(f"{names[before]} {names[after]} {ready}")
    stopped = profiler.ProfilerAction.DEVICE_STOPPED
    lines.append(said(profiler.profile, schedule=lambda step: stopped))
    return lines


def _events(torch: Any, **more: Any) -> Any:
    util = module(torch, "autograd.profiler_util")
    made = [
        util.FunctionEvent(1, "aten::linear", 7, 0.0, 1500.25, input_shapes=[[3, 4], [2, 4]], flops=48),
        util.FunctionEvent(2, "aten::addmm", 7, 100.0, 1200.0, input_shapes=[[2], [3, 4]], flops=48000),
        util.FunctionEvent(3, "aten::relu", 7, 2000.0, 2100.5, input_shapes=[[3, 2]], flops=0),
        util.FunctionEvent(4, "aten::relu", 7, 2200.0, 2250.0, input_shapes=[[5, 2]], flops=0),
        util.FunctionEvent(
            5, "a name that is longer than the column of names may ever be", 8, 1.0, 3e6 + 1, flops=7
        ),
        util.FunctionEvent(6, "aten::relu", 9, 0.0, 9.0, input_shapes=[[3, 2]], flops=0),
        util.FunctionEvent(7, "aten::relu", 9, 1.0, 8.0, input_shapes=[[3, 2]], flops=0),
    ]
    for number, event in enumerate(made):
        event.cpu_memory_usage = (0, -100, 2048, 5 * 2**20, 3 * 2**30, 12, 0)[number]
        event.trace_name = event.name
        event.stack, event.overload_name = [], ""
        event.input_shapes = event.input_shapes or []
    return util.EventList(made, **more)


@scenario
def tables(torch: Any) -> list[str]:
    lines = []
    for options in ({}, {"profile_memory": True}, {"with_flops": True}):
        events = _events(torch, **options)
        lines.append(said(events.key_averages))
        events._build_tree()
        mean = events.key_averages()
        lines += str(mean).split("\n")
        lines += mean.table(sort_by="self_cpu_time_total", row_limit=2, header="A profile").split("\n")
        lines += mean.table(sort_by="cuda_time_total", row_limit=-1, max_name_column_width=20).split("\n")
        lines += events.table(top_level_events_only=True, time_unit="ms").split("\n")
        lines += events.key_averages(group_by_input_shapes=True).table(time_unit="s").split("\n")
        lines += [repr(events[0]), repr(mean[0]), repr(events.total_average())]
    lines.append(said(mean.table, sort_by="nothing"))
    lines.append(repr(module(torch, "autograd.profiler_util").EventList().table()))
    return lines


@scenario
def tables_with_sources(torch: Any) -> list[str]:
    events = _events(torch)
    for number, event in enumerate(events):
        event.stack = [f"train.py({number}): step", "train.py(3): main", "x" * 90][: number % 4]
    events._build_tree()
    lines = events.key_averages(group_by_stack_n=2).table().split("\n")
    with tempfile.TemporaryDirectory() as folder:
        path = os.path.join(folder, "stacks")
        events.export_stacks(path, "self_cpu_time_total")
        with open(path, encoding="utf-8") as file:
            lines += file.read().split("\n")
        lines.append(said(events.export_stacks, path, "time"))
        events.export_chrome_trace(path)
        with open(path, encoding="utf-8") as file:
            lines += [str(sorted(one.items())) for one in json.load(file)]
    return lines


@scenario
def attributes_of_events(torch: Any) -> list[str]:
    event = _events(torch)[0]
    names = "cpu_time cpu_time_total self_cpu_time_total device_time_total count key cpu_time_str id thread"
    names += " self_cpu_time_total_str is_async is_remote node_id device_type is_legacy self_cpu_memory_usage"
    lines = [f"{name} {getattr(event, name)}" for name in names.split()]
    lines += [said(getattr, event, "cuda_time_total"), said(getattr, event, "nothing")]
    return lines


@scenario
def activities(torch: Any) -> list[str]:
    profiler = module(torch, "profiler")
    activity = profiler.ProfilerActivity
    lines = [str(activity.CPU), repr(activity.CUDA), str(sorted(map(str, profiler.supported_activities())))]
    lines.append(said(profiler.profile, activities=[]))
    lines.append(said(profiler.profile, activities=[activity.CPU, activity.CPU]))
    lines.append(said(profiler.profile, activities=["CPU"]))
    profiler.profile(use_cuda=False)
    with profiler.profile(activities=[activity.CPU, activity.CUDA]) as prof:
        torch.ones(2) * 2
    lines.append(str({one.key for one in prof.key_averages() if one.key == "aten::mul"}))
    return lines


@scenario
def order_of_calls(torch: Any) -> list[str]:
    profiler = module(torch, "profiler")
    prof = profiler.profile()
    lines = [said(prof.key_averages), said(prof.events), said(prof.export_chrome_trace, "x"), said(prof.stop)]
    lines.append(str(prof.get_trace_id()))
    prof.start()
    torch.ones(2) * 2
    prof.stop()
    lines.append(str(len([one for one in prof.events() if one.name == "aten::mul"])))
    lines.append(said(prof.export_stacks, "x"))
    own = profiler.profile(custom_trace_id_callback=lambda: "mine")
    with own:
        pass
    lines.append(own.get_trace_id())
    return lines


@scenario
def the_older_profile(torch: Any) -> list[str]:
    old = module(torch, "autograd.profiler")
    prof = old.profile(record_shapes=True)
    lines = [str(prof), repr(prof)]
    with prof:
        x = torch.ones(2, 3, requires_grad=True)
        (x * 2).sum().backward()
    lines.append(said(prof.__enter__))
    counts = {one.key: one.count for one in prof.key_averages()}
    lines += [
        f"{name} {counts.get(name)}" for name in ("aten::ones", "aten::sum", "MulBackward0", "SumBackward0")
    ]
    lines += [str(prof.self_cpu_time_total > 0), " ".join(str(prof).split("\n")[1].split())]
    with old.profile(enabled=False) as none:
        torch.ones(2)
    lines.append(str(none))
    lines.append(said(old.profile, use_cpu=False))
    with old.profile(use_cuda=True) as prof:
        torch.ones(2)
    lines.append(str(prof.use_device))
    old.profile(use_device="abacus")
    return lines


@scenario
def traces(torch: Any) -> list[str]:
    profiler = module(torch, "profiler")
    lines = []
    with tempfile.TemporaryDirectory() as folder:
        handler = profiler.tensorboard_trace_handler(os.path.join(folder, "log"), worker_name="me")
        with profiler.profile(on_trace_ready=handler):
            torch.ones(2)
        (name,) = os.listdir(os.path.join(folder, "log"))
        lines.append(f"{name.split('.')[0]} {name.split('.', 2)[2]}")
        with profiler.profile(record_shapes=True) as prof:
            prof.add_metadata("a", "b")
            prof.add_metadata_json("c", "[1, 2]")
            with profiler.record_function("label"):
                torch.ones(2, 3).relu()
        prof.export_chrome_trace(os.path.join(folder, "t.json"))
        with profiler.profile() as packed:
            torch.ones(2)
        packed.export_chrome_trace(os.path.join(folder, "t.json.gz"))
        lines.append(str(sorted(os.listdir(folder))))
        with open(os.path.join(folder, "t.json"), encoding="utf-8") as file:
            trace = json.load(file)
    lines.append(f"{trace['schemaVersion']} {trace['a']} {trace['c']} {trace['record_shapes']}")
    lines.append(str(trace["displayTimeUnit"]))
    for one in trace["traceEvents"]:
        if one["name"] in ("label", "aten::relu"):
            lines.append(
                f"{one['name']} {one['ph']} {one['cat']} {one['dur'] > 0} {one['args'].get('Input Dims')}"
            )
    return lines

"""What libraries lean on beside operations: names, conditions, futures, operations of their own, addresses.

Each scenario is a function of `torch`, PyTorch's or fnnet's, that returns the lines it would print.
"""

from __future__ import annotations

import copy
import ctypes
import pickle
import warnings
from collections.abc import Callable
from typing import Any

from printed import Scenarios, module, said

scenario = Scenarios("library_scenarios.json")


@scenario
def dtypes_and_layouts_by_name(torch: Any) -> list[str]:
    names = ("float8_e4m3fn", "float8_e5m2", "float8_e8m0fnu", "complex32", "int4", "uint4", "chalf")
    lines = []
    for name in names:
        kind = getattr(torch, name)
        lines.append(f"{kind} {kind.itemsize} {kind.is_floating_point} {kind.is_complex} {kind.is_signed}")
    lines += [str(torch.finfo(torch.float8_e5m2)), str(torch.finfo(torch.float8_e4m3fn).max)]
    lines.append(said(torch.promote_types, torch.float8_e4m3fn, torch.float32))
    names = ("strided", "sparse_coo", "sparse_csr", "sparse_csc", "sparse_bsr", "jagged", "_mkldnn")
    x = torch.ones(2)
    return lines + [f"{getattr(torch, name)} {x.layout == getattr(torch, name)}" for name in names]


@scenario
def conditions(torch: Any) -> list[str]:
    cases: list[Callable[[], Any]] = [
        lambda: torch._check(True),
        lambda: torch._check(False),
        lambda: torch._check(torch.tensor(True)),
        lambda: torch._check_value(False, lambda: "bad"),
        lambda: torch._check_index(False, lambda: "far"),
        lambda: torch._check_type(1),
        lambda: torch._assert(False, "x"),
        lambda: torch._assert_async(torch.tensor(0), "zero"),
        lambda: torch._shape_as_tensor(torch.ones(2, 3)),
        lambda: (torch.sym_max(1, 2.0), torch.sym_max(2, 1.0), torch.sym_min(3, 2), torch.sym_int(-2.5)),
        lambda: (torch.sym_not(True), torch.sym_ite(True, 1, 2), torch.sym_float(2)),
    ]
    return [said(case) for case in cases]


@scenario
def futures(torch: Any) -> list[str]:
    made = module(torch, "futures")
    one, failed = made.Future(), made.Future()
    following = one.then(lambda f: f.wait() + 1)
    lines = [str(one.done())]
    one.set_result(1)
    failed.set_exception(ValueError("wrong"))
    lines += [str(following.wait()), said(failed.wait), str(one.value()), said(one.set_result, 2)]
    both = made.collect_all([one, following])
    return [*lines, str([f.wait() for f in both.wait()]), str(made.wait_all([one, following]))]


@scenario
def operations_of_ones_own(torch: Any) -> list[str]:
    library = module(torch, "library")

    def twice(x: torch.Tensor, by: float) -> torch.Tensor:
        return x * by

    twice.__annotations__ = {"x": torch.Tensor, "by": float, "return": torch.Tensor}
    op = library.custom_op("mine_scenario::twice", twice, mutates_args=())
    op.register_fake(lambda x, by: torch.empty_like(x))

    def keep(ctx: Any, inputs: Any, output: Any) -> None:
        ctx.by = inputs[1]

    op.register_autograd(lambda ctx, grad: (grad * ctx.by, None), setup_context=keep)
    x = torch.tensor([1.0, 2.0], requires_grad=True)
    op(x, 3.0).sum().backward()
    return [str(x.grad), str(torch.ops.mine_scenario.twice(torch.ones(2), 2.0))]


@scenario
def bytes_by_their_address(torch: Any) -> list[str]:
    def read(t: Any) -> str:
        return str(list((ctypes.c_float * t.numel()).from_address(t.data_ptr())))

    x = torch.arange(6.0).reshape(2, 3)
    before = x.data_ptr()
    lines = [read(x)]
    x += 1
    lines += [str(before == x.data_ptr()), read(x), read(x[1]), str(x[1].data_ptr() - x.data_ptr())]
    copy = x.clone()
    lines += [str(copy.data_ptr() == x.data_ptr()), read(copy), str(torch.empty(0).data_ptr())]
    pictures = torch.arange(8.0).reshape(1, 2, 2, 2).contiguous(memory_format=torch.channels_last)
    return [*lines, read(pictures), str(x.numpy().ctypes.data == x.data_ptr()), read(x)]


@scenario
def private_names(torch: Any) -> list[str]:
    pytree = module(torch, "utils._pytree")
    flat = module(torch, "_utils")._flatten_dense_tensors([torch.ones(2), torch.zeros(1, 2)])
    back = module(torch, "_utils")._unflatten_dense_tensors(flat, [torch.ones(2), torch.zeros(1, 2)])
    leaves, keys = pytree._dict_flatten({"b": 1, "a": 2})
    lines = [str(flat), str(back), str(leaves), str(keys), str(pytree._dict_unflatten(leaves, keys))]
    lines.append(str([(str(key), leaf) for key, leaf in pytree._dict_flatten_with_keys({"b": 1})[0]]))
    kind = module(torch, "utils.data.dataloader")._DatasetKind
    data = torch.utils.data.TensorDataset(torch.arange(4))
    collate = module(torch, "utils.data._utils.collate").default_collate
    fetcher = kind.create_fetcher(kind.Map, data, True, collate, False)
    lines.append(str(fetcher.fetch([1, 3])))
    lines.append(str(module(torch, "optim.adam").Adam is torch.optim.Adam))
    grouped = torch.optim.Optimizer._group_tensors_by_device_and_dtype
    pairs = [[torch.ones(1), torch.ones(2, dtype=torch.float64)], [torch.zeros(1), torch.zeros(2)]]
    found = grouped(pairs, with_indices=True)
    lines += sorted(f"{key[1]} {lists} {list(map(int, where))}" for key, (lists, where) in found.items())
    sizes = module(torch, "nn.modules").utils
    lines.append(str((sizes._pair(3), sizes._triple([1, 2]), sizes._ntuple(5)("ab"))))
    jit = module(torch, "jit")
    pairs = [
        ([1, 2], list[int]),
        ([1, "a"], list[int]),
        ({"a": 1}, dict[str, int]),
        ((1, "a"), tuple[int, str]),
    ]
    lines += [str(jit.isinstance(thing, hint)) for thing, hint in pairs]
    with module(torch, "autograd.profiler").record_function("part"):
        lines.append(str(torch.ones(1)))
    return lines


@scenario
def parts_of_a_text(torch: Any) -> list[str]:
    printing = module(torch, "_tensor_str")
    x = torch.arange(14.0).reshape(2, 7) / 3
    text = "Mine(" + printing._tensor_str(x, 5)
    lines = [text, printing._add_suffixes(text, ["size=(2, 7)", "device='somewhere_far_away'"], 5, False)]
    fake = module(torch, "_subclasses.fake_tensor")
    return [*lines, printing._add_suffixes(text, ["sparse=True"], 5, True), str(fake.is_fake(x))]


@scenario
def sobol_points(torch: Any) -> list[str]:
    engine = module(torch, "quasirandom").SobolEngine
    plain, mixed = engine(5), engine(4, scramble=True, seed=11)
    lines = [
        str(plain.draw(5)),
        str(plain.fast_forward(3).draw(2, dtype=torch.float64)),
        str(mixed),
        str(plain),
    ]
    lines += [str(mixed.draw(3)), str(mixed.draw(1)), str(mixed.draw_base2(2)), str(mixed.reset().draw(2))]
    lines += [said(plain.draw_base2, 3), said(engine, 0), str(mixed.shift), str(mixed.sobolstate[:, ::9])]
    wide = engine(1111)
    lines.append(str(wide.draw(7)[:, ::100]))
    return [*lines, str(engine(2, True).draw(2)), str(torch.rand(1))]


@scenario
def numpy_where_gradients_are_off(torch: Any) -> list[str]:
    x = torch.ones(3, requires_grad=True)
    with torch.no_grad():
        lines = [str(x.numpy()), str(x.view(-1).numpy())]
    lines.append(said(x.numpy))
    return [*lines, str([part.tolist() for part in x.detach().split(split_size=2, dim=0)])]


@scenario
def shallow_copies_share_memory(torch: Any) -> list[str]:
    x = torch.nn.Parameter(torch.ones(2))
    copied, result = copy.copy(x), copy.copy(x * 2)
    with torch.no_grad():
        copied[0] = 7
    return [str(x), str(copied), type(copied).__name__, str(result), str(result.is_leaf)]


@scenario
def sizes_stay_sizes(torch: Any) -> list[str]:
    size = torch.Size([2, torch.tensor(3)])
    return [
        str(size * 2),
        str(2 * size),
        str((1,) + size),  # noqa: RUF005
        str(size + (1,)),  # noqa: RUF005
        str(pickle.loads(pickle.dumps(size))),
    ]


@scenario
def scalars_keep_their_precision(torch: Any) -> list[str]:
    kept = torch.tensor(1e300, dtype=torch.float64)
    return [str(kept), str(torch.tensor([1e300], dtype=torch.float64)), str(torch.tensor(1e300))]


@scenario
def copies_that_do_not_fit(torch: Any) -> list[str]:
    x = torch.zeros(3, 4)
    cases: list[Callable[[], Any]] = [
        lambda: x.copy_(torch.ones(5)),
        lambda: x[0].copy_(torch.ones(2, 4)),
        lambda: x.__setitem__(0, torch.ones(3)),
        lambda: x.__setitem__((slice(None), 0), torch.ones(2, 2)),
        lambda: x.__setitem__(slice(0, 2), torch.ones(3, 4)),
    ]
    return [said(case) for case in cases]


@scenario
def anomalies_name_the_call(torch: Any) -> list[str]:
    """The warning names the line of this file that called sqrt."""
    with warnings.catch_warnings(record=True) as heard:
        warnings.simplefilter("always")
        with torch.autograd.detect_anomaly():
            made = torch.tensor([-1.0], requires_grad=True).sqrt()
            lines = [said(made.sum().backward)]
    told = [str(one.message).partition(" (Triggered")[0].strip() for one in heard]
    frames = told[-1].rstrip().split("\n")
    return [*lines, told[0], frames[0], frames[-1].strip()]


@scenario
def control_flow_by_functions(torch: Any) -> list[str]:
    flow = module(torch, "_higher_order_ops")
    x = torch.arange(1.0, 8).view(7, 1)
    b = torch.full((2, 5), 2.0, requires_grad=True)

    def follow(left: Any, right: Any) -> Any:
        return left[0] * right[0], right[0] * left[1] + right[1]

    scanned = flow.associative_scan(follow, (torch.full((2, 5), 0.5), b), 1, combine_mode="generic")[1]
    scanned.sum().backward()
    lines = [str(scanned.detach()), str(b.grad)]
    for n in range(1, 8):
        made = flow.associative_scan(torch.mul, x[:n], 0, reverse=n == 5, combine_mode="generic")
        lines.append(str(made.flatten().tolist()))
    cases: list[Callable[[], Any]] = [
        lambda: flow.associative_scan(torch.add, x, 0),
        lambda: flow.associative_scan(torch.add, x, 0, combine_mode="other"),
        lambda: flow.associative_scan(3, x, 0),
        lambda: torch.ones(2).to_dense() + torch.ones(2).to_dense(torch.float64),
        lambda: torch.get_device_module("cpu").__name__.rpartition(".")[2],
        lambda: torch.get_device_module("meta"),
        lambda: torch.get_device_module(1),
        lambda: module(torch, "utils.checkpoint").get_device_states(x, [x]),
    ]
    return lines + [said(case) for case in cases]

"""Single operations, forwards and with gradients, on fnnet.torch and on PyTorch in one run, and the ratio.

    python benchmarks/single_operations.py [--seconds S] [NAME ...]

Each operation is followed by `sum()` and `item()`; "with gradients" also by `backward()` and the sum of one
gradient, which is read. The two take turns, each in a process of its own (see recorder_loops.py), and the
lower quartile of their calls counts. Compilation is over before. Without PyTorch only fnnet is timed.
"""

from __future__ import annotations

import argparse
import importlib
import importlib.util
import multiprocessing
import time
from collections.abc import Callable
from typing import Any


def operations(torch: Any) -> dict[str, tuple[Callable[[], Any], list[Any]]]:
    """By name: the call, and the tensors that get gradients."""
    torch.manual_seed(0)
    nn, F = torch.nn, torch.nn.functional

    def leaf(*shape: int) -> Any:
        return torch.randn(*shape, requires_grad=True)

    x, small, pictures = leaf(1000, 1000), leaf(128, 128), leaf(32, 16, 32, 32)
    sequences, tokens, heads, line = (
        leaf(32, 50, 64),
        leaf(16, 128, 128),
        leaf(8, 8, 128, 32),
        leaf(32, 16, 256),
    )
    places, labels = torch.randint(0, 1000, (1000,)), torch.randint(0, 1000, (1000,))
    words, mask = torch.randint(0, 10000, (64, 128)), torch.rand(1000, 1000) > 0.5
    wide = places[None].expand(1000, 1000)
    whole, divisors = torch.randint(-1000, 1000, (1000, 1000)), torch.randint(1, 1000, (1000, 1000))
    norms = nn.BatchNorm2d(16), nn.LayerNorm(1000), nn.GroupNorm(4, 16)
    recurrent = {name: getattr(nn, name)(64, 128, batch_first=True) for name in ("LSTM", "GRU")}
    attention, table = nn.MultiheadAttention(128, 8, batch_first=True), nn.Embedding(10000, 128)
    depthwise, transposed = nn.Conv2d(16, 16, 3, padding=1, groups=16), nn.ConvTranspose2d(16, 8, 4, 2, 1)
    theta = torch.eye(2, 3).repeat(32, 1, 1)
    positions, batch = leaf(1, 197, 384), torch.randn(32, 197, 384)

    def sampled() -> Any:
        grid = F.affine_grid(theta, (32, 16, 32, 32), align_corners=False)
        return F.grid_sample(pictures, grid, align_corners=False)

    def of(
        tensor: Any, *calls: tuple[str, Callable[[], Any]]
    ) -> dict[str, tuple[Callable[[], Any], list[Any]]]:
        return {name: (call, [tensor]) for name, call in calls}

    return {
        **of(
            x,
            ("sum over dim 0", lambda: x.sum(0)),
            ("softmax", lambda: F.softmax(x, 1)),
            ("cross_entropy", lambda: F.cross_entropy(x, labels)),
            ("gelu", lambda: F.gelu(x)),
            ("sin", lambda: x.sin()),
            ("atan", lambda: x.atan()),
            ("remainder", lambda: x % 0.7),
            ("layer_norm", lambda: norms[1](x)),
            ("prod over dim 1", lambda: x.prod(1)),
            ("bfloat16", lambda: x.bfloat16()),
            ("cumsum", lambda: x.cumsum(1)),
            ("cumprod", lambda: x.cumprod(1)),
            ("cummax", lambda: x.cummax(1)[0]),
            ("logcumsumexp", lambda: x.logcumsumexp(1)),
            ("max over dim 1", lambda: x.max(1)[0]),
            ("sort", lambda: x.sort(1)[0]),
            ("topk", lambda: x.topk(10)[0]),
            ("median", lambda: x.median(1)[0]),
            ("where", lambda: torch.where(mask, x, 0.0)),
            ("gather", lambda: x.gather(1, wide)),
            ("index_select", lambda: x.index_select(0, places)),
            ("index_select over dim 1", lambda: x.index_select(1, places)),
            ("scatter_add", lambda: torch.zeros(1000, 1000).scatter_add(0, wide, x)),
            ("matmul", lambda: x @ x),
        ),
        **of(
            small, ("inv", lambda: torch.linalg.inv(small)), ("svdvals", lambda: torch.linalg.svd(small)[1])
        ),
        **of(
            pictures,
            ("batch_norm", lambda: norms[0](pictures)),
            ("group_norm", lambda: norms[2](pictures)),
            ("max_pool2d", lambda: F.max_pool2d(pictures, 2)),
            ("avg_pool2d", lambda: F.avg_pool2d(pictures, 2)),
            ("adaptive_avg_pool2d", lambda: F.adaptive_avg_pool2d(pictures, 7)),
            ("interpolate", lambda: F.interpolate(pictures, scale_factor=2, mode="bilinear")),
            ("grid_sample", sampled),
            ("pad", lambda: F.pad(pictures, (1, 1, 1, 1))),
            ("unfold", lambda: F.unfold(pictures, 3)),
            ("conv2d, depthwise", lambda: depthwise(pictures)),
            ("conv_transpose2d", lambda: transposed(pictures)),
        ),
        **of(line, ("conv1d", lambda: F.conv1d(line, depthwise.weight.reshape(16, 1, 9), groups=16))),
        **of(positions, ("adding to each of a batch", lambda: (batch + positions) * batch)),
        **of(table.weight, ("embedding", lambda: table(words))),
        **of(
            sequences, *((name, lambda layer=layer: layer(sequences)[0]) for name, layer in recurrent.items())
        ),
        **of(tokens, ("MultiheadAttention", lambda: attention(tokens, tokens, tokens)[0])),
        **of(
            heads,
            ("attention", lambda: F.scaled_dot_product_attention(heads, heads, heads, is_causal=True)),
            ("bmm", lambda: heads @ heads.transpose(-1, -2)),
        ),
        "integers // integers": (lambda: whole // divisors, []),
        "arange": (lambda: torch.arange(1000000), []),
        "randperm": (lambda: torch.randperm(1000).float(), []),
        "randn": (lambda: torch.randn(1000, 1000), []),
    }


def timed(module: str, channel: Any) -> None:
    """Answer (name, gradients, seconds) with the lower quartile of the calls' microseconds."""
    known = operations(importlib.import_module(module))
    channel.send(list(known))
    for name, gradients, seconds in iter(channel.recv, None):
        call, leaves = known[name]

        def once(call: Any = call, leaves: Any = leaves, gradients: bool = gradients) -> float:
            for one in leaves:
                one.grad = None
            total = call().sum()
            if not gradients:
                return float(total.item())
            total.backward()
            return float(leaves[0].grad.sum().item())

        for _ in range(3):
            once()
        times, end = [], time.perf_counter() + seconds
        while len(times) < 4 or time.perf_counter() < end:
            begun = time.perf_counter()
            once()
            times.append(time.perf_counter() - begun)
        channel.send(sorted(times)[len(times) // 4] * 1e6)


def main() -> None:
    """Print a row for each operation."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("names", nargs="*", help="of operations; all if none is given")
    parser.add_argument("--seconds", type=float, default=0.3, help="for each measurement")
    options = parser.parse_args()
    modules = ["fnnet.torch", *(["torch"] if importlib.util.find_spec("torch") else [])]
    context = multiprocessing.get_context("spawn")
    channels = []
    for module in modules:
        ours, theirs = context.Pipe()
        context.Process(target=timed, args=(module, theirs), daemon=True).start()
        channels.append(ours)
    known = next(iter([channel.recv() for channel in channels]))
    unknown = set(options.names) - set(known)
    if unknown:
        parser.error(f"no operations {sorted(unknown)}; there are {known}")
    print(
        "| operation | fnnet | PyTorch | ratio | with gradients: fnnet | PyTorch | ratio |\n"
        + "|---" * 7
        + "|"
    )
    for name in options.names or known:
        row = [name]
        for gradients in (False, True):
            if gradients and name.startswith(("rand", "arange", "integers")):
                row += ["", "", ""]
                continue
            times = []
            for channel in channels:
                channel.send((name, gradients, options.seconds))
                times.append(channel.recv())
            cells = [f"{one:.0f}" for one in times]
            row += [*cells, f"{times[0] / times[1]:.2f}"] if len(times) == 2 else [*cells, "", ""]
        print("| " + " | ".join(row) + " |", flush=True)
    for channel in channels:
        channel.send(None)


if __name__ == "__main__":
    main()

"""Programs whose records hardly come again: whole processes under PyTorch and under fnnet, with empty cache.

    python benchmarks/growing_sizes.py [--rounds N] [NAME ...]

- growing: 40 tokens from a small GPT that keeps nothing of the turn before, so that every turn is longer;
- snippets: 60 small expressions, each looked at once, as at a prompt or in a tutorial;
- lengths: a recurrent network, trained on sequences of 20 lengths, step by step.

"compiled" is fnnet with `torch.use_deterministic_algorithms(True)`, which compiles every record. Of each, the
least CPU time and wall time of the rounds, from the start of Python to its exit.
"""

from __future__ import annotations

import argparse
import importlib.util
import os
import subprocess
import sys
import tempfile
import time
from typing import Any


def growing(torch: Any) -> None:
    nn, width, heads = torch.nn, 64, 4
    torch.manual_seed(0)

    class Block(nn.Module):  # type: ignore[name-defined]
        def __init__(self) -> None:
            super().__init__()
            self.before, self.after = nn.LayerNorm(width), nn.LayerNorm(width)
            self.all, self.out = nn.Linear(width, 3 * width), nn.Linear(width, width)
            self.wide = nn.Sequential(nn.Linear(width, 4 * width), nn.GELU(), nn.Linear(4 * width, width))

        def forward(self, x: Any) -> Any:
            batch, length, _ = x.shape
            parts = self.all(self.before(x)).split(width, dim=2)
            q, k, v = (one.view(batch, length, heads, -1).transpose(1, 2) for one in parts)
            scores = (q @ k.transpose(-2, -1)) * (width // heads) ** -0.5
            scores = scores.masked_fill(torch.tril(torch.ones(length, length)) == 0, float("-inf"))
            mixed = (torch.softmax(scores, -1) @ v).transpose(1, 2).reshape(batch, length, width)
            x = x + self.out(mixed)
            return x + self.wide(self.after(x))

    tokens, places = nn.Embedding(65, width), nn.Embedding(128, width)
    blocks, head = nn.Sequential(Block(), Block()), nn.Linear(width, 65)
    ids = torch.zeros((1, 1), dtype=torch.long)
    with torch.no_grad():
        for _ in range(40):
            x = blocks(tokens(ids) + places(torch.arange(ids.shape[1])))
            chances = torch.softmax(head(x)[:, -1, :], dim=-1)
            ids = torch.cat((ids, torch.multinomial(chances, 1)), dim=1)
    print(ids[0].tolist())


def snippets(torch: Any) -> None:
    for n in range(2, 17):
        x = torch.arange(float(n * 3)).view(n, 3)
        print(x.t() @ x)
        print(torch.cat((x, x.flip(0)), 1).sum(0))
        print((x / n).sin().exp().mean(), x.std())
        print(torch.sort(x[:, 1] % 5, descending=True))


def lengths(torch: Any) -> None:
    torch.manual_seed(0)
    step, out = torch.nn.Linear(24, 16), torch.nn.Linear(16, 3)
    optimizer = torch.optim.SGD([*step.parameters(), *out.parameters()], lr=0.01)
    for turn in range(60):
        sequence, hidden = torch.randn(3 + turn * 7 % 20, 1, 8), torch.zeros(1, 16)
        for row in sequence:
            hidden = torch.tanh(step(torch.cat((row, hidden), 1)))
        loss = torch.nn.functional.cross_entropy(out(hidden), torch.tensor([turn % 3]))
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    print(loss.item())


PROGRAMS = {one.__name__: one for one in (growing, snippets, lengths)}


def seconds(name: str, side: str) -> tuple[float, float]:
    """CPU and wall time of one process."""
    words = [__file__, "--program", name]
    if side != "torch":
        words = ["-m", "fnnet", "run", *words, "--compiled" if side == "compiled" else "--evaluated"]
    with tempfile.TemporaryDirectory() as cache:
        before, begin = os.times(), time.perf_counter()
        subprocess.run(
            [sys.executable, *words],
            env={**os.environ, "JAX_COMPILATION_CACHE_DIR": cache},
            stdout=subprocess.DEVNULL,
            check=True,
        )
        after = os.times()
        used = after.children_user + after.children_system - before.children_user - before.children_system
        return used, time.perf_counter() - begin


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--program", choices=PROGRAMS, help=argparse.SUPPRESS)
    parser.add_argument("--compiled", action="store_true", help=argparse.SUPPRESS)
    parser.add_argument("--evaluated", action="store_true", help=argparse.SUPPRESS)
    parser.add_argument("names", nargs="*", metavar="NAME")
    given = parser.parse_args()
    if given.program:
        import torch

        torch.use_deterministic_algorithms(given.compiled)
        PROGRAMS[given.program](torch)
        return
    sides = ["torch"] * (importlib.util.find_spec("torch") is not None) + ["compiled", "fnnet"]
    print(f"{'program':12}{'':10}{'CPU s':>10}{'wall s':>10}")
    for name in given.names or PROGRAMS:
        best: dict[str, tuple[float, float]] = {}
        for _ in range(given.rounds):
            for side in sides:
                seen, old = seconds(name, side), best.get(side, (float("inf"), float("inf")))
                best[side] = min(old[0], seen[0]), min(old[1], seen[1])
        for side, (used, wall) in best.items():
            print(f"{name:12}{side:10}{used:10.2f}{wall:10.2f}", flush=True)


if __name__ == "__main__":
    main()

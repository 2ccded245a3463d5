"""Text generation: fnnet's compiled generate against transformers' generate, on a CPU, as ratios in one run.

    python benchmarks/text_generation.py [--size NAME]... [--new N] [--prompt N] [--repeat N]

Both have the same random weights of GPT-2's form and continue the same prompts, taking the likeliest token,
with keys and values kept. Each measurement is a process of its own. Measured, after the imports:

- first: seconds of the first call, compilation included;
- token: milliseconds a new token in a later call (the fastest of those repeated), the prompt's pass included.

With `--cores N` each process keeps to N cores, which on a machine that does other work besides is the fairer
comparison: threads that wait for each other suffer most there.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np

SIZES = {
    "tiny": {"n_embd": 64, "n_layer": 2, "n_head": 4, "vocab_size": 512, "n_positions": 256},
    "small": {"n_embd": 256, "n_layer": 4, "n_head": 8, "vocab_size": 8192, "n_positions": 512},
    "gpt2": {"n_embd": 768, "n_layer": 12, "n_head": 12, "vocab_size": 50257, "n_positions": 1024},
}


def write(folder: Path, size: str) -> None:
    """A checkpoint of random weights, as both read it."""
    import jax.numpy as jnp

    import fnnet
    from fnnet import models
    from fnnet.models.loading import flat

    config = {"model_type": "gpt2", "architectures": ["GPT2LMHeadModel"], **SIZES[size]}
    config |= {"bos_token_id": 0, "eos_token_id": 0}
    (folder / "config.json").write_text(json.dumps(config))
    net = models.GPT(models.GPTConfig(**SIZES[size]))
    params = net.init(fnnet.random.Generator(0), jnp.float32)
    fnnet.checkpoint.save(folder / "model.safetensors", flat(params), {"format": "pt"})


def with_fnnet(folder: str, prompt: np.ndarray, new: int) -> Callable[[], list[list[int]]]:
    from fnnet import models

    net, params = models.load_gpt(folder)
    return lambda: np.asarray(models.generate(net, params, prompt, new)).tolist()


def with_transformers(folder: str, prompt: np.ndarray, new: int) -> Callable[[], list[list[int]]]:
    import torch
    from transformers import GPT2LMHeadModel

    net = GPT2LMHeadModel.from_pretrained(folder).eval()
    ids = torch.from_numpy(prompt).long()
    mask = torch.ones_like(ids)

    def run() -> list[list[int]]:
        made = net.generate(
            ids, attention_mask=mask, max_new_tokens=new, do_sample=False, eos_token_id=None, pad_token_id=0
        )
        return made.tolist()

    return run


RUNS = {"fnnet": with_fnnet, "transformers": with_transformers}


def measure(framework: str, folder: str, batch: int, prompt: int, new: int, repeat: int) -> dict[str, object]:
    size = json.loads((Path(folder) / "config.json").read_text())["vocab_size"]
    ids = np.random.default_rng(0).integers(0, size, (batch, prompt)).astype(np.int32)
    run = RUNS[framework](folder, ids, new)
    begin = time.perf_counter()
    made = run()
    first = time.perf_counter() - begin
    times = []
    for _ in range(repeat):
        begin = time.perf_counter()
        run()
        times.append(time.perf_counter() - begin)
    return {"first": first, "token": min(times) / new * 1e3, "ids": made}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--size", action="append", choices=SIZES)
    parser.add_argument("--batch", action="append", type=int)
    parser.add_argument("--prompt", type=int, default=32)
    parser.add_argument("--new", type=int, default=64)
    parser.add_argument("--repeat", type=int, default=3)
    parser.add_argument("--cores", type=int)
    parser.add_argument(
        "--measure", nargs=3, metavar=("FRAMEWORK", "FOLDER", "BATCH"), help=argparse.SUPPRESS
    )
    given = parser.parse_args()
    if given.cores:
        os.sched_setaffinity(0, range(given.cores))
        os.environ["OMP_NUM_THREADS"] = str(given.cores)
    if given.measure:
        framework, folder, batch = given.measure
        print(json.dumps(measure(framework, folder, int(batch), given.prompt, given.new, given.repeat)))
        return
    print("| network, batch | framework | first, s | token, ms | speed |\n|---|---|---|---|---|")
    for size in given.size or ["tiny", "small"]:
        with tempfile.TemporaryDirectory() as folder:
            write(Path(folder), size)
            for batch in given.batch or [1, 8]:
                results = {}
                for framework in ("transformers", "fnnet"):
                    numbers = (
                        "--prompt",
                        str(given.prompt),
                        "--new",
                        str(given.new),
                        "--repeat",
                        str(given.repeat),
                    )
                    command = [sys.executable, __file__, "--measure", framework, folder, str(batch), *numbers]
                    done = subprocess.run(command, capture_output=True, text=True, check=True)
                    results[framework] = json.loads(done.stdout.splitlines()[-1])
                for framework, result in results.items():
                    ratio = results["transformers"]["token"] / result["token"]
                    numbers = f"{result['first']:.2f} | {result['token']:.2f} | {ratio:.2f}x"
                    print(f"| {size}, {batch} | {framework} | {numbers} |", flush=True)
                same = np.array(results["fnnet"]["ids"]) == np.array(results["transformers"]["ids"])
                if not same.all():
                    print(f"(tokens equal: {same.mean():.1%}; near ties of random weights fall either way)")


if __name__ == "__main__":
    main()

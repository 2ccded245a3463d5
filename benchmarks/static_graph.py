"""The tutorials' static graph on fnnet.tensorflow, and on TensorFlow in a process of its own.

    python benchmarks/static_graph.py [--steps 500] [--tensorflow PYTHON]

PYTHON is an interpreter that has TensorFlow 2. Each runs the two-layer loop (a loss and two assignments
fetched every step) three times after a warm-up, and reports the median time of a step. The small one shows
what a run costs apart from the arithmetic.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import time
from typing import Any

import numpy as np

SIZES = {"64x1000-100-10": (64, 1000, 100, 10), "4x8-4-2": (4, 8, 4, 2)}


def measure(tf: Any, steps: int, sizes: tuple[int, int, int, int]) -> dict[str, float]:
    n, d_in, h, d_out = sizes
    started = time.perf_counter()
    x = tf.placeholder(tf.float32, shape=(None, d_in))
    y = tf.placeholder(tf.float32, shape=(None, d_out))
    w1 = tf.Variable(tf.random_normal((d_in, h), seed=1))
    w2 = tf.Variable(tf.random_normal((h, d_out), seed=2))
    y_pred = tf.matmul(tf.maximum(tf.matmul(x, w1), tf.zeros(1)), w2)
    loss = tf.reduce_sum((y - y_pred) ** 2.0)
    grad_w1, grad_w2 = tf.gradients(loss, [w1, w2])
    new_w1 = w1.assign(w1 - 1e-6 * grad_w1)
    new_w2 = w2.assign(w2 - 1e-6 * grad_w2)
    fetches = [loss, new_w1, new_w2]
    draw = np.random.RandomState(0)
    feed = {x: draw.randn(n, d_in), y: draw.randn(n, d_out)}
    times = []
    with tf.Session() as session:
        session.run(tf.global_variables_initializer())
        session.run(fetches, feed)
        first = time.perf_counter() - started
        for _ in range(3):
            for _ in range(steps):
                begun = time.perf_counter()
                session.run(fetches, feed_dict=feed)
                times.append(time.perf_counter() - begun)
    return {"first": first, "step": statistics.median(times)}


def measurements(steps: int, real: bool) -> dict[str, dict[str, float]]:
    if real:
        os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
        import tensorflow.compat.v1 as tf

        tf.disable_v2_behavior()
    else:
        import fnnet.tensorflow as tf
    found = {}
    for name, sizes in SIZES.items():
        with tf.Graph().as_default():
            found[name] = measure(tf, steps, sizes)
    return found


def main() -> None:
    parser = argparse.ArgumentParser(
        description="The static-graph loop on fnnet.tensorflow and on TensorFlow."
    )
    parser.add_argument("--steps", type=int, default=500)
    parser.add_argument("--tensorflow", metavar="PYTHON", help="an interpreter that has TensorFlow")
    parser.add_argument("--report", choices=["fnnet", "tensorflow"], help=argparse.SUPPRESS)
    args = parser.parse_args()
    if args.report:
        print(json.dumps(measurements(args.steps, args.report == "tensorflow")))
        return
    pythons = {"fnnet": sys.executable} | ({"tensorflow": args.tensorflow} if args.tensorflow else {})
    results = {}
    for name, python in pythons.items():
        command = [python, __file__, "--steps", str(args.steps), "--report", name]
        done = subprocess.run(command, capture_output=True, text=True, check=True)
        results[name] = json.loads(done.stdout.splitlines()[-1])
        for case, found in results[name].items():
            step, first = found["step"] * 1e3, found["first"]
            print(f"{name:<11}{case:<16}{step:7.3f} ms a step, first run after {first:.2f} s")
    if len(results) == 2:
        for case in results["fnnet"]:
            ratio = results["tensorflow"][case]["step"] / results["fnnet"][case]["step"]
            print(f"TensorFlow / fnnet, {case}: {ratio:.2f}")


if __name__ == "__main__":
    main()

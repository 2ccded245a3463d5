"""A two-layer network as a static graph: described once without data, then run many times with data fed in.

`jax.jit` does this behind the scenes. Here its stages are taken one by one: trace the Python function on
placeholders (shapes and dtypes, no numbers), lower it to XLA's language, let XLA optimise it for this
machine, and run the result. Gradients and updates are part of the graph, and Python runs the function's body
once only.

Run it: python examples/two_layer_static_graph.py
"""

import re

import jax
import jax.numpy as jnp

import fnnet
from fnnet import functional as F

N, D_IN, H, D_OUT = 64, 1000, 100, 10
LEARNING_RATE = 1e-6
traced = []  # grows each time Python runs the body of `step`


def start(random):
    """Data and weights from N(0, 1), drawn from a JAX key or a fnnet.random.Generator."""
    source = fnnet.random.as_source(random)
    x, y, w1, w2 = (
        source.normal(shape, 0.0, 1.0, jnp.float32)
        for shape in ((N, D_IN), (N, D_OUT), (D_IN, H), (H, D_OUT))
    )
    return x, y, {"w1": w1, "w2": w2}


def loss(weights, x, y):
    return jnp.square(y - F.relu(x @ weights["w1"]) @ weights["w2"]).sum()


gradients = jax.value_and_grad(loss)


def update(weights, grads):
    return jax.tree.map(lambda w, g: w - LEARNING_RATE * g, weights, grads)


def step(weights, x, y):
    """One node of the graph gives the loss, others the new weights."""
    traced.append("step")
    value, grads = gradients(weights, x, y)
    return value, update(weights, grads)


def placeholders(rows=N):
    """What the graph needs to know of its inputs: shapes and dtypes."""
    of = lambda *shape: jax.ShapeDtypeStruct(shape, jnp.float32)  # noqa: E731
    return {"w1": of(D_IN, H), "w2": of(H, D_OUT)}, of(rows, D_IN), of(rows, D_OUT)


def build(rows=N):
    """The traced graph, and the program that XLA makes of it."""
    graph = jax.jit(step).trace(*placeholders(rows))
    return graph, graph.lower().compile()


def operations(graph, compiled):
    """How many operations the graph has, and how many the program that XLA made of it runs."""
    entry = re.search(r"^ENTRY .*?^}", compiled.as_text(), re.MULTILINE | re.DOTALL)
    assert entry is not None
    work = [
        line
        for line in entry.group().splitlines()
        if " = " in line and not re.search(r" (parameter|constant|tuple|get-tuple-element|bitcast)\(", line)
    ]
    return sum(1 for _ in all_equations(graph.jaxpr.jaxpr)), len(work)


def all_equations(jaxpr):
    """The operations of a graph, those inside its functions included."""
    for equation in jaxpr.eqns:
        inner = [p.jaxpr for p in equation.params.values() if hasattr(p, "jaxpr")]
        if not inner:
            yield equation
        for part in inner:
            yield from all_equations(part)


def train(weights, x, y, steps=500):
    """Run the compiled graph: Python feeds it and takes the new weights out, 500 times."""
    _, compiled = build(x.shape[0])
    losses = []
    for _ in range(steps):
        value, weights = compiled(weights, x, y)
        losses.append(value)
    return weights, jnp.stack(losses)


def main():
    graph, compiled = build()
    before, after = operations(graph, compiled)
    print("the graph:", graph.jaxpr, sep="\n")
    print(f"{before} operations; XLA runs {after}, the rest is fused into them")

    x, y, weights = start(jax.random.key(0))
    weights, losses = train(weights, x, y)
    for i in range(0, 500, 50):
        print(i, losses[i].item())
    print("Python ran the body of step", len(traced), "times for two builds and 500 steps")


if __name__ == "__main__":
    main()

"""Tensors, as arrays that never change.

What PyTorch's first tutorial does with tensors, in the functional style: an operation gives a new array, and
what PyTorch writes in place (`y.add_(x)`, `out=result`, `a[0] = 333`) gives the array as it is afterwards.

Run it: python examples/tensors.py
"""

import jax
import jax.numpy as jnp
import numpy as np

import fnnet
from fnnet.random import as_source


def creation(random):
    """Arrays from nothing, from random numbers, from data, and in the likeness of others."""
    source = as_source(random)
    x = {"empty": jnp.empty((5, 3))}  # JAX fills it with zeros: there is no uninitialised memory
    x["rand"] = source.uniform((5, 3), 0.0, 1.0, jnp.float32)
    x["tensor"] = jnp.array([5.5, 3.0])
    with jax.enable_x64(True):  # 64-bit numbers exist only where they are asked for
        x["zeros, long"] = jnp.zeros((5, 3), dtype=jnp.int64)
        x["new_ones, double"] = jnp.ones_like(x["tensor"], shape=(5, 3), dtype=jnp.float64)
    x["randn_like, float"] = source.normal(x["new_ones, double"].shape, 0.0, 1.0, jnp.float32)
    return x


def addition(x, y):
    """x + y in PyTorch's four spellings."""
    result = jnp.empty((5, 3))
    result = result.at[...].set(x + y)  # torch.add(x, y, out=result)
    y_after = y.at[...].add(x)  # y.add_(x); y itself is still what it was
    return {"x + y": x + y, "add(x, y)": jnp.add(x, y), "out=result": result, "y.add_(x)": y_after}


def indexing(x):
    """Parts of an array, NumPy's way."""
    return {"x[1:, 1:]": x[1:, 1:], "x[:, 1]": x[:, 1], "x.t_()[:, 1]": x.T[:, 1]}


def reshaping(x):
    """(4, 4) seen as (16,) and as (2, 8); -1 stands for the size that fits."""
    wide = x.reshape(-1, 8)
    return {"view(16)": x.reshape(16), "view(-1, 8)": wide, "transpose": wide.swapaxes(0, 1)}


def two_matrices():
    """Two matrices as one array of three dimensions: their sum, and both in one row each."""
    d = jnp.array([[[1.0, 2.0, 3.0], [4.0, 5.0, 6.0]], [[7.0, 8.0, 9.0], [11.0, 12.0, 13.0]]])
    return {"d": d, "d[0] + d[1]": d[0] + d[1], "view(2, -1)": d.reshape(2, -1)}


def to_numpy():
    """From JAX to NumPy, without a copy: NumPy sees the array, and may not write to it."""
    a = jnp.ones(5)
    b = np.asarray(a)
    a_after = a + 1  # a.add_(1)
    return {"b": b, "writeable": b.flags.writeable, "a + 1": a_after, "b of a + 1": np.asarray(a_after)}


def from_numpy():
    """From NumPy to JAX: a copy, so that what NumPy does later is seen only by asking again."""
    a = np.ones(5)
    with jax.enable_x64(True):  # NumPy's numbers are float64; without this they become float32
        before = jnp.array(a)
        np.add(a, 1, out=a)
        b = jnp.array(a)
        b_after = b.at[0].set(333.0)  # a[0] = 333
    return {"before": before, "b": b, "b[0] = 333": b_after}


def moving(x):
    """To another device, to another dtype, and back to NumPy. On a machine with a GPU, this uses it."""
    device = jax.devices()[0]
    y = jnp.ones_like(x, device=device)
    z = jax.device_put(x, device) + y
    with jax.enable_x64(True):
        double = jax.device_put(z, jax.devices("cpu")[0]).astype(jnp.float64)
    return {"z": z, "z, double": double, "y.numpy()": np.asarray(y)}


def main():
    random = fnnet.random.Generator(0)  # PyTorch's numbers after torch.manual_seed(0); or jax.random.key(0)
    source = as_source(random)
    created = creation(source)
    x = created["randn_like, float"]
    y = source.uniform((5, 3), 0.0, 1.0, jnp.float32)
    square = source.normal((4, 4), 0.0, 1.0, jnp.float32)
    one = source.normal((1,), 0.0, 1.0, jnp.float32)
    print("size:", x.shape, "which is a", type(x.shape).__name__)
    print("item:", one.item())
    parts = [
        ("creation", created),
        ("addition", addition(x, y)),
        ("indexing", indexing(x)),
        ("reshaping", reshaping(square)),
        ("two matrices", two_matrices()),
        ("to NumPy", to_numpy()),
        ("from NumPy", from_numpy()),
        ("moving", moving(one)),
    ]
    for title, results in parts:
        print(f"\n== {title} ==")
        for name, value in results.items():
            print(f"{name}, {value.dtype}:\n{value}" if hasattr(value, "dtype") else f"{name}: {value}")


if __name__ == "__main__":
    main()

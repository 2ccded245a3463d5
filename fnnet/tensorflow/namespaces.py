"""The names that TensorFlow has a second time: `tf.math.add`, `tf.random.normal`, ..."""

from __future__ import annotations

from types import SimpleNamespace

from fnnet.tensorflow import mathematics, random_ops, variables

__all__ = ["GraphKeys", "math", "random"]

random = SimpleNamespace(
    normal=random_ops.random_normal,
    uniform=random_ops.random_uniform,
    truncated_normal=random_ops.truncated_normal,
    shuffle=random_ops.random_shuffle,
    set_random_seed=random_ops.set_random_seed,
    get_seed=random_ops.get_seed,
)

math = SimpleNamespace(**{name: getattr(mathematics, name) for name in mathematics.__all__})

GraphKeys = SimpleNamespace(
    GLOBAL_VARIABLES=variables.GLOBAL,
    TRAINABLE_VARIABLES=variables.TRAINABLE,
    LOCAL_VARIABLES=variables.LOCAL,
    GLOBAL_STEP="global_step",
)

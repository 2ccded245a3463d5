"""Settings of every test: strict dtype promotion, and no dependence on a persistent compilation cache."""

import jax

jax.config.update("jax_numpy_dtype_promotion", "strict")

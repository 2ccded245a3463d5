"""torch.utils.flop_counter by name: it counts what PyTorch dispatches, which nothing here is."""

from fnnet.torch.missing import refusals

globals().update(
    refusals("torch.utils.flop_counter", "FlopCounterMode", "use jax.jit(f).lower(...).cost_analysis()")
)

"""torch.fx.passes: what is done with graphs."""

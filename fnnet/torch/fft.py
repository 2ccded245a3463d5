"""torch.fft: what `fnnet.functional` declares for it."""

from fnnet.torch.declare import NAMESPACES as _NAMESPACES

globals().update(_NAMESPACES["fft"])

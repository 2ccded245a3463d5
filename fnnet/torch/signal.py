"""torch.signal, which has windows alone: what `fnnet.functional` declares for them."""

from types import ModuleType as _ModuleType

from fnnet.torch.declare import NAMESPACES as _NAMESPACES

windows = _ModuleType(f"{__name__}.windows", "Windows of signals.")
vars(windows).update(_NAMESPACES["signal.windows"])

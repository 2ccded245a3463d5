"""torch.signal, which has windows alone: what `fnnet.functional` declares for them."""

from fnnet.torch.declare import NAMESPACES as _NAMESPACES
from fnnet.torch.places import spell as _spell

__path__: list[str] = []  # what makes this module a package to the import system

windows = _spell(f"{__name__}.windows", **_NAMESPACES["signal.windows"])
_spell(f"{__name__}.windows.windows", **_NAMESPACES["signal.windows"])

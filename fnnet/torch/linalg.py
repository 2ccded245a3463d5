"""torch.linalg: what `fnnet.functional` declares for it."""

from fnnet.torch.declare import NAMESPACES as _NAMESPACES
from fnnet.torch.guards import LinAlgError as LinAlgError

globals().update(_NAMESPACES["linalg"])

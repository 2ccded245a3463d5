"""Second places of names: modules that programs import from, and that hold no code of their own here."""

from __future__ import annotations

import sys
from types import ModuleType
from typing import Any

__all__ = ["spell"]


def spell(place: str, /, **names: Any) -> ModuleType:
    """Let `from <place> import <name>` find these things; the module, and those above it, are made if absent.

    Args:
        place: a module's name below fnnet.torch ("fnnet.torch.optim.adam").
        names: what stands there.
    """
    module = sys.modules.get(place)
    if module is None:
        module = ModuleType(place, f"{place.removeprefix('fnnet.')}: names that stand elsewhere in fnnet.")
        module.__dict__["__path__"] = []
        sys.modules[place] = module
        above, _, last = place.rpartition(".")
        parent = sys.modules.get(above) or spell(above)
        parent.__dict__.setdefault(last, module)
    for name, thing in names.items():
        module.__dict__.setdefault(name, thing)
    return module

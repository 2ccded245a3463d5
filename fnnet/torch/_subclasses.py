"""torch._subclasses: what programs ask of PyTorch's compiler, none of whose tensors are here."""

from __future__ import annotations

from typing import Any

from fnnet.torch.missing import refusals
from fnnet.torch.places import spell

_REFUSED = refusals("torch._subclasses", "FakeTensor FakeTensorMode CrossRefFakeMode", "use the device meta")
globals().update(_REFUSED)


def is_fake(x: Any) -> bool:
    """False: there are no fake tensors."""
    return False


spell("fnnet.torch._subclasses.fake_tensor", is_fake=is_fake, **_REFUSED)

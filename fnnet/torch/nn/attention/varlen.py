"""torch.nn.attention.varlen: attention within sequences of different lengths, by fnnet.functional."""

from __future__ import annotations

from typing import Any

from fnnet.functional.varlen import VarlenAuxRequest as AuxRequest
from fnnet.torch.declare import OPS, function_of
from fnnet.torch.mode import no_grad

__all__ = ["AuxRequest", "varlen_attn", "varlen_attn_out"]

varlen_attn = function_of(OPS["varlen_attn"])


def varlen_attn_out(out: Any, *args: Any, **kwargs: Any) -> Any:
    """varlen_attn whose output is written to `out`, the first argument; autograd does not see it."""
    with no_grad():
        found = varlen_attn(*args, **kwargs)
        if isinstance(found, tuple):
            return out.copy_(found[0]), found[1]
        return out.copy_(found)

"""torch._tensor_str: printing, under the names that programs use."""

from typing import Any

from fnnet.torch.printing import _options as PRINT_OPTS
from fnnet.torch.printing import get_printoptions as get_printoptions
from fnnet.torch.printing import printoptions as printoptions
from fnnet.torch.printing import set_printoptions as set_printoptions

__all__ = ["PRINT_OPTS", "get_printoptions", "printoptions", "set_printoptions"]


def _str(self: Any, *, tensor_contents: Any = None) -> str:
    return repr(self)

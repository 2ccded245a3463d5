"""torch._tensor_str: printing, under the names that programs use."""

from typing import Any

import numpy as np

from fnnet.torch.printing import _body
from fnnet.torch.printing import _options as PRINT_OPTS
from fnnet.torch.printing import get_printoptions as get_printoptions
from fnnet.torch.printing import printoptions as printoptions
from fnnet.torch.printing import set_printoptions as set_printoptions

__all__ = ["PRINT_OPTS", "get_printoptions", "printoptions", "set_printoptions"]


def _str(self: Any, *, tensor_contents: Any = None) -> str:
    return repr(self) if tensor_contents is None else str(self.__repr__(tensor_contents=tensor_contents))


def _tensor_str(self: Any, indent: int) -> str:
    """The values alone."""
    return _body(np.asarray(self.detach()._value().read()), indent)


def _add_suffixes(tensor_str: str, suffixes: list[str], indent: int, force_newline: bool) -> str:
    """A text with what stands behind the values, on a new line where the last one is full."""
    parts, used = [tensor_str], len(tensor_str) - tensor_str.rfind("\n") + 1
    for suffix in suffixes:
        wide = force_newline or used + len(suffix) + 2 > PRINT_OPTS.linewidth
        parts.append((",\n" + " " * indent if wide else ", ") + suffix)
        used = indent + len(suffix) if wide else used + len(suffix) + 2
        force_newline = False
    return "".join(parts) + ")"

"""What programs import from the files of torch.nn.modules besides classes: small functions."""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterable
from typing import Any

from fnnet.torch.nn import functional as F
from fnnet.torch.nn.container import ModuleList
from fnnet.torch.nn.module import Module
from fnnet.torch.nn.transformer import Transformer
from fnnet.torch.tensor import Tensor
from fnnet.torch.warning import warn

__all__ = ["OF_MODULE", "OF_RNN", "OF_TRANSFORMER", "OF_UTILS"]


def consume_prefix_in_state_dict_if_present(state_dict: dict[str, Any], prefix: str) -> None:
    """Take a prefix away from all names in a state_dict, in place."""
    for key in list(state_dict):
        if key.startswith(prefix):
            state_dict[key[len(prefix) :]] = state_dict.pop(key)
    metadata: dict[str, Any] = getattr(state_dict, "_metadata", {})
    for key in list(metadata):
        if key == prefix.replace(".", "") or key.startswith(prefix):
            metadata[key[len(prefix) :]] = metadata.pop(key)


def _ntuple(n: int, name: str = "parse") -> Any:
    """The function that makes n of one thing, and a tuple of several."""

    def parse(x: Any) -> tuple[Any, ...]:
        return tuple(x) if isinstance(x, Iterable) else (x,) * n

    parse.__name__ = name
    return parse


def _reverse_repeat_tuple(t: Iterable[Any], n: int) -> tuple[Any, ...]:
    """Sizes for the dimensions from the first as `F.pad` takes them: from the last, each n times."""
    return tuple(x for x in reversed(tuple(t)) for _ in range(n))


def _list_with_default(out_size: Any, defaults: list[int]) -> Any:
    """Sizes with what stands in `defaults`, counted from the last, for each None."""
    if isinstance(out_size, int):
        return out_size
    if len(defaults) <= len(out_size):
        raise ValueError(f"Input dimension should be at least {len(out_size) + 1}")
    return [d if v is None else v for v, d in zip(out_size, defaults[-len(out_size) :], strict=True)]


def _addindent(s_: str, numSpaces: int) -> str:
    """All lines after the first that hold something, further in."""
    first, *rest = s_.split("\n")
    return "\n".join([first, *(" " * numSpaces + line if line.strip() else "" for line in rest)])


def _apply_permutation(tensor: Tensor, permutation: Tensor, dim: int = 1) -> Tensor:
    """The tensor's slices in another order."""
    chosen: Tensor = tensor.index_select(dim, permutation)
    return chosen


def apply_permutation(tensor: Tensor, permutation: Tensor, dim: int = 1) -> Tensor:
    """The tensor's slices in another order, with PyTorch's warning."""
    warn(
        "`apply_permutation` is deprecated, please use `tensor.index_select(dim, permutation)` instead",
        FutureWarning,
    )
    return _apply_permutation(tensor, permutation, dim)


def _get_clones(module: Module, N: int) -> ModuleList:
    """N copies of a module."""
    return ModuleList([copy.deepcopy(module) for _ in range(N)])


def _get_activation_fn(activation: str) -> Callable[..., Any]:
    """F.relu or F.gelu. Raises RuntimeError for another name."""
    if activation not in ("relu", "gelu"):
        raise RuntimeError(f"activation should be relu/gelu, not {activation}")
    found: Callable[..., Any] = getattr(F, activation)
    return found


def _get_seq_len(src: Tensor, batch_first: bool) -> int:
    """The length of a sequence (S, E), or of a batch of them."""
    return int(src.size()[1 if batch_first and src.dim() != 2 else 0])


def _detect_is_causal_mask(
    mask: Tensor | None, is_causal: bool | None = None, size: int | None = None
) -> bool:
    """What `is_causal` says, else whether the mask is the causal one."""
    if is_causal is not None or mask is None:
        return is_causal is True
    causal: Any = Transformer.generate_square_subsequent_mask(size or mask.size(-2), mask.device, mask.dtype)
    return mask.size() == causal.size() and bool((causal == mask).all())


OF_MODULE = {"_addindent": _addindent}
OF_RNN = {"_apply_permutation": _apply_permutation, "apply_permutation": apply_permutation}
OF_TRANSFORMER = {
    "_detect_is_causal_mask": _detect_is_causal_mask,
    "_generate_square_subsequent_mask": Transformer.generate_square_subsequent_mask,
    "_get_activation_fn": _get_activation_fn,
    "_get_clones": _get_clones,
    "_get_seq_len": _get_seq_len,
}
OF_UTILS = {
    "consume_prefix_in_state_dict_if_present": consume_prefix_in_state_dict_if_present,
    "_ntuple": _ntuple,
    "_list_with_default": _list_with_default,
    "_reverse_repeat_tuple": _reverse_repeat_tuple,
    **{name: _ntuple(n, name) for n, name in enumerate(("_single", "_pair", "_triple", "_quadruple"), 1)},
}

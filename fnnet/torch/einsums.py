"""`torch.einsum`: its sublist form, and equations of one tensor that sum nothing, which are views."""

from __future__ import annotations

import string
from typing import Any

from fnnet.torch.call import call
from fnnet.torch.tensor import Tensor

__all__ = ["einsum"]

_LETTERS = string.ascii_uppercase + string.ascii_lowercase


def einsum(*args: Any) -> Tensor:
    """The sum of products that an equation names, or lists of subscripts beside the tensors."""
    from fnnet.torch.declare import OPS

    if len(args) < 2:
        raise ValueError(
            "einsum(): must specify the equation string and at least one operand, or at least one operand "
            "and its subscripts list"
        )
    if isinstance(args[0], Tensor):
        args = _as_equation(args)
    operands = args[1:]
    if len(operands) == 1 and isinstance(operands[0], tuple | list):
        operands = tuple(operands[0])
    if len(operands) == 1 and isinstance(args[0], str) and isinstance(operands[0], Tensor):
        found = _view(args[0].replace(" ", ""), operands[0])
        if found is not None:
            return found
    made: Tensor = call(OPS["einsum"], (args[0], *operands), {})
    return made


def _as_equation(args: tuple[Any, ...]) -> tuple[Any, ...]:
    """The arguments of `einsum(x, [0, 1], y, [1, 2], [0, 2])` as an equation and the tensors."""

    def spelled(subscripts: Any) -> str:
        return "".join("..." if one is Ellipsis else _LETTERS[one] for one in subscripts)

    pairs = len(args) // 2
    equation = ",".join(spelled(args[2 * i + 1]) for i in range(pairs))
    if len(args) % 2:
        equation += "->" + spelled(args[-1])
    return (equation, *args[0 : 2 * pairs : 2])


def _view(equation: str, x: Tensor) -> Tensor | None:
    """The view of one tensor by an equation that keeps every subscript; None if there is something to sum."""
    left, arrow, right = equation.partition("->")
    rest = x._spec.ndim - len(left.replace("...", ""))
    if rest < 0 or (rest and "..." not in left):
        return None
    unused = [one for one in _LETTERS if one not in left][:rest]
    if not arrow:
        letters = left.replace("...", "")
        right = "..." + "".join(sorted(one for one in set(letters) if letters.count(one) == 1))
    subscripts = list(left.replace("...", "".join(unused)))
    kept = right.replace("...", "".join(unused))
    if set(kept) != set(subscripts) or len(set(kept)) != len(kept):
        return None
    for letter in dict.fromkeys(subscripts):
        while subscripts.count(letter) > 1:
            first = subscripts.index(letter)
            second = subscripts.index(letter, first + 1)
            if x.shape[first] != x.shape[second]:
                return None
            x = x.diagonal(0, first, second)
            del subscripts[second], subscripts[first]
            subscripts.append(letter)
    made: Tensor = x.permute(*[subscripts.index(one) for one in kept])
    return made

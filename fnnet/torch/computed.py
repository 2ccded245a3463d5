"""Operations whose results have shapes that depend on values: they are computed when they are called."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import jax

from fnnet.torch.autograd.refusing import without_derivative
from fnnet.torch.layout import shape_error
from fnnet.torch.mode import MODE
from fnnet.torch.naming import refused_of
from fnnet.torch.spec import spec_of
from fnnet.torch.tensor import Tensor, from_array
from fnnet.torch.versions import count, written_of

if TYPE_CHECKING:
    from fnnet.torch.operation import Op

__all__ = ["compute"]

_PLACES = frozenset(("nonzero", "argwhere"))
_OF_NONZERO = frozenset(("as_tuple", "input"))


def compute(op: Op, args: Sequence[Any], kwargs: dict[str, Any]) -> Any:
    """What the pure function makes of the values of its arguments."""
    from fnnet.torch.operation import map_leaves

    if op.declared.name == "nonzero" and kwargs.get("as_tuple") is True and kwargs.keys() <= _OF_NONZERO:
        input = args[0] if args else kwargs.pop("input")
        input = input if input._spec.ndim else input.reshape(1)
        return compute(op, (input,), {"as_tuple": False}).unbind(1)

    def concrete(leaf: Any) -> Any:
        return leaf._value().get() if isinstance(leaf, Tensor) else leaf

    given = [leaf for leaf in [*args, *kwargs.values()] if isinstance(leaf, Tensor)]
    bound = op.bind(args, kwargs)
    op._refuse(bound, bound)
    if MODE.enabled and any(one.requires_grad for one in given) and op.declared.grad_fn:
        raise NotImplementedError(
            f"{op.name}: fnnet.torch has no gradient of it, for the shape of its result needs values"
        )
    with jax.enable_x64(True):
        try:
            result = op.function(
                *[map_leaves(a, concrete) for a in args],
                **{name: map_leaves(a, concrete) for name, a in kwargs.items()},
            )
        except Exception as error:
            said = shape_error(op.name, [one._spec for one in given], error)
            raise said from said.__cause__
    made = jax.tree.map(from_array, result)
    if op.declared.name in _PLACES:  # PyTorch writes them one dimension after another
        made._spec = spec_of(made.shape, made.dtype, made.device, (1, made.shape[0]))
        made._storage.spec = made._spec
    count(jax.tree.leaves(made), written_of(op.declared.name, bound))
    refused = refused_of(op.declared.name, bound)
    if refused is not None:
        without_derivative(jax.tree.leaves(made), given, *refused)
    return made

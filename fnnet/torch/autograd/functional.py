"""torch.autograd.functional: Jacobians, Hessians and their products with vectors, by backward passes."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from fnnet.torch.autograd.backward import grad
from fnnet.torch.creation import ones_like, zeros_like
from fnnet.torch.mode import enable_grad
from fnnet.torch.tensor import Tensor


def _leaves(given: tuple[Any, ...], create_graph: bool) -> tuple[Tensor, ...]:
    """The inputs as tensors that require grad: views of them if the results are to be part of their graph."""
    return tuple(
        one.view_as(one) if create_graph and one.requires_grad else one.detach().requires_grad_()
        for one in given
    )


def _tensors(given: Any, what: str) -> tuple[Any, ...]:
    found = given if isinstance(given, tuple) else (given,)
    for i, one in enumerate(found):
        if not isinstance(one, Tensor):
            raise TypeError(
                f"The {what} must be either a Tensor or a tuple of Tensors but the value at index {i} has "
                f"type {type(one)}."
            )
    return found


def _run(func: Any, inputs: Any, create_graph: bool, name: str) -> tuple[Any, Any, Any]:
    """The inputs that require grad, what the function made of them, and that as a tuple."""
    leaves = _leaves(_tensors(inputs, f"inputs given to {name}"), create_graph)
    made = func(*leaves)
    return leaves, made, _tensors(made, f"outputs of the user-provided function given to {name}")


def _grads(outputs: Any, inputs: Any, weights: Any, create_graph: bool, strict: bool) -> list[Any]:
    live = [(o, w) for o, w in zip(outputs, weights, strict=True) if o.requires_grad]
    found: Any = (None,) * len(inputs)
    if live:
        heads, given = zip(*live, strict=True)
        found = grad(heads, inputs, given, retain_graph=True, create_graph=create_graph, allow_unused=True)
    if strict and any(one is None for one in found):
        raise RuntimeError(
            f"Output of the user-provided function is independent of input "
            f"{[one is None for one in found].index(True)}. This is not allowed in strict mode."
        )
    return [zeros_like(one) if g is None else g for one, g in zip(inputs, found, strict=True)]


def _vectors(v: Any, like: tuple[Tensor, ...], what: str) -> tuple[Any, ...]:
    if v is None:
        if len(like) != 1 or like[0].numel() != 1:
            raise RuntimeError(
                f"The vector v can only be None if the {what} a single Tensor with a single element."
            )
        return (ones_like(like[0]),)
    given = v if isinstance(v, tuple) else (v,)
    if len(given) != len(like):
        raise RuntimeError(f"v is a tuple of invalid length: should be {len(like)} but got {len(given)}.")
    for i, (one, other) in enumerate(zip(given, like, strict=True)):
        if one.shape != other.shape:
            prefix = f"Entry {i} in " if len(given) > 1 else ""
            raise RuntimeError(f"{prefix}v has invalid size: should be {other.size()} but got {one.size()}.")
    return given


def _like(structure: Any, found: Any) -> Any:
    return tuple(found) if isinstance(structure, tuple) else found[0]


def _plain(found: Any, create_graph: bool) -> Any:
    if create_graph:
        return found
    return found.detach() if isinstance(found, Tensor) else tuple(_plain(one, False) for one in found)


def _rows(output: Tensor, leaves: tuple[Tensor, ...], create_graph: bool, strict: bool) -> list[Tensor]:
    from fnnet import torch

    flat = output.reshape(-1)
    elements = [flat[at] for at in range(output.numel())]
    rows = [_grads([one], leaves, [ones_like(one)], create_graph, strict) for one in elements]
    if not rows:
        return [torch.zeros(*output.shape, *leaf.shape, dtype=output.dtype) for leaf in leaves]
    return [
        torch.stack(list(column)).reshape(*output.shape, *leaf.shape)
        for column, leaf in zip(zip(*rows, strict=True), leaves, strict=True)
    ]


def jacobian(
    func: Callable[..., Any],
    inputs: Any,
    create_graph: bool = False,
    strict: bool = False,
    vectorize: bool = False,
    strategy: str = "reverse-mode",
) -> Any:
    """The Jacobian: (*output shape, *input shape), in tuples as outputs and inputs are.

    `vectorize` and `strategy` change how PyTorch computes, not what; here it is row by row.
    """
    with enable_grad():
        leaves, made, outputs = _run(func, inputs, create_graph, "jacobian")
        found = [_like(inputs, _rows(one, leaves, create_graph, strict)) for one in outputs]
    return _plain(_like(made, found), create_graph)


def _single(outputs: tuple[Any, ...], name: str) -> None:
    if len(outputs) != 1:
        raise RuntimeError(f"The function given to {name} should return a single Tensor")
    if outputs[0].numel() != 1:
        raise RuntimeError(
            f"The Tensor returned by the function given to {name} should contain a single element"
        )


def hessian(
    func: Callable[..., Any],
    inputs: Any,
    create_graph: bool = False,
    strict: bool = False,
    vectorize: bool = False,
    outer_jacobian_strategy: str = "reverse-mode",
) -> Any:
    """The Hessian of a function of one element."""

    def slope(*given: Any) -> Any:
        made = func(*given)
        _single(_tensors(made, "outputs of the user-provided function given to hessian"), "hessian")
        single = made[0] if isinstance(made, tuple) else made
        return tuple(_grads([single], given, [ones_like(single)], True, strict))

    as_tuple = inputs if isinstance(inputs, tuple) else (inputs,)
    found = jacobian(slope, as_tuple, create_graph=create_graph, strict=strict)
    return found if isinstance(inputs, tuple) else found[0][0]


def vjp(
    func: Callable[..., Any], inputs: Any, v: Any = None, create_graph: bool = False, strict: bool = False
) -> Any:
    """The outputs, and the product of a vector with the Jacobian."""
    with enable_grad():
        leaves, made, outputs = _run(func, inputs, create_graph, "vjp")
        weights = _vectors(v, outputs, "user-provided function returns")
        found = _grads(outputs, leaves, weights, create_graph, strict)
    return _plain(made, create_graph), _plain(_like(inputs, found), create_graph)


def jvp(
    func: Callable[..., Any], inputs: Any, v: Any = None, create_graph: bool = False, strict: bool = False
) -> Any:
    """The outputs, and the product of the Jacobian with a vector: the derivative of a vjp by its vector."""
    with enable_grad():
        leaves, made, outputs = _run(func, inputs, create_graph, "jvp")
        vectors = _vectors(v, leaves, "input to the user-provided function is")
        weights = tuple(zeros_like(one).requires_grad_() for one in outputs)
        slopes = _grads(outputs, leaves, weights, True, strict)
        found = _grads(slopes, weights, vectors, create_graph, False)
    return _plain(made, create_graph), _plain(_like(made, found), create_graph)


def vhp(
    func: Callable[..., Any], inputs: Any, v: Any = None, create_graph: bool = False, strict: bool = False
) -> Any:
    """The output, and the product of a vector with the Hessian."""
    return _second(func, inputs, v, create_graph, strict, "vhp")


def hvp(
    func: Callable[..., Any], inputs: Any, v: Any = None, create_graph: bool = False, strict: bool = False
) -> Any:
    """The output, and the product of the Hessian with a vector: that of `vhp`, for it is symmetric."""
    return _second(func, inputs, v, create_graph, strict, "hvp")


def _second(func: Any, inputs: Any, v: Any, create_graph: bool, strict: bool, name: str) -> Any:
    with enable_grad():
        leaves, made, outputs = _run(func, inputs, create_graph, name)
        _single(outputs, name)
        vectors = _vectors(v, leaves, "input to the user-provided function is")
        slopes = _grads(outputs, leaves, [ones_like(outputs[0])], True, strict)
        found = _grads(slopes, leaves, vectors, create_graph, strict)
    return _plain(made, create_graph), _plain(_like(inputs, found), create_graph)

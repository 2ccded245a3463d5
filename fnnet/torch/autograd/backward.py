"""`backward` and `grad`: what the user calls, with PyTorch's checks and messages."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from fnnet.torch.autograd.early import LOSSES
from fnnet.torch.autograd.engine import finish, ones, walk
from fnnet.torch.autograd.graph import Node, edge_of
from fnnet.torch.autograd.sparse_gradients import given_as, values_of
from fnnet.torch.tensor import Tensor
from fnnet.torch.warning import warn


def _sequence(tensors: Any) -> tuple[Any, ...]:
    single = isinstance(tensors, Tensor) or tensors is None or hasattr(tensors, "output_nr")
    return (tensors,) if single else tuple(tensors)


def _tensors(argument: str, given: Any) -> tuple[Any, ...]:
    """Outputs to differentiate. Raises AssertionError, as PyTorch, for what is no tensor and no edge."""
    found = _sequence(given)
    for one in found:
        if not isinstance(one, Tensor) and not hasattr(one, "output_nr"):
            raise AssertionError(f"Expected output to be a torch.Tensor, got {type(one)} in {argument}")
    return found


def _roots(
    tensors: tuple[Tensor, ...], gradients: tuple[Any, ...], is_batched: bool = False
) -> list[tuple[Node, int, Tensor]]:
    roots = []
    for position, (tensor, gradient) in enumerate(zip(tensors, gradients, strict=True)):
        edge = edge_of(tensor)
        if gradient is None:
            if edge is not None and tensor._spec.numel != 1:
                raise RuntimeError("grad can be implicitly created only for scalar outputs")
            if edge is not None and tensor._spec.dtype.is_complex:
                raise RuntimeError(
                    "grad can be implicitly created only for real scalar outputs but got "
                    f"{tensor._spec.dtype}"
                )
            if edge is not None:
                gradient = ones(tensor._spec)
        elif not isinstance(gradient, Tensor):
            raise TypeError(f"gradients can be either Tensors or None, but got {type(gradient).__name__}")
        elif gradient._spec.shape != tensor._spec.shape:
            raise RuntimeError(
                f"Mismatch in shape: grad_output[{position}] has a shape of {gradient._spec.shape} and "
                f"output[{position}] has a shape of {tensor._spec.shape}."
            )
        elif gradient._spec.dtype is not tensor._spec.dtype:
            if gradient._spec.dtype.is_complex != tensor._spec.dtype.is_complex:
                raise RuntimeError(
                    "For complex Tensors, both grad_output and output are required to have the same dtype. "
                    f"Mismatch in dtype: grad_output[{position}] has a dtype of {gradient._spec.dtype} and "
                    f"output[{position}] has a dtype of {tensor._spec.dtype}."
                )
            gradient = gradient.to(tensor._spec.dtype)
        if edge is None:
            raise RuntimeError(
                f"element {position} of tensors does not require grad and does not have a grad_fn"
            )
        assert gradient is not None
        roots.append((*edge, gradient))
    return roots


def _gradients(tensors: tuple[Tensor, ...], given: Any) -> tuple[Any, ...]:
    gradients = (None,) * len(tensors) if given is None else _sequence(given)
    if len(gradients) != len(tensors):
        raise RuntimeError(f"got {len(tensors)} tensors and {len(gradients)} gradients")
    return gradients


_CYCLE = (
    "Using backward() with create_graph=True will create a reference cycle between the parameter and its "
    "gradient which can cause a memory leak. We recommend using autograd.grad when creating the graph to "
    "avoid this. If you have to use this function, make sure to reset the .grad fields of your parameters to "
    "None after use to break the cycle and avoid the leak."
)


def backward(
    tensors: Tensor | Sequence[Tensor],
    grad_tensors: Any = None,
    retain_graph: bool | None = None,
    create_graph: bool = False,
    grad_variables: Any = None,
    inputs: Any = None,
) -> None:
    """Add the gradients of the sum of `tensors` to the leaves' `.grad`, as torch.autograd.backward."""
    outputs = _tensors("tensors", tensors)
    if inputs is not None:
        inputs = [values_of(one) for one in _sequence(inputs)]
        if not inputs:
            raise RuntimeError("`inputs` argument to `backward()` cannot be empty.")
        for one in inputs:
            if edge_of(one) is None:
                raise RuntimeError("One of the differentiated Tensors does not require grad")
    if grad_variables is not None:
        warn("`grad_variables` is deprecated. Use `grad_tensors` instead.", FutureWarning)
        if grad_tensors is not None:
            raise RuntimeError(
                "`grad_tensors` and `grad_variables` (deprecated) arguments both passed to `backward()`. "
                "Please only use `grad_tensors`."
            )
        grad_tensors = grad_variables
    roots = _roots(outputs, _gradients(outputs, grad_tensors))
    if create_graph:
        warn(_CYCLE)
    keep = create_graph if retain_graph is None else retain_graph
    LOSSES.begin(outputs[0]._storage.value if len(outputs) == 1 and outputs[0]._steps is None else None)
    walk(roots, keep, create_graph, inputs)
    finish()


def grad(
    outputs: Tensor | Sequence[Tensor],
    inputs: Tensor | Sequence[Tensor],
    grad_outputs: Any = None,
    retain_graph: bool | None = None,
    create_graph: bool = False,
    only_inputs: bool = True,
    allow_unused: bool | None = None,
    is_grads_batched: bool = False,
    materialize_grads: bool = False,
) -> tuple[Any, ...]:
    """The gradients of the sum of `outputs` with respect to `inputs`, as torch.autograd.grad."""
    if is_grads_batched:
        return _batched(outputs, inputs, grad_outputs, retain_graph, create_graph, allow_unused)
    if materialize_grads and allow_unused is False:
        raise ValueError(
            "Expected allow_unused to be True or not passed when materialize_grads=True, but got: "
            "allow_unused=False."
        )
    heads, wanted = _tensors("outputs", outputs), _sequence(inputs)
    if not wanted:
        raise RuntimeError("`inputs` argument to `grad()` cannot be empty.")
    for one in wanted:
        if not isinstance(one, Tensor) and not hasattr(one, "output_nr"):
            raise RuntimeError(
                f"all inputs have to be Tensors or GradientEdges, but got {type(one).__name__}"
            )
        if edge_of(one) is None:
            raise RuntimeError("One of the differentiated Tensors does not require grad")
    asked, wanted = wanted, tuple([values_of(one) for one in wanted])
    roots = _roots(heads, _gradients(heads, grad_outputs))
    keep = create_graph if retain_graph is None else retain_graph
    results = walk(roots, keep, create_graph, wanted, accumulate=False)
    if any(result is None for result in results):
        if materialize_grads:
            from fnnet.torch.creation import zeros_like

            results = [
                zeros_like(one) if result is None else result
                for one, result in zip(wanted, results, strict=True)
            ]
        elif not allow_unused:
            raise RuntimeError(
                f"The differentiated Tensor at index {[result is None for result in results].index(True)} "
                f"appears "
                "to not have been used in the graph. Set allow_unused=True if this is the desired behavior."
            )
    finish()
    return tuple([given_as(one, result) for one, result in zip(asked, results, strict=True)])


def _batched(
    outputs: Any, inputs: Any, grad_outputs: Any, retain_graph: Any, create_graph: bool, allow_unused: Any
) -> tuple[Any, ...]:
    """`grad` of each of several grad_outputs, which lie along their first dimension, stacked."""
    from fnnet.torch.call import call
    from fnnet.torch.declare import OPS

    heads = _tensors("outputs", outputs)
    given: list[Any] = [None] if grad_outputs is None else list(_sequence(grad_outputs))
    counts = set()
    for one in given:
        if one is None or not one.ndim:
            raise ValueError(
                "vmap(vjp, in_dims=0, ...)(<inputs>): Got in_dim=0 for some input, but that input is a "
                "Tensor of dimensionality 0 so expected in_dim to satisfy 0 <= in_dim < 0."
            )
        counts.add(one.shape[0])
    if len(counts) != 1 or not min(counts):
        raise ValueError(
            "vmap: Expected all tensors to have the same size, that is not 0, in the mapped dimension, got "
            f"sizes {sorted(counts)} for the mapped dimension"
        )
    keep = create_graph if retain_graph is None else retain_graph
    count = counts.pop()
    found = []
    for i in range(count):
        gradients = [one[i] for one in given]
        retain = keep or i < count - 1
        found.append(grad(heads, inputs, gradients, retain, create_graph, allow_unused=allow_unused))
    return tuple(
        None if parts[0] is None else call(OPS["stack"], (parts,), {}) for parts in zip(*found, strict=True)
    )

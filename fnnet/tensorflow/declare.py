"""How a pure function of arrays becomes a function of TensorFlow's: one line for each operation.

`tile = operation("Tile", lambda input, multiples: ...)` makes tf.tile(input, multiples, name=None). What an
argument is, its name tells: an array of the one dtype that all such arguments share, unless it is listed
here as static (integers that must be known when the program is compiled), apart (an array of a dtype of its
own), or many (a list of arrays). Any other argument with a default is a part of the operation.
"""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable, Collection, Sequence
from typing import Any

from fnnet.tensorflow.evaluate import guard
from fnnet.tensorflow.graph import Operators, Tensor, convert_to_tensor, get_default_graph, has_tensor

STATIC = {"axis", "begin", "depth", "dims", "multiples", "paddings", "perm", "shape", "size"}
STATIC |= {"start_", "limit_", "delta_"}
APART = {"apart", "condition", "indices", "targets"}
MANY = {"inputs", "t_list", "values"}
_OTHER_NAMES = {"dim": "axis", "dimension": "axis", "reduction_indices": "axis", "squeeze_dims": "axis"}
_OTHER_NAMES |= {"keep_dims": "keepdims", "filters": "filter"}
_WITHOUT_EFFECT = {
    "validate_indices", "use_cudnn_on_gpu", "optimize", "conjugate", "parallel_iterations", "back_prop",
    "swap_memory", "infer_shape", "use_locking", "validate_shape", "read_value", "caching_device",
    "colocate_gradients_with_ops", "gate_gradients", "aggregation_method", "partitioner", "verify_shape",
}  # fmt: skip


def lenient(function: Callable[..., Any]) -> Any:
    """The function, which also takes TensorFlow's options that have no effect here."""

    @functools.wraps(function)
    def called(*args: Any, **named: Any) -> Any:
        return function(*args, **{k: v for k, v in named.items() if k not in _WITHOUT_EFFECT})

    return called


def public(names: dict[str, Any]) -> list[str]:
    """`__all__` of a module: what it defines or declares, without what it imports."""
    own = names["__name__"]
    return [n for n, v in names.items() if n[0] != "_" and getattr(v, "__module__", None) == own]


def matching(type: str, inputs: Sequence[tuple[str, Any]]) -> list[Tensor]:
    """Tensors of the dtype of the first Tensor or Variable among them. TypeError in TensorFlow's words."""
    label, first = next(
        (each for each in inputs if isinstance(each[1], Operators)), (inputs or [("", None)])[0]
    )
    dtype = first.dtype.base_dtype if isinstance(first, Operators) else None
    tensors: list[Tensor] = []
    for each, value in inputs:
        try:
            tensors.append(convert_to_tensor(value, dtype, each))
        except (TypeError, ValueError):
            found = "string" if isinstance(value, str) else convert_to_tensor(value).dtype.base_dtype.name
            if dtype is None or found == dtype.name:
                raise
            raise TypeError(
                f"Input '{each}' of '{type}' Op has type {found} that does not match type {dtype.name} of "
                f"argument '{label}'."
            ) from None
        dtype = dtype or tensors[0].dtype
    return tensors


def operation(
    type: str,
    function: Callable[..., Any],
    name: str | None = None,
    arguments: str = "",
    *,
    apart: Collection[str] = (),
    several: bool = False,
    differentiable: bool = True,
    guarded: tuple[str, Callable[..., Any], str] | None = None,
) -> Any:
    """TensorFlow's function of an operation.

    Args:
        name: of the operation, if it is not its type; "scope/name" for one in a scope, which a user names.
        arguments: their names, where the function's own are others.
        apart: further arguments that have a dtype of their own.
        several: whether it gives a list.
        guarded: an argument, if it is of integers; what is wrong with it, as for `evaluate.guard`; the words.
    """
    own = [inspect.Parameter(each, inspect.Parameter.POSITIONAL_OR_KEYWORD) for each in arguments.split()]
    own = own or list(inspect.signature(function).parameters.values())
    optional = {p.name for p in own if p.default is not p.empty}
    last = [p for p in own if p.kind is p.KEYWORD_ONLY]
    named = inspect.Parameter("name", inspect.Parameter.POSITIONAL_OR_KEYWORD, default=None)
    signature = inspect.Signature([*(p for p in own if p not in last), named, *last])

    def declared(*args: Any, **keywords: Any) -> Any:
        given = {k if k in signature.parameters else _OTHER_NAMES.get(k, k): v for k, v in keywords.items()}
        try:
            bound = lenient(signature.bind)(*args, **given)
        except TypeError as error:
            raise TypeError(f"{declared.__name__}() {error}") from None
        bound.apply_defaults()
        graph, (outer, _, inner) = get_default_graph(), (name or type).partition("/")
        given_name = bound.arguments.pop("name") or outer
        with graph.name_scope(given_name) as scope:
            within = scope if not inner else given_name if inner == outer else inner
            with graph.name_scope(within) as scope:
                return enter(scope, bound.arguments)

    def enter(scope: str, given: dict[str, Any]) -> Any:
        left_out = {k for k, v in given.items() if k in optional and (k not in STATIC or v is None)}
        flat = {k: v for k, v in given.items() if k not in left_out | MANY}
        flat |= {f"{k}_{i}": each for k in MANY & given.keys() for i, each in enumerate(given[k])}
        same = [(k, v) for k, v in flat.items() if k not in STATIC | APART | {*apart}]
        tensors = dict(zip([k for k, _ in same], matching(type, same), strict=True))
        for k in [k for k in flat if k not in tensors]:
            kind = "int32" if k in STATIC and not has_tensor(flat[k]) else None
            tensors[k] = convert_to_tensor(flat[k], kind, k)

        def filled(arrays: Sequence[Any], function: Callable[..., Any] = function) -> Any:
            found = dict(zip(tensors, arrays, strict=True))
            many = {k: [found[f"{k}_{i}"] for i, _ in enumerate(given[k])] for k in MANY & given.keys()}
            whole = given | many | {k: v for k, v in found.items() if k in given}
            placed = [whole.pop(p.name) for p in own if p not in last]
            return function(*placed, **whole)

        graph, static = get_default_graph(), [i for i, k in enumerate(tensors) if k in STATIC]
        if guarded is not None and tensors[guarded[0]].dtype.is_integer:
            label, fault, words = guarded
            at, check = list(tensors).index(label), lambda *a: filled(a, fault)
            tensors[label] = guard(graph, [*tensors.values()], at, check, words, scope[:-1], static)
        compute, inputs = lambda *a: filled(a), [*tensors.values()]
        op = graph.create(type, compute, inputs, scope, static=static, differentiable=differentiable)
        return op.outputs if several else op.outputs[0]

    declared.__name__ = declared.__qualname__ = name or type
    declared.__module__ = inspect.currentframe().f_back.f_globals["__name__"]  # type: ignore[union-attr]
    declared.__doc__ = f"TensorFlow's {type} {signature}."
    return declared

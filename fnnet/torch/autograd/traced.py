"""`torch.autograd.Function` on JAX's tracers, where JAX differentiates and maps.

Inside a pure function (`torch.func`, `functionalize`) nothing is recorded, so JAX must be told what
`backward`, `jvp` and `vmap` say: the call is a `jax.custom_vjp`, or a `jax.custom_jvp` where forward mode
asks, around a primitive whose batching rule is the function's.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax
from jax.custom_derivatives import SymbolicZero
from jax.extend.core import Primitive
from jax.interpreters import batching, mlir

from fnnet.torch.autograd.engine import natural
from fnnet.torch.captured import TRANSFORMS as TRANSFORMS
from fnnet.torch.chosen import chosen_source
from fnnet.torch.mode import MODE, no_grad
from fnnet.torch.plan import conjugate
from fnnet.torch.pure import array_of, computing_at_once, flatten, tensor_of
from fnnet.torch.tensor import Tensor

__all__ = ["TRANSFORMS", "applied", "bound", "is_traced"]

_MORE = "For more details, please see https://pytorch.org/docs/main/notes/extending.func.html"
_NO_SETUP = (
    "In order to use an autograd.Function with functorch transforms (vmap, grad, jvp, jacrev, ...), it must "
    f"override the setup_context staticmethod. {_MORE}"
)


class VmapInfo(NamedTuple):
    """What a function's `vmap` is told."""

    batch_size: int
    randomness: str


def is_traced(args: Sequence[Any]) -> bool:
    """Whether a call inside a pure function is for JAX: on tracers, and not in a graph."""
    tensors = [one for one in args if isinstance(one, Tensor)]
    return not any(one.requires_grad for one in tensors) and any(
        isinstance(array_of(one), jax.core.Tracer) for one in tensors
    )


class _Call:
    """One call: the function, and its arguments with gaps where tensors go.

    Attributes:
        rebuild: puts tensors into the form of the output, once forward was called.
        outputs: which outputs are tensors.
        plain: for each output, whether it was marked as having no gradient.
        context: what the last forward left in `ctx`, with gaps where its tensors were.
    """

    rebuild: Callable[[Any], Any]
    outputs: list[bool]
    plain: list[bool]
    context: Callable[[Any], Any]

    def __init__(self, function: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> None:
        self.function, self.args, self.kwargs = function, args, kwargs
        self.places = [i for i, one in enumerate(args) if isinstance(one, Tensor)]
        self.specs = [args[i]._spec for i in self.places]
        self.separate = _separate(function)

    def fill(self, arrays: Sequence[Any]) -> list[Any]:
        """The arguments with tensors of these arrays."""
        inner = list(self.args)
        for place, array in zip(self.places, arrays, strict=True):
            inner[place] = tensor_of(array)
        return inner

    def forward(self, arrays: Sequence[Any]) -> list[Any]:
        """The output's arrays, by a forward that has no `ctx`."""
        with computing_at_once(chosen_source()), no_grad():
            output = self.function.forward(*self.fill(arrays), **self.kwargs)
        leaves = self.take_apart(output)
        return [array_of(leaf) for leaf in leaves]

    def take_apart(self, output: Any) -> list[Any]:
        """The tensors of an output, whose form is kept."""
        leaves, self.rebuild = flatten(output)
        several = output if isinstance(output, tuple) else (output,)
        self.outputs = [isinstance(one, Tensor) for one in several]
        return leaves

    def both(self, arrays: Sequence[Any], perturbed: Sequence[bool], compute: Any) -> tuple[list[Any], Any]:
        """The output's arrays and the `ctx` of a call; `compute` is the function of arrays itself.

        It gives the output as something to be differentiated again, where that is saved.
        """
        inner = self.fill(arrays)
        ctx = self.function._node_class()()
        needs = dict(zip(self.places, perturbed, strict=True))
        ctx.needs_input_grad = tuple(needs.get(i, False) for i in range(len(inner)))
        with computing_at_once(chosen_source()):
            if self.separate:
                leaves = [tensor_of(array) for array in compute(*arrays)]
                with no_grad():
                    self.function.setup_context(ctx, tuple(inner), self.rebuild(leaves))
            else:
                with no_grad():
                    output = self.function.forward(ctx, *inner, **self.kwargs)
                leaves = self.take_apart(output)
                saved = ctx.__dict__.get("to_save", ())
                if compute is not None and any(
                    one is leaf for one in saved for leaf in leaves
                ):  # the output as what it depends on
                    instead = {id(a): tensor_of(b) for a, b in zip(leaves, compute(*arrays), strict=True)}
                    ctx.to_save = tuple(instead.get(id(one), one) for one in saved)
        if ctx.__dict__.get("dirty_tensors"):
            raise NotImplementedError(f"fnnet.torch: {self.function.__name__}: mark_dirty in a pure function")
        marked = [id(one) for one in ctx.__dict__.pop("non_differentiable", ())]
        self.plain = [id(leaf) in marked for leaf in leaves]
        return [array_of(leaf) for leaf in leaves], ctx

    def pull(self, ctx: Any, specs: list[Any], cotangents: Sequence[Any]) -> list[Any]:
        """The gradients of the arrays, or None, by the function's `backward`."""
        ctx.places = [self.places.index(i) if i in self.places else None for i in range(len(self.args))]
        ctx.inputs = self.specs
        fed = iter(specs)
        ctx.outputs = [natural(next(fed)) if is_tensor else None for is_tensor in self.outputs]
        ctx.edges = tuple((ctx, 0) for _ in self.specs)
        with computing_at_once(chosen_source()):
            gradients = (
                None
                if isinstance(one, SymbolicZero) or one.dtype == jax.dtypes.float0
                else tensor_of(conjugate(one))
                for one in cotangents
            )
            found = ctx.pull_tensors([next(gradients) if is_tensor else None for is_tensor in self.outputs])
            return [
                None if one is None or not spec.differentiable else conjugate(array_of(one))
                for one, spec in zip(found, self.specs, strict=True)
            ]


def _separate(function: Any) -> bool:
    from fnnet.torch.autograd.function import Function

    return function.setup_context is not Function.setup_context


_call_p = Primitive("autograd_function")
_call_p.multiple_results = True


@_call_p.def_impl
def _compute(*arrays: Any, call: _Call) -> list[Any]:
    return call.forward(arrays)


@_call_p.def_abstract_eval
def _shapes(*avals: Any, call: _Call) -> list[Any]:
    shapes = jax.eval_shape(lambda *arrays: call.forward(arrays), *avals)
    return [jax.core.ShapedArray(one.shape, one.dtype) for one in shapes]


mlir.register_lowering(
    _call_p, mlir.lower_fun(lambda *arrays, call: call.forward(arrays), multiple_results=True)
)


def _batched(arrays: Any, dims: Any, *, call: _Call) -> tuple[list[Any], list[Any]]:
    from fnnet.torch.autograd.function import Function

    function = call.function
    own = function.vmap is not Function.vmap
    name = f"You tried to vmap over {function.__name__}, but it"
    if own and function.generate_vmap_rule:
        raise RuntimeError(
            f"{name} has both generate_vmap_rule=True and an overridden vmap staticmethod. Please set "
            "generate_vmap_rule=False or delete the overridden vmap staticmethod to avoid ambiguity. " + _MORE
        )
    if not own:
        if TRANSFORMS and not function.generate_vmap_rule:
            raise RuntimeError(
                f"{name} does not have vmap support. Please override and implement the vmap staticmethod or "
                f"set generate_vmap_rule=True. {_MORE}"
            )
        mapped = jax.vmap(lambda *one: call.forward(one), in_axes=tuple(dims))(*arrays)
        return mapped, [0] * len(mapped)
    sizes = [array.shape[dim] for array, dim in zip(arrays, dims, strict=True) if dim is not None]
    randomness = next((how for kind, how in reversed(TRANSFORMS) if kind == "vmap"), "error")
    given: list[Any] = [None] * len(call.args)
    for place, dim in zip(call.places, dims, strict=True):
        given[place] = dim
    with computing_at_once(chosen_source()):
        made = function.vmap(VmapInfo(sizes[0], randomness), tuple(given), *call.fill(arrays))
    if not isinstance(made, tuple) or len(made) != 2:
        raise RuntimeError(
            "Expected the vmap staticmethod to have two returns, an output and out_dims with pytree "
            f"structure compatible with the output. Got a {type(made)} instead"
        )
    output, out_dims = made
    leaves = call.take_apart(output)
    several = tuple(out_dims) if isinstance(out_dims, tuple | list) else (out_dims,) * len(call.outputs)
    ends = [end for end, is_tensor in zip(several, call.outputs, strict=True) if is_tensor]
    results = [array_of(leaf) for leaf in leaves]
    return results, ends


batching.primitive_batchers[_call_p] = _batched


def _differentiable(call: _Call, kinds: list[str]) -> Callable[..., list[Any]]:
    """The function of arrays, for these transformations around it, the innermost last."""
    if kinds and kinds[-1] == "forward":
        return _forward(call, kinds)
    return _reverse(call, kinds)


def _reverse(call: _Call, kinds: list[str]) -> Callable[..., list[Any]]:
    """The function of arrays whose derivative is `backward`."""

    @jax.custom_vjp
    def compute(*arrays: Any) -> list[Any]:
        if call.separate:
            return list(_call_p.bind(*arrays, call=call))
        return call.both(arrays, [True] * len(arrays), None)[0]

    def ahead(*inputs: Any) -> tuple[list[Any], Any]:
        arrays = [one.value for one in inputs]
        outer = _differentiable(call, kinds[:-1])
        results, ctx = call.both(arrays, [bool(one.perturbed) for one in inputs], outer)
        kept = {name: value for name, value in ctx.__dict__.items() if name != "_metadata"}
        leaves, rebuild = flatten(kept)
        tensors = [isinstance(leaf, Tensor) for leaf in leaves]

        def context(values: Sequence[Any]) -> Any:
            fresh = call.function._node_class()()
            wrapped = [tensor_of(v) if t else v for v, t in zip(values, tensors, strict=True)]
            fresh.__dict__.update(rebuild(wrapped))
            return fresh

        call.context = context
        return results, ([array_of(leaf) for leaf in leaves], results)

    def back(kept: Any, cotangents: Any) -> tuple[Any, ...]:
        values, results = kept
        with computing_at_once(chosen_source()):
            ctx, specs = call.context(values), [tensor_of(one)._spec for one in results]
        return tuple(call.pull(ctx, specs, cotangents))

    compute.defvjp(ahead, back, symbolic_zeros=True)
    return compute


def _forward(call: _Call, kinds: list[str]) -> Callable[..., list[Any]]:
    """The function of arrays whose derivative is `jvp`."""

    @jax.custom_jvp
    def compute(*arrays: Any) -> list[Any]:
        return list(_call_p.bind(*arrays, call=call))

    def push(primals: Any, tangents: Any) -> tuple[list[Any], list[Any]]:
        outer = _differentiable(call, kinds[:-1])
        results, ctx = call.both(primals, [True] * len(primals), outer)
        if "saved_for_forward" in ctx.__dict__:
            ctx.to_save = ctx.saved_for_forward
        given: list[Any] = [None] * len(call.args)
        for place, one in zip(call.places, tangents, strict=True):
            if one.dtype != jax.dtypes.float0:
                given[place] = tensor_of(one)
        with computing_at_once(chosen_source()):
            moved = call.function.jvp(ctx, *given)
            several = moved if isinstance(moved, tuple) else (moved,)
            of_tensors = [one for one, kept in zip(several, call.outputs, strict=True) if kept]
            return results, [_tangent(one, result) for one, result in zip(of_tensors, results, strict=True)]

    compute.defjvp(push)
    return compute


def _tangent(moved: Any, result: Any) -> Any:
    if not jnp.issubdtype(result.dtype, jnp.inexact):
        return np.zeros(result.shape, jax.dtypes.float0)
    return jnp.zeros_like(result) if moved is None else array_of(moved)


def applied(function: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
    """The call of a function on tracers. Raises RuntimeError where torch.func does."""
    from fnnet.torch.autograd.function import Function

    if TRANSFORMS and not _separate(function):
        raise RuntimeError(_NO_SETUP)
    call = _Call(function, args, kwargs)
    arrays = [array_of(args[i]) for i in call.places]
    if not MODE.enabled:
        arrays = [lax.stop_gradient(array) for array in arrays]
    differentiating = [kind for kind, _ in TRANSFORMS if kind != "vmap"]
    if "forward" in differentiating and function.jvp is Function.jvp:
        function.jvp(None)
    results = _differentiable(call, differentiating)(*arrays)
    plain = getattr(call, "plain", None)
    if plain is None:
        shapes = [lax.stop_gradient(array) for array in arrays]
        call.both(shapes, [True] * len(shapes), lambda *_: results)
        plain = call.plain
    kept = [lax.stop_gradient(one) if fixed else one for one, fixed in zip(results, plain, strict=True)]
    return call.rebuild([tensor_of(one) for one in kept])


def bound(
    function: Any, args: tuple[Any, ...], kwargs: dict[str, Any]
) -> tuple[tuple[Any, ...], dict[str, Any]]:
    """The arguments with the defaults of a forward without `ctx`."""
    found = inspect.signature(function.forward).bind(*args, **kwargs)
    found.apply_defaults()
    return found.args, found.kwargs

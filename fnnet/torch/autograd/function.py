"""User-defined operations: `torch.autograd.Function`."""

from __future__ import annotations

import functools
import warnings
from collections.abc import Callable, Sequence
from typing import Any

from fnnet.torch.autograd import traced
from fnnet.torch.autograd.anomaly import note_call
from fnnet.torch.autograd.engine import natural
from fnnet.torch.autograd.graph import HINT, RELEASED, SAVING, Edge, Node, edge_of
from fnnet.torch.mode import MODE, no_grad, set_grad_enabled
from fnnet.torch.record import RECORD, Value
from fnnet.torch.spec import Spec, spec_of
from fnnet.torch.tensor import Tensor, alias, wrap


class FunctionCtx(Node):
    """The `ctx` of forward and backward, and the node of the call in the graph."""

    needs_input_grad: tuple[bool, ...] = ()

    def save_for_backward(self, *tensors: Any) -> None:
        """Keep tensors for backward, which finds them in `saved_tensors`."""
        for place, one in enumerate(tensors):
            if one is not None and not isinstance(one, Tensor):
                raise TypeError(
                    f"save_for_backward can only save variables, but argument {place} is of type "
                    f"{type(one).__name__}"
                )
        self.to_save = tensors

    def save_for_forward(self, *tensors: Any) -> None:
        """Keep tensors for `jvp`."""
        self.saved_for_forward = tensors

    def mark_dirty(self, *tensors: Tensor) -> None:
        """Say which inputs were changed in place."""
        self.dirty_tensors = tensors

    def mark_non_differentiable(self, *tensors: Tensor) -> None:
        """Say which outputs have no gradient."""
        self.non_differentiable = tensors

    def mark_shared_storage(self, *pairs: Any) -> None:
        """Deprecated in PyTorch; does nothing."""

    def set_materialize_grads(self, value: bool) -> None:
        """Whether backward gets zeros rather than None for outputs that nothing depended on."""
        self.materialize_grads = value

    @property
    def saved_tensors(self) -> tuple[Any, ...]:
        """The tensors that forward saved. Raises RuntimeError once the graph was freed."""
        saved = self.__dict__.get("_saved")
        if "_packed" in self.__dict__ and saved is not None:
            unpack, kept = self._packed
            return tuple([None if one is None else unpack(one[0]) for one in kept])
        if saved is None:
            if self.__dict__.get("_freed"):
                raise RuntimeError(RELEASED)
            return tuple(self.__dict__.get("to_save", ()))
        found: list[Any] = []
        for tensor, value, version in saved:
            if tensor is None:
                found.append(None)
                continue
            if tensor._counter.version != version:
                raise RuntimeError(
                    "one of the variables needed for gradient computation has been modified by an inplace "
                    f"operation: [torch.FloatTensor {list(tensor.shape)}] is at version "
                    f"{tensor._counter.version}; expected version {version} instead. {HINT}"
                )
            if tensor._requires or tensor._steps is not None or not isinstance(value, _Output):
                found.append(tensor)
            else:
                found.append(value.tensor(self))
        return tuple(found)

    def _pack(self, hooks: Any) -> None:
        """Keep what the hooks on saved tensors make of them."""
        pack, unpack = hooks
        with no_grad():
            kept = [None if one is None else (pack(one.detach()),) for one in self.__dict__.pop("to_save")]
        self._packed = unpack, kept

    @property
    def saved_variables(self) -> tuple[Any, ...]:
        """The old name of `saved_tensors`."""
        return self.saved_tensors


class _Output:
    """A saved output: it stands for its value, without holding its own node in a cycle."""

    __slots__ = ("nr", "spec", "value")

    def __init__(self, tensor: Tensor, nr: int) -> None:
        self.value, self.spec, self.nr = tensor._value(), tensor._spec, nr

    def tensor(self, node: Node) -> Tensor:
        made = wrap(self.value, self.spec)
        made._fn, made._nr = node, self.nr
        return made


class BackwardCFunction(FunctionCtx):
    """The node of one call of a `Function`; its class is named after the function."""

    __slots__ = ()

    function: Any
    places: list[int | None]
    inputs: list[Any]
    no_tensors: frozenset[int] = frozenset()
    _saved: Any

    def __repr__(self) -> str:
        return f"<torch.autograd.function.{type(self).__name__} object at {hex(id(self))}>"

    def pull_values(self, gradients: list[Value | None]) -> Sequence[Value | None]:
        tensors = [
            None if value is None else wrap(value, natural(spec))
            for value, spec in zip(gradients, self.outputs, strict=True)
        ]
        return [None if one is None else one._value() for one in self.pull_tensors(tensors)]

    def pull_tensors(self, gradients: list[Tensor | None]) -> Sequence[Tensor | None]:
        if self.__dict__.get("materialize_grads", True):
            gradients = [
                _zeros(spec)
                if gradient is None and spec is not None and nr not in self.no_tensors
                else gradient
                for nr, (gradient, spec) in enumerate(zip(gradients, self.outputs, strict=True))
            ]
        results = self.function.backward(self, *gradients)
        results = results if isinstance(results, tuple) else (results,)
        count = len(self.places)
        name = self.name()
        if len(results) > count and all(one is None for one in results[count:]):
            results = results[:count]
        if len(results) != count:
            raise RuntimeError(
                f"function {name} returned an incorrect number of gradients (expected {count}, got "
                f"{len(results)})"
            )
        found: list[Any] = [None] * len(self.edges)
        for position, (place, result) in enumerate(zip(self.places, results, strict=True)):
            if result is None:
                continue
            if place is None:
                raise RuntimeError(
                    f"function {name} returned a gradient different from None at position {position + 1}, "
                    f"but "
                    "the corresponding forward input was not a Variable"
                )
            if self.edges[place] is None:
                continue
            found[place] = self._fit(result, place)
        return found

    def _fit(self, gradient: Any, place: int) -> Tensor:
        spec = self.inputs[place]
        if not isinstance(gradient, Tensor):
            raise RuntimeError(f"{self.name()}: expected Variable or None (got {type(gradient).__name__})")
        if gradient._spec.shape != spec.shape:
            from fnnet.torch.layout import broadcast_shapes

            try:
                expands = broadcast_shapes(spec.shape, gradient._spec.shape) == gradient._spec.shape
            except RuntimeError:
                expands = False
            if not expands:
                raise RuntimeError(
                    f"Function {self.name()} returned an invalid gradient at index {place} - got "
                    f"{list(gradient.shape)} but expected shape compatible with {list(spec.shape)}"
                )
            gradient = gradient.sum_to_size(*spec.shape)
        if gradient._spec.dtype is not spec.dtype:
            gradient = gradient.to(spec.dtype)
        return gradient

    def release(self) -> None:
        if self.__dict__.get("_saved") or self.__dict__.pop("_packed", None):
            self.__dict__["_saved"] = None
            self.__dict__["_freed"] = True


def _zeros(spec: Any) -> Tensor:
    from fnnet.torch.creation import full_spec

    return full_spec(natural(spec), 0)


class Function:
    """A differentiable operation by the user: static methods `forward(ctx, ...)` and `backward(ctx, ...)`."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        warnings.warn(
            f"{type(self)} should not be instantiated. Methods on autograd functions are all static, so you "
            f"should "
            "invoke them on the class itself. Instantiating an autograd function will raise an error in a "
            "future "
            "version of PyTorch.",
            DeprecationWarning,
            stacklevel=2,
        )

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        """Raises RuntimeError: a function is applied, not called."""
        raise RuntimeError(
            "Legacy autograd function with non-static forward method is deprecated. Please use new-style "
            "autograd function with static forward method. (Example: "
            "https://pytorch.org/docs/stable/autograd.html#torch.autograd.Function)"
        )

    @staticmethod
    def forward(*args: Any, **kwargs: Any) -> Any:
        """Compute the outputs; tensors that backward needs go to `ctx.save_for_backward`."""
        raise NotImplementedError("You must implement the forward function for custom autograd.Function.")

    @staticmethod
    def setup_context(ctx: Any, inputs: tuple[Any, ...], output: Any) -> Any:
        """What a forward without `ctx` leaves to be done."""
        raise NotImplementedError("setup_context is not implemented.")

    @staticmethod
    def backward(ctx: Any, *grad_outputs: Any) -> Any:
        """Compute the gradients of the inputs, one for each argument of forward."""
        raise NotImplementedError(
            "You must implement either the backward or vjp method for your custom autograd.Function to use "
            "it "
            "with backward mode AD."
        )

    generate_vmap_rule = False
    """Whether torch.func.vmap may map forward and backward as they stand."""

    @staticmethod
    def jvp(ctx: Any, *grad_inputs: Any) -> Any:
        """Compute the tangents of the outputs from those of the inputs."""
        raise NotImplementedError(
            "You must implement the jvp function for custom autograd.Function to use it with forward mode AD."
        )

    @staticmethod
    def vmap(info: Any, in_dims: tuple[int | None, ...], *args: Any) -> Any:
        """Compute the outputs for all examples at once; returns them and the dimensions of the examples."""
        raise NotImplementedError(
            "To use autograd.Function with vmap, you must either override the vmap staticmethod or set "
            "generate_vmap_rule=True."
        )

    @classmethod
    def _node_class(cls) -> type[BackwardCFunction]:
        found = cls.__dict__.get("_backward_class")
        if found is None:
            if cls.backward is Function.backward and "vjp" in vars(cls):
                cls.backward = cls.vjp  # type: ignore[attr-defined, method-assign]
            found = type(cls.__name__ + "Backward", (BackwardCFunction,), {"function": cls})
            cls._backward_class = found  # type: ignore[attr-defined]
        return found

    @classmethod
    def apply(cls, *args: Any, **kwargs: Any) -> Any:
        """Call the operation."""
        if cls.setup_context is not Function.setup_context:
            args, kwargs = traced.bound(cls, args, kwargs)
        if RECORD.immediate and traced.is_traced(args):
            return traced.applied(cls, args, kwargs)
        ctx = cls._node_class()()
        tensors: list[Tensor] = []
        places: list[int | None] = []
        for one in args:
            places.append(len(tensors) if isinstance(one, Tensor) else None)
            if isinstance(one, Tensor):
                tensors.append(one)
        enabled = MODE.enabled
        needs = [enabled and one.requires_grad for one in tensors]
        ctx.needs_input_grad = tuple(place is not None and needs[place] for place in places)
        for one in tensors:
            if type(one._spec) is not Spec and one.requires_grad:
                raise NotImplementedError(
                    f"fnnet.torch: a sparse tensor that requires grad as an argument of {cls.__name__}.apply "
                    "is not supported; give its values"
                )
        edges: tuple[Edge | None, ...] = tuple(
            edge_of(one) if need else None for one, need in zip(tensors, needs, strict=True)
        )
        inner = [
            one if not isinstance(one, Tensor) else alias(one) if type(one._spec) is Spec else one.detach()
            for one in args
        ]
        for before, after in zip(args, inner, strict=True):
            if isinstance(before, Tensor):
                after._requires = before.requires_grad  # what forward sees of it
        with no_grad():
            if cls.setup_context is not Function.setup_context:
                output = cls.forward(*inner, **kwargs)
                cls.setup_context(ctx, tuple(inner), output)
            else:
                output = cls.forward(ctx, *inner, **kwargs)
        originals = dict(zip(map(id, inner), args, strict=True))
        outputs = output if isinstance(output, tuple) else (output,)
        dirty = [id(one) for one in ctx.__dict__.get("dirty_tensors", ())]
        plain = [id(one) for one in ctx.__dict__.get("non_differentiable", ())]
        made: list[Any] = []
        for one in outputs:
            original = originals.get(id(one))
            if original is not None and id(one) in dirty:
                made.append(original)
            elif original is not None:
                made.append(alias(original))
            else:
                made.append(one)
        if any(needs):
            specs = tuple(one._spec if isinstance(one, Tensor) else spec_of((), _float()) for one in made)
            ctx._begin(edges, specs)
            if MODE.anomaly:
                note_call(ctx)
            ctx.no_tensors = frozenset(nr for nr, one in enumerate(made) if not isinstance(one, Tensor))
            ctx.places, ctx.inputs = places, [one._spec for one in tensors]
            for nr, (one, before) in enumerate(zip(made, outputs, strict=True)):
                if isinstance(one, Tensor) and id(before) not in plain and one._spec.differentiable:
                    if id(before) in dirty and one._requires:
                        raise RuntimeError(
                            "a leaf Variable that requires grad has been used in an in-place operation."
                        )
                    one._fn, one._nr, one._requires = ctx, nr, False
            if SAVING and any(one is not None for one in ctx.__dict__.get("to_save", ())):
                ctx._pack(SAVING[-1])
            ctx._saved = [_keep(one, originals, outputs, made) for one in ctx.__dict__.pop("to_save", ())]
        return tuple(made) if isinstance(output, tuple) else made[0]


def _keep(one: Any, originals: dict[int, Any], outputs: Any, made: list[Any]) -> tuple[Any, Any, int]:
    if one is None:
        return None, None, 0
    original = originals.get(id(one), one)
    for nr, (before, after) in enumerate(zip(outputs, made, strict=True)):
        if before is one and originals.get(id(one)) is not after:
            kept = _Output(after, nr)
            stand_in = wrap(kept.value, kept.spec)
            stand_in._counter = after._counter
            return stand_in, kept if after._fn is not None else None, after._counter.version
    return original, None, original._counter.version


def _float() -> Any:
    from fnnet.torch.dtypes import float32

    return float32


def once_differentiable(function: Callable[..., Any]) -> Callable[..., Any]:
    """Decorate a `backward` that cannot be differentiated again."""

    @functools.wraps(function)
    def wrapper(ctx: Any, *args: Any) -> Any:
        with no_grad():
            results = function(ctx, *args)
        needs = MODE.enabled and any(isinstance(one, Tensor) and one.requires_grad for one in args)
        if not needs:
            return results
        several = results if isinstance(results, tuple) else (results,)

        class Once(Function):
            @staticmethod
            def forward(ctx: Any, *inputs: Any) -> Any:
                return tuple(one.clone() for one in inputs)

            @staticmethod
            def backward(ctx: Any, *gradients: Any) -> Any:
                raise RuntimeError(
                    "trying to differentiate twice a function that was marked with @once_differentiable"
                )

        with set_grad_enabled(True):
            made = []
            for one in several:
                if isinstance(one, Tensor):
                    one = alias(one)
                    one._requires = True
                    (one,) = Once.apply(one)
                made.append(one)
        return tuple(made) if isinstance(results, tuple) else made[0]

    return wrapper


class InplaceFunction(Function):
    """An older base class, which notes whether a function writes to its input."""

    def __init__(self, inplace: bool = False) -> None:
        super().__init__()
        self.inplace = inplace


FunctionMeta = type(Function)

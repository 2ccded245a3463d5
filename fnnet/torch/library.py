"""torch.library: operations that a program defines and calls under `torch.ops`."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from fnnet.torch.autograd.function import Function
from fnnet.torch.missing import refusals
from fnnet.torch.tensor import Tensor

__all__ = ["custom_op", "register_autograd", "register_fake", "register_kernel"]

_NAMES = "Library define impl impl_abstract fallthrough_kernel triton_op wrap_triton opcheck register_vmap"
globals().update(refusals("torch.library", _NAMES, "torch.library.custom_op defines operations"))

DEFINED: dict[str, CustomOpDef] = {}
"""The operations that were defined, by qualified name ("mine::twice")."""


class CustomOpDef:
    """An operation that a program defined: calling it calls the function, outside of the graph.

    Gradients flow only by what `register_autograd` was given.
    """

    def __init__(self, name: str, fn: Callable[..., Any], mutates_args: Any) -> None:
        self._qualname, self._fn = name, fn
        self._mutates = mutates_args
        self._backward: Callable[..., Any] | None = None
        self._setup: Callable[..., Any] | None = None
        self._kernels: dict[str, Callable[..., Any]] = {}
        self.__name__ = name.rpartition("::")[2]

    def __repr__(self) -> str:
        return f"<CustomOpDef({self._qualname})>"

    def register_fake(self, fn: Callable[..., Any]) -> Callable[..., Any]:
        """Accepted: shapes come from the function itself."""
        return fn

    register_vmap = register_fake

    def register_kernel(self, device_types: Any, fn: Any = None, /) -> Any:
        """Another function for tensors of a kind of device ("cpu", "cuda")."""

        def note(function: Callable[..., Any]) -> Callable[..., Any]:
            for kind in [device_types] if isinstance(device_types, str) else device_types or ["cpu", "cuda"]:
                self._kernels[kind] = function
            return function

        return note if fn is None else note(fn)

    def register_autograd(
        self, backward: Callable[..., Any], /, *, setup_context: Callable[..., Any] | None = None
    ) -> None:
        """The derivative: `backward(ctx, *grads)`, for which `setup_context(ctx, inputs, output)` saves."""
        self._backward, self._setup = backward, setup_context

    def _call(self, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        where = next((one.device.type for one in args if isinstance(one, Tensor)), "cpu")
        return self._kernels.get(where, self._fn)(*args, **kwargs)

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        this = self

        class Defined(Function):
            @staticmethod
            def forward(ctx: Any, *given: Any) -> Any:
                made = this._call(given, kwargs)
                if this._setup is not None and this._backward is not None:
                    this._setup(ctx, given, made)
                return made

            @staticmethod
            def backward(ctx: Any, *grads: Any) -> Any:
                if this._backward is None:
                    raise RuntimeError(
                        f"Trying to backward through {this._qualname} but no autograd formula was "
                        "registered. Please use register_autograd to add one."
                    )
                return this._backward(ctx, *grads)

        if self._mutates:
            return self._call(args, kwargs)
        Defined.__name__ = f"GeneratedBackwardFor_{self._qualname.replace('::', '_')}_default"
        return Defined.apply(*args)


def custom_op(
    name: str,
    fn: Callable[..., Any] | None = None,
    /,
    *,
    mutates_args: str | Iterable[str],
    device_types: Any = None,
    schema: str | None = None,
    tags: Any = None,
) -> Any:
    """Define an operation `torch.ops.<namespace>.<name>` by a function of tensors; a decorator without `fn`.

    Raises ValueError for a name that is not of the form "namespace::name".
    """

    def define(function: Callable[..., Any]) -> CustomOpDef:
        if name.count("::") != 1:
            raise ValueError(f"Expected `name` to be of the form `namespace::name`, got {name!r}")
        made = DEFINED[name] = CustomOpDef(name, function, mutates_args)
        return made

    return define if fn is None else define(fn)


def _defined(op: Any) -> CustomOpDef:
    found = op if isinstance(op, CustomOpDef) else DEFINED.get(str(op))
    if found is None:
        raise NotImplementedError(f"fnnet.torch: {op} is not an operation of torch.library.custom_op")
    return found


def register_fake(op: Any, func: Any = None, /, **options: Any) -> Any:
    """Accepted: shapes come from the operation's function itself."""
    _defined(op)
    return func if func is not None else lambda function: function


def register_kernel(op: Any, device_types: Any, func: Any = None, /, **options: Any) -> Any:
    """Another function for an operation's tensors of a kind of device."""
    return _defined(op).register_kernel(device_types, func)


def register_autograd(op: Any, backward: Any, /, *, setup_context: Any = None, **options: Any) -> None:
    """The derivative of an operation."""
    _defined(op).register_autograd(backward, setup_context=setup_context)


class Operator:
    """PyTorch's own operation by its place in `torch.ops`: a key of tables. Calling it is refused."""

    def __init__(self, name: str) -> None:
        self._name = name

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        raise NotImplementedError(f"fnnet.torch: torch.ops.{self._name} is not supported; call it by torch")

    def overloads(self) -> list[str]:
        """None are told apart."""
        return []

    def __getattr__(self, name: str) -> Operator:
        if name.startswith("_"):
            raise AttributeError(f"'{type(self).__name__}' object has no attribute '{name}'")
        made = Operator(f"{self._name}.{name}")
        setattr(self, name, made)
        return made


class Namespace:
    """torch.ops.<name>: what a program defined there; of PyTorch's own namespaces, its operations by name."""

    def __init__(self, name: str) -> None:
        self._name = name

    def __getattr__(self, name: str) -> Any:
        found: Any = DEFINED.get(f"{self._name}::{name}")
        if found is None and self._name in ("aten", "prims") and not name.startswith("__"):
            found = Operator(f"{self._name}.{name}")
            setattr(self, name, found)
        if found is None:
            raise AttributeError(f"'_OpNamespace' '{self._name}' object has no attribute '{name}'")
        return found

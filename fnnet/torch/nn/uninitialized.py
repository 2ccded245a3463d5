"""Parameters and buffers of lazy modules before their shape is known."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from fnnet.torch.creation import empty
from fnnet.torch.nn.parameter import Parameter
from fnnet.torch.tensor import Tensor, alias

__all__ = ["UninitializedBuffer", "UninitializedParameter", "UninitializedTensorMixin", "is_lazy"]


class UninitializedTensorMixin(Tensor):
    """A tensor that has a dtype and a device, and gets its shape by `materialize`."""

    cls_to_become: type[Any]
    _place: Tensor  # an empty tensor: the dtype and the device

    @property
    def _spec(self) -> Any:  # type: ignore[override]
        raise ValueError(
            "Attempted to use an uninitialized parameter. This error happens when you are using a "
            f"`LazyModule` or explicitly manipulating `torch.nn.parameter.{type(self).__name__}` objects. "
            "When using LazyModules Call `forward` with a dummy batch to initialize the parameters before "
            "calling torch functions"
        )

    _storage = _steps = _spec

    def materialize(self, shape: Sequence[int], device: Any = None, dtype: Any = None) -> None:
        """Become a plain parameter or tensor of that shape, whose values are to be filled in."""
        made = empty(tuple(shape), device=device or self.device, dtype=dtype or self.dtype)
        requires = self._requires
        del self._place
        self.__class__ = self.cls_to_become
        self.__dict__.update(alias(made).__dict__)
        self._requires = requires

    @property
    def shape(self) -> Any:
        """Unknown: RuntimeError."""
        raise RuntimeError(
            "Can't access the shape of an uninitialized parameter or buffer. This error usually happens in "
            "`load_state_dict` when trying to load an uninitialized parameter into an initialized one. "
            "Call `forward` to initialize the parameters before accessing their attributes."
        )

    @property
    def data(self) -> Tensor:
        """An empty tensor of the dtype and on the device."""
        return self._place

    @data.setter
    def data(self, value: Tensor) -> None:
        self._place = value

    @property
    def dtype(self) -> Any:
        """The dtype that the values will have."""
        return self._place.dtype

    @property
    def device(self) -> Any:
        """Where the values will be."""
        return self._place.device

    @property
    def grad(self) -> None:
        """None."""
        return None

    @property
    def is_leaf(self) -> bool:
        """True."""
        return True

    @property
    def grad_fn(self) -> None:
        """None."""
        return None

    def is_floating_point(self) -> bool:
        """Whether the values will be floating."""
        return self._place.is_floating_point()

    def is_complex(self) -> bool:
        """Whether the values will be complex."""
        return self._place.is_complex()

    def to(self, *args: Any, **kwargs: Any) -> Any:
        """The same at another place or with another dtype."""
        placed = self._place.to(*args, **kwargs)
        return type(self)(self._requires, placed.device, placed.dtype)

    def float(self) -> Any:
        """The same in float32."""
        return type(self)(self._requires, self.device, self._place.float().dtype)

    def double(self) -> Any:
        """The same in float64."""
        return type(self)(self._requires, self.device, self._place.double().dtype)

    def half(self) -> Any:
        """The same in float16."""
        return type(self)(self._requires, self.device, self._place.half().dtype)

    def bfloat16(self) -> Any:
        """The same in bfloat16."""
        return type(self)(self._requires, self.device, self._place.bfloat16().dtype)

    def share_memory_(self) -> Any:
        """Refused: RuntimeError."""
        raise RuntimeError(
            "Can't share memory on an uninitialized parameter or buffer. Call `forward` to initialize the "
            "parameters before calling `module.share_memory()`."
        )

    def __repr__(self, *, tensor_contents: Any = None) -> str:
        return f"<{type(self).__name__}>"

    def __hash__(self) -> int:
        return id(self)

    def __reduce_ex__(self, protocol: Any) -> Any:
        return type(self), (self._requires,)

    def __deepcopy__(self, memo: dict[int, Any]) -> Any:
        if id(self) not in memo:
            memo[id(self)] = type(self)(self._requires, self.device, self.dtype)
        return memo[id(self)]


def _make(cls: type[Any], requires_grad: bool, device: Any, dtype: Any) -> Any:
    made = object.__new__(cls)
    made._place = empty(0, device=device, dtype=dtype)
    made._requires = bool(requires_grad)
    return made


class UninitializedParameter(UninitializedTensorMixin, Parameter):  # type: ignore[misc]
    """A parameter whose shape is not known yet."""

    cls_to_become = Parameter

    def __new__(cls, requires_grad: bool = True, device: Any = None, dtype: Any = None) -> Any:
        return _make(cls, requires_grad, device, dtype)


class UninitializedBuffer(UninitializedTensorMixin):
    """A buffer whose shape is not known yet."""

    cls_to_become = Tensor
    persistent: bool

    def __new__(
        cls, requires_grad: bool = False, device: Any = None, dtype: Any = None, persistent: bool = True
    ) -> Any:
        made = _make(cls, requires_grad, device, dtype)
        made.persistent = persistent
        return made


def is_lazy(param: Any) -> bool:
    """Whether the shape of a parameter or buffer is not known yet."""
    return isinstance(param, UninitializedTensorMixin)

"""Families of modules that have more than other derived ones; programs subclass PyTorch's bases of them."""

from __future__ import annotations

from typing import Any

from fnnet import layers
from fnnet.functional.reduced import chosen_reduction
from fnnet.torch.nn import functional
from fnnet.torch.nn.derive import ROOTS, LayerModule, Trained
from fnnet.torch.nn.module import Module
from fnnet.torch.tensor import Tensor

functions: Any = functional

__all__ = ["Convolution", "Loss", "RunningNorm"]


class RunningNorm(Trained):
    """A norm with running statistics. A program's own says by `_check_input_dim` which inputs it takes."""

    _version = 2  # since PyTorch's running norms count batches

    def _check_input_dim(self, input: Tensor) -> None:
        """Raises ValueError for an input of another number of dimensions."""
        layer: Any = self._layer
        if type(layer) in _BASES:
            raise NotImplementedError
        layer._check_dimensions(input)

    def forward(self, *inputs: Any, **options: Any) -> Any:
        own = type(self)._check_input_dim is not RunningNorm._check_input_dim
        if own or type(self._layer) in _BASES:
            self._check_input_dim(*inputs, **options)
        return super().forward(*inputs, **options)


_BASES = (
    layers.normalization._RunningNorm,
    layers.normalization._BatchNorm,
    layers.normalization._InstanceNorm,
)


class Convolution(Trained):
    """A convolution. A program's own names sizes for each dimension, and which way it goes."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        if self._layer_class is layers.convolution._Convolution:
            self._begin(*args, **kwargs)
        else:
            super().__init__(*args, **kwargs)

    def _begin(
        self,
        in_channels: int,
        out_channels: int,
        kernel_size: tuple[int, ...],
        stride: tuple[int, ...],
        padding: tuple[int, ...],
        dilation: tuple[int, ...],
        transposed: bool,
        output_padding: tuple[int, ...],
        groups: int,
        bias: bool,
        padding_mode: str,
        device: Any = None,
        dtype: Any = None,
    ) -> None:
        name = f"Conv{'Transpose' if transposed else ''}{len(kernel_size)}d"
        object.__setattr__(self, "_layer_class", getattr(layers, name))
        further = {"output_padding": output_padding} if transposed else {}
        super().__init__(
            in_channels,
            out_channels,
            kernel_size,
            stride,
            padding,
            dilation=dilation,
            groups=groups,
            bias=bias,
            padding_mode=padding_mode,
            device=device,
            dtype=dtype,
            **further,
        )

    @property
    def _reversed_padding_repeated_twice(self) -> Any:
        """The padding as `F.pad` takes it."""
        layer: Any = self._layer
        if isinstance(layer.padding, str):
            margins = layer._margins() or [(0, 0)] * len(layer.kernel_size)
            return [size for margin in reversed(margins) for size in margin]
        return tuple(size for size in reversed(layer.padding) for _ in range(2))

    def _conv_forward(self, input: Tensor, weight: Tensor, bias: Tensor | None) -> Tensor:
        """The convolution with another weight."""
        own: Any = self
        padding = own.padding
        if own.padding_mode != "zeros":
            input = functions.pad(input, own._reversed_padding_repeated_twice, mode=own.padding_mode)
            padding = 0
        function = getattr(functions, f"conv{weight.dim() - 2}d")
        output: Tensor = function(input, weight, bias, own.stride, padding, own.dilation, own.groups)
        return output


class Loss(LayerModule):
    """A loss: class weights are buffers. One of a program's own has a reduction, and may have weights."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        if self._layer_class is layers.loss._WeightedLoss:
            self._begin_weighted(*args, **kwargs)
        elif self._layer_class is layers.loss._Loss:
            self._begin(*args, **kwargs)
        else:
            super().__init__(*args, **kwargs)

    def _begin(
        self, size_average: bool | None = None, reduce: bool | None = None, reduction: str = "mean"
    ) -> None:
        Module.__init__(self)
        old = size_average is not None or reduce is not None
        self.reduction = chosen_reduction(size_average, reduce, reduction) if old else reduction

    def _begin_weighted(
        self,
        weight: Tensor | None = None,
        size_average: bool | None = None,
        reduce: bool | None = None,
        reduction: str = "mean",
    ) -> None:
        self._begin(size_average, reduce, reduction)
        self.register_buffer("weight", weight)

    def forward(self, *inputs: Any, **options: Any) -> Any:
        fixed = {**self._layer.options(), **self._buffers}  # type: ignore[attr-defined]
        distance = self._modules.get("distance_function")
        if distance is not None:
            fixed["distance_function"] = distance
        function: Any = functions.triplet_margin_with_distance_loss
        function = getattr(type(self._layer), "function", function)
        return function(*inputs, **fixed, **options)


ROOTS[layers.convolution._Convolution] = Convolution
ROOTS[layers.loss._Loss] = Loss
ROOTS[layers.normalization._RunningNorm] = RunningNorm

"""v2's conversions: to tensors and back, dtypes, normalization; blur, noise, erased rectangles."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Sequence
from typing import Any, ClassVar

import numpy as np

from fnnet.data.raster import drawing, pillow
from fnnet.torch import dtypes as D
from fnnet.torch.random import default_generator
from fnnet.torch.tensor import Tensor
from fnnet.torchvision import tv_tensors
from fnnet.torchvision.transforms import checking
from fnnet.torchvision.transforms import spoiling as v1
from fnnet.torchvision.transforms.conversion import LinearTransformation as _V1Linear
from fnnet.torchvision.transforms.conversion import check_linear
from fnnet.torchvision.transforms.v2 import functional as F
from fnnet.torchvision.transforms.v2.geometry import number_or_pair
from fnnet.torchvision.transforms.v2.transform import ByChance, Kind, Transform, has_any, query_chw


class PILToTensor(Transform):
    """PIL images as tensors of their own dtype."""

    _transformed_types: ClassVar[tuple[Kind, ...]] = (pillow.is_picture,)

    def transform(self, inpt: Any, params: dict[str, Any]) -> Any:
        return F.pil_to_tensor(inpt)


class ToImage(Transform):
    """PIL images, arrays and tensors as tv_tensors.Image."""

    _transformed_types: ClassVar[tuple[Kind, ...]] = (F.is_pure_tensor, pillow.is_picture, np.ndarray)

    def transform(self, inpt: Any, params: dict[str, Any]) -> Any:
        return F.to_image(inpt)


class ToPILImage(Transform):
    """Tensors and arrays as PIL images."""

    _transformed_types: ClassVar[tuple[Kind, ...]] = (F.is_pure_tensor, tv_tensors.Image, np.ndarray)

    def __init__(self, mode: str | None = None) -> None:
        super().__init__()
        self.mode = mode

    def transform(self, inpt: Any, params: dict[str, Any]) -> Any:
        return F.to_pil_image(inpt, mode=self.mode)


class ToPureTensor(Transform):
    """tv_tensors as plain tensors."""

    _transformed_types: ClassVar[tuple[Kind, ...]] = (tv_tensors.TVTensor,)

    def transform(self, inpt: Any, params: dict[str, Any]) -> Any:
        return inpt.as_subclass(Tensor)


class ToTensor(Transform):
    """v1's ToTensor, of which v2 warns."""

    _transformed_types: ClassVar[tuple[Kind, ...]] = (pillow.is_picture, np.ndarray)

    def __init__(self) -> None:
        warnings.warn(
            "The transform `ToTensor()` is deprecated and will be removed in a future release. "
            "Instead, please use `v2.Compose([v2.ToImage(), v2.ToDtype(torch.float32, scale=True)])`."
            "Output is equivalent up to float precision.",
            stacklevel=2,
        )
        super().__init__()

    def transform(self, inpt: Any, params: dict[str, Any]) -> Any:
        return F.to_tensor(inpt)


class ToDtype(Transform):
    """Another dtype, or one for each type of input; with `scale`, full brightness stays full brightness."""

    _transformed_types: ClassVar[tuple[Kind, ...]] = (Tensor,)

    def __init__(self, dtype: Any, scale: bool = False) -> None:
        super().__init__()
        if not isinstance(dtype, dict | D.dtype):
            raise ValueError(f"dtype must be a dict or a torch.dtype, got {type(dtype)} instead")
        if isinstance(dtype, dict) and Tensor in dtype and tv_tensors.Image in dtype:
            warnings.warn(
                "Got `dtype` values for `torch.Tensor` and either `tv_tensors.Image` or `tv_tensors.Video`. "
                "Note that a plain `torch.Tensor` will *not* be transformed by this (or any other "
                "transformation) in case a `tv_tensors.Image` or `tv_tensors.Video` is present in the input.",
                stacklevel=2,
            )
        self.dtype = dtype
        self.scale = scale

    def transform(self, inpt: Any, params: dict[str, Any]) -> Any:
        dtype: Any = self.dtype
        if isinstance(dtype, dict):
            if type(inpt) not in dtype and "others" not in dtype:
                raise ValueError(
                    f"No dtype was specified for type {type(inpt)}. If you only need to convert the dtype of "
                    "images or videos, you can just pass e.g. dtype=torch.float32. If you're passing a dict "
                    'as dtype, you can use "others" as a catch-all key e.g. '
                    'dtype={tv_tensors.Mask: torch.int64, "others": None} to pass-through the rest of the '
                    "inputs."
                )
            dtype = dtype.get(type(inpt), dtype.get("others"))
        if dtype is None:
            if self.scale:
                warnings.warn(
                    "scale was set to True but no dtype was specified for images or videos: no scaling "
                    "will be done.",
                    stacklevel=2,
                )
            return inpt
        return F.to_dtype(inpt, dtype=dtype, scale=self.scale)


class ConvertImageDtype(Transform):
    """Another dtype, scaled; PIL images stay as they are."""

    _transformed_types: ClassVar[tuple[Kind, ...]] = (Tensor,)

    def __init__(self, dtype: Any = D.float32) -> None:
        super().__init__()
        self.dtype = dtype

    def transform(self, inpt: Any, params: dict[str, Any]) -> Any:
        return F.to_dtype(inpt, dtype=self.dtype, scale=True)


class _OfTensors(Transform):
    """The base of transforms that PIL images cannot have."""

    def check_inputs(self, flat_inputs: list[Any]) -> None:
        if has_any(flat_inputs, pillow.is_picture):
            raise TypeError(f"{type(self).__name__}() does not support PIL images.")


class Normalize(_OfTensors):
    """(x - mean) / std for each channel."""

    def __init__(self, mean: Sequence[float], std: Sequence[float], inplace: bool = False) -> None:
        super().__init__()
        self.mean = list(mean)
        self.std = list(std)
        self.inplace = inplace

    def transform(self, inpt: Any, params: dict[str, Any]) -> Any:
        return F.normalize(inpt, mean=self.mean, std=self.std, inplace=self.inplace)


class LinearTransformation(_OfTensors):
    """The flattened picture, less a mean, times a matrix."""

    _transformed_types: ClassVar[tuple[Kind, ...]] = (Tensor,)

    def __init__(self, transformation_matrix: Tensor, mean_vector: Tensor) -> None:
        super().__init__()
        check_linear(transformation_matrix, mean_vector)
        self.transformation_matrix = transformation_matrix
        self.mean_vector = mean_vector

    def transform(self, inpt: Any, params: dict[str, Any]) -> Any:
        made = _V1Linear.forward(self, inpt)  # type: ignore[arg-type]
        return tv_tensors.wrap(made, like=inpt) if isinstance(inpt, tv_tensors.TVTensor) else made


class GaussianBlur(Transform):
    """Blurred by a random deviation."""

    get_params = staticmethod(v1.GaussianBlur.get_params)

    def __init__(self, kernel_size: Any, sigma: Any = (0.1, 2.0)) -> None:
        super().__init__()
        self.kernel_size = checking.setup_size(
            kernel_size, "Kernel size should be a tuple/list of two integers"
        )
        checking.check_kernel(self.kernel_size)
        self.sigma = number_or_pair(sigma, "sigma")
        if not 0.0 < self.sigma[0] <= self.sigma[1]:
            raise ValueError(f"sigma values should be positive and of the form (min, max). Got {self.sigma}")

    def make_params(self, flat_inputs: list[Any]) -> dict[str, Any]:
        return {"sigma": [drawing.between(default_generator, *self.sigma)] * 2}

    def transform(self, inpt: Any, params: dict[str, Any]) -> Any:
        return F.gaussian_blur(inpt, self.kernel_size, **params)


class GaussianNoise(Transform):
    """Normal noise added."""

    def __init__(self, mean: float = 0.0, sigma: float = 0.1, clip: bool = True) -> None:
        super().__init__()
        self.mean = mean
        self.sigma = sigma
        self.clip = clip

    def transform(self, inpt: Any, params: dict[str, Any]) -> Any:
        return F.gaussian_noise(inpt, mean=self.mean, sigma=self.sigma, clip=self.clip)


class RandomErasing(ByChance):
    """A random rectangle of a tensor replaced, by chance."""

    get_params = staticmethod(v1.RandomErasing.get_params)

    def __init__(
        self,
        p: float = 0.5,
        scale: Any = (0.02, 0.33),
        ratio: Any = (0.3, 3.3),
        value: Any = 0.0,
        inplace: bool = False,
    ) -> None:
        super().__init__(p)
        checking.check_erasing(value, scale, ratio)
        self.scale = scale
        self.ratio = ratio
        if isinstance(value, int | float):
            self.value: list[float] | None = [float(value)]
        else:
            self.value = None if isinstance(value, str) else [float(one) for one in value]
        self.inplace = inplace

    def make_params(self, flat_inputs: list[Any]) -> dict[str, Any]:
        shape = query_chw(flat_inputs)
        checking.check_erased(self.value, shape[0], "inpt")
        return {"patch": drawing.erasing(default_generator, shape, self.scale, self.ratio, self.value)}

    def transform(self, inpt: Any, params: dict[str, Any]) -> Any:
        return inpt if params["patch"] is None else F.erase(inpt, *params["patch"], self.inplace)


class Identity(Transform):
    """Nothing changed."""

    def transform(self, inpt: Any, params: dict[str, Any]) -> Any:
        return inpt


class Lambda(Transform):
    """A function of the user's, of inputs of the given types."""

    _transformed_types: ClassVar[tuple[Kind, ...]] = (object,)

    def __init__(self, lambd: Callable[[Any], Any], *types: type) -> None:
        super().__init__()
        self.lambd = lambd
        self.types: tuple[Any, ...] = types or self._transformed_types

    def transform(self, inpt: Any, params: dict[str, Any]) -> Any:
        return self.lambd(inpt) if isinstance(inpt, self.types) else inpt

    def extra_repr(self) -> str:
        name = getattr(self.lambd, "__name__", None)
        return ", ".join([*([name] if name else []), f"types={[kind.__name__ for kind in self.types]}"])

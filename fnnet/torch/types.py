"""torch.types: the names that annotations use."""

from collections.abc import Sequence
from typing import Any, TypeAlias

from fnnet.torch.devices import device as _Device
from fnnet.torch.dtypes import dtype as _DType
from fnnet.torch.spec import Size as _TorchSize
from fnnet.torch.tensor import Tensor as _Tensor

Number: TypeAlias = int | float | bool
Device: TypeAlias = _Device | str | int | None
DeviceLikeType: TypeAlias = str | _Device | int
FileLike: TypeAlias = Any
_int, _float, _bool, _complex = int, float, bool, complex
_size: TypeAlias = Sequence[int] | _TorchSize
_dtype: TypeAlias = _DType
_device: TypeAlias = _Device
_TensorOrTensors: TypeAlias = _Tensor | Sequence[_Tensor]

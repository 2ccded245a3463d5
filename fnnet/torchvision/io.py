"""torchvision.io: pictures as tensors (channels, height, width) of uint8, read and written by Pillow."""

from __future__ import annotations

import io
import os
import warnings
from enum import Enum
from os import PathLike
from typing import Any

import numpy as np

from fnnet.checkpoint.atomic import atomically
from fnnet.data.raster import pillow
from fnnet.torch import dtypes as D
from fnnet.torch.tensor import Tensor
from fnnet.torchvision.transforms.computing import array_of, tensor_of

LARGEST = 1 << 30
"""Bytes of a file that `read_file` takes."""


class ImageReadMode(Enum):
    """The channels that a picture is given."""

    UNCHANGED = 0
    GRAY = 1
    GRAY_ALPHA = 2
    RGB = 3
    RGB_ALPHA = 4
    RGBA = RGB_ALPHA


_MODES = {1: "L", 2: "LA", 3: "RGB", 4: "RGBA"}
_KEPT = ("L", "LA", "RGB", "RGBA", "CMYK")
_GREY_16 = ("I;16", "I;16B", "I;16L", "I")


def read_file(path: str | PathLike[str]) -> Tensor:
    """The bytes of a file. Raises RuntimeError if it cannot be read, ValueError for more than 1 GiB."""
    try:
        size = os.path.getsize(path)
        if size > LARGEST:
            raise ValueError(
                f"read_file: {os.fspath(path)}: {size} bytes are more than the {LARGEST} allowed"
            )
        with open(path, "rb") as file:
            return tensor_of(np.frombuffer(file.read(), np.uint8).copy())
    except OSError as error:
        raise RuntimeError(f"[Errno {error.errno}] {error.strerror}: '{os.fspath(path)}'") from None


def write_file(filename: str | PathLike[str], data: Tensor) -> None:
    """Write bytes to a file, whole or not at all."""
    if not isinstance(data, Tensor) or data.dtype is not D.uint8 or data.ndim != 1:
        raise RuntimeError("Input tensor dtype should be uint8, and one-dimensional")
    with atomically(filename) as file:
        file.write(array_of(data).tobytes())


def _decoded(input: Tensor, mode: Any, kinds: Any, apply_exif_orientation: bool = False) -> Tensor:
    if isinstance(mode, str):
        mode = ImageReadMode[mode.upper()]
    if not isinstance(input, Tensor) or input.dtype is not D.uint8 or input.ndim != 1 or not input.numel():
        raise RuntimeError("Expected a non empty 1-dimensional tensor of torch.uint8")
    pil = pillow.pillow()
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error", pil.Image.DecompressionBombWarning)
            with pil.Image.open(io.BytesIO(array_of(input).tobytes()), formats=kinds) as image:
                image.load()
                turned = pil.ImageOps.exif_transpose(image) if apply_exif_orientation else image
                return tensor_of(_pixels(turned, mode))
    except pil.UnidentifiedImageError:
        raise RuntimeError(
            "Unsupported image file. Only jpeg, png, webp and gif are currently supported."
        ) from None
    except (pil.Image.DecompressionBombError, pil.Image.DecompressionBombWarning) as error:
        raise RuntimeError(f"decode_image: {error}") from None
    except (OSError, SyntaxError) as error:
        raise RuntimeError(f"decode_image: damaged: {error}") from None


def _pixels(image: Any, mode: ImageReadMode) -> np.ndarray[Any, Any]:
    if mode is ImageReadMode.UNCHANGED:
        if image.mode in _GREY_16:
            return np.array(image).astype(np.uint16)[None]
        if image.mode not in _KEPT:
            clear = "transparency" in image.info
            image = image.convert({"P": "RGBA" if clear else "RGB", "1": "L"}.get(image.mode, "RGB"))
    elif image.mode != _MODES[mode.value]:
        image = image.convert(_MODES[mode.value])
    return pillow.to_array(image)


def decode_image(
    input: Any, mode: Any = ImageReadMode.UNCHANGED, apply_exif_orientation: bool = False
) -> Tensor:
    """The picture in the bytes of a JPEG, PNG, WebP or GIF file, or in the file of that name.

    Raises RuntimeError for anything else, and for a picture of very many pixels.
    """
    data = input if isinstance(input, Tensor) else read_file(input)
    return _decoded(data, mode, ("JPEG", "PNG", "WEBP", "GIF"), apply_exif_orientation)


def read_image(
    path: str | PathLike[str], mode: Any = ImageReadMode.UNCHANGED, apply_exif_orientation: bool = False
) -> Tensor:
    """The picture in a file: uint8 (channels, height, width)."""
    return decode_image(read_file(path), mode, apply_exif_orientation)


def decode_png(
    input: Tensor, mode: Any = ImageReadMode.UNCHANGED, apply_exif_orientation: bool = False
) -> Tensor:
    """The picture in the bytes of a PNG file."""
    return _decoded(input, mode, ("PNG",), apply_exif_orientation)


def decode_jpeg(
    input: Any,
    mode: Any = ImageReadMode.UNCHANGED,
    device: Any = "cpu",
    apply_exif_orientation: bool = False,
) -> Any:
    """The picture in the bytes of a JPEG file, or the pictures of a list of them."""
    if isinstance(input, list):
        if not input:
            raise ValueError("Input list must contain at least one element")
        return [decode_jpeg(one, mode, device, apply_exif_orientation) for one in input]
    return _decoded(input, mode, ("JPEG",), apply_exif_orientation).to(device)


def decode_gif(input: Tensor) -> Tensor:
    """The first picture in the bytes of a GIF file."""
    return _decoded(input, ImageReadMode.RGB, ("GIF",))


def decode_webp(input: Tensor, mode: Any = ImageReadMode.UNCHANGED) -> Tensor:
    """The picture in the bytes of a WebP file."""
    return _decoded(input, mode, ("WEBP",))


def _encoded(input: Tensor, kind: str, **options: Any) -> Tensor:
    if input.dtype is not D.uint8:
        raise RuntimeError("Input tensor dtype should be uint8")
    if input.ndim != 3:
        raise RuntimeError("Input data should be a 3-dimensional tensor")
    if input.shape[0] not in (1, 3):
        raise RuntimeError(f"The number of channels should be 1 or 3, got: {input.shape[0]}")
    image = pillow.from_array(array_of(input.cpu()).transpose(1, 2, 0))
    buffer = io.BytesIO()
    image.save(buffer, kind, **options)
    return tensor_of(np.frombuffer(buffer.getvalue(), np.uint8).copy())


def encode_png(input: Tensor, compression_level: int = 6) -> Tensor:
    """The bytes of a PNG file of a picture uint8 (1 or 3, height, width)."""
    if not 0 <= compression_level <= 9:
        raise RuntimeError("Compression level should be between 0 and 9")
    return _encoded(input, "PNG", compress_level=compression_level)


def write_png(input: Tensor, filename: str | PathLike[str], compression_level: int = 6) -> None:
    """Write a picture to a PNG file."""
    write_file(filename, encode_png(input, compression_level))


def encode_jpeg(input: Any, quality: int = 75) -> Any:
    """The bytes of a JPEG file of a picture uint8 (1 or 3, height, width), or those of a list of pictures."""
    if quality < 1 or quality > 100:
        raise ValueError("Image quality should be a positive number between 1 and 100")
    if isinstance(input, list):
        if not input:
            raise ValueError("encode_jpeg requires at least one input tensor when a list is passed")
        return [encode_jpeg(one, quality) for one in input]
    return _encoded(input, "JPEG", quality=quality)


def write_jpeg(input: Tensor, filename: str | PathLike[str], quality: int = 75) -> None:
    """Write a picture to a JPEG file."""
    write_file(filename, encode_jpeg(input, quality))

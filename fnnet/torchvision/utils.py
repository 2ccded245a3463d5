"""torchvision.utils: pictures laid side by side, saved, and drawn on."""

from __future__ import annotations

import os
import warnings
from os import PathLike
from typing import Any, BinaryIO

import numpy as np

from fnnet.checkpoint.atomic import atomically
from fnnet.data.raster import pillow
from fnnet.data.raster.gallery import check_floats, grid
from fnnet.torch import dtypes as D
from fnnet.torch.tensor import Tensor
from fnnet.torchvision.transforms.computing import array_of, tensor_of

__all__ = ["draw_bounding_boxes", "make_grid", "save_image"]


def make_grid(
    tensor: Any,
    nrow: int = 8,
    padding: int = 2,
    normalize: bool = False,
    value_range: tuple[float, float] | None = None,
    scale_each: bool = False,
    pad_value: float = 0.0,
) -> Tensor:
    """A batch (rows, channels, height, width), or a list of pictures, as one picture.

    Args:
        tensor: the pictures; of one channel they are given three.
        nrow: how many stand side by side.
        padding: pixels between them.
        normalize: whether to spread the values from 0 to 1.
        value_range: the (least, most) values for that, instead of those that occur.
        scale_each: whether each picture is spread by itself.
        pad_value: of the pixels between them.

    Raises TypeError for anything else than tensors.
    """
    if isinstance(tensor, list):
        for one in tensor:
            if not isinstance(one, Tensor):
                raise TypeError(f"tensor or list of tensors expected, got a list containing {type(one)}")
        batch = np.stack([array_of(one.detach().cpu()) for one in tensor])
    elif isinstance(tensor, Tensor):
        batch = array_of(tensor.detach().cpu())
    else:
        raise TypeError(f"tensor or list of tensors expected, got {type(tensor)}")
    if normalize is True and value_range is not None and not isinstance(value_range, tuple):
        raise TypeError("value_range has to be a tuple (min, max) if specified. min and max are numbers")
    made = tensor_of(
        grid(batch, nrow, padding, normalize is True, value_range, scale_each is True, pad_value)
    )
    device = (tensor[0] if isinstance(tensor, list) else tensor).device
    return made if device.type == "cpu" else made.to(device)


def save_image(
    tensor: Any, fp: str | PathLike[str] | BinaryIO, format: str | None = None, **kwargs: Any
) -> None:
    """Write a picture, or a batch as a grid (`kwargs` are make_grid's), of values from 0 to 1, to a file.

    Raises RuntimeError for integers.
    """
    pixels = array_of(make_grid(tensor, **kwargs).cpu())
    check_floats(pixels)
    levels = np.clip(pixels * pixels.dtype.type(255) + pixels.dtype.type(0.5), 0, 255).astype(np.uint8)
    image = pillow.from_array(levels.transpose(1, 2, 0))
    if isinstance(fp, str | PathLike):
        if format is None:
            pillow.pillow().Image.init()
            suffix = os.path.splitext(fp)[1].lower()
            format = pillow.pillow().Image.EXTENSION.get(suffix)
            if format is None:
                raise ValueError(f"unknown file extension: {suffix}")
        with atomically(fp) as file:
            image.save(file, format=format)
    else:
        image.save(fp, format=format)


def draw_bounding_boxes(
    image: Tensor,
    boxes: Tensor,
    labels: list[str] | None = None,
    colors: Any = None,
    fill: bool | None = False,
    width: int = 1,
    font: str | None = None,
    font_size: int | None = None,
    label_colors: Any = None,
) -> Tensor:
    """The picture, uint8 or float (channels, height, width), with rectangles (left, top, right, bottom).

    Raises TypeError, ValueError for pictures and boxes that cannot be. Colours that are not given are
    torchvision's palette.
    """
    if not isinstance(image, Tensor):
        raise TypeError(f"Tensor expected, got {type(image)}")
    if not (image.dtype is D.uint8 or image.is_floating_point()):
        raise ValueError(f"The image dtype must be uint8 or float, got {image.dtype}")
    if image.ndim != 3:
        raise ValueError("Pass individual images, not batches")
    if image.shape[0] not in (1, 3):
        raise ValueError("Only grayscale and RGB images are supported")
    corners = array_of(boxes.detach().cpu())
    if (corners[:, 0] > corners[:, 2]).any() or (corners[:, 1] > corners[:, 3]).any():
        raise ValueError(
            "Boxes need to be in (xmin, ymin, xmax, ymax) format. Use torchvision.ops.box_convert to convert "
            "them"
        )
    count = len(corners)
    if not count:
        warnings.warn("boxes doesn't contain any box. No box was drawn", stacklevel=2)
        return image
    names = [None] * count if labels is None else list(labels)
    if len(names) != count:
        raise ValueError(
            f"Number of boxes ({count}) and labels ({len(names)}) mismatch. Please specify labels for each "
            "box."
        )
    from PIL import ImageColor, ImageDraw, ImageFont

    pixels = array_of(image.detach().cpu())
    bytes_ = pixels if pixels.dtype == np.uint8 else (pixels * (255 + 1.0 - 1e-3)).astype(np.uint8)
    bytes_ = np.broadcast_to(bytes_, (3, *bytes_.shape[1:]))
    picture = pillow.image_of(bytes_.transpose(1, 2, 0), "RGB").copy()
    draw = ImageDraw.Draw(picture, "RGBA" if fill else None)
    letters: Any = ImageFont.truetype(font, font_size or 10) if font else ImageFont.load_default()

    def coloured(given: Any) -> list[Any]:
        if given is None:
            steps = np.array([2**25 - 1, 2**15 - 1, 2**21 - 1])
            return [tuple(int(one) for one in i * steps % 255) for i in range(count)]
        if isinstance(given, str | tuple):
            given = [given] * count
        if len(given) < count:
            raise ValueError(
                f"Number of colors must be equal or larger than the number of objects, but got {len(given)} "
                f"< {count}."
            )
        return [ImageColor.getrgb(one) if isinstance(one, str) else tuple(one) for one in given]

    of_labels = coloured(label_colors) if label_colors is not None else coloured(colors)
    for box, colour, of_label, name in zip(
        corners.astype(np.int64).tolist(), coloured(colors), of_labels, names, strict=False
    ):
        draw.rectangle(box, width=width, outline=colour, fill=(*colour, 100) if fill else None)
        if name is not None:
            draw.text((box[0] + width + 1, box[1] + width + 1), name, fill=of_label, font=letters)
    made = pillow.to_array(picture)
    if pixels.dtype != np.uint8:
        made = made.astype(pixels.dtype) / pixels.dtype.type(255)
    return tensor_of(made)

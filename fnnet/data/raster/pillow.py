"""The same transforms of Pillow's pictures, which Pillow computes: what torchvision does with a PIL image.

Pillow is imported when it is needed; `pip install fnnet[pictures]` installs it.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from typing import Any

import numpy as np

from fnnet.data.raster.placing import borders_of

RESAMPLE = {
    "nearest": 0,
    "nearest-exact": 0,
    "lanczos": 1,
    "bilinear": 2,
    "bicubic": 3,
    "box": 4,
    "hamming": 5,
}


def pillow() -> Any:
    """The package PIL. Raises ModuleNotFoundError, with the way out, where it is not installed."""
    try:
        import PIL.Image
        import PIL.ImageEnhance
        import PIL.ImageOps
    except ModuleNotFoundError as error:
        if error.name not in ("PIL", "PIL.Image"):
            raise
        raise ModuleNotFoundError(
            "pictures need Pillow, which is not installed: pip install 'fnnet[pictures]' (or pillow itself)",
            name="PIL",
        ) from None
    return PIL


def is_picture(x: Any) -> bool:
    """Whether it is one of Pillow's pictures. Without Pillow there are none."""
    loaded = sys.modules.get("PIL.Image")
    return loaded is not None and isinstance(x, loaded.Image)


def dimensions(img: Any) -> list[int]:
    """[channels, height, width]."""
    return [len(img.getbands()), img.height, img.width]


_MODES = {"I": np.int32, "I;16": np.int16, "I;16B": np.int16, "F": np.float32}


def to_array(img: Any, keep: bool = False) -> np.ndarray:
    """The pixels, (channels, height, width), a copy: uint8, or int16, int32, float32 for modes I;16, I and F.

    Pictures of mode "1" have 0 and 255, or stay booleans with `keep`, as all dtypes stay what Pillow has.
    """
    array = np.array(img) if keep else np.array(img, _MODES.get(img.mode, np.uint8))
    if img.mode == "1" and not keep:
        array = array * np.uint8(255)
    return array.reshape(img.height, img.width, len(img.getbands())).transpose(2, 0, 1)


_PERMITTED = {2: ["LA"], 3: ["RGB", "YCbCr", "HSV"], 4: ["RGBA", "CMYK", "RGBX"]}
_GREY = {
    "uint8": "L",
    "int16": "I;16" if sys.byteorder == "little" else "I;16B",
    "int32": "I",
    "float32": "F",
}


def from_array(pixels: np.ndarray, mode: str | None = None) -> Any:
    """A picture of pixels (height, width, channels) or (height, width); floats count from 0 to 1.

    Raises ValueError for other shapes, or a mode that does not fit; TypeError for a dtype without a mode.
    """
    if pixels.ndim == 2:
        pixels = pixels[:, :, None]
    if pixels.ndim != 3:
        raise ValueError(f"pic should be 2/3 dimensional. Got {pixels.ndim} dimensions.")
    channels = pixels.shape[-1]
    if channels > 4:
        raise ValueError(f"pic should not have > 4 channels. Got {channels} channels.")
    if np.issubdtype(pixels.dtype, np.floating) and mode != "F":
        with np.errstate(invalid="ignore"):
            pixels = (pixels * 255).astype(np.uint8)
    if channels == 1:
        pixels = pixels[:, :, 0]
        expected = _GREY.get(str(pixels.dtype))
        if mode is not None and mode != expected:
            raise ValueError(
                f"Incorrect mode ({mode}) supplied for input type {np.dtype}. Should be {expected}"
            )
        mode = expected
    else:
        permitted = _PERMITTED.get(channels, _PERMITTED[3])
        if mode is not None and mode not in permitted:
            dims = channels if channels in (2, 4) else 3
            raise ValueError(f"Only modes {permitted} are supported for {dims}D inputs")
        if mode is None and pixels.dtype == np.uint8:
            mode = permitted[0]
    if mode is None:
        raise TypeError(f"Input type {pixels.dtype} is not supported")
    return image_of(pixels, mode)


def image_of(pixels: np.ndarray, mode: str) -> Any:
    """A picture of these bytes in this mode."""
    image = pillow().Image
    pixels = np.ascontiguousarray(pixels)
    if mode == "1":
        return image.fromarray(pixels)
    return image.frombuffer(mode, (pixels.shape[1], pixels.shape[0]), pixels.tobytes(), "raw", mode, 0, 1)


def hflip(img: Any) -> Any:
    """Left and right exchanged."""
    return img.transpose(pillow().Image.Transpose.FLIP_LEFT_RIGHT)


def vflip(img: Any) -> Any:
    """Top and bottom exchanged."""
    return img.transpose(pillow().Image.Transpose.FLIP_TOP_BOTTOM)


def crop(img: Any, top: int, left: int, height: int, width: int) -> Any:
    """A part of the picture; what lies outside of it is black."""
    return img.crop((left, top, left + width, top + height))


def resize(img: Any, size: Sequence[int], mode: str = "bilinear") -> Any:
    """The picture in another height and width."""
    return img.resize((size[1], size[0]), RESAMPLE[mode])


def _colour(fill: Any, img: Any) -> Any:
    channels = len(img.getbands())
    if fill is None:
        fill = 0
    if isinstance(fill, int | float) and channels > 1:
        fill = [fill] * channels
    if isinstance(fill, list | tuple):
        if len(fill) == 1:
            fill = list(fill) * channels
        elif len(fill) != channels:
            raise ValueError(
                "The number of elements in 'fill' does not match the number of channels of the image "
                f"({len(fill)} != {channels})"
            )
        return tuple(fill) if img.mode == "F" else tuple(int(one) for one in fill)
    return fill if img.mode == "F" else int(fill)


def pad(img: Any, padding: Any, fill: Any = 0, padding_mode: str = "constant") -> Any:
    """Borders around the picture: see `placing.pad`."""
    if not isinstance(padding, int | float | tuple | list):
        raise TypeError("Got inappropriate padding arg")
    if fill is not None and not isinstance(fill, int | float | tuple | list):
        raise TypeError("Got inappropriate fill arg")
    if not isinstance(padding_mode, str):
        raise TypeError("Got inappropriate padding_mode arg")
    left, top, right, bottom = borders_of(padding)  # type: ignore[arg-type]
    if padding_mode not in ("constant", "edge", "reflect", "symmetric"):
        raise ValueError("Padding mode should be either constant, edge, reflect or symmetric")
    palette = img.getpalette() if img.mode == "P" else None
    if padding_mode == "constant":
        made = pillow().ImageOps.expand(img, border=(left, top, right, bottom), fill=_colour(fill, img))
    else:
        cut = [max(-one, 0) for one in (left, top, right, bottom)]
        if any(cut):
            img = img.crop((cut[0], cut[1], img.width - cut[2], img.height - cut[3]))
        pixels = np.asarray(img)
        widths = [(max(top, 0), max(bottom, 0)), (max(left, 0), max(right, 0)), (0, 0)][: pixels.ndim]
        how: Any = padding_mode
        made = pillow().Image.fromarray(np.pad(pixels, widths, mode=how))
    if palette is not None:
        made.putpalette(palette)
    return made


def affine(img: Any, matrix: Sequence[float], mode: str = "nearest", fill: Any = None) -> Any:
    """The picture moved by the first two rows of a matrix, in pixels from the top left."""
    how = pillow().Image.Transform.AFFINE
    return img.transform(img.size, how, matrix, RESAMPLE[mode], fillcolor=_colour(fill, img))


def rotate(
    img: Any, angle: float, mode: str = "nearest", expand: bool = False, center: Any = None, fill: Any = None
) -> Any:
    """The picture turned by `angle` degrees counter-clockwise."""
    return img.rotate(angle, RESAMPLE[mode], expand, center, fillcolor=_colour(fill, img))


def perspective(img: Any, coefficients: Sequence[float], mode: str = "bilinear", fill: Any = None) -> Any:
    """The picture seen at an angle, by eight coefficients."""
    how = pillow().Image.Transform.PERSPECTIVE
    return img.transform(img.size, how, coefficients, RESAMPLE[mode], fillcolor=_colour(fill, img))


def adjust_brightness(img: Any, brightness_factor: float) -> Any:
    """0 gives black, 1 the picture."""
    return pillow().ImageEnhance.Brightness(img).enhance(brightness_factor)


def adjust_contrast(img: Any, contrast_factor: float) -> Any:
    """0 gives the mean grey, 1 the picture."""
    return pillow().ImageEnhance.Contrast(img).enhance(contrast_factor)


def adjust_saturation(img: Any, saturation_factor: float) -> Any:
    """0 gives a picture without colours, 1 the picture."""
    return pillow().ImageEnhance.Color(img).enhance(saturation_factor)


def adjust_sharpness(img: Any, sharpness_factor: float) -> Any:
    """0 gives a blurred picture, 1 the picture."""
    return pillow().ImageEnhance.Sharpness(img).enhance(sharpness_factor)


def adjust_hue(img: Any, hue_factor: float) -> Any:
    """Colours moved around the circle of hues by `hue_factor` turns, -0.5 to 0.5, or ValueError is raised."""
    if not -0.5 <= hue_factor <= 0.5:
        raise ValueError(f"hue_factor ({hue_factor}) is not in [-0.5, 0.5].")
    if img.mode in ("L", "1", "I", "F"):
        return img
    hue, saturation, value = img.convert("HSV").split()
    turned = np.array(hue, np.uint8) + np.int32(hue_factor * 255).astype(np.uint8)
    return pillow().Image.merge("HSV", (image_of(turned, "L"), saturation, value)).convert(img.mode)


def adjust_gamma(img: Any, gamma: float, gain: float = 1.0) -> Any:
    """gain x ** gamma, of brightness from 0 to 1. Raises ValueError for a negative gamma."""
    if gamma < 0:
        raise ValueError("Gamma should be a non-negative real number")
    table = [int((255 + 1 - 1e-3) * gain * pow(level / 255.0, gamma)) for level in range(256)] * 3
    return img.convert("RGB").point(table).convert(img.mode)


def grayscale(img: Any, num_output_channels: int = 1) -> Any:
    """The picture without colours, in one channel or in three equal ones."""
    if num_output_channels not in (1, 3):
        raise ValueError("num_output_channels should be either 1 or 3")
    grey = img.convert("L")
    return grey if num_output_channels == 1 else image_of(np.dstack([np.array(grey)] * 3), "RGB")


def invert(img: Any) -> Any:
    """Bright and dark exchanged."""
    return pillow().ImageOps.invert(img)


def posterize(img: Any, bits: int) -> Any:
    """Brightness in 2 ** bits levels."""
    return pillow().ImageOps.posterize(img, bits)


def solarize(img: Any, threshold: float) -> Any:
    """Brightness from the threshold on inverted."""
    return pillow().ImageOps.solarize(img, threshold)


def autocontrast(img: Any) -> Any:
    """The darkest pixel of each channel made black, the brightest full."""
    return pillow().ImageOps.autocontrast(img)


def equalize(img: Any) -> Any:
    """Levels moved so that all are about equally frequent."""
    return pillow().ImageOps.equalize(img)

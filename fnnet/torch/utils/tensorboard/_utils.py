"""Pictures, grids of pictures and films as arrays."""

from __future__ import annotations

from typing import Any

import numpy as np


def figure_to_image(figures: Any, close: bool = True) -> np.ndarray:
    """A figure of matplotlib's as (3, height, width) bytes, a list of them as (n, 3, height, width)."""
    if isinstance(figures, list):
        return np.stack([_drawn(figure, close) for figure in figures])
    return _drawn(figures, close)


def _drawn(figure: Any, close: bool) -> np.ndarray:
    import matplotlib.pyplot as plt
    from matplotlib.backends.backend_agg import FigureCanvasAgg

    canvas: Any = FigureCanvasAgg(figure)
    canvas.draw()
    width, height = figure.canvas.get_width_height()
    pixels = np.frombuffer(canvas.buffer_rgba(), np.uint8).reshape(height, width, 4)
    if close:
        plt.close(figure)
    return np.moveaxis(pixels[:, :, :3], 2, 0)


def make_grid(I: np.ndarray, ncols: int = 8) -> np.ndarray:
    """(n, 1 or 3, height, width) pictures side by side, `ncols` in a row, as one of three channels."""
    if not isinstance(I, np.ndarray):
        raise AssertionError("plugin error, should pass numpy array here")
    if I.shape[1] == 1:
        I = np.repeat(I, 3, 1)
    if I.ndim != 4 or I.shape[1] != 3:
        raise AssertionError("Input should be a 4D numpy array with 3 channels")
    count, _, height, width = I.shape
    ncols = min(count, ncols)
    rows = -(-count // ncols)
    whole = np.zeros((rows * ncols, 3, height, width), I.dtype)
    whole[:count] = I
    tiles = whole.reshape(rows, ncols, 3, height, width).transpose(2, 0, 3, 1, 4)
    return tiles.reshape(3, rows * height, ncols * width)


def convert_to_HWC(tensor: np.ndarray, input_format: str) -> np.ndarray:
    """A picture, or a grid of some, as (height, width, channels), of which one is made three.

    Args:
        tensor: the array.
        input_format: which dimension is which: "CHW", "HW", "NHWC" and so on.
    """
    if len(set(input_format)) != len(input_format):
        raise AssertionError(
            f"You can not use the same dimension shorthand twice. input_format: {input_format}"
        )
    if tensor.ndim != len(input_format):
        raise AssertionError(
            "size of input tensor and input format are different. "
            f"tensor shape: {tensor.shape}, input_format: {input_format}"
        )
    given = input_format.upper()
    if len(given) == 4:
        return make_grid(tensor.transpose([given.find(one) for one in "NCHW"])).transpose(1, 2, 0)
    if len(given) == 3:
        picture = tensor.transpose([given.find(one) for one in "HWC"])
        return np.repeat(picture, 3, 2) if picture.shape[2] == 1 else picture
    if len(given) == 2:
        return np.stack([tensor.transpose([given.find(one) for one in "HW"])] * 3, 2)
    raise AssertionError(f"input_format must name 2, 3 or 4 dimensions, got {input_format}")


def _prepare_video(V: np.ndarray) -> np.ndarray:
    """(n, frames, channels, height, width) films side by side, in a grid of a power of two, as one of
    (frames, height, width, channels)."""
    count, frames, channels, height, width = V.shape
    if V.dtype == np.uint8:
        V = V.astype(np.float32) / 255.0
    places = 1 << max(count - 1, 0).bit_length()
    if places != count:
        V = np.concatenate((V, np.zeros((places - count, *V.shape[1:]))))
    rows = 2 ** ((count.bit_length() - 1) // 2)
    tiles = V.reshape(rows, places // rows, frames, channels, height, width).transpose(2, 0, 4, 1, 5, 3)
    return tiles.reshape(frames, rows * height, (places // rows) * width, channels)

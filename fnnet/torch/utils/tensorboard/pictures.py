"""Summaries of what is seen and heard: pictures, with boxes on them, films, sounds."""

from __future__ import annotations

import io
import wave
from collections.abc import Sequence
from typing import Any

import numpy as np
from tensorboard.compat.proto.summary_pb2 import Summary

from fnnet.torch.utils.tensorboard._convert_np import make_np
from fnnet.torch.utils.tensorboard._utils import _prepare_video, convert_to_HWC


def _bytes(picture: np.ndarray) -> np.ndarray:
    """Numbers from 0 to 1 (or bytes) as bytes; what is beyond is cut."""
    scale = 1 if picture.dtype == np.uint8 else 255
    return (picture.astype(np.float32) * scale).clip(0, 255).astype(np.uint8)


def image(tag: str, tensor: Any, rescale: float = 1, dataformats: str = "NCHW") -> Summary:
    """A picture of numbers from 0 to 1 or of bytes, in the order that `dataformats` names."""
    picture = make_image(_bytes(convert_to_HWC(make_np(tensor), dataformats)), rescale=rescale)
    return Summary(value=[Summary.Value(tag=tag, image=picture)])


def image_boxes(
    tag: str,
    tensor_image: Any,
    tensor_boxes: Any,
    rescale: float = 1,
    dataformats: str = "CHW",
    labels: Sequence[str] | None = None,
) -> Summary:
    """A picture with boxes (n, 4) of left, top, right and bottom, and their labels."""
    pixels = _bytes(convert_to_HWC(make_np(tensor_image), dataformats))
    picture = make_image(pixels, rescale=rescale, rois=make_np(tensor_boxes), labels=labels)
    return Summary(value=[Summary.Value(tag=tag, image=picture)])


def make_image(
    tensor: np.ndarray, rescale: float = 1, rois: np.ndarray | None = None, labels: Any = None
) -> Summary.Image:
    """(height, width, channels) bytes as a PNG file."""
    from PIL import Image

    height, width, channels = tensor.shape
    picture: Any = Image.fromarray(tensor)
    if rois is not None:
        picture = draw_boxes(picture, rois, labels=labels)
    size = int(width * rescale), int(height * rescale)
    with io.BytesIO() as file:
        picture.resize(size, Image.Resampling.LANCZOS).save(file, format="PNG")
        encoded = file.getvalue()
    return Summary.Image(height=height, width=width, colorspace=channels, encoded_image_string=encoded)


def draw_boxes(disp_image: Any, boxes: np.ndarray, labels: Sequence[str] | None = None) -> Any:
    """Draw red boxes, and their labels at their feet, on a picture of Pillow's."""
    from PIL import ImageDraw, ImageFont

    draw, font = ImageDraw.Draw(disp_image), ImageFont.load_default()
    for place, (left, top, right, bottom) in enumerate(boxes[:, :4]):
        corners = [(left, top), (left, bottom), (right, bottom), (right, top), (left, top)]
        draw.line(corners, width=2, fill="Red")
        if labels is not None and labels[place]:
            x0, y0, x1, y1 = font.getbbox(labels[place])
            height = y1 - y0
            margin = np.ceil(0.05 * height)
            ground = [(left, bottom - height - 2 * margin), (left + x1 - x0, bottom)]
            draw.rectangle(ground, fill="Red")
            draw.text((left + margin, bottom - height - margin), labels[place], fill="black", font=font)
    return disp_image


def video(tag: str, tensor: Any, fps: float = 4) -> Summary:
    """A film (n, frames, channels, height, width) as a GIF; the package moviepy makes it."""
    return Summary(
        value=[Summary.Value(tag=tag, image=make_video(_bytes(_prepare_video(make_np(tensor))), fps))]
    )


def make_video(tensor: np.ndarray, fps: float) -> Summary.Image | None:
    """(frames, height, width, channels) bytes as a GIF; without moviepy None, and a line that says so."""
    import tempfile

    try:
        import moviepy
    except ImportError:
        print("add_video needs package moviepy")
        return None
    try:
        from moviepy.editor import ImageSequenceClip
    except ImportError:
        ImageSequenceClip = getattr(moviepy, "ImageSequenceClip", None)  # from moviepy 2 on
        if ImageSequenceClip is None:
            print(
                "moviepy is installed, but can't import moviepy.editor.",
                "Some packages could be missing [imageio, requests]",
            )
            return None
    _, height, width, channels = tensor.shape
    with tempfile.NamedTemporaryFile(suffix=".gif") as file:
        ImageSequenceClip(list(tensor), fps=fps).write_gif(file.name, logger=None)
        encoded = file.read()
    return Summary.Image(height=height, width=width, colorspace=channels, encoded_image_string=encoded)


def audio(tag: str, tensor: Any, sample_rate: int = 44100) -> Summary:
    """A sound (samples,) or (1, samples) of numbers from -1 to 1, as a WAV file of 16 bits."""
    array = make_np(tensor).squeeze()
    if abs(array).max() > 1:
        print("warning: audio amplitude out of range, auto clipped.")
        array = array.clip(-1, 1)
    if array.ndim != 1:
        raise AssertionError("input tensor should be 1 dimensional.")
    samples = (array * np.iinfo(np.int16).max).astype("<i2")
    file = io.BytesIO()
    with wave.open(file, "wb") as sound:
        sound.setnchannels(1)
        sound.setsampwidth(2)
        sound.setframerate(sample_rate)
        sound.writeframes(samples.data)
    heard = Summary.Audio(
        sample_rate=sample_rate,
        num_channels=1,
        length_frames=len(samples),
        encoded_audio_string=file.getvalue(),
        content_type="audio/wav",
    )
    return Summary(value=[Summary.Value(tag=tag, audio=heard)])

"""The files beside the events in which TensorBoard's projector finds vectors, their labels and pictures."""

from __future__ import annotations

import io
import math
from collections.abc import Sequence
from typing import Any

import numpy as np
from tensorboard.compat import tf
from tensorboard.plugins.projector.projector_config_pb2 import EmbeddingInfo

from fnnet.torch.utils.tensorboard._convert_np import make_np
from fnnet.torch.utils.tensorboard._utils import make_grid


def joined(folder: str, name: str) -> str:
    """A path on whatever file system TensorBoard knows; its stand-in for TensorFlow spells it otherwise."""
    files = tf.io.gfile
    join = files.join if hasattr(files, "join") else files.get_filesystem(folder).join
    path: str = join(folder, name)
    return path


def _write(folder: str, name: str, content: bytes) -> None:
    with tf.io.gfile.GFile(joined(folder, name), "wb") as file:
        file.write(content)


def make_mat(matlist: np.ndarray, save_path: str) -> None:
    """Write `tensors.tsv`, a line for each vector."""
    lines = ["\t".join(str(number.item()) for number in row) for row in matlist]
    _write(save_path, "tensors.tsv", "".join(line + "\n" for line in lines).encode())


def make_tsv(metadata: Sequence[Any], save_path: str, metadata_header: Sequence[str] | None = None) -> None:
    """Write `metadata.tsv`: a label a line, or several below a header."""
    if metadata_header:
        if len(metadata_header) != len(metadata[0]):
            raise AssertionError("len of header must be equal to the number of columns in metadata")
        lines = ["\t".join(map(str, row)) for row in [metadata_header, *metadata]]
    else:
        lines = list(map(str, metadata))
    _write(save_path, "metadata.tsv", ("\n".join(lines) + "\n").encode())


def make_sprite(label_img: Any, save_path: str) -> None:
    """Write `sprite.png`: the pictures (n, channels, height, width) in a square."""
    from PIL import Image

    a_row = math.ceil(label_img.shape[0] ** 0.5)
    grid = make_grid(make_np(label_img), ncols=a_row).transpose(1, 2, 0)
    width = grid.shape[1]
    square = np.zeros((width, width, 3))
    square[: grid.shape[0]] = grid
    with io.BytesIO() as file:
        Image.fromarray(np.uint8((square * 255).clip(0, 255))).save(file, format="PNG")
        _write(save_path, "sprite.png", file.getvalue())


def get_embedding_info(
    metadata: Any, label_img: Any, subdir: str, global_step: int, tag: str
) -> EmbeddingInfo:
    """Where the files of one embedding are, and how large a picture is."""
    info = EmbeddingInfo()
    info.tensor_name = f"{tag}:{str(global_step).zfill(5)}"
    info.tensor_path = joined(subdir, "tensors.tsv")
    if metadata is not None:
        info.metadata_path = joined(subdir, "metadata.tsv")
    if label_img is not None:
        info.sprite.image_path = joined(subdir, "sprite.png")
        info.sprite.single_image_dim.extend([label_img.shape[3], label_img.shape[2]])
    return info


def write_pbtxt(save_path: str, contents: str) -> None:
    """Write `projector_config.pbtxt`."""
    _write(save_path, "projector_config.pbtxt", contents.encode())

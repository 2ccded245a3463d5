"""Picture files in and out, whatever is in them; datasets that cannot be downloaded say what to put where."""

import struct
import zlib

import numpy as np
import pytest

Image = pytest.importorskip("PIL.Image", reason="pictures need Pillow")

from fnnet import torch, torchvision  # noqa: E402
from fnnet.data import fetch  # noqa: E402

io = torchvision.io
PIXELS = np.random.RandomState(0).randint(0, 256, (3, 7, 9)).astype(np.uint8)


def test_png_files_keep_every_pixel(tmp_path):
    for picture in (PIXELS, PIXELS[:1]):
        path = tmp_path / "x.png"
        io.write_png(torch.from_numpy(picture.copy()), str(path))
        np.testing.assert_array_equal(io.read_image(str(path)).numpy(), picture)
        with Image.open(path) as image:
            np.testing.assert_array_equal(np.array(image).reshape(7, 9, -1).transpose(2, 0, 1), picture)
    assert [p.name for p in tmp_path.iterdir()] == ["x.png"]
    assert io.read_image(str(path), io.ImageReadMode.RGB).shape == (3, 7, 9)
    assert io.read_image(str(path), "RGBA").shape == (4, 7, 9)
    bytes_ = io.read_file(str(path))
    assert torch.equal(io.decode_png(bytes_), io.decode_image(bytes_))


def test_jpeg_files_are_what_pillow_makes_of_them(tmp_path):
    path = tmp_path / "x.jpg"
    io.write_jpeg(torch.from_numpy(PIXELS), str(path), quality=90)
    with Image.open(path) as image:
        np.testing.assert_array_equal(io.read_image(str(path)).numpy(), np.array(image).transpose(2, 0, 1))
        grey = np.array(image.convert("L"))[None]
    np.testing.assert_array_equal(io.read_image(str(path), io.ImageReadMode.GRAY).numpy(), grey)
    data = io.read_file(str(path))
    assert torch.equal(io.decode_jpeg([data, data])[1], io.decode_jpeg(data))


def test_turned_pictures_and_sixteen_bits(tmp_path):
    exif = Image.Exif()
    exif[0x0112] = 6
    Image.fromarray(PIXELS.transpose(1, 2, 0)).save(tmp_path / "x.jpg", exif=exif)
    assert io.read_image(str(tmp_path / "x.jpg")).shape == (3, 7, 9)
    assert io.read_image(str(tmp_path / "x.jpg"), apply_exif_orientation=True).shape == (3, 9, 7)
    deep = np.arange(12, dtype=np.uint16).reshape(3, 4) * 5000
    Image.fromarray(deep).save(tmp_path / "deep.png")
    read = io.read_image(str(tmp_path / "deep.png"))
    assert str(read.dtype) == "torch.uint16"
    np.testing.assert_array_equal(read.numpy()[0], deep)


def png(width, height):
    """A PNG file that announces this size and holds one row."""

    def chunk(kind, body):
        return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))

    head = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    return (
        b"\x89PNG\r\n\x1a\n"
        + chunk(b"IHDR", head)
        + chunk(b"IDAT", zlib.compress(b"\0" * 100))
        + chunk(b"IEND", b"")
    )


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"GIF89", "Unsupported image file"),
        (b"#!/bin/sh", "Unsupported image file"),
        (png(40_000, 40_000), "decompression bomb|exceeds limit"),
        (png(9, 9), "damaged"),
        (png(9, 9)[:50], "damaged|Unsupported"),
    ],
)
def test_hostile_picture_files_are_refused(content, words):
    with pytest.raises(RuntimeError, match=words):
        io.decode_image(torch.from_numpy(np.frombuffer(content, np.uint8).copy()))


def test_wrong_arguments():
    with pytest.raises(RuntimeError, match="No such file"):
        io.read_image("/nowhere/x.png")
    with pytest.raises(RuntimeError, match="should be uint8"):
        io.encode_png(torch.zeros(3, 2, 2))
    with pytest.raises(RuntimeError, match="channels should be 1 or 3, got: 2"):
        io.encode_png(torch.from_numpy(PIXELS[:2].copy()))
    with pytest.raises(ValueError, match="between 1 and 100"):
        io.encode_jpeg(torch.from_numpy(PIXELS), quality=0)
    with pytest.raises(RuntimeError, match="1-dimensional"):
        io.decode_image(torch.from_numpy(PIXELS))


def test_datasets_that_cannot_be_fetched_say_what_to_put_where(tmp_path, monkeypatch):
    def refuse(request, timeout):
        raise OSError("Network is unreachable")

    monkeypatch.setattr(fetch.urllib.request, "urlopen", refuse)
    with pytest.raises(fetch.urllib.error.URLError) as error:
        torchvision.datasets.CIFAR10(tmp_path, download=True)
    for words in (
        "Network is unreachable",
        str(tmp_path / "cifar-10-python.tar.gz"),
        "c58f30108f718f92721af3b95e74349a",
    ):
        assert words in str(error.value)
    with pytest.raises(
        RuntimeError, match=r"Error downloading train-images-idx3-ubyte\.gz:\nTried https"
    ) as error:
        torchvision.datasets.MNIST(tmp_path, download=True)
    assert str(tmp_path / "MNIST" / "raw" / "train-images-idx3-ubyte.gz") in str(error.value)


def test_a_name_that_is_lacking_says_so():
    with pytest.raises(
        AttributeError, match=r"'torchvision\.datasets' has no attribute 'VOCDetection' in fnnet"
    ):
        torchvision.datasets.VOCDetection
    with pytest.raises(AttributeError, match="has no attribute 'nonsense' in fnnet"):
        torchvision.nonsense
    assert torchvision.get_image_backend() == "PIL"
    with pytest.raises(ValueError, match="Invalid backend 'cv2'"):
        torchvision.set_image_backend("cv2")

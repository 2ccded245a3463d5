"""MNIST and the datasets with files of the same form."""

from __future__ import annotations

import os
import warnings
from typing import Any, ClassVar
from urllib.error import URLError

import numpy as np

from fnnet.data.fetch import is_intact
from fnnet.data.idx import read_idx
from fnnet.data.raster import pillow
from fnnet.torch.serialization import load
from fnnet.torch.tensor import Tensor
from fnnet.torchvision.datasets.utils import download_and_extract_archive
from fnnet.torchvision.datasets.vision import Change, Root, VisionDataset, split_of
from fnnet.torchvision.transforms.computing import array_of, tensor_of


def _row(rows: Any, index: int) -> Any:
    """One of the rows of a tensor, without copying the others."""
    if isinstance(rows, Tensor):
        shared = rows._storage.host
        rows = array_of(rows) if shared is None or rows._steps is not None else shared
    return rows[index]


class MNIST(VisionDataset):
    """MNIST: PIL images of 28 by 28, mode L, and labels 0 to 9.

    The files are `root/MNIST/raw/train-images-idx3-ubyte` and its three neighbours. Raises RuntimeError if
    one is missing.
    """

    mirrors: ClassVar[list[str]] = [
        "https://ossci-datasets.s3.amazonaws.com/mnist/",
        "http://yann.lecun.com/exdb/mnist/",
    ]
    resources: ClassVar[list[tuple[str, str]]] = [
        ("train-images-idx3-ubyte.gz", "f68b3c2dcbeaaa9fbdd348bbdeb94873"),
        ("train-labels-idx1-ubyte.gz", "d53e105ee54ea40749a09fcbcd1e9432"),
        ("t10k-images-idx3-ubyte.gz", "9fb629c4189551a2d022fa330f9573f3"),
        ("t10k-labels-idx1-ubyte.gz", "ec29112dd5afa0611ce80d1b7f02629c"),
    ]
    training_file = "training.pt"
    test_file = "test.pt"
    classes: ClassVar[list[str]] = [
        "0 - zero",
        "1 - one",
        "2 - two",
        "3 - three",
        "4 - four",
        "5 - five",
        "6 - six",
        "7 - seven",
        "8 - eight",
        "9 - nine",
    ]

    def __init__(
        self,
        root: Root,
        train: bool = True,
        transform: Change = None,
        target_transform: Change = None,
        download: bool = False,
    ) -> None:
        super().__init__(root, transform=transform, target_transform=target_transform)
        self.train = train
        processed = [os.path.join(self.processed_folder, one) for one in (self.training_file, self.test_file)]
        if all(is_intact(path) for path in processed):  # as old versions left them
            self.data, self.targets = load(processed[not train], weights_only=True)
            return
        if download:
            self.download()
        if not self._check_exists():
            raise RuntimeError("Dataset not found. You can use download=True to download it")
        self.data, self.targets = self._load_data()

    def _load_data(self) -> tuple[Any, Any]:
        stem = os.path.join(self.raw_folder, "train" if self.train else "t10k")
        return read_image_file(stem + "-images-idx3-ubyte"), read_label_file(stem + "-labels-idx1-ubyte")

    def __getitem__(self, index: int) -> tuple[Any, Any]:
        return self.changed(pillow.image_of(_row(self.data, index), "L"), int(_row(self.targets, index)))

    def __len__(self) -> int:
        return len(self.data)

    @property
    def raw_folder(self) -> str:
        return os.path.join(self.root, self.__class__.__name__, "raw")

    @property
    def processed_folder(self) -> str:
        return os.path.join(self.root, self.__class__.__name__, "processed")

    @property
    def class_to_idx(self) -> dict[str, int]:
        return {name: number for number, name in enumerate(self.classes)}

    def _check_exists(self) -> bool:
        return all(
            is_intact(os.path.join(self.raw_folder, os.path.splitext(name)[0])) for name, _ in self.resources
        )

    def download(self) -> None:
        """Fetch and decompress the files, unless they are there."""
        if self._check_exists():
            return
        os.makedirs(self.raw_folder, exist_ok=True)
        for filename, md5 in self.resources:
            failed = ""
            for mirror in self.mirrors:
                try:
                    download_and_extract_archive(
                        mirror + filename, self.raw_folder, filename=filename, md5=md5
                    )
                    break
                except (RuntimeError, URLError) as error:
                    failed += f"Tried {mirror}, got:\n{error}\n"
            else:
                raise RuntimeError(f"Error downloading {filename}:\n{failed}")

    def extra_repr(self) -> str:
        return split_of(self.train)


def _renamed(old: str, new: str) -> property:
    def get(self: MNIST) -> Any:
        warnings.warn(f"{old} has been renamed {new}", stacklevel=2)
        return getattr(self, new)

    return property(get)


for _old, _new in (
    ("train_labels", "targets"), ("test_labels", "targets"), ("train_data", "data"), ("test_data", "data"),
):  # fmt: skip
    setattr(MNIST, _old, _renamed(_old, _new))


class FashionMNIST(MNIST):
    """Fashion-MNIST: ten kinds of clothing."""

    mirrors: ClassVar[list[str]] = ["http://fashion-mnist.s3-website.eu-central-1.amazonaws.com/"]
    resources: ClassVar[list[tuple[str, str]]] = [
        ("train-images-idx3-ubyte.gz", "8d4fb7e6c68d591d4c3dfef9ec88bf0d"),
        ("train-labels-idx1-ubyte.gz", "25c81989df183df01b3e8a0aad5dffbe"),
        ("t10k-images-idx3-ubyte.gz", "bef4ecab320f06d8554ea6380940ec79"),
        ("t10k-labels-idx1-ubyte.gz", "bb300cfdad3c16e7a12a480ee83cd310"),
    ]
    classes: ClassVar[list[str]] = [
        "T-shirt/top",
        "Trouser",
        "Pullover",
        "Dress",
        "Coat",
        "Sandal",
        "Shirt",
        "Sneaker",
        "Bag",
        "Ankle boot",
    ]


class KMNIST(MNIST):
    """Kuzushiji-MNIST: ten Japanese characters as they were once written."""

    mirrors: ClassVar[list[str]] = ["http://codh.rois.ac.jp/kmnist/dataset/kmnist/"]
    resources: ClassVar[list[tuple[str, str]]] = [
        ("train-images-idx3-ubyte.gz", "bdb82020997e1d708af4cf47b453dcf7"),
        ("train-labels-idx1-ubyte.gz", "e144d726b3acfaa3e44228e80efcd344"),
        ("t10k-images-idx3-ubyte.gz", "5c965bf0a639b31b8f53240b1b52f4d7"),
        ("t10k-labels-idx1-ubyte.gz", "7320c461ea6c1c855c0b718fb2a4b134"),
    ]
    classes: ClassVar[list[str]] = ["o", "ki", "su", "tsu", "na", "ha", "ma", "ya", "re", "wo"]


def _read(path: str, dims: int) -> np.ndarray[Any, Any]:
    array = read_idx(path)
    if array.dtype != np.uint8:
        raise TypeError(f"x should be of dtype torch.uint8 instead of torch.{array.dtype}")
    if array.ndim != dims:
        raise ValueError(f"x should have {dims} dimension instead of {array.ndim}")
    return array


def read_label_file(path: str) -> Tensor:
    """The labels of an IDX file, int64."""
    return tensor_of(_read(path, 1).astype(np.int64))


def read_image_file(path: str) -> Tensor:
    """The pictures of an IDX file, uint8 (rows, height, width)."""
    return tensor_of(_read(path, 3))

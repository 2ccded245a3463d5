"""Pictures of noise, for programs that want a dataset and no files."""

from __future__ import annotations

from typing import Any

import numpy as np

from fnnet.data.raster import pillow
from fnnet.random import Generator
from fnnet.torchvision.datasets.vision import Change, VisionDataset
from fnnet.torchvision.transforms.computing import tensor_of


class FakeData(VisionDataset):
    """Normal noise as PIL images, and random labels; item i is drawn from the seed i + random_offset."""

    def __init__(
        self,
        size: int = 1000,
        image_size: tuple[int, int, int] = (3, 224, 224),
        num_classes: int = 10,
        transform: Change = None,
        target_transform: Change = None,
        random_offset: int = 0,
    ) -> None:
        super().__init__(transform=transform, target_transform=target_transform)
        self.size = size
        self.num_classes = num_classes
        self.image_size = image_size
        self.random_offset = random_offset

    def __getitem__(self, index: int) -> tuple[Any, Any]:
        if index >= len(self):
            raise IndexError(f"{self.__class__.__name__} index out of range")
        generator = Generator(int(index) + self.random_offset)
        noise = generator.normal(tuple(self.image_size), 0.0, 1.0)
        label = generator.random((1,), 0, self.num_classes)
        picture = pillow.from_array(np.moveaxis(noise, 0, -1))
        picture, target = self.changed(picture, tensor_of(np.array(label[0], np.int64)))
        return picture, target.item()

    def __len__(self) -> int:
        return self.size

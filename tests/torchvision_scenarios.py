"""What is asked of torchvision and of fnnet.torchvision alike: transforms, datasets, grids, refusals."""

from __future__ import annotations

import hashlib
import pickle
import struct
import tempfile
from pathlib import Path

import numpy as np

SEEDS = (0, 1)
EVERY = 7
"""Of floats, so many are passed over for each that is recorded."""


def define_operators():
    """Define the two operators for which torchvision registers fakes, where its compiled part is missing."""
    import torch

    library = torch.library.Library("torchvision", "DEF")
    for name in ("nms", "qnms"):
        library.define(f"{name}(Tensor a) -> Tensor")
    return library


def pixels():
    """A picture of some structure and some noise: uint8 (23, 31, 3)."""
    rng = np.random.RandomState(0)
    y, x = np.mgrid[:23, :31]
    smooth = np.stack([x * 7 % 256, y * 11 % 256, (x + y) * 5 % 256], -1)
    return np.clip(smooth + rng.randint(-20, 21, (23, 31, 3)), 0, 255).astype(np.uint8)


def chw(kind):
    """The same picture as tensors have it; "floats" count from 0 to 1."""
    array = np.ascontiguousarray(pixels().transpose(2, 0, 1))
    return array if kind == "bytes" else np.ascontiguousarray((array / 255).astype(np.float32))


def interpolated(torch, x, mode, antialias):
    """torch.nn.functional's own, which v2's Resize calls."""
    return torch.nn.functional.interpolate(x[None], (9, 50), mode=mode, antialias=antialias)[0]


BOTH = {
    "crop_flip": lambda T, t: T.Compose([T.RandomCrop(20, padding=4), T.RandomHorizontalFlip()]),
    "crop_needs_pad": lambda T, t: T.RandomCrop((40, 36), pad_if_needed=True, padding_mode="reflect"),
    "crop_too_large": lambda T, t: T.RandomCrop(60),
    "resize_short": lambda T, t: T.Resize(12),
    "resize_both": lambda T, t: T.Resize((15, 50)),
    "resize_most": lambda T, t: T.Resize(12, max_size=14, interpolation=T.InterpolationMode.BICUBIC),
    "resize_nearest": lambda T, t: T.Resize(40, T.InterpolationMode.NEAREST),
    "center_crop": lambda T, t: T.CenterCrop(14),
    "center_crop_larger": lambda T, t: T.CenterCrop((40, 10)),
    "pad_symmetric": lambda T, t: T.Pad((1, 2), 5, "symmetric"),
    "pad_colour": lambda T, t: T.Pad([1, 2, 3, 4], (1, 2, 3)),
    "vertical_flip": lambda T, t: T.RandomVerticalFlip(0.3),
    "perspective": lambda T, t: T.RandomPerspective(p=0.9),
    "perspective_fill": lambda T, t: T.RandomPerspective(
        0.3, 1.0, T.InterpolationMode.NEAREST, fill=(1, 2, 3)
    ),
    "resized_crop": lambda T, t: T.RandomResizedCrop(16),
    "resized_crop_fallback": lambda T, t: T.RandomResizedCrop((14, 6), scale=(0.9, 1), ratio=(3, 4)),
    "five_crop": lambda T, t: T.FiveCrop(10),
    "five_crop_too_large": lambda T, t: T.FiveCrop(50),
    "ten_crop": lambda T, t: T.TenCrop((10, 6), True),
    "rotation": lambda T, t: T.RandomRotation(30),
    "rotation_expand": lambda T, t: T.RandomRotation((10, 80), T.InterpolationMode.BILINEAR, True, fill=7),
    "rotation_center": lambda T, t: T.RandomRotation(90, center=(3, 4)),
    "affine": lambda T, t: T.RandomAffine(30, (0.1, 0.2), (0.8, 1.2), 10),
    "affine_shear": lambda T, t: T.RandomAffine(
        (0, 20),
        shear=(1, 2, 3, 40),
        interpolation=T.InterpolationMode.BILINEAR,
        fill=(3,),
        center=(1, 2),
    ),
    "jitter": lambda T, t: T.ColorJitter(0.4, 0.4, 0.4, 0.2),
    "jitter_range": lambda T, t: T.ColorJitter(brightness=(0.5, 0.6)),
    "grayscale": lambda T, t: T.Grayscale(3),
    "random_grayscale": lambda T, t: T.RandomGrayscale(0.5),
    "invert": lambda T, t: T.RandomInvert(),
    "posterize": lambda T, t: T.RandomPosterize(3),
    "solarize": lambda T, t: T.RandomSolarize(0.3),
    "sharpness": lambda T, t: T.RandomAdjustSharpness(2),
    "autocontrast": lambda T, t: T.RandomAutocontrast(),
    "equalize": lambda T, t: T.RandomEqualize(),
    "blur": lambda T, t: T.GaussianBlur((3, 7), (0.5, 1.5)),
    "apply": lambda T, t: T.RandomApply([T.RandomCrop(10), T.Pad(2)], 0.4),
    "choice": lambda T, t: T.RandomChoice([T.Pad(1), T.Pad(2), T.Grayscale()]),
    "choice_p": lambda T, t: T.RandomChoice([T.Pad(1), T.Pad(2)], p=[0.2, 0.8]),
    "order": lambda T, t: T.RandomOrder([T.RandomCrop(18), T.Pad(2)]),
    "elastic": lambda T, t: T.ElasticTransform(),
    "elastic_cubic": lambda T, t: T.ElasticTransform(
        90.0, [1.0, 2.0], T.InterpolationMode.BICUBIC, fill=(0.9, 0.5, 0.7)
    ),
    "resize_lanczos": lambda T, t: T.Resize((12, 40), T.InterpolationMode.LANCZOS),
    "resize_hamming": lambda T, t: T.Resize((12, 40), T.InterpolationMode.HAMMING),
    "rotation_none": lambda T, t: T.RandomRotation(0, expand=True),
    "grayscale_twice": lambda T, t: T.Compose([T.Grayscale(), T.Grayscale(3)]),
    "blur_too_wide": lambda T, t: T.GaussianBlur((3, 47)),
    "auto_augment": lambda T, t: T.AutoAugment(T.AutoAugmentPolicy.CIFAR10, fill=3),
    "rand_augment": lambda T, t: T.RandAugment(),
    "trivial_augment": lambda T, t: T.TrivialAugmentWide(),
    "augmix": lambda T, t: T.AugMix(),
}
"""Transforms of v1 and v2 alike, for PIL images, bytes and floats."""

OF_PICTURES = {
    "to_tensor": lambda T, t: T.Compose([T.ToTensor(), T.Normalize((0.5, 0.4, 0.3), (0.5, 0.2, 0.1))]),
    "pil_to_tensor": lambda T, t: T.PILToTensor(),
}
OF_TENSORS = {
    "erasing": lambda T, t: T.RandomErasing(0.8),
    "erasing_noise": lambda T, t: T.RandomErasing(1, value="random"),
    "erasing_colour": lambda T, t: T.RandomErasing(0.9, (0.5, 0.9), value=(1, 2, 3)),
    "convert_dtype": lambda T, t: T.ConvertImageDtype(t.float32),
    "normalize": lambda T, t: T.Normalize([0.5], [0.2]),
    "to_picture": lambda T, t: T.ToPILImage("HSV"),
    "booleans": lambda T, t: T.Compose([T.Lambda(lambda x: x % 2 > 0.5), T.Resize(9), T.RandomRotation(5)]),
    "words_16": lambda T, t: T.Compose([T.Lambda(lambda x: (x * 200).to(t.uint16)), T.Resize(9)]),
    "lanczos_plain": lambda T, t: T.Lambda(lambda x: interpolated(t, x, "lanczos", True)),
    "cubic_plain": lambda T, t: T.Lambda(lambda x: interpolated(t, x, "bicubic", False)),
    "alpha": lambda T, t: T.Compose(
        [T.Lambda(lambda x: t.cat([x, x[:1]])), T.ColorJitter(0.1), T.RandomPosterize(3)]
    ),
}
OF_V2 = {
    "to_image": lambda T, t: T.Compose(
        [T.ToImage(), T.ToDtype(t.float32, scale=True), T.Normalize((0.5, 0.4, 0.3), (0.5, 0.2, 0.1))]
    ),
    "zoom_out": lambda T, t: T.RandomZoomOut(),
    "photometric": lambda T, t: T.RandomPhotometricDistort(),
    "channels": lambda T, t: T.RandomChannelPermutation(),
    "rotate_quarter": lambda T, t: T.RandomRotation((90, 90)),
    "erasing_any": lambda T, t: T.RandomErasing(0.9, value="random"),
    "dtype_any": lambda T, t: T.ConvertImageDtype(t.float64),
    "halves": lambda T, t: T.Compose([T.ToImage(), T.ToDtype(t.float16, scale=True)]),
    "lanczos": lambda T, t: T.Resize((60, 10), T.InterpolationMode.LANCZOS),
    "lanczos_rough": lambda T, t: T.Resize(12, T.InterpolationMode.LANCZOS, antialias=False),
    "fit": lambda T, t: T.Resize(None, max_size=20),
    "random_size": lambda T, t: T.RandomResize(8, 30),
    "shortest_size": lambda T, t: T.RandomShortestSize([9, 14, 20], max_size=22),
    "scale_jitter": lambda T, t: T.ScaleJitter((20, 30)),
}


def transforms():
    """(name, edition, kinds of input, what makes the transform)."""
    for edition in ("v1", "v2"):
        for name, make in BOTH.items():
            yield f"{edition}/{name}", edition, ("pil", "bytes", "floats"), make
        for name, make in OF_TENSORS.items():
            yield f"{edition}/{name}", edition, ("bytes", "floats"), make
    for name, make in OF_PICTURES.items():
        yield f"v1/{name}", "v1", ("pil",), make
    for name, make in OF_V2.items():
        yield f"v2/{name}", "v2", ("pil", "bytes", "floats"), make


def input_of(kind, torch):
    if kind != "pil":
        return torch.from_numpy(chw(kind))
    from PIL import Image

    return Image.fromarray(pixels())


def tried(function):
    """What a call gives, or its error."""
    try:
        return function()
    except (RuntimeError, TypeError, ValueError, IndexError, OSError, AttributeError) as error:
        return error


def run_transforms(torch, torchvision, seed):
    """(name, outcomes) of every transform: its repr, what each seed gives, and the stream's next number."""
    from importlib import import_module

    base = torchvision.transforms.__name__
    editions = {"v1": torchvision.transforms, "v2": import_module(base + ".v2")}
    for name, edition, kinds, make in transforms():
        transform = make(editions[edition], torch)
        found = [repr(transform)]
        for kind in kinds:
            for number in SEEDS:
                seed(number)
                found.append(tried(lambda transform=transform, kind=kind: transform(input_of(kind, torch))))
                found.append(torch.rand(1).item())
        yield name, found


def write_files(root):
    """A small CIFAR-10, MNIST and folder of pictures."""
    from PIL import Image

    rng = np.random.RandomState(1)
    cifar = root / "cifar-10-batches-py"
    cifar.mkdir()
    for name in ("data_batch_1", "test_batch"):
        rows = {"data": rng.randint(0, 256, (3, 3072)).astype(np.uint8), "labels": [3, 1, 4]}
        (cifar / name).write_bytes(pickle.dumps(rows, 2))
    (cifar / "batches.meta").write_bytes(pickle.dumps({"label_names": list("abcdefghij")}, 2))
    raw = root / "MNIST" / "raw"
    raw.mkdir(parents=True)
    for part in ("train", "t10k"):
        body = rng.randint(0, 256, 3 * 28 * 28).astype(np.uint8).tobytes()
        (raw / f"{part}-images-idx3-ubyte").write_bytes(
            b"\0\0\x08\x03" + struct.pack(">III", 3, 28, 28) + body
        )
        (raw / f"{part}-labels-idx1-ubyte").write_bytes(
            b"\0\0\x08\x01" + struct.pack(">I", 3) + bytes([7, 0, 9])
        )
    for name in ("cat", "dog"):
        (root / "pictures" / name / "more").mkdir(parents=True)
        Image.fromarray(pixels()).save(root / "pictures" / name / "one.png")
        Image.fromarray(pixels()[::-1]).save(root / "pictures" / name / "more" / "two.bmp")


def run_datasets(torch, torchvision):
    """(name, outcomes) of every dataset: its repr with the root left out, its items, its labels."""
    D, T = torchvision.datasets, torchvision.transforms

    class Small(D.CIFAR10):
        train_list = (("data_batch_1", None),)
        test_list = (("test_batch", None),)
        meta = {"filename": "batches.meta", "key": "label_names", "md5": None}  # noqa: RUF012

    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        write_files(root)
        change = T.Compose([T.Resize(8), T.ToTensor()])
        made = {
            "cifar10": lambda: Small(folder, transform=change),
            "cifar10_plain": lambda: Small(folder, train=False, target_transform=T.Lambda(str)),
            "mnist": lambda: D.MNIST(folder, train=False, transform=T.ToTensor()),
            "folder": lambda: D.ImageFolder(str(root / "pictures"), transform=T.CenterCrop(9)),
            "fake": lambda: D.FakeData(3, (3, 6, 5), 4, random_offset=2),
            "no_cifar10": lambda: D.CIFAR10(str(root / "pictures")),
            "no_cifar100": lambda: D.CIFAR100(str(root / "pictures")),
            "no_mnist": lambda: D.KMNIST(folder),
            "no_classes": lambda: D.ImageFolder(str(root / "pictures" / "cat" / "more")),
            "two_transforms": lambda: D.VisionDataset(folder, transforms=change, transform=change),
        }
        for name, make in made.items():
            data = tried(make)
            if isinstance(data, Exception):
                yield f"dataset/{name}", [type(data)(str(data).replace(folder, "ROOT"))]
                continue
            found = [repr(data).replace(folder, "ROOT"), str(getattr(data, "class_to_idx", None))]
            for i in range(len(data)):
                found.extend(data[i])
            yield f"dataset/{name}", found


def run_grids(torch, torchvision):
    """(name, outcomes) of make_grid, save_image and draw_bounding_boxes."""
    utils = torchvision.utils
    batch = np.random.RandomState(2).randn(5, 3, 4, 6).astype(np.float32)
    for name, options in {
        "plain": {},
        "three": {"nrow": 3, "padding": 1, "pad_value": 0.5},
        "spread": {"normalize": True},
        "spread_each": {"normalize": True, "scale_each": True},
        "spread_range": {"normalize": True, "value_range": (-1, 1)},
    }.items():
        colours, grey = torch.from_numpy(batch.copy()), torch.from_numpy(batch[:, :1].copy())
        listed = [torch.from_numpy(one.copy()) for one in batch]
        yield f"grid/{name}", [utils.make_grid(x, **options) for x in (colours, grey, listed, colours[0])]
    whole = torch.from_numpy(np.arange(120, dtype=np.uint8).reshape(2, 3, 4, 5))
    wrong = [
        lambda: utils.make_grid(batch),
        lambda: utils.make_grid([batch]),
        lambda: utils.make_grid(whole, normalize=True, value_range=(0, 255)),
        lambda: utils.make_grid(whole, pad_value=300),
        lambda: utils.make_grid(whole, pad_value=-1),
        lambda: utils.make_grid(whole, normalize=1, value_range=[0, 1]),
        lambda: utils.save_image(whole, "not_written.png"),
    ]
    yield "grid/wrong", [tried(each) for each in wrong]
    with tempfile.TemporaryDirectory() as folder:
        from PIL import Image

        path = Path(folder) / "grid.png"
        utils.save_image(torch.from_numpy(batch), str(path), normalize=True)
        with Image.open(path) as image:
            yield "grid/saved", [np.array(image)]
    boxes = torch.from_numpy(np.array([[2, 3, 12, 20], [8, 5, 25, 15]], np.float32))
    picture = torch.from_numpy(chw("bytes"))
    yield (
        "grid/boxes",
        [
            utils.draw_bounding_boxes(picture, boxes),
            utils.draw_bounding_boxes(picture, boxes, colors=["red", (1, 2, 3)], width=2),
            utils.draw_bounding_boxes(picture, boxes, colors="blue", fill=True),
        ],
    )


def run_all(torch, torchvision, seed):
    """All scenarios: (name, outcomes)."""
    yield from run_transforms(torch, torchvision, seed)
    yield from run_datasets(torch, torchvision)
    yield from run_grids(torch, torchvision)


def described(found, name, arrays):
    """Outcomes as JSON: pictures of bytes by their checksum, floats as arrays of the .npz file."""
    said = []
    for one in found:
        if isinstance(one, tuple):
            said.append(described(list(one), f"{name}@{len(said)}", arrays))
        elif isinstance(one, Exception):
            said.append(["error", type(one).__name__, str(one)])
        elif isinstance(one, str | int | float):
            said.append(one)
        else:
            array = np.ascontiguousarray(np.asarray(one))
            if array.dtype.kind == "f":
                key = f"{name}@{len(said)}"
                arrays[key] = array.ravel()[::EVERY]
                said.append(["floats", str(array.dtype), list(array.shape), key])
            else:
                digest = hashlib.sha256(array.tobytes()).hexdigest()[:16]
                said.append(["whole", str(array.dtype), list(array.shape), digest])
    return said

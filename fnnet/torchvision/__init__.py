"""What programs use of torchvision, on fnnet.torch: datasets, transforms, models, pictures in and out."""

from importlib import import_module as _import_module
from typing import Any

__version__ = "0.28.0+fnnet"

_MODULES = frozenset(("datasets", "io", "models", "ops", "transforms", "tv_tensors", "utils"))
_image_backend = "PIL"


def set_image_backend(backend: str) -> None:
    """Choose the package that loads pictures; Pillow is the only one here.

    Raises ValueError for an unknown name, ModuleNotFoundError for accimage, which fnnet does not use.
    """
    if backend not in ("PIL", "accimage"):
        raise ValueError(f"Invalid backend '{backend}'. Options are 'PIL' and 'accimage'")
    if backend == "accimage":
        raise ModuleNotFoundError("set_image_backend: fnnet loads pictures with Pillow only", name="accimage")


def get_image_backend() -> str:
    """The name of the package that loads pictures."""
    return _image_backend


def set_video_backend(backend: str) -> None:
    """Accepted as torchvision accepts it; there are no videos here."""


def get_video_backend() -> str:
    """torchvision's name of its video backend."""
    return "pyav"


def disable_beta_transforms_warning() -> None:
    """Nothing to do, as in torchvision."""


def __getattr__(name: str) -> Any:
    """Submodules are imported when they are first named."""
    if name in _MODULES:
        try:
            return _import_module(f"{__name__}.{name}")
        except ModuleNotFoundError as error:
            if error.name != f"{__name__}.{name}":
                raise
    raise AttributeError(f"module 'torchvision' has no attribute '{name}' in fnnet")

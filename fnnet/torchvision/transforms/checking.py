"""The arguments of transforms, checked in torchvision's words."""

from __future__ import annotations

import numbers
import warnings
from collections.abc import Sequence
from typing import Any

TWO = "Please provide only two dimensions (h, w) for size."


def setup_size(size: Any, error_msg: str = TWO) -> Any:
    """(height, width) of one number or two."""
    if isinstance(size, numbers.Number):
        return int(size), int(size)  # type: ignore[call-overload]
    if isinstance(size, Sequence) and len(size) == 1:
        return size[0], size[0]
    if len(size) != 2:
        raise ValueError(error_msg)
    return size


def check_sequence(x: Any, name: str, sizes: tuple[int, ...]) -> None:
    """Raises TypeError for no sequence, ValueError for another length."""
    wanted = " or ".join(str(size) for size in sizes)
    if not isinstance(x, Sequence):
        raise TypeError(f"{name} should be a sequence of length {wanted}.")
    if len(x) not in sizes:
        raise ValueError(f"{name} should be a sequence of length {wanted}.")


def setup_angle(x: Any, name: str, sizes: tuple[int, ...] = (2,)) -> list[float]:
    """A range of angles: of one number, from its negative to it."""
    if isinstance(x, numbers.Number):
        if x < 0:  # type: ignore[operator]
            raise ValueError(f"If {name} is a single number, it must be positive.")
        return [float(-x), float(x)]  # type: ignore[arg-type, operator]
    check_sequence(x, name, sizes)
    return [float(one) for one in x]


def check_fill(fill: Any) -> Any:
    """The fill, 0 for None."""
    if fill is None:
        return 0
    if not isinstance(fill, Sequence | numbers.Number):
        raise TypeError("Fill should be either a sequence or a number.")
    return fill


def fill_of(fill: Any, channels: int) -> list[float]:
    """A fill for each channel of a tensor."""
    return [float(fill)] * channels if isinstance(fill, int | float) else [float(one) for one in fill]


def check_affine(translate: Any, scale: Any, center: Any) -> None:
    """The ranges of RandomAffine."""
    if translate is not None:
        check_sequence(translate, "translate", (2,))
        if not all(0.0 <= one <= 1.0 for one in translate):
            raise ValueError("translation values should be between 0 and 1")
    if scale is not None:
        check_sequence(scale, "scale", (2,))
        if any(one <= 0 for one in scale):
            raise ValueError("scale values should be positive")
    if center is not None:
        check_sequence(center, "center", (2,))


def check_ranges(scale: Any, ratio: Any) -> None:
    """Warns of ranges that end before they begin."""
    if scale[0] > scale[1] or ratio[0] > ratio[1]:
        warnings.warn("Scale and ratio should be of kind (min, max)", stacklevel=3)


def check_erasing(value: Any, scale: Any, ratio: Any) -> None:
    """The arguments of RandomErasing."""
    if not isinstance(value, numbers.Number | str | tuple | list):
        raise TypeError("Argument value should be either a number or str or a sequence")
    if isinstance(value, str) and value != "random":
        raise ValueError("If value is str, it should be 'random'")
    if not isinstance(scale, Sequence):
        raise TypeError("Scale should be a sequence")
    if not isinstance(ratio, Sequence):
        raise TypeError("Ratio should be a sequence")
    check_ranges(scale, ratio)
    if scale[0] < 0 or scale[1] > 1:
        raise ValueError("Scale should be between 0 and 1")


def check_erased(value: Any, channels: int, what: str) -> None:
    """Whether the values fit the picture."""
    if value is not None and len(value) not in (1, channels):
        raise ValueError(
            "If value is a sequence, it should have either a single value or "
            f"{channels} (number of {what} channels)"
        )


def check_kernel(sizes: Any) -> None:
    """The sizes of GaussianBlur."""
    if any(size <= 0 or size % 2 == 0 for size in sizes):
        raise ValueError("Kernel size value should be an odd and positive number.")

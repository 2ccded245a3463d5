"""The changes that automatic augmentation chooses among, and how strong they may be.

AutoAugment: Cubuk et al. 2018, tables 7 to 9 of the paper's appendix. RandAugment: Cubuk et al. 2019.
TrivialAugment: Mueller and Hutter 2021. AugMix: Hendrycks et al. 2019. The ranges are torchvision's.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from fnnet.data.raster.warping import spaced

_SHORT = {
    "SX": "ShearX", "SY": "ShearY", "TX": "TranslateX", "TY": "TranslateY", "Ro": "Rotate",
    "Br": "Brightness", "Co": "Color", "Ct": "Contrast", "Sh": "Sharpness", "Po": "Posterize",
    "So": "Solarize", "AC": "AutoContrast", "Eq": "Equalize", "In": "Invert",
}  # fmt: skip

# Two changes each: its name, the tenths of its probability, the level of its strength (- for none).
_TABLES = {
    "imagenet": (
        "Po4.8 Ro6.9|So6.5 AC6.-|Eq8.- Eq6.-|Po6.7 Po6.6|Eq4.- So2.4|Eq4.- Ro8.8|So6.3 Eq6.-|Po8.5 Eq10.-|"
        "Ro2.3 So6.8|Eq6.- Po4.6|Ro8.8 Co4.0|Ro4.9 Eq6.-|Eq0.- Eq8.-|In6.- Eq10.-|Co6.4 Ct10.8|"
        "Ro8.8 Co10.2|Co8.8 So8.7|Sh4.7 In6.-|SX6.5 Eq10.-|Co4.0 Eq6.-|Eq4.- So2.4|So6.5 AC6.-|In6.- Eq10.-|"
        "Co6.4 Ct10.8|Eq8.- Eq6.-"
    ),
    "cifar10": (
        "In1.- Ct2.6|Ro7.2 TX3.9|Sh8.1 Sh9.3|SY5.8 TY7.9|AC5.- Eq9.-|SY2.7 Po3.7|Co4.3 Br6.7|Sh3.9 Br7.9|"
        "Eq6.- Eq5.-|Ct6.7 Sh6.5|Co7.7 TX5.8|Eq3.- AC4.-|TY4.3 Sh2.6|Br9.6 Co2.8|So5.2 In0.-|Eq2.- AC6.-|"
        "Eq2.- Eq6.-|Co9.9 Eq6.-|AC8.- So2.8|Br1.3 Co7.0|So4.5 AC9.-|TY9.9 TY7.9|AC9.- So8.3|Eq8.- In1.-|"
        "TY7.9 AC9.-"
    ),
    "svhn": (
        "SX9.4 In2.-|SY9.8 In7.-|Eq6.- So6.6|In9.- Eq6.-|Eq6.- Ro9.3|SX9.4 AC8.-|SY9.8 In4.-|SY9.5 So2.6|"
        "In9.- AC8.-|Eq6.- Ro9.3|SX9.4 So3.3|SY8.8 In7.-|Eq9.- TY6.6|In9.- Eq6.-|Ct3.3 Ro8.4|In8.- TY0.2|"
        "SY7.6 So4.8|In6.- Ro8.4|SY3.7 TX9.3|SX1.6 In6.-|So7.2 TY6.7|SY8.4 In8.-|SX7.9 TY8.3|SY8.5 AC7.-|"
        "SX7.2 In1.-"
    ),
}

Change = tuple[str, float, int | None]


def policies(name: str) -> list[tuple[Change, Change]]:
    """AutoAugment's 25 pairs of changes for "imagenet", "cifar10" or "svhn": name, probability, level."""

    def change(text: str) -> Change:
        tenths, level = text[2:].split(".")
        return _SHORT[text[:2]], int(tenths) / 10, None if level == "-" else int(level)

    pairs = [pair.split() for pair in _TABLES[name].split("|")]
    return [(change(first), change(second)) for first, second in pairs]


class Strength(NamedTuple):
    """How strong a change is at each level (none: it has no strength), and whether its sign is drawn."""

    levels: np.ndarray | None
    signed: bool


def _steps(bins: int, most: int, parts: int, edition: int) -> np.ndarray:
    every = np.arange(bins).astype(np.float32) / np.float32((bins - 1) / parts)
    return (
        np.round(most - every).astype(np.int32) if edition == 2 else most - np.round(every).astype(np.int32)
    )


def space(
    name: str, bins: int, height: int, width: int, all_changes: bool = True, edition: int = 1
) -> dict[str, Strength]:
    """The changes of "auto", "rand", "trivial" or "augmix", in torchvision's order.

    In its v2 transforms, the threshold of Solarize is a share of full brightness.
    """
    wide = name == "trivial"
    shear, colour, turn = (0.99, 0.99, 135.0) if wide else (0.3, 0.9, 30.0)
    if name == "augmix":
        across, down = width / 3.0, height / 3.0
    else:
        across, down = (32.0, 32.0) if wide else (150.0 / 331.0 * width, 150.0 / 331.0 * height)

    def to(most: float, signed: bool = True, first: float = 0.0) -> Strength:
        return Strength(spaced(first, most, bins, np.float32), signed)

    none = Strength(None, False)
    moves = {
        "ShearX": to(shear), "ShearY": to(shear), "TranslateX": to(across), "TranslateY": to(down),
        "Rotate": to(turn),
    }  # fmt: skip
    colours = {one: to(colour) for one in ("Brightness", "Color", "Contrast", "Sharpness")}
    fewest = _steps(bins, 4 if name == "augmix" else 8, 6 if wide else 4, edition)
    levels = {
        "Posterize": Strength(fewest, False), "Solarize": to(0.0, False, 255.0 if edition == 1 else 1.0),
        "AutoContrast": none, "Equalize": none,
    }  # fmt: skip
    if name == "augmix":
        return {**moves, **levels, **(colours if all_changes else {})}
    if name == "auto":
        return {**moves, **colours, **levels, "Invert": none}
    return {"Identity": none, **moves, **colours, **levels}

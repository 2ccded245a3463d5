"""Networks and their published weights by name: builders, `get_model`, `list_models`, `get_weight`."""

from __future__ import annotations

import fnmatch
import os
import warnings
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from enum import Enum
from functools import partial
from inspect import Parameter, Signature
from types import ModuleType
from typing import Any

from fnnet.data.fetch import DownloadError, fetch
from fnnet.torch.nn import Module
from fnnet.torch.serialization import load
from fnnet.torchvision.models._files import hub_dir, load_state_dict_from_url

__all__ = [
    "Weights",
    "WeightsEnum",
    "get_model",
    "get_model_builder",
    "get_model_weights",
    "get_weight",
    "list_models",
]

CLASSES_OF_IMAGENET = 1000
BUILDERS: dict[str, Callable[..., Module]] = {}
"""The functions that build networks, by name."""


CLASSES_URL = "https://raw.githubusercontent.com/pytorch/hub/master/imagenet_classes.txt"


class Meta(dict[str, Any]):
    """What is known of weights; `categories` is read from a file that the user has, or that is downloaded."""

    def __missing__(self, key: str) -> Any:
        if key != "categories":
            raise KeyError(key)
        path = hub_dir() / "imagenet_classes.txt"
        try:
            fetch(CLASSES_URL, path, progress=False, largest=1 << 20)
        except DownloadError as error:
            raise KeyError(
                "categories: fnnet does not carry the 1000 names of ImageNet's classes; "
                f"put a file with one on each line, in order, at {path} ({error})"
            ) from None
        self[key] = path.read_text(encoding="utf-8").split("\n")[:CLASSES_OF_IMAGENET]
        return self[key]


@dataclass
class Weights:
    """Where weights are, what makes their pictures ready, and what is known of them."""

    url: str
    transforms: Callable[..., Any]
    meta: dict[str, Any]

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Weights):
            return NotImplemented
        return self.url == other.url and self.meta == other.meta and _parts(self) == _parts(other)


def _parts(weights: Weights) -> Any:
    made = weights.transforms  # two equal partials are not equal to Python
    return (made.func, made.args, made.keywords) if isinstance(made, partial) else made


class WeightsEnum(Enum):
    """The published weights of one network; the values are `Weights`."""

    @classmethod
    def verify(cls, obj: Any) -> Any:
        """The member that `obj` is or names. Raises KeyError or TypeError for what is none."""
        if isinstance(obj, str):
            return cls[obj.replace(cls.__name__ + ".", "")]
        if obj is not None and not isinstance(obj, cls):
            raise TypeError(
                f"Invalid Weight class provided; expected {cls.__name__} but received {type(obj).__name__}."
            )
        return obj

    def get_state_dict(self, *args: Any, **kwargs: Any) -> dict[str, Any]:
        """The weights from torch.hub's folder, or from the network (`load_state_dict_from_url`)."""
        return load_state_dict_from_url(self.url, *args, **kwargs)

    def __repr__(self) -> str:
        return f"{type(self).__name__}.{self.name}"

    @property
    def url(self) -> str:
        """Where the file is."""
        return self.value.url

    @property
    def transforms(self) -> Callable[..., Any]:
        """Makes what makes pictures ready."""
        return self.value.transforms

    @property
    def meta(self) -> dict[str, Any]:
        """What is known of the weights."""
        return self.value.meta


def _is_file(weights: Any, enumeration: type[WeightsEnum]) -> bool:
    if isinstance(weights, os.PathLike):
        return True
    if not isinstance(weights, str):
        return False
    name = weights.replace(enumeration.__name__ + ".", "")
    return name not in enumeration.__members__ and name != "legacy" and ("." in name or os.sep in name)


def _settle(kwargs: dict[str, Any], name: str, value: Any) -> None:
    if kwargs.setdefault(name, value) != value:
        raise ValueError(f"The parameter '{name}' expected value {value} but got {kwargs[name]} instead.")


_ABSENT = object()


def _modern(name: str, default: WeightsEnum | None, args: tuple[Any, ...], kwargs: dict[str, Any]) -> None:
    """Turn arguments as torchvision took them before 0.13 into present ones, with its warnings."""
    if len(args) > 2:
        raise TypeError(f"{name}() takes 0 positional arguments but {len(args)} were given")
    if args:
        placed = dict(zip(("weights", "progress"), args, strict=False))
        shown = " and ".join(f"'{key}'" for key in placed)
        warnings.warn(
            f"Using {shown} as positional parameter(s) is deprecated since 0.13 and may be removed in the "
            "future. Please use keyword parameter(s) instead.",
            stacklevel=3,
        )
        kwargs.update(placed)
    given = kwargs.get("weights", _ABSENT)
    absent = given is _ABSENT
    if (absent and "pretrained" not in kwargs) or given is None:
        return
    if isinstance(given, WeightsEnum | os.PathLike) or (isinstance(given, str) and given != "legacy"):
        return
    wanted = kwargs.pop("pretrained", None) if absent else kwargs.pop("weights")
    if wanted and default is None:
        raise ValueError(f"No weights available for model {name}")
    if absent:
        warnings.warn(
            "The parameter 'pretrained' is deprecated since 0.13 and may be removed in the future, "
            "please use 'weights' instead.",
            stacklevel=3,
        )
    kwargs["weights"] = default if wanted else None
    message = (
        "Arguments other than a weight enum or `None` for 'weights' are deprecated since 0.13 and may be "
        f"removed in the future. The current behavior is equivalent to passing `weights={kwargs['weights']}`."
    )
    if wanted:
        latest = f"{type(default).__name__}.DEFAULT"
        message += f" You can also use `weights={latest}` to get the most up-to-date weights."
    warnings.warn(message, stacklevel=3)


def builder(
    name: str,
    enumeration: type[WeightsEnum],
    make: Callable[..., Module],
    place: str,
    fixed: Mapping[str, Any] | None = None,
    trained: Mapping[str, Any] | None = None,
    image_size: bool = False,
    rename: Callable[[str], str] | None = None,
) -> Callable[..., Any]:
    """The function that torchvision has for a network, entered under its name.

    Args:
        name: of the function.
        enumeration: its weights.
        make: makes the network of the function's further arguments.
        place: the module that the function says it is from.
        fixed: arguments of `make` that belong to the name.
        trained: arguments of `make` where there are weights.
        image_size: whether the weights settle the size of pictures.
        rename: names in the published files to present ones.
    """
    legacy = enumeration.__members__.get("IMAGENET1K_V1")

    def build(*args: Any, **kwargs: Any) -> Any:
        _modern(name, legacy, args, kwargs)
        weights, progress = kwargs.pop("weights", None), kwargs.pop("progress", True)
        for key, value in (fixed or {}).items():
            _settle(kwargs, key, value)
        if weights is None:
            return make(**kwargs)
        if _is_file(weights, enumeration):
            state = load(weights)
        else:
            weights = enumeration.verify(weights)
            if weights.meta.get("categories", ()) is not None:
                _settle(kwargs, "num_classes", CLASSES_OF_IMAGENET)
            if image_size:
                _settle(kwargs, "image_size", weights.meta["min_size"][0])
            state = weights.get_state_dict(progress=progress, check_hash=True)
        model = make(**{**kwargs, **(trained or {})})
        model.load_state_dict(state if rename is None else {rename(n): v for n, v in state.items()})
        return model

    kinds = Parameter
    build.__name__ = build.__qualname__ = name
    build.__module__ = place
    build.__doc__ = (
        f"The network {name}. `weights`: None, a member of {enumeration.__name__} or its name, or the path "
        "of a file of weights; `progress`: whether a download shows how far it is; further arguments go to "
        "the network's class."
    )
    build.__signature__ = Signature(  # type: ignore[attr-defined]
        [
            kinds("weights", kinds.KEYWORD_ONLY, default=None, annotation=enumeration | None),
            kinds("progress", kinds.KEYWORD_ONLY, default=True, annotation=bool),
            kinds("kwargs", kinds.VAR_KEYWORD, annotation=Any),
        ]
    )
    build.weights = enumeration  # type: ignore[attr-defined]
    BUILDERS[name] = build
    return build


def _patterns(given: Iterable[str] | str | None) -> list[str]:
    return [given] if isinstance(given, str) else list(given or ())


def list_models(
    module: ModuleType | None = None,
    include: Iterable[str] | str | None = None,
    exclude: Iterable[str] | str | None = None,
) -> list[str]:
    """The names of the networks, sorted; filters are shell patterns."""
    names = {
        name
        for name, build in BUILDERS.items()
        if module is None or build.__module__.rpartition(".")[0] == module.__name__
    }
    wanted, unwanted = _patterns(include), _patterns(exclude)
    if wanted:
        names = {name for pattern in wanted for name in fnmatch.filter(names, pattern)}
    return sorted(names - {name for pattern in unwanted for name in fnmatch.filter(names, pattern)})


def get_model_builder(name: str) -> Callable[..., Module]:
    """The function that builds the network of a name. Raises ValueError for an unknown one."""
    try:
        return BUILDERS[name.lower()]
    except KeyError:
        raise ValueError(f"Unknown model {name.lower()}") from None


def get_model(name: str, **config: Any) -> Module:
    """The network of a name; further arguments go to the function that builds it."""
    return get_model_builder(name)(**config)


def get_model_weights(name: Callable[..., Module] | str) -> type[WeightsEnum]:
    """The enumeration of a network's weights, by the network's name or builder."""
    build = get_model_builder(name) if isinstance(name, str) else name
    found = getattr(build, "weights", None)
    if found is None:
        raise ValueError("The method is missing the 'weights' argument.")
    return found


def get_weight(name: str) -> WeightsEnum:
    """The weights of a full name, such as "ResNet50_Weights.IMAGENET1K_V1"."""
    kind, dot, member = name.partition(".")
    if not dot or "." in member:
        raise ValueError(f"Invalid weight name provided: '{name}'.")
    for build in BUILDERS.values():
        found = build.weights  # type: ignore[attr-defined]
        if found.__name__ == kind:
            return found[member]
    raise ValueError(f"The weight enum '{kind}' for the specific method couldn't be retrieved.")

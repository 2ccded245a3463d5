"""Where the examples and the recorded outputs are: in the source tree, or inside an installed wheel."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path
from types import ModuleType

_PACKAGE = Path(__file__).resolve().parent.parent


def _folder(in_wheel: str, in_tree: str) -> Path:
    places = (_PACKAGE / in_wheel, _PACKAGE.parent / in_tree)
    for place in places:
        if place.is_dir():
            return place
    raise FileNotFoundError(f"fnnet: no folder '{in_wheel}': looked for {places[0]} and {places[1]}")


def examples() -> Path:
    """The folder of the example programs."""
    return _folder("examples", "examples")


def reference(name: str) -> Path:
    """The path of a file of recorded reference outputs. Raises FileNotFoundError if there is none."""
    path = _folder("reference", "tests/reference") / name
    if not path.is_file():
        raise FileNotFoundError(f"reference: no recorded outputs '{name}' in {path.parent}")
    return path


def program(name: str) -> ModuleType:
    """The example `name` ("two_layer_net" for examples/two_layer_net.py), loaded once as a module.

    Raises:
        ValueError: for a name that is not an identifier.
        FileNotFoundError: if there is no such example.
    """
    if not name.isidentifier():
        raise ValueError(f"program: expected an example's name without '.py', got {name!r}")
    qualified = f"fnnet_examples_{name}"
    if qualified in sys.modules:
        return sys.modules[qualified]
    path = examples() / f"{name}.py"
    if not path.is_file():
        raise FileNotFoundError(f"program: no example '{name}' in {path.parent}")
    spec = importlib.util.spec_from_file_location(qualified, path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[qualified] = module
    try:
        spec.loader.exec_module(module)
    except BaseException:
        del sys.modules[qualified]
        raise
    return module

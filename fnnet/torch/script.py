"""Running PyTorch scripts unmodified: `import torch` finds `fnnet.torch`."""

from __future__ import annotations

import contextlib
import gc
import importlib
import importlib.abc
import importlib.machinery
import importlib.metadata
import importlib.util
import logging
import sys
import types
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

from fnnet.torch import presented

__all__ = ["install_aliases", "run"]

ALIASES = {"torch": "fnnet.torch", "torchvision": "fnnet.torchvision", "tensorflow": "fnnet.tensorflow"}


OWN = frozenset({"jax", "jaxlib", "numpy", "optax", "etils", "ml_dtypes"})
"""Packages that fnnet itself stands on. Some try to import tensorflow or torch: not a mirror of it."""


_ANY = importlib.metadata.DistributionFinder.Context()


class _AliasLoader(importlib.abc.Loader):
    """Gives the mirrored module itself, so that both names are one module with one state."""

    def __init__(self, mirrored: types.ModuleType) -> None:
        self._mirrored = mirrored
        self._spec = mirrored.__spec__

    def create_module(self, spec: importlib.machinery.ModuleSpec) -> types.ModuleType:
        return self._mirrored

    def exec_module(self, module: types.ModuleType) -> None:
        module.__spec__ = self._spec  # the import system has just put the alias's own there


class _Installed:
    """Unpickled, it installs the aliases: in a process that is started anew, before it imports the script."""

    def __reduce__(self) -> tuple[Callable[[], None], tuple[()]]:
        return install_aliases, ()


class _SpawnLoader(importlib.abc.Loader):
    """Loads `multiprocessing.spawn`, and has the processes that it starts install the aliases too."""

    def __init__(self, loader: importlib.abc.Loader) -> None:
        self._loader = loader

    def create_module(self, spec: importlib.machinery.ModuleSpec) -> types.ModuleType | None:
        return self._loader.create_module(spec)

    def exec_module(self, module: types.ModuleType) -> None:
        self._loader.exec_module(module)
        plain = module.get_preparation_data
        module.get_preparation_data = lambda name: {**plain(name), "aliases": _Installed()}  # type: ignore[attr-defined]


def _asked_by() -> tuple[str, bool]:
    """The package whose code is importing, and whether it only asks (`importlib.util.find_spec`)."""
    frame = sys._getframe(2)
    asks = False
    while frame.f_back is not None:
        name = str(frame.f_globals.get("__name__"))
        if not name.startswith(("importlib", "_frozen_importlib")):
            return name.partition(".")[0], asks
        asks = asks or name == "importlib.util"
        frame = frame.f_back
    return "", asks


@contextlib.contextmanager
def _uncollected() -> Iterator[None]:
    """Imports make many objects, which stay, and no garbage: looking for it takes 0.1 s of a start."""
    enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if enabled:
            gc.freeze()
            gc.enable()


class _Mirror(importlib.metadata.Distribution):
    """What `importlib.metadata` tells of a package that a mirror stands for: its name and its version."""

    def __init__(self, name: str) -> None:
        version = importlib.import_module(ALIASES[name]).__version__
        self._text = f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n"

    def read_text(self, filename: str) -> str | None:
        return self._text if filename == "METADATA" else None

    def locate_file(self, path: object) -> Path:
        return Path(__file__).parent / str(path)


class _AliasFinder(importlib.metadata.DistributionFinder):
    """Resolves `torch`, `torch.nn`, ... to `fnnet.torch`, `fnnet.torch.nn`, ..."""

    def find_distributions(
        self, context: importlib.metadata.DistributionFinder.Context = _ANY
    ) -> Iterator[importlib.metadata.Distribution]:
        """The mirrors as installed packages."""
        for name in ALIASES:
            if context.name in (None, name):
                yield _Mirror(name)

    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: types.ModuleType | None = None
    ) -> importlib.machinery.ModuleSpec | None:
        root, _, rest = fullname.partition(".")
        if fullname == "multiprocessing.spawn":
            found = importlib.machinery.PathFinder.find_spec(fullname, path)
            if found is not None and found.loader is not None:
                found.loader = _SpawnLoader(found.loader)
            return found
        if root not in ALIASES:
            return None
        package, asks = _asked_by()
        if package in OWN:
            if asks:
                return None
            raise ModuleNotFoundError(f"No module named '{fullname}'", name=fullname)
        mirror = ALIASES[root] + ("." + rest if rest else "")
        try:
            with _uncollected():
                mirrored = importlib.import_module(mirror)
        except ModuleNotFoundError as error:
            if error.name is not None and (mirror == error.name or mirror.startswith(error.name + ".")):
                made = presented.make(fullname)
                if made is not None:
                    mirrored = sys.modules[mirror] = made
                    return importlib.machinery.ModuleSpec(fullname, _AliasLoader(mirrored), is_package=True)
                if asks:
                    return None
                raise ModuleNotFoundError(f"fnnet has no module '{fullname}'", name=fullname) from None
            raise
        return importlib.machinery.ModuleSpec(fullname, _AliasLoader(mirrored), is_package=True)


def install_aliases() -> None:
    """Let `import torch`, `torchvision` and `tensorflow` find fnnet's mirrors in this process.

    Raises RuntimeError if the real package has been imported already.
    """
    for name, mirror in ALIASES.items():
        loaded = sys.modules.get(name)
        if loaded is not None and loaded is not sys.modules.get(mirror):
            raise RuntimeError(f"{name} is already imported from {getattr(loaded, '__file__', 'elsewhere')}")
    if not any(isinstance(finder, _AliasFinder) for finder in sys.meta_path):
        sys.meta_path.insert(0, _AliasFinder())
    presented.start()
    reports = logging.getLogger("jax")
    if reports.level == logging.NOTSET:  # a program that logs what is INFO means its own, not JAX's
        reports.setLevel(logging.WARNING)


def run(script: str, arguments: Sequence[str] = ()) -> int:
    """Run a Python script as `python script arguments` would, with the aliases installed.

    Returns:
        The exit status. A traceback starts at the script's own frame.
    """
    path = Path(script)
    if not path.is_file():
        print(f"fnnet run: no such file: {script}", file=sys.stderr)
        return 2
    install_aliases()
    source = path.read_bytes()
    module = types.ModuleType("__main__")
    module.__file__ = script
    module.__builtins__ = __builtins__  # type: ignore[attr-defined]
    before = sys.modules["__main__"], sys.argv, sys.path[0]
    sys.modules["__main__"] = module
    sys.argv = [script, *arguments]
    sys.path[0] = str(path.resolve().parent)
    try:
        exec(compile(source, script, "exec", dont_inherit=True), module.__dict__)
    except SystemExit as stop:
        if stop.code is None or isinstance(stop.code, int):
            return stop.code or 0
        print(stop.code, file=sys.stderr)
        return 1
    except BaseException as error:
        own = error.__traceback__  # this function's frame, which is not the script's
        error.__traceback__ = own.tb_next if own else None
        sys.excepthook(type(error), error, error.__traceback__)
        return 130 if isinstance(error, KeyboardInterrupt) else 1
    finally:
        sys.stdout.flush()
        sys.modules["__main__"], sys.argv, sys.path[0] = before
    return 0

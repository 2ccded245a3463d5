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
import os
import signal
import sys
import traceback
import types
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

from fnnet.torch import presented

__all__ = ["install_aliases", "run"]

ALIASES = {"torch": "fnnet.torch", "torchvision": "fnnet.torchvision", "tensorflow": "fnnet.tensorflow"}


OWN = frozenset({"jax", "jaxlib", "numpy", "optax", "etils", "ml_dtypes"})
"""Packages that fnnet itself stands on. Some try to import tensorflow or torch: not a mirror of it."""


_WITHOUT_TENSORFLOW = "tensorboard.compat.notf"
"""If this module is there, TensorBoard does without TensorFlow, of which it wants what the mirror lacks."""

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
        if fullname == _WITHOUT_TENSORFLOW:
            return importlib.machinery.ModuleSpec(fullname, _AliasLoader(types.ModuleType(fullname)))
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


def _compiled(source: bytes, name: str) -> types.CodeType:
    """The program's code. Raises SyntaxError as Python does for a file."""
    try:
        return compile(source, name, "exec", dont_inherit=True)
    except SyntaxError as error:
        if not error.msg.startswith("(unicode error) 'utf-8'"):
            raise
        for number, line in enumerate(source.split(b"\n"), 1):
            try:
                line.decode()
            except UnicodeDecodeError as bad:
                raise SyntaxError(
                    f"Non-UTF-8 code starting with '\\x{line[bad.start]:02x}' in file {name} on line "
                    f"{number}, but no encoding declared; see https://peps.python.org/pep-0263/ for details"
                ) from None
        raise


def _show(error: BaseException) -> None:
    """Print an uncaught error as the interpreter does, from the program's own frame on."""
    while error.__traceback__ and error.__traceback__.tb_frame.f_code.co_filename == __file__:
        error.__traceback__ = error.__traceback__.tb_next
    try:
        sys.excepthook(type(error), error, error.__traceback__)
    except Exception as failed:
        inner = failed.__traceback__
        failed.__context__ = None
        print("Error in sys.excepthook:", file=sys.stderr)
        traceback.print_exception(failed.with_traceback(inner.tb_next if inner else None))
        print("\nOriginal exception was:", file=sys.stderr)
        traceback.print_exception(error)


def _program(script: str, module: bool) -> tuple[types.ModuleType, str, str]:
    """The module that is to be `__main__`, without its code, and what sys.argv and sys.path begin with.

    Raises FileNotFoundError or ModuleNotFoundError, with Python's words.
    """
    main = types.ModuleType("__main__")
    main.__dict__.update(__builtins__=__builtins__, __annotations__={}, __cached__=None)
    if module:
        spec = importlib.util.find_spec(script)
        if spec is not None and spec.submodule_search_locations is not None:
            script += ".__main__"
            spec = importlib.util.find_spec(script)
        if spec is None or spec.origin is None or spec.loader is None:
            raise ModuleNotFoundError(f"No module named {script}")
        main.__spec__, main.__package__, main.__file__ = spec, spec.parent, spec.origin
        main.__dict__.update(__loader__=spec.loader, __cached__=spec.cached)
        return main, spec.origin, os.getcwd()
    if script == "-":
        return main, "-", ""
    path = Path(script)
    folder: str | Path = path.resolve().parent
    main.__file__ = os.path.abspath(script)
    if path.is_dir():
        folder, main.__file__ = script, str(path / "__main__.py")
        if not Path(main.__file__).is_file():
            raise FileNotFoundError(f"can't find '__main__' module in '{script}'")
    elif not path.is_file():
        raise FileNotFoundError(f"no such file: {script}")
    main.__loader__ = importlib.machinery.SourceFileLoader("__main__", main.__file__)
    return main, script, str(folder)


def run(script: str, arguments: Sequence[str] = (), module: bool = False) -> int:
    """Run a Python program as `python script arguments` would, with the aliases installed.

    Args:
        script: a file, a folder with a `__main__.py`, or "-" for what standard input holds.
        arguments: the program's `sys.argv` after its own name.
        module: whether `script` is a module's name, as after `python -m`.

    Returns:
        The exit status; -2 if the program was interrupted. A traceback starts at the program's own frame.
    """
    before = sys.modules["__main__"], sys.argv, sys.path[0]
    if module:  # looking for one may import what lies around it
        install_aliases()
        sys.path[0] = os.getcwd()
    try:
        main, first, sys.path[0] = _program(script, module)
        sys.argv = [first, *arguments]
    except (FileNotFoundError, ModuleNotFoundError) as error:
        print(f"fnnet run: {error}", file=sys.stderr)
        return 1 if module else 2
    install_aliases()
    sys.modules["__main__"] = main
    try:
        if main.__spec__ is not None:
            code = main.__spec__.loader.get_code(main.__spec__.name)  # type: ignore[union-attr]
        elif script == "-":
            code = _compiled(sys.stdin.buffer.read(), "<stdin>")
        else:
            assert main.__file__ is not None
            code = _compiled(Path(main.__file__).read_bytes(), main.__file__)
        exec(code, main.__dict__)
    except SystemExit as stop:
        if stop.code is None or isinstance(stop.code, int):
            return (stop.code or 0) & 255
        print(stop.code, file=sys.stderr)
        return 1
    except BaseException as error:
        _show(error)
        return -signal.SIGINT if isinstance(error, KeyboardInterrupt) else 1
    finally:
        if not sys.stdout.closed:
            sys.stdout.flush()
        sys.modules["__main__"], sys.argv, sys.path[0] = before
    return 0

"""The recorded checkpoints, and zip archives made anew from their parts."""

import functools
import io
import json
import pathlib
import zipfile

import numpy as np

FOLDER = pathlib.Path(__file__).parent / "reference" / "checkpoints"
FILES = sorted(path.name for path in FOLDER.glob("*.pt"))


@functools.cache
def expected():
    """The values of all tensors by "name/path", and their dtypes."""
    arrays = np.load(FOLDER / "expected.npz")
    return {key.replace("|", "/"): arrays[key] for key in arrays.files}, json.loads(
        (FOLDER / "expected.json").read_text()
    )


def parts(name):
    """The entries of a recorded zip file, in order."""
    with zipfile.ZipFile(FOLDER / name) as archive:
        return {info.filename: archive.read(info) for info in archive.infolist()}


def zipped(entries, method=zipfile.ZIP_STORED):
    """A zip archive of these entries."""
    held = io.BytesIO()
    with zipfile.ZipFile(held, "w", method) as archive:
        for name, content in entries.items():
            archive.writestr(zipfile.ZipInfo(name), content, method)
    return held.getvalue()


def arrays_of(value, path="", kind=np.ndarray):
    """The arrays (or what else is of that kind) in a value, by the path to them."""
    if isinstance(value, kind):
        yield path, value
    elif isinstance(value, dict):
        for key, item in value.items():
            yield from arrays_of(item, f"{path}/{key}", kind)
    elif isinstance(value, list | tuple):
        for i, item in enumerate(value):
            yield from arrays_of(item, f"{path}/{i}", kind)

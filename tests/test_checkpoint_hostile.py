"""Hostile and damaged files: refused in one line, quickly, in little memory, and nothing is executed."""

import os
import pathlib
import random
import sys
import time
import tracemalloc

import numpy as np
import pt_files
import pytest

from fnnet import checkpoint
from fnnet.checkpoint import RefusedFileError

HOSTILE = pathlib.Path(__file__).parent / "hostile"
FILES = sorted(path.name for path in (HOSTILE / "files").iterdir())
EVENTS: list[str] = []
WATCHING = [False]


def watch(event, arguments):
    if WATCHING[0] and event.split(".")[0] in ("os", "subprocess", "exec", "import", "socket", "ctypes"):
        EVENTS.append(event)


sys.addaudithook(watch)
for warm in ("mlp.pt", "mlp.legacy.pt"):  # what reading itself imports
    checkpoint.load(pt_files.FOLDER / warm)


def refused(path):
    """Whether the file is refused; it fails the test if anything else than reading happens."""
    EVENTS.clear()
    tracemalloc.start()
    began = time.process_time()
    WATCHING[0] = True
    message = str(path)
    try:
        value = checkpoint.load(path)
    except RefusedFileError as error:
        message, value = str(error), None
    finally:
        WATCHING[0] = False
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
    assert message.startswith(str(path))
    assert "\n" not in message
    assert not EVENTS
    assert time.process_time() - began < 5
    assert peak < 40_000_000
    if value is not None:  # what is taken can be walked and used
        for _, array in pt_files.arrays_of(value):
            assert array.nbytes <= 1 << 30
    return value is None


@pytest.mark.parametrize("name", FILES)
def test_every_hostile_file_is_refused(name, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert refused(HOSTILE / "files" / name)
    assert not os.listdir(tmp_path)


def test_the_files_are_the_programs(monkeypatch):
    monkeypatch.syspath_prepend(str(HOSTILE))
    import make_hostile

    assert sorted(make_hostile.hostile()) == FILES


def test_the_watch_sees_what_unpickling_would_do(tmp_path, monkeypatch):
    import pickle
    import zipfile

    monkeypatch.chdir(tmp_path)
    with zipfile.ZipFile(HOSTILE / "files" / "code_global_reduce.pt") as archive:
        stream = archive.read("a/data.pkl")
    EVENTS.clear()
    WATCHING[0] = True
    try:
        pickle.loads(stream)
    finally:
        WATCHING[0] = False
    assert "os.system" in EVENTS
    assert os.listdir(tmp_path) == ["hacked"]


@pytest.mark.parametrize("file", ["mlp.pt", "nested.pt", "views.legacy.pt", "trained.legacy.pt", "dtypes.pt"])
def test_damaged_files_are_refused_or_read(file, tmp_path):
    good = (pt_files.FOLDER / file).read_bytes()
    draw = random.Random(file)
    path = tmp_path / "damaged.pt"
    outcomes = set()
    for _ in range(60):
        content = bytearray(good)
        kind = draw.randrange(4)
        for _ in range(draw.randint(1, 4)):
            at = draw.randrange(len(content))
            if kind == 0:
                content[at] = draw.randrange(256)
            elif kind == 1:
                content[at] ^= 1 << draw.randrange(8)
            elif kind == 2:
                del content[at : at + draw.randint(1, 64)]
            else:
                content[at:at] = content[at : at + draw.randint(1, 64)]
        path.write_bytes(content)
        outcomes.add(refused(path))
    assert True in outcomes


def test_damaged_pickles_in_whole_archives(tmp_path):
    draw = random.Random(0)
    path = tmp_path / "damaged.pt"
    for file in ("nested.pt", "trained.pt", "new_dtypes.pt"):
        entries = pt_files.parts(file)
        name = next(name for name in entries if name.endswith("data.pkl"))
        for _ in range(60):
            stream = bytearray(entries[name])
            for _ in range(draw.randint(1, 3)):
                stream[draw.randrange(len(stream))] = draw.choice(
                    b"().0123RbQcq]}ehtuasNKJMX\x85\x88\xff\x00\x8a"
                )
            path.write_bytes(pt_files.zipped({**entries, name: bytes(stream)}))
            refused(path)


def test_good_files_are_read_without_a_copy(tmp_path):
    path = tmp_path / "large.pt"
    checkpoint.save_pt(path, {"w": np.zeros(20_000_000, np.float32)})
    tracemalloc.start()
    value = checkpoint.load(path)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert value["w"].nbytes == 80_000_000
    assert peak < 2_000_000

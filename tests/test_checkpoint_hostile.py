"""Hostile and damaged files: refused in one line, quickly, in little memory, and nothing is executed."""

import copy
import json
import os
import pathlib
import random
import subprocess
import sys
import time
import tracemalloc

import jax
import numpy as np
import pt_files
import pytest

from fnnet import checkpoint
from fnnet.checkpoint import RefusedFileError, safetensors
from fnnet.parity import Record, files

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
Record.load(files.reference("unusual.safetensors"))
jax.random.wrap_key_data(jax.random.key_data(jax.random.key(0)))


def refused(path, read=checkpoint.load):
    """Whether the file is refused; it fails the test if anything else than reading happens."""
    EVENTS.clear()
    tracemalloc.start()
    began = time.process_time()
    WATCHING[0] = True
    message = str(path)
    try:
        value = read(path)
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


def damaged(good, draw):
    """The bytes with one to four places overwritten, turned, cut out or doubled."""
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
    return content


@pytest.mark.parametrize(
    "file", ["mlp.pt", "nested.pt", "views.legacy.pt", "trained.legacy.pt", "lstm.legacy.pt", "dtypes.pt"]
)
def test_damaged_files_are_refused_or_read(file, tmp_path):
    good = (pt_files.FOLDER / file).read_bytes()
    draw = random.Random(file)
    path = tmp_path / "damaged.pt"
    outcomes = set()
    for _ in range(60):
        path.write_bytes(damaged(good, draw))
        outcomes.add(refused(path))
    assert True in outcomes


def trees(path):
    """A safetensors file of `checkpoint.save`, with plain values and keys in it."""
    values = {f"layer{i}": {"weight": np.ones((2, 3), np.float32), "step": np.int64(i)} for i in range(3)}
    checkpoint.save(path, {**values, "rate": float("inf"), "name": "run", "key": jax.random.key(0)})
    return path.read_bytes()


@pytest.mark.parametrize("kind", ["tree", "record"])
def test_damaged_safetensors_are_refused_or_read(kind, tmp_path):
    path = tmp_path / "good"
    good = trees(path) if kind == "tree" else files.reference("unusual.safetensors").read_bytes()
    read = checkpoint.load if kind == "tree" else Record.load
    (tmp_path / "whole").write_bytes(good)
    assert not refused(tmp_path / "whole", read)
    header = 8 + int.from_bytes(good[:8], "little")
    draw, outcomes = random.Random(kind), []
    for i in range(120):
        part, rest = (good[:header], good[header:]) if i % 4 else (good, b"")
        path.write_bytes(damaged(part, draw) + rest)
        outcomes.append(refused(path, read))
    assert outcomes.count(True) > 60


WRONG = [
    None,
    True,
    -1,
    1 << 70,
    1.5,
    "",
    "x" * 50,
    "call//0/output/0",
    [],
    [[]],
    {},
    {"array": "none"},
    {"list": 3},
]


def test_records_with_another_structure_are_refused_or_read(tmp_path):
    arrays, strings = safetensors.read(files.reference("unusual.safetensors"))
    about = json.loads(strings["fnnet.record"])
    draw, path, outcomes = random.Random(0), tmp_path / "record", []
    for _ in range(80):
        wrong = copy.deepcopy(about)
        place = wrong
        while True:  # down to a random place
            key = draw.choice(list(place) if isinstance(place, dict) else range(len(place)))
            inner = place[key]
            if not inner or not isinstance(inner, dict | list) or draw.random() < 0.25:
                break
            place = inner
        place[key] = copy.deepcopy(draw.choice(WRONG))
        safetensors.write(path, arrays, {"fnnet.record": json.dumps(wrong)})
        outcomes.append(refused(path, Record.load))
    assert 20 < outcomes.count(True) < 80
    deep = {**about, "calls": [{**about["calls"][0], "output": None}]}
    text = json.dumps(deep).replace("null", '{"list":[' * 5000 + "]}" * 5000)
    safetensors.write(path, arrays, {"fnnet.record": text})
    assert refused(path, Record.load)


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


MEASURE = """
import resource, sys
import numpy as np
from fnnet import checkpoint
path = sys.argv[1]

def resident():
    with open("/proc/self/statm") as file:
        return int(file.read().split()[1]) * resource.getpagesize()

before = resident()
value = checkpoint.load(path)
opened = resident() - before
total = float(sum(np.asarray(value[name]).sum(dtype=np.float64) for name in value))
print(opened, resident() - before, total)
"""


@pytest.mark.slow
@pytest.mark.skipif(not os.path.exists("/proc/self/statm"), reason="reads /proc")
@pytest.mark.parametrize("name", ["large.pt", "large.safetensors"])
def test_a_large_file_takes_no_more_memory_than_its_size(name, tmp_path):
    path = tmp_path / name
    value = {f"w{i}": np.full(2_500_000, i, np.float32) for i in range(4)}
    (checkpoint.save_pt if name.endswith(".pt") else checkpoint.save)(path, value)
    size = path.stat().st_size
    done = subprocess.run(
        [sys.executable, "-c", MEASURE, str(path)], capture_output=True, check=True, timeout=60
    )
    opened, used, total = map(float, done.stdout.split())
    assert total == 2_500_000 * 6
    assert opened < 5_000_000  # of 40 million
    assert used < 1.2 * size  # every page of the file has been read


def test_checksums_of_tensors_are_compared_if_asked(tmp_path):
    path = tmp_path / "a.pt"
    checkpoint.save_pt(path, {"w": np.arange(1000.0)})
    content = bytearray(path.read_bytes())
    place = content.index(np.float64(500).tobytes())
    content[place + 6] ^= 1
    path.write_bytes(content)
    assert checkpoint.load(path)["w"][500] != 500
    with pytest.raises(RefusedFileError, match="checksum"):
        checkpoint.load(path, verify=True)
    for file in ("mlp.pt", "mlp.legacy.pt"):
        assert checkpoint.load(pt_files.FOLDER / file, verify=True)

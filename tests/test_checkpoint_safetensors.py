"""Pytrees in safetensors files: round trips, other readers, hostile files, writing that survives a kill."""

import json
import os
import signal
import subprocess
import sys
import textwrap
import time

import jax
import jax.numpy as jnp
import ml_dtypes
import numpy as np
import optax
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fnnet import checkpoint
from fnnet.checkpoint import safetensors

ARRAYS = {
    "a": np.arange(6, dtype=np.float32).reshape(2, 3),
    "b.c": np.array([True, False]),
    "b.d": np.array(3, dtype=np.int64),
    "empty": np.zeros((0, 4), np.float16),
    "half": np.array([1.5, -2], ml_dtypes.bfloat16),
    "eight": np.array([0.5], ml_dtypes.float8_e4m3fn),
    "double": np.array([np.nan, np.inf]),
    "wide": np.array([2**63], np.uint64),
}


def pack(header, data=b"", pad=True):
    """A file of this header (an object, or the text itself)."""
    text = header if isinstance(header, bytes) else json.dumps(header).encode()
    if pad:
        text += b" " * (-len(text) % 8)
    return len(text).to_bytes(8, "little") + text + data


def entry(dtype="F32", shape=(1,), offsets=(0, 4), **more):
    return {"dtype": dtype, "shape": list(shape), "data_offsets": list(offsets), **more}


def test_arrays_come_back_as_they_were(tmp_path):
    path = tmp_path / "x.safetensors"
    safetensors.write(path, ARRAYS, {"note": "é"})
    arrays, metadata = safetensors.read(path)
    assert metadata == {"note": "é"}
    assert set(arrays) == set(ARRAYS)
    for name, array in ARRAYS.items():
        assert arrays[name].dtype == array.dtype
        assert arrays[name].shape == array.shape
        assert arrays[name].tobytes() == array.tobytes()
        assert not arrays[name].flags.writeable
    safetensors.write(path, {}, {})
    assert safetensors.read(path) == ({}, {})


def test_every_dtype_of_the_format(tmp_path):
    path = tmp_path / "x.safetensors"
    arrays = {name: np.ones((2, 2)).astype(dtype) for name, dtype in safetensors.DTYPES.items()}
    safetensors.write(path, arrays)
    back, _ = safetensors.read(path)
    for name, array in arrays.items():
        assert back[name].dtype == array.dtype
        np.testing.assert_array_equal(back[name], array)


def test_the_library_reads_what_we_write_and_we_what_it_writes(tmp_path):
    library = pytest.importorskip("safetensors.numpy")
    path = tmp_path / "x.safetensors"
    plain = {name: array for name, array in ARRAYS.items() if array.dtype.kind in "fiub" and name != "eight"}
    plain = {name: array for name, array in plain.items() if array.dtype != ml_dtypes.bfloat16}
    safetensors.write(path, plain)
    theirs = library.load_file(path)
    assert set(theirs) == set(plain)
    for name, array in plain.items():
        np.testing.assert_array_equal(theirs[name], array)
    library.save_file(plain, path, {"format": "np"})
    ours, metadata = safetensors.read(path)
    assert metadata == {"format": "np"}
    for name, array in plain.items():
        np.testing.assert_array_equal(ours[name], array)


@pytest.mark.torch
def test_pytorch_reads_bfloat16_of_ours(tmp_path):
    torch = pytest.importorskip("torch")
    library = pytest.importorskip("safetensors.torch")
    path = tmp_path / "x.safetensors"
    safetensors.write(path, {"half": ARRAYS["half"]})
    assert library.load_file(path)["half"].tolist() == [1.5, -2.0]
    library.save_file({"x": torch.tensor([0.25], dtype=torch.bfloat16)}, path)
    assert safetensors.read(path)[0]["x"].astype(np.float32).tolist() == [0.25]


HOSTILE = {
    "empty file": b"",
    "seven bytes": b"\0" * 7,
    "no header": b"\0" * 8,
    "header longer than the file": (100).to_bytes(8, "little") + b"{}",
    "header over the limit": (100_000_001).to_bytes(8, "little") + b"{}",
    "header of 2**64 - 1": b"\xff" * 8 + b"{}",
    "not an object": pack(b"[]"),
    "space before the brace": pack(b" {}"),
    "not JSON": pack(b"{'a': 1}"),
    "not UTF-8": pack(b'{"\xff": 1}'),
    "text after the object": pack(b"{} {}"),
    "nested too deep": pack(b'{"a":' + b"[" * 100_000),
    "key twice": pack(b'{"a":%s,"a":%s}' % ((json.dumps(entry()).encode(),) * 2), b"\0" * 4),
    "inner key twice": pack(
        b'{"a":{"dtype":"F32","dtype":"F32","shape":[1],"data_offsets":[0,4]}}', b"\0" * 4
    ),
    "entry is a list": pack({"a": []}),
    "entry lacks a key": pack({"a": {"dtype": "F32", "shape": [1]}}, b"\0" * 4),
    "entry has another key": pack({"a": entry(more=1)}, b"\0" * 4),
    "unknown dtype": pack({"a": entry("F31")}, b"\0" * 4),
    "dtype is a list": pack({"a": entry(["F32"])}, b"\0" * 4),
    "negative size": pack({"a": entry(shape=(-1,), offsets=(0, 0))}),
    "two negative sizes": pack({"a": entry(shape=(-1, -1))}, b"\0" * 4),
    "size is a bool": pack({"a": entry(shape=(True,))}, b"\0" * 4),
    "size is a float": pack(b'{"a":{"dtype":"F32","shape":[1.0],"data_offsets":[0,4]}}', b"\0" * 4),
    "size is NaN": pack(b'{"a":{"dtype":"F32","shape":[NaN],"data_offsets":[0,4]}}', b"\0" * 4),
    "size of 5000 digits": pack(b'{"a":{"dtype":"F32","shape":[%s],"data_offsets":[0,4]}}' % (b"9" * 5000)),
    "product overflows 64 bits": pack({"a": entry(shape=(2**32, 2**32), offsets=(0, 0))}),
    "too many dimensions": pack({"a": entry(shape=(1,) * 65)}, b"\0" * 4),
    "larger than its bytes": pack({"a": entry(shape=(2,))}, b"\0" * 4),
    "smaller than its bytes": pack({"a": entry("U8")}, b"\0" * 4),
    "offsets backwards": pack({"a": entry(offsets=(4, 0))}, b"\0" * 4),
    "three offsets": pack({"a": entry(offsets=(0, 2, 4))}, b"\0" * 4),
    "bytes beyond the end": pack({"a": entry(offsets=(0, 4))}, b"\0" * 3),
    "bytes left over": pack({"a": entry()}, b"\0" * 5),
    "bytes without an entry": pack({}, b"\0"),
    "a hole at the start": pack({"a": entry(offsets=(4, 8))}, b"\0" * 8),
    "a hole between": pack({"a": entry(), "b": entry(offsets=(8, 12))}, b"\0" * 12),
    "an overlap": pack({"a": entry(), "b": entry(offsets=(2, 6))}, b"\0" * 6),
    "the same bytes twice": pack({"a": entry(), "b": entry()}, b"\0" * 4),
    "metadata is a list": pack({"__metadata__": []}),
    "metadata is not strings": pack({"__metadata__": {"a": 1}}),
    "a BOOL of 2": pack({"a": entry("BOOL", (1,), (0, 1))}, b"\2"),
}


@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_files_are_refused_in_one_line(name, tmp_path):
    path = tmp_path / "hostile.safetensors"
    path.write_bytes(HOSTILE[name])
    with pytest.raises(checkpoint.RefusedFileError) as caught:
        safetensors.read(path)
    assert str(path) in str(caught.value)
    assert "\n" not in str(caught.value)
    assert len(str(caught.value)) < 600


HOSTILE_TREES = {
    "scalars are not JSON": {"fnnet.scalars": "{"},
    "scalars are a list": {"fnnet.scalars": "[]"},
    "scalars nested too deep": {"fnnet.scalars": "[" * 100_000},
    "a scalar is a list": {"fnnet.scalars": '{"s": [1]}'},
    "a scalar is another object": {"fnnet.scalars": '{"s": {"float": "1"}}'},
    "a scalar is an array too": {"fnnet.scalars": '{"a": 1}'},
    "a key without data": {"fnnet.keys": '{"k": "threefry2x32"}'},
    "a key of floats": {"fnnet.keys": '{"a": "threefry2x32"}'},
    "a key of another kind": {"fnnet.keys": '{"a": "os.system"}'},
}


@pytest.mark.parametrize("name", HOSTILE_TREES)
def test_hostile_trees_are_refused(name, tmp_path):
    path = tmp_path / "hostile.safetensors"
    safetensors.write(path, {"a": np.zeros(2, np.float32)}, HOSTILE_TREES[name])
    with pytest.raises(checkpoint.RefusedFileError):
        checkpoint.load(path)


@settings(max_examples=200, deadline=None, derandomize=True)
@given(st.data())
def test_a_mutated_file_is_read_or_refused(tmp_path_factory, data):
    path = tmp_path_factory.getbasetemp() / "mutated.safetensors"
    safetensors.write(path, ARRAYS, {"note": "x"})
    good = bytearray(path.read_bytes())
    for _ in range(data.draw(st.integers(1, 4))):
        where = data.draw(st.integers(0, len(good) - 1))
        kind = data.draw(st.sampled_from(["set", "cut", "insert"]))
        if kind == "set":
            good[where] = data.draw(st.integers(0, 255))
        elif kind == "cut":
            del good[where : where + data.draw(st.integers(1, 20))]
        else:
            good[where:where] = data.draw(st.binary(min_size=1, max_size=10))
        if not good:
            break
    path.unlink()
    path.write_bytes(bytes(good))
    try:
        arrays, _ = safetensors.read(path)
    except checkpoint.RefusedFileError:
        return
    assert sum(array.nbytes for array in arrays.values()) <= len(good)


def test_a_tree_with_an_optimizers_state_comes_back_into_its_template(tmp_path):
    path = tmp_path / "x.safetensors"
    params = {"linear": {"weight": jnp.ones((2, 3)), "bias": jnp.zeros(2, jnp.bfloat16)}}
    optimizer = optax.chain(optax.clip(1.0), optax.adam(1e-3))
    tree = {
        "params": params,
        "opt": optimizer.init(params),
        "key": jax.random.key(3),
        "step": 7,
        "rate": float("inf"),
        "name": "run",
        "done": False,
        "none": None,
        "list": [jnp.int32(1), np.float64(2)],
    }
    checkpoint.save(path, tree, {"format": "pt"})
    back = checkpoint.restore(path, tree)
    assert jax.tree.structure(back) == jax.tree.structure(tree)
    plain = jax.random.key_data
    assert plain(back.pop("key")).tolist() == plain(tree.pop("key")).tolist()
    for a, b in zip(jax.tree.leaves(back), jax.tree.leaves(tree), strict=True):
        assert type(a) is type(b) or isinstance(a, np.ndarray)
        assert a == b if isinstance(b, int | float | str) else np.array_equal(a, b)
    assert checkpoint.load_metadata(path) == {"format": "pt"}
    nested = checkpoint.load(path)
    np.testing.assert_array_equal(nested["opt"]["1"]["0"]["mu"]["linear"]["weight"], np.zeros((2, 3)))
    assert nested["step"] == 7
    assert nested["rate"] == np.inf
    assert nested["none"] is None


def test_what_does_not_fit_is_listed(tmp_path):
    path = tmp_path / "x.safetensors"
    checkpoint.save(path, {"a": jnp.ones(2), "b": jnp.ones(3), "d": jnp.ones(1)})
    with pytest.raises(ValueError, match=r"'a' is float32\[2\], expected float32\[4\].*missing 'c'"):
        checkpoint.restore(path, {"a": jnp.ones(4), "b": jnp.ones(3), "c": jnp.ones(1), "d": jnp.ones(1)})
    with pytest.raises(ValueError, match="unexpected"):
        checkpoint.restore(path, {"a": jnp.ones(2), "b": jnp.ones(3)})


def test_what_cannot_be_kept(tmp_path):
    path = tmp_path / "x.safetensors"
    with pytest.raises(TypeError, match="cannot keep a object"):
        checkpoint.save(path, {"a": object()})
    with pytest.raises(TypeError, match="no dtype complex128"):
        checkpoint.save(path, {"a": np.zeros(1, np.complex128)})
    with pytest.raises(ValueError, match=r"two leaves have the name 'a\.b'"):
        checkpoint.save(path, {"a.b": np.zeros(1), "a": {"b": np.zeros(1)}})
    with pytest.raises(ValueError, match="taken"):
        checkpoint.save(path, {}, {"fnnet.keys": ""})
    with pytest.raises(TypeError, match="strings"):
        safetensors.write(path, {}, {"a": 1})
    with pytest.raises(ValueError, match="__metadata__"):
        safetensors.write(path, {"__metadata__": np.zeros(1)})
    assert list(tmp_path.iterdir()) == []
    safetensors.write(path, {"a": np.zeros(1), "a.b": np.zeros(1)})
    with pytest.raises(checkpoint.RefusedFileError, match="leaf and a branch"):
        checkpoint.load(path)
    assert set(checkpoint.load_flat(path)) == {"a", "a.b"}


def test_a_write_that_fails_leaves_the_old_file(tmp_path):
    path = tmp_path / "x"
    path.write_bytes(b"old")

    def write():
        with checkpoint.atomically(path) as file:
            file.write(b"half")
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        write()
    assert path.read_bytes() == b"old"
    assert [p.name for p in tmp_path.iterdir()] == ["x"]


@pytest.mark.slow
def test_a_writer_killed_at_any_moment_leaves_a_whole_file(tmp_path):
    path = tmp_path / "x.safetensors"
    program = f"""
        import numpy as np
        from fnnet.checkpoint import safetensors
        n = 0
        while True:
            safetensors.write({str(path)!r}, {{"n": np.full(500_000, n, np.int32)}})
            n += 1
            print(n, flush=True)
    """
    rng, seen = np.random.RandomState(0), []
    for _ in range(3):
        worker = subprocess.Popen(
            [sys.executable, "-c", textwrap.dedent(program)], stdout=subprocess.PIPE, env={**os.environ}
        )
        assert worker.stdout is not None
        worker.stdout.readline()
        time.sleep(rng.uniform(0, 0.05))
        worker.send_signal(signal.SIGKILL)
        worker.communicate()
        values = safetensors.read(path)[0]["n"]
        assert len(set(values.tolist())) == 1
        seen.append(int(values[0]))
    assert max(seen) > 0

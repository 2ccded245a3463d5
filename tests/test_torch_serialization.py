"""Checkpoints written by fnnet.checkpoint and by torch.save, read by fnnet and, live, by PyTorch."""

import io
import os
import zipfile

import jax.numpy as jnp
import numpy as np
import optax
import pt_files
import pytest

import fnnet.torch as ft
from fnnet import checkpoint
from fnnet.checkpoint import RefusedFileError
from fnnet.checkpoint.stored import DTYPES


def tree():
    w = np.arange(6.0).reshape(2, 3)
    kinds = {name: np.array([0, 1, 1]).astype(dtype) for name, dtype in DTYPES.items() if "e8m0" not in name}
    return {
        "w": w,
        "tied": w,
        "turned": w.T,
        "bfloat16": jnp.ones(3, jnp.bfloat16),
        "kinds": kinds,
        "empty": np.zeros((0, 3)),
        "scalar": np.float32(2),
        "plain": [
            1,
            -1,
            2**40,
            10**30,
            -1.5,
            None,
            True,
            "é",
            (1, ()),
            1j,
            b"\xff",
            {1, "a"},
            bytearray(b"q"),
        ],
        "keys": {1: "a", (0, "b"): {}},
        "dtype": np.dtype("f4"),
    }


def test_what_is_written_is_read(tmp_path):
    path = tmp_path / "a.pt"
    saved = tree()
    checkpoint.save_pt(path, saved)
    seen = checkpoint.load(path)
    assert seen["plain"] == saved["plain"]
    assert seen["keys"] == saved["keys"]
    assert seen["dtype"] == np.float32
    wanted, read = dict(pt_files.arrays_of(saved)), dict(pt_files.arrays_of(seen))
    for key, array in wanted.items():
        assert read[key].dtype == array.dtype
        np.testing.assert_array_equal(read[key], array)
    assert read["/bfloat16"].dtype == jnp.bfloat16
    assert np.shares_memory(seen["w"], seen["tied"])
    assert os.listdir(tmp_path) == ["a.pt"]


def test_what_cannot_be_written(tmp_path):
    path = tmp_path / "a.pt"
    checkpoint.save_pt(path, {"a": 1})
    loop = []
    loop.append(loop)
    for value, error in (({"a": object()}, TypeError), (loop, ValueError), (np.array(["a"]), TypeError)):
        with pytest.raises(error):
            checkpoint.save_pt(path, value)
    assert checkpoint.load(path) == {"a": 1}
    assert os.listdir(tmp_path) == ["a.pt"]


def adapter_value():
    ft.manual_seed(0)
    net = ft.nn.Sequential(ft.nn.Linear(3, 4), ft.nn.BatchNorm1d(4))
    base = ft.arange(10.0)
    return net, {
        "state": net.state_dict(),
        "base": base,
        "part": base[2:5],
        "turned": base.view(2, 5).t(),
        "parameter": net[0].weight,
        "size": base.shape,
        "kind": ft.float32,
        "device": ft.device("cpu"),
        "epoch": 3,
    }


@pytest.mark.parametrize("as_file", [True, False])
def test_the_adapter_saves_and_loads(as_file, tmp_path):
    net, saved = adapter_value()
    place = io.BytesIO() if as_file else tmp_path / "a.pt"
    ft.save(saved, place)
    if as_file:
        place.seek(0)
    seen = ft.load(place, weights_only=True, map_location="cpu")
    assert list(seen) == list(saved)
    assert seen["epoch"] == 3
    assert isinstance(seen["size"], ft.Size)
    assert seen["kind"] is ft.float32
    assert seen["device"] == ft.device("cpu")
    assert isinstance(seen["parameter"], ft.nn.Parameter)
    assert seen["parameter"].requires_grad
    assert seen["state"]._metadata == saved["state"]._metadata
    assert str(net.load_state_dict(seen["state"])) == "<All keys matched successfully>"
    np.testing.assert_array_equal(seen["turned"].numpy(), saved["turned"].numpy())
    assert seen["turned"].stride() == (1, 5)
    seen["part"].zero_()
    assert seen["base"].tolist() == [0, 1, 0, 0, 0, 5, 6, 7, 8, 9]
    assert seen["turned"][3].tolist() == [0, 8]


@pytest.mark.parametrize("file", ["trained.pt", "trained.legacy.pt", "views.pt", "mlp.pt"])
def test_the_adapter_reads_what_pytorch_saved(file):
    arrays, _ = pt_files.expected()
    name = file.split(".")[0]

    for path, tensor in pt_files.arrays_of(ft.load(pt_files.FOLDER / file), name, ft.Tensor):
        np.testing.assert_array_equal(tensor.detach().numpy(), arrays[path])


@pytest.mark.parametrize(
    "where", ["cpu", ft.device("cpu"), {"cuda:99": "cpu"}, lambda storage, location: storage]
)
def test_tensors_of_a_device_that_is_not_here(where):
    entries = pt_files.parts("mlp.pt")
    name = next(name for name in entries if name.endswith("data.pkl"))
    entries[name] = entries[name].replace(b"X\3\0\0\0cpu", b"X\7\0\0\0cuda:99")
    content = pt_files.zipped(entries)
    with pytest.raises(RuntimeError, match=r"Attempting to deserialize object on a? ?CUDA device"):
        ft.load(io.BytesIO(content))
    np.testing.assert_array_equal(
        ft.load(io.BytesIO(content), map_location=where)["0.bias"].numpy(),
        pt_files.expected()[0]["mlp/0.bias"],
    )


def test_settings_of_a_library_are_written_and_not_read(tmp_path):
    """As a trainer keeps its arguments beside a checkpoint: PyTorch and Python's pickle read them."""
    place = tmp_path / "arguments.pt"
    with pytest.warns(UserWarning, match=r"fnnet will not: .*optax.*EmptyState"):
        ft.save({"rule": optax.EmptyState(), "w": ft.ones(2)}, place)
    with pytest.raises(RefusedFileError, match="EmptyState"):
        ft.load(place, weights_only=False)
    with zipfile.ZipFile(place) as archive:
        assert b"EmptyState" in archive.read("archive/data.pkl")


def test_objects_are_refused_by_name(tmp_path):
    with pytest.raises(NotImplementedError, match="object"):
        ft.save({"a": object()}, tmp_path / "a.pt")
    assert not os.listdir(tmp_path)
    with pytest.raises(RefusedFileError):
        ft.load(io.BytesIO(b"nothing"))
    with pytest.raises(TypeError, match="map_location"):
        ft.load(pt_files.FOLDER / "mlp.pt", map_location=3.5)


@pytest.mark.torch
@pytest.mark.parametrize("mmap", [True, False])
def test_pytorch_reads_what_is_written(mmap, tmp_path):
    torch = pytest.importorskip("torch")
    path = tmp_path / "a.pt"
    saved = tree()
    checkpoint.save_pt(path, saved)
    seen = torch.load(path, weights_only=True, mmap=mmap)
    assert seen["plain"] == saved["plain"]
    assert seen["dtype"] is torch.float32
    assert seen["w"].data_ptr() == seen["tied"].data_ptr()
    np.testing.assert_array_equal(seen["turned"].numpy(), saved["turned"])
    for name, array in saved["kinds"].items():
        assert str(seen["kinds"][name].dtype) == f"torch.{name}"
        wanted = array.astype(np.complex128)
        np.testing.assert_array_equal(seen["kinds"][name].to(torch.complex128).numpy(), wanted)


@pytest.mark.torch
def test_pytorch_reads_what_the_adapter_saves(tmp_path):
    torch = pytest.importorskip("torch")
    net, saved = adapter_value()
    ft.save(saved, tmp_path / "a.pt")
    seen = torch.load(tmp_path / "a.pt", weights_only=True)
    theirs = torch.nn.Sequential(torch.nn.Linear(3, 4), torch.nn.BatchNorm1d(4))
    theirs.load_state_dict(seen["state"])
    x = np.ones((2, 3), np.float32)
    ours = net.eval()(ft.tensor(x)).detach().numpy()
    np.testing.assert_allclose(ours, theirs.eval()(torch.tensor(x)).detach().numpy(), 1.3e-6, 1e-5)
    assert seen["part"].untyped_storage().data_ptr() == seen["base"].untyped_storage().data_ptr()
    assert isinstance(seen["parameter"], torch.nn.Parameter)
    assert seen["size"] == torch.Size([10])
    torch.save(seen, tmp_path / "b.pt")
    again = ft.load(tmp_path / "b.pt")
    np.testing.assert_array_equal(again["turned"].numpy(), saved["turned"].numpy())

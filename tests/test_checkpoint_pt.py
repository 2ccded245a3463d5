"""Checkpoints that PyTorch saved, read without it: values, containers, storages, byte orders, devices."""

import zipfile

import jax
import jax.numpy as jnp
import numpy as np
import pt_files
import pytest

import fnnet
from fnnet import checkpoint
from fnnet.checkpoint import RefusedFileError, tree
from fnnet.checkpoint.stored import DTYPES

SMALL = {"float32": (1.3e-6, 1e-5), "bfloat16": (1.6e-2, 1e-5), "float16": (1e-3, 1e-5)}


def check_arrays(name, value):
    arrays, dtypes = pt_files.expected()
    wanted = {key for key in dtypes if key.split("/")[0] == name}
    seen = dict(pt_files.arrays_of(value, name))
    assert set(seen) == wanted
    for key, array in seen.items():
        assert array.dtype == DTYPES[dtypes[key]].newbyteorder("="), key
        np.testing.assert_array_equal(array.astype(arrays[key].dtype), arrays[key], err_msg=key)
        assert array.shape == arrays[key].shape


@pytest.mark.parametrize("file", pt_files.FILES)
def test_every_tensor_has_its_value_and_dtype(file):
    check_arrays(file.split(".")[0], checkpoint.load(pt_files.FOLDER / file))


@pytest.mark.parametrize("form", ["pt", "legacy.pt"])
def test_containers_and_scalars(form):
    nested = checkpoint.load(pt_files.FOLDER / f"nested.{form}")
    assert nested["list"][:2] == [1, -2.5]
    assert nested["list"][3] == {}
    assert isinstance(nested["list"][2][1], tuple)
    assert nested["list"][2][1][1] is None
    assert nested["integers"] == [0, 255, 256, 65536, -1, 2**31, -(2**40), 10**30]
    assert list(map(repr, nested["floats"])) == ["0.1", "inf", "-0.0", "1e-320"]
    assert nested["text"] == ["", "ascii", "λ → 漢字", "\x00\n"]
    assert nested["plain"] == [None, True, False, 1 + 2j, b"\x00\xff", {1, 2}, bytearray(b"ab")]
    assert nested["keys"] == {1: "a", "1": "b", (0, 1): "c", None: "d"}
    assert nested["size"] == (2, 3)
    assert type(nested["size"]) is tuple
    assert nested["kinds"] == [np.float32, jnp.bfloat16, np.int64]
    assert nested["device"] == "cuda:1"
    assert type(checkpoint.load(pt_files.FOLDER / f"linear.{form}")) is dict


@pytest.mark.parametrize("form", ["pt", "legacy.pt"])
def test_what_a_training_program_keeps(form):
    kept = checkpoint.load(pt_files.FOLDER / f"trained.{form}")
    assert kept["epoch"] == 7
    assert kept["best"] == 0.125
    assert kept["args"] == {"lr": 1e-3, "name": "résumé", "resume": None, "flags": [True, False]}
    assert kept["adam"]["param_groups"][0]["params"] == [0, 1]
    assert set(kept["adam"]["state"][0]) == {"step", "exp_avg", "exp_avg_sq", "max_exp_avg_sq"}
    assert [group["lr"] for group in kept["sgd"]["param_groups"]] == [0.1, 0.2]
    assert kept["schedule"]["last_epoch"] == 2


@pytest.mark.parametrize("form", ["pt", "legacy.pt"])
def test_views_share_their_storage_and_the_file(form):
    views = checkpoint.load(pt_files.FOLDER / f"views.{form}")
    for name in ("matrix", "turned", "row", "steps", "windows"):
        assert np.shares_memory(views[name], views["base"]), name
    assert views["expanded"].strides == (0, 0)
    assert not any(view.flags.writeable or view.flags.owndata for view in views.values())
    tied = checkpoint.load(pt_files.FOLDER / f"tied.{form}")
    assert np.shares_memory(tied["embedding.weight"], tied["head.weight"])


def nets():
    encoder = fnnet.TransformerEncoderLayer(8, 2, 12, batch_first=True)
    return {
        "linear": fnnet.Linear(4, 3),
        "mlp": fnnet.Sequential(fnnet.Linear(4, 8), fnnet.ReLU(), fnnet.Linear(8, 3)),
        "conv_batchnorm": fnnet.Sequential(
            fnnet.Conv2d(3, 4, 3, padding=1),
            fnnet.BatchNorm2d(4),
            fnnet.ReLU(),
            fnnet.Flatten(),
            fnnet.Linear(144, 5),
        ),
        "lstm": fnnet.LSTM(3, 4, num_layers=2, bidirectional=True),
        "gru": fnnet.GRU(3, 4),
        "transformer_encoder": fnnet.TransformerEncoder(encoder, 2),
        "norms": fnnet.Sequential(
            fnnet.Linear(4, 6), fnnet.LayerNorm(6), fnnet.GELU(), fnnet.GroupNorm(2, 6)
        ),
        "bfloat16": fnnet.Linear(4, 3),
        "half": fnnet.Conv1d(2, 3, 3),
    }


@pytest.mark.parametrize("name", sorted(nets()))
def test_the_same_models_compute_the_same(name):
    arrays, _ = pt_files.expected()
    net = nets()[name]
    state = checkpoint.load(pt_files.FOLDER / f"{name}.pt")
    dtype = DTYPES.get(name, np.dtype(np.float16 if name == "half" else np.float32))
    template = net.init(jax.random.key(0), dtype), net.init_buffers(dtype)
    with jax.enable_x64(True):  # num_batches_tracked is int64
        params = tree.fill(template[0], state)
        narrow = {k: v.astype(np.int32) if v.dtype == np.int64 else v for k, v in state.items()}
        buffers = tree.fill(template[1], narrow)
    assert set(tree.named_leaves(params)) | set(tree.named_leaves(buffers)) == set(state)
    y = net(params, jnp.asarray(arrays[f"input {name}"], dtype), buffers=buffers)
    while isinstance(y, tuple):
        y = y[0]
    rtol, atol = SMALL[dtype.name]
    wanted = arrays[f"output {name}"]
    np.testing.assert_allclose(np.asarray(y).astype(wanted.dtype), wanted, rtol, atol)


@pytest.mark.parametrize("form", ["pt", "legacy.pt"])
def test_tied_weights_compute_the_same(form):
    arrays, _ = pt_files.expected()
    params = checkpoint.nested(checkpoint.load(pt_files.FOLDER / f"tied.{form}"))
    weight = jnp.asarray(params["embedding"]["weight"])
    hidden = fnnet.Linear(6, 6)(params["body"], weight[arrays["input tied"]])
    y = fnnet.Linear(6, 11, bias=False)(params["head"], jnp.tanh(hidden))
    np.testing.assert_allclose(y, arrays["output tied"], 1.3e-6, 1e-5)


def swapped(entries, widths):
    """The entries with the numbers of every storage in the other byte order."""
    turned = {}
    for name, content in entries.items():
        key = name.split("/data/")[-1]
        if "/data/" in name:
            content = np.frombuffer(content, np.uint8).reshape(-1, widths[key])[:, ::-1].tobytes()
        turned[name] = b"big" if name.endswith("/byteorder") else content
    return turned


def test_numbers_of_a_big_endian_machine(tmp_path):
    entries = pt_files.parts("dtypes.pt")
    order = [*list(DTYPES)[:4], "complex64", "complex128", "uint8", "int8", "int16", "int32", "int64", "bool"]
    widths = {
        str(i): DTYPES[name].itemsize // (2 if "complex" in name else 1) for i, name in enumerate(order)
    }
    path = tmp_path / "big.pt"
    path.write_bytes(pt_files.zipped(swapped(entries, widths)))
    check_arrays("dtypes", checkpoint.load(path))
    check_with_torch(path)


def check_with_torch(path):
    try:
        import torch
    except ImportError:
        return
    seen = dict(pt_files.arrays_of(checkpoint.load(path)))
    for key, tensor in torch.load(path, weights_only=True).items():
        np.testing.assert_array_equal(seen[f"/{key}"].astype(complex), tensor.to(torch.complex128).numpy())


def test_tensors_saved_on_a_gpu(tmp_path):
    entries = pt_files.parts("mlp.pt")
    name = next(name for name in entries if name.endswith("data.pkl"))
    assert b"X\3\0\0\0cpu" in entries[name]
    entries[name] = entries[name].replace(b"X\3\0\0\0cpu", b"X\6\0\0\0cuda:0")
    path = tmp_path / "cuda.pt"
    path.write_bytes(pt_files.zipped(entries))
    check_arrays("mlp", checkpoint.load(path))


def test_compressed_archives_and_other_folders(tmp_path):
    entries = {f"other/{name.split('/', 1)[1]}": part for name, part in pt_files.parts("mlp.pt").items()}
    path = tmp_path / "packed.pt"
    path.write_bytes(pt_files.zipped(entries, zipfile.ZIP_DEFLATED))
    check_arrays("mlp", checkpoint.load(path))


def test_nested_makes_a_tree_of_a_state_dict():
    made = checkpoint.nested({"a.weight": 1, "a.b.c": 2, "d": 3})
    assert made == {"a": {"weight": 1, "b": {"c": 2}}, "d": 3}
    for wrong in ({"a": 1, "a.b": 2}, {"a.b": 1, "a": 2}, {"a": {}, "a.b": 1}):
        with pytest.raises(ValueError, match="a leaf and a branch"):
            checkpoint.nested(wrong)


def test_the_format_is_seen_from_the_content(tmp_path):
    path = tmp_path / "named.pt"
    checkpoint.tree.save(path, {"a": {"b": np.arange(3)}})
    np.testing.assert_array_equal(checkpoint.load(path)["a"]["b"], np.arange(3))
    for content in (b"", b"x", b"hello world", bytes(300), b"\x80\x02}q\x00."):
        path.write_bytes(content)
        with pytest.raises(RefusedFileError, match=r"named\.pt"):
            checkpoint.load(path)
    with pytest.raises(FileNotFoundError):
        checkpoint.load(tmp_path / "none.pt")


@pytest.mark.torch
@pytest.mark.parametrize("protocol", [2, 3, 4, 5])
@pytest.mark.parametrize("zip_format", [True, False])
def test_live_files_of_every_protocol(protocol, zip_format, tmp_path):
    torch = pytest.importorskip("torch")
    path = tmp_path / "live.pt"
    base = torch.randn(5, 6, dtype=torch.float64)
    saved = {"base": base, "part": base[1:4, ::2].t(), "set": {1, "a"}, "all": (torch.Size([1]), [b"x", 2.5])}
    torch.save(saved, path, pickle_protocol=protocol, _use_new_zipfile_serialization=zip_format)
    seen = checkpoint.load(path)
    np.testing.assert_array_equal(seen["base"], base.numpy())
    np.testing.assert_array_equal(seen["part"], base.numpy()[1:4, ::2].T)
    assert np.shares_memory(seen["base"], seen["part"])
    assert seen["set"] == {1, "a"}
    assert seen["all"] == ((1,), [b"x", 2.5])


@pytest.mark.torch
def test_what_is_no_plain_tensor_is_refused_by_name(tmp_path):
    torch = pytest.importorskip("torch")
    path = tmp_path / "live.pt"
    for value, words in (
        (torch.nn.Linear(2, 2), r"torch\.nn\.modules\.linear\.Linear"),
        ({"a": torch.eye(2).to_sparse()}, "sparse"),
        (torch.empty(2, device="meta"), "meta"),
    ):
        torch.save(value, path)
        with pytest.raises(RefusedFileError, match=words) as caught:
            checkpoint.load(path)
        assert "\n" not in str(caught.value)

"""CIFAR-10's files, real in format and hostile; synthetic pictures; pictures as networks take them."""

import hashlib
import io
import os
import pickle
import pickletools

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fnnet import data
from fnnet.checkpoint import RefusedFileError
from fnnet.data import cifar

ROWS = 4
RNG = np.random.RandomState(0)


def batch(seed=0, rows=ROWS):
    rng = np.random.RandomState(seed)
    return rng.randint(0, 256, (rows, 3072)).astype(np.uint8), rng.randint(0, 10, rows).tolist()


def python2_pickle(pictures, labels):
    """The stream that Python 2's cPickle wrote into the original files, opcode for opcode."""
    out = io.BytesIO()

    def string(text):
        out.write(b"U" + bytes([len(text)]) + text)

    out.write(b"\x80\x02}q\x01(")
    string(b"batch_label")
    out.write(b"q\x02")
    string(b"training batch 1 of 5")
    out.write(b"q\x03")
    string(b"labels")
    out.write(b"q\x04]q\x05(")
    for label in labels:
        out.write(b"K" + bytes([label]))
    out.write(b"e")
    string(b"data")
    out.write(b"q\x06cnumpy.core.multiarray\n_reconstruct\nq\x07cnumpy\nndarray\nq\x08K\x00\x85q\t")
    string(b"b")
    out.write(b"\x87q\nRq\x0b(K\x01")
    out.write(b"M" + len(labels).to_bytes(2, "little") + b"M" + (3072).to_bytes(2, "little") + b"\x86")
    out.write(b"cnumpy\ndtype\nq\x0c")
    string(b"u1")
    out.write(b"K\x00K\x01\x87Rq\r(K\x03")
    string(b"|")
    out.write(b"NNNJ\xff\xff\xff\xffJ\xff\xff\xff\xffK\x00tb\x89")
    out.write(b"T" + pictures.nbytes.to_bytes(4, "little") + pictures.tobytes() + b"tb")
    string(b"filenames")
    out.write(b"r\x0e\x00\x00\x00]q\x0f(")
    for i in range(len(labels)):
        string(b"picture_%d.png" % i)
    out.write(b"eu.")
    return out.getvalue()


def write_python(folder, make=python2_pickle):
    os.makedirs(folder)
    for i, name in enumerate([*(f"data_batch_{k}" for k in range(1, 6)), "test_batch"]):
        with open(os.path.join(folder, name), "wb") as file:
            file.write(make(*batch(i)))


def write_binary(folder):
    os.makedirs(folder)
    for i, name in enumerate([*(f"data_batch_{k}" for k in range(1, 6)), "test_batch"]):
        pictures, labels = batch(i)
        rows = np.concatenate([np.array(labels, np.uint8)[:, None], pictures], axis=1)
        with open(os.path.join(folder, name + ".bin"), "wb") as file:
            file.write(rows.tobytes())


def expected(train):
    parts = [batch(i) for i in (range(5) if train else [5])]
    return np.concatenate([p for p, _ in parts]).reshape(-1, 3, 32, 32), np.concatenate([y for _, y in parts])


@pytest.mark.parametrize("train", [True, False])
@pytest.mark.parametrize("version", ["python", "binary"])
@pytest.mark.parametrize("inside", [True, False])
def test_both_versions_are_read(train, version, inside, tmp_path):
    folder = tmp_path / f"cifar-10-batches-{'py' if version == 'python' else 'bin'}"
    {"python": write_python, "binary": write_binary}[version](folder)
    pictures, labels = data.cifar10(folder if inside else tmp_path, train, rows_per_file=ROWS)
    wanted, wanted_labels = expected(train)
    assert pictures.dtype == np.uint8
    assert labels.dtype == np.int32
    np.testing.assert_array_equal(pictures, wanted)
    np.testing.assert_array_equal(labels, wanted_labels)
    assert data.has_cifar10(tmp_path)


def test_the_streams_are_pickles(tmp_path):
    pictures, labels = batch()
    stream = python2_pickle(pictures, labels)
    table = pickle.loads(stream, encoding="bytes")
    np.testing.assert_array_equal(table[b"data"], pictures)
    assert table[b"labels"] == labels


@pytest.mark.parametrize("protocol", [2, 3, 4])
def test_files_made_anew_by_python_3(protocol, tmp_path):
    pictures, labels = batch()
    path = tmp_path / "data_batch_1"
    path.write_bytes(pickle.dumps({"data": pictures, "labels": labels, "batch_label": "x"}, protocol))
    ours, ours_labels = cifar.read_python_batch(path, ROWS)
    np.testing.assert_array_equal(ours.reshape(ROWS, -1), pictures)
    assert ours_labels.tolist() == labels


def test_a_file_of_the_real_size(tmp_path):
    pictures, labels = batch(rows=10_000)
    path = tmp_path / "data_batch_1"
    path.write_bytes(python2_pickle(pictures, labels))
    ours, ours_labels = cifar.read_python_batch(path)
    assert ours.shape == (10_000, 3, 32, 32)
    np.testing.assert_array_equal(ours[-1].ravel(), pictures[-1])
    assert ours_labels.tolist() == labels


def test_missing_files_say_what_belongs_where(tmp_path):
    assert not data.has_cifar10(tmp_path)
    with pytest.raises(FileNotFoundError, match=r"cifar-10-python\.tar\.gz.*unpack it there"):
        data.cifar10(tmp_path)
    write_python(tmp_path / "cifar-10-batches-py")
    os.unlink(tmp_path / "cifar-10-batches-py" / "data_batch_3")
    with pytest.raises(FileNotFoundError, match="1 of 5 files are missing"):
        data.cifar10(tmp_path)


class Executes:
    """Whose pickle calls a function."""

    def __init__(self, function, *arguments):
        self.call = (function, arguments)

    def __reduce__(self):
        return self.call


def by_protocol(thing, protocol=2):
    return pickle.dumps(thing, protocol)


GOOD = python2_pickle(*batch())


def numpy_pickle(array):
    return pickle.dumps({"data": array, "labels": batch()[1]}, 2)


HOSTILE = {
    "system by GLOBAL": b"cos\nsystem\n(S'echo hacked > proof'\ntR.",
    "system by protocol 2": by_protocol(Executes(os.system, "echo hacked > proof")),
    "system by protocol 4": by_protocol(Executes(os.system, "echo hacked > proof"), 4),
    "eval in a dict": by_protocol({"data": Executes(eval, "open('proof', 'w')")}),
    "INST": b"\x80\x02(S'echo'\nios\nsystem\n.",
    "OBJ": b"\x80\x02(cos\nsystem\nU\x04echoo.",
    "NEWOBJ": b"\x80\x02cos\nsystem\nU\x04echo\x85\x81.",
    "EXT1": b"\x80\x02\x82\x01.",
    "persistent id": b"\x80\x02U\x01xQ.",
    "BUILD with a dict": b"\x80\x02}}b.",
    "numpy's own loader": b"\x80\x02cnumpy\nload\nU\x05proof\x85R.",
    "an allowed name called otherwise": b"\x80\x02c_codecs\nencode\nU\x04echoU\x04zlib\x86R.",
    "ndarray called": b"\x80\x02cnumpy\nndarray\nK\x01\x85R.",
    "a dtype of objects": b"\x80\x02cnumpy\ndtype\nU\x02O8K\x00K\x01\x87R.",
    "a dotted name": b"\x80\x04\x8c\x05numpy\x8c\x0cndarray.sort\x93.",
    "empty": b"",
    "only a protocol": b"\x80\x02",
    "protocol 0": b"\x80\x00}.",
    "an unknown opcode": b"\x80\x02\xff.",
    "a list": b"\x80\x02].",
    "stack underflow": b"\x80\x02\x87.",
    "a pop over the mark": b"\x80\x02(\x85.",
    "no mark": b"\x80\x02}u.",
    "APPENDS to a dict": b"\x80\x02}(K\x01e.",
    "SETITEMS on a list": b"\x80\x02](K\x01K\x02u.",
    "an odd number of items": b"\x80\x02}(K\x01u.",
    "a list as key": b"\x80\x02}(]K\x01u.",
    "memo never set": b"\x80\x02h\x05.",
    "a string of 2 GB": b"\x80\x02T\xff\xff\xff\x7fabc.",
    "a negative string": b"\x80\x02T\xff\xff\xff\xffabc.",
    "bytes of 2**64 - 1": b"\x80\x04\x8e" + b"\xff" * 8 + b"abc.",
    "text that is not UTF-8": b"\x80\x02X\x01\x00\x00\x00\xff.",
    "two results": b"\x80\x02}}.",
    "bytes after the end": GOOD + b"\0",
    "cut": GOOD[: len(GOOD) // 2],
    "an array of floats": numpy_pickle(np.zeros((ROWS, 3072), np.float32)),
    "an array in Fortran order": numpy_pickle(np.asfortranarray(batch()[0])),
    "an array of objects": numpy_pickle(np.array([[None]])),
    "an array of another shape": numpy_pickle(np.zeros((ROWS, 3071), np.uint8)),
    "more rows than bytes": GOOD.replace(b"M\x04\x00M\x00\x0c", b"M\xff\xffM\x00\x0c"),
    "no data": by_protocol({"labels": [0] * ROWS}),
    "no labels": by_protocol({"data": batch()[0]}),
    "labels out of range": by_protocol({"data": batch()[0], "labels": [0, 1, 2, 10]}),
    "labels beyond int32": by_protocol({"data": batch()[0], "labels": [0, 1, 2, 2**40]}),
    "labels of another kind": by_protocol({"data": batch()[0], "labels": ["0"] * ROWS}),
    "too few labels": by_protocol({"data": batch()[0], "labels": [0]}),
    "labels that hold themselves": b"\x80\x02}(X\x06\x00\x00\x00labels]q\x00h\x00au.",
}


@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_files_are_refused_and_execute_nothing(name, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "data_batch_1").write_bytes(HOSTILE[name])
    with pytest.raises(RefusedFileError) as caught:
        cifar.read_python_batch("data_batch_1", ROWS)
    assert "\n" not in str(caught.value)
    assert len(str(caught.value)) < 400
    assert os.listdir() == ["data_batch_1"]


@pytest.mark.parametrize("name", ["cos\nsystem\n", "cnumpy\nload\n", "cnumpy.core.multiarray\nscalar\n"])
def test_a_name_is_refused_before_anything_is_done_with_it(name, tmp_path):
    path = tmp_path / "data_batch_1"
    path.write_bytes(b"\x80\x02}U\x01x" + name.encode() + b"s.")
    with pytest.raises(RefusedFileError, match=r"it names .*, which no such file needs"):
        cifar.read_python_batch(path, ROWS)


def test_every_opcode_of_pickle_is_known_or_refused(tmp_path):
    path = tmp_path / "data_batch_1"
    for opcode in pickletools.opcodes:
        for tail in (b"", b"\x01" * 16 + b".", b"os\nsystem\n."):
            for head in (b"\x80\x02", b"\x80\x02}K\x01", b"\x80\x02(K\x01", b"\x80\x02]q\x01K\x01\x85"):
                path.write_bytes(head + opcode.code.encode("latin1") + tail)
                with pytest.raises(RefusedFileError):
                    cifar.read_python_batch(path, ROWS)


@settings(max_examples=300, deadline=None, derandomize=True)
@given(st.lists(st.tuples(st.integers(0, 400), st.integers(0, 255)), min_size=1, max_size=5), st.booleans())
def test_a_mutated_file_is_read_or_refused(tmp_path_factory, changes, near_the_end):
    path = tmp_path_factory.getbasetemp() / "mutated"
    stream = bytearray(GOOD)
    for where, value in changes:
        stream[-1 - where % 90 if near_the_end else where] = value
    path.write_bytes(bytes(stream))
    try:
        pictures, labels = cifar.read_python_batch(path, ROWS)
    except RefusedFileError:
        return
    assert pictures.shape == (ROWS, 3, 32, 32)
    assert labels.shape == (ROWS,)


def test_binary_files_of_another_size_are_refused(tmp_path):
    path = tmp_path / "data_batch_1.bin"
    path.write_bytes(b"\0" * (3073 * ROWS - 1))
    with pytest.raises(RefusedFileError, match=r"12291 bytes, expected 12292"):
        cifar.read_binary_batch(path, ROWS)
    path.write_bytes(b"\x0b" * (3073 * ROWS))
    with pytest.raises(RefusedFileError, match="not one of 0"):
        cifar.read_binary_batch(path, ROWS)
    with open(path, "wb") as file:
        file.truncate(cifar.LARGEST + 1)
    with pytest.raises(RefusedFileError, match="larger than any"):
        cifar.read_python_batch(path, ROWS)


def test_synthetic_pictures_are_the_same_everywhere():
    pictures, labels = data.synthetic_pictures(1, 600)
    assert pictures.shape == (600, 3, 32, 32)
    assert pictures.dtype == np.uint8
    assert labels.dtype == np.int32
    # Not a truth of PyTorch's: it pins the data set, so that a change of it is noticed.
    digest = hashlib.sha256(pictures.tobytes() + labels.tobytes()).hexdigest()
    assert digest[:16] == "338c5e6a1bd6cf10"
    few, few_labels = data.synthetic_pictures(1, 100)
    np.testing.assert_array_equal(few, pictures[:100])
    np.testing.assert_array_equal(few_labels, labels[:100])
    assert (np.bincount(labels, minlength=10) > 30).all()
    assert len(data.SYNTHETIC_CLASSES) == 10
    other, _ = data.synthetic_pictures(2, 100)
    assert (other != few).mean() > 0.9
    by_key, _ = data.synthetic_pictures(jax.random.key(0), 3)
    again, _ = data.synthetic_pictures(jax.random.key(0), 3)
    np.testing.assert_array_equal(by_key, again)
    assert data.synthetic_pictures(0, 0)[0].shape == (0, 3, 32, 32)
    with pytest.raises(ValueError, match="count"):
        data.synthetic_pictures(0, -1)


def test_colours_and_places_do_not_say_the_class():
    """A linear model on the pictures' mean colours, and the nearest mean picture, stay near chance."""
    pictures, labels = data.synthetic_pictures(3, 3000)
    means = pictures.mean(axis=(2, 3))
    features = np.concatenate([means, means**2, np.ones((3000, 1))], axis=1)
    fitted = np.linalg.lstsq(features[:2000], np.eye(10)[labels[:2000]], rcond=None)[0]
    assert ((features[2000:] @ fitted).argmax(1) == labels[2000:]).mean() < 0.25
    flat = pictures.reshape(3000, -1).astype(np.float32)
    centres = np.stack([flat[:2000][labels[:2000] == c].mean(0) for c in range(10)])
    distance = ((flat[2000:, None] - centres[None]) ** 2).sum(-1)
    assert (distance.argmin(1) == labels[2000:]).mean() < 0.3


def test_pictures_as_networks_take_them():
    pictures = RNG.randint(0, 256, (2, 3, 4, 4)).astype(np.uint8)
    ours = data.normalize(data.to_float(pictures))
    assert ours.dtype == jnp.float32
    np.testing.assert_allclose(ours, pictures / 127.5 - 1, atol=1e-6)
    with pytest.raises(TypeError, match="uint8"):
        data.to_float(jnp.zeros(3))
    with pytest.raises(ValueError, match="zero"):
        data.normalize(ours, (0.5,), (0.0,))
    with pytest.raises(RuntimeError, match="do not match the size of 3"):
        data.normalize(ours, (0.5, 0.5), (1.0,))


@pytest.mark.torch
def test_pictures_as_torchvision_makes_them():
    torch = pytest.importorskip("torch")
    every = np.arange(256, dtype=np.uint8).reshape(1, 16, 16).repeat(3, 0)
    mean, std = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)
    theirs = torch.from_numpy(every).to(torch.float32).div(255)
    np.testing.assert_array_equal(np.asarray(data.to_float(every)), theirs.numpy())
    column = [torch.tensor(values).view(-1, 1, 1) for values in (mean, std)]
    theirs = theirs.sub(column[0]).div(column[1])
    ours = data.normalize(data.to_float(every), mean, std)
    # XLA multiplies by 1 / std where PyTorch divides: the last bit may differ.
    np.testing.assert_allclose(ours, theirs.numpy(), rtol=1.3e-6, atol=1e-7)
    np.testing.assert_array_equal(jax.jit(data.to_float)(every), data.to_float(every))

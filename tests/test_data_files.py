"""Files of datasets: fetched, unpacked and read with care, whatever is in them."""

import gzip
import hashlib
import io
import os
import pickle
import struct
import tarfile
import threading
import urllib.error
import zipfile
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import numpy as np
import pytest

from fnnet import data
from fnnet.checkpoint import RefusedFileError
from fnnet.data import cifar, fetch, folder, idx, unpack

BODY = np.random.RandomState(0).bytes(200_000)
MD5 = hashlib.md5(BODY).hexdigest()


class Handler(BaseHTTPRequestHandler):
    """Serves BODY; /broken ends half way, /wrong gives other bytes, /huge announces too many, /all knows no
    ranges but says that it does, /endless does not say how long it is."""

    ranges = ()

    def do_GET(self):
        asked = self.headers.get("Range")
        type(self).ranges = (*type(self).ranges, asked)
        body = BODY[::-1] if self.path == "/wrong" else BODY
        start = int(asked[6:-1]) if asked and self.path != "/all" else 0
        if start > len(body):
            self.send_error(416)
            return
        if self.path == "/missing":
            self.send_error(404)
            return
        self.send_response(206 if asked else 200)
        self.send_header("Content-Range", f"bytes {start}-{len(body) - 1}/{len(body)}")
        if self.path != "/endless":
            self.send_header("Content-Length", str(10**15 if self.path == "/huge" else len(body) - start))
        self.end_headers()
        half = self.path == "/broken" and not asked
        self.wfile.write(body[start : len(body) // 2 if half else None])

    def log_message(self, *words):
        pass


@pytest.fixture(scope="module")
def server():
    held = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=held.serve_forever, daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{held.server_port}"
    held.shutdown()
    held.server_close()
    thread.join()


@pytest.fixture(autouse=True)
def fresh():
    Handler.ranges = ()


def test_a_file_is_fetched_once_and_checked(server, tmp_path, capfd):
    path = tmp_path / "deep" / "file.bin"
    fetch.fetch(server + "/file", path, MD5)
    assert path.read_bytes() == BODY
    assert "file.bin" in capfd.readouterr().err
    fetch.fetch(server + "/file", path, MD5)
    assert len(Handler.ranges) == 1, "it was there"
    assert sorted(os.listdir(path.parent)) == ["file.bin"]


def test_a_broken_download_goes_on_where_it_ended(server, tmp_path):
    path = tmp_path / "file.bin"
    with pytest.raises(fetch.DownloadError, match="the connection ended after 100000 of 200000 bytes"):
        fetch.fetch(server + "/broken", path, MD5)
    assert not path.exists()
    fetch.fetch(server + "/broken", path, MD5)
    assert path.read_bytes() == BODY
    assert Handler.ranges == (None, "bytes=100000-")


def test_a_part_that_is_no_beginning_is_thrown_away(server, tmp_path):
    path = tmp_path / "file.bin"
    (tmp_path / "file.bin.part").write_bytes(BODY + b"more")
    fetch.fetch(server + "/file", path, MD5)
    assert path.read_bytes() == BODY
    path.unlink()
    (tmp_path / "file.bin.part").write_bytes(b"x" * 100)
    fetch.fetch(server + "/file", path, MD5)
    assert path.read_bytes() == BODY
    path.unlink()
    (tmp_path / "file.bin.part").write_bytes(b"x" * 100)
    fetch.fetch(server + "/all", path)  # it answers another question, and there is no checksum
    assert path.read_bytes() == BODY
    (tmp_path / "endless.bin.part").write_bytes(b"x")
    with pytest.raises(fetch.DownloadError, match="more than the 1000 bytes"):
        fetch.fetch(server + "/endless", tmp_path / "endless.bin", largest=1000)
    assert sorted(os.listdir(tmp_path)) == ["file.bin"]


def test_wrong_missing_and_huge_files_are_refused(server, tmp_path):
    path = tmp_path / "file.bin"
    for place, words in (("/wrong", "corrupted"), ("/missing", "Not Found"), ("/huge", "are more than")):
        with pytest.raises(fetch.DownloadError, match=words):
            fetch.fetch(server + place, path, MD5)
    assert not path.exists()


def test_the_next_address_is_tried_and_the_advice_says_what_goes_where(server, tmp_path):
    path = tmp_path / "file.bin"
    fetch.fetch([server + "/missing", server + "/file"], path, MD5)
    assert path.read_bytes() == BODY
    nowhere = tmp_path / "other.bin"
    with pytest.raises(urllib.error.URLError) as error:
        fetch.fetch("http://127.0.0.1:9/other.bin", nowhere, MD5)
    assert f"save it as {nowhere}" in str(error.value)
    assert MD5 in str(error.value)
    assert isinstance(error.value, RuntimeError)
    with pytest.raises(ValueError, match="http"):
        fetch.fetch("file:///etc/passwd", nowhere)


def tar_with(path, *members, mode="w:gz"):
    with tarfile.open(path, mode) as tar:
        for name, content, kind in members:
            info = tarfile.TarInfo(name)
            info.type = kind
            info.linkname = "/etc/passwd"
            info.size = len(content) if kind == tarfile.REGTYPE else 0
            tar.addfile(info, io.BytesIO(content))
    return path


def test_archives_are_unpacked(tmp_path):
    tar_with(tmp_path / "a.tar.gz", ("in/one", b"1", tarfile.REGTYPE), ("in", b"", tarfile.DIRTYPE))
    with zipfile.ZipFile(tmp_path / "b.zip", "w") as made:
        made.writestr("in/two", b"22")
    (tmp_path / "three.gz").write_bytes(gzip.compress(b"333"))
    for name in ("a.tar.gz", "b.zip", "three.gz"):
        unpack.unpack(tmp_path / name, tmp_path / "out")
    out = tmp_path / "out"
    assert [(out / p).read_bytes() for p in ("in/one", "in/two", "three")] == [b"1", b"22", b"333"]


@pytest.mark.parametrize(
    "name", ["../evil", "/evil", "in/../../evil", "..\\evil", "C:evil", "a/..", "in\\..\\..\\x"]
)
def test_nothing_is_unpacked_outside_of_the_folder(tmp_path, name):
    out = tmp_path / "out"
    tar_with(tmp_path / "a.tgz", (name, b"1", tarfile.REGTYPE))
    with zipfile.ZipFile(tmp_path / "b.zip", "w") as made:
        made.writestr(zipfile.ZipInfo(name), b"1")
    for archive in ("a.tgz", "b.zip"):
        with pytest.raises(RefusedFileError, match="outside the folder"):
            unpack.unpack(tmp_path / archive, out)
    assert sorted(p.name for p in tmp_path.rglob("*")) == ["a.tgz", "b.zip", "out"]


def test_links_devices_bombs_and_damage_are_refused(tmp_path):
    for kind in (tarfile.SYMTYPE, tarfile.LNKTYPE, tarfile.CHRTYPE, tarfile.FIFOTYPE):
        tar_with(tmp_path / "a.tgz", ("x", b"", kind))
        with pytest.raises(RefusedFileError, match="neither a file nor a folder"):
            unpack.unpack(tmp_path / "a.tgz", tmp_path / "out")
    (tmp_path / "bomb.gz").write_bytes(gzip.compress(bytes(3_000_000)))
    with pytest.raises(RefusedFileError, match="more bytes than are allowed"):
        unpack.unpack(tmp_path / "bomb.gz", tmp_path / "out", largest=1_000_000)
    whole = tar_with(tmp_path / "a.tgz", ("x", BODY, tarfile.REGTYPE)).read_bytes()
    (tmp_path / "a.tgz").write_bytes(whole[: len(whole) // 2])
    with pytest.raises(RefusedFileError, match="damaged"):
        unpack.unpack(tmp_path / "a.tgz", tmp_path / "out")
    (tmp_path / "c.zip").write_bytes(b"PK no")
    with pytest.raises(RefusedFileError, match="damaged"):
        unpack.unpack(tmp_path / "c.zip", tmp_path / "out")
    (tmp_path / "d.bz2").write_bytes(b"no such stream")
    stored = zipfile.ZipInfo("x")
    with zipfile.ZipFile(tmp_path / "e.zip", "w") as made:
        made.writestr(stored, b"1")
    plain = bytearray((tmp_path / "e.zip").read_bytes())
    entry = plain.rindex(b"PK\1\2")
    for name, at, value in (("encrypted", (6, entry + 8), 1), ("method", (8, entry + 10), 99)):
        changed = bytearray(plain)
        for place in at:
            changed[place] = value
        (tmp_path / f"{name}.zip").write_bytes(changed)
    for name, words in (("d.bz2", "damaged"), ("encrypted.zip", "password"), ("method.zip", "not supported")):
        with pytest.raises(RefusedFileError, match=words):
            unpack.unpack(tmp_path / name, tmp_path / "out")
    assert not any((tmp_path / "out").iterdir())
    for name in ("", ".", "b" * 3000):
        tar_with(tmp_path / "a.tgz", (name, b"1", tarfile.REGTYPE))
        with pytest.raises(RefusedFileError, match=r"a folder of that name|too long"):
            unpack.unpack(tmp_path / "a.tgz", tmp_path / "out")
    assert not any((tmp_path / "out").iterdir())
    outside = tmp_path / "outside"
    outside.mkdir()
    (tmp_path / "out" / "link").symlink_to(outside)
    tar_with(tmp_path / "d.tgz", ("link/x", b"1", tarfile.REGTYPE))
    with pytest.raises(RefusedFileError, match="link leads"):
        unpack.unpack(tmp_path / "d.tgz", tmp_path / "out")
    with pytest.raises(RuntimeError, match="Unknown compression or archive type"):
        unpack.unpack(tmp_path / "x.rar", tmp_path / "out")


def idx_bytes(kind, shape, body):
    return bytes([0, 0, kind, len(shape)]) + struct.pack(f">{len(shape)}I", *shape) + body


def test_idx_files_are_read_in_every_dtype(tmp_path):
    path = tmp_path / "file"
    for kind, dtype in idx.DTYPES.items():
        array = np.arange(-3, 3).reshape(2, 3).astype(dtype)
        path.write_bytes(idx_bytes(kind, (2, 3), array.tobytes()))
        read = data.read_idx(path)
        assert read.dtype == np.dtype(dtype).newbyteorder("=")
        np.testing.assert_array_equal(read, array)
    packed = tmp_path / "file.gz"
    packed.write_bytes(gzip.compress(path.read_bytes()))
    np.testing.assert_array_equal(data.read_idx(packed), read)


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", "not an IDX file"),
        (b"\x89PNG", "not an IDX file"),
        (bytes([0, 0, 7, 1]), "not an IDX file"),
        (bytes([0, 0, 8, 4]) + bytes(16), "not an IDX file"),
        (bytes([0, 0, 8, 2, 0, 0]), "within its sizes"),
        (idx_bytes(8, (2**31, 2**31), b""), "more than the"),
        (idx_bytes(8, (2**32 - 1,), b"ab"), "more than the|but 2 follow"),
        (idx_bytes(8, (3,), b"ab"), "but 2 follow"),
        (idx_bytes(8, (3,), b"abcd"), "but more follow"),
        (idx_bytes(14, (3,), b"abc"), "but 3 follow"),
    ],
)
def test_hostile_idx_files_are_refused(tmp_path, content, words):
    path = tmp_path / "file"
    path.write_bytes(content)
    with pytest.raises(RefusedFileError, match=words):
        data.read_idx(path)
    packed = tmp_path / "file.gz"
    packed.write_bytes(gzip.compress(content)[:-9])
    with pytest.raises(RefusedFileError):
        data.read_idx(packed)


def test_mnist_from_its_files(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"train-images-idx3-ubyte.*put it there"):
        data.mnist(tmp_path)
    pictures = np.random.RandomState(0).randint(0, 256, (4, 5, 6)).astype(np.uint8)
    images = idx_bytes(8, (4, 5, 6), pictures.tobytes())
    (tmp_path / "t10k-images-idx3-ubyte.gz").write_bytes(gzip.compress(images))
    (tmp_path / "t10k-labels-idx1-ubyte").write_bytes(idx_bytes(8, (4,), bytes([3, 1, 4, 1])))
    read, labels = data.mnist(tmp_path, train=False)
    np.testing.assert_array_equal(read, pictures)
    assert labels.tolist() == [3, 1, 4, 1]
    (tmp_path / "t10k-labels-idx1-ubyte").write_bytes(idx_bytes(8, (3,), bytes(3)))
    with pytest.raises(RefusedFileError, match="4 pictures but 3 labels"):
        data.mnist(tmp_path, train=False)


def test_cifar100_from_its_files(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"cifar-100-python\.tar\.gz.*unpack it there"):
        data.cifar100(tmp_path)
    rows = np.random.RandomState(0).randint(0, 256, (2, 3072)).astype(np.uint8)
    held = {b"data": rows, b"fine_labels": [99, 3], b"coarse_labels": [19, 0]}
    (tmp_path / "train").write_bytes(pickle.dumps(held, 2))
    pictures, labels = data.cifar100(tmp_path)
    np.testing.assert_array_equal(pictures.reshape(2, -1), rows)
    assert labels.tolist() == [99, 3]
    assert data.cifar100(tmp_path, coarse=True)[1].tolist() == [19, 0]
    (tmp_path / "train").write_bytes(pickle.dumps({**held, b"coarse_labels": [20, 0]}, 2))
    with pytest.raises(RefusedFileError, match=r"not one of 0 \.\. 19"):
        data.cifar100(tmp_path, coarse=True)


class Evil:
    def __reduce__(self):
        return os.system, ("touch /tmp/owned",)


def test_nothing_in_a_cifar_file_is_executed(tmp_path):
    path = tmp_path / "batch"
    for content in ({"data": Evil()}, {"data": np.zeros((1, 5), np.uint8)}, {"label_names": [3]}, [1]):
        path.write_bytes(pickle.dumps(content, 2))
        with pytest.raises(RefusedFileError):
            cifar.read_rows(path)
        with pytest.raises(RefusedFileError):
            cifar.read_names(path, "label_names")


def test_folders_of_classes(tmp_path):
    with pytest.raises(FileNotFoundError, match="Couldn't find any class folder"):
        folder.class_folders(tmp_path)
    for name in ("b/x.PNG", "b/deep/y.jpg", "a/z.txt", "a/w.webp"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).touch()
    names, numbers = folder.class_folders(tmp_path)
    assert (names, numbers) == (["a", "b"], {"a": 0, "b": 1})
    found = folder.class_files(tmp_path, numbers, folder.EXTENSIONS)
    assert [(os.path.basename(path), number) for path, number in found] == [
        ("w.webp", 0),
        ("x.PNG", 1),
        ("y.jpg", 1),
    ]
    only = folder.class_files(tmp_path, numbers, is_valid=lambda path: path.endswith("txt"), allow_empty=True)
    assert [number for _, number in only] == [0]
    with pytest.raises(
        FileNotFoundError, match=r"no valid file for the classes b\. Supported extensions are: txt"
    ):
        folder.class_files(tmp_path, numbers, "txt")
    with pytest.raises(ValueError, match="cannot be None or not None at the same time"):
        folder.class_files(tmp_path, numbers)
    with pytest.raises(ValueError, match="at least one entry"):
        folder.class_files(tmp_path, {}, "txt")

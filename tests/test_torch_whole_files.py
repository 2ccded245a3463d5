"""What goes into and out of files: whole modules, values of NumPy, and what is refused."""

import io
import pickle
import sys

import pytest

import fnnet.torch as ft
from fnnet.checkpoint import RefusedFileError
from fnnet.checkpoint.pt_write import Writer


def saved(value):
    file = io.BytesIO()
    ft.save(value, file)
    file.seek(0)
    return file


def naming(module, name, state=None):
    """A file with an object of this class, or with the name alone."""
    stream = b"\x80\x02}" + pickle.dumps("a", 2)[2:-1] + f"c{module}\n{name}\n".encode()
    if state is not None:
        stream += b")\x81" + pickle.dumps(state, 2)[2:-1] + b"b"
    file = io.BytesIO()
    Writer(repr).write(file, stream + b"s.")
    file.seek(0)
    return file


class Own:
    """A plain class of a module beside the tests; not of the script's folder, which is pytest's."""


class Closing(ft.nn.Linear):
    """A network that pickles in its own way."""

    def __setstate__(self, state):
        raise AssertionError("code of a class ran while a file was read")


@pytest.mark.parametrize(
    ("module", "name"),
    [
        ("os", "system"), ("os.path", "join"), ("subprocess", "Popen"), ("builtins", "eval"),
        ("pickle", "loads"), ("tempfile", "_TemporaryFileCloser"), ("shutil", "rmtree"),
        (__name__, "Own"), (__name__, "Closing"), ("numpy", "load"),
        ("sys", "modules"), ("collections", "deque"), ("this", "that"),
        ("torch.nn", "Missing"), ("fnnet.torch.nn", "Linear.forward"),
    ],
)  # fmt: skip
@pytest.mark.parametrize("state", [None, {"a": 1}])
def test_a_file_names_no_other_class_or_function(module, name, state):
    before = set(sys.modules)
    with pytest.raises(RefusedFileError):
        ft.load(naming(module, name, state), weights_only=False)
    assert "this" not in set(sys.modules) - before


def test_whole_modules_need_to_be_asked_for():
    file = saved(ft.nn.Linear(2, 2))
    with pytest.raises(RefusedFileError, match="Linear"):
        ft.load(file)
    file.seek(0)
    assert repr(ft.load(file, weights_only=False)).startswith("Linear(in_features=2")


def test_what_cannot_be_written_is_refused_by_name():
    hooked = ft.nn.Linear(2, 2)
    hooked.register_forward_hook(print)
    with pytest.raises(NotImplementedError, match=r"Linear with hooks.*state_dict"):
        saved(hooked)
    with pytest.raises(NotImplementedError, match=r"Closing"):
        saved(Closing(2, 2))
    with pytest.raises((pickle.PicklingError, AttributeError), match="lambda"):
        saved({"key": lambda x: x})
    with pytest.raises(NotImplementedError, match="object"):
        saved({"a": object()})


@pytest.mark.torch
def test_pytorch_reads_numpy_values():
    torch = pytest.importorskip("torch")
    import numpy as np

    value = {
        "a": np.arange(4.0),
        "b": np.float32(2),
        "c": np.array(["x", "yz"]),
        "d": np.zeros((0, 2), ">i4"),
    }
    seen = torch.load(saved(value), weights_only=False)
    for key, want in value.items():
        np.testing.assert_array_equal(seen[key], want)
    back = io.BytesIO()
    torch.save(value, back)
    back.seek(0)
    for key, want in ft.load(back).items():
        np.testing.assert_array_equal(want, value[key])


def test_objects_of_numpy_are_refused():
    import numpy as np

    stream = pickle.dumps({"a": np.array([object()], dtype=object)}, protocol=2)
    file = io.BytesIO()
    Writer(repr).write(file, stream)
    file.seek(0)
    with pytest.raises(RefusedFileError):
        ft.load(file, weights_only=False)

"""What goes into and out of files: whole modules, values of NumPy, and what is refused."""

import io
import pathlib
import pickle
import random
import sys
from types import ModuleType

import files_exchanged
import numpy as np
import pytest

import fnnet.torch as ft
from fnnet.checkpoint import RefusedFileError
from fnnet.checkpoint.pt_write import Stored, Writer
from fnnet.torch import whole_modules


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


HOSTILE = sorted((pathlib.Path(__file__).parent / "hostile" / "files").glob("*.pt"))
ORDERED = b"ccollections\nOrderedDict\n)R"


def put(value):
    """The opcodes of a plain value."""
    return pickle.dumps(value, 2)[2:-1]


def called(module, name, *arguments):
    return f"c{module}\n{name}\n".encode() + b"(" + b"".join(arguments) + b"tR"


def built(module, name, state):
    return f"c{module}\n{name}\n".encode() + b")\x81" + state + b"b"


def tabled(**items):
    return b"}(" + b"".join(put(name) + item for name, item in items.items()) + b"u"


def storage(kind, count, key="0"):
    inside = put("storage") + f"ctorch\n{kind}\n".encode() + put(key) + put("cpu") + put(count)
    return b"(" + inside + b"tQ"


def tensor(kind="FloatStorage", requires_grad=False):
    place = put(0) + put((2,)) + put((1,)) + put(requires_grad)
    return called("torch._utils", "_rebuild_tensor_v2", storage(kind, 2), place, ORDERED)


NAME = b"cos\ngetpid\n"
TABLES = {"_parameters": b"}", "_buffers": b"}", "_modules": b"}"}
STREAMS = {
    "a factory that is a function": called("collections", "defaultdict", NAME),
    "a factory that is a tensor": called("collections", "defaultdict", tensor()),
    "a factory that is the program's": called("collections", "defaultdict", b"cfiles_exchanged\nColor\n"),
    "a deque of less than nothing": called("collections", "deque", b")", put(-1)),
    "a deque of a tensor": called("collections", "deque", tensor()),
    "a fraction as long as it says": called("fractions", "Fraction", put("1e999999999")),
    "a decimal of many digits": called("decimal", "Decimal", put("1" * 5000)),
    "a range of text": called("__builtin__", "xrange", put("a")),
    "a date of many bytes": called("datetime", "datetime", put(b"x" * 99)),
    "a partial of a command": called("functools", "partial", NAME),
    "a partial of what runs scripts": called("functools", "partial", b"cfnnet.torch.script\nrun\n"),
    "a partial of what writes files": called("functools", "partial", b"ctorch\nsave\n"),
    "a partial of what reads files": called("functools", "partial", b"ctorch.serialization\nload\n"),
    "a partial of a string": called("functools", "partial", put("eval")),
    "another function after all": called("functools", "partial", b"cfiles_exchanged\ndescribed\n")
    + b"(" + b"cfiles_exchanged\nnetwork\n" + b")}Ntb",
    "a class that is called": called("files_exchanged", "Settings", put(1)),
    "a function that is called": called("files_exchanged", "network", put(1)),
    "a member that is not there": called("files_exchanged", "Color", put(7)),
    "a member that is made": built("files_exchanged", "Color", tabled(x=put(1))),
    "a pair of three": b"cfiles_exchanged\nPair\n(" + put(1) * 3 + b"t\x81",
    "an optimizer made of nothing": built("torch.optim.adam", "Adam", tabled(x=put(1))),
    "a module that is called": called("torch.nn.modules.linear", "Linear", put(1), put(1)),
    "a module without tables": built("torch.nn.modules.linear", "Linear", tabled(in_features=put(1))),
    "a module without sizes": built("torch.nn.modules.linear", "Linear", tabled(**TABLES)),
    "a module with hooks": built(
        "torch.nn.modules.container", "Sequential",
        tabled(**TABLES, _forward_hooks=b"}" + put(1) + put(2) + b"s")
    ),
    "a layer of text": built(
        "torch.nn.modules.conv", "Conv2d", tabled(**TABLES, **dict.fromkeys(["in_channels"], put("a")))
    ),
    "a transformer without parts": built(
        "torch.nn.modules.transformer", "TransformerEncoderLayer", tabled(**TABLES)
    ),
    "a storage as a module": b"(" + put("module") + NAME + put("") + put("") + b"tQ",
    "integers with a gradient": tensor("LongStorage", True),
    "a parameter of integers": called(
        "torch._utils", "_rebuild_parameter", tensor("LongStorage"), put(True), ORDERED
    ),
    "an attribute that tensors have": called(
        "torch._utils", "_rebuild_parameter_with_state", tensor(), put(True), ORDERED, tabled(_storage=put(1))
    ),
    "a method as an attribute": called(
        "torch._utils", "_rebuild_parameter_with_state", tensor(), put(True), ORDERED, tabled(backward=put(1))
    ),
    "attributes that are none": called(
        "torch._utils", "_rebuild_parameter_with_state", tensor(), put(True), ORDERED, put([1])
    ),
    "a tensor of a class that is no tensor's": called(
        "torch._tensor", "_rebuild_from_type_v2", b"ctorch._utils\n_rebuild_tensor_v2\n",
        b"cfiles_exchanged\nSettings\n", b"(" + storage("FloatStorage", 2) + put(0) + put((2,)) + put((1,))
        + put(False) + ORDERED + b"t", b"}"
    ),
    "values that lie nowhere": called(
        "torch._utils", "_rebuild_meta_tensor_no_storage", b"ctorch\nfloat32\n", put((1 << 61,) * 2),
        put((1, 1)), put(False)
    ),
    "numbers compared with a tensor": called(
        "numpy._core.multiarray", "_reconstruct", b"cnumpy\nndarray\n", tensor(), put(b"b")
    ),
    "an integer that announces more": b"\x8b\xff\xff\xff\x7f" + b"1",
    "an integer of less than nothing": b"\x8b\xff\xff\xff\xff" + b"1",
}  # fmt: skip
"""What names more than weights, none of it as files have it; nothing of it may be called."""


@pytest.mark.parametrize("name", STREAMS)
def test_what_more_than_weights_may_name_is_checked(name, monkeypatch):
    monkeypatch.setattr(sys.modules["__main__"], "__file__", files_exchanged.__file__, raising=False)
    file = io.BytesIO()
    writer = Writer(repr)
    wide = 8 if "Long" in repr(STREAMS[name]) else 4
    writer.storages = {
        "memory": ("0", Stored("memory", lambda: np.zeros(2 * wide, np.uint8), "uint8", 2 * wide))
    }
    writer.write(file, b"\x80\x02" + STREAMS[name] + b".")
    for weights_only in (True, False):
        file.seek(0)
        with pytest.raises(RefusedFileError) as refused:
            ft.load(file, weights_only=weights_only)
        assert isinstance(refused.value, pickle.UnpicklingError)


@pytest.mark.parametrize("file", HOSTILE, ids=lambda file: file.name)
def test_hostile_files_are_refused_as_whole_files_too(file):
    if file.name == "legacy_longer.pt":
        assert ft.load(file) is not None  # files of that format follow one another
        return
    for weights_only in (True, False):
        with pytest.raises(RefusedFileError):
            ft.load(file, weights_only=weights_only)


def test_damaged_whole_files_are_refused_or_read(monkeypatch):
    monkeypatch.setattr(sys.modules["__main__"], "__file__", files_exchanged.__file__, raising=False)
    draw, outcomes = random.Random(0), set()
    values = [make(ft) for name, make in files_exchanged.OBJECTS.items() if name != "functions"]
    values.append(ft.nn.Sequential(ft.nn.Conv1d(1, 2, 3), ft.nn.LSTM(1, 1), ft.nn.Dropout(0.1)))
    for value in values:
        file = io.BytesIO()
        ft.save(value, file, _use_new_zipfile_serialization=False)
        for _ in range(60):
            content = bytearray(file.getvalue())
            for _ in range(draw.randint(1, 3)):
                at = draw.randrange(len(content))
                if draw.random() < 0.5:
                    content[at] = draw.choice(b"().0123RbQcq]}ehtuasNKJMX\x85\x81\xff\x8a\x8b\x93")
                else:
                    del content[at : at + draw.randint(1, 30)]
            try:
                ft.load(io.BytesIO(bytes(content)), weights_only=False)
                outcomes.add("read")
            except RefusedFileError:
                outcomes.add("refused")
    assert outcomes == {"read", "refused"}


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
    stream = pickle.dumps({"a": np.array([object()], dtype=object)}, protocol=2)
    file = io.BytesIO()
    Writer(repr).write(file, stream)
    file.seek(0)
    with pytest.raises(RefusedFileError):
        ft.load(file, weights_only=False)


@pytest.mark.parametrize(
    ("file", "own"),
    [
        ("work/beside.py", True),
        ("work/package/below.py", True),
        ("work/env/lib/python3/site-packages/library.py", False),
        ("work_of_others/beside.py", False),
    ],
)
def test_the_program_is_what_lies_beside_the_script(monkeypatch, tmp_path, file, own):
    module = ModuleType("a_module_of_somebody")
    module.__file__ = str(tmp_path / file)
    module.Plain = type("Plain", (), {"__module__": module.__name__})
    monkeypatch.setitem(sys.modules, module.__name__, module)
    monkeypatch.setattr(
        sys.modules["__main__"], "__file__", str(tmp_path / "work" / "script.py"), raising=False
    )
    assert (whole_modules.find(module.__name__, "Plain", False) is module.Plain) is own

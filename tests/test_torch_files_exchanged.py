"""Files of both formats go both ways between PyTorch and the adapter: nobody can tell which wrote them."""

import io
import pickle
import subprocess
import sys

import files_exchanged as exchanged
import numpy as np
import pytest

import fnnet.torch as ft
from fnnet.checkpoint import RefusedFileError


def saved(T, value, **options):
    file = io.BytesIO()
    T.save(value, file, **options)
    file.seek(0)
    return file


def made(T, name):
    T.manual_seed(0)
    return {**exchanged.WEIGHTS, **exchanged.OBJECTS}[name](T)


@pytest.fixture
def program(monkeypatch):
    """The module of the values counts as the script's."""
    monkeypatch.setattr(sys.modules["__main__"], "__file__", exchanged.__file__, raising=False)


@pytest.fixture(params=[True, False], ids=["zip", "older"])
def options(request):
    return {"_use_new_zipfile_serialization": request.param}


@pytest.mark.parametrize("name", [*exchanged.WEIGHTS, *exchanged.OBJECTS])
def test_what_the_adapter_saves_it_loads(name, options, program):
    value = made(ft, name)
    seen = ft.load(saved(ft, value, **options), weights_only=name in exchanged.WEIGHTS)
    if name not in (
        "grad",
        "strided",
        "results",
    ):  # leaves after loading; parts of memory that nothing else saw
        assert exchanged.described(seen, ft) == exchanged.described(value, ft)
    if name in exchanged.OBJECTS and name != "results":
        with pytest.raises(
            (RefusedFileError, pickle.UnpicklingError), match="not an allowed global by default"
        ):
            ft.load(saved(ft, value, **options))


@pytest.mark.torch
@pytest.mark.parametrize("name", [*exchanged.WEIGHTS, *exchanged.OBJECTS])
def test_values_go_both_ways(name, options, program):
    torch = pytest.importorskip("torch")
    if name == "unsigned" and not options["_use_new_zipfile_serialization"]:
        pytest.skip("PyTorch does not read such files of its own")
    choice = {"weights_only": name in exchanged.WEIGHTS}
    theirs, ours = saved(torch, made(torch, name), **options), saved(ft, made(ft, name), **options)
    wanted = exchanged.described(torch.load(theirs, **choice), torch)
    theirs.seek(0)
    assert exchanged.described(torch.load(ours, **choice), torch) == wanted
    assert exchanged.described(ft.load(theirs, **choice), ft) == wanted


@pytest.mark.torch
@pytest.mark.filterwarnings("ignore:enable_nested_tensor", "ignore:Initializing zero-element")
@pytest.mark.parametrize("code", exchanged.MODULES)
def test_whole_modules_go_both_ways(code, options):
    torch = pytest.importorskip("torch")
    shape, both, results = exchanged.MODULES[code], (torch, ft), []
    nets = []
    for T in both:
        T.manual_seed(0)
        nets.append(eval(f"T.nn.{code}", {"T": T}).eval())
    for T, other, net in ((torch, ft, nets[0]), (ft, torch, nets[1])):
        read = other.load(saved(T, net, **options), weights_only=False)
        assert repr(read) == repr(net)
        assert not read.training
        assert list(read.state_dict()) == list(net.state_dict())
        for mine, yours in zip(read.state_dict().values(), net.state_dict().values(), strict=True):
            np.testing.assert_array_equal(mine.detach().numpy(), yours.detach().numpy())
        if shape:
            x = np.random.default_rng(0).normal(size=shape).astype(np.float32)
            outcome = read(other.tensor(x))
            results.append((outcome[0] if isinstance(outcome, tuple) else outcome).detach().numpy())
        missing = set(vars(nets[both.index(other)])) - set(vars(read))
        assert missing <= {"use_nested_tensor"}
    if shape:
        np.testing.assert_allclose(*results, rtol=1e-5, atol=1e-6)


@pytest.mark.torch
@pytest.mark.filterwarnings("ignore:Couldn't retrieve source code")
def test_a_network_of_a_program_s_own_class(program, options, monkeypatch):
    torch = pytest.importorskip("torch")
    x, nets = np.ones((2, 3), np.float32), {T: exchanged.network(T) for T in (torch, ft)}
    for T, other in ((torch, ft), (ft, torch)):
        T.manual_seed(0)
        monkeypatch.setattr(exchanged, "Own", nets[T], raising=False)
        net = nets[T]().eval()
        file = saved(T, net, **options)
        monkeypatch.setattr(exchanged, "Own", nets[other])  # the class of that name in the program that reads
        read = other.load(file, weights_only=False)
        assert type(read) is nets[other]
        got, want = read(other.tensor(x)).detach().numpy(), net(T.tensor(x)).detach().numpy()
        np.testing.assert_allclose(got, want, rtol=1.3e-6, atol=1e-5)
        assert "scale" not in read.state_dict()


STEPS = {
    "AdamW(p, lr=T.tensor(0.01), amsgrad=True)": "OneCycleLR(o, 0.1, total_steps=20)",
    "SGD([{'params': p[:1], 'lr': 0.1}, {'params': p[1:]}], lr=0.01, momentum=0.9)": "ReduceLROnPlateau(o)",
    "RMSprop(p, centered=True)": "SequentialLR(o, [L.ConstantLR(o), L.ExponentialLR(o, 0.9)], [2])",
    "NAdam(p, decoupled_weight_decay=True)": "CyclicLR(o, 0.01, 0.1, step_size_up=2, cycle_momentum=False)",
    "Adafactor(p)": "LambdaLR(o, lambda e: 0.9**e)",
}


def trained(T, optimizer, schedule, start=None):
    """Losses before and after the file; what it holds."""
    draw = np.random.default_rng(0)
    x, *weights = (T.tensor(draw.normal(size=size).astype(np.float32)) for size in ((8, 4), (6, 4), (2, 6)))
    p = [T.nn.Parameter(w) for w in weights]
    o = eval(f"T.optim.{optimizer}", {"T": T, "p": p})
    s = eval(f"L.{schedule}", {"L": T.optim.lr_scheduler, "o": o})

    def steps(count):
        losses = []
        for _ in range(count):
            o.zero_grad()
            loss = (T.tanh(x @ p[0].t()) @ p[1].t()).square().mean()
            loss.backward()
            o.step()
            s.step(*([loss.item()] if "Plateau" in schedule else []))
            losses.append(loss.item())
        return losses

    if start is None:
        steps(3)
    else:
        for mine, read in zip(p, start["p"], strict=True):
            mine.data.copy_(read)
        o.load_state_dict(start["o"])
        s.load_state_dict(start["s"])
    file = saved(T, {"p": p, "o": o.state_dict(), "s": s.state_dict()})
    return file, steps(4)


@pytest.mark.slow
@pytest.mark.torch
@pytest.mark.parametrize("optimizer", STEPS)
def test_training_goes_on_in_the_other_library(optimizer):
    torch = pytest.importorskip("torch")
    for T, other in ((torch, ft), (ft, torch)):
        file, want = trained(T, optimizer, STEPS[optimizer])
        start = other.load(file, weights_only="Lambda" not in STEPS[optimizer])
        np.testing.assert_allclose(trained(other, optimizer, STEPS[optimizer], start)[1], want, rtol=3e-5)


def raised(action):
    try:
        return action(), ""
    except Exception as error:
        return type(error), str(error)


@pytest.mark.torch
def test_damage_raises_what_pytorch_raises(options, tmp_path):
    torch = pytest.importorskip("torch")
    content = saved(torch, [torch.ones(20)], **options).getvalue()
    for part in (b"", b"nothing", b"PK\3\4abc", content[:-30], content[:-1]):
        for weights_only in (True, False):
            kinds = [
                raised(lambda T=T: T.load(io.BytesIO(part), weights_only=weights_only))[0]  # noqa: B023
                for T in (torch, ft)
            ]
            assert issubclass(kinds[1], kinds[0])
            assert issubclass(kinds[1], RefusedFileError)
    path = tmp_path / "a.pt"
    path.write_bytes(content)
    for action in (
        lambda T: T.load(io.BytesIO(content), mmap=True),
        lambda T: T.load(str(path), mmap=True)[0].tolist(),
        lambda T: T.load(tmp_path / "none.pt"),
        lambda T: T.load(path, pickle_module=pickle)[0].tolist(),
        lambda T: T.load(path, pickle_module=pickle, weights_only=True),
        lambda T: T.load(3),
        lambda T: T.save([1], 3),
        lambda T: T.save([1], tmp_path / "none" / "a.pt"),
        lambda T: T.save((x for x in ()), io.BytesIO()),
        lambda T: T.save((lambda a: [a, a.view(T.int32)])(T.ones(2)), io.BytesIO()),
        lambda T: T.serialization.add_safe_globals([(dict, 3)]) or T.load(path)[0].tolist(),
        lambda T: T.load(path, map_location="xyz"),
        lambda T: T.load(path, map_location="cuda"),
        lambda T: T.load(path, map_location="meta")[0].shape,
        lambda T: T.load(path, map_location={"cpu": "meta"})[0].device.type,
        lambda T: T.load(path, map_location=lambda storage, location: storage)[0].tolist(),
        lambda T: T.load(path, map_location=lambda storage, location: None)[0].tolist(),
        lambda T: T.load(path, map_location=T.device("cpu"))[0].tolist(),
    ):
        want, got = raised(lambda: action(torch)), raised(lambda: action(ft))  # noqa: B023
        for T in (torch, ft):
            T.serialization.clear_safe_globals()
        assert got == want


@pytest.mark.parametrize("older", [True, False])
def test_files_within_files(older):
    file = io.BytesIO(b"before")
    file.seek(6)
    ft.save([1, ft.ones(2)], file, _use_new_zipfile_serialization=not older)
    if older:
        ft.save([2], file, _use_new_zipfile_serialization=False)
    file.seek(6)
    assert ft.load(file)[0] == 1
    if older:
        assert ft.load(file) == [2]


def test_safe_globals_by_pytorch_s_rules(program):
    value = exchanged.OBJECTS["program"](ft)[2]
    allow = [exchanged.Settings, (exchanged.Pair, "old.Place")]
    with ft.serialization.safe_globals(allow):
        assert ft.load(saved(ft, value)).rate == 0.1
        assert ft.serialization.get_safe_globals() == allow
    with pytest.raises(pickle.UnpicklingError, match=r"add_safe_globals\(\[files_exchanged.Settings\]\)"):
        ft.load(saved(ft, value))
    with ft.serialization.safe_globals([set().__class__, __import__("collections").defaultdict, list]):
        assert ft.load(saved(ft, exchanged.OBJECTS["library"](ft)[0]))["a"][0].tolist() == [1]


CRASH = """
import sys
import fnnet.torch as torch
torch.save({"a": torch.ones(3)}, sys.argv[1])
class Killing:
    pass
import os, fnnet.checkpoint.pt_write as writing
real = writing._bytes
def stop(stored):
    if sys.argv[2] == "kill":
        os._exit(9)
    raise RuntimeError("stopped")
writing._bytes = stop
torch.save({"a": torch.zeros(3)}, sys.argv[1])
"""


@pytest.mark.slow
@pytest.mark.parametrize("way", ["kill", "raise"])
def test_a_crash_while_saving_leaves_the_old_file(way, tmp_path):
    path = tmp_path / "a.pt"
    done = subprocess.run([sys.executable, "-c", CRASH, path, way], capture_output=True, timeout=100)
    assert done.returncode == (9 if way == "kill" else 1)
    assert ft.load(path)["a"].tolist() == [1, 1, 1]
    assert [one.name for one in tmp_path.iterdir() if one.suffix == ".pt"] == ["a.pt"]


COPIED = [
    "dtypes",
    "views",
    "expanded",
    "strided",
    "permuted",
    "grad",
    "parameters",
    "attributes",
    "conjugate",
]


@pytest.mark.torch
@pytest.mark.parametrize("name", COPIED)
def test_pickles_and_copies_are_pytorch_s(name):
    import copy

    torch = pytest.importorskip("torch")
    for way in (lambda x: pickle.loads(pickle.dumps(x)), copy.copy, copy.deepcopy):
        outcomes = []
        for T in (torch, ft):
            value = made(T, name)
            outcomes.append(raised(lambda: exchanged.described([value, way(value)], T)))  # noqa: B023
        assert outcomes[0] == outcomes[1]

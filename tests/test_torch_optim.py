"""torch.optim of the adapter: PyTorch's recorded runs, the words of its errors, and what a loop costs."""

import copy
from pathlib import Path

import numpy as np
import optim_cases as cases
import pytest

import fnnet.torch as torch
from fnnet.torch import optim

RECORDED = np.load(Path(__file__).parent / "reference" / "optim_rules.npz")
# assert_close's tolerances.
TOLERANCE = {"float32": {"rtol": 1.3e-6, "atol": 1e-5}, "float64": {"rtol": 1e-7, "atol": 1e-7}}
TOLERANCE["complex128"] = TOLERANCE["float64"]
# The arithmetic is tested in every dtype where it is written; here each class and option once.
EVERY = sorted(
    {tuple(key.split("/")[:3]) for key in RECORDED if not key.startswith(("LBFGS", "SparseAdam"))}
    - {tuple(key.split("/")[:3]) for key in RECORDED if ("/0/" in key) == ("float64" in key)}
    - {("Muon", "1", "float64"), ("Adafactor", "2", "float64")}
)


def leaf(array):
    return torch.tensor(np.asarray(array)).requires_grad_()


@pytest.mark.parametrize(("name", "index", "dtype"), EVERY)
def test_steps_and_state_are_those_of_torch(name, index, dtype):
    start, grads = cases.problem(cases.shapes_of(name), dtype.startswith("complex"))
    params = [leaf(p.astype(dtype)) for p in start]
    optimizer = getattr(optim, name)(params, **cases.RULE_CASES[name][int(index)])
    prefix = f"{name}/{index}/{dtype}"
    for step, now in enumerate(grads, 1):
        for p, g in zip(params, now, strict=True):
            p.grad = torch.tensor(np.asarray(g).astype(dtype))
        optimizer.step()
        if step in cases.SEEN:
            seen = cases.flat([p.detach().numpy() for p in params])
            np.testing.assert_allclose(seen, RECORDED[f"{prefix}/p/{step}"], **TOLERANCE[dtype])
    kept = {}
    for p in params:
        for key, value in optimizer.state[p].items():
            kept.setdefault(key, []).append(value.numpy())
    recorded = {key.removeprefix(f"{prefix}/s/") for key in RECORDED if key.startswith(f"{prefix}/s/")}
    assert set(kept) == recorded
    for key, values in kept.items():
        np.testing.assert_allclose(cases.flat(values), RECORDED[f"{prefix}/s/{key}"], **TOLERANCE[dtype])


def _loop(optimizer, w, steps, read=True):
    x = torch.ones(4, 3)
    for t in range(steps):
        loss = (x @ w).pow(2).sum()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        optimizer.param_groups[0]["lr"] = 0.01 / (2 + t)
        if read:
            loss.item()


@pytest.mark.parametrize("name", ["SGD", "Adam", "RMSprop", "Rprop"])
def test_a_loop_costs_a_dispatch_a_step_and_another_if_it_reads_its_loss(name):
    w = leaf(np.ones((3, 2), np.float32))
    options = {"momentum": 0.9} if name == "SGD" else {}
    optimizer = getattr(optim, name)([w], lr=0.01, **options)
    for read in (True, False):
        _loop(optimizer, w, 10, read)
        torch.reset_stats()
        _loop(optimizer, w, 20, read)
        counts = torch.stats()
        # the first turn makes x too, so its forward pass is of another kind
        assert (counts.dispatches, counts.compilations) == (39 if read else 20, 0)


def test_loading_a_state_goes_on_as_if_nothing_had_happened():
    def run(optimizer, p, steps):
        for t in range(steps):
            p.grad = torch.full((3,), 0.1 * (t + 1))
            optimizer.step()

    p = leaf(np.ones(3, np.float32))
    first = optim.Adam([p], lr=0.1, amsgrad=True)
    run(first, p, 3)
    q = leaf(p.detach().numpy())
    second = optim.Adam([q], lr=7.0)
    second.load_state_dict(first.state_dict())
    assert list(second.state_dict()) == ["state", "param_groups"]
    assert (second.param_groups[0]["lr"], second.param_groups[0]["amsgrad"]) == (0.1, True)
    kept = {k: v.clone() for k, v in first.state[p].items()}
    second.state[q] = kept  # PyTorch, too, shares the tensors with the state that was loaded
    run(first, p, 2)
    run(second, q, 2)
    assert p.tolist() == q.tolist()
    assert second.state[q]["step"].item() == 5.0


def test_parameters_without_gradient_stay_and_have_no_state():
    p, q = leaf(np.ones(2)), leaf(np.ones(2))
    optimizer = optim.Adam([p, q])
    p.grad = torch.ones(2, dtype=torch.float64)
    optimizer.step()
    q.grad = torch.ones(2, dtype=torch.float64)
    optimizer.step()
    assert optimizer.state[p]["step"].item() == 2.0
    assert optimizer.state[q]["step"].item() == 1.0
    assert q.tolist() != p.tolist()


def test_a_step_counts_a_version_and_alters_views():
    p = leaf(np.ones(2, np.float32))
    view = p.detach()[0]
    y = (p * p).sum()
    p.grad = torch.ones(2)
    version = p._version
    optim.SGD([p], lr=0.5).step()
    assert p._version == version + 1
    assert view.item() == 0.5
    with pytest.raises(RuntimeError, match="modified by an inplace operation"):
        y.backward()


def test_closure_hooks_and_zero_grad():
    p = leaf(np.ones(2, np.float32))
    optimizer = optim.SGD([p], lr=0.5)
    seen = []
    handle = optimizer.register_step_pre_hook(lambda o, args, kwargs: seen.append("pre"))
    optimizer.register_step_post_hook(lambda o, args, kwargs: seen.append("post"))

    def closure():
        optimizer.zero_grad()
        loss = p.sum()
        loss.backward()
        seen.append("closure")
        return loss

    with torch.no_grad():
        loss = optimizer.step(closure)
    assert loss.item() == 2.0
    assert p.tolist() == [0.5, 0.5]
    handle.remove()
    optimizer.step(closure)
    assert seen == ["pre", "closure", "post", "closure", "post"]
    optimizer.zero_grad(set_to_none=False)
    assert p.grad.tolist() == [0.0, 0.0]
    optimizer.zero_grad()
    assert p.grad is None


def test_tensor_learning_rate_is_read_at_each_step():
    p, lr = leaf(np.ones(2, np.float32)), torch.tensor(0.5)
    optimizer = optim.SGD([p], lr=lr)
    p.grad = torch.ones(2)
    optimizer.step()
    lr.fill_(0.25)
    optimizer.step()
    assert p.tolist() == [0.25, 0.25]


def _w():
    return leaf(np.ones(2, np.float32))


ERRORS = [
    (lambda: optim.SGD([]), ValueError, "optimizer got an empty parameter list"),
    (
        lambda: optim.SGD(_w()),
        TypeError,
        "params argument given to the optimizer should be an iterable of Tensors or dicts, but got "
        "torch.FloatTensor",
    ),
    (lambda: optim.SGD([1]), TypeError, "optimizer can only optimize Tensors, but one of the params is int"),
    (lambda: optim.SGD([_w() * 2]), ValueError, "can't optimize a non-leaf Tensor"),
    (lambda: optim.SGD([_w()], lr=-1), ValueError, "Invalid learning rate: -1"),
    (lambda: optim.Adam([_w()], betas=(1.0, 0.9)), ValueError, "Invalid beta parameter at index 0: 1.0"),
    (
        lambda: optim.Adam([_w()], betas=(0, 0.9)),
        ValueError,
        "betas must be either both floats or both Tensors",
    ),
    (
        lambda: optim.SGD([_w()], nesterov=True),
        ValueError,
        "Nesterov momentum requires a momentum and zero dampening",
    ),
    (
        lambda: optim.SGD([{"params": {_w()}}]),
        TypeError,
        "optimizer parameters need to be organized in ordered",
    ),
    (lambda: optim.SGD([_w()], momentun=1), TypeError, "unexpected keyword argument 'momentun'"),
    (
        lambda: optim.Muon([_w()]),
        ValueError,
        "Muon only supports 2D parameters whereas we found a parameter with",
    ),
]


@pytest.mark.parametrize(("call", "kind", "words"), ERRORS)
def test_errors(call, kind, words):
    with pytest.raises(kind) as caught:
        call()
    assert words in str(caught.value)


def test_groups():
    p, q = _w(), _w()
    optimizer = optim.SGD([{"params": p}, {"params": [q], "lr": 0.5}], lr=0.1)
    assert [g["lr"] for g in optimizer.param_groups] == [0.1, 0.5]
    with pytest.raises(ValueError, match="some parameters appear in more than one parameter group"):
        optimizer.add_param_group({"params": [q]})
    with pytest.raises(TypeError, match="param_group must be a dict, but got <class 'list'>"):
        optimizer.add_param_group([q])
    with pytest.raises(ValueError, match="different number of parameter groups"):
        optimizer.load_state_dict(optim.SGD([_w()]).state_dict())
    named = optim.SGD([("a", p), ("b", q)])
    assert named.param_groups[0]["param_names"] == ["a", "b"]
    assert named.state_dict()["param_groups"][0]["params"] == [0, 1]
    assert repr(optim.Rprop([p])) == (
        "Rprop (\nParameter Group 0\n    capturable: False\n    differentiable: False\n    etas: (0.5, 1.2)\n"
        "    foreach: None\n    lr: 0.01\n    maximize: False\n    step_sizes: (1e-06, 50)\n)"
    )
    assert copy.copy(named.defaults) == named.defaults


def _minimize(index, dtype, steps=cases.LBFGS_STEPS):
    x = leaf(cases.LBFGS_START.astype(dtype))
    optimizer = optim.LBFGS([x], **cases.LBFGS_CASES[index])

    def closure():
        optimizer.zero_grad()
        loss = cases.rosenbrock(x)
        loss.backward()
        return loss

    return x, optimizer, closure


@pytest.mark.parametrize("index", range(len(cases.LBFGS_CASES)))
def test_lbfgs_is_that_of_torch(index):
    x, optimizer, closure = _minimize(index, "float64")
    prefix = f"LBFGS/{index}/float64"
    for step in range(cases.LBFGS_STEPS):
        if step == 3:  # what is saved is all there is
            saved = optimizer.state_dict()
            optimizer = optim.LBFGS([x], lr=9.0)
            optimizer.load_state_dict(saved)
        loss = optimizer.step(closure).item()
        np.testing.assert_allclose(loss, RECORDED[f"{prefix}/loss"][step], rtol=1e-6)
        np.testing.assert_allclose(x.tolist(), RECORDED[f"{prefix}/x"][step], rtol=1e-6)
        state = optimizer.state[x]
        for key in ("func_evals", "n_iter"):
            assert state[key] == RECORDED[f"{prefix}/{key}"][step]
    for key in ("d", "H_diag", "prev_flat_grad", "prev_loss", "t"):
        value = state[key].numpy() if isinstance(state[key], torch.Tensor) else state[key]
        np.testing.assert_allclose(value, RECORDED[f"{prefix}/{key}"], rtol=1e-5, atol=1e-7)
    for key in ("old_dirs", "old_stps", "ro", "al"):
        rows = np.stack([row.numpy() for row in state[key] if row is not None])
        np.testing.assert_allclose(rows, RECORDED[f"{prefix}/{key}"], rtol=1e-4, atol=1e-7)
    assert len(state["al"]) == RECORDED[f"{prefix}/al_length"]
    assert list(state) == RECORDED[f"{prefix}/names"].tolist()


@pytest.mark.parametrize("scale", cases.LBFGS_SCALES)
def test_lbfgs_holds_numbers_where_torch_does(scale):
    x = leaf(cases.LBFGS_START)
    optimizer = optim.LBFGS([x], lr=0.5, max_iter=1)

    def closure():
        optimizer.zero_grad()
        loss = scale * cases.bowl(x)
        loss.backward()
        return loss

    optimizer.step(closure)
    state = optimizer.state[x]
    kinds = [f"{key} {type(state[key]).__name__}" for key in state]
    assert kinds == RECORDED[f"LBFGS/first/{scale}/kinds"].tolist()
    np.testing.assert_allclose(float(state["t"]), RECORDED[f"LBFGS/first/{scale}/t"], rtol=1e-12)


def test_lbfgs_compiles_no_more_when_its_history_grows():
    _, optimizer, closure = _minimize(0, "float32")
    for _ in range(2):
        optimizer.step(closure)
    torch.reset_stats()
    for _ in range(3):
        optimizer.step(closure)
    assert torch.stats().plans <= 2

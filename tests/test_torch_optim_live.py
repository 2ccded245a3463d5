"""torch.optim of the adapter beside PyTorch: signatures, groups, state_dicts, nets trained with schedules."""

import inspect

import numpy as np
import optim_cases as cases
import pytest

import fnnet.torch as ours
from fnnet.torch import optim
from fnnet.torch.optim import lr_scheduler

theirs = pytest.importorskip("torch")
pytestmark = pytest.mark.torch

NAMES = sorted(set(cases.RULE_CASES) | {"LBFGS"})


def make(library, name, **options):
    return getattr(library.optim, name)([library.zeros(2, 2).requires_grad_()], **options)


@pytest.mark.parametrize("name", NAMES)
def test_signature_groups_and_text(name):
    one, two = getattr(optim, name), getattr(theirs.optim, name)
    plain = [
        [(p.name, p.kind, p.default) for p in inspect.signature(c).parameters.values()] for c in (one, two)
    ]
    assert plain[0] == plain[1]
    a, b = make(ours, name), make(theirs, name)
    assert list(a.param_groups[0]) == list(b.param_groups[0])
    assert repr(a) == repr(b)
    assert a.state_dict()["param_groups"] == b.state_dict()["param_groups"]
    assert [list(v) for v in a.state.values()] == [list(v) for v in b.state.values()]
    assert a.defaults == b.defaults


def train(library, name, options, schedule):
    draw = np.random.RandomState(3)
    x, y = (library.tensor(draw.randn(8, n).astype(np.float32)) for n in (3, 4))
    w, v, c = (
        library.tensor(draw.randn(*s).astype(np.float32)).requires_grad_() for s in ((3, 5), (5, 4), (4, 4))
    )
    make = getattr(library.optim, name)
    optimizer = make([{"params": [w, v]}, {"params": [c], "lr": 0.02}], **options)
    scheduler = schedule(library.optim.lr_scheduler, optimizer)
    seen = []
    for step in range(6):
        optimizer.zero_grad()
        h = (x @ w).tanh() @ v
        loss = ((h @ c if step else h) - y).pow(2).mean()
        loss.backward()
        optimizer.step()
        scheduler.step()
        seen.append(loss.item())
    state = optimizer.state_dict()
    return seen, [p.detach().numpy() for p in (w, v, c)], state


SCHEDULES = [
    lambda s, o: s.LambdaLR(o, [lambda t: 0.5 * t, lambda t: 1 / (1 + t)]),
    lambda s, o: s.SequentialLR(o, [s.LinearLR(o, 0.1, total_iters=3), s.ExponentialLR(o, 0.9)], [3]),
]


@pytest.mark.filterwarnings("ignore::UserWarning")
@pytest.mark.parametrize("name", ["SGD", "Adam", "AdamW", "NAdam", "RMSprop", "Adagrad", "Muon"])
def test_a_net_with_groups_and_a_schedule(name):
    options = {k: v for k, v in cases.RULE_CASES[name][-1].items() if k != "maximize"}
    schedule = SCHEDULES[NAMES.index(name) % 2]
    one, two = (train(library, name, options, schedule) for library in (ours, theirs))
    # A few ULP of each step's gradients add up over six steps.
    close = {"rtol": 1e-3, "atol": 1e-2} if name == "Muon" else {"rtol": 1e-5, "atol": 2e-5}
    np.testing.assert_allclose(one[0], two[0], **close)
    for a, b in zip(one[1], two[1], strict=True):
        np.testing.assert_allclose(a, b, **close)
    assert one[2]["param_groups"] == two[2]["param_groups"]
    assert {k: list(v) for k, v in one[2]["state"].items()} == {
        k: list(v) for k, v in two[2]["state"].items()
    }
    for index, kept in two[2]["state"].items():
        for key, value in kept.items():
            mine = one[2]["state"][index][key]
            assert (str(mine.dtype), tuple(mine.shape)) == (str(value.dtype), tuple(value.shape))
            np.testing.assert_allclose(mine.numpy(), value.numpy(), err_msg=key, **close)


@pytest.mark.parametrize(
    "name", sorted(lr_scheduler.__dict__.keys() & set(theirs.optim.lr_scheduler.__all__))
)
def test_scheduler_signatures_and_states(name):
    one, two = getattr(lr_scheduler, name), getattr(theirs.optim.lr_scheduler, name)
    plain = [
        [(p.name, p.kind, p.default) for p in inspect.signature(c).parameters.values()] for c in (one, two)
    ]
    assert plain[0] == plain[1]
    for kwargs in cases.SCHEDULE_CASES.get(name, []):
        a, b = (
            getattr(library.optim.lr_scheduler, name)(make(library, "SGD", lr=0.1, momentum=0.9), **kwargs)
            for library in (ours, theirs)
        )
        assert set(a.state_dict()) == set(b.state_dict())


def test_every_scheduler_is_there():
    assert set(theirs.optim.lr_scheduler.__all__) <= set(vars(lr_scheduler))
    assert set(theirs.optim.__all__) - set(vars(optim)) <= {"swa_utils", "swap_in_optimizer_params_and_state"}

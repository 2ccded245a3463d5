"""torch.optim.adam.adam and its kin: steps on lists of tensors, as the classes take them, and PyTorch."""

from __future__ import annotations

import importlib

import numpy as np
import pytest

from fnnet import torch
from fnnet.torch.optim.function_forms import FUNCTIONS

SHAPES = ((3, 4), (4, 2))
CASES = {
    "adadelta": {"lr": 0.5, "rho": 0.8, "eps": 1e-5, "weight_decay": 0.1, "maximize": False},
    "adafactor": {
        **{"d": 1.5, "lr": 0.02, "beta2_decay": -0.7, "weight_decay": 0.1, "eps1": None, "eps2": 1e-3},
        "maximize": True,
    },
    "adagrad": {"lr": 0.1, "weight_decay": 0.1, "lr_decay": 0.2, "eps": 1e-8, "maximize": False},
    "adam": {
        **{"amsgrad": True, "beta1": 0.8, "beta2": 0.9, "lr": 0.1, "weight_decay": 0.1, "eps": 1e-6},
        "maximize": True,
    },
    "adamax": {"eps": 1e-6, "beta1": 0.8, "beta2": 0.9, "lr": 0.1, "weight_decay": 0.1},
    "adamw": {
        **{"amsgrad": False, "beta1": 0.8, "beta2": 0.9, "lr": 0.1, "weight_decay": 0.1, "eps": 1e-6},
        "maximize": False,
    },
    "asgd": {"lambd": 0.1, "lr": 0.1, "t0": 1.0, "alpha": 0.6, "weight_decay": 0.1},
    "muon": {
        **{"lr": 0.1, "weight_decay": 0.1, "momentum": 0.9, "nesterov": True, "ns_steps": 3, "eps": 1e-7},
        **{"ns_coefficients": (3.4445, -4.775, 2.0315), "adjust_lr_fn": None, "has_complex": False},
    },
    "nadam": {
        **{"beta1": 0.8, "beta2": 0.9, "lr": 0.1, "weight_decay": 0.1, "momentum_decay": 0.01, "eps": 1e-6}
    },
    "radam": {"beta1": 0.8, "beta2": 0.9, "lr": 0.1, "weight_decay": 0.1, "eps": 1e-6},
    "rmsprop": {
        **{"lr": 0.1, "alpha": 0.9, "eps": 1e-6, "weight_decay": 0.1, "momentum": 0.8, "centered": True}
    },
    "rprop": {"step_size_min": 1e-3, "step_size_max": 10, "etaminus": 0.4, "etaplus": 1.3},
    "sgd": {
        **{"weight_decay": 0.1, "momentum": 0.9, "lr": 0.1, "dampening": 0.2, "nesterov": False},
        "maximize": False,
    },
}


def lists_of(library, name, draws):
    """Parameters, gradients and states, the states begun with numbers."""
    made = {"params": [], "grads": []}
    for shape in SHAPES:
        for one in made.values():
            one.append(draws.standard_normal(shape).astype(np.float32))
    ones = [np.ones((), np.float32) for _ in SHAPES]
    for column in list(importlib.import_module("inspect").signature(FUNCTIONS[name]).parameters)[2:]:
        if column in ("mus", "etas", "mu_products"):
            made[column] = [0.5 * one for one in ones]
        elif column == "state_steps":
            made[column] = ones
            break
        elif column in ("row_vars", "col_vars"):
            made[column] = [draws.random((n, 1) if column[0] == "r" else (1, m)) for n, m in SHAPES]
        elif column == "variances":
            made[column] = [None for _ in SHAPES]
        elif column == "max_exp_avg_sqs" and not CASES[name]["amsgrad"]:
            made[column] = []
        elif column == "momentum_buffer_list" and name == "sgd":
            made[column] = [None, draws.random(SHAPES[1])]
            break
        else:
            made[column] = [draws.random(shape) + 0.1 for shape in SHAPES]
            if name == "muon":
                break

    def tensor(x):
        return None if x is None else library.tensor(np.asarray(x, np.float32))

    return {column: [tensor(x) for x in one] for column, one in made.items()}


def stepped(library, module, name):
    lists = lists_of(library, name, np.random.default_rng(0))
    for _ in range(2):
        getattr(module, name)(*lists.values(), **CASES[name])
    return {column: [x for x in one if x is not None] for column, one in lists.items()}


def module_of(package, name):
    private = "_" if name in ("adafactor", "muon") else ""
    return importlib.import_module(f"{package}.optim.{private}{name}")


@pytest.mark.torch
@pytest.mark.parametrize("name", CASES)
def test_equals_pytorch(name):
    theirs = pytest.importorskip("torch")
    mine = stepped(torch, module_of("fnnet.torch", name), name)
    wanted = stepped(theirs, module_of("torch", name), name)
    for column in wanted:
        for a, b in zip(mine[column], wanted[column], strict=True):
            tolerances = (2e-2, 1e-3) if name == "muon" else (1.3e-6, 1e-5)  # Muon computes in bfloat16
            np.testing.assert_allclose(a.numpy(), b.numpy(), *tolerances, err_msg=column)


def near(actual, expected):
    np.testing.assert_allclose(actual.detach().numpy(), expected.detach().numpy(), 1.3e-6, 1e-6)


@pytest.mark.parametrize("name", ["adam", "sgd"])
def test_equals_the_class(name):
    draws = np.random.default_rng(1)
    start, grad = (torch.tensor(draws.standard_normal((3, 4)).astype(np.float32)) for _ in range(2))
    p = start.clone().requires_grad_()
    p.grad = grad
    options = CASES[name]
    if name == "adam":
        given = {n: options[n] for n in ("lr", "weight_decay", "eps", "amsgrad", "maximize")}
        optimizer = torch.optim.Adam([p], betas=(0.8, 0.9), **given)
        zeros = [[torch.zeros(3, 4)] for _ in range(3)]
        lists = [[start.clone()], [grad], *zeros, [torch.tensor(0.0)]]
    else:
        optimizer = torch.optim.SGD([p], **options)
        lists = [[start.clone()], [grad], [None]]
    for _ in range(2):
        optimizer.step()
        FUNCTIONS[name](*lists, **options)
    near(lists[0][0], p)
    near(lists[2][0], next(v for n, v in optimizer.state[p].items() if n != "step"))


def test_refuses():
    ones = [torch.ones(2)]
    with pytest.raises(RuntimeError, match="`state_steps` argument must contain a list of singleton tensors"):
        FUNCTIONS["adam"](ones, ones, ones, ones, [], [1], **CASES["adam"])
    with pytest.raises(TypeError, match=r"sgd\(\) missing a required .*argument: 'weight_decay'"):
        FUNCTIONS["sgd"](ones, ones, [None])

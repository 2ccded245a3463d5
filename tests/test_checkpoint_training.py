"""Whole checkpoints of a training program, model, optimizer, schedule, epoch and random state, both ways."""

import io

import numpy as np
import pt_files
import pytest

import fnnet.torch as ft
from fnnet.checkpoint import RefusedFileError

X = np.random.default_rng(0).normal(size=(6, 3)).astype(np.float32)


def build(torch):
    torch.manual_seed(0)
    nn = torch.nn
    net = nn.Sequential(nn.Linear(3, 4), nn.BatchNorm1d(4), nn.Dropout(0.5), nn.Linear(4, 2))
    optimizer = torch.optim.AdamW(net.parameters(), lr=0.01, amsgrad=True)
    return net, optimizer, torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, 10)


def train(torch, parts, steps=3):
    net, optimizer, schedule = parts
    losses = []
    for _ in range(steps):
        optimizer.zero_grad()
        loss = net(torch.tensor(X)).square().mean()
        loss.backward()
        optimizer.step()
        schedule.step()
        losses.append(loss.item())
    return losses


NAMES = ("model", "optimizer", "schedule")


def save(torch, parts, place):
    kept = {name: part.state_dict() for name, part in zip(NAMES, parts, strict=True)}
    torch.save({**kept, "epoch": 3, "rng": torch.get_rng_state()}, place)


def resume(torch, place, **options):
    kept = torch.load(place, **options)
    parts = build(torch)
    for name, part in zip(NAMES, parts, strict=True):
        part.load_state_dict(kept[name])
    torch.set_rng_state(kept["rng"])
    assert kept["epoch"] == 3
    return parts


@pytest.mark.slow
def test_a_run_goes_on_from_its_checkpoint():
    parts = build(ft)
    train(ft, parts)
    held = io.BytesIO()
    save(ft, parts, held)
    rest = train(ft, parts)
    held.seek(0)
    assert train(ft, resume(ft, held, weights_only=True, map_location="cpu")) == rest


def test_an_optimizer_goes_on_from_what_pytorch_saved():
    kept = ft.load(pt_files.FOLDER / "trained.pt", mmap=True)
    net = ft.nn.Linear(3, 2)
    net.load_state_dict(kept["model"])
    adam = ft.optim.AdamW(net.parameters(), lr=0.5, amsgrad=True)
    adam.load_state_dict(kept["adam"])
    schedule = ft.optim.lr_scheduler.CosineAnnealingLR(adam, 10)
    schedule.load_state_dict(kept["schedule"])
    ft.set_rng_state(kept["rng"])
    state = adam.state_dict()["state"][0]
    np.testing.assert_array_equal(state["exp_avg"].numpy(), kept["adam"]["state"][0]["exp_avg"].numpy())
    assert adam.param_groups[0]["lr"] == kept["adam"]["param_groups"][0]["lr"]
    assert schedule.last_epoch == 2
    np.testing.assert_array_equal(ft.get_rng_state().numpy(), kept["rng"].numpy())


@pytest.mark.torch
def test_whole_checkpoints_go_both_ways(tmp_path):
    torch = pytest.importorskip("torch")
    for ours, theirs in ((ft, torch), (torch, ft)):
        parts = build(ours)
        train(ours, parts)
        save(ours, parts, tmp_path / "a.pt")
        rest = train(ours, parts)
        there = train(theirs, resume(theirs, tmp_path / "a.pt", weights_only=True, mmap=True))
        np.testing.assert_allclose(there, rest, rtol=1e-5)
        # back again, through the other library's own file
        save(theirs, resume(theirs, tmp_path / "a.pt"), tmp_path / "b.pt")
        assert train(ours, resume(ours, tmp_path / "b.pt", weights_only=True)) == rest


@pytest.mark.torch
def test_a_pickled_module_is_refused_by_its_name(tmp_path):
    torch = pytest.importorskip("torch")
    torch.save({"net": torch.nn.Sequential(torch.nn.Linear(2, 2))}, tmp_path / "a.pt")
    with pytest.raises(RefusedFileError, match=r"GLOBAL torch\.nn\.modules\.container\.Sequential"):
        ft.load(tmp_path / "a.pt")
    read = ft.load(tmp_path / "a.pt", weights_only=False)["net"]
    assert repr(read) == "Sequential(\n  (0): Linear(in_features=2, out_features=2, bias=True)\n)"

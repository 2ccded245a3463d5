"""fnnet.torchvision gives torchvision's pixels, numbers, words and reprs from the same seeds."""

import importlib.util
import json
import random
import warnings

import numpy as np
import pytest
import torchvision_scenarios as scenarios

from fnnet.parity import files

pytest.importorskip("PIL", reason="pictures need Pillow")

RECORDED = json.loads(files.reference("torchvision.json").read_text(encoding="utf-8"))["scenarios"]
LOOSE = {"elastic": 8e-6}
"""Places of float32, a hundred pixels from the origin, round by a few millionths of a pixel."""


def torch_of_fnnet():
    from fnnet import torch, torchvision

    def seed(number):
        torch.manual_seed(number)
        random.seed(number)

    return torch, torchvision, seed


@pytest.fixture(scope="module")
def arrays():
    with np.load(files.reference("torchvision.npz")) as held:
        return dict(held)


def outcomes(run, *arguments):
    """Every scenario's outcomes as JSON, and the arrays of floats that they name."""
    held = {}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        found = {name: scenarios.described(one, name, held) for name, one in run(*arguments)}
    return json.loads(json.dumps(found)), held


def assert_same(found, held, due, arrays):
    differ = [name for name in found if found[name] != due[name]]
    name = next(iter(differ), None)
    pairs = zip(found[name], due[name], strict=False) if name else ()
    assert not differ, f"{differ}: {next(((a, b) for a, b in pairs if a != b), 'another number of outcomes')}"
    for key, array in held.items():
        wanted = arrays[key]
        assert (array.shape, array.dtype) == (wanted.shape, wanted.dtype), key
        loose = next((value for word, value in LOOSE.items() if word in key), 1.3e-6)
        np.testing.assert_allclose(array, wanted, rtol=1.3e-6, atol=loose, err_msg=key)


def test_transforms_are_torchvisions(arrays):
    torch, torchvision, seed = torch_of_fnnet()
    found, held = outcomes(scenarios.run_transforms, torch, torchvision, seed)
    assert {name for name in RECORDED if name[:2] in ("v1", "v2")} == set(found)
    assert_same(found, held, RECORDED, arrays)


def test_datasets_are_torchvisions(arrays):
    torch, torchvision, _ = torch_of_fnnet()
    found, held = outcomes(scenarios.run_datasets, torch, torchvision)
    assert {name for name in RECORDED if name.startswith("dataset/")} == set(found)
    assert_same(found, held, RECORDED, arrays)


def test_grids_are_torchvisions(arrays):
    torch, torchvision, _ = torch_of_fnnet()
    found, held = outcomes(scenarios.run_grids, torch, torchvision)
    assert {name for name in RECORDED if name.startswith("grid/")} == set(found)
    assert_same(found, held, RECORDED, arrays)


@pytest.mark.torch
def test_functions_are_torchvisions_live():
    if importlib.util.find_spec("torchvision") is None:
        pytest.skip("torchvision is not installed")
    torch = pytest.importorskip("torch")
    library = scenarios.define_operators()
    theirs = pytest.importorskip("torchvision.transforms.functional")
    theirs_v2 = pytest.importorskip("torchvision.transforms.v2.functional")

    from fnnet import torch as ours_torch
    from fnnet.torchvision.transforms import functional as ours
    from fnnet.torchvision.transforms.v2 import functional as ours_v2

    rng = np.random.RandomState(3)
    modes = ("nearest", "bilinear", "bicubic", "nearest-exact")
    for _ in range(6):
        array = rng.randint(0, 256, (3, *rng.randint(5, 40, 2))).astype(np.uint8)
        size = [int(n) for n in rng.randint(2, 60, 2)]
        mode = modes[rng.randint(4)]
        angle, factor, turn = (
            float(rng.uniform(-180, 180)),
            float(rng.uniform(0, 2)),
            float(rng.uniform(-0.5, 0.5)),
        )
        for mine, other in ((ours, theirs), (ours_v2, theirs_v2)):
            for name, arguments in {
                "resize": (size, mode),
                "rotate": (angle, "bilinear", True, None, [9.0, 8.0, 7.0]),
                "affine": (angle, [2, -3], factor + 0.1, [10.0, -5.0], "nearest"),
                "adjust_contrast": (factor,),
                "adjust_saturation": (factor,),
                "adjust_sharpness": (factor,),
                "adjust_hue": (turn,),
                "gaussian_blur": ([3, 3], factor + 0.1),
                "equalize": (),
                "autocontrast": (),
            }.items():

                def called(module, picture, name=name, arguments=arguments):
                    kinds = {one.value: one for one in module.InterpolationMode}
                    return getattr(module, name)(
                        picture, *[kinds.get(a, a) if isinstance(a, str) else a for a in arguments]
                    )

                due = called(other, torch.from_numpy(array)).numpy()
                got = called(mine, ours_torch.from_numpy(array)).numpy()
                apart = np.abs(due.astype(int) - got.astype(int))
                # sums of bicubic weights lie at a half once in some ten thousand pixels, and round either way
                assert apart.max() <= (mode == "bicubic" and name == "resize"), (name, arguments)
                assert (apart > 0).mean() < 1e-3, (name, arguments)
    del library

"""Pictures transformed by pure functions: NumPy's and JAX's arrays alike, and their derivatives."""

import sys

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import quickly

from fnnet.data.raster import blurring, colour, conversion, drawing, levels, placing, resampling, warping
from fnnet.random import Generator

RNG = np.random.RandomState(0)
FLOATS = RNG.rand(2, 3, 9, 11).astype(np.float32)
BYTES = RNG.randint(0, 256, (3, 9, 11)).astype(np.uint8)
TURN = warping.inverse_affine([0.0, 0.0], 20.0, [1.0, 2.0], 1.1, [3.0, 0.0])

FUNCTIONS = {
    "hflip": placing.hflip,
    "crop": lambda x: placing.crop(x, -2, 3, 8, 12),
    "pad": lambda x: placing.pad(x, [1, 2], (1.0, 2.0, 3.0)),
    "reflect": lambda x: placing.pad(x, [-1, 2, 3, 1], padding_mode="reflect"),
    "erase": lambda x: placing.erase(x, 1, 2, 3, 4, np.float32(0.5)),
    "resize": lambda x: resampling.resize(x, (5, 20)),
    "resize_whole": lambda x: resampling.resize(x, (5, 20), "bicubic", edition=2),
    "nearest": lambda x: resampling.resize(x, (5, 20), "nearest"),
    "affine": lambda x: warping.affine(x, TURN, "bilinear", [0.1, 0.2, 0.3]),
    "rotate": lambda x: warping.rotate(x, 37.0, expand=True),
    "perspective": lambda x: warping.perspective(x, [1.1, 0.1, 0.0, 0.1, 0.9, 0.0, 0.001, 0.002]),
    "brightness": lambda x: colour.adjust_brightness(x, 1.3),
    "contrast": lambda x: colour.adjust_contrast(x, 0.7),
    "saturation": lambda x: colour.adjust_saturation(x, 1.4, 2),
    "hue": lambda x: colour.adjust_hue(x, 0.2),
    "gamma": lambda x: colour.adjust_gamma(x, 1.5, 0.9),
    "sharpness": lambda x: blurring.adjust_sharpness(x, 1.8),
    "blur": lambda x: blurring.gaussian_blur(x, 3, 0.8),
    "invert": levels.invert,
    "solarize": lambda x: levels.solarize(x, 0.5),
    "autocontrast": levels.autocontrast,
    "equalize": lambda x: levels.equalize(x, 2),
    "convert": lambda x: conversion.convert_dtype(x, np.dtype(np.float32)),
    "normalize": lambda x: conversion.normalize(conversion.convert_dtype(x), [0.1, 0.2, 0.3], [0.5]),
}


@pytest.mark.parametrize("picture", [FLOATS[0], BYTES], ids=["floats", "bytes"])
def test_numpy_and_jax_compute_the_same(picture):
    every = jax.jit(lambda x: {name: function(x) for name, function in FUNCTIONS.items()})(
        jnp.asarray(picture)
    )
    for name, function in FUNCTIONS.items():
        by_numpy, by_jax = function(picture), every[name]
        assert isinstance(by_numpy, np.ndarray), name
        assert (by_numpy.shape, by_numpy.dtype) == (by_jax.shape, by_jax.dtype), name
        apart = np.abs(by_numpy.astype(np.float64) - np.asarray(by_jax, np.float64))
        if by_numpy.dtype == np.uint8:
            # what is cut to a whole number shows in which of several ways a sum was rounded
            assert apart.max() <= 1, name
            assert (apart > 0).mean() < 0.15, name
        else:
            assert apart.max() < 3e-5, name


def test_functions_are_batched_and_mapped():
    mapped = quickly.not_quickly(jax.vmap(lambda x: colour.adjust_hue(blurring.gaussian_blur(x, 3), 0.1)))(
        jnp.asarray(FLOATS)
    )
    np.testing.assert_allclose(mapped, colour.adjust_hue(blurring.gaussian_blur(FLOATS, 3), 0.1), atol=1e-5)


def test_derivatives_of_what_is_linear():
    """The derivative of a linear map, applied to the picture, is the map itself."""
    for name in ("resize", "rotate"):
        function = FUNCTIONS[name]
        picture = jnp.asarray(FLOATS[0])
        value, moved = jax.jvp(function, (picture,), (picture,))
        np.testing.assert_allclose(value, moved, atol=1e-5, err_msg=name)


def test_draws_come_from_a_generator_or_a_key():
    one, two = Generator(3), Generator(3)
    assert drawing.crop(one, (9, 11), (4, 5)) == drawing.crop(two, (9, 11), (4, 5))
    assert one.rand((1,)) == two.rand((1,))
    key = jax.random.key(0)
    assert drawing.affine(key, (0, 9), None, None, None, (9, 9)) == drawing.affine(
        key, (0, 9), None, None, None, (9, 9)
    )
    with pytest.raises(TypeError, match=r"expected a fnnet\.random\.Generator or a JAX key"):
        drawing.chance(7)
    with pytest.raises(RuntimeError, match="random_ expects 'from' to be less than 'to'"):
        drawing.whole(one, 3, 3)


@pytest.mark.parametrize(
    ("call", "kind", "words"),
    [
        (lambda: placing.pad(BYTES, 20, padding_mode="reflect"), RuntimeError, "Padding size should be less"),
        (lambda: placing.pad(BYTES, [1, 2, 3]), ValueError, "1, 2, or 4 element tuple"),
        (lambda: placing.pad(BYTES, 1, padding_mode="wrap"), ValueError, "Padding mode should be either"),
        (lambda: resampling.resize(BYTES, (0, 3)), RuntimeError, "should be greater than 0"),
        (
            lambda: resampling.resize(BYTES, (3, 3), "lanczos"),
            ValueError,
            "Lanczos mode requires antialias=True",
        ),
        (lambda: placing.hflip(BYTES[0, 0]), TypeError, "Tensor is not a torch image"),
        (lambda: colour.adjust_hue(BYTES, 0.7), ValueError, r"is not in \[-0.5, 0.5\]"),
        (lambda: colour.adjust_contrast(BYTES[:2], 0.7), TypeError, r"permitted channel values are \[3, 1\]"),
        (lambda: levels.posterize(FLOATS, 3), TypeError, "Only torch.uint8 image tensors"),
        (
            lambda: conversion.normalize(BYTES, [0.5], [0.5]),
            TypeError,
            "should be a float tensor. Got torch.uint8",
        ),
        (lambda: conversion.normalize(FLOATS, [0.5], [0.0]), ValueError, "std evaluated to zero"),
        (
            lambda: conversion.normalize(FLOATS, [0.5, 1.0], [0.5]),
            RuntimeError,
            "must match the size of tensor b",
        ),
        (
            lambda: conversion.convert_dtype(FLOATS, np.dtype(np.int32)),
            RuntimeError,
            "cannot be performed safely",
        ),
        (lambda: blurring.gaussian_blur(FLOATS, 4), ValueError, "odd and positive"),
        (lambda: warping.warp(BYTES, np.zeros((2, 2, 2), np.float32), fill=[1, 2]), ValueError, "2 != 3"),
        (lambda: placing.resized(9, 11, [9], max_size=9), ValueError, "must be strictly greater"),
    ],
)
def test_refusals(call, kind, words):
    with pytest.raises(kind, match=words):
        call()


def test_a_tensor_that_wants_a_gradient_gets_one():
    from fnnet import torch
    from fnnet.torchvision.transforms import functional as F

    x = torch.from_numpy(FLOATS[0].copy()).requires_grad_()
    y = F.normalize(F.resize(x, [5, 6]), [0.5], [0.25])
    assert y.grad_fn is not None
    y.sum().backward()
    # each old pixel counts in all by the weights of the new ones, four times as much after the division
    np.testing.assert_allclose(x.grad.sum().item(), 4 * 3 * 5 * 6, rtol=1e-5)
    with torch.no_grad():
        np.testing.assert_allclose(
            F.normalize(F.resize(x, [5, 6]), [0.5], [0.25]).numpy(), y.detach().numpy(), atol=1e-6
        )


def test_in_place_and_identical_results():
    from fnnet import torch
    from fnnet.torchvision.transforms import functional as F

    x = torch.from_numpy(FLOATS[0].copy())
    assert F.resize(x, [9, 11]) is x
    before = x.clone()
    y = F.normalize(x, [0.5], [0.5], inplace=True)
    assert y is x
    assert torch.equal(x, (before - 0.5) / 0.5)
    z = F.hflip(x)
    z.add_(1)
    assert torch.equal(x, (before - 0.5) / 0.5), "the flipped picture has memory of its own"


def test_without_pillow_the_message_says_what_to_install(monkeypatch):
    from fnnet import torch, torchvision

    monkeypatch.setitem(sys.modules, "PIL", None)
    x = torch.zeros(3, 4, 4)
    assert torchvision.transforms.Resize(2)(x).shape == (3, 2, 2)
    with pytest.raises(ModuleNotFoundError, match=r"pip install 'fnnet\[pictures\]'"):
        torchvision.transforms.ToPILImage()(x)

"""fnnet.audio against what torchaudio 2.11 gave: reference/record_torchaudio.py."""

from pathlib import Path

import audio_cases as cases
import jax
import jax.numpy as jnp
import numpy as np
import pytest
import quickly

from fnnet import audio

RECORDED = np.load(Path(__file__).parent / "reference" / "torchaudio.npz")


DIFFERENTIATED = {
    "spectrogram/power", "spectrogram/cube", "spectrogram/complex", "mel/narrow", "mfcc/decibels",
    "decibels/top", "decibels/amplitude",
}  # fmt: skip


def check(name, compute, start=cases.WAVES):
    """Values, and some gradients. Sums of hundreds of float32 products: rounding relative to the largest."""

    def weighed(x):
        y = compute(x)
        size = jnp.sqrt(y.real**2 + y.imag**2) if jnp.iscomplexobj(y) else y
        weights = np.linspace(0.5, 1.5, y.size, dtype=np.float32).reshape(y.shape)
        return (size * weights).sum(), y

    pairs = []
    if name in DIFFERENTIATED:
        (_, y), gradient = quickly.not_quickly(jax.value_and_grad(weighed, has_aux=True))(jnp.asarray(start))
        pairs.append((gradient, RECORDED["d_" + name]))
    else:
        y = jax.jit(compute)(jnp.asarray(start))
    for found, expected in [*pairs, (y, RECORDED[name])]:
        assert found.shape == expected.shape
        assert found.dtype == expected.dtype
        np.testing.assert_allclose(found, expected, 1e-4, 3e-6 * np.abs(expected).max())


@pytest.mark.parametrize("name", cases.SPECTROGRAMS)
def test_spectrogram(name):
    check(f"spectrogram/{name}", lambda x: audio.spectrogram(x, **cases.SPECTROGRAMS[name]))


@pytest.mark.parametrize("name", cases.MELS)
def test_mel_spectrogram(name):
    check(f"mel/{name}", lambda x: audio.mel_spectrogram(x, **cases.MELS[name]))


@pytest.mark.parametrize("name", cases.DECIBELS)
def test_amplitude_to_decibels(name):
    check(f"decibels/{name}", lambda x: audio.amplitude_to_DB(x, **cases.DECIBELS[name]), cases.LEVELS)


@pytest.mark.parametrize("name", cases.CEPSTRA)
def test_mfcc(name):
    check(f"mfcc/{name}", lambda x: audio.mfcc(x, **cases.CEPSTRA[name]))


@pytest.mark.parametrize("name", cases.BANKS)
def test_mel_filters(name):
    # corners are differences of frequencies in float32: their rounding is larger than that of the weights
    np.testing.assert_allclose(
        audio.melscale_fbanks(**cases.BANKS[name]), RECORDED[f"banks/{name}"], 1e-4, 2e-5
    )


@pytest.mark.parametrize("norm", [None, "ortho"])
def test_cosine_transform(norm):
    # torch takes cosines of angles up to 20, rounded to float32
    np.testing.assert_allclose(audio.create_dct(7, 12, norm), RECORDED[f"dct/{norm}"], 1.3e-6, 3e-6)


def test_silence_has_a_finite_gradient():
    level = lambda w: audio.amplitude_to_DB(audio.mel_spectrogram(w, n_mels=10, n_fft=64)).sum()  # noqa: E731
    slope = jax.jit(jax.grad(level))
    np.testing.assert_array_equal(slope(jnp.zeros(200)), np.zeros(200))


def test_refusals():
    with pytest.raises(ValueError, match="norm must be one of None"):
        audio.melscale_fbanks(201, 0.0, 8000.0, 40, 16000, norm="area")
    with pytest.raises(ValueError, match='mel_scale should be one of "htk" or "slaney"'):
        audio.melscale_fbanks(201, 0.0, 8000.0, 40, 16000, mel_scale="bark")
    with pytest.raises(ValueError, match="Require f_min: 9000"):
        audio.mel_scale(jnp.ones((201, 3)), f_min=9000.0)
    with pytest.raises(ValueError, match="Cannot select more MFCC coefficients"):
        audio.mfcc(jnp.zeros(800), n_mfcc=30, n_mels=20)
    with pytest.raises(ValueError, match="norm must be either"):
        audio.create_dct(3, 4, "unit")
    with pytest.raises(ValueError, match="invalid normalized parameter"):
        audio.spectrogram(jnp.zeros(800), normalized="sum")
    with pytest.warns(UserWarning, match="At least one mel filterbank has all zero values"):
        audio.melscale_fbanks(20, 0.0, 8000.0, 60, 16000)

"""Telling sounds apart: log-mel spectrograms of made-up "words" and a small 1-d convolutional network.

A word is three tones in a row. Every speaker has a voice: its pitch, its overtones, its speed; and there is
noise. The order of the tones is what counts, so a network that only hears which tones occur cannot tell.

Run it: python examples/audio_spoken_tones.py
"""

import jax
import jax.numpy as jnp
import numpy as np

import fnnet
from fnnet import audio
from fnnet import functional as F

RATE, SECONDS = 8000, 0.5
WORDS = {
    "bida": (0, 4, 7),
    "dabi": (7, 4, 0),
    "badi": (4, 7, 0),
    "dibi": (0, 7, 4),
    "abdi": (4, 0, 7),
    "idab": (7, 0, 4),
}
TRAIN, TEST, BATCH, EPOCHS, BANDS = 480, 240, 32, 8, 32


def sounds(seed, count):
    """Waveforms (count, samples) and the numbers of their words."""
    draw = np.random.RandomState(seed)
    labels = draw.randint(len(WORDS), size=count)
    time = np.arange(int(RATE * SECONDS)) / RATE
    waves = np.empty((count, time.size), np.float32)
    for i, label in enumerate(labels):
        pitch, length = draw.uniform(250, 400), draw.uniform(0.08, 0.13)
        begin = draw.uniform(0.02, SECONDS - 3 * length - 0.02)
        strengths = draw.uniform(0.2, 1.0, size=4)
        wave = 0.3 * draw.standard_normal(time.size)
        for place, step in enumerate(list(WORDS.values())[label]):
            at = (time - begin - place * length) / length
            envelope = np.where((at > 0) & (at < 1), np.sin(np.pi * np.clip(at, 0, 1)) ** 2, 0.0)
            angle = 2 * np.pi * pitch * 2 ** (step / 12) * time
            wave += envelope * sum(s * np.sin((k + 1) * angle) for k, s in enumerate(strengths))
        waves[i] = wave
    return waves, labels.astype(np.int32)


def features(waves):
    """Log-mel spectrograms (count, bands, frames)."""
    mel = audio.mel_spectrogram(waves, RATE, n_fft=512, hop_length=128, n_mels=BANDS, f_min=100.0)
    decibels = audio.amplitude_to_DB(mel, top_db=80.0)
    return (decibels - decibels.mean(axis=(1, 2), keepdims=True)) / 20.0


network = fnnet.Sequential(
    fnnet.Conv1d(BANDS, 32, 5, padding=2),
    fnnet.ReLU(),
    fnnet.MaxPool1d(2),
    fnnet.Conv1d(32, 32, 9, padding=4),
    fnnet.ReLU(),
    fnnet.AdaptiveMaxPool1d(1),
    fnnet.Flatten(),
    fnnet.Linear(32, len(WORDS)),
)


def loss(params, x, labels):
    return F.cross_entropy(network(params, x), labels)


def main():
    waves, labels = sounds(0, TRAIN)
    to_features = jax.jit(features)
    x, y = to_features(jnp.asarray(waves)), jnp.asarray(labels)
    print(f"{TRAIN} sounds of {SECONDS} s, as {x.shape[1]} mel bands in {x.shape[2]} frames")
    random = fnnet.random.Generator(0)  # PyTorch's initial weights and orders for seed 0
    run = fnnet.fit(
        loss,
        network.init(random),
        (x, y),
        optimizer=fnnet.optim.adam(lr=3e-3),
        epochs=EPOCHS,
        batch_size=BATCH,
        shuffle=random,
    )
    for epoch, mean in enumerate(np.asarray(run.losses).reshape(EPOCHS, -1).mean(axis=1)):
        print(f"epoch {epoch}: loss {mean:.3f}")

    waves, labels = sounds(1, TEST)
    heard = jax.jit(lambda params, waves: network(params, features(waves)))
    found = np.asarray(heard(run.params, jnp.asarray(waves))).argmax(axis=1)
    right = int((found == labels).sum())
    print(f"{right} of {TEST} new sounds right, {100 * right / TEST:.1f} %")


if __name__ == "__main__":
    main()

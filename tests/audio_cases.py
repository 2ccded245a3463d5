"""Sounds, and calls of `fnnet.audio` with the same calls of torchaudio, which recorded what to expect."""

import numpy as np

DRAW = np.random.RandomState(0)
WAVES = (DRAW.standard_normal((2, 1, 500)) * 0.3).astype(np.float32)

SPECTROGRAMS = {
    "power": {"n_fft": 128, "hop_length": 40, "win_length": 128, "power": 2.0, "normalized": False},
    "magnitude": {"n_fft": 128, "hop_length": 64, "win_length": 100, "power": 1.0, "normalized": True},
    "frame": {"n_fft": 64, "hop_length": 16, "win_length": 64, "power": 2.0, "normalized": "frame_length"},
    "cube": {
        "n_fft": 100,
        "hop_length": 50,
        "win_length": 80,
        "power": 3.0,
        "normalized": "window",
        "pad": 7,
    },
    "plain": {
        "n_fft": 65,
        "hop_length": 30,
        "win_length": 65,
        "power": 1.0,
        "normalized": False,
        "center": False,
    },
    "complex": {"n_fft": 64, "hop_length": 32, "win_length": 64, "power": None, "normalized": True},
}
MELS = {
    "default": {"sample_rate": 16000, "n_fft": 256, "n_mels": 20},
    "slaney": {"sample_rate": 8000, "n_fft": 200, "n_mels": 16, "norm": "slaney", "mel_scale": "slaney"},
    "narrow": {
        "sample_rate": 8000,
        "n_fft": 256,
        "n_mels": 10,
        "f_min": 300.0,
        "f_max": 3400.0,
        "power": 1.0,
    },
}
BANKS = {
    "htk": {"n_freqs": 201, "f_min": 0.0, "f_max": 8000.0, "n_mels": 40, "sample_rate": 16000},
    "slaney": {"n_freqs": 101, "f_min": 50.0, "f_max": 3900.0, "n_mels": 20, "sample_rate": 8000,
               "norm": "slaney", "mel_scale": "slaney"},
    "mixed": {"n_freqs": 129, "f_min": 0.0, "f_max": 11025.0, "n_mels": 30, "sample_rate": 22050,
              "mel_scale": "slaney"},
}  # fmt: skip
DECIBELS = {
    "power": {"multiplier": 10.0, "amin": 1e-10, "db_multiplier": 0.0, "top_db": None},
    "top": {"multiplier": 10.0, "amin": 1e-10, "db_multiplier": 0.0, "top_db": 30.0},
    "amplitude": {"multiplier": 20.0, "amin": 1e-3, "db_multiplier": 0.5, "top_db": 20.0},
}
CEPSTRA = {
    "decibels": {"n_mfcc": 13, "n_mels": 20, "n_fft": 256},
    "logarithms": {"n_mfcc": 10, "n_mels": 16, "n_fft": 200, "log_mels": True},
}
LEVELS = np.abs(DRAW.standard_normal((2, 3, 4, 5))).astype(np.float32) ** 4
LEVELS[0, 0, 0, :2] = (0.0, 1e-11)

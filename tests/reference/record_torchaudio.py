"""Record what torchaudio gives for `tests/audio_cases.py`, with gradients, into torchaudio.npz.

PYTHONPATH=... python tests/reference/record_torchaudio.py    # where torchaudio 2.11 is installed
"""

import sys
from pathlib import Path

import numpy as np
import torch

HERE = Path(__file__).resolve().parent


def main():
    sys.path.insert(0, str(HERE.parent))
    import audio_cases as cases
    import torchaudio

    functional, transforms = torchaudio.functional, torchaudio.transforms
    found = {}

    def record(name, compute, start=cases.WAVES):
        x = torch.tensor(start, requires_grad=True)
        y = compute(x)
        found[name] = y.detach().numpy()
        weights = torch.linspace(0.5, 1.5, y.numel()).reshape(y.shape)
        (y.abs() if y.is_complex() else y).mul(weights).sum().backward()
        found["d_" + name] = x.grad.numpy()

    for name, options in cases.SPECTROGRAMS.items():
        given = {"pad": 0, "window": torch.hann_window(options["win_length"])} | options
        record(f"spectrogram/{name}", lambda x, given=given: functional.spectrogram(x, **given))
    for name, options in cases.MELS.items():
        record(f"mel/{name}", transforms.MelSpectrogram(**options))
    for name, options in cases.DECIBELS.items():
        record(f"decibels/{name}", lambda x, o=options: functional.amplitude_to_DB(x, **o), cases.LEVELS)
    for name, options in cases.CEPSTRA.items():
        own = {key: options[key] for key in ("n_mfcc", "log_mels") if key in options}
        mel = {key: options[key] for key in ("n_mels", "n_fft")}
        record(f"mfcc/{name}", transforms.MFCC(**own, melkwargs=mel))
    for name, options in cases.BANKS.items():
        found[f"banks/{name}"] = functional.melscale_fbanks(**options).numpy()
    for norm in (None, "ortho"):
        found[f"dct/{norm}"] = functional.create_dct(7, 12, norm).numpy()
    np.savez_compressed(HERE / "torchaudio.npz", **found)


if __name__ == "__main__":
    main()

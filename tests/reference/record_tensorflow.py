"""Record what TensorFlow gives for `tests/tensorflow_scenarios.py`, and the two-layer loop's losses.

    python tests/reference/record_tensorflow.py    # where TensorFlow 2.21 is installed

Writes tensorflow.npz (arrays, named "scenario/result") and tensorflow.json (text).
"""

import json
import os
import sys
from pathlib import Path

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import numpy as np
import tensorflow.compat.v1 as tf

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent))


def message(text):
    """Without the trace of the program that TensorFlow puts around what it says."""
    text = text.replace("Graph execution error:\n\n", "").split("\n\nOriginal stack")[0]
    if "Detected at node" in text:
        text = text.split(":", 1)[0] + ": " + text.split("Node: ", 1)[1].split("\n", 1)[1]
    return text.split(" Originally defined at:")[0]


def main():
    from tensorflow_scenarios import SCENARIOS

    tf.disable_v2_behavior()
    tf.logging.set_verbosity(tf.logging.ERROR)
    arrays, texts = {}, {"version": tf.__version__}
    for scenario in SCENARIOS:
        with tf.Graph().as_default():
            for name, value in scenario(tf).items():
                if isinstance(value, str):
                    texts[f"{scenario.__name__}/{name}"] = message(value)
                else:
                    arrays[f"{scenario.__name__}/{name}"] = value
    np.savez_compressed(HERE / "tensorflow.npz", **arrays)
    (HERE / "tensorflow.json").write_text(
        json.dumps(texts, indent=1, sort_keys=True) + "\n", encoding="utf-8"
    )


if __name__ == "__main__":
    main()

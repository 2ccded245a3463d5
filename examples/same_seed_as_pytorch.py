"""The same seed as in PyTorch gives the same network and the same training, without PyTorch.

`fnnet.random.Generator(0)` draws what PyTorch draws after `torch.manual_seed(0)`: the same weights and
the same order of mini-batches, to the last bit. From there on the two differ by rounding only. Losses of
the runs in PyTorch were recorded (tests/reference/record_training_runs.py); here they are beside fnnet's.

Run it: python examples/same_seed_as_pytorch.py
"""

import jax
import numpy as np

import fnnet
from fnnet.parity import files

SEED = 0


def recording():
    """The losses that PyTorch gave."""
    return np.load(files.reference("training_runs.npz"))


def two_layer():
    """Data, then weights, in the tutorial's order of draws; the loss of all 500 steps."""
    program = files.program("two_layer_arrays")
    x, y, weights = program.start(fnnet.random.Generator(SEED))
    return jax.jit(program.train)(weights, x, y)


def fizzbuzz():
    """10,000 epochs; the loss over all training numbers at the epochs that were recorded."""
    program = files.program("fizzbuzz")
    params = program.net.init(fnnet.random.Generator(SEED))
    after = [(int(epoch) + 1) * program.STEPS_PER_EPOCH for epoch in recording()["fizzbuzz/epochs"]]
    return fnnet.fit(
        program.loss, params, program.numbers(101, 1024), optimizer=program.optimizer, epochs=program.EPOCHS,
        batch_size=program.BATCH, evaluate=(after, program.whole_loss),
    )  # fmt: skip


def lenet():
    """Two epochs on 16,000 synthetic pictures in the order of PyTorch's DataLoader(shuffle=True)."""
    program = files.program("lenet_cifar10")
    generator = fnnet.random.Generator(SEED)
    params = program.net.init(generator)
    x, y = program.synthetic(0, 16000)
    return program.train(params, x, y, shuffle=generator)


def show(title, steps, theirs, ours):
    print(f"\n{title}\n{'':>8}{'PyTorch':>14}{'fnnet':>14}{'difference':>14}")
    for step, a, b in zip(steps, theirs, ours, strict=True):
        print(f"{step:8}{a:14.7g}{b:14.7g}{abs(a - b) / abs(a):14.1e}")


def main():
    recorded = recording()
    _, losses = two_layer()
    every = np.arange(0, 500, 50)
    show("The two-layer network: step, loss", every, recorded["by_hand/loss32"][every], losses[every])

    (losses,) = fizzbuzz().history.evaluations.values()
    epochs = recorded["fizzbuzz/epochs"]
    show("FizzBuzz: epoch, loss", epochs[::10], recorded["fizzbuzz/loss32"][::10], losses[::10])

    losses = recorded["lenet_cifar10/loss32"].astype(float), lenet().losses.astype(float)
    means = [curve.reshape(-1, 2000).mean(1) for curve in losses]
    show("LeNet: step, mean loss of 2000 steps", [2000, 4000, 6000, 8000], *means)


if __name__ == "__main__":
    main()

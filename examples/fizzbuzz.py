"""FizzBuzz learned: from the ten binary digits of a number to what is said at it.

A number divisible by 3 is "fizz", by 5 "buzz", by both "fizzbuzz", another one is itself: four classes. The
network learns them from 101 .. 1023 in 10,000 epochs of eight mini-batches, one compiled run, and is asked
about 1 .. 100.

Run it: python examples/fizzbuzz.py
"""

import jax
import jax.numpy as jnp
import numpy as np

import fnnet
from fnnet import functional as F

DIGITS, HIDDEN, CLASSES = 10, 100, 4
EPOCHS, BATCH, STEPS_PER_EPOCH = 10_000, 128, 8

net = fnnet.Sequential(fnnet.Linear(DIGITS, HIDDEN), fnnet.ReLU(), fnnet.Linear(HIDDEN, CLASSES))
optimizer = fnnet.optim.sgd(lr=0.05)


def encode(number):
    """The class of a number: 3 for fizzbuzz, 2 buzz, 1 fizz, 0 itself."""
    if number % 15 == 0:
        return 3
    if number % 5 == 0:
        return 2
    return 1 if number % 3 == 0 else 0


def decode(number, said):
    return [str(number), "fizz", "buzz", "fizzbuzz"][said]


def digits(number):
    """The binary digits, the least first."""
    return [number >> place & 1 for place in range(DIGITS)]


def numbers(low, high):
    """Inputs and classes of low .. high - 1."""
    x = np.array([digits(i) for i in range(low, high)], np.float32)
    return jnp.asarray(x), jnp.array([encode(i) for i in range(low, high)])


def loss(params, x, y):
    return F.cross_entropy(net(params, x), y)


def whole_loss(params):
    """The loss over all the numbers that are learned from."""
    return loss(params, *numbers(101, 1024))


def predict(params):
    """What the network says at 1 .. 100."""
    return net(params, numbers(1, 101)[0]).argmax(-1)


def after_epochs(every, epochs=EPOCHS):
    """The numbers of steps after epochs 0, every, 2 * every, ..., as `fit` wants them."""
    return [(epoch + 1) * STEPS_PER_EPOCH for epoch in range(0, epochs, every)]


def train(params, epochs=EPOCHS, every=1000):
    """A run in the numbers' own order; the whole loss is taken after epochs 0, every, 2 * every, ..."""
    evaluate = after_epochs(every, epochs), whole_loss
    data = numbers(101, 1024)
    return fnnet.fit(
        loss, params, data, optimizer=optimizer, epochs=epochs, batch_size=BATCH, evaluate=evaluate
    )


def main():
    result = train(net.init(jax.random.key(0)))
    (whole,) = result.history.evaluations.values()
    for step, value in zip(result.history.evaluated_at, whole, strict=True):
        print("Epoch:", step // STEPS_PER_EPOCH - 1, "Loss:", value)
    said = predict(result.params)
    print([decode(i, s) for i, s in enumerate(said.tolist(), start=1)])
    print(int((said == numbers(1, 101)[1]).sum()), "of 100 right")


if __name__ == "__main__":
    main()

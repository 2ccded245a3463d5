"""Logistic regression: one linear map and log_softmax, trained on mini-batches for ten epochs.

The points are drawn; which class a point is in, a hidden direction says.

Run it: python examples/logistic_regression.py
"""

import jax
import jax.numpy as jnp

import fnnet
from fnnet import functional as F
from fnnet.random import as_source

POINTS, FEATURES, CLASSES = 320, 10, 2
EPOCHS, BATCH, LR = 10, 32, 0.1

classifier = fnnet.Linear(FEATURES, CLASSES)


def draw(random):
    """Points, their classes, and the classifier's initial parameters."""
    source = as_source(random)
    x = source.normal((POINTS, FEATURES), 0.0, 1.0, jnp.float32)
    direction = source.normal((FEATURES,), 0.0, 1.0, jnp.float32)
    labels = (x @ direction > 0).astype(jnp.int32)
    return x, labels, classifier.init(source)


def log_probabilities(params, x):
    return F.log_softmax(classifier(params, x), dim=1)


def nll(params, x, labels):
    """The loss that belongs to log_softmax: minus the log-probability of the right class."""
    return F.nll_loss(log_probabilities(params, x), labels)


def mse(params, x, labels):
    """The loss that the tutorial takes: squared distance from 0 for the right class, -1 for the other."""
    return F.mse_loss(log_probabilities(params, x), jax.nn.one_hot(labels, CLASSES) - 1)


def train(params, x, labels, loss=nll):
    """The whole run, compiled."""
    optimizer = fnnet.optim.sgd(lr=LR)
    return fnnet.fit(loss, params, (x, labels), optimizer=optimizer, epochs=EPOCHS, batch_size=BATCH)


def correct(params, x, labels):
    """How many points are classified right."""
    return (log_probabilities(params, x).argmax(axis=1) == labels).sum()


def main():
    x, labels, params = draw(fnnet.random.Generator(0))
    for loss in (nll, mse):
        result = train(params, x, labels, loss)
        print(f"{loss.__name__}: mean loss of each epoch {result.history.running_means(POINTS // BATCH)}")
        print(f"{correct(result.params, x, labels)} of {POINTS} right, in {result.seconds:.2f} s\n")


if __name__ == "__main__":
    main()

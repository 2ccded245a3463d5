"""torch.random: generators, and the default one from which everything draws that is not given another."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from typing import Any

import numpy as np

from fnnet import random as streams
from fnnet.torch.device import as_device, device
from fnnet.torch.tensor import Tensor, from_array

__all__ = [
    "Generator",
    "default_generator",
    "fork_rng",
    "get_rng_state",
    "initial_seed",
    "manual_seed",
    "seed",
    "set_rng_state",
]


class Generator:
    """torch.Generator: PyTorch's stream of random numbers.

    Attributes:
        stream: the `fnnet.random.Generator` that draws.
    """

    def __init__(self, device: Any = "cpu") -> None:
        self._device = as_device(device)
        self.stream = streams.Generator()

    @property
    def device(self) -> device:
        """Where the generator lives. Its numbers are drawn on the host, whatever the device."""
        return self._device

    def manual_seed(self, seed: Any) -> Generator:
        """Start the stream of a seed."""
        self.stream.manual_seed(seed)
        return self

    def seed(self) -> int:
        """Start the stream of a seed from the operating system, and return it."""
        return self.stream.seed()

    def initial_seed(self) -> int:
        """The seed of the stream."""
        return self.stream.initial_seed()

    def get_state(self) -> Tensor:
        """The state: 5056 bytes."""
        return from_array(self.stream.get_state())

    def set_state(self, new_state: Tensor) -> None:
        """Take a state that `get_state` gave."""
        if not isinstance(new_state, Tensor):
            raise TypeError(f"expected a torch.ByteTensor, but got {type(new_state).__name__}")
        self.stream.set_state(np.asarray(new_state._value().get()))

    def clone_state(self) -> Generator:
        """A generator that stands where this one stands."""
        made = Generator(self._device)
        made.stream.set_state(self.stream.get_state())
        return made


default_generator = Generator()
default_generator.seed()


def manual_seed(seed: Any) -> Generator:
    """Start the default generator's stream of a seed, which is made an int."""
    return default_generator.manual_seed(int(seed))


def seed() -> int:
    """Start the default generator's stream of a seed from the operating system."""
    return default_generator.seed()


def initial_seed() -> int:
    """The default generator's seed."""
    return default_generator.initial_seed()


def get_rng_state() -> Tensor:
    """The default generator's state."""
    return default_generator.get_state()


def set_rng_state(new_state: Tensor) -> None:
    """Set the default generator's state."""
    default_generator.set_state(new_state)


@contextlib.contextmanager
def fork_rng(
    devices: Any = None,
    enabled: bool = True,
    _caller: str = "fork_rng",
    _devices_kw: str = "devices",
    device_type: str = "cuda",
) -> Iterator[None]:
    """A block after which the default generator stands where it stood before."""
    if not enabled:
        yield
        return
    with default_generator.stream.fork():
        yield

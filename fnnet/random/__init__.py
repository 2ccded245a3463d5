"""Random numbers: from a JAX key, or PyTorch's own streams."""

from fnnet.random.ahead import Drawn as Drawn
from fnnet.random.ahead import ahead as ahead
from fnnet.random.generator import Generator as Generator
from fnnet.random.source import KeySource as KeySource
from fnnet.random.source import Source as Source
from fnnet.random.source import as_source as as_source

"""Pure functions with the names, arguments and meaning of `torch` and `torch.nn.functional`."""

from fnnet.functional.linear import *
from fnnet.functional.operation import OPERATIONS as OPERATIONS
from fnnet.functional.operation import Operation as Operation
from fnnet.functional.operation import operation as operation

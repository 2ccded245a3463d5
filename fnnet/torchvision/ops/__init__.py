"""torchvision.ops: the layers that its networks are built of. Operations on boxes are not here."""

from fnnet.torchvision.ops import misc as misc
from fnnet.torchvision.ops.misc import MLP as MLP
from fnnet.torchvision.ops.misc import Conv2dNormActivation as Conv2dNormActivation
from fnnet.torchvision.ops.misc import FrozenBatchNorm2d as FrozenBatchNorm2d

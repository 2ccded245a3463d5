"""torch.functional: the functions of `torch` that PyTorch writes in Python."""

from fnnet.torch import atleast_1d as atleast_1d
from fnnet.torch import atleast_2d as atleast_2d
from fnnet.torch import atleast_3d as atleast_3d
from fnnet.torch import block_diag as block_diag
from fnnet.torch import broadcast_shapes as broadcast_shapes
from fnnet.torch import broadcast_tensors as broadcast_tensors
from fnnet.torch import cartesian_prod as cartesian_prod
from fnnet.torch import cdist as cdist
from fnnet.torch import einsum as einsum
from fnnet.torch import istft as istft
from fnnet.torch import lu as lu
from fnnet.torch import meshgrid as meshgrid
from fnnet.torch import norm as norm
from fnnet.torch import pca_lowrank as pca_lowrank
from fnnet.torch import split as split
from fnnet.torch import stft as stft
from fnnet.torch import svd_lowrank as svd_lowrank
from fnnet.torch import tensordot as tensordot
from fnnet.torch import unique as unique
from fnnet.torch import unique_consecutive as unique_consecutive
from fnnet.torch import unravel_index as unravel_index

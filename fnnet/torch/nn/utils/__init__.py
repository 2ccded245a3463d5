"""torch.nn.utils: gradients kept within bounds, parameters as one vector, computed parameters."""

from fnnet.torch.nn.utils import fusion as fusion
from fnnet.torch.nn.utils import parametrizations as parametrizations
from fnnet.torch.nn.utils import parametrize as parametrize
from fnnet.torch.nn.utils import prune as prune
from fnnet.torch.nn.utils import rnn as rnn
from fnnet.torch.nn.utils import stateless as stateless
from fnnet.torch.nn.utils.clip_grad import clip_grad_norm as clip_grad_norm
from fnnet.torch.nn.utils.clip_grad import clip_grad_norm_ as clip_grad_norm_
from fnnet.torch.nn.utils.clip_grad import clip_grad_value_ as clip_grad_value_
from fnnet.torch.nn.utils.clip_grad import clip_grads_with_norm_ as clip_grads_with_norm_
from fnnet.torch.nn.utils.clip_grad import get_total_norm as get_total_norm
from fnnet.torch.nn.utils.convert_parameters import parameters_to_vector as parameters_to_vector
from fnnet.torch.nn.utils.convert_parameters import vector_to_parameters as vector_to_parameters
from fnnet.torch.nn.utils.fusion import fuse_conv_bn_eval as fuse_conv_bn_eval
from fnnet.torch.nn.utils.fusion import fuse_conv_bn_weights as fuse_conv_bn_weights
from fnnet.torch.nn.utils.fusion import fuse_linear_bn_eval as fuse_linear_bn_eval
from fnnet.torch.nn.utils.fusion import fuse_linear_bn_weights as fuse_linear_bn_weights
from fnnet.torch.nn.utils.making import (
    convert_conv2d_weight_memory_format as convert_conv2d_weight_memory_format,
)
from fnnet.torch.nn.utils.making import (
    convert_conv3d_weight_memory_format as convert_conv3d_weight_memory_format,
)
from fnnet.torch.nn.utils.making import skip_init as skip_init
from fnnet.torch.nn.utils.spectral_norm import remove_spectral_norm as remove_spectral_norm
from fnnet.torch.nn.utils.spectral_norm import spectral_norm as spectral_norm
from fnnet.torch.nn.utils.weight_norm import remove_weight_norm as remove_weight_norm
from fnnet.torch.nn.utils.weight_norm import weight_norm as weight_norm
from fnnet.torch.places import spell as _spell

_spell(f"{__name__}.init", skip_init=skip_init)
_spell(
    f"{__name__}.memory_format",
    convert_conv2d_weight_memory_format=convert_conv2d_weight_memory_format,
    convert_conv3d_weight_memory_format=convert_conv3d_weight_memory_format,
)

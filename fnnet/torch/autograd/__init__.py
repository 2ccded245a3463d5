"""torch.autograd: the graph, backward, and operations defined by the user."""

from fnnet.torch.autograd.backward import backward as backward
from fnnet.torch.autograd.backward import grad as grad
from fnnet.torch.autograd.function import Function as Function
from fnnet.torch.autograd.variable import Variable as Variable
from fnnet.torch.mode import enable_grad as enable_grad
from fnnet.torch.mode import inference_mode as inference_mode
from fnnet.torch.mode import no_grad as no_grad
from fnnet.torch.mode import set_grad_enabled as set_grad_enabled

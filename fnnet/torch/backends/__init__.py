"""torch.backends: names and switches. XLA is the backend; the switches are kept and change nothing."""

from fnnet.torch.backends import cpu as cpu
from fnnet.torch.backends import cuda as cuda
from fnnet.torch.backends import cudnn as cudnn
from fnnet.torch.backends import mkl as mkl
from fnnet.torch.backends import mkldnn as mkldnn
from fnnet.torch.backends import mps as mps
from fnnet.torch.backends import openmp as openmp

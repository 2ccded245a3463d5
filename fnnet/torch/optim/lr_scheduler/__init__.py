"""torch.optim.lr_scheduler: every scheduler of PyTorch, with its recursion and its state."""

from fnnet.torch.optim.lr_scheduler.base import LRScheduler as LRScheduler
from fnnet.torch.optim.lr_scheduler.base import _LRScheduler as _LRScheduler
from fnnet.torch.optim.lr_scheduler.compose import ChainedScheduler as ChainedScheduler
from fnnet.torch.optim.lr_scheduler.compose import SequentialLR as SequentialLR
from fnnet.torch.optim.lr_scheduler.cycle import CosineAnnealingLR as CosineAnnealingLR
from fnnet.torch.optim.lr_scheduler.cycle import CosineAnnealingWarmRestarts as CosineAnnealingWarmRestarts
from fnnet.torch.optim.lr_scheduler.cycle import CyclicLR as CyclicLR
from fnnet.torch.optim.lr_scheduler.cycle import OneCycleLR as OneCycleLR
from fnnet.torch.optim.lr_scheduler.decay import ConstantLR as ConstantLR
from fnnet.torch.optim.lr_scheduler.decay import ExponentialLR as ExponentialLR
from fnnet.torch.optim.lr_scheduler.decay import LambdaLR as LambdaLR
from fnnet.torch.optim.lr_scheduler.decay import LinearLR as LinearLR
from fnnet.torch.optim.lr_scheduler.decay import MultiplicativeLR as MultiplicativeLR
from fnnet.torch.optim.lr_scheduler.decay import MultiStepLR as MultiStepLR
from fnnet.torch.optim.lr_scheduler.decay import PolynomialLR as PolynomialLR
from fnnet.torch.optim.lr_scheduler.decay import StepLR as StepLR
from fnnet.torch.optim.lr_scheduler.plateau import ReduceLROnPlateau as ReduceLROnPlateau

for _value in list(globals().values()):
    if isinstance(_value, type) and issubclass(_value, LRScheduler):
        _value.__module__ = __name__  # where PyTorch has them, in texts and in pickles

"""torch.optim: optimizers that move tensors in place, and their learning rate schedulers."""

from importlib import import_module as _import_module
from typing import Any as _Any

from fnnet.torch.missing import missing as _missing
from fnnet.torch.optim import lr_scheduler as lr_scheduler
from fnnet.torch.optim.function_forms import FUNCTIONS as _FUNCTIONS
from fnnet.torch.optim.lbfgs import LBFGS as LBFGS
from fnnet.torch.optim.optimizer import Optimizer as Optimizer
from fnnet.torch.optim.rules import ASGD as ASGD
from fnnet.torch.optim.rules import SGD as SGD
from fnnet.torch.optim.rules import Adadelta as Adadelta
from fnnet.torch.optim.rules import Adafactor as Adafactor
from fnnet.torch.optim.rules import Adagrad as Adagrad
from fnnet.torch.optim.rules import Adam as Adam
from fnnet.torch.optim.rules import Adamax as Adamax
from fnnet.torch.optim.rules import AdamW as AdamW
from fnnet.torch.optim.rules import Muon as Muon
from fnnet.torch.optim.rules import NAdam as NAdam
from fnnet.torch.optim.rules import RAdam as RAdam
from fnnet.torch.optim.rules import RMSprop as RMSprop
from fnnet.torch.optim.rules import Rprop as Rprop
from fnnet.torch.optim.rules import SparseAdam as SparseAdam
from fnnet.torch.places import spell as _spell

for _rule in (
    ASGD, SGD, Adadelta, Adafactor, Adagrad, Adam, Adamax, AdamW, Muon, NAdam, RAdam, RMSprop, Rprop,
):  # fmt: skip
    _name = _rule.__name__.lower()
    for _place in (_name, f"_{_name}") if _rule in (Adafactor, Muon) else (_name,):
        _spell(
            f"{__name__}.{_place}", Optimizer=Optimizer, **{_rule.__name__: _rule, _name: _FUNCTIONS[_name]}
        )
_spell(f"{__name__}.sparse_adam", SparseAdam=SparseAdam, Optimizer=Optimizer)
_spell(f"{__name__}._functional", **_FUNCTIONS)


def __getattr__(name: str) -> _Any:
    """`swa_utils`, which needs modules, is imported when it is first named."""
    if name == "swa_utils":
        return _import_module(f"{__name__}.{name}")
    raise _missing("torch.optim", name)

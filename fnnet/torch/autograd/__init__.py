"""torch.autograd: the graph, backward, and operations defined by the user."""

from importlib import import_module as _import_module
from typing import Any as _Any

from fnnet.torch.autograd.anomaly import detect_anomaly as detect_anomaly
from fnnet.torch.autograd.anomaly import is_anomaly_enabled as is_anomaly_enabled
from fnnet.torch.autograd.anomaly import set_detect_anomaly as set_detect_anomaly
from fnnet.torch.autograd.backward import backward as backward
from fnnet.torch.autograd.backward import grad as grad
from fnnet.torch.autograd.function import Function as Function
from fnnet.torch.autograd.variable import Variable as Variable
from fnnet.torch.missing import missing as _missing
from fnnet.torch.mode import enable_grad as enable_grad
from fnnet.torch.mode import inference_mode as inference_mode
from fnnet.torch.mode import no_grad as no_grad
from fnnet.torch.mode import set_grad_enabled as set_grad_enabled

_LATER = {
    "Variable": "variable",
    "gradcheck": "gradcheck",
    "gradgradcheck": "gradcheck",
    "functional": None,
    "profiler": None,
    "forward_ad": None,
    "variable": None,
}


def __getattr__(name: str) -> _Any:
    """What needs tensors complete is imported when it is first named."""
    if name not in _LATER:
        raise _missing("torch.autograd", name)
    module = _LATER[name]
    if module is None:
        return _import_module(f"{__name__}.{name}")
    found = getattr(_import_module(f"{__name__}.{module}"), name)
    globals()[name] = found  # a submodule of the same name stands there after its import
    return found

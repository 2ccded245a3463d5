"""Modules against PyTorch's, on the samples by which PyTorch tests its own (`module_db`)."""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np
import pytest

import fnnet.torch as ours

torch = pytest.importorskip("torch")
pytest.importorskip("expecttest")  # which torch.testing._internal imports
pytestmark = pytest.mark.torch

NAMES = (
    "Linear", "Bilinear", "BatchNorm1d", "GroupNorm", "RMSNorm", "Conv1d", "MaxPool1d", "CrossEntropyLoss",
    "BCEWithLogitsLoss", "MultiMarginLoss", "PReLU", "Hardtanh", "GLU", "Embedding", "LSTMCell", "LayerNorm",
)  # fmt: skip
SAMPLES = 2
"""Samples of each module; each compiles programs of its own."""


def taken_over(value: Any) -> Any:
    if isinstance(value, torch.Tensor):
        made = ours.from_numpy(value.detach().numpy().copy())
        return made.requires_grad_() if value.requires_grad else made
    if isinstance(value, list | tuple):
        return type(value)(taken_over(one) for one in value)
    if isinstance(value, dict):
        return {name: taken_over(one) for name, one in value.items()}
    if isinstance(value, torch.dtype):
        return getattr(ours, str(value).removeprefix("torch."))
    return str(value) if isinstance(value, torch.device) else value


def tensors(value: Any) -> list[Any]:
    if isinstance(value, list | tuple):
        return [tensor for one in value for tensor in tensors(one)]
    return [value] if isinstance(value, torch.Tensor | ours.Tensor) else []


def close(mine: Any, theirs: Any, what: str) -> None:
    expected = theirs.detach().numpy()
    rtol, atol = (1.3e-6, 1e-5) if expected.dtype == np.float32 else (1e-7, 1e-7)
    np.testing.assert_allclose(mine.detach().numpy(), expected, rtol * 10, atol * 2, err_msg=what)


def public(module: Any) -> dict[str, Any]:
    return {n: v for n, v in vars(module).items() if not n.startswith("_") and not callable(v)}


@pytest.mark.parametrize("name", NAMES)
def test_module(name: str) -> None:
    from torch.testing._internal.common_modules import module_db

    info = next(one for one in module_db if one.name == f"nn.{name}")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        samples = info.module_inputs_func(
            info, device="cpu", dtype=torch.float32, requires_grad=True, training=True
        )
        for sample in samples[:SAMPLES]:
            one_sample(name, info.module_cls, sample)


def one_sample(name: str, theirs: Any, sample: Any) -> None:
    args, kwargs = sample.constructor_input.args, sample.constructor_input.kwargs
    torch.manual_seed(3)
    module = theirs(*args, **kwargs)
    ours.manual_seed(3)
    mine = getattr(ours.nn, name)(*taken_over(args), **taken_over(kwargs))
    assert repr(mine) == repr(module)
    assert public(mine) == public(module)
    for table in ("_parameters", "_buffers", "_modules"):
        assert list(getattr(mine, table)) == list(getattr(module, table))
    for key, value in module.state_dict().items():
        np.testing.assert_array_equal(mine.state_dict()[key].numpy(), value.numpy(), err_msg=key)
    given, options = sample.forward_input.args, sample.forward_input.kwargs
    my_given, my_options = taken_over(given), taken_over(options)
    outputs, my_outputs = tensors(module(*given, **options)), tensors(mine(*my_given, **my_options))
    assert len(outputs) == len(my_outputs)
    total: Any = sum((one * one).sum() for one in outputs if one.requires_grad)
    my_total: Any = sum((one * one).sum() for one in my_outputs if one.requires_grad)
    for output, my_output in zip(outputs, my_outputs, strict=True):
        close(my_output, output, "output")
    if isinstance(total, torch.Tensor):
        total.backward()
        my_total.backward()
    for key, parameter in module.named_parameters():
        if parameter.grad is not None:
            close(mine.get_parameter(key).grad, parameter.grad, f"gradient of {key}")
    for tensor, my_tensor in zip(tensors(given), tensors(my_given), strict=True):
        if tensor.is_leaf and tensor.grad is not None:
            close(my_tensor.grad, tensor.grad, "gradient of an input")
    for key, buffer in module.named_buffers():
        close(mine.get_buffer(key), buffer, key)

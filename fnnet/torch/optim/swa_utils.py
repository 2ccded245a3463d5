"""torch.optim.swa_utils: averages of a model's weights over the course of training."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable
from copy import deepcopy
from typing import Any

from fnnet.torch.creation import tensor
from fnnet.torch.mode import no_grad
from fnnet.torch.nn.module import Module
from fnnet.torch.optim.lr_scheduler import LRScheduler
from fnnet.torch.tensor import Tensor

__all__ = ["SWALR", "AveragedModel", "get_ema_avg_fn", "get_ema_multi_avg_fn", "get_swa_avg_fn",
           "get_swa_multi_avg_fn", "update_bn"]  # fmt: skip


def _checked(decay: float) -> float:
    if decay < 0.0 or decay > 1.0:
        raise ValueError(f"Invalid decay value {decay} provided. Please provide a value in [0,1] range.")
    return decay


def get_ema_avg_fn(decay: float = 0.999) -> Callable[..., Any]:
    """The exponential moving average of one parameter."""
    decay = _checked(decay)

    def ema_update(ema_param: Any, current_param: Any, num_averaged: Any) -> Any:
        with no_grad():
            return decay * ema_param + (1 - decay) * current_param

    return ema_update


def get_swa_avg_fn() -> Callable[..., Any]:
    """The running mean of one parameter."""

    def swa_update(averaged_param: Any, current_param: Any, num_averaged: Any) -> Any:
        with no_grad():
            return averaged_param + (current_param - averaged_param) / (num_averaged + 1)

    return swa_update


def get_ema_multi_avg_fn(decay: float = 0.999) -> Callable[..., None]:
    """The exponential moving average of a list of parameters, in place."""
    decay = _checked(decay)

    def ema_update(ema_param_list: Any, current_param_list: Any, _: Any) -> None:
        with no_grad():
            for average, current in zip(ema_param_list, current_param_list, strict=True):
                if average.is_floating_point() or average.is_complex():
                    average.lerp_(current.to(average.dtype), 1 - decay)
                else:
                    average.copy_(average * decay + current * (1 - decay))

    return ema_update


def get_swa_multi_avg_fn() -> Callable[..., None]:
    """The running mean of a list of parameters, in place."""

    def swa_update(averaged_param_list: Any, current_param_list: Any, num_averaged: Any) -> None:
        with no_grad():
            for average, current in zip(averaged_param_list, current_param_list, strict=True):
                if average.is_floating_point() or average.is_complex():
                    average.lerp_(current.to(average.dtype), 1.0 / (float(num_averaged) + 1))
                else:
                    average.add_((current - average) // (num_averaged + 1))

    return swa_update


class AveragedModel(Module):
    """A copy of a model whose parameters are averages, by default the running mean, of the model's."""

    n_averaged: Tensor

    def __init__(
        self,
        model: Module,
        device: Any = None,
        avg_fn: Callable[..., Any] | None = None,
        multi_avg_fn: Callable[..., Any] | None = None,
        use_buffers: bool = False,
    ) -> None:
        super().__init__()
        if avg_fn is not None and multi_avg_fn is not None:
            raise AssertionError("Only one of avg_fn and multi_avg_fn should be provided")
        self.module = deepcopy(model)
        if device is not None:
            self.module = self.module.to(device)
        self.register_buffer("n_averaged", tensor(0, device=device))
        self.avg_fn, self.multi_avg_fn, self.use_buffers = avg_fn, multi_avg_fn, use_buffers

    def forward(self, *args: Any, **kwargs: Any) -> Any:
        """Call the averaged model."""
        return self.module(*args, **kwargs)

    def _pairs(self, model: Module) -> list[tuple[Tensor, Tensor]]:
        def tensors(one: Module) -> list[Tensor]:
            return [*one.parameters(), *(one.buffers() if self.use_buffers else ())]

        pairs = zip(tensors(self.module), tensors(model), strict=False)
        return [(own.detach(), given.detach().to(own.device)) for own, given in pairs]

    def update_parameters(self, model: Module) -> None:
        """Take the model's parameters into the averages; the first time they are copied."""
        pairs = self._pairs(model)
        first = int(self.n_averaged) == 0
        with no_grad():
            if first:
                for own, given in pairs:
                    own.copy_(given)
            elif self.avg_fn is not None:
                for own, given in pairs:
                    own.copy_(self.avg_fn(own, given, self.n_averaged))
            else:
                update = self.multi_avg_fn or get_swa_multi_avg_fn()
                update([own for own, _ in pairs], [given for _, given in pairs], self.n_averaged)
            if not self.use_buffers:
                for own, given in zip(self.module.buffers(), model.buffers(), strict=False):
                    own.detach().copy_(given.detach().to(own.device))
            self.n_averaged.add_(1)


def update_bn(loader: Iterable[Any], model: Module, device: Any = None) -> None:
    """Compute the running statistics of the model's batch norms anew from one pass over the data."""
    from fnnet.torch import nn

    kinds = tuple(getattr(nn, f"BatchNorm{dims}d") for dims in (1, 2, 3))
    norms: dict[Any, Any] = {}
    for module in model.modules():
        if isinstance(module, kinds):
            module.reset_running_stats()
            norms[module] = module.momentum
    if not norms:
        return
    was_training = model.training
    model.train()
    for module in norms:
        module.momentum = None
    with no_grad():
        for given in loader:
            if isinstance(given, list | tuple):
                given = given[0]
            model(given if device is None else given.to(device))
    for module, momentum in norms.items():
        module.momentum = momentum
    model.train(was_training)


class SWALR(LRScheduler):
    """Anneal each group's learning rate to `swa_lr` in so many steps, along a cosine or a line."""

    def __init__(
        self,
        optimizer: Any,
        swa_lr: Any,
        anneal_epochs: int = 10,
        anneal_strategy: str = "cos",
        last_epoch: int = -1,
    ) -> None:
        groups = optimizer.param_groups
        rates = list(swa_lr) if isinstance(swa_lr, list | tuple) else [swa_lr] * len(groups)
        if len(rates) != len(groups):
            raise ValueError(
                "swa_lr must have the same length as optimizer.param_groups. "
                f"swa_lr has {len(rates)} values, "
                f"param_groups has {len(groups)}."
            )
        for rate, group in zip(rates, groups, strict=True):
            group["swa_lr"] = rate
        if anneal_strategy not in ("cos", "linear"):
            raise ValueError(
                f"anneal_strategy must be one of 'cos' or 'linear', instead got {anneal_strategy}"
            )
        if not isinstance(anneal_epochs, int) or anneal_epochs < 0:
            raise ValueError(f"anneal_epochs must be equal or greater than 0, got {anneal_epochs}")
        self._anneal_strategy, self.anneal_epochs = anneal_strategy, anneal_epochs
        super().__init__(optimizer, last_epoch)

    def _share(self, turn: float) -> float:
        return (1 - math.cos(math.pi * turn)) / 2 if self._anneal_strategy == "cos" else turn

    def get_lr(self) -> list[float]:
        """The rates of the next step, from the rates of this one."""
        step = self._step_count - 1 if self.anneal_epochs else max(1, self._step_count - 1)
        length = max(1, self.anneal_epochs)
        before = self._share(max(0, min(1, (step - 1) / length)))
        now = self._share(max(0, min(1, step / length)))
        rates = []
        for group in self.optimizer.param_groups:
            target, rate = group["swa_lr"], group["lr"]
            base = target if before == 1 else (rate - before * target) / (1 - before)
            rates.append(target * now + base * (1 - now))
        return rates

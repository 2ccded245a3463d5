"""The classes of torch.optim that are update rules of fnnet.optim."""

from __future__ import annotations

from typing import Any

from fnnet.torch.optim.derive import Derived
from fnnet.torch.tensor import Tensor


class SGD(
    Derived,
    arguments="lr momentum dampening weight_decay nesterov * maximize foreach differentiable fused",
):
    """torch.optim.SGD; its arithmetic is that of fnnet.optim."""


class Adam(
    Derived,
    arguments="lr betas eps weight_decay amsgrad * "
    "foreach maximize capturable differentiable fused decoupled_weight_decay",
    order="lr betas eps weight_decay amsgrad "
    "maximize foreach capturable differentiable fused decoupled_weight_decay",
):
    """torch.optim.Adam; its arithmetic is that of fnnet.optim."""

    def _check(self, options: dict[str, Any]) -> None:
        lr, betas = options["lr"], options["betas"]
        if options["foreach"] and not options["capturable"] and isinstance(lr, Tensor):
            raise ValueError("lr as a Tensor is not supported for capturable=False and foreach=True")
        super()._check(options)
        if not any(all(isinstance(beta, kind) for beta in betas) for kind in (float, Tensor)):
            raise ValueError("betas must be either both floats or both Tensors")
        for i, beta in enumerate(betas):
            if isinstance(beta, Tensor) and options["foreach"] and not options["capturable"]:
                raise ValueError(
                    f"betas[{i}] as a Tensor is not supported for capturable=False and foreach=True"
                )
            if isinstance(beta, Tensor) and beta.numel() != 1:
                raise ValueError(f"Tensor betas[{i}] must be 1-element")


class AdamW(
    Adam,
    arguments="lr betas eps weight_decay amsgrad * maximize foreach capturable differentiable fused",
    rule="Adam",
    extra={"decoupled_weight_decay": True},
):
    """torch.optim.AdamW; its arithmetic is that of fnnet.optim."""

    def __setstate__(self, state: dict[str, Any]) -> None:
        super().__setstate__(state)
        for group in self.param_groups:
            group["decoupled_weight_decay"] = True


class Adamax(Derived, arguments="lr betas eps weight_decay foreach * maximize differentiable capturable"):
    """torch.optim.Adamax; its arithmetic is that of fnnet.optim."""


class NAdam(
    Derived,
    arguments="lr betas eps weight_decay momentum_decay decoupled_weight_decay * "
    "foreach maximize capturable differentiable",
    order="lr betas eps weight_decay momentum_decay decoupled_weight_decay "
    "maximize foreach capturable differentiable",
):
    """torch.optim.NAdam; its arithmetic is that of fnnet.optim."""


class RAdam(
    Derived,
    arguments="lr betas eps weight_decay decoupled_weight_decay * foreach maximize capturable differentiable",
    order="lr betas eps weight_decay maximize foreach capturable decoupled_weight_decay differentiable",
):
    """torch.optim.RAdam; its arithmetic is that of fnnet.optim."""


class RMSprop(
    Derived,
    arguments="lr alpha eps weight_decay momentum centered capturable foreach maximize differentiable",
    order="lr momentum alpha eps centered weight_decay capturable foreach maximize differentiable",
):
    """torch.optim.RMSprop; its arithmetic is that of fnnet.optim."""


class Adagrad(
    Derived,
    arguments="lr lr_decay weight_decay initial_accumulator_value eps foreach * "
    "maximize differentiable fused",
    order="lr lr_decay eps weight_decay initial_accumulator_value foreach maximize differentiable fused",
):
    """torch.optim.Adagrad; its arithmetic is that of fnnet.optim."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        for group in self.param_groups:  # alone among the rules, it begins before the first step
            self._kept(group, group["params"], self._options(group)[0])


class Adadelta(
    Derived,
    arguments="lr rho eps weight_decay foreach * capturable maximize differentiable",
    order="lr rho eps weight_decay maximize capturable foreach differentiable",
):
    """torch.optim.Adadelta; its arithmetic is that of fnnet.optim."""


class Rprop(
    Derived,
    arguments="lr etas step_sizes * capturable foreach maximize differentiable",
    order="lr etas step_sizes foreach maximize differentiable capturable",
):
    """torch.optim.Rprop; its arithmetic is that of fnnet.optim."""


class ASGD(Derived, arguments="lr lambd alpha t0 weight_decay foreach maximize differentiable capturable"):
    """torch.optim.ASGD; its arithmetic is that of fnnet.optim."""


class Adafactor(Derived, arguments="lr beta2_decay eps d weight_decay * foreach maximize"):
    """torch.optim.Adafactor; its arithmetic is that of fnnet.optim."""


class Muon(Derived, arguments="lr weight_decay momentum nesterov ns_coefficients eps ns_steps adjust_lr_fn"):
    """torch.optim.Muon; its arithmetic is that of fnnet.optim."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        for group in self.param_groups:
            for p in group["params"]:
                if p.ndim != 2:
                    raise ValueError(
                        f"Muon only supports 2D parameters whereas we found a parameter with size: {p.shape}"
                    )


class SparseAdam(Derived, arguments="lr betas eps maximize"):
    """torch.optim.SparseAdam; its arithmetic is that of fnnet.optim."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        found = [
            [index, place]
            for index, group in enumerate(self.param_groups)
            for place, p in enumerate(group["params"])
            if p.dtype.is_complex
        ]
        if found:
            raise ValueError(
                f"Complex params at indices {found}: SparseAdam does not support complex parameters"
            )

    def __setstate__(self, state: dict[str, Any]) -> None:
        super().__setstate__(state)
        for kept in self.state.values():
            if "step" in kept:
                kept["step"] = int(kept["step"])

    def _start(self, group: dict[str, Any], p: Tensor, state: dict[str, Any]) -> None:
        super()._start(group, p, state)
        state["step"] = 0  # a number, alone among the rules

    def _counted(self, p: Tensor, count: int) -> None:
        self.state[p]["step"] = count

    def _move(self, group: dict[str, Any], params: list[Tensor], grads: list[Any]) -> None:
        raise RuntimeError("SparseAdam does not support dense gradients, please consider Adam instead")

"""Optimizers as functions of lists: torch.optim.adam.adam, torch.optim.sgd.sgd and their kin.

Each is one step of the class of its name, on parameters, gradients and states that the caller keeps.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Any

from fnnet.torch.mode import no_grad
from fnnet.torch.optim import rules
from fnnet.torch.optim.derive import Derived
from fnnet.torch.tensor import Tensor

FUNCTIONS: dict[str, Callable[..., None]] = {}
"""By PyTorch's name."""

_ADAM = "exp_avgs:exp_avg exp_avg_sqs:exp_avg_sq"
_FORMS = {
    "adadelta": (
        rules.Adadelta,
        "square_avgs:square_avg acc_deltas:acc_delta",
        "capturable foreach differentiable has_complex * lr rho eps weight_decay maximize",
    ),
    "adafactor": (
        rules.Adafactor,
        "row_vars:row_var col_vars:col_var variances:variance",
        "foreach grad_scale found_inf has_complex * d lr beta2_decay weight_decay eps1 eps2 maximize",
    ),
    "adagrad": (
        rules.Adagrad,
        "state_sums:sum",
        "fused grad_scale found_inf has_sparse_grad foreach differentiable has_complex "
        "* lr weight_decay lr_decay eps maximize",
    ),
    "adam": (
        rules.Adam,
        f"{_ADAM} max_exp_avg_sqs:max_exp_avg_sq",
        "foreach capturable differentiable fused grad_scale found_inf has_complex decoupled_weight_decay "
        "* amsgrad beta1 beta2 lr weight_decay eps maximize",
    ),
    "adamax": (
        rules.Adamax,
        "exp_avgs:exp_avg exp_infs:exp_inf",
        "foreach maximize differentiable capturable has_complex * eps beta1 beta2 lr weight_decay",
    ),
    "adamw": (
        rules.AdamW,
        f"{_ADAM} max_exp_avg_sqs:max_exp_avg_sq",
        "foreach capturable differentiable fused grad_scale found_inf has_complex "
        "* amsgrad beta1 beta2 lr weight_decay eps maximize",
    ),
    "asgd": (
        rules.ASGD,
        "axs:ax mus:mu etas:eta",
        "foreach maximize differentiable capturable has_complex * lambd lr t0 alpha weight_decay",
    ),
    "muon": (
        rules.Muon,
        "muon_momentum_bufs:momentum_buffer",
        "* foreach lr weight_decay momentum nesterov ns_coefficients ns_steps eps adjust_lr_fn has_complex",
    ),
    "nadam": (
        rules.NAdam,
        f"{_ADAM} mu_products:mu_product",
        "decoupled_weight_decay foreach capturable differentiable has_complex maximize "
        "* beta1 beta2 lr weight_decay momentum_decay eps",
    ),
    "radam": (
        rules.RAdam,
        _ADAM,
        "decoupled_weight_decay foreach differentiable capturable has_complex maximize "
        "* beta1 beta2 lr weight_decay eps",
    ),
    "rmsprop": (
        rules.RMSprop,
        "square_avgs:square_avg grad_avgs:grad_avg momentum_buffer_list:momentum_buffer",
        "foreach maximize differentiable capturable has_complex "
        "* lr alpha eps weight_decay momentum centered",
    ),
    "rprop": (
        rules.Rprop,
        "prevs:prev step_sizes:step_size",
        "foreach capturable maximize differentiable has_complex "
        "* step_size_min step_size_max etaminus etaplus",
    ),
    "sgd": (
        rules.SGD,
        "momentum_buffer_list:momentum_buffer",
        "has_sparse_grad foreach fused grad_scale found_inf "
        "* weight_decay momentum lr dampening nesterov maximize",
    ),
}
"""The class, its states in the order of the function's lists, and the function's options: those before the
star have defaults, those behind it must be given by name."""

_PAIRS = {
    "betas": ("beta1", "beta2"),
    "eps": ("eps1", "eps2"),
    "etas": ("etaminus", "etaplus"),
    "step_sizes": ("step_size_min", "step_size_max"),
}
"""Options of classes that functions take apart."""

_UNSET = ("foreach", "fused", "grad_scale", "found_inf")


def _signature(name: str, lists: list[str], options: str) -> inspect.Signature:
    plain, named = inspect.Parameter.POSITIONAL_OR_KEYWORD, inspect.Parameter.KEYWORD_ONLY
    before, _, after = options.partition("*")
    made = [inspect.Parameter(one, plain) for one in lists]
    made += [
        inspect.Parameter(one, plain, default=None if one in _UNSET else False) for one in before.split()
    ]
    for one in after.split():
        default = None if one == "foreach" else inspect.Parameter.empty
        made.append(inspect.Parameter(one, named, default=default))
    return inspect.Signature(made)


def _group(cls: type[Derived], given: dict[str, Any]) -> dict[str, Any]:
    """The options of a group from those of a function."""
    group = {**cls._rule.defaults, **cls._extra}
    for option in group:
        parts = _PAIRS.get(option, ())
        if parts and parts[0] in given:
            group[option] = tuple(given[one] for one in parts)
        elif option in given:
            group[option] = given[option]
    return group


def _derived(name: str, cls: type[Derived], states: str, options: str) -> Callable[..., None]:
    columns = dict(one.split(":") for one in states.split())
    timed = "step" in cls._rule.state
    gradients = "d_p_list" if name == "sgd" else "grads"
    lists = ["params", gradients, *columns, *(["state_steps"] if timed else [])]
    signature = _signature(name, lists, options)

    def function(*args: Any, **kwargs: Any) -> None:
        try:
            bound = signature.bind(*args, **kwargs)
        except TypeError as error:
            raise TypeError(f"{name}() {error}") from None
        bound.apply_defaults()
        given = bound.arguments
        steps = given.get("state_steps", [])
        if not all(isinstance(one, Tensor) for one in steps):
            raise RuntimeError(
                f"{name}: API has changed, `state_steps` argument must contain a list of singleton tensors"
            )
        for option in ("differentiable", "grad_scale", "found_inf"):
            if given.get(option) not in (None, False):
                raise NotImplementedError(f"{name}: {option} is not supported in fnnet")
        stepper = cls.__new__(cls)
        state: dict[Tensor, dict[str, Any]] = {}
        for i, p in enumerate(given["params"]):
            kept = {own: given[column][i] for column, own in columns.items() if i < len(given[column])}
            state[p] = {own: value for own, value in kept.items() if value is not None}
            if timed:
                state[p]["step"] = steps[i]
        stepper.__dict__["state"] = state
        with no_grad():
            stepper._move_all(_group(cls, given), given["params"], given[gradients])
        for column, own in columns.items():
            for i, p in enumerate(given["params"][: len(given[column])]):
                given[column][i] = state[p].get(own)  # SGD begins what is None

    function.__name__ = function.__qualname__ = name
    function.__doc__ = f"One step of torch.optim.{cls.__name__} on lists of tensors, which change in place."
    function.__signature__ = signature  # type: ignore[attr-defined]
    return function


for _name, (_cls, _states, _options) in _FORMS.items():
    FUNCTIONS[_name] = _derived(_name, _cls, _states, _options)

"""What is compared with torch.optim: for the program that records PyTorch's results and for the tests."""

import math

import numpy as np

SHAPES = ((5, 3), ())
SPECIAL_SHAPES = {
    "Muon": ((3, 4), (6, 2)),
    "SparseAdam": ((5, 3),),
    "Adafactor": ((3, 4), (4,), (2, 3, 2), ()),
}
STEPS = 20
SEEN = (1, 2, STEPS)

_ADAM = [
    {},
    {"lr": 0.05, "betas": (0.8, 0.95), "eps": 1e-3, "weight_decay": 0.1},
    {"lr": 0.05, "amsgrad": True, "maximize": True, "weight_decay": 0.1},
]
_DECOUPLED = [{}, {"lr": 0.05, "weight_decay": 0.1, "decoupled_weight_decay": True, "maximize": True}]

RULE_CASES: dict[str, list[dict]] = {
    "SGD": [
        {},
        {"lr": 0.1, "momentum": 0.9},
        {"lr": 0.1, "momentum": 0.9, "dampening": 0.3, "weight_decay": 0.1},
        {"lr": 0.1, "momentum": 0.8, "nesterov": True, "maximize": True, "weight_decay": 0.01},
    ],
    "Adam": [*_ADAM, {"lr": 0.05, "weight_decay": 0.1, "decoupled_weight_decay": True}],
    "AdamW": _ADAM,
    "Adamax": [{}, {"lr": 0.05, "betas": (0.8, 0.9), "eps": 1e-4, "weight_decay": 0.1, "maximize": True}],
    "NAdam": [*_DECOUPLED, {"lr": 0.05, "weight_decay": 0.1, "momentum_decay": 0.1, "betas": (0.7, 0.9)}],
    "RAdam": [*_DECOUPLED, {"lr": 0.05, "weight_decay": 0.1, "betas": (0.7, 0.8), "eps": 1e-3}],
    "RMSprop": [
        {},
        {"lr": 0.05, "alpha": 0.9, "eps": 1e-3, "momentum": 0.9},
        {"lr": 0.05, "centered": True, "weight_decay": 0.1, "maximize": True},
        {"lr": 0.05, "centered": True, "momentum": 0.5},
    ],
    "Adagrad": [
        {},
        {"lr": 0.1, "lr_decay": 0.1, "weight_decay": 0.1, "initial_accumulator_value": 0.1, "eps": 1e-3},
        {"lr": 0.1, "maximize": True},
    ],
    "Adadelta": [{}, {"lr": 0.5, "rho": 0.8, "eps": 1e-3, "weight_decay": 0.1, "maximize": True}],
    "Rprop": [{}, {"lr": 0.1, "etas": (0.3, 1.5), "step_sizes": (1e-2, 0.3), "maximize": True}],
    "ASGD": [
        {},
        {"lr": 0.1, "lambd": 0.1, "alpha": 0.5, "t0": 5, "weight_decay": 0.1},
        {"lr": 0.1, "maximize": True},
    ],
    "Adafactor": [
        {},
        {"lr": 0.1, "beta2_decay": -0.5, "eps": (1e-3, 1e-2), "d": 1.5, "weight_decay": 0.1},
        {"lr": 0.1, "maximize": True},
    ],
    "SparseAdam": [{}, {"lr": 0.05, "betas": (0.8, 0.95), "eps": 1e-3, "maximize": True}],
    "Muon": [
        {},
        {"lr": 0.05, "momentum": 0.8, "nesterov": False, "adjust_lr_fn": "match_rms_adamw"},
        {"lr": 0.05, "weight_decay": 0.0, "ns_steps": 3, "adjust_lr_fn": "original"},
    ],
}

COMPLEX = (
    "SGD",
    "Adam",
    "AdamW",
    "Adamax",
    "NAdam",
    "RAdam",
    "RMSprop",
    "Adagrad",
    "Adadelta",
    "Rprop",
    "ASGD",
)

LBFGS_CASES: list[dict] = [
    {"lr": 0.1, "max_iter": 5, "history_size": 10},
    {"line_search_fn": "strong_wolfe", "max_iter": 7, "history_size": 4},
    {"line_search_fn": "strong_wolfe", "lr": 0.5, "max_eval": 9, "history_size": 10},
    {"line_search_fn": "strong_wolfe", "lr": 30.0, "max_iter": 4, "history_size": 3},
]
LBFGS_START = np.linspace(-1.5, 1.2, 6)
LBFGS_STEPS = 6
LBFGS_SCALES = (0.01, 1.0)


def rosenbrock(x):
    """Of NumPy-like arrays: PyTorch's and JAX's alike."""
    return (100 * (x[1:] - x[:-1] ** 2) ** 2 + (1 - x[:-1]) ** 2).sum()


def bowl(x):
    """A function in whose descent rounding errors do not grow: of NumPy-like arrays."""
    return ((x - 0.3) ** 2 * (1 + x**2)).sum() + (x.sum() - 1) ** 2


def shapes_of(name: str) -> tuple:
    return SPECIAL_SHAPES.get(name, SHAPES)


def flat(arrays: list) -> np.ndarray:
    return np.concatenate([np.asarray(a).reshape(-1) for a in arrays])


def problem(shapes: tuple, complex_numbers: bool = False, steps: int = STEPS) -> tuple[list, list]:
    """Parameters, and gradients for every step, some of them zero or of changing sign."""
    draw = np.random.RandomState(7)

    def numbers(shape: tuple) -> np.ndarray:
        x = np.asarray(draw.randn(*shape))
        return x + 1j * np.asarray(draw.randn(*shape)) if complex_numbers else x

    params = [numbers(s) for s in shapes]
    grads = [[numbers(s) for s in shapes] for _ in range(steps)]
    for g in grads[3:6]:
        g[0] = np.where(np.arange(g[0].size).reshape(g[0].shape) % 3 == 0, 0, g[0])
    return params, grads


SCHEDULE_STEPS = 45
BASE_LR = 0.1


def shrink(epoch):
    return 1 / (1 + epoch)


def settle(epoch):
    return 1 - 0.5 / (1 + epoch)


def damp(x):
    return 0.9**x


# name of the class in torch.optim.lr_scheduler -> arguments
SCHEDULE_CASES: dict[str, list[dict]] = {
    "StepLR": [{"step_size": 7}, {"step_size": 1, "gamma": 0.9}],
    "MultiStepLR": [{"milestones": [3, 3, 9, 20], "gamma": 0.5}, {"milestones": []}],
    "ConstantLR": [{}, {"factor": 0.25, "total_iters": 9}, {"factor": 0.5, "total_iters": 0}],
    "LinearLR": [{}, {"start_factor": 0.2, "end_factor": 0.7, "total_iters": 9}],
    "ExponentialLR": [{"gamma": 0.93}, {"gamma": 1.02}],
    "PolynomialLR": [{}, {"total_iters": 30, "power": 1.7}],
    "CosineAnnealingLR": [{"T_max": 7}, {"T_max": 50, "eta_min": 0.01}, {"T_max": 10, "eta_min": 0.02}],
    "CosineAnnealingWarmRestarts": [{"T_0": 4}, {"T_0": 3, "T_mult": 2, "eta_min": 0.01}],
    "CyclicLR": [
        {"base_lr": 0.01, "max_lr": 0.2, "step_size_up": 5},
        {"base_lr": 0.01, "max_lr": 0.2, "step_size_up": 5, "step_size_down": 3, "mode": "triangular2"},
        {
            "base_lr": 0.01,
            "max_lr": 0.2,
            "step_size_up": 4,
            "step_size_down": 9,
            "mode": "exp_range",
            "gamma": 0.95,
        },
        {"base_lr": 0.01, "max_lr": 0.2, "step_size_up": 4, "scale_fn": damp, "scale_mode": "iterations"},
        {"base_lr": 0.01, "max_lr": 0.2, "step_size_up": 4, "scale_fn": damp, "cycle_momentum": False},
    ],
    "OneCycleLR": [
        {"max_lr": 0.3, "total_steps": SCHEDULE_STEPS},
        {"max_lr": 0.3, "total_steps": 50, "three_phase": True, "anneal_strategy": "linear"},
        {"max_lr": 0.3, "epochs": 5, "steps_per_epoch": 10, "three_phase": True, "pct_start": 0.45},
        {"max_lr": 0.3, "total_steps": 50, "pct_start": 0.0, "div_factor": 10, "final_div_factor": 10},
    ],
    "LambdaLR": [{"lr_lambda": shrink}],
    "MultiplicativeLR": [{"lr_lambda": settle}],
}

# Combinations: the class, its milestones if any, and its parts.
COMBINED_CASES: list[tuple[str, list[int], list[tuple[str, dict]]]] = [
    (
        "SequentialLR",
        [5],
        [("ConstantLR", {"factor": 0.1, "total_iters": 5}), ("ExponentialLR", {"gamma": 0.9})],
    ),
    (
        "SequentialLR",
        [4, 20],
        [("LinearLR", {}), ("CosineAnnealingLR", {"T_max": 16}), ("StepLR", {"step_size": 3, "gamma": 0.5})],
    ),
    (
        "SequentialLR",
        [10],
        [("LambdaLR", {"lr_lambda": shrink}), ("MultiplicativeLR", {"lr_lambda": settle})],
    ),
    (
        "SequentialLR",
        [6],
        [("PolynomialLR", {"total_iters": 9}), ("CosineAnnealingWarmRestarts", {"T_0": 5})],
    ),
    ("ChainedScheduler", [], [("ConstantLR", {"total_iters": 4}), ("ExponentialLR", {"gamma": 0.9})]),
    (
        "ChainedScheduler",
        [],
        [("LinearLR", {}), ("StepLR", {"step_size": 4}), ("MultiplicativeLR", {"lr_lambda": settle})],
    ),
    ("ChainedScheduler", [], [("CosineAnnealingLR", {"T_max": 7}), ("ExponentialLR", {"gamma": 0.97})]),
    (
        "ChainedScheduler",
        [],
        [("ExponentialLR", {"gamma": 0.9}), ("CosineAnnealingLR", {"T_max": 20, "eta_min": 0.01})],
    ),
    (
        "ChainedScheduler",
        [],
        [("LambdaLR", {"lr_lambda": shrink}), ("StepLR", {"step_size": 4, "gamma": 0.5})],
    ),
    ("ChainedScheduler", [], [("ExponentialLR", {"gamma": 0.9}), ("LambdaLR", {"lr_lambda": shrink})]),
    (
        "ChainedScheduler",
        [],
        [("PolynomialLR", {"total_iters": 8}), ("StepLR", {"step_size": 3, "gamma": 0.5})],
    ),
]

PLATEAU_METRICS = [
    5,
    4,
    4,
    4,
    4,
    3.99999,
    4,
    3,
    3,
    math.nan,
    3,
    3,
    3,
    3,
    2,
    2,
    2,
    2,
    2,
    2,
    2,
    1,
    1,
    1,
    1,
    1,
    1,
]
PLATEAU_CASES: list[dict] = [
    {"patience": 2},
    {"patience": 1, "cooldown": 2, "factor": 0.5, "min_lr": 0.02},
    {"patience": 0, "mode": "max", "threshold": 0.5, "threshold_mode": "abs", "factor": 0.7},
    {"patience": 1, "mode": "max", "factor": 0.9, "eps": 0.005},
    {"patience": 2, "threshold": 0.3, "threshold_mode": "abs"},
]

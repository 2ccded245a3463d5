"""Record what torch.optim and its schedulers do on the cases of tests/optim_cases.py.

Run where PyTorch is installed: python tests/reference/record_optim.py
"""

import sys
import warnings
from pathlib import Path

import numpy as np
import torch

HERE = Path(__file__).parent
sys.path.insert(0, str(HERE.parent))

import optim_cases as cases  # noqa: E402

warnings.filterwarnings("ignore", category=UserWarning)


def options(name: str, kwargs: dict) -> dict:
    """PyTorch's plain implementation, one parameter after the other."""
    single = {} if name in ("SparseAdam", "Muon", "LBFGS") else {"foreach": False}
    return {**kwargs, **single}


def run_rule(name: str, kwargs: dict, dtype: str, complex_numbers: bool = False) -> dict[str, np.ndarray]:
    start, grads = cases.problem(cases.shapes_of(name), complex_numbers)
    params = [torch.tensor(p.astype(dtype)).requires_grad_() for p in start]
    optimizer = getattr(torch.optim, name)(params, **options(name, kwargs))
    out = {}
    for step, now in enumerate(grads, 1):
        for p, g in zip(params, now, strict=True):
            p.grad = torch.tensor(g.astype(dtype))
            if name == "SparseAdam":
                p.grad = p.grad.to_sparse()
        optimizer.step()
        if step in cases.SEEN:
            out[f"p/{step}"] = cases.flat([p.detach().numpy() for p in params])
    kept: dict[str, list] = {}
    for p in params:
        for key, value in optimizer.state[p].items():
            if value is not None:
                kept.setdefault(key, []).append(torch.as_tensor(value).numpy())
    return {**out, **{f"s/{key}": cases.flat(values) for key, values in kept.items()}}


def run_lbfgs(kwargs: dict, dtype: str) -> dict[str, np.ndarray]:
    x = torch.tensor(cases.LBFGS_START.astype(dtype), requires_grad=True)
    optimizer = torch.optim.LBFGS([x], **kwargs)

    def closure() -> torch.Tensor:
        optimizer.zero_grad()
        loss = cases.rosenbrock(x)
        loss.backward()
        return loss

    out = {"loss": [], "x": [], "func_evals": [], "n_iter": []}
    for _ in range(cases.LBFGS_STEPS):
        out["loss"].append(float(optimizer.step(closure)))
        out["x"].append(x.detach().numpy().copy())
        out["func_evals"].append(optimizer.state[x]["func_evals"])
        out["n_iter"].append(optimizer.state[x]["n_iter"])
    state = optimizer.state[x]
    for key in ("d", "H_diag", "prev_flat_grad", "prev_loss", "t"):
        out[key] = torch.as_tensor(state[key]).numpy()
    for key in ("old_dirs", "old_stps", "ro"):
        out[key] = torch.stack(list(state[key])).numpy()
    out["al"] = torch.stack([one for one in state["al"] if one is not None]).numpy()
    out["al_length"], out["names"] = len(state["al"]), list(state)
    return {key: np.asarray(value) for key, value in out.items()}


def lbfgs_states() -> dict[str, np.ndarray]:
    """What the state holds after a first iteration by a small and by a large gradient."""
    out = {}
    for scale in cases.LBFGS_SCALES:
        x = torch.tensor(cases.LBFGS_START, requires_grad=True)
        optimizer = torch.optim.LBFGS([x], lr=0.5, max_iter=1)

        def closure(x: torch.Tensor = x, optimizer: object = optimizer, scale: float = scale) -> torch.Tensor:
            optimizer.zero_grad()
            loss = scale * cases.bowl(x)
            loss.backward()
            return loss

        optimizer.step(closure)
        state = optimizer.state[x]
        out[f"LBFGS/first/{scale}/kinds"] = np.array([f"{key} {type(state[key]).__name__}" for key in state])
        out[f"LBFGS/first/{scale}/t"] = np.asarray(float(state["t"]))
    return out


def follow(make: object, steps: int = cases.SCHEDULE_STEPS) -> np.ndarray:
    """The learning rate and the momentum at each step."""
    optimizer = torch.optim.SGD([torch.zeros(1, requires_grad=True)], lr=cases.BASE_LR, momentum=0.9)
    scheduler = make(optimizer)
    rows = []
    for _ in range(steps):
        rows.append((optimizer.param_groups[0]["lr"], optimizer.param_groups[0]["momentum"]))
        optimizer.step()
        scheduler.step()
    return np.asarray(rows)


def combined(kind: str, milestones: list[int], parts: list[tuple[str, dict]]) -> object:
    schedulers = torch.optim.lr_scheduler

    def make(optimizer: torch.optim.Optimizer) -> object:
        made = [getattr(schedulers, name)(optimizer, **kwargs) for name, kwargs in parts]
        if kind == "ChainedScheduler":
            return schedulers.ChainedScheduler(made)
        return schedulers.SequentialLR(optimizer, made, milestones=milestones)

    return make


def run_plateau(kwargs: dict) -> np.ndarray:
    optimizer = torch.optim.SGD([torch.zeros(1, requires_grad=True)], lr=cases.BASE_LR)
    scheduler = torch.optim.lr_scheduler.ReduceLROnPlateau(optimizer, **kwargs)
    rows = []
    for metric in cases.PLATEAU_METRICS:
        scheduler.step(metric)
        rows.append(
            (
                optimizer.param_groups[0]["lr"],
                scheduler.best,
                scheduler.num_bad_epochs,
                scheduler.cooldown_counter,
                scheduler.last_epoch,
            )
        )
    return np.asarray(rows, np.float64)


def main() -> None:
    torch.set_num_threads(1)
    rules: dict[str, np.ndarray] = {}

    def keep(prefix: str, values: dict[str, np.ndarray]) -> None:
        rules.update({f"{prefix}/{key}": value for key, value in values.items()})

    for name, listed in cases.RULE_CASES.items():
        for index, kwargs in enumerate(listed):
            for dtype in ("float32", "float64"):
                keep(f"{name}/{index}/{dtype}", run_rule(name, kwargs, dtype))
            if name in cases.COMPLEX and index == len(listed) - 1:
                keep(f"{name}/{index}/complex128", run_rule(name, kwargs, "complex128", True))
    for index, kwargs in enumerate(cases.LBFGS_CASES):
        for dtype in ("float32", "float64"):
            keep(f"LBFGS/{index}/{dtype}", run_lbfgs(kwargs, dtype))
    rules.update(lbfgs_states())
    np.savez_compressed(HERE / "optim_rules.npz", **rules)

    schedules: dict[str, np.ndarray] = {}
    for name, listed in cases.SCHEDULE_CASES.items():
        for index, kwargs in enumerate(listed):
            scheduler = getattr(torch.optim.lr_scheduler, name)
            schedules[f"{name}/{index}"] = follow(lambda o, s=scheduler, k=kwargs: s(o, **k))
    for index, (kind, milestones, parts) in enumerate(cases.COMBINED_CASES):
        schedules[f"combined/{index}"] = follow(combined(kind, milestones, parts))
    for index, kwargs in enumerate(cases.PLATEAU_CASES):
        schedules[f"plateau/{index}"] = run_plateau(kwargs)
    np.savez_compressed(HERE / "optim_schedules.npz", **schedules)
    print(f"torch {torch.__version__}: {len(rules)} arrays of rules, {len(schedules)} of schedules")


if __name__ == "__main__":
    main()

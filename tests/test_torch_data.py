"""Data loading and autograd's extras against PyTorch, recorded and, where it is installed, live."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from data_scenarios import SCENARIOS
from scenarios import compare

import fnnet.torch as torch
from fnnet.torch.utils.data import DataLoader, Dataset, TensorDataset

REFERENCE = json.loads((Path(__file__).parent / "reference" / "data.json").read_text())["scenarios"]
pytestmark = pytest.mark.filterwarnings("ignore:This DataLoader will create", "ignore:Error detected in")


_FORKED = ("workers", "streams", "raised", "said")


def _through_json(found: Any) -> Any:
    return json.loads(json.dumps(found))


@pytest.mark.parametrize("name", SCENARIOS)
def test_recorded(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)  # as where it was recorded
    compare(_through_json(SCENARIOS[name](torch)), REFERENCE[name], name)


@pytest.mark.torch
@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("name", [name for name in SCENARIOS if name not in _FORKED])
def test_live(name: str) -> None:
    real = pytest.importorskip("torch")
    compare(_through_json(SCENARIOS[name](torch)), _through_json(SCENARIOS[name](real)), name)


class _Killed(Dataset[int]):
    def __len__(self) -> int:
        return 4

    def __getitem__(self, i: int) -> int:
        os.kill(os.getpid(), signal.SIGKILL)
        return i


def test_killed_worker() -> None:
    with pytest.raises(
        RuntimeError, match=r"DataLoader worker \(pid\(s\) \d+\) exited unexpectedly"
    ) as caught:
        list(DataLoader(_Killed(), num_workers=1))
    assert "is killed by signal: Killed" in str(caught.value.__cause__)


def test_workers_end_with_their_iterator() -> None:
    iterator: Any = iter(DataLoader(TensorDataset(torch.arange(100)), num_workers=1))
    next(iterator)
    pid = iterator._workers[0].pid
    del iterator
    with pytest.raises(ProcessLookupError):
        os.kill(pid, 0)


class _Transforms(Dataset[Any]):
    def __init__(self, x: Any) -> None:
        self.x = x

    def __len__(self) -> int:
        return 4

    def __getitem__(self, i: int) -> Any:
        x = self.x[i]
        picked = x[torch.tensor([2, 0])]
        padded = torch.zeros(5, 6)
        padded[1:4, 1:5] = x
        return [
            (x - x.mean()) / x.std(), x.flip(0).t().contiguous(), picked, padded, x.argmax(1), x.sort(0)[0],
            x @ x.t(), x.clamp(-1, 1).round(), torch.cat([x, x], 1).permute(1, 0), x[x[:, 0] > 0].sum(),
            x.long().float(), x.sigmoid(), torch.where(x > 0, x, 0.0),
            x.gather(1, torch.tensor([[0], [1], [3]])),
        ]  # fmt: skip


def test_tensors_in_workers() -> None:
    """What NumPy computes in a worker is what XLA computes in the main process."""
    torch.manual_seed(0)
    data = _Transforms(torch.randn(4, 3, 4))
    for here, there in zip(DataLoader(data, 2), DataLoader(data, 2, num_workers=1), strict=True):
        compare([one.tolist() for one in there], [one.tolist() for one in here], "transforms")
        assert [one.dtype for one in there] == [one.dtype for one in here]


SCRIPT = """
import torch
from torch.utils.data import Dataset, DataLoader
class Squares(Dataset):
    def __len__(self): return 4
    def __getitem__(self, i): return torch.tensor(i) ** 2
print([b.tolist() for b in DataLoader(Squares(), 2, num_workers=1, collate_fn=lambda b: torch.stack(b))])
"""


def test_script(tmp_path: Path) -> None:
    """Classes and lambdas of a script without a guard work in its workers."""
    path = tmp_path / "script.py"
    path.write_text(SCRIPT)
    command = [sys.executable, "-W", "error", "-m", "fnnet", "run", str(path)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert done.stdout.splitlines()[-1:] == ["[[0, 1], [4, 9]]"], done.stderr


def test_settings() -> None:
    assert torch.cuda.is_available() == (torch.cuda.device_count() > 0)
    module = torch.nn.Linear(2, 2)
    made = torch.compile(module, mode="reduce-overhead")
    assert list(made.state_dict()) == ["_orig_mod.weight", "_orig_mod.bias"]
    assert made.weight is module.weight
    assert torch.compile(fullgraph=True)(abs)(-2) == 2
    state = torch.get_rng_state().tolist()
    with torch.random.fork_rng():
        torch.rand(3)
    assert torch.get_rng_state().tolist() == state
    with pytest.raises(RuntimeError, match="expected one of"):
        torch.set_float32_matmul_precision("low")
    assert torch.jit.script(module) is module
    assert torch.jit.trace(module, torch.ones(1, 2)) is module
    with pytest.raises(NotImplementedError, match=r"torch\.jit\.save"):
        torch.jit.save(module, "module.pt")
    assert torch.fx.symbolic_trace(module)(torch.ones(1, 2)).shape == (1, 2)

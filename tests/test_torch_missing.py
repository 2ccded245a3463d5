"""What fnnet.torch lacks is refused by name; objects of its types go to other processes and into files."""

import pickle
import subprocess
import sys

import pytest

import fnnet.torch
from fnnet.torch.missing import MissingName


@pytest.mark.parametrize(
    "path", ["sparse_bsr_tensor", "quantize_per_tensor", "Tensor.to_sparse_bsr", "cuda.MemPool"]
)
def test_what_fnnet_lacks_is_refused_by_name(path):
    owner = fnnet.torch
    *outer, name = path.split(".")
    for part in outer:
        owner = getattr(owner, part)
    if outer == ["Tensor"]:
        owner = fnnet.torch.ones(1)
    assert not hasattr(owner, name)
    with pytest.raises(MissingName, match=f"fnnet.torch: torch.*{name} is not supported") as raised:
        getattr(owner, name)
    assert isinstance(raised.value, NotImplementedError)
    assert isinstance(raised.value, AttributeError)


def test_names_that_nobody_has_are_attribute_errors_alone():
    for owner in (fnnet.torch, fnnet.torch.ones(1), fnnet.torch.cuda):
        with pytest.raises(AttributeError) as raised:
            owner.no_such_name
        assert not isinstance(raised.value, NotImplementedError)


@pytest.mark.parametrize(
    "name",
    ["cuda.CUDAGraph", "hub.load", "profiler.ExecutionTraceObserver", "distributed.init_process_group"],
)
def test_whole_modules_refuse_when_called(name):
    outer, _, inner = name.partition(".")
    with pytest.raises(NotImplementedError, match=f"fnnet.torch: torch.{name} is not supported"):
        getattr(getattr(fnnet.torch, outer), inner)()
    assert not fnnet.torch.distributed.is_available()


def test_types_that_print_as_pytorchs_are_pickled_without_it():
    torch = fnnet.torch
    for one in (torch.float32, torch.Size([2, 3]), torch.device("cpu")):
        back = pickle.loads(pickle.dumps(one))
        assert back == one
        assert type(back) is type(one)
    assert pickle.loads(pickle.dumps(torch.ones(2))).tolist() == [1.0, 1.0]


SPAWNING = """
import torch
from torch.utils.data import DataLoader, Dataset

class Squares(Dataset):
    def __len__(self):
        return 4
    def __getitem__(self, index):
        return torch.tensor(index) ** 2

if __name__ == "__main__":
    loader = DataLoader(Squares(), batch_size=2, num_workers=1, multiprocessing_context="spawn")
    print([batch.tolist() for batch in loader])
"""


@pytest.mark.slow
def test_processes_started_anew_find_fnnet_under_pytorchs_name(tmp_path):
    script = tmp_path / "spawning.py"
    script.write_text(SPAWNING)
    done = subprocess.run(
        [sys.executable, "-m", "fnnet", "run", str(script)],
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout == "[[0, 1], [4, 9]]\n"

"""Tensors in memory that processes share: what one writes the other reads."""

import gc
import pickle
import textwrap
from multiprocessing.reduction import ForkingPickler

import numpy as np
import pytest

import fnnet.torch as torch
from fnnet.torch import nn, shared
from fnnet.torch.utils import data as data  # how its workers send tensors changes nothing for others


def sent(value):
    """What another process unpickles: nothing of this one's is known there."""
    data = bytes(ForkingPickler.dumps(value))
    known = dict(shared._HERE)
    shared._HERE.clear()
    try:
        return pickle.loads(data)
    finally:
        shared._HERE.update(known)


def test_what_one_process_writes_the_other_reads():
    x = torch.arange(6.0).reshape(2, 3).share_memory_()
    assert (x.is_shared(), torch.ones(2).is_shared(), x.share_memory_() is x) == (True, False, True)
    other = sent(x)
    other += 1
    assert x.tolist() == [[1, 2, 3], [4, 5, 6]]
    x[1] = 0
    assert other.tolist() == [[1, 2, 3], [0, 0, 0]]
    row = sent(x[1])
    row.fill_(7)
    assert x.tolist() == [[1, 2, 3], [7, 7, 7]]
    assert (row.is_shared(), row._base is None) == (True, True)


@pytest.mark.parametrize("value", [torch.tensor(3), torch.zeros(0, 2), torch.ones(2, dtype=torch.bfloat16)])
def test_every_shape_and_dtype_travels(value):
    other = sent(value.share_memory_())
    assert (other.dtype, other.shape) == (value.dtype, value.shape)
    assert torch.equal(other, value)


def test_a_module_is_trained_from_two_sides():
    net = nn.BatchNorm1d(3).share_memory()
    assert all(one.is_shared() for one in (*net.parameters(), *net.buffers()))
    other = sent(net)
    assert isinstance(other.weight, nn.Parameter)
    assert other.weight.requires_grad
    rate = torch.optim.SGD(other.parameters(), lr=0.5)
    other(torch.arange(12.0).reshape(4, 3)).pow(2).sum().backward()
    rate.step()
    for mine, theirs in zip(net.state_dict().values(), other.state_dict().values(), strict=True):
        np.testing.assert_array_equal(mine.numpy(), theirs.numpy())
    assert net.num_batches_tracked.item() == 1
    assert net.weight.grad is None


def test_what_is_not_shared_goes_as_a_copy_and_what_is_computed_not_at_all():
    x = torch.ones(2)
    other = sent(x)
    other += 1
    assert x.tolist() == [1, 1]
    y = torch.ones(2, requires_grad=True) * 2
    y.share_memory_()
    with pytest.raises(RuntimeError, match="non-leaf"):
        ForkingPickler.dumps(y)
    assert pickle.loads(pickle.dumps(x.share_memory_())).is_shared() is False  # a file outlives the memory


def test_the_memory_goes_with_its_tensor(tmp_path, monkeypatch):
    monkeypatch.setattr(shared, "_FOLDER", str(tmp_path))
    x = torch.ones(3).share_memory_()
    assert len(list(tmp_path.iterdir())) == 1
    rebuild, given = shared._reduced(x)
    shared._HERE.clear()
    with pytest.raises(RuntimeError, match="20 bytes of shared memory expected, 12 found"):
        rebuild(*given[:2], (5,), *given[3:])
    del x
    gc.collect()
    assert not list(tmp_path.iterdir())


PROGRAM = """
    import torch
    import torch.multiprocessing as mp

    def train(rank, net, count, lock):
        opt = torch.optim.SGD(net.parameters(), lr=0.1)
        net(torch.ones(2, 3)).sum().backward()
        with lock:
            opt.step()
            count += 1

    if __name__ == "__main__":
        mp.set_start_method("spawn", force=True)
        net = torch.nn.Linear(3, 1).share_memory()
        torch.nn.init.zeros_(net.weight)
        count, lock = torch.zeros(1, dtype=torch.long).share_memory_(), mp.Lock()
        processes = [mp.Process(target=train, args=(rank, net, count, lock)) for rank in range(2)]
        for p in processes: p.start()
        for p in processes: p.join()
        print(count.item(), net.weight.tolist(), [p.exitcode for p in processes])
"""


@pytest.mark.slow
def test_processes_train_one_model(tmp_path):
    import subprocess
    import sys

    script = tmp_path / "train.py"
    script.write_text(textwrap.dedent(PROGRAM))
    done = subprocess.run(
        [sys.executable, "-m", "fnnet", "run", str(script)], capture_output=True, text=True, timeout=300
    )
    assert done.stdout == "2 [[-0.4000000059604645, -0.4000000059604645, -0.4000000059604645]] [0, 0]\n", done


def test_start_methods_and_strategies():
    mp = torch.multiprocessing
    with pytest.raises(NotImplementedError, match=r"start_method='fork'.*which a forked process lacks"):
        mp.start_processes(print, start_method="fork")
    with pytest.raises(ValueError, match="cannot find context for 'foo'"):
        mp.start_processes(print, start_method="foo")
    with pytest.raises(AssertionError, match="invalid sharing strategy 'x', expected one of"):
        mp.set_sharing_strategy("x")
    assert mp.start_processes(print, args=(1,), start_method="forkserver") is None

"""Threads record at the same time, as libraries do that load files; a file's bytes as a storage."""

from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

import fnnet.torch as torch


def test_threads_record_side_by_side():
    first = torch.arange(12.0)

    def work(number):
        made = first * number
        for _ in range(40):
            made = made + first[number % 5 :].sum()
            if number % 3 == 0:
                made.sum().item()
        return made

    with ThreadPoolExecutor(4) as pool:
        found = [one.numpy() for one in pool.map(work, range(16))]
    for number, one in enumerate(found):
        base = np.arange(12, dtype=np.float32)
        np.testing.assert_allclose(one, base * number + 40 * base[number % 5 :].sum(), rtol=1e-6)


def test_storage_of_a_file(tmp_path):
    path = tmp_path / "bytes"
    np.arange(6, dtype=np.float32).tofile(path)
    storage = torch.UntypedStorage.from_file(str(path), False, 24)
    part = torch.asarray(storage[8:24], dtype=torch.uint8).view(dtype=torch.float32).reshape(2, 2)
    assert part.tolist() == [[2, 3], [4, 5]]
    part += 1
    assert np.fromfile(path, np.float32).tolist() == [0, 1, 2, 3, 4, 5]
    with pytest.raises(RuntimeError, match="has 24 bytes"):
        torch.UntypedStorage.from_file(str(path), nbytes=25)
    with pytest.raises(NotImplementedError, match="shared=True"):
        torch.UntypedStorage.from_file(str(path), shared=True)

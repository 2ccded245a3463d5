"""`x.T`, `x.mT`, `x.H` and `x.mH`, with the words of PyTorch 2.13's errors and warnings."""

import pytest

import fnnet.torch as torch


def test_transposed():
    x = torch.arange(6.0).reshape(2, 3).requires_grad_()
    assert x.T.tolist() == x.mT.tolist() == x.H.tolist() == x.mH.tolist() == [[0, 3], [1, 4], [2, 5]]
    assert type(x.T.grad_fn).__name__ == "PermuteBackward0"
    assert type(x.mT.grad_fn).__name__ == "TransposeBackward0"
    (x.T[0] * torch.tensor([2.0, 3.0])).sum().backward()
    assert x.grad.tolist() == [[2, 0, 0], [3, 0, 0]]
    assert torch.zeros(2, 3, 4).mT.shape == (2, 4, 3)
    y = torch.zeros(2, 3)
    y.T[0, 1] = 5  # a view
    assert y.tolist() == [[0, 0, 0], [5, 0, 0]]


@pytest.fixture
def warned_always():
    torch.set_warn_always(True)
    yield
    torch.set_warn_always(False)


@pytest.mark.usefixtures("warned_always")
def test_of_the_wrong_dimension():
    with pytest.warns(UserWarning, match=r"The use of `x.T` on tensors of dimension other than 2"):
        assert torch.zeros(2, 3, 4).T.shape == (4, 3, 2)
    with pytest.warns(UserWarning, match=r"Tensor.T is deprecated on 0-D tensors"):
        assert torch.zeros(()).T.shape == ()
    for name, words in (("mT", "matrices or batches"), ("mH", "matrices or batches"), ("H", "2-D tensors")):
        with pytest.raises(RuntimeError, match=words):
            getattr(torch.zeros(3), name)

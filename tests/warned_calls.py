"""Calls that PyTorch warns of, one a line, with `wrong_calls.names` and a read-only array `ro`."""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np
from wrong_calls import names

CALLS = """
F.mse_loss(x, torch.ones(3))
nn.MSELoss()(x, torch.ones(2, 1))
F.l1_loss(x, torch.ones(3))
F.smooth_l1_loss(x, torch.ones(3))
torch.tensor(x)
torch.tensor([np.ones(2), np.ones(2)])
torch.from_numpy(ro)
torch.std(torch.ones(1))
torch.ones(1).var()
torch.ones(2, 1).std(1)
torch.var_mean(torch.ones(1))
F.softmax(x)
F.log_softmax(x)
nn.Softmax()(x)
F.softmin(x)
torch.meshgrid(torch.arange(2), torch.arange(3))
F.mse_loss(x, x, size_average=True)
nn.MSELoss(reduce=False)
nn.CrossEntropyLoss(size_average=False)
F.upsample(pic, scale_factor=2)
F.grid_sample(pic, torch.zeros(1, 2, 2, 2))
nn.LSTM(3, 4, dropout=0.5)
torch.cross(torch.ones(2, 3), torch.ones(2, 3))
torch.qr(torch.eye(2))
F.dropout2d(x)
F.kl_div(x, x)
nn.KLDivLoss()(x, x)
x[torch.ones(2, 3, dtype=torch.uint8)]
(w * 2).grad
optim.lr_scheduler.StepLR(sgd, 1).step()
torch.add(x, x, out=torch.ones(5))
torch.cuda.amp.autocast(enabled=False)
nn.init.xavier_uniform(torch.ones(2, 3))
(w * 2).sum().backward(create_graph=True)
torch.autograd.backward((w * 2).sum(), grad_variables=[None])
torch.autograd.Variable(x, volatile=True)
x.volatile
x.new_tensor(x)
""".strip().splitlines()


def warned(torch: Any, call: str) -> list[list[str]]:
    """The categories, texts and files of the warnings of a call; the file is "<user>" for the user's."""
    scope = names(torch) | {"ro": np.ones(3)}
    scope["ro"].flags.writeable = False
    torch.set_warn_always(True)
    try:
        with warnings.catch_warnings(record=True) as seen:
            warnings.simplefilter("always")
            exec(compile(call, "<user>", "exec"), scope)
    finally:
        torch.set_warn_always(False)
    texts = [str(one.message).partition(" (Triggered")[0].partition("\n")[0][:200] for one in seen]
    return [[one.category.__name__, text, one.filename] for one, text in zip(seen, texts, strict=True)]

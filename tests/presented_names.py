"""A program that asks PyTorch for its names, run by tests/test_presented_names.py: words in, lines out."""

import importlib.metadata
import io
import pickle
import sys

import torch
import torch.nn.functional as F
from torch import nn
from torch.distributions.lowrank_multivariate_normal import LowRankMultivariateNormal
from torch.optim.lr_scheduler import StepLR

MODULES = (torch, nn, F, torch.optim, nn.modules.linear, torch.distributions, torch.utils.data, torch.linalg)
CLASSES = (
    torch.Tensor, torch.Size, torch.dtype, torch.device, torch.Generator, torch.FloatTensor, torch.finfo,
    torch.no_grad, torch.enable_grad, torch.autograd.Function, torch.amp.autocast, torch.amp.GradScaler,
    nn.Module, nn.Linear, nn.Conv2d, nn.LSTM, nn.TransformerEncoderLayer, nn.ModuleList, nn.Parameter,
    nn.CrossEntropyLoss, nn.LazyLinear, torch.optim.Optimizer, torch.optim.Adam, torch.optim.SGD, StepLR,
    torch.utils.data.DataLoader, torch.utils.data.TensorDataset, torch.utils.data.RandomSampler,
    torch.distributions.Normal, torch.distributions.Beta, LowRankMultivariateNormal,
    torch.distributions.transforms.ExpTransform, nn.utils.rnn.PackedSequence,
)  # fmt: skip
NAMED = (
    torch.add, torch.einsum, torch.save, torch.relu, F.relu, F.softmax, F.cross_entropy,
    nn.init.xavier_uniform_, nn.utils.clip_grad_norm_, torch.distributions.kl_divergence,
    torch.utils.data.default_collate, torch.float32, torch.device("cpu"), torch.Size([1]), torch.strided,
    torch.channels_last, *CLASSES,
)  # fmt: skip


def model() -> nn.Module:
    torch.manual_seed(0)
    return nn.Sequential(nn.Linear(3, 2), nn.ReLU(), nn.LSTM(2, 2))


def main() -> None:
    print(*[module.__name__ for module in MODULES])
    print(nn.parameter.Parameter is nn.Parameter, sys.modules["torch.nn"] is nn)
    for kind in CLASSES:
        print(kind, kind.__module__)
    for thing in NAMED:
        again = pickle.loads(pickle.dumps(thing))
        if again is not thing and again != thing:
            print("another:", thing, again)
    print(
        type(pickle.loads(pickle.dumps(model()))[2]), type(pickle.loads(pickle.dumps(model().state_dict())))
    )
    print(importlib.metadata.version("torch").partition("+")[0], torch.__version__.partition("+")[0])
    file = io.BytesIO()
    torch.save(model(), file)
    file.seek(0)
    print(torch.load(file, weights_only=False))
    if len(sys.argv) > 1:
        torch.save(model(), sys.argv[1])


if __name__ == "__main__":
    main()

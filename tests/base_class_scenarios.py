"""Programs' own classes on the base classes that PyTorch keeps in torch.nn.modules, and on its layers.

Each scenario is a function of `torch`, PyTorch's or fnnet's, that returns the lines it would print.
"""

from __future__ import annotations

from typing import Any

from printed import Scenarios, module, said

scenario = Scenarios("base_class_scenarios.json")


@scenario
def losses(torch: Any) -> list[str]:
    loss = module(torch, "nn.modules.loss")
    F = torch.nn.functional

    class Scaled(loss._Loss):
        def __init__(self, k: float = 1, size_average=None, reduction: str = "mean") -> None:
            super().__init__(size_average, reduction=reduction)
            self.k = k

        def forward(self, x, y):
            return F.mse_loss(x, y, reduction=self.reduction) * self.k

    class Weighted(loss._WeightedLoss):
        def forward(self, x, y):
            return F.cross_entropy(x, y, self.weight, reduction=self.reduction)

    class Named(loss._Loss):
        def __init__(self) -> None:
            super(loss._Loss, self).__init__()
            self.reduction = "batchmean"

    x, y = torch.tensor([[2.0, 1.0], [0.5, 3.0]]), torch.tensor([0, 1])
    weighted = Weighted(torch.tensor([1.0, 3.0]), reduction="sum")
    lines = [str(Scaled(2, reduction="sum")(x, x + 1)), str(weighted(x, y)), str(dict(weighted.state_dict()))]
    lines += [
        f"{Scaled(size_average=False).reduction} {loss._Loss(reduction='x').reduction} {Named().reduction}"
    ]
    made = (torch.nn.CrossEntropyLoss(), torch.nn.NLLLoss(), torch.nn.MSELoss(), torch.nn.BCEWithLogitsLoss())
    return lines + [f"{isinstance(one, loss._Loss)} {isinstance(one, loss._WeightedLoss)}" for one in made]


@scenario
def norms_and_convolutions(torch: Any) -> list[str]:
    nn = torch.nn

    class Norm(module(torch, "nn.modules.batchnorm")._BatchNorm):
        def _check_input_dim(self, input):
            if input.dim() != 3:
                raise ValueError(f"expected 3D input (got {input.dim()}D input)")

    class Conv(module(torch, "nn.modules.conv")._ConvNd):
        def __init__(self, i, o, k) -> None:
            super().__init__(i, o, (k, k), (1, 1), (0, 0), (1, 1), False, (0, 0), 1, True, "zeros")

        def forward(self, x):
            return nn.functional.conv2d(x, self.weight * 2, self.bias, self.stride)

    class Masked(nn.Conv2d):
        def __init__(self, *args, **kwargs) -> None:
            super().__init__(*args, **kwargs)
            self.register_buffer("mask", torch.tril(torch.ones_like(self.weight)))

        def forward(self, x):
            return self._conv_forward(x, self.weight * self.mask, self.bias)

    norm, conv = Norm(2, eps=1e-3), Conv(1, 2, 2)
    lines = [str(norm(torch.arange(12.0).view(2, 2, 3)).detach()), said(norm, torch.ones(2, 2))]
    lines += [str(norm.running_mean), repr(norm), repr(conv), str(conv(torch.ones(1, 1, 3, 3)).detach())]
    lines += [str(Masked(1, 1, 3, padding=1, padding_mode="reflect")(torch.ones(1, 1, 3, 3)).detach())]
    paddings = ((1, {}), ("same", {"kernel_size": (2, 3)}), ("valid", {}))
    for padding, sizes in paddings:
        conv = nn.Conv2d(1, 1, **{"kernel_size": 3, **sizes}, padding=padding)
        lines.append(str(conv._reversed_padding_repeated_twice))
    return [*lines, str(torch.rand(2))]


@scenario
def what_fills_parameters_is_called(torch: Any) -> list[str]:
    """A class's own reset_parameters fills what nothing has drawn, so later draws are the same."""
    nn = torch.nn

    class Twice(nn.Linear):
        def reset_parameters(self) -> None:
            super().reset_parameters()
            self.weight.data.mul_(2)

    class Table(nn.Embedding):
        def reset_parameters(self) -> None:
            nn.init.normal_(self.weight, 0, 0.1)
            self._fill_padding_idx_with_zero()

    class Recurrent(nn.LSTM):
        def reset_parameters(self) -> None:
            for name, p in self.named_parameters():
                nn.init.uniform_(p) if p.dim() == 2 else nn.init.constant_(p, len(name))

    class Heads(nn.MultiheadAttention):
        def _reset_parameters(self) -> None:
            nn.init.uniform_(self.in_proj_weight)

    made = (Twice(2, 2), Table(3, 2, padding_idx=1), Recurrent(2, 1), Heads(2, 1, bias=False))
    lines = [f"{name} {p.detach()}" for one in made for name, p in one.named_parameters()]
    names = list(nn.LSTM(2, 2, bidirectional=True, device="meta").state_dict())
    return [*lines, str(torch.rand(2)), " ".join(names)]


@scenario
def names_in_their_files(torch: Any) -> list[str]:
    transformer, utils = (module(torch, f"nn.modules.{name}") for name in ("transformer", "utils"))
    pooling, padding = (module(torch, f"nn.modules.{name}") for name in ("pooling", "padding"))

    class Pool(pooling._MaxPoolNd):
        def forward(self, x):
            return torch.nn.functional.max_pool1d(x, self.kernel_size)

    lines = [str(Pool(2)(torch.arange(6.0).view(1, 1, 6))), repr(Pool(2))]
    lines += [str(issubclass(torch.nn.ReflectionPad2d, padding._ReflectionPadNd))]
    lines += [repr(transformer._get_clones(torch.nn.ReLU(), 2)), said(transformer._get_activation_fn, "x")]
    mask = torch.nn.Transformer.generate_square_subsequent_mask(3)
    cases = ((None, None), (mask, None), (mask + 1, None), (None, True), (mask[:2], None))
    lines += [str([transformer._detect_is_causal_mask(*case, 3) for case in cases])]
    lines += [str((utils._reverse_repeat_tuple((1, 2), 2), utils._list_with_default([None, 3], [7, 8, 9])))]
    return [*lines, module(torch, "nn.modules.module")._addindent("a\n\nb", 2)]

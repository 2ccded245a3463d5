"""Record what PyTorch gives for products of groups, products by scales, and attention within sequences.

    python tests/reference/record_groups.py

PyTorch has varlen_attn for CUDA alone; here it is scaled_dot_product_attention of each sequence.
"""

from pathlib import Path

import numpy as np
import torch
from torch.nn import functional

HERE = Path(__file__).parent
OFFS = torch.tensor([2, 2, 5, 8], dtype=torch.int32)
LAYOUTS = {
    "rows": ((10, 16), (4, 16, 8)),
    "columns": ((4, 8, 16), (16, 12)),
    "summed": ((8, 12), (12, 8)),
    "batches": ((4, 3, 16), (4, 16, 8)),
}
QUERIES, KEYS = [0, 2, 6, 9], [0, 3, 5, 8]
WINDOWS = {"all": (-1, -1), "causal": (-1, 0), "near": (1, 1), "left": (1, 0)}
Arrays = dict[str, np.ndarray]


def of_groups() -> Arrays:
    found: Arrays = {"offs": OFFS.numpy()}
    for name, shapes in LAYOUTS.items():
        a, b = (torch.randn(shape, requires_grad=True) for shape in shapes)
        offs = None if name == "batches" else OFFS
        out = functional.grouped_mm(a, b, offs=offs)
        cotangent = torch.randn(out.shape)
        axis = {"rows": 0, "columns": 1}.get(name)
        if axis is not None:  # behind the last offset is what the memory held
            beyond = torch.arange(int(OFFS[-1]), out.shape[axis])
            cotangent.index_fill_(axis, beyond, 0)
            out = out.index_fill(axis, beyond, 0)
        gradients = torch.autograd.grad(out, (a, b), cotangent)
        for side, gradient, x, sliced in zip("ab", gradients, (a, b), (0, 1), strict=True):
            gradient = gradient.clone()
            if name != "batches" and x.ndim == 2:
                dim = 1 - sliced if name == "summed" else sliced
                gradient.index_fill_(dim, torch.arange(int(OFFS[-1]), x.shape[dim]), 0)
            found[f"{name}.{side}"], found[f"{name}.d{side}"] = x.detach().numpy(), gradient.numpy()
        found[f"{name}.out"], found[f"{name}.cotangent"] = out.detach().numpy(), cotangent.numpy()
    return found


def by_scales() -> Arrays:
    kinds = functional.ScalingType
    a = torch.randn(6, 32).to(torch.float8_e4m3fn)
    b = torch.randn(8, 32).to(torch.float8_e4m3fn).t()
    bias = torch.randn(8)
    found = {"scaled.bias": bias.numpy()}
    for side, x in (("a", a), ("b", b)):
        found[f"scaled.{side}"] = x.contiguous().view(torch.uint8).numpy()
    for name, shapes in (("TensorWise", ((1,), (1,))), ("RowWise", ((6, 1), (1, 8)))):
        scales = [torch.rand(shape) + 0.5 for shape in shapes]
        kind = getattr(kinds, name)
        out = functional.scaled_mm(
            a, b, scales[0], kind, scales[1], kind, bias=bias, output_dtype=torch.float32
        )
        half = functional.scaled_mm(a, b, scales[0], kind, scales[1], kind)
        found |= {f"{name}.a": scales[0].numpy(), f"{name}.b": scales[1].numpy()}
        found |= {f"{name}.out": out.numpy(), f"{name}.half": half.float().numpy()}
    return found


def within_sequences() -> Arrays:
    query, key, value = torch.randn(9, 4, 8), torch.randn(8, 2, 8), torch.randn(8, 2, 8)
    cotangent = torch.randn(9, 4, 8)
    found = {"query": query, "key": key, "value": value, "cotangent": cotangent}
    for name, (left, right) in WINDOWS.items():
        leaves = [x.clone().requires_grad_() for x in (query, key, value)]
        outputs, sums = [], []
        for i in range(3):
            own, theirs = slice(*QUERIES[i : i + 2]), slice(*KEYS[i : i + 2])
            q, k, v = (x[s].transpose(0, 1) for x, s in zip(leaves, (own, theirs, theirs), strict=True))
            distance = torch.arange(k.shape[1]) - torch.arange(q.shape[1])[:, None] - k.shape[1] + q.shape[1]
            mask = (distance >= (-left if left >= 0 else -99)) & (distance <= (right if right >= 0 else 99))
            outputs.append(functional.scaled_dot_product_attention(q, k, v, mask, enable_gqa=True))
            scores = q @ k.repeat_interleave(2, 0).mT / 8**0.5
            sums.append(scores.masked_fill(~mask, -torch.inf).logsumexp(-1))
        out = torch.cat(outputs, 1).transpose(0, 1)
        gradients = torch.autograd.grad(out, leaves, cotangent)
        lse = torch.cat(sums, 1).detach()
        found[f"{name}.out"], found[f"{name}.lse"] = out, lse.masked_fill(lse.isneginf(), torch.inf)
        found |= {f"{name}.{i}": gradient for i, gradient in enumerate(gradients)}
    return {f"varlen.{name}": x.detach().numpy() for name, x in found.items()}


def main() -> None:
    torch.manual_seed(0)
    np.savez_compressed(HERE / "groups.npz", **of_groups(), **by_scales(), **within_sequences())


if __name__ == "__main__":
    main()

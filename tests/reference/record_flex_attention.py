"""Record torch.nn.attention.flex_attention: flex_attention.npz.

On a CPU it gives no gradients; they are those of the same attention written out, whose value is compared.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch.nn.attention import bias, flex_attention

SIZES = (2, 4, 6, 5)


def changed(table: Any) -> Any:
    return lambda score, b, h, q_idx, kv_idx: score + table[h, q_idx - kv_idx + 4] * (b + 1)


def meets(b: Any, h: Any, q_idx: Any, kv_idx: Any) -> Any:
    return (q_idx >= kv_idx + 1) | ((h == 2) & (q_idx > 3))


def main() -> None:
    draws = np.random.default_rng(0)
    shapes = {"query": (2, 4, 6, 3), "key": (2, 2, 5, 3), "value": (2, 2, 5, 7), "table": (4, 10)}
    given = {name: draws.standard_normal(shape).astype(np.float32) for name, shape in shapes.items()}
    cotangent = draws.standard_normal((2, 4, 6, 7)).astype(np.float32)
    q, k, v, table = (torch.tensor(one) for one in given.values())
    mask = flex_attention.create_block_mask(meets, None, 4, 6, 5, device="cpu", BLOCK_SIZE=2)
    output, aux = flex_attention.flex_attention(
        q, k, v, changed(table), mask, enable_gqa=True, return_aux=flex_attention.AuxRequest(lse=True)
    )
    leaves = [one.requires_grad_() for one in (q, k, v, table)]
    places = [
        torch.arange(n).reshape([n if i == axis else 1 for i in range(4)]) for axis, n in enumerate(SIZES)
    ]
    scores = q @ k.repeat_interleave(2, 1).mT / 3**0.5
    scores = torch.where(meets(*places), changed(table)(scores, *places), -torch.inf)
    again = torch._safe_softmax(scores, -1) @ v.repeat_interleave(2, 1)
    torch.testing.assert_close(again, output)
    gradients = torch.autograd.grad(again, leaves, torch.tensor(cotangent))
    recorded = {
        **given,
        "cotangent": cotangent,
        "output": output.numpy(),
        "lse": aux.lse.numpy(),
        "mask": flex_attention.create_mask(meets, 1, 4, 6, 5, device="cpu").numpy(),
        "dense": mask.to_dense().numpy(),
        "sparsity": np.asarray(mask.sparsity()),
        "lower_right": bias.causal_lower_right(3, 5)._materialize().numpy(),
        **{f"d_{name}": one.numpy() for name, one in zip(shapes, gradients, strict=True)},
    }
    for name in ("kv_num_blocks", "kv_indices", "full_kv_num_blocks", "full_kv_indices", "q_indices"):
        recorded[name] = getattr(mask, name).numpy()
    np.savez_compressed(Path(__file__).with_name("flex_attention.npz"), **recorded)


if __name__ == "__main__":
    main()

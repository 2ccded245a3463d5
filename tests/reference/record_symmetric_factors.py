"""Record torch.linalg.ldl_factor_ex and ldl_solve: python tests/reference/record_symmetric_factors.py"""

from pathlib import Path

import numpy as np
import torch

KINDS = {"real": torch.float64, "complex": torch.complex128, "hermitian": torch.complex128}


def main() -> None:
    torch.manual_seed(3)
    found = {}
    for name, kind in KINDS.items():
        hermitian = name == "hermitian"
        A = torch.randn(5, 6, 6, dtype=kind)
        A = A + (A.mH if hermitian else A.mT)
        A[1] -= torch.diag(A[1].diagonal())  # blocks of two rows
        A[2, 0], A[2, :, 0] = 0, 0
        A[2, 0, 0] = 0.5
        A[3, :, 2:], A[3, 2:] = 0, 0  # singular
        A[4, 0, 0], A[4, 5, 0] = 0.1, 9
        LD, pivots, info = torch.linalg.ldl_factor_ex(A, hermitian=hermitian)
        B = torch.randn(5, 6, 2, dtype=kind)
        regular = [0, 1, 2, 4]
        X = torch.linalg.ldl_solve(LD[regular], pivots[regular], B[regular], hermitian=hermitian)
        along = 1e-6 * B[:3, :, :1] * B[:3, :, :1].mT
        ends = []
        for sign in (1, -1):
            moved = torch.linalg.ldl_factor_ex(A[:3] + sign * along, hermitian=hermitian)
            ends.append(torch.linalg.ldl_solve(*moved[:2], B[:3], hermitian=hermitian))
        found[f"{name}.slope"] = ((ends[0] - ends[1]) / 2e-6).numpy()
        made = {"A": A, "LD": LD, "pivots": pivots, "info": info, "B": B, "X": X}
        found |= {f"{name}.{key}": value.numpy() for key, value in made.items()}
    np.savez_compressed(Path(__file__).parent / "symmetric_factors.npz", **found)


if __name__ == "__main__":
    main()

"""Record PyTorch's direction numbers of Sobol sequences: `fnnet/random/sobol.json`."""

import json
from pathlib import Path

import torch

FILE = Path(__file__).parents[2] / "fnnet" / "random" / "sobol.json"
DEGREES = range(1, 14)


def times_x(value: int, polynomial: int, degree: int) -> int:
    value <<= 1
    return value ^ polynomial if value >> degree else value


def is_primitive(polynomial: int, degree: int) -> bool:
    """Whether the powers of x modulo the polynomial go through everything but 0."""
    value, order = times_x(1, polynomial, degree), 1
    while value != 1:
        value, order = times_x(value, polynomial, degree), order + 1
        if order >= 2**degree:
            return False
    return order == 2**degree - 1


def main() -> None:
    polynomials = [p for n in DEGREES for p in range(2**n + 1, 2 ** (n + 1), 2) if is_primitive(p, n)]
    state = torch.zeros(len(polynomials) + 1, 30, dtype=torch.long)
    torch._sobol_engine_initialize_state_(state, len(state))
    rows = []
    for polynomial, row in zip(polynomials, state[1:].tolist(), strict=True):
        packed, at = 0, 0
        for j in range(polynomial.bit_length() - 1):
            packed |= (row[j] >> (29 - j) >> 1) << at
            at += j
        rows.append([polynomial, packed])
    FILE.write_text(json.dumps(rows, separators=(",", ":")).replace("],", "],\n") + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()

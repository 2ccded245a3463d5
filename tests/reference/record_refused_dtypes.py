"""Records which dtypes PyTorch's operations refuse, and in which words, into fnnet/torch/refused_dtypes.json.

Every operation of PyTorch's own test database is called on its first samples, cast to bool, int64, float32
and complex64. Where all of them are refused, the commonest error is noted; `{}` stands for the dtype.
"""

from __future__ import annotations

import json
import re
import signal
import warnings
from collections import Counter, defaultdict
from itertools import islice
from pathlib import Path
from typing import Any

import torch
from torch.testing._internal.common_methods_invocations import op_db

from fnnet.torch.declare import OPS

KINDS = {"bool": torch.bool, "integer": torch.int64, "floating": torch.float32, "complex": torch.complex64}
NAMES = {"bool": "Bool", "integer": "Long", "floating": "Float", "complex": "ComplexFloat"}
SAMPLES = 12
MIXED = ("nn.functional.cross_entropy", "nn.functional.embedding_bag")
"""Operations with samples of which a cast changes the meaning."""


def cast(tree: Any, kind: torch.dtype, old: torch.dtype) -> Any:
    if isinstance(tree, torch.Tensor):
        return tree.detach().to(kind) if tree.dtype is old else tree.detach()
    if isinstance(tree, tuple | list):
        return type(tree)([cast(one, kind, old) for one in tree]) if type(tree) in (tuple, list) else tree
    return tree


def places() -> dict[str, str]:
    """From the database's names to those of fnnet's declarations."""
    found = {}
    for name, op in OPS.items():
        for spelled in (op.declared.spelled or name, *op.declared.aliases):
            for place in op.declared.spellings:
                prefix = "" if place in ("torch", "Tensor") else place + "."
                found.setdefault(prefix + spelled, name)
    return found


def said(op: Any, sample: Any, kind: torch.dtype, old: torch.dtype) -> tuple[str, str] | None:
    arguments = cast((sample.input, *sample.args), kind, old)
    options = {name: cast(one, kind, old) for name, one in sample.kwargs.items() if name != "dtype"}
    try:
        op(*arguments, **options)
    except Exception as error:
        return type(error).__name__, str(error)
    return None


def has_elements(sample: Any) -> bool:
    return not isinstance(sample.input, torch.Tensor) or sample.input.numel() > 0


def main() -> None:
    signal.alarm(1200)
    warnings.simplefilter("ignore")
    known, seen = places(), defaultdict(lambda: defaultdict(list))
    for op in op_db:
        old = next((one for one in (torch.float32, torch.int64) if one in op.dtypes), None)
        if op.name not in known or op.name in MIXED or op.variant_test_name == "with_dtype" or old is None:
            continue
        samples = list(islice(filter(has_elements, op.sample_inputs("cpu", old)), SAMPLES))
        for label, kind in KINDS.items():
            found = seen[known[op.name]][label]
            found += [None] if kind in op.dtypes else [said(op, one, kind, old) for one in samples]
    table: dict[str, dict[str, list[str]]] = {}
    for name, kinds in sorted(seen.items()):
        for label, errors in kinds.items():
            if not errors or None in errors or len({kind for kind, _ in errors}) > 1:
                continue
            (kind, text), _ = Counter(errors).most_common(1)[0]
            if "\n" not in text and kind in ("RuntimeError", "NotImplementedError"):
                table.setdefault(name, {})[label] = [kind, re.sub(rf"\b{NAMES[label]}\b", "{}", text)]
    target = Path(__file__).parents[2] / "fnnet" / "torch" / "refused_dtypes.json"
    target.write_text(json.dumps(table, indent=0, sort_keys=True) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()

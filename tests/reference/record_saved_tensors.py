"""Records which tensors PyTorch's operations keep for backward, into fnnet/torch/saved_tensors.json.

What is kept may not be changed in place before backward. So every operation of PyTorch's own test database is
called, one of its tensors is changed in place, and backward is asked for: it names what it kept. Where calls
differ in that, only what all that have such an argument keep is noted, by the operation and its node.
"""

from __future__ import annotations

import inspect
import json
import signal
import warnings
from itertools import islice
from pathlib import Path
from typing import Any

import torch
from record_refused_dtypes import has_elements, places
from torch.testing._internal.common_methods_invocations import op_db

from fnnet.torch.declare import OPS

SAMPLES = 8
CHANGED = "modified by an inplace operation"


def leaves(tree: Any) -> list[torch.Tensor]:
    if isinstance(tree, torch.Tensor):
        return [tree]
    return [leaf for one in tree for leaf in leaves(one)] if isinstance(tree, tuple | list) else []


def noted(tree: Any) -> Any:
    """Copies of the floating tensors as results of an operation, so that they may be changed in place."""
    if isinstance(tree, torch.Tensor):
        copy = tree.detach().clone()
        return copy.requires_grad_() * 1 if tree.dtype.is_floating_point else copy
    return type(tree)(map(noted, tree)) if type(tree) in (tuple, list) else tree


def is_kept(op: Any, sample: Any, names: list[str], wanted: str) -> tuple[bool | None, str]:
    """Whether one argument (or the result) is kept, None if that cannot be said; and the node's name."""
    arguments = [noted(one) for one in (sample.input, *sample.args)]
    options = {name: noted(one) for name, one in sample.kwargs.items()}
    made = op(*arguments, **options)
    results = [
        one for one in leaves(made if isinstance(made, torch.Tensor) else tuple(made)) if one.requires_grad
    ]
    if not results:
        return None, ""
    given = dict(zip(names, arguments, strict=False)) | options
    changed = results[:1] if wanted == "result" else leaves(given[wanted])
    node = type(results[0].grad_fn).__name__
    try:
        with torch.no_grad():
            for one in changed:
                one.add_(0)
        sum(one.sum() for one in results).backward()
    except RuntimeError as error:
        return (True if CHANGED in str(error) else None), node
    return False, node


def main() -> None:
    signal.alarm(2400)
    warnings.simplefilter("ignore")
    known = places()
    table: dict[str, dict[str, bool]] = {}
    for op in op_db:
        if op.name not in known or not op.supports_autograd or torch.float32 not in op.dtypes:
            continue
        names = list(inspect.signature(OPS[known[op.name]].function).parameters)
        for sample in islice(filter(has_elements, op.sample_inputs("cpu", torch.float32)), SAMPLES):
            given = dict(zip(names, (sample.input, *sample.args), strict=False)) | sample.kwargs
            floating = [
                name for name, one in given.items() if any(t.dtype.is_floating_point for t in leaves(one))
            ]
            try:
                found = {name: is_kept(op, sample, names, name) for name in [*floating, "result"]}
            except (RuntimeError, TypeError, ValueError, KeyError, NotImplementedError):
                continue
            if all(kept is not None for kept, _ in found.values()):
                seen = table.setdefault(f"{known[op.name]} {found['result'][1]}", {})
                for name, (kept, _) in found.items():
                    seen[name] = bool(kept) and seen.get(name, True)
    target = Path(__file__).parents[2] / "fnnet" / "torch" / "saved_tensors.json"
    lines = {
        key: " ".join(sorted(name for name in seen if seen[name])) for key, seen in sorted(table.items())
    }
    target.write_text(json.dumps(lines, indent=0) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()

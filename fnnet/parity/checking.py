"""Whether values or functions equal a reference, and whether a difference is rounding."""

from __future__ import annotations

import contextlib
import copy
import json
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from fnnet.checkpoint.tree import named_leaves
from fnnet.parity import text
from fnnet.parity.difference import (
    FACTOR,
    Agreement,
    Difference,
    difference,
    distance,
    floor,
    is_float,
    table,
)
from fnnet.parity.plain import to_numpy


class ParityError(AssertionError):
    """Values differ from their reference; the message is the report's table."""


@dataclass(frozen=True)
class Report:
    """What `check` found: a row for each value."""

    rows: tuple[Difference, ...]

    @property
    def ok(self) -> bool:
        """Whether every value agrees up to rounding."""
        return all(row.ok for row in self.rows)

    @property
    def verdict(self) -> str:
        """One line: the number of values and the worst verdict."""
        order = list(Agreement)
        worst = max((row.agreement for row in self.rows), key=order.index, default=Agreement.EXACT)
        bad = sum(not row.ok for row in self.rows)
        return f"{text.count(len(self.rows), 'value')}: {worst.value}" + (f" ({bad} of them)" if bad else "")

    def to_json(self) -> str:
        """The same for programs."""
        rows = [row.to_dict() for row in self.rows]
        return json.dumps({"ok": self.ok, "rows": rows}, indent=1, allow_nan=False)

    def __str__(self) -> str:
        headings = ["value", "verdict", "ours", "reference", "at", "relative", "ULP", "outside", "remark"]
        cells = [
            [
                row.name or "value",
                f"{'✓' if row.ok else '✗'} {row.agreement.value}",
                text.show(row.ours, 8),
                text.show(row.reference, 8),
                str(list(row.index)) if row.unequal else "",
                text.number(row.relative, 2),
                "" if row.ulp is None else str(row.ulp),
                f"{row.differ}/{int(np.prod(row.shape))}",
                row.note,
            ]
            for row in self.rows
        ]
        return table(cells, headings, optional=("outside", "at", "ULP")) + "\n" + self.verdict

    def raise_if_different(self) -> Report:
        """Raise ParityError (an AssertionError) with the table unless `ok`; returns the report."""
        if not self.ok:
            raise ParityError("\n" + str(self))
        return self


def _uses_torch(function: Any) -> bool:
    """Whether a function wants torch tensors: a module, torch's own function, or code that names torch."""
    torch = sys.modules.get("torch")
    if torch is None or torch is sys.modules.get("fnnet.torch"):
        return False
    if isinstance(function, torch.nn.Module) or str(getattr(function, "__module__", "")).startswith("torch"):
        return True
    if (
        type(function).__module__.startswith("torch")
        or type(function).__name__ == "builtin_function_or_method"
    ):
        return getattr(torch, getattr(function, "__name__", ""), None) is function
    code, names = getattr(function, "__code__", None), getattr(function, "__globals__", {})
    inside = [*(code.co_names if code else ())]
    held = [names.get(name) for name in inside]
    held += [cell.cell_contents for cell in getattr(function, "__closure__", None) or ()]
    return any(
        value is torch
        or isinstance(value, torch.nn.Module)
        or str(getattr(value, "__name__", "")).startswith("torch.")
        for value in held
    )


def _weights(shape: tuple[int, ...], dtype: Any) -> np.ndarray:
    """The fixed cotangent by which gradients are compared: cos(i)."""
    return np.cos(np.arange(int(np.prod(shape)), dtype=np.float64)).reshape(shape).astype(dtype)


def _convert(tree: Any, wide: bool) -> Any:
    def one(leaf: Any) -> Any:
        array = to_numpy(leaf)
        return array.astype(np.float64) if wide and is_float(array.dtype) else array

    return jax.tree.map(one, tree)


Named = dict[str, np.ndarray]


def _run_jax(function: Callable[..., Any], inputs: Sequence[Any], gradients: bool, wide: bool) -> Named:
    with jax.enable_x64(True) if wide else contextlib.nullcontext():
        leaves, form = jax.tree.flatten(jax.tree.map(jnp.asarray, _convert(list(inputs), wide)))
        moving = [i for i, leaf in enumerate(leaves) if is_float(leaf.dtype)]

        def of(*values: Any) -> Any:
            filled = list(leaves)
            for i, value in zip(moving, values, strict=True):
                filled[i] = value
            return function(*jax.tree.unflatten(form, filled))

        if not gradients:
            return {
                name: np.asarray(leaf)
                for name, leaf in named_leaves(of(*(leaves[i] for i in moving))).items()
            }
        output, pull = jax.vjp(of, *(leaves[i] for i in moving))
        found = {name: np.asarray(leaf) for name, leaf in named_leaves(output).items()}
        cotangent = jax.tree.map(
            lambda leaf: (
                jnp.asarray(_weights(leaf.shape, leaf.dtype))
                if is_float(leaf.dtype)
                else np.zeros(leaf.shape, jax.dtypes.float0)
            ),
            output,
        )
        names = list(named_leaves(list(inputs)))
        for i, gradient in zip(moving, pull(cotangent), strict=True):
            found[f"gradient of input {names[i]}"] = np.asarray(gradient)
        return found


def _run_torch(function: Callable[..., Any], inputs: Sequence[Any], gradients: bool, wide: bool) -> Named:
    import torch

    if wide and isinstance(function, torch.nn.Module):
        function = copy.deepcopy(function).double()
    leaves, form = jax.tree.flatten(_convert(list(inputs), wide))
    tensors = [torch.from_numpy(np.array(leaf)) for leaf in leaves]
    moving = [i for i, tensor in enumerate(tensors) if tensor.is_floating_point()]
    if gradients:
        for i in moving:
            tensors[i].requires_grad_()
    output = named_leaves(function(*jax.tree.unflatten(form, tensors)))
    found = {name: to_numpy(leaf) for name, leaf in output.items()}
    if gradients:
        floats = [
            (leaf, torch.from_numpy(_weights(leaf.shape, found[name].dtype)))
            for name, leaf in output.items()
            if leaf.requires_grad
        ]
        pulled = torch.autograd.grad(
            [leaf for leaf, _ in floats],
            [tensors[i] for i in moving],
            [w for _, w in floats],
            allow_unused=True,
        )
        names = list(named_leaves(list(inputs)))
        for i, gradient in zip(moving, pulled, strict=True):
            value = torch.zeros_like(tensors[i]) if gradient is None else gradient
            found[f"gradient of input {names[i]}"] = to_numpy(value)
    return found


def arbitrate(
    row: Difference, ours: Any, reference: Any, exact: Any, exact_reference: Any = None, own: bool = False
) -> Difference:
    """The verdict on a row that is outside of its tolerance, from float64 results.

    With `exact_reference`, a difference of the two float64 results is real. Else the distances of the narrow
    results from float64 decide: as far as the reference's, or a few epsilons, is rounding. If `own`, the
    float64 result is of our program, and it is the reference that must not be further from it than ours.
    """
    if row.agreement is not Agreement.DIFFERENT:
        return row
    if exact_reference is not None:
        wide = difference(row.name, exact, exact_reference)
        if not wide.ok and distance(exact, exact_reference) > 1e-7:
            note = wide.note or f"float64 results differ by {text.number(wide.relative, 2)} too: not rounding"
            return replace(row, note=note)
    seen, theirs = distance(ours, exact), distance(reference, exact)
    note = f"from float64: ours {text.number(seen, 2)}, reference {text.number(theirs, 2)}"
    if own:
        rounding = theirs <= FACTOR * max(seen, floor(row.dtype))
        return replace(row, agreement=Agreement.ROUNDING if rounding else Agreement.DIFFERENT, note=note)
    rounding = seen <= FACTOR * max(theirs, floor(row.dtype))
    return replace(row, agreement=Agreement.ROUNDING if rounding else Agreement.IMPRECISE, note=note)


def _rows(ours: Named, reference: Named, rtol: float | None, atol: float | None) -> list[Difference]:
    rows = []
    for name in dict.fromkeys([*reference, *ours]):
        if name not in ours or name not in reference:
            which = "ours" if name not in ours else "the reference"
            rows.append(Difference(name, Agreement.MISMATCH, f"missing in {which}"))
        else:
            rows.append(difference(name, ours[name], reference[name], rtol, atol))
    return rows


def check(
    ours: Any,
    reference: Any,
    *,
    inputs: Sequence[Any] | None = None,
    gradients: bool = False,
    rtol: float | None = None,
    atol: float | None = None,
    float64: Any = True,
    framework: str | None = None,
    raise_error: bool = False,
) -> Report:
    """Compare values, or functions on given inputs, with a reference.

    Args:
        ours: a pytree of arrays; with `inputs`, a JAX function.
        reference: a pytree of arrays or torch tensors; with `inputs`, a function (or their values).
        inputs: the arguments for both functions. Parameters belong here: only what comes in as an argument
            is converted for the run in float64.
        gradients: compare the gradients with respect to every floating input too, of the outputs' sum
            weighted by cos(i).
        rtol, atol: replace torch.testing.assert_close's for the dtype.
        float64: False for no arbitration; for values, the exact result as a pytree of float64; for
            functions, a reference to run in float64, if it is not `reference` itself.
        framework: "torch" or "jax": whose arrays `reference` takes; guessed if None.
        raise_error: raise ParityError if they differ.

    A value outside of its tolerance is "rounding" if the float64 results agree and ours is no further from
    them than ten times the reference (or 8 epsilons): `IMPRECISE` if it is further, `DIFFERENT` if the
    float64 results differ. Raises TypeError if `inputs` are given without a function.
    """
    if framework not in (None, "torch", "jax"):
        raise ValueError(f"check: framework: expected 'torch' or 'jax', got {framework!r}")
    exact: Named | None = None
    exact_reference: Named | None = None
    why = ""
    if inputs is None:
        ours_named = {name: to_numpy(leaf) for name, leaf in named_leaves(ours).items()}
        named = {name: to_numpy(leaf) for name, leaf in named_leaves(reference).items()}
        if not isinstance(float64, bool):
            exact = {name: to_numpy(leaf) for name, leaf in named_leaves(float64).items()}
        rows = _rows(ours_named, named, rtol, atol)
    else:
        if not callable(ours):
            raise TypeError(f"check: ours: expected a function of the inputs, got {type(ours).__name__}")

        def run_reference(function: Any, wide: bool) -> Named:
            in_torch = framework == "torch" or (framework is None and _uses_torch(function))
            return (_run_torch if in_torch else _run_jax)(function, inputs, gradients, wide)

        ours_named = _run_jax(ours, inputs, gradients, False)
        if callable(reference):
            named = run_reference(reference, False)
        else:
            named = {name: to_numpy(leaf) for name, leaf in named_leaves(reference).items()}
        rows = _rows(ours_named, named, rtol, atol)
        if float64 is not False and any(row.agreement is Agreement.DIFFERENT for row in rows):
            try:
                exact = _run_jax(ours, inputs, gradients, True)
                if callable(float64) or callable(reference):
                    exact_reference = run_reference(float64 if callable(float64) else reference, True)
            except (TypeError, ValueError, RuntimeError) as error:
                exact, why = None, f"no run in float64: {str(error).splitlines()[0]}"
    judged = []
    for row in rows:
        if row.agreement is Agreement.DIFFERENT and exact is not None and row.name in exact:
            wide = exact[row.name]
            if wide.dtype in (np.float64, np.complex128) and row.dtype not in ("float64", "complex128"):
                theirs = None if exact_reference is None else exact_reference.get(row.name)
                own = inputs is not None and theirs is None
                row = arbitrate(row, ours_named[row.name], named[row.name], wide, theirs, own)
            elif row.dtype not in ("float64", "complex128"):
                row = replace(row, note=f"no arbitration: in float64 the result is {wide.dtype}")
        elif row.agreement is Agreement.DIFFERENT and why:
            row = replace(row, note=why)
        judged.append(row)
    report = Report(tuple(judged))
    return report.raise_if_different() if raise_error else report

"""Write docs/reference/*.md from the docstrings and declarations: python docs/make_reference.py

Each public function, layer, initialiser, update rule and schedule with its signature, its PyTorch twin and,
where its docstring has a paragraph "Differs from PyTorch: ...", that. `--check` writes nothing and fails
where a page is not the one it would write.
"""

from __future__ import annotations

import inspect
import re
import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import fnnet.functional
import fnnet.init
import fnnet.layers
import fnnet.optim
from fnnet.functional import OPERATIONS, Operation
from fnnet.functional.operation import ELSEWHERE

HERE = Path(__file__).parent / "reference"
PLACES = {"torch": "torch", "Tensor": "torch.Tensor", "nn.functional": "torch.nn.functional"}
OWN = {
    "layers": frozenset(["Layer", "Scope", "Params", "FunctionLayer", "materialize", "Parametrized"]),
    "init": frozenset(["fan_in_and_fan_out", "fan_in_uniform"]),
    "optim": frozenset(["Rule", "Schedule", "RULES", "clip_norm", "clip_value", "groups", "param_groups"]),
}
"""Names that PyTorch has not."""

TWINS = {
    "functional.pad_sequence": "torch.nn.utils.rnn.pad_sequence",
    "functional.varlen_attn": "torch.nn.attention.varlen.varlen_attn",
    "init.calculate_gain": "torch.nn.init.calculate_gain",
    **{f"layers.{n}": f"torch.nn.utils.parametrizations.{n}" for n in ("orthogonal", "spectral_norm")},
    "layers.weight_norm": "torch.nn.utils.parametrizations.weight_norm",
    "optim.chained": "torch.optim.lr_scheduler.ChainedScheduler",
    "optim.reduce_lr_on_plateau": "torch.optim.lr_scheduler.ReduceLROnPlateau",
    "optim.get_total_norm": "torch.nn.utils.get_total_norm",
    **{
        f"optim.{n}": f"torch.nn.utils.{n}_"
        for n in ("clip_grad_norm", "clip_grad_value", "clip_grads_with_norm")
    },
}
"""Twins whose names do not follow from ours."""

HEAD = "<!-- Written by docs/make_reference.py from the docstrings; change those. -->\n\n"


def signature(function: Any) -> str:
    """The arguments and defaults, without types."""
    shown = []
    star = False
    for one in inspect.signature(function).parameters.values():
        if one.kind is one.KEYWORD_ONLY and not star:
            shown.append("*")
        star = star or one.kind in (one.KEYWORD_ONLY, one.VAR_POSITIONAL)
        mark = {one.VAR_POSITIONAL: "*", one.VAR_KEYWORD: "**"}.get(one.kind, "")
        default = "" if one.default is one.empty else f"={_default(one.default)}"
        shown.append(mark + one.name + default)
    return "(" + ", ".join(shown) + ")"


def _default(value: Any) -> str:
    text = getattr(value, "__name__", None) or repr(value)
    return "..." if re.search(r" at 0x|<", text) else text


def documented(thing: Any) -> tuple[str, str]:
    """The first paragraph of the docstring in one line, and what differs from PyTorch."""
    paragraphs = [" ".join(p.split()) for p in re.split(r"\n\s*\n", inspect.getdoc(thing) or "")]
    mark = "Differs from PyTorch: "
    different = " ".join(p.removeprefix(mark) for p in paragraphs if p.startswith(mark))
    return paragraphs[0], different


def entry(name: str, thing: Any, twins: list[str]) -> str:
    """The lines of one name."""
    summary, different = documented(thing)
    twin = ", ".join(f"`{one}`" for one in twins) if twins else "PyTorch has none of this name"
    lines = [f"**`{name}{signature(thing)}`**", f"  {summary}", f"  *{twin}*"]
    arguments = inspect.signature(thing).parameters
    source = "dropout_key" if "query" in arguments else "key"  # there, `key` names the keys
    if source in arguments and twins:
        lines.append(f"  Differs: its random numbers come from `{source}`, a JAX key or a generator.")
    if different:
        lines.append(f"  Differs: {different}")
    return "- " + "  \n".join(lines) + "\n"


def twins_of(declared: Operation) -> list[str]:
    """Where PyTorch has an operation, aliases too."""
    found = []
    for name in (declared.spelled, *declared.aliases):
        found += [f"{PLACES.get(place, 'torch.' + place)}.{name}" for place in sorted(declared.spellings)]
    if declared.in_place and "Tensor" in declared.spellings:
        found.append(f"torch.Tensor.{declared.spelled}_")
    elsewhere = [place for place, name in ELSEWHERE.items() if name == declared.name]
    found += [place if place.startswith("torch.") else f"torch.{place}" for place in elsewhere]
    other = TWINS.get(f"functional.{declared.name}")
    return [*found, other] if other else found


def functional_page() -> str:
    """The operations by subject, as the files of fnnet/functional have them."""
    by_subject: dict[str, list[Operation]] = {}
    for declared in OPERATIONS.values():
        by_subject.setdefault(declared.function.__module__.rpartition(".")[2], []).append(declared)
    text = HEAD + f"# fnnet.functional\n\n{len(OPERATIONS)} operations.\n"
    for subject in sorted(by_subject):
        module = sys.modules[f"fnnet.functional.{subject}"]
        text += f"\n## {subject}\n\n{documented(module)[0]}\n\n"
        for declared in sorted(by_subject[subject], key=lambda one: one.function.__name__):
            name = declared.function.__name__
            text += entry(name, getattr(fnnet.functional, name, declared.function), twins_of(declared))
    return text


def names_of(module: ModuleType) -> Iterator[tuple[str, Any]]:
    """The public names of a module that are described, with what they are."""
    listed = getattr(module, "__all__", None) or [name for name in vars(module) if not name.startswith("_")]
    for name in sorted(listed):
        thing = getattr(module, name)
        inside = inspect.isfunction(thing) or inspect.isclass(thing)
        if inside and thing.__module__.startswith(module.__name__):
            yield name, thing


def class_twin(name: str, thing: Any) -> list[str]:
    """The class of torch.optim or of its schedulers that a function answers for."""
    for rule in fnnet.optim.RULES.values():
        if rule.function is thing:
            return [f"torch.optim.{rule.name}"]
    words = name.removesuffix("_lr").split("_")
    return [
        "torch.optim.lr_scheduler." + "".join(w.capitalize() for w in words) + "LR" * name.endswith("_lr")
    ]


def page(title: str, place: str) -> str:
    """The page of `fnnet.layers`, `fnnet.init` or `fnnet.optim`."""
    module = getattr(fnnet, title)
    text = HEAD + f"# fnnet.{title}\n\n{documented(module)[0]}\n\n"
    for name, thing in names_of(module):
        if f"{title}.{name}" in TWINS:
            twins = [TWINS[f"{title}.{name}"]]
        elif title == "optim":
            twins = class_twin(name, thing)
        else:
            twins = [f"{place}.{name}" + "_" * (title == "init")]
        text += entry(name, thing, [] if name in OWN[title] else twins)
    return text


def pages() -> dict[str, str]:
    """The pages by file name."""
    return {
        "functional.md": functional_page(),
        "layers.md": page("layers", "torch.nn"),
        "init.md": page("init", "torch.nn.init"),
        "optim.md": page("optim", "torch.optim"),
    }


def main() -> int:
    """Write the pages, or with --check compare them."""
    stale = []
    HERE.mkdir(exist_ok=True)
    for name, text in pages().items():
        path = HERE / name
        if "--check" not in sys.argv:
            path.write_text(text)
        elif not path.exists() or path.read_text() != text:
            stale.append(name)
    if stale:
        print(f"stale: {', '.join(stale)}; run python docs/make_reference.py")
    return 1 if stale else 0


if __name__ == "__main__":
    sys.exit(main())

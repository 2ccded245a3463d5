"""What README.md and docs/ name is there: links, files, and what of fnnet they call by its dotted name."""

from __future__ import annotations

import importlib
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
PAGES = sorted([ROOT / "README.md", *ROOT.glob("docs/**/*.md")], key=str)
BELOW = ("", "docs", "fnnet", "fnnet/torch")
"""Where a file that is named without its whole path may be."""
ENDINGS = r"(?:py|md|npz|json|toml)"
NO_FILES = {"examples/NAME.py", "gradients/"}
"""What looks like one: a name to fill in, and the beginning of names in a graph."""


def name_of(page):
    return str(page.relative_to(ROOT))


def anchor_of(heading):
    """The anchor that a heading has on a page."""
    return re.sub(r"[^\w\- ]", "", heading.strip().lower()).replace(" ", "-")


def prose_of(text):
    """The page without its programs."""
    return re.sub(r"^( *)```.*?^\1```", "", text, flags=re.DOTALL | re.MULTILINE)


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_links_lead_somewhere(page):
    lost = []
    for target in re.findall(r"\]\(([^)\s]+)\)", prose_of(page.read_text(encoding="utf-8"))):
        if re.match(r"https?:", target):
            continue
        path, _, anchor = target.partition("#")
        other = (page.parent / path).resolve() if path else page
        if not other.exists():
            lost.append(target)
        elif anchor:
            headings = re.findall(r"^#+ (.*)$", prose_of(other.read_text(encoding="utf-8")), re.MULTILINE)
            lost += [] if anchor in map(anchor_of, headings) else [target]
    assert not lost


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_named_files_are_there(page):
    text = page.read_text(encoding="utf-8")
    named = set(re.findall(rf"`((?:[\w.-]+/)+(?:[\w-]+\.{ENDINGS})?)`", text))
    named |= set(re.findall(rf"\b((?:tests|docs|examples|benchmarks)/[\w/-]+\.{ENDINGS})\b", text))
    if page.name == "architecture.md":
        named |= set(re.findall(r"`(\w+\.py)`", text))
    there = {one for one in named if any((ROOT / below / one).exists() for below in BELOW)}
    assert not named - there - NO_FILES


def resolves(dotted):
    """Whether a dotted name is a module or an attribute of one."""
    parts = dotted.split(".")
    for length in range(len(parts), 0, -1):
        try:
            found = importlib.import_module(".".join(parts[:length]))
        except ModuleNotFoundError:
            continue
        return all((found := getattr(found, part, None)) is not None for part in parts[length:])
    return False


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_named_functions_are_there(page):
    named = set(re.findall(r"\bfnnet(?:\.[A-Za-z_]\w*)+", page.read_text(encoding="utf-8")))
    assert not [one for one in sorted(named) if not resolves(one)]

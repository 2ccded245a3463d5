"""Record what PyTorch gives for the calls of `import_lines.py`: `import_lines.json`."""

import json
import sys
from pathlib import Path

import torch

HERE = Path(__file__).parent
sys.path.insert(0, str(HERE.parent))
import import_lines  # noqa: E402

if __name__ == "__main__":
    for line in import_lines.LINES:
        exec(line, {})
    found = {"calls": import_lines.calls(torch), "versions": import_lines.comparisons(torch)}
    (HERE / "import_lines.json").write_text(json.dumps(found, separators=(",", ":")) + "\n", encoding="utf-8")
    for name, outcome in found["calls"].items():
        print(name, outcome)

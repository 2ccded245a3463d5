"""fnnet compare: lines of numbers, rounding told from differences, the record, the table, exit statuses."""

import argparse
import importlib.util
import json

import pytest

from fnnet.parity import bench, compare, text
from fnnet.parity.printed import Match, aligned, compare_lines, lines_of


def arguments(*words):
    parser = argparse.ArgumentParser()
    compare.add_arguments(parser)
    return parser.parse_args(list(map(str, words)))


@pytest.mark.parametrize(
    ("theirs", "ours", "ok"),
    [
        ("loss 0.12345", "loss 0.12345", True),
        ("loss 0.12345", "loss 0.12346", True),
        ("loss 0.12345", "loss 0.12365", False),
        ("loss 1.0e-07", "loss 1.1e-07", True),
        ("loss 1.0e-07", "loss 1.5e-07", False),
        ("step 10 loss 1.5", "step 11 loss 1.5", False),
        ("nan", "nan", True),
        ("nan", "1.0", False),
        ("tensor([1., -2.5])", "tensor([1., 2.5])", False),
        ("a 1.0", "b 1.0", False),
        ("1.0\n2.0", "1.0", False),
        ("took 0.12 s, loss 1.5", "took 3.4 s, loss 1.5", True),
        ("took 0.12 s, loss 1.5", "took 3.4 s, loss 1.9", False),
        ("elapsed: 12.5", "elapsed: 13", True),
        ("Epoch 1 12:01:59 1.5", "Epoch 1 12:02:09 1.5", True),
        ("[2026-01-02 10:00] 1.5", "[2026-11-22 11:01] 1.5", True),
        ("10.0 images/sec", "35 images/sec", True),
        ("<f at 0x7f1c>", "<f at 0x1a2b>", True),
        ("size 3 sum 4.5", "size 3 sum 5.5", False),
    ],
)
def test_lines(theirs, ours, ok):
    assert all(row.match.ok for row in compare_lines(theirs, ours)) == ok


def test_lines_that_belong_together():
    theirs = "start\nloss 1\nloss 2\nwarning: old\nend 3"
    ours = "start\nloss 1\nanother line\nloss 2\nend 3"
    pairs = aligned(lines_of(theirs), lines_of(ours))
    assert pairs == [("start", "start"), ("loss 1", "loss 1"), (None, "another line"), ("loss 2", "loss 2"),
                     ("warning: old", None), ("end 3", "end 3")]  # fmt: skip
    assert aligned(["a"] * 5000, ["a"] * 4999)[-1] == ("a", None)
    assert lines_of(" 10%\r 50%\rdone\nnext\r\n") == ["done", "next"]
    assert lines_of("") == []


def test_rounding_is_what_pytorch_itself_does_when_sums_are_rounded_otherwise():
    theirs = "step 1 loss 1.0000\nstep 2 loss 0.5000\nstep 3 loss 0.2500\nclass cat"
    again = "step 1 loss 1.0000\nstep 2 loss 0.5002\nstep 3 loss 0.2510\nclass dog"
    ours = "step 1 loss 1.0100\nstep 2 loss 0.5010\nstep 3 loss 0.2400\nclass cow"
    rows = compare_lines(theirs, ours, again=again)
    assert [row.match for row in rows] == [Match.DIFFERENT, *[Match.ROUNDING] * 3]
    assert rows[2].spread == pytest.approx(0.004)
    far = compare_lines(theirs, ours.replace("0.2400", "0.2900"), again=again)
    assert far[2].match is Match.DIFFERENT
    assert not any(row.match is Match.ROUNDING for row in compare_lines(theirs, ours))
    steps = compare_lines("step 1 loss 0.5", "step 2 loss 0.5", again="step 1 loss 0.5")
    assert steps[0].match is Match.DIFFERENT


@pytest.mark.parametrize("width", [80, 120])
def test_the_table_fits_the_terminal(width):
    theirs = "\n".join(f"step {i} " + "word " * (30 if i % 7 else 2) + "0.5" for i in range(300))
    ours = theirs.replace("step 123 ", "step 124 ").replace("step 9 " + "word " * 30 + "0.5", "漢字 " * 40)
    rows = compare_lines(theirs, ours)
    lines = compare.show(rows, width)
    assert max(map(text.display_width, lines)) <= width
    assert len(lines) < 50
    assert any("step 124" in line and line.startswith("✗") for line in lines)
    assert any("…" in line and "lines: " in line for line in lines)
    assert len(compare.show(rows, width, everything=True)) == len(rows) + 1
    assert not any("\033" in line for line in lines)
    assert any("\033[31m✗" in line for line in compare.show(rows, width, coloured=True))
    where = compare.show(compare_lines("x " * 60 + "1.0", "x " * 60 + "2.0"), width)[1]
    assert "1.0" in where
    assert "2.0" in where


def test_sides_and_statuses(tmp_path, monkeypatch, capsys):
    script = tmp_path / "s.py"
    script.write_text("print(0.5)")
    kept = tmp_path / "kept.json"
    side = {"status": 0, "output": "0.5\n", "error": "", "wall": 1.0, "import": 0.5, "seconds": [0.5]}
    stats = {"compilations": 3, "compile_seconds": 0.5, "cache_hits": 7}
    monkeypatch.setattr(compare, "run_pytorch", lambda *args, **options: dict(side))
    monkeypatch.setattr(compare, "run_fnnet", lambda *args: {**side, "stats": stats})
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: object())
    assert compare.run(arguments("--record", kept, script)) == 0
    assert "1 line: 1 agree" in (shown := capsys.readouterr().out)
    assert "3 programs compiled in 0.5 s, 7 calls of them again" in shown
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    assert compare.run(arguments("--record", kept, "--json", script)) == 0
    found = json.loads(capsys.readouterr().out)
    assert found["ok"]
    assert found["lines"][0]["match"] == "same"
    assert compare.run(arguments("--record", kept, "--seed", 1, script)) == 2
    assert "another seed" in capsys.readouterr().err
    assert compare.run(arguments(script)) == 2
    assert compare.run(arguments(tmp_path / "none.py")) == 2
    monkeypatch.setattr(compare, "run_fnnet", lambda *args: {**side, "output": "0.6\n", "stats": {}})
    assert compare.run(arguments("--record", kept, script)) == 1
    monkeypatch.setattr(compare, "run_fnnet", lambda *args: {**side, "status": 1, "stats": {}})
    assert compare.run(arguments("--record", kept, script)) == 3
    monkeypatch.setattr(compare, "run_fnnet", lambda *args: {**side, "output": "", "stats": {}})
    silent = {**json.loads(kept.read_text())["side"], "output": ""}
    monkeypatch.setattr(compare, "_theirs", lambda args: silent)
    assert compare.run(arguments(script)) == 2


@pytest.mark.parametrize("content", ["", "[]", "{", '{"format": "fnnet.compare"}', "[" * 100_000,
                                     '{"format": "fnnet.compare", "side": {"output": 3}}'])  # fmt: skip
def test_what_is_no_record_is_refused(content, tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    (tmp_path / "kept.json").write_text(content)
    (tmp_path / "s.py").write_text("")
    assert compare.run(arguments("--record", tmp_path / "kept.json", tmp_path / "s.py")) == 2
    assert "--record" in capsys.readouterr().err


def test_the_times_of_a_program(tmp_path, monkeypatch, capsys):
    script = tmp_path / "s.py"
    script.write_text("")
    stats = {"compilations": 1, "compile_seconds": 0.1}
    turns = {"status": 0, "error": "", "import": 0.5, "seconds": [3.0, 1.5, 1.0], "stats": stats}
    monkeypatch.setattr(bench, "run_fnnet", lambda *args, **options: dict(turns))
    monkeypatch.setattr(bench, "run_pytorch", lambda *args, **options: {**turns, "seconds": [4.0, 2.0]})
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: object())
    parser = argparse.ArgumentParser()
    bench.add_arguments(parser)
    assert bench.run(parser.parse_args([str(script)])) == 0
    rows = {line.split()[0]: line.split()[-1] for line in capsys.readouterr().out.splitlines()[1:5]}
    assert rows == {"import": "1.00", "cold": "0.75", "warm": "0.75", "steady": "0.50"}
    assert bench.run(parser.parse_args([str(tmp_path / "none.py")])) == 2
    monkeypatch.setattr(bench, "run_fnnet", lambda *args, **options: {**turns, "status": 1})
    assert bench.run(parser.parse_args([str(script)])) == 3


@pytest.mark.slow
@pytest.mark.torch
def test_live(tmp_path, capsys, monkeypatch):
    pytest.importorskip("torch")
    monkeypatch.setenv("OMP_NUM_THREADS", "1")
    script = tmp_path / "s.py"
    script.write_text(
        "import sys, torch\nx = torch.randn(3, 3)\ny = (x @ x).sum().item()\n"
        "if 'fnnet' in torch.__name__:\n    y *= 1 + float(sys.argv[1])\nprint('sum', y)\n"
    )
    kept = tmp_path / "kept.json"
    assert compare.run(arguments("--record", kept, "--rtol", "1e-9", "--json", script, "1e-7")) == 0
    found = json.loads(capsys.readouterr().out)
    assert found["lines"][0]["pytorch"].startswith("sum ")
    assert found["lines"][0]["spread"] > 0
    assert found["fnnet"]["stats"]["operations"]

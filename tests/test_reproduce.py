"""`reproduce`: what it runs, what it prints, and how it ends."""

import argparse
import io
import json
import os
import subprocess
import sys

import numpy as np
import pytest

from fnnet.__main__ import main
from fnnet.parity import files, reproduce
from fnnet.parity.lessons import LESSONS
from fnnet.parity.lessons.lesson import Lesson, Outcome, Settings
from fnnet.parity.table import Table
from fnnet.parity.text import display_width
from fnnet.parity.verdict import Verdict, equal, exact, in_distribution, measured


def good(settings):
    return Outcome(
        [exact("four and a half", 4.5, np.float32(4.5)), measured("seeds", settings.seeds)], notes=["seen"]
    )


def bad(settings):
    return Outcome([exact("one", 1.0, np.float32(2.0), note="it is two")])


def broken(settings):
    raise ZeroDivisionError("no such number")


def empty(settings):
    return Outcome([])


@pytest.fixture
def lessons(monkeypatch):
    """Four small lessons in place of the real ones."""
    made = {
        name: Lesson(name, f"Title {name}", "a tutorial", "x", f"{__name__}:{name}")
        for name in ("good", "bad", "broken", "empty")
    }
    made["missing"] = Lesson(
        "missing", "Missing", "a tutorial", "x", "fnnet.parity.lessons.no_such_file:check"
    )
    monkeypatch.setattr(reproduce, "LESSONS", made)
    monkeypatch.setitem(sys.modules, __name__, sys.modules[good.__module__])
    return made


def run(*words):
    parser = argparse.ArgumentParser()
    reproduce.add_arguments(parser)
    return reproduce.run(parser.parse_args(list(words)))


def test_good_lesson_exits_zero_and_prints_the_table(lessons, capsys):
    assert run("--lesson", "good", "--seeds", "7") == 0
    out = capsys.readouterr().out
    assert "Title good" in out
    for heading in ("quantity", "tutorial", "PyTorch", "fnnet", "error", "verdict"):
        assert heading in out
    assert "4.5" in out
    assert "✓ exact" in out
    assert "· measured" in out
    assert "1 lesson, 2 comparisons: 1 exact, 1 measured, 0 BAD in " in out
    assert "\x1b" not in out
    assert any(line.split()[:2] == ["seeds", "7"] for line in out.splitlines())


@pytest.mark.parametrize("name", ["bad", "broken", "empty", "missing"])
def test_bad_verdict_exits_one(lessons, capsys, name):
    assert run("--lesson", name) == 1
    assert "✗ BAD" in capsys.readouterr().out


def test_a_broken_lesson_hides_no_other(lessons, capsys):
    assert run() == 1
    printed = capsys.readouterr()
    for name in ("good", "bad", "broken", "empty"):
        assert f"Title {name}" in printed.out
    assert "ZeroDivisionError: no such number" in printed.out
    assert "Traceback" in printed.err
    assert "no_such_file" in printed.out
    assert "it is two" in printed.out


def test_json(lessons, capsys):
    assert run("--json", "--lesson", "good", "--lesson", "bad") == 1
    whole = json.loads(capsys.readouterr().out)
    assert [lesson["bad"] for lesson in whole["lessons"]] == [False, True]
    assert whole["bad"] is True
    row = whole["lessons"][0]["rows"][0]
    assert row == {"quantity": "four and a half", "documented": 4.5, "pytorch": None, "fnnet": 4.5}.copy() | {
        "error": 0.0, "verdict": "exact", "note": ""}  # fmt: skip


def test_json_of_any_value():
    row = in_distribution("loss", 2.0, [1.0, 3.0])
    values = {"spread": row.fnnet.__dict__, "inf": np.inf, "array": np.arange(3), "nan": [np.float32("nan")]}
    json.loads(json.dumps(reproduce.plain(values), allow_nan=False))


def test_options_that_make_no_sense(lessons, capsys, tmp_path):
    for words in (["--lesson", "no such"], ["--seeds", "0"], ["--seeds", "-3"], ["--seeds", "many"]):
        with pytest.raises(SystemExit) as end:
            run(*words)
        assert end.value.code == 2
    capsys.readouterr()
    assert run("--report", str(tmp_path / "none" / "r.html")) == 2
    assert "no folder" in capsys.readouterr().err


def test_list_names_every_lesson(capsys):
    assert run("--list") == 0
    lines = capsys.readouterr().out.splitlines()
    assert [line.split()[0] for line in lines] == list(LESSONS)


def test_table_fits_its_width_and_colours_a_terminal(lessons, monkeypatch):
    class Terminal(io.StringIO):
        def isatty(self):
            return True

    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.delenv("NO_COLOR", raising=False)
    result = lessons["bad"].run(Settings())
    wide = Outcome([
        exact("数字" * 30, "宽" * 40, "宽" * 40, note="a long remark " * 40),
        equal("array", np.arange(24.0).reshape(4, 6), np.arange(24.0).reshape(4, 6)),
    ])  # fmt: skip
    for width in (60, 80, 120):
        plain = io.StringIO()
        table = Table(plain, width=width)
        table.lesson(result)
        table.lesson(type(result)(result.lesson, wide, 1.0))
        table.end([result], 1.0)
        assert max(map(display_width, plain.getvalue().splitlines())) <= width
        assert "\x1b" not in plain.getvalue()
    live = Terminal()
    Table(live, width=80).lesson(result)
    assert "\x1b[1;31m" in live.getvalue()
    monkeypatch.setenv("NO_COLOR", "1")
    quiet = Terminal()
    Table(quiet, width=80).lesson(result)
    assert "\x1b[1;31m" not in quiet.getvalue()


def test_main_knows_its_commands(capsys):
    assert main([]) == 2
    assert "reproduce" in capsys.readouterr().out
    assert main(["--version"]) == 0
    assert capsys.readouterr().out.startswith("fnnet ")
    with pytest.raises(SystemExit) as end:
        main(["no-such-command"])
    assert end.value.code == 2


@pytest.mark.parametrize(
    ("variable", "folder"), [("XDG_CACHE_HOME", "a"), ("JAX_COMPILATION_CACHE_DIR", "b")]
)
def test_command_line_keeps_its_compilations_where_it_is_told(tmp_path, variable, folder):
    code = (
        "import fnnet, jax; imported = jax.config.jax_compilation_cache_dir\n"
        "from fnnet.__main__ import main; main(['reproduce', '--list'])\n"
        "print(imported); print(jax.config.jax_compilation_cache_dir)"
    )
    variables = {name: value for name, value in os.environ.items() if name != "JAX_COMPILATION_CACHE_DIR"}
    variables[variable] = str(tmp_path / folder)
    done = subprocess.run(
        [sys.executable, "-c", code], env=variables, capture_output=True, text=True, timeout=120, check=True
    )
    imported, then = done.stdout.splitlines()[-2:]
    assert then.startswith(str(tmp_path / folder))
    assert imported == (then if variable == "JAX_COMPILATION_CACHE_DIR" else "None")  # importing sets nothing


def test_programs_are_loaded_by_name_only():
    assert files.program("tensors") is files.program("tensors")
    for name in ("../tensors", "a.b", ""):
        with pytest.raises(ValueError, match="expected an example's name"):
            files.program(name)
    with pytest.raises(FileNotFoundError, match="no example 'nothing_here'"):
        files.program("nothing_here")
    with pytest.raises(FileNotFoundError, match="no recorded outputs"):
        files.reference("nothing_here.npz")


@pytest.mark.slow
@pytest.mark.parametrize("name", ["tensors", "autograd", "logistic", "dynamic"])
def test_lesson(name):
    result = LESSONS[name].run(Settings(seeds=200))
    assert not result.bad, result.error or [row for row in result.outcome.rows if row.bad]
    assert len(result.outcome.rows) > 5
    assert any(row.verdict in (Verdict.EXACT, Verdict.EQUAL) for row in result.outcome.rows)


def test_every_lesson_names_a_program_and_a_check():
    for name, lesson in LESSONS.items():
        assert name == lesson.name
        assert (files.examples() / f"{lesson.program}.py").is_file()
        assert lesson.check.count(":") == 1


def test_report_is_written_beside_the_table(lessons, capsys, tmp_path):
    path = tmp_path / "r.html"
    assert run("--lesson", "good", "--report", str(path)) == 0
    assert "Title good" in path.read_text(encoding="utf-8")
    assert "Title good" in capsys.readouterr().out

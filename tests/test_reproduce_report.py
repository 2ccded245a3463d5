"""The report: one page that needs nothing else, whole or not there."""

import html.parser
import re
import xml.etree.ElementTree as ElementTree

import numpy as np
import pytest

from fnnet.parity import chart, report
from fnnet.parity.lessons.lesson import Band, Curve, Lesson, Line, Outcome, Result
from fnnet.parity.verdict import equal, exact, in_distribution

LESSON = Lesson("demo", "A <title> & more", "a tutorial", "demo", "x:y")
STEPS = np.arange(500)
RUNS = 1e7 * np.exp(-STEPS / 25) * np.array([[0.5], [1.0], [2.0]])
CURVE = Curve(
    "Loss <of> each step",
    "step",
    "loss",
    documented=Line("documented", [0, 50, 100], [1e7, 1.3e6, 1.8e5]),
    lines=[Line("PyTorch", STEPS, RUNS[1]), Line("fnnet", STEPS, RUNS[1])],
    bands=[Band.of_runs("3 seeds", STEPS, RUNS)],
    log_y=True,
)


def results():
    rows = [
        exact("a & b", 4.5, 4.5),
        in_distribution("loss", 1.0, [0.0, 2.0]),
        equal("<x>", 1.0, 2.0, note="<no>"),
    ]
    return [Result(LESSON, Outcome(rows, [CURVE], ["a <note>"]), 1.5)]


def pictures(page):
    return [
        ElementTree.fromstring(svg) for svg in re.findall(r'<svg class="chart" viewBox.*?</svg>', page, re.S)
    ]


class Tags(html.parser.HTMLParser):
    """Checks that tags are closed in order."""

    def __init__(self):
        super().__init__()
        self.open, self.seen = [], []

    def handle_starttag(self, tag, attrs):
        self.seen.append((tag, dict(attrs)))
        if tag != "meta":
            self.open.append(tag)

    def handle_startendtag(self, tag, attrs):
        self.seen.append((tag, dict(attrs)))

    def handle_endtag(self, tag):
        assert self.open.pop() == tag


def test_page_is_well_formed_and_self_contained():
    page = report.page(results(), 2.0)
    tags = Tags()
    tags.feed(page)
    assert not tags.open
    names = {tag for tag, _ in tags.seen}
    assert not names & {"script", "link", "img", "iframe", "object"}
    assert not re.search(r"https?://|url\(|@import", page)
    identities = [attrs["id"] for _, attrs in tags.seen if "id" in attrs]
    assert len(identities) == len(set(identities))
    assert "A &lt;title&gt; &amp; more" in page
    assert "<no>" not in page
    assert "1 exact, 1 in range, 1 BAD" in page
    assert "prefers-color-scheme: dark" in page


def test_picture_shows_the_curve():
    (picture,) = pictures(report.page(results(), 2.0))
    assert picture.get("role") == "img"
    assert picture.find("title").text == "Loss <of> each step"
    points = [(float(c.get("cx")), float(c.get("cy"))) for c in picture.iter("circle")]
    assert len(points) == 3
    (median,) = [p for p in picture.iter("path") if "median" in p.get("class")]
    drawn = [tuple(map(float, pair.split())) for pair in median.get("d")[1:].split("L")]
    assert len(drawn) <= 500
    # the documented points lie on the median, as their numbers do
    for x, y in points:
        nearest = min(drawn, key=lambda p: abs(p[0] - x))
        assert abs(nearest[1] - y) < 3
    names = [t.text for t in picture.iter("text")]
    assert "10⁷" in names or "10⁶" in names
    assert {"step", "loss"} <= set(names)
    for x, y in points + drawn:
        assert 0 <= x <= chart.WIDTH
        assert 0 <= y <= chart.HEIGHT


@pytest.mark.parametrize(
    ("y", "log"),
    [
        ([1.0, 1.0, 1.0], False),
        ([1.0, 1.0, 1.0], True),
        ([0.0, np.nan, 3.0], True),
        ([-2.0, np.inf, 3.0], False),
        ([5e-324, 1.0, 1e300], True),
        ([1.1, 1.2, 1.3], True),
    ],
)
def test_picture_of_awkward_numbers(y, log):
    made = chart.figure(Curve("t", "x", "y", lines=[Line("l", [0, 1, 2], y)], log_y=log), "i")
    (picture,) = pictures(made)
    for path in picture.iter("path"):
        assert "nan" not in path.get("d")
        assert "inf" not in path.get("d")


def test_nothing_to_draw():
    with pytest.raises(ValueError, match="nothing to draw"):
        chart.figure(Curve("t", "x", "y", lines=[Line("l", [0.0], [np.nan])]), "i")


def test_written_whole_or_not_at_all(tmp_path, monkeypatch):
    path = tmp_path / "r.html"
    report.write(path, results(), 1.0)
    before = path.read_text(encoding="utf-8")
    assert before.endswith("</html>\n")

    def fails(source, target):
        raise OSError("no room")

    monkeypatch.setattr(report.os, "replace", fails)
    with pytest.raises(OSError, match="no room"):
        report.write(path, [], 1.0)
    assert path.read_text(encoding="utf-8") == before
    assert [p.name for p in tmp_path.iterdir()] == ["r.html"]

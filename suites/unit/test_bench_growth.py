import json
import xml.etree.ElementTree as ET
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path

import pytest

from suites.bench import bar, catalogue, compare, curve, picture, record, render
from suites.bench.runner import Plan, Sample
from suites.bench.summary import Summary, summarise
from suites.brokers.base import Identity

BROKER = "reference"
(BACKLOG,) = catalogue.chosen_curves(["backlog"])
(BODIES,) = catalogue.chosen_curves(["bodies"])
SVG = "{http://www.w3.org/2000/svg}"


def summary(
    drawn: curve.Curve, costs: Mapping[int, float], *, metric: str = "cpu", product: str = ""
) -> Summary:
    """The summary of one round along a curve with these costs."""
    plan = Plan([BROKER], drawn.scenarios(quick=False), rounds=1, quick=False)
    samples = [
        Sample(drawn.scenario_name(point), BROKER, 1, {metric: cost})
        for point, cost in costs.items()
    ]
    return summarise(plan, {BROKER: Identity(product)}, samples)


def growth(drawn: curve.Curve, costs: Mapping[int, float], metric: str = "cpu") -> curve.Growth:
    """What is told of it."""
    (told,) = curve.growths(summary(drawn, costs, metric=metric), [drawn])
    return told


def test_each_curve_has_a_bar_and_its_base_is_a_point() -> None:
    """No bar is for a curve that does not exist, and no curve's points fall."""
    assert set(bar.load().growth) == {one.name for one in catalogue.CURVES}
    for one in catalogue.CURVES:
        assert one.base in one.points[:-1]
        assert sorted(set(one.points)) == list(one.points)


def test_a_constant_cost_is_ideal() -> None:
    """What stands before the base does not count."""
    told = growth(BACKLOG, {1_000: 9, 10_000: 2, 100_000: 2, 1_000_000: 2})
    assert (told.factor, told.short) == (1, False)
    assert told.ideal == [(10_000, 2), (100_000, 2), (1_000_000, 2)]


def test_a_cost_in_proportion_is_ideal_where_it_has_to_be() -> None:
    """A body of ten times the size may cost ten times as much."""
    told = growth(BODIES, {100: 1, 100_000: 50, 1_000_000: 500, 16 << 20: 8388.608})
    assert told.factor == pytest.approx(1)
    assert growth(BACKLOG, {10_000: 1, 1_000_000: 100}).factor == 100


def test_a_cost_that_grows_is_short() -> None:
    """The remark says how much, and how much it may be."""
    told = growth(BACKLOG, {10_000: 2, 1_000_000: 6})
    assert told.short
    assert told.remark == (
        "Short: backlog on reference: the cost of one at 1,000,000 messages is 3.00 times the "
        "ideal, from 10,000 on; it may be 2."
    )


def test_wall_time_stands_in_where_nobody_tells_cpu() -> None:
    """On a system that hides what another process uses."""
    told = growth(BACKLOG, {10_000: 2, 1_000_000: 2}, "each")
    assert (told.metric, told.factor) == (curve.EACH, 1)


def test_one_point_tells_no_growth() -> None:
    """As after an interruption."""
    told = growth(BACKLOG, {10_000: 2})
    assert (told.factor, told.short) == (None, False)
    assert "too few points" in told.remark


def test_a_picture_shows_every_point() -> None:
    """Well-formed SVG: one line a series and one for the ideal, a dot a point with its value."""
    series: dict[str, picture.Points] = {
        "one & other": [(1, 0.5), (1_000, 7)],
        "third": [(1, 3), (10, 4), (1_000, 20_000)],
    }
    root = ET.fromstring(picture.chart("Cost <of one>", "messages", "µs", series, [(1, 3)]))  # noqa: S314  our own
    tips = [dot.findtext(f"{SVG}title") for dot in root.iter(f"{SVG}circle")]
    assert tips == ["1: 0.5", "1,000: 7", "1: 3", "10: 4", "1,000: 2e+04"]
    assert len(list(root.iter(f"{SVG}polyline"))) == 3
    words = [text.text for text in root.iter(f"{SVG}text")]
    assert {"Cost <of one>", "messages", "µs", "one & other", "third", "1", "1,000"} <= set(words)


def test_dots_stand_where_their_values_are() -> None:
    """A factor of ten is the same way everywhere, to the right and upwards."""
    points = [(1.0, 1.0), (10.0, 10.0), (100.0, 100.0)]
    root = ET.fromstring(picture.chart("", "", "", {"": points}))  # noqa: S314  our own
    dots = list(root.iter(f"{SVG}circle"))
    across = [float(dot.attrib["cx"]) for dot in dots]
    down = [float(dot.attrib["cy"]) for dot in dots]
    assert across[1] - across[0] == pytest.approx(across[2] - across[1])
    assert down[0] - down[1] == pytest.approx(down[1] - down[2])
    assert across[0] < across[1]
    assert down[0] > down[1]


def test_pictures_and_growth_stand_in_the_pages(tmp_path: Path) -> None:
    """The Markdown page links each picture, the JSON page has its numbers."""
    found = summary(BACKLOG, {10_000: 2, 1_000_000: 6})
    growths = list(curve.growths(found, [BACKLOG]))
    notes = [one.remark for one in growths]
    page, data, drawing = record.write(found, "nox", tmp_path, notes, growths)
    assert f"![backlog]({drawing.name})" in page.read_text(encoding="utf-8")
    assert notes[0] in page.read_text(encoding="utf-8")
    (told,) = json.loads(data.read_text(encoding="utf-8"))["growth"]
    assert (told["curve"], told["costs"], told["must"]) == ("backlog", [[10_000, 2], [1e6, 6]], 2)
    assert told["factor"] == 3


def earlier(folder: Path, costs: Mapping[int, float]) -> Path:
    """The JSON page of a run before."""
    path = folder / "earlier.json"
    page = record.as_json(summary(BACKLOG, costs), "nox", datetime(2024, 2, 3, tzinfo=UTC))
    path.write_text(page, encoding="utf-8")
    return path


def test_a_run_is_compared_with_one_before(tmp_path: Path) -> None:
    """The largest change first, and nothing of what is within the noise."""
    past = compare.load(earlier(tmp_path, {1_000: 10, 10_000: 10, 100_000: 10, 1_000_000: 10}))
    now = summary(BACKLOG, {1_000: 11, 10_000: 20, 100_000: 2.5})
    since, where = "Since 2024-02-03T00:00:00+00:00", "(cpu µs) on reference went from 10.0 to"
    assert compare.remarks(now, past) == [
        f"{since}: backlog-100000 {where} 2.50, 4.00 times better.",
        f"{since}: backlog-10000 {where} 20.0, 2.00 times worse.",
    ]


def test_a_run_without_a_change_says_so(tmp_path: Path) -> None:
    """And one that measured something else says that."""
    past = compare.load(earlier(tmp_path, {10_000: 10}))
    (same,) = compare.remarks(summary(BACKLOG, {10_000: 10.5}), past)
    assert same.startswith("Nothing has changed by 15% or more")
    (other,) = compare.remarks(summary(BACKLOG, {100_000: 10}), past)
    assert other.startswith("Nothing here was measured")


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("{", "is not the JSON file of a bench run"),
        ("[]", "is not the JSON file of a bench run"),
        ('{"quick": false}', "is not the JSON file of a bench run"),
        ('{"quick": true}', "is of a quick run: its figures mean nothing"),
        (None, "cannot read .*: No such file or directory"),
    ],
)
def test_what_is_no_earlier_run_is_refused(tmp_path: Path, text: str | None, reason: str) -> None:
    """With the file's name and the reason."""
    path = tmp_path / "earlier.json"
    if text is not None:
        path.write_text(text, encoding="utf-8")
    with pytest.raises(ValueError, match=reason):
        compare.load(path)


def test_notes_stand_at_the_end_of_the_terminal() -> None:
    """Behind what is said of the table."""
    shown = render.terminal(summary(BACKLOG, {10_000: 2}), ["A note."])
    assert shown.splitlines()[-1] == "A note."

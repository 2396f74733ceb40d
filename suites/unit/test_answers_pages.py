from pathlib import Path
from xml.etree import ElementTree as ET

import pytest

from reports.answers import compare, html, markdown, publish, questions, timeline
from reports.answers.compare import Explanation
from reports.answers.model import Cell, save
from suites.unit.answers_example import SEEN, Example, cell, study

ALIKE = cell("two", "sky", "day", "blue", times={"seen": 0.5})
OTHER = cell("two", "sky", "day", "grey")
TROUBLE = Cell(broker="one", row="grass", column="night", trouble="broke: it was <dark>")
WHY = Explanation(Example.id, "colour", "it rains there", "https://example.org/rain", row="sky")


@pytest.fixture(autouse=True)
def _known(monkeypatch: pytest.MonkeyPatch) -> None:
    """The example is a question, and there are no explanations yet."""
    monkeypatch.setattr(questions, "known", lambda: {Example.id: Example()})
    monkeypatch.setattr(compare, "explanations", lambda: ())


def test_the_answer_comes_first_and_is_made_from_the_facts() -> None:
    """In both forms, and another fact makes another answer."""
    for render in (markdown.render, html.render):
        page = render(study(SEEN, TROUBLE))
        assert "In 1 of 1 places." in page
        assert "In 0 of 1 places." in render(study(cell("one", "sky", "day", "red")))
        assert page.index("In 1 of 1 places.") < page.index("it is blue")


def test_brokers_that_agree_are_told_once_with_their_times() -> None:
    """One statement, two times, and no difference."""
    page = markdown.render(study(SEEN, ALIKE))
    assert page.count("it is blue") == 1
    assert "one: seen 0.25 s<br>two: seen 0.50 s" in page
    assert "Nowhere: in every cell the brokers agree in every fact." in page


def test_brokers_that_differ_stand_side_by_side() -> None:
    """Each with its name; the difference is a bug until it is explained."""
    page = markdown.render(study(SEEN, OTHER))
    assert "*one*<br>✓ it is blue<br>one: seen 0.25 s<br>*two*<br>✗ it is grey" in page
    assert "colour: blue on One 1.0, grey on Two 1.0. Not explained" in page


def test_an_explanation_is_given_with_its_link(monkeypatch: pytest.MonkeyPatch) -> None:
    """Only where its row, variant and column say."""
    monkeypatch.setattr(compare, "explanations", lambda: (WHY,))
    page = html.render(study(SEEN, OTHER))
    assert "it rains there (https://example.org/rain). In: sky, day." in page
    grass = [cell("one", "grass", "day", "green"), cell("two", "grass", "day", "brown")]
    assert "Not explained" in html.render(study(*grass))


def test_one_broker_has_nothing_to_differ_from() -> None:
    """The section is not there."""
    assert "Where the brokers differ" not in markdown.render(study(SEEN))
    assert "Where the brokers differ" not in html.render(study(SEEN))


def test_trouble_is_told_in_its_place() -> None:
    """A cell that broke is not a gap."""
    assert "broke: it was \\<dark\\>" in markdown.render(study(SEEN, TROUBLE))
    assert "broke: it was &lt;dark&gt;" in html.render(study(SEEN, TROUBLE))


def test_what_came_from_the_wire_is_escaped() -> None:
    """No markup of a transcript, a mark or a title gets into a page or a picture."""
    page = html.render(study(SEEN))
    assert "look </pre>" not in page
    assert "look &lt;/pre&gt;" in page
    assert "sees <it>" not in page
    assert "<title>Is it &lt;blue&gt;?</title>" in page


def test_every_cell_leads_to_its_evidence() -> None:
    """The link and the place it leads to have the same name."""
    page = html.render(study(SEEN))
    assert 'href="#sky-day"' in page
    assert 'id="sky-day"' in page
    assert "colour: <b>blue</b>; seen: <b>0.250 s</b>; width, MiB: <b>1234.5</b>" in page


def test_the_picture_is_well_formed_and_shows_spans_and_marks() -> None:
    """A rectangle a span, a line a mark, both with a title."""
    svg = timeline.draw(timeline.of_cell(SEEN), "a title")
    root = ET.fromstring(svg)  # noqa: S314  our own picture
    titles = [title.text for title in root.iter("{http://www.w3.org/2000/svg}title")]
    assert titles == ["a title", "-0.10 to 0.40 s: open & wide", "0.20 s eye: sees <it>"]


def test_the_pages_of_a_study_and_the_index_of_a_folder(tmp_path: Path) -> None:
    """Three files, and an index with the first answers."""
    written = study(SEEN)
    save(written, tmp_path / f"{Example.id}.jsonl")
    paths = publish.write(written, tmp_path)
    assert sorted(path.suffix for path in paths) == [".html", ".md", ".svg"]
    index = publish.write_index(tmp_path).read_text()
    assert f"]({Example.id}.md)" in index
    assert "**Is it?** One 1.0: In 1 of 1 places." in index

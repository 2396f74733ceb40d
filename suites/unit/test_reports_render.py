"""Every verdict through every renderer, and hostile text through each of them."""

import base64
import json
import os
import re
import subprocess
import sys
import zlib
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import msgspec
import pytest

from reports.__main__ import main
from reports.analyse import tally
from reports.model import Case, Closing, Footer, Record, RecordError, Verdict
from reports.render import PAGES, RENDERERS, html, markdown, terminal, words, write_pages
from suites.unit.test_reports import NOW, begun, case, header, written

HOSTILE = "<script>alert(1)</script> | `tick` ``` *star* [x](y) \x1b[31m \u202e &amp; \"'"


def whole(*cases: Case, code: int = 0) -> Record:
    """Make the record of a run that ended."""
    counts = tally(one.verdict for one in cases)
    footer = Footer(finished=NOW, counts=counts, exit_code=code)
    return Record(header=header(), cases=list(cases), footer=footer)


def evident(verdict: Verdict, text: str = "seen") -> Case:
    """Make a case whose every free field tells its own name and `text`."""
    return msgspec.structs.replace(
        case(verdict),
        test=f"test {text}",
        requirements=[f"id {text}"],
        summary=f"summary {text}",
        expected=f"expected {text}",
        actual=f"actual {text}",
        observation=f"observation {text}",
        closing=Closing.OPEN,
        reason=f"reason {text}",
        link="https://example.org/why?a=1&b=2",
        transcript=[f"first {text}", f"second {text}"],
        log=f"log {text}",
        seed=77,
        repeat=f"repeat {text}",
    )


class Page(HTMLParser):
    """Collects the tags, the links, the visible words and the packed evidence of a page."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.targets: list[str] = []
        self.cells: list[str] = []
        self.cases: list[dict[str, Any]] = []
        self.text = ""
        self._raw = ""
        self.feed(text)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Note the tag, what it fetches or links to, and whether it is a cell of the matrix."""
        found = dict(attrs)
        self.tags.append(tag)
        self.targets += [found[name] or "" for name in ("src", "href", "data") if name in found]
        if tag == "td" and (found.get("class") or "").startswith("c-"):
            self.cells.append((found["class"] or "")[2:])
        self._raw = (found.get("id") or tag) if tag in {"script", "style"} else ""

    def handle_data(self, data: str) -> None:
        """Keep what a reader sees, at once or when a cell is opened."""
        if self._raw.startswith("evidence-"):
            self.cases += json.loads(zlib.decompress(base64.b64decode(data)))
        elif not self._raw:
            self.text += data

    def handle_endtag(self, tag: str) -> None:
        """What follows a script or a style is for readers again."""
        self.text += " " if tag in {"td", "th"} else ""
        self._raw = ""


def area_row(page: str) -> list[str]:
    """Read the counts of the area queue.declare, or on the web page of the run, off its row."""
    place = "queue.declare"
    if page.startswith("<!DOCTYPE"):
        page = Page(page[page.index("<tbody>") : page.index("</tbody>")]).text
        place = "RabbitMQ 3.10.8"
    row = page[page.index(place) :].removeprefix(place)
    cells = re.findall(r"\b\d+|[.·]", row)
    return [cell.replace(".", "·") for cell in cells[: len(Verdict) + 1]]


@pytest.mark.parametrize("name", PAGES)
@pytest.mark.parametrize("verdict", Verdict)
def test_each_verdict_is_named_by_each_renderer(verdict: Verdict, name: str) -> None:
    """A lone case of any verdict is counted under that verdict and no other."""
    record = whole(evident(verdict))
    page = RENDERERS[name](record)
    assert words.headline(record) in " ".join(page.split())
    wanted = ["1" if column is verdict else "·" for column in Verdict]
    assert area_row(page) == [*wanted, "1"]


@pytest.mark.parametrize("verdict", [v for v in Verdict if v is not Verdict.PASS])
def test_markdown_tells_all_of_a_case_that_did_not_pass(verdict: Verdict) -> None:
    """Failures, errors, deviations, unsupported and informational each have their section."""
    page = markdown.render(whole(evident(verdict)))
    for field in ("id", "summary", "expected", "actual", "observation", "reason"):
        assert f"{field} seen" in page
    for field in ("first", "second", "log", "repeat"):
        assert f"{field} seen" in page
    assert "<https://example.org/why?a=1&b=2>" in page
    assert "Seed: 77" in page
    assert len(re.findall(r"^## .* \(1\)$", page, re.MULTILINE)) == 1


def test_markdown_leaves_passes_to_the_table() -> None:
    """A pass has no section of its own."""
    assert "summary seen" not in markdown.render(whole(evident(Verdict.PASS)))


@pytest.mark.parametrize("verdict", Verdict)
def test_html_tells_all_of_every_case(verdict: Verdict) -> None:
    """Each requirement is there with its sign, and the evidence behind it is whole."""
    one = evident(verdict)
    page = Page(html.render(whole(one)))
    assert page.cells == [verdict]
    assert f"{words.SIGNS[verdict]} {verdict}" in page.text
    assert "id seen" in page.text
    assert "summary seen" in page.text
    told = msgspec.to_builtins(one)
    assert page.cases == [{name: told[name] for name in told if told[name] and name != "kind"}]


@pytest.mark.parametrize("verdict", [Verdict.FAIL, Verdict.ERROR, Verdict.WEAK])
def test_terminal_lists_what_deserves_a_look(verdict: Verdict) -> None:
    """A failure, an error and a weak case are told with the command that repeats them."""
    page = terminal.render(whole(evident(verdict)))
    for field in ("id", "summary", "expected", "actual", "repeat"):
        assert f"{field} seen" in page


@pytest.mark.parametrize("name", PAGES)
def test_each_renderer_tells_how_connections_ended(name: str) -> None:
    """The sentence stands on every page, and not where the broker ended none."""
    sentence = "Connections that the broker ended, by case: 1 left open."
    assert sentence in RENDERERS[name](whole(evident(Verdict.PASS)))
    assert "the broker ended" not in RENDERERS[name](whole(case()))


def test_terminal_fits_80_columns() -> None:
    """Long names are cut or wrapped, and large counts keep their columns."""
    long = msgspec.structs.replace(evident(Verdict.FAIL, "word " * 60), area="area." * 30)
    many = [case() for _ in range(12345)]
    page = terminal.render(whole(long, *many, code=1))
    assert max(map(len, page.splitlines())) <= terminal.WIDTH
    assert " 12345" in page


def test_html_is_self_contained_and_allows_only_its_own_script() -> None:
    """The page fetches nothing, whatever it is told."""
    text = html.render(whole(*[evident(verdict) for verdict in Verdict]))
    page = Page(text)
    assert page.tags.count("style") == 1
    assert not {"img", "iframe", "object", "embed"} & set(page.tags)
    assert {target for target in page.targets if not target.startswith("#")} == {"data:,"}
    assert len(re.findall(r"<script(?! type=\"text/plain\")", text)) == 1
    assert re.search(r"default-src 'none'; [^\"]*script-src 'sha256-[\w+/]+='", text)
    assert "url(" not in text
    assert "@import" not in text


def test_html_escapes_hostile_text() -> None:
    """Markup in a name or a transcript is shown, not obeyed."""
    plain = Page(html.render(whole(evident(Verdict.FAIL), code=1)))
    hostile = Page(html.render(whole(evident(Verdict.FAIL, HOSTILE), code=1)))
    assert hostile.tags == plain.tags
    assert hostile.text.count("<script>alert(1)</script>") >= len(Verdict)
    told = hostile.text + repr([sorted(found.items()) for found in hostile.cases])
    assert "\x1b" not in told
    assert "\\x1b[31m \\u202e" in hostile.text
    assert r"\\x1b[31m \\u202e" in told


@pytest.mark.parametrize("link", ["javascript:alert(1)", "data:text/html,x", " https://x", "x y"])
def test_only_web_links_can_be_clicked(link: str) -> None:
    """Any other link is shown as text."""
    one = msgspec.structs.replace(case(Verdict.DEVIATION), link=link)
    page = Page(html.render(whole(one)))
    assert link not in page.targets
    assert [found["link"] for found in page.cases] == [link]
    assert f"<{link}>" not in markdown.render(whole(one))


def test_html_gives_a_requirement_the_gravest_of_its_verdicts() -> None:
    """A requirement of several cases has one cell, which says how many of them are so."""
    verdicts = [Verdict.PASS, Verdict.DEVIATION, Verdict.FAIL]
    page = Page(html.render(whole(*[case(verdict) for verdict in verdicts], code=1)))
    assert page.cells == ["fail"]
    assert "✗ 1/3" in page.text


def test_html_of_several_runs_has_a_column_for_each() -> None:
    """What one run does not decide is not run there; runs of one name are told apart."""
    other = msgspec.structs.replace(evident(Verdict.DEVIATION), requirements=["id other"])
    text = html.render_all([whole(evident(Verdict.PASS)), whole(evident(Verdict.FAIL), other)])
    page = Page(text)
    assert page.cells == ["deviation", "pass", "fail"]
    assert "2 requirements put to 2 brokers: on 1 of them their verdicts differ." in page.text
    assert text.count("data-d>") == 1
    assert text.count('aria-label="not run"') == 1
    assert [found["verdict"] for found in page.cases] == ["pass", "fail", "deviation"]
    assert text.count("<span>RabbitMQ 3.10.8, 2026-11-20 09:30:15 UTC</span></th>") == 2


def test_html_keeps_both_ends_of_a_very_long_transcript() -> None:
    """The page says how many lines it leaves out, and the record keeps them."""
    lines = [f"line {number}" for number in range(1000)]
    long = msgspec.structs.replace(evident(Verdict.FAIL), transcript=lines)
    kept = Page(html.render(whole(long, code=1))).cases[0]["transcript"]
    assert kept[:2] == ["line 0", "line 1"]
    assert kept[-1] == "line 999"
    assert f"… {1000 - len(kept) + 1} lines left out, see the record" in kept


def test_markdown_escapes_hostile_text() -> None:
    """Outside of code nothing from the record is markup, and no table row is split."""
    hostile = msgspec.structs.replace(evident(Verdict.FAIL, HOSTILE), area=HOSTILE)
    page = markdown.render(whole(hostile, code=1))
    prose = re.sub(r"(`+)(?!`).*?(?<!`)\1(?!`)", "", page, flags=re.DOTALL)
    assert "<script>" not in prose.replace("\\<", "")
    assert "\x1b" not in page
    rows = [line for line in page.splitlines() if line.startswith("|")]
    assert {len(re.findall(r"(?<!\\)\|", row)) for row in rows} == {len(Verdict) + 3}


def test_markdown_fence_outlasts_the_fences_within() -> None:
    """A transcript cannot end its own block."""
    one = msgspec.structs.replace(case(Verdict.FAIL), transcript=["```", "# not a title", "````"])
    page = markdown.render(whole(one, code=1))
    assert "`````text\n```\n# not a title\n````\n`````" in page


@pytest.mark.parametrize("name", PAGES)
def test_newlines_in_names_break_no_page(name: str) -> None:
    """A name of several lines stays in its place."""
    one = msgspec.structs.replace(
        case(Verdict.FAIL), area="one\n\n# two", summary="three\n\n# four", requirements=["a\n|b"]
    )
    page = RENDERERS[name](whole(one, code=1))
    assert "four" in page
    if name == "markdown":
        titles = [line for line in page.splitlines() if line.startswith("# ")]
        assert len(titles) == 1


@pytest.mark.parametrize("name", PAGES)
def test_cut_record_is_shown_as_incomplete(tmp_path: Path, name: str) -> None:
    """A page of a run that was cut short says so, and that a line was dropped."""
    path = begun(tmp_path / "run.jsonl", case())
    path.write_bytes(path.read_bytes() + b'{"kind":"ca')
    target = tmp_path / "page"
    assert main(["render", str(path), "--format", name, "--output", str(target)]) == 0
    page = target.read_text()
    assert "INCOMPLETE: the run was cut short" in page
    assert "The record has no footer" in page
    assert "half written and has been dropped" in " ".join(page.split())


@pytest.mark.parametrize("name", PAGES)
def test_run_without_a_case_is_shown_as_failed(name: str) -> None:
    """Nothing collected is not a success on any page."""
    page = RENDERERS[name](whole(code=5))
    assert "FAILED: nothing was collected" in page
    assert "no case was run" in page


def test_bad_ending_without_a_bad_case_is_explained() -> None:
    """An interrupted run of passes says which exit code made it fail."""
    line = words.verdict_line(whole(case(), code=2))
    assert line == "FAILED: no case failed, but the run ended with exit code 2."


def test_headline_counts_requirements_once() -> None:
    """The sentence counts requirements by their gravest verdict, and errors decide nothing."""
    cases = [
        case(requirements=("a", "b")),
        case(Verdict.DEVIATION, requirements=("b",)),
        case(Verdict.ERROR, requirements=("c",)),
    ]
    assert words.headline(whole(*cases)) == (
        "RabbitMQ 3.10.8: 2 requirements decided:"
        " 1 pass, 1 known deviation, 0 failures, 1 undecided by an error"
    )


def test_headline_counts_cases_without_requirements_apart() -> None:
    """A failure that bears no requirement is not lost from the sentence."""
    cases = [case(requirements=("a",)), case(Verdict.FAIL, requirements=())]
    assert words.headline(whole(*cases)) == (
        "RabbitMQ 3.10.8: 1 requirement decided: 1 pass, 0 failures;"
        " 1 further case: 0 pass, 1 failure"
    )


@pytest.mark.parametrize(
    ("seconds", "shown"),
    [
        (0.0, "under 1 ms"),
        (0.25, "250 ms"),
        (2.04, "2.0 s"),
        (59.97, "1 min 0 s"),
        (119.7, "2 min 0 s"),
        (7325.0, "2 h 2 min"),
    ],
)
def test_durations_are_read_easily(seconds: float, shown: str) -> None:
    """No duration is written with more digits than matter, nor as 60 of anything."""
    assert words.lasted(seconds) == shown


def test_pages_stand_beside_the_record(tmp_path: Path) -> None:
    """Both pages have the record's stem."""
    path = written(tmp_path / "20261120T093015Z-docker-rabbitmq-4.0.jsonl", *Verdict)
    pages = write_pages(path)
    assert [page.name for page in pages] == [
        "20261120T093015Z-docker-rabbitmq-4.0.md",
        "20261120T093015Z-docker-rabbitmq-4.0.html",
    ]
    assert all(page.read_text() for page in pages)


def test_page_that_cannot_be_written_is_one_clear_line(tmp_path: Path) -> None:
    """A folder in the page's place is named in the error."""
    path = written(tmp_path / "run.jsonl", Verdict.PASS)
    (tmp_path / "run.md").mkdir()
    with pytest.raises(RecordError, match=r"cannot write the page .*run\.md: Is a directory"):
        write_pages(path)


def test_show_prints_the_terminal_page(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """`show` needs nothing but the record."""
    path = written(tmp_path / "run.jsonl", Verdict.PASS)
    assert main(["show", str(path)]) == 0
    assert "OK: every case was decided" in capsys.readouterr().out


def test_render_without_format_names_what_it_wrote(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Both pages are written, and their paths printed."""
    path = written(tmp_path / "run.jsonl", Verdict.PASS)
    assert main(["render", str(path)]) == 0
    assert capsys.readouterr().out.split() == [str(tmp_path / f"run.{e}") for e in ("md", "html")]


@pytest.mark.parametrize(
    "arguments",
    [["show", "gone.jsonl"], ["render", "gone.jsonl"], ["render", "gone.jsonl", "--output", "x"]],
)
def test_bad_input_is_exit_code_2_and_one_line(
    arguments: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    """A record that cannot be read is told without a traceback."""
    assert main(arguments) == 2
    output = capsys.readouterr()
    assert output.out == ""
    assert re.fullmatch(r"reports: .+\n", output.err)


def test_render_with_format_prints_that_page(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Without --output the page goes to standard output, and no file appears."""
    path = written(tmp_path / "run.jsonl", Verdict.PASS)
    assert main(["render", str(path), "--format", "markdown"]) == 0
    assert capsys.readouterr().out.startswith("# RabbitMQ 3.10.8 on trial\n")
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.parametrize("arguments", [[], ["show"], ["render"]], ids=["all", "show", "render"])
def test_help_tells_of_the_record(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    """Every command explains itself."""
    with pytest.raises(SystemExit) as ended:
        main([*arguments, "--help"])
    assert ended.value.code == 0
    assert "record" in capsys.readouterr().out


def test_terminal_that_knows_only_ascii_gets_escapes(tmp_path: Path) -> None:
    """The command itself runs, and letters that a terminal lacks do not stop it."""
    path = written(tmp_path / "run.jsonl", Verdict.FAIL)
    done = subprocess.run(  # noqa: S603 - our own module, by this very interpreter
        [sys.executable, "-m", "reports", "show", str(path)],
        env=os.environ | {"PYTHONIOENCODING": "ascii"},
        cwd=Path(__file__).parents[2],
        capture_output=True,
        check=True,
    )
    assert b"\\u2717 FAIL queue.01" in done.stdout
    assert done.stderr == b""

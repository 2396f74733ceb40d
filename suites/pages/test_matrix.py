"""The matrix page in a browser: filters, evidence, keys, themes, paper."""

from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import msgspec
import pytest
from playwright.sync_api import Page, expect

from reports.model import Case, Level, Verdict
from reports.render import html, write_page
from suites.pages.conftest import AREAS, LEVELS, Open
from suites.unit.test_reports_render import evident, whole

CONTRAST = Path(__file__).with_name("contrast.js")
PER_AREA = len(Verdict)
ALL = len(AREAS) * PER_AREA
ROWS = ".matrix tr[data-l]:visible"


def fragment(page: Page) -> dict[str, list[str]]:
    """What the address keeps."""
    return parse_qs(urlsplit(page.url).fragment)


def ids(page: Page) -> list[str]:
    """The requirements that are shown."""
    return page.locator(f"{ROWS} code").all_inner_texts()


def declared(number: int, broker: int) -> Case:
    """A pass with forty lines of transcript that no other has."""
    salt = f"{number * 7919 + broker:x}"
    lines = [f"{at / 1000:8.3f} A > ch {at} queue.declare queue='{salt}.{at}'" for at in range(40)]
    one = evident(Verdict.PASS, salt)
    return msgspec.structs.replace(one, requirements=[f"queue/{number}"], transcript=lines)


def contrast(page: Page, selector: str) -> float:
    """The contrast of an element's text with what is behind it (WCAG 2), transparency included."""
    ratio = page.locator(selector).first.evaluate(CONTRAST.read_text(encoding="utf-8"))
    return float(ratio)


def test_everything_is_shown_at_first(matrix: Open) -> None:
    """Without a filter each requirement has its row, and the page says how many."""
    page = matrix()
    expect(page.locator(ROWS)).to_have_count(ALL)
    expect(page.locator("#shown")).to_have_text(f"{ALL} of {ALL}")


def test_area_filter(matrix: Open) -> None:
    """One area is left, the others go with their headings, and the address has it."""
    page = matrix()
    page.get_by_label("Area").select_option("queue")
    assert all(name.startswith("queue/") for name in ids(page))
    expect(page.locator(ROWS)).to_have_count(PER_AREA)
    expect(page.locator("tr.area:visible")).to_have_count(1)
    assert fragment(page) == {"area": ["queue"]}


def test_area_heading_is_a_filter(matrix: Open) -> None:
    """A click on an area's name shows it alone, a second one all again."""
    page = matrix("differs=1")
    heading = page.locator("tr.area a", has_text="queue")
    heading.click()
    expect(page.locator("tr.area:visible")).to_have_count(1)
    assert fragment(page) == {"differs": ["1"], "area": ["queue"]}
    heading.click()
    expect(page.locator("tr.area:visible")).to_have_count(len(AREAS))


@pytest.mark.parametrize("level", LEVELS)
def test_level_filter(matrix: Open, level: Level) -> None:
    """Only requirements of that level are left."""
    page = matrix()
    page.get_by_text(level, exact=True).first.click()
    shown = page.locator(ROWS).evaluate_all("rows => rows.map(row => row.dataset.l)")
    assert set(shown) == {level}
    assert fragment(page) == {"level": [level]}


@pytest.mark.parametrize("verdict", Verdict)
def test_verdict_filter(matrix: Open, verdict: Verdict) -> None:
    """Only requirements that have the verdict on some broker are left."""
    page = matrix()
    page.locator(f"input[value={verdict}]").check(force=True)
    rows = page.locator(ROWS)
    assert 0 < rows.count() < ALL
    for row in rows.all():
        assert row.locator(f".c-{verdict}").count() > 0
    assert fragment(page) == {"verdict": [verdict]}


def test_differs_filter(matrix: Open) -> None:
    """Only requirements on which the brokers do not agree are left."""
    page = matrix()
    page.get_by_text("brokers differ").click()
    rows = page.locator(ROWS)
    assert 0 < rows.count() < ALL
    for row in rows.all():
        names = row.locator("td a").evaluate_all("all => all.map(a => a.parentElement.className)")
        assert len(set(names)) > 1


def test_text_filter(matrix: Open) -> None:
    """Each word must be in the id or the summary, in whatever case."""
    page = matrix()
    page.keyboard.press("/")
    page.keyboard.type("QUEUE 3")
    assert ids(page) == ["queue/rule 3?&~é"]
    page.keyboard.type(" nothing")
    expect(page.locator("#none")).to_be_visible()
    page.get_by_role("button", name="Show all").click()
    expect(page.locator(ROWS)).to_have_count(ALL)
    assert fragment(page) == {}


def test_address_brings_the_view_back(matrix: Open, matrix_page: Path) -> None:
    """Filters together, given in the address, are those of the form, and survive a reload."""
    page = matrix("area=queue&level=MUST,SHOULD&verdict=fail,pass&q=summary")
    shown = ids(page)
    assert 0 < len(shown) < PER_AREA
    expect(page.get_by_label("Area")).to_have_value("queue")
    checked = "all => all.filter(box => box.checked).map(box => box.value)"
    assert page.locator("#filters input[type=checkbox]").evaluate_all(checked) == [
        "MUST",
        "SHOULD",
        "pass",
        "fail",
    ]
    page.reload()
    assert ids(page) == shown
    page.goto(f"{matrix_page.as_uri()}#area=basic")
    expect(page.locator(ROWS)).to_have_count(PER_AREA)


@pytest.mark.parametrize("broker", ["Hare", "Tortoise", "Snail"])
def test_cell_leads_to_its_evidence(matrix: Open, broker: str) -> None:
    """Expected against actual, both directions, parameters, seed, log and command are there."""
    page = matrix("differs=1")
    column = ["Hare", "Tortoise", "Snail"].index(broker)
    page.locator(ROWS).first.locator("td a").nth(column).click()
    dialog = page.get_by_role("dialog")
    for text in ("expected", "actual", "observation", "reason", "first", "second", "log", "repeat"):
        expect(dialog.get_by_text(f"{text} on {broker}", exact=False).first).to_be_visible()
    expect(dialog.get_by_text("seed 77")).to_be_visible()
    expect(dialog.get_by_text("size = ")).to_be_visible()
    expect(dialog.get_by_text("took 250 ms")).to_be_visible()
    expect(dialog.get_by_role("link", name="https://example.org/why")).to_be_visible()
    assert set(fragment(page)) == {"differs", "show"}


def test_evidence_has_an_address_of_its_own(matrix: Open) -> None:
    """A link straight to a cell opens it; its neighbours on other brokers are a click away."""
    page = matrix()
    link = page.locator(ROWS).nth(3).locator("td a").first.get_attribute("href") or ""
    page = matrix(link.removeprefix("#"))
    dialog = page.get_by_role("dialog")
    expect(dialog.get_by_text("expected on Hare")).to_be_visible()
    dialog.get_by_role("link", name="Snail").click()
    expect(dialog.get_by_text("expected on Snail")).to_be_visible()
    expect(dialog.get_by_role("link", name="Snail")).to_have_attribute("aria-current", "true")
    page.go_back()
    expect(dialog.get_by_text("expected on Hare")).to_be_visible()


def test_unknown_address_is_harmless(matrix: Open) -> None:
    """A link to a requirement that is gone shows the matrix."""
    page = matrix("show=gone~0&area=&verdict=&q=")
    expect(page.locator(ROWS)).to_have_count(ALL)
    expect(page.locator("dialog")).to_be_hidden()


def test_keyboard_alone(matrix: Open) -> None:
    """Arrows move, Enter opens, Escape closes and gives the focus back."""
    page = matrix()
    page.locator(ROWS).first.locator("td a").first.focus()
    page.keyboard.press("ArrowRight")
    page.keyboard.press("ArrowDown")
    page.keyboard.press("ArrowLeft")
    page.keyboard.press("ArrowLeft")
    second = page.locator(ROWS).nth(1).locator("td a").first
    expect(second).to_be_focused()
    page.keyboard.press("Enter")
    dialog = page.get_by_role("dialog")
    expect(dialog.get_by_text("expected on Hare")).to_be_visible()
    page.keyboard.press("Escape")
    expect(page.locator("dialog")).to_be_hidden()
    expect(second).to_be_focused()
    assert fragment(page) == {}
    page.keyboard.press("ArrowUp")
    page.keyboard.press("ArrowUp")
    expect(page.locator(ROWS).first.locator("td a").first).to_be_focused()


def test_first_tab_skips_to_the_matrix(matrix: Open) -> None:
    """The first stop of the keyboard passes over the filters."""
    page = matrix()
    page.keyboard.press("Tab")
    expect(page.get_by_role("link", name="To the matrix")).to_be_focused()


def test_cells_are_named_for_those_who_hear_them(matrix: Open) -> None:
    """A cell's link says its verdict, its headings broker and requirement."""
    page = matrix()
    row = page.locator(ROWS).first
    assert row.get_by_role("link").first.get_attribute("aria-label") in [*Verdict]
    expect(page.get_by_role("columnheader", name="Tortoise")).to_have_count(1)
    expect(row.get_by_role("rowheader")).to_have_count(1)


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_both_themes_can_be_read(matrix: Open, scheme: str) -> None:
    """Every verdict has its own sign, and enough contrast in both themes."""
    page = matrix(scheme=scheme)
    signs = {}
    for verdict in Verdict:
        cell = f".matrix .c-{verdict} a"
        signs[verdict] = page.locator(cell).first.inner_text().split()[0]
        assert contrast(page, cell) > 4.5, verdict
    assert len(set(signs.values())) == len(Verdict)
    assert contrast(page, "h1") > 7
    lightness = page.evaluate("getComputedStyle(document.body).backgroundColor")
    assert (sum(map(int, lightness[4:-1].split(","))) < 3 * 128) is (scheme == "dark")


def test_narrow_screen(matrix: Open) -> None:
    """On a telephone nothing is wider than the screen, and a cell still opens."""
    page = matrix(width=390)
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
    page.locator(ROWS).first.locator("td a").last.click()
    expect(page.get_by_role("dialog").get_by_text("expected on Snail")).to_be_visible()


def test_paper(matrix: Open) -> None:
    """What is printed is the matrix in black on white, without what cannot be clicked there."""
    page = matrix(scheme="dark")
    page.emulate_media(media="print")
    expect(page.locator("#filters")).to_be_hidden()
    expect(page.locator(".matrix tr[data-l]").last).to_be_visible()
    assert page.evaluate("getComputedStyle(document.body).color") == "rgb(0, 0, 0)"
    assert page.pdf().startswith(b"%PDF")


def test_large_page_is_small_and_quick(visit: Open, tmp_path: Path) -> None:
    """800 requirements on 5 brokers: under 3 MB, and first painted within a second."""
    runs = [whole(*[declared(number, broker) for number in range(800)]) for broker in range(5)]
    path = tmp_path / "large.html"
    write_page(path, html.render_all(runs))
    assert path.stat().st_size < 3_000_000
    page = visit(path.as_uri())
    expect(page.locator("#shown")).to_have_text("800 of 800")
    # The text may stand in the document before it is painted: the entry comes with the paint.
    painted = page.wait_for_function(
        "performance.getEntriesByName('first-contentful-paint')[0]?.startTime"
    )
    # The bar is a second; a machine that is busy otherwise gets three.
    assert painted.json_value() < 3000

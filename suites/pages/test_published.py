"""Every published page in a browser: whole, quiet, readable in both themes and on a telephone."""

from pathlib import Path
from urllib.parse import unquote, urlsplit

import pytest
from playwright.sync_api import expect

from suites.pages.conftest import Open
from suites.pages.test_matrix import contrast

PUBLISHED = Path(__file__).parents[2] / "reports" / "published"
PAGES = sorted(str(path.relative_to(PUBLISHED)) for path in PUBLISHED.rglob("*.html"))


def test_there_are_pages() -> None:
    """The index and what it leads to are published."""
    assert {"index.html", "matrix.html", "claims.html", "coverage.html"} <= set(PAGES)


@pytest.mark.parametrize("name", PAGES)
def test_page_is_whole_and_leads_somewhere(visit: Open, name: str) -> None:
    """It has a title, it asks the network for nothing, and each of its own links has a target."""
    path = PUBLISHED / name
    page = visit(path.as_uri())
    assert page.title()
    expect(page.locator("h1")).to_have_count(1)
    fetched = "performance.getEntriesByType('resource').map((entry) => entry.name)"
    assert all(url.startswith(("file:", "data:")) for url in page.evaluate(fetched))
    links = page.locator("a[href]").evaluate_all("all => all.map(a => a.getAttribute('href'))")
    ids = set(page.evaluate("[...document.querySelectorAll('[id]')].map((one) => one.id)"))
    for link in set(links):
        parts = urlsplit(link)
        if parts.scheme in {"http", "https"}:
            continue
        if parts.path:
            assert (path.parent / unquote(parts.path)).exists(), link
        elif "=" not in parts.fragment:  # the matrix keeps its view there
            assert unquote(parts.fragment) in ids, link


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("name", PAGES)
def test_page_can_be_read(visit: Open, name: str, scheme: str) -> None:
    """Headline and quiet text have enough contrast, and a telephone's screen is wide enough."""
    page = visit((PUBLISHED / name).as_uri(), scheme=scheme, width=390)
    assert contrast(page, "h1") > 7
    if page.locator("p:visible").count():
        assert contrast(page, "p:visible") > 4.5
    assert page.evaluate("document.documentElement.scrollWidth") <= 390


def test_index_leads_to_the_matrix_and_the_matrix_to_evidence(visit: Open) -> None:
    """From the first page it is two clicks to a transcript."""
    page = visit((PUBLISHED / "index.html").as_uri())
    page.get_by_role("link", name="The matrix").click()
    page.locator(".matrix td a").first.click()
    expect(page.get_by_role("dialog").get_by_text("on the wire")).to_be_visible()
    expect(page.get_by_role("dialog").get_by_text("repeat with").first).to_be_visible()


def test_index_says_the_main_thing_first(visit: Open) -> None:
    """Three sentences, then where to go."""
    page = visit((PUBLISHED / "index.html").as_uri())
    order = page.locator("main > *").evaluate_all("all => all.slice(0, 5).map(one => one.tagName)")
    assert order == ["H1", "P", "P", "P", "UL"]

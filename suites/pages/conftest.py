"""A browser, and a page of made-up records in it."""

import re
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import msgspec
import pytest
from playwright.sync_api import Browser, Page, sync_playwright

from reports.model import Broker, Level, Record, Verdict
from reports.render import html, write_page
from suites.unit.test_reports_render import evident, whole

CHROMIUM = ("chromium", "chromium-browser", "google-chrome")
AREAS = ("basic", "queue")
LEVELS = (Level.MUST, Level.SHOULD, Level.RABBITMQ)

Open = Callable[..., Page]


def record(product: str, shift: int) -> Record:
    """A run with every verdict in two areas, each `shift` places further."""
    verdicts = [*Verdict]
    cases = []
    for area in AREAS:
        for place in range(len(verdicts)):
            one = evident(verdicts[(place + shift * (place % 3)) % len(verdicts)], f"on {product}")
            name = f"{area}/rule {place}?&~é"
            change = {
                "requirements": [name],
                "area": area,
                "summary": f"Summary {place} of {area}",
                "level": LEVELS[place % len(LEVELS)],
                "parameters": {"size": str(place)},
            }
            cases.append(msgspec.structs.replace(one, **change))
    made = whole(*cases, code=1)
    broker = Broker(spec=product, product=product, version="1.0")
    return msgspec.structs.replace(made, header=msgspec.structs.replace(made.header, broker=broker))


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    """Debian's Chromium; a run without it fails, and says what to install."""
    program = next(filter(None, map(shutil.which, CHROMIUM)), None)
    if program is None:
        pytest.fail("no Chromium is installed: apt-get install chromium", pytrace=False)
    with sync_playwright() as playwright:
        # Chromium refuses its sandbox to root, and the pages are our own.
        yield playwright.chromium.launch(executable_path=program, args=["--no-sandbox"])


@pytest.fixture
def visit(browser: Browser) -> Iterator[Callable[..., Page]]:
    """Opens an address in a fresh context; what the console says unexpected fails the test."""
    said: list[str] = []
    contexts = []

    def opened(
        url: str, *, scheme: str = "light", width: int = 1200, expected: str | None = None
    ) -> Page:
        def hear(text: str) -> None:
            if expected is None or not re.search(expected, text):
                said.append(text)

        context = browser.new_context(
            color_scheme="dark" if scheme == "dark" else "light",
            viewport={"width": width, "height": 800},
        )
        contexts.append(context)
        page = context.new_page()
        page.on("console", lambda message: hear(message.text))
        page.on("pageerror", lambda error: hear(str(error)))
        page.goto(url)
        return page

    yield opened
    for context in contexts:
        context.close()
    assert said == []


@pytest.fixture(scope="session")
def matrix_page(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The page of three brokers."""
    path = tmp_path_factory.mktemp("pages") / "matrix.html"
    brokers = [record("Hare", 0), record("Tortoise", 1), record("Snail", 2)]
    write_page(path, html.render_all(brokers))
    return path


@pytest.fixture
def matrix(visit: Open, matrix_page: Path) -> Open:
    """Opens the matrix with this after the #."""

    def opened(fragment: str = "", **options: str | int) -> Page:
        return visit(f"{matrix_page.as_uri()}#{fragment}", **options)

    return opened

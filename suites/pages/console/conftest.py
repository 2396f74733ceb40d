"""A broker, a client that uses it, and a browser that looks at it."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

import pytest
from playwright.sync_api import Locator, Page, expect

import reference_broker
from suites.clients.raw import RawClient
from suites.pages.conftest import Open
from suites.unit.test_management import Api

PATIENCE = 20_000  # milliseconds for what takes one look, of two seconds, on a busy machine
expect.set_options(timeout=PATIENCE)

REFUSED = r"Failed to load resource: .*\b40[0-9]\b"  # as Chromium notes each refusal


@dataclass(frozen=True)
class Console:
    """The page, for one user at one broker."""

    api: Api
    page: Page
    url: str

    def log_in(self, name: str = "guest", password: str = "guest") -> None:
        """Fill in the form."""
        self.page.get_by_label("User").fill(name)
        self.page.get_by_label("Password").fill(password)
        self.page.get_by_role("button", name="Log in").click()

    def go(self, *parts: str) -> None:
        """Open a view by its address, and wait until it is filled."""
        self.page.goto(self.url + "#/" + "/".join(quote(part, safe="") for part in parts))
        self.filled()

    def filled(self) -> None:
        """Wait until the view shows what the broker holds."""
        expect(self.page.locator("main")).not_to_have_attribute("aria-busy", "true")

    def row(self, text: str) -> Locator:
        """The only row of a table that holds the text."""
        return self.page.locator("tbody tr").filter(has_text=text)

    def heading(self, text: str) -> None:
        """Wait for the heading of a view."""
        expect(self.page.get_by_role("heading", level=1)).to_have_text(text)

    def dialog(self, button: str, **values: str) -> None:
        """Fill in the open dialog by its labels, and press its button; it closes."""
        dialog = self.page.get_by_role("dialog")
        for label, value in values.items():
            field = dialog.get_by_label(label.replace("_", " "), exact=False)
            if field.evaluate("node => node.tagName") == "SELECT":
                field.select_option(value)
            else:
                field.fill(value)
        dialog.get_by_role("button", name=button, exact=True).click()
        expect(dialog).to_have_count(0)

    def press(self, label: str, where: Locator | None = None) -> None:
        """Press a button of the page, or of a row."""
        (where or self.page.locator("main")).get_by_role("button", name=label).click()

    def fact(self, name: str) -> Locator:
        """The value beside a name."""
        pair = self.page.locator("dl > div").filter(has=self.page.locator(f"dt:text-is('{name}')"))
        return pair.locator("dd")


@pytest.fixture
def api() -> Iterator[Api]:
    """The API of a broker in memory, for guest."""
    with reference_broker.running(management_port=0) as broker:
        yield Api(broker)


@pytest.fixture
def client(api: Api) -> Iterator[RawClient]:
    """A client with channel 1."""
    with RawClient.open(api.endpoint, heartbeat=60) as client:
        client.open_channel(1)
        yield client


@pytest.fixture
def visited(api: Api, visit: Open) -> Callable[..., Console]:
    """Opens the page, with the options of `visit`; nobody is logged in."""

    def opened(**options: Any) -> Console:
        url = f"http://{api.broker.host}:{api.broker.management_port}/"
        return Console(api, visit(url, **options), url)

    return opened


@pytest.fixture
def console(visited: Callable[..., Console]) -> Console:
    """The page with guest logged in; the broker refuses nothing."""
    return _entered(visited())


@pytest.fixture
def refused(visited: Callable[..., Console]) -> Console:
    """The same where the broker may refuse something, such as a connection that ends before it."""
    return _entered(visited(expected=REFUSED))


def _entered(console: Console) -> Console:
    console.log_in()
    console.heading("Overview")
    return console

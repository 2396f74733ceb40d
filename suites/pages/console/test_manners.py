"""How the page behaves: hostile names, the keyboard alone, both themes, small screens."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from suites.clients.raw import RawClient
from suites.pages.console.conftest import Console
from suites.unit.test_management import Api

HOSTILE = '<img src=x onerror="window.pwned=1">\u202e</td>'
CONTRAST = Path(__file__).parents[1] / "contrast.js"
READABLE = 4.5  # WCAG 2, level AA
VIEWS = ("", "connections", "channels", "exchanges", "queues", "users", "vhosts")


@pytest.fixture
def hostile(api: Api) -> Iterator[RawClient]:
    """A client in whose things all names are hostile."""
    api("PUT", "vhosts", HOSTILE, body={"description": HOSTILE})
    user = api.as_user(HOSTILE, "management", vhost=HOSTILE)
    client = RawClient.open(
        api.endpoint,
        user=user.user,
        password=user.password,
        vhost=HOSTILE,
        heartbeat=60,
        client_properties={"product": HOSTILE, HOSTILE: {HOSTILE: HOSTILE}},
    )
    client.open_channel(1)
    client.call(1, "exchange.declare", exchange=HOSTILE, type="headers")
    client.call(1, "queue.declare", queue=HOSTILE, exclusive=True, arguments={HOSTILE: HOSTILE})
    arguments = {HOSTILE: HOSTILE}
    client.call(
        1, "queue.bind", queue=HOSTILE, exchange=HOSTILE, routing_key=HOSTILE, arguments=arguments
    )
    client.publish(
        1, "", HOSTILE, HOSTILE.encode(), headers={HOSTILE: HOSTILE}, content_type=HOSTILE
    )
    client.get(1, HOSTILE, no_ack=False)
    client.publish(1, "", HOSTILE, HOSTILE.encode(), message_id=HOSTILE)
    client.call(1, "basic.qos", prefetch_count=1)
    client.consume(1, HOSTILE, consumer_tag=HOSTILE)
    client.publish(1, "", HOSTILE, HOSTILE.encode(), headers={HOSTILE: [HOSTILE]})
    client.sync(1)
    yield client
    client.close()


def test_hostile_names_are_only_text(console: Console, hostile: RawClient) -> None:
    """Whatever a client calls its things is shown as it is, in every view, and does nothing."""
    page = console.page
    [name] = [one["name"] for one in console.api("GET", "connections")[1]]
    looks = {
        ("connections",): 1,
        ("connections", name): 3,
        ("channels",): 1,
        ("exchanges",): 1,
        ("exchanges", HOSTILE, HOSTILE): 3,
        ("queues",): 1,
        ("queues", HOSTILE, HOSTILE): 4,
        ("users",): 1,
        ("users", HOSTILE): 2,
        ("vhosts",): 1,
    }
    for view, least in looks.items():
        console.go(*view)
        assert page.locator("main").inner_text().count(HOSTILE[:36]) >= least, view
        if view[0] == "queues" and len(view) == 3:
            console.press("Look")
            expect(page.locator(".messages li")).to_have_count(1)
        if view == ("connections", name):
            console.press("Watch")
            expect(page.get_by_role("button", name="Stop")).to_be_visible()
            hostile.publish(1, HOSTILE, HOSTILE, HOSTILE.encode())
            expect(page.locator(".frames li[data-name=body]")).to_have_count(1)
        for button in page.locator("main button:visible", has_text="…").all():
            button.click()
            expect(page.get_by_role("dialog")).to_be_visible()
            page.keyboard.press("Escape")
        assert page.locator("main img, dialog img").count() == 0, view
    assert page.evaluate("window.pwned") is None


def test_a_message_about_a_hostile_name(refused: Console, hostile: RawClient) -> None:
    """Questions, refusals and notices are text as well."""
    console, page = refused, refused.page
    [name] = [one["name"] for one in console.api("GET", "connections")[1]]
    console.go("connections", name)
    console.press("Close…")
    console.dialog("Close it", Reason=HOSTILE)
    hostile.expect_connection_close(320)
    console.go("exchanges", HOSTILE, HOSTILE)
    console.press("Delete…")
    expect(page.get_by_role("dialog")).to_contain_text(HOSTILE)
    console.dialog("Delete it")
    expect(page.locator("#toasts")).to_contain_text(HOSTILE)
    assert page.locator("#toasts img").count() == 0
    assert page.evaluate("window.pwned") is None


def test_by_keyboard_alone(visited: Callable[..., Console], client: RawClient) -> None:
    """Log in, go to the queues, filter, open one, purge it, and find the way back."""
    for number in range(3):
        client.call(1, "queue.declare", queue=f"queue-{number}")
    client.publish(1, "", "queue-1")
    client.sync(1)
    console = visited()
    page, keys = console.page, console.page.keyboard
    expect(page.get_by_label("User")).to_be_focused()
    keys.type("guest")
    keys.press("Tab")
    keys.type("guest")
    keys.press("Enter")
    console.heading("Overview")
    keys.press("?")
    expect(page.get_by_role("dialog", name="Keyboard")).to_be_visible()
    keys.press("Escape")
    keys.type("gq")
    console.heading("Queues")
    expect(console.row("queue-1")).to_be_visible()
    keys.press("/")
    keys.type("queue-1")
    expect(page.locator("tbody tr")).to_have_count(1)
    _tab_to(page, "queue-1")
    keys.press("Enter")
    console.heading("Queue queue-1")
    _tab_to(page, "Purge…")
    keys.press("Enter")
    expect(page.get_by_role("button", name="Cancel")).to_be_focused()
    keys.press("Tab")
    keys.press("Enter")
    expect(page.get_by_role("dialog")).to_have_count(0)
    expect(page.get_by_role("button", name="Purge…")).to_be_focused()
    assert client.get(1, "queue-1") is None
    page.go_back()
    console.heading("Queues")


def _tab_to(page: Page, text: str) -> None:
    """Press Tab until what says so has the focus."""
    for _ in range(20):
        page.keyboard.press("Tab")
        if page.evaluate("document.activeElement.textContent") == text:
            return
    raise AssertionError(text)


def test_a_link_past_the_navigation(console: Console) -> None:
    """It shows itself to who gets there by keyboard, and leaves the view as it is."""
    link = console.page.get_by_role("link", name="Skip to content")
    expect(link).not_to_be_in_viewport()
    link.focus()
    expect(link).to_be_in_viewport()
    console.page.keyboard.press("Enter")
    expect(console.page.locator("main")).to_be_focused()
    console.heading("Overview")


def test_looks_do_not_disturb(console: Console, client: RawClient) -> None:
    """While the page looks again, what has the focus keeps it, and what is typed stays."""
    client.call(1, "queue.declare", queue="b")
    console.go("queues")
    link = console.row("b").get_by_role("link", name="b", exact=True)
    link.focus()
    client.call(1, "queue.declare", queue="a")
    client.publish(1, "", "b")
    expect(console.row("b").locator("td").nth(5)).to_have_text("1")
    expect(link).to_be_focused()
    console.press("Add a queue…")
    field = console.page.get_by_role("dialog").get_by_label("Name")
    field.fill("half a na")
    client.publish(1, "", "b")
    expect(console.row("b").locator("td").nth(5)).to_have_text("2")
    expect(field).to_be_focused()
    expect(field).to_have_value("half a na")


def test_headings_and_columns_are_named(console: Console, client: RawClient) -> None:
    """For those who hear the page: the open view, the title, the order of a table."""
    client.call(1, "queue.declare", queue="q")
    console.go("queues")
    page = console.page
    expect(page).to_have_title("Queues · mqproof")
    expect(page.locator("nav a[aria-current]")).to_have_text("Queues")
    head = page.get_by_role("columnheader", name="Ready")
    head.get_by_role("button").click()
    expect(head).to_have_attribute("aria-sort", "descending")
    expect(page.get_by_role("table", name="Queues")).to_be_visible()
    console.go("queues", "/", "q")
    expect(page).to_have_title("q · Queues · mqproof")
    console.heading("Queue q")


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_both_themes_can_be_read(
    visited: Callable[..., Console], client: RawClient, scheme: str
) -> None:
    """Every text has contrast enough, as the system wants it and as the reader chooses."""
    client.call(1, "queue.declare", queue="q")
    client.publish(1, "", "q", b"x", priority=1)
    client.get(1, "q", no_ack=False)
    client.publish(1, "", "q", b"x", priority=1)
    client.sync(1)
    console = visited(scheme=scheme)
    page = console.page
    console.log_in()
    console.heading("Overview")
    background = "getComputedStyle(document.body).backgroundColor"
    first = page.evaluate(background)
    other = "dark" if scheme == "light" else "light"
    button = page.locator("#theme")
    for wanted in ("auto", other):
        while button.inner_text() != f"Theme: {wanted}":
            button.click()
        for view in (("",), ("connections",), ("queues",), ("queues", "/", "q")):
            console.go(*view)
            if len(view) > 1:
                console.press("Look")
                expect(page.locator(".messages li")).to_have_count(1)
            poor = unreadable(console)
            assert poor == [], (view, wanted)
    assert page.evaluate(background) != first
    page.reload()
    console.heading("Queue q")
    assert page.evaluate(background) != first


def unreadable(console: Console) -> list[str]:
    """The texts with too little contrast; those of buttons that cannot be pressed do not count."""
    script = f"""() => {{
      const contrast = {CONTRAST.read_text(encoding="utf-8").strip()};
      const texts = [...document.querySelectorAll("header *, main *")].filter((node) =>
        [...node.childNodes].some((one) => one.nodeType === 3 && one.textContent.trim())
        && node.checkVisibility() && !node.matches(":disabled, .zero"));
      return texts.filter((node) => contrast(node) < {READABLE}).map((node) => node.outerHTML);
    }}"""
    return [str(text) for text in console.page.evaluate(script)]


def test_narrow_screen(visited: Callable[..., Console], client: RawClient) -> None:
    """On a telephone no view is wider than the screen, and its buttons can be reached."""
    client.call(1, "queue.declare", queue="q" * 200)
    client.consume(1, "q" * 200)
    console = visited(width=360)
    console.log_in()
    console.heading("Overview")
    [name] = [one["name"] for one in console.api("GET", "connections")[1]]
    views = [(view,) for view in VIEWS]
    for view in [*views, ("queues", "/", "q" * 200), ("connections", name), ("users", "guest")]:
        console.go(*view)
        assert console.page.evaluate("document.documentElement.scrollWidth") <= 360, view
    console.go("queues")
    console.press("Delete…")
    expect(console.page.get_by_role("button", name="Cancel")).to_be_in_viewport()


def test_nothing_comes_from_elsewhere(console: Console) -> None:
    """All requests go to the broker, and few octets are loaded before the page is of use."""
    page, urls = console.page, []
    page.on("request", lambda request: urls.append(request.url))
    page.reload()
    console.heading("Overview")
    for view in VIEWS:
        console.go(view)
    assert urls
    assert [url for url in urls if not url.startswith(console.url)] == []
    sizes = "performance.getEntriesByType('resource').map(entry => entry.decodedBodySize)"
    assert sum(page.evaluate(sizes)) < 200_000

"""What the page shows of connections, queues and messages."""

import re
from collections.abc import Callable
from typing import Any

import pytest
from playwright.sync_api import expect

from suites.clients.raw import RawClient
from suites.pages.console.conftest import REFUSED, Console
from suites.unit.test_management import Api

MANY = 1500
STROKE = "node => getComputedStyle(node).stroke"
BORDER = "node => getComputedStyle(node, '::before').borderTopColor"
FLAGS = ("passive", "durable", "exclusive", "auto_delete", "no_wait")
NONE = "\N{EN DASH}"


def fill(client: RawClient, queue: str, *bodies: bytes, **properties: Any) -> None:
    """Declare a queue and put messages into it."""
    client.call(1, "queue.declare", queue=queue)
    for body in bodies:
        client.publish(1, "", queue, body, **properties)
    client.sync(1)


def test_login(visited: Callable[..., Console]) -> None:
    """A wrong password is told of; the right one opens the page, which a reload does not close."""
    console = visited(expected=REFUSED)
    console.log_in(password="wrong")
    expect(console.page.get_by_role("alert")).to_have_text("Login failed")
    console.log_in()
    console.heading("Overview")
    console.page.reload()
    console.heading("Overview")
    console.page.get_by_role("button", name="Log out").click()
    expect(console.page.get_by_label("Password")).to_be_visible()
    console.page.reload()
    expect(console.page.get_by_label("Password")).to_have_value("")


def test_who_is_deleted_is_logged_out(visited: Callable[..., Console], api: Api) -> None:
    """The page notices, and asks for a login again."""
    console = visited(expected=REFUSED)
    api.as_user("u", "monitoring")
    console.log_in("u", "u")
    console.heading("Overview")
    api("DELETE", "users", "u")
    expect(console.page.get_by_role("alert")).to_contain_text("Log in again")


def test_overview_is_live(console: Console, client: RawClient) -> None:
    """Counts and rates follow what happens, without a reload."""
    page = console.page
    ready = page.locator(".card", has_text="ready").locator("b")
    expect(ready).to_have_text("0")
    fill(client, "q", *[b"x"] * 1234)
    expect(ready).to_have_text("1,234")
    chart = page.locator(".chart")
    expect(chart).to_contain_text(re.compile(r"the top is [1-9]\d+/s"))
    expect(chart.locator(".l-in b")).to_have_text("0/s")  # since nothing more comes
    assert len(str(chart.locator("polyline.l-in").get_attribute("points")).split()) > 1
    assert console.fact("So far").inner_text().startswith("1,234 messages into queues")
    for line in ("l-in", "l-out", "l-settled"):
        drawn, named = chart.locator(f"polyline.{line}"), chart.locator(f"li.{line}")
        assert drawn.evaluate(STROKE) == named.evaluate(BORDER)
    page.locator("a.card", has_text="queues").click()
    console.heading("Queues")


def test_connections(refused: Console, client: RawClient) -> None:
    """Each with what it holds, and how long ago it was heard of its heartbeat's interval."""
    console = refused
    fill(client, "q", b"x", b"x")
    client.consume(1, "q")
    console.go("connections")
    [name] = [one["name"] for one in console.api("GET", "connections")[1]]
    cells = console.row(name).locator("td").all_inner_texts()
    assert cells[:5] == [name, "mqproof raw client 1", "guest", "/", "running"]
    assert cells[5].endswith(" s of 60 s")
    assert cells[6:9] == ["1", "1", "2"]
    console.row(name).get_by_role("link").click()
    console.heading(f"Connection {name}")
    assert console.fact("Unacknowledged").inner_text() == "2"
    assert console.fact("product").inner_text() == "mqproof raw client"
    console.go("channels")
    assert console.row(f"{name} (1)").locator("td").all_inner_texts()[3:6] == ["plain", "1", "2"]


def test_a_connection_is_closed(console: Console, client: RawClient) -> None:
    """After a question, with a reason, which the client is told."""
    console.go("connections")
    console.press("Close…")
    console.dialog("Cancel")
    client.sync(1)
    console.press("Close…")
    console.dialog("Close it", Reason="you are in the way")
    closed = client.expect_connection_close(320)
    assert closed["reply_text"] == "CONNECTION_FORCED - you are in the way"
    expect(console.page.get_by_text("No connection is open.")).to_be_visible()


def test_a_look_into_a_queue(console: Console, client: RawClient) -> None:
    """Messages are shown with all they carry, and come afterwards as if nobody had looked."""
    fill(client, "q", *[str(n).encode() for n in range(12)], headers={"colour": "grün"})
    client.publish(1, "", "q", b"\x00\xff")
    client.sync(1)
    console.go("queues", "/", "q")
    console.press("Look")
    items = console.page.locator(".messages li")
    expect(items).to_have_count(10)
    expect(items.first).to_contain_text("key q")
    expect(items.first).to_contain_text('headers={"colour":"grün"}')
    expect(items.first.locator("pre")).to_have_text("0")
    console.press("Later")
    expect(items).to_have_count(3)
    expect(items.last).to_contain_text("shown in base64")
    expect(console.page.get_by_role("button", name="Later")).to_be_disabled()
    console.press("Earlier")
    expect(items).to_have_count(10)
    got = client.get(1, "q")
    assert got is not None
    assert (got.body, got["redelivered"], got["message_count"]) == (b"0", False, 12)


def test_who_holds_what(refused: Console, client: RawClient) -> None:
    """Unacknowledged messages by consumer, those of basic.get apart, and a link to who has them."""
    console = refused
    fill(client, "q", *[b"x"] * 5)
    client.call(1, "basic.qos", prefetch_count=2)
    client.consume(1, "q", consumer_tag="slow")
    client.get(1, "q", no_ack=False)
    console.go("queues", "/", "q")
    [name] = [one["name"] for one in console.api("GET", "connections")[1]]
    assert console.row("slow").locator("td").all_inner_texts() == [
        name, "1", "slow", "guest", "acks", "2", "2",
    ]  # fmt: skip
    assert console.row("basic.get").locator("td").all_inner_texts()[5:] == ["1", NONE]
    assert console.fact("Unacknowledged").inner_text() == "3"
    console.row("slow").get_by_role("link").click()
    console.heading(f"Connection {name}")


def test_who_holds_an_exclusive_queue(refused: Console, client: RawClient) -> None:
    """The list names the connection, whose page names the queue; both are links."""
    console = refused
    client.call(1, "queue.declare", queue="mine", exclusive=True)
    console.go("queues")
    [name] = [one["name"] for one in console.api("GET", "connections")[1]]
    console.row("mine").get_by_role("link", name=name).click()
    console.heading(f"Connection {name}")
    console.page.get_by_role("link", name="mine").click()
    console.heading("Queue mine")
    assert console.fact("Held by").inner_text() == name
    client.call(1, "queue.delete", queue="mine")
    console.heading("It is gone")


def test_frames(refused: Console, client: RawClient) -> None:
    """What goes by is shown decoded, from the press of a button on, up to the connection's end."""
    console = refused
    [name] = [one["name"] for one in console.api("GET", "connections")[1]]
    console.go("connections", name)
    client.call(1, "queue.declare", queue="before")
    console.press("Watch")
    expect(console.page.get_by_role("button", name="Stop")).to_be_visible()
    client.call(1, "queue.declare", queue="q")
    client.publish(1, "", "q", b"hello", message_id="m1")
    client.send_heartbeat()
    frames = console.page.locator(".frames li")
    expect(frames.filter(has_text="heartbeat")).to_have_count(1)
    texts = [" ".join(text.split()) for text in frames.locator("summary").all_inner_texts()]
    flags = " ".join(f"{flag}=false" for flag in FLAGS)
    assert [text.split(" ", 1)[1] for text in texts] == [
        f"client → ch 1 queue.declare queue=q {flags} arguments={{}}",
        "← broker ch 1 queue.declare-ok queue=q message_count=0 consumer_count=0",
        'client → ch 1 basic.publish exchange="" routing_key=q mandatory=false immediate=false',
        "client → ch 1 header body_size=5 message_id=m1",
        "client → ch 1 body hello",
        "client → ch 0 heartbeat",
    ]
    console.page.get_by_label("Heartbeats").uncheck()
    expect(frames.filter(has_text="heartbeat")).to_be_hidden()
    frames.nth(3).locator("summary").click()
    expect(frames.nth(3).locator("pre")).to_contain_text('"message_id": "m1"')
    console.api("DELETE", "connections", name)
    client.expect_connection_close(320)
    expect(frames.filter(has_text="connection.close-ok")).to_have_count(1)
    expect(console.fact("State")).to_have_text("closed")


@pytest.mark.usefixtures("client")
def test_watching_ends(console: Console) -> None:
    """After Stop nothing is kept any more."""
    [name] = [one["name"] for one in console.api("GET", "connections")[1]]
    console.go("connections", name)
    console.press("Watch")
    expect(console.page.get_by_role("button", name="Stop")).to_be_visible()
    assert console.api("GET", "mqproof", "connections", name)[1]["watched"] is True
    console.press("Stop")
    expect(console.page.get_by_text("Stopped.")).to_be_visible()
    assert console.api("GET", "mqproof", "connections", name)[1]["watched"] is False


def test_alarm(console: Console, client: RawClient) -> None:
    """An alarm is seen from every view, and who waits for its end is marked."""
    console.go("connections")
    console.api("PUT", "nodes", "local", "limits", body={"vm_memory_high_watermark": 0.0})
    pill = console.page.locator("#alarm")
    expect(pill).to_have_text("Alarm: memory")
    client.publish(1, "", "q", b"x")
    expect(console.row("guest").locator("td.warn", has_text="blocked")).to_be_visible()
    console.go()
    expect(console.fact("Memory")).to_contain_text("alarm")
    console.api("PUT", "nodes", "local", "limits", body={"vm_memory_high_watermark": 1.0})
    expect(pill).to_be_hidden()


def test_many_queues(console: Console, client: RawClient) -> None:
    """A long list is cut, says so, can be filtered and sorted."""
    for number in range(MANY):
        client.send(1, "queue.declare", queue=f"q{number}", no_wait=True)
    client.publish(1, "", "q777", b"x")
    client.sync(1)
    console.go("queues")
    rows = console.page.locator("tbody tr")
    expect(rows).to_have_count(200)
    expect(console.page.get_by_text("1,500 of 1,500, the first 200 shown")).to_be_visible()
    console.page.get_by_role("button", name="Ready").click()
    expect(rows.first).to_contain_text("q777")
    console.page.get_by_label("Filter Queues").fill("q14")
    expect(rows).to_have_count(111)
    expect(console.page.get_by_text("111 of 1,500")).to_be_visible()
    console.page.get_by_label("Filter Queues").fill("nowhere")
    expect(console.page.get_by_text("Nothing matches the filter.")).to_be_visible()


def test_the_broker_goes_and_comes(visited: Callable[..., Console]) -> None:
    """What is shown stays, and is said to be old; then the page is fresh again by itself."""
    console = visited(expected="ERR_INTERNET_DISCONNECTED")
    console.log_in()
    console.heading("Overview")
    console.filled()
    trouble = console.page.locator("#trouble")
    console.page.context.set_offline(True)
    expect(trouble).to_contain_text("The broker has not answered since")
    console.heading("Overview")
    console.page.context.set_offline(False)
    expect(trouble).to_be_hidden(timeout=10_000)

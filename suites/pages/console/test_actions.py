"""What the page does: each act, seen from a client's side, and nothing without a question."""

from collections.abc import Callable

import pytest
from playwright.sync_api import expect

from suites import verify
from suites.clients.raw import RawClient
from suites.pages.console.conftest import REFUSED, Console
from suites.unit.test_management import Api


def test_a_queue_is_added(console: Console, client: RawClient) -> None:
    """With what was asked for; arguments that are no JSON are refused in the dialog."""
    console.go("queues")
    console.press("Add a queue…")
    dialog = console.page.get_by_role("dialog")
    dialog.get_by_label("Name").fill("q")
    dialog.get_by_label("Arguments").fill("{x}")
    dialog.get_by_role("button", name="Add").click()
    expect(dialog.get_by_role("alert")).to_contain_text("Arguments: not JSON")
    dialog.get_by_label("Type").select_option("quorum")
    console.dialog("Add", Arguments='{"x-delivery-limit": 3}')
    expect(console.row("quorum")).to_contain_text("durable x-queue-type=quorum x-delivery-limit=3")
    arguments = {"x-queue-type": "quorum", "x-delivery-limit": 3}
    client.call(1, "queue.declare", queue="q", durable=True, arguments=arguments)


def test_a_refusal_is_told(refused: Console) -> None:
    """What the broker says stands in the dialog, which stays open."""
    console = refused
    console.go("queues")
    console.press("Add a queue…")
    dialog = console.page.get_by_role("dialog")
    dialog.get_by_label("Name").fill("amq.mine")
    dialog.get_by_role("button", name="Add").click()
    expect(dialog.get_by_role("alert")).not_to_be_empty()
    console.page.keyboard.press("Escape")
    expect(dialog).to_have_count(0)


def test_an_exchange_is_added_bound_and_deleted(refused: Console, client: RawClient) -> None:
    """Bindings lead messages from it to a queue until they are taken away."""
    console = refused  # what was deleted may be asked for once more
    client.call(1, "queue.declare", queue="q")
    console.go("exchanges")
    console.press("Add an exchange…")
    console.dialog("Add", Name="e", Type="topic")
    console.row("topic").get_by_role("link", name="e", exact=True).click()
    console.press("Bind…")
    console.dialog("Bind", Name="q", Routing_key="a.*")
    console.press("Publish…")
    console.dialog("Publish", Body="here", Routing_key="a.b")
    expect(console.page.get_by_text("Published", exact=True)).to_be_visible()
    console.press("Publish…")
    console.dialog("Publish", Body="lost", Routing_key="b.b")
    expect(console.page.get_by_text("no queue took it")).to_be_visible()
    got = client.get(1, "q")
    assert got is not None
    assert (got.body, got["exchange"], got["message_count"]) == (b"here", "e", 0)
    console.press("Unbind…", console.row("a.*"))
    console.dialog("Unbind")
    expect(console.page.get_by_text("None.").first).to_be_visible()
    client.publish(1, "e", "a.b", mandatory=True)
    client.expect(1, "basic.return")
    console.press("Delete…")
    console.dialog("Delete it")
    console.heading("Exchanges")
    client.send(1, "exchange.declare", exchange="e", passive=True)
    client.expect_channel_close(1, 404)


def test_a_message_is_published(console: Console, client: RawClient) -> None:
    """With its properties, as text or as octets; the queue's page shows it soon."""
    client.call(1, "queue.declare", queue="q")
    console.go("queues", "/", "q")
    console.press("Publish…")
    dialog = console.page.get_by_role("dialog")
    dialog.get_by_label("Persistent").check()
    console.dialog("Publish", Body="grün", Properties='{"headers": {"n": 1}, "priority": 4}')
    expect(console.fact("Ready")).to_have_text("1")
    console.press("Publish…")
    console.dialog("Publish", Body="AP8=", Encoding="base64")
    first, second = client.get(1, "q"), client.get(1, "q")
    assert first is not None
    assert second is not None
    assert (first.body, second.body) == ("grün".encode(), b"\x00\xff")
    assert first.properties == {"headers": {"n": 1}, "priority": 4, "delivery_mode": 2}


def test_a_queue_is_bound(console: Console, client: RawClient) -> None:
    """From its own page."""
    client.call(1, "queue.declare", queue="q")
    console.go("queues", "/", "q")
    console.press("Bind…")
    console.dialog("Bind", From_exchange="amq.headers", Arguments='{"x-match": "any", "n": 1}')
    expect(console.row("amq.headers")).to_contain_text("x-match=any n=1")
    client.publish(1, "amq.headers", "", b"x", headers={"n": 1})
    assert client.get(1, "q") is not None


def test_purge_and_delete_ask_first(refused: Console, client: RawClient) -> None:
    """The question says what is at stake; Cancel and Escape change nothing."""
    console = refused  # what was deleted may be asked for once more
    client.call(1, "queue.declare", queue="q")
    for _ in range(3):
        client.publish(1, "", "q")
    client.get(1, "q", no_ack=False)
    console.go("queues")
    for act in ("Purge…", "Delete…"):
        console.press(act)
        console.dialog("Cancel")
        console.press(act)
        console.page.keyboard.press("Escape")
        expect(console.page.get_by_role("dialog")).to_have_count(0)
    assert client.call(1, "queue.declare", queue="q", passive=True)["message_count"] == 2
    console.press("Purge…")
    asked = "2 ready messages will be lost; 1 unacknowledged stay with their consumers."
    expect(console.page.get_by_role("dialog")).to_contain_text(asked)
    console.dialog("Purge it")
    assert client.call(1, "queue.declare", queue="q", passive=True)["message_count"] == 0
    console.go("queues", "/", "q")
    console.press("Delete…")
    console.dialog("Delete it")
    console.heading("Queues")
    client.send(1, "queue.declare", queue="q", passive=True)
    client.expect_channel_close(1, 404)


def test_a_user_is_added_and_permitted(refused: Console, api: Api) -> None:
    """What is set counts at once for his connection, which ends with him."""
    console, page = refused, refused.page
    console.go("users")
    console.press("Add a user…")
    console.dialog("Add", Name="ann", Password="secret", Tags="monitoring, policymaker")
    console.heading("User ann")
    assert console.fact("Tags").inner_text() == "monitoring, policymaker"
    console.press("Permit…")
    console.dialog("Set", configure="^ann")
    expect(console.row("/")).to_contain_text("^ann")
    with RawClient.open(api.endpoint, user="ann", password="secret") as ann:
        ann.open_channel(1)
        ann.call(1, "queue.declare", queue="ann.q")
        console.press("Permit topics…")
        console.dialog("Set", write="^a")
        expect(console.row("amq.topic")).to_contain_text("^a")
        ann.publish(1, "amq.topic", "b")
        ann.expect_channel_close(1, 403)
        console.press("Clear…", console.row("amq.topic"))
        console.dialog("Clear")
        expect(page.get_by_text("None: any routing key may be used.")).to_be_visible()
        console.press("Change…", console.row("/"))
        console.dialog("Set", configure="^$")
        expect(console.row("/").locator("td").nth(1)).to_have_text("^$")
        ann.open_channel(2)
        ann.send(2, "queue.declare", queue="ann.q")
        ann.expect_channel_close(2, 403)
        console.press("Change the user…")
        console.dialog("Change", Tags="management")
        expect(console.fact("Tags")).to_have_text("management")
        console.press("Delete…")
        console.dialog("Delete")
        ann.expect_connection_close(320)
    console.heading("Users")
    expect(console.row("ann")).to_have_count(0)


def test_tags_keep_the_password(console: Console, api: Api) -> None:
    """Who is given other tags logs in as before, and with a new password only by that."""
    api.as_user("ann")
    console.go("users", "ann")
    console.press("Change the user…")
    console.dialog("Change", Tags="management")
    expect(console.fact("Tags")).to_have_text("management")
    RawClient.open(api.endpoint, user="ann", password="ann").close()
    console.press("Change the user…")
    console.dialog("Change", New_password="new")
    verify.eventually(
        lambda: Api(api.broker, "ann", "new")("GET", "whoami")[0], "status", wanted=200
    )


def test_an_existing_user_is_not_overwritten(console: Console, api: Api) -> None:
    """To add a user whose name is taken is refused before anything changes."""
    console.go("users")
    console.press("Add a user…")
    dialog = console.page.get_by_role("dialog")
    dialog.get_by_label("Name").fill("guest")
    dialog.get_by_label("Password").fill("other")
    dialog.get_by_role("button", name="Add").click()
    expect(dialog.get_by_role("alert")).to_have_text("There is a user guest already.")
    assert api("GET", "whoami")[0] == 200


def test_vhosts(console: Console, api: Api) -> None:
    """One is added, can be opened, and is deleted with its connections."""
    console.go("vhosts")
    console.press("Add a vhost…")
    console.dialog("Add", Name="v/1", Description="for a test")
    expect(console.row("v/1")).to_contain_text("for a test")
    with RawClient.open(api.endpoint, vhost="v/1") as client:
        console.press("Delete…", console.row("v/1"))
        console.dialog("Delete it")
        client.expect_connection_close(320)
    expect(console.row("v/1")).to_have_count(0)


@pytest.mark.usefixtures("client")
def test_who_may_less_sees_less(visited: Callable[..., Console], api: Api) -> None:
    """Without the tag administrator there are no users, no frames and no vhosts to delete."""
    api.as_user("ann", "monitoring")
    console = visited(expected=REFUSED)
    console.log_in("ann", "ann")
    console.heading("Overview")
    page = console.page
    expect(page.get_by_role("link", name="Users")).to_have_count(0)
    console.go("vhosts")
    expect(page.get_by_role("button", name="Delete…")).to_have_count(0)
    console.go("connections")
    page.locator("tbody a").first.click()
    expect(page.get_by_role("heading", name="Channels")).to_be_visible()
    expect(page.get_by_role("button", name="Watch")).to_have_count(0)
    page.goto(console.url + "#/users")
    expect(page.locator("#trouble")).to_have_text("Not administrator user")

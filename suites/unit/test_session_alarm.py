"""Publishers during an alarm, without sockets."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reference_broker.wire.framing import method_frame
from suites.unit.generated import splits
from suites.unit.test_session_publishing import Client, publish

BLOCKED = method_frame(0, "connection.blocked", reason="low on memory")
UNBLOCKED = method_frame(0, "connection.unblocked")
STREAM = b"".join(publish("ab"[n % 2], b"%d" % n, priority=n % 3) for n in range(6))
LATER = method_frame(1, "queue.purge", queue="a")


@given(data=st.data())
def test_an_alarm_holds_all_back_and_loses_nothing(data: st.DataObject) -> None:
    """However the octets come, nothing is taken while it lasts, and then all of it, in order."""
    client, other = Client(), Client()
    client.hub.raise_alarm("memory")
    client.feed(data.draw(splits(STREAM)))
    assert client.sent == b""  # it has not said that it knows of such notices
    assert client.messages == []
    client.hub.clear_alarm("memory")
    other.feed([STREAM])
    assert client.messages == other.messages


def test_what_came_after_a_publish_waits_as_well() -> None:
    """A method behind it in the same read is handled after it."""
    client = Client()
    client.hub.raise_alarm("memory")
    client.feed([publish("a", b"x") + LATER])
    assert client.sent == b""
    client.hub.clear_alarm("memory")
    client.feed([b""])
    assert client.sent == method_frame(1, "queue.purge-ok", message_count=1)


def test_a_publish_whose_exchange_went_meanwhile() -> None:
    """What it meets when it is taken counts: the channel is closed with 404."""
    client = Client()
    client.feed([method_frame(1, "exchange.declare", exchange="e", type="fanout")])
    client.sent = b""
    client.hub.raise_alarm("memory")
    client.feed([publish("k", b"x", exchange="e")])
    client.broker.vhosts["/"].delete_exchange("e")
    client.hub.clear_alarm("memory")
    client.feed([b""])
    assert b"no exchange 'e'" in client.sent


@pytest.mark.parametrize("first", ["memory", "disk"])
def test_two_alarms(first: str) -> None:
    """It is over when both are."""
    client = Client(capabilities={"connection.blocked": True})
    client.hub.raise_alarm("memory")
    client.feed([publish("a", b"x")])
    client.hub.raise_alarm("disk")
    client.hub.clear_alarm(first)
    assert client.sent == BLOCKED
    client.hub.clear_alarm("memory" if first == "disk" else "disk")
    client.hub.settle()
    assert client.sent == BLOCKED + UNBLOCKED

"""channel.flow: how a client pauses deliveries, and a broker publishers."""

import pytest

from suites import verify
from suites.amqp.endings import Observe, expect_closed
from suites.clients.raw import RawClient
from suites.harness.fixtures import RawClients
from suites.harness.names import Names

MANY = 2000  # messages


def pause(client: RawClient) -> None:
    """Ask that no more be delivered on channel 1."""
    answer = client.call(1, "channel.flow", active=False)
    verify.equal(answer["active"], expected=False, what="active")


def consuming(raw: RawClients, queue: str) -> RawClient:
    """A client that consumes on channel 1, and has a channel 2."""
    client = raw(channels=2)
    client.call(1, "queue.declare", queue=queue)
    client.consume(1, queue, no_ack=True)
    return client


@pytest.mark.requirement("flow/active-true")
def test_active_true(client: RawClient) -> None:
    """A channel that is active is told so when it asks to be."""
    answer = client.call(1, "channel.flow", active=True)
    verify.equal(answer["active"], expected=True, what="active")


@pytest.mark.requirement("flow/active-false")
def test_active_false(raw: RawClients, names: Names) -> None:
    """A paused channel gets no deliveries: the message stays for another channel to get."""
    queue = names()
    client = consuming(raw, queue)
    pause(client)
    client.publish(2, "", queue, b"held back")
    client.send(2, "basic.get", queue=queue, no_ack=True)
    client.expect_content(2, "basic.get-ok", b"held back")


@pytest.mark.requirement("flow/resume")
def test_resume(raw: RawClients, names: Names) -> None:
    """A channel that is active again gets what was held back."""
    queue = names()
    client = consuming(raw, queue)
    pause(client)
    client.publish(2, "", queue, b"held back")
    client.sync(2)
    client.send(1, "channel.flow", active=True)
    client.expect(1, "channel.flow-ok")
    client.expect_content(1, "basic.deliver", b"held back")


@pytest.mark.requirement("flow/get-during-pause")
def test_get_during_pause(client: RawClient, names: Names) -> None:
    """basic.get on a paused channel is still answered with the message."""
    queue = names()
    client.call(1, "queue.declare", queue=queue)
    client.publish(1, "", queue, b"asked for")
    pause(client)
    client.send(1, "basic.get", queue=queue, no_ack=True)
    client.expect_content(1, "basic.get-ok", b"asked for")


@pytest.mark.requirement("flow/flow-ok-unasked")
def test_flow_ok_unasked(client: RawClient) -> None:
    """A flow-ok that answers no flow is a 503 on the connection."""
    client.send(1, "channel.flow-ok", active=True)
    client.send(1, "basic.qos")
    expect_closed(client, 1, 503)


@pytest.mark.requirement("flow/publisher-pause")
def test_publisher_pause(client: RawClient, names: Names, observe: Observe) -> None:
    """A broker may pause a publisher by channel.flow: whether two thousand messages make it."""
    queue = names()
    client.call(1, "queue.declare", queue=queue)
    for _ in range(MANY):
        client.publish(1, "", queue, b"x" * 1000)
    client.send(1, "basic.qos")
    answer = client.expect(1, "basic.qos-ok", "channel.flow")
    observe(f"{answer.name} after {MANY} messages")

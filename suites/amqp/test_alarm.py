"""Resource alarms: publishers wait, everybody else goes on; https://www.rabbitmq.com/docs/alarms.

A broker holds back the publish that meets the alarm: what proves that it is held is another
connection, which finds the queue empty after the Blocked that the publish has caused.
"""

import time

import pytest

from suites import verify
from suites.amqp.steps import drain, fill, new_queue, take
from suites.amqp.topology import own_queue
from suites.clients.raw import RawClient
from suites.harness.fixtures import RawClients
from suites.harness.names import Names
from suites.harness.operating import Operator

pytestmark = [
    pytest.mark.needs("alarm", "connection.blocked"),
    pytest.mark.timeout(60),
]

HEARTBEAT = 1  # seconds
BODIES = [b"%d" % number for number in range(5)]


def blocked_by(client: RawClient, queue: str, *bodies: bytes) -> str:
    """Publish, and be blocked; the reason that is given."""
    fill(client, queue, bodies)
    return str(client.expect(0, "connection.blocked")["reason"])


@pytest.mark.requirement("alarm/blocked-sent")
@pytest.mark.parametrize("resource", ["memory", "disk"])
def test_blocked(client: RawClient, names: Names, operator: Operator, resource: str) -> None:
    """A publish during an alarm is answered by connection.blocked, once, with the reason."""
    queue = new_queue(client, names)
    fill(client, queue, [b"before"])
    client.expect_nothing(1)
    operator.alarm(resource)
    client.expect_quiet(0)
    verify.equal(blocked_by(client, queue, *BODIES), f"low on {resource}", "reason")
    operator.calm(resource)
    client.expect(0, "connection.unblocked")


@pytest.mark.requirement("alarm/unblocked-sent")
def test_unblocked(client: RawClient, names: Names, operator: Operator) -> None:
    """At the end of the alarm comes connection.unblocked, once, and the connection works again."""
    queue = new_queue(client, names)
    operator.alarm()
    blocked_by(client, queue, b"held")
    operator.calm()
    client.expect(0, "connection.unblocked")
    fill(client, queue, [b"after"])
    client.sync(1)
    client.expect_quiet(0)
    verify.equal(drain(client, queue), [b"held", b"after"], "queue")


@pytest.mark.requirement("alarm/initial")
def test_initial(raw: RawClients, client: RawClient, names: Names, operator: Operator) -> None:
    """A client that connects during an alarm is let in, and blocked when it publishes."""
    queue = new_queue(client, names)
    operator.alarm()
    late = raw()
    late.sync(1)
    late.expect_quiet(0)
    blocked_by(late, queue, b"held")


@pytest.mark.requirement("alarm/consumers-go-on")
def test_consumers(raw: RawClients, client: RawClient, names: Names, operator: Operator) -> None:
    """During an alarm consumers are served and may acknowledge, on connections without publishes.

    So are those of the blocked connection itself, whose acknowledgements have to wait.
    """
    queue = new_queue(client, names)
    fill(client, queue, BODIES)
    client.sync(1)
    publisher = raw()
    operator.alarm()
    blocked_by(publisher, queue, b"held")
    client.call(1, "basic.qos", prefetch_count=1)
    client.consume(1, queue)
    for body in BODIES:
        [delivery] = take(client, body)
        client.send(1, "basic.ack", delivery_tag=delivery["delivery_tag"])
    client.expect_nothing(1)


@pytest.mark.requirement("alarm/overlapping")
def test_overlapping(client: RawClient, names: Names, operator: Operator) -> None:
    """Of two alarms the end of one changes nothing: publishers stay blocked until both are over."""
    queue = new_queue(client, names)
    operator.alarm("memory")
    operator.alarm("disk")
    verify.equal(blocked_by(client, queue, b"held"), "low on disk & memory", "reason")
    operator.calm("memory")
    with pytest.raises(verify.Mismatch, match="silence"):
        client.read_method(timeout=1.0)
    operator.calm("disk")
    client.expect(0, "connection.unblocked")
    verify.equal(drain(client, queue), [b"held"], "queue")


@pytest.mark.requirement("alarm/publishes-held")
def test_publishes_held(
    raw: RawClients, client: RawClient, names: Names, operator: Operator
) -> None:
    """What is published while blocked reaches its queue afterwards, all of it, in order."""
    queue = new_queue(client, names)
    publisher = raw()
    publisher.call(1, "confirm.select")
    operator.alarm()
    blocked_by(publisher, queue, *BODIES)
    fill(publisher, queue, [b"late"])
    verify.equal(drain(client, queue), [], "queue during the alarm")
    publisher.expect_quiet(1)
    operator.calm()
    publisher.expect(0, "connection.unblocked")
    publisher.sync(1)
    confirmed = publisher.find(1, "basic.ack")
    while confirmed["delivery_tag"] < len(BODIES) + 1:
        confirmed = publisher.find(1, "basic.ack")
    verify.equal(drain(client, queue), [*BODIES, b"late"], "queue after the alarm")


@pytest.mark.requirement("alarm/disconnect-detected")
def test_disconnect(raw: RawClients, client: RawClient, names: Names, operator: Operator) -> None:
    """The end of a blocked client is noticed: what was its own goes, by its heartbeats."""
    queue = new_queue(client, names)
    operator.alarm()  # which may take longer than a silent client lives
    publisher = raw(heartbeat=HEARTBEAT)
    own = own_queue(publisher, names)
    blocked_by(publisher, queue, b"held")
    publisher.link.close()

    def gone() -> bool:
        client.send(1, "queue.declare", queue=own, passive=True)
        closed = client.expect_channel_close(1, 404, 405)
        client.open_channel(1)
        return bool(closed["reply_code"] == 404)

    verify.eventually(gone, "its exclusive queue is gone", within=10 * HEARTBEAT)
    verify.equal(drain(client, queue), [], "queue")


@pytest.mark.requirement("alarm/heartbeats-during")
def test_heartbeats(raw: RawClients, client: RawClient, names: Names, operator: Operator) -> None:
    """A blocked client goes on getting heartbeats, for longer than it could else be silent."""
    queue = new_queue(client, names)
    operator.alarm()  # which may take longer than a silent client lives
    publisher = raw(heartbeat=HEARTBEAT)
    blocked_by(publisher, queue, b"held")
    silent = time.monotonic()
    while time.monotonic() < silent + 5 * HEARTBEAT:
        publisher.expect_heartbeat(2 * HEARTBEAT + 3)


@pytest.mark.requirement("connection/blocked-capability")
def test_no_capability(
    raw: RawClients, client: RawClient, names: Names, operator: Operator
) -> None:
    """A client that does not claim connection.blocked is held back, and told nothing of it."""
    queue = new_queue(client, names)
    plain, knowing = raw(capabilities={}), raw()
    operator.alarm()
    fill(plain, queue, [b"held"])
    blocked_by(knowing, queue, b"held, too")  # by then the other has been for some time
    verify.equal(drain(client, queue), [], "queue during the alarm")
    operator.calm()
    knowing.expect(0, "connection.unblocked")
    plain.sync(1)
    plain.expect_quiet(0)
    verify.equal(sorted(drain(client, queue)), [b"held", b"held, too"], "queue after the alarm")

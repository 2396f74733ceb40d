"""connection.open, connection.close, and what a connection may reach."""

import pytest

from suites import verify
from suites.amqp.endings import Observe
from suites.amqp.steps import drain, hold, ready, stocked_queue
from suites.brokers.base import Broker
from suites.brokers.definitions import CLOSED_VHOST, OTHER_VHOST
from suites.clients.raw import RawClient
from suites.harness.fixtures import RawClients
from suites.harness.names import Names

MANY = 300  # connections
CYCLES = 1000


def before_open(raw: RawClients) -> RawClient:
    """A client that has everything but connection.open behind it."""
    client = raw.connect()
    client.start()
    client.start_ok()
    client.tune_ok()
    return client


def refuse_open(raw: RawClients, vhost: str) -> None:
    """This vhost is refused by a Close that says so."""
    client = before_open(raw)
    client.send(0, "connection.open", virtual_host=vhost)
    client.expect_connection_close(530, 402, method="connection.open")


def expect_missing(client: RawClient, queue: str) -> None:
    """No such queue is there."""
    client.send(1, "queue.declare", queue=queue, passive=True)
    client.expect_channel_close(1, 404, method="queue.declare")


@pytest.mark.requirement("connection/open-default-vhost")
def test_open_default_vhost(raw: RawClients) -> None:
    """The vhost / can be opened."""
    before_open(raw).open_vhost("/")


@pytest.mark.requirement("connection/open-unknown-vhost")
def test_open_unknown_vhost(raw: RawClients) -> None:
    """A vhost that does not exist is refused with 530."""
    refuse_open(raw, "mqproof-no-such-vhost")


@pytest.mark.requirement("connection/open-empty-vhost")
def test_open_empty_vhost(raw: RawClients) -> None:
    """A vhost without name is refused with 530."""
    refuse_open(raw, "")


@pytest.mark.requirement("connection/open-forbidden-vhost")
@pytest.mark.needs("vhosts", "users")
def test_open_forbidden_vhost(raw: RawClients) -> None:
    """A vhost on which the user has no permission is refused with 530."""
    refuse_open(raw, CLOSED_VHOST)


@pytest.mark.requirement("connection/open-twice")
def test_open_twice(client: RawClient) -> None:
    """connection.open on an open connection is a connection error."""
    client.send(0, "connection.open", virtual_host=client.endpoint.vhost)
    client.expect_connection_close(503, 504, 530, method="connection.open")


@pytest.mark.requirement("connection/start-ok-when-open")
def test_start_ok_when_open(client: RawClient) -> None:
    """Start-Ok on an open connection is a connection error."""
    client.send(0, "connection.start-ok", mechanism="PLAIN", response=b"\0guest\0guest")
    client.expect_connection_close(503, 504, 530, method="connection.start-ok")


@pytest.mark.requirement("connection/channel-before-open")
def test_channel_before_open(raw: RawClients) -> None:
    """channel.open before connection.open ends the socket."""
    client = before_open(raw)
    client.send(1, "channel.open")
    client.expect_socket_closed()


@pytest.mark.requirement("connection/close-handshake")
def test_close_handshake(client: RawClient) -> None:
    """A client's Close is answered by Close-Ok, and nothing comes before the socket ends."""
    client.call(0, "connection.close", reply_code=200)
    client.link.half_close()
    client.expect_socket_closed()


@pytest.mark.requirement("connection/close-with-open-channels")
def test_close_with_open_channels(raw: RawClients, names: Names) -> None:
    """Requests that a client sent before its Close are answered before the Close-Ok."""
    client, queue = raw(channels=2), names()
    client.send(1, "queue.declare", queue=queue)
    client.send(2, "basic.qos", prefetch_count=1)
    client.send(0, "connection.close", reply_code=200)
    client.expect(1, "queue.declare-ok")
    client.expect(2, "basic.qos-ok")
    client.expect(0, "connection.close-ok")


@pytest.mark.requirement("connection/frames-after-client-close")
def test_frames_after_client_close(raw: RawClients, client: RawClient, names: Names) -> None:
    """What a client sends after its Close is ignored."""
    closing, queue = raw(), names()
    closing.send(0, "connection.close", reply_code=200)
    closing.send(1, "queue.declare", queue=queue)
    closing.expect(0, "connection.close-ok")
    closing.link.half_close()
    closing.expect_socket_closed()
    expect_missing(client, queue)


def provoke_close(client: RawClient) -> None:
    """Have the broker close the connection, and leave its Close unanswered."""
    client.send(1, "channel.open")
    client.expect(0, "connection.close")


@pytest.mark.requirement("connection/frames-after-server-close")
def test_frames_after_server_close(raw: RawClients, client: RawClient, names: Names) -> None:
    """What a client sends after the broker's Close is ignored, however wrong, until Close-Ok."""
    closed, queue = raw(), names()
    provoke_close(closed)
    closed.send(1, "queue.declare", queue=queue)
    closed.send(1, "channel.open")
    closed.send(0, "connection.close-ok")
    closed.expect_socket_closed()
    expect_missing(client, queue)


@pytest.mark.requirement("connection/simultaneous-close")
def test_simultaneous_close(client: RawClient) -> None:
    """A client whose Close crosses the broker's gets its Close-Ok."""
    provoke_close(client)
    client.send(0, "connection.close", reply_code=200)
    client.expect(0, "connection.close-ok")
    client.send(0, "connection.close-ok")
    client.expect_socket_closed()


@pytest.mark.requirement("connection/close-carries-method")
def test_close_carries_method(client: RawClient) -> None:
    """The broker's Close names the class and method that it objects to."""
    client.send(1, "channel.open")
    client.expect_connection_close(504, method="channel.open")


@pytest.mark.requirement("connection/one-vhost")
@pytest.mark.needs("vhosts")
def test_one_vhost(raw: RawClients, client: RawClient, names: Names) -> None:
    """The name of another vhost's queue is not found."""
    queue = names(vhost=OTHER_VHOST)
    raw(vhost=OTHER_VHOST).call(1, "queue.declare", queue=queue)
    expect_missing(client, queue)


@pytest.mark.requirement("connection/vhost-same-names")
@pytest.mark.needs("vhosts")
def test_vhost_same_names(raw: RawClients, client: RawClient, names: Names) -> None:
    """Queues of one name in two vhosts hold messages of their own."""
    queue, other = names(), raw(vhost=OTHER_VHOST)
    names.adopt("queue", queue, vhost=OTHER_VHOST)
    for side, body in ((client, b"here"), (other, b"there")):
        side.call(1, "queue.declare", queue=queue)
        side.publish(1, "", queue, body)
    seen = [[getter.get(1, queue), getter.get(1, queue)] for getter in (client, other)]
    bodies = [[message and message.body for message in pair] for pair in seen]
    verify.equal(bodies, [[b"here", None], [b"there", None]], "messages")


def hold_unacked(client: RawClient, queue: str) -> None:
    """Publish a message and take it without settling it."""
    client.call(1, "queue.declare", queue=queue)
    client.publish(1, "", queue, b"held")
    client.consume(1, queue)
    client.expect_content(1, "basic.deliver", b"held")


def expect_requeued(client: RawClient, queue: str) -> None:
    """The message that the other client held comes here, marked as redelivered."""
    client.consume(1, queue, no_ack=True)
    message = client.expect_content(1, "basic.deliver", b"held", timeout=10)
    verify.equal(message["redelivered"], expected=True, what="redelivered")


@pytest.mark.requirement("connection/half-close")
def test_half_close(raw: RawClients, client: RawClient, names: Names) -> None:
    """A client that shuts down its side of the socket is gone: its messages are requeued."""
    leaving, queue = raw(), names()
    hold_unacked(leaving, queue)
    leaving.link.half_close()
    expect_requeued(client, queue)


@pytest.mark.requirement("connection/rst")
def test_rst(raw: RawClients, client: RawClient, names: Names) -> None:
    """A client that resets its socket is gone: its messages are requeued."""
    leaving, queue = raw(), names()
    hold_unacked(leaving, queue)
    leaving.link.reset()
    expect_requeued(client, queue)


@pytest.mark.requirement("connection/update-secret")
def test_update_secret(client: RawClient, observe: Observe) -> None:
    """A new secret is taken, or refused where the user's secrets do not expire."""
    client.send(0, "connection.update-secret", new_secret=b"guest", reason="it expires")
    answer = client.read_method(0)
    refused = answer.name == "connection.close" and answer["reply_code"] in {530, 540}
    taken = answer.name == "connection.update-secret-ok"
    verify.true(taken or refused, "update-secret-ok or connection.close 530 or 540", str(answer))
    observe(str(answer))


@pytest.mark.requirement("connection/churn")
def test_churn(client: RawClient) -> None:
    """A thousand connections, each opened, used and closed, all succeed."""
    for _ in range(CYCLES):
        with RawClient.open(client.endpoint) as passing:
            passing.open_channel(1)
    client.sync(1)


@pytest.mark.requirement("connection/many")
def test_many(raw: RawClients) -> None:
    """Each of several hundred idle connections is still of use."""
    for client in [raw() for _ in range(MANY)]:
        client.sync(1)


@pytest.mark.requirement("connection/broker-shutdown-close")
@pytest.mark.needs("restart")
def test_broker_shutdown_close(client: RawClient, broker: Broker) -> None:
    """A broker that is told to stop closes its connections with 320."""
    try:
        broker.stop()
        client.expect_connection_close(320)
    finally:
        broker.start()


@pytest.mark.requirement("connection/end-gives-back")
@pytest.mark.parametrize("holder", [1, 2])
def test_end_gives_back(raw: RawClients, names: Names, holder: int) -> None:
    """What one channel holds is ready after Connection.Close, not sent to another of its own."""
    client, leaving = raw(), raw(channels=2)
    queue = stocked_queue(client, names, b"held")
    verify.eventually(lambda: ready(client, queue), "messages ready", wanted=1)
    hold(leaving, queue, b"held", channel=holder)
    other = 3 - holder
    leaving.consume(other, queue, no_ack=True)
    leaving.call(0, "connection.close", reply_code=200)
    leaving.expect_quiet(other)
    leaving.link.close()
    verify.eventually(lambda: ready(client, queue), "messages ready", wanted=1)
    verify.equal(drain(client, queue), [b"held"], "queue")

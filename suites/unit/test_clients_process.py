from collections.abc import Iterator

import pytest

from faults import Proxy
from faults.process import Pause
from faults.toxics import Reset
from reference_broker import RunningBroker, running
from suites.brokers.base import Endpoint
from suites.clients.process import ClientError, ClientProcess
from suites.clients.tap import Tap
from suites.clients.transcript import Transcript
from suites.verify import Mismatch


@pytest.fixture(scope="module")
def endpoint() -> Iterator[Endpoint]:
    """Of a reference broker."""
    with running() as broker:
        yield _endpoint(broker)


def _endpoint(broker: RunningBroker) -> Endpoint:
    return Endpoint(broker.host, broker.port)


@pytest.fixture
def client(endpoint: Endpoint) -> Iterator[ClientProcess]:
    """Connected."""
    with ClientProcess() as process:
        process.connect(endpoint)
        yield process


def test_it_does_what_it_is_told(client: ClientProcess) -> None:
    """Declare, publish, get: each command has its answer."""
    queue, count = client.call("declare", exclusive=True)
    assert (queue.startswith("amq.gen-"), count) == (True, 0)
    assert client.call("publish", key=queue, bodies=["a", "b"]) == 2
    found = client.call("get", queue=queue, count=3)
    assert [body for _tag, body, _redelivered in found] == ["a", "b"]


def test_deliveries_are_events(client: ClientProcess) -> None:
    """They come by themselves, in order, while it is told nothing."""
    queue = client.call("declare", exclusive=True)[0]
    client.call("consume", queue=queue, ack=True)
    client.call("publish", key=queue, bodies=["a", "b"])
    assert client.wait("delivery", count=2).told["body"] == "b"
    client.wait("acked", count=2)


def test_a_refusal_has_its_canonical_form(client: ClientProcess) -> None:
    """The channel is closed with 404, and another can be opened."""
    with pytest.raises(ClientError) as caught:
        client.call("declare", queue="nobody", passive=True)
    assert caught.value.actual == "channel.close 404"
    client.call("open_channel")
    client.call("sync")


def test_killed_and_started_again_it_is_another(client: ClientProcess, endpoint: Endpoint) -> None:
    """The fresh process has no connection and no events of the former."""
    pid = client.pid
    client.kill()
    client.start()
    assert client.pid != pid
    assert [event.name for event in client.events] == ["ready"]
    client.connect(endpoint)
    client.call("sync")


def test_a_frozen_client_does_not_answer(client: ClientProcess) -> None:
    """After SIGCONT the answer comes."""
    with Pause(client):
        client.send("is_open")
        with pytest.raises(Mismatch, match="silence"):
            client.result("is_open", timeout=0.1)
    assert client.result("is_open") is True


def test_a_dead_client_is_not_waited_for(client: ClientProcess) -> None:
    """Its end is told at once."""
    client.kill()
    with pytest.raises(Mismatch, match="has ended"):
        client.wait("delivery", timeout=60)


def test_the_loss_of_the_connection_is_an_event_and_the_tap_shows_the_frames(
    endpoint: Endpoint,
) -> None:
    """A reset in the proxy, seen by the client; both directions are in the transcript."""
    transcript = Transcript()
    with (
        Proxy(endpoint.host, endpoint.port) as proxy,
        proxy.fault(Tap(transcript, "C")),
        ClientProcess() as client,
    ):
        client.connect(endpoint, port=proxy.port)
        client.call("declare", exclusive=True)
        with proxy.fault(Reset()):
            assert client.wait("lost").told["error"] == "socket closed"
    told = "\n".join(transcript.lines)
    for words in ("C > ch 0 connection.start-ok", "C < ch 1 queue.declare-ok", "octets b'AMQP"):
        assert words in told

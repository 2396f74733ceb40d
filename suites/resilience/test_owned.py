"""What belongs to a connection, and what becomes of it however the connection ends."""

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import pytest

from faults.toxics import Blackhole, Fin, Reset
from suites import verify
from suites.clients.raw import RawClient
from suites.clients.remote import RemoteClient
from suites.harness.names import Names
from suites.resilience.bounds import LONGEST, silence
from suites.resilience.fixtures import RemoteClients

GONE, LOCKED = "channel.close 404", "channel.close 405"
INTERVAL = 1  # second, where heartbeats are what tells


@dataclass(frozen=True, slots=True)
class Ending:
    """How the client goes; `heartbeat` is what was agreed on before, in seconds."""

    apply: Callable[[RemoteClient], object]
    heartbeat: int = 0
    connection: bool = True


ENDINGS: Mapping[str, Ending] = {
    "connection.close": Ending(lambda client: client.call("close")),
    "channel.close": Ending(lambda client: client.call("close_channel"), connection=False),
    "FIN": Ending(lambda client: client.fault(Fin()).start()),
    "RST": Ending(lambda client: client.fault(Reset()).start()),
    "SIGKILL": Ending(lambda client: client.kill()),
    "silence": Ending(lambda client: client.fault(Blackhole()).start(), heartbeat=INTERVAL),
}


@pytest.fixture(params=ENDINGS)
def ending(request: pytest.FixtureRequest) -> Ending:
    """Each way to go."""
    return ENDINGS[request.param]


@pytest.fixture
def owner(remote: RemoteClients, ending: Ending) -> RemoteClient:
    """A client process, connected, with one channel."""
    return remote(heartbeat=ending.heartbeat)


def told(witness: RawClient, method: str, **arguments: Any) -> str:
    """The canonical form of the answer; after a refusal the channel is open again."""
    witness.send(1, method, **arguments)
    answer = witness.read_method(1)
    if answer.name == "channel.close":
        witness.send(1, "channel.close-ok")
        witness.open_channel(1)
    return str(answer)


def state(witness: RawClient, kind: str, name: str) -> str:
    """What another connection is told by a passive declare."""
    arguments = {kind: name} | ({"type": "fanout"} if kind == "exchange" else {})
    return told(witness, f"{kind}.declare", passive=True, **arguments)


def expect_state(witness: RawClient, kind: str, name: str, wanted: str) -> None:
    """It comes to this, within the time that two missed heartbeats take."""
    verify.eventually(lambda: state(witness, kind, name), kind, within=LONGEST, wanted=wanted)


@pytest.mark.requirement("owned/exclusive-queue")
def test_exclusive_queue(owner: RemoteClient, witness: RawClient, ending: Ending) -> None:
    """It goes with its connection, and stays when a channel goes."""
    queue = owner.call("declare", exclusive=True)[0]
    verify.equal(state(witness, "queue", queue), LOCKED, "while its owner lives")
    ending.apply(owner)
    expect_state(witness, "queue", queue, GONE if ending.connection else LOCKED)


@pytest.mark.requirement("owned/auto-delete-queue", "owned/auto-delete-exchange")
def test_auto_delete(owner: RemoteClient, witness: RawClient, names: Names, ending: Ending) -> None:
    """An auto-delete queue goes with its consumer, and the exchange that led only there with it."""
    queue, exchange = names(), names("exchange")
    owner.call("declare", queue=queue, auto_delete=True)
    witness.call(1, "exchange.declare", exchange=exchange, type="fanout", auto_delete=True)
    owner.call("bind", queue=queue, exchange=exchange)
    owner.call("consume", queue=queue)
    verify.equal(state(witness, "queue", queue), "queue.declare-ok", "while it is consumed from")
    ending.apply(owner)
    expect_state(witness, "queue", queue, GONE)
    expect_state(witness, "exchange", exchange, GONE)


@pytest.mark.requirement("owned/consumer")
def test_consumer(owner: RemoteClient, witness: RawClient, names: Names, ending: Ending) -> None:
    """It is no longer counted; what it held comes again, flagged, before what it never had."""
    queue = names()
    witness.call(1, "queue.declare", queue=queue)
    for body in (b"1", b"2", b"3"):
        witness.publish(1, "", queue, body)
    owner.call("consume", queue=queue, prefetch=2)
    owner.wait("delivery", count=2)
    ending.apply(owner)

    def consumers() -> int:
        declared = witness.call(1, "queue.declare", queue=queue, passive=True)
        return int(declared["consumer_count"])

    verify.eventually(lambda: consumers() == 0, "no consumer", within=LONGEST)
    witness.consume(1, queue, no_ack=True)
    found = [witness.expect_content(1, "basic.deliver") for _ in range(3)]
    told = [(message.body, message["redelivered"]) for message in found]
    verify.equal(told, [(b"1", True), (b"2", True), (b"3", False)], "deliveries")


@pytest.mark.requirement("owned/exclusive-consumer")
def test_exclusive_consumer(
    owner: RemoteClient, witness: RawClient, names: Names, ending: Ending
) -> None:
    """Another may consume as soon as it is gone, and not before."""
    queue = names()
    witness.call(1, "queue.declare", queue=queue)
    owner.call("consume", queue=queue, exclusive=True)

    def consume() -> str:
        return told(witness, "basic.consume", queue=queue, no_ack=True)

    verify.equal(consume(), "channel.close 403", "while the exclusive consumer lives")
    ending.apply(owner)
    verify.eventually(consume, "consuming", within=LONGEST, wanted="basic.consume-ok")


@pytest.mark.requirement("owned/transaction")
def test_transaction(owner: RemoteClient, witness: RawClient, names: Names, ending: Ending) -> None:
    """Nothing that was published in it comes, and what was acknowledged in it comes again."""
    published, acked = names(), names()
    for queue in (published, acked):
        witness.call(1, "queue.declare", queue=queue)
    witness.publish(1, "", acked, b"acked")
    verify.eventually(lambda: ready(witness, acked) == 1, "the message to ack")
    owner.call("transact")
    owner.call("publish", key=published, bodies=["uncommitted"])
    tag = owner.call("get", queue=acked)[0][0]
    owner.call("ack", tag=tag)
    owner.call("sync")
    ending.apply(owner)
    verify.eventually(lambda: ready(witness, acked) == 1, "the message back", within=LONGEST)
    message = witness.get(1, acked)
    if message is None:
        raise verify.Mismatch("basic.get-ok", "basic.get-empty")
    verify.equal((message.body, message["redelivered"]), (b"acked", True), "message")
    verify.true(
        witness.get(1, published) is None, "no uncommitted message", "an uncommitted message"
    )


@pytest.mark.requirement("owned/unconfirmed-publish")
def test_unconfirmed_publish(
    owner: RemoteClient, witness: RawClient, names: Names, ending: Ending
) -> None:
    """What the broker has taken stays, in order and unflagged, though nobody is told any more."""
    queue, bodies = names(), ["1", "2", "3"]
    witness.call(1, "queue.declare", queue=queue)
    own = owner.call("declare", exclusive=True)[0]
    owner.call("publish", key=queue, bodies=bodies)
    owner.call("sync")
    ending.apply(owner)
    expect_state(witness, "queue", own, GONE if ending.connection else LOCKED)
    witness.consume(1, queue, no_ack=True)
    found = [witness.expect_content(1, "basic.deliver") for _ in bodies]
    told = [(message.body.decode(), message["redelivered"]) for message in found]
    verify.equal(told, [(body, False) for body in bodies], "deliveries")
    witness.expect_nothing(1)


def ready(witness: RawClient, queue: str) -> int:
    """How many messages wait."""
    return int(witness.call(1, "queue.declare", queue=queue, passive=True)["message_count"])


@pytest.mark.requirement("owned/locked-until-noticed")
def test_locked_until_noticed(
    remote: RemoteClients, witness: RawClient, names: Names, observe: Callable[[str], None]
) -> None:
    """A client that comes back at once is refused its own queue for two to three intervals."""
    owner, queue = remote(heartbeat=INTERVAL), names()
    owner.call("declare", queue=queue, exclusive=True)

    def declare() -> str:
        return told(witness, "queue.declare", queue=queue, exclusive=True)

    owner.fault(Blackhole()).start()
    lost = time.monotonic()
    verify.equal(declare(), LOCKED, "at once")
    verify.eventually(declare, "declaring", within=LONGEST, wanted="queue.declare-ok")
    seconds = time.monotonic() - lost
    low, high = silence(INTERVAL)
    # The last octet that came through may be as old as pika's own heartbeat, half an interval.
    verify.between(seconds, low - INTERVAL, high, "seconds until the queue was free")
    observe(f"locked for {seconds / INTERVAL:.1f} heartbeat intervals")

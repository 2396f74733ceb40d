"""Clients that crash, freeze or lose their link, and come back."""

import time
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from faults.process import Pause
from faults.toxics import Bandwidth, Blackhole, Reset
from suites import verify
from suites.clients.process import ClientProcess
from suites.clients.raw import RawClient
from suites.clients.remote import RemoteClient
from suites.harness.fixtures import RawClients
from suites.harness.names import Names
from suites.resilience.bounds import LONGEST
from suites.resilience.fixtures import RemoteClients

INTERVAL = 1  # second: heartbeats where the broker can learn of the end from nothing else
PERSISTENT = 2

CRASHES: Mapping[str, Callable[[RemoteClient], object]] = {
    "SIGKILL": lambda client: client.kill(),
    "SIGSTOP": lambda client: Pause(client).start(),
    "blackhole": lambda client: client.fault(Blackhole()).start(),
}


def fill(witness: RawClient, queue: str, bodies: list[bytes]) -> None:
    """Publish persistent messages on channel 1, all confirmed."""
    witness.call(1, "confirm.select")
    for body in bodies:
        witness.publish(1, "", queue, body, delivery_mode=PERSISTENT)
    confirmed = 0
    while confirmed < len(bodies):
        ack = witness.expect(1, "basic.ack", timeout=LONGEST)
        confirmed = ack["delivery_tag"] if ack["multiple"] else confirmed + 1


def expect_no_consumer(witness: RawClient, queue: str) -> None:
    """The broker has noticed that whoever consumed is gone."""

    def count() -> int:
        declared = witness.call(1, "queue.declare", queue=queue, passive=True)
        return int(declared["consumer_count"])

    verify.eventually(lambda: count() == 0, "no consumer", within=LONGEST)


def deliveries(client: ClientProcess) -> list[tuple[str, bool]]:
    """Body and redelivered of all that came to this run of the client."""
    told = [event.told for event in client.events if event.name == "delivery"]
    return [(each["body"], each["redelivered"]) for each in told]


@pytest.mark.requirement("fault/client-crash-unacked")
@pytest.mark.parametrize("crash", CRASHES)
def test_unacked_come_once_to_the_next(
    raw: RawClients, remote: RemoteClients, names: Names, crash: str
) -> None:
    """What was delivered and not acked comes to the next consumer, once, in order, flagged."""
    witness, taker, queue = raw(), raw(), names()
    witness.call(1, "queue.declare", queue=queue, durable=True)
    fill(witness, queue, [b"%d" % number for number in range(20)])
    client = remote(heartbeat=INTERVAL)
    client.call("consume", queue=queue, prefetch=10)
    third = client.wait("delivery", count=3).told["tag"]
    client.call("ack", tag=third, multiple=True)
    client.wait("delivery", count=13)
    client.call("sync")
    CRASHES[crash](client)
    expect_no_consumer(witness, queue)
    taker.consume(1, queue, no_ack=True)
    found = [taker.expect_content(1, "basic.deliver") for _ in range(17)]
    told = [(message.body, message["redelivered"]) for message in found]
    again = [(b"%d" % number, True) for number in range(3, 13)]
    verify.equal(told, again + [(b"%d" % n, False) for n in range(13, 20)], "deliveries")
    verify.equal(taker.get(1, queue), None, "what is left")


@pytest.mark.requirement("fault/client-comes-back")
@pytest.mark.parametrize("crash", ["SIGSTOP", "blackhole"])
def test_comes_back_after_it_was_dropped(
    remote: RemoteClients, witness: RawClient, names: Names, crash: str
) -> None:
    """A client that was frozen or cut off sees its end when it wakes, and takes up where it was."""
    queue = names()
    witness.call(1, "queue.declare", queue=queue, durable=True)
    fill(witness, queue, [b"%d" % number for number in range(6)])
    client = remote(heartbeat=INTERVAL)
    client.call("consume", queue=queue, prefetch=2)
    client.wait("delivery", count=2)
    fault = Pause(client) if crash == "SIGSTOP" else client.fault(Blackhole())
    with fault:
        expect_no_consumer(witness, queue)
    client.wait("lost", LONGEST)
    before = len(deliveries(client))
    verify.equal(before, 2, "deliveries before the end")
    client.join(heartbeat=INTERVAL)
    client.call("consume", queue=queue, ack=True)
    client.wait("acked", count=6)
    again = [("0", True), ("1", True)]
    verify.equal(
        deliveries(client)[before:], again + [(str(n), False) for n in range(2, 6)], "deliveries"
    )
    client.call("sync")
    verify.equal(witness.get(1, queue), None, "what is left")


@pytest.mark.requirement("fault/client-crash-publishing")
def test_killed_while_publishing(remote: RemoteClients, witness: RawClient, names: Names) -> None:
    """Of a publisher that is killed in the middle of a frame there are whole messages, in order."""
    queue, size = names(), 100_000
    witness.call(1, "queue.declare", queue=queue)
    publisher = remote()
    # More than all buffers on the way hold: what they have is sent on after the death.
    bodies = [f"{number}:".ljust(size, "x") for number in range(200)]
    with publisher.fault(Bandwidth(2_000_000), "up"):
        publisher.send("publish", key=queue, bodies=bodies)

        def arrived() -> bool:
            declared = witness.call(1, "queue.declare", queue=queue, passive=True)
            return bool(declared["message_count"] >= 3)

        verify.eventually(arrived, "three messages in the queue", within=LONGEST)
        publisher.kill()
    publisher.close()
    witness.sync(1)
    found = []
    while (message := witness.get(1, queue)) is not None:
        found.append(message.body.decode())
    verify.equal(found, bodies[: len(found)], "messages, up to some point")
    verify.between(len(found), 3, len(bodies) - 1, "messages of a publisher that was cut short")


@pytest.mark.requirement("fault/client-restart-resume")
def test_consumer_resumes(remote: RemoteClients, witness: RawClient, names: Names) -> None:
    """A consumer that is killed and started again gets the rest; what comes twice is flagged."""
    queue, bodies = names(), [b"%d" % number for number in range(100)]
    witness.call(1, "queue.declare", queue=queue, durable=True)
    fill(witness, queue, bodies)
    client = remote()
    client.call("consume", queue=queue, prefetch=10, ack=True, callback_sleeps=0.01)
    client.wait("acked", count=30)
    client.kill()
    before = deliveries(client)
    client.join()
    client.call("consume", queue=queue, prefetch=10, ack=True)
    verify.eventually(
        lambda: len({body for body, _ in before + deliveries(client)}) == len(bodies),
        "all messages delivered",
        within=LONGEST,
    )
    after, known = deliveries(client), {body for body, _ in before}
    verify.equal([f for b, f in after if b in known and not f], [], "copies that are not flagged")
    order = [int(body) for body, _ in after]
    verify.equal(order, sorted(set(order)), "order after the restart")


@pytest.mark.requirement("fault/client-restart-durable-subscription")
def test_away_for_a_while(remote: RemoteClients, witness: RawClient, names: Names) -> None:
    """A durable queue keeps for its consumer what is published while nobody consumes."""
    queue, exchange = names(), names("exchange")
    witness.call(1, "exchange.declare", exchange=exchange, type="fanout", durable=True)
    client = remote()
    client.call("declare", queue=queue, durable=True)
    client.call("bind", queue=queue, exchange=exchange)
    client.call("consume", queue=queue, ack=True)
    client.call("close")
    expect_no_consumer(witness, queue)
    for number in range(10):
        witness.publish(1, exchange, "", b"%d" % number, delivery_mode=PERSISTENT)
    client.close()
    again = remote()
    again.call("consume", queue=queue, ack=True)
    again.wait("acked", count=10)
    verify.equal(deliveries(again), [(str(n), False) for n in range(10)], "deliveries")


@pytest.mark.requirement("fault/topology-recovery")
def test_declares_everything_again(remote: RemoteClients, witness: RawClient, names: Names) -> None:
    """A client that declares all of its topology after a drop has one of each, and lost nothing."""
    queue, exchange = names(), names("exchange")
    witness.call(1, "exchange.declare", exchange=exchange, type="direct", durable=True)

    def declare(client: RemoteClient) -> int:
        count = client.call("declare", queue=queue, durable=True)[1]
        for key in ("a", "b"):
            client.call("bind", queue=queue, exchange=exchange, key=key)
        return int(count)

    client = remote()
    declare(client)
    fill(witness, queue, [b"kept"])
    with client.fault(Reset()):
        client.wait("lost")
    client.join()
    verify.equal(declare(client), 1, "messages in the queue that is declared again")
    witness.publish(1, exchange, "a", b"new")
    client.call("consume", queue=queue, auto_ack=True)
    client.wait("delivery", count=2)
    client.call("sync")
    verify.equal([body for body, _ in deliveries(client)], ["kept", "new"], "deliveries")


@pytest.mark.requirement("fault/exclusive-takeover-race")
def test_race_for_an_exclusive_queue(raw: RawClients, remote: RemoteClients, names: Names) -> None:
    """Of five clients that want a dead owner's exclusive queue exactly one gets it."""
    owner, queue = remote(), names()
    owner.call("declare", queue=queue, exclusive=True)
    contenders = [raw() for _ in range(5)]
    won: list[RawClient] = []
    deadline = time.monotonic() + LONGEST

    def contend(client: RawClient) -> str:
        arguments: dict[str, Any] = {"queue": queue, "exclusive": True}
        while True:
            over = bool(won) or time.monotonic() > deadline  # then once more, and no longer
            client.send(1, "queue.declare", **arguments)
            answer = client.read_method(1)
            if answer.name == "queue.declare-ok":
                won.append(client)
                return str(answer)
            client.send(1, "channel.close-ok")
            client.open_channel(1)
            if over:
                return str(answer)

    with ThreadPoolExecutor(len(contenders)) as threads:
        racing = [threads.submit(contend, client) for client in contenders]
        owner.kill()
        answers = sorted(future.result() for future in racing)
    verify.equal(answers, ["channel.close 405"] * 4 + ["queue.declare-ok"], "answers")

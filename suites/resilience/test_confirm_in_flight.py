"""Links that are cut between a publish and its confirm: what the publisher may conclude."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Literal

import pytest

from faults import Proxy, when
from faults.frames.actions import Place
from suites import verify
from suites.clients.link import CLOSED
from suites.clients.raw import RawClient
from suites.harness.fixtures import RawClients
from suites.harness.names import Names
from suites.resilience.bounds import LONGEST
from suites.verify import Mismatch

PERSISTENT = 2
MESSAGES = 40

NOT_SENT, UNCONFIRMED, CONFIRMED = "not sent", "stored, unconfirmed", "stored, confirmed"

Way = Literal["up", "down"]

# What arrived whole without a confirm is in doubt: RabbitMQ drops what its channel process has not
# yet handled when the connection ends, and under load that happens.
CUTS: list[tuple[str, Way, Place, set[str]]] = [
    ("basic.publish", "up", "before", {NOT_SENT}),
    ("basic.publish", "up", "inside", {NOT_SENT}),
    ("basic.publish", "up", "after", {NOT_SENT}),
    ("header", "up", "before", {NOT_SENT}),
    ("header", "up", "inside", {NOT_SENT}),
    ("header", "up", "after", {NOT_SENT}),
    ("body", "up", "before", {NOT_SENT}),
    ("body", "up", "inside", {NOT_SENT}),
    ("body", "up", "after", {NOT_SENT, UNCONFIRMED}),
    ("basic.ack", "down", "before", {UNCONFIRMED}),
    ("basic.ack", "down", "inside", {UNCONFIRMED}),
    ("basic.ack", "down", "after", {CONFIRMED}),
]


def confirming(hurt: RawClients) -> RawClient:
    """A client behind the proxy, in confirm mode."""
    client = hurt()
    client.call(1, "confirm.select")
    return client


def confirmed(client: RawClient) -> bool:
    """Whether the confirm comes before the end of the socket, one of which must come."""
    try:
        client.expect(1, "basic.ack", timeout=LONGEST)
    except Mismatch as other:
        if other.actual.startswith(CLOSED):
            return False
        raise
    return True


@contextmanager
def processed(client: RawClient, witness: RawClient) -> Iterator[None]:
    """When the block has been left, the broker has handled all that the client has sent.

    Its exclusive queue goes with the connection, whose end the broker reads last.
    """
    marker = client.call(1, "queue.declare", exclusive=True)["queue"]
    yield

    def gone() -> bool:
        witness.send(1, "queue.declare", queue=marker, passive=True)
        closed = witness.expect_channel_close(1, 404, 405)["reply_code"]
        witness.open_channel(1)
        return bool(closed == 404)

    verify.eventually(gone, "the end of the connection", within=LONGEST)


def drained(witness: RawClient, queue: str) -> list[bytes]:
    """All that the queue holds."""
    found = []
    while (message := witness.get(1, queue)) is not None:
        found.append(message.body)
    return found


@pytest.mark.requirement("confirm/lost-in-flight")
@pytest.mark.parametrize(
    ("kind", "way", "place", "outcomes"), CUTS, ids=["-".join(cut[:3]) for cut in CUTS]
)
def test_cut_at_every_frame(
    proxy: Proxy,
    hurt: RawClients,
    witness: RawClient,
    names: Names,
    observe: Callable[[str], None],
    kind: str,
    way: Way,
    place: Place,
    outcomes: set[str],
) -> None:
    """The message is there whole or not at all, and it is there if the confirm came."""
    queue = names()
    witness.call(1, "queue.declare", queue=queue, durable=True)
    client = confirming(hurt)
    with processed(client, witness), proxy.fault(when(kind, nth=1, direction=way).cut(place)):
        client.publish(1, "", queue, b"whole", delivery_mode=PERSISTENT)
        learned = confirmed(client)
    found = drained(witness, queue)
    verify.true(found in ([], [b"whole"]), "the whole message or none", f"{found!r}")
    seen = (CONFIRMED if learned else UNCONFIRMED) if found else NOT_SENT
    if len(outcomes) > 1:
        observe(seen)
    verify.true(seen in outcomes, f"outcome {' or '.join(sorted(outcomes))}", seen)


@pytest.mark.requirement("confirm/retry-duplicates")
@pytest.mark.parametrize("every", [3, 7])
def test_repeat_until_confirmed(
    proxy: Proxy,
    hurt: RawClients,
    witness: RawClient,
    names: Names,
    observe: Callable[[str], None],
    every: int,
) -> None:
    """All messages arrive; those twice whose confirm was lost, and no others."""
    queue = names()
    witness.call(1, "queue.declare", queue=queue, durable=True)
    copies = {b"%d" % number: 0 for number in range(MESSAGES)}
    lost = 0
    client, since = confirming(hurt), 0
    for body in copies:
        while True:
            since += 1
            cut = when("basic.ack", nth=1, direction="down").cut("before")
            if since % every:
                client.publish(1, "", queue, body, delivery_mode=PERSISTENT)
                learned = confirmed(client)
            else:
                with proxy.fault(cut):
                    client.publish(1, "", queue, body, delivery_mode=PERSISTENT)
                    learned = confirmed(client)
            if learned:
                break
            lost += 1
            client = confirming(hurt)
    for body in drained(witness, queue):
        copies[body] += 1
    missing = sorted(body for body, count in copies.items() if not count)
    verify.equal(missing, [], "messages that are missing")
    verify.equal(sum(copies.values()) - MESSAGES, lost, "duplicates")
    observe(f"{MESSAGES} messages, {lost} confirms lost, {lost} duplicates")

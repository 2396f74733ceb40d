import threading
from collections.abc import Callable
from pathlib import Path

import pytest

from suites import verify
from suites.brokers.base import Broker
from suites.clients.raw import RawClient
from suites.durability import load
from suites.durability.contents import content
from suites.durability.contracts import AT_LEAST_ONCE, judge
from suites.durability.crash import settle, start_again
from suites.durability.history import Action, History, Phase
from suites.durability.load import Load, Site
from suites.harness.fixtures import RawClients
from suites.harness.names import Names
from suites.verify import Mismatch

pytestmark = [pytest.mark.needs("kill", "durable"), pytest.mark.timeout(240)]

Observe = Callable[[str], None]

CONFIRMED = 500
ACKED = 300
CHURNED = 123  # bindings made or removed before the kill


@pytest.mark.requirement(
    "durability/kill-mid-publish",
    "durability/kill-mid-ack",
    "confirm/persistent-survives-kill",
    "order/linearizable-queue",
)
def test_under_load(
    kill_seed: int, mortal: Broker, site: Site, observe: Observe, tmp_path: Path
) -> None:
    """After SIGKILL at any moment all that was confirmed is there, in order, and nothing else."""
    history = History()
    clients = Load(mortal.endpoint, history, site, kill_seed)
    clients.run_to(clients.moment)
    mortal.kill()
    clients.finish()
    history.next_life()
    start_again(mortal)
    load.empty(mortal.endpoint, history, site)
    counted = judge(history, AT_LEAST_ONCE, tmp_path)
    if counted:
        observe(counted)


@pytest.mark.requirement("durability/kill-confirmed", "fault/broker-kill-clients")
def test_all_confirmed(mortal: Broker, site: Site, raw: RawClients, tmp_path: Path) -> None:
    """A kill right after the last confirm loses nothing; clients see the end of their sockets."""
    client, witness = raw(), raw()
    history = History()
    _publish_confirmed(client, history, site.queues[0], CONFIRMED)
    mortal.kill()
    witness.expect_socket_closed()
    history.next_life()
    start_again(mortal)
    load.empty(mortal.endpoint, history, site)
    judge(history, AT_LEAST_ONCE, tmp_path)


def _publish_confirmed(client: RawClient, history: History, queue: str, count: int) -> None:
    client.call(1, "confirm.select")
    for number in range(1, count + 1):
        history.add("p", Action.SEND, Phase.INVOKE, queue, f"p:{number}")
        body, properties = content(f"p:{number}")
        client.publish(1, "", queue, body, **properties)
    waiting = set(range(1, count + 1))
    while waiting:
        ack = client.expect(1, "basic.ack", timeout=30.0)
        tag = ack["delivery_tag"]
        waiting -= {n for n in waiting if n == tag or (ack["multiple"] and n < tag)}
    for number in range(1, count + 1):
        history.add("p", Action.SEND, Phase.OK, queue, f"p:{number}")


@pytest.mark.requirement("durability/kill-acked")
def test_acked(mortal: Broker, site: Site, raw: RawClients) -> None:
    """What was acked, and known to be processed, does not come back after a kill at once."""
    queue = site.queues[0]
    client = raw()
    _publish_confirmed(client, History(), queue, ACKED)
    for _ in range(ACKED):
        message = client.get(1, queue, no_ack=False)
        if message is None:
            raise Mismatch("basic.get-ok", "basic.get-empty")
    client.send(1, "basic.ack", delivery_tag=0, multiple=True)
    verify.true(client.get(1, queue) is None, "an empty queue", "a message")
    mortal.kill()
    start_again(mortal)
    again = raw()
    back = sum(1 for _ in iter(lambda: again.get(1, queue), None))
    verify.true(back == 0, "no acked message", f"{back} acked messages")


@pytest.mark.requirement("fault/dup-bind-unbind-crash")
def test_topology_churn(mortal: Broker, names: Names, raw: RawClients) -> None:
    """After a kill amid binding and unbinding each binding is as last told, or the one under way.

    The queue and the exchange are whole, and can be bound and deleted as ever.
    """
    settle(mortal)
    exchange, queue = names("exchange"), names()
    client = raw()
    client.call(1, "exchange.declare", exchange=exchange, type="direct", durable=True)
    client.call(1, "queue.declare", queue=queue, durable=True)
    bound, doubtful = _churn(mortal, client, exchange, queue)
    start_again(mortal)
    again = raw()
    for key in map(str, range(10)):
        again.publish(1, exchange, key, key.encode())
    again.publish(1, "", queue, b"end")
    found: set[bytes] = set()
    verify.eventually(lambda: _collect(again, queue, found), "the last message")
    expected = {key.encode() for key in bound - doubtful} | {b"end"}
    allowed = expected | {key.encode() for key in doubtful}
    verify.true(expected <= found <= allowed, f"{sorted(expected)}", f"{sorted(found)}")


def _collect(client: RawClient, queue: str, found: set[bytes]) -> bool:
    while (message := client.get(1, queue)) is not None:
        found.add(message.body)
    return b"end" in found


def _churn(
    mortal: Broker, client: RawClient, exchange: str, queue: str
) -> tuple[set[str], set[str]]:
    """Bind and unbind until the broker is killed: keys that are bound, and the key in doubt."""
    bound: set[str] = set()
    killer = threading.Thread(target=mortal.kill)
    number = 0
    while True:
        key = str(number * 7 % 10)
        verb = "queue.unbind" if key in bound else "queue.bind"
        try:
            client.call(1, verb, queue=queue, exchange=exchange, routing_key=key)
        except Mismatch:
            killer.join()
            return bound, {key}
        bound ^= {key}
        number += 1
        if number == CHURNED:
            killer.start()

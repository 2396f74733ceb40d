import itertools
import re
import time
from dataclasses import replace
from functools import partial

import pika
import pytest

from faults import Proxy
from suites import verify
from suites.amqp.endings import Observe
from suites.brokers.base import Endpoint
from suites.clients.pika import close, parameters
from suites.clients.raw import RawClient
from suites.clients.tap import Tap
from suites.clients.transcript import Transcript
from suites.harness.fixtures import RawClients
from suites.harness.variants import ClientsOf, Variants
from suites.resilience.bounds import SLACK
from suites.resilience.silence import fall_silent
from suites.resilience.together import together

ASKED = (1, 2, 3)  # seconds; the offers are 0 and 2, so this is lower, equal and higher
TAKEN = re.compile(r"connection\.tune-ok .*heartbeat=(\d+)")
PUMPED = 3.5  # intervals: a broker that hears nothing from pika has ended it after three


def agreed(raw: RawClients, offer: int, asked: int) -> RawClient:
    """A client that was offered the one interval and has taken the other."""
    client = raw.connect()
    client.start()
    verify.equal(client.start_ok()["heartbeat"], offer, "heartbeat of connection.tune")
    client.tune_ok(heartbeat=asked)
    client.open_vhost()
    client.open_channel(1)
    return client


@pytest.mark.requirement("tune/heartbeat-client-decides", "heartbeat/zero")
@pytest.mark.parametrize("offer", [0, 2])
def test_the_interval_of_tune_ok_holds(clients_of: ClientsOf, observe: Observe, offer: int) -> None:
    """Both sides keep the client's interval, lower or higher than the offer; with 0 neither does.

    The broker beats by it, and ends a client that is silent for two to three of it.
    """
    there = clients_of(heartbeat=offer)
    without, *clients = [agreed(there, offer, asked) for asked in (0, *ASKED)]
    silences = [
        partial(fall_silent, client, asked, pause=0.5)
        for asked, client in zip(ASKED, clients, strict=True)
    ]
    for asked, client, dropped in zip(ASKED, clients, together(*silences), strict=True):
        beats = client.heartbeats
        verify.true(len(beats) > 1, "two heartbeats or more in two intervals", f"{len(beats)}")
        longest = max(later - earlier for earlier, later in itertools.pairwise(beats))
        verify.between(longest, 0, asked + SLACK, f"seconds between heartbeats every {asked} s")
        observe(f"{asked} s: ended after {dropped.seconds / asked:.2f} intervals")
    without.sync(1)
    verify.equal(without.heartbeats, [], "heartbeats without an interval")


@pytest.mark.requirement("tune/heartbeat-client-decides")
@pytest.mark.parametrize("offer", [0, 2])
def test_what_pika_makes_of_an_offer(variants: Variants, offer: int) -> None:
    """Told nothing pika takes the offer, told a number its own, and each of them keeps it alive."""
    there = variants.get({"heartbeat": str(offer)}).endpoint
    together(*(partial(keep_pika, there, asked, offer) for asked in (None, 0, *ASKED)))


def keep_pika(endpoint: Endpoint, asked: int | None, offer: int) -> None:
    """Connect, look what was agreed on, and let pika work until a silent one would be gone."""
    seen = Transcript()
    with Proxy(endpoint.host, endpoint.port) as proxy, proxy.fault(Tap(seen, "P")):
        there = replace(endpoint, port=proxy.port)
        connection = pika.BlockingConnection(parameters(there, heartbeat=asked))
        try:
            said = "\n".join(seen.lines)
            interval = offer if asked is None else asked
            verify.equal(TAKEN.findall(said), [str(interval)], "heartbeat of connection.tune-ok")
            deadline = time.monotonic() + (interval or 1) * PUMPED
            while (left := deadline - time.monotonic()) > 0:
                connection.process_data_events(left)
            connection.channel()
            sides = {line.split()[2] for line in seen.lines if line.endswith("heartbeat")}
            verify.equal(sides, {"<", ">"} if interval else set(), "sides that sent heartbeats")
        finally:
            close(connection)

import itertools
import time
from functools import partial

import pytest

from suites import verify
from suites.amqp.endings import Observe
from suites.amqp.steps import new_queue
from suites.clients.raw import RawClient
from suites.harness.fixtures import RawClients
from suites.harness.names import Names
from suites.resilience.bounds import SLACK
from suites.resilience.silence import fall_silent
from suites.resilience.together import together

INTERVALS = (1, 2)  # seconds
PHASES = (0.0, 0.3, 0.6, 0.9)  # of an interval: when, after the opening, the silence begins
BUSY = 4.0  # intervals
PACE = 0.1  # seconds between two messages, with which half an interval never passes in silence


@pytest.mark.requirement("heartbeat/client-silent")
def test_when_a_silent_client_is_ended(raw: RawClients, observe: Observe) -> None:
    """Never before two intervals of silence and soon after, whenever it began, by no Close."""
    cases = list(itertools.product(INTERVALS, PHASES))
    clients = [raw(heartbeat=interval) for interval, _ in cases]
    silences = [
        partial(fall_silent, client, interval, pause=phase * interval)
        for client, (interval, phase) in zip(clients, cases, strict=True)
    ]
    dropped = together(*silences)
    ended = [one.seconds / interval for one, (interval, _) in zip(dropped, cases, strict=True)]
    how = " or ".join(sorted({one.how for one in dropped}))
    observe(f"ended by {how} after {min(ended):.2f} to {max(ended):.2f} intervals")


@pytest.mark.requirement("heartbeat/not-while-busy")
def test_deliveries_stand_in_for_heartbeats(
    raw: RawClients, client: RawClient, names: Names
) -> None:
    """A consumer that gets a message ten times a second gets no heartbeats beside them."""
    busy, queue = raw(heartbeat=1), new_queue(client, names)
    busy.consume(1, queue, no_ack=True)
    deadline = time.monotonic() + BUSY
    while time.monotonic() < deadline:
        client.publish(1, "", queue, b"x")
        busy.expect_content(1, "basic.deliver", b"x")
        busy.send_heartbeat()
        time.sleep(PACE)
    # An idle one gets one or two a second. Two in all: the machine may have paused the test.
    verify.between(len(busy.heartbeats), 0, 2, "heartbeats between the deliveries")
    busy.expect_heartbeat(1 + SLACK)


@pytest.mark.requirement("heartbeat/sent-to-publisher")
def test_a_talking_client_hears_heartbeats(raw: RawClients, names: Names) -> None:
    """A client that publishes without pause, and is answered by nothing, is sent heartbeats."""
    client = raw(heartbeat=1)
    queue = new_queue(client, names)
    deadline = time.monotonic() + BUSY
    while time.monotonic() < deadline:
        client.publish(1, "", queue, b"x")
        time.sleep(PACE)
    client.sync(1)
    beats = len(client.heartbeats)
    verify.true(beats > BUSY // 2, f"a heartbeat an interval, for {BUSY:g}", f"{beats} heartbeats")

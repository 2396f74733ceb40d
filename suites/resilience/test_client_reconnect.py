"""Clients that come back by themselves when the broker is started again."""

from collections.abc import Callable, Mapping
from pathlib import Path

import pytest

from suites.brokers.base import Broker
from suites.clients.process import ClientProcess
from suites.durability import load
from suites.durability.contracts import AT_LEAST_ONCE, judge
from suites.durability.crash import seal, start_again
from suites.durability.history import Action, Event, History, Phase
from suites.durability.load import Site
from suites.durability.told import history_of
from suites.resilience.bounds import LONGEST

pytestmark = [pytest.mark.needs("restart", "kill", "durable"), pytest.mark.timeout(240)]

PROGRAM = "suites.durability.reconnecting"
BEFORE, AFTER = 50, 50  # confirms before and after the broker's end
PREFETCH = 10
WORK = 0.02  # seconds a message: the consumer is slower than the publisher, so that some wait

ENDS: Mapping[str, Callable[[Broker], None]] = {
    "SIGTERM": lambda broker: broker.stop(),
    "SIGKILL": lambda broker: broker.kill(),
}


@pytest.mark.requirement("fault/client-reconnects")
@pytest.mark.parametrize("end", ENDS)
def test_reconnecting(
    mortal: Broker, site: Site, end: str, observe: Callable[[str], None], tmp_path: Path
) -> None:
    """A publisher and a consumer go on over a restart; what was confirmed is consumed or there."""
    queue = site.queues[0]
    with ClientProcess(PROGRAM) as publisher, ClientProcess(PROGRAM) as consumer:
        for client in (publisher, consumer):
            client.connect(mortal.endpoint)
        publisher.send("publish_always", queue=queue, name="p")
        consumer.send("consume_always", queue=queue, prefetch=PREFETCH, seconds=WORK)
        publisher.wait("confirmed", LONGEST, BEFORE)
        consumer.wait("taken", LONGEST)
        seal(mortal.endpoint)
        ENDS[end](mortal)
        start_again(mortal)
        for client in (publisher, consumer):
            client.wait("back", LONGEST)
        publisher.wait("confirmed", LONGEST, _count(publisher, "confirmed") + AFTER)
        consumer.wait("taken", LONGEST, _count(consumer, "taken") + 1)
    history = history_of({"p": publisher.events, "c": consumer.events}, queue)
    load.empty(mortal.endpoint, history, site)
    counted = judge(history, AT_LEAST_ONCE, tmp_path)
    observe(f"{_twice(history)} of {_retried(history)} retried were there twice; {counted or '-'}")


def _count(client: ClientProcess, name: str) -> int:
    return sum(event.name == name for event in client.events)


def _retried(history: History) -> int:
    """How many messages were sent again since nobody knew what had become of them."""
    return len({_number(event) for event in history.events if event.phase is Phase.INFO})


def _twice(history: History) -> int:
    """Of how many messages more than one attempt arrived."""
    came = {event.message: _number(event) for event in history.events if _is_take(event)}
    return len(came) - len(set(came.values()))


def _is_take(event: Event) -> bool:
    return event.action is Action.TAKE


def _number(event: Event) -> str:
    return event.message.rpartition(".")[0]

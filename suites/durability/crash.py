"""Fixtures for tests that end the broker: it is there again after them, whatever they did."""

import contextlib
import uuid
from collections.abc import Iterator

import pytest

from suites.brokers.base import Broker, BrokerError, Endpoint, Unsupported
from suites.clients.raw import RawClient
from suites.durability.load import Site, build, declare
from suites.harness.names import Janitor, Names
from suites.harness.station import STATION, Station
from suites.verify import Mismatch

READY_TIMEOUT = 10.0
QUEUES = 3


@pytest.fixture
def mortal(station: Station) -> Iterator[Broker]:
    """The broker under test, which no other test of this process uses meanwhile.

    One that does not come back is thrown away with its data, so that the next test gets a new one.
    """
    broker = station.up()
    yield broker
    revive(broker)


@pytest.fixture
def site(built_site: Site, mortal: Broker) -> Site:
    """The module's site, and nothing in its queues, whatever the test before has left.

    After a broker that did not come back it is a new one, which has to be told of the site.
    """
    declare(mortal.endpoint, built_site)
    with RawClient.open(mortal.endpoint) as client:
        client.open_channel(1)
        for queue in built_site.queues:
            client.call(1, "queue.purge", queue=queue)
    return built_site


@pytest.fixture(scope="module")
def built_site(request: pytest.FixtureRequest, janitor: Janitor) -> Iterator[Site]:
    """Empty durable queues that have outlived a stop already, for the kills of one module.

    Whether a queue that was declared a moment ago outlives a kill is another question: RabbitMQ
    3.10 was seen to lose such queues, with all that was confirmed in them.
    """
    broker: Broker = request.config.stash[STATION].up()
    names = Names(broker.endpoint, janitor, request.module.__name__)
    built = build(broker.endpoint, names, QUEUES)
    broker.restart()
    yield built
    revive(broker)
    names.clean()


def settle(broker: Broker) -> None:
    """Stop and start it in good order before things are declared that a kill is to find.

    RabbitMQ 3.10 was seen (three times in some 35 kills) to forget a durable queue when it was
    declared after a start that had followed a kill, and the next kill came at once.
    """
    broker.restart()


def seal(endpoint: Endpoint) -> None:
    """Have one more thing made and removed before a kill that is to find all that was declared.

    RabbitMQ 3.10 forgot in 5 of 126 kills the queue that had been declared last, never another, and
    in none of 123 when something durable was declared after it.
    """
    name = f"mqproof.seal.{uuid.uuid4().hex[:8]}"
    with RawClient.open(endpoint) as client:
        client.open_channel(1)
        client.call(1, "exchange.declare", exchange=name, type="fanout", durable=True)
        client.send(1, "exchange.delete", exchange=name, no_wait=True)  # not all brokers answer it
        client.sync(1)


def revive(broker: Broker) -> None:
    """Have it run, or leave it to be made anew."""
    with contextlib.suppress(BrokerError, Unsupported):
        if not broker.alive():
            broker.start()
    if not broker.ready(READY_TIMEOUT):
        broker.close()


def start_again(broker: Broker) -> None:
    """Start it with its data; a broker that refuses them is a finding, not an accident."""
    try:
        broker.start()
    except BrokerError as error:
        told = " ".join(str(error).split())  # in one line, or its log would be left out
        raise Mismatch("the broker starts again", "it does not start", told) from error
